from __future__ import annotations

from datetime import date
from math import atanh, sqrt, tanh

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm, pearsonr

from validity.estimate import Estimate, refused
from validity.power import (
    exact_minimum_detectable_validity,
    exact_pairs_needed,
    exact_power,
    minimum_detectable_operational_validity,
    minimum_detectable_validity,
    pairs_needed,
    power_in_the_right_direction,
    power_of,
    precision_date,
)

TODAY = date(2026, 8, 23)


@settings(max_examples=40, deadline=None)
@given(r=st.floats(0.02, 0.9), n=st.integers(10, 2000), alpha=st.sampled_from([0.01, 0.05, 0.10]))
def test_needed_pairs_and_detectable_validity_undo_exact_power(r: float, n: int, alpha: float) -> None:
    power = exact_power(r, n, alpha)
    assume(0.20 < power < 0.999)
    assert exact_minimum_detectable_validity(n, power, alpha) == pytest.approx(r, abs=1e-6)
    assert exact_pairs_needed(r, power, alpha) == pytest.approx(n, rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(r=st.floats(0.02, 0.9), n=st.integers(5, 2000))
def test_the_simple_forms_undo_one_another(r: float, n: int) -> None:
    power = power_in_the_right_direction(r, n)
    assume(0.03 < power < 0.999)
    assert pairs_needed(r, power) == pytest.approx(n, rel=1e-6)
    assert minimum_detectable_validity(n, power) == pytest.approx(r)
    assert power <= power_of(r, n)


def test_exact_power_is_what_a_simulated_test_finds() -> None:
    rng = np.random.default_rng(11)
    x, e = rng.standard_normal((2, 3000, 30))
    y = 0.4 * x + sqrt(1 - 0.16) * e
    found = (pearsonr(x, y, axis=1).pvalue < 0.05).mean()
    assert found == pytest.approx(exact_power(0.4, 30), abs=0.03)


def test_exact_power_does_not_depend_on_the_sign_and_is_alpha_without_a_relation() -> None:
    assert exact_power(-0.3, 50) == exact_power(0.3, 50)
    assert exact_power(0.0, 400) == pytest.approx(0.05, abs=0.002)


def test_a_relation_that_four_pairs_show_needs_four() -> None:
    assert exact_pairs_needed(0.9999, 0.80) == 4


@pytest.mark.parametrize("r", [0.0, 1.0, -1.5, 1e-7])
def test_a_relation_that_cannot_be_planned_for_is_named(r: float) -> None:
    with pytest.raises(ValueError, match="correlation"):
        exact_pairs_needed(r)


def test_three_pairs_detect_nothing() -> None:
    assert exact_minimum_detectable_validity(3) is None
    with pytest.raises(ValueError, match="`n`"):
        exact_power(0.3, 3)


def test_an_uncorrected_interval_detects_what_its_n_detects() -> None:
    """Fisher's interval of n pairs carries exactly the standard error 1/√(n−3)."""
    half = float(norm.ppf(0.975)) / sqrt(105)
    plain = Estimate(
        value=0.2, lo=tanh(atanh(0.2) - half), hi=tanh(atanh(0.2) + half), n=108, method="x", definition_version="1"
    )
    assert minimum_detectable_operational_validity(plain) == pytest.approx(minimum_detectable_validity(108))


def test_a_refused_estimate_detects_nothing() -> None:
    nothing = refused("ml", n=30, reason="30 hires, 40 needed", definition_version="1")
    assert minimum_detectable_operational_validity(nothing) is None


def test_half_the_width_takes_four_times_the_hires() -> None:
    answer = precision_date(0.20, 50, 50, TODAY)
    assert answer.n_needed == 200
    assert answer.on == date(2029, 8, 23)


def test_a_narrow_interval_is_narrow_today() -> None:
    assert precision_date(0.10, 400, 0, TODAY).on == TODAY


@pytest.mark.parametrize("rate", [0.0, -3.0, float("nan"), 1e-9])
def test_without_hires_there_is_no_date_but_a_reason(rate: float) -> None:
    answer = precision_date(0.20, 50, rate, TODAY)
    assert answer.on is None
    assert "150 more" in answer.reason


@pytest.mark.parametrize(
    ("width", "n", "target"), [(0.0, 50, 0.1), (float("inf"), 50, 0.1), (0.2, 0, 0.1), (0.2, 50, 0)]
)
def test_impossible_widths_are_named(width: float, n: int, target: float) -> None:
    with pytest.raises(ValueError, match="half_width_now"):
        precision_date(width, n, 50, TODAY, target)
