"""Frames about people and process shaped into figures: a chart, its words, and the numbers behind it as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from reporting import charts, words
from reporting.intervals import wilson
from reporting.words import count, part, people, percent, percent_interval

ON_TIME_HOURS = 24
_ECDF_LAST_HOUR = 120
_QUARTERS_SHOWN = 8
_FIT_A_PHONE = 4
"""Columns of short texts that fit beside each other on a phone."""
_LONGEST_NAME = 40
_LOAD_BINS = ("1", "2", "3", "4", "5 or more")
_PASS_THROUGH = ["pass_through_rate", "pass_through_lo", "pass_through_hi"]


@dataclass(frozen=True)
class Table:
    """Column heads and rows of texts.

    `numeric` columns are set flush right; long texts of the columns `below` get a line of their own under their row.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    below: frozenset[int] = frozenset()

    @property
    def beside(self) -> tuple[int, ...]:
        """The columns that stand beside each other."""
        return tuple(i for i in range(len(self.heads)) if i not in self.below)

    @property
    def long(self) -> frozenset[int]:
        """The columns among them that hold sentences rather than names and numbers."""
        return frozenset(i for i in self.beside if any(len(row[i]) > _LONGEST_NAME for row in self.rows))

    @property
    def is_wide(self) -> bool:
        """Whether a phone is too narrow for it, so that each row becomes a card."""
        return len(self.beside) > _FIT_A_PHONE or bool(self.long)

    def remarks(self, row: tuple[str, ...]) -> list[tuple[str, str]]:
        """Head and text of what stands under a row; nothing where there is no text."""
        return [(self.heads[i], row[i]) for i in sorted(self.below) if row[i]]


@dataclass(frozen=True)
class Figure:
    """One chart with everything a reader who cannot see it needs."""

    id: str
    title: str
    alt: str
    table: Table
    chart: charts.Chart
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """A row of small charts of one kind, read together."""

    title: str
    note: str
    figures: tuple[Figure, ...] = field(default=())


def coverage(frame: pd.DataFrame) -> Figure | None:
    """The waterfall from hires to hires that can be analysed."""
    rows = frame[frame["job_family"] == "all"].sort_values("step_order", ignore_index=True)
    if rows.empty or not rows["n"].max() > 0:
        return None
    whole = int(rows["n"].iloc[0])
    labels = [words.name_of(step, words.COVERAGE_STEPS) for step in rows["step"]]
    meaning = [words.COVERAGE_STEPS.get(step, ("", ""))[1] for step in rows["step"]]
    lost = [0, *(int(before) - int(after) for before, after in zip(rows["n"], rows["n"].iloc[1:], strict=False))]
    shares = [words.NOTHING if words.tells_few(n, whole) else percent(n / whole) for n in rows["n"]]
    numbers = [people(whole) if not at else _share_of_hires(n, shares[at]) for at, n in enumerate(rows["n"])]
    bars = pd.DataFrame({"label": labels, "n": rows["n"].map(words.drawn), "whole": whole, "numbers": numbers})
    alt = "How many hires are left at each step: " + ", ".join(
        f"{label.lower()} {number}" for label, number in zip(labels, numbers, strict=True)
    )
    table = Table(
        heads=("Step", "Meaning", "Hires", "Lost here", "Share of hires"),
        rows=tuple(
            (label, what, people(n), people(gone), share)
            for label, what, n, gone, share in zip(labels, meaning, rows["n"], lost, shares, strict=True)
        ),
        numeric=frozenset({2, 3, 4}),
    )
    return Figure(
        id="coverage",
        title=_coverage_title(rows, whole),
        alt=alt,
        table=table,
        chart=charts.bars(bars, alt),
        note="Each step counts within the one before. Somebody who is not in the last bar is no evidence for or "
        "against any technique; if those left out differ from the rest, the answer above shifts.",
    )


