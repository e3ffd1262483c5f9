"""Variance components by restricted maximum likelihood (REML): one-way, ratee × rater crossed, and any small design.

The residual variance and the fixed effects are profiled out (Harville 1977; Bates et al. 2015), so that the search runs
over ratios of a component to the residual. A component that is not there comes back as exactly 0 and is named in
``at_boundary``; that is a finding and not a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize, minimize_scalar
from scipy.sparse import csc_matrix, csr_matrix, diags, identity
from scipy.sparse.linalg import splu

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

RESIDUAL = "Residual"

MAX_DENSE_LEVELS = 3000
"""Up to so many levels the reduced system of the smaller factor is a dense matrix, beyond it a sparse one."""

MAX_RATIO = 1e7
"""A component so many times the residual means that the residual is 0; such a fit is not called converged."""

DEFAULT_BOOTSTRAP = 500
"""Resamples of a parametric bootstrap."""

_ZERO = 1e-7  # a ratio below it cannot be told from 0 at the precision of the search
_CHUNK = 256
_SMALL = 1_000_000  # a table of meetings up to so many cells is quicker as a plain array


@dataclass(frozen=True)
class OneWayFit:
    """Group and residual variance, the mean, and the shrunk effect of each group (EBLUP, in order of mention)."""

    var_group: float
    var_residual: float
    mean: float
    effects: pd.Series[float]
    n: int
    converged: bool
    at_boundary: tuple[str, ...]

    @property
    def icc1(self) -> float:
        """Share of the variance that lies between groups; 0 if nothing varies."""
        total = self.var_group + self.var_residual
        return self.var_group / total if total else 0.0


@dataclass(frozen=True)
class CrossedFit:
    """Components of ``y = Xβ + ratee + rater + residual``, fixed effects and EBLUPs.

    ``ratee_effects`` and ``rater_effects`` have one entry per level, indexed by its id; ``rater_variances`` is the
    prediction error variance of the rater effects, uncertainty of the fixed effects included.
    """

    var_ratee: float
    var_rater: float
    var_residual: float
    fixed_effects: Array
    ratee_effects: pd.Series[float]
    rater_effects: pd.Series[float]
    rater_variances: pd.Series[float]
    n_obs: int
    converged: bool
    at_boundary: tuple[str, ...]

    @property
    def mean(self) -> float:
        """The first fixed effect: the mean when there is no other."""
        return float(self.fixed_effects[0])


@dataclass(frozen=True)
class VarianceComponents:
    """Components by name of grouping factor, ``Residual`` last; levels per factor."""

    components: dict[str, float]
    mean: float
    levels: dict[str, int]
    n: int
    converged: bool
    at_boundary: tuple[str, ...]


@dataclass(frozen=True)
class CrossedDesign:
    """Who rated whom: codes per rating, ids per code, and how often each pair met (sparse, ratees × raters)."""

    ratees: pd.Index[Any]
    raters: pd.Index[Any]
    ratee_codes: IntArray
    rater_codes: IntArray
    fixed: Array
    meetings: csr_matrix

    @classmethod
    def build(cls, ratee: Any, rater: Any, fixed: Any = None) -> CrossedDesign:
        """From one ratee and rater id per rating; `fixed` (n, p) of full column rank, a column of ones by default."""
        ratee_codes, ratees = pd.factorize(pd.Series(np.asarray(ratee)), sort=True)
        rater_codes, raters = pd.factorize(pd.Series(np.asarray(rater)), sort=True)
        n = len(ratee_codes)
        if n != len(rater_codes) or (ratee_codes < 0).any() or (rater_codes < 0).any():
            raise ValueError(f"`ratee`, `rater`: {n} and {len(rater_codes)} ids, expected pairs without a gap.")
        design = np.ones((n, 1)) if fixed is None else np.asarray(fixed, dtype=float)
        shape = (len(ratees), len(raters))
        meetings = csr_matrix((np.ones(n), (ratee_codes, rater_codes)), shape=shape)
        return cls(ratees, raters, ratee_codes.astype(np.int64), rater_codes.astype(np.int64), design, meetings)


def one_way_reml(y: Any, group: Any) -> OneWayFit:
    """REML of ``y = μ + group + residual``, groups of any size, by a one-dimensional search.

    Rows with a missing value are dropped. Cost grows with the number of groups.

    Raises
    ------
    ValueError
        Fewer than two groups, or no group with two members: the two variances cannot be told apart.

    >>> fit = one_way_reml([1, 2, 4, 5, 7, 8, 9], ["a", "a", "b", "b", "c", "c", "c"])
    >>> round(fit.var_group, 2), round(fit.var_residual, 2), fit.at_boundary
    (10.3, 0.75, ())
    """
    frame = pd.DataFrame({"y": np.asarray(y, dtype=float), "group": np.asarray(group)}).dropna()
    by = frame.groupby("group", sort=False)["y"]
    size, means = np.asarray(by.size(), dtype=np.float64), by.mean()
    n = len(frame)
    if len(size) < 2 or n <= len(size):
        raise ValueError(f"`group`: {len(size)} groups of {n} values, expected 2 or more groups, one of 2 or more.")
    within = float(((frame["y"] - by.transform("mean")) ** 2).sum())
    m = means.to_numpy(dtype=float)
    if within <= 1e-12 * max(float(((frame["y"] - frame["y"].mean()) ** 2).sum()), 1e-300):
        return _one_way(float(m.var(ddof=1)), 0.0, float(m.mean()), means, np.ones_like(m), n)
    ratio = _one_way_ratio(size, m, within, n)
    weight = size / (1 + ratio * size)
    mean = float((weight * m).sum() / weight.sum())
    residual = float((within + (weight * (m - mean) ** 2).sum()) / (n - 1))
    return _one_way(ratio * residual, residual, mean, means, ratio * weight, n)


def crossed_reml(design: CrossedDesign, y: Any, start: tuple[float, float] = (0.5, 0.1)) -> CrossedFit:
    """REML of ``y = Xβ + ratee + rater + residual`` for any design, crossed, nested or neither.

    The factor with more levels is eliminated exactly (its block is diagonal); what is left is a system in the other
    factor, so the cost of a step is O(n) plus that system. `start` are first guesses of var_ratee/var_residual and
    var_rater/var_residual.

    Raises
    ------
    ValueError
        No repetition anywhere (as many ratees or raters as ratings), or values that are not finite.

    >>> design = CrossedDesign.build([1, 1, 2, 2, 3, 3, 4, 4], ["a", "b"] * 4)
    >>> fit = crossed_reml(design, [1.0, 2.1, 2.0, 2.9, 3.2, 4.0, 4.0, 5.1])
    >>> round(fit.var_ratee, 1), round(fit.var_rater, 1), fit.converged
    (1.7, 0.5, True)
    """
    values = np.asarray(y, dtype=float)
    _check_crossed(design, values)
    shift, scale = float(values.mean()), float(values.std())
    if scale <= 1e-12 * max(1.0, abs(shift)):
        return _no_variation(design, shift)
    sums = _Sums.of(design, (values - shift) / scale)
    first = start if sums.ratee_is_large else start[::-1]
    ratios, converged = _search(sums.deviance, np.asarray(first), exact=sums.is_dense)
    return _crossed_fit(design, sums, ratios, converged, shift, scale)


def reml(y: Any, factors: Mapping[str, Any]) -> VarianceComponents:
    """REML of an intercept and any random grouping factors, interactions included; for small data (dense).

    Parameters
    ----------
    y
        (n,) values.
    factors
        Name of the component → (n,) labels; an interaction is the label of the combination (see `combine`).

    Raises
    ------
    ValueError
        A factor with one level, one with as many levels as values (it is the residual), or two that are the same.

    >>> person, item = [1, 1, 1, 2, 2, 2, 3, 3, 3], [1, 2, 3] * 3
    >>> fit = reml([2, 3, 5, 4, 6, 7, 5, 7, 9], {"person": person, "item": item})
    >>> {name: round(value, 2) for name, value in fit.components.items()}
    {'person': 3.39, 'item': 2.72, 'Residual': 0.17}
    """
    values = np.asarray(y, dtype=float)
    codes = {name: _codes(f) for name, f in factors.items()}
    _check_factors(values, codes)
    levels = {name: int(code.max()) + 1 for name, code in codes.items()}
    shift, scale = float(values.mean()), float(values.std())
    if scale <= 1e-12 * max(1.0, abs(shift)):
        names = (*levels, RESIDUAL)
        return VarianceComponents(dict.fromkeys(names, 0.0), shift, levels, len(values), True, names)
    dense = _Dense.of((values - shift) / scale, codes, levels)
    ratios, converged = _search(dense.deviance, np.full(len(levels), 0.5), exact=True)
    residual, mean = dense.residual_and_mean(ratios)
    variances = _in_units(ratios, residual * scale**2)
    components = dict(zip((*levels, RESIDUAL), variances, strict=True))
    return VarianceComponents(
        components, shift + scale * mean, levels, len(values), converged, _boundary(components.items())
    )


def combine(*labels: Any) -> npt.NDArray[Any]:
    """Labels of the combinations of several factors, for an interaction such as rater within task.

    >>> combine([1, 1, 2], ["a", "b", "a"]).tolist()
    [0, 1, 2]
    """
    frame = pd.DataFrame({i: np.asarray(label) for i, label in enumerate(labels)})
    return frame.groupby(list(frame.columns), sort=False, dropna=False).ngroup().to_numpy()


def simulate_crossed(design: CrossedDesign, fit: CrossedFit, rng: np.random.Generator) -> Array:
    """Ratings drawn from a fitted crossed model: new ratees, new raters, the same who-rated-whom."""
    ratee = rng.normal(0, np.sqrt(fit.var_ratee), len(design.ratees))[design.ratee_codes]
    rater = rng.normal(0, np.sqrt(fit.var_rater), len(design.raters))[design.rater_codes]
    noise = rng.normal(0, np.sqrt(fit.var_residual), len(design.ratee_codes))
    return np.asarray(design.fixed @ fit.fixed_effects + ratee + rater + noise)


def crossed_bootstrap(
    design: CrossedDesign,
    fit: CrossedFit,
    statistic: Callable[[CrossedFit], float],
    n_resamples: int = DEFAULT_BOOTSTRAP,
    seed: int = 0,
) -> Array:
    """Parametric bootstrap of a statistic of the crossed model: (n_resamples,) values, NaN where undefined.

    >>> design = CrossedDesign.build([1, 1, 2, 2, 3, 3, 4, 4], ["a", "b"] * 4)
    >>> fit = crossed_reml(design, [1.0, 2.1, 2.0, 2.9, 3.2, 4.0, 4.0, 5.1])
    >>> draws = crossed_bootstrap(design, fit, lambda f: f.var_ratee, n_resamples=20)
    >>> len(draws), bool(draws.min() < fit.var_ratee < draws.max())
    (20, True)
    """
    rng = np.random.default_rng(seed)
    residual = max(fit.var_residual, 1e-12)
    start = (min(fit.var_ratee / residual, 100.0), min(fit.var_rater / residual, 100.0))
    draws = (crossed_reml(design, simulate_crossed(design, fit, rng), start) for _ in range(n_resamples))
    return np.array([statistic(draw) for draw in draws], dtype=float)


def percentile_interval(draws: Array, level: float = 0.95) -> tuple[float, float]:
    """Percentile limits of the defined draws.

    >>> percentile_interval(np.arange(101.0), level=0.50)
    (25.0, 75.0)
    """
    low, high = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


# one-way ---------------------------------------------------------------------


def _one_way(group: float, residual: float, mean: float, means: pd.Series[float], shrink: Array, n: int) -> OneWayFit:
    effects = (means - mean) * shrink
    edge = _boundary([("group", group), (RESIDUAL, residual)])
    return OneWayFit(group, residual, mean, effects, n, True, edge)


def _one_way_ratio(size: Array, means: Array, within: float, n: int) -> float:
    """Ratio of group to residual variance with the least REML deviance; a grid first, there may be two minima."""

    def deviance(x: float) -> float:
        ratio = np.expm1(x)
        weight = size / (1 + ratio * size)
        mean = (weight * means).sum() / weight.sum()
        rss = within + (weight * (means - mean) ** 2).sum()
        return float((n - 1) * np.log(rss) + np.log1p(ratio * size).sum() + np.log(weight.sum()))

    grid = np.r_[0.0, np.geomspace(1e-4, np.log1p(MAX_RATIO), 60)]
    values = [deviance(x) for x in grid]
    best = int(np.argmin(values))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    found = minimize_scalar(deviance, bounds=bounds, method="bounded", options={"xatol": 1e-10})
    if values[0] <= found.fun + 1e-10:
        return 0.0
    return float(np.expm1(found.x))


# what every REML here shares -------------------------------------------------


def _search(deviance: Callable[[Array], tuple[float, Array]], start: Array, *, exact: bool) -> tuple[Array, bool]:
    """Ratios with the least deviance; moved on the scale of log(1 + ratio), which reaches 0 with a slope."""

    def with_gradient(x: Array) -> tuple[float, Array]:
        value, slope = deviance(np.expm1(x))
        return value, slope * np.exp(x)

    def value_only(x: Array) -> float:
        return deviance(np.expm1(x))[0]

    objective: Callable[[Array], Any] = with_gradient if exact else value_only
    bounds = [(0.0, float(np.log1p(MAX_RATIO)))] * len(start)
    options = {"ftol": 1e-15, "gtol": 1e-7, "maxiter": 1000, "maxls": 50}
    jac = True if exact else "3-point"
    found = minimize(objective, np.log1p(start), jac=jac, method="L-BFGS-B", bounds=bounds, options=options)
    x = np.asarray(found.x)
    slope = np.asarray(found.jac)
    at_lower, at_upper = x <= 0, x >= bounds[0][1] - 1e-9
    slope = np.where((at_lower & (slope > 0)) | (at_upper & (slope < 0)), 0.0, slope)
    ratios = np.expm1(x)
    ratios[ratios < _ZERO] = 0.0
    # the search also stops when the deviance, known to 15 digits, cannot fall any further: that is convergence
    settled = np.abs(slope).max(initial=0.0) < 1e-3 * max(1.0, abs(float(found.fun)))
    return ratios, bool(settled and not at_upper.any())  # without a residual the ratios have no optimum


def _profiled(products: Array, slopes: list[Array], n: int) -> tuple[float, Array]:
    """``(n−p) log RSS + log|X'V⁻¹X|`` from ``[X y]'V⁻¹[X y]``, and its derivative from those of the products."""
    p = products.shape[0] - 1
    xx, xy = products[:p, :p], products[:p, p]
    beta = np.linalg.solve(xx, xy)
    rss = max(float(products[p, p] - xy @ beta), 1e-12)
    contrast = np.r_[-beta, 1.0]
    inverse = np.linalg.inv(xx)
    value = (n - p) * np.log(rss) + np.linalg.slogdet(xx)[1]
    slope = [(n - p) * (contrast @ d @ contrast) / rss + np.trace(inverse @ d[:p, :p]) for d in slopes]
    return float(value), np.array(slope)


def _in_units(ratios: Array, residual: float) -> list[float]:
    """Variances from ratios; a ratio at its upper bound means a residual of 0."""
    at_top = bool((ratios >= MAX_RATIO * 0.99).any())
    return [float(ratio * residual) for ratio in ratios] + [0.0 if at_top else float(residual)]


def _codes(labels: Any) -> IntArray:
    return np.asarray(pd.factorize(pd.Series(np.asarray(labels)))[0], dtype=np.int64)


def _boundary(components: Any) -> tuple[str, ...]:
    return tuple(name for name, variance in components if variance == 0)


# crossed ---------------------------------------------------------------------


def _check_crossed(design: CrossedDesign, y: Array) -> None:
    n, p = design.fixed.shape
    if len(y) != n or not np.isfinite(y).all():
        raise ValueError(f"`y`: {len(y)} values for {n} ratings, expected one finite value per rating.")
    if min(design.meetings.shape) < 2 or n <= max(*design.meetings.shape, p):
        seen = f"{n} ratings of {design.meetings.shape[0]} ratees by {design.meetings.shape[1]} raters"
        raise ValueError(f"`design`: {seen}, expected 2 or more of each and more ratings than ratees or raters.")


def _no_variation(design: CrossedDesign, mean: float) -> CrossedFit:
    beta = np.linalg.lstsq(design.fixed, np.full(len(design.fixed), mean), rcond=None)[0]
    ratee, rater = pd.Series(0.0, index=design.ratees), pd.Series(0.0, index=design.raters)
    edge = ("ratee", "rater", RESIDUAL)
    return CrossedFit(0.0, 0.0, 0.0, beta, ratee, rater, rater.copy(), len(design.fixed), True, edge)


@dataclass(frozen=True)
class _Reduced:
    """The model at one pair of ratios, the large factor eliminated."""

    left: Array  # 1/(1 + a k) per large level
    system: Any  # H = W'AW in the small factor, dense or sparse
    solve: Callable[[Array], Array]  # (I + bH)⁻¹
    log_det: float
    small_products: Array  # W'V⁻¹[X y]
    large_products: Array  # Z'V⁻¹[X y]
    products: Array  # [X y]'V⁻¹[X y]


@dataclass(frozen=True)
class _Sums:
    """Everything the likelihood needs of the ratings: sums per level and the meetings of levels (large × small)."""

    ratee_is_large: bool
    meetings: Any  # a plain array if small, else sparse
    large_sizes: Array
    large_sums: Array  # (levels, p + 1): sums of [X y]
    small_sums: Array
    total: Array  # [X y]'[X y]
    n: int

    @classmethod
    def of(cls, design: CrossedDesign, y: Array) -> _Sums:
        columns = np.column_stack([design.fixed, y])
        ratee_is_large = design.meetings.shape[0] >= design.meetings.shape[1]
        codes = (design.ratee_codes, design.rater_codes)
        large, small = codes if ratee_is_large else codes[::-1]
        meetings = design.meetings if ratee_is_large else csr_matrix(design.meetings.T)
        if meetings.shape[0] * meetings.shape[1] <= _SMALL:
            meetings = meetings.toarray()
        return cls(
            ratee_is_large,
            meetings,
            np.asarray(meetings.sum(1)).ravel(),
            _sums_by(large, columns, meetings.shape[0]),
            _sums_by(small, columns, meetings.shape[1]),
            columns.T @ columns,
            len(y),
        )

    @property
    def is_dense(self) -> bool:
        return bool(self.meetings.shape[1] <= MAX_DENSE_LEVELS)

    def gram(self, weights: Array) -> Any:
        """``N' diag(w) N``, dense or sparse."""
        product = self.meetings.T @ self._scaled(weights)
        if isinstance(product, np.ndarray):
            return product if self.is_dense else csc_matrix(product)
        return product.toarray() if self.is_dense else csc_matrix(product)

    def _scaled(self, weights: Array) -> Any:
        """``diag(w) N``."""
        if isinstance(self.meetings, np.ndarray):
            return weights[:, None] * self.meetings
        return csr_matrix(diags(weights) @ self.meetings)

    def reduced(self, a: float, b: float) -> _Reduced:
        left = 1 / (1 + a * self.large_sizes)
        small_sizes = np.asarray(self.meetings.sum(0)).ravel()
        inner = self.gram(a * left)
        system = (np.diag(small_sizes) if self.is_dense else diags(small_sizes, format="csc")) - inner
        solve, log_det = _factorised(system, b)
        lowered = self.small_sums - self.meetings.T @ ((a * left)[:, None] * self.large_sums)
        small = solve(lowered)
        large = left[:, None] * (self.large_sums - b * (self.meetings @ small))
        products = self.total - self.large_sums.T @ ((a * left)[:, None] * self.large_sums) - b * lowered.T @ small
        log_det += float(np.log1p(a * self.large_sizes).sum())
        return _Reduced(left, system, solve, log_det, small, large, products)

    def deviance(self, ratios: Array) -> tuple[float, Array]:
        """Minus twice the profiled restricted log-likelihood, and its gradient where the system is dense."""
        a, b = float(ratios[0]), float(ratios[1])
        at = self.reduced(a, b)
        slopes = [-at.large_products.T @ at.large_products, -at.small_products.T @ at.small_products]
        value, slope = _profiled(at.products, slopes, self.n)
        if not self.is_dense:
            return value + at.log_det, slope
        inverse = at.solve(np.eye(self.meetings.shape[1]))
        by_large = (self.large_sizes * at.left).sum() - b * (inverse * self.gram(at.left**2)).sum()
        return value + at.log_det, slope + np.array([by_large, (inverse * at.system).sum()])

    def prediction_variances(self, at: _Reduced, a: float, b: float, *, large: bool) -> Array:
        """Prediction error variance of one factor's effects over the residual variance: ``r − r² diag(W'PW)``."""
        ratio = a if large else b
        spread = self._large_diagonal(at, b) if large else self._small_diagonal(at)
        fixed = (at.large_products if large else at.small_products)[:, :-1]
        inverse = np.linalg.inv(at.products[:-1, :-1])
        explained = np.einsum("ij,jk,ik->i", fixed, inverse, fixed)
        return np.asarray(np.maximum(ratio - ratio**2 * (spread - explained), 0.0))

    def _small_diagonal(self, at: _Reduced) -> Array:
        """diag of ``W'V⁻¹W = H(I + bH)⁻¹``."""
        size = self.meetings.shape[1]
        out = np.empty(size)
        for first in range(0, size, _CHUNK):
            block = np.arange(first, min(first + _CHUNK, size))
            unit = np.zeros((size, len(block)))
            unit[block, np.arange(len(block))] = 1.0
            solved = at.solve(unit)
            columns = at.system[:, block] if self.is_dense else at.system[:, block].toarray()
            out[block] = (columns * solved).sum(0)
        return out

    def _large_diagonal(self, at: _Reduced, b: float) -> Array:
        """diag of ``Z'V⁻¹Z``, by chunks of levels."""
        out = self.large_sizes * at.left
        scaled = self._scaled(at.left)
        for first in range(0, scaled.shape[0], _CHUNK):
            rows = scaled[first : first + _CHUNK]
            block = rows if isinstance(rows, np.ndarray) else rows.toarray()
            out[first : first + _CHUNK] -= b * (block * at.solve(block.T).T).sum(1)
        return np.asarray(out)


