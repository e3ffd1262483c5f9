"""Worst-case bounds: what the hires say about everybody when nothing is assumed about those nobody observed.

A bound is not an interval: it does not shrink with more data, only with fewer people missing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """People of one score band: how many, how many of them were reviewed, and the mean rating of those."""

    n: int
    n_observed: int
    mean_observed: float | None


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest value that the data allow, behind how many people, and what that means."""

    lower: float
    upper: float
    n: int
    n_observed: int
    sentence: str

    @property
    def width(self) -> float:
        return self.upper - self.lower


def worst_case_mean(group: Group, lo: float, hi: float) -> Bounds:
    """Bounds of a group's mean when the missing may be anything from `lo` to `hi` (Manski 1990; 2003, ch. 1).

    ``[p m + (1−p) lo, p m + (1−p) hi]`` with p the share observed; the width ``(1−p)(hi−lo)`` whatever the data.

    >>> bounds = worst_case_mean(Group(n=400, n_observed=120, mean_observed=3.6), lo=1, hi=5)
    >>> round(bounds.lower, 2), round(bounds.upper, 2)
    (1.78, 4.58)
    """
    known, missing = _known_part(group, lo, hi)
    return _bounds(known + missing * lo, known + missing * hi, group.n, group.n_observed, "mean")


def monotone_mean(group: Group, lo: float, hi: float) -> Bounds:
    """Bounds of a group's mean if the unobserved do no better than the observed of the same group (Manski 2003).

    >>> bounds = monotone_mean(Group(n=200, n_observed=100, mean_observed=0.8), lo=0, hi=1)
    >>> round(bounds.lower, 2), round(bounds.upper, 2)
    (0.4, 0.8)
    """
    known, missing = _known_part(group, lo, hi)
    best = hi if group.mean_observed is None else group.mean_observed
    return _bounds(known + missing * lo, known + missing * best, group.n, group.n_observed, "mean")


def worst_case_difference(high: Group, low: Group, lo: float, hi: float) -> Bounds:
    """Bounds of mean(high scorers) − mean(low scorers) without any assumption (Manski 2003).

    >>> high, low = Group(200, 100, 0.8), Group(200, 30, 0.6)
    >>> bounds = worst_case_difference(high, low, lo=0, hi=1)
    >>> round(bounds.lower, 2), round(bounds.upper, 2)
    (-0.54, 0.81)
    """
    return _difference(worst_case_mean(high, lo, hi), worst_case_mean(low, lo, hi))


def monotone_difference(high: Group, low: Group, lo: float, hi: float) -> Bounds:
    """The same difference if the rejected of a score band do no better than the hires of that band.

    >>> high, low = Group(200, 100, 0.8), Group(200, 30, 0.6)
    >>> bounds = monotone_difference(high, low, lo=0, hi=1)
    >>> round(bounds.lower, 2), round(bounds.upper, 2)
    (-0.2, 0.71)
    """
    return _difference(monotone_mean(high, lo, hi), monotone_mean(low, lo, hi))


def _known_part(group: Group, lo: float, hi: float) -> tuple[float, float]:
    """Contribution of the observed to the mean, and the share that is missing."""
    if not lo < hi:
        raise ValueError(f"`lo`, `hi`: {lo}, {hi}, expected lo below hi.")
    if not 0 <= group.n_observed <= group.n or group.n == 0:
        raise ValueError(
            f"`n_observed`: {group.n_observed} of {group.n}, expected people, and no more observed than there."
        )
    if group.n_observed == 0:
        return 0.0, 1.0
    if group.mean_observed is None or not lo <= group.mean_observed <= hi:
        raise ValueError(f"`mean_observed`: {group.mean_observed}, expected a number from {lo} to {hi}.")
    share = group.n_observed / group.n
    return share * group.mean_observed, 1 - share


def _difference(high: Bounds, low: Bounds) -> Bounds:
    n, n_observed = high.n + low.n, high.n_observed + low.n_observed
    return _bounds(high.lower - low.upper, high.upper - low.lower, n, n_observed, "difference")


def _bounds(lower: float, upper: float, n: int, n_observed: int, what: str) -> Bounds:
    sentence = (
        f"Whatever the {n - n_observed} unobserved of {n} would have done, the {what} lies between "
        f"{lower:.2f} and {upper:.2f}."
    )
    return Bounds(lower, upper, n, n_observed, sentence)
