from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validity.gtheory import (
    d_study,
    g_coefficient,
    rating_design,
    reliability_of_ratings,
    single_rater_absolute,
    single_rater_relative,
    spearman_brown,
)


def ratings(n: int = 80, n_raters: int = 12, k: int = 2, seed: int = 0, talent: float = 0.6) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rater = np.concatenate([rng.choice(n_raters, k, replace=False) for _ in range(n)])
    ratee = np.repeat(np.arange(n), k)
    y = rng.normal(0, talent, n)[ratee] + rng.normal(0, 0.3, n_raters)[rater] + rng.normal(0, 0.5, len(rater))
    return pd.DataFrame({"ratee": ratee, "rater": rater, "y": y})


def estimated(frame: pd.DataFrame, n_resamples: int = 30):
    return reliability_of_ratings(frame["ratee"], frame["rater"], frame["y"], n_resamples=n_resamples)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_q_equals_its_definition_over_pairs_of_ratees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    met = (rng.random((9, 6)) < 0.4).astype(int)
    met[:, 0] |= met.sum(1) == 0
    k, shared = met.sum(1), met @ met.T
    pairs = sum(shared[i, j] / (k[i] * k[j]) for i in range(9) for j in range(9) if i != j)
    found = rating_design(met)
    assert found.k_harmonic == pytest.approx(9 / (1 / k).sum())
    assert found.q == pytest.approx(1 / found.k_harmonic - pairs / 72)


def test_the_order_and_repetition_of_meetings_do_not_matter() -> None:
    met = np.array([[1, 1, 0], [0, 2, 3], [1, 0, 1]])
    assert rating_design(met) == rating_design((met > 0)[::-1])


def test_crossed_raters_cost_nothing_and_nested_ones_cost_their_severity() -> None:
    crossed, nested = rating_design(np.ones((5, 3))), rating_design(np.kron(np.eye(5), np.ones((1, 3))))
    assert g_coefficient(0.3, 0.2, 0.6, crossed) == pytest.approx(0.3 / (0.3 + 0.2))
    assert g_coefficient(0.3, 0.2, 0.6, nested) == pytest.approx(0.3 / (0.3 + 0.8 / 3))
    assert single_rater_absolute(0.3, 0.2, 0.6) < single_rater_relative(0.3, 0.6)


def test_g_of_a_crossed_design_is_spearman_brown_of_the_single_rating() -> None:
    design = rating_design(np.ones((5, 4)))
    assert g_coefficient(0.3, 0.2, 0.6, design) == pytest.approx(spearman_brown(single_rater_relative(0.3, 0.6), 4))


def test_one_rated_person_has_no_design() -> None:
    with pytest.raises(ValueError):
        rating_design([[1, 1]])


def test_the_study_of_candidates_by_interviewers_by_attributes_is_brennans_formula() -> None:
    components = {"p": 0.5, "i": 0.1, "a": 0.2, "p:i": 0.3, "a:p": 0.15, "i:a": 0.05, "Residual": 0.4}
    study = d_study(components, {"i": 2, "a": 5}, "p")
    relative = 0.3 / 2 + 0.15 / 5 + 0.4 / 10
    assert study.var_error_rel == pytest.approx(relative)
    assert study.var_error_abs == pytest.approx(relative + 0.1 / 2 + 0.2 / 5 + 0.05 / 10)
    assert study.E_rho2 == pytest.approx(0.5 / (0.5 + relative))


def test_raters_nested_in_tasks_are_counted_over_all_tasks() -> None:
    components = {"p": 0.5, "t": 0.3, "r:t": 0.6, "p:t": 0.4, "Residual": 2.0}
    study = d_study(components, {"t": 3, "r": 12}, "p")
    assert study.var_error_rel == pytest.approx(0.4 / 3 + 2.0 / 12)
    assert study.var_error_abs == pytest.approx(0.4 / 3 + 2.0 / 12 + 0.3 / 3 + 0.6 / 12)


def test_a_study_without_its_object_or_a_facets_number_is_refused() -> None:
    with pytest.raises(ValueError):
        d_study({"p": 0.5, "Residual": 0.5}, {}, "x")
    with pytest.raises(ValueError):
        d_study({"p": 0.5, "i": 0.1, "Residual": 0.5}, {}, "p")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (ratings(n=29), "29 people with 2 or more raters, 30 needed"),
        (ratings(n_raters=4), "4 raters, 5 needed"),
        (ratings(k=1), "0 people with 2 or more raters, 30 needed"),
    ],
)
def test_thin_ratings_are_refused(frame: pd.DataFrame, reason: str) -> None:
    assert estimated(frame).reason == reason


def test_a_new_rater_for_every_rating_is_refused() -> None:
    frame = ratings().assign(rater=range(160))
    assert "no rater rated two people" in estimated(frame).reason


def test_people_who_do_not_differ_have_no_reliability_to_correct_with() -> None:
    frame = ratings(seed=4)
    frame["y"] = np.tile([1.0, -1.0], 80)  # the two raters of a person always disagree alike
    found = estimated(frame)
    assert "not distinguishable from 0" in found.reason
    assert found.extras["var_ratee"] == 0


def test_reliability_covers_the_truth_and_tells_its_parts() -> None:
    found = estimated(ratings(n=400, n_raters=20))
    truth = 0.36 / (0.36 + found.extras["q"] * 0.09 + 0.25 / 2)
    assert found.status == "ok"
    assert found.lo < truth < found.hi
    assert found.value == pytest.approx(truth, abs=0.12)


def test_two_cycles_of_one_manager_are_one_rater() -> None:
    frame = ratings()
    again = pd.concat([frame, frame.assign(y=frame["y"])])
    assert estimated(again).value == pytest.approx(estimated(frame).value)
    one = pd.concat([ratings(k=1), ratings(k=1)])
    assert estimated(one).status == "not_estimable"


def test_missing_ratings_are_dropped() -> None:
    frame = ratings()
    gaps = pd.concat([frame, frame.assign(y=np.nan, ratee=frame["ratee"] + 1000)])
    assert estimated(gaps).value == pytest.approx(estimated(frame).value)


def test_spearman_brown_refuses_what_has_no_mean() -> None:
    with pytest.raises(ValueError):
        spearman_brown(0.5, 0)
    assert spearman_brown(0.0, 3) == 0
