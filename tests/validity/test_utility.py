from __future__ import annotations

from dataclasses import replace
from math import asin, pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from validity.estimate import Estimate, refused
from validity.utility import (
    Programme,
    expectancy,
    money,
    money_gain,
    naylor_shine,
    success_ratio,
    taylor_russell,
)

RHO = Estimate(value=0.39, lo=0.12, hi=0.61, n=108, method="ml", definition_version="1")
COHORT = Programme(n_selected=20, n_applicants=100, selection_ratio=0.2, sd_y=20_000, cost_per_applicant=100)
ratios = st.floats(0.02, 0.98)


@given(rho=st.floats(-0.99, 0.99))
def test_hiring_the_upper_half_follows_the_arcsine(rho: float) -> None:
    assert taylor_russell(rho, 0.5, 0.5) == pytest.approx(0.5 + asin(rho) / pi, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(rho=st.floats(-0.9, 0.9), selection_ratio=ratios, base_rate=ratios)
def test_the_share_of_good_hires_equals_the_bivariate_normal_of_scipy(
    rho: float, selection_ratio: float, base_rate: float
) -> None:
    corner = [norm.ppf(selection_ratio), norm.ppf(base_rate)]
    both = multivariate_normal.cdf(corner, mean=[0, 0], cov=[[1, rho], [rho, 1]])
    assert taylor_russell(rho, selection_ratio, base_rate) * selection_ratio == pytest.approx(both, abs=2e-5)


@pytest.mark.parametrize(("rho", "share"), [(0.0, 0.3), (1.0, 1.0), (-1.0, 0.0)])
def test_no_relation_gives_the_base_rate_and_a_perfect_one_all_or_none(rho: float, share: float) -> None:
    assert taylor_russell(rho, 0.2, 0.3) == pytest.approx(share, abs=1e-9)


def test_a_nearly_perfect_relation_is_still_integrated() -> None:
    assert taylor_russell(0.99999, 0.2, 0.2) == pytest.approx(1.0, abs=0.01)


def test_everybody_or_nobody_good_leaves_nothing_to_find() -> None:
    assert taylor_russell(0.5, 0.2, 1.0) == pytest.approx(1.0)
    assert taylor_russell(0.5, 0.2, 0.0) == 0.0
    assert taylor_russell(0.5, 1.0, 0.3) == pytest.approx(0.3)


@settings(max_examples=40, deadline=None)
@given(rho=st.floats(-1, 1), n_groups=st.integers(1, 12), base_rate=ratios)
def test_the_groups_of_a_chart_average_to_the_base_rate(rho: float, n_groups: int, base_rate: float) -> None:
    chart = expectancy(rho, n_groups, base_rate)
    assert len(chart) == n_groups
    assert np.mean(chart) == pytest.approx(base_rate, abs=1e-7)
    assert (np.diff(chart) * np.sign(rho) >= -1e-7).all()


def test_the_highest_group_of_a_chart_is_what_hiring_that_share_would_give() -> None:
    assert expectancy(0.4, 3)[-1] == pytest.approx(taylor_russell(0.4, 1 / 3, 0.5), abs=1e-9)


def test_money_is_refused_when_the_interval_includes_zero_but_the_share_is_given() -> None:
    doubtful = replace(RHO, lo=-0.02)
    assert money(doubtful, COHORT).status == "not_estimable"
    assert "includes 0" in money(doubtful, COHORT).reason
    assert success_ratio(doubtful, 0.2).status == "ok"


def test_money_is_refused_when_the_reader_did_not_enter_a_standard_deviation() -> None:
    gain = money(RHO, replace(COHORT, sd_y=None))
    assert gain.value is None
    assert "was not entered" in gain.reason
    with pytest.raises(ValueError, match="sd_y"):
        money_gain(0.3, replace(COHORT, sd_y=None))


def test_money_has_the_interval_of_the_validity_even_when_it_replaces_something_better() -> None:
    gain = money(RHO, COHORT)
    assert (gain.lo, gain.hi) == (pytest.approx(money_gain(0.12, COHORT)), pytest.approx(money_gain(0.61, COHORT)))
    worse = money(RHO, replace(COHORT, validity_now=0.5))
    assert worse.value is not None
    assert worse.value < 0


def test_a_refused_validity_has_neither_money_nor_share() -> None:
    nothing = refused("ml", n=30, reason="30 hires, 40 needed", definition_version="1")
    assert money(nothing, COHORT).reason == "30 hires, 40 needed"
    assert success_ratio(nothing, 0.2).reason == "30 hires, 40 needed"


def test_costs_are_paid_for_every_applicant_and_discounted_years_are_worth_less() -> None:
    free = money_gain(0.3, replace(COHORT, cost_per_applicant=0))
    assert free - money_gain(0.3, COHORT) == pytest.approx(100 * 100)
    three = replace(COHORT, cost_per_applicant=0, tenure_years=3, discount_rate=0.10)
    assert money_gain(0.3, three) == pytest.approx(free * (1 / 1.1 + 1 / 1.21 + 1 / 1.331))


@given(rate=st.floats(1e-9, 1e-6))
def test_a_vanishing_discount_rate_counts_years_in_full(rate: float) -> None:
    four = replace(COHORT, tenure_years=4)
    assert money_gain(0.3, replace(four, discount_rate=rate)) == pytest.approx(money_gain(0.3, four), rel=1e-4)


def test_mean_gain_is_the_integral_of_performance_over_those_hired() -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal(400_000)
    y = 0.4 * x + np.sqrt(0.84) * rng.standard_normal(x.size)
    assert y[x > np.quantile(x, 0.8)].mean() == pytest.approx(naylor_shine(0.4, 0.2), abs=0.01)


@pytest.mark.parametrize(
    "change", [{"selection_ratio": 0.0}, {"n_selected": -1}, {"sd_y": -5.0}, {"discount_rate": -1.0}]
)
def test_an_impossible_programme_is_named(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(COHORT, **change)
