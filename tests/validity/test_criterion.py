from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validity.criterion import (
    composite_reliability,
    connectivity,
    criterion_scores,
    remove_leniency,
    standardise_within_cells,
)


def reviews(n: int = 60, n_raters: int = 10, k: int = 2, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rater = np.concatenate([rng.choice(n_raters, k, replace=False) for _ in range(n)])
    ratee = np.repeat(np.arange(n), k)
    truth, leniency = rng.normal(0, 1, n), rng.normal(0, 0.7, n_raters)
    y = truth[ratee] + leniency[rater] + rng.normal(0, 0.5, n * k)
    return pd.DataFrame({"ratee": ratee, "rater": rater, "y": y, "truth": truth[ratee], "leniency": leniency[rater]})


def scores_of(frame: pd.DataFrame):
    return criterion_scores(frame["ratee"], frame["rater"], frame["y"])


def standardised(ratings: list[float], levels: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"r": ratings, "level": levels, "cycle": "h1"})
    return standardise_within_cells(frame["r"], [frame["cycle"], frame["level"]], [frame["cycle"]])


def test_a_cell_of_five_stands_alone_and_one_of_four_joins_its_cycle() -> None:
    out = standardised([1, 2, 3, 4, 5, 1, 2, 3, 4], list("aaaaabbbb"))
    assert out["used_cell"].tolist() == [True] * 5 + [False] * 4
    assert out["z"][:5].mean() == pytest.approx(0)
    assert out["z"][:5].std() == pytest.approx(1)
    assert out["z"][5] == pytest.approx((1 - 25 / 9) / np.std([1, 2, 3, 4, 5, 1, 2, 3, 4], ddof=1))


def test_a_missing_rating_stays_missing_and_does_not_fill_a_cell() -> None:
    out = standardised([1, 2, 3, 4, np.nan, 5], list("aaaaab"))
    assert not out["used_cell"].any()
    assert out["z"].isna().tolist() == [False] * 4 + [True] + [False]


def test_a_manager_who_gives_everybody_the_same_leaves_no_cell() -> None:
    out = standardised([3, 3, 3, 3, 3, 1, 2, 3, 4, 5], list("aaaaabbbbb"))
    assert out["used_cell"].tolist() == [False] * 5 + [True] * 5
    assert standardised([3] * 6, ["a"] * 6)["z"].isna().all()
    assert standardised([0.1 + 0.2, 0.3, 0.3, 0.3, 0.3], ["a"] * 5)["z"].abs().max() < 3


def test_a_cycle_of_four_ratings_is_refused() -> None:
    assert standardised([1, 2, 3, 4], ["a"] * 4)["z"].isna().all()


def test_leniency_is_all_taken_out_or_none_as_the_variances_say() -> None:
    rating, rater = pd.Series([4.0, 6.0, 1.0, 3.0]), pd.Series(["a", "a", "b", "b"])
    assert remove_leniency(rating, rater, 1.0, 0.0).adjusted.tolist() == [2.5, 4.5, 2.5, 4.5]
    assert remove_leniency(rating, rater, 0.0, 1.0).adjusted.tolist() == rating.tolist()


def test_leniency_without_variances_is_an_error_and_a_rater_without_ratings_has_none() -> None:
    rating, rater = pd.Series([4.0, 6.0, np.nan]), pd.Series(["a", "a", "b"])
    with pytest.raises(ValueError):
        remove_leniency(rating, rater, 0.0, 0.0)
    out = remove_leniency(rating, rater, 0.5, 0.5)
    assert out.raters.loc["b", ["n", "leniency"]].tolist() == [0, 0]
    assert np.isnan(out.adjusted[2])


def test_raters_are_connected_through_others() -> None:
    chain = connectivity([1, 1, 2, 2, 3, 3], list("abbccd"))
    assert (chain.n_components, chain.largest_share) == (1, 1.0)
    islands = connectivity([1, 1, 2, 2], list("abcd"))
    assert (islands.n_components, islands.largest_share) == (2, 0.5)
    assert connectivity([], []).largest_share == 0


