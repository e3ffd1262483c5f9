from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validity import components
from validity.components import (
    CrossedDesign,
    combine,
    crossed_bootstrap,
    crossed_reml,
    one_way_reml,
    percentile_interval,
    reml,
)

QUIET = settings(max_examples=20, deadline=None)


def ratings(seed: int, n_ratees: int = 60, n_raters: int = 8, k: int = 2, rater_sd: float = 0.4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rater = np.concatenate([rng.choice(n_raters, k, replace=False) for _ in range(n_ratees)])
    ratee = np.repeat(np.arange(n_ratees), k)
    y = (
        3
        + rng.normal(0, 0.6, n_ratees)[ratee]
        + rng.normal(0, rater_sd, n_raters)[rater]
        + rng.normal(0, 0.5, len(rater))
    )
    return pd.DataFrame({"ratee": ratee, "rater": rater, "y": y})


def fitted(frame: pd.DataFrame) -> components.CrossedFit:
    return crossed_reml(CrossedDesign.build(frame["ratee"], frame["rater"]), frame["y"])


@QUIET
@given(st.integers(0, 10_000))
def test_a_balanced_panel_gives_the_analysis_of_variance(seed: int) -> None:
    n, k = 20, 6
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1.5, n)[:, None] + rng.normal(0, 1.0, k) + rng.normal(size=(n, k))
    rows, columns = x.mean(1, keepdims=True), x.mean(0, keepdims=True)
    b = k * ((rows - x.mean()) ** 2).sum() / (n - 1)
    j = n * ((columns - x.mean()) ** 2).sum() / (k - 1)
    e = ((x - rows - columns + x.mean()) ** 2).sum() / ((n - 1) * (k - 1))
    if min(b, j) <= 1.05 * e:
        return  # the boundary is another test's
    fit = crossed_reml(CrossedDesign.build(np.repeat(np.arange(n), k), np.tile(np.arange(k), n)), x.ravel())
    assert [fit.var_ratee, fit.var_rater, fit.var_residual] == pytest.approx([(b - e) / k, (j - e) / n, e], rel=1e-4)


@QUIET
@given(st.integers(0, 10_000))
def test_the_eliminated_and_the_dense_search_find_the_same_components(seed: int) -> None:
    frame = ratings(seed)
    fit, dense = fitted(frame), reml(frame["y"], {"ratee": frame["ratee"], "rater": frame["rater"]})
    assert dense.components["ratee"] == pytest.approx(fit.var_ratee, abs=1e-5)
    assert dense.components["rater"] == pytest.approx(fit.var_rater, abs=1e-5)
    assert dense.components["Residual"] == pytest.approx(fit.var_residual, abs=1e-5)


@QUIET
@given(st.integers(0, 10_000), st.floats(-50, 50), st.floats(0.1, 20))
def test_units_of_the_scale_do_not_matter(seed: int, shift: float, factor: float) -> None:
    frame = ratings(seed)
    fit, other = fitted(frame), fitted(frame.assign(y=shift + factor * frame["y"]))
    assert other.var_ratee == pytest.approx(factor**2 * fit.var_ratee, rel=1e-3, abs=1e-5 * factor**2)
    assert other.mean == pytest.approx(shift + factor * fit.mean, abs=1e-4 * factor)


def test_effects_and_their_variances_are_those_of_the_textbook_matrices() -> None:
    frame = ratings(5)
    period = np.random.default_rng(0).integers(0, 2, len(frame)).astype(float)
    design = CrossedDesign.build(frame["ratee"], frame["rater"], np.column_stack([np.ones(len(frame)), period]))
    fit = crossed_reml(design, frame["y"])
    z, w, x = np.eye(60)[design.ratee_codes], np.eye(8)[design.rater_codes], design.fixed
    v = fit.var_ratee * z @ z.T + fit.var_rater * w @ w.T + fit.var_residual * np.eye(len(frame))
    inverse = np.linalg.inv(v)
    beta = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ frame["y"])
    p = inverse - inverse @ x @ np.linalg.inv(x.T @ inverse @ x) @ x.T @ inverse
    assert fit.fixed_effects == pytest.approx(beta)
    assert fit.ratee_effects.to_numpy() == pytest.approx(fit.var_ratee * z.T @ p @ frame["y"].to_numpy())
    assert fit.rater_effects.to_numpy() == pytest.approx(fit.var_rater * w.T @ p @ frame["y"].to_numpy())
    error = np.diag(fit.var_rater * np.eye(8) - fit.var_rater**2 * w.T @ p @ w)
    assert fit.rater_variances.to_numpy() == pytest.approx(error)


def test_ratee_and_rater_may_change_places() -> None:
    frame = ratings(6)
    fit = fitted(frame)
    swapped = crossed_reml(CrossedDesign.build(frame["rater"], frame["ratee"]), frame["y"])
    assert (swapped.var_rater, swapped.var_ratee) == pytest.approx((fit.var_ratee, fit.var_rater), abs=1e-6)
    assert swapped.ratee_effects.to_numpy() == pytest.approx(fit.rater_effects.to_numpy(), abs=1e-5)


