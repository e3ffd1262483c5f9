from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from validity.evalue import (
    evalue_of_mean_difference,
    evalue_of_risk_ratio,
    evalue_of_validity,
    rosenbaum_signed_rank,
)


@given(ratio=st.floats(1.01, 50), lo=st.floats(0.1, 1.0), hi=st.floats(1.0, 2.0))
def test_a_protective_ratio_has_the_evalue_of_its_inverse(ratio: float, lo: float, hi: float) -> None:
    harm = evalue_of_risk_ratio(ratio, ratio * lo, ratio * hi)
    shield = evalue_of_risk_ratio(1 / ratio, 1 / (ratio * hi), 1 / (ratio * lo))
    assert shield.point == pytest.approx(harm.point)
    assert shield.upper == pytest.approx(harm.lower)
    assert shield.lower is None
    assert harm.upper is None


def test_an_interval_that_holds_one_needs_no_confounding() -> None:
    assert evalue_of_risk_ratio(1.4, 0.9, 2.0).lower == 1
    assert evalue_of_risk_ratio(0.7, 0.5, 1.1).upper == 1
    assert evalue_of_risk_ratio(1.0).point == 1


@pytest.mark.parametrize("numbers", [(2.0, 3.0, 4.0), (2.0, 1.0, 1.5), (-1.0, None, None), (0.0, None, None)])
def test_limits_out_of_order_and_impossible_ratios_are_named(numbers: tuple[float, float | None, float | None]) -> None:
    with pytest.raises(ValueError, match="risk_ratio"):
        evalue_of_risk_ratio(*numbers)


def test_a_validity_of_either_sign_needs_the_same_confounding_and_a_stronger_one_more() -> None:
    assert evalue_of_validity(-0.3).point == pytest.approx(evalue_of_validity(0.3).point)
    assert evalue_of_validity(0.5, 0.3, 0.65).lower == pytest.approx(evalue_of_validity(0.3).point)
    with pytest.raises(ValueError, match="`r`"):
        evalue_of_validity(1.0)


def test_a_mean_difference_without_standard_error_has_a_point_only() -> None:
    answer = evalue_of_mean_difference(0.5)
    assert answer.lower is None
    assert answer.point > 1


def test_without_hidden_bias_the_bound_is_wilcoxons_own_p_value() -> None:
    rng = np.random.default_rng(7)
    exposed, control = rng.normal(0.4, 1, 60), rng.normal(0, 1, 60)
    reference = wilcoxon(exposed, control, alternative="greater", method="approx", correction=False).pvalue
    assert rosenbaum_signed_rank(exposed, control, [1])[0].p_upper == pytest.approx(reference, abs=1e-12)


@given(gammas=st.lists(st.floats(1, 20), min_size=2, max_size=5))
def test_more_hidden_bias_never_makes_a_finding_surer(gammas: list[float]) -> None:
    bounds = rosenbaum_signed_rank([5, 7, 9, 6, 8, 9], [3, 6, 4, 6, 5, 5], sorted(gammas))
    p_values = [bound.p_upper for bound in bounds]
    assert p_values == sorted(p_values)


def test_pairs_with_a_gap_are_left_out() -> None:
    with_gap = rosenbaum_signed_rank([5, 7, float("nan")], [3, 8, 2], [1])[0]
    assert with_gap.n_pairs == 2
    assert with_gap.p_upper == pytest.approx(rosenbaum_signed_rank([5, 7], [3, 8], [1])[0].p_upper)


def test_pairs_that_do_not_differ_and_bias_below_one_are_named() -> None:
    with pytest.raises(ValueError, match="no pair differs"):
        rosenbaum_signed_rank([1, 2], [1, 2], [1])
    with pytest.raises(ValueError, match="gammas"):
        rosenbaum_signed_rank([1, 2], [0, 1], [0.5])
