from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validity.experience import (
    adjusted_net_promoter,
    answer_counts,
    cnps,
    net_promoter,
    response_weights,
    weighted_net_promoter,
    worst_case,
)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_limits_stay_within_the_scale_and_around_the_score(promoters: int, passives: int, detractors: int) -> None:
    if promoters + passives + detractors == 0:
        return
    for made in (net_promoter(promoters, passives, detractors), adjusted_net_promoter(promoters, passives, detractors)):
        assert -100 <= made.lo <= made.score <= made.hi <= 100


@given(st.lists(st.integers(0, 10), max_size=40), st.integers(0, 40))
def test_any_answers_give_an_estimate_or_a_reason(answers: list[int], silent: int) -> None:
    made = cnps(answers, n_asked=len(answers) + silent)
    assert made.has_value == (len(answers) >= 5)
    assert made.status == "ok" or made.reason


def test_only_promoters_have_no_error_but_an_adjusted_interval() -> None:
    assert net_promoter(12, 0, 0).se == 0
    made = cnps([10] * 12, n_asked=12)
    assert made.lo is not None
    assert made.lo < 100


def test_without_a_response_rate_the_score_is_withheld() -> None:
    assert cnps([9] * 12).status == "suppressed"


def test_few_answers_are_computed_before_they_are_shown() -> None:
    assert [cnps([9] * n, n_asked=20).status for n in (4, 5, 9, 10)] == ["not_estimable", "low_n", "low_n", "ok"]


def test_the_interval_changes_its_method_at_thirty_answers() -> None:
    assert cnps([9, 3] * 14, n_asked=60).method == "cnps+adjusted_wald"
    assert cnps([9, 3] * 15, n_asked=60).method == "cnps+wald"


def test_worst_case_bounds_close_when_everybody_answers() -> None:
    assert worst_case(5, 3, 2, 10) == (30.0, 30.0)
    with pytest.raises(ValueError, match="expected"):
        worst_case(5, 3, 2, 9)


def test_weights_undo_a_response_that_depends_on_the_outcome() -> None:
    rng = np.random.default_rng(0)
    is_hired = rng.random(6000) < 0.3
    answers = np.where(is_hired, rng.choice([9, 7], 6000), rng.choice([9, 3], 6000))
    answered = rng.random(6000) < np.where(is_hired, 0.8, 0.2)
    weights = response_weights(answered, pd.DataFrame({"outcome": np.where(is_hired, "hired", "rejected")}))
    truth = 100 * float((answers >= 9).mean() - (answers <= 6).mean())
    weighted = weighted_net_promoter(answers[answered], weights)
    assert weighted.lo < truth < weighted.hi
    assert abs(net_promoter(*answer_counts(answers[answered])).score - truth) > 15


def test_a_covariate_that_separates_silence_does_not_crash_and_weights_are_capped() -> None:
    answered = np.array([True] * 10 + [False] * 10)
    weights = response_weights(answered, pd.DataFrame({"x": answered.astype(int), "twin": answered.astype(int)}))
    assert np.isfinite(weights).all()
    assert weights.mean() == pytest.approx(1.0)


def test_equal_weights_change_nothing_but_n_minus_one() -> None:
    answers = [10, 9, 8, 3, 10, 2]
    plain, weighted = net_promoter(*answer_counts(answers)), weighted_net_promoter(answers, np.ones(6))
    assert weighted.score == pytest.approx(plain.score)
    assert weighted.se == pytest.approx(plain.se * np.sqrt(6 / 5))


def test_answers_off_the_scale_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 to 10"):
        answer_counts([11])
    with pytest.raises(ValueError, match="expected"):
        net_promoter(0, 0, 0)
