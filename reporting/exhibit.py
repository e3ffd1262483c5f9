"""What an exhibit of a technical report is, which tables it may be made from, and how cells are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reporting import ladder, words
from reporting.ladder import Technique
from reporting.words import NOTHING, SMALLEST_GROUP_SHOWN, name_of, people

ESTIMATES = "validity.validity_estimates"
RELIABILITY = "validity.validity_reliability"
DIAGNOSTICS = "validity.validity_diagnostics"
SENSITIVITY = "validity.validity_sensitivity"
INCREMENTAL = "validity.validity_incremental"
POWER = "validity.validity_power"
EXPECTANCY = "validity.validity_expectancy"
WARNINGS = "validity.validity_warnings"
FAIRNESS = "validity.validity_fairness"
LINEAGE = "validity.validity_lineage"
COVERAGE = "marts_validity.validity_coverage"
REVIEW_COVERAGE = "marts_performance.review_coverage"
MAPPING = "marts_interviewing.technique_mapping"
DEFINITIONS = "marts_ops.metric_definitions"
CHECKS = "marts_ops.check_outcomes"
PUBLISHED = "meta.published"

TABLES = (
    *(ESTIMATES, RELIABILITY, DIAGNOSTICS, SENSITIVITY, INCREMENTAL, POWER, EXPECTANCY, WARNINGS, FAIRNESS, LINEAGE),
    *(COVERAGE, REVIEW_COVERAGE, MAPPING, DEFINITIONS, CHECKS, PUBLISHED),
)
"""Read whole from the published file: aggregates and dictionaries."""
DATES = "study.dates"
GAPS = "study.gaps"
JOBS = "study.jobs"
SCALES = "study.scales"
SCORES = "study.scores"
CRITERION = "study.criterion"
ATTRIBUTES = "study.attributes"
PREDICTOR_RELIABILITY = "study.predictor_reliability"
LL144 = "study.ll144"
"""Aggregates that the caller makes of the facts, so that no row about a person comes here."""

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Exhibit:
    """A table with its words; `remarks` stand under it, `source` names the tables it was made from."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    source: str
    numeric: frozenset[int] = frozenset()
    note: str = ""
    remarks: tuple[str, ...] = ()


def frame_of(tables: Tables, name: str) -> pd.DataFrame:
    found = tables.get(name)
    return pd.DataFrame() if found is None else found


def family_name(key: Any) -> str:
    return "All families" if key == ladder.ALL_FAMILIES else str(key).replace("_", " ").capitalize()


def technique_name(key: Any) -> str:
    return name_of(key, words.TECHNIQUES)


def decimal(value: Any, digits: int = 2) -> str:
    return NOTHING if words.missing(value) else f"{float(value):.{digits}f}".replace("-", "−")


def p_text(value: Any) -> str:
    """
    >>> p_text(0.0004), p_text(0.034), p_text(None)
    ('<.001', '.034', '–')
    """
    if words.missing(value):
        return NOTHING
    return "<.001" if float(value) < 0.001 else f"{float(value):.3f}".removeprefix("0")


def text_of(value: Any) -> str:
    return "" if words.missing(value) else str(value)


def range_text(lo: Any, hi: Any, digits: int = 2) -> str:
    return NOTHING if words.missing(lo) or words.missing(hi) else f"{decimal(lo, digits)} to {decimal(hi, digits)}"


def families_in_order(families: Iterable[Any]) -> list[Any]:
    """All families first, then by name."""
    return sorted(families, key=lambda family: (family != ladder.ALL_FAMILIES, str(family)))


def who(row: Any) -> tuple[str, str]:
    return technique_name(row.technique), family_name(row.job_family)


def main_diagnostics(tables: Tables) -> pd.DataFrame:
    frame = frame_of(tables, DIAGNOSTICS)
    return frame if frame.empty else in_name_order(frame[frame["variant"] == ladder.EVERYBODY])


def in_name_order(frame: pd.DataFrame) -> pd.DataFrame:
    """By technique's name, all families first; an order that ranks nothing."""
    return frame.assign(
        _label=frame["technique"].map(technique_name), _all=frame["job_family"] != ladder.ALL_FAMILIES
    ).sort_values(["_label", "_all", "job_family"])


def variant_name(key: Any) -> str:
    return "All raters" if key == ladder.EVERYBODY else "Without interviewers of the hire"


def estimate_text(row: Any) -> str:
    """Value and interval, where the status allows one."""
    if row.status not in ("ok", "low_n") or words.missing(row.value):
        return NOTHING
    return f"{words.correlation(row.value)} {words.correlation_interval(row.lo, row.hi)}".strip()


def of_all_families(tables: Tables) -> list[Technique]:
    estimates = frame_of(tables, ESTIMATES)
    return [] if estimates.empty else ladder.techniques(estimates)


def moments(row: Any, who: str) -> tuple[str, ...]:
    n, mean, sd, lo, hi = (getattr(row, f"{name}_{who}") for name in ("n", "mean", "sd", "min", "max"))
    if words.missing(n) or n < SMALLEST_GROUP_SHOWN:
        return (people(n), NOTHING, NOTHING, NOTHING)
    return people(n), decimal(mean), decimal(sd), range_text(lo, hi)


def rows_of(frame: pd.DataFrame) -> list[Any]:
    """Rows with their columns as attributes."""
    return list(frame.itertuples())
