from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from validity.correlation import fisher_interval
from validity.estimate import Estimate
from validity.ladder import COLUMNS, RUNGS, Rung, technique_estimates
from validity.observations import MissingColumnsError, Observations
from validity.publication import shown


def row(frame: pd.DataFrame, **keys: object) -> pd.Series:
    for column, value in keys.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1, frame
    return frame.iloc[0]


def test_a_technique_that_predicts_is_found_with_interval_n_and_words(make_pairs, make_frames, as_of) -> None:
    estimates = technique_estimates(**make_frames(make_pairs(300, 0.4)), as_of=as_of)
    one = row(estimates, technique="work_sample", job_family="all", variant="all_raters")
    assert tuple(estimates.columns) == COLUMNS
    assert (one["status"], one["verdict"], one["n"], one["metric"], one["rung"]) == ("ok", "predicts", 300, "r_obs", 1)
    assert one["lo"] < 0.4 < one["hi"]
    assert one["interval_method"].startswith("fisher_z")
    assert re.fullmatch(
        r"Hires who scored higher .* r \.\d\d, interval .*, 300 reviewed hires\.", one["verdict_sentence"]
    )


def test_an_inconclusive_technique_says_what_could_have_been_seen(make_pairs, make_frames, as_of) -> None:
    estimates = technique_estimates(**make_frames(make_pairs(41, 0.0, seed=5)), as_of=as_of)
    one = row(estimates, technique="work_sample", job_family="all", variant="all_raters")
    assert (one["status"], one["verdict"]) == ("ok", "no evidence yet")
    assert one["mdv"] == pytest.approx(0.4255, abs=1e-3)
    assert "With 41 reviewed hires we could only have seen r ≥ .43." in one["verdict_sentence"]


@pytest.mark.parametrize(("n", "status"), [(24, "not_estimable"), (25, "low_n"), (29, "low_n"), (30, "ok")])
def test_25_pairs_are_estimable_and_30_are_shown(make_pairs, make_frames, as_of, n: int, status: str) -> None:
    pairs = make_pairs(n, 0.5).assign(interviewer_id=None)
    estimates = technique_estimates(**make_frames(pairs), as_of=as_of)
    one = row(estimates, technique="work_sample", job_family="sales", variant="all_raters")
    assert one["status"] == status
    assert pd.isna(one["value"]) == (status == "not_estimable")
    assert one["mdv"] > 0
    published = row(shown(estimates), technique="work_sample", job_family="sales", variant="all_raters")
    assert pd.notna(published["value"]) == (status == "ok")
    assert pd.isna(published["p_value"]) == (status != "ok")


@pytest.mark.parametrize(
    ("defect", "reason"),
    [
        ({"score": 3.0}, "every hire has the same score"),
        ({"performance_rating_z": 0.0}, "every hire has the same performance rating"),
        ({"score": np.tile([2.0, 4.0], 20)}, "2 different scores, 3 needed"),
        ({"score": np.arange(40.0), "performance_rating_z": np.arange(40.0)}, "|r| = 1"),
    ],
    ids=["constant score", "constant rating", "two scores", "perfect"],
)
def test_refusals_say_why(make_pairs, make_frames, as_of, defect: dict[str, object], reason: str) -> None:
    estimates = technique_estimates(**make_frames(make_pairs(40, 0.3).assign(**defect)), as_of=as_of)
    one = row(estimates, technique="work_sample", job_family="all", variant="all_raters")
    assert (one["status"], one["verdict"]) == ("not_estimable", "cannot be estimated")
    assert reason in one["reason"]
    assert reason in one["verdict_sentence"]


def test_contaminated_scores_are_left_out_and_counted(make_pairs, make_frames, as_of) -> None:
    pairs = make_pairs(60, 0.0)
    pairs.loc[:19, "is_contaminated"] = True
    pairs.loc[:19, ["score", "performance_rating_z"]] = [[5.0, 9.0]] * 20
    one = row(technique_estimates(**make_frames(pairs), as_of=as_of), job_family="all", variant="all_raters")
    assert (one["n"], one["n_contaminated"]) == (40, 20)
    assert abs(one["value"]) < 0.5


