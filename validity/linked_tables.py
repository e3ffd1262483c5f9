"""Small cells in tables that add up to each other: groups to a family, families to all, one division of people beside
another, stage after stage.

Hiding small counts one table at a time is not enough: with the margins of the others a hidden one may still be solved
for. Here every published count is one linear equation in the finest cells, and counts are hidden until the equations
determine no hidden one nor, as no count is negative, leave one value only for a small one (Hundepool et al. 2012,
ch. 4: linked tables, secondary suppression, the attacker's linear program).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linprog
from scipy.sparse import csr_array

from validity.disclosure import K_PEOPLE, K_RATE

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Cell = tuple[str, str, str]

EVERY = "all"
"""The family that holds all others."""
_SOLVED = 1e-7
_PROBES = 24
"""Random corners of what is possible: most hidden counts are seen to vary among them, the rest are looked at singly."""


@dataclass(frozen=True)
class Line:
    """Cells that add up to a count: to a family's total, which everybody knows (`parent` None), or to another cell."""

    cells: Counts
    parent: int | None = None
    family: str = EVERY


@dataclass
class LinkedTables:
    """Counts of people by family, division and level, and which of them may be published.

    Attributes
    ----------
    keys
        Family, dimension and group of each cell.
    counts
        People, (cells, levels); a level is part of the one before (applied, passed the first stage, …, hired).
    totals
        Family to people per level: held to be known to everybody.
    finest, members, families
        Labels of the finest cells, (finest,) each; which finest cells a cell is made of, (cells, finest).
    preferred
        Cells that are hidden first when one must be hidden to protect another.
    """

    keys: list[Cell]
    counts: Counts
    totals: Mapping[str, Counts]
    families: list[str]
    members: Bools
    preferred: Bools
    lines: list[Line] = field(default_factory=list)

    @property
    def n_levels(self) -> int:
        return int(self.counts.shape[1])

    def is_same(self, family: str, a: int, b: int) -> bool:
        """Whether two levels are the same people in this family: nobody left in between, as its total says."""
        return bool(self.totals[family][a] == self.totals[family][b])

    def smallest(self, cells: Sequence[int] | Counts, level: int) -> int:
        """The cell that is hidden first."""
        return min(
            (int(cell) for cell in cells),
            key=lambda cell: (not self.preferred[cell], int(self.counts[cell, level]), self.keys[cell]),
        )


def link(
    people: pd.DataFrame,
    family: str,
    dimensions: Sequence[str],
    levels: Sequence[str],
    preferred: frozenset[str] = frozenset(),
) -> LinkedTables:
    """Tables of people by family (each and all together; only together where there is one) and dimension.

    Parameters
    ----------
    people
        One row per person; `family` and `dimensions` are labels, `levels` booleans, each part of the one before.
    preferred
        Groups that are hidden first.

    >>> staff = pd.DataFrame({"f": list("xxy"), "sex": list("aba"), "in": [True] * 3, "hired": [True, False, False]})
    >>> tables = link(staff, "f", ["sex"], ["in", "hired"])
    >>> dict(zip(tables.keys, tables.counts.tolist()))[("all", "sex", "a")]
    [2, 1]
    """
    combinations = people[list(dimensions)].drop_duplicates().sort_values(list(dimensions))
    places = list(combinations.itertuples(index=False, name=None))
    names = sorted(people[family].unique())
    grouped = people.groupby([family, *dimensions])[list(levels)].sum()
    finest = pd.MultiIndex.from_tuples([(name, *place) for name, place in product(names, places)])
    small = grouped.reindex(finest, fill_value=0).to_numpy(dtype=np.int64)
    labels = pd.DataFrame(finest.to_list(), columns=[family, *dimensions])
    keys = [
        (name, dimension, str(group))
        for name in [EVERY, *(names if len(names) > 1 else [])]
        for dimension in dimensions
        for group in sorted(combinations[dimension].unique())
    ]
    members = np.array(
        [(labels[d] == g).to_numpy() & ((labels[family] == f).to_numpy() | (f == EVERY)) for f, d, g in keys]
    )
    totals = {name: small[(labels[family] == name).to_numpy()].sum(0) for name in names} | {EVERY: small.sum(0)}
    first = np.array([group in preferred for _, _, group in keys])
    tables = LinkedTables(keys, members.astype(np.int64) @ small, totals, labels[family].tolist(), members, first)
    tables.lines = list(_lines(keys))
    return tables


def _lines(keys: Sequence[Cell]) -> Iterator[Line]:
    place = {key: number for number, key in enumerate(keys)}
    frame = pd.DataFrame(keys, columns=["family", "dimension", "group"])
    for (family, _), rows in frame.groupby(["family", "dimension"]):
        yield Line(rows.index.to_numpy(), None, str(family))
    for (dimension, group), rows in frame[frame["family"] != EVERY].groupby(["dimension", "group"]):
        yield Line(rows.index.to_numpy(), place[EVERY, str(dimension), str(group)])


