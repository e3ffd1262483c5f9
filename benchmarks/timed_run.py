"""`python -m benchmarks.timed_run run --timings`: `qoh` with one more timing, that of storing rows during a sync.

Reading and storing overlap, so the product's own timings have no such line; here the loader's one way into the
warehouse is watched from outside.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from ingestion.storing import Load, Store
from ingestion.streams import Stream
from orchestration.cli import main
from orchestration.progress import stage_seconds

STORE = "store rows"


def watch_storing() -> None:
    """Add the seconds of every `Store.store` to the stage `STORE`."""
    plain = Store.store

    def timed(self: Store, stream: Stream, loads: Sequence[Load]) -> dict[str, int]:
        started = time.monotonic()
        try:
            return plain(self, stream, loads)
        finally:
            stage_seconds[STORE] = stage_seconds.get(STORE, 0.0) + time.monotonic() - started

    Store.store = timed  # type: ignore[method-assign]


if __name__ == "__main__":
    watch_storing()
    main()
