"""Scores and ratings brought into the one form the study computes with: hires as rows, everybody else as sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from validity.moments import Array, PatternMoments, patterns_of, row_features, standardised
from validity.ratings import Criterion, criterion_of
from validity.resampling import random_blocks

if TYPE_CHECKING:
    from validity.arguments import Arguments

SAME_STAGE_SHARE = 0.8
"""Without stated stages: a predictor scored for fewer than this share of the ones before it begins a new stage."""

MAX_STRATA = 30
"""Strata that are told apart; the smaller ones beyond them count as one."""
HIRED_RANGE = 1.96
"""Standard deviations around the hires' mean that bound "where somebody was hired", the ellipsoid of 95 % of a normal
score. Quantiles would refuse every stage hurdle, which rung 3 recovers (docs/decisions/extrapolation.md)."""


@dataclass(frozen=True)
class SufficientScores:
    """Scores of hires as rows and of everybody else as sums: the form that costs the same at any size.

    Attributes
    ----------
    hired
        One row a hire, index `person_id`, a column a score (a decision-time score among them, if there is one).
    cells
        People not hired: one row per `block` × `pattern` (× `stratum`), with `n`, `sum_<i>` and `product_<i>_<j>`
        (i ≤ j), numbered as the columns of `hired`. `pattern` is a text of 0 and 1, one a column: which scores were
        given.
        Blocks are random groups of equal size.
    outside
        By predictor, the share of people not hired whose score lies outside the hires' range; missing where nobody
        counted, which refuses nothing.
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
    is_due
        Rows of `hired` who are reviewed or whose time to be reviewed has passed.
    notes
        What was left out, in sentences.
    unusable
        Predictors of which no reviewed hire has a value.
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
    is_due: npt.NDArray[np.bool_]
    notes: tuple[str, ...]
    unusable: tuple[str, ...] = ()

    @property
    def n_reviewed(self) -> int:
        return len(self.reviewed)

    @property
    def n_due(self) -> int:
        return int(self.is_due.sum())

    @property
    def n_not_hired(self) -> float:
        return float(self.others.n.sum())

    def position(self, predictor: str) -> int:
        """Column of a predictor."""
        return self.n_design + self.predictors.index(predictor)

    def first_of_stage(self, stage: float) -> int:
        """Column with which a stage begins."""
        return self.n_design + self.stages.index(stage)

    def n_hired_at(self, stage: float) -> int:
        """Hires who reached a stage."""
        given = ~np.isnan(self.hired[:, self.first_of_stage(stage) : -1])
        return int(given.any(axis=1).sum())

    def n_others_at(self, stage: float) -> float:
        """People not hired who reached a stage."""
        return float(self.others.n[:, self.others.levels > self.first_of_stage(stage)].sum())

    @property
    def decision_share(self) -> float:
        """Share of the people who reached the last stage with a decision-time score."""
        if not self.has_decision or not self.stages:
            return 0.0
        first = self.first_of_stage(max(self.stages))
        given, others = ~np.isnan(self.hired), self.others
        hires, rest = given[:, first:-1].any(axis=1), others.levels > first
        reached = hires.sum() + others.n[:, rest].sum()
        known = given[hires, -2].sum() + others.n[:, rest & others.observed[:, -2]].sum()
        return float(known / reached) if reached else 0.0

    @property
    def together(self) -> Array:
        """p × p, people who were scored on both of two predictors."""
        mine = slice(self.n_design, self.n_design + len(self.predictors))
        hires = (~np.isnan(self.hired[:, mine])).astype(np.float64)
        others = self.others.observed[:, mine].astype(np.float64)
        return np.asarray(hires.T @ hires + (others.T * self.others.n.sum(0)) @ others)

    def n_scored(self, position: int) -> float:
        """People with a value in a column of scores."""
        hires = (~np.isnan(self.hired[:, position])).sum()
        return float(hires + self.others.n[:, self.others.observed[:, position]].sum())


