from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validity.estimate import STATUSES, STATUSES_WITH_VALUE, Estimate, InvalidEstimateError, refused, to_frame

GOOD: dict[str, Any] = {"value": 0.3, "lo": 0.1, "hi": 0.5, "n": 60, "method": "pearson", "definition_version": "1"}


@given(status=st.sampled_from(STATUSES), with_value=st.booleans())
def test_a_value_exists_exactly_under_the_statuses_that_allow_one(status: str, with_value: bool) -> None:
    numbers = {} if with_value else {"value": None, "lo": None, "hi": None}
    fields = GOOD | numbers | {"status": status, "reason": "because"}
    if with_value == (status in STATUSES_WITH_VALUE):
        assert Estimate(**fields).has_value == with_value
    else:
        with pytest.raises(InvalidEstimateError):
            Estimate(**fields)


@pytest.mark.parametrize(
    "flaw",
    [
        {"lo": 0.4},
        {"hi": 0.2},
        {"value": float("nan")},
        {"hi": float("inf")},
        {"n": -1},
        {"level": 95},
        {"status": "fine"},
        {"status": "low_n"},
        {"extras": {"value": 1.0}},
    ],
    ids=lambda flaw: str(flaw),
)
def test_a_contradictory_estimate_cannot_be_made(flaw: dict[str, Any]) -> None:
    with pytest.raises(InvalidEstimateError, match="The estimate was not made"):
        Estimate(**GOOD | flaw)


def test_a_withheld_estimate_keeps_its_n_and_loses_its_numbers() -> None:
    stale = Estimate(**GOOD).withheld("stale", "last synced 40 days ago")
    assert (stale.value, stale.lo, stale.hi, stale.n, stale.status) == (None, None, None, 60, "stale")


def test_rows_carry_keys_fields_and_extras() -> None:
    frame = to_frame(
        [
            ({"technique": "work_sample"}, Estimate(**GOOD, extras={"mdv": 0.35})),
            ({"technique": "chat"}, refused("pearson", n=3, reason="3 pairs, 25 needed", definition_version="1")),
        ]
    )
    assert frame["technique"].tolist() == ["work_sample", "chat"]
    assert frame["mdv"].tolist()[0] == 0.35
    assert frame["status"].tolist() == ["ok", "not_estimable"]