def _coverage_title(rows: pd.DataFrame, whole: int) -> str:
    left = {row.step: people(row.n) for row in rows.itertuples()}
    title = f"{left.get('rated', people(rows['n'].iloc[-1]))} of {people(whole)} hires carry the answer"
    return f"{title}, {left['independent_rater']} with an independent rater" if "independent_rater" in left else title


def _share_of_hires(n: int, share: str) -> str:
    return people(n) if share == words.NOTHING else f"{people(n)} · {share} of hires"


def funnel(frame: pd.DataFrame) -> Figure | None:
    """All matured applications by stage, with the share that went on."""
    frame = _with_shown_rates(frame, "n_advanced", "n_entered", _PASS_THROUGH)
    rows = frame[(frame["job_family"] == "all") & frame["cohort_quarter"].isna()]
    rows = rows.sort_values("stage_order", ignore_index=True)
    if rows.empty or not rows["n_entered"].max() > 0:
        return None
    whole = int(rows["n_entered"].max())
    labels = [words.name_of(stage, words.STAGES) for stage in rows["canonical_stage"]]
    bars = pd.DataFrame(
        {
            "label": labels,
            "n": rows["n_entered"].map(words.drawn),
            "whole": whole,
            "numbers": [_funnel_numbers(row) for row in rows.itertuples()],
        }
    )
    alt = "Applications that reached each stage, and the share of them that went on: " + ", ".join(
        f"{label} {numbers}" for label, numbers in zip(bars["label"], bars["numbers"], strict=True)
    )
    table = Table(
        heads=("Stage", "Reached it", "Went on", "Share", "95 % interval", "Withdrew", "Hired in the end"),
        rows=tuple(
            (
                label,
                people(row.n_entered),
                part(row.n_advanced, row.n_entered),
                percent(row.pass_through_rate, row.pass_through_lo, row.pass_through_hi),
                percent_interval(row.pass_through_lo, row.pass_through_hi),
                people(row.n_withdrawn),
                people(row.n_hired),
            )
            for label, row in zip(labels, rows.itertuples(), strict=True)
        ),
        numeric=frozenset({1, 2, 3, 4, 5, 6}),
    )
    return Figure(
        id="funnel",
        title="From application to hire",
        alt=alt,
        table=table,
        chart=charts.bars(bars, alt),
        note="Applications that reached the stage, and the share of them that went on with its 95 % interval. All "
        "are at least 90 days old. Skipping a stage counts as having reached it. Those who withdrew are among those "
        "who did not go on." + _told_few_note(rows, "n_advanced", "n_entered"),
    )


def _funnel_numbers(row: Any) -> str:
    if words.missing(row.pass_through_rate):
        return people(row.n_entered)
    share = percent(row.pass_through_rate, row.pass_through_lo, row.pass_through_hi)
    return f"{people(row.n_entered)} · {share} {percent_interval(row.pass_through_lo, row.pass_through_hi)}"


def funnel_by_quarter(frame: pd.DataFrame) -> Panel | None:
    """Share that went on from each stage, by quarter of application: one small chart a stage."""
    frame = _with_shown_rates(frame, "n_advanced", "n_entered", _PASS_THROUGH)
    rows = frame[(frame["job_family"] == "all") & frame["cohort_quarter"].notna() & frame["pass_through_rate"].notna()]
    rows = rows.assign(at=pd.to_datetime(rows["cohort_quarter"])).sort_values(["stage_order", "at"])
    highest = float(rows["pass_through_hi"].max()) if len(rows) else 1.0
    by_stage = [stage for _, stage in rows.groupby("stage_order") if stage["at"].nunique() >= 2]
    if not by_stage:
        return None
    return Panel(
        title="Is it changing? Share that went on, by quarter of application",
        note="Bands are 95 % intervals; where they overlap widely there is no change to act on. Same scale throughout.",
        figures=tuple(_stage_trend(stage, highest) for stage in by_stage),
    )


