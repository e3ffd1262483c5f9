from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from validity.differential_prediction import (
    Line,
    d_mod,
    differential_prediction,
    step_down,
    within_group_lines,
)


def hires(n: int, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group = np.repeat(["a", "b"], n)
    x = rng.standard_normal(2 * n)
    return x, 0.4 * x + shift * (group == "b") + rng.standard_normal(2 * n), group


def line(intercept: float, slope: float, mean: float = 0.0, lo: float = -2.0, hi: float = 2.5) -> Line:
    return Line("g", 100, intercept, slope, slope, mean, 1.0, lo, hi, 1.5)


def test_the_step_down_equals_nested_models_of_statsmodels() -> None:
    x, y, group = hires(80, 0.3)
    data = pd.DataFrame({"x": x, "y": y, "g": group})
    common, parallel, full = (smf.ols(f"y ~ {term}", data).fit() for term in ("x", "x + g", "x * g"))
    tests = step_down(x, y, group)
    for ours, theirs in (
        (tests.omnibus, full.compare_f_test(common)),
        (tests.slopes, full.compare_f_test(parallel)),
        (tests.intercepts, parallel.compare_f_test(common)),
    ):
        assert (ours.f, ours.p_value, ours.df1) == pytest.approx(theirs)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_d_mod_parts_add_up_and_have_their_signs(a: float, b: float, c: float, d: float) -> None:
    effect = d_mod(line(a, b), line(c, d, mean=-0.4))
    assert effect.signed == pytest.approx(effect.under + effect.over, abs=1e-12)
    assert effect.unsigned == pytest.approx(effect.over - effect.under, abs=1e-12)
    assert effect.under <= 0 <= effect.over
    assert effect.prop_under + effect.prop_over <= 1 + 1e-9
    assert abs(effect.d_min) <= abs(effect.d_max)


def test_without_a_crossing_d_mod_is_the_mean_gap_of_the_cut_normal() -> None:
    referent, focal = line(1.0, 0.5), line(0.2, 0.4, mean=-0.3)
    mass = norm.cdf(2.5, -0.3) - norm.cdf(-2.0, -0.3)
    area = quad(lambda x: (0.8 + 0.1 * x) * norm.pdf(x, -0.3), -2.0, 2.5)[0]
    assert d_mod(referent, focal).signed == pytest.approx(area / mass / 1.5)


def test_equal_lines_have_no_gap_and_parallel_ones_no_extreme_score() -> None:
    same, parallel = d_mod(line(0.1, 0.4), line(0.1, 0.4)), d_mod(line(0.3, 0.4), line(0.1, 0.4))
    assert (same.signed, same.unsigned, same.prop_under, same.prop_over) == (0, 0, 0, 0)
    assert parallel.d_min_score is None
    assert parallel.prop_over == pytest.approx(1.0)


def test_fewer_than_fifty_in_a_group_is_refused() -> None:
    (_, made), *_ = differential_prediction(*hires(49, 0.0), referent="a")
    assert made.reason == "49 people in the smaller group, 50 needed"
    assert made.status == "not_estimable"


def test_a_referent_that_is_not_there_is_a_refusal_not_a_crash() -> None:
    made = differential_prediction(*hires(60, 0.0), referent="z")
    assert [estimate.status for _, estimate in made] == ["not_estimable", "not_estimable"]


def test_a_constant_score_is_refused() -> None:
    x, y, group = hires(60, 0.0)
    (_, made), *_ = differential_prediction(np.where(group == "b", 3.0, x), y, group, referent="a")
    assert "hardly vary" in made.reason


def test_an_underpredicted_group_has_a_negative_effect_whose_interval_excludes_zero() -> None:
    (keys, made), *_ = differential_prediction(*hires(150, 0.8), referent="a", n_bootstrap=200)
    assert keys == {"group": "b", "referent": "a"}
    assert made.hi is not None
    assert made.hi < 0
    assert made.extras["intercepts_p"] < 0.001


def test_incomplete_rows_are_left_out() -> None:
    lines = within_group_lines([1, 2, 3, None, 5], [1, 2, 3, 4, None], ["a"] * 5)
    assert lines[0].n == 3


@pytest.mark.parametrize("group", [["a"] * 6, ["a", "a", "a", "a", "a", "b"]])
def test_lines_that_cannot_be_drawn_are_refused(group: list[str]) -> None:
    with pytest.raises(ValueError, match="expected"):
        step_down([1, 2, 3, 4, 5, 6], [1, 3, 2, 4, 6, 5], group)
