"""Proportions with Wilson's interval (Wilson 1927, eq. 4)."""

from __future__ import annotations

from datetime import datetime

from statsmodels.stats.proportion import proportion_confint

from validity.estimate import Estimate, refused
from validity.thresholds import GROUP_RATE

METHOD = "wilson"


def wilson(
    successes: int,
    n: int,
    *,
    level: float = 0.95,
    as_of: datetime | None = None,
    definition_version: str = "1",
) -> Estimate:
    """Proportion of `successes` among `n` with Wilson's score interval.

    Refused below the threshold at which a group's rate is estimable, ``low_n`` below the one at which it is shown.

    >>> rate = wilson(30, 40)
    >>> f"{rate.value:.2f} [{rate.lo:.2f}, {rate.hi:.2f}]"
    '0.75 [0.60, 0.86]'
    """
    if not 0 <= successes <= n:
        raise ValueError(f"`successes`: {successes} of {n}, expected a number from 0 to {n}.")
    if n < GROUP_RATE.estimable:
        reason = f"{n} observations, {GROUP_RATE.estimable} needed"
        return refused(METHOD, n=n, reason=reason, level=level, as_of=as_of, definition_version=definition_version)
    lo, hi = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    value = successes / n
    few = n < GROUP_RATE.shown
    return Estimate(
        value=value,
        lo=min(float(lo), value),
        hi=max(float(hi), value),
        level=level,
        n=n,
        method=METHOD,
        status="low_n" if few else "ok",
        reason=f"{n} observations, shown from {GROUP_RATE.shown}" if few else "",
        as_of=as_of,
        definition_version=definition_version,
    )
