"""Exhibits about groups: selection rates, differential prediction, and the tables of Local Law 144."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reporting import ladder, words
from reporting.exhibit import (
    FAIRNESS,
    LL144,
    Exhibit,
    Tables,
    decimal,
    frame_of,
    p_text,
    rows_of,
    technique_name,
    text_of,
)
from reporting.words import NOTHING, name_of, people, percent

GROUP_LABELS = {"sex": "Sex", "race": "Race/ethnicity", "sex_race": "Sex and race/ethnicity"}


def _group_rows(tables: Tables, metric: str) -> pd.DataFrame:
    frame = frame_of(tables, FAIRNESS)
    return frame if frame.empty else frame[(frame["metric"] == metric) & (frame["job_family"] == ladder.ALL_FAMILIES)]


def selection_rates(tables: Tables) -> Exhibit | None:
    rows = _group_rows(tables, "selection_rate")
    if rows.empty:
        return None
    return Exhibit(
        "Composition and selection rates by group",
        ("By", "Stage", "Group", "People", "Selected", "Rate", "Impact ratio", "Fisher p", "Below 4/5", "Remark"),
        tuple(_selection_row(row) for row in rows_of(rows)),
        FAIRNESS,
        frozenset(range(3, 8)),
        "The four-fifths flag is never read alone: with few people it comes and goes with one decision.",
    )


def _selection_row(row: Any) -> tuple[str, ...]:
    ratio = decimal(row.impact_ratio)
    interval = f" [{decimal(row.impact_ratio_lo)}, {decimal(row.impact_ratio_hi)}]" if ratio != NOTHING else ""
    flag = NOTHING if words.missing(row.four_fifths) else "yes" if row.four_fifths else "no"
    return (
        GROUP_LABELS.get(str(row.dimension), str(row.dimension)),
        name_of(row.stage, words.STAGES),
        str(row.group),
        people(row.n),
        people(row.n_selected),
        percent(row.value),
        "highest" if not words.missing(row.is_reference) and row.is_reference else ratio + interval,
        p_text(row.fisher_p),
        flag,
        text_of(row.reason),
    )


def by_group(tables: Tables) -> Exhibit | None:
    rows = _group_rows(tables, "differential_prediction")
    if rows.empty:
        return None
    return Exhibit(
        "Differential prediction",
        ("Technique", "Compared", "With", "n", "d_mod", "p of equal lines", "p slopes", "p intercepts", "Remark"),
        tuple(sorted([*_compared(rows), *_not_compared(rows)])),
        FAIRNESS,
        frozenset(range(3, 8)),
        "One regression line for everybody against one per group (Lautenschlager & Mendoza 1986); d_mod after Nye & "
        "Sackett (2017). Unreliable scores alone can make intercepts differ; with few people a real difference stays "
        "unseen.",
    )


def _compared(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    return [
        (
            technique_name(row.technique),
            str(row.group),
            text_of(row.reference_group) or NOTHING,
            people(row.n),
            f"{decimal(row.value)} {words.correlation_interval(row.lo, row.hi)}".strip(),
            *(p_text(value) for value in (row.p_value, row.p_slopes, row.p_intercepts)),
            text_of(row.reason),
        )
        for row in rows_of(rows.dropna(subset=["value"]))
    ]


def _not_compared(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    """A row a technique, dimension and reason: hundred rows that hold nothing hide the few that do."""
    keys = ["technique", "dimension", "reason"]
    grouped = rows[rows["value"].isna()].groupby(keys, dropna=False)["group"]
    refused = grouped.agg(n_groups="nunique", first="first").reset_index()
    return [
        (
            technique_name(row.technique),
            f"{row.n_groups} groups by {name_of(row.dimension, GROUP_LABELS).lower()}"
            if row.n_groups > 1
            else str(row.first),
            *[NOTHING] * 6,
            text_of(row.reason),
        )
        for row in rows_of(refused)
    ]


def ll144(tables: Tables) -> dict[str, Exhibit | None]:
    frame = frame_of(tables, LL144)
    if frame.empty:
        return {}
    groups = frame.groupby(["metric", "dimension"], sort=False)
    return {
        f"ll144_{metric}_{dimension}": _ll144_table(str(metric), str(dimension), mine)
        for (metric, dimension), mine in groups
    }


def _ll144_table(metric: str, dimension: str, rows: pd.DataFrame) -> Exhibit:
    kind, selected = ("Selection rates", "Selected") if metric == "selection" else ("Scoring rates", "Above median")
    has_subject = rows["subject"].nunique() > 1 or metric == "scoring"
    subjects = (
        (name_of(row.subject, {**words.TECHNIQUES, **words.STAGES}),) if has_subject else () for row in rows_of(rows)
    )
    cells = tuple((*before, *_ll144_row(row)) for before, row in zip(subjects, rows_of(rows), strict=True))
    heads = ("Category", "People", selected, "Rate", "Impact ratio", "Remark")
    first = ("Technique" if metric == "scoring" else "Stage",) if has_subject else ()
    shift = len(first)
    return Exhibit(
        f"{kind} by {GROUP_LABELS.get(dimension, dimension).lower()}",
        (*first, *heads),
        cells,
        FAIRNESS,
        frozenset(range(1 + shift, 5 + shift)),
    )


def _ll144_row(row: Any) -> tuple[str, ...]:
    remarks = [text_of(row.remark)] if text_of(row.remark) else []
    if not words.missing(row.is_small) and row.is_small:
        remarks.insert(0, f"{100 * row.share:.1f}% of all people, below 2 %: may be left out of the ratios")
    return (
        str(row.category),
        people(row.n),
        people(row.selected),
        NOTHING if words.missing(row.rate) else f"{100 * row.rate:.1f}%",
        decimal(row.impact_ratio, 3),
        "; ".join(remarks),
    )