def protect(tables: LinkedTables, minimum: Sequence[int], apart: int = K_PEOPLE) -> Bools:
    """Which counts may be published, (cells, levels).

    A count is hidden if it is below its level's `minimum`, or fewer than `apart` people away from another published
    level of its cell: then the few who left in between, or that nobody did, would be known. One below the first
    level's minimum stands only beside the first level. More are hidden until what a line hides is together no smaller
    than that either, and no hidden count follows from published ones.

    Level 0 and the last are kept before the others; groups in `preferred`, then small ones, are given up first.

    >>> staff = pd.DataFrame({"f": ["x"] * 40, "sex": ["a"] * 20 + ["b"] * 17 + ["c"] * 3, "in": [True] * 40})
    >>> protect(link(staff, "f", ["sex"], ["in"]), [10])[:3].tolist()
    [[True], [False], [False]]
    """
    order = [0, *([tables.n_levels - 1] if tables.n_levels > 1 else []), *range(1, tables.n_levels - 1)]
    visible = tables.counts >= np.asarray(minimum)
    floors = [min(int(one), K_RATE) for one in minimum]
    while True:
        before = visible.copy()
        visible &= (tables.counts >= minimum[0]) | visible[:, [0]]
        _hide_close(tables, visible, order, apart)
        for line in tables.lines:
            _hide_remainders(tables, visible, line, order, floors, apart)
        if (before == visible).all():
            _hide_solvable(tables, visible)
            if (before == visible).all():
                _hide_pinned(tables, visible, int(minimum[0]), apart)
            if (before == visible).all():
                return visible


def _hide_close(tables: LinkedTables, visible: Bools, order: Sequence[int], apart: int) -> None:
    for number, (family, _, _) in enumerate(tables.keys):
        kept: list[int] = []
        for level in order:
            gaps = [
                abs(int(tables.counts[number, level] - tables.counts[number, other]))
                for other in kept
                if not tables.is_same(family, level, other)
            ]
            if min(gaps, default=apart) < apart:
                visible[number, level] = False
            elif visible[number, level]:
                kept.append(level)


def _hide_remainders(
    tables: LinkedTables, visible: Bools, line: Line, order: Sequence[int], floors: Sequence[int], apart: int
) -> None:
    """What a line hides is its sum minus what it shows: that must not be small, nor one cell, nor close to another
    level's with the same cells hidden."""
    done: dict[bytes, list[int]] = {}
    for level in order:
        if line.parent is not None and not visible[line.parent, level]:
            continue
        while True:
            shown = visible[line.cells, level]
            hidden = line.cells[~shown]
            if not len(hidden) or not shown.any():
                break
            rest = int(tables.counts[hidden, level].sum())
            close = any(
                abs(rest - int(tables.counts[hidden, other].sum())) < apart
                for other in done.get(shown.tobytes(), [])
                if not tables.is_same(line.family, level, other)
            )
            if len(hidden) > 1 and rest >= floors[level] and not close:
                done.setdefault(shown.tobytes(), []).append(level)
                break
            visible[tables.smallest(line.cells[shown], level), level] = False


def _hide_solvable(tables: LinkedTables, visible: Bools) -> None:
    """For every hidden count that follows from published ones, hide one of those."""
    for levels in _joined(tables):
        places = [(cell, level) for cell in range(len(tables.keys)) for level in levels]
        shown = [place for place in places if visible[place]]
        hidden = [place for place in places if not visible[place]]
        if not shown or not hidden:
            continue
        known = np.vstack([_equations(tables, shown, levels), _totals(tables, levels)])
        solved, weights = solvable(known, _equations(tables, hidden, levels))
        for row in np.flatnonzero(solved):
            used = [shown[n] for n in np.flatnonzero(np.abs(weights[row, : len(shown)]) > _SOLVED)]
            if used and all(visible[place] for place in used):
                cell, level = min(used, key=lambda p: (not tables.preferred[p[0]], tables.counts[p], tables.keys[p[0]]))
                visible[cell, level] = False


def _hide_pinned(tables: LinkedTables, visible: Bools, small: int, apart: int) -> None:
    """For every small hidden count that only one number fits, hide a published one that says so."""
    shown = [(int(cell), int(level)) for cell, level in np.argwhere(visible)]
    every = [(family, level) for family in sorted(set(tables.families)) for level in range(tables.n_levels)]
    known = np.vstack([*(_at(tables, *place) for place in shown), *(_of_family(tables, *place) for place in every)])
    values = [*(tables.counts[place] for place in shown), *(tables.totals[family][level] for family, level in every)]
    for used in pinned(known, np.array(values, dtype=float), _secrets(tables, visible, small, apart)):
        places = [shown[row] for row in used if row < len(shown)]
        if places and all(visible[place] for place in places):
            cell, level = min(places, key=lambda p: (not tables.preferred[p[0]], tables.counts[p], tables.keys[p[0]]))
            visible[cell, level] = False


