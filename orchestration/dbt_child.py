"""dbt as a child that dies with its parent.

A killed run drops the warehouse lock; a dbt that lived on would write beside the run that heals. Linux kills it at
once, elsewhere a thread looks every half second whether the parent is still there.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path

PR_SET_PDEATHSIG = 1
PARENT = "QOH_DBT_PARENT"


def executable(directory: Path) -> Path:
    """A file that dagster-dbt can start as `dbt`: this module with this Python, whatever the PATH says."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    script = directory / "dbt-child"
    # The shell knows its parent at once; Python takes a tenth of a second to begin, and the parent may be gone by then.
    text = f'#!/bin/sh\n{PARENT}=$PPID exec {shlex.quote(sys.executable)} -m orchestration.dbt_child "$@"\n'
    if not script.exists() or script.read_text() != text:
        script.write_text(text)
        script.chmod(0o700)
    return script


def die_with_parent() -> None:
    """Arrange to be killed when the parent ends, however it ends."""
    parent = int(os.environ.get(PARENT) or os.getppid())
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


def run_dbt() -> int:
    """Run dbt with this process's arguments and return its exit code."""
    if sys.argv[1:] == ["--version"]:
        # dagster-dbt asks this before every build; importing dbt for the answer takes four seconds.
        print(f"Core:\n  - installed: {version('dbt-core')}")
        return 0
    from dbt.cli.main import cli

    try:
        cli()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    die_with_parent()
    code = run_dbt()
    sys.stdout.flush()
    sys.stderr.flush()
    # DuckDB's Python binding prints pages about leaks when the interpreter is taken down; all is closed here.
    os._exit(code)
