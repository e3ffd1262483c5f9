"""Maximum likelihood of means and covariances when scores are missing: stage funnels in closed form, gaps by EM.

Applicants leave a hiring process stage by stage, so what is missing is nearly monotone: the likelihood factors into one
regression a variable on those before it (Anderson 1957). Gaps inside a pattern (a skipped attribute) are filled with
their expectation and the factored step repeats (EM on the gaps only; Schafer 1997, ch. 6.5). Everything has a leading
axis B, so that all bootstrap resamples are fitted in one pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from validity.moments import Array, PatternMoments

TOLERANCE = 1e-8
"""Largest change of a standardised moment at which EM has converged."""
SINGULAR = 1e-10
"""Share of its own variance below which what is left of a variable counts as nothing."""


@dataclass(frozen=True)
class NormalFit:
    """Maximum-likelihood moments (n-divisor), one set a resample.

    Attributes
    ----------
    mean, cov
        B × q and B × q × q; NaN where a resample does not determine them.
    n_complete
        B, weight of the people whose last variable was observed.
    complete_mean, complete_cov
        Moments among those people (the reviewed hires, when performance is the last variable).
    n_iterations, converged
        How EM ended; 1 and true without gaps.
    """

    mean: Array
    cov: Array
    n_complete: Array
    complete_mean: Array
    complete_cov: Array
    n_iterations: int
    converged: bool


@dataclass(frozen=True)
class _Levels:
    """Expected sums by how far people got: n B × q, sums B × q × q, products B × q × q × q (second axis: level − 1)."""

    n: Array
    sums: Array
    products: Array

    def reaching(self, k: int) -> tuple[Array, Array, Array]:
        """Sums over everybody who got to variable `k`."""
        return self.n[:, k:].sum(1), self.sums[:, k:].sum(1), self.products[:, k:].sum(1)


def fit_normal(
    moments: PatternMoments, start: NormalFit | None = None, tolerance: float = TOLERANCE, max_iterations: int = 1000
) -> NormalFit:
    """Means and covariances by maximum likelihood under missingness at random.

    Parameters
    ----------
    moments
        Variables in the order of the funnel, the outcome last. Scale them to about 1, for `tolerance` is absolute.
    start
        Where EM begins, for example the fit of the data for the fits of their resamples.
    tolerance, max_iterations
        When EM ends.

    Returns
    -------
    NormalFit

    >>> x = np.arange(8.0)
    >>> y = np.where(x > 3, 2 * x + np.array([0, 0, 0, 0, 1, -1, -1, 1]), np.nan)
    >>> fit = fit_normal(PatternMoments.from_rows(np.column_stack([x, y])))
    >>> [round(float(m), 2) for m in fit.mean[0]]  # the mean of y among all eight, not among the four observed
    [3.5, 7.0]
    """
    moments = moments.where(moments.observed.any(axis=1))
    gaps = [g for g, level in enumerate(moments.levels) if not moments.observed[g, :level].all()]
    fixed = _fixed(moments, gaps)
    mean, cov = (start.mean, start.cov) if start else _maximise(_available(moments, fixed, gaps))
    mean, cov = (np.broadcast_to(a, (len(moments.n), *a.shape[1:])) for a in (mean, cov))
    converged, iteration = not gaps, 1
    levels = _expected(moments, fixed, gaps, mean, cov) if gaps else fixed
    for iteration in range(1, max_iterations + 1 if gaps else 2):
        new_mean, new_cov = _maximise(levels)
        change = _change(new_mean, mean), _change(new_cov, cov)
        mean, cov = new_mean, new_cov
        if gaps:
            levels = _expected(moments, fixed, gaps, mean, cov)
        if max(change) < tolerance:
            converged = True
            break
    return _fit(levels, mean, cov, iteration, converged)


def _fit(levels: _Levels, mean: Array, cov: Array, n_iterations: int, converged: bool) -> NormalFit:
    n, sums, products = levels.n[:, -1], levels.sums[:, -1], levels.products[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        complete_mean = sums / n[:, None]
        complete_cov = products / n[:, None, None] - complete_mean[:, :, None] * complete_mean[:, None, :]
    return NormalFit(mean, cov, n, complete_mean, complete_cov, n_iterations, converged)


def _change(new: Array, old: Array) -> float:
    difference = np.abs(new - old)
    return float(np.nanmax(difference)) if np.isfinite(difference).any() else 0.0


def _empty(moments: PatternMoments) -> _Levels:
    b, q = len(moments.n), moments.n_variables
    return _Levels(np.zeros((b, q)), np.zeros((b, q, q)), np.zeros((b, q, q, q)))


def _fixed(moments: PatternMoments, gaps: list[int]) -> _Levels:
    """Sums of the patterns without gaps, which no step changes."""
    levels = _empty(moments)
    for g, level in enumerate(moments.levels):
        if g not in gaps:
            _add(levels, level, moments.n[:, g], moments.sums[:, g], moments.products[:, g])
    return levels


def _add(levels: _Levels, level: int, n: Array, sums: Array, products: Array) -> None:
    levels.n[:, level - 1] += n
    levels.sums[:, level - 1] += sums
    levels.products[:, level - 1] += products


def _available(moments: PatternMoments, fixed: _Levels, gaps: list[int]) -> _Levels:
    """First filling of the gaps: each by its variable's mean where observed, uncorrelated with the others."""
    b, q = len(moments.n), moments.n_variables
    mean, cov = np.zeros((b, q)), np.zeros((b, q, q))
    for k in range(q):
        _, mean[:, k], variance = moments.variable(k)
        cov[:, k, k] = np.maximum(variance, 1e-12)
    return _expected(moments, fixed, gaps, mean, cov) if gaps else fixed


