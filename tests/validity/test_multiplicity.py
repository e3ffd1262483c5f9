from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validity.multiplicity import STATSMODELS_NAMES, Procedure, adjust

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@pytest.mark.parametrize("procedure", list(STATSMODELS_NAMES))
@settings(max_examples=20, deadline=None)
@given(p_values=p_lists)
def test_adjusting_never_makes_a_finding_surer_and_keeps_the_order(procedure: Procedure, p_values: list[float]) -> None:
    adjusted = adjust(p_values, procedure).p_adjusted
    assert (adjusted >= np.array(p_values) - 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p_values)]) >= -1e-12).all()


@settings(max_examples=20, deadline=None)
@given(p_values=p_lists)
def test_the_stricter_the_procedure_the_fewer_rejections(p_values: list[float]) -> None:
    n = {procedure: adjust(p_values, procedure).n_rejected for procedure in STATSMODELS_NAMES}
    assert n["bonferroni"] <= n["holm"] <= n["bh"]
    assert n["by"] <= n["bh"]


@given(p_values=p_lists)
def test_tests_that_were_not_made_do_not_count_in_the_family(p_values: list[float]) -> None:
    with_gaps = adjust([None, *p_values, None])
    np.testing.assert_allclose(with_gaps.p_adjusted[1:-1], adjust(p_values).p_adjusted)
    assert not with_gaps.rejected[0]
    assert np.isnan(with_gaps.p_adjusted[-1])


def test_no_tests_give_no_rejections() -> None:
    assert adjust([]).n_rejected == 0
    assert adjust([None]).n_rejected == 0


@pytest.mark.parametrize(("p_values", "level"), [([1.2], 0.05), ([-0.1], 0.05), ([0.5], 0.0), ([0.5], 1.0)])
def test_impossible_p_values_and_levels_are_named(p_values: list[float], level: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        adjust(p_values, level=level)


def test_an_adjusted_p_value_at_the_level_is_rejected() -> None:
    assert adjust([0.05], level=0.05).n_rejected == 1
