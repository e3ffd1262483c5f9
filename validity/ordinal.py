"""Latent correlations of ordinal ratings: polyserial and polychoric, a labelled alternative to Pearson on the codes.

Never feed a polychoric *and* an interrater reliability of the coarse score into one correction: both remove the same
coarseness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import atanh, isfinite, sqrt, tanh
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import ndtr, ndtri, owens_t
from scipy.stats import norm
from statsmodels.tools.numdiff import approx_fprime

from validity.estimate import Estimate, refused

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MIN_CATEGORY_COUNT = 5
"""Every category needs at least so many observations after sparse ends were merged inwards."""

MIN_LATENT_PAIRS = 100
"""Below it thresholds and correlation are too loosely determined to be told apart."""

MAX_LATENT_CORRELATION = 0.9999
"""The likelihood is searched inside this bound; at it the latent correlation is not identified."""

_FAR = 12.0  # stands for an infinite threshold: the normal tail beyond it is 1e-33
_TINY = 1e-300


@dataclass(frozen=True)
class LatentCorrelation:
    """A latent correlation, its standard error (None at the bound) and the thresholds of the ordinal variables."""

    rho: float
    standard_error: float | None
    n: int
    method: str
    thresholds_x: tuple[float, ...] = ()
    thresholds_y: tuple[float, ...] = ()


def merge_sparse_ends(codes: Any, minimum: int = MIN_CATEGORY_COUNT) -> IntArray:
    """Category positions 0, 1, ... with end categories of fewer than `minimum` observations joined to their neighbour.

    >>> merge_sparse_ends([1, 2, 2, 2, 3, 3, 3], minimum=2).tolist()
    [0, 0, 0, 0, 1, 1, 1]
    """
    positions = _positions(codes)
    counts = np.bincount(positions).tolist()
    low = high = 0
    while len(counts) > 1 and counts[0] < minimum:
        counts[0:2], low = [counts[0] + counts[1]], low + 1
    while len(counts) > 1 and counts[-1] < minimum:
        counts[-2:], high = [counts[-2] + counts[-1]], high + 1
    top = positions.max() - high
    return np.asarray(np.clip(positions, low, max(top, low)) - low, dtype=np.int64)


def polyserial_ad_hoc(x: Any, y: Any) -> LatentCorrelation:
    """``r s_y / Σφ(t)``: Pearson's r over the ordinates at the thresholds (Olsson, Drasgow & Dorans 1982, eq. 24).

    `x` (n,) continuous, `y` (n,) ordinal codes; codes count as equally spaced. The standard error is that of the
    influence function, thresholds included. May exceed 1: it is not a maximum of anything.

    >>> x, y = [-2, -1, -1, 0, 0, 1, 1, 2], [1, 1, 2, 2, 2, 3, 2, 3]
    >>> round(polyserial_ad_hoc(x, y).rho, 3)
    0.964
    """
    z, positions, cuts = _serial_input(x, y)
    n = len(z)
    centred = positions - positions.mean()
    ordinates = float(norm.pdf(cuts).sum())
    covariance = float((z * centred).mean() / z.std())
    rho = covariance / ordinates
    below = positions[:, None] <= np.arange(len(cuts))
    d_ordinates = -((below - below.mean(0)) @ cuts)  # dφ(t) = −t φ(t) dt = −t dP
    z = z / z.std()
    influence = (z * centred - covariance - covariance * (z**2 - 1) / 2 - rho * d_ordinates) / ordinates
    return LatentCorrelation(rho, float(influence.std() / sqrt(n)), n, "polyserial_ad_hoc", (), tuple(cuts.tolist()))


def polyserial_two_step(x: Any, y: Any) -> LatentCorrelation:
    """Conditional ML: thresholds from the margin of `y`, then the correlation alone (Olsson et al. 1982).

    The standard error takes the thresholds as known, as reference software does.

    >>> x, y = [-2, -1, -1, 0, 0, 1, 1, 2, -1, 1], [1, 1, 2, 2, 2, 3, 2, 3, 3, 1]
    >>> round(polyserial_two_step(x, y).rho, 3)
    0.512
    """
    z, positions, cuts = _serial_input(x, y)
    rho = _best_rho(lambda r: _serial_likelihood(np.r_[r, cuts], z, positions)[0])
    information = _information(lambda p: _serial_likelihood(np.r_[p, cuts], z, positions)[1][:1], np.array([rho]))
    return LatentCorrelation(
        rho, _standard_error(rho, information), len(z), "polyserial_two_step", (), tuple(cuts.tolist())
    )


def polyserial_ml(x: Any, y: Any) -> LatentCorrelation:
    """Joint maximum likelihood of correlation and thresholds, `x` standardised (Olsson, Drasgow & Dorans 1982).

    ``Σ log[Φ((t_y − ρz)/√(1−ρ²)) − Φ((t_{y−1} − ρz)/√(1−ρ²))]``; standard error from the observed information.

    >>> x, y = [-2, -1, -1, 0, 0, 1, 1, 2, -1, 1], [1, 1, 2, 2, 2, 3, 2, 3, 3, 1]
    >>> round(polyserial_ml(x, y).rho, 3)
    0.517
    """
    z, positions, cuts = _serial_input(x, y)
    first = polyserial_two_step(x, y)
    fitted = _joint(lambda p: _serial_likelihood(p, z, positions), np.r_[first.rho, cuts], (len(cuts),))
    information = _information(lambda p: _serial_likelihood(p, z, positions)[1], fitted)
    rho = float(fitted[0])
    return LatentCorrelation(
        rho, _standard_error(rho, information), len(z), "polyserial_ml", (), tuple(fitted[1:].tolist())
    )


def polychoric_two_step(x: Any, y: Any) -> LatentCorrelation:
    """Thresholds from both margins, then the correlation by maximum likelihood on the table (Olsson 1979).

    `x`, `y` (n,): ordinal codes. The standard error takes the thresholds as known.

    >>> x, y = [1, 1, 1, 2, 2, 2, 3, 3, 3, 3], [1, 1, 2, 2, 1, 2, 2, 2, 2, 1]
    >>> round(polychoric_two_step(x, y).rho, 3)
    0.472
    """
    table, cuts_x, cuts_y = _choric_input(x, y)
    cuts = np.r_[cuts_x, cuts_y]
    rho = _best_rho(lambda r: _choric_likelihood(np.r_[r, cuts], table)[0])
    information = _information(lambda p: _choric_likelihood(np.r_[p, cuts], table)[1][:1], np.array([rho]))
    return LatentCorrelation(
        rho,
        _standard_error(rho, information),
        int(table.sum()),
        "polychoric_two_step",
        tuple(cuts_x.tolist()),
        tuple(cuts_y.tolist()),
    )


def polychoric_ml(x: Any, y: Any) -> LatentCorrelation:
    """Joint maximum likelihood of correlation and all thresholds (Olsson 1979); SE from the observed information.

    >>> x, y = [1, 1, 1, 2, 2, 2, 3, 3, 3, 3], [1, 1, 2, 2, 1, 2, 2, 2, 2, 1]
    >>> round(polychoric_ml(x, y).rho, 3)
    0.472
    """
    table, cuts_x, cuts_y = _choric_input(x, y)
    start = np.r_[polychoric_two_step(x, y).rho, cuts_x, cuts_y]
    fitted = _joint(lambda p: _choric_likelihood(p, table), start, (len(cuts_x), len(cuts_y)))
    information = _information(lambda p: _choric_likelihood(p, table)[1], fitted)
    rho, split = float(fitted[0]), 1 + len(cuts_x)
    return LatentCorrelation(
        rho,
        _standard_error(rho, information),
        int(table.sum()),
        "polychoric_ml",
        tuple(fitted[1:split].tolist()),
        tuple(fitted[split:].tolist()),
    )


def polyserial(
    x: Any, y: Any, *, level: float = 0.95, as_of: datetime | None = None, definition_version: str = "1"
) -> Estimate:
    """Polyserial correlation (joint ML) of a score with an ordinal rating, or the reason why there is none.

    Pairs with a missing value are dropped, sparse end categories of `y` merged inwards first.

    >>> polyserial([1.0, 2.0], [1, 2]).reason
    '2 pairs, 100 needed for a latent correlation'
    """
    x, y = _complete_pairs(x, y)
    reason = _too_small(len(x)) or _no_spread(x)
    if not reason:
        y = merge_sparse_ends(y)
        reason = _sparse(y)
    if reason:
        return refused(
            "polyserial_ml", n=len(x), reason=reason, level=level, as_of=as_of, definition_version=definition_version
        )
    return _as_estimate(polyserial_ml(x, y), level, as_of, definition_version)


def polychoric(
    x: Any, y: Any, *, level: float = 0.95, as_of: datetime | None = None, definition_version: str = "1"
) -> Estimate:
    """Polychoric correlation (joint ML) of two ordinal ratings, or the reason why there is none.

    >>> polychoric([1, 2], [1, 2]).status
    'not_estimable'
    """
    x, y = _complete_pairs(x, y)
    reason = _too_small(len(x))
    if not reason:
        x, y = merge_sparse_ends(x), merge_sparse_ends(y)
        reason = _sparse(x) or _sparse(y) or _empty_fourfold_cell(x, y)
    if reason:
        return refused(
            "polychoric_ml", n=len(x), reason=reason, level=level, as_of=as_of, definition_version=definition_version
        )
    return _as_estimate(polychoric_ml(x, y), level, as_of, definition_version)


def binormal_cdf(h: Any, k: Any, rho: float) -> Array:
    """``P(X ≤ h, Y ≤ k)`` of the standard bivariate normal, by Owen's T (Owen 1956, eq. 3.1); `h`, `k` broadcast.

    >>> round(float(binormal_cdf(0.0, 0.0, 0.5)), 6)
    0.333333
    """
    h, k = np.broadcast_arrays(np.asarray(h, dtype=float), np.asarray(k, dtype=float))
    # The limit: 0 itself divides by zero, and a product of two smaller numbers loses its sign.
    h, k = (np.where(np.abs(t) < 1e-150, np.copysign(1e-150, t), t) for t in (h, k))
    s = sqrt(1 - rho * rho)
    part = owens_t(h, (k / h - rho) / s) + owens_t(k, (h / k - rho) / s)
    return np.asarray((ndtr(h) + ndtr(k)) / 2 - part - np.where((h < 0) != (k < 0), 0.5, 0.0))


def _positions(codes: Any) -> IntArray:
    return np.asarray(np.unique(np.asarray(codes), return_inverse=True)[1], dtype=np.int64)


def _complete_pairs(x: Any, y: Any) -> tuple[Array, Array]:
    pairs = np.column_stack([np.asarray(x, dtype=float), np.asarray(y, dtype=float)])
    pairs = pairs[np.isfinite(pairs).all(1)]
    return pairs[:, 0], pairs[:, 1]


def _cuts(counts: Array) -> Array:
    return np.asarray(ndtri(np.cumsum(counts)[:-1] / counts.sum()))


def _serial_input(x: Any, y: Any) -> tuple[Array, IntArray, Array]:
    z = np.asarray(x, dtype=float)
    positions = _positions(y)
    if len(z) != len(positions) or len(z) < 3 or not np.isfinite(z).all():
        raise ValueError(f"`x`, `y`: {len(z)} and {len(positions)} values, expected 3 or more complete pairs.")
    if z.std() == 0 or positions.max() == 0:
        raise ValueError("`x`, `y`: a variable has one value only, expected two or more.")
    return (z - z.mean()) / z.std(ddof=1), positions, _cuts(np.bincount(positions).astype(float))


def _choric_input(x: Any, y: Any) -> tuple[Array, Array, Array]:
    rows, columns = _positions(x), _positions(y)
    if len(rows) != len(columns):
        raise ValueError(f"`x`, `y`: {len(rows)} and {len(columns)} values, expected pairs.")
    if not len(rows) or rows.max() == 0 or columns.max() == 0:
        raise ValueError("`x`, `y`: a variable has one value only, expected two or more.")
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), 1.0)
    return table, _cuts(table.sum(1)), _cuts(table.sum(0))


def _serial_likelihood(parameters: Array, z: Array, positions: IntArray) -> tuple[float, Array]:
    """Minus the log-likelihood at (ρ, thresholds) and its gradient."""
    rho, cuts = parameters[0], np.r_[-_FAR * 1e3, parameters[1:], _FAR * 1e3]
    s = sqrt(1 - rho * rho)
    low, high = cuts[positions], cuts[positions + 1]
    a, b = (low - rho * z) / s, (high - rho * z) / s
    flip = np.where(a > 0, -1.0, 1.0)  # differences of the small tail keep their digits
    probability = np.maximum(flip * (ndtr(flip * b) - ndtr(flip * a)), _TINY)
    at_low, at_high = norm.pdf(a) / probability, norm.pdf(b) / probability
    d_rho = (at_high * (rho * high - z) - at_low * (rho * low - z)).sum() / s**3
    d_cuts = np.bincount(positions + 1, at_high, len(cuts)) - np.bincount(positions, at_low, len(cuts))
    return -float(np.log(probability).sum()), -np.r_[d_rho, d_cuts[1:-1] / s]


def _choric_likelihood(parameters: Array, table: Array) -> tuple[float, Array]:
    """Minus the log-likelihood of a table at (ρ, row thresholds, column thresholds) and its gradient."""
    rho, split = float(parameters[0]), table.shape[0]
    s = sqrt(1 - rho * rho)
    h = np.r_[-_FAR, parameters[1:split], _FAR][:, None]
    k = np.r_[-_FAR, parameters[split:], _FAR][None, :]
    corners = binormal_cdf(h, k, rho)
    probability = np.maximum(np.diff(np.diff(corners, axis=0), axis=1), 1e-16)
    ratio = np.pad(table / probability, 1)
    weights = ratio[1:, 1:] - ratio[:-1, 1:] - ratio[1:, :-1] + ratio[:-1, :-1]
    density = np.exp(-(h * h - 2 * rho * h * k + k * k) / (2 * s * s)) / (2 * np.pi * s)
    by_rows = (weights * norm.pdf(h) * ndtr((k - rho * h) / s)).sum(1)[1:-1]
    by_columns = (weights * norm.pdf(k) * ndtr((h - rho * k) / s)).sum(0)[1:-1]
    gradient = np.r_[(weights * density).sum(), by_rows, by_columns]
    return -float((table * np.log(probability)).sum()), -gradient


def _best_rho(minus_log_likelihood: Callable[[float], float]) -> float:
    """The best ρ; searched from the best of a grid, since a sparse table can have two maxima."""
    grid = np.tanh(np.linspace(-4, 4, 33))
    best = int(np.argmin([minus_log_likelihood(float(r)) for r in grid]))
    low = grid[best - 1] if best else -MAX_LATENT_CORRELATION
    high = grid[best + 1] if best + 1 < len(grid) else MAX_LATENT_CORRELATION
    found = minimize_scalar(minus_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    return float(found.x)


def _joint(objective: Callable[[Array], tuple[float, Array]], start: Array, sizes: tuple[int, ...]) -> Array:
    """Minimum over (ρ, thresholds); ρ moves on the scale of atanh, steps between thresholds on a logarithmic one."""

    def unpack(free: Array) -> Array:
        blocks, at = [np.array([tanh(free[0])])], 1
        for size in sizes:
            blocks.append(np.cumsum(np.r_[free[at], np.exp(free[at + 1 : at + size])]))
            at += size
        return np.concatenate(blocks)

    def value(free: Array) -> tuple[float, Array]:
        parameters = unpack(free)
        loss, slope = objective(parameters)
        out, at = np.empty_like(free), 1
        out[0] = slope[0] * (1 - parameters[0] ** 2)
        for size in sizes:
            tails = np.cumsum(slope[at : at + size][::-1])[::-1]  # a step moves every threshold above it
            out[at : at + size] = tails * np.r_[1.0, np.exp(free[at + 1 : at + size])]
            at += size
        return loss, out

    free, at = [np.array([atanh(np.clip(start[0], -MAX_LATENT_CORRELATION, MAX_LATENT_CORRELATION))])], 1
    for size in sizes:
        cuts = start[at : at + size]
        free.append(np.r_[cuts[0], np.log(np.diff(cuts))])
        at += size
    begin = np.concatenate(free)
    bound = atanh(MAX_LATENT_CORRELATION)
    bounds = [(-bound, bound)] + [(-_FAR, _FAR)] * (len(begin) - 1)
    options = {"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500}
    found = minimize(value, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return unpack(np.asarray(found.x))


def _information(gradient: Callable[[Array], Array], at: Array) -> Array:
    """Observed information: central differences of the exact gradient."""
    matrix = np.atleast_2d(approx_fprime(at, gradient, centered=True))
    return np.asarray((matrix + matrix.T) / 2)


def _standard_error(rho: float, information: Array) -> float | None:
    if abs(rho) > 0.999:  # at the bound the information is that of the bound, not of the data
        return None
    try:
        variance = float(np.linalg.inv(information)[0, 0])
    except np.linalg.LinAlgError:
        return None
    # an error above 1 says that the likelihood is flat: no correlation is that uncertain
    return sqrt(variance) if isfinite(variance) and 0 < variance <= 1 else None


def _too_small(n: int) -> str:
    return f"{n} pairs, {MIN_LATENT_PAIRS} needed for a latent correlation" if n < MIN_LATENT_PAIRS else ""


def _no_spread(x: Array) -> str:
    return "every score is the same" if np.ptp(x) == 0 else ""


def _sparse(positions: IntArray) -> str:
    counts = np.bincount(positions)
    if len(counts) < 2:
        return "one category is left after sparse ends were merged"
    if counts.min() < MIN_CATEGORY_COUNT:
        return f"a middle category has {counts.min()} observations, {MIN_CATEGORY_COUNT} needed"
    return ""


def _empty_fourfold_cell(x: IntArray, y: IntArray) -> str:
    if x.max() > 1 or y.max() > 1:
        return ""
    table = np.bincount(2 * x + y, minlength=4)
    return "a cell of the 2×2 table is empty, the tetrachoric correlation is not identified" if 0 in table else ""


def _as_estimate(fit: LatentCorrelation, level: float, as_of: datetime | None, definition_version: str) -> Estimate:
    if fit.standard_error is None:
        reason = "the latent correlation runs to its bound, it is not identified by these data"
        return refused(
            fit.method, n=fit.n, reason=reason, level=level, as_of=as_of, definition_version=definition_version
        )
    centre = atanh(fit.rho)
    width = float(norm.ppf((1 + level) / 2)) * fit.standard_error / (1 - fit.rho**2)
    return Estimate(
        value=fit.rho,
        lo=tanh(centre - width),
        hi=tanh(centre + width),
        level=level,
        n=fit.n,
        method=fit.method,
        as_of=as_of,
        definition_version=definition_version,
        extras={"standard_error": fit.standard_error},
    )
