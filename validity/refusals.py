"""When a rung is refused and when it is doubted, each with the sentence that says why (METHODS 2, 3, 6, 8.7)."""

from __future__ import annotations

import numpy as np

from validity.predictor_facts import Facts
from validity.rungs import Computed, hires_needed
from validity.thresholds import (
    MAX_RELIABILITY,
    MAX_UNDEFINED_DRAWS,
    MAX_UNREVIEWED,
    MAX_UNREVIEWED_PROVISIONAL,
    MIN_CRITERION_RELIABILITY,
    MIN_DISTINCT_SCORES,
    OBSERVED_CORRELATION,
    TOLD_UNREVIEWED,
)

MIN_U = 0.40
"""Smallest ratio of hires' to applicants' standard deviation that is corrected (METHODS 8.7)."""
MIN_EFFECTIVE_N = 20.0
"""Unselected pairs that would be as uncertain as rung 3."""
MAX_EXTRAPOLATION = 0.60
"""Share of the rejected who scored where nobody was hired."""
MAX_UNRECORDED = 0.10
"""Share of those who reached a stage without any score of it."""


def reliability_interval(found: Computed) -> tuple[float, float]:
    """Limits of the criterion's reliability over resamples, NaN where none is defined; above 1 it is not."""
    drawn = found.boot.reliability[np.isfinite(found.boot.reliability)]
    if not len(drawn):
        return np.nan, np.nan
    tail = (1 - found.question.level) / 2
    lo, hi = np.quantile(drawn, [tail, 1 - tail])
    return float(lo), float(hi)


def no_reliability(found: Computed) -> str:
    """Why nothing can be corrected with the criterion's reliability, or nothing."""
    value, lo = float(found.point.reliability[0]), reliability_interval(found)[0]
    if not np.isfinite(value) or value < MIN_CRITERION_RELIABILITY:
        return f"criterion reliability {value:.2f}, at least {MIN_CRITERION_RELIABILITY:.2f} needed"
    if lo <= 0:
        return f"criterion reliability {value:.2f} is not distinguishable from 0 (interval from {lo:.2f})"
    return unusable_reliability(found)


def unusable_reliability(found: Computed) -> str:
    """Why the estimate of the criterion's reliability says nothing about it: it exceeds 1, or often would; or nothing.

    A low one says something, that ratings are poor; this one says that too few people were rated twice.
    """
    value = float(found.point.reliability[0])
    if value > MAX_RELIABILITY:
        return f"criterion reliability {value:.2f} exceeds 1: the estimate is unusable"
    undefined = float(np.mean(np.isnan(found.boot.reliability))) if len(found.boot.reliability) else 0.0
    if undefined > MAX_UNDEFINED_DRAWS:
        return f"{undefined:.0%} of the resamples give no criterion reliability, at most {MAX_UNDEFINED_DRAWS:.0%} may"
    return ""


def too_few_reviewed(found: Computed) -> str:
    """Why nothing is corrected: most hires have no review; or nothing."""
    if _unreviewed_share(found) <= MAX_UNREVIEWED:
        return ""
    return f"{_unreviewed(found)}; above {MAX_UNREVIEWED:.0%} nothing is corrected"


def many_unreviewed(found: Computed) -> str:
    """The doubt that many hires, though not most, have no review, or nothing."""
    is_provisional = MAX_UNREVIEWED_PROVISIONAL < _unreviewed_share(found) <= MAX_UNREVIEWED
    return f"provisional: {_unreviewed(found)}" if is_provisional else ""


def some_unreviewed(found: Computed) -> str:
    """What missing reviews may do where they change no status, or nothing where they are very few.

    In simulation S6 the worst hires lose their reviews, and rung 3 falls short by .06 (SIMULATION).
    """
    if _unreviewed_share(found) <= TOLD_UNREVIEWED:
        return ""
    return (
        f"{_unreviewed(found)}. Given the scores, that is assumed to have nothing to do with how they perform; "
        "were the worst ones missing, every rung would understate"
    )


def _unreviewed_share(found: Computed) -> float:
    return 1 - found.n_reviewed / found.sample.n_due


