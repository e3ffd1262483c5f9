"""Performance ratings made comparable: standardised within cells, leniency of raters taken out as far as it is known.

Nothing here fills in a missing rating.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import bmat, csr_matrix
from scipy.sparse.csgraph import connected_components

from validity.components import CrossedDesign, CrossedFit, crossed_reml, one_way_reml

Array = npt.NDArray[np.float64]

MIN_CELL = 5
"""Ratings a cell needs to be standardised within itself (10 are better)."""

MIN_CONNECTED_SHARE = 0.80
"""Share of ratings the largest connected group of raters must hold before leniency is modelled."""

MIN_SHARED_RATEES = 3
"""Ratees a rater must share with other raters before that rater's leniency is told apart from the team."""


@dataclass(frozen=True)
class LeniencyRemoval:
    """Empirical-Bayes leniency: one row per rater, and the rating of every row without it (NaN where missing).

    ``raters`` is indexed by rater: n, mean, shrink (0–1), leniency (points of the scale).
    """

    grand_mean: float
    tau2: float
    sigma2: float
    raters: pd.DataFrame
    adjusted: pd.Series[float]


@dataclass(frozen=True)
class Connectivity:
    """Whether raters are linked by ratees they share: share of ratings in the largest linked group, and per rater.

    ``raters`` is indexed by rater: n, n_shared (ratees that somebody else rated too), component, is_connected.
    """

    n_components: int
    largest_share: float
    raters: pd.DataFrame


@dataclass(frozen=True)
class CriterionScores:
    """One row per ratee: `raw` mean, `adjusted` score, and how the adjustment was made.

    ``method`` is ``crossed_reml`` (severity and people separated) or ``eb_leniency`` (not separable: read raw and
    adjusted as a bracket). ``leniency`` has one row per rater: n, leniency, is_shown; leniency is NaN where a rater
    shares too few ratees. ``reliability`` is that of `adjusted` for a comparison of people, leniency out: corr²(T̂, T) =
    var(T̂)/σ²_T of a best linear unbiased predictor (Searle, Casella & McCulloch 1992, ch. 7); NaN for ``eb_leniency``,
    whose components do not tell people from error.
    """

    method: str
    reason: str
    reliability: float
    scores: pd.DataFrame
    leniency: pd.DataFrame


def standardise_within_cells(
    rating: pd.Series[float],
    cell: Sequence[pd.Series[Any]],
    fallback: Sequence[pd.Series[Any]],
    min_cell: int = MIN_CELL,
    min_fallback: int = MIN_CELL,
) -> pd.DataFrame:
    """z of ratings within `cell`, else within the wider `fallback`, else nothing; n−1 in the standard deviation.

    Parameters
    ----------
    rating
        (n,) ratings on category indices, NaN where missing.
    cell, fallback
        Columns that make up the cell (cycle, scale, level …) and the wider one (cycle, scale), aligned with `rating`.
        A missing label is a label of its own. A forced-distribution cycle takes its calibration pool as the cell.
    min_cell, min_fallback
        Ratings needed in a cell and in the wider one; both need a standard deviation above 0.

    Returns
    -------
    One row per rating, same index: z (NaN where missing or refused), used_cell (the narrow cell passed).

    >>> frame = pd.DataFrame({"r": [1, 2, 3, 4, 5, 2], "cycle": "h1", "level": ["a"] * 5 + ["b"]})
    >>> z = standardise_within_cells(frame["r"], [frame["cycle"], frame["level"]], [frame["cycle"]])
    >>> z["z"].round(2).tolist(), z["used_cell"].tolist()
    ([-1.26, -0.63, 0.0, 0.63, 1.26, -0.57], [True, True, True, True, True, False])
    """
    narrow, narrow_passed = _z_within(rating, cell, min_cell)
    wide, wide_passed = _z_within(rating, fallback, min_fallback)
    z = narrow.where(narrow_passed, wide.where(wide_passed))
    return pd.DataFrame({"z": z, "used_cell": narrow_passed})


