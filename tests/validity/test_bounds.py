from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validity.bounds import Group, monotone_difference, monotone_mean, worst_case_difference, worst_case_mean

groups = st.integers(1, 500).flatmap(
    lambda n: st.builds(Group, n=st.just(n), n_observed=st.integers(1, n), mean_observed=st.floats(1, 5))
)


@given(group=groups)
def test_the_width_depends_on_how_many_are_missing_and_on_nothing_else(group: Group) -> None:
    assert worst_case_mean(group, 1, 5).width == pytest.approx(4 * (1 - group.n_observed / group.n), abs=1e-9)


@given(high=groups, low=groups)
def test_an_assumption_can_only_narrow_the_bounds(high: Group, low: Group) -> None:
    worst, monotone = worst_case_difference(high, low, 1, 5), monotone_difference(high, low, 1, 5)
    assert worst.lower <= monotone.lower + 1e-9
    assert monotone.upper <= worst.upper + 1e-9


def test_with_nobody_missing_the_bounds_meet_at_the_mean() -> None:
    everybody = worst_case_mean(Group(50, 50, 3.2), 1, 5)
    assert (everybody.lower, everybody.upper) == (pytest.approx(3.2), pytest.approx(3.2))


def test_with_nobody_observed_the_bounds_are_the_scale() -> None:
    nobody = Group(50, 0, None)
    assert (worst_case_mean(nobody, 1, 5).lower, worst_case_mean(nobody, 1, 5).upper) == (1, 5)
    assert monotone_mean(nobody, 1, 5).upper == 5


@pytest.mark.parametrize(
    ("group", "lo", "hi"),
    [
        (Group(10, 11, 3.0), 1, 5),
        (Group(0, 0, None), 1, 5),
        (Group(10, 5, None), 1, 5),
        (Group(10, 5, 6.0), 1, 5),
        (Group(10, 5, float("nan")), 1, 5),
        (Group(10, 5, 3.0), 5, 1),
    ],
)
def test_impossible_input_is_named(group: Group, lo: float, hi: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        worst_case_mean(group, lo, hi)


def test_the_sentence_says_how_many_nobody_saw() -> None:
    bounds = worst_case_difference(Group(200, 100, 0.8), Group(200, 30, 0.6), 0, 1)
    assert bounds.sentence.startswith("Whatever the 270 unobserved of 400 would have done, the difference lies between")
