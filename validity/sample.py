"""Scores and ratings brought into the one form the study computes with: hires as rows, everybody else as sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from validity.moments import Array, PatternMoments, row_features, standardised
from validity.ratings import Criterion, criterion_of
from validity.resampling import random_blocks

SAME_STAGE_SHARE = 0.8
"""Without stated stages: a predictor scored for fewer than this share of the ones before it begins a new stage."""


HIRED_RANGE = (0.005, 0.995)
"""Quantiles of hires' scores that bound "where somebody was hired". The range of 95 % would refuse a stage hurdle
that rung 3 recovers with 95 % coverage (SIMULATION S11; docs/decisions/extrapolation.md)."""


@dataclass(frozen=True)
class SufficientScores:
    """Scores of hires as rows and of everybody else as sums: the form that costs the same at any size.

    Attributes
    ----------
    hired
        One row a hire, index `person_id`, a column a score (a decision-time score among them, if there is one).
    cells
        People not hired: one row per `block` × `pattern` (× `stratum`), with `n`, `sum_<i>` and `product_<i>_<j>`, i ≤ j,
        numbered as the columns of `hired`. `pattern` is a text of 0 and 1, one a column: which scores were given.
        Blocks are random groups of equal size.
    outside
        By predictor, the share of people not hired whose score lies outside the hires' range; missing where
        nobody counted.
    """

    hired: pd.DataFrame
    cells: pd.DataFrame
    outside: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """What is computed with; variables in the order design | predictors by stage | decision score | criterion.

    Attributes
    ----------
    predictors, stages
        Names and stage numbers, ordered by stage.
    n_design, has_decision
        Leading design columns, and whether a decision-time score follows the predictors.
    hired
        n × (q + 1), standardised; the last column is the criterion, NaN where not reviewed.
    criterion
        Of the reviewed hires, in the order of the rows `reviewed`.
    reviewed
        Rows of `hired` with a criterion.
    others
        People not hired: leading axis the random blocks.
    outside
        As in `SufficientScores`.
    n_due
        Hires who are reviewed or whose time to be reviewed has passed.
    notes
        What was left out, in sentences.
    """

    predictors: tuple[str, ...]
    stages: tuple[float, ...]
    n_design: int
    has_decision: bool
    hired: Array
    criterion: Criterion
    reviewed: npt.NDArray[np.int64]
    others: PatternMoments
    outside: Mapping[str, float]
    n_due: int
    notes: tuple[str, ...]

    @property
    def n_not_hired(self) -> float:
        return float(self.others.n.sum())

    def position(self, predictor: str) -> int:
        """Column of a predictor."""
        return self.n_design + self.predictors.index(predictor)

    def first_of_stage(self, stage: float) -> int:
        """Column with which a stage begins."""
        return self.n_design + self.stages.index(stage)


def make_sample(
    scores: pd.DataFrame | SufficientScores,
    ratings: pd.DataFrame,
    stages: Mapping[str, float] | None,
    decision_score: pd.Series | str | None,
    hired: pd.Series | None,
    strata: pd.Series | str | None,
    other_ratings: pd.DataFrame | None,
    eligible: pd.Series | None,
    rng: np.random.Generator,
) -> Sample:
    """Bring either form of the scores together with the ratings; see `validity.study` for the arguments."""
    criterion = criterion_of(ratings, other_ratings)
    if isinstance(scores, SufficientScores):
        table, cells = scores.hired.sort_index(), scores.cells
        decision = decision_score if isinstance(decision_score, str) else None
        groups = table.pop(strata) if isinstance(strata, str) else None
        notes: list[str] = []
        outside: Mapping[str, float] = scores.outside
    else:
        full, decision, groups_of_all = _columns(scores, decision_score, strata)
        is_hired = _hired(full, hired, criterion)
        table, rest = full[is_hired], full[~is_hired]
        groups = None if groups_of_all is None else groups_of_all[is_hired]
        cells = _cells(rest, None if groups_of_all is None else groups_of_all[~is_hired], rng)
        notes = _left_out(full, criterion)
        outside = {str(name): outside_share(table[name], rest[name]) for name in table.columns}
    names = [name for name in table.columns if name != decision]
    order = _stage_numbers(names, stages, table, cells)
    names = sorted(names, key=lambda name: (order[name], names.index(name)))
    columns = [*names, *([decision] if decision else [])]
    return _assemble(table, cells, columns, names, order, decision, groups, criterion, eligible, outside, notes)


def stages_of(scores: SufficientScores, not_predictors: Sequence[str] = ()) -> dict[str, float]:
    """Stage numbers that the missing scores imply: a new stage begins where far fewer people were scored.

    Parameters
    ----------
    not_predictors
        Columns of `hired` that are a decision score or a stratum.
    """
    names = [str(name) for name in scores.hired.columns if name not in not_predictors]
    return _stage_numbers(names, None, scores.hired, scores.cells)


def outside_share(hired: pd.Series, others: pd.Series) -> float:
    """Share of people not hired whose score lies outside the range that holds 99 % of the hires' scores.

    >>> outside_share(pd.Series([2.0, 3.0, 4.0]), pd.Series([1.0, 3.0]))
    0.5
    """
    inside, rest = hired.dropna(), others.dropna()
    if inside.empty or rest.empty:
        return 0.0
    lo, hi = np.quantile(inside, HIRED_RANGE)
    return float(((rest < lo) | (rest > hi)).mean())


def _columns(
    scores: pd.DataFrame, decision_score: pd.Series | str | None, strata: pd.Series | str | None
) -> tuple[pd.DataFrame, str | None, pd.Series | None]:
    """One table with the decision score as its last column, rows by person; the strata beside it."""
    table = scores.set_axis(scores.index.astype(object))
    table = table[~table.index.duplicated()].sort_index()
    groups = None
    if isinstance(strata, str):
        groups = table.pop(strata)
    elif strata is not None:
        groups = strata.reindex(table.index)
    decision = decision_score if isinstance(decision_score, str) else None
    if isinstance(decision_score, pd.Series):
        decision = "__decision__"
        table = table.assign(**{decision: decision_score.reindex(table.index)})
    table = table.astype(float).replace([np.inf, -np.inf], np.nan)
    table = table - table.mean()  # a correlation has no origin; sums around the mean lose no digits
    predictors = [name for name in table.columns if name != decision]
    seen = table[predictors].notna().any(axis=1)
    return table[seen], decision, None if groups is None else groups[seen].astype(object).fillna("unknown")


def _hired(table: pd.DataFrame, hired: pd.Series | None, criterion: Criterion) -> npt.NDArray[np.bool_]:
    rated = criterion.person_id.get_indexer(table.index) >= 0
    if hired is None:
        return np.asarray(rated)
    said = hired[~hired.index.duplicated()].reindex(table.index)
    return np.asarray(said.astype("boolean").fillna(False).to_numpy(dtype=bool) | rated)


def _left_out(table: pd.DataFrame, criterion: Criterion) -> list[str]:
    unknown = int((table.index.get_indexer(criterion.person_id) < 0).sum())
    return [f"{unknown} reviewed people have no score and were left out."] if unknown else []


def _cells(rest: pd.DataFrame, groups: pd.Series | None, rng: np.random.Generator) -> pd.DataFrame:
    """Rows of people not hired as sums per random block, stratum and pattern: the table SQL would make."""
    values = rest.to_numpy(dtype=float)
    q = values.shape[1]
    keys = {
        "block": random_blocks(rng, len(rest)),
        "pattern": ["".join("1" if v else "0" for v in row) for row in ~np.isnan(values)],
    }
    if groups is not None:
        keys["stratum"] = groups.to_numpy()
    features = row_features(values)
    upper = [1 + q + i * q + j for i in range(q) for j in range(i, q)]
    names = ["n", *(f"sum_{i}" for i in range(q)), *(f"product_{i}_{j}" for i in range(q) for j in range(i, q))]
    frame = pd.DataFrame(features[:, [*range(1 + q), *upper]], columns=names).assign(**keys)
    return frame.groupby(list(keys), sort=True, as_index=False).sum()


def _stage_numbers(
    names: Sequence[str], stages: Mapping[str, float] | None, hired: pd.DataFrame, cells: pd.DataFrame
) -> dict[str, float]:
    """Stage of each predictor: as stated, else a new one where far fewer people were scored."""
    if stages is not None:
        last = max((float(stage) for stage in stages.values()), default=0.0)
        return {name: float(stages.get(name, last + 1)) for name in names}
    counts = {}
    for name in names:
        place = hired.columns.get_loc(name)
        others = cells.loc[cells["pattern"].str[place] == "1", "n"].sum() if len(cells) else 0
        counts[name] = float(hired[name].notna().sum() + others)
    order: dict[str, float] = {}
    stage, reference = 1.0, max(counts.values(), default=0.0)
    for name in sorted(names, key=lambda name: -counts[name]):
        if counts[name] < SAME_STAGE_SHARE * reference:
            stage, reference = stage + 1, counts[name]
        order[name] = stage
    return order


def _assemble(
    table: pd.DataFrame,
    cells: pd.DataFrame,
    columns: Sequence[str],
    names: Sequence[str],
    order: Mapping[str, float],
    decision: str | None,
    groups: pd.Series | None,
    criterion: Criterion,
    eligible: pd.Series | None,
    outside: Mapping[str, float],
    notes: Sequence[str],
) -> Sample:
    known = table.index.get_indexer(criterion.person_id) >= 0
    criterion = criterion.where(known)
    dummies, levels = _dummies(groups, cells)
    dummies = dummies.reshape(len(table), len(levels))
    x = table[list(columns)].to_numpy(dtype=float)
    y = np.full((len(table), 1), np.nan)
    reviewed = table.index.get_indexer(criterion.person_id)
    y[reviewed, 0] = criterion.value
    hired = np.concatenate([dummies, x, y], axis=1)
    places = [int(table.columns.get_loc(name)) for name in columns]  # type: ignore[arg-type]
    others = _others(cells, places, levels)
    centre, scale = _scaling(hired, others, len(levels))
    return Sample(
        tuple(str(name) for name in names),
        tuple(order[name] for name in names),
        len(levels),
        decision is not None,
        (hired - centre) / scale,
        criterion,
        np.asarray(reviewed, dtype=np.int64),
        standardised(others, centre, scale),
        outside,
        _n_due(table.index, reviewed, eligible),
        tuple(notes),
    )


def _n_due(hires: pd.Index, reviewed: npt.NDArray[np.intp], eligible: pd.Series | None) -> int:
    if eligible is None:
        return len(hires)
    due = eligible.reindex(hires).astype("boolean").fillna(False).to_numpy(dtype=bool)
    due[reviewed] = True
    return int(due.sum())


def _dummies(groups: pd.Series | None, cells: pd.DataFrame) -> tuple[Array, list[Any]]:
    """Columns that say to which stratum a hire belongs (all strata but the first), and those strata."""
    if groups is None:
        return np.zeros((0, 0)), []
    also = cells["stratum"] if "stratum" in cells else pd.Series(dtype=object)
    levels = sorted({*groups.astype(str), *also.astype(str)})[1:]
    return np.column_stack([groups.astype(str) == level for level in levels]).astype(float), levels


def _others(cells: pd.DataFrame, places: Sequence[int], levels: Sequence[Any]) -> PatternMoments:
    """Cells as block × pattern moments, with the stratum's columns before the scores and the criterion missing."""
    d, q = len(levels), len(places)
    size = d + q + 1
    if cells.empty:
        return PatternMoments(np.zeros((0, size), bool), np.zeros((0, 0)), np.zeros((0, 0, size)),
                              np.zeros((0, 0, size, size)))  # fmt: skip
    blocks, block = np.unique(cells["block"].to_numpy(), return_inverse=True)
    given = np.array([[text[place] == "1" for place in places] for text in cells["pattern"]], dtype=bool)
    observed = np.concatenate([np.ones((len(cells), d), bool), given, np.zeros((len(cells), 1), bool)], axis=1)
    patterns, pattern = np.unique(observed, axis=0, return_inverse=True)
    n, sums, products = _cell_sums(cells, places, levels)
    shape = (len(blocks), len(patterns))
    made = PatternMoments(patterns, np.zeros(shape), np.zeros((*shape, size)), np.zeros((*shape, size, size)))
    np.add.at(made.n, (block, pattern), n)
    np.add.at(made.sums, (block, pattern), sums)
    np.add.at(made.products, (block, pattern), products)
    return made


