"""Which window of a stream comes next. Pure: state and clock in, window out.

A stream with a cursor is covered from `covered_from` to `covered_to`, always in one piece. A sync first reads what is
new (once, reaching back by an overlap, because vendors show late what was committed late), then goes on with a backfill
that is not finished, newest first, so that reports work on the first day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ingestion.ops import StreamState
from ingestion.streams import Stream, Window

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any vendor kept data: a first backfill without --since reaches here."""

FIRST_DAYS = 30.0
"""Small, because nobody knows yet how much a day holds: 30 days of the biggest employer are seven minutes."""

TARGET_REQUESTS = 200
"""The window is the unit of resuming: two minutes of a budget of 50 requests in 30 seconds."""

LARGEST_STEP = 64.0
SMALLEST_DAYS = 1.0
OVERLAP = timedelta(minutes=60)
SWEEP_EVERY = timedelta(days=7)


@dataclass(frozen=True)
class Aim:
    """What a sync wants of a stream.

    Attributes:
        now: end of every window: the vendor's clock or ours, whichever is earlier; a clock that runs ahead would
            otherwise mark time as covered that has not happened yet.
        since: how far back the first backfill of events reaches, if asked for (`Stream.since_applies`).
        overlap: how far a window reaches back into what is covered.
    """

    now: datetime
    since: datetime | None = None
    overlap: timedelta = OVERLAP


def backfill_from(stream: Stream, state: StreamState, aim: Aim) -> datetime:
    """How far back the stream has to reach; an earlier --since extends it, a later one changes nothing."""
    if not stream.since_applies:
        return BEGINNING
    if state.backfill_from is None:
        return aim.since or BEGINNING
    return min(state.backfill_from, aim.since or state.backfill_from)


def next_window(stream: Stream, state: StreamState, aim: Aim, forward_done: bool) -> Window | None:
    """The next window of a stream with a cursor; None when all is covered.

    Args:
        stream: with cursor.
        state: as of the last stored window.
        aim: of this sync.
        forward_done: whether this sync already read up to now.
    """
    oldest = backfill_from(stream, state, aim)
    days = timedelta(days=state.window_days or FIRST_DAYS)
    if state.covered_to is None or state.covered_from is None:
        start = max(oldest, aim.now - days) if stream.two_sided else oldest
        return Window(min(start, aim.now), aim.now)
    if not forward_done:
        start = min(state.covered_to, aim.now) - aim.overlap
        end = min(aim.now, start + aim.overlap + days) if stream.two_sided else aim.now
        return Window(start, end)
    if state.covered_from > oldest:
        start = max(oldest, state.covered_from - days) if stream.two_sided else oldest
        return Window(start, state.covered_from)
    return None


def after(stream: Stream, state: StreamState, window: Window, aim: Aim, requests: int) -> StreamState:
    """The state once `window` is stored."""
    assert window.start is not None
    first = state.covered_to is None or state.covered_from is None
    backward = not first and state.covered_from is not None and window.end <= state.covered_from
    return replace(
        state,
        covered_from=window.start if first or backward else state.covered_from,
        covered_to=state.covered_to if backward else window.end,
        backfill_from=backfill_from(stream, state, aim),
        window_days=resized(window, requests) if stream.two_sided and (first or backward) else state.window_days,
    )


def resized(window: Window, requests: int) -> float:
    """Days of the next window, so that it costs about `TARGET_REQUESTS`."""
    assert window.start is not None
    days = max((window.end - window.start).total_seconds() / 86_400, SMALLEST_DAYS)
    factor = min(LARGEST_STEP, max(0.25, TARGET_REQUESTS / max(requests, 1)))
    return max(SMALLEST_DAYS, min(days * factor, 20_000.0))


def complete_due(stream: Stream, state: StreamState, now: datetime) -> bool:
    """Whether a stream without cursor has to be read completely now."""
    if state.completed_at is None or stream.complete_every_days == 0:
        return True
    return now - state.completed_at >= timedelta(days=stream.complete_every_days)


def sweep_due(stream: Stream, state: StreamState, now: datetime, forced: bool) -> bool:
    """Whether the id sweep is due. A first read starts the week: it has just seen every id there is."""
    if not stream.sweep:
        return False
    return forced or (state.swept_at is not None and now - state.swept_at >= SWEEP_EVERY)
