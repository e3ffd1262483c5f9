"""The ladder of validity estimates: one row per rung × technique × job family × variant.

Rung 1 is the observed correlation among reviewed hires. A further rung is one function from observations (which carry
every applicant's score, hired or not) to an estimate, added to `RUNGS`; no rung replaces the one before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from validity.correlation import ClusterMoments, Interval, clustered_interval, fisher_interval, olkin_pratt
from validity.estimate import Estimate, refused, to_frame
from validity.observations import UNMAPPED, Observations
from validity.power import minimum_detectable_validity
from validity.thresholds import (
    FALSE_DISCOVERY_RATE,
    MAX_SAME_RATER_SHARE,
    MIN_DISTINCT_SCORES,
    MIN_SATTERTHWAITE_DF,
    OBSERVED_CORRELATION,
)
from validity.verdict import verdict

DEFINITION_VERSION = "1"
CRITERION = "performance_rating_z"
VARIANTS: Mapping[str, Callable[[Observations], Observations]] = {
    "all_raters": lambda observations: observations,
    "independent_raters": Observations.with_independent_raters,
}
KEY_COLUMNS = ("metric", "rung", "technique", "job_family", "variant", "criterion")
COLUMNS = (
    *KEY_COLUMNS,
    "value",
    "lo",
    "hi",
    "level",
    "n",
    "method",
    "interval_method",
    "status",
    "reason",
    "mdv",
    "value_unbiased",
    "n_clusters",
    "n_contaminated",
    "n_same_rater",
    "p_value",
    "q_value",
    "verdict",
    "verdict_sentence",
    "as_of",
    "definition_version",
)
_NUMBERS = ("value", "lo", "hi", "level", "mdv", "value_unbiased", "p_value", "q_value")
_COUNTS = ("rung", "n", "n_clusters", "n_contaminated", "n_same_rater")


@dataclass(frozen=True)
class Rung:
    """One step of the ladder: its number, its metric, and the function that makes the estimate of one cell."""

    number: int
    metric: str
    estimate: Callable[[Observations], Estimate]


def observed_validity(observations: Observations, level: float = 0.95) -> Estimate:
    """Rung 1: Pearson's r of interview score and performance rating among reviewed hires, uncorrected.

    Contaminated scores (submitted or edited after the decision) are left out and counted. The interval is clustered by
    the interviewer who gave the score; refusals as in docs/methods.md.

    Parameters
    ----------
    observations
        The part about one technique in one job family.
    level
        Confidence level.

    Returns
    -------
    Estimate
        With extras: mdv, value_unbiased, n_clusters, n_contaminated, n_same_rater, p_value, interval_method.
    """
    complete = observations.pairs.dropna(subset=["score", CRITERION])
    clean = complete[~complete["is_contaminated"]]
    n = len(clean)
    extras: dict[str, Any] = {
        "mdv": minimum_detectable_validity(n),
        "value_unbiased": None,
        "n_clusters": int(clean["cluster"].nunique()),
        "n_contaminated": len(complete) - n,
        "n_same_rater": int(clean["rater_was_interviewer"].sum()),
        "p_value": None,
        "interval_method": None,
    }
    common: dict[str, Any] = {"level": level, "as_of": observations.as_of, "definition_version": DEFINITION_VERSION}
    moments = ClusterMoments.from_pairs(clean["score"], clean[CRITERION], clean["cluster"])
    refusal = _refusal(clean, moments)
    if refusal:
        return refused("pearson", n=n, reason=refusal, extras=extras, **common)
    r, interval = moments.correlation, _interval(moments, level)
    extras |= {
        "value_unbiased": olkin_pratt(r, n),
        "p_value": interval.p_value,
        "interval_method": interval.method,
    }
    few = _doubts(n, interval)
    notes = [*few, *_notes(n, extras["n_same_rater"])]
    return Estimate(
        value=r,
        lo=interval.lo,
        hi=interval.hi,
        n=n,
        method="pearson",
        status="low_n" if few else "ok",
        reason="; ".join(notes),
        extras=extras,
        **common,
    )


RUNGS: tuple[Rung, ...] = (Rung(number=1, metric="r_obs", estimate=observed_validity),)


def technique_estimates(
    pairs: pd.DataFrame,
    predictor_scores: pd.DataFrame,
    outcomes: pd.DataFrame,
    coverage: pd.DataFrame,
    as_of: datetime,
    rungs: Sequence[Rung] = RUNGS,
) -> pd.DataFrame:
    """All rungs for all techniques: the table `validity.technique_estimates`.

    Parameters
    ----------
    pairs, predictor_scores, outcomes, coverage
        `marts_validity.validity_pairs`, `fct_predictor_scores`, `fct_hire_outcomes`, `validity_coverage`.
    as_of
        State of the data, aware UTC time.
    rungs
        Which rungs to climb.

    Returns
    -------
    pandas.DataFrame
        One row per rung × technique × job family (``all`` too) × variant, columns `COLUMNS`; a technique that cannot
        be estimated has a row that says why.

    Raises
    ------
    MissingColumnsError
        A mart lacks a column.
    """
    observations = Observations.from_marts(pairs, predictor_scores, outcomes, coverage, as_of)
    rows = list(_climb(observations, rungs))
    return _typed(to_frame(_with_verdicts(rows)))


def _climb(observations: Observations, rungs: Sequence[Rung]) -> Iterator[tuple[dict[str, Any], Estimate]]:
    for technique, job_family in observations.cells():
        cell = observations.of(technique, job_family)
        for variant, restrict in VARIANTS.items():
            for rung in rungs:
                keys = (rung.metric, rung.number, technique, job_family, variant, CRITERION)
                yield dict(zip(KEY_COLUMNS, keys, strict=True)), rung.estimate(restrict(cell))


def _refusal(clean: pd.DataFrame, moments: ClusterMoments) -> str:
    """Why no correlation is computed, or nothing."""
    n = len(clean)
    if n < OBSERVED_CORRELATION.estimable:
        return f"{n} pairs, {OBSERVED_CORRELATION.estimable} needed"
    score_varies, rating_varies = moments.varies
    if not score_varies:
        return "every hire has the same score"
    if not rating_varies:
        return "every hire has the same performance rating"
    n_distinct = clean["score"].nunique()
    if n_distinct < MIN_DISTINCT_SCORES:
        return f"{n_distinct} different scores, {MIN_DISTINCT_SCORES} needed"
    if abs(moments.correlation) > 1 - 1e-12:
        return "score and rating are the same numbers (|r| = 1): one was derived from the other"
    return ""


def _interval(moments: ClusterMoments, level: float) -> Interval:
    """Clustered by interviewer where any interviewer scored two hires, but never narrower than Fisher's.

    Sharing an interviewer cannot make pairs more informative than independent ones; with a handful of interviewers CR2
    finds that now and then by chance.
    """
    independent = fisher_interval(moments.correlation, moments.n_pairs, level)
    if moments.n_clusters == moments.n_pairs or moments.n_clusters < 2:
        return independent
    clustered = clustered_interval(moments, level)
    return (
        clustered
        if clustered.hi - clustered.lo >= independent.hi - independent.lo
        else replace(independent, df=clustered.df)
    )


def _doubts(n: int, interval: Interval) -> list[str]:
    doubts = []
    if n < OBSERVED_CORRELATION.shown:
        doubts.append(f"{n} pairs, shown from {OBSERVED_CORRELATION.shown}")
    if interval.df is not None and interval.df < MIN_SATTERTHWAITE_DF:
        doubts.append("a few interviewers gave most of the scores, so the interval is rough")
    return doubts


def _notes(n: int, n_same_rater: int) -> list[str]:
    if not _is_mostly_same_rater(n, n_same_rater):
        return []
    return [
        f"{n_same_rater / n:.0%} of these hires were rated by somebody who had interviewed them, which can inflate r"
    ]


def _is_mostly_same_rater(n: int, n_same_rater: int) -> bool:
    """Whether too many hires were rated by somebody who had interviewed them for the number to be called clean."""
    return n_same_rater > MAX_SAME_RATER_SHARE * n


def _with_verdicts(rows: Sequence[tuple[dict[str, Any], Estimate]]) -> Iterator[tuple[dict[str, Any], Estimate]]:
    """Add q-values (Benjamini–Hochberg within rung × job family × variant) and the words."""
    q_values = _q_values(rows)
    for (keys, estimate), q in zip(rows, q_values, strict=True):
        survives = q is not None and q <= FALSE_DISCOVERY_RATE
        is_clean = not _is_mostly_same_rater(estimate.n, estimate.extras.get("n_same_rater", 0))
        words = verdict(estimate, estimate.extras.get("mdv"), survives, is_clean)
        added = {"q_value": q, "verdict": words.word, "verdict_sentence": words.sentence}
        yield keys, replace(estimate, extras=dict(estimate.extras) | added)


def _q_values(rows: Sequence[tuple[dict[str, Any], Estimate]]) -> list[float | None]:
    families: dict[tuple[Any, ...], list[int]] = {}
    for position, (keys, estimate) in enumerate(rows):
        if estimate.extras.get("p_value") is not None and keys["technique"] != UNMAPPED:
            families.setdefault((keys["rung"], keys["job_family"], keys["variant"]), []).append(position)
    q_values: list[float | None] = [None] * len(rows)
    for positions in families.values():
        p_values = [rows[position][1].extras["p_value"] for position in positions]
        for position, q in zip(positions, multipletests(p_values, method="fdr_bh")[1], strict=True):
            q_values[position] = float(q)
    return q_values


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns in order and typed, also when there is no row."""
    frame = frame.reindex(columns=list(COLUMNS))
    frame[list(_NUMBERS)] = frame[list(_NUMBERS)].astype("float64")
    frame[list(_COUNTS)] = frame[list(_COUNTS)].astype("Int64")
    frame["as_of"] = pd.to_datetime(frame["as_of"], utc=True)
    texts = [name for name in COLUMNS if name not in (*_NUMBERS, *_COUNTS, "as_of")]
    frame[texts] = frame[texts].astype("string").replace({np.nan: None})
    return frame