def test_a_second_rating_by_the_same_rater_is_no_link() -> None:
    assert connectivity([1, 1, 2, 2], list("aabb")).raters["n_shared"].tolist() == [0, 0]


def test_connected_raters_are_separated_from_the_people_they_rate() -> None:
    frame = reviews(n=150)
    out = scores_of(frame)
    truth = frame.groupby("ratee")["truth"].first()
    assert out.method == "crossed_reml"
    assert out.scores["adjusted"].corr(truth) > out.scores["raw"].corr(truth) + 0.02
    leniency = frame.groupby("rater")["leniency"].first()
    assert out.leniency["leniency"].corr(leniency) > 0.9


def test_one_rating_per_person_gives_a_bracket_and_nobodys_leniency() -> None:
    out = scores_of(reviews(k=1))
    assert out.method == "eb_leniency"
    assert out.reason
    assert out.leniency["leniency"].isna().all()
    assert not out.scores["adjusted"].equals(out.scores["raw"])


def test_leniency_of_a_rater_with_two_shared_people_is_not_shown() -> None:
    frame = reviews()
    extra = pd.DataFrame({"ratee": [0, 1], "rater": [99, 99], "y": [5.0, 5.0]})
    out = scores_of(pd.concat([frame, extra]))
    assert not out.leniency.loc[99, "is_shown"]
    assert np.isnan(out.leniency.loc[99, "leniency"])
    assert out.leniency.drop(99)["is_shown"].all()


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"ratee": [1], "rater": ["a"], "y": [3.0]}),
        pd.DataFrame({"ratee": [1, 2, 3], "rater": ["a", "a", "a"], "y": [3.0, 4.0, 5.0]}),
        pd.DataFrame({"ratee": [1, 1, 2, 2], "rater": ["a", "b", "a", "b"], "y": [3.0, 3.0, 3.0, 3.0]}),
        pd.DataFrame({"ratee": [1, 2], "rater": ["a", "b"], "y": [np.nan, np.nan]}),
        pd.DataFrame({"ratee": [1] * 8 + [2, 3], "rater": range(10), "y": np.arange(10.0)}),
        pd.DataFrame({"ratee": [], "rater": [], "y": []}),
    ],
)
def test_poor_ratings_do_not_break_the_criterion(frame: pd.DataFrame) -> None:
    out = scores_of(frame)
    assert len(out.scores) == frame.dropna()["ratee"].nunique()
    assert out.scores["raw"].tolist() == pytest.approx(out.scores["adjusted"].tolist())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 30), st.integers(1, 8), st.integers(1, 6))
def test_whatever_the_ratings_everybody_rated_gets_a_score(seed: int, n: int, n_ratees: int, n_raters: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"ratee": rng.integers(0, n_ratees, n), "rater": rng.integers(0, n_raters, n)})
    out = scores_of(frame.assign(y=rng.integers(1, 4, n).astype(float)))
    assert out.scores["adjusted"].notna().all()
    assert len(out.scores) == frame["ratee"].nunique()


def test_the_prior_share_moves_the_bracket_from_nothing_to_the_whole() -> None:
    frame = reviews(k=1)
    none = criterion_scores(frame["ratee"], frame["rater"], frame["y"], prior_share=0.0).scores
    assert none["adjusted"].tolist() == pytest.approx(none["raw"].tolist())
    with pytest.raises(ValueError):
        criterion_scores(frame["ratee"], frame["rater"], frame["y"], prior_share=1.5)


def test_a_composite_is_more_reliable_than_its_parts_when_they_correlate() -> None:
    assert composite_reliability([1, 1], [[1, 0.6], [0.6, 1]], [0.5, 0.5]) > 0.5
    assert composite_reliability([1], [[4.0]], [0.7]) == pytest.approx(0.7)
    with pytest.raises(ValueError):
        composite_reliability([1, -1], [[1, 1], [1, 1]], [0.5, 0.5])