def _stage_trend(stage: pd.DataFrame, highest: float) -> Figure:
    key = str(stage["canonical_stage"].iloc[0])
    title = words.name_of(key, words.STAGES)
    first, last = stage.iloc[0], stage.iloc[-1]
    alt = (
        f"Share that went on from {title}: {percent(first.pass_through_rate)} in {words.quarter(first['at'])}, "
        f"{percent(last.pass_through_rate)} in {words.quarter(last['at'])}, n {people(last.n_entered)}"
    )
    points = _trend_points(stage["at"], stage["pass_through_rate"], stage["pass_through_lo"], stage["pass_through_hi"])
    table = Table(
        heads=("Quarter", "Reached it", "Share", "95 % interval"),
        rows=tuple(
            (
                words.quarter(pd.Timestamp(str(row.at))),
                people(row.n_entered),
                percent(row.pass_through_rate),
                percent_interval(row.pass_through_lo, row.pass_through_hi),
            )
            for row in stage.itertuples()
        ),
        numeric=frozenset({1, 2, 3}),
    )
    note = f"{percent(last.pass_through_rate)} {percent_interval(last.pass_through_lo, last.pass_through_hi)} in "
    note += f"{words.quarter(last['at'])}, n {people(last.n_entered)}"
    return Figure(f"stage-{key}", title, alt, table, charts.trend(points, alt, highest=highest), note)


def _without_small_groups(frame: pd.DataFrame, n: str, rates: list[str]) -> pd.DataFrame:
    """The frame with the rates of groups blanked that are too small to show."""
    numbers = frame[rates].apply(pd.to_numeric).astype(float)
    enough = pd.to_numeric(frame[n]).fillna(0) >= words.SMALLEST_GROUP_SHOWN
    return frame.assign(**{name: numbers[name].where(enough) for name in rates})


def _with_shown_rates(frame: pd.DataFrame, some: str, n: str, rates: list[str]) -> pd.DataFrame:
    """The frame with the rates blanked of groups too small to show, and those that would tell a count not shown."""
    frame = _without_small_groups(frame, n, rates)
    return frame.assign(**{name: frame[name].mask(_tells_few(frame, some, n)) for name in rates})


def _tells_few(frame: pd.DataFrame, some: str, n: str) -> pd.Series:
    told = [words.tells_few(*counts) for counts in zip(frame[some], frame[n], strict=True)]
    return pd.Series(told, index=frame.index, dtype=bool)


def _told_few_note(rows: pd.DataFrame, some: str, n: str) -> str:
    """Why shares are missing, where some are."""
    known = rows.dropna(subset=[some, n])
    return (
        " No share is shown that would tell a count of one to four, alone or with the others."
        if _tells_few(known, some, n).any()
        else ""
    )


def _trend_points(at: Any, value: Any, lo: Any, hi: Any) -> pd.DataFrame:
    points = pd.DataFrame({"at": pd.to_datetime(at).dt.strftime("%Y-%m-%d"), "value": value, "lo": lo, "hi": hi})
    points = points.astype({"value": float, "lo": float, "hi": float})
    return points.assign(is_last=[False] * (len(points) - 1) + [True])


def load(frame: pd.DataFrame) -> Figure | None:
    """How many interviews an interviewer holds in a week, as shares of interviewer-weeks: no person is shown."""
    rows = frame.dropna(subset=["week_start", "n_interviews"])
    rows = rows[rows["n_interviews"] > 0]
    if rows.empty:
        return None
    weeks = pd.to_datetime(rows["week_start"])
    rows = rows.assign(
        quarter_start=weeks.dt.to_period("Q").dt.start_time,
        line=pd.cut(rows["n_interviews"].astype(int), [0, 1, 2, 3, 4, 10_000], labels=_LOAD_BINS).astype(str),
        who=rows["connection_id"].astype(str) + "|" + rows["interviewer_id"].astype(str),
    )
    n_people = rows.groupby("quarter_start")["who"].nunique()
    quarters = list(n_people[n_people >= words.SMALLEST_GROUP_SHOWN].sort_index().index[-_QUARTERS_SHOWN:])
    if not quarters:
        return None
    cells, table_rows = _load_cells(rows, quarters, n_people)
    names = [words.quarter(start) for start in quarters]
    busy = table_rows[-1]
    alt = (
        "Share of interviewer-weeks by number of interviews held in the week, by quarter. "
        f"In {busy[0]}: " + ", ".join(f"{bin_} {share}" for bin_, share in zip(_LOAD_BINS, busy[2:], strict=True))
    )
    return Figure(
        id="load",
        title="How many interviews somebody holds in a week",
        alt=alt,
        table=Table(
            heads=("Quarter", "Interviewers", *(f"{bin_} in a week" for bin_ in _LOAD_BINS)),
            rows=tuple(table_rows),
            numeric=frozenset(range(1, 7)),
        ),
        chart=charts.shares_grid(cells, alt, columns=names, lines=_LOAD_BINS),
        note="Weeks in which somebody held at least one interview; each column adds up to 100 %. "
        + _concentration(rows[rows["quarter_start"].isin(quarters)]),
    )


