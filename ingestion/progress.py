"""What a sync tells while it runs, and how a console shows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.console import Console


@dataclass(frozen=True)
class StreamStarted:
    """A stream is being read."""

    connection_id: str
    vendor: str
    stream: str


@dataclass(frozen=True)
class PageRead:
    """One more answer arrived; the numbers are those of the stream so far."""

    connection_id: str
    vendor: str
    stream: str
    pages: int
    rows: int
    requests: int


@dataclass(frozen=True)
class Waiting:
    """The connection waits for its vendor."""

    connection_id: str
    seconds: float
    reason: str


@dataclass(frozen=True)
class WindowStored:
    """A window is stored and remembered; from `seconds_spent` on the stream, `seconds_left` estimates its backfill."""

    connection_id: str
    vendor: str
    stream: str
    start: str
    end: str
    rows: int
    changed: int
    seconds_spent: float
    seconds_left: float | None


@dataclass(frozen=True)
class StreamDone:
    """A stream has ended, well or not."""

    connection_id: str
    vendor: str
    stream: str
    status: str
    rows: int
    changed: int
    deleted: int
    quarantined: int
    requests: int
    waited: float
    seconds: float
    error: str | None


@dataclass(frozen=True)
class Notice:
    """Something the operator has to know, once."""

    message: str


WORTH_SAYING = 5.0
"""Seconds a stream has to take before the time left of it is told; an estimate from less says nothing."""

Event = Notice | StreamStarted | PageRead | Waiting | WindowStored | StreamDone
Progress = Callable[[Event], None]


def silent(event: Event) -> None:
    """Show nothing."""


class ConsoleProgress:
    """Lines for people: one per finished stream, one per longer wait, and a sign of life every few seconds.

    The same on a terminal and in a log file: plain lines survive both.
    """

    def __init__(self, console: Console | None = None, every: float = 5.0) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._every = every
        self._lock = threading.Lock()
        self._last = time.monotonic()
        self._running: dict[tuple[str, str], PageRead] = {}
        self._error: str | None = None
        self._waits_until: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Show one event; called from several threads."""
        with self._lock:
            line = self._line(event)
            if line is not None:
                self._last = time.monotonic()
                self._console.print(line)

    def _line(self, event: Event) -> str | None:
        match event:
            case PageRead():
                self._running[event.connection_id, event.stream] = event
                return self._sign_of_life()
            case Waiting():
                return self._wait(event)
            case WindowStored(seconds_left=left, seconds_spent=spent) if left is not None and spent >= WORTH_SAYING:
                return (
                    f"  {event.vendor}.{event.stream}: {event.start} to {event.end} stored, {event.rows:,} rows; "
                    f"about {duration(left)} left"
                )
            case StreamDone():
                self._running.pop((event.connection_id, event.stream), None)
                return self._done(event)
            case Notice(message=message):
                return f"[yellow]{plain(message)}[/]"
        return None

    def _wait(self, event: Waiting) -> str | None:
        """Threads of a connection wait together: one line for all of them, none for a moment."""
        until = time.monotonic() + event.seconds
        if event.seconds < 2 or until < self._waits_until.get(event.connection_id, 0.0) + 2:
            return None
        self._waits_until[event.connection_id] = until
        return f"  {event.connection_id}: waits {event.seconds:.0f} s ({event.reason})"

    def _done(self, event: StreamDone) -> str:
        """When a whole connection fails, every stream fails with the same sentence: say it once."""
        repeated, self._error = event.error is not None and event.error == self._error, event.error
        return summary(replace(event, error="as above") if repeated else event)

    def _sign_of_life(self) -> str | None:
        if time.monotonic() - self._last < self._every:
            return None
        parts = [
            f"{page.vendor}.{page.stream} page {page.pages:,}, {page.rows:,} rows" for page in self._running.values()
        ]
        return "  reading: " + "; ".join(parts)


def counted(n: int, what: str) -> str:
    """A number with its noun.

    >>> counted(1, "request"), counted(2500, "request")
    ('1 request', '2,500 requests')
    """
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def summary(event: StreamDone) -> str:
    """One line about a finished stream."""
    mark = {"ok": "[green]✓[/]", "failed": "[red]✗[/]"}[event.status]
    parts = [counted(event.rows, "row"), f"{event.changed:,} changed"]
    parts += [f"{event.deleted:,} deleted"] if event.deleted else []
    parts += [f"[yellow]{event.quarantined:,} set aside[/]"] if event.quarantined else []
    parts += [counted(event.requests, "request")]
    parts += [f"{event.waited:.0f} s waited"] if event.waited >= 1 else []
    line = f"{mark} {event.connection_id} {event.stream}: {', '.join(parts)}, {event.seconds:.1f} s"
    return f"{line}\n  [red]{plain(event.error)}[/]" if event.error else line


def plain(text: str) -> str:
    """Text without markup."""
    return text.replace("[", r"\[")


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(42), duration(150), duration(8000)
    ('42 s', '3 min', '2.2 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
