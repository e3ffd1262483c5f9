"""Agreement of raters on categories and scales: Krippendorff's alpha, Gwet's AC1/AC2, Cohen's kappa, r_wg.

A rating matrix has one row per unit and one column per rater; NaN is "did not rate". Metrics and weights are functions
of two categories, so that nothing here knows how many raters or categories there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]
Metric = Literal["nominal", "ordinal", "interval", "ratio", "gwet_ordinal"]
Weights = Literal["identity", "linear", "quadratic", "ordinal"]


@dataclass(frozen=True)
class WithinGroup:
    """r_wg of each item (negative when raters differ more than by chance) and r_wg(J) with and without truncation."""

    items: tuple[float, ...]
    joint: float
    joint_untruncated: float
    n_raters: int


def krippendorff_alpha(ratings: Any, metric: Metric = "nominal") -> float | None:
    """``α = 1 − D_o/D_e`` (Krippendorff 2011), any number of raters, missing ratings allowed.

    Parameters
    ----------
    ratings
        (n_units, n_raters) numbers or labels, missing where not rated. Labels allow the metrics `nominal` and, sorted,
        the two ordinal ones.
    metric
        `ordinal` is Krippendorff's own metric, which depends on how often categories are used; `gwet_ordinal` is
        ``1 − w`` with Gwet's (2014) ordinal weights, which some software calls ordinal alpha.

    Returns
    -------
    None when nothing can be said: no unit has two ratings, or only one category was ever used.

    >>> a, b = [1, 2, 3, 3, 2, 1, 4, 1, 2], [1, 2, 3, 3, 2, 2, 4, 1, 2]
    >>> round(krippendorff_alpha(np.column_stack([a, b]), "nominal"), 3)
    0.852
    """
    counts, categories = _counts(ratings)
    counts = counts[counts.sum(1) >= 2]
    used = counts.sum(0)
    total = used.sum()
    if total == 0 or (used > 0).sum() < 2:
        return None
    distance = _distance(metric, categories, used)
    per_unit = np.einsum("uc,ck,uk->u", counts, distance, counts) / (counts.sum(1) - 1)
    expected = used @ distance @ used / (total - 1)
    return float(1 - per_unit.sum() / expected)


def gwet_ac(ratings: Any, weights: Weights = "identity") -> float | None:
    """Gwet's AC1 (`identity`) or AC2 (other weights) (Gwet 2008, 2014 ch. 4), missing ratings allowed.

    Observed agreement over units with two or more ratings; chance agreement from the mean share of each category over
    all rated units. Quadratic and linear weights use the categories' values, ordinal ones their order.

    >>> a, b = [1, 2, 3, 3, 2, 1, 4, 1, 2], [1, 2, 3, 3, 2, 2, 4, 1, 2]
    >>> round(gwet_ac(np.column_stack([a, b])), 3)
    0.854
    """
    counts, categories = _counts(ratings)
    counts = counts[counts.sum(1) >= 1]
    several = counts[counts.sum(1) >= 2]
    q = len(categories)
    if not len(several):
        return None
    if q < 2:
        return 1.0
    weight = _weights(weights, categories)
    sizes = several.sum(1)
    agreed = (several * (several @ weight - 1)).sum(1) / (sizes * (sizes - 1))
    share = (counts / counts.sum(1, keepdims=True)).mean(0)
    chance = weight.sum() * (share * (1 - share)).sum() / (q * (q - 1))
    return float((agreed.mean() - chance) / (1 - chance))


def cohen_kappa(a: Any, b: Any, weights: Weights = "identity") -> float | None:
    """Cohen's kappa of two raters (Cohen 1960), weighted by the distance between positions of categories (Cohen 1968).

    Pairs with a missing rating are dropped; categories are those that either rater used. None when both raters gave
    everybody the same one category.

    >>> round(cohen_kappa([1, 2, 3, 3, 2], [1, 2, 3, 2, 2], "quadratic"), 3)
    0.8
    """
    pairs = pd.DataFrame({"a": np.asarray(a), "b": np.asarray(b)}).dropna()
    codes, categories = pd.factorize(pairs.to_numpy().ravel(), sort=True)
    q = len(categories)
    if q < 2:
        return None
    table = np.zeros((q, q))
    np.add.at(table, tuple(codes.reshape(-1, 2).T), 1.0 / len(pairs))
    weight = _weights(weights, np.arange(q, dtype=float))
    observed, chance = (weight * table).sum(), (weight * np.outer(table.sum(1), table.sum(0))).sum()
    return float((observed - chance) / (1 - chance))


def within_group_agreement(ratings: Any, scale_points: int) -> WithinGroup:
    """r_wg per item and r_wg(J) of one target (James, Demaree & Wolf 1984); uniform null, ``σ²_E = (A² − 1)/12``.

    `ratings` (n_raters, n_items); raters with a missing item are dropped. ``joint`` takes a mean variance above the
    null's as the null's (agreement 0); the untruncated form is the bare formula. For panel consensus only: it compares
    with random answers, not with other candidates.

    >>> round(within_group_agreement([[3, 4], [4, 4], [3, 5]], scale_points=5).joint, 3)
    0.909
    """
    matrix = np.asarray(ratings, dtype=float)
    matrix = matrix.reshape(len(matrix), -1)
    matrix = matrix[np.isfinite(matrix).all(1)]
    if scale_points < 2 or len(matrix) < 2:
        raise ValueError(f"`ratings`: {len(matrix)} raters on {scale_points} points, expected 2 or more of each.")
    ratio = matrix.var(axis=0, ddof=1) / ((scale_points**2 - 1) / 12)
    j, mean = matrix.shape[1], float(ratio.mean())
    return WithinGroup(tuple((1 - ratio).tolist()), _joint(j, min(mean, 1.0)), _joint(j, mean), len(matrix))


def _joint(n_items: int, ratio: float) -> float:
    gain = n_items * (1 - ratio)
    return gain / (gain + ratio) if gain + ratio else float("nan")


def _counts(ratings: Any) -> tuple[Array, Array]:
    """How often each category was given to each unit, (n_units, n_categories), and the categories' values in order."""
    frame = pd.DataFrame(ratings)
    codes, categories = pd.factorize(frame.to_numpy().ravel(), sort=True)
    counts = np.zeros((len(frame), len(categories)))
    units = np.repeat(np.arange(len(frame)), frame.shape[1])
    np.add.at(counts, (units[codes >= 0], codes[codes >= 0]), 1.0)
    try:
        values = np.asarray(categories, dtype=float)
    except (TypeError, ValueError):  # labels have an order but no distance
        values = np.arange(len(categories), dtype=float)
    return counts, values