def make_sample(given: Arguments, rng: np.random.Generator) -> Sample:
    """Bring either form of the scores together with the ratings; see `validity.study` for the arguments."""
    criterion = criterion_of(given.ratings, given.other_ratings)
    if isinstance(given.scores, SufficientScores):
        table = _from_sums(given.scores, given.decision_score, given.strata)
    else:
        table = _from_rows(given.scores, given.decision_score, given.strata, given.hired, criterion, rng)
    table = replace(table, notes=(*given.notes, *table.notes))
    stages, eligible = given.stages, given.eligible
    table = _usable(table, criterion)
    order = _stage_numbers(table.predictors, stages, table.hired, table.cells)
    return _assemble(table, order, criterion, eligible)


def _usable(table: _Scores, criterion: Criterion) -> _Scores:
    """Without predictors that no reviewed hire has a value of, and without a decision score that nobody has."""
    reviewed = table.hired[table.hired.index.isin(criterion.person_id)]
    empty = tuple(name for name in table.predictors if reviewed[name].isna().all())
    has_decision = table.decision is not None and bool(table.hired[table.decision].notna().any())
    notes = table.notes
    if table.decision is not None and not has_decision:
        notes = (*notes, "No hire has a decision-time score, so it is not used.")
    return replace(table, unusable=empty if len(reviewed) else (), has_decision=has_decision, notes=notes)


@dataclass(frozen=True)
class _Scores:
    """Either form of the scores as the study uses it: hires a table, everybody else cells.

    Attributes
    ----------
    hired, cells, outside
        As in `SufficientScores`, without the stratum.
    decision
        The decision-time score's column, if there is one.
    groups
        Stratum of each hire, if there are strata.
    notes
        As in `Sample`.
    """

    hired: pd.DataFrame
    cells: pd.DataFrame
    outside: Mapping[str, float]
    decision: str | None
    groups: pd.Series | None
    notes: tuple[str, ...]
    unusable: tuple[str, ...] = ()
    has_decision: bool = True

    @property
    def predictors(self) -> list[str]:
        return [name for name in self.hired.columns if name != self.decision and name not in self.unusable]

    @property
    def auxiliary(self) -> list[str]:
        return [self.decision] if self.decision is not None and self.has_decision else []


def _from_sums(
    scores: SufficientScores, decision_score: pd.Series | str | None, strata: pd.Series | str | None
) -> _Scores:
    table = scores.hired.sort_index()
    groups = table.pop(strata) if isinstance(strata, str) else None
    decision = decision_score if isinstance(decision_score, str) else None
    return _Scores(table, scores.cells, scores.outside, decision, groups, ())


def _from_rows(
    scores: pd.DataFrame,
    decision_score: pd.Series | str | None,
    strata: pd.Series | str | None,
    hired: pd.Series | None,
    criterion: Criterion,
    rng: np.random.Generator,
) -> _Scores:
    full, decision, groups = _columns(scores, decision_score, strata)
    is_hired = _hired(full, hired, criterion)
    table, rest = full[is_hired], full[~is_hired]
    cells = _cells(rest, None if groups is None else groups[~is_hired], rng)
    outside = {str(name): outside_share(table[name], rest[name]) for name in table.columns}
    groups_of_hired = None if groups is None else groups[is_hired]
    return _Scores(table, cells, outside, decision, groups_of_hired, _left_out(full, hired, criterion))


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
    """Share of people not hired whose score lies more than 1.96 standard deviations from the hires' mean.

    >>> outside_share(pd.Series([2.0, 3.0, 4.0]), pd.Series([1.0, 3.0]))
    0.5
    """
    inside, rest = hired.dropna(), others.dropna()
    if inside.empty or rest.empty:
        return 0.0
    reach = HIRED_RANGE * (inside.std() if len(inside) > 1 else 0.0)
    lo, hi = inside.mean() - reach, inside.mean() + reach
    return float(((rest < lo) | (rest > hi)).mean())


def _columns(
    scores: pd.DataFrame, decision_score: pd.Series | str | None, strata: pd.Series | str | None
) -> tuple[pd.DataFrame, str | None, pd.Series | None]:
    """One table with the decision score as its last column, rows by person; the strata beside it."""
    table = scores.sort_index()
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


