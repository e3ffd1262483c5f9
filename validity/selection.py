"""Correction for selection with all applicants' scores: Pearson–Lawley on maximum-likelihood moments (METHODS 8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from validity.moments import Array
from validity.normal import NormalFit

MAX_BIAS_SHARE = 0.95
"""The small-sample correction may not remove more of the criterion's variance than this (METHODS 8.4)."""


def pearson_lawley(restricted: Array, selection: Array) -> Array:
    """Covariances among all applicants from those among the selected (Pearson 1903; Lawley 1943).

    Parameters
    ----------
    restricted
        Covariances among the selected, selection variables first.
    selection
        Covariances of the selection variables among everybody.

    Returns
    -------
    numpy.ndarray
        Covariances of all variables among everybody.

    Raises
    ------
    ValueError
        The shapes do not fit.

    >>> pearson_lawley(np.array([[0.8, 0.2], [0.2, 0.8]]), np.array([[1.0]])).round(4).tolist()
    [[1.0, 0.25], [0.25, 0.8125]]
    """
    s, v = np.asarray(restricted, dtype=float), np.asarray(selection, dtype=float)
    k = len(v)
    if s.ndim != 2 or s.shape[0] != s.shape[1] or v.shape != (k, k) or k > len(s):
        raise ValueError(f"`restricted`, `selection`: shapes {s.shape}, {v.shape}, expected square, the second inside.")
    slope = np.linalg.solve(s[:k, :k], s[:k, k:])
    result = s.copy()
    result[:k, :k] = v
    result[:k, k:] = v @ slope
    result[k:, :k] = result[:k, k:].T
    result[k:, k:] = s[k:, k:] + slope.T @ (v - s[:k, :k]) @ slope
    return result


def pearson_lawley_means(covariance: Array, restricted: Array, selection: Array) -> Array:
    """Means among everybody: ȳ + S_yx S_xx⁻¹ (μ_x − x̄) (Lawley 1943).

    Parameters
    ----------
    covariance
        Covariances, selection variables first.
    restricted, selection
        Means of all variables among the selected, and of the selection variables among everybody.

    >>> pearson_lawley_means(np.array([[1.0, 0.5], [0.5, 1.0]]), np.array([1.0, 0.3]), np.array([0.0])).tolist()
    [0.0, -0.2]
    """
    c, chosen = np.asarray(covariance, dtype=float), np.asarray(restricted, dtype=float)
    everybody = np.asarray(selection, dtype=float)
    k = len(everybody)
    shift = np.linalg.solve(c[:k, :k], everybody - chosen[:k])
    return np.concatenate([everybody, chosen[k:] + c[k:, :k] @ shift])


@dataclass(frozen=True)
class Corrected:
    """Moments among applicants with the criterion free of rating error, one set a resample.

    Attributes
    ----------
    applicants, hired
        B × p × p, covariances V and S of the predictors among those who reached the stage, and among reviewed hires.
    covariance
        B × p, of predictors with the criterion among applicants.
    criterion_variance
        B, of the error-free criterion among applicants; NaN where it is not positive or mostly bias correction.
    slope
        B × p, of the criterion on the predictors.
    bias
        B, what the small-sample correction took from the variance.
    residual_variance, error_variance
        B, of the observed criterion given the predictors (unbiased), and of rating error.
    mean_applicants, mean_hired
        B × p.
    n
        B, reviewed hires.
    """

    applicants: Array
    hired: Array
    covariance: Array
    criterion_variance: Array
    slope: Array
    bias: Array
    residual_variance: Array
    error_variance: Array
    mean_applicants: Array
    mean_hired: Array
    n: Array

    @property
    def correlation(self) -> Array:
        """B × p: ρ_j = (Vb)_j / √(V_jj [s²_T + b′(V − S)b])."""
        return correlation_with(self.covariance, self.applicants, self.criterion_variance)


def correlation_with(covariance: Array, applicants: Array, criterion_variance: Array) -> Array:
    """Correlations (B × p) of predictors with a criterion of this variance (B)."""
    spread = np.diagonal(applicants, axis1=-2, axis2=-1) * criterion_variance[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(spread > 0, covariance / np.sqrt(spread), np.nan))


def correct_for_selection(fit: NormalFit, reliability: Array, n_design: int) -> Corrected:
    """Rung 3: selection undone by maximum likelihood, criterion unreliability before it, small-sample bias after.

    The criterion is the last variable. Its rating error among hires, s²_y(1 − r_yy), leaves its variance among
    applicants, σ²_y = s²_y + b′(V − S)b under maximum likelihood (reliability first, selection second: Stauffer &
    Mendoza 2001); E[b̂′Db̂] exceeds b′Db by tr(D Var b̂), D = V − S, which is taken off too.

    Parameters
    ----------
    fit
        Maximum-likelihood moments of [design | predictors and decision score | criterion].
    reliability
        B, of the criterion among hires.
    n_design
        How many leading variables only say where a person applied (job families); everything is within them.

    Returns
    -------
    Corrected
    """
    applicants, covariance = _within(fit.cov, n_design)
    hired, _ = _within(fit.complete_cov, n_design)
    p = applicants.shape[-1]
    slope = _times(_symmetric_inverse(applicants), covariance)
    explained = (slope * covariance).sum(1)
    performance = _within_variance(fit.cov, n_design)
    error = (1 - reliability) * fit.complete_cov[:, -1, -1]
    n = fit.n_complete
    with np.errstate(invalid="ignore", divide="ignore"):
        left = n - p - 1 - n_design
        residual = np.where(left > 0, (performance - explained) * n / left, np.nan)
        spare = np.einsum("bij,bji->b", applicants - hired, _symmetric_inverse(hired))  # tr((V − S)S⁻¹)
        bias = residual * spare / left
    gross = performance - error
    net = gross - bias
    among_hired = _within_variance(fit.complete_cov, n_design) - error
    usable = (among_hired > 0) & (net > (1 - MAX_BIAS_SHARE) * gross) & (net > 0)
    return Corrected(
        applicants, hired, covariance, np.where(usable, net, np.nan), slope, bias, residual, error,
        fit.mean[:, n_design:-1], fit.complete_mean[:, n_design:-1], n,
    )  # fmt: skip


def _within(cov: Array, n_design: int) -> tuple[Array, Array]:
    """Covariances of the predictors, and with the criterion, within the design's groups."""
    inner = _given(cov, n_design)
    return inner[:, :-1, :-1], inner[:, :-1, -1]


def _within_variance(cov: Array, n_design: int) -> Array:
    return np.asarray(_given(cov, n_design)[:, -1, -1])


def _given(cov: Array, n_design: int) -> Array:
    """Covariances of what follows the design variables, given those."""
    if n_design == 0:
        return cov
    between = cov[:, n_design:, :n_design]
    left = between @ _symmetric_inverse(cov[:, :n_design, :n_design]) @ between.transpose(0, 2, 1)
    return np.asarray(cov[:, n_design:, n_design:] - left)


def _symmetric_inverse(matrix: Array) -> Array:
    known = np.isfinite(matrix).all(axis=(1, 2))
    inverse = np.full_like(matrix, np.nan)
    if matrix.shape[-1] == 0:
        return inverse
    inverse[known] = np.linalg.pinv(matrix[known], rcond=1e-10, hermitian=True)
    return inverse


def _times(matrix: Array, vector: Array) -> Array:
    return np.asarray((matrix @ vector[..., None])[..., 0])
