"""What one may look at before believing a correlation. Printed beside it; none of these decides anything.

A passed linearity test is no evidence: with all hires above a bar the bend lies where nobody was hired, and the test's
power is 3–9 % (SIMULATION, "Linearity tests have no power here").
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import chi2
from scipy.stats import t as student_t

from validity.correlation import jackknife

MIN_PAIRS = 10


def leave_one_out(x: Any, y: Any) -> tuple[float, float]:
    """Smallest and largest r when one pair is left out; NaN where r is not defined.

    >>> lo, hi = leave_one_out([1, 2, 3, 4, 5, 9], [2, 1, 4, 3, 5, 1])
    >>> f"{lo:.2f} {hi:.2f}"
    '-0.32 0.80'
    """
    if len(x) < MIN_PAIRS // 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan, np.nan
    values = jackknife(x, y).values
    return float(np.nanmin(values)), float(np.nanmax(values))


def linearity(x: Any, y: Any) -> tuple[float, float]:
    """p-values of a quadratic term (t test) and of uneven residual variance (Breusch & Pagan 1979, Koenker's form).

    >>> x = np.linspace(-2, 2, 60)
    >>> bend, uneven = linearity(x, x + x**2 + np.sin(40 * x))
    >>> bend < 0.001
    True
    """
    a, b = (np.asarray(v, dtype=float) for v in (x, y))
    n = len(a)
    if n < MIN_PAIRS or len(np.unique(a)) < 3:
        return np.nan, np.nan
    a = (a - a.mean()) / a.std()
    quadratic = np.column_stack([np.ones(n), a, a * a])
    slope, squares = _ols(quadratic, b)
    if squares <= 1e-12 * (b**2).sum():
        return np.nan, np.nan
    se = np.sqrt(squares / (n - 3) * np.linalg.pinv(quadratic.T @ quadratic)[2, 2])
    line = quadratic[:, :2]
    residual = b - line @ _ols(line, b)[0]
    squared = residual**2
    explained = 1 - _ols(line, squared)[1] / max(((squared - squared.mean()) ** 2).sum(), 1e-300)
    return float(2 * student_t.sf(abs(slope[2]) / se, n - 3)), float(chi2.sf(n * explained, 1))


def missing_with(x: Any, is_missing: Any, groups: Any) -> tuple[float, float]:
    """Whether a review is missing more often at some scores: correlation of the two, and its p-value, within groups.

    Rao's score test of the slope of a logistic regression, n·r² on one degree of freedom (METHODS 2.6); NaN with fewer
    than ten reviews that are there or missing.

    Parameters
    ----------
    x, is_missing
        Score and whether the review is missing, of hires who were due.
    groups
        n × d, columns that say where a hire belongs; none, or d = 0.

    >>> x = np.arange(60.0)
    >>> r, p = missing_with(x, x < 20, np.zeros((60, 0)))
    >>> f"{r:.2f} {p < 0.001}"
    '-0.82 True'
    """
    a, b = np.asarray(x, dtype=float), np.asarray(is_missing, dtype=float)
    n, n_missing = len(a), b.sum()
    if min(n_missing, n - n_missing) < MIN_PAIRS:
        return np.nan, np.nan
    design = np.column_stack([np.ones(n), groups])
    a, b = (v - design @ _ols(design, v)[0] for v in (a, b))
    spread = float(np.sqrt((a @ a) * (b @ b)))
    if spread <= 1e-12 * n:
        return np.nan, np.nan
    r = float(a @ b) / spread
    return r, float(chi2.sf(n * r * r, 1))


def _ols(design: Any, outcome: Any) -> tuple[Any, float]:
    """Coefficients and the residual sum of squares."""
    slope = np.linalg.lstsq(design, outcome, rcond=None)[0]
    return slope, float(((outcome - design @ slope) ** 2).sum())
