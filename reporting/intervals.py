"""Intervals of shares that arrive without one."""

from __future__ import annotations

from typing import Any

from statsmodels.stats.proportion import proportion_confint

from reporting import words


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (Wilson 1927, eq. 4)."""
    lo, hi = proportion_confint(successes, n, method="wilson")
    return float(lo), float(hi)


def share(value: Any, n: Any) -> str:
    """A share with its interval; nothing for a group too small to show.

    >>> share(0.956, 409), share(0.5, 4), share(None, 0)
    ('96% [93, 97]', '–', '–')
    """
    if words.missing(value) or words.missing(n) or int(n) < words.SMALLEST_GROUP_SHOWN:
        return words.NOTHING
    lo, hi = wilson(round(float(value) * int(n)), int(n))
    return f"{words.percent(value, lo, hi)} {words.percent_interval(lo, hi)}"


def share_of_people(n_some: Any, n: Any) -> str:
    """As `share`, of a count of persons: nothing where the share would tell a count that is not shown.

    >>> share_of_people(18, 30), share_of_people(3, 20), share_of_people(18, 20), share_of_people(0, 20)
    ('60% [42, 75]', '–', '–', '0% [0, 16]')
    """
    if words.tells_few(n_some, n) or not int(n):
        return words.NOTHING
    return share(int(n_some) / int(n), n)