def test_rater_who_interviewed_is_flagged_and_left_out_of_the_independent_variant(
    make_pairs, make_frames, as_of
) -> None:
    pairs = make_pairs(100, 0.3).astype({"rater_was_interviewer": object})
    pairs.loc[:24, "rater_was_interviewer"] = True
    pairs.loc[25:29, "rater_was_interviewer"] = None
    estimates = technique_estimates(**make_frames(pairs), as_of=as_of)
    everyone = row(estimates, job_family="all", variant="all_raters")
    independent = row(estimates, job_family="all", variant="independent_raters")
    assert (everyone["n"], everyone["n_same_rater"], independent["n"]) == (100, 30, 70)
    assert "30% of these hires were rated by somebody who had interviewed them" in everyone["reason"]
    assert independent["reason"] == ""
    assert (everyone["verdict"], independent["verdict"]) == ("predicts, not clean", "predicts")


def test_every_technique_that_scored_anybody_has_a_row(make_pairs, make_frames, as_of) -> None:
    frames = make_frames(make_pairs(60, 0.3), make_pairs(3, 0.0, technique="reference_call", family="data"))
    frames["pairs"] = frames["pairs"][frames["pairs"]["technique"] == "work_sample"]
    estimates = technique_estimates(**frames, as_of=as_of)
    one = row(estimates, technique="reference_call", job_family="data", variant="all_raters")
    assert (one["n"], one["verdict"]) == (0, "too few hires")


def test_no_rows_still_make_a_typed_table(make_pairs, make_frames, as_of) -> None:
    empty = {name: frame.head(0) for name, frame in make_frames(make_pairs(5, 0.0)).items()}
    estimates = technique_estimates(**empty, as_of=as_of)
    assert tuple(estimates.columns) == COLUMNS
    assert len(estimates) == 0
    assert estimates["value"].dtype == "float64"
    assert len(shown(estimates)) == 0


def test_a_missing_column_is_named(make_pairs, make_frames, as_of) -> None:
    frames = make_frames(make_pairs(5, 0.0))
    frames["pairs"] = frames["pairs"].drop(columns="is_contaminated")
    with pytest.raises(MissingColumnsError, match=r"`validity_pairs`: no column `is_contaminated`"):
        technique_estimates(**frames, as_of=as_of)


def test_the_order_of_rows_does_not_matter(make_pairs, make_frames, as_of) -> None:
    frames = make_frames(make_pairs(80, 0.3), make_pairs(50, 0.1, technique="chat"))
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in frames.items()}
    pd.testing.assert_frame_equal(
        technique_estimates(**frames, as_of=as_of), technique_estimates(**shuffled, as_of=as_of), rtol=1e-9
    )


def test_many_idle_techniques_do_not_turn_chance_into_a_verdict(make_pairs, make_frames, as_of) -> None:
    """60 techniques without any validity: 5 % of intervals leave out 0, Benjamini–Hochberg keeps nearly none."""
    idle = [make_pairs(60, 0.0, technique=f"t{i}", seed=i) for i in range(60)]
    estimates = technique_estimates(**make_frames(*idle), as_of=as_of)
    everyone = estimates[(estimates["job_family"] == "all") & (estimates["variant"] == "all_raters")]
    leaves_out_zero = (everyone["lo"] > 0) | (everyone["hi"] < 0)
    assert leaves_out_zero.sum() >= 1
    assert everyone["verdict"].isin(["predicts", "opposite sign"]).sum() <= 1


