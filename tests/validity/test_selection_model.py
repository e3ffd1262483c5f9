from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from validity.selection_model import (
    heckman_ml,
    heckman_two_step,
    instrument_strength,
    refusal_of_selection_model,
    selection_corrected_slope,
)


def applicants(n: int = 1200, rho: float = 0.6, pull: float = 0.8, seed: int = 0) -> pd.DataFrame:
    """Slope .35; hired on score, instrument and a gut feeling that correlates `rho` with performance."""
    rng = np.random.default_rng(seed)
    score, freeze, gut, noise = rng.standard_normal((4, n))
    frame = pd.DataFrame({"score": score, "freeze": freeze, "hired": (score + pull * freeze + gut > 0).astype(int)})
    rating = 0.35 * score + rho * gut + np.sqrt(1 - rho**2) * noise
    return frame.assign(rating=np.where(frame["hired"] == 1, rating, np.nan))


def fit(frame: pd.DataFrame, estimator=heckman_ml):  # type: ignore[no-untyped-def]
    return estimator(frame, "hired", ["score", "freeze"], "rating", ["score"])


@pytest.mark.parametrize("estimator", [heckman_two_step, heckman_ml])
def test_hidden_selection_that_least_squares_misses_is_found(estimator) -> None:  # type: ignore[no-untyped-def]
    frame = applicants(4000)
    hired = frame[frame["hired"] == 1]
    naive = np.polyfit(hired["score"], hired["rating"], 1)[0]
    found = fit(frame, estimator)
    assert naive < 0.25
    assert found.outcome["score"].value == pytest.approx(0.35, abs=0.06)
    assert found.rho.value == pytest.approx(0.6, abs=0.12)


@pytest.mark.parametrize("estimator", [heckman_two_step, heckman_ml])
def test_units_of_a_predictor_change_its_coefficient_and_nothing_else(estimator) -> None:  # type: ignore[no-untyped-def]
    frame = applicants()
    small, large = fit(frame, estimator), fit(frame.assign(score=frame["score"] * 1e5), estimator)
    for equation in ("selection", "outcome"):
        before, after = getattr(small, equation)["score"], getattr(large, equation)["score"]
        assert after.value * 1e5 == pytest.approx(before.value, rel=1e-6)
        assert after.standard_error * 1e5 == pytest.approx(before.standard_error, rel=1e-5)
    assert large.rho.value == pytest.approx(small.rho.value, rel=1e-5)
    strengths = [instrument_strength(found, ["freeze"]) for found in (small, large)]
    assert strengths[0] == pytest.approx(strengths[1], rel=1e-5)


def test_incomplete_rows_are_left_out_and_ratings_of_the_rejected_are_not_needed() -> None:
    frame = applicants()
    gaps = frame.copy()
    gaps.loc[::7, "freeze"] = np.nan
    gaps.loc[gaps["hired"].eq(1) & (gaps.index % 5 == 0), "rating"] = np.nan
    kept = frame[gaps["freeze"].notna() & ~(frame["hired"].eq(1) & (frame.index % 5 == 0))]
    assert fit(gaps).outcome["score"].value == pytest.approx(fit(kept).outcome["score"].value, rel=1e-9)
    assert fit(gaps).n == len(kept)


@pytest.mark.parametrize("estimator", [heckman_two_step, heckman_ml])
@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda f: f.assign(hired=1, rating=1.0), "expected both 0 and 1"),
        (lambda f: f.assign(hired=(f["score"] > 0).astype(int), rating=1.0), "separated perfectly"),
        (lambda f: f.assign(freeze=2.0), "one value only"),
        (lambda f: f.assign(freeze=3 * f["score"] + 1), "linearly dependent"),
    ],
)
def test_data_without_an_answer_are_named(estimator, change, word: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=word):
        fit(change(applicants()), estimator)


@pytest.mark.parametrize(
    ("n_hired", "strength", "word"),
    [(199, 50.0, "199 hires"), (300, 10.0, "F = 10.0"), (300, 0.0, "no instrument")],
)
def test_the_model_is_refused_without_hires_or_instrument(n_hired: int, strength: float, word: str) -> None:
    reason = refusal_of_selection_model(n_hired, strength)
    assert reason is not None
    assert word in reason


def test_the_model_is_accepted_at_two_hundred_hires_and_above_ten() -> None:
    assert refusal_of_selection_model(200, 10.01) is None


def test_the_slope_comes_with_an_interval_when_the_instrument_is_strong() -> None:
    slope = selection_corrected_slope(applicants(), "hired", "rating", "score", instruments=["freeze"])
    assert slope.status == "ok"
    assert slope.lo is not None
    assert slope.hi is not None
    assert slope.lo < 0.35 < slope.hi
    assert slope.extras["instrument_f"] > 10


def test_a_weak_instrument_is_refused_by_its_strength() -> None:
    weak = applicants(pull=0.0)
    slope = selection_corrected_slope(weak, "hired", "rating", "score", instruments=["freeze"])
    assert "instrument strength" in slope.reason


def test_without_an_instrument_the_slope_is_refused() -> None:
    slope = selection_corrected_slope(applicants(), "hired", "rating", "score", instruments=[])
    assert "no instrument" in slope.reason


def test_a_study_with_a_constant_score_is_refused_and_does_not_crash() -> None:
    frame = applicants().assign(score=3.0)
    slope = selection_corrected_slope(frame, "hired", "rating", "score", instruments=["freeze"])
    assert "one value only" in slope.reason