def _load_cells(
    rows: pd.DataFrame, quarters: Sequence[Any], n_people: pd.Series
) -> tuple[pd.DataFrame, list[tuple[str, ...]]]:
    cells, table_rows = [], []
    for start in quarters:
        shares = rows.loc[rows["quarter_start"] == start, "line"].value_counts(normalize=True)
        name = words.quarter(start)
        texts = [percent(float(shares.get(bin_, 0.0))) for bin_ in _LOAD_BINS]
        cells += [
            {"column": name, "line": bin_, "share": float(shares.get(bin_, 0.0)), "text": text}
            for bin_, text in zip(_LOAD_BINS, texts, strict=True)
        ]
        table_rows.append((name, people(n_people[start]), *texts))
    return pd.DataFrame(cells), table_rows


def _concentration(rows: pd.DataFrame) -> str:
    """How unevenly the load is spread, said without pointing at anybody."""
    held = rows.groupby("who")["n_interviews"].sum().sort_values(ascending=False)
    for divisor, name in ((10, "tenth"), (5, "fifth"), (2, "half")):
        busiest = len(held) // divisor
        if busiest >= words.SMALLEST_COUNT_SHOWN:
            share = held.iloc[:busiest].sum() / held.sum()
            return f"The busiest {name} of {count(len(held))} interviewers held {percent(share)} of the interviews."
    return ""


def latency(scorecards: pd.DataFrame) -> Figure | None:
    """Cumulative share of scorecards submitted by hour after the interview, with the 24-hour line."""
    submitted = scorecards["submitted_at"].notna() & scorecards["latency_hours"].notna()
    waits = pd.to_numeric(scorecards.loc[submitted, "latency_hours"]).astype(float).clip(lower=0)
    n = len(waits)
    if n < words.SMALLEST_GROUP_SHOWN:
        return None
    grid = list(range(0, _ECDF_LAST_HOUR + 1, 2))
    shares = [float((waits <= hour).mean()) for hour in grid]
    on_time = int((waits <= ON_TIME_HOURS).sum())
    lo, hi = wilson(on_time, n)
    share = percent(on_time / n, lo, hi)
    alt = (
        f"{share} of {count(n)} submitted scorecards came within 24 hours of the interview, interval "
        f"{percent_interval(lo, hi)}; half within {words.hours(waits.median())}, nine in ten within "
        f"{words.hours(waits.quantile(0.9))}."
    )
    table = Table(
        heads=("Hours since the interview", "Scorecards in"),
        rows=tuple((f"{hour} h", percent(shares[grid.index(hour)])) for hour in (0, 2, 4, 8, 12, 24, 48, 72, 96, 120)),
        numeric=frozenset({0, 1}),
    )
    points = pd.DataFrame({"hours": grid, "share": shares})
    label = f"{share} {percent_interval(lo, hi)} within 24 h"
    return Figure(
        id="latency",
        title=f"Half of the scorecards are in within {words.hours(waits.median())}",
        alt=alt,
        table=table,
        chart=charts.cumulative(points, alt, line_at=ON_TIME_HOURS, line_label=label),
        note=f"{count(n)} submitted scorecards; drafts are not in it. Nine in ten are in within "
        f"{words.hours(waits.quantile(0.9))}. Memory fades within a day: late notes measure the interview less well.",
    )


