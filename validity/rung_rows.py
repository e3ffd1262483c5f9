"""The four rungs of one predictor as rows: value, interval and how they were made, or the reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from validity.correlation import ClusterMoments, Interval, bca_interval, clustered_interval, fisher_interval
from validity.pooling import with_prior
from validity.predictor_facts import Facts
from validity.refusals import (
    doubts_of_corrections,
    no_correlation,
    no_disattenuation,
    no_reliability,
    no_selection_correction,
    reliability_interval,
)
from validity.rungs import Computed
from validity.thresholds import MIN_SATTERTHWAITE_DF, OBSERVED_CORRELATION
from validity.verdict import two_decimals

MAX_WIDTH = 0.80
"""An interval of rung 3 that is wider says too little for a value."""
FEW_DISTINCT = 5
MAX_SKEWNESS = 1.0
"""With so few distinct scores, or beyond this skewness, normal theory gives way to the bootstrap (BCa)."""
BCA_RESAMPLES = 5_000


@dataclass(frozen=True)
class Rung:
    """One rung of one predictor; `probability_positive` is rung 4's."""

    rung: int
    method: str
    value: float
    lo: float
    hi: float
    status: str
    reason: str
    probability_positive: float = np.nan

    @classmethod
    def shown(cls, rung: int, method: str, numbers: tuple[float, float, float], doubts: Sequence[str]) -> Rung:
        """A value with its limits, which include it; of low standing where there are doubts."""
        value, lo, hi = numbers
        status = "low_n" if doubts else "ok"
        return cls(rung, method, value, min(lo, value), max(hi, value), status, "; ".join(doubts))

    @classmethod
    def refused(cls, rung: int, method: str, reason: str) -> Rung:
        """No value, and why."""
        return cls(rung, method, np.nan, np.nan, np.nan, "not_estimable", reason)

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


def rungs_of(found: Computed, facts: Facts) -> list[Rung]:
    """Rungs 1–4 of a predictor."""
    refusal = no_selection_correction(found, facts)
    return [
        _observed(facts, found.question.level),
        _disattenuated(found, facts),
        _selection_corrected(found, facts, refusal),
        _pooled(found, facts, refusal),
    ]


def reliability_row(found: Computed) -> dict[str, Any]:
    """The row of `Study.reliability`."""
    refusal = no_reliability(found)
    lo, hi = reliability_interval(found)
    value = float(found.point.reliability[0])
    status = "low_n" if found.model.method == "stated" else "ok"
    return {
        "method": found.model.method,
        "value": np.nan if refusal else value,
        "lo": np.nan if refusal else lo,
        "hi": np.nan if refusal else hi,
        "n_pairs": found.model.n_pairs,
        "n_raters": found.model.n_raters,
        "status": "not_estimable" if refusal else status,
        "reason": refusal or found.model.source,
    }


def _observed(facts: Facts, level: float) -> Rung:
    """Rung 1."""
    refusal = no_correlation(facts)
    if refusal:
        return Rung.refused(1, "pearson", refusal)
    moments = ClusterMoments.from_pairs(facts.x, facts.y, facts.cluster)
    interval = _interval(facts, moments, level)
    few = facts.n_rated < OBSERVED_CORRELATION.shown
    doubts = [f"{facts.n_rated} pairs, shown from {OBSERVED_CORRELATION.shown}"] if few else []
    if interval.df is not None and interval.df < MIN_SATTERTHWAITE_DF:
        doubts.append("a few raters gave most of the ratings, so the interval is rough")
    return Rung.shown(1, f"pearson+{interval.method}", (moments.correlation, interval.lo, interval.hi), doubts)


def _interval(facts: Facts, moments: ClusterMoments, level: float) -> Interval:
    independent = fisher_interval(moments.correlation, moments.n_pairs, level)
    if 2 <= moments.n_clusters < moments.n_pairs:
        clustered = clustered_interval(moments, level)
        return clustered if clustered.hi - clustered.lo >= independent.hi - independent.lo else independent
    skew = float(np.mean(((facts.x - facts.x.mean()) / facts.x.std()) ** 3))
    if len(np.unique(facts.x)) <= FEW_DISTINCT or abs(skew) > MAX_SKEWNESS:
        return bca_interval(facts.x, facts.y, level, BCA_RESAMPLES)
    return independent


def _disattenuated(found: Computed, facts: Facts) -> Rung:
    """Rung 2."""
    method = f"attenuation+{found.model.method}"
    refusal = no_disattenuation(found, facts)
    if refusal:
        return Rung.refused(2, method, refusal)
    return Rung.shown(2, method, (facts.value2, facts.rung2.lo, facts.rung2.hi), doubts_of_corrections(found))


def _selection_corrected(found: Computed, facts: Facts, refusal: str) -> Rung:
    """Rung 3."""
    method, spread = _method3(found), facts.rung3
    if refusal:
        return Rung.refused(3, method, refusal)
    if spread.hi - spread.lo > MAX_WIDTH:
        between = f"somewhere between {two_decimals(spread.lo)} and {two_decimals(spread.hi)}"
        return Rung.refused(3, method, f"too wide to say: {between}")
    return Rung.shown(3, method, (facts.value3, spread.lo, spread.hi), doubts_of_corrections(found))


def _pooled(found: Computed, facts: Facts, refusal: str) -> Rung:
    """Rung 4 with the stated prior; pooling over job families is `validity.analysis`'s."""
    mean, sd = found.question.prior
    method = f"{_method3(found)}+prior({mean:.2f},{sd:.2f})"
    if refusal:
        return Rung.refused(4, method, refusal)
    z, z_se = np.array([np.arctanh(facts.value3)]), np.array([facts.rung3.z_se])
    pooled = with_prior(z, z_se, mean, sd, found.question.level)
    value, lo, hi = (float(np.tanh(part[0])) for part in (pooled.mean, pooled.lo, pooled.hi))
    made = Rung.shown(4, method, (value, lo, hi), doubts_of_corrections(found))
    return replace(made, probability_positive=float(pooled.probability_positive[0]))


def _method3(found: Computed) -> str:
    if found.question.design == "concurrent":
        return f"attenuation+{found.model.method}+no_selection"
    return f"maximum_likelihood+{found.model.method}"
