from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.outliers_influence import variance_inflation_factor

from validity.importance import (
    adjusted_r2,
    browne_cross_validity,
    dominance,
    each_last,
    hierarchical,
    r_squared,
    refusal_of_betas,
    refusal_of_dominance,
    refusal_of_regression,
    relative_weights,
    standardised_betas,
    vif,
)


def rows(n: int = 120, p: int = 4, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p)) + 0.7 * rng.standard_normal((n, 1))
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(p)])
    return frame.assign(y=x @ np.linspace(0, 0.5, p) + rng.standard_normal(n))


def matrices(n_batch: int, p: int = 4) -> tuple[np.ndarray, np.ndarray]:
    both = np.array([rows(p=p, seed=seed).corr().to_numpy() for seed in range(n_batch)])
    return both[:, :p, :p], both[:, :p, p]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), p=st.integers(1, 6))
def test_weights_and_dominance_sum_to_r_squared_of_the_regression(seed: int, p: int) -> None:
    frame = rows(60, p, seed)
    both = frame.corr().to_numpy()
    matrix, r = both[:p, :p], both[:p, p]
    fitted = sm.OLS(frame["y"], sm.add_constant(frame.drop(columns="y"))).fit().rsquared
    assert float(r_squared(matrix, r)) == pytest.approx(fitted)
    assert relative_weights(matrix, r).sum() == pytest.approx(fitted)
    assert dominance(matrix, r).general.sum() == pytest.approx(fitted)


def test_a_batch_gives_what_its_members_give_one_by_one() -> None:
    matrix, r = matrices(5)
    batch = dominance(matrix, r)
    for i in range(5):
        alone = dominance(matrix[i], r[i])
        np.testing.assert_allclose(batch.conditional[i], alone.conditional)
        np.testing.assert_allclose(relative_weights(matrix, r)[i], relative_weights(matrix[i], r[i]))
        np.testing.assert_allclose(each_last(matrix, r)[i], each_last(matrix[i], r[i]))
        np.testing.assert_allclose(standardised_betas(matrix, r)[i], standardised_betas(matrix[i], r[i]))


def test_the_first_gain_is_the_squared_validity_and_the_last_one_what_dropping_costs() -> None:
    matrix, r = matrices(3)
    answer = dominance(matrix, r)
    np.testing.assert_allclose(answer.conditional[..., 0], r**2)
    np.testing.assert_allclose(answer.conditional[..., -1], each_last(matrix, r))
    without_first = r_squared(matrix[:, 1:, 1:], r[:, 1:])
    np.testing.assert_allclose(each_last(matrix, r)[:, 0], r_squared(matrix, r) - without_first)


def test_uncorrelated_predictors_are_worth_their_squared_validities() -> None:
    r = np.array([0.4, -0.3, 0.1])
    for weights in (relative_weights(np.eye(3), r), dominance(np.eye(3), r).general, each_last(np.eye(3), r)):
        np.testing.assert_allclose(weights, r**2)


def test_variance_inflation_equals_statsmodels() -> None:
    frame = rows().drop(columns="y")
    design = sm.add_constant(frame).to_numpy()
    expected = [variance_inflation_factor(design, i + 1) for i in range(frame.shape[1])]
    np.testing.assert_allclose(vif(frame.corr()), expected)


def test_hierarchical_regression_equals_statsmodels_and_leaves_gaps_out() -> None:
    frame = rows()
    frame.loc[::9, "x2"] = np.nan
    complete = frame.dropna()
    small = sm.OLS(complete["y"], sm.add_constant(complete[["x0"]])).fit()
    large = sm.OLS(complete["y"], sm.add_constant(complete[["x0", "x1", "x2"]])).fit()
    f, p, _ = large.compare_f_test(small)
    added = hierarchical(frame, "y", ["x0"], ["x1", "x2"])
    assert (added.n, added.df1, added.df2) == (len(complete), 2, large.df_resid)
    assert (added.f, added.p_value) == (pytest.approx(f), pytest.approx(p))
    assert added.adjusted_r2 == pytest.approx(large.rsquared_adj)


def test_a_criterion_that_does_not_vary_or_too_few_rows_are_named() -> None:
    with pytest.raises(ValueError, match="one value only"):
        hierarchical(rows().assign(y=3.0), "y", ["x0"], ["x1"])
    with pytest.raises(ValueError, match="3 complete rows"):
        hierarchical(rows(3), "y", ["x0"], ["x1"])


def test_a_worthless_regression_has_no_cross_validity() -> None:
    assert adjusted_r2(0.02, 40, 4) < 0
    assert browne_cross_validity(0.02, 40, 4) == 0


@pytest.mark.parametrize(
    "matrix",
    [[[1, 1], [1, 1]], [[1, 1.2], [1.2, 1]], [[1, float("nan")], [float("nan"), 1]], [[1, 0.2]]],
)
def test_a_matrix_that_cannot_be_inverted_is_named(matrix: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="correlations"):
        r_squared(matrix, [0.2, 0.2])


def test_validities_that_do_not_fit_the_matrix_are_named() -> None:
    with pytest.raises(ValueError, match="validities"):
        r_squared(np.eye(3), [0.2, 0.2])


def test_dominance_is_refused_above_twelve_predictors_and_made_at_twelve() -> None:
    assert refusal_of_dominance(12) is None
    assert refusal_of_dominance(13) is not None
    with pytest.raises(ValueError, match="use relative weights"):
        dominance(np.eye(13), np.zeros(13))


def test_single_weights_of_near_copies_and_small_samples_are_refused() -> None:
    assert refusal_of_betas([[1, 0.94], [0.94, 1]]) is None
    assert refusal_of_betas([[1, 0.96], [0.96, 1]]) is not None
    assert refusal_of_regression(60, 6) is None
    assert refusal_of_regression(59, 6) is not None
