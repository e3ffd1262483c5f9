"""Maximum likelihood of means and covariances when scores are missing: stage funnels in closed form, gaps by EM.

Applicants leave a hiring process stage by stage, so what is missing is nearly monotone: the likelihood factors into one
regression a variable on those before it (Anderson 1957). Gaps inside a pattern (a skipped attribute) are filled with
their expectation and the factored step repeats (EM on the gaps only; Schafer 1997, ch. 6.5). Everything has a leading
axis B, so that all bootstrap resamples are fitted in one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from validity.moments import Array, BoolArray, IntArray, PatternMoments

TOLERANCE = 1e-8
"""Largest change of a standardised moment at which EM has converged."""
STEP = 1e-5
"""Of the numerical derivative of an EM step."""
UNIDENTIFIED = 1e-3
"""EM leaves a direction where it is that nobody's scores speak of (two interviews that no job family has both)."""
MAX_STEP = 32.0
"""Longest extrapolation between EM steps."""
CACHE_BYTES = 1_000_000
"""Matrices worked on at a time."""
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
    converged
        How EM ended; true without gaps.
    """

    mean: Array
    cov: Array
    n_complete: Array
    complete_mean: Array
    complete_cov: Array
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


def fit_normal(moments: PatternMoments, tolerance: float = TOLERANCE, cycles: int = 200) -> NormalFit:
    """Means and covariances by maximum likelihood under missingness at random.

    Parameters
    ----------
    moments
        Variables in the order of the funnel, the outcome last. Scale them to about 1, for `tolerance` is absolute.
    tolerance, cycles
        When EM ends; a cycle is three EM steps with one extrapolation between them.

    Returns
    -------
    NormalFit

    >>> x = np.arange(8.0)
    >>> y = np.where(x > 3, 2 * x + np.array([0, 0, 0, 0, 1, -1, -1, 1]), np.nan)
    >>> fit = fit_normal(PatternMoments.from_rows(np.column_stack([x, y])))
    >>> [round(float(m), 2) for m in fit.mean[0]]  # the mean of y among all eight, not among the four observed
    [3.5, 7.0]
    """
    moments = moments.where(np.asarray(moments.observed.any(axis=1)))
    fixed, gaps = _fixed(moments), _Gaps.of(moments)
    if not gaps.has.size:
        mean, cov = _maximise(fixed)
        return _fit(fixed, mean, cov, True)
    point = _maximise(_expected(fixed, gaps, *_available(moments)))
    for _ in range(cycles):
        point, change = _cycle(fixed, gaps, point)
        if change < tolerance:
            break
    return _fit(_expected(fixed, gaps, *point), *point, change < tolerance)


@dataclass(frozen=True)
class Linearised:
    """A fit and how it answers to other weights, to first order: what a bootstrap needs of EM.

    Attributes
    ----------
    fit
        Of the data (B = 1).
    response
        (I − J)⁻¹ with J the rate matrix of EM at the fit, on means and the upper triangle of covariances: one EM step
        from the fit, times this, is where EM would end (Louis 1982; Meng & Rubin 1991). Nothing where there are no
        gaps, for then EM takes one step.
    """

    fit: NormalFit
    response: Array | None


def linearise(moments: PatternMoments, fit: NormalFit) -> Linearised:
    """How the fit of one data set answers to other weights, by one EM step from each of its neighbours.

    >>> rows = np.array([[1.0, np.nan], [2.0, 1.0], [3.0, 5.0], [4.0, 2.0], [5.0, 6.0]])
    >>> moments = PatternMoments.from_rows(rows)
    >>> linearise(moments, fit_normal(moments)).response is None  # no gaps
    True
    """
    moments = moments.where(np.asarray(moments.observed.any(axis=1)))
    gaps = _Gaps.of(moments)
    point = _vector(fit.mean, fit.cov)[0]
    if not gaps.has.size:
        return Linearised(fit, None)
    q = fit.mean.shape[1]
    neighbours = np.vstack([point, point + STEP * np.eye(len(point))])
    moved = _vector(*_maximise(_expected(_fixed(moments), gaps, *_point(neighbours, q))))
    rate = (moved[1:] - moved[0]).T / STEP
    return Linearised(fit, np.linalg.pinv(np.eye(len(point)) - rate, rcond=UNIDENTIFIED))


def refit(moments: PatternMoments, at: Linearised) -> NormalFit:
    """The fit under other weights: one EM step from the fit of the data, carried on to where EM would end.

    Parameters
    ----------
    moments
        The same patterns with B sets of weights.
    at
        Of the data.
    """
    moments = moments.where(np.asarray(moments.observed.any(axis=1)))
    levels = _expected(_fixed(moments), _Gaps.of(moments), at.fit.mean, at.fit.cov)
    mean, cov = _maximise(levels)
    if at.response is None:
        return _fit(levels, mean, cov, True)
    point = _vector(at.fit.mean, at.fit.cov)
    moved = point + (_vector(mean, cov) - point) @ at.response.T
    return _fit(levels, *_point(moved, at.fit.mean.shape[1]), True)


def _vector(mean: Array, cov: Array) -> Array:
    """B × (q + q(q + 1)/2): means, then the upper triangle of the covariances."""
    upper = np.triu_indices(mean.shape[1])
    return np.concatenate([mean, cov[:, upper[0], upper[1]]], axis=1)


def _point(vector: Array, q: int) -> tuple[Array, Array]:
    upper = np.triu_indices(q)
    cov = np.zeros((len(vector), q, q))
    cov[:, upper[0], upper[1]] = cov[:, upper[1], upper[0]] = vector[:, q:]
    return vector[:, :q], cov


_Point = tuple[Array, Array]


def _cycle(fixed: _Levels, gaps: _Gaps, point: _Point) -> tuple[_Point, float]:
    """Three EM steps, the third from where the first two point to (SQUAREM, steplength S3; Varadhan & Roland 2008)."""

    def step(at: _Point) -> _Point:
        return _maximise(_expected(fixed, gaps, *at))

    first = step(point)
    second = step(first)
    change = max(_change(a, b) for a, b in zip(second, first, strict=True))
    mean, cov = (_extrapolated(*three) for three in zip(point, first, second, strict=True))
    usable = np.linalg.eigvalsh(np.nan_to_num(cov))[:, 0] > 0
    jump = np.where(usable[:, None], mean, second[0]), np.where(usable[:, None, None], cov, second[1])
    return step(jump), change


def _extrapolated(zero: Array, one: Array, two: Array) -> Array:
    axes = tuple(range(1, zero.ndim))
    r, v = one - zero, two - 2 * one + zero
    with np.errstate(invalid="ignore", divide="ignore"):
        length = np.sqrt((r**2).sum(axes) / (v**2).sum(axes))
    length = np.clip(np.nan_to_num(length, nan=1.0, posinf=1.0), 1.0, MAX_STEP).reshape(-1, *(1 for _ in axes))
    return np.asarray(zero + 2 * length * r + length**2 * v)


def _fit(levels: _Levels, mean: Array, cov: Array, converged: bool) -> NormalFit:
    n, sums, products = levels.n[:, -1], levels.sums[:, -1], levels.products[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        complete_mean = sums / n[:, None]
        complete_cov = products / n[:, None, None] - complete_mean[:, :, None] * complete_mean[:, None, :]
    return NormalFit(mean, cov, n, complete_mean, complete_cov, converged)


def _change(new: Array, old: Array) -> float:
    difference = np.abs(new - old)
    return float(np.nanmax(difference)) if np.isfinite(difference).any() else 0.0


def _empty(moments: PatternMoments) -> _Levels:
    b, q = len(moments.n), moments.n_variables
    return _Levels(np.zeros((b, q)), np.zeros((b, q, q)), np.zeros((b, q, q, q)))


def _fixed(moments: PatternMoments) -> _Levels:
    """Sums of the patterns without gaps, which no step changes."""
    levels = _empty(moments)
    for g, level in enumerate(moments.levels):
        if moments.observed[g, :level].all():
            _add(levels, level, moments.n[:, g], moments.sums[:, g], moments.products[:, g])
    return levels


def _add(levels: _Levels, level: int, n: Array, sums: Array, products: Array) -> None:
    levels.n[:, level - 1] += n
    levels.sums[:, level - 1] += sums
    levels.products[:, level - 1] += products


@dataclass(frozen=True)
class _Gaps:
    """Patterns with gaps: has and gap G × q (0 or 1), levels G, and their sums with the pattern as first axis."""

    has: Array
    gap: Array
    levels: Array
    n: Array
    sums: Array
    products: Array

    @classmethod
    def of(cls, moments: PatternMoments) -> _Gaps:
        """The patterns of `moments` that miss a variable before their last one, by level."""
        within = np.arange(moments.n_variables) < moments.levels[:, None]
        missing = within & ~moments.observed
        chosen = np.flatnonzero(missing.any(axis=1))
        chosen = chosen[np.argsort(moments.levels[chosen], kind="stable")]
        return cls(
            moments.observed[chosen].astype(float),
            missing[chosen].astype(float),
            moments.levels[chosen].astype(float),
            np.ascontiguousarray(moments.n[:, chosen].T),
            np.ascontiguousarray(moments.sums[:, chosen].transpose(1, 0, 2)),
            np.ascontiguousarray(moments.products[:, chosen].transpose(1, 0, 2, 3)),
        )

    def chunks(self, b: int) -> Iterator[slice]:
        """Slices of patterns whose matrices, b a pattern, fit the processor's cache together."""
        size = 8 * b * self.has.shape[1] ** 2
        step = max(1, CACHE_BYTES // size)
        for start in range(0, len(self.has), step):
            yield slice(start, start + step)


def _available(moments: PatternMoments) -> tuple[Array, Array]:
    """Where EM begins without a start: each variable's own mean and variance, nothing correlated."""
    b, q = len(moments.n), moments.n_variables
    mean, cov = np.zeros((b, q)), np.zeros((b, q, q))
    for k in range(q):
        _, mean[:, k], variance = moments.variable(k)
        cov[:, k, k] = np.maximum(variance, 1e-12)
    return mean, cov


def _expected(fixed: _Levels, gaps: _Gaps, mean: Array, cov: Array) -> _Levels:
    """The E-step: sums as they are expected to be with the gaps filled."""
    b = max(len(fixed.n), len(mean))
    levels = _Levels(*(np.broadcast_to(a, (b, *a.shape[1:])).copy() for a in (fixed.n, fixed.sums, fixed.products)))
    common = gaps.has.all(axis=0)
    swept = cov.copy()
    sweep(swept, np.flatnonzero(common))
    for part in gaps.chunks(b):
        sums, products = _filled(gaps, part, mean, swept, np.flatnonzero(~common))
        for level in np.unique(gaps.levels[part]):
            mine = gaps.levels[part] == level
            _add(levels, int(level), gaps.n[part][mine].sum(0), sums[mine].sum(0), products[mine].sum(0))
    return levels


def _filled(gaps: _Gaps, part: slice, mean: Array, cov: Array, rest: IntArray) -> tuple[Array, Array]:
    """Expected sums and products of some patterns: gap = α + Γ·observed + noise of covariance C.

    `cov` was swept on what all patterns have; `rest` are the other variables.
    """
    has, gap = gaps.has[part][:, None], gaps.gap[part][:, None]
    n, sums, products = gaps.n[part][..., None], gaps.sums[part], gaps.products[part]
    swept = np.broadcast_to(cov, (has.shape[0], *cov.shape)).copy()
    sweep(swept, rest, gaps.has[part] > 0)
    slope = swept * (gap[..., :, None] * has[..., None, :])
    left = swept * (gap[..., :, None] * gap[..., None, :])
    constant = gap * mean - _apply(slope, has * mean)
    gap_sums = n * constant + _apply(slope, sums)
    cross = constant[..., :, None] * sums[..., None, :] + slope @ products  # Σ gap·observed'
    inner = cross @ slope.swapaxes(-1, -2) + gap_sums[..., :, None] * constant[..., None, :] + n[..., None] * left
    return sums + gap_sums, products + cross + cross.swapaxes(-1, -2) + inner


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


def sweep(matrices: Array, pivots: Iterable[int], where: BoolArray | None = None) -> None:
    """Sweep symmetric matrices (… × q × q) on some of their rows, in place (Dempster 1969; Goodnight 1979).

    Of a covariance matrix, the columns of the others then hold their regression on the swept variables, and their
    block what that leaves. A variable that those before it determine is passed over: it gets no weight.

    Parameters
    ----------
    matrices
        To sweep, overwritten.
    pivots
        Rows, in order.
    where
        With a leading axis G of `matrices`: G × q, which rows each of the G is swept on.

    >>> covariance = np.array([[[4.0, 2.0], [2.0, 3.0]]])
    >>> sweep(covariance, [0])
    >>> covariance[0].tolist()  # slope .5, residual variance 2
    [[-0.25, 0.5], [0.5, 2.0]]
    """
    scale = np.abs(np.diagonal(matrices, axis1=-2, axis2=-1)).copy()
    for k in pivots:
        if where is None or where[:, k].all():
            _pivot(matrices, k, scale[..., k])
        elif where[:, k].any():
            chosen = matrices[where[:, k]]
            _pivot(chosen, k, scale[where[:, k], ..., k])
            matrices[where[:, k]] = chosen


def _pivot(matrices: Array, k: int, scale: Array) -> None:
    pivot = matrices[..., k, k]
    pivot = np.where(pivot > SINGULAR * scale, pivot, np.where(np.isnan(pivot), np.nan, np.inf))
    row = matrices[..., k, :] / pivot[..., None]
    matrices -= matrices[..., :, k, None] * row[..., None, :]
    matrices[..., k, :] = matrices[..., :, k] = row
    matrices[..., k, k] = -1 / pivot


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
    fit = fit_normal(standard, tolerance=tolerance, cycles=10_000)
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
