"""Exhibits of results: every relation with all its rungs, what was corrected and how, use and utility."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from reporting import ladder, words
from reporting.exhibit import (
    CRITERION,
    DIAGNOSTICS,
    ESTIMATES,
    EXPECTANCY,
    INCREMENTAL,
    POWER,
    SCORES,
    SENSITIVITY,
    WARNINGS,
    Exhibit,
    Tables,
    families_in_order,
    family_name,
    frame_of,
    in_name_order,
    main_diagnostics,
    moments,
    of_all_families,
    p_text,
    rows_of,
    technique_name,
    text_of,
    who,
)
from reporting.ladder import OBSERVED, POOLED, RUNGS, UNSELECTED, Technique
from reporting.prose import of_few_raters
from reporting.technique_figures import NO_WIDTH
from reporting.words import NOTHING, SMALLEST_GROUP_SHOWN, count, day, people, percent

_RESULT_HEADS = (
    *("Technique", "Job family", "n", "Applicants", "Observed r (1)", "Rating error out (2)", "Selection out too (3)"),
    *("Pooled (4)", "Sign (1 / 4)", "p (3)", "q (3)"),
)

_OBSERVED_COLUMN = 4
_RESULT_NUMBERS = frozenset(range(2, 11))

_CORRECTIONS = (
    ("1 Observed", "none", "the hired and reviewed speak for themselves only"),
    (
        "2 Rating error out",
        "divided by the root of the reliability of the rating (Spearman 1904)",
        "errors of raters are independent of each other and of the score; the reliability is that of this sample",
    ),
    (
        "3 Selection out too",
        "maximum likelihood over all applicants' scores, as Pearson (1903) and Lawley (1943)",
        "what decided the hire is recorded; the relation of score and performance is linear, with equal spread, also "
        "where nobody was hired. That cannot be tested with these data",
    ),
)

LINEARITY = (
    "The correction for selection carries a straight line into a region where nobody was hired. No test with these "
    "data can see a bend there; this assumption is untestable."
)


def results(tables: Tables) -> Exhibit | None:
    """Nothing where no relation at all was estimated: a report without a result is not one."""
    made = _result_table(frame_of(tables, ESTIMATES), ladder.EVERYBODY, "Results: scores and performance")
    return made if made and any(row[_OBSERVED_COLUMN] != NOTHING for row in made.rows) else None


def independent(tables: Tables) -> Exhibit | None:
    made = _result_table(
        frame_of(tables, ESTIMATES),
        ladder.INDEPENDENT,
        "The same without ratings by people who may have interviewed the hire",
    )
    return made and replace(made, note="")


def attribute_results(tables: Tables) -> Exhibit | None:
    estimates = frame_of(tables, ESTIMATES)
    if estimates.empty:
        return None
    rows = estimates[estimates["attribute"] != "overall"]
    parts = [
        _result_rows(mine.assign(attribute="overall"), ladder.EVERYBODY, f": {attribute}")
        for attribute, mine in rows.groupby("attribute")
    ]
    made = sorted(row for part in parts for row in part[0])
    remarks = tuple(dict.fromkeys(remark for part in parts for remark in part[1]))
    return Exhibit(
        "Results by attribute of the scorecard", _RESULT_HEADS, tuple(made), ESTIMATES, _RESULT_NUMBERS, "", remarks
    )


def _result_table(estimates: pd.DataFrame, variant: str, title: str) -> Exhibit | None:
    if estimates.empty:
        return None
    rows, remarks = _result_rows(estimates, variant)
    note = _result_note(_of_variant(estimates, variant))
    return Exhibit(title, _RESULT_HEADS, tuple(rows), ESTIMATES, _RESULT_NUMBERS, note, tuple(remarks))


def _result_note(found: list[Technique]) -> str:
    return (
        "Every line is one relation between a score and the performance rating, with 95 % intervals in brackets. "
        f"{ladder.rungs_explained(found)} p: two-sided, of no validity on rung 3; q: p after Benjamini & Hochberg "
        "(1995) within job family. n: reviewed hires with a clean score. An observed correlation is significant at "
        ".05 where its interval excludes 0 (*)."
    )


def _of_variant(estimates: pd.DataFrame, variant: str) -> list[Technique]:
    return [one for family in _scopes(estimates) for one in ladder.techniques(estimates, family, variant)]


def _result_rows(estimates: pd.DataFrame, variant: str, suffix: str = "") -> tuple[list[tuple[str, ...]], list[str]]:
    """Rows of the results, and a remark for each number that is missing."""
    significance = _significance(estimates, variant)
    found = sorted(_of_variant(estimates, variant), key=lambda one: one.label)
    rows = [_result_row(one, significance.get((one.key, one.family), (None, None)), suffix) for one in found]
    return rows, [*_few_raters(found, suffix), *_refusals(found, suffix)]


def _few_raters(found: list[Technique], suffix: str) -> list[str]:
    """A sentence a job family with few raters: the intervals that allow for it."""
    by_family: dict[str, list[Technique]] = {}
    for one in found:
        by_family.setdefault(one.family, []).append(replace(one, label=one.label + suffix))
    said = {family: of_few_raters(mine) for family, mine in by_family.items()}
    return [f"{family_name(family)}: {said[family]}" for family in families_in_order(said) if said[family]]


def _refusals(found: list[Technique], suffix: str) -> list[str]:
    """A sentence a reason: which techniques, in which job families."""
    reasons: dict[str, dict[str, list[str]]] = {}
    for one in found:
        if one.refusal:
            reasons.setdefault(one.refusal, {}).setdefault(one.label + suffix, []).append(family_name(one.family))
    return [
        "; ".join(f"{label} ({', '.join(names)})" for label, names in techniques.items()) + f": {reason}."
        for reason, techniques in reasons.items()
    ]


def _significance(estimates: pd.DataFrame, variant: str) -> dict[tuple[str, str], tuple[Any, Any]]:
    rows = estimates[
        (estimates["variant"] == variant) & (estimates["rung"] == UNSELECTED) & (estimates["attribute"] == "overall")
    ]
    return {
        (str(row.technique), str(row.job_family)): (row.p_value, row.q_value)
        for row in rows_of(rows)
        if row.status in ("ok", "low_n")
    }


def _result_row(one: Technique, significance: tuple[Any, Any], suffix: str) -> tuple[str, ...]:
    """One relation; where the observed value is withheld, so is everything made of it."""
    rungs = [one.rungs[number].text() or NOTHING for number in RUNGS]
    if one.rungs[OBSERVED].excludes_zero:
        rungs[0] += "*"
    p, q = (None, None) if one.is_refused else significance
    who = (one.label + suffix, family_name(one.family), people(one.n), people(one.n_applicants))
    return (*who, *rungs, _direction(one), p_text(p), p_text(q))


def _direction(one: Technique) -> str:
    seen, last = one.rungs[OBSERVED].value, one.rungs[POOLED].value
    if seen is None:
        return NOTHING
    signs = ["+" if value >= 0 else "−" for value in (seen, last) if value is not None]
    return signs[0] if len(set(signs)) == 1 else f"{signs[0]} / {signs[1]}"


def _scopes(estimates: pd.DataFrame) -> list[str]:
    return [ladder.ALL_FAMILIES, *ladder.families(estimates)]


def methods(tables: Tables) -> Exhibit | None:
    estimates = frame_of(tables, ESTIMATES)
    if estimates.empty:
        return None
    made = estimates[estimates["status"].isin(["ok", "low_n"])]
    counted = made.groupby(["rung", "metric", "method", "level"]).size().reset_index(name="n")
    rows = tuple(
        (f"{row.rung} {RUNGS.get(row.rung, '')}", str(row.metric), _words(row.method), percent(row.level), count(row.n))
        for row in rows_of(counted)
    )
    heads = ("Rung", "Metric", "Method of value and interval", "Interval", "Numbers")
    return Exhibit("Methods", heads, rows, ESTIMATES, frozenset({3, 4}))


def _words(code: Any) -> str:
    return str(code).replace("+", " + ").replace("_", " ")


def scores(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, SCORES)
    if frame.empty:
        return None
    rows = tuple(
        (*who(row), *moments(row, "applicants"), *moments(row, "rated")) for row in rows_of(in_name_order(frame))
    )
    heads = ("n", "Mean", "SD", "Range")
    return Exhibit(
        "Scores: n, means, standard deviations, ranges",
        ("Technique", "Job family", *(f"{head}, scored" for head in heads), *(f"{head}, rated" for head in heads)),
        rows,
        "marts_validity.fct_predictor_scores",
        frozenset(range(2, 10)),
        "Scores run from 0 (lowest point of the scale) to 1 (highest); continuous, nothing was made into categories. "
        f"Groups under {SMALLEST_GROUP_SHOWN} people are not shown, nor the families they could be worked out from.",
    )


def criterion(tables: Tables) -> Exhibit | None:
    rows = tuple(
        (family_name(row.job_family), *moments(row, "rated"))
        for row in rows_of(frame_of(tables, CRITERION))
        if row.n_rated >= SMALLEST_GROUP_SHOWN
    )
    return Exhibit(
        "Performance rating: n, means, standard deviations, ranges",
        ("Job family", "n", "Mean", "SD", "Range"),
        rows,
        "marts_validity.fct_hire_outcomes",
        frozenset({1, 2, 3, 4}),
        "Standardised within review cycle, scale and level over everybody rated, then averaged per hire.",
    )


def corrections(tables: Tables) -> Exhibit | None:
    estimates = frame_of(tables, ESTIMATES)
    if estimates.empty:
        return None
    heads = ("Rung", "Correction", "Assumes")
    rows = (*_CORRECTIONS, _pooling(_of_variant(estimates, ladder.EVERYBODY)))
    return Exhibit("Corrections and what they assume", heads, rows, "docs/methods.md")


def _pooling(found: list[Technique]) -> tuple[str, str, str]:
    towards = ladder.pooled_towards(found)
    if not towards:
        return "4 Pooled", "none: no corrected value", "nothing"
    shown = [one.pooling for one in found if one.rungs[POOLED].value is not None]
    assumed = ["the prior is fair for this technique"] if any(one.prior for one in shown) else []
    assumed += ["the job families drawn together are alike"] if any(one.n_families for one in shown) else []
    return "4 Pooled", f"drawn towards {towards}, the more the less certain it is", "; ".join(assumed) or NOTHING


def sensitivity(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, SENSITIVITY)
    rows = [] if frame.empty else [_sensitivity_row(one, frame) for one in of_all_families(tables)]
    return Exhibit(
        "What hidden information would change",
        (
            "Technique",
            "Observed r (1)",
            "Selection out too (3)",
            "Interval if hidden information from ρ = 0 to .5",
            "Reaches 0 at",
        ),
        tuple(row for row in rows if row),
        SENSITIVITY,
        frozenset({1, 2, 3, 4}),
        "ρ: correlation of performance with what decided hires and was not recorded (a reference, a gut feeling). "
        "All job families together.",
    )


def _sensitivity_row(one: Technique, frame: pd.DataFrame) -> tuple[str, ...]:
    if one.rungs[UNSELECTED].value is None:
        return ()
    mine = frame[(frame["technique"] == one.key) & (frame["job_family"] == one.family)].set_index("kind")
    union = mine.loc[["union"]].iloc[0] if "union" in mine.index else None
    tipping = mine.loc[["tipping_rho"]].iloc[0]["setting"] if "tipping_rho" in mine.index else None
    return (
        one.label,
        one.rungs[OBSERVED].text(),
        one.rungs[UNSELECTED].text(),
        NOTHING if union is None else words.correlation_interval(union["lo"], union["hi"]) or NOTHING,
        "at no ρ from 0 to .5" if words.missing(tipping) else f"ρ = {words.correlation(tipping)}",
    )


def diagnostics(tables: Tables) -> Exhibit | None:
    seen = _with_a_result(tables)
    rows = tuple(
        (
            *who(row),
            percent(row.extrapolation_share),
            percent(row.unrecorded_share),
            _any_one_out(row) if (row.technique, row.job_family) in seen else NOTHING,
            p_text(row.p_quadratic),
            p_text(row.p_heteroscedastic),
        )
        for row in rows_of(main_diagnostics(tables))
    )
    return Exhibit(
        "Diagnostics",
        (
            "Technique",
            "Job family",
            "Extrapolated",
            "Not recorded",
            "Observed r, any one hire out",
            "p bend",
            "p spread",
        ),
        rows,
        DIAGNOSTICS,
        frozenset(range(2, 7)),
        "Extrapolated: share of the rejected with a score outside the range of the hired. p bend and p spread see only "
        "the region where people were hired. Any one hire out: smallest and largest r when each hire in turn is left "
        "out. It shows whether one person makes the result; it is no cross-validation. What the "
        "techniques together would explain in new data stands under item 10, by formula.",
    )


def _with_a_result(tables: Tables) -> set[tuple[str, str]]:
    estimates = frame_of(tables, ESTIMATES)
    if estimates.empty:
        return set()
    return {(one.key, one.family) for one in _of_variant(estimates, ladder.EVERYBODY) if not one.is_refused}


def _any_one_out(row: Any) -> str:
    return words.correlation_range(row.leave_one_out_lo, row.leave_one_out_hi) or NOTHING


def warnings(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, WARNINGS)
    if frame.empty:
        return None
    families = frame.groupby("sentence", sort=False)["job_family"].agg(lambda found: [*map(str, found)])
    rows = tuple(
        (str(sentence)[:1].upper() + str(sentence)[1:], ", ".join(map(family_name, families_in_order(set(found)))))
        for sentence, found in families.items()
    )
    return Exhibit("What every reader must know", ("Sentence", "Job families"), rows, WARNINGS)


def expectancy(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, EXPECTANCY)
    if frame.empty:
        return None
    mine = frame[frame["job_family"] == ladder.ALL_FAMILIES]
    rows = [_expectancy_row(one, third, mine) for one in of_all_families(tables) for third in (3, 2, 1)]
    return Exhibit(
        "Who does well, by third of the score",
        ("Technique", "Third", "Observed: hires rated above average", "Expected: applicants above the middle", "Hires"),
        tuple(row for row in rows if row[2] != NOTHING),
        EXPECTANCY,
        frozenset({2, 3, 4}),
        "Observed: share of reviewed hires rated above the average of colleagues judged in the same way. Expected, "
        "from rung 4: had everybody been hired who reached the stage, the share that would truly do better than the "
        "middle applicant among them (Lawshe, Bolda, Brune & Auclair 1958). The two yardsticks differ: compare thirds "
        "within a column, not the columns. All job families together.",
    )


def _expectancy_row(one: Technique, third: int, frame: pd.DataFrame) -> tuple[str, ...]:
    mine = frame[(frame["technique"] == one.key) & (frame["third"] == third)].set_index("kind")
    observed, expected = (mine.loc[[kind]].iloc[0] if kind in mine.index else None for kind in ("observed", "expected"))
    if one.is_refused:
        observed = None
    if one.best is None:
        expected = None
    names = {3: "top", 2: "middle", 1: "lowest"}
    n = None if observed is None else observed["n"]
    return one.label, names[third], _share(observed), _share(expected), people(n)


def _share(row: pd.Series | None) -> str:
    if row is None or row["status"] not in ("ok", "low_n") or words.missing(row["share_good"]):
        return NOTHING
    if row["hi"] - row["lo"] < NO_WIDTH:
        return percent(row["share_good"])
    return f"{percent(row['share_good'])} {words.percent_interval(row['lo'], row['hi'])}".strip()


def incremental(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, INCREMENTAL)
    known = {one.key: one for one in of_all_families(tables)}
    rows = [] if frame.empty else rows_of(in_name_order(frame[frame["job_family"] == ladder.ALL_FAMILIES]))
    return Exhibit(
        "What each technique adds",
        ("Technique", "Observed r (1)", "Together", "Without chance", "In new data", "Lost without it", "Hours a year"),
        tuple(
            (
                known[row.technique].label,
                known[row.technique].rungs[OBSERVED].text(),
                percent(row.r2_all),
                *(_share_of_r2(getattr(row, name, None)) for name in ("r2_adjusted", "r2_cross_validated")),
                f"{percent(row.delta_r2)} {words.percent_interval(row.delta_r2_lo, row.delta_r2_hi)}".strip(),
                count(row.interview_hours_per_year),
            )
            for row in rows
            if row.status in ("ok", "low_n") and _is_corrected(known.get(row.technique))
        ),
        INCREMENTAL,
        frozenset(range(1, 7)),
        "Shares of performance explained, corrected for rating error and selection; only techniques of which every "
        "pair was seen together. Together: by all of them, in these data, to which chance adds. Without chance: "
        "adjusted (Ezekiel 1930). In new data: with the same weights, by formula (Browne 1975), not tried on other "
        "people. A loss is never below 0, so an interval above 0 does not show that a technique adds anything. All job "
        "families together.",
    )


def _share_of_r2(value: Any) -> str:
    """A share that a formula may put below 0, which means none."""
    return NOTHING if words.missing(value) else percent(max(0.0, float(value)))


def _is_corrected(one: Technique | None) -> bool:
    return one is not None and one.rungs[UNSELECTED].value is not None


def precision(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, POWER)
    rows = [] if frame.empty else rows_of(in_name_order(frame[frame["job_family"] == ladder.ALL_FAMILIES]))
    return Exhibit(
        "Power and precision",
        ("Technique", "n", "Seen with 80 % power: observed r", "Operational", "Half-width now", "Wanted", "Reached on"),
        tuple(
            (
                technique_name(row.technique),
                people(row.n),
                *(words.correlation(value) for value in (row.mdv_observed, row.mdv_operational)),
                *(words.correlation(value) for value in (row.half_width, row.target_half_width)),
                day(row.precision_on) if not words.missing(row.precision_on) else text_of(row.reason) or NOTHING,
            )
            for row in rows
        ),
        POWER,
        frozenset(range(1, 6)),
        "The smallest validity that so many hires show with a probability of 80 %. All job families together.",
    )
