"""One lock per warehouse: sync, build and publish hold it; a second holder is refused by name."""

from __future__ import annotations

import fcntl
import os
import threading
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
        fd: file descriptor; pass it to child processes (`pass_fds`) that write the warehouse: a child that outlives its
            killed parent then still keeps the lock.
        held: how many blocks of this process are inside.
    """

    path: Path
    fd: int
    held: int = 1


_guard = threading.RLock()
_locks: dict[Path, Lock] = {}


@contextmanager
def warehouse_lock(path: Path | None = None) -> Iterator[Lock]:
    """Hold the warehouse while the block runs; blocks of the same process nest.

    The kernel drops a flock with the process that holds it, however it ends, so a kill never leaves a stale lock. The
    file itself stays; its content only says who holds it.

    Args:
        path: lock file; default `lock` in the home directory.

    Raises:
        LockHeld: another process holds it; the error names its pid and start time.
    """
    lock = _acquire((path or settings().lock_file).resolve())
    try:
        yield lock
    finally:
        _release(lock)


def _acquire(path: Path) -> Lock:
    with _guard:
        if path in _locks:
            _locks[path].held += 1
            return _locks[path]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, since = _holder(fd)
            os.close(fd)
            raise LockHeld(pid, since) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()} {datetime.now(UTC).isoformat(timespec='seconds')}\n".encode(), 0)
        _locks[path] = Lock(path, fd)
        return _locks[path]


def _release(lock: Lock) -> None:
    with _guard:
        lock.held -= 1
        if lock.held == 0:
            del _locks[lock.path]
            os.close(lock.fd)


def _holder(fd: int) -> tuple[str, str]:
    words = os.pread(fd, 200, 0).decode(errors="replace").split()
    return (words[0], words[1]) if len(words) == 2 else ("unknown", "just now")
