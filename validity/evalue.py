"""How strong hidden confounding must be to explain a finding away: E-values and Rosenbaum bounds.

For claims that compare two groups (trained or not, referred or not). The E-value of a validity is an illustration only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata


@dataclass(frozen=True)
class EValue:
    """Risk ratio with limits, its E-value, and the E-value of the limit that lies nearer to 1 (the other is None)."""

    risk_ratio: float
    risk_ratio_lo: float | None
    risk_ratio_hi: float | None
    point: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class RosenbaumBound:
    """Largest one-sided p-value if hidden bias changes the odds of exposure within a pair by at most `gamma`."""

    gamma: float
    p_upper: float
    n_pairs: int


def evalue_of_risk_ratio(risk_ratio: float, lo: float | None = None, hi: float | None = None) -> EValue:
    """E-value ``RR + √(RR(RR−1))``, ratios below 1 inverted; 1 for a limit beyond 1 (VanderWeele & Ding 2017).

    >>> answer = evalue_of_risk_ratio(3.9, 1.8, 8.7)
    >>> round(answer.point, 2), round(answer.lower, 2)
    (7.26, 3.0)
    """
    known = [limit for limit in (lo, risk_ratio, hi) if limit is not None]
    if min(known) < 0 or known != sorted(known) or risk_ratio == 0:
        raise ValueError(f"`risk_ratio`, `lo`, `hi`: {risk_ratio}, {lo}, {hi}, expected positive numbers in order.")
    lower = upper = None
    if risk_ratio >= 1 and lo is not None:
        lower = _evalue(lo) if lo > 1 else 1.0
    if risk_ratio < 1 and hi is not None:
        upper = _evalue(hi) if hi < 1 else 1.0
    return EValue(risk_ratio, lo, hi, _evalue(risk_ratio), lower, upper)


def evalue_of_mean_difference(d: float, standard_error: float | None = None) -> EValue:
    """E-value of a standardised mean difference through ``RR ≈ exp(.91 d)``, limits ``exp(.91 d ± 1.78 se)``.

    VanderWeele & Ding (2017), table 2.

    >>> answer = evalue_of_mean_difference(0.5, 0.25)
    >>> round(answer.point, 2), round(answer.lower, 2)
    (2.53, 1.11)
    """
    if standard_error is None:
        return evalue_of_risk_ratio(exp(0.91 * d))
    if not standard_error >= 0:
        raise ValueError(f"`standard_error`: {standard_error}, expected 0 or more.")
    lo, hi = exp(0.91 * d - 1.78 * standard_error), exp(0.91 * d + 1.78 * standard_error)
    return evalue_of_risk_ratio(exp(0.91 * d), lo, hi)


def evalue_of_validity(r: float, lo: float | None = None, hi: float | None = None) -> EValue:
    """E-value of a correlation through ``d = 2r/√(1−r²)`` and ``RR ≈ exp(.91 d)``; illustrative.

    >>> round(evalue_of_validity(0.30).point, 2)
    2.94
    """
    point, low, high = (None if limit is None else _risk_ratio_of_r(limit) for limit in (r, lo, hi))
    assert point is not None
    return evalue_of_risk_ratio(point, low, high)


def rosenbaum_signed_rank(
    exposed: Sequence[float] | npt.NDArray[np.float64],
    control: Sequence[float] | npt.NDArray[np.float64],
    gammas: Sequence[float],
) -> list[RosenbaumBound]:
    """Bounds on the one-sided p-value (exposed > control) of Wilcoxon's signed rank test, one per gamma.

    Rosenbaum (2002), section 4.3.3, large sample: with ``p⁺ = Γ/(1+Γ)`` and ranks q of the differences that are not 0,
    ``(T − p⁺Σq) / √(p⁺(1−p⁺)Σq²)``. Zero differences take part in the ranking and then weigh nothing.

    >>> bounds = rosenbaum_signed_rank([5, 7, 9, 6, 8, 9], [3, 6, 4, 6, 5, 5], [1, 2])
    >>> [round(bound.p_upper, 3) for bound in bounds]
    [0.018, 0.068]
    """
    difference = np.asarray(exposed, dtype=np.float64) - np.asarray(control, dtype=np.float64)
    difference = difference[np.isfinite(difference)]
    if min(gammas, default=1) < 1:
        raise ValueError(f"`gammas`: {list(gammas)}, expected odds ratios of 1 or more.")
    if not difference.any():
        raise ValueError("`exposed`, `control`: no pair differs, expected at least one that does.")
    ranks = np.where(difference == 0, 0.0, rankdata(np.abs(difference)))
    statistic = ranks[difference > 0].sum()
    return [RosenbaumBound(gamma, _p_upper(statistic, ranks, gamma), len(difference)) for gamma in gammas]


def _p_upper(statistic: float, ranks: npt.NDArray[np.float64], gamma: float) -> float:
    p = gamma / (1 + gamma)
    return float(norm.sf((statistic - p * ranks.sum()) / sqrt(p * (1 - p) * (ranks**2).sum())))


def _evalue(risk_ratio: float) -> float:
    ratio = risk_ratio if risk_ratio >= 1 else 1 / risk_ratio
    return ratio + sqrt(ratio * (ratio - 1))


def _risk_ratio_of_r(r: float) -> float:
    if not -1 < r < 1:
        raise ValueError(f"`r`: {r}, expected a correlation between -1 and 1.")
    return exp(0.91 * 2 * r / sqrt(1 - r * r))