def _unreviewed(found: Computed) -> str:
    return f"{_unreviewed_share(found):.0%} of hires have no review in the window"


def doubts_of_corrections(found: Computed) -> list[str]:
    """Why rungs 2–4 are provisional."""
    unreviewed, source = many_unreviewed(found), found.model.source
    doubts = [unreviewed] if unreviewed else []
    if found.model.method == "stated":
        value = found.point.reliability[0]
        is_literature = "literature" in source
        words = f"criterion reliability {value:.2f} is a {source}" if is_literature else source
        doubts.append(f"provisional: {words}")
    return doubts


def no_correlation(facts: Facts) -> str:
    """Why there is no correlation at all, or nothing (METHODS 3)."""
    if facts.n_rated < OBSERVED_CORRELATION.estimable:
        return f"{facts.n_rated} pairs, {OBSERVED_CORRELATION.estimable} needed"
    if np.ptp(facts.x) < 1e-9:
        return "every reviewed hire has the same score"
    if np.ptp(facts.y) < 1e-9:
        return "every hire has the same performance rating"
    n_distinct = len(np.unique(facts.x.round(9)))
    if n_distinct < MIN_DISTINCT_SCORES:
        return f"{n_distinct} different scores, {MIN_DISTINCT_SCORES} needed"
    if abs(np.corrcoef(facts.x, facts.y)[0, 1]) > 1 - 1e-12:
        return "score and rating are the same numbers (|r| = 1): one was derived from the other"
    return ""


def no_disattenuation(found: Computed, facts: Facts) -> str:
    """Why rung 2 is not made, or nothing."""
    refusal = no_reliability(found) or too_few_reviewed(found) or no_correlation(facts)
    if refusal:
        return refusal
    if abs(facts.value2) >= 1:
        return "the corrected value exceeds 1: the reliability estimate is unusable"
    if facts.rung2.undefined > MAX_UNDEFINED_DRAWS:
        return f"{facts.rung2.undefined:.0%} of the resamples are undefined, at most {MAX_UNDEFINED_DRAWS:.0%} may be"
    return ""


def no_selection_correction(found: Computed, facts: Facts) -> str:
    """Why rungs 3 and 4 are not made, or nothing (METHODS 8.7)."""
    return (
        no_reliability(found)
        or too_few_reviewed(found)
        or _too_few_for_predictors(found)
        or no_correlation(facts)
        or (_too_restricted(facts) if found.question.design == "predictive" else "")
        or _too_uncertain(facts)
    )


def _too_few_for_predictors(found: Computed) -> str:
    p = len(found.sample.predictors)
    needed = hires_needed(p)
    return f"{found.n_reviewed} reviewed hires, {needed} needed for {p} predictors" if found.n_reviewed < needed else ""


def _too_restricted(facts: Facts) -> str:
    if facts.u < MIN_U:
        return f"scores of hires vary only {facts.u:.2f} times as much as those of applicants, {MIN_U:.2f} needed"
    if facts.outside > MAX_EXTRAPOLATION:
        seen = f"{facts.outside:.0%} of the rejected scored where nobody was hired"
        return f"{seen}, at most {MAX_EXTRAPOLATION:.0%} may"
    if facts.unrecorded > MAX_UNRECORDED:
        seen = f"no score of {facts.unrecorded:.1%} of those who reached the stage was recorded"
        return f"{seen}, at most {MAX_UNRECORDED:.0%} may lack one"
    return ""


def _too_uncertain(facts: Facts) -> str:
    if not np.isfinite(facts.value3) or abs(facts.value3) >= 1:
        return "the corrected value is not a correlation: the data cannot bear the correction"
    if facts.rung3.undefined > MAX_UNDEFINED_DRAWS:
        return f"{facts.rung3.undefined:.0%} of the resamples are undefined, at most {MAX_UNDEFINED_DRAWS:.0%} may be"
    if facts.effective_n < MIN_EFFECTIVE_N:
        return f"as uncertain as {facts.effective_n:.1f} unselected pairs, {MIN_EFFECTIVE_N:.0f} needed"
    return ""