def _secrets(tables: LinkedTables, visible: Bools, small: int, apart: int) -> Floats:
    """Small hidden counts, and the few that left between two levels, as sums of unknowns, (secrets, unknowns)."""
    found = []
    for cell, (family, _, _) in enumerate(tables.keys):
        for level in range(tables.n_levels):
            count = tables.counts[cell, level]
            if not visible[cell, level] and count < small:
                found.append(_at(tables, cell, level))
            if (
                level
                and not tables.is_same(family, level - 1, level)
                and tables.counts[cell, level - 1] - count < apart
            ):
                found.append(_at(tables, cell, level - 1) - _at(tables, cell, level))
    return np.array(found).reshape(len(found), len(tables.families) * tables.n_levels)


def _at(tables: LinkedTables, cell: int, level: int) -> Floats:
    """A count as a sum of unknowns: finest cells by the last level they reached."""
    return np.outer(np.arange(tables.n_levels) >= level, tables.members[cell]).astype(float).ravel()


def _of_family(tables: LinkedTables, family: str, level: int) -> Floats:
    return np.outer(np.arange(tables.n_levels) >= level, np.array(tables.families) == family).astype(float).ravel()


def pinned(known: Floats, values: Floats, secrets: Floats) -> Iterator[list[int]]:
    """Secrets (sums of unknown counts, none negative) that fit one whole number only: rows of `known` that say so.

    >>> list(pinned(np.array([[1.0, 1, 0], [0, 1, 1]]), np.array([9.0, 0]), np.array([[1.0, 0, 0]])))
    [[0, 1]]
    """
    equations = csr_array(known)
    random = np.random.default_rng(0)
    lowest, highest = np.full(len(secrets), np.inf), np.full(len(secrets), -np.inf)
    for _ in range(_PROBES if len(secrets) else 0):
        corner = linprog(random.standard_normal(len(secrets)) @ secrets, A_eq=equations, b_eq=values)
        if corner.x is not None:
            lowest, highest = np.minimum(lowest, secrets @ corner.x), np.maximum(highest, secrets @ corner.x)
    for row in np.flatnonzero(highest - lowest < 1 - _SOLVED):
        ends = [linprog(sign * secrets[row], A_eq=equations, b_eq=values) for sign in (1, -1)]
        if all(end.x is not None for end in ends) and -ends[1].fun - ends[0].fun < 1 - _SOLVED:
            weights = np.abs(ends[0].eqlin.marginals) + np.abs(ends[1].eqlin.marginals)
            yield np.flatnonzero(weights > _SOLVED).tolist()


def solvable(known: Floats, targets: Floats) -> tuple[Bools, Floats]:
    """Which linear sums follow from known ones, and with which weights, (targets,) and (targets, known).

    >>> solvable(np.array([[1.0, 1, 1], [1, 0, 0]]), np.array([[0.0, 1, 1], [0, 1, 0]]))[0].tolist()
    [True, False]
    """
    weights = targets @ np.linalg.pinv(known, rcond=1e-10)
    gap = np.abs(weights @ known - targets).max(axis=1, initial=0.0)
    return gap < _SOLVED, weights


def _joined(tables: LinkedTables) -> list[list[int]]:
    """Levels, together where some family's are the same people: they share unknowns."""
    found: list[list[int]] = []
    for level in range(tables.n_levels):
        if level and any(tables.is_same(family, level, level - 1) for family in tables.totals):
            found[-1].append(level)
        else:
            found.append([level])
    return found


def _unknowns(tables: LinkedTables, level: int, levels: Sequence[int]) -> Counts:
    """Column of each finest cell at a level; the first column it had where its family's people are the same."""
    first = {
        family: next(n for n, other in enumerate(levels) if tables.is_same(family, other, level))
        for family in set(tables.families)
    }
    size = len(tables.families)
    return np.array([first[family] * size + number for number, family in enumerate(tables.families)], dtype=np.int64)


def _equations(tables: LinkedTables, places: Sequence[tuple[int, int]], levels: Sequence[int]) -> Floats:
    columns = {level: _unknowns(tables, level, levels) for level in levels}
    made = np.zeros((len(places), len(tables.families) * len(levels)))
    for row, (cell, level) in enumerate(places):
        made[row, columns[level][tables.members[cell]]] = 1
    return made


def _totals(tables: LinkedTables, levels: Sequence[int]) -> Floats:
    families = np.array(tables.families)
    rows = []
    for level, family in product(levels, sorted(set(tables.families))):
        row = np.zeros(len(families) * len(levels))
        row[_unknowns(tables, level, levels)[families == family]] = 1
        rows.append(row)
    return np.array(rows)