def _left_out(table: pd.DataFrame, hired: pd.Series | None, criterion: Criterion) -> tuple[str, ...]:
    """Reviewed people without a score, and reviewed people whom `hired` does not call hired."""
    unknown = int((table.index.get_indexer(criterion.person_id) < 0).sum())
    notes = (
        [f"{unknown} of {len(criterion.person_id)} reviewed people have no score and were left out."] if unknown else []
    )
    if hired is not None:
        said = hired.reindex(table.index).astype("boolean").fillna(False).to_numpy(dtype=bool)
        n_more = int((~said & (criterion.person_id.get_indexer(table.index) >= 0)).sum())
        if n_more:
            notes.append(f"{n_more} people with a rating are not marked as hired; they count as hired.")
    return tuple(notes)


def _cells(rest: pd.DataFrame, groups: pd.Series | None, rng: np.random.Generator) -> pd.DataFrame:
    """Rows of people not hired as sums per random block, stratum and pattern: the table SQL would make."""
    values = rest.to_numpy(dtype=float)
    q = values.shape[1]
    keys: dict[str, Any] = {
        "block": random_blocks(rng, len(rest)),
        "pattern": ["".join("1" if v else "0" for v in row) for row in ~np.isnan(values)],
    }
    if groups is not None:
        keys["stratum"] = groups.to_numpy()
    features = row_features(values)
    upper = [1 + q + i * q + j for i in range(q) for j in range(i, q)]
    names = ["n", *(f"sum_{i}" for i in range(q)), *(f"product_{i}_{j}" for i in range(q) for j in range(i, q))]
    frame = pd.DataFrame(features[:, [*range(1 + q), *upper]], columns=names).assign(**keys)
    cells: pd.DataFrame = frame.groupby(list(keys), sort=True, as_index=False).sum()
    return cells


def _stage_numbers(
    names: Sequence[str], stages: Mapping[str, float] | None, hired: pd.DataFrame, cells: pd.DataFrame
) -> dict[str, float]:
    """Stage of each predictor: as stated, else a new one where far fewer people were scored."""
    if stages is not None:
        last = max((float(stage) for stage in stages.values()), default=0.0)
        return {name: float(stages.get(name, last + 1)) for name in names}
    counts = {name: _n_scored(name, hired, cells) for name in names}
    order: dict[str, float] = {}
    stage, reference = 1.0, max(counts.values(), default=0.0)
    for name in sorted(names, key=lambda name: -counts[name]):
        if counts[name] < SAME_STAGE_SHARE * reference:
            stage, reference = stage + 1, counts[name]
        order[name] = stage
    return order


def _n_scored(name: str, hired: pd.DataFrame, cells: pd.DataFrame) -> float:
    scored = float(hired[name].notna().sum())
    if cells.empty:
        return scored
    place = list(hired.columns).index(name)
    given = np.array([text[place] == "1" for text in cells["pattern"]], dtype=bool)
    return scored + float(cells["n"].to_numpy(dtype=float)[given].sum())


def _assemble(scores: _Scores, order: Mapping[str, float], criterion: Criterion, eligible: pd.Series | None) -> Sample:
    """Columns by stage, the criterion beside the hires who have one, everything on the scale of all applicants."""
    people, names = scores.hired.index, sorted(scores.predictors, key=lambda name: order[name])
    columns = [*names, *scores.auxiliary]
    criterion = criterion.where(people.get_indexer(criterion.person_id) >= 0)
    reviewed = np.asarray(people.get_indexer(criterion.person_id), dtype=np.int64)
    levels = _levels(scores.groups, scores.cells)
    hired = _rows_of_hired(scores, columns, levels, reviewed, criterion.value)
    others = _others(scores.cells, [list(scores.hired.columns).index(name) for name in columns], levels)
    centre, scale = _scaling(hired, others, len(levels))
    return Sample(
        predictors=tuple(str(name) for name in names),
        stages=tuple(order[name] for name in names),
        n_design=len(levels),
        has_decision=bool(scores.auxiliary),
        hired=(hired - centre) / scale,
        criterion=criterion,
        reviewed=reviewed,
        others=standardised(others, centre, scale),
        outside=scores.outside,
        is_due=_is_due(people, reviewed, eligible),
        notes=(*scores.notes, *_pooled_strata(scores.groups)),
        unusable=scores.unusable,
    )


