"""What a console shows of a sync."""

from __future__ import annotations

import io

from rich.console import Console

from ingestion.progress import ConsoleProgress, Event, Notice, PageRead, StreamDone, Waiting, WindowStored


def shown(*events: Event, every: float = 5.0) -> list[str]:
    text = io.StringIO()
    show = ConsoleProgress(Console(file=text, soft_wrap=True, highlight=False), every)
    for event in events:
        show(event)
    return text.getvalue().splitlines()


def done(stream: str, error: str | None = None) -> StreamDone:
    status = "failed" if error else "ok"
    return StreamDone("acme", "greenhouse", stream, status, 1200, 3, 1, 2, 7, 12.0, 15.0, error)


def test_a_finished_stream_is_one_line_with_what_matters() -> None:
    assert shown(done("offers")) == [
        "✓ acme offers: 1,200 rows, 3 changed, 1 deleted, 2 set aside, 7 requests, 12 s waited, 15.0 s"
    ]


def test_a_sentence_that_fails_every_stream_is_said_once_and_never_read_as_markup() -> None:
    lines = shown(done("offers", "`[/x]` is wrong"), done("users", "`[/x]` is wrong"), done("jobs", "something else"))
    assert [line.strip() for line in lines[1::2]] == ["`[/x]` is wrong", "as above", "something else"]


def test_threads_that_wait_together_are_one_line() -> None:
    waits = [Waiting("acme", seconds, "rate window used up") for seconds in (19.0, 18.6, 18.2, 0.5)]
    assert shown(*waits) == ["  acme: waits 19 s (rate window used up)"]


def test_time_left_is_told_only_when_enough_was_read() -> None:
    def window(spent: float) -> WindowStored:
        return WindowStored("acme", "greenhouse", "offers", "2026-01-01", "2026-02-01", 10, 10, spent, 600.0)

    assert shown(window(1.0)) == []
    assert shown(window(20.0)) == ["  greenhouse.offers: 2026-01-01 to 2026-02-01 stored, 10 rows; about 10 min left"]


def test_a_long_read_gives_a_sign_of_life() -> None:
    assert shown(PageRead("acme", "greenhouse", "offers", 4, 2000, 5), every=0.0) == [
        "  reading: greenhouse.offers page 4, 2,000 rows"
    ]
    assert shown(Notice("Keep the keys.")) == ["Keep the keys."]
