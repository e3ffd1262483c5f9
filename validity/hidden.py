"""What if hiring used something nobody recorded? Rung 3 as a function of how much that something knew (METHODS 8.6).

The correlation ρ between the unrecorded part of the hiring decision and the unexplained part of performance cannot be
estimated without an instrument; it is varied (Heckman 1979 as sensitivity; Copas & Li 1997). The decision is taken as
probit in the recorded scores; its coefficients follow from the means and covariances of hires and applicants, so no
applicant rows are needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from validity.moments import Array
from validity.selection import Corrected, correlation_with

RHO_GRID = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
DELTA_GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
MAX_INDEX_R2 = 0.98
"""A decision explained better than this by recorded scores is taken as this well explained."""


@dataclass(frozen=True)
class HiringModel:
    """Probit of being hired on recorded scores: index = constant + x·slope, one a resample.

    Attributes
    ----------
    constant, slope
        B and B × p.
    r_squared
        B, share of the latent decision that the scores explain (McKelvey & Zavoina 1975).
    """

    constant: Array
    slope: Array
    r_squared: Array


def hiring_model(moments: Corrected, hired_share: Array) -> HiringModel:
    """Probit coefficients from moments: exact where scores and the latent decision are jointly normal.

    With π hired and d the difference of means, hires − applicants, the index is proportional to V⁻¹d and explains
    R² = π²·d′V⁻¹d/φ(c)² of the latent decision, c its threshold (Olkin & Tate 1961, the biserial case).

    Parameters
    ----------
    moments
        Moments of applicants and reviewed hires.
    hired_share
        B, π.
    """
    difference = moments.mean_hired - moments.mean_applicants
    direction = np.linalg.pinv(np.nan_to_num(moments.applicants), rcond=1e-10, hermitian=True) @ difference[..., None]
    direction = direction[..., 0]
    distance = (direction * difference).sum(1)
    threshold = norm.isf(hired_share)
    r_squared = np.clip((hired_share / norm.pdf(threshold)) ** 2 * distance, 0, MAX_INDEX_R2)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = direction * (np.sqrt(r_squared / distance) / np.sqrt(1 - r_squared))[:, None]
    slope = np.where(distance[:, None] > 0, slope, 0.0)
    constant = -threshold / np.sqrt(1 - r_squared) - (slope * moments.mean_applicants).sum(1)
    return HiringModel(constant, slope, r_squared)


@dataclass(frozen=True)
class _HireSums:
    """Weighted means over reviewed hires that the curve needs: of λ, λ·x, λ·y, λ², λ(λ + index), each centred."""

    lambda_x: Array
    lambda_y: Array
    lambda_lambda: Array
    shrinkage: Array


def _hire_sums(model: HiringModel, x: Array, y: Array, weights: Array) -> _HireSums:
    index = model.constant[:, None] + model.slope @ x.T  # B × n
    ratio = np.exp(norm.logpdf(index) - norm.logcdf(index))
    total = weights.sum(1)[:, None]
    w = weights / total
    mean_x, mean_y, mean_l = w @ x, w @ y, (w * ratio).sum(1)
    return _HireSums(
        (w * ratio) @ x - mean_l[:, None] * mean_x,
        (w * ratio) @ y - mean_l * mean_y,
        (w * ratio**2).sum(1) - mean_l**2,
        (w * ratio * (ratio + index)).sum(1),
    )


def fixed_rho_curve(
    moments: Corrected, hired_share: Array, x: Array, y: Array, weights: Array, grid: tuple[float, ...] = RHO_GRID
) -> Array:
    """Validities (len(grid) × B × p) if unrecorded hiring information correlated ρ with unexplained performance.

    For each ρ: regress Y − ρσλ on the scores among hires, σ² = (mean of squared residuals − rating error) / mean of
    1 − ρ²λ(λ + index), iterate; then the correction of rung 3 with that slope.

    Parameters
    ----------
    moments
        Of applicants and reviewed hires, B resamples.
    hired_share
        B, hired among those who reached the stage.
    x, y
        Scores (n × p, gaps filled) and criterion (n) of reviewed hires.
    weights
        B × n.
    grid
        The ρ to try; without any, nothing is computed.
    """
    if not grid:
        return np.zeros((0, *weights.shape[:1], x.shape[1]))
    model = hiring_model(moments, hired_share)
    sums = _hire_sums(model, x, y, weights)
    inverse = np.linalg.pinv(np.nan_to_num(moments.hired), rcond=1e-10, hermitian=True)
    between = (moments.hired @ moments.slope[..., None])[..., 0]
    variance = moments.residual_variance * (moments.n - x.shape[1] - 1) / moments.n
    variance = variance + (moments.slope * between).sum(1)  # of the criterion among hires
    return np.stack([_at_rho(rho, moments, sums, inverse, between, variance) for rho in grid])


def _at_rho(rho: float, moments: Corrected, sums: _HireSums, inverse: Array, between: Array, variance: Array) -> Array:
    scale = np.sqrt(np.maximum(moments.residual_variance - moments.error_variance, 1e-9))
    slope = moments.slope
    for _ in range(50):
        shift = rho * scale
        covariance = between - shift[:, None] * sums.lambda_x
        slope = (inverse @ covariance[..., None])[..., 0]
        of_y = variance - 2 * shift * sums.lambda_y + shift**2 * sums.lambda_lambda
        residual = (of_y - (slope * covariance).sum(1)) * moments.n / np.maximum(moments.n - slope.shape[1] - 1, 1)
        new = np.sqrt(np.maximum((residual - moments.error_variance) / (1 - rho**2 * sums.shrinkage), 1e-9))
        if np.nanmax(np.abs(new - scale), initial=0.0) < 1e-7:
            break
        scale = new
    among = np.einsum("bi,bij,bj->b", slope, moments.applicants, slope)
    bias = _applicant_bias(moments, inverse)
    return correlation_with(
        (moments.applicants @ slope[..., None])[..., 0], moments.applicants, scale**2 + among - bias
    )


def _applicant_bias(moments: Corrected, inverse: Array) -> Array:
    """tr(V Var b̂): what b̂′Vb̂ exceeds b′Vb by."""
    trace = np.einsum("bij,bji->b", moments.applicants, inverse)
    return np.asarray(moments.residual_variance * trace / np.maximum(moments.n - inverse.shape[-1] - 1, 1))


def shifted(moments: Corrected, hired_share: Array, delta: float) -> Array:
    """Validities (B × p) if people who were not hired would perform δ residual SDs worse than equal-score hires.

    Pattern mixture: cov += δ·s_e·π(x̄_h − μ_x), var += δ²s_e²π(1−π) + 2δ·s_e·π·b′(x̄_h − μ_x).
    """
    gap = hired_share[:, None] * (moments.mean_hired - moments.mean_applicants)
    error = delta * np.sqrt(np.maximum(moments.residual_variance - moments.error_variance, 0.0))
    covariance = moments.covariance + error[:, None] * gap
    variance = moments.criterion_variance + error**2 * hired_share * (1 - hired_share)
    variance = variance + 2 * error * (moments.slope * gap).sum(1)
    return correlation_with(covariance, moments.applicants, variance)


def tipping_point(grid: tuple[float, ...], values: Array, level: float = 0.0) -> float | None:
    """Where a curve first falls to `level` between grid points, or None: linear between them.

    >>> tipping_point((0.0, 0.5), np.array([-0.1, 0.1]))
    0.25
    """
    for (left, a), (right, b) in zip(
        zip(grid, values, strict=True), list(zip(grid, values, strict=True))[1:], strict=False
    ):
        if (a - level) * (b - level) <= 0 and a != b:
            return float(left + (right - left) * (level - a) / (b - a))
    return None
