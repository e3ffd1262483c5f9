from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from validity.did import (
    average_effect,
    event_study,
    group_time_effects,
    pre_trend_test,
    training_effect,
    two_by_two,
    two_way_fixed_effects,
)


def interviews(effect: float = -0.3, drift: float = 0.0, units: int = 36, each: int = 6, seed: int = 4) -> pd.DataFrame:
    """A third trained in period 3, a third in period 4, a third never; `drift` moves those trained before they are."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(units), 5 * each)
    period = np.tile(np.repeat(np.arange(5), each), units)
    first = np.array([3.0, 4.0, np.nan])[unit % 3]
    y = rng.normal(0, 0.3, units)[unit] + 0.1 * period + 0.4 * rng.standard_normal(len(unit))
    y = y + np.where(period >= first, effect, 0.0) + np.where(np.isnan(first), 0.0, drift * period)
    return pd.DataFrame({"y": y, "unit": unit, "period": period, "first": first})


def test_two_way_fixed_effects_equal_statsmodels_with_dummies_in_an_unbalanced_panel() -> None:
    data = interviews().sample(400, random_state=1)
    data["exposed"] = (data["period"] >= data["first"]).astype(int)
    fit = smf.ols("y ~ exposed + C(unit) + C(period)", data).fit(cov_type="cluster", cov_kwds={"groups": data["unit"]})
    ours = two_way_fixed_effects(data["y"], data["exposed"], data["unit"], data["period"])
    assert ours == pytest.approx((fit.params["exposed"], fit.bse["exposed"]))


def test_one_cohort_and_two_periods_are_the_difference_of_differences() -> None:
    data = interviews()
    data = data[data["first"].isna() | (data["first"] == 3)]
    data = data[data["period"].isin([2, 3])]
    simple = two_by_two(data["y"], data["first"].notna().astype(int), (data["period"] == 3).astype(int), data["unit"])
    effects = group_time_effects(data["y"], data["unit"], data["period"], data["first"])
    assert average_effect(effects)[0] == pytest.approx(simple.effect)
    assert simple.fit.standard_error[3] == pytest.approx(average_effect(effects)[1], rel=0.1)


def test_staggered_training_is_found_within_its_interval() -> None:
    data = interviews()
    made = training_effect(data["y"], data["unit"], data["period"], data["first"])
    assert made.status == "ok"
    assert made.lo is not None
    assert made.hi is not None
    assert made.lo < -0.3 < made.hi < 0
    assert made.extras["n_trained"] == 24


def test_arms_that_moved_apart_before_the_training_are_refused() -> None:
    data = interviews(drift=0.4)
    made = training_effect(data["y"], data["unit"], data["period"], data["first"])
    assert "moved apart before" in made.reason


@pytest.mark.parametrize("change", [{"units": 18}, {"each": 4}])
def test_few_interviewers_or_few_interviews_are_refused(change: dict[str, int]) -> None:
    data = interviews(**change)  # type: ignore[arg-type]
    assert "10 needed" in training_effect(data["y"], data["unit"], data["period"], data["first"]).reason


def test_effects_beside_few_untrained_interviewers_are_left_out() -> None:
    """27 interviewers: 18 untrained in period 3, only 9 in period 4."""
    data = interviews(units=27)
    made = training_effect(data["y"], data["unit"], data["period"], data["first"])
    assert "9 trained interviewers" in made.reason


def test_one_period_before_the_training_does_not_show_a_trend() -> None:
    data = interviews()
    data = data[(data["period"] >= 2) & (data["first"] != 4)]
    data = pd.concat([data, data.assign(unit=data["unit"] + 100)])
    assert "cannot be seen" in training_effect(data["y"], data["unit"], data["period"], data["first"]).reason


def test_nobody_trained_is_a_refusal_not_a_crash() -> None:
    data = interviews().assign(first=np.nan)
    assert not training_effect(data["y"], data["unit"], data["period"], data["first"]).has_value


def test_the_event_study_has_one_row_per_time_since_training_and_is_flat_before() -> None:
    data = interviews(effect=-1.0)
    effects = group_time_effects(data["y"], data["unit"], data["period"], data["first"])
    study = event_study(effects).set_index("event_time")
    assert study.index.tolist() == [-3, -2, -1, 0, 1]
    assert study.loc[0, "effect"] == pytest.approx(-1.0, abs=0.25)
    assert abs(study.loc[-1, "effect"]) < 0.3
    test = pre_trend_test(effects)
    assert test is not None
    assert test.df1 == 3


@pytest.mark.parametrize("treated", [[0, 0, 0, 0], [1, 2, 1, 2]])
def test_an_empty_cell_is_refused(treated: list[int]) -> None:
    with pytest.raises(ValueError, match="all four cells"):
        two_by_two([1, 2, 3, 4], treated, [0, 1, 0, 1], [1, 1, 2, 2])
