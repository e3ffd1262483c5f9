"""Fairness of the process: selection rates, scoring rates and differential prediction by sex and race/ethnicity.

Answers of people come in, suppressed aggregates go out, in one call: nothing in between leaves it. Groups are compared,
never persons. Counts are hidden as PRIVACY 5 asks and so that no hidden one can be worked out (`linked_tables`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.contingency_tables import StratifiedTable

from validity.adverse_impact import (
    SHOWN_PER_GROUP,
    SMALL_CATEGORY_SHARE,
    TwoGroups,
    impact_ratio,
    mantel_haenszel,
)
from validity.differential_prediction import MIN_PER_GROUP, differential_prediction
from validity.disclosure import K_PEOPLE, K_RATE
from validity.linked_tables import EVERY, Bools, LinkedTables, link, protect
from validity.proportion import wilson
from validity.tables import TableSpec, typed

DIMENSIONS = ("sex", "race", "sex_race")
WHOLE_PROCESS = "whole_process"
"""Stage of the rows that go from the application to the hire."""

DECLINED, NOT_ANSWERED, NOT_GIVEN, OTHER = "declined", "not answered", "not given", "other"
WITHOUT_RATIO = frozenset({DECLINED, NOT_ANSWERED, NOT_GIVEN, OTHER})
"""Groups that are counted and compared with nobody."""
REFUSALS = ("decline", "prefer not", "wish to", "want to", "not to answer", "not to say", "not to disclose")
"""Words by which an answer is a refusal to answer."""

FEW = "too few people, or too few of one outcome, to be shown"
NOT_COMPARED = "counted, not compared: the answer is not known or shared by too few"
N_BOOTSTRAP = 200
"""Resamples behind an interval of differential prediction; a table has many of them."""
ROUNDED_TO = 5
"""n of differential prediction is rounded down to it: beside exact counts of hires the few unrated would be known."""

FAIRNESS = TableSpec(
    "One row per metric, job family, stage or technique, dimension and group: how groups fare in the process. "
    "Aggregates only; small cells are hidden together with those that would give them away.",
    {
        "metric": (
            "varchar",
            "selection_rate, mantel_haenszel (the same comparison within requisitions), scoring_rate (Local Law 144) "
            "or differential_prediction.",
        ),
        "job_family": ("varchar", "Job family, or all: all families together."),
        "stage": ("varchar", "Stage that was passed or not; whole_process: hired or not. Null where a technique is."),
        "technique": ("varchar", "Technique of a scoring rate or of differential prediction, else null."),
        "dimension": ("varchar", "sex, race or sex_race (both together)."),
        "group": (
            "varchar",
            "Answer in the form's words; declined, not answered, not given (in sex_race), other (under 10 people).",
        ),
        "reference_group": ("varchar", "Group it is compared with; null for itself and where nothing is compared."),
        "n": ("bigint", "Decided applications of the group; of those scored, or rated hires rounded down to 5."),
        "n_selected": ("bigint", "Of those, passed the stage or were hired; scored strictly above the median."),
        "value": (
            "double",
            "The metric: selection rate; scoring rate; common odds ratio; signed d_mod (negative: the reference "
            "group's line predicts too low a performance).",
        ),
        "lo": ("double", "Lower limit of its interval."),
        "hi": ("double", "Upper limit of its interval."),
        "impact_ratio": ("double", "Rate over the reference group's; from 30 people in each group."),
        "impact_ratio_lo": ("double", "Lower limit."),
        "impact_ratio_hi": ("double", "Upper limit."),
        "four_fifths": ("boolean", "Whether the ratio is below 4/5; read it with fisher_p, the interval and flips."),
        "fisher_p": ("double", "Two-sided p of Fisher's exact test; not adjusted for having picked the highest rate."),
        "flips": ("boolean", "Whether one selection more for the group would clear the flag."),
        "p_value": ("double", "mantel_haenszel: p of the test; differential_prediction: p of equal lines (omnibus)."),
        "p_slopes": ("double", "differential_prediction: p of equal slopes."),
        "p_intercepts": ("double", "differential_prediction: p of equal intercepts given equal slopes."),
        "n_requisitions": ("bigint", "mantel_haenszel: requisitions in which the groups could be compared."),
        "tie_share": ("double", "scoring_rate: share of all scores that equal the median; many depress every rate."),
        "is_reference": ("boolean", "Highest rate of groups of at least 2 % and 30 people whose counts are shown."),
        "is_below_2_percent": ("boolean", "Below 2 % of all people: counted, left out of the ratios."),
        "status": ("varchar", "ok, low_n, not_estimable or suppressed."),
        "reason": ("varchar", "Why the status is not ok, or what to know about an ok one."),
    },
)
Row = dict[str, Any]


def fairness_tables(
    people: pd.DataFrame,
    scores: pd.DataFrame,
    stages: Sequence[str],
    *,
    n_bootstrap: int = N_BOOTSTRAP,
    seed: int = 0,
) -> pd.DataFrame:
    """The fairness table, as it may be shown.

    Parameters
    ----------
    people
        One row per application that the firm decided: job_family, requisition, furthest_stage, is_hired, sex, race (in
        the form's words, missing where not answered), rating (performance of hires, else missing). No ids are needed.
    scores
        One column per technique, rows as `people`; missing where not scored.
    stages
        Stages in order, first to last before the hire. One at which fewer than 10 applications ended counts as part of
        the one before.
    n_bootstrap, seed
        Of the intervals of differential prediction.

    Returns
    -------
    DataFrame
        Columns of `FAIRNESS`, one row as its meaning says.
    """
    if people.empty:
        return typed(pd.DataFrame(), FAIRNESS.columns)
    grouped = with_groups(people)
    rows = [
        *_selection_rows(grouped, stages),
        *_scoring_rows(grouped, scores),
        *_prediction_rows(grouped, scores, n_bootstrap, seed),
    ]
    return typed(pd.DataFrame(rows), FAIRNESS.columns)


def answer(text: Any) -> str:
    """The group an answer belongs to.

    >>> [answer(text) for text in (" Female ", "Decline To Self Identify", None, "I don't wish to answer")]
    ['Female', 'declined', 'not answered', 'declined']
    """
    words = "" if pd.isna(text) else " ".join(str(text).split())
    if not words:
        return NOT_ANSWERED
    return DECLINED if any(one in words.lower() for one in REFUSALS) else words[0].upper() + words[1:]


def with_groups(people: pd.DataFrame) -> pd.DataFrame:
    """The people with one group per dimension; groups of fewer than 10 people in all are `other`."""
    sex, race = (people[name].map(answer).astype(object) for name in ("sex", "race"))
    is_given = ~(sex.isin(WITHOUT_RATIO) | race.isin(WITHOUT_RATIO))
    both = (sex + ", " + race).where(is_given, NOT_GIVEN)
    return people.assign(**{name: _named(groups) for name, groups in zip(DIMENSIONS, (sex, race, both), strict=True)})


def _named(groups: pd.Series) -> pd.Series:
    is_few = groups.map(groups.value_counts()) < K_RATE
    return groups.mask(is_few & ~groups.isin(WITHOUT_RATIO), OTHER)


# --- selection -------------------------------------------------------------------------------------------------------


def _selection_rows(people: pd.DataFrame, stages: Sequence[str]) -> Iterator[Row]:
    used, passed = _progress(people, stages)
    named = people.assign(job_family=people["job_family"].astype(object).fillna("unknown"))
    levels = list(passed.columns)
    tables = link(named.join(passed), "job_family", DIMENSIONS, levels, WITHOUT_RATIO)
    visible = protect(tables, [*[K_RATE] * (len(levels) - 1), K_PEOPLE])
    steps = {WHOLE_PROCESS: (0, len(levels) - 1)} | {stage: (n, n + 1) for n, stage in enumerate(used)}
    for family in dict.fromkeys(key[0] for key in tables.keys):
        for dimension in DIMENSIONS:
            for stage, (start, end) in steps.items():
                if not tables.is_same(family, start, end):
                    keys = {"metric": "selection_rate", "job_family": family, "stage": stage, "dimension": dimension}
                    rows = _rates(tables, visible, keys, start, end)
                    yield from rows
                    if family == EVERY:
                        yield from _within_requisitions(named, passed.iloc[:, [start, end]], rows)


def _progress(people: pd.DataFrame, stages: Sequence[str]) -> tuple[list[str], pd.DataFrame]:
    """Stages that count, and who had applied, passed each of them, and was hired at last, (people, stages + 1)."""
    hired = people["is_hired"].to_numpy(dtype=bool)
    ended = people.loc[~hired, "furthest_stage"].value_counts()
    used = [stage for stage in stages if ended.get(stage, 0) >= K_RATE] or list(stages[:1])
    place, reached = {}, 0
    for stage in stages:
        reached = used.index(stage) if stage in used else reached
        place[stage] = reached
    stop = people["furthest_stage"].map(place).fillna(len(used) - 1).to_numpy(dtype=int)
    stop = np.where(hired, len(used), stop)
    made = {f"level_{n}": stop >= n for n in range(len(used) + 1)}
    return used, pd.DataFrame(made, index=people.index)


def _rates(tables: LinkedTables, visible: Bools, keys: Mapping[str, Any], start: int, end: int) -> list[Row]:
    """One row per group: its rate, and its ratio to the reference group's where both may be shown."""
    cells = [n for n, key in enumerate(tables.keys) if key[:2] == (keys["job_family"], keys["dimension"])]
    rows = []
    for cell in cells:
        n, selected = (int(tables.counts[cell, level]) for level in (start, end))
        shown = bool(visible[cell, start]) and n >= K_RATE
        row = {**keys, "group": tables.keys[cell][2], "n": n if shown else None, "status": "suppressed", "reason": FEW}
        if shown and visible[cell, end]:
            share = n / int(tables.totals[keys["job_family"]][start])
            row |= _rate(n, selected) | {"is_below_2_percent": share < SMALL_CATEGORY_SHARE}
        rows.append(row)
    return _compared(rows)


def _rate(n: int, selected: int) -> Row:
    made = wilson(selected, n)
    return {
        "n_selected": selected,
        "value": made.value,
        "lo": made.lo,
        "hi": made.hi,
        "status": made.status,
        "reason": made.reason,
        "is_reference": False,
    }


def _compared(rows: list[Row]) -> list[Row]:
    named = [row for row in rows if row["status"] != "suppressed" and row["group"] not in WITHOUT_RATIO]
    usable = [row for row in named if row["n"] >= SHOWN_PER_GROUP and not row["is_below_2_percent"]]
    reference = max(usable, key=lambda row: (row["value"], row["n"]), default=None)
    for row in rows:
        if row["status"] == "suppressed":
            continue
        if row["group"] in WITHOUT_RATIO:
            row["reason"] = NOT_COMPARED
        elif row is reference:
            row |= {"is_reference": True, "impact_ratio": 1.0}
        elif row["is_below_2_percent"]:
            row["reason"] = "below 2 % of all people: counted, left out of the ratios"
        elif reference is None or row["n"] < SHOWN_PER_GROUP:
            row["reason"] = f"too few for a ratio: {SHOWN_PER_GROUP} people in each of two groups are needed"
        else:
            row |= _ratio(row, reference)
    return rows


def _ratio(row: Row, reference: Row) -> Row:
    made = impact_ratio(TwoGroups(row["n"], row["n_selected"], reference["n"], reference["n_selected"]))
    return {
        "reference_group": reference["group"],
        "impact_ratio": made.value,
        "impact_ratio_lo": made.lo,
        "impact_ratio_hi": made.hi,
        "four_fifths": made.extras.get("is_below_four_fifths"),
        "fisher_p": made.extras.get("fisher_p"),
        "flips": made.extras.get("one_selection_clears_flag"),
        "reason": made.reason,
    }


def _within_requisitions(people: pd.DataFrame, levels: pd.DataFrame, rows: list[Row]) -> Iterator[Row]:
    """Mantel & Haenszel across requisitions of those who entered the stage, for every ratio that is shown."""
    entered, selected = (levels.iloc[:, n].to_numpy(dtype=bool) for n in (0, 1))
    inside = people[entered].assign(selected=selected[entered])
    for row in rows:
        reference = row.get("reference_group")
        if reference is None:
            continue
        pair = inside[inside[row["dimension"]].isin([row["group"], reference])]
        is_focal = pair[row["dimension"]] == row["group"]
        keys = ("job_family", "stage", "dimension", "group", "reference_group", "n", "n_selected")
        yield {name: row[name] for name in keys} | _common_odds(
            _strata(pair["requisition"], is_focal, pair["selected"])
        )


def _strata(requisition: pd.Series, is_focal: pd.Series, selected: pd.Series) -> Any:
    """2 × 2 tables (focal first, selected first) of the requisitions that compare something, (requisitions, 2, 2)."""
    made = {
        f"{who}{what}": (group & (selected == what)).groupby(requisition).sum()
        for who, group in (("focal", is_focal), ("other", ~is_focal))
        for what in (True, False)
    }
    tables = pd.DataFrame(made).to_numpy(dtype=float).reshape(-1, 2, 2)
    tells = (tables.sum(2) > 0).all(1) & (tables.sum(1) > 0).all(1)
    return tables[tells]


def _common_odds(strata: Any) -> Row:
    made = mantel_haenszel(strata)
    row: Row = {"metric": "mantel_haenszel", "n_requisitions": len(strata), "p_value": made.p_value}
    if made.odds_ratio is None or made.odds_ratio == 0 or made.p_value is None:
        return row | {"status": "not_estimable", "reason": "no requisition in which both groups had both outcomes"}
    lo, hi = StratifiedTable(list(strata)).oddsratio_pooled_confint()
    limits = (float(lo), float(hi))
    if not np.isfinite(limits).all():
        return row | {"status": "not_estimable", "reason": "too few requisitions with both groups for an interval"}
    return row | {"value": made.odds_ratio, "lo": limits[0], "hi": limits[1], "status": "ok", "reason": ""}


# --- scores ----------------------------------------------------------------------------------------------------------


def _scoring_rows(people: pd.DataFrame, scores: pd.DataFrame) -> Iterator[Row]:
    """Local Law 144: the share strictly above the median of the whole sample, known groups and unknown ones."""
    for technique in scores.columns:
        score = scores[technique].dropna().astype(float)
        if len(score) < K_RATE:
            continue
        median = float(score.median())
        sample = people.loc[score.index, list(DIMENSIONS)].assign(
            sample="all people", scored=True, above=score > median
        )
        tables = link(sample, "sample", DIMENSIONS, ["scored", "above"], WITHOUT_RATIO)
        visible = protect(tables, [K_RATE, K_PEOPLE])
        for dimension in DIMENSIONS:
            keys = {"metric": "scoring_rate", "job_family": EVERY, "technique": technique, "dimension": dimension}
            ties = float((score == median).mean())
            yield from (row | {"tie_share": ties} for row in _rates(tables, visible, keys, 0, 1))


def _prediction_rows(people: pd.DataFrame, scores: pd.DataFrame, n_bootstrap: int, seed: int) -> Iterator[Row]:
    """Every known group of rated hires against the largest, technique by technique."""
    rated = people[people["is_hired"] & people["rating"].notna()]
    for technique in scores.columns:
        score = scores.loc[rated.index, technique].astype(float).dropna()
        for dimension in DIMENSIONS:
            hires = rated.loc[score.index].assign(score=score)
            hires = hires[~hires[dimension].isin(WITHOUT_RATIO)]
            sizes = hires[dimension].value_counts()
            if len(sizes) < 2:
                continue
            referent = min(sizes.index, key=lambda group: (-sizes[group], group))
            found = differential_prediction(
                hires["score"], hires["rating"], hires[dimension], referent, n_bootstrap=n_bootstrap, seed=seed
            )
            keys = {"metric": "differential_prediction", "job_family": EVERY, "technique": technique,
                    "dimension": dimension}  # fmt: skip
            for about, made in found:
                yield {**keys, "group": about["group"]} | _prediction(made.as_row(), about, int(sizes[about["group"]]))


def _prediction(made: Row, about: Mapping[str, Any], n: int) -> Row:
    if made["status"] == "not_estimable":
        reason = f"fewer than {MIN_PER_GROUP} rated hires in a group, or no spread within one"
        return {"status": "not_estimable", "reason": reason}
    return {
        "reference_group": about["referent"],
        "n": n // ROUNDED_TO * ROUNDED_TO,
        "value": made["value"],
        "lo": made["lo"],
        "hi": made["hi"],
        "p_value": made["omnibus_p"],
        "p_slopes": made["slopes_p"],
        "p_intercepts": made["intercepts_p"],
        "status": made["status"],
        "reason": made["reason"],
    }
