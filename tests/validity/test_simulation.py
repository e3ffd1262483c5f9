"""The generator is the ruler of the recovery benchmark, so it is itself held to the reference's columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from validity.simulation import SCENARIOS, SimulatedStudy, simulate, true_validity, true_validity_where_scored

SEEDS = range(40)

# Reviewed hires, u and mean naive r of attribute 1 as the reference run prints them.
COLUMNS = {
    "S0": (135, 1.00, 0.330),
    "S1": (108, 0.76, 0.227),
    "S1b": (360, 0.76, 0.227),
    "S2": (108, 0.86, 0.204),
    "S4": (108, 0.67, 0.187),
    "S5": (108, 0.76, 0.233),
    "S6": (96, 0.75, 0.177),
    "S8": (67, 0.73, 0.211),
    "S9": (108, 0.76, -0.098),
    "S10": (108, 0.69, 0.254),
    "S11": (108, 0.61, 0.206),
    "S12": (108, 0.76, 0.322),
    "S13": (135, 0.99, 0.335),
    "S14": (108, 0.76, 0.184),
    "S15": (108, 0.76, 0.208),
    "S17": (540, 0.76, 0.227),
}


def criterion(study: SimulatedStudy) -> pd.Series:
    pairs = study.ratings["value"].to_numpy().reshape(-1, 2)
    return pd.Series(pairs.mean(1), study.ratings["person_id"].iloc[::2])


def naive(study: SimulatedStudy) -> pd.Series:
    rated = criterion(study)
    return study.scores.loc[rated.index].corrwith(rated)


def u(study: SimulatedStudy) -> float:
    return float(study.scores.loc[criterion(study).index, "attribute_1"].std() / study.scores["attribute_1"].std())


@pytest.mark.parametrize("name", COLUMNS)
def test_a_scenario_has_the_reviews_the_restriction_and_the_naive_r_of_the_reference(name: str) -> None:
    n, restriction, r = COLUMNS[name]
    studies = [simulate(SCENARIOS[name], seed) for seed in SEEDS]
    seen = np.array([[len(criterion(study)), u(study), naive(study)["attribute_1"]] for study in studies])
    mean, error = seen.mean(0), seen.std(0) / np.sqrt(len(SEEDS))
    assert mean[0] == pytest.approx(n, abs=1 + 4 * error[0])
    assert mean[1] == pytest.approx(restriction, abs=0.015 + 3 * error[1])
    assert mean[2] == pytest.approx(r, abs=0.008 + 3 * error[2])


def test_hires_of_a_composite_make_the_weakest_attribute_look_harmful() -> None:
    mean = pd.DataFrame([naive(simulate(SCENARIOS["S1b"], seed)) for seed in SEEDS]).mean()
    assert mean.to_numpy() == pytest.approx([0.227, 0.060, -0.109], abs=0.02)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("S1", (0.40, 0.25, 0.10)),
        ("S4", (0.373, 0.233, 0.093)),
        ("S9", (0.0, 0.25, 0.10)),
        ("S12", (0.468, None, None)),
    ],
)
def test_the_truth_is_that_of_the_reference(name: str, expected: tuple[float | None, ...]) -> None:
    truth = true_validity(SCENARIOS[name])
    known = [place for place, value in enumerate(expected) if value is not None]
    assert list(truth.index) == list(SCENARIOS[name].predictors)
    assert truth.to_numpy()[known] == pytest.approx([expected[place] for place in known], abs=0.004)


def test_what_only_decides_who_is_hired_does_not_move_the_truth() -> None:
    for name in ("S1b", "S2", "S3b", "S6", "S14", "S15"):
        pd.testing.assert_series_equal(true_validity(SCENARIOS[name]), true_validity(SCENARIOS["S1"]))


def test_behind_a_hurdle_the_truth_is_smaller_where_scored_and_the_same_at_the_first_stage() -> None:
    everybody, scored = true_validity(SCENARIOS["S11"]), true_validity_where_scored(SCENARIOS["S11"])
    assert scored["attribute_1"] == everybody["attribute_1"]
    assert (scored < everybody - 0.05)[["attribute_2", "attribute_3"]].all()
    pd.testing.assert_series_equal(
        true_validity_where_scored(SCENARIOS["S1"]), true_validity(SCENARIOS["S1"]), check_exact=True
    )


def test_a_truth_handed_out_is_not_the_one_that_is_kept() -> None:
    truth = true_validity(SCENARIOS["S1"])
    truth.loc["attribute_1"] = 0.0
    assert true_validity(SCENARIOS["S1"])["attribute_1"] > 0.3


def test_equal_seeds_give_equal_studies_and_others_do_not() -> None:
    one, same, other = (simulate(SCENARIOS["S3"], seed) for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(one.scores, same.scores)
    pd.testing.assert_frame_equal(one.ratings, same.ratings)
    pd.testing.assert_series_equal(one.hired, same.hired)
    pd.testing.assert_series_equal(one.decision_score, same.decision_score)
    assert not np.allclose(one.scores, other.scores)


def test_scenarios_that_differ_in_what_is_recorded_share_people_and_ratings() -> None:
    nothing, score, levels = (simulate(SCENARIOS[name], 9) for name in ("S2", "S3", "S3b"))
    pd.testing.assert_frame_equal(nothing.scores, score.scores)
    pd.testing.assert_frame_equal(nothing.ratings, levels.ratings)
    assert nothing.decision_score is None
    assert set(levels.decision_score.unique()) == {1.0, 2.0, 3.0, 4.0}
    worst_hire, best_rejected = (
        score.decision_score[score.hired].min(),
        score.decision_score[~score.hired].max(),
    )
    assert worst_hire > best_rejected


@pytest.mark.parametrize("name", SCENARIOS)
def test_only_hires_are_rated_each_twice_and_by_two_people_unless_one_manager_rates(name: str) -> None:
    study = simulate(SCENARIOS[name], 3)
    by_person = study.ratings.groupby("person_id")
    assert set(study.ratings["person_id"]) <= set(study.hired.index[study.hired])
    assert (by_person.size() == 2).all()
    assert (by_person["rater_id"].nunique() == (1 if name == "S15" else 2)).all()
    assert (by_person["cycle_id"].nunique() == (2 if name == "S15" else 1)).all()
    assert not study.ratings.isna().any(axis=None)


@pytest.mark.parametrize("name", SCENARIOS)
def test_frames_share_their_people_and_only_a_hurdle_leaves_scores_out(name: str) -> None:
    study = simulate(SCENARIOS[name], 4)
    assert study.scores.index.is_unique
    assert study.scores.index.name == "person_id"
    assert study.hired.index.equals(study.scores.index)
    assert study.hired.dtype == bool
    assert list(study.scores) == list(SCENARIOS[name].predictors)
    assert study.scores.isna().any(axis=None) == (name == "S11")
    assert study.hired.all() == (study.design == "concurrent")


def test_a_stage_that_was_not_passed_leaves_every_later_score_missing() -> None:
    study = simulate(SCENARIOS["S11"], 2)
    seen = study.scores.notna()
    assert study.stages == {"attribute_1": 1, "attribute_2": 2, "attribute_3": 2}
    assert seen["attribute_1"].all()
    assert (seen["attribute_2"] == seen["attribute_3"]).all()
    assert seen["attribute_2"].sum() == 400
    lowest_on = study.scores.loc[seen["attribute_2"], "attribute_1"].min()
    assert lowest_on > study.scores.loc[~seen["attribute_2"], "attribute_1"].max()
    assert seen["attribute_2"][study.hired].all()


def test_ordinal_scores_and_ratings_use_all_their_levels_and_no_others() -> None:
    study = simulate(SCENARIOS["S4"], 1)
    assert set(np.unique(study.scores)) == {1.0, 2.0, 3.0, 4.0}
    assert set(study.ratings["value"]) == {1.0, 2.0, 3.0, 4.0, 5.0}


def test_two_raters_agree_as_icc_says_and_one_rater_with_himself_more() -> None:
    def agreement(name: str) -> float:
        everybody = replace(SCENARIOS[name], n_applicants=20_000, decision="everybody", n_managers=2_000)
        return float(np.corrcoef(simulate(everybody, 1).ratings["value"].to_numpy().reshape(-1, 2).T)[0, 1])

    assert agreement("S1") == pytest.approx(0.52, abs=0.03)
    assert agreement("S14") == pytest.approx(0.30, abs=0.03)
    assert agreement("S15") == pytest.approx(0.52 + 0.60 * 0.48, abs=0.03)


def test_those_who_perform_worst_lose_their_review_in_s6() -> None:
    kept, base = ([criterion(simulate(SCENARIOS[name], seed)) for seed in SEEDS] for name in ("S6", "S1"))
    assert np.mean([len(ratings) for ratings in kept]) == pytest.approx(0.80 * 120, abs=2)
    assert np.mean([ratings.mean() for ratings in kept]) > np.mean([ratings.mean() for ratings in base]) + 0.1
