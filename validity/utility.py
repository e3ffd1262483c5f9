"""What a validity is worth: share of good hires (Taylor-Russell), mean gain (Naylor-Shine), money (Brogden).

Only from operational validity (rung 3 or 4), always with its interval, and money only with a standard deviation of
performance that the reader entered. Figures are for one cohort over its tenure, never a yearly headline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp, log1p, pi, sqrt

from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import norm

from validity.estimate import Estimate, refused
from validity.range_restriction import mean_z_of_selected

SD_Y_SHARE_OF_SALARY = 0.40
"""Proposal for SDy as a share of salary (Schmidt & Hunter 1983); show `SD_Y_SHARES_SENSITIVITY` beside it."""

SD_Y_SHARES_SENSITIVITY = (0.20, 0.70)
"""Shares of salary between which SDy was found."""

N_EXPECTANCY_GROUPS = 5
"""Groups of an expectancy chart unless asked otherwise."""

MONEY_METHOD = "brogden_cronbach_gleser"
SUCCESS_METHOD = "taylor_russell"


@dataclass(frozen=True, kw_only=True)
class Programme:
    """One hiring cohort and its money.

    Parameters
    ----------
    n_selected
        People hired in the cohort.
    n_applicants
        People assessed; costs are per applicant.
    selection_ratio
        Share of applicants hired, above 0 and at most 1.
    tenure_years
        Years that the hires stay.
    sd_y
        Standard deviation of yearly performance in money, entered by the reader; None when it was not.
    validity_now
        Operational validity of the procedure that would be replaced, 0 for none.
    cost_per_applicant, cost_per_applicant_now
        Cost of assessing one applicant with the procedure, and with the one it replaces.
    discount_rate, tax_rate, variable_cost_share
        Boudreau's extensions, shares of 1.
    """

    n_selected: float
    n_applicants: float
    selection_ratio: float
    tenure_years: float = 1.0
    sd_y: float | None = None
    validity_now: float = 0.0
    cost_per_applicant: float = 0.0
    cost_per_applicant_now: float = 0.0
    discount_rate: float = 0.0
    tax_rate: float = 0.0
    variable_cost_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.selection_ratio <= 1:
            raise ValueError(f"`selection_ratio`: {self.selection_ratio}, expected a share above 0 and at most 1.")
        amounts = (self.n_selected, self.n_applicants, self.tenure_years, self.sd_y or 0.0)
        if min(amounts) < 0:
            raise ValueError(f"`n_selected`, `n_applicants`, `tenure_years`, `sd_y`: {amounts}, expected 0 or more.")
        if not self.discount_rate > -1:
            raise ValueError(f"`discount_rate`: {self.discount_rate}, expected more than -1.")


def sd_y_from_salary(salary: float, share: float = SD_Y_SHARE_OF_SALARY) -> float:
    """SDy proposed to the reader as a share of salary (Schmidt & Hunter 1983).

    >>> sd_y_from_salary(60_000)
    24000.0
    """
    return salary * share


def money_gain(rho: float, programme: Programme) -> float:
    """Gain in money of the cohort over its tenure (Brogden 1949; Cronbach & Gleser 1965; Boudreau 1983).

    ``N_s Σ_t(1+i)^{-t} (ρ−ρ_0) SDy φ(c)/SR (1−V)(1−TAX) − N_applicants (C−C_0)(1−TAX)``; the sum over years is
    ``(1−(1+i)^{-T})/i``, so that part years count.

    >>> programme = Programme(n_selected=20, n_applicants=100, selection_ratio=0.2, sd_y=10_000, cost_per_applicant=50)
    >>> round(money_gain(0.5, programme))
    134981
    """
    if programme.sd_y is None:
        raise ValueError("`sd_y`: not entered, expected the standard deviation of yearly performance in money.")
    _require_r(rho)
    mean_z = mean_z_of_selected(programme.selection_ratio)
    yearly = programme.n_selected * (rho - programme.validity_now) * programme.sd_y * mean_z
    gain = _years(programme.tenure_years, programme.discount_rate) * yearly * (1 - programme.variable_cost_share)
    cost = programme.n_applicants * (programme.cost_per_applicant - programme.cost_per_applicant_now)
    return (gain - cost) * (1 - programme.tax_rate)


def taylor_russell(rho: float, selection_ratio: float, base_rate: float) -> float:
    """Share of good performers among those hired top-down: ``Φ₂(−c_x, −c_y; ρ)/SR`` (Taylor & Russell 1939).

    `base_rate` is the share that would be good if hired at random.

    >>> round(taylor_russell(0.35, 0.20, 0.50), 2)
    0.7
    """
    _require_r(rho)
    if not 0 < selection_ratio <= 1:
        raise ValueError(f"`selection_ratio`: {selection_ratio}, expected a share above 0 and at most 1.")
    return _good_between(rho, float(norm.isf(selection_ratio)), float("inf"), base_rate) / selection_ratio


def naylor_shine(rho: float, selection_ratio: float) -> float:
    """Mean standardised performance of those hired top-down: ``ρ φ(c)/SR`` (Naylor & Shine 1965).

    >>> round(naylor_shine(0.40, 0.20), 2)
    0.56
    """
    _require_r(rho)
    return rho * mean_z_of_selected(selection_ratio)


def expectancy(rho: float, n_groups: int = N_EXPECTANCY_GROUPS, base_rate: float = 0.50) -> list[float]:
    """Share of good performers in each of `n_groups` equal groups of scores, lowest scores first.

    Theoretical expectancy chart (Lawshe, Bolda, Brune & Auclair 1958), bivariate normal; 3 groups are terciles.

    >>> [round(share, 2) for share in expectancy(0.40, 3)]
    [0.32, 0.5, 0.68]
    """
    _require_r(rho)
    if n_groups < 1:
        raise ValueError(f"`n_groups`: {n_groups}, expected 1 or more.")
    cuts = [float(norm.ppf(group / n_groups)) for group in range(n_groups + 1)]
    return [_good_between(rho, lo, hi, base_rate) * n_groups for lo, hi in pairwise(cuts)]


def refusal_of_money(rho: Estimate, programme: Programme) -> str | None:
    """Why no money figure is given, as a sentence; None when one is.

    >>> rho = Estimate(value=0.2, lo=-0.1, hi=0.4, n=60, method="ml", definition_version="1")
    >>> refusal_of_money(rho, Programme(n_selected=20, n_applicants=100, selection_ratio=0.2, sd_y=20_000))
    'the interval of the validity includes 0, so the gain may be nothing'
    """
    if rho.lo is None or rho.hi is None:
        return rho.reason
    if rho.lo <= 0 <= rho.hi:
        return "the interval of the validity includes 0, so the gain may be nothing"
    if programme.sd_y is None:
        return "the standard deviation of performance in money was not entered; see the share of good hires instead"
    return None


def money(rho: Estimate, programme: Programme) -> Estimate:
    """Money gain of the cohort with its interval, from the operational validity and its limits; or a refusal.

    The interval carries the uncertainty of the validity only; SDy is the reader's own figure.

    >>> rho = Estimate(value=0.39, lo=0.12, hi=0.61, n=108, method="ml", definition_version="1")
    >>> gain = money(rho, Programme(n_selected=20, n_applicants=100, selection_ratio=0.2, sd_y=20_000))
    >>> f"{gain.value:,.0f} [{gain.lo:,.0f}, {gain.hi:,.0f}]"
    '218,370 [67,191, 341,554]'
    """
    reason = refusal_of_money(rho, programme)
    if reason is not None:
        return _refusal(rho, MONEY_METHOD, reason)
    return _through(rho, lambda validity: money_gain(validity, programme), MONEY_METHOD)


def success_ratio(rho: Estimate, selection_ratio: float, base_rate: float = 0.50) -> Estimate:
    """Taylor-Russell share of good hires with its interval; needs no money and is given with any interval.

    >>> rho = Estimate(value=0.39, lo=0.12, hi=0.61, n=108, method="ml", definition_version="1")
    >>> share = success_ratio(rho, 0.20)
    >>> f"{share.value:.2f} [{share.lo:.2f}, {share.hi:.2f}]"
    '0.72 [0.57, 0.85]'
    """
    if rho.value is None:
        return _refusal(rho, SUCCESS_METHOD, rho.reason)
    return _through(rho, lambda validity: taylor_russell(validity, selection_ratio, base_rate), SUCCESS_METHOD)


def _through(rho: Estimate, figure: Callable[[float], float], name: str) -> Estimate:
    """`figure` of the validity and of its limits."""
    assert rho.value is not None
    assert rho.lo is not None
    assert rho.hi is not None
    value, lo, hi = figure(rho.value), figure(rho.lo), figure(rho.hi)
    extras = {"rho": rho.value, "rho_lo": rho.lo, "rho_hi": rho.hi}
    return replace(rho, value=value, lo=min(lo, value), hi=max(hi, value), method=f"{rho.method}+{name}", extras=extras)


def _refusal(rho: Estimate, name: str, reason: str) -> Estimate:
    return refused(
        f"{rho.method}+{name}",
        n=rho.n,
        reason=reason,
        definition_version=rho.definition_version,
        level=rho.level,
        as_of=rho.as_of,
    )


def _years(tenure: float, rate: float) -> float:
    """Present value of 1 a year, paid at the end of each year."""
    return tenure if rate == 0 else (1 - exp(-tenure * log1p(rate))) / rate


def _good_between(rho: float, lo: float, hi: float, base_rate: float) -> float:
    """P(lo < X < hi and Y among the best `base_rate`) of a bivariate normal, by integrating over X."""
    if not 0 <= base_rate <= 1:
        raise ValueError(f"`base_rate`: {base_rate}, expected a share from 0 to 1.")
    if base_rate in (0, 1):
        return base_rate * float(norm.cdf(hi) - norm.cdf(lo))
    cut = float(norm.isf(base_rate))
    if abs(rho) == 1:
        lo, hi = (max(lo, cut), hi) if rho > 0 else (lo, min(hi, -cut))
        return max(0.0, float(norm.cdf(hi) - norm.cdf(lo)))
    root = sqrt(1 - rho * rho)

    def density(x: float) -> float:
        return exp(-x * x / 2) * float(ndtr((rho * x - cut) / root)) / sqrt(2 * pi)

    lo, hi = max(lo, -9.0), min(hi, 9.0)
    bend = cut / rho if rho else 0.0  # where a strong correlation turns the integrand into a step
    points = [bend] if lo < bend < hi else None
    return float(quad(density, lo, hi, points=points, epsabs=1e-12, epsrel=1e-10, limit=200)[0])


def _require_r(rho: float) -> None:
    if not -1 <= rho <= 1:
        raise ValueError(f"`rho`: {rho}, expected a correlation between -1 and 1.")
