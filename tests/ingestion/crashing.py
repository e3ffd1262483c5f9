"""A process that syncs in forked children and kills them, unasked and without warning, at a chosen operation.

Reads `home kill_at` lines; a child that reaches operation number `kill_at` (a change of a file below its home, or an
SQL statement) gets SIGKILL (0: never).
Answers with the child's exit status and how many operations it did. Forking keeps the imports warm.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingestion.connections import Connection

STREAMS = ["departments", "scorecards", "candidates", "sources", "eeoc"]
CHANGING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.chmod", "shutil.rmtree"}


def child(home: Path, kill_at: int) -> None:
    os.environ["QOH_HOME"] = str(home)
    counted = statements = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal counted, statements
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in CHANGING or event == "qoh.sql" or (writes and str(home) in str(arguments[0])):
            counted += 1
            statements += event == "qoh.sql"
            if counted == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    from ingestion import reading
    from ingestion.load import sync

    reading.LARGEST_BATCH = 40  # windows are stored in parts, and kills fall between them
    result = sync(Connection("acme", "greenhouse"), STREAMS, datetime(2024, 1, 1, tzinfo=UTC), sweep=True)
    if result.failed:
        print([stream.error for stream in result.failed], file=sys.stderr, flush=True)
        os._exit(4)
    (home.parent / "operations").write_text(str(counted))
    (home.parent / "statements").write_text(str(statements))
    os._exit(0)


def main() -> None:
    import dlt.pipeline  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    import ingestion.load  # noqa: F401

    for line in sys.stdin:
        home, kill_at = line.rsplit(" ", 1)
        pid = os.fork()
        if pid == 0:
            child(Path(home), int(kill_at))
        _, status = os.waitpid(pid, 0)
        done = Path(home).parent / "operations"
        print(os.waitstatus_to_exitcode(status), done.read_text() if done.exists() else 0, flush=True)


if __name__ == "__main__":
    main()
