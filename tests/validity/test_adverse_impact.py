from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from statsmodels.stats.contingency_tables import StratifiedTable

from validity.adverse_impact import (
    TwoGroups,
    compare_groups,
    exact_test,
    flip_flop,
    impact_ratio,
    ll144_scoring,
    ll144_selection,
    log_ratio_interval,
    mantel_haenszel,
    odds_ratios,
    pooled_z,
    predicted_impact,
    shrunken_ratio,
    subgroup_d,
    yates_p,
)

GROUPS = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda n: st.builds(TwoGroups, st.just(n[0]), st.integers(0, n[0]), st.just(n[1]), st.integers(0, n[1]))
)


@given(GROUPS)
def test_fisher_equals_scipy_and_mid_p_is_smaller(groups: TwoGroups) -> None:
    test = exact_test(groups)
    assert test.p_value == pytest.approx(fisher_exact(groups.table).pvalue, rel=1e-6)
    assert 0 < test.mid_p < test.p_value


@given(GROUPS)
def test_every_table_gives_an_estimate_or_a_reason(groups: TwoGroups) -> None:
    made = impact_ratio(groups)
    assert made.has_value or made.reason


def test_all_tables_as_likely_as_the_observed_one_count_half_in_the_mid_p() -> None:
    """29 CFR 1607's example is symmetric: 12 and 28 of the focal group are equally likely."""
    test = exact_test(TwoGroups(40, 12, 80, 48))
    assert test.mid_p == pytest.approx(0.00214224013038954, abs=1e-12)


def test_the_conditional_odds_ratio_solves_its_equation_exactly() -> None:
    """R's fisher.test prints .288858 here: its root search stops at 1e-4."""
    assert odds_ratios(TwoGroups(40, 12, 80, 48))[1] == pytest.approx(0.288835, abs=1e-6)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (TwoGroups(4, 1, 80, 48), "4 people in the smaller group, 5 needed"),
        (TwoGroups(20, 0, 80, 48), "nobody was selected"),
        (TwoGroups(20, 3, 80, 0), "nobody was selected"),
    ],
)
def test_too_few_people_or_no_selection_is_refused(groups: TwoGroups, words: str) -> None:
    assert words in impact_ratio(groups).reason
    assert not impact_ratio(groups).has_value


def test_a_small_expected_cell_sends_the_reader_to_the_exact_test() -> None:
    made = impact_ratio(TwoGroups(10, 2, 14, 5))
    assert made.status == "low_n"
    assert "exact test only" in made.reason
    assert made.extras["z_pooled"] is None


def test_one_selection_that_turns_the_gap_around_is_said() -> None:
    assert flip_flop(TwoGroups(10, 2, 14, 5)).reverses
    assert not flip_flop(TwoGroups(4100, 1000, 3900, 1925)).clears_flag


def test_everybody_or_nobody_selected_leaves_tests_undefined() -> None:
    for groups in (TwoGroups(5, 5, 6, 6), TwoGroups(5, 0, 6, 0)):
        assert pooled_z(groups) == (None, None)
        assert yates_p(groups) is None
        assert exact_test(groups).p_value == 1.0
    assert log_ratio_interval(TwoGroups(5, 0, 6, 3)) is None


def test_more_selected_than_present_is_impossible() -> None:
    with pytest.raises(ValueError, match="expected"):
        TwoGroups(5, 6, 5, 1)
    with pytest.raises(ValueError, match="expected"):
        ll144_selection(["a"], [5], [6])


def test_the_scoring_rate_counts_strictly_above_the_median_and_reports_ties() -> None:
    table = ll144_scoring([3, 3, 3, 3, 4, 2, None], ["a", "a", "b", "b", "b", None, "a"])
    assert table.attrs == {"median": 3.0, "tie_share": pytest.approx(4 / 6)}
    assert dict(zip(table["category"], table["rate"], strict=True)) == {
        "a": 0.0,
        "b": pytest.approx(1 / 3),
        "unknown": 0.0,
    }


def test_small_categories_stay_listed_and_do_not_become_the_reference() -> None:
    assert ll144_selection(["a", "b"], [199, 1], [50, 1])["is_small"].tolist() == [False, True]
    assert [keys["reference"] for keys, _ in compare_groups({"a": (50, 199), "b": (1, 1)})] == ["a"]


def test_mantel_haenszel_equals_statsmodels_and_ignores_a_lone_person() -> None:
    tables = [[[5, 20], [9, 22]], [[3, 12], [10, 18]], [[8, 30], [6, 14]]]
    theirs = StratifiedTable([np.array(t) for t in tables])
    ours = mantel_haenszel([*tables, [[1, 0], [0, 0]]])
    assert ours.odds_ratio == pytest.approx(theirs.oddsratio_pooled)
    assert ours.chi_square == pytest.approx(theirs.test_null_odds(correction=False).statistic)
    assert ours.chi_square_corrected == pytest.approx(theirs.test_null_odds(correction=True).statistic)


@given(st.floats(-2, 2), st.floats(0.02, 0.98), st.floats(0, 1))
def test_the_predicted_rates_add_up_to_the_selection_ratio(d: float, ratio: float, minority: float) -> None:
    assert predicted_impact(d, ratio, minority).overall_rate == pytest.approx(ratio, abs=1e-9)


def test_no_gap_predicts_no_impact() -> None:
    assert predicted_impact(0.0, 0.3, 0.2).impact_ratio == pytest.approx(1.0)


def test_a_gap_without_spread_is_undefined() -> None:
    assert subgroup_d([1, 1, 2, 2], ["a", "a", "b", "b"], "a", "b") is None


def test_shrinkage_draws_a_small_requisition_to_its_group_and_leaves_a_large_one() -> None:
    table = shrunken_ratio([0, 10, 60], [2, 100, 100], [1, 20, 20], [2, 100, 100], ["tiny", "low", "high"])
    assert table.loc[0, "rate_focal"] > 0.1
    assert table.loc[2, "rate_focal"] == pytest.approx(0.6, abs=0.03)
    assert table.loc[1, "probability_below_four_fifths"] > table.loc[2, "probability_below_four_fifths"]


def test_few_requisitions_are_not_certain() -> None:
    table = shrunken_ratio([1], [6], [3], [8], ["only"])
    assert 0.5 < table["probability_below_four_fifths"].iloc[0] < 0.97
