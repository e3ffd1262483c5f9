"""Ratings as people write them; what is refused and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.ratings import RatingUnreadable, Scale, parse_rating

FIVE = Scale(1, 5, ("Poor", "Below", "Meets", "Exceeds expectations", "Outstanding"))
BARE = Scale(1, 5)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("4", 4.0),
        ("4.0", 4.0),
        ("4,5", 4.5),
        ("4/5", 4.0),
        ("3,5 / 5", 3.5),
        ("4 out of 5", 4.0),
        ("4 - Exceeds expectations", 4.0),
        ("4 – Exceeds", 4.0),
        ("4: exceeds", 4.0),
        ("4 (Exceeds)", 4.0),
        ("Exceeds (4)", 4.0),
        ("exceeds   EXPECTATIONS", 4.0),
        ("Poor", 1.0),
    ],
)
def test_what_people_write_is_read(written: str, value: float) -> None:
    rating = parse_rating(written, FIVE)
    assert (rating.value, rating.reason) == (value, None)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (None, "empty"),
        ("", "empty"),
        ("-", "empty"),
        ("N/A", "not_applicable"),
        ("n.a.", "not_applicable"),
        ("TBD", "to_be_decided"),
        ("Too new", "too_new"),
        ("Not Rated", "not_rated"),
        ("no_decision", "no_decision"),
    ],
)
@pytest.mark.parametrize("scale", [FIVE, None], ids=["with scale", "without scale"])
def test_no_rating_is_null_with_its_reason(written: str | None, reason: str, scale: Scale | None) -> None:
    rating = parse_rating(written, scale)
    assert (rating.value, rating.reason) == (None, reason)


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("6", "outside the stated scale 1 to 5"),
        ("0", "outside"),
        ("-1", "outside"),
        ("4/10", "out of 10"),
        ("3-4", "neither a number nor a label"),
        ("3 4", "neither"),
        ("80%", "neither"),
        ("great", "neither"),
        ("2 - Exceeds expectations", "contradict"),
        ("#REF!", "formula error"),
        ("2026-04-05", "neither"),
    ],
)
def test_anything_else_is_refused_with_the_rule_and_without_the_cell(written: str, rule: str) -> None:
    with pytest.raises(RatingUnreadable, match=rule) as error:
        parse_rating(written, FIVE)
    assert written not in str(error.value)


@pytest.mark.parametrize("written", ["4", "4/5", "Meets", "4 - Exceeds"])
def test_a_scale_is_never_guessed(written: str) -> None:
    with pytest.raises(RatingUnreadable, match="no scale is stated"):
        parse_rating(written, None)


@given(
    st.decimals(min_value=1, max_value=5, places=2), st.sampled_from([".", ","]), st.sampled_from(["", "/5", " - Good"])
)
def test_a_number_on_the_scale_comes_back_however_it_is_dressed(number: object, mark: str, dress: str) -> None:
    rating = parse_rating(str(number).replace(".", mark) + dress, BARE)
    assert rating.value == pytest.approx(float(str(number)))


@given(st.text(max_size=30))
def test_no_text_gives_a_value_outside_the_scale_or_another_error(text: str) -> None:
    try:
        rating = parse_rating(text, FIVE)
    except RatingUnreadable:
        return
    assert (rating.value is None) == (rating.reason is not None)
    assert rating.value is None or 1 <= rating.value <= 5


@given(st.lists(st.text(alphabet="abcdefgh", min_size=1, max_size=6), min_size=2, max_size=7, unique=True))
def test_labels_keep_their_order_and_span_the_scale(labels: list[str]) -> None:
    scale = Scale.stated(1, 5, tuple(labels))
    assert scale is not None
    values = [scale.value_of(label) for label in labels]
    assert (values[0], values[-1]) == (1, pytest.approx(5))
    assert values == sorted(values, key=lambda value: value or 0)


@pytest.mark.parametrize(
    ("minimum", "maximum", "labels"), [(1, None, ()), (None, 5, ()), (5, 1, ()), (None, None, ("Same", "same"))]
)
def test_a_scale_that_contradicts_itself_is_refused(
    minimum: float | None, maximum: float | None, labels: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=r"scale|labels"):
        Scale.stated(minimum, maximum, labels)
