"""What `qoh run` says of streams: news at once, silence in one line, a repeated reason once."""

from __future__ import annotations

import io

from rich.console import Console

from ingestion.progress import StreamDone
from orchestration.terminal import RunLines, failed_by_reason


def done(stream: str, *, changed: int = 0, error: str | None = None) -> StreamDone:
    status = "failed" if error else "ok"
    return StreamDone("hris", "bamboohr", stream, status, changed, changed, 0, 0, 1, 0.0, 0.1, error)


def said(*events: StreamDone) -> list[str]:
    out = io.StringIO()
    lines = RunLines(Console(file=out, soft_wrap=True))
    for event in events:
        lines(event)
    lines.flush()
    return [line.strip() for line in out.getvalue().splitlines()]


def test_streams_without_news_are_one_line() -> None:
    assert said(done("a"), done("b")) == ["✓ hris: 2 streams, nothing new, 2 requests"]


def test_streams_with_news_have_a_line_of_their_own() -> None:
    assert said(done("a", changed=1), done("b")) == [
        "✓ hris a: 1 row, 1 changed, 1 request, 0.1 s",
        "✓ hris: 1 other stream, nothing new, 1 request",
    ]


def test_a_connection_that_failed_is_one_line_without_counts() -> None:
    assert said(done("a", error="No key."), done("b", error="No key.")) == ["✗ hris: nothing was read", "No key."]


def test_one_failed_stream_is_named() -> None:
    shown = said(done("a"), done("b", error="No scope."))
    assert shown == ["✓ hris: 1 stream, nothing new, 1 request", "✗ hris: b", "No scope."]


def test_at_the_end_a_whole_connection_is_named_once() -> None:
    failed = {"hris.a": "No key.", "hris.b": "No key.", "ats.x": "No scope."}
    assert failed_by_reason(failed, {"hris": 2, "ats": 9}) == [("hris", "No key."), ("ats.x", "No scope.")]