def remove_leniency(rating: pd.Series[float], rater: pd.Series[Any], tau2: float, sigma2: float) -> LeniencyRemoval:
    """Leniency shrunk by a known share: ``B_j = τ²/(τ² + σ²/n_j)``, ``leniency_j = B_j (ȳ_j − ȳ)``, adjusted = y − it.

    The closed form of empirical Bayes with one rating per person. It takes differences of team means for leniency, in
    part: where better teams have a stricter bar it removes performance, so show it next to the raw rating.

    Parameters
    ----------
    rating, rater
        One entry per rating; NaN ratings stay NaN and do not count.
    tau2, sigma2
        Variance between raters that is leniency, and variance of ratings within raters.

    >>> out = remove_leniency(pd.Series([4.0, 5.0, 2.0, 3.0]), pd.Series(["a", "a", "b", "b"]), 0.5, 1.0)
    >>> out.raters["leniency"].round(2).to_dict(), out.adjusted.round(2).tolist()
    ({'a': 0.5, 'b': -0.5}, [3.5, 4.5, 2.5, 3.5])
    """
    if tau2 < 0 or sigma2 < 0 or tau2 + sigma2 == 0:
        raise ValueError(f"`tau2`, `sigma2`: {tau2}, {sigma2}, expected variances that are not both 0.")
    grand_mean = float(rating.mean())
    by = rating.groupby(rater, sort=True)
    raters = pd.DataFrame({"n": by.count(), "mean": by.mean()})
    raters["shrink"] = raters["n"] * tau2 / (raters["n"] * tau2 + sigma2)
    raters["leniency"] = (raters["shrink"] * (raters["mean"] - grand_mean)).fillna(0.0)
    adjusted = rating - rater.map(raters["leniency"]).astype(float).fillna(0.0)
    return LeniencyRemoval(grand_mean, tau2, sigma2, raters, adjusted)


def connectivity(ratee: Any, rater: Any) -> Connectivity:
    """Which raters are linked, directly or through others, by ratees they share (connected bipartite graph).

    Parameters
    ----------
    ratee, rater
        One entry per rating, without gaps.

    >>> found = connectivity([1, 1, 2, 3], ["a", "b", "b", "c"])
    >>> found.n_components, found.largest_share, found.raters["n_shared"].to_dict()
    (2, 0.75, {'a': 1, 'b': 1, 'c': 0})
    """
    pairs = pd.DataFrame({"ratee": np.asarray(ratee), "rater": np.asarray(rater)})
    if not len(pairs):
        empty = pd.DataFrame({"n": [], "n_shared": [], "component": [], "is_connected": []})
        return Connectivity(0, 0.0, empty)
    design = CrossedDesign.build(pairs["ratee"], pairs["rater"])
    met = design.meetings.astype(bool).astype(float)
    n_components, label = connected_components(bmat([[None, met], [met.T, None]]), directed=False)
    of_rater = label[met.shape[0] :]
    sizes = np.bincount(of_rater[design.rater_codes], minlength=n_components)
    shared = np.asarray(csr_matrix(met.T) @ (np.asarray(met.sum(1)).ravel() > 1).astype(float)).astype(int)
    raters = pd.DataFrame(
        {
            "n": np.bincount(design.rater_codes),
            "n_shared": shared,
            "component": of_rater,
            "is_connected": (of_rater == int(sizes.argmax())) & (shared > 0),
        },
        index=design.raters,
    )
    return Connectivity(int(n_components), float(sizes.max() / len(pairs)), raters)


def criterion_scores(ratee: Any, rater: Any, y: Any, *, prior_share: float = 0.5) -> CriterionScores:
    """One criterion score per person with leniency out: by the crossed model if raters are connected, else a bracket.

    Parameters
    ----------
    ratee, rater, y
        One entry per (standardised) rating; rows with a missing value are dropped.
    prior_share
        Where raters are not connected: the share of the variance between raters that is held to be leniency and not
        a difference of teams, 0–1.

    Returns
    -------
    Scores per person (raw, adjusted, n) and leniency per rater, in order of id.

    >>> out = criterion_scores([1, 2, 3, 4], ["a", "a", "b", "b"], [4.0, 5.0, 2.0, 3.0])
    >>> out.method, out.scores.round(2)["adjusted"].tolist()
    ('eb_leniency', [3.56, 4.56, 2.44, 3.44])
    """
    if not 0 <= prior_share <= 1:
        raise ValueError(f"`prior_share`: {prior_share}, expected a number from 0 to 1.")
    columns = {"ratee": np.asarray(ratee), "rater": np.asarray(rater), "y": np.asarray(y, dtype=float)}
    frame = pd.DataFrame(columns).dropna()
    by = frame.groupby("ratee", sort=True)["y"]
    raw = pd.DataFrame({"raw": by.mean(), "n": by.count()})
    links = connectivity(frame["ratee"], frame["rater"])
    reason = _not_separable(frame, links)
    if not reason:
        design = CrossedDesign.build(frame["ratee"], frame["rater"])
        fit = crossed_reml(design, frame["y"])
        if fit.converged:
            scores = _model_scores(raw, fit)
            has_people = fit.var_ratee > 0 and len(scores) > 1
            reliability = float(scores["adjusted"].var()) / fit.var_ratee if has_people else np.nan
            return CriterionScores("crossed_reml", "", reliability, scores, _model_leniency(links, fit))
        reason = "the variance components did not converge"
    return _bracket(frame, raw, links, reason, prior_share)


