"""Lines of `qoh run`: what is news at once, what is none in one line per connection, a repeated reason once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from ingestion.progress import ConsoleProgress, Event, StreamDone, counted, plain, summary

SHOWN_NAMES = 3


def names(found: Sequence[str]) -> str:
    """The first few names.

    >>> names(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    more = f" and {len(found) - SHOWN_NAMES} more" if len(found) > SHOWN_NAMES else ""
    return ", ".join(found[:SHOWN_NAMES]) + more


class RunLines(ConsoleProgress):
    """Streams with news are told as they end; the others of a connection when `flush` is called."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._told = 0
        self._held: list[StreamDone] = []

    def flush(self) -> None:
        """Tell what was held back; the connection has ended."""
        with self._lock:
            for line in ended(self._held, n_told=self._told):
                self._console.print(line)
            self._held, self._told = [], 0

    def _line(self, event: Event) -> str | None:
        if not isinstance(event, StreamDone):
            return super()._line(event)
        self._running.pop((event.connection_id, event.stream), None)
        if event.error or not has_news(event):
            self._held.append(event)
            return None
        self._told += 1
        return summary(event)


def has_news(event: StreamDone) -> bool:
    """Whether anything came of the stream."""
    return bool(event.changed or event.deleted or event.quarantined)


def ended(held: Sequence[StreamDone], n_told: int) -> list[str]:
    """Lines about the streams of a connection that failed or had no news.

    Args:
        held: those streams.
        n_told: how many streams of the connection had a line of their own.
    """
    lines = []
    quiet = [event for event in held if not event.error]
    if quiet:
        which = "other stream" if n_told else "stream"
        requests = counted(sum(event.requests for event in quiet), "request")
        lines.append(f"[green]✓[/] {quiet[0].connection_id}: {counted(len(quiet), which)}, nothing new, {requests}")
    reasons: dict[str, list[StreamDone]] = {}
    for event in held:
        if event.error:
            reasons.setdefault(event.error, []).append(event)
    for reason, failed in reasons.items():
        whole = len(failed) == len(held) + n_told
        which = "nothing was read" if whole else names([event.stream for event in failed])
        lines.append(f"[red]✗[/] {failed[0].connection_id}: {which}\n  [red]{plain(reason)}[/]")
    return lines


def failed_by_reason(failed: Mapping[str, str], n_streams: Mapping[str, int]) -> list[tuple[str, str]]:
    """Names and reason of failed streams; a connection that failed as a whole is named, not its streams.

    Args:
        failed: reason by `connection.stream`.
        n_streams: how many streams each connection has.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for name, reason in failed.items():
        groups.setdefault((name.partition(".")[0], reason), []).append(name)
    return [
        (connection_id if len(group) == n_streams.get(connection_id) else names(group), reason)
        for (connection_id, reason), group in groups.items()
    ]