def _sums_by(codes: IntArray, columns: Array, levels: int) -> Array:
    return np.column_stack([np.bincount(codes, column, levels) for column in columns.T])


def _factorised(system: Any, b: float) -> tuple[Callable[[Array], Array], float]:
    """Solver and log-determinant of ``I + bH``."""
    size = system.shape[0]
    if isinstance(system, np.ndarray):
        factor = cho_factor(np.eye(size) + b * system, lower=True)
        return (lambda right: np.asarray(cho_solve(factor, right))), float(2 * np.log(np.diag(factor[0])).sum())
    decomposed = splu(csc_matrix(identity(size, format="csc") + b * system))
    return decomposed.solve, float(np.log(np.abs(decomposed.U.diagonal())).sum())


def _crossed_fit(
    design: CrossedDesign, sums: _Sums, ratios: Array, converged: bool, shift: float, scale: float
) -> CrossedFit:
    a, b = float(ratios[0]), float(ratios[1])
    at = sums.reduced(a, b)
    p = design.fixed.shape[1]
    beta = np.linalg.solve(at.products[:p, :p], at.products[:p, p])
    contrast = np.r_[-beta, 1.0]
    residual = max(float(at.products[p] @ contrast), 1e-12) / (sums.n - p) * scale**2
    large, small = a * (at.large_products @ contrast) * scale, b * (at.small_products @ contrast) * scale
    variances = sums.prediction_variances(at, a, b, large=not sums.ratee_is_large) * residual
    first, second, left = _in_units(ratios, residual)
    if not sums.ratee_is_large:
        first, second, large, small = second, first, small, large
    back = np.linalg.lstsq(design.fixed, np.full(sums.n, shift), rcond=None)[0]  # the mean taken out, as an intercept
    edge = _boundary([("ratee", first), ("rater", second), (RESIDUAL, left)])
    return CrossedFit(
        first,
        second,
        left,
        beta * scale + back,
        pd.Series(large, index=design.ratees),
        pd.Series(small, index=design.raters),
        pd.Series(variances, index=design.raters),
        sums.n,
        converged,
        edge,
    )