def composite_reliability(weights: Any, covariance: Any, reliabilities: Any) -> float:
    """Reliability of a weighted sum: ``1 − Σ w² s² (1 − rel) / var_composite`` (Mosier 1943).

    `weights`, `reliabilities` (p,); `covariance` (p, p) of the observed dimensions.

    >>> round(composite_reliability([1, 1], [[1.0, 0.5], [0.5, 1.0]], [0.6, 0.7]), 3)
    0.767
    """
    w, s, rel = (np.asarray(value, dtype=float) for value in (weights, covariance, reliabilities))
    if s.shape != (len(w), len(w)) or rel.shape != w.shape:
        raise ValueError(f"`covariance`: {s.shape}, expected {len(w)} rows and columns and as many reliabilities.")
    variance = float(w @ s @ w)
    if variance <= 0:
        raise ValueError(f"`covariance`: a composite with variance {variance}, expected more than 0.")
    return float(1 - (w**2 * np.diag(s) * (1 - rel)).sum() / variance)


def _z_within(
    rating: pd.Series[float], labels: Sequence[pd.Series[Any]], minimum: int
) -> tuple[pd.Series[float], pd.Series[bool]]:
    """z within the cells made of `labels`, and whether the row's cell has enough ratings that differ."""
    keys = pd.concat(list(labels), axis=1, keys=range(len(labels)))
    by = rating.astype(float).groupby(keys.groupby(list(keys.columns), dropna=False).ngroup())
    n, sd = by.transform("count"), by.transform("std")
    differs = by.transform("max") > by.transform("min")  # a rounding error is no spread
    return (rating - by.transform("mean")) / sd.where(differs), (n >= max(minimum, 2)) & differs


def _not_separable(frame: pd.DataFrame, links: Connectivity) -> str:
    if links.largest_share < MIN_CONNECTED_SHARE:
        share = f"{links.largest_share:.0%}"
        return f"raters who share people hold {share} of the ratings, {MIN_CONNECTED_SHARE:.0%} needed"
    if len(links.raters) < 2:
        return "one rater rated everybody"
    if frame["ratee"].nunique() < 2 or len(frame) <= len(links.raters):
        return "no rater rated two people"
    if len(frame) <= frame["ratee"].nunique():
        return "nobody was rated twice"
    if not (links.raters["n_shared"] >= MIN_SHARED_RATEES).any():
        return f"no rater shares {MIN_SHARED_RATEES} people with others"
    return ""


def _model_scores(raw: pd.DataFrame, fit: CrossedFit) -> pd.DataFrame:
    return raw.assign(adjusted=fit.mean + fit.ratee_effects.reindex(raw.index))[["raw", "adjusted", "n"]]


def _model_leniency(links: Connectivity, fit: CrossedFit) -> pd.DataFrame:
    shown = links.raters["is_connected"] & (links.raters["n_shared"] >= MIN_SHARED_RATEES)
    leniency = fit.rater_effects.reindex(links.raters.index).where(shown)
    return pd.DataFrame({"n": links.raters["n"], "leniency": leniency, "is_shown": shown})


def _bracket(
    frame: pd.DataFrame, raw: pd.DataFrame, links: Connectivity, reason: str, prior_share: float
) -> CriterionScores:
    """Raw and leniency-adjusted scores side by side; the leniency of nobody is shown."""
    adjusted = frame["y"]
    sizes = frame.groupby("rater").size()
    if len(sizes) >= 2 and len(frame) > len(sizes) and np.ptp(frame["y"]) > 0:
        fit = one_way_reml(frame["y"], frame["rater"])
        if fit.var_group > 0:
            removed = remove_leniency(frame["y"], frame["rater"], fit.var_group, fit.var_residual)
            adjusted = prior_share * removed.adjusted + (1 - prior_share) * frame["y"]
    scores = raw.assign(adjusted=adjusted.groupby(frame["ratee"], sort=True).mean())[["raw", "adjusted", "n"]]
    hidden = pd.DataFrame({"n": links.raters["n"], "leniency": np.nan, "is_shown": False}, index=links.raters.index)
    return CriterionScores("eb_leniency", reason, np.nan, scores, hidden)