def _expected(moments: PatternMoments, fixed: _Levels, gaps: list[int], mean: Array, cov: Array) -> _Levels:
    """The E-step: sums as they are expected to be with the gaps filled."""
    levels = _Levels(fixed.n.copy(), fixed.sums.copy(), fixed.products.copy())
    for g in gaps:
        level = int(moments.levels[g])
        sums, products = _fill(moments, g, level, mean, cov)
        _add(levels, level, moments.n[:, g], sums, products)
    return levels


def _fill(moments: PatternMoments, g: int, level: int, mean: Array, cov: Array) -> tuple[Array, Array]:
    """Expected sums and products of pattern `g`: gap = α + Γ·observed + noise of covariance C."""
    has = np.flatnonzero(moments.observed[g, :level])
    gap = np.flatnonzero(~moments.observed[g, :level])
    swept = cov[:, :level, :level].copy()
    sweep(swept, has)
    slope, left = swept[:, gap[:, None], has], swept[:, gap[:, None], gap]
    constant = mean[:, gap] - _apply(slope, mean[:, has])
    n, sums, products = moments.n[:, g], moments.sums[:, g].copy(), moments.products[:, g].copy()
    seen_sums, seen_products = sums[:, has], products[:, has[:, None], has]
    gap_sums = n[:, None] * constant + _apply(slope, seen_sums)
    cross = constant[:, :, None] * seen_sums[:, None, :] + slope @ seen_products  # Σ gap·observed'
    inner = cross @ slope.transpose(0, 2, 1) + gap_sums[:, :, None] * constant[:, None, :]
    sums[:, gap] = gap_sums
    products[:, gap[:, None], has] = cross
    products[:, has[:, None], gap] = cross.transpose(0, 2, 1)
    products[:, gap[:, None], gap] = inner + n[:, None, None] * left
    return sums, products