def test_a_further_rung_reads_all_applicants_and_stands_beside_the_first(make_pairs, make_frames, as_of) -> None:
    def second(observations: Observations) -> Estimate:
        n = len(observations.predictor_scores)
        return Estimate(value=0.5, lo=0.4, hi=0.6, n=n, method="invented", definition_version="1")

    frames = make_frames(make_pairs(60, 0.3))
    estimates = technique_estimates(**frames, as_of=as_of, rungs=[*RUNGS, Rung(2, "r_invented", second)])
    both = estimates[(estimates["job_family"] == "all") & (estimates["variant"] == "all_raters")]
    assert both["rung"].tolist() == [1, 2]
    assert both["n"].tolist() == [60, 120]


def test_small_counts_do_not_leave_the_warehouse_even_by_subtraction(make_pairs, make_frames, as_of) -> None:
    frames = make_frames(
        make_pairs(60, 0.3, family="sales"), make_pairs(9, 0.3, family="data"), make_pairs(3, 0.3, family="design")
    )
    published = shown(technique_estimates(**frames, as_of=as_of))
    everyone = published[published["variant"] == "all_raters"].set_index("job_family")
    assert pd.isna(everyone.loc["design", "n"])
    assert pd.isna(everyone.loc["design", "mdv"])
    assert pd.isna(everyone.loc["data", "n"]), "72 - 60 - 9 would give the 3 away"
    assert "3" not in everyone.loc["design", "reason"].split()
    assert everyone.loc["all", "n"] == 72


def test_no_column_speaks_about_a_person(make_pairs, make_frames, as_of) -> None:
    estimates = technique_estimates(**make_frames(make_pairs(60, 0.3)), as_of=as_of)
    assert not {"application_id", "candidate_id", "employee_id", "interviewer_id"} & set(estimates.columns)
    assert not any(re.search(r"rank|predicted", column) for column in estimates.columns)


def test_rank_of_techniques_is_not_implied_by_the_order_of_rows(make_pairs, make_frames, as_of) -> None:
    frames = make_frames(make_pairs(60, 0.0, technique="a_chat"), make_pairs(60, 0.6, technique="b_sample"))
    estimates = technique_estimates(**frames, as_of=as_of)
    assert estimates["technique"].drop_duplicates().tolist() == ["a_chat", "b_sample"]


def test_a_variant_that_differs_by_three_hires_is_withheld(make_pairs, make_frames, as_of) -> None:
    pairs = make_pairs(80, 0.3)
    pairs.loc[:2, "rater_was_interviewer"] = True
    published = shown(technique_estimates(**make_frames(pairs), as_of=as_of))
    everyone = row(published, job_family="all", variant="all_raters")
    independent = row(published, job_family="all", variant="independent_raters")
    assert (everyone["n"], everyone["status"]) == (80, "ok")
    assert (independent["status"], independent["verdict"]) == ("suppressed", "withheld")
    assert pd.isna(independent["n"]), "80 - 77 would say that three hires were rated by their interviewer"
    assert pd.isna(everyone["n_same_rater"])


def test_the_interval_is_never_narrower_than_that_of_independent_pairs(make_pairs, make_frames, as_of) -> None:
    for seed in range(12):
        pairs = make_pairs(120, 0.1, seed=seed).assign(interviewer_id=[f"i{i % 6}" for i in range(120)])
        one = row(technique_estimates(**make_frames(pairs), as_of=as_of), job_family="all", variant="all_raters")
        fisher = fisher_interval(one["value"], one["n"])
        assert one["hi"] - one["lo"] >= fisher.hi - fisher.lo - 1e-12


def test_interviews_without_a_technique_are_in_no_verdict_of_the_others(make_pairs, make_frames, as_of) -> None:
    mapped = make_pairs(80, 0.25, seed=2)
    alone = technique_estimates(**make_frames(mapped), as_of=as_of)
    beside = technique_estimates(**make_frames(mapped, make_pairs(80, 0.0, technique="unmapped")), as_of=as_of)
    keys = {"technique": "work_sample", "job_family": "all", "variant": "all_raters"}
    assert row(alone, **keys)["q_value"] == row(beside, **keys)["q_value"]
