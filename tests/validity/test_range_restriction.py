from __future__ import annotations

from math import sqrt
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validity.estimate import Estimate, refused
from validity.range_restriction import (
    CorrectionName,
    bivariate_direct,
    case_ii,
    case_iii,
    case_iv,
    case_iv_from_applicants,
    case_v,
    corrected_for_restriction,
    correction_table,
    reliability_restricted,
    reliability_unrestricted,
    u_from_selection_ratio,
    u_under_indirect_selection,
    which_correction,
)

OBSERVED = Estimate(value=0.30, lo=0.12, hi=0.46, n=110, method="pearson", definition_version="1")
correlations = st.floats(-0.95, 0.95)
ratios = st.floats(0.3, 1.0)


@given(r=correlations, u=st.floats(0.3, 1.6))
def test_case_ii_is_undone_by_the_inverse_ratio(r: float, u: float) -> None:
    assert case_ii(case_ii(r, u), 1 / u) == pytest.approx(r, abs=1e-9)


@given(r=correlations, u=ratios)
def test_case_iii_with_selection_on_x_itself_is_case_ii(r: float, u: float) -> None:
    assert case_iii(r, r_zx=1.0, r_zy=r, u_z=u) == pytest.approx(case_ii(r, u), abs=1e-9)


@given(r=st.floats(-0.8, 0.8), u=ratios)
def test_case_iv_with_a_perfectly_reliable_score_is_case_ii(r: float, u: float) -> None:
    assert case_iv(r, u, r_xxi=1.0).operational == pytest.approx(case_ii(r, u), abs=1e-9)


@given(r=correlations)
def test_without_restriction_every_correction_leaves_the_correlation_alone(r: float) -> None:
    assert case_ii(r, 1.0) == pytest.approx(r)
    assert case_iv(r, 1.0, r_xxi=1.0).operational == pytest.approx(r)
    assert case_v(r, 1.0, 1.0) == pytest.approx(r)
    assert bivariate_direct(r, 1.0, 1.0) == pytest.approx(r, abs=1e-9)


@given(r_xxi=st.floats(0.2, 1.0), u=ratios)
def test_reliability_of_applicants_goes_back_to_that_of_hires(r_xxi: float, u: float) -> None:
    assert reliability_restricted(reliability_unrestricted(r_xxi, u), u) == pytest.approx(r_xxi, abs=1e-9)


