from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validity.gtheory import spearman_brown
from validity.icc import icc_table, one_way_anova


def panel(seed: int, n: int = 15, k: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=n)[:, None] + rng.normal(0, 0.5, k) + rng.normal(size=(n, k))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_every_coefficient_lies_in_its_interval_and_steps_up_by_spearman_brown(seed: int) -> None:
    table = icc_table(panel(seed))
    for form, one in table.single.items():
        assert one.lo <= one.icc <= one.hi
        if one.icc > 0:
            assert table.average[form].icc == pytest.approx(spearman_brown(one.icc, 4))


def test_a_severe_rater_lowers_absolute_agreement_only() -> None:
    ratings = panel(1)
    severe = ratings - np.array([3.0, 0, 0, 0])
    assert icc_table(severe).single[3].icc == pytest.approx(icc_table(ratings).single[3].icc)
    assert icc_table(severe).single[2].icc < icc_table(ratings).single[2].icc


def test_intervals_cover_the_truth() -> None:
    truth, rng = 1 / 2.25, np.random.default_rng(0)
    covered = []
    for _ in range(300):
        x = rng.normal(size=15)[:, None] + rng.normal(0, 0.5, 6) + rng.normal(size=(15, 6))
        one = icc_table(x).single[2]
        covered.append(one.lo < truth < one.hi)
    assert 0.90 <= np.mean(covered) <= 0.99


def test_targets_with_a_missing_rating_are_dropped() -> None:
    ratings = panel(2)
    gap = np.vstack([ratings, [1.0, np.nan, 2.0, 3.0]])
    assert icc_table(gap) == icc_table(ratings)


def test_raters_who_agree_exactly_have_a_coefficient_of_one() -> None:
    table = icc_table([[1, 1, 1], [2, 2, 2], [4, 4, 4]])
    assert [table.single[form].icc for form in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize("ratings", [[[1, 2]], [[1], [2]], [[3, 3], [3, 3]], [[1, np.nan], [2, np.nan]]])
def test_a_panel_without_two_of_each_or_variation_is_an_error(ratings: list[list[float]]) -> None:
    with pytest.raises(ValueError):
        icc_table(ratings)


def test_equal_groups_have_one_size_and_the_panels_first_coefficient() -> None:
    ratings = panel(3)
    fit = one_way_anova(ratings.ravel(), np.repeat(np.arange(15), 4))
    table = icc_table(ratings)
    assert fit.n0 == fit.mean_size == pytest.approx(4)
    assert fit.icc1_n0 == pytest.approx(table.single[1].icc)
    assert fit.icc2 == pytest.approx(table.average[1].icc)


def test_unequal_groups_count_for_less_than_their_mean_size() -> None:
    fit = one_way_anova([1, 2, 3, 4, 5, 6, 9, 9.5], list("aaaaaabb"))
    assert fit.n0 < fit.mean_size
    assert fit.icc1_n0 > fit.icc1_mean_size


def test_groups_of_one_are_an_error() -> None:
    with pytest.raises(ValueError):
        one_way_anova([1, 2, 3], ["a", "b", "c"])
    with pytest.raises(ValueError):
        one_way_anova([1, 2, 3], ["a", "a", "a"])