# any factors, dense ----------------------------------------------------------


@dataclass(frozen=True)
class _Dense:
    """Cross-products of all levels of all factors: the search never touches the values again."""

    gram: Array  # Z'Z
    sums: Array  # Z'[1 y]
    total: Array
    block: IntArray  # which factor a level belongs to
    n: int

    @classmethod
    def of(cls, y: Array, codes: Mapping[str, IntArray], levels: Mapping[str, int]) -> _Dense:
        sizes = list(levels.values())
        starts = np.r_[0, np.cumsum(sizes)[:-1]]
        n, q = len(y), sum(sizes)
        columns = np.concatenate([code + start for code, start in zip(codes.values(), starts, strict=True)])
        z = csr_matrix((np.ones(n * len(sizes)), (np.tile(np.arange(n), len(sizes)), columns)), shape=(n, q))
        data = np.column_stack([np.ones(n), y])
        gram = (z.T @ z).toarray()
        return cls(gram, z.T @ data, data.T @ data, np.repeat(np.arange(len(sizes)), sizes), n)

    def _parts(self, ratios: Array) -> tuple[Array, Array, Array, float]:
        root = np.sqrt(ratios)[self.block]
        factor = cho_factor(np.eye(len(root)) + root[:, None] * self.gram * root, lower=True)
        kernel = root[:, None] * cho_solve(factor, np.diag(root))
        levels = self.sums - self.gram @ (kernel @ self.sums)
        log_det = float(2 * np.log(np.diag(factor[0])).sum())
        return kernel, levels, self.total - self.sums.T @ kernel @ self.sums, log_det

    def deviance(self, ratios: Array) -> tuple[float, Array]:
        kernel, levels, products, log_det = self._parts(ratios)
        factors = range(len(ratios))
        slopes = [-levels[self.block == f].T @ levels[self.block == f] for f in factors]
        value, slope = _profiled(products, slopes, self.n)
        diagonal = np.diag(self.gram) - np.einsum("ij,jk,ki->i", self.gram, kernel, self.gram, optimize=True)
        return value + log_det, slope + np.bincount(self.block, diagonal, len(ratios))

    def residual_and_mean(self, ratios: Array) -> tuple[float, float]:
        products = self._parts(ratios)[2]
        mean = float(products[0, 1] / products[0, 0])
        return max(float(products[1, 1] - products[0, 1] * mean), 1e-12) / (self.n - 1), mean


def _check_factors(y: Array, codes: Mapping[str, IntArray]) -> None:
    n = len(y)
    if not np.isfinite(y).all():
        raise ValueError("`y`: a value is missing, expected finite numbers.")
    seen: list[tuple[str, IntArray]] = []
    for name, code in codes.items():
        if len(code) != n or (code < 0).any():
            raise ValueError(f"`{name}`: {len(code)} labels for {n} values, expected one per value.")
        levels = int(code.max()) + 1
        if not 1 < levels < n:
            raise ValueError(f"`{name}`: {levels} levels of {n} values, expected 2 to {n - 1}.")
        for other, earlier in seen:
            if np.array_equal(code, earlier):
                raise ValueError(f"`{name}`, `{other}`: the same grouping twice, expected different factors.")
        seen.append((name, code))
