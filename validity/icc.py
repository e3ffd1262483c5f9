"""Intraclass correlations from mean squares, of panels where every rater rates everybody and of groups of any size."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import f as f_distribution

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Icc:
    """One intraclass correlation, the F test that it is 0, and its F-based interval."""

    icc: float
    F: float
    df1: int
    df2: int
    lo: float
    hi: float


@dataclass(frozen=True)
class IccTable:
    """The six forms of Shrout & Fleiss (1979) and the mean squares that they come from.

    ``single`` and ``average`` map 1, 2, 3 (one-way random, two-way random, two-way mixed) to the coefficient of one
    rating and of the mean of all `k`.
    """

    n_targets: int
    k: int
    BMS: float
    WMS: float
    JMS: float
    EMS: float
    single: dict[int, Icc]
    average: dict[int, Icc]


@dataclass(frozen=True)
class OneWayAnova:
    """Group share of the variance from a one-way analysis of variance with groups of any size."""

    n: int
    n_groups: int
    MSB: float
    MSW: float
    mean_size: float
    n0: float
    icc1_mean_size: float
    icc1_n0: float
    icc2: float


def icc_table(ratings: Any, level: float = 0.95) -> IccTable:
    """All six intraclass correlations of a complete panel (Shrout & Fleiss 1979; intervals as McGraw & Wong 1996).

    Interviewers differ between candidates, so ICC(1) and ICC(2) are the ones to quote; ICC(3) forgets severity.

    Parameters
    ----------
    ratings
        (n_targets, k): targets in rows, raters in columns. Targets with a missing rating are dropped.
    level
        Confidence level of the intervals.

    Raises
    ------
    ValueError
        Fewer than two complete targets or raters, or no variation at all.

    >>> panel = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> table = icc_table(panel)
    >>> [round(table.single[form].icc, 2) for form in (1, 2, 3)], round(table.average[2].lo, 3)
    ([0.17, 0.29, 0.71], 0.071)
    """
    x = np.asarray(ratings, dtype=float)
    x = x[np.isfinite(x).all(1)]
    n, k = x.shape
    if n < 2 or k < 2 or np.ptp(x) == 0:
        raise ValueError(f"`ratings`: {n} complete targets × {k} raters, expected 2 or more of each, not all equal.")
    rows, columns, mean = x.mean(1, keepdims=True), x.mean(0, keepdims=True), x.mean()
    b = float(k * ((rows - mean) ** 2).sum() / (n - 1))
    j = float(n * ((columns - mean) ** 2).sum() / (k - 1))
    w = float(((x - rows) ** 2).sum() / (n * (k - 1)))
    e = float(((x - rows - columns + mean) ** 2).sum() / ((n - 1) * (k - 1)))
    single = {1: _consistency(b, w, n, k, n * (k - 1), level), 2: _absolute(b, j, e, n, k, level)}
    single[3] = _consistency(b, e, n, k, (n - 1) * (k - 1), level)
    average = {form: _stepped_up(one, k) for form, one in single.items()}
    return IccTable(n, k, b, w, j, e, single, average)


def one_way_anova(y: Any, group: Any) -> OneWayAnova:
    """ICC(1) and ICC(2) of groups of unequal size, for example of employees under managers.

    ICC(1) = (MSB − MSW)/(MSB + (m − 1)MSW) with m the mean group size (as multilevel research prints it; Bliese 2000)
    or Searle's ``n0 = (N − Σn_j²/N)/(J − 1)`` (Searle, Casella & McCulloch 1992, p. 71), which is unbiased for the
    components; ICC(2) = (MSB − MSW)/MSB. Rows with a missing value are dropped.

    Raises
    ------
    ValueError
        Fewer than two groups, or no group with two members.

    >>> fit = one_way_anova([1, 2, 4, 5, 7, 8, 9], ["a", "a", "b", "b", "c", "c", "c"])
    >>> round(fit.icc1_n0, 3), round(fit.n0, 3)
    (0.936, 2.286)
    """
    frame = pd.DataFrame({"y": np.asarray(y, dtype=float), "group": np.asarray(group)}).dropna()
    by = frame.groupby("group", sort=False)["y"]
    size = by.size().to_numpy(dtype=float)
    n, groups = len(frame), len(size)
    if groups < 2 or n <= groups:
        raise ValueError(f"`group`: {groups} groups of {n} values, expected 2 or more groups and a group of 2 or more.")
    ss_within = float(((frame["y"] - by.transform("mean")) ** 2).sum())
    ss_between = float((size * (by.mean().to_numpy() - frame["y"].mean()) ** 2).sum())
    msb, msw = ss_between / (groups - 1), ss_within / (n - groups)
    n0 = (n - float((size**2).sum()) / n) / (groups - 1)
    return OneWayAnova(
        n,
        groups,
        msb,
        msw,
        n / groups,
        n0,
        icc1_mean_size=_ratio(msb - msw, msb + (n / groups - 1) * msw),
        icc1_n0=_ratio(msb - msw, msb + (n0 - 1) * msw),
        icc2=_ratio(msb - msw, msb),
    )


def _ratio(over: float, under: float) -> float:
    return over / under if under else float("nan")


def _consistency(between: float, error: float, n: int, k: int, df2: int, level: float) -> Icc:
    """ICC(1) with the within mean square, ICC(3) with the residual one: the same formula and interval."""
    f = between / error if error > 0 else inf
    upper = (1 + level) / 2
    lo, hi = f / f_distribution.ppf(upper, n - 1, df2), f * f_distribution.ppf(upper, df2, n - 1)
    return Icc(_from_f(f, k), f, n - 1, df2, _from_f(lo, k), _from_f(hi, k))


def _from_f(f: float, k: int) -> float:
    return 1.0 if f == inf else float((f - 1) / (f + k - 1))


def _absolute(b: float, j: float, e: float, n: int, k: int, level: float) -> Icc:
    """ICC(2,1); its interval uses Satterthwaite's degrees of freedom (Shrout & Fleiss 1979, p. 424)."""
    df2 = (n - 1) * (k - 1)
    icc = _ratio(b - e, b + (k - 1) * e + k * (j - e) / n)
    if e <= 0:
        return Icc(icc, inf, n - 1, df2, float("nan"), float("nan"))
    fj, a = j / e, n * (1 + (k - 1) * icc) - k * icc
    v = df2 * (k * icc * fj + a) ** 2 / ((n - 1) * (k * icc * fj) ** 2 + a**2)
    upper = (1 + level) / 2
    f_lo, f_hi = f_distribution.ppf(upper, n - 1, v), f_distribution.ppf(upper, v, n - 1)
    raters = k * j + (k * n - k - n) * e
    lo = n * (b - f_lo * e) / (f_lo * raters + n * b)
    hi = n * (f_hi * b - e) / (raters + n * f_hi * b)
    return Icc(icc, b / e, n - 1, df2, float(lo), float(hi))


def _stepped_up(one: Icc, k: int) -> Icc:
    """The coefficient of the mean of k ratings, point and limits by Spearman-Brown."""
    icc, lo, hi = (k * value / (1 + (k - 1) * value) for value in (one.icc, one.lo, one.hi))
    return Icc(icc, one.F, one.df1, one.df2, lo, hi)
