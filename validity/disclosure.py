"""Small cells: which counts of people may be published beside a total, so that none can be worked out.

Primary suppression hides counts below k; complementary suppression hides more until no hidden one is the difference of
published ones (Hundepool et al. 2012, ch. 4). A published table must not say which of the two hid a cell: two cells
known to be below k, with a known sum, may give both away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

K_PEOPLE = 5
"""Smallest count of people that is shown."""

K_RATE = 10
"""Smallest group whose mean, rate or cNPS is shown, and smallest demographic cell."""


@dataclass(frozen=True)
class Suppression:
    """Groups of one total: hidden for being small, hidden to protect those, and what is published."""

    primary: tuple[str, ...]
    complementary: tuple[str, ...]
    published: tuple[str, ...]
    is_total_published: bool

    @property
    def hidden(self) -> frozenset[str]:
        return frozenset(self.primary) | frozenset(self.complementary)


def suppress(groups: Mapping[str, int], k: int = K_PEOPLE, total: int | None = None) -> Suppression:
    """Which groups of a published total may be shown.

    Hidden first: every count below `k`. Then the next smallest (ties by name), as long as only one group is hidden or
    the hidden ones, whose sum anybody can compute, are together 1 to k − 1 people. A total below `k` hides everything.

    Parameters
    ----------
    groups
        People per group.
    k
        Smallest count shown.
    total
        Published total where it is more than the groups' sum; the remainder counts as one more hidden group.

    Raises
    ------
    ValueError
        A negative count, or a total below the groups' sum.

    >>> result = suppress({"a": 19, "b": 12, "c": 7, "d": 3})
    >>> result.primary, result.complementary, result.published
    (('d',), ('c',), ('a', 'b'))
    """
    counts = {name: int(count) for name, count in groups.items()}
    everybody = sum(counts.values()) if total is None else int(total)
    remainder = everybody - sum(counts.values())
    if any(count < 0 for count in counts.values()) or remainder < 0:
        raise ValueError(f"`groups`: {counts} of {everybody}, expected counts of 0 or more that the total holds.")
    primary = [name for name in counts if counts[name] < k]
    if everybody < k:
        return Suppression(tuple(primary), tuple(n for n in counts if n not in primary), (), False)
    hidden = list(primary)
    candidates = sorted((name for name in counts if name not in primary), key=lambda name: (counts[name], str(name)))
    while hidden and candidates and _gives_away(counts, hidden, remainder, k):
        hidden.append(candidates.pop(0))
    return Suppression(
        primary=tuple(primary),
        complementary=tuple(hidden[len(primary) :]),
        published=tuple(name for name in counts if name not in hidden),
        is_total_published=not (hidden and _gives_away(counts, hidden, remainder, k)),
    )


def suppress_frame(
    frame: pd.DataFrame, group: str, count: str, levels: Sequence[str] = (), k: int = K_PEOPLE
) -> pd.DataFrame:
    """The frame with a column ``is_shown``: which counts may be published when every sum over `levels` is, too.

    Parameters
    ----------
    frame
        One row per group, or per group within the cells of `levels`.
    group, count
        Columns of the group's name and of its number of people.
    levels
        Columns of an additive hierarchy, outermost first (department, team): the counts of `group` add up to a cell,
        cells to their parent, the outermost to the total. Everything below a hidden cell is hidden, so each published
        sum is one equation of its own.

    Returns
    -------
    DataFrame
        Same rows and order; ``is_shown`` False for hidden counts. Use :func:`shown_cells` for the sums.

    >>> teams = pd.DataFrame({"team": ["a", "b", "c", "d"], "n": [19, 12, 7, 3]})
    >>> suppress_frame(teams, "team", "n")["is_shown"].tolist()
    [True, True, False, False]
    """
    cells = shown_cells(frame, group, count, levels, k)
    keys = [*levels, group]
    shown = {cell for cell, visible in cells.items() if visible}
    paths = frame[keys].astype(object).itertuples(index=False, name=None)
    return frame.assign(is_shown=[path in shown for path in paths])


def shown_cells(
    frame: pd.DataFrame, group: str, count: str, levels: Sequence[str] = (), k: int = K_PEOPLE
) -> dict[tuple[object, ...], bool]:
    """Every cell of the hierarchy, as the path of its labels, and whether its count may be published; () is the total.

    >>> teams = pd.DataFrame({"dept": ["x", "x", "y"], "team": ["a", "b", "c"], "n": [9, 3, 8]})
    >>> [path for path, is_shown in shown_cells(teams, "team", "n", ["dept"]).items() if is_shown]
    [(), ('x',), ('y',), ('y', 'c')]
    """
    keys = [*levels, group]
    if frame[[*keys, count]].isna().any().any():
        raise ValueError(f"`{', '.join([*keys, count])}`: missing values, expected a name and a count in every row.")
    sums = {(): int(frame[count].sum())} | {
        path: size for depth in range(1, len(keys) + 1) for path, size in _cell_sums(frame, keys[:depth], count).items()
    }
    shown: dict[tuple[object, ...], bool] = {(): sums[()] >= k}
    for depth in range(len(keys)):
        for parent in [path for path in sums if len(path) == depth]:
            children = {path: sums[path] for path in sums if len(path) == depth + 1 and path[:depth] == parent}
            shown |= _children_shown(children, k) if shown[parent] else dict.fromkeys(children, False)
    return shown


def _gives_away(counts: Mapping[str, int], hidden: Sequence[str], remainder: int, k: int) -> bool:
    """Whether total minus published tells one group's count, or a number of people below k."""
    together = sum(counts[name] for name in hidden) + remainder
    return len(hidden) + (remainder > 0) == 1 or 0 < together < k


def _children_shown(children: Mapping[tuple[object, ...], int], k: int) -> dict[tuple[object, ...], bool]:
    names = {str(path): path for path in children}
    if len(names) < len(children):
        raise ValueError("group labels that differ only by type, expected labels of one type.")
    hidden = suppress({name: children[path] for name, path in names.items()}, k).hidden
    return {path: name not in hidden for name, path in names.items()}


def _cell_sums(frame: pd.DataFrame, keys: Sequence[str], count: str) -> dict[tuple[object, ...], int]:
    sums = frame.groupby(list(keys), sort=False)[count].sum()
    return {path if isinstance(path, tuple) else (path,): int(size) for path, size in sums.items()}
