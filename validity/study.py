"""The main analysis: how well each interview score predicts performance, four rungs, all predictors together.

`study` goes through `sample` (scores and ratings in one form), `rungs` (computing in all resamples), `predictor_facts`,
`refusals`, `rung_rows` and `sensitivity` (telling).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd

from validity.arguments import read_arguments
from validity.hidden import RHO_GRID
from validity.moments import Array
from validity.multiplicity import adjust
from validity.pooling import PRIOR_MEAN_Z, PRIOR_SD_Z
from validity.predictor_facts import facts_of
from validity.ratings import ReliabilityModel, Stated, borrowed_reliability, choose_reliability
from validity.records import records
from validity.refusals import many_unreviewed, some_unreviewed, too_few_reviewed, unusable_reliability
from validity.rung_rows import Rung, reliability_row, rungs_of
from validity.rungs import FEW_RATERS, Computed, Design, Question, compute, correlation_matrix
from validity.sample import Sample, SufficientScores, make_sample
from validity.sensitivity import COLUMNS as SENSITIVITY_COLUMNS
from validity.sensitivity import sensitivity_of
from validity.thresholds import FALSE_DISCOVERY_RATE, MIN_RATERS, OBSERVED_CORRELATION
from validity.verdict import verdict_word

__all__ = ["ESTIMATE_COLUMNS", "UNTESTABLE", "Design", "Study", "SufficientScores", "study"]

ESTIMATE_COLUMNS = (
    "predictor",
    "rung",
    "method",
    "value",
    "lo",
    "hi",
    "level",
    "n_applicants",
    "n_rated",
    "status",
    "reason",
)
DIAGNOSTICS = (
    *("stage", "n_applicants", "n_scored", "n_hired", "n_rated", "u", "selection_ratio", "hiring_r2"),
    *("extrapolation_share", "unrecorded_share", "effective_n", "undefined_share", "z", "z_se", "p_value"),
    *("probability_positive", "lo_rater_aware", "hi_rater_aware", "leave_one_out_lo", "leave_one_out_hi"),
    *("p_quadratic", "p_heteroscedastic", "r_missing_review", "p_missing_review", "q_value"),
)
"""Columns of `Study.diagnostics` between the predictor and its verdict."""
OF_RUNG_3 = ("p_value", "lo_rater_aware", "hi_rater_aware")
"""Of them, those that say something of rung 3 itself: none where it is refused."""
RECORDED = 0.90
"""Share of those who got furthest with a decision-time score below which the study says that it is missing."""
MIN_REVIEWED = 3
"""Reviewed hires below which there is nothing to resample."""
ELSEWHERE = "reliability found elsewhere in the firm"

UNTESTABLE = (
    "Rung 3 assumes that performance rises linearly with the scores also where nobody was hired. No test can check "
    "that: the bend would lie where there are no hires."
)
UNRECORDED = (
    "No decision-time score was recorded for everybody. If the decision used anything that the scores do not hold, "
    "rung 3 is biased; the curve over unrecorded information shows by how much."
)
ONE_RATER = (
    "reliability from one rater: nearly every hire was rated by one person only, so rating error cannot be measured "
    "here; two ratings by the same person in two cycles do not count as two opinions."
)


@dataclass(frozen=True)
class Study:
    """What a study found.

    Attributes
    ----------
    estimates
        One row a predictor × rung (1–4), columns `ESTIMATE_COLUMNS`; value, lo and hi are NaN unless the status is
        ``ok`` or ``low_n``, and then `reason` says why.
    reliability
        One row: method, value, lo, hi, n_pairs, n_raters, status, reason.
    diagnostics
        One row a predictor: what the correction rests on (u, selection ratio, extrapolation share, …), the p and q
        values of rung 3, the probability that ρ > 0, and the verdict word.
    sensitivity
        One row a predictor × kind × setting: rung 3 under other assumptions.
    warnings
        Sentences.
    correlations
        Corrected correlations among predictors and with the criterion (last), applicants at the first stage; NaN
        where refused.
    resampled
        B × (p + 1) × (p + 1), the same in every resample.
    resampled_reliability
        B, of the criterion in every resample; NaN where undefined.
    together
        p × p, people who were scored on both of two predictors, without whom their correlation is no finding.
    names
        Predictors in the order of `correlations`.
    """

    estimates: pd.DataFrame
    reliability: pd.DataFrame
    diagnostics: pd.DataFrame
    sensitivity: pd.DataFrame
    warnings: list[str]
    correlations: Array
    resampled: Array
    resampled_reliability: Array
    together: Array
    names: tuple[str, ...]


def study(
    scores: pd.DataFrame | SufficientScores,
    ratings: pd.DataFrame,
    *,
    stages: Mapping[str, float] | None = None,
    decision_score: pd.Series | str | None = None,
    hired: pd.Series | None = None,
    design: Design = "predictive",
    n_boot: int = 500,
    seed: int = 0,
    level: float = 0.95,
    strata: pd.Series | str | None = None,
    other_ratings: pd.DataFrame | None = None,
    eligible: pd.Series | None = None,
    firm_reliability: Stated | float | None = None,
    prior: tuple[float, float] = (PRIOR_MEAN_Z, PRIOR_SD_Z),
    rho_grid: tuple[float, ...] = RHO_GRID,
) -> Study:
    """Validity of every predictor, on four rungs: observed, free of rating error, free of selection, pooled.

    The estimand is operational validity: the correlation of the score as it is used with performance free of rating
    error, among the applicants who reached the stage where the score is given (METHODS 0).

    Parameters
    ----------
    scores
        One row a person (index `person_id`), a column a predictor, NaN where the stage was not reached; hired and not
        hired together. Or their `SufficientScores`.
    ratings
        Long: `person_id, rater_id, cycle_id, value`, comparable between people (standardised within cycle, scale and
        level).
    stages
        Stage number of each predictor; read off the missing scores where not given.
    decision_score
        A score recorded for everybody at the time of the decision (or its column in `scores`); always used.
    hired
        Who was hired; everybody with a rating, where not given.
    design
        ``predictive`` (scores from hiring), or ``concurrent`` (employees took the interviews: nothing to correct).
    n_boot, seed
        Resamples of applicants, and the seed that makes them the same again; without any, nothing has an interval.
    level
        Of the intervals.
    strata
        Groups within which people competed, such as job families (or their column): everything is within them.
    other_ratings
        Ratings by people who are not part of the criterion, on the same scale; they tell how reliable it is.
    eligible
        Hires whose time to be reviewed has passed; all, where not given. A missing review is held against them.
    firm_reliability
        Reliability of one rater's rating elsewhere in the firm, used where it cannot be estimated here; a `Stated`
        says in its resamples how sure it is, a number counts as known.
    prior
        Mean and standard deviation on Fisher's z scale behind rung 4.
    rho_grid
        Correlations between unrecorded hiring information and unexplained performance for the sensitivity curve;
        no curve without any.

    Returns
    -------
    Study
        Never raises on poor data: it has a status and a sentence instead.

    Raises
    ------
    ValueError
        An argument that is no such choice, as an unknown design.

    Examples
    --------
    >>> from validity.simulation import SCENARIOS, simulate
    >>> one = simulate(SCENARIOS["S1b"], seed=1)
    >>> found = study(one.scores, one.ratings, hired=one.hired, n_boot=200, seed=1)
    >>> rows = found.estimates.query("predictor == 'attribute_1'")
    >>> rows[["rung", "status"]].to_dict("records")[2]
    {'rung': 3, 'status': 'ok'}
    """
    if design not in get_args(Design) or n_boot < 0 or not 0 < level < 1:
        raise ValueError(
            f"`design`, `n_boot`, `level`: {design!r}, {n_boot}, {level}, expected predictive or concurrent, 0 "
            "or more, and a number between 0 and 1. Nothing was estimated."
        )
    rng = np.random.default_rng(seed)
    given = read_arguments(scores, ratings, other_ratings, decision_score, hired, strata, eligible, stages)
    sample = make_sample(given, rng)
    stated = Stated(firm_reliability) if isinstance(firm_reliability, (int, float)) else firm_reliability
    model = choose_reliability(sample.criterion, stated, ELSEWHERE)
    if sample.n_reviewed < MIN_REVIEWED or not sample.predictors:
        return _nothing(sample, model, level)
    question = Question(design, level, n_boot, prior, rho_grid)
    found = compute(sample, question, model, rng)
    if stated is not None and unusable_reliability(found):
        borrowed = borrowed_reliability(sample.criterion, stated, f"{ELSEWHERE}: {unusable_reliability(found)}")
        found = compute(sample, question, borrowed, rng)
    return _told(found)


def _told(found: Computed) -> Study:
    """What was computed as tables and sentences."""
    rows: list[dict[str, Any]] = []
    diagnostics: list[dict[str, Any]] = []
    for name, facts in zip(found.sample.predictors, facts_of(found), strict=True):
        rungs = rungs_of(found, facts)
        shared = {"predictor": name, "level": found.question.level}
        counts = {"n_applicants": facts.n_applicants, "n_rated": facts.n_rated}
        rows += [{**shared, **counts, **rung.as_row()} for rung in rungs]
        row = {"predictor": name, **facts.as_row(rungs[-1].probability_positive)}
        has_third = np.isfinite(rungs[2].value)
        diagnostics.append(row if has_third else row | dict.fromkeys(OF_RUNG_3, np.nan))
    for name in found.sample.unusable:
        rows += _refused_rows(name, found.question.level, f"no reviewed hire has a value of `{name}`")
        unknown = ("extrapolation_share", "probability_positive", "p_missing_review", *OF_RUNG_3)
        diagnostics.append({"predictor": name, **dict.fromkeys(unknown, np.nan)})
    estimates = _estimates(rows)
    table = _with_verdicts(pd.DataFrame(diagnostics), estimates)
    correlations, resampled = _matrices(found)
    return Study(
        estimates=estimates,
        reliability=pd.DataFrame([reliability_row(found)]),
        diagnostics=table,
        sensitivity=sensitivity_of(found),
        warnings=_warnings(found, table),
        correlations=correlations,
        resampled=resampled,
        resampled_reliability=found.boot.reliability,
        together=found.sample.together,
        names=found.sample.predictors,
    )


def _estimates(rows: list[dict[str, Any]]) -> pd.DataFrame:
    numbers = dict.fromkeys(("value", "lo", "hi"), float)
    return pd.DataFrame(rows, columns=list(ESTIMATE_COLUMNS)).astype(numbers)


def _with_verdicts(table: pd.DataFrame, estimates: pd.DataFrame) -> pd.DataFrame:
    """Add q values (Benjamini & Hochberg 1995 over the predictors) and the verdict word."""
    fourth = {row["predictor"]: row for row in records(estimates) if row["rung"] == 4}
    made = [bool(np.isfinite(fourth[name]["value"])) for name in table["predictor"]]
    tested = np.where(made, table["p_value"].to_numpy(dtype=float), np.nan)
    table = table.assign(q_value=adjust(tested, "bh").p_adjusted)
    words = []
    for row in records(table):
        last, survives = fourth[row["predictor"]], bool(row["q_value"] <= FALSE_DISCOVERY_RATE)
        words.append(verdict_word(last["value"], last["lo"], last["hi"], row["probability_positive"], survives))
    return table.assign(verdict=words)


def _matrices(found: Computed) -> tuple[Array, Array]:
    p = len(found.sample.predictors)
    if found.point.entry is None or found.boot.entry is None:
        return _no_matrices(p)
    return correlation_matrix(found.point.entry, p)[0], correlation_matrix(found.boot.entry, p)


def _no_matrices(p: int) -> tuple[Array, Array]:
    return np.full((p + 1, p + 1), np.nan), np.zeros((0, p + 1, p + 1))


def _warnings(found: Computed, diagnostics: pd.DataFrame) -> list[str]:
    sample, sentences = found.sample, list(found.sample.notes)
    if sample.criterion.has_one_rater_only and found.model.method == "stated":
        sentences.append(ONE_RATER)
    if found.question.design == "predictive":
        sentences.append(f"{UNTESTABLE}{_extrapolation(diagnostics)}")
        if sample.decision_share < RECORDED:
            sentences.append(f"{UNRECORDED} It was recorded for {sample.decision_share:.0%} of those who got furthest.")
    unreviewed = many_unreviewed(found) or too_few_reviewed(found) or some_unreviewed(found)
    if unreviewed:
        sentences.append(_as_sentence(unreviewed))
    sentences += _missing_reviews(diagnostics)
    if sample.criterion.n_distinct_raters < FEW_RATERS:
        sentences.append(_few_raters(sample.criterion.n_distinct_raters, diagnostics))
    return sentences


def _extrapolation(diagnostics: pd.DataFrame) -> str:
    largest = float(diagnostics["extrapolation_share"].max())
    return f" Up to {largest:.0%} of the rejected scored outside the range of the hired." if largest >= 0 else ""


def _missing_reviews(diagnostics: pd.DataFrame) -> list[str]:
    """Scores with which a missing review goes, of all that were looked at (Benjamini–Hochberg)."""
    q = adjust(diagnostics["p_missing_review"].to_numpy(dtype=float), "bh").p_adjusted
    found = diagnostics[q <= FALSE_DISCOVERY_RATE]
    if found.empty:
        return []
    where = {True: "high", False: "low"}
    named = ", ".join(f"{row['predictor']} ({where[row['r_missing_review'] > 0]} scores)" for row in records(found))
    return [
        f"Reviews are missing more often for some scores: {named}. Rung 3 allows for it, rungs 1 and 2 do not; what "
        "else a review depends on nothing allows for."
    ]


def _few_raters(n: int, diagnostics: pd.DataFrame) -> str:
    """What few raters mean for the intervals: another one stands beside them, or none can be made."""
    who = "One rater gave all ratings" if n == 1 else f"{n} raters gave all ratings"
    if diagnostics["lo_rater_aware"].notna().any():
        return f"{who}: read the interval that resamples raters too."
    why = f"; {MIN_RATERS} are needed to resample them" if n < MIN_RATERS else ""
    return f"{who}{why}: no interval here says what other raters would change."


def _as_sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _refused_rows(name: str, level: float, reason: str) -> list[dict[str, Any]]:
    about = {"predictor": name, "level": level, "n_applicants": 0, "n_rated": 0}
    return [{**about, **Rung.refused(rung, "pearson", reason).as_row()} for rung in (1, 2, 3, 4)]


def _nothing(sample: Sample, model: ReliabilityModel, level: float) -> Study:
    """The study of no reviewed hires."""
    reason = f"{sample.n_reviewed} reviewed hires with a score, {OBSERVED_CORRELATION.estimable} needed"
    names = (*sample.predictors, *sample.unusable)
    rows = [row for name in names for row in _refused_rows(name, level, reason)]
    numbers = dict.fromkeys(("value", "lo", "hi"), np.nan) | {"n_pairs": 0, "n_raters": 0}
    reliability = {"method": model.method, **numbers, "status": "not_estimable", "reason": reason}
    correlations, resampled = _no_matrices(len(sample.predictors))
    return Study(
        estimates=_estimates(rows),
        reliability=pd.DataFrame([reliability]),
        diagnostics=pd.DataFrame({"predictor": list(names)}, columns=["predictor", *DIAGNOSTICS]).assign(
            verdict="not estimable"
        ),
        sensitivity=pd.DataFrame(columns=list(SENSITIVITY_COLUMNS)),
        warnings=[*sample.notes, _as_sentence(reason)],
        correlations=correlations,
        resampled=resampled,
        resampled_reliability=np.zeros(0),
        together=sample.together,
        names=sample.predictors,
    )
