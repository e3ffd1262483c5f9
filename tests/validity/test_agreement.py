from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from validity.agreement import cohen_kappa, gwet_ac, krippendorff_alpha, within_group_agreement

METRICS = ("nominal", "ordinal", "interval", "ratio", "gwet_ordinal")


def two_raters(seed: int, n: int = 60, q: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    a = rng.integers(1, q + 1, n)
    return np.column_stack([a, np.clip(a + rng.integers(-1, 2, n), 1, q)]).astype(float)


@pytest.mark.parametrize("metric", METRICS)
def test_raters_who_agree_have_an_alpha_of_one(metric: str) -> None:
    assert krippendorff_alpha([[1, 1, 1], [2, 2, np.nan], [4, 4, 4]], metric) == pytest.approx(1)


@pytest.mark.parametrize("metric", METRICS)
def test_raters_who_guess_have_an_alpha_near_zero(metric: str) -> None:
    guesses = np.random.default_rng(0).integers(1, 5, (4000, 3))
    assert krippendorff_alpha(guesses, metric) == pytest.approx(0, abs=0.03)


def test_alpha_says_nothing_about_one_category_or_single_ratings() -> None:
    assert krippendorff_alpha([[2, 2], [2, 2]]) is None
    assert krippendorff_alpha([[1, np.nan], [np.nan, 2]]) is None


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_raters_and_units_does_not_matter_and_lonely_ratings_do_not_count(seed: int) -> None:
    ratings = two_raters(seed)
    mixed = np.vstack([ratings[::-1, ::-1], [[9.0, np.nan], [np.nan, np.nan]]])
    for metric in METRICS[:4]:
        assert krippendorff_alpha(mixed, metric) == pytest.approx(krippendorff_alpha(ratings, metric))


def test_interval_alpha_ignores_the_unit_and_ratio_alpha_the_scale_only() -> None:
    ratings = two_raters(1)
    assert krippendorff_alpha(5 + 3 * ratings, "interval") == pytest.approx(krippendorff_alpha(ratings, "interval"))
    assert krippendorff_alpha(3 * ratings, "ratio") == pytest.approx(krippendorff_alpha(ratings, "ratio"))


def test_labels_have_nominal_agreement_and_an_order() -> None:
    words = np.array([["no", "no"], ["yes", "yes"], ["no", "yes"], ["yes", "yes"]], dtype=object)
    codes = (words == "yes").astype(int)
    assert krippendorff_alpha(words) == pytest.approx(krippendorff_alpha(codes))
    assert gwet_ac(words) == pytest.approx(gwet_ac(codes))


def test_an_unknown_metric_is_an_error() -> None:
    with pytest.raises(ValueError):
        krippendorff_alpha([[1, 2], [2, 2]], "cosine")
    with pytest.raises(ValueError):
        gwet_ac([[1, 2], [2, 2]], "cosine")


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_kappa_is_the_one_of_statsmodels(seed: int) -> None:
    a, b = two_raters(seed).astype(int).T
    table = np.zeros((4, 4))
    np.add.at(table, (a - 1, b - 1), 1)
    assert cohen_kappa(a, b) == pytest.approx(cohens_kappa(table).kappa)
    assert cohen_kappa(a, b, "quadratic") == pytest.approx(cohens_kappa(table, wt="quadratic").kappa)
    assert cohen_kappa(a, b, "linear") == pytest.approx(cohens_kappa(table, wt="linear").kappa)


def test_kappa_drops_missing_pairs_and_is_undefined_for_one_category() -> None:
    assert cohen_kappa([1, 2, np.nan, 1], [1, 2, 1, np.nan]) == pytest.approx(1)
    assert cohen_kappa([1, 1], [1, 1]) is None


def test_gwets_coefficient_does_not_collapse_when_nearly_everybody_passes() -> None:
    ratings = np.array([[1, 1]] * 95 + [[1, 2]] * 3 + [[2, 1]] * 2)
    assert cohen_kappa(*ratings.T) < 0.05
    assert gwet_ac(ratings) > 0.9


def test_gwets_coefficient_of_one_category_is_perfect_and_of_single_ratings_undefined() -> None:
    assert gwet_ac([[3, 3], [3, 3]]) == 1
    assert gwet_ac([[3, np.nan], [np.nan, 2]]) is None


def test_agreement_within_a_group_is_truncated_only_where_it_is_said() -> None:
    split = within_group_agreement([[1, 1], [5, 5], [1, 5], [5, 1]], scale_points=5)
    assert min(split.items) < 0
    assert split.joint == 0
    assert split.joint_untruncated != 0
    assert within_group_agreement([[4, 4], [4, 4]], scale_points=5).joint == 1


def test_agreement_of_one_rater_is_an_error_and_a_missing_item_drops_the_rater() -> None:
    with pytest.raises(ValueError):
        within_group_agreement([[1, 2]], scale_points=5)
    assert within_group_agreement([[1, 2], [2, 2], [3, np.nan]], scale_points=5).n_raters == 2