def latency_by_month(frame: pd.DataFrame) -> Figure | None:
    """Share of scorecards within 24 hours, month by month."""
    shares = ["share_within_24h", "share_within_24h_lo", "share_within_24h_hi"]
    frame = _without_small_groups(frame, "n_submitted", shares)
    frame = _without_small_groups(frame, "n_expected", ["submission_rate", "submission_lo", "submission_hi"])
    rows = frame[(frame["job_family"] == "all") & (frame["technique"] == "all") & frame["share_within_24h"].notna()]
    rows = rows.assign(at=pd.to_datetime(rows["month"])).sort_values("at").tail(24)
    if rows["at"].nunique() < 2:
        return None
    first, last = rows.iloc[0], rows.iloc[-1]
    points = _trend_points(
        rows["at"], rows["share_within_24h"], rows["share_within_24h_lo"], rows["share_within_24h_hi"]
    )
    alt = (
        f"Share of scorecards within 24 hours: {percent(first.share_within_24h)} in {first['at']:%B %Y}, "
        f"{percent(last.share_within_24h)} in {last['at']:%B %Y}."
    )
    table = Table(
        heads=(
            *("Month", "Expected", "Within 7 days", "95 % interval"),
            *("Submitted", "Within 24 h", "95 % interval", "Median"),
        ),
        rows=tuple(
            (
                f"{row.at:%b %Y}",
                count(row.n_expected),
                percent(row.submission_rate),
                percent_interval(row.submission_lo, row.submission_hi),
                count(row.n_submitted),
                percent(row.share_within_24h),
                percent_interval(row.share_within_24h_lo, row.share_within_24h_hi),
                words.hours(row.p50_hours),
            )
            for row in rows.itertuples()
        ),
        numeric=frozenset(range(1, 8)),
    )
    note = f"{last['at']:%B %Y}: {percent(last.share_within_24h)} "
    note += f"{percent_interval(last.share_within_24h_lo, last.share_within_24h_hi)}, n {count(last.n_submitted)}."
    if not words.missing(last.submission_rate):
        note += f" Of {count(last.n_expected)} expected ones {percent(last.submission_rate)} "
        note += f"{percent_interval(last.submission_lo, last.submission_hi)} came within 7 days."
    chart = charts.trend(points, alt, highest=1.0, height=170)
    return Figure("latency-months", "Within 24 hours, month by month", alt, table, chart, note)


def match_rates(frame: pd.DataFrame) -> Figure | None:
    """Share of hires found in the HR system, by time since start."""
    frame = frame.assign(n_linked=frame["n_linked"].mask(_told_by_subtraction(frame)))
    rows = _with_shown_rates(frame, "n_linked", "n_hires", ["match_rate", "lo", "hi"])
    rows = rows.sort_values("band_order", ignore_index=True)
    rows = rows[rows["n_hires"].fillna(0) > 0]
    if rows.empty:
        return None
    labels = [words.name_of(band, words.TENURE_BANDS) for band in rows["tenure_band"]]
    numbers = [f"{_match_share(row)} · n {people(row.n_hires)}" for row in rows.itertuples()]
    points = pd.DataFrame({"label": labels, "numbers": numbers})
    for target, source in (("value", "match_rate"), ("lo", "lo"), ("hi", "hi")):
        points[target] = pd.to_numeric(rows[source]).astype(float).to_numpy()
    alt = "Hires found in the HR system: " + "; ".join(
        f"{label} {number}" for label, number in zip(labels, numbers, strict=True)
    )
    table = Table(
        heads=("Time since start", "Hires", "Found", "Share", "95 % interval"),
        rows=tuple(
            (
                label,
                people(row.n_hires),
                part(row.n_linked, row.n_hires),
                percent(row.match_rate),
                percent_interval(row.lo, row.hi),
            )
            for label, row in zip(labels, rows.itertuples(), strict=True)
        ),
        numeric=frozenset({1, 2, 3, 4}),
    )
    return Figure(
        id="match-rates",
        title="Hires found in the HR system",
        alt=alt,
        table=table,
        chart=charts.rates(points, alt, "Share of hires with a person link"),
        note="A rate that falls with tenure means that leavers or name changes are lost, which bends the answer."
        + _told_few_note(rows, "n_linked", "n_hires"),
    )


