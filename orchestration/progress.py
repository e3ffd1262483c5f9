"""What a run says while it runs: one listener per process (the terminal of `qoh run`), or nobody."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Listener = Callable[[Any], None]

SIGN_OF_LIFE_SECONDS = 5.0

_listeners: list[Listener] = []
stage_seconds: dict[str, float] = {}


def tell(event: Any) -> None:
    """Pass an event (a sentence, or a progress event of the loader) to whoever listens."""
    for listener in _listeners:
        listener(event)


def counted_aloud(items: Iterable[T], what: str, every: float = SIGN_OF_LIFE_SECONDS) -> Iterator[T]:
    """Pass items on, and say every few seconds how many there were."""
    said = time.monotonic()
    for n, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - said >= every:
            tell(f"  {n:,} {what}")
            said = time.monotonic()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have `listener` told everything until the block ends, on the terminal of now even while a tool's is kept out."""
    terminal = sys.stdout

    def heard(event: Any) -> None:
        with redirect_stdout(terminal):
            listener(event)

    _listeners.append(heard)
    try:
        yield
    finally:
        _listeners.remove(heard)


@contextmanager
def own_terminal(file: Path) -> Iterator[None]:
    """Keep a tool's chatter out of a terminal that is being told in plain words; without a listener nothing changes."""
    if not _listeners:
        yield
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as log, redirect_stdout(log):
        yield


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Announce a stage and keep how long it took."""
    tell(f"{name} …")
    started = time.monotonic()
    try:
        yield
    finally:
        stage_seconds[name] = stage_seconds.get(name, 0.0) + time.monotonic() - started
