from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from validity.pooling import fisher_z, fixed_effect, hunter_schmidt, knapp_hartung, pool, random_effects, with_prior

SCHOOLS = ([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])


def observed(rng: np.random.Generator, rho: np.ndarray, n: int) -> np.ndarray:
    """Correlations of samples of `n` pairs each."""
    x, noise = rng.standard_normal((2, len(rho), n))
    y = rho[:, None] * x + np.sqrt(1 - rho[:, None] ** 2) * noise
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    return np.asarray((x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1)))


@pytest.mark.parametrize(("units", "n", "spread"), [(20, 12, 0.10), (20, 40, 0.10), (20, 12, 0.0), (8, 25, 0.15)])
def test_pooled_intervals_cover_where_plug_in_ones_do_not(units: int, n: int, spread: float) -> None:
    """The four cells of experiment C; plug-in empirical Bayes covers .85–.87 in those with a spread."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(150):
        rho = np.clip(rng.normal(0.25, spread, units), -0.9, 0.9)
        made = pool(*fisher_z(observed(rng, rho, n), np.full(units, n)))
        covered.append(np.mean((made.lo_r <= rho) & (rho <= made.hi_r)))
    assert np.mean(covered) > 0.91


def test_pooled_intervals_are_calibrated_when_the_spread_comes_from_the_prior() -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(200):
        true = 0.25 + abs(rng.normal(0, 0.2)) * rng.standard_normal(10)
        made = pool(true + 0.2 * rng.standard_normal(10), np.full(10, 0.2))
        covered.append(np.mean((made.lo <= true) & (true <= made.hi)))
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_no_spread_pools_completely_without_an_error() -> None:
    for method in ("REML", "DL", "EB", "PM"):
        fit = random_effects(*SCHOOLS, method)  # type: ignore[arg-type]
        assert fit.tau2 == 0
        assert fit.blup == pytest.approx(np.full(8, fixed_effect(*SCHOOLS)[0]))


def test_tau2_agrees_with_statsmodels() -> None:
    y, se = np.array([0.1, 0.5, -0.2, 0.6, 0.3]), np.array([0.1, 0.15, 0.12, 0.1, 0.2])
    theirs = combine_effects(y, se**2, method_re="pm")
    assert random_effects(y, se, "PM").tau2 == pytest.approx(theirs.tau2, rel=1e-4)
    assert random_effects(y, se, "DL").tau2 == pytest.approx(combine_effects(y, se**2, method_re="dl").tau2)


def test_one_unit_is_its_own_pool_and_its_prior_draws_it() -> None:
    alone = pool([0.5], [0.2])
    assert alone.mean[0] == pytest.approx(0.5)
    assert alone.sd[0] == pytest.approx(0.2)
    assert with_prior(0.5, 0.2).mean[0] == pytest.approx(0.375)


@given(st.lists(st.tuples(st.floats(-1.5, 1.5), st.floats(0.02, 0.8)), min_size=2, max_size=12))
@settings(max_examples=30, deadline=None)
def test_pooled_means_lie_within_the_data_and_limits_in_order(units: list[tuple[float, float]]) -> None:
    z, se = np.array(units).T
    made = pool(z, se)
    assert (made.mean >= z.min() - 1e-9).all()
    assert (made.mean <= z.max() + 1e-9).all()
    assert ((made.lo < made.mean) & (made.mean < made.hi)).all()
    assert ((made.lo_r < made.mean_r) & (made.mean_r < made.hi_r)).all()
    assert ((made.probability_positive >= 0) & (made.probability_positive <= 1 + 1e-12)).all()


def test_a_stated_prior_of_the_mean_draws_the_mean() -> None:
    z, se = [0.8, 0.9], [0.2, 0.2]
    assert pool(z, se, prior_mean=0.25, prior_sd=0.1).mu < pool(z, se).mu


def test_known_tau2_is_used_as_it_is() -> None:
    assert random_effects(*SCHOOLS, tau2=100.0).tau2 == 100.0


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: fisher_z([1.0], [20]),
        lambda: fisher_z([0.2], [3]),
        lambda: pool([0.1, 0.2], [0.1, 0.0]),
        lambda: pool([], []),
        lambda: pool([0.1], [0.1], tau_scale=0.0),
        lambda: with_prior(0.1, 0.1, sd=0.0),
        lambda: hunter_schmidt([0.1], [20]),
        lambda: knapp_hartung([0.1], [0.1], 0.0),
        lambda: random_effects([0.1, float("nan")], [0.1, 0.1]),
    ],
)
def test_impossible_input_is_refused(impossible: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        impossible()  # type: ignore[operator]
