"""Correction of an observed correlation for the unreliability of the performance rating (rung 2), and its refusals.

Operational validity corrects the criterion only: the firm uses its scores as they are. True-score validity corrects
both and answers another question ("is it the construct or the scoring?").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import overload

import numpy as np
import numpy.typing as npt

from validity.estimate import Estimate, refused
from validity.thresholds import (
    MAX_UNDEFINED_DRAWS,
    MIN_CRITERION_RELIABILITY,
    MIN_RATEES_WITH_TWO_RATERS,
    MIN_RATERS,
)

Array = npt.NDArray[np.float64]

LOCAL_METHOD = "pearson+local_reliability+bootstrap"
LITERATURE_METHOD = "pearson+literature_reliability"


@dataclass(frozen=True)
class ReferenceReliability:
    """A published reliability of one supervisor's overall performance rating."""

    name: str
    value: float
    role: str
    source: str
    read_in: str


REFERENCE_RELIABILITIES: tuple[ReferenceReliability, ...] = (
    ReferenceReliability(
        "sackett_2022", 0.60, "main", "Sackett, Zhang, Berry & Lievens (2022) JAP 107:2040, main analysis", "the text"
    ),
    ReferenceReliability(
        "viswesvaran_1996",
        0.52,
        "sensitivity",
        "Viswesvaran, Ones & Schmidt (1996) JAP 81:557; Rothstein (1990)",
        "Sackett et al. (2022)",
    ),
    ReferenceReliability(
        "zhou_2024", 0.65, "sensitivity", "Zhou, Sackett, Shen & Beatty (2024) JAP 109:949, k = 132", "the abstract"
    ),
    ReferenceReliability(
        "zhou_2024_managerial", 0.57, "sensitivity", "Zhou et al. (2024), managerial jobs", "the abstract"
    ),
    ReferenceReliability(
        "zhou_2024_non_managerial", 0.68, "sensitivity", "Zhou et al. (2024), non-managerial jobs", "the abstract"
    ),
    ReferenceReliability(
        "salgado_2019_administrative",
        0.45,
        "sensitivity",
        "Salgado & Moscoso (2019) Front Psychol 10:2281, ratings for administrative purposes",
        "the abstract",
    ),
    ReferenceReliability(
        "salgado_2019_research", 0.61, "sensitivity", "Salgado & Moscoso (2019), ratings for research", "the abstract"
    ),
)
"""Single-rater reliabilities to fall back on where a firm has no second rater; always named beside the number."""


def disattenuate(r: float, r_yy: float, r_xx: float = 1.0) -> float:
    """Correlation freed of random error: ``r / √(r_xx r_yy)`` (Spearman 1904).

    Parameters
    ----------
    r
        Observed correlation.
    r_yy
        Reliability of the criterion in the same group, 0–1.
    r_xx
        Reliability of the predictor; leave it at 1 for operational validity.

    Returns
    -------
    float
        May exceed 1 in absolute value when a reliability is too low to be true; nothing is clipped.

    Raises
    ------
    ValueError
        A correlation outside -1 to 1, a reliability that is not above 0 and at most 1.

    Examples
    --------
    >>> round(disattenuate(0.30, 0.60), 3), round(disattenuate(0.30, 0.60, 0.80), 3)
    (0.387, 0.433)
    """
    if not -1 <= r <= 1:
        raise ValueError(f"`r`: {r}, expected a correlation between -1 and 1.")
    for name, reliability in (("r_yy", r_yy), ("r_xx", r_xx)):
        if not 0 < reliability <= 1:
            raise ValueError(f"`{name}`: {reliability}, expected a reliability above 0 and at most 1.")
    return r / sqrt(r_xx * r_yy)


@overload
def spearman_brown(reliability: float, k: float) -> float: ...


@overload
def spearman_brown(reliability: Array, k: float) -> Array: ...


def spearman_brown(reliability: float | Array, k: float) -> float | Array:
    """Reliability of the mean of `k` raters from that of one: ``k r / (1 + (k−1) r)`` (Spearman 1910; Brown 1910).

    `k` below 1 goes the other way, for example 1/3 from a mean of three raters to one. An array gives one value each.

    >>> round(spearman_brown(0.52, 2), 2)
    0.68
    """
    if not (k > 0 and np.all(reliability <= 1) and np.all(1 + (k - 1) * reliability > 0)):
        raise ValueError(f"`reliability`, `k`: {reliability}, {k}, expected at most 1 and more than 0 raters.")
    return k * reliability / (1 + (k - 1) * reliability)


def refusal_of_reliability(r_yy: float, r_yy_lo: float, n_ratees: int, n_raters: int) -> str | None:
    """Why a local criterion reliability may not be used, as a sentence; None when it may.

    >>> refusal_of_reliability(0.24, 0.10, 60, 12)
    'criterion reliability .24, .30 needed'
    """
    if n_ratees < MIN_RATEES_WITH_TWO_RATERS:
        return f"{n_ratees} hires with two independent raters, {MIN_RATEES_WITH_TWO_RATERS} needed"
    if n_raters < MIN_RATERS:
        return f"{n_raters} raters, {MIN_RATERS} needed"
    if not r_yy_lo > 0:
        return "criterion reliability is not distinguishable from 0"
    if r_yy < MIN_CRITERION_RELIABILITY:
        return f"criterion reliability {_short(r_yy)}, {_short(MIN_CRITERION_RELIABILITY)} needed"
    return None


