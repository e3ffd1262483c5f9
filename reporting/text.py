"""The terminal's answer."""

from __future__ import annotations

from reporting import answer as _answer
from reporting.frames import COVERAGE, ESTIMATES, QUALITY, Frames, complete


def answer(frames: Frames) -> str:
    """The answer in words: a line a technique (validity, interval, n, verdict), then coverage and data quality.

    Parameters
    ----------
    frames
        Tables of the published file by `schema.table`; missing ones are taken as empty.
    """
    return "\n".join(_answer.text(complete(frames), ESTIMATES, COVERAGE, QUALITY))
