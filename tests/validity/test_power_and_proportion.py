from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validity.power import minimum_detectable_validity, pairs_needed, power_of
from validity.proportion import wilson


@pytest.mark.parametrize(
    ("r", "n", "power", "expected"),
    [
        (0.3, 50, 0.564345306712012, (50.8159976486718, 0.302432586468229)),
        (0.2, 84, 0.446159276617932, (84.8374967280707, 0.201003352679324)),
    ],
)
def test_power_equals_the_fisher_z_column_of_the_reference(
    r: float, n: int, power: float, expected: tuple[float, float]
) -> None:
    """R pwr 1.3.0 (Cohen 1988, ch. 3), its Fisher z approximation; the needed n and r are for pwr's own power."""
    pwr_power = {0.3: 0.571555841860208, 0.2: 0.449880766138777}[r]
    assert power_of(r, n) == pytest.approx(power, abs=1e-3)
    assert pairs_needed(r, pwr_power) == pytest.approx(expected[0], abs=1e-6)
    assert minimum_detectable_validity(n, pwr_power) == pytest.approx(expected[1], abs=1e-9)


@pytest.mark.parametrize(("r", "n"), [(0.30, 84.9278111157752), (0.25248505382702, 120.855118849341)])
def test_pairs_needed_for_eighty_percent(r: float, n: float) -> None:
    assert pairs_needed(r) == pytest.approx(n, abs=1e-6)


def test_too_few_pairs_have_no_detectable_validity() -> None:
    assert minimum_detectable_validity(3) is None


@given(n=st.integers(4, 100_000))
def test_minimum_detectable_validity_is_found_with_the_power_it_promises(n: int) -> None:
    smallest = minimum_detectable_validity(n)
    assert smallest is not None
    assert power_of(smallest, n) == pytest.approx(0.80, abs=1e-4)


@given(n=st.integers(5, 5000), share=st.floats(0, 1))
def test_wilson_interval_holds_the_rate_and_stays_within_0_and_1(n: int, share: float) -> None:
    rate = wilson(round(share * n), n)
    assert rate.value is not None
    assert rate.lo is not None
    assert rate.hi is not None
    assert 0 <= rate.lo <= rate.value <= rate.hi <= 1


def test_wilson_refuses_below_five_and_warns_below_ten() -> None:
    assert wilson(2, 4).status == "not_estimable"
    assert wilson(2, 4).value is None
    assert wilson(2, 9).status == "low_n"
    assert wilson(2, 10).status == "ok"
