"""R² of several techniques: only of those that were seen together, and not larger than chance alone would make it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from validity.consequences import incremental_rows, left_out_of_r2
from validity.importance import r_squared
from validity.simulation import SCENARIOS, SimulatedStudy, simulate, true_validity
from validity.study import Study, study

NO_HOURS = pd.DataFrame({"interviewer_hours": pd.Series(dtype=float)})


def run(one: SimulatedStudy, scores: pd.DataFrame, strata: pd.Series | None = None, n_boot: int = 40) -> Study:
    stages = dict.fromkeys(scores.columns, 1.0)
    return study(scores, one.ratings, stages=stages, hired=one.hired, strata=strata, n_boot=n_boot, rho_grid=())


def rows_of(found: Study) -> pd.DataFrame:
    return pd.DataFrame(incremental_rows(found, NO_HOURS, {})).set_index("technique")


def test_techniques_that_nobody_saw_together_are_not_compared() -> None:
    """Two job families with an interview of their own each: how those correlate is made up by the model."""
    one = simulate(SCENARIOS["S1b"], seed=11)
    family = pd.Series(np.where(np.arange(len(one.scores)) % 3 == 0, "a", "b"), index=one.scores.index)
    scores = one.scores.assign(
        attribute_2=one.scores["attribute_2"].where(family == "a"),
        attribute_3=one.scores["attribute_3"].where(family == "b"),
    )
    rows = rows_of(run(one, scores, family))
    assert rows["status"].to_dict() == {"attribute_1": "ok", "attribute_2": "not_estimable", "attribute_3": "ok"}
    assert "attribute_3" in rows.at["attribute_2", "reason"]
    assert rows["r2_all"].isna().tolist() == [False, True, False]
    assert (rows.loc[rows["status"] == "ok", "delta_r2_hi"] < 0.6).all()


def test_a_technique_without_a_correction_leaves_the_others_their_r2() -> None:
    one = simulate(SCENARIOS["S1b"], seed=11)
    found = run(one, one.scores.assign(attribute_3=one.scores["attribute_3"].gt(0).astype(float)))
    assert set(left_out_of_r2(found)) == {"attribute_3"}
    rows = rows_of(found)
    assert rows.at["attribute_3", "reason"].startswith("not corrected for selection: 2 different scores")
    two = rows.loc[["attribute_1", "attribute_2"]]
    assert two["relative_weight"].sum() == pytest.approx(two["r2_all"].iloc[0])


@pytest.mark.slow
def test_adjusted_r2_is_nearer_to_the_truth_than_r2() -> None:
    big = simulate(replace(SCENARIOS["S1"], n_applicants=100_000), seed=99).scores.corr()
    truth = float(r_squared(big, true_validity(SCENARIOS["S1"])))
    made = []
    for seed in range(30):
        one = simulate(SCENARIOS["S1"], seed=seed)
        rows = rows_of(run(one, one.scores)).dropna(subset=["r2_all"])
        made += rows[["r2_all", "r2_adjusted", "r2_cross_validated"]].head(1).to_numpy(dtype=float).tolist()
    plain, adjusted, crossed = np.mean(made, axis=0)
    assert plain > truth + 0.05
    assert abs(adjusted - truth) < 0.6 * (plain - truth)
    assert crossed < adjusted
