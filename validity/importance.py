"""What several techniques say together: R², its parts, and what would be lost without one of them.

All from a correlation matrix of predictors ``(..., p, p)`` and their validities ``(..., p)``; leading dimensions are a
batch (bootstrap resamples). Relative weights and general dominance divide R² among correlated predictors; neither is
incremental validity, which is `each_last`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import f as f_distribution

Array = npt.NDArray[np.float64]

MAX_PREDICTORS_OF_DOMINANCE = 12
"""Dominance compares 2^p models; above it use relative weights."""

MAX_VIF = 10.0
"""Above it single regression weights are not shown; relative weights still are."""

MIN_CASES_PER_PREDICTOR = 10
"""Cases per predictor below which no regression is shown."""


@dataclass(frozen=True)
class Dominance:
    """`general` (..., p) sums to R²; `conditional` (..., p, p): predictor, number of others already in the model."""

    general: Array
    conditional: Array


@dataclass(frozen=True)
class Hierarchical:
    """What a second block of predictors adds to a first one, on raw data."""

    r2_block1: float
    r2_block2: float
    delta_r2: float
    f: float
    df1: int
    df2: int
    p_value: float
    adjusted_r2: float
    cross_validity: float
    n: int


def standardised_betas(correlations: npt.ArrayLike, validities: npt.ArrayLike) -> Array:
    """Standardised regression weights ``R⁻¹ r``, shape (..., p).

    >>> standardised_betas([[1, 0.5], [0.5, 1]], [0.3, 0.3]).round(2).tolist()
    [0.2, 0.2]
    """
    matrix, r = _checked(correlations, validities)
    return np.asarray(np.linalg.solve(matrix, r[..., None])[..., 0])


def r_squared(correlations: npt.ArrayLike, validities: npt.ArrayLike) -> Array:
    """Squared multiple correlation ``r'R⁻¹r``, shape (...).

    >>> round(float(r_squared([[1, 0.5], [0.5, 1]], [0.3, 0.3])), 2)
    0.12
    """
    return np.asarray((np.asarray(validities, dtype=np.float64) * standardised_betas(correlations, validities)).sum(-1))


def relative_weights(correlations: npt.ArrayLike, validities: npt.ArrayLike) -> Array:
    """Johnson's relative weights, shape (..., p); they sum to R² (Johnson 2000; Fabbris 1980).

    With ``L = R^{1/2}`` the predictors' loadings on their nearest orthogonal set: ``ε = L∘L (L⁻¹r)∘(L⁻¹r)``.

    >>> relative_weights([[1, 0.5], [0.5, 1]], [0.4, 0.2]).round(3).tolist()
    [0.14, 0.02]
    """
    matrix, r = _checked(correlations, validities)
    values, vectors = np.linalg.eigh(matrix)
    transposed = np.swapaxes(vectors, -1, -2)
    loadings = (vectors * np.sqrt(values)[..., None, :]) @ transposed
    weights = np.linalg.solve(loadings, r[..., None]) ** 2
    return np.asarray((loadings**2 @ weights)[..., 0])


def dominance(correlations: npt.ArrayLike, validities: npt.ArrayLike) -> Dominance:
    """General and conditional dominance (Budescu 1993; Azen & Budescu 2003); general equals LMG and Shapley values.

    The gain in R² from a predictor, averaged over all models of one size that lack it (conditional), then over sizes
    (general).

    Raises
    ------
    ValueError
        More than 12 predictors (ask `refusal_of_dominance` first), a matrix that is not positive definite.

    Examples
    --------
    >>> answer = dominance([[1, 0.5], [0.5, 1]], [0.4, 0.2])
    >>> answer.general.round(2).tolist(), answer.conditional.round(2).tolist()
    ([0.14, 0.02], [[0.16, 0.12], [0.04, 0.0]])
    """
    matrix, r = _checked(correlations, validities)
    p = r.shape[-1]
    reason = refusal_of_dominance(p)
    if reason is not None:
        raise ValueError(f"`correlations`: {reason}.")
    r2 = np.empty((2**p, *r.shape[:-1]))
    for subset, unexplained in _all_subsets(_joined(matrix, r)):
        r2[subset] = 1 - unexplained
    conditional = np.moveaxis(_mean_gains(r2, p), (0, 1), (-2, -1))
    return Dominance(general=conditional.mean(-1), conditional=conditional)


def each_last(correlations: npt.ArrayLike, validities: npt.ArrayLike) -> Array:
    """R² lost when one predictor is dropped from the full model, shape (..., p): ``β_j² / (R⁻¹)_jj``.

    >>> each_last([[1, 0.5], [0.5, 1]], [0.4, 0.2]).round(2).tolist()
    [0.12, 0.0]
    """
    return np.asarray(standardised_betas(correlations, validities) ** 2 / vif(correlations))


def vif(correlations: npt.ArrayLike) -> Array:
    """Variance inflation factors, the diagonal of ``R⁻¹``, shape (..., p).

    >>> vif([[1, 0.5], [0.5, 1]]).round(2).tolist()
    [1.33, 1.33]
    """
    matrix, _ = _checked(correlations, None)
    return np.asarray(np.diagonal(np.linalg.inv(matrix), axis1=-2, axis2=-1))


def adjusted_r2(r2: float, n: int, p: int) -> float:
    """R² in the population: ``1 − (1−R²)(n−1)/(n−p−1)`` (Ezekiel 1930, called Wherry's); may be negative.

    >>> round(adjusted_r2(0.30, 60, 4), 3)
    0.249
    """
    if n <= p + 1:
        raise ValueError(f"`n`: {n}, expected more than {p + 1} cases for {p} predictors.")
    return 1 - (1 - r2) * (n - 1) / (n - p - 1)


def browne_cross_validity(r2: float, n: int, p: int) -> float:
    """Squared correlation that these weights would reach in new data (Browne 1975).

    ``ρ_c² = [(n−p−3)ρ⁴ + ρ²] / [(n−2p−2)ρ² + p]`` with ρ² the adjusted R², 0 when that is negative.

    >>> round(browne_cross_validity(0.30, 60, 4), 3)
    0.215
    """
    rho2 = max(adjusted_r2(r2, n, p), 0.0)
    denominator = (n - 2 * p - 2) * rho2 + p
    if not denominator > 0:
        raise ValueError(f"`n`: {n}, expected more than about {2 * p + 2} cases for {p} predictors.")
    return ((n - p - 3) * rho2**2 + rho2) / denominator


def hierarchical(frame: pd.DataFrame, criterion: str, block1: Sequence[str], block2: Sequence[str]) -> Hierarchical:
    """Regression of `criterion` on `block1`, then on both blocks; rows with a gap in any of the columns are left out.

    F test of the added R² on raw data only (Cohen, Cohen, West & Aiken 2003, eq. 5.5.1).

    >>> frame = pd.DataFrame({"y": [1, 3, 2, 5, 4, 6], "a": [1, 2, 3, 4, 5, 6], "b": [1, 1, 0, 1, 0, 1]})
    >>> added = hierarchical(frame, "y", ["a"], ["b"])
    >>> f"{added.delta_r2:.3f} F({added.df1}, {added.df2}) = {added.f:.1f}"
    '0.159 F(1, 3) = 8.5'
    """
    both = [*block1, *block2]
    complete = frame[[criterion, *both]].dropna().astype(np.float64)
    n, df1, df2 = len(complete), len(block2), len(complete) - len(both) - 1
    if df2 < 1 or df1 < 1:
        raise ValueError(f"`frame`: {n} complete rows for {len(both)} predictors, expected at least {len(both) + 2}.")
    first, second = (_r2_of_fit(complete[criterion], complete[list(block)]) for block in (block1, both))
    f = (second - first) / df1 / ((1 - second) / df2)
    return Hierarchical(
        r2_block1=first,
        r2_block2=second,
        delta_r2=second - first,
        f=f,
        df1=df1,
        df2=df2,
        p_value=float(f_distribution.sf(f, df1, df2)),
        adjusted_r2=adjusted_r2(second, n, len(both)),
        cross_validity=browne_cross_validity(second, n, len(both)),
        n=n,
    )


def refusal_of_dominance(p: int) -> str | None:
    """Why dominance is not computed for `p` predictors, as a sentence; None when it is.

    >>> refusal_of_dominance(14)
    '14 predictors, at most 12 for dominance; use relative weights'
    """
    if p <= MAX_PREDICTORS_OF_DOMINANCE:
        return None
    return f"{p} predictors, at most {MAX_PREDICTORS_OF_DOMINANCE} for dominance; use relative weights"


def refusal_of_regression(n: int, p: int) -> str | None:
    """Why no regression of `n` cases on `p` predictors is shown, as a sentence; None when it is.

    >>> refusal_of_regression(41, 6)
    '41 cases for 6 predictors, 60 needed'
    """
    if n >= MIN_CASES_PER_PREDICTOR * p:
        return None
    return f"{n} cases for {p} predictors, {MIN_CASES_PER_PREDICTOR * p} needed"


def refusal_of_betas(correlations: npt.ArrayLike) -> str | None:
    """Why single regression weights are not shown, as a sentence; None when they are. Relative weights stay readable.

    >>> refusal_of_betas([[1, 0.97], [0.97, 1]])
    'predictors are nearly the same (variance inflation 16.9, at most 10); single weights mean nothing'
    """
    largest = float(vif(correlations).max())
    if largest <= MAX_VIF:
        return None
    limit = f"(variance inflation {largest:.1f}, at most {MAX_VIF:.0f})"
    return f"predictors are nearly the same {limit}; single weights mean nothing"


def _checked(correlations: npt.ArrayLike, validities: npt.ArrayLike | None) -> tuple[Array, Array]:
    """Both as arrays of one batch shape; a ValueError for shapes that do not fit or a singular matrix."""
    matrix = np.asarray(correlations, dtype=np.float64)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2] or not matrix.shape[-1]:
        raise ValueError(f"`correlations`: shape {matrix.shape}, expected (..., p, p).")
    if not np.isfinite(matrix).all() or (np.linalg.eigvalsh(matrix)[..., 0] <= 1e-12).any():
        raise ValueError(
            "`correlations`: not positive definite, expected predictors that do not determine one another."
        )
    r = np.zeros(matrix.shape[:-1]) if validities is None else np.asarray(validities, dtype=np.float64)
    if r.shape[-1:] != matrix.shape[-1:]:
        raise ValueError(f"`validities`: shape {r.shape}, expected (..., {matrix.shape[-1]}).")
    batch = np.broadcast_shapes(matrix.shape[:-2], r.shape[:-1])
    p = matrix.shape[-1]
    return np.broadcast_to(matrix, (*batch, p, p)), np.broadcast_to(r, (*batch, p))


def _joined(matrix: Array, r: Array) -> Array:
    """Predictors and criterion in one correlation matrix, the criterion last."""
    top = np.concatenate([matrix, r[..., None]], axis=-1)
    bottom = np.concatenate([r, np.ones_like(r[..., :1])], axis=-1)
    return np.concatenate([top, bottom[..., None, :]], axis=-2)


def _all_subsets(left: Array, subset: int = 0, first: int = 0) -> Iterator[tuple[int, Array]]:
    """Every subset of predictors (as bits) with the variance of the criterion that it leaves unexplained.

    Depth first, one Schur complement a step: `left` is the covariance of what is not yet in the subset, given what is.
    """
    yield subset, left[..., -1, -1]
    for k in range(left.shape[-1] - 1):
        later, column = left[..., k + 1 :, k + 1 :], left[..., k + 1 :, k]
        given = later - column[..., :, None] * column[..., None, :] / left[..., k, k][..., None, None]
        yield from _all_subsets(given, subset | 1 << (first + k), first + k + 1)


def _mean_gains(r2: Array, p: int) -> Array:
    """(p, p, ...): gain in R² from a predictor, averaged over the subsets of each size that lack it."""
    subsets = np.arange(2**p)
    sizes = np.array([int(subset).bit_count() for subset in subsets])
    gains = np.empty((p, p, *r2.shape[1:]))
    for j in range(p):
        lacks = subsets & (1 << j) == 0
        for size in range(p):
            chosen = subsets[lacks & (sizes == size)]
            gains[j, size] = (r2[chosen | 1 << j] - r2[chosen]).mean(0)
    return gains


def _r2_of_fit(y: pd.Series[float], x: pd.DataFrame) -> float:
    centred_y = (y - y.mean()).to_numpy()
    centred_x = (x - x.mean()).to_numpy()
    total = float(centred_y @ centred_y)
    if not total > 0:
        raise ValueError(f"`{y.name}`: one value only, expected a criterion that varies.")
    residual = centred_y - centred_x @ np.linalg.lstsq(centred_x, centred_y, rcond=None)[0]
    return 1 - float(residual @ residual) / total