def test_direct_selection_of_a_normal_population_is_recovered() -> None:
    """200,000 applicants, rho .40, 30 % hired top-down on x."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal(200_000)
    y = 0.4 * x + sqrt(1 - 0.16) * rng.standard_normal(x.size)
    hired = x > np.quantile(x, 0.7)
    u = x[hired].std() / x.std()
    assert u == pytest.approx(u_from_selection_ratio(0.30), abs=0.005)
    assert case_ii(float(np.corrcoef(x[hired], y[hired])[0, 1]), float(u)) == pytest.approx(0.40, abs=0.015)


def test_selection_on_another_variable_is_recovered_by_case_iii_and_restricts_little() -> None:
    rng = np.random.default_rng(5)
    z, x_only, y_only = rng.standard_normal((3, 200_000))
    x = 0.5 * z + sqrt(0.75) * x_only
    y = 0.3 * z + 0.4 * x + y_only
    hired = z > np.quantile(z, 0.7)
    restricted = np.corrcoef(np.vstack([x, y, z])[:, hired])
    corrected = case_iii(restricted[0, 1], restricted[0, 2], restricted[1, 2], float(z[hired].std() / z.std()))
    assert corrected == pytest.approx(np.corrcoef(x, y)[0, 1], abs=0.01)
    assert x[hired].std() / x.std() == pytest.approx(u_under_indirect_selection(0.5, 0.30), abs=0.01)


def test_hiring_everybody_restricts_nothing() -> None:
    assert u_from_selection_ratio(1.0) == 1.0


@pytest.mark.parametrize("ratio", [0.0, -0.1, 1.1, float("nan")])
def test_an_impossible_selection_ratio_is_named(ratio: float) -> None:
    with pytest.raises(ValueError, match="selection_ratio"):
        u_from_selection_ratio(ratio)


def test_an_imaginary_u_of_true_scores_is_an_error_below_and_a_refusal_above() -> None:
    def formula(r: float) -> float:
        return case_iv_from_applicants(r, 0.5, r_xxa=0.75).operational

    with pytest.raises(ValueError, match="imaginary"):
        formula(0.30)
    corrected = corrected_for_restriction(OBSERVED, 0.5, formula, "case_iv")
    assert corrected.status == "not_estimable"
    assert "imaginary" in corrected.reason


@pytest.mark.parametrize("u", [0.39, 1.26, float("nan"), 0.0])
def test_a_spread_outside_the_limits_is_refused(u: float) -> None:
    assert corrected_for_restriction(OBSERVED, u, lambda r: r, "case_ii").status == "not_estimable"


@pytest.mark.parametrize("u", [0.40, 1.25])
def test_a_spread_at_the_limits_is_corrected(u: float) -> None:
    assert corrected_for_restriction(OBSERVED, u, lambda r: case_ii(r, u), "case_ii").status == "ok"


def test_a_corrected_correlation_beyond_one_is_refused() -> None:
    corrected = corrected_for_restriction(OBSERVED, 0.8, lambda r: 4 * r, "case_iv")
    assert "exceeds 1" in corrected.reason


def test_a_refused_correlation_keeps_its_reason() -> None:
    nothing = refused("pearson", n=7, reason="7 pairs, 25 needed", definition_version="1")
    assert corrected_for_restriction(nothing, 0.8, lambda r: r, "case_ii").reason == "7 pairs, 25 needed"


@pytest.mark.parametrize("correction", ["uvdrr", "uvirr", "bvdrr", "bvirr"])
def test_a_table_without_restriction_repeats_the_rows_of_the_hires(correction: CorrectionName) -> None:
    rows = correction_table(correction, 0.3, n=80, r_xx=0.8, r_yy=0.6).correlations
    for name in ("rxy", "rxp", "rty", "rtp"):
        assert rows[f"{name}a"].value == pytest.approx(rows[f"{name}i"].value)
        assert rows[f"{name}a"].lo == pytest.approx(rows[f"{name}i"].lo)


def test_true_scores_of_y_are_divided_by_the_reliability_of_y_and_those_of_x_by_that_of_x() -> None:
    rows = correction_table("uvdrr", 0.3, r_xx=0.9, r_yy=0.5, u_x=0.8).correlations
    assert rows["rxpi"].value == pytest.approx(0.3 / sqrt(0.5))
    assert rows["rtyi"].value == pytest.approx(0.3 / sqrt(0.9))


def test_a_table_without_n_has_no_intervals() -> None:
    row = correction_table("bvirr", 0.3, u_x=0.8, u_y=0.9).correlations["rxya"]
    assert (row.lo, row.hi, row.n_effective) == (None, None, None)


@pytest.mark.parametrize("correction", ["meas", "uvdrr", "uvirr", "bvdrr", "bvirr"])
def test_a_correlation_of_zero_has_a_table_too(correction: CorrectionName) -> None:
    rows = correction_table(correction, 0.0, n=80, r_xx=0.8, r_yy=0.6, u_x=0.8, u_y=0.9).correlations
    assert all(np.isfinite([row.value, row.lo, row.hi, row.n_effective]).all() for row in rows.values())


def test_case_v_counts_the_error_of_each_reliability_with_its_own_ratio() -> None:
    """Mutant: carrying Y's reliability over with u_x."""
    same = correction_table("bvirr", 0.3, n=100, r_yy=0.7, u_x=0.6, u_y=0.6).correlations["rxpa"]
    other = correction_table("bvirr", 0.3, n=100, r_yy=0.7, u_x=0.6, u_y=0.95).correlations
    assert same.n_effective != pytest.approx(other["rxpa"].n_effective)
    swapped = correction_table("bvirr", 0.3, n=100, r_xx=0.7, u_x=0.95, u_y=0.6).correlations["rtya"]
    assert other["rxpa"].n_effective == pytest.approx(swapped.n_effective)


@pytest.mark.parametrize(
    ("has_scores", "has_sd", "use", "answer"),
    [
        (True, True, "only_basis", "maximum_likelihood"),
        (True, False, "not_used", "maximum_likelihood"),
        (False, False, "only_basis", "none"),
        (False, True, "only_basis", "case_ii"),
        (False, True, "with_recorded", "case_iii"),
        (False, True, "with_unrecorded", "none"),
        (False, True, "not_used", "none"),
    ],
)
def test_the_decision_tree_names_one_correction_and_why(
    has_scores: bool,
    has_sd: bool,
    use: Literal["only_basis", "with_recorded", "with_unrecorded", "not_used"],
    answer: str,
) -> None:
    decision = which_correction(rejected_have_scores=has_scores, local_applicant_sd_known=has_sd, use_in_selection=use)
    assert decision.correction == answer
    assert decision.why