def _distance(metric: Metric, values: Array, used: Array) -> Array:
    """Squared difference δ² of every pair of categories (Krippendorff 2011, section E)."""
    difference = np.abs(values[:, None] - values[None, :])
    if metric == "nominal":
        return (difference > 0).astype(float)
    if metric == "interval":
        return np.asarray(difference**2)
    if metric == "ratio":
        total = np.abs(values[:, None] + values[None, :])
        return np.asarray(np.divide(difference, total, out=np.zeros_like(total), where=total > 0) ** 2)
    if metric == "ordinal":
        middle = np.cumsum(used) - used / 2
        return np.asarray((middle[:, None] - middle[None, :]) ** 2)
    if metric == "gwet_ordinal":
        return np.asarray(1 - _weights("ordinal", values))
    raise ValueError(f"`metric`: {metric!r}, expected nominal, ordinal, interval, ratio or gwet_ordinal.")


def _weights(kind: Weights, values: Array) -> Array:
    """Agreement weights: 1 on the diagonal, 0 for the farthest pair (Gwet 2014, section 3.5)."""
    difference = np.abs(values[:, None] - values[None, :])
    if kind == "identity":
        return np.eye(len(values))
    if kind == "linear":
        return np.asarray(1 - difference / difference.max())
    if kind == "quadratic":
        return np.asarray(1 - (difference / difference.max()) ** 2)
    if kind == "ordinal":
        steps = np.abs(np.subtract.outer(np.arange(len(values)), np.arange(len(values))))
        pairs = steps * (steps + 1) / 2
        return np.asarray(1 - pairs / pairs.max())
    raise ValueError(f"`weights`: {kind!r}, expected identity, linear, quadratic or ordinal.")