def operational_validity(
    observed: Estimate,
    r_yy: float,
    r_yy_lo: float,
    *,
    n_ratees: int,
    n_raters: int,
    draws: Sequence[tuple[float, float]] | Array,
) -> Estimate:
    """Rung 2 with a reliability estimated in the same firm.

    Parameters
    ----------
    observed
        The observed correlation (rung 1).
    r_yy, r_yy_lo
        Reliability of the performance rating as used, and its lower limit at the level of `observed`.
    n_ratees, n_raters
        Hires with two or more independent raters, and the different raters behind them.
    draws
        ``(B, 2)``: observed correlation and reliability of the same bootstrap resample of persons. Resampling both
        together carries the uncertainty of `r_yy`; scaling the limits of r by 1/√r_yy would ignore it.

    Returns
    -------
    Estimate
        One per `observed`; refused with the reason where section 6 of the method refuses.

    Examples
    --------
    >>> observed = Estimate(value=0.30, lo=0.12, hi=0.46, n=110, method="pearson", definition_version="1")
    >>> pairs = [(0.30 + step / 100, 0.60 - step / 200) for step in range(-15, 16)]
    >>> rung_2 = operational_validity(observed, 0.60, 0.45, n_ratees=60, n_raters=14, draws=pairs)
    >>> f"{rung_2.value:.2f} [{rung_2.lo:.2f}, {rung_2.hi:.2f}]"
    '0.39 [0.19, 0.61]'
    """
    if observed.value is None:
        return _refusal(observed, LOCAL_METHOD, observed.reason)
    reason = refusal_of_reliability(r_yy, r_yy_lo, n_ratees, n_raters)
    if reason is not None:
        return _refusal(observed, LOCAL_METHOD, reason)
    rho = disattenuate(observed.value, r_yy)
    resampled, undefined = _corrected_draws(np.asarray(draws, dtype=np.float64).reshape(-1, 2))
    extras = {"r_yy": r_yy, "n_undefined_draws": undefined}
    if abs(rho) > 1:
        return _refusal(observed, LOCAL_METHOD, _exceeds_one(rho), extras)
    if not len(resampled) or undefined > MAX_UNDEFINED_DRAWS * (undefined + len(resampled)):
        reason = f"{undefined} of {undefined + len(resampled)} resamples have no defined correction"
        return _refusal(observed, LOCAL_METHOD, reason, extras)
    tail = (1 - observed.level) / 2
    lo, hi = (float(limit) for limit in np.quantile(resampled, [tail, 1 - tail]))
    made = replace(observed, value=rho, lo=min(lo, rho), hi=max(hi, rho), method=LOCAL_METHOD)
    return replace(made, extras=extras)


def operational_validity_with_reference(observed: Estimate, reference: ReferenceReliability) -> Estimate:
    """Rung 2 with a published reliability: the limits of r are scaled, and the reason says whose reliability it is.

    >>> observed = Estimate(value=0.30, lo=0.12, hi=0.46, n=110, method="pearson", definition_version="1")
    >>> rung_2 = operational_validity_with_reference(observed, REFERENCE_RELIABILITIES[0])
    >>> f"{rung_2.value:.2f} [{rung_2.lo:.2f}, {rung_2.hi:.2f}]"
    '0.39 [0.15, 0.59]'
    """
    if observed.value is None or observed.lo is None or observed.hi is None:
        return _refusal(observed, LITERATURE_METHOD, observed.reason)
    rho = disattenuate(observed.value, reference.value)
    extras = {"r_yy": reference.value, "r_yy_source": reference.source}
    if abs(rho) > 1:
        return _refusal(observed, LITERATURE_METHOD, _exceeds_one(rho), extras)
    scale = 1 / sqrt(reference.value)
    note = f"reliability of the rating {_short(reference.value)} from the literature ({reference.source}), not local"
    reason = "; ".join(part for part in (observed.reason, note) if part)
    return replace(
        observed,
        value=rho,
        lo=observed.lo * scale,
        hi=observed.hi * scale,
        method=LITERATURE_METHOD,
        reason=reason,
        extras=extras,
    )


def _corrected_draws(draws: Array) -> tuple[Array, int]:
    """Corrected resamples, and how many have no defined correction (reliability at 0, or a result beyond 1)."""
    r, r_yy = draws[:, 0], draws[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = np.where(r_yy > 0, r / np.sqrt(np.where(r_yy > 0, r_yy, 1.0)), np.nan)
    is_defined = np.isfinite(rho) & (np.abs(rho) <= 1)
    return rho[is_defined], int((~is_defined).sum())


def _refusal(observed: Estimate, method: str, reason: str, extras: Mapping[str, object] | None = None) -> Estimate:
    return refused(
        method,
        n=observed.n,
        reason=reason,
        definition_version=observed.definition_version,
        level=observed.level,
        as_of=observed.as_of,
        extras=extras,
    )


def _exceeds_one(rho: float) -> str:
    return f"corrected correlation {rho:.2f} exceeds 1: the reliability estimate is unusable"


def _short(number: float) -> str:
    """.60 as the field prints it."""
    return f"{number:.2f}".removeprefix("0")
