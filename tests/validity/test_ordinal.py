from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from statsmodels.miscmodels.ordinal_model import OrderedModel

from validity.ordinal import (
    binormal_cdf,
    merge_sparse_ends,
    polychoric,
    polychoric_ml,
    polychoric_two_step,
    polyserial,
    polyserial_ad_hoc,
    polyserial_ml,
    polyserial_two_step,
)

CUTS = [-1.2, -0.3, 0.5, 1.3]


def latent(n: int, rho: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    return x, rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(n)


def cut(latent_values: np.ndarray, cuts: list[float] = CUTS) -> np.ndarray:
    return np.digitize(latent_values, cuts) + 1


@settings(max_examples=60, deadline=None)
@given(st.floats(-4, 4), st.floats(-4, 4), st.floats(-0.98, 0.98))
@example(1e-240, -1e-141, 0.0)
@example(0.0, -0.0, 0.5)
def test_the_bivariate_normal_is_the_one_of_scipy(h: float, k: float, rho: float) -> None:
    expected = multivariate_normal.cdf([h, k], cov=[[1, rho], [rho, 1]], abseps=1e-9, releps=1e-9)
    assert float(binormal_cdf(h, k, rho)) == pytest.approx(float(expected), abs=1e-7)


def test_joint_polyserial_is_an_ordered_probit() -> None:
    x, y = latent(400, 0.5)
    z = (x - x.mean()) / x.std(ddof=1)
    probit = OrderedModel(cut(y), z[:, None], distr="probit").fit(disp=0, method="bfgs", gtol=1e-8)
    slope = probit.params[0]
    assert polyserial_ml(x, cut(y)).rho == pytest.approx(slope / np.sqrt(1 + slope**2), abs=1e-5)


@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.4, 0.9])
def test_every_estimator_finds_the_latent_correlation(rho: float) -> None:
    x, y = latent(6000, rho, seed=1)
    serial = [f(x, cut(y)).rho for f in (polyserial_ad_hoc, polyserial_two_step, polyserial_ml)]
    choric = [f(cut(x), cut(y)).rho for f in (polychoric_two_step, polychoric_ml)]
    assert serial + choric == pytest.approx([rho] * 5, abs=0.04)


@pytest.mark.parametrize("estimator", [polyserial_ad_hoc, polyserial_two_step, polyserial_ml])
def test_the_standard_error_is_the_spread_over_samples(estimator) -> None:
    fits = [estimator(x, cut(y)) for x, y in (latent(300, 0.5, seed) for seed in range(80))]
    spread = np.std([fit.rho for fit in fits], ddof=1)
    assert np.mean([fit.standard_error for fit in fits]) == pytest.approx(spread, rel=0.25)


def test_codes_are_labels_in_order_and_not_distances() -> None:
    x, y = latent(500, 0.5)
    codes = cut(y)
    stretched = np.array([0, 1, 5, 6, 50, 99])[codes]
    assert polyserial_ml(x, stretched).rho == pytest.approx(polyserial_ml(x, codes).rho)
    assert polychoric_ml(cut(x), stretched).rho == pytest.approx(polychoric_ml(cut(x), codes).rho)


def test_reversing_a_scale_reverses_the_sign() -> None:
    x, y = latent(500, 0.5)
    assert polychoric_ml(cut(x), -cut(y)).rho == pytest.approx(-polychoric_ml(cut(x), cut(y)).rho, abs=1e-6)
    assert polyserial_ml(x, -cut(y)).rho == pytest.approx(-polyserial_ml(x, cut(y)).rho, abs=1e-6)


def test_a_fourfold_table_of_equal_halves_has_a_closed_form() -> None:
    x, y = np.repeat([0, 0, 1, 1], [40, 20, 20, 40]), np.repeat([0, 1, 0, 1], [40, 20, 20, 40])
    assert polychoric_ml(x, y).rho == pytest.approx(np.sin(2 * np.pi * (1 / 3 - 1 / 4)), abs=1e-6)


def test_perfect_agreement_has_no_standard_error_and_is_refused() -> None:
    x = np.repeat([1, 2, 3], 50)
    fit = polychoric_ml(x, x)
    assert fit.rho > 0.99
    assert fit.standard_error is None
    assert "not identified" in polychoric(x, x).reason


def test_sparse_ends_are_joined_and_sparse_middles_refused() -> None:
    assert merge_sparse_ends([1] * 2 + [2] * 3 + [3] * 9 + [4] * 4, minimum=5).tolist() == [0] * 5 + [1] * 13
    x, y = latent(200, 0.4)
    hollow = np.where(y < 0, 1, 3)
    hollow[:2] = 2
    assert "middle category has 2" in polyserial(x, hollow).reason


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (np.arange(99.0), np.arange(99) % 3, "99 pairs, 100 needed"),
        (np.ones(120), np.arange(120) % 3, "every score is the same"),
        (np.arange(120.0), np.r_[np.ones(118), 2, 2], "one category is left"),
    ],
)
def test_polyserial_is_refused_where_there_is_nothing_to_find(x, y, reason: str) -> None:
    assert reason in polyserial(x, y).reason


def test_an_empty_fourfold_cell_is_refused() -> None:
    x, y = np.repeat([0, 0, 1], [50, 30, 40]), np.repeat([0, 1, 1], [50, 30, 40])
    assert "2×2" in polychoric(x, y).reason
    assert polychoric_ml(x, y).standard_error is None


def test_missing_pairs_are_dropped_and_the_interval_holds_the_value() -> None:
    x, y = latent(300, 0.5)
    gaps = np.r_[x, np.nan, 0.3], np.r_[cut(y).astype(float), 2, np.nan]
    found = polyserial(*gaps)
    assert found.n == 300
    assert found.lo < found.value < found.hi
    assert found.value == pytest.approx(polyserial_ml(x, cut(y)).rho)


def test_impossible_input_is_an_error() -> None:
    with pytest.raises(ValueError):
        polyserial_ml([1.0, 2.0, 3.0], [1, 1, 1])
    with pytest.raises(ValueError):
        polychoric_ml([1, 2], [1, 2, 3])
    with pytest.raises(ValueError):
        polyserial_two_step([1.0, np.nan, 3.0], [1, 2, 3])
