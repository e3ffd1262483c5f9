"""Reliability of ratings in designs as they happen: neither crossed nor nested (generalizability theory).

Two raters are two *people*: the same manager in two cycles is a rate-rerate coefficient, which hides what is peculiar
to that manager. Reliability among the hired is not reliability among applicants; apply each to the group it came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_matrix, diags

from validity.attenuation import spearman_brown as spearman_brown
from validity.components import (
    DEFAULT_BOOTSTRAP,
    RESIDUAL,
    CrossedDesign,
    CrossedFit,
    crossed_bootstrap,
    crossed_reml,
    percentile_interval,
)
from validity.estimate import Estimate, refused
from validity.thresholds import MIN_RATEES_WITH_TWO_RATERS, MIN_RATERS

Array = npt.NDArray[np.float64]

METHOD = "g_qk+reml+parametric_bootstrap"


@dataclass(frozen=True)
class RatingDesign:
    """How many raters a ratee has and how far raters are shared: ``k_harmonic`` and the multiplier ``q``."""

    n_ratees: int
    n_raters: int
    k_harmonic: float
    q: float


@dataclass(frozen=True)
class DStudy:
    """Error variances and coefficients of a measurement made with given numbers of conditions."""

    var_object: float
    var_error_rel: float
    var_error_abs: float
    E_rho2: float
    Phi: float


def rating_design(incidence: Any) -> RatingDesign:
    """Harmonic mean of raters per ratee and the multiplier q (Putka, Le, McCloy & Diaz 2008, eq. 9).

    ``k̃ = N/Σ(1/k_i)``, ``q = 1/k̃ − Σ_{i≠i'} c_ii'/(k_i k_i') / (N(N−1))`` with c_ii' the raters that two ratees share:
    0 if crossed, 1/k if nested. The sum needs no ratee × ratee table: it is ``Σ_r s_r² − Σ_i 1/k_i`` with
    ``s_r = Σ 1/k_i`` over the ratees of rater r.

    Parameters
    ----------
    incidence
        (n_ratees, n_raters), dense or sparse; not 0 where the rater rated the ratee. Unrated ratees are left out.

    Raises
    ------
    ValueError
        Fewer than two rated ratees.

    >>> rating_design([[1, 1, 0, 0], [0, 0, 1, 1]])
    RatingDesign(n_ratees=2, n_raters=4, k_harmonic=2.0, q=0.5)
    """
    met = (csr_matrix(incidence) != 0).astype(float).tocsr()
    k = np.asarray(met.sum(1)).ravel()
    met, k = met[k > 0], k[k > 0]
    n = len(k)
    if n < 2:
        raise ValueError(f"`incidence`: {n} rated ratees, expected 2 or more.")
    weights = np.asarray((diags(1 / k) @ met).sum(0)).ravel()
    shared = float((weights**2).sum() - (1 / k).sum())
    k_harmonic = float(n / (1 / k).sum())
    return RatingDesign(n, int((weights > 0).sum()), k_harmonic, 1 / k_harmonic - shared / (n * (n - 1)))


def g_coefficient(var_ratee: float, var_rater: float, var_residual: float, design: RatingDesign) -> float:
    """``G(q,k) = σ²_T / (σ²_T + q σ²_R + σ²_e/k̃)``: reliability of a mean over the raters one has (Putka et al. 2008).

    >>> round(g_coefficient(0.30, 0.10, 0.40, RatingDesign(2, 4, 2.0, 0.5)), 3)
    0.545
    """
    error = design.q * var_rater + var_residual / design.k_harmonic
    return _share(var_ratee, error)


def single_rater_absolute(var_ratee: float, var_rater: float, var_residual: float) -> float:
    """Reliability of one rating by a rater drawn at random: severity counts as error.

    >>> round(single_rater_absolute(0.30, 0.10, 0.40), 3)
    0.375
    """
    return _share(var_ratee, var_rater + var_residual)


def single_rater_relative(var_ratee: float, var_residual: float) -> float:
    """Reliability of one rating after severity was removed, or by one rater for everybody.

    >>> round(single_rater_relative(0.30, 0.40), 3)
    0.429
    """
    return _share(var_ratee, var_residual)


def d_study(components: Mapping[str, float], n: Mapping[str, float], object_of_measurement: str) -> DStudy:
    """Coefficients of a measurement made with `n` conditions of each facet (Brennan 2001, ch. 4).

    ``Eρ² = σ²_p/(σ²_p + σ²_δ)``, ``Φ = σ²_p/(σ²_p + σ²_Δ)``.

    Parameters
    ----------
    components
        Variances by component: facets joined by ``:`` in any order, ``Residual`` for the object with every facet.
        A facet that never occurs alone is nested in those it always occurs with.
    n
        Conditions per facet. For a nested facet it is the number over all conditions of the facets it is nested in
        (3 tasks with 4 raters each are 12 raters).
    object_of_measurement
        The facet whose members are told apart, for example the candidate.

    Raises
    ------
    ValueError
        The object has no component, or a facet has no number of conditions.

    >>> study = d_study({"p": 0.5, "i": 0.2, "Residual": 0.6}, {"i": 3}, "p")
    >>> round(study.E_rho2, 3), round(study.Phi, 3)
    (0.714, 0.652)
    """
    facets = {name: frozenset(name.split(":")) for name in components if name != RESIDUAL}
    everything = frozenset().union(*facets.values()) if facets else frozenset()
    if object_of_measurement not in components:
        raise ValueError(f"`object_of_measurement`: {object_of_measurement!r}, expected one of {sorted(components)}.")
    missing = sorted(everything - {object_of_measurement} - set(n))
    if missing:
        raise ValueError(f"`n`: nothing for {', '.join(missing)}, expected a number of conditions per facet.")
    facets[RESIDUAL] = everything
    nests = _nests(everything, facets.values())
    relative = absolute = 0.0
    for name, variance in components.items():
        members = facets[name] - {object_of_measurement}
        if not members:
            continue
        error = variance / _conditions(members, nests, n)
        absolute += error
        relative += error if object_of_measurement in facets[name] else 0.0
    person = components[object_of_measurement]
    return DStudy(person, relative, absolute, _share(person, relative), _share(person, absolute))


def reliability_of_ratings(
    ratee: Any,
    rater: Any,
    y: Any,
    *,
    level: float = 0.95,
    n_resamples: int = DEFAULT_BOOTSTRAP,
    seed: int = 0,
    as_of: datetime | None = None,
    definition_version: str = "1",
) -> Estimate:
    """Reliability G(q,k) of the criterion: the mean rating of a person over the raters that person has.

    Several ratings of a person by one rater are one rater's opinion and are averaged first. The interval is a
    parametric bootstrap of the variance components with who-rated-whom held fixed.

    Parameters
    ----------
    ratee, rater, y
        One entry per rating; rows with a missing value are dropped.

    Returns
    -------
    One estimate; extras: components, k_harmonic, q, single-rater reliabilities, what stood at the boundary.

    >>> reliability_of_ratings([1, 1, 2, 2], ["a", "b", "a", "b"], [1, 2, 3, 4]).reason
    '2 people with 2 or more raters, 30 needed'
    """
    cells = rating_cells(ratee, rater, y)
    reason = _too_thin(cells)
    if reason:
        return _refused(len(cells), reason, level, as_of, definition_version)
    design = CrossedDesign.build(cells["ratee"], cells["rater"])
    shape = rating_design(design.meetings)
    fit = crossed_reml(design, cells["y"])
    extras = _extras(fit, shape)
    if not fit.converged:
        return _refused(
            len(cells), "the variance components did not converge", level, as_of, definition_version, extras
        )
    if fit.var_ratee == 0:
        reason = "differences between people are not distinguishable from 0 in these ratings"
        return _refused(len(cells), reason, level, as_of, definition_version, extras)
    value = g_of(fit, shape)
    lo, hi = percentile_interval(crossed_bootstrap(design, fit, lambda f: g_of(f, shape), n_resamples, seed), level)
    return Estimate(
        value=value,
        lo=min(lo, value),
        hi=max(hi, value),
        level=level,
        n=len(cells),
        method=METHOD,
        as_of=as_of,
        definition_version=definition_version,
        extras=extras,
    )


def rating_cells(ratee: Any, rater: Any, y: Any) -> pd.DataFrame:
    """One row per ratee and rater: ratee, rater, y (mean of that rater's ratings of that ratee)."""
    columns = {"ratee": np.asarray(ratee), "rater": np.asarray(rater), "y": np.asarray(y, dtype=float)}
    frame = pd.DataFrame(columns).dropna()
    return frame.groupby(["ratee", "rater"], sort=True)[["y"]].mean().reset_index()


def g_of(fit: CrossedFit, design: RatingDesign) -> float:
    """G(q,k) of fitted components."""
    return g_coefficient(fit.var_ratee, fit.var_rater, fit.var_residual, design)


def _share(signal: float, error: float) -> float:
    return signal / (signal + error) if signal + error else 0.0


def _nests(everything: frozenset[str], named: Iterable[frozenset[str]]) -> dict[str, frozenset[str]]:
    """For each facet, the others that it never occurs without: those it is nested in."""
    sets = list(named)
    return {f: frozenset.intersection(*[s for s in sets if f in s]) - {f} for f in everything}


def _conditions(members: frozenset[str], nests: Mapping[str, frozenset[str]], n: Mapping[str, float]) -> float:
    """Conditions a component's error is averaged over; a nested facet's number already counts those around it."""
    around = frozenset().union(*(nests[f] for f in members))
    return float(np.prod([n[f] for f in members - around]))


def _too_thin(cells: pd.DataFrame) -> str:
    several = int((cells.groupby("ratee").size() >= 2).sum())
    raters = cells["rater"].nunique()
    if several < MIN_RATEES_WITH_TWO_RATERS:
        return f"{several} people with 2 or more raters, {MIN_RATEES_WITH_TWO_RATERS} needed"
    if raters < MIN_RATERS:
        return f"{raters} raters, {MIN_RATERS} needed"
    if len(cells) <= raters:
        return "no rater rated two people, so severity cannot be told from chance"
    return ""


def _extras(fit: CrossedFit, design: RatingDesign) -> dict[str, Any]:
    return {
        "var_ratee": fit.var_ratee,
        "var_rater": fit.var_rater,
        "var_residual": fit.var_residual,
        "k_harmonic": design.k_harmonic,
        "q": design.q,
        "n_ratees": design.n_ratees,
        "n_raters": design.n_raters,
        "single_rater_absolute": single_rater_absolute(fit.var_ratee, fit.var_rater, fit.var_residual),
        "single_rater_relative": single_rater_relative(fit.var_ratee, fit.var_residual),
        "at_boundary": ", ".join(fit.at_boundary),
    }


def _refused(
    n: int,
    reason: str,
    level: float,
    as_of: datetime | None,
    definition_version: str,
    extras: Mapping[str, Any] | None = None,
) -> Estimate:
    return refused(
        METHOD, n=n, reason=reason, level=level, as_of=as_of, definition_version=definition_version, extras=extras
    )
