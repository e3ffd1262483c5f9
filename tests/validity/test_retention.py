from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from validity.retention import (
    compare_retention,
    concordance,
    cox,
    cumulative_incidence,
    hazard_ratios,
    kaplan_meier,
    log_rank,
    proportional_hazards,
)

PEOPLE = st.lists(st.tuples(st.integers(1, 15), st.booleans()), min_size=2, max_size=40).filter(
    lambda people: any(left for _, left in people)
)


def tenures(n: int = 200, hazard_ratio: float = 2.0, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, n)
    time = rng.exponential(12 / hazard_ratio**x)
    follow_up = rng.uniform(12, 24, n)
    return pd.DataFrame({"time": np.minimum(time, follow_up).round(1) + 0.1, "event": time <= follow_up, "x": x})


@given(PEOPLE)
def test_the_curve_and_its_error_equal_statsmodels(people: list[tuple[int, bool]]) -> None:
    time, event = np.array(people, dtype=float).T
    ours, theirs = kaplan_meier(time, event), SurvfuncRight(time, event)
    index = np.searchsorted(theirs.surv_times, ours.time)
    assert ours.survival == pytest.approx(theirs.surv_prob[index], abs=1e-12)
    defined = ours.survival > 0
    assert ours.standard_error[defined] == pytest.approx(theirs.surv_prob_se[index][defined], abs=1e-12)


def test_late_entry_takes_people_out_of_the_risk_sets_before_it() -> None:
    rng = np.random.default_rng(0)
    entry, time, event = rng.integers(0, 5, 200) * 1.0, rng.integers(5, 30, 200) * 1.0, rng.random(200) < 0.6
    entry[:50] = time[:50] - 1
    ours, theirs = kaplan_meier(time, event, entry), SurvfuncRight(time, event.astype(int), entry=entry)
    assert ours.survival == pytest.approx(theirs.surv_prob[np.searchsorted(theirs.surv_times, ours.time)])
    assert ours.survival[-1] != pytest.approx(kaplan_meier(time, event).survival[-1])


def test_the_median_of_a_step_exactly_at_a_half_is_the_middle_of_it() -> None:
    assert kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1]).median == 2.5
    assert kaplan_meier([1, 2, 3, 4], [1, 0, 0, 0]).median is None


def test_limits_are_undefined_where_nobody_or_everybody_is_left() -> None:
    curve = kaplan_meier([2, 3], [1, 1])
    assert np.isnan(curve.interval([1, 3], "log-log")[0]).all()
    lo, hi = curve.interval([1], "log")
    assert (lo[0], hi[0]) == (1.0, 1.0)


def test_without_censoring_the_restricted_mean_is_the_mean_of_cut_times() -> None:
    times = np.array([1.0, 2.0, 5.0, 9.0, 11.0])
    mean, error = kaplan_meier(times, np.ones(5)).rmst(6.0)
    assert mean == pytest.approx(np.minimum(times, 6).mean())
    assert error == pytest.approx(np.minimum(times, 6).std() / np.sqrt(5))


@given(PEOPLE, st.integers(0, 1000))
@settings(max_examples=50)
def test_concordance_equals_counting_every_pair(people: list[tuple[int, bool]], seed: int) -> None:
    time, left = np.array(people).T
    risk = np.random.default_rng(seed).integers(0, 4, len(time)) * 1.0
    agree = pairs = 0.0
    for i in np.flatnonzero(left):
        later = (time > time[i]) | ((time == time[i]) & (left == 0))
        agree += (risk[i] > risk[later]).sum() + 0.5 * (risk[i] == risk[later]).sum()
        pairs += later.sum()
    made = concordance(time, left, risk)
    assert made == pytest.approx(agree / pairs) if pairs else np.isnan(made)


def test_a_hazard_ratio_that_changes_is_noticed_and_a_constant_one_is_not() -> None:
    data = tenures(400)
    x = data[["x"]]
    steady = proportional_hazards(data["time"], data["event"], x, cox(data["time"], data["event"], x).coef)
    assert steady.p_value > 0.05
    rng = np.random.default_rng(1)
    turned = np.where(data["x"] == 1, rng.weibull(0.5, 400), rng.weibull(3.0, 400)) * 10
    test = proportional_hazards(turned, np.ones(400), x, cox(turned, np.ones(400), x).coef)
    assert test.p_value < 0.001


def test_one_group_or_nobody_leaving_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 2 or more"):
        log_rank([1, 2], [1, 1], ["a", "a"])
    with pytest.raises(ValueError, match="one departure"):
        kaplan_meier([1, 2], [0, 0])
    with pytest.raises(ValueError, match="entry before"):
        kaplan_meier([1, 2], [1, 1], [0, 2])
    with pytest.raises(ValueError, match="rank"):
        cox([1, 2, 3], [1, 1, 1], pd.DataFrame({"a": [1, 2, 3], "b": [2, 4, 6]}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.head(15), "20 needed to compare curves"),
        (lambda d: d.assign(x="one"), "1 groups, 2 needed"),
        (lambda d: d.assign(time=d["time"].clip(upper=8), event=d["event"] & (d["time"] < 8)), "not followed up"),
    ],
)
def test_curves_that_cannot_be_compared_say_why(change: object, words: str) -> None:
    data = change(tenures())  # type: ignore[operator]
    assert words in compare_retention(data["time"], data["event"], data["x"], tau=12.0).reason


def test_shorter_tenure_in_a_group_is_a_negative_difference() -> None:
    data = tenures(400)
    made = compare_retention(data["time"], data["event"], data["x"], tau=12.0)
    assert made.hi is not None
    assert made.hi < 0
    assert made.extras["log_rank_p"] < 0.01


def test_hazard_ratios_need_ten_departures_per_covariate_that_varies() -> None:
    data = tenures(400)
    (_, few), *_ = hazard_ratios(data["time"][:12], data["event"][:12], data[["x"]][:12].assign(y=1.0))
    assert "10 each needed" in few.reason
    (_, flat), *_ = hazard_ratios(data["time"], data["event"], data[["x"]].assign(y=1.0))
    assert "does not vary" in flat.reason
    ((keys, made),) = hazard_ratios(data["time"], data["event"], data[["x"]])
    assert keys == {"covariate": "x"}
    assert made.lo is not None
    assert made.hi is not None
    assert made.lo < 2.0 < made.hi


def test_incidences_of_all_reasons_and_survival_add_up_to_one() -> None:
    rng = np.random.default_rng(0)
    time, reason = rng.integers(1, 30, 200), rng.choice([0, 1, 3], 200)
    voluntary, other = (cumulative_incidence(time, reason, cause)["incidence"].iloc[-1] for cause in (1, 3))
    assert voluntary + other + kaplan_meier(time, reason > 0).survival[-1] == pytest.approx(1.0)
    with pytest.raises(ValueError, match="one that occurs"):
        cumulative_incidence(time, reason, 2)
