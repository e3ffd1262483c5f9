"""What a study of a given size can see at all: power, sample size, minimum detectable validity.

All on Fisher's z scale: z(r) is nearly normal with standard error 1/√(n−3) (Fisher 1921; Cohen 1988, ch. 3).
"""

from __future__ import annotations

from math import atanh, sqrt, tanh

from scipy.stats import norm


def minimum_detectable_validity(n: int, power: float = 0.80, alpha: float = 0.05) -> float | None:
    """Smallest true correlation that a two-sided test on `n` pairs finds with the given power; None for n < 4.

    ``tanh((z_{1-α/2} + z_{power}) / √(n−3))``.

    >>> round(minimum_detectable_validity(41), 3)
    0.426
    """
    if n < 4:
        return None
    return tanh(_quantile_sum(power, alpha) / sqrt(n - 3))


def pairs_needed(correlation: float, power: float = 0.80, alpha: float = 0.05) -> float:
    """Pairs needed to see a true `correlation` with the given power: ``((z_{1-α/2} + z_{power}) / atanh ρ)² + 3``.

    >>> round(pairs_needed(0.30), 1)
    84.9
    """
    if not 0 < abs(correlation) < 1:
        raise ValueError(f"`correlation`: {correlation!r}, expected a number between -1 and 1 that is not 0.")
    return (_quantile_sum(power, alpha) / atanh(correlation)) ** 2 + 3


def power_of(correlation: float, n: int, alpha: float = 0.05) -> float:
    """Probability that a two-sided test on `n` pairs finds a true `correlation`.

    >>> round(power_of(0.30, 50), 3)
    0.564
    """
    if n < 4:
        raise ValueError(f"`n`: {n}, expected 4 or more pairs.")
    shift = atanh(abs(correlation)) * sqrt(n - 3)
    critical = float(norm.ppf(1 - alpha / 2))
    return float(norm.sf(critical - shift) + norm.cdf(-critical - shift))


def _quantile_sum(power: float, alpha: float) -> float:
    if not 0 < power < 1 or not 0 < alpha < 1:
        raise ValueError(f"`power`, `alpha`: {power}, {alpha}, expected numbers between 0 and 1.")
    return float(norm.ppf(1 - alpha / 2) + norm.ppf(power))