def test_the_sparse_system_gives_what_the_dense_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = ratings(7)
    fit = fitted(frame)
    monkeypatch.setattr(components, "MAX_DENSE_LEVELS", 3)
    monkeypatch.setattr(components, "_SMALL", 10)
    sparse = fitted(frame)
    assert sparse.converged
    assert sparse.var_rater == pytest.approx(fit.var_rater, abs=1e-5)
    assert sparse.rater_variances.to_numpy() == pytest.approx(fit.rater_variances.to_numpy(), abs=1e-5)


def test_a_component_that_is_not_there_is_zero_and_nothing_warns() -> None:
    rng = np.random.default_rng(1)
    ratee, rater = np.repeat(np.arange(40), 3), np.tile(np.arange(3), 40)
    y = rng.normal(size=120)
    y -= pd.Series(y).groupby(rater).transform("mean").to_numpy()  # raters agree exactly on average
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = crossed_reml(CrossedDesign.build(ratee, rater), y)
    assert fit.var_rater == 0
    assert "rater" in fit.at_boundary
    assert fit.converged
    assert (fit.rater_effects == 0).all()


def test_ratings_that_never_vary_have_no_components() -> None:
    fit = crossed_reml(CrossedDesign.build([1, 1, 2, 2], ["a", "b", "a", "b"]), [3.0, 3.0, 3.0, 3.0])
    assert (fit.var_ratee, fit.var_rater, fit.var_residual, fit.mean) == (0, 0, 0, 3)


def test_ratings_without_any_residual_do_not_pass_for_a_fit() -> None:
    y = (np.arange(6.0)[:, None] + np.array([0.0, 0.5, 2.0])).ravel()
    fit = crossed_reml(CrossedDesign.build(np.repeat(np.arange(6), 3), np.tile(np.arange(3), 6)), y)
    assert fit.at_boundary == ("Residual",)
    assert not fit.converged


def test_one_way_is_the_analysis_of_variance_when_groups_are_equal() -> None:
    y = np.array([[1.0, 2, 3], [4, 5, 7], [8, 8, 9], [2, 3, 3]])
    between, within = 3 * y.mean(1).var(ddof=1), y.var(axis=1, ddof=1).mean()
    fit = one_way_reml(y.ravel(), np.repeat(np.arange(4), 3))
    assert fit.var_group == pytest.approx((between - within) / 3, rel=1e-6)
    assert fit.var_residual == pytest.approx(within, rel=1e-6)


def test_one_way_returns_zero_at_either_boundary() -> None:
    alike = one_way_reml([1.0, 3.0, 1.0, 3.0, 1.0, 3.0], [1, 1, 2, 2, 3, 3])
    assert (alike.var_group, alike.at_boundary, alike.icc1) == (0.0, ("group",), 0.0)
    exact = one_way_reml([1.0, 1.0, 2.0, 2.0, 4.0, 4.0], [1, 1, 2, 2, 3, 3])
    assert exact.at_boundary == ("Residual",)
    assert exact.icc1 == 1.0


@pytest.mark.parametrize(
    "factors",
    [
        {"one": [1, 1, 1, 1]},
        {"everybody": [1, 2, 3, 4]},
        {"a": [1, 1, 2, 2], "same": [5, 5, 9, 9]},
        {"short": [1, 1, 2]},
    ],
)
def test_factors_that_cannot_be_told_apart_are_refused(factors: dict[str, list[int]]) -> None:
    with pytest.raises(ValueError):
        reml([1.0, 2.0, 3.0, 5.0], factors)


def test_ratings_without_any_repetition_are_refused() -> None:
    with pytest.raises(ValueError):
        crossed_reml(CrossedDesign.build([1, 2, 3], ["a", "a", "b"]), [1.0, 2.0, 3.0])
    with pytest.raises(ValueError):
        one_way_reml([1.0, 2.0], ["a", "b"])
    with pytest.raises(ValueError):
        CrossedDesign.build([1, None], ["a", "b"])


def test_a_nested_rater_is_not_the_same_rater_in_another_task() -> None:
    assert len(set(combine([1, 1, 2, 2], [1, 2, 1, 2]))) == 4


def test_the_bootstrap_brackets_the_estimate_and_is_repeatable() -> None:
    frame = ratings(9)
    design = CrossedDesign.build(frame["ratee"], frame["rater"])
    fit = crossed_reml(design, frame["y"])
    draws = crossed_bootstrap(design, fit, lambda f: f.var_ratee, n_resamples=40, seed=3)
    low, high = percentile_interval(draws)
    assert low < fit.var_ratee < high
    assert draws == pytest.approx(crossed_bootstrap(design, fit, lambda f: f.var_ratee, n_resamples=40, seed=3))
