"""The answer in words, for the first screen of the report and for the end of a run in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from reporting import words
from reporting.intervals import share, share_of_people
from reporting.ladder import (
    CONTRADICTED,
    INCONCLUSIVE,
    NOT_ESTIMABLE,
    OBSERVED,
    POOLED,
    PROMISING,
    RULE,
    SUPPORTED,
    Technique,
    techniques,
)
from reporting.words import people, percent

CANNOT_CLAIM: tuple[tuple[str, str], ...] = (
    (
        "It cannot see where nobody was hired.",
        "Corrected values assume that performance rises in a straight line with the score also there. No test can "
        "check that; the bounds that assume nothing are wide, and stand with each technique.",
    ),
    (
        "It knows performance through managers' ratings only.",
        "Error that differs from rater to rater is corrected for. A bias that all raters share is not, and looks like "
        "performance.",
    ),
    (
        "It is observational.",
        "Scores and ratings moved together or did not. That adding or dropping a technique would change how people do "
        "is a further step that these numbers cannot take.",
    ),
    (
        "It does not rank techniques.",
        "Intervals that overlap do not say which is better. The order is alphabetical.",
    ),
    (
        "It says nothing about a person.",
        "No candidate, employee or interviewer is scored, predicted or ranked, here or anywhere in the system.",
    ),
)
_WIDTH = 110
_SAID = {
    SUPPORTED: "for {}, the scores predict later performance",
    PROMISING: "for {}, they probably predict it",
    CONTRADICTED: "for {}, there is no useful validity",
    INCONCLUSIVE: "for {}, the data cannot tell yet",
    NOT_ESTIMABLE: "for {}, the correction was refused or there are too few reviewed hires",
}


def summary(found: Sequence[Technique]) -> str:
    """The whole answer in one or two sentences."""
    if not found:
        return "No interview scores have reached the warehouse yet, so there is nothing to compare with performance."
    parts = []
    for verdict, sentence in _SAID.items():
        names = [one.label for one in found if one.verdict == verdict]
        if names:
            listed = f" ({', '.join(names)})" if verdict in (SUPPORTED, PROMISING, CONTRADICTED) else ""
            parts.append(sentence.format(_of(len(names)) + listed))
    return f"Of {words.plural(len(found), 'technique')}: {'; '.join(parts)}."


def text(frames: dict[str, pd.DataFrame], estimates: str, coverage: str, quality: str) -> Iterator[str]:
    """The lines of the terminal answer; the arguments name the tables."""
    found = techniques(frames[estimates])
    yield textwrap.fill(summary(found), _WIDTH)
    if found:
        yield ""
        yield from _columns(found)
        yield ""
        yield textwrap.fill(
            "r: observed correlation of score and later rating among reviewed hires. ρ: corrected for rating error and "
            "selection, and pooled. Brackets hold 95 % intervals. Order is alphabetical.",
            _WIDTH,
        )
        yield textwrap.fill(f"Words: {RULE}", _WIDTH)
    yield from _coverage_lines(frames[coverage])
    yield from _quality_lines(frames[quality])


def _of(n: int) -> str:
    return ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")[n] if n < 10 else str(n)


def _columns(found: Sequence[Technique]) -> Iterator[str]:
    width = max(len(one.label) for one in found)
    yield f"  {'technique':<{width}}  {'r observed':<16}  {'ρ pooled':<16}  {'n':>6}  verdict"
    for one in found:
        observed, pooled = (one.rungs[rung].text() or words.NOTHING for rung in (OBSERVED, POOLED))
        yield f"  {one.label:<{width}}  {observed:<16}  {pooled:<16}  {people(one.n):>6}  {one.verdict}"
        if one.verdict == NOT_ESTIMABLE:
            yield textwrap.fill(f"({one.refusal})", _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _coverage_lines(frame: pd.DataFrame) -> Iterator[str]:
    rows = frame[frame["job_family"] == "all"].sort_values("step_order")
    if rows.empty:
        return
    whole = rows["n"].iloc[0]
    yield ""
    yield "Hires behind it"
    for row in rows.itertuples():
        label = words.name_of(row.step, words.COVERAGE_STEPS)
        share = "" if row.n == whole or words.tells_few(row.n, whole) else f"{percent(row.n / whole):>6}"
        yield f"  {label:<24} {people(row.n):>7}{share}"


def _quality_lines(frame: pd.DataFrame) -> Iterator[str]:
    if frame.empty:
        return
    yield ""
    yield "Data quality"
    for row in frame.sort_values("metric").itertuples():
        says = str(row.metric).replace("_", " ") if words.missing(row.note) else str(row.note)
        value = f"  {quality_value(row.metric, row.value, row.n):<18} {_out_of(row.metric, row.n):<11} "
        yield textwrap.fill(value + says, 110, subsequent_indent=" " * len(value))


def _out_of(metric: object, n: Any) -> str:
    """The n behind a share; a count needs none."""
    return f"of {people(n)}" if str(metric).endswith(("_share", "_rate")) and not words.missing(n) else ""


_OF_PEOPLE = ("hires_", "matured_hires_", "rater_")
"""How the names of shares of people begin, in the data-quality summary; the others are of records."""


def quality_value(metric: object, value: Any, n: Any) -> str:
    """A number of the data-quality summary: a share with its interval where its name says so, else a count."""
    if str(metric).endswith(("_share", "_rate")):
        if not str(metric).startswith(_OF_PEOPLE):
            return share(value, n)
        return words.NOTHING if words.missing(value) else share_of_people(round(float(value) * int(n)), n)
    if words.missing(value):
        return words.NOTHING
    number = float(value)
    return words.count(number) if number == int(number) else f"{number:,.1f}"
