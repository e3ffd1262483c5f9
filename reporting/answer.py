"""The answer in words, for the first screen of the report and for the end of a run in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reporting import words
from reporting.figures import headline_rows
from reporting.intervals import share
from reporting.words import correlation, correlation_interval, people, percent

CANNOT_CLAIM: tuple[tuple[str, str], ...] = (
    (
        "It looks at hired people only.",
        "Nobody knows how those who were turned down would have done. A score that helped decide who was hired varies "
        "less among the hired, so its correlation here is smaller than among all applicants; a weak one can even turn "
        "negative.",
    ),
    (
        "It is not corrected.",
        "Performance ratings are themselves noisy, which pulls every number towards 0. No correction for that noise or "
        "for selection is applied, so compare with published observed values, never with corrected ones.",
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


@dataclass(frozen=True)
class Line:
    """One technique: the word, the sentence, and the same with raters who had not interviewed the hire."""

    technique: str
    label: str
    verdict: str
    sentence: str
    caution: str
    independent: str


def lines(estimates: pd.DataFrame) -> list[Line]:
    """One line per technique, alphabetical."""
    everyone = headline_rows(estimates)
    independent = headline_rows(estimates, "independent_raters").set_index("technique")
    return [
        Line(
            technique=str(row.technique),
            label=str(row.label),
            verdict=str(row.verdict),
            sentence=str(row.verdict_sentence),
            caution=_caution(row.status, row.reason),
            independent=_independent(independent, str(row.technique)),
        )
        for row in everyone.itertuples()
    ]


def summary(estimates: pd.DataFrame) -> str:
    """The whole answer in one or two sentences."""
    verdicts = headline_rows(estimates)["verdict"].tolist()
    if not verdicts:
        return "No interview scores have reached the warehouse yet, so there is nothing to compare with performance."
    seen, opposite = verdicts.count("predicts"), verdicts.count("opposite sign")
    unclean = verdicts.count("predicts, not clean")
    open_ = verdicts.count("no evidence yet")
    rest = len(verdicts) - seen - unclean - opposite - open_
    parts = []
    if seen:
        parts.append(f"for {_of(seen)}, hires who scored higher were later rated higher")
    if unclean:
        parts.append(
            f"for {_of(unclean)}, hires who scored higher were later rated higher, but often by their own interviewers"
        )
    if opposite:
        parts.append(f"for {_of(opposite)}, hires who scored higher were later rated lower")
    if open_:
        parts.append(f"for {_of(open_)}, the data cannot tell yet")
    if rest:
        parts.append(f"for {_of(rest)}, there are too few reviewed hires to say anything")
    return f"Of {words.plural(len(verdicts), 'technique')}: {'; '.join(parts)}."


def text(frames: dict[str, pd.DataFrame], estimates: str, coverage: str, quality: str) -> Iterator[str]:
    """The lines of the terminal answer; the arguments name the tables."""
    rows = headline_rows(frames[estimates])
    yield textwrap.fill(summary(frames[estimates]), 110)
    if len(rows):
        yield ""
        yield from _columns(rows, headline_rows(frames[estimates], "independent_raters").set_index("technique"))
        yield ""
        yield "r is the observed correlation of interview score with later performance rating among reviewed hires, not"
        yield "corrected for selection or rating noise. Order is alphabetical. Brackets hold 95 % intervals."
    yield from _coverage_lines(frames[coverage])
    yield from _quality_lines(frames[quality])


def _of(n: int) -> str:
    return ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")[n] if n < 10 else str(n)


def _caution(status: object, reason: object) -> str:
    if status not in ("ok", "low_n") or words.missing(reason) or not str(reason):
        return ""
    return str(reason)[0].upper() + str(reason)[1:] + "."


def _independent(rows: pd.DataFrame, technique: str) -> str:
    if technique not in rows.index:
        return ""
    row = rows.loc[technique]
    if row["verdict"] == "withheld":
        return f"Raters who had not interviewed the hire: {row['reason']}."
    if words.missing(row["value"]):
        return f"Raters who had not interviewed the hire: {row['verdict']}."
    numbers = f"r {correlation(row['value'])} {correlation_interval(row['lo'], row['hi'])}, n {people(row['n'])}"
    return f"Raters who had not interviewed the hire: {numbers}."


def _columns(rows: pd.DataFrame, independent: pd.DataFrame) -> Iterator[str]:
    width = max(len(label) for label in rows["label"])
    yield f"  {'technique':<{width}}  {'r':>5}  {'95 % interval':<14} {'n':>6}  verdict"
    for row in rows.itertuples():
        interval = correlation_interval(row.lo, row.hi) or words.NOTHING
        numbers = f"{correlation(row.value):>5}  {interval:<14} {people(row.n):>6}"
        yield f"  {row.label:<{width}}  {numbers}  {_verdict_in_a_line(row, independent)}"


def _verdict_in_a_line(row: Any, independent: pd.DataFrame) -> str:
    if row.verdict == "no evidence yet" and not words.missing(row.mdv):
        return f"{row.verdict} (could only have seen r ≥ {correlation(row.mdv)})"
    if row.verdict == "predicts, not clean" and row.technique in independent.index:
        other = independent.loc[row.technique]
        numbers = f"{correlation(other['value'])} {correlation_interval(other['lo'], other['hi'])}".strip()
        return f"{row.verdict} (independent raters: {numbers})"
    return str(row.verdict)


def _coverage_lines(frame: pd.DataFrame) -> Iterator[str]:
    rows = frame[frame["job_family"] == "all"].sort_values("step_order")
    if rows.empty:
        return
    whole = rows["n"].iloc[0]
    yield ""
    yield "Hires behind it"
    for row in rows.itertuples():
        label = words.name_of(row.step, words.COVERAGE_STEPS)
        share = f"{percent(row.n / whole):>6}" if row.n != whole and not words.is_small(row.n) else ""
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


def quality_value(metric: object, value: Any, n: Any) -> str:
    """A number of the data-quality summary: a share with its interval where its name says so, else a count."""
    if str(metric).endswith(("_share", "_rate")):
        return share(value, n)
    if words.missing(value):
        return words.NOTHING
    number = float(value)
    return words.count(number) if number == int(number) else f"{number:,.1f}"
