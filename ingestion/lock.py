"""One lock per warehouse: sync, build and publish hold it; a second holder is refused by name.

Commands that only look hold it too, for moments (DuckDB opens a file for one process), and are waited for.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingestion.errors import LockHeld
from ingestion.settings import settings


@dataclass
class Lock:
    """The held lock.

    Attributes:
        fd: file descriptor that carries the flock.
        held: how many blocks of this process are inside.
    """

    path: Path
    fd: int
    held: int = 1


LOOKING = "looking"
PATIENCE_SECONDS = 30.0
"""How long a holder that only looks is waited for."""

_guard = threading.RLock()
_locks: dict[Path, Lock] = {}


@contextmanager
def warehouse_lock(path: Path | None = None, *, looking: bool = False, patience: float = 0.0) -> Iterator[Lock]:
    """Hold the warehouse while the block runs; blocks of the same process nest.

    The kernel drops a flock with the process that holds it, however it ends, so a kill never leaves a stale lock. The
    file itself stays; its content only says who holds it.

    Args:
        path: lock file; default `lock` in the home directory.
        looking: this holder writes nothing and is done soon; who comes meanwhile waits instead of being refused.
        patience: seconds to wait for another process that works.

    Raises:
        LockHeld: another process holds it; the error names its pid and start time.
    """
    lock = _acquire((path or settings().lock_file).resolve(), LOOKING if looking else "working", patience)
    try:
        yield lock
    finally:
        _release(lock)


def _acquire(path: Path, purpose: str, patience: float) -> Lock:
    with _guard:
        if path in _locks:
            _locks[path].held += 1
            return _locks[path]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _wait_for(fd, patience)
        except LockHeld:
            os.close(fd)
            raise
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()} {datetime.now(UTC).isoformat(timespec='seconds')} {purpose}\n".encode(), 0)
        _locks[path] = Lock(path, fd)
        return _locks[path]


def _wait_for(fd: int, patience: float) -> None:
    """Take the flock, at once or after a holder that only looks.

    Raises:
        LockHeld: somebody works for longer than `patience`, or looks for longer than is believable.
    """
    began = time.monotonic()
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, since, purpose = _holder(fd)
            allowed = max(patience, PATIENCE_SECONDS if purpose == LOOKING else 0.0)
            if time.monotonic() - began >= allowed:
                raise LockHeld(pid, since) from None
            time.sleep(0.05)


def _release(lock: Lock) -> None:
    with _guard:
        lock.held -= 1
        if lock.held == 0:
            del _locks[lock.path]
            os.ftruncate(lock.fd, 0)
            os.close(lock.fd)


def _holder(fd: int) -> tuple[str, str, str]:
    """Pid, start and purpose; of one who has not written them yet it is asked again."""
    words = os.pread(fd, 200, 0).decode(errors="replace").split()
    return (words[0], words[1], words[2]) if len(words) == 3 else ("unknown", "just now", LOOKING)