def _cell_sums(cells: pd.DataFrame, places: Sequence[int], levels: Sequence[Any]) -> tuple[Array, Array, Array]:
    d, q = len(levels), len(places)
    size = d + q + 1
    n = cells["n"].to_numpy(dtype=float)
    sums, products = np.zeros((len(cells), size)), np.zeros((len(cells), size, size))
    is_level = (
        np.column_stack([cells["stratum"].astype(str) == level for level in levels]).astype(float)
        if d
        else np.zeros((len(cells), 0))
    )
    sums[:, :d] = n[:, None] * is_level
    products[:, range(d), range(d)] = sums[:, :d]
    for i, place in enumerate(places):
        sums[:, d + i] = cells[f"sum_{place}"].to_numpy(dtype=float)
        products[:, :d, d + i] = products[:, d + i, :d] = is_level * sums[:, d + i, None]
        for j in range(i, q):
            low, high = sorted((place, places[j]))
            value = cells[f"product_{low}_{high}"].to_numpy(dtype=float)
            products[:, d + i, d + j] = products[:, d + j, d + i] = value
    return n, np.nan_to_num(sums), np.nan_to_num(products)


def _scaling(hired: Array, others: PatternMoments, n_design: int) -> tuple[Array, Array]:
    """Mean and standard deviation of each column over everybody; design columns stay as they are."""
    size = hired.shape[1]
    centre, scale = np.zeros(size), np.ones(size)
    for k in range(n_design, size):
        mine = hired[~np.isnan(hired[:, k]), k]
        has = others.observed[:, k]
        n = len(mine) + others.n[:, has].sum()
        if n == 0:
            continue
        centre[k] = (mine.sum() + others.sums[:, has, k].sum()) / n
        around = ((mine - centre[k]) ** 2).sum() + _squares(others, has, k, centre[k])
        scale[k] = np.sqrt(around / n) if around > 1e-20 * n * max(1.0, centre[k] ** 2) else 1.0
    return centre, scale


def _squares(others: PatternMoments, has: npt.NDArray[np.bool_], k: int, centre: float) -> float:
    n, s, ss = others.n[:, has].sum(), others.sums[:, has, k].sum(), others.products[:, has, k, k].sum()
    return float(ss - 2 * centre * s + n * centre**2)
