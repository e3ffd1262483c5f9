from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validity.disclosure import shown_cells, suppress, suppress_frame

COUNTS = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 30), max_size=8)


@given(COUNTS, st.integers(2, 11), st.integers(0, 12))
def test_no_hidden_count_is_the_difference_of_published_ones(counts: dict[str, int], k: int, rest: int) -> None:
    total = sum(counts.values()) + rest
    made = suppress(counts, k, total)
    assert all(counts[name] >= k for name in made.published)
    assert set(made.published) | made.hidden == set(counts)
    assert not set(made.published) & made.hidden
    if made.is_total_published and made.hidden:
        together = total - sum(counts[name] for name in made.published)
        assert together == 0 or together >= k
        assert len(made.hidden) + (rest > 0) >= 2


@given(COUNTS, st.integers(2, 11))
def test_nothing_is_hidden_without_need(counts: dict[str, int], k: int) -> None:
    if counts and min(counts.values()) >= k:
        assert suppress(counts, k).published == tuple(counts)


def test_two_small_groups_whose_sum_is_small_take_a_third_with_them() -> None:
    made = suppress({"a": 19, "b": 12, "c": 1, "d": 2})
    assert made.primary == ("c", "d")
    assert made.complementary == ("b",)


def test_two_small_groups_that_protect_each_other_need_no_third() -> None:
    assert suppress({"a": 19, "b": 12, "c": 4, "d": 3}).complementary == ()


def test_ties_are_broken_by_name_whatever_the_order() -> None:
    assert suppress({"z": 7, "m": 7, "d": 3, "q": 20}).complementary == ("m",)


def test_a_total_below_the_threshold_hides_everything() -> None:
    made = suppress({"a": 2, "b": 1})
    assert made.published == ()
    assert not made.is_total_published


def test_counts_that_the_total_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        suppress({"a": 5}, total=4)
    with pytest.raises(ValueError, match="expected"):
        suppress({"a": -1})


@given(
    st.lists(
        st.tuples(st.sampled_from("xyz"), st.sampled_from("abcd"), st.integers(0, 25)),
        min_size=1,
        max_size=12,
        unique_by=lambda row: row[:2],
    )
)
def test_no_sum_of_a_hierarchy_gives_a_small_cell_away(rows: list[tuple[str, str, int]]) -> None:
    """What an attacker can solve: every published cell is one linear equation in the hidden leaves."""
    k, frame = 5, pd.DataFrame(rows, columns=["dept", "team", "n"])
    cells = shown_cells(frame, "team", "n", ["dept"], k)
    leaves = [(dept, team) for dept, team, _ in rows]
    equations = np.array([[leaf[: len(cell)] == cell for leaf in leaves] for cell, ok in cells.items() if ok], float)
    for i, (_, _, size) in enumerate(rows):
        target = np.eye(len(leaves))[i]
        solvable = len(equations) > 0 and np.allclose(
            equations.T @ np.linalg.lstsq(equations.T, target, rcond=None)[0], target
        )
        assert not (solvable and 0 < size < k)
        assert solvable == cells[leaves[i]]


def test_the_frame_keeps_its_rows_and_says_only_shown_or_not() -> None:
    frame = pd.DataFrame({"team": ["d", "a", "b", "c"], "n": [3, 19, 12, 7]}, index=[4, 3, 2, 1])
    made = suppress_frame(frame, "team", "n")
    assert made.columns.tolist() == ["team", "n", "is_shown"]
    assert made["is_shown"].tolist() == [False, True, True, False]
    assert made.index.tolist() == [4, 3, 2, 1]


def test_a_group_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a name"):
        suppress_frame(pd.DataFrame({"team": ["a", None], "n": [9, 9]}), "team", "n")
