"""Bootstrap of applicants, hired and not hired together (METHODS 9), on rows of hires and blocks of everybody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student_t

from validity.moments import Array

N_BLOCKS = 256
"""People who were not hired are resampled in so many random groups; a variance from 256 groups is known to 9 %."""
CHUNK_ENTRIES = 10_000_000
"""Weights held at a time."""
EXACT_ROWS = 5_000
"""Above it hires are drawn by Poisson counts, which differ from multinomial ones by a fixed total only."""


@dataclass(frozen=True)
class Draws:
    """Weights of some resamples: hires B × n_hired, blocks of people not hired B × K."""

    hired: Array
    blocks: Array


def draw_applicants(
    rng: np.random.Generator, n_hired: int, n_not_hired: float, n_blocks: int, n_boot: int
) -> Iterator[Draws]:
    """Resamples of all applicants: how many hires is itself drawn, then which.

    Blocks are equal random groups, so that resampling them has the variance of resampling their people (random groups;
    Wolter 2007, ch. 2).

    >>> draws = next(draw_applicants(np.random.default_rng(1), 50, 450, 30, 8))
    >>> draws.hired.shape, draws.blocks.shape
    ((8, 50), (8, 30))
    """
    chunk = max(1, min(n_boot, CHUNK_ENTRIES // max(n_hired + n_blocks, 1)))
    share = n_hired / (n_hired + n_not_hired)
    for start in range(0, n_boot, chunk):
        b = min(chunk, n_boot - start)
        drawn = rng.binomial(round(n_hired + n_not_hired), share, size=b)
        if n_hired > EXACT_ROWS:
            hired = rng.poisson(drawn[:, None] / n_hired, size=(b, n_hired))
        else:
            hired = rng.multinomial(drawn, np.full(n_hired, 1 / n_hired))
        blocks = np.zeros((b, n_blocks))
        if n_blocks:
            scale = (n_hired + n_not_hired - drawn) / n_not_hired
            blocks = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=b) * scale[:, None]
        yield Draws(hired.astype(np.float64), blocks)


def with_raters(rng: np.random.Generator, draws: Draws, share_of_rater: Array) -> Draws:
    """The same resamples with raters drawn too: weight of a hire × mean of its raters' (pigeonhole; Owen 2007).

    Parameters
    ----------
    share_of_rater
        n_hired × n_raters, each hire's raters with equal shares that sum to 1; zero rows for hires without a rating.
    """
    b, n_raters = len(draws.hired), share_of_rater.shape[1]
    raters = rng.multinomial(n_raters, np.full(n_raters, 1 / n_raters), size=b)
    is_rated = share_of_rater.sum(1) > 0
    factor = np.where(is_rated, raters @ share_of_rater.T, 1.0)
    return Draws(draws.hired * factor, draws.blocks)


def random_blocks(rng: np.random.Generator, n: int) -> npt.NDArray[np.int64]:
    """A block for each of `n` people, sizes equal to one."""
    return np.asarray(rng.permutation(n) % min(n, N_BLOCKS) if n else np.zeros(0), dtype=np.int64)


@dataclass(frozen=True)
class Spread:
    """What resamples say about a number: limits, standard error on Fisher's z scale, share of undefined resamples."""

    lo: float
    hi: float
    z_se: float
    undefined: float


def spread_of(values: Array, n: float, level: float) -> Spread:
    """Expanded percentile interval (Hesterberg 2015, eq. 19) of resampled correlations; |ρ| ≥ 1 counts as undefined.

    Parameters
    ----------
    values
        One correlation a resample.
    n
        Size of the smallest sample behind them, here reviewed hires.

    >>> spread = spread_of(np.tanh(np.random.default_rng(0).normal(0.3, 0.1, 4000)), 100, 0.95)
    >>> f"[{spread.lo:.2f}, {spread.hi:.2f}] {spread.undefined:.0%}"
    '[0.10, 0.46] 0%'
    """
    defined = values[np.abs(values) < 1]
    undefined = 1 - len(defined) / max(len(values), 1)
    if len(defined) < 10:
        return Spread(np.nan, np.nan, np.nan, undefined)
    tail = expanded_tail(n, level)
    lo, hi = np.quantile(defined, [tail, 1 - tail])
    return Spread(float(lo), float(hi), float(np.arctanh(defined).std(ddof=1)), undefined)


def expanded_tail(n: float, level: float) -> float:
    """Share to cut at each end so that a percentile interval is as wide as a t interval is."""
    n = max(n, 3.0)
    return float(norm.cdf(-np.sqrt(n / (n - 1)) * student_t.ppf((1 + level) / 2, n - 1)))
