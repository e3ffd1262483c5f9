"""What people hand to a study, brought to what it takes: poor data do not raise, what is left out is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from validity.sample import SufficientScores

RATING_COLUMNS = ("person_id", "rater_id", "cycle_id", "value")
YES = frozenset({"yes", "y", "true", "t", "1", "1.0", "hired"})


@dataclass(frozen=True)
class Arguments:
    """Arguments of a study with text ids and numbers, and sentences about what was not usable."""

    scores: pd.DataFrame | SufficientScores
    ratings: pd.DataFrame
    other_ratings: pd.DataFrame | None
    decision_score: pd.Series | str | None
    hired: pd.Series | None
    strata: pd.Series | str | None
    eligible: pd.Series | None
    stages: dict[str, float] | None
    notes: tuple[str, ...]


def read_arguments(
    scores: Any,
    ratings: Any,
    other_ratings: Any,
    decision_score: Any,
    hired: Any,
    strata: Any,
    eligible: Any,
    stages: Any,
) -> Arguments:
    """Normalise the arguments of `validity.study`; see there.

    >>> read = read_arguments(pd.DataFrame({"a": ["1", "x"]}, index=[7, 8]), pd.DataFrame(), *[None] * 6)
    >>> read.scores["a"].tolist(), read.notes[0]
    ([1.0, nan], '1 value of `a` is no number and counts as missing.')
    """
    notes: list[str] = []
    if isinstance(scores, SufficientScores):
        table: pd.DataFrame | SufficientScores = scores
        names = [str(name) for name in scores.hired.columns]
    else:
        skip = {one for one in (decision_score, strata) if isinstance(one, str)}
        table = _scores(scores, skip, notes)
        names = [str(name) for name in table.columns]
    index = table.hired.index if isinstance(table, SufficientScores) else table.index
    decision_score = _column_or_series(decision_score, names, index, "decision_score", notes)
    strata = _column_or_series(strata, names, index, "strata", notes)
    auxiliary = {one for one in (decision_score, strata) if isinstance(one, str)}
    return Arguments(
        table,
        _ratings(ratings, "ratings", notes),
        None if other_ratings is None else _ratings(other_ratings, "other_ratings", notes),
        decision_score,
        _flags(hired, index, "hired", notes),
        strata,
        _flags(eligible, index, "eligible", notes),
        _stages(stages, [name for name in names if name not in auxiliary], notes),
        tuple(notes),
    )


def _count(n: int, what: str) -> str:
    """`1 value` or `3 values`."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _are(n: int) -> tuple[str, str]:
    return ("is", "counts") if n == 1 else ("are", "count")


def _text_index(index: pd.Index) -> pd.Index:
    """Ids as text, so that 7 and "7" are one person."""
    return pd.Index([str(one) for one in index], dtype=object)


def _scores(scores: Any, skip: set[str], notes: list[str]) -> pd.DataFrame:
    table = scores.to_frame() if isinstance(scores, pd.Series) else pd.DataFrame(scores)
    if "person_id" in table.columns:
        table = table.set_index("person_id")
    table = table.loc[table.index.notna(), ~table.columns.duplicated()]
    table = table.set_axis(_text_index(table.index)).rename(columns=str)
    doubled = int(table.index.duplicated().sum())
    if doubled:
        notes.append(f"{_count(doubled, 'row')} of people who had one already {_are(doubled)[0]} left out.")
    table = table[~table.index.duplicated()].copy()
    for name in (str(one) for one in table.columns):
        if name not in skip:
            table[name] = _numbers(table[name], name, notes)
    return table


def _numbers(values: pd.Series, name: str, notes: list[str]) -> pd.Series:
    """Finite numbers; text, infinities and the like count as missing and are counted."""
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    numbers = numbers.where(np.isfinite(numbers))
    lost = int((numbers.isna() & values.notna()).sum())
    if lost:
        is_are, counts = _are(lost)
        what = "no number" if lost == 1 else "no numbers"
        notes.append(f"{_count(lost, 'value')} of `{name}` {is_are} {what} and {counts} as missing.")
    return numbers


def _ratings(ratings: Any, name: str, notes: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(ratings)
    missing = [column for column in ("person_id", "value") if column not in frame]
    if missing:
        if len(frame):
            notes.append(f"`{name}` has no column {' and '.join(f'`{one}`' for one in missing)}, so it has no ratings.")
        return pd.DataFrame({column: pd.Series(dtype=object) for column in RATING_COLUMNS}).astype({"value": float})
    if "rater_id" not in frame:
        notes.append(
            f"`{name}` has no column `rater_id`, so all ratings of a person count as those of one unknown rater."
        )
        frame = frame.assign(rater_id=None)
    frame = frame[frame["person_id"].notna()]
    return frame.assign(
        person_id=_text_index(pd.Index(frame["person_id"])), value=_numbers(frame["value"], f"{name}.value", notes)
    )


def _column_or_series(given: Any, names: list[str], index: pd.Index, name: str, notes: list[str]) -> Any:
    """A column's name where there is that column, or a series by person."""
    if given is None or (isinstance(given, str) and given in names):
        return given
    if isinstance(given, str):
        notes.append(f"`{name}`: there is no column `{given}`, so there is none.")
        return None
    return _by_person(given, index, name, notes)


def _by_person(given: Any, index: pd.Index, name: str, notes: list[str]) -> pd.Series | None:
    """A series by person; a bare list of the right length is in the order of the scores."""
    if not isinstance(given, pd.Series):
        values = list(given)
        if len(values) != len(index):
            notes.append(f"`{name}` has {len(values)} values for {len(index)} people and no ids, so it is not used.")
            return None
        return pd.Series(values, index=index)
    series = given[given.index.notna()]
    series = series.set_axis(_text_index(series.index))
    return series[~series.index.duplicated()]


def _flags(given: Any, index: pd.Index, name: str, notes: list[str]) -> pd.Series | None:
    """True and false by person; what is neither counts as false and is counted."""
    if given is None:
        return None
    series = _by_person(given, index, name, notes)
    if series is None:
        return None
    unknown = int(series.isna().sum())
    if unknown:
        notes.append(f"`{name}` is missing for {_count(unknown, 'person')}, which counts as no.")
    if series.dtype == bool:
        return series
    return series.map(lambda one: not pd.isna(one) and str(one).strip().lower() in YES).astype(bool)


def _stages(stages: Any, predictors: list[str], notes: list[str]) -> dict[str, float] | None:
    """Stage numbers of all predictors, or nothing: then they are read off the missing scores."""
    if stages is None:
        return None
    stated = dict(stages) if isinstance(stages, Mapping) else dict(pd.Series(stages).items())
    unknown = sorted(str(name) for name in stated if str(name) not in predictors)
    if unknown:
        notes.append(f"`stages` names {', '.join(f'`{name}`' for name in unknown)}, which no column is called.")
    numbers = {name: _number(stated.get(name)) for name in predictors}
    without = [name for name, number in numbers.items() if not isfinite(number)]
    if without:
        named = ", ".join(f"`{name}`" for name in without)
        notes.append(f"`stages` has no number for {named}, so all stages were read off the missing scores.")
        return None
    return numbers


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
