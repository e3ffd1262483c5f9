"""What a study of a given size can see at all: power, sample size, minimum detectable validity.

All on Fisher's z scale: z(r) is nearly normal with standard error 1/√(n−3) (Fisher 1921; Cohen 1988, ch. 3). The
``exact_`` forms add z's bias r/(2(n−1)) and take the critical value from t, as Cohen's tables do; they differ from the
simple forms by about one pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import atanh, ceil, isfinite, sqrt, tanh

from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student_t

from validity.estimate import Estimate

TARGET_HALF_WIDTH = 0.10
"""Half-width of an interval of a validity at which it tells weak from middling."""

LARGEST_SAMPLE = 1e9
"""Pairs above which a needed sample is called infinite."""


def minimum_detectable_validity(n: float, power: float = 0.80, alpha: float = 0.05) -> float | None:
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


def power_of(correlation: float, n: float, alpha: float = 0.05) -> float:
    """Probability that a two-sided test on `n` pairs finds a true `correlation`.

    >>> round(power_of(0.30, 50), 3)
    0.564
    """
    if n < 4:
        raise ValueError(f"`n`: {n}, expected 4 or more pairs.")
    shift = atanh(abs(correlation)) * sqrt(n - 3)
    critical = float(norm.ppf(1 - alpha / 2))
    return float(norm.sf(critical - shift) + norm.cdf(-critical - shift))


def power_in_the_right_direction(correlation: float, n: float, alpha: float = 0.05) -> float:
    """As `power_of`, without the chance of a significant result of the wrong sign: ``Φ(|atanh ρ|√(n−3) − z_{1-α/2})``.

    The exact inverse of `pairs_needed` and `minimum_detectable_validity`, which leave that chance out too.

    >>> round(power_in_the_right_direction(0.30, 50), 3)
    0.564
    """
    if not n >= 4:
        raise ValueError(f"`n`: {n}, expected 4 or more pairs.")
    return float(norm.cdf(atanh(abs(correlation)) * sqrt(n - 3) - norm.isf(alpha / 2)))


def _quantile_sum(power: float, alpha: float) -> float:
    if not 0 < power < 1 or not 0 < alpha < 1:
        raise ValueError(f"`power`, `alpha`: {power}, {alpha}, expected numbers between 0 and 1.")
    return float(norm.ppf(1 - alpha / 2) + norm.ppf(power))


# --- Cohen's form -------------------------------------------------------------------------------------------------


def exact_power(correlation: float, n: float, alpha: float = 0.05) -> float:
    """Power of the two-sided t test of a correlation of `n` pairs (Cohen 1988, ch. 3; R's ``pwr.r.test``).

    ``z = atanh ρ + ρ/(2(n−1))`` against ``atanh r_c``, ``r_c = √(t²/(t²+n−2))`` with t's critical value.

    >>> round(exact_power(0.30, 50), 3)
    0.572
    """
    if not -1 < correlation < 1:
        raise ValueError(f"`correlation`: {correlation}, expected a number between -1 and 1.")
    if not n >= 4 or not 0 < alpha < 1:
        raise ValueError(f"`n`, `alpha`: {n}, {alpha}, expected 4 or more pairs and an alpha between 0 and 1.")
    t_critical = float(student_t.isf(alpha / 2, n - 2))
    critical = atanh(sqrt(t_critical**2 / (t_critical**2 + n - 2)))
    expected = atanh(abs(correlation)) + abs(correlation) / (2 * (n - 1))
    root = sqrt(n - 3)
    return float(norm.cdf((expected - critical) * root) + norm.cdf((-expected - critical) * root))


def exact_pairs_needed(correlation: float, power: float = 0.80, alpha: float = 0.05) -> float:
    """Pairs at which `exact_power` reaches `power`; at least 4.

    >>> round(exact_pairs_needed(0.30), 1)
    84.1
    """
    _quantile_sum(power, alpha)
    if not 0 < abs(correlation) < 1:
        raise ValueError(f"`correlation`: {correlation!r}, expected a number between -1 and 1 that is not 0.")
    if exact_power(correlation, 4, alpha) >= power:
        return 4.0
    if exact_power(correlation, LARGEST_SAMPLE, alpha) < power:
        raise ValueError(f"`correlation`: {correlation}, expected one that {LARGEST_SAMPLE:.0e} pairs can find.")
    return float(brentq(lambda n: exact_power(correlation, n, alpha) - power, 4, LARGEST_SAMPLE, xtol=1e-9))


def exact_minimum_detectable_validity(n: float, power: float = 0.80, alpha: float = 0.05) -> float | None:
    """Smallest true correlation at which `exact_power` of `n` pairs reaches `power`; None for n < 4.

    >>> round(exact_minimum_detectable_validity(120), 3)
    0.252
    """
    _quantile_sum(power, alpha)
    if n < 4:
        return None
    if power <= exact_power(0.0, n, alpha):
        return 0.0
    return float(brentq(lambda r: exact_power(r, n, alpha) - power, 0.0, 1 - 1e-12, xtol=1e-12))


# --- from a fitted estimate -----------------------------------------------------------------------------------------


def minimum_detectable_operational_validity(
    estimate: Estimate, power: float = 0.80, alpha: float = 0.05
) -> float | None:
    """Smallest *operational* validity that a study with the interval of `estimate` would find; None without a value.

    The interval of a corrected validity is wider than that of r with the same n, because reliability and selection were
    corrected for. Its half-width on the z scale gives the fitted standard error, so nothing needs to be simulated:
    ``tanh((z_{1-α/2} + z_{power}) · SE_z)``. Assumes that the standard error on the z scale is the same at the
    detectable value as at the estimate.

    >>> rung_3 = Estimate(value=0.39, lo=0.12, hi=0.61, n=108, method="ml", definition_version="1")
    >>> round(minimum_detectable_operational_validity(rung_3), 2)
    0.4
    """
    if estimate.lo is None or estimate.hi is None or not -1 < estimate.lo < estimate.hi < 1:
        return None
    z = float(norm.ppf((1 + estimate.level) / 2))
    standard_error = (atanh(estimate.hi) - atanh(estimate.lo)) / (2 * z)
    return tanh(_quantile_sum(power, alpha) * standard_error)


@dataclass(frozen=True)
class PrecisionDate:
    """When an interval will be narrow enough (`on`; None with a `reason`), and with how many hires."""

    on: date | None
    n_needed: int | None
    reason: str


def precision_date(
    half_width_now: float,
    n_now: int,
    hires_per_year: float,
    as_of: date,
    target: float = TARGET_HALF_WIDTH,
) -> PrecisionDate:
    """Day by which the interval's half-width falls to `target` at the present hiring rate (half-width ∝ 1/√n).

    Parameters
    ----------
    half_width_now, n_now
        Half-width of the interval today, and the reviewed hires behind it.
    hires_per_year
        Reviewed hires expected a year.
    as_of
        State of the data.

    >>> precision_date(0.20, 60, 90, date(2026, 8, 23)).on
    datetime.date(2028, 8, 23)
    """
    if n_now < 1 or not 0 < half_width_now < float("inf") or not target > 0:
        raise ValueError(f"`half_width_now`, `n_now`: {half_width_now}, {n_now}, expected a width above 0 and hires.")
    n_needed = max(n_now, ceil(n_now * (half_width_now / target) ** 2 - 1e-9))
    if n_needed == n_now:
        return PrecisionDate(as_of, n_now, f"the interval is ±{half_width_now:.2f} already")
    if not hires_per_year > 0 or not isfinite(hires_per_year):
        return PrecisionDate(None, n_needed, f"no hires a year expected; {n_needed - n_now} more are needed")
    days = ceil((n_needed - n_now) / hires_per_year * 365.25)
    if as_of.toordinal() + days > date.max.toordinal():
        return PrecisionDate(None, n_needed, f"{n_needed - n_now} more hires are needed; not in our lifetime")
    reason = f"{n_needed - n_now} more reviewed hires at {hires_per_year:.0f} a year"
    return PrecisionDate(as_of + timedelta(days=days), n_needed, reason)
