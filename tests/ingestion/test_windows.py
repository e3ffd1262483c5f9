"""Windows cover time in one piece, whatever happens in between."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingestion.ops import StreamState
from ingestion.streams import Column, Stream
from ingestion.windows import BEGINNING, Aim, after, backfill_from, next_window

STREAM = Stream(
    "things", "/things", (Column("id"), Column("updated_at", "timestamp")), cursor="updated_at", since_applies=True
)
START = datetime(2024, 1, 1, tzinfo=UTC)


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=6),
    st.floats(0, 2000),
    st.integers(1, 700),
    st.lists(st.booleans(), min_size=40, max_size=40),
)
def test_after_any_syncs_and_interruptions_nothing_between_since_and_now_is_unread(
    pauses: list[int], requests_per_day: float, days_back: int, interruptions: list[bool]
) -> None:
    state, now, read = StreamState(), START, []
    since = START - timedelta(days=days_back)
    interrupted = iter(interruptions)
    for pause in [*pauses, 0]:
        now += timedelta(days=pause)
        aim, forward_done = Aim(now, since), False
        final = pause == 0
        while (window := next_window(STREAM, state, aim, forward_done)) is not None:
            if not final and next(interrupted, False):
                break
            assert window.start is not None
            assert window.start <= window.end <= now
            read.append((window.start, window.end))
            days = (window.end - window.start) / timedelta(days=1)
            state = after(STREAM, state, window, aim, math.ceil(days * requests_per_day))
            forward_done = forward_done or window.end >= now
            assert len(read) < 5000
    assert (state.covered_from, state.covered_to) == (since, now)
    reached = since
    for start, end in sorted(read):
        assert start <= reached
        reached = max(reached, end)
    assert reached == now


def test_since_leaves_out_old_events_and_never_what_events_refer_to() -> None:
    catalogue = replace(STREAM, since_applies=False)
    aim = Aim(START, since=START - timedelta(days=100))
    assert backfill_from(STREAM, StreamState(), aim) == aim.since
    # What an earlier version read of it reaches no further than --since: it is completed.
    for state in (StreamState(), StreamState(backfill_from=aim.since)):
        assert backfill_from(catalogue, state, aim) == BEGINNING
