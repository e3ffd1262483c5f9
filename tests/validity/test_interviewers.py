from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validity.interviewers import (
    attribute_overlap,
    drift,
    example_scorecards,
    halo,
    interviewer_validity,
    partially_pooled,
    pooled_validities,
    scale_use,
    severity,
)

COLUMNS = ("candidate_id", "interviewer_id", "stage", "attribute", "period")


def reviewed(n_interviewers: int, n_each: int, rho: np.ndarray | float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rho = np.repeat(np.broadcast_to(rho, n_interviewers), n_each)
    score = rng.standard_normal(len(rho))
    return pd.DataFrame(
        {
            "interviewer_id": [f"i{k:02d}" for k in np.repeat(np.arange(n_interviewers), n_each)],
            "score": score,
            "rating": rho * score + np.sqrt(1 - rho**2) * rng.standard_normal(len(rho)),
        }
    )


def test_severity_finds_who_is_lenient_although_candidates_differ() -> None:
    out = severity(example_scorecards(n_candidates=300)).set_index("interviewer_id")
    truth = pd.Series(np.linspace(-0.5, 0.5, 6), index=[f"i{i}" for i in range(6)])
    assert (out["value"] - truth).abs().max() < 0.15
    assert ((out["lo"] < truth) & (truth < out["hi"])).all()


def test_finalists_do_not_make_an_interviewer_lenient() -> None:
    rng = np.random.default_rng(3)
    talent = np.sort(rng.normal(0, 1, 120))
    rows = []
    for c, t in enumerate(talent):
        seen = ["a", "b", "manager"] if c >= 60 else ["a", "b", "c"]  # the manager meets the better half only
        rows += [(c, who, 3 + t + rng.normal(0, 0.3)) for who in seen]
    cards = pd.DataFrame(rows, columns=["candidate_id", "interviewer_id", "score"])
    out = severity(cards.assign(stage="s", attribute="x", period=1)).set_index("interviewer_id")
    if out.loc["manager", "status"] == "ok":
        assert abs(out.loc["manager", "value"]) < 0.2
    else:
        assert "distinguishable" in out.loc["manager", "reason"]


def test_severity_is_refused_for_few_scorecards_and_for_the_unconnected() -> None:
    cards = example_scorecards()
    lone = cards.head(9).assign(interviewer_id="newcomer")
    alone = cards.head(60).assign(interviewer_id="hermit", candidate_id=lambda d: "h" + d.index.astype(str))
    out = severity(pd.concat([cards, lone, alone])).set_index("interviewer_id")
    assert "15 needed" in out.loc["newcomer", "reason"]
    assert "shares no candidate" in out.loc["hermit", "reason"]
    assert out.loc["i0", "status"] == "ok"


def test_nobody_is_severe_if_nobody_shares_a_candidate() -> None:
    cards = example_scorecards().assign(candidate_id=lambda d: d["candidate_id"].astype(str) + d["interviewer_id"])
    assert (severity(cards)["status"] == "not_estimable").all()


def test_a_narrow_scale_user_is_found_and_one_who_never_varies_is_refused() -> None:
    cards = example_scorecards(n_candidates=200)
    narrow = cards["interviewer_id"] == "i2"
    cards.loc[narrow, "score"] = 3 + (cards.loc[narrow, "score"] - 3) / 3
    cards.loc[cards["interviewer_id"] == "i4", "score"] = 3.0
    out = scale_use(cards).set_index("interviewer_id")
    assert out.loc["i2", "hi"] < 0.8 < out.loc["i0", "lo"] + 0.3
    assert out.loc["i4", "reason"] == "every score is the same"
    assert out.loc["i4", "entropy"] == 0


def test_halo_is_the_share_of_the_overall_impression() -> None:
    found = halo(example_scorecards(n_candidates=1500), n_resamples=100)
    assert found.value == pytest.approx(0.25 / (0.49 + 0.25 + 0.36), abs=0.03)
    assert found.lo < found.value < found.hi


def test_halo_is_refused_with_one_interviewer_per_candidate() -> None:
    cards = example_scorecards().assign(candidate_id=lambda d: d["candidate_id"].astype(str) + d["interviewer_id"])
    assert halo(cards).status == "not_estimable"


def test_drift_alerts_for_the_one_who_drifts_and_for_nobody_else() -> None:
    cards = example_scorecards(n_candidates=400)
    who = cards["interviewer_id"] == "i3"
    cards.loc[who, "score"] += 0.5 * cards.loc[who, "period"]
    out = drift(cards).set_index("interviewer_id")
    assert out.loc["i3", "is_alert"]
    assert out.loc["i3", "value"] == pytest.approx(0.5, abs=0.2)
    assert not drift(example_scorecards(n_candidates=80))["is_alert"].any()


def test_drift_is_refused_below_thirty_interviews() -> None:
    out = drift(example_scorecards(n_candidates=40))
    assert (out["status"] == "not_estimable").all()
    assert out["reason"].str.contains("30 needed").all()


def test_pooled_validity_of_twenty_interviewers_with_twelve_hires_has_an_error_of_at_most_fifteen_points() -> None:
    rng = np.random.default_rng(7)
    pooled, raw = [], []
    for seed in range(40):
        rho = np.clip(rng.normal(0.25, 0.10, 20), -0.9, 0.9)
        pairs = reviewed(20, 12, rho, seed)
        pooled.append((pooled_validities(pairs)["validity"].to_numpy() - rho) ** 2)
        own = pairs.groupby("interviewer_id")[["score", "rating"]].corr().xs("rating", level=1)["score"]
        raw.append((own.to_numpy() - rho) ** 2)
    assert np.sqrt(np.mean(pooled)) <= 0.15 < np.sqrt(np.mean(raw))


def test_pooled_intervals_cover() -> None:
    rng = np.random.default_rng(11)
    covered = []
    for seed in range(60):
        rho = rng.normal(0.25, 0.10, 20)
        out = pooled_validities(reviewed(20, 12, rho, 100 + seed))
        covered.append(np.abs(out["z"].to_numpy() - np.arctanh(rho)) < 1.96 * out["sd"].to_numpy())
    assert 0.91 <= np.mean(covered) <= 0.99


def test_validity_is_shown_only_for_enough_hires_and_a_clear_difference() -> None:
    rho = np.r_[0.85, np.full(9, 0.05)]
    out = interviewer_validity(reviewed(10, 60, rho, 1)).set_index("interviewer_id")
    assert out.loc["i00", "status"] == "ok"
    assert (out.loc["i01":, "reason"] == "cannot be told from the group's validity").all()
    few = interviewer_validity(reviewed(10, 12, rho, 1))
    assert few["reason"].str.contains("25 needed").all()
    assert few["value"].isna().all()


def test_interviewers_come_in_order_of_id_and_never_of_validity() -> None:
    pairs = reviewed(10, 30, np.linspace(0.6, -0.2, 10), 5).sample(frac=1, random_state=0)
    assert interviewer_validity(pairs)["interviewer_id"].is_monotonic_increasing
    assert "r" not in interviewer_validity(pairs).columns


def test_a_constant_scorer_gets_the_group_validity() -> None:
    pairs = reviewed(6, 30, 0.3, 2)
    pairs.loc[pairs["interviewer_id"] == "i03", "score"] = 3.0
    out = pooled_validities(pairs)
    assert out.loc["i03", "validity"] == pytest.approx(out.loc["i03", "group_validity"])


def test_equal_units_are_pooled_and_the_mean_stays_inside_them() -> None:
    out = partially_pooled([0.2, 0.2, 0.2], [0.1, 0.1, np.inf], 0.1)
    assert out.values == pytest.approx([0.2, 0.2, 0.2])
    assert (out.above_mean < 0.6).all()


def test_attributes_that_say_the_same_are_seen() -> None:
    rng = np.random.default_rng(0)
    common = rng.normal(size=200)
    same = pd.DataFrame({a: common + rng.normal(0, 0.1, 200) for a in "abc"})
    assert attribute_overlap(same) > 0.85
    assert attribute_overlap(same[["a"]]) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 120), st.integers(1, 5))
def test_whatever_the_scorecards_every_interviewer_gets_an_answer(seed: int, n: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    cards = pd.DataFrame({name: rng.integers(0, rng.integers(1, 8), n) for name in COLUMNS})
    cards["score"] = rng.integers(0, levels, n).astype(float)
    cards.loc[0, "score"] = np.nan
    seen = cards.dropna()["interviewer_id"].nunique()
    for table in (severity(cards), scale_use(cards), drift(cards)):
        assert len(table) == seen
        assert set(table["status"]) <= {"ok", "not_estimable"} if seen else table.empty
    assert halo(cards, n_resamples=50).status in ("ok", "not_estimable")
    pairs = cards.rename(columns={"period": "rating"})
    assert len(interviewer_validity(pairs)) == seen


def test_no_scorecards_give_empty_tables() -> None:
    none = example_scorecards().head(0)
    assert severity(none).empty
    assert scale_use(none).empty
    assert drift(none).empty
    assert halo(none).status == "not_estimable"
