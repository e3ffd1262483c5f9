from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validity.attenuation import (
    REFERENCE_RELIABILITIES,
    disattenuate,
    operational_validity,
    operational_validity_with_reference,
    refusal_of_reliability,
    spearman_brown,
)
from validity.estimate import Estimate, refused

OBSERVED = Estimate(value=0.30, lo=0.12, hi=0.46, n=110, method="pearson", definition_version="1")
ENOUGH = {"n_ratees": 60, "n_raters": 14}


def draws(n: int = 400, r: float = 0.30, r_yy: float = 0.60, spread_of_r_yy: float = 0.05) -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.column_stack([rng.normal(r, 0.09, n), rng.normal(r_yy, spread_of_r_yy, n)])


@given(r=st.floats(-1, 1), r_xx=st.floats(0.05, 1), r_yy=st.floats(0.05, 1))
def test_attenuating_a_corrected_correlation_gives_the_observed_one_back(r: float, r_xx: float, r_yy: float) -> None:
    assert disattenuate(r, r_yy, r_xx) * sqrt(r_xx * r_yy) == pytest.approx(r, abs=1e-12)


@pytest.mark.parametrize(("r", "r_yy", "r_xx"), [(1.2, 0.6, 1), (0.3, 0, 1), (0.3, 1.1, 1), (0.3, 0.6, -0.2)])
def test_impossible_correlations_and_reliabilities_are_named(r: float, r_yy: float, r_xx: float) -> None:
    with pytest.raises(ValueError, match="expected a"):
        disattenuate(r, r_yy, r_xx)


@given(reliability=st.floats(0.01, 0.99), k=st.integers(2, 12))
def test_spearman_brown_with_one_over_k_undoes_k(reliability: float, k: int) -> None:
    assert spearman_brown(spearman_brown(reliability, k), 1 / k) == pytest.approx(reliability, abs=1e-12)


def test_the_interval_is_wider_when_the_reliability_is_less_certain() -> None:
    certain = operational_validity(OBSERVED, 0.60, 0.5, **ENOUGH, draws=draws(spread_of_r_yy=0.0))
    doubtful = operational_validity(OBSERVED, 0.60, 0.5, **ENOUGH, draws=draws(spread_of_r_yy=0.12))
    assert certain.hi is not None
    assert doubtful.hi is not None
    assert doubtful.hi > certain.hi + 0.02


@pytest.mark.parametrize(
    ("r_yy", "r_yy_lo", "n_ratees", "n_raters", "word"),
    [
        (0.29, 0.10, 60, 14, "reliability .29, .30 needed"),
        (0.45, 0.0, 60, 14, "not distinguishable from 0"),
        (0.60, 0.4, 29, 14, "29 hires with two"),
        (0.60, 0.4, 60, 4, "4 raters"),
    ],
)
def test_a_local_reliability_is_refused_with_its_reason(
    r_yy: float, r_yy_lo: float, n_ratees: int, n_raters: int, word: str
) -> None:
    rung_2 = operational_validity(OBSERVED, r_yy, r_yy_lo, n_ratees=n_ratees, n_raters=n_raters, draws=draws(r_yy=r_yy))
    assert rung_2.status == "not_estimable"
    assert word in rung_2.reason


def test_a_reliability_at_every_threshold_is_used() -> None:
    assert refusal_of_reliability(0.30, 0.001, 30, 5) is None


def test_a_correlation_that_would_exceed_one_is_refused_and_not_clipped() -> None:
    strong = replace(OBSERVED, value=0.70, lo=0.5, hi=0.8)
    assert "exceeds 1" in operational_validity(strong, 0.40, 0.2, **ENOUGH, draws=draws()).reason
    low = next(reference for reference in REFERENCE_RELIABILITIES if reference.value == 0.45)
    assert "exceeds 1" in operational_validity_with_reference(strong, low).reason


def test_too_many_undefined_resamples_are_refused_and_counted() -> None:
    resampled = draws()
    resampled[:60, 1] = -0.1
    rung_2 = operational_validity(OBSERVED, 0.60, 0.5, **ENOUGH, draws=resampled)
    assert rung_2.status == "not_estimable"
    assert "60 of 400" in rung_2.reason


def test_a_few_undefined_resamples_are_counted_beside_the_number() -> None:
    resampled = draws()
    resampled[:10, 1] = 0.0
    rung_2 = operational_validity(OBSERVED, 0.60, 0.5, **ENOUGH, draws=resampled)
    assert rung_2.status == "ok"
    assert rung_2.extras["n_undefined_draws"] == 10


def test_no_resamples_at_all_are_refused() -> None:
    assert operational_validity(OBSERVED, 0.60, 0.5, **ENOUGH, draws=[]).status == "not_estimable"


def test_a_refused_correlation_stays_refused_with_its_own_reason() -> None:
    nothing = refused("pearson", n=7, reason="7 pairs, 25 needed", definition_version="1")
    assert operational_validity(nothing, 0.6, 0.5, **ENOUGH, draws=draws()).reason == "7 pairs, 25 needed"
    assert operational_validity_with_reference(nothing, REFERENCE_RELIABILITIES[0]).reason == "7 pairs, 25 needed"


def test_a_literature_reliability_is_named_beside_the_number_and_keeps_the_warning() -> None:
    few = replace(OBSERVED, status="low_n", reason="28 pairs, shown from 30")
    rung_2 = operational_validity_with_reference(few, REFERENCE_RELIABILITIES[0])
    assert rung_2.status == "low_n"
    assert rung_2.reason.startswith("28 pairs, shown from 30; reliability of the rating .60 from the literature")


def test_every_reference_reliability_has_a_source_and_exactly_one_is_the_main_one() -> None:
    assert all(reference.source and 0 < reference.value < 1 for reference in REFERENCE_RELIABILITIES)
    assert [reference.value for reference in REFERENCE_RELIABILITIES if reference.role == "main"] == [0.60]