def _rows_of_hired(
    scores: _Scores, columns: Sequence[str], levels: Sequence[str], reviewed: npt.NDArray[np.int64], criterion: Array
) -> Array:
    """Hires × [stratum | scores | criterion]."""
    n = len(scores.hired)
    y = np.full((n, 1), np.nan)
    y[reviewed, 0] = criterion
    strata = np.zeros((n, 0)) if scores.groups is None else _indicators(scores.groups, levels)
    return np.concatenate([strata, scores.hired[list(columns)].to_numpy(dtype=float), y], axis=1)


def _is_due(hires: pd.Index, reviewed: npt.NDArray[np.int64], eligible: pd.Series | None) -> npt.NDArray[np.bool_]:
    if eligible is None:
        return np.ones(len(hires), dtype=bool)
    due = np.array(eligible.reindex(hires).astype("boolean").fillna(False), dtype=bool)
    due[reviewed] = True
    return due


def _levels(groups: pd.Series | None, cells: pd.DataFrame) -> list[str]:
    """Strata with a column of their own, the largest first; all others are one stratum, that without a column."""
    if groups is None:
        return []
    hires = groups.astype(str).value_counts()
    also = set(cells["stratum"].astype(str)) - set(hires.index) if "stratum" in cells else set()
    ordered = [*sorted(hires.index, key=lambda name: (-hires[name], name)), *sorted(also)]
    return ordered[:-1][:MAX_STRATA]


def _pooled_strata(groups: pd.Series | None) -> tuple[str, ...]:
    n = 0 if groups is None else int(groups.nunique())
    if n <= MAX_STRATA + 1:
        return ()
    return (f"Of {n} strata the {MAX_STRATA} largest are told apart; the other {n - MAX_STRATA} count as one.",)


def _indicators(groups: pd.Series, levels: Sequence[str]) -> Array:
    """Rows × levels, one where a row belongs to the level; no columns where all are in one stratum."""
    belongs = groups.astype(str).to_numpy(dtype=object)[:, None] == np.array(levels, dtype=object)
    return np.asarray(belongs, dtype=np.float64)


def _others(cells: pd.DataFrame, places: Sequence[int], levels: Sequence[str]) -> PatternMoments:
    """Cells as block × pattern moments, with the stratum's columns before the scores and the criterion missing."""
    d, q = len(levels), len(places)
    size = d + q + 1
    if cells.empty:
        none = np.zeros((0, 0, size, size))
        return PatternMoments(np.zeros((0, size), bool), none[..., 0, 0], none[..., 0], none)
    blocks, block = np.unique(cells["block"].to_numpy(), return_inverse=True)
    given = np.array([[text[place] == "1" for place in places] for text in cells["pattern"]], dtype=bool)
    observed = np.concatenate([np.ones((len(cells), d), bool), given, np.zeros((len(cells), 1), bool)], axis=1)
    patterns, pattern = patterns_of(observed)
    n, sums, products = _cell_sums(cells, places, levels)
    shape = (len(blocks), len(patterns))
    made = PatternMoments(patterns, np.zeros(shape), np.zeros((*shape, size)), np.zeros((*shape, size, size)))
    np.add.at(made.n, (block, pattern), n)
    np.add.at(made.sums, (block, pattern), sums)
    np.add.at(made.products, (block, pattern), products)
    return made


def _cell_sums(cells: pd.DataFrame, places: Sequence[int], levels: Sequence[str]) -> tuple[Array, Array, Array]:
    d, q = len(levels), len(places)
    size = d + q + 1
    n = cells["n"].to_numpy(dtype=float)
    sums, products = np.zeros((len(cells), size)), np.zeros((len(cells), size, size))
    is_level = _indicators(cells["stratum"], levels) if d else np.zeros((len(cells), 0))
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