def _match_share(row: Any) -> str:
    if not words.missing(row.match_rate):
        return f"{percent(row.match_rate)} {percent_interval(row.lo, row.hi)}"
    if row.n_hires < words.SMALLEST_GROUP_SHOWN:
        return "too few"
    return "share not shown" if words.missing(row.n_linked) else f"{part(row.n_linked, row.n_hires)} found"


def _told_by_subtraction(frame: pd.DataFrame) -> pd.Series:
    """The smallest other band where one alone is not shown: all hires minus the shown bands would tell it."""
    bands = frame[(frame["tenure_band"] != "all") & (frame["n_hires"].fillna(0) > 0)]
    hidden = _tells_few(bands, "n_linked", "n_hires")
    sizes = bands.loc[~hidden, "n_hires"].astype(int)
    alone = hidden.sum() == 1 and len(sizes) > 0 and (frame["tenure_band"] == "all").any()
    return pd.Series(frame.index.isin([sizes.idxmin()] if alone else []), index=frame.index)


def reconciliation(frame: pd.DataFrame) -> Figure | None:
    """Hires of the applicant system against starts of the HR system, month by month."""
    rows = frame.assign(at=pd.to_datetime(frame["month"])).sort_values("at").tail(24)
    if rows["at"].nunique() < 2:
        return None
    hires, starts = rows["n_ats_hires"].fillna(0), rows["n_hris_starts"].fillna(0)
    hires_found, starts_found = rows["n_hires_found"].fillna(0), rows["n_starts_found"].fillna(0)
    off = int(((hires_found < hires) | (starts_found < starts)).sum())
    alt = (
        f"Hires by the applicant system and starts by the HR system in {len(rows)} months; they disagree in {off}: of "
        f"{people(hires.sum())} hires {part(hires_found.sum(), hires.sum())} have a start of their own, of "
        f"{people(starts.sum())} starts {part(starts_found.sum(), starts.sum())} a hire."
    )
    points = pd.DataFrame(
        {
            "at": rows["at"].dt.strftime("%Y-%m-%d"),
            "first": _without_small_counts(hires),
            "second": _without_small_counts(starts),
        }
    )
    table = Table(
        heads=("Month", "Hires (applicant system)", "Of those, started", "Starts (HR system)", "Of those, hired"),
        rows=tuple(
            (
                f"{row.at:%b %Y}",
                people(row.n_ats_hires),
                part(row.n_hires_found, row.n_ats_hires),
                people(row.n_hris_starts),
                part(row.n_starts_found, row.n_hris_starts),
            )
            for row in rows.itertuples()
        ),
        numeric=frozenset({1, 2, 3, 4}),
    )
    hidden = points["first"].isna().any() or points["second"].isna().any()
    return Figure(
        id="reconciliation",
        title=f"The two systems disagree in {off} of {len(rows)} months",
        alt=alt,
        table=table,
        chart=charts.two_counts(points, alt),
        note="Bars: hires by start month in the applicant system. Points: employment that began in the HR system. They "
        "disagree in a month when one of its hires has no employment of their own, or one of its starts no hire: equal "
        "numbers can be different people. More starts than hires usually means people who came without an application "
        "(transfers, acquisitions)." + (" Counts of one to four are not drawn." if hidden else ""),
    )


def _without_small_counts(counts: pd.Series) -> pd.Series:
    return counts.astype(float).mask(counts.map(words.is_small))