def _maximise(levels: _Levels) -> tuple[Array, Array]:
    """The M-step: each variable regressed on those before it, among the people who got to it (Anderson 1957)."""
    b, q = levels.n.shape
    mean, cov = np.zeros((b, q)), np.zeros((b, q, q))
    ends = [k + 1 for k in range(q) if k == q - 1 or levels.n[:, k].any()]
    for first, end in zip([0, *ends], ends, strict=False):
        n, sums, products = levels.reaching(end - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = sums[:, :end] / n[:, None]
            spread = products[:, :end, :end] / n[:, None, None] - centre[:, :, None] * centre[:, None, :]
        short = n <= end
        spread[short], centre[short] = np.nan, np.nan
        sweep(spread, range(first))
        for k in range(first, end):
            slope = spread[:, :k, k]
            covariance = _apply(cov[:, :k, :k], slope)
            mean[:, k] = centre[:, k] + (slope * (mean[:, :k] - centre[:, :k])).sum(1)
            cov[:, k, :k] = cov[:, :k, k] = covariance
            cov[:, k, k] = spread[:, k, k] + (slope * covariance).sum(1)
            sweep(spread, [k])
    return mean, cov


def _apply(matrix: Array, vector: Array) -> Array:
    return np.asarray((matrix @ vector[..., None])[..., 0])


def sweep(matrices: Array, pivots: Iterable[int]) -> None:
    """Sweep B symmetric matrices on some of their rows, in place (Dempster 1969; Goodnight 1979).

    Of a covariance matrix, the columns of the others then hold their regression on the swept variables, and their
    block what that leaves. A variable that those before it determine is passed over: it gets no weight.

    >>> covariance = np.array([[[4.0, 2.0], [2.0, 3.0]]])
    >>> sweep(covariance, [0])
    >>> covariance[0].tolist()  # slope .5, residual variance 2
    [[-0.25, 0.5], [0.5, 2.0]]
    """
    scale = np.abs(np.diagonal(matrices, axis1=1, axis2=2)).copy()
    for k in pivots:
        pivot = matrices[:, k, k]
        pivot = np.where(pivot > SINGULAR * scale[:, k], pivot, np.where(np.isnan(pivot), np.nan, np.inf))
        row = matrices[:, k] / pivot[:, None]
        matrices -= matrices[:, :, k, None] * row[:, None, :]
        matrices[:, k] = matrices[:, :, k] = row
        matrices[:, k, k] = -1 / pivot


def log_likelihood(moments: PatternMoments, mean: Array, cov: Array) -> float:
    """Log-likelihood of the observed values of one data set (B = 1) at `mean` (q) and `cov` (q × q)."""
    total = 0.0
    for g in range(len(moments.observed)):
        has = np.flatnonzero(moments.observed[g])
        if not len(has):
            continue
        n, sums = float(moments.n[0, g]), moments.sums[0, g, has]
        centred = moments.products[0, g][np.ix_(has, has)] - np.outer(sums, mean[has]) - np.outer(mean[has], sums)
        centred = centred + n * np.outer(mean[has], mean[has])
        seen = cov[np.ix_(has, has)]
        distance = np.trace(np.linalg.solve(seen, centred))
        total -= 0.5 * (n * (len(has) * np.log(2 * np.pi) + np.linalg.slogdet(seen)[1]) + distance)
    return float(total)


@dataclass(frozen=True)
class MissingDataFit:
    """Moments of one data set with missing values.

    Attributes
    ----------
    mean, cov, correlation
        Maximum likelihood, n-divisor, in the order of the columns given.
    correlation_se
        Standard errors of the correlations from the observed information.
    log_likelihood
        At the maximum.
    n, n_complete
        Rows, and rows without a gap.
    """

    mean: Array
    cov: Array
    correlation: Array
    correlation_se: Array
    log_likelihood: float
    n: int
    n_complete: int


def fit_missing(values: Any, tolerance: float = 1e-12) -> MissingDataFit:
    """Full-information maximum likelihood of rows with missing values (EM; Dempster, Laird & Rubin 1977).

    Parameters
    ----------
    values
        N × q, NaN where missing at random given what is observed.
    tolerance
        Of EM, on standardised moments.

    >>> rows = np.array([[78, np.nan], [84, np.nan], [91, 8], [100, 9], [105, 10], [115, 13], [120, 12]])
    >>> round(float(fit_missing(rows).correlation[0, 1]), 3)
    0.968
    """
    rows = np.asarray(values, dtype=float)
    rows = rows[~np.isnan(rows).all(axis=1)]
    order = np.argsort(np.isnan(rows).sum(axis=0), kind="stable")
    back = np.argsort(order)
    centre, scale = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
    standard = PatternMoments.from_rows(((rows - centre) / scale)[:, order])
    fit = fit_normal(standard, tolerance=tolerance, max_iterations=20_000)
    mean, cov = fit.mean[0], fit.cov[0]
    errors = _correlation_errors(standard, mean, cov)[np.ix_(back, back)]
    mean, cov = mean[back] * scale + centre, cov[np.ix_(back, back)] * np.outer(scale, scale)
    sd = np.sqrt(np.diag(cov))
    likelihood = log_likelihood(PatternMoments.from_rows(rows), mean, cov)
    complete = int((~np.isnan(rows).any(axis=1)).sum())
    return MissingDataFit(mean, cov, cov / np.outer(sd, sd), errors, likelihood, len(rows), complete)


def _correlation_errors(moments: PatternMoments, mean: Array, cov: Array) -> Array:
    """Standard errors from the observed information, by central differences on means, deviations and correlations."""
    q = len(mean)
    upper = np.triu_indices(q, 1)
    sd = np.sqrt(np.diag(cov))
    point = np.concatenate([mean, sd, (cov / np.outer(sd, sd))[upper]])

    def likelihood(parameters: Array) -> float:
        correlation = np.eye(q)
        correlation[upper] = parameters[2 * q :]
        correlation = correlation + np.triu(correlation, 1).T
        spread = parameters[q : 2 * q]
        return log_likelihood(moments, parameters[:q], correlation * np.outer(spread, spread))

    information = -_hessian(likelihood, point)
    errors = np.sqrt(np.diag(np.linalg.inv(information)))[2 * q :]
    result = np.zeros((q, q))
    result[upper] = errors
    return result + result.T


def _hessian(function: Any, point: Array, step: float = 1e-4) -> Array:
    k = len(point)
    steps = step * np.eye(k)
    result = np.zeros((k, k))
    for i in range(k):
        for j in range(i, k):
            a, b = steps[i], steps[j]
            difference = function(point + a + b) - function(point + a - b) - function(point - a + b)
            result[i, j] = result[j, i] = (difference + function(point - a - b)) / (4 * step * step)
    return result
