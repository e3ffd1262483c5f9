"""From a mart to the rows that are judged: one small function per measure of `checks`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import singledispatch

import numpy as np
import pandas as pd

from expectations.checks import (
    Age,
    Drift,
    Holds,
    IntervalGap,
    Measure,
    Rows,
    Share,
    Spread,
    SumShare,
    TextCells,
    TopShare,
    Volume,
)
from expectations.patterns import PATTERNS, TOKEN

Z95 = 1.959963984540054


@dataclass(frozen=True)
class Surroundings:
    """What a measure may know besides its table: the time, and how many rows the load before had."""

    now: datetime
    previous_rows: int | None = None


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows with one type per meaning: times aware in UTC, flags nullable, exact numbers as floats.

    Warehouses return naive or aware times, flags with nulls as objects and wide integers as decimals; comparing them
    raises, and `not` of a null flag does too.
    """
    columns = {name: _tidy_column(frame[name]) for name in frame.columns}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def _tidy_column(column: pd.Series) -> pd.Series:
    column = column.reset_index(drop=True)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        # A naive time is UTC already: the warehouse knows no other.
        return pd.to_datetime(column, utc=True)
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.astype("boolean")
    if column.dtype == object:
        return _tidy_object(column)
    return column


def _tidy_object(column: pd.Series) -> pd.Series:
    kinds = {type(value) for value in column[column.notna()]}
    if not kinds:
        # A column without any value: comparisons with numbers, times and texts must all be null, which floats are.
        return pd.Series(np.nan, index=column.index, dtype="float64")
    if kinds <= {bool, np.bool_}:
        return column.astype("boolean")
    if kinds <= {int, float, Decimal, np.int64, np.float64}:
        return column.astype("float64")
    if kinds <= {date, datetime, pd.Timestamp}:
        return pd.to_datetime(column, utc=True)
    return column.astype("str") if kinds == {str} else column


def _mask(frame: pd.DataFrame, expression: str | None) -> pd.Series:
    """Rows for which the expression is true; false where it is null."""
    if expression is None:
        return pd.Series(True, index=frame.index)
    return _flag(frame, expression).fillna(False).astype(bool)


def _flag(frame: pd.DataFrame, expression: str) -> pd.Series:
    value = _value(frame, expression)
    return value.astype("boolean")


def _value(frame: pd.DataFrame, expression: str) -> pd.Series:
    if frame.empty:
        return pd.Series([], index=frame.index, dtype="float64")
    # The python engine: numexpr knows neither nullable flags nor methods. Expressions are our own, never a user's.
    result = frame.eval(expression, engine="python")
    return result if isinstance(result, pd.Series) else pd.Series(result, index=frame.index)


def _wilson(frame: pd.DataFrame) -> pd.DataFrame:
    """Add share, lo and hi (Wilson 1927, 95 %) to columns k and n."""
    n = frame["n"].astype("float64")
    share = (frame["k"].astype("float64") / n).clip(0, 1)
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * np.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2)) / (1 + Z95**2 / n)
    return frame.assign(share=share, lo=(centre - half).clip(0, 1), hi=(centre + half).clip(0, 1))


def _counts(frame: pd.DataFrame, by: tuple[str, ...], min_n: int) -> pd.DataFrame:
    """Sum columns k and n per group (one group without `by`); groups below `min_n` are left out."""
    if by:
        summed = frame.groupby(list(by), as_index=False, dropna=False)[["k", "n"]].sum()
    else:
        summed = frame[["k", "n"]].sum().to_frame().T
    kept: pd.DataFrame = summed[summed["n"] >= max(min_n, 1)].reset_index(drop=True)
    return _wilson(kept)


@singledispatch
def measure(declared: Measure, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    """The rows to judge for a declared measure over a tidied mart."""
    raise TypeError(f"`{type(declared).__name__}` is not a measure")


@measure.register
def _rows(declared: Rows, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    return frame[_mask(frame, declared.where)].reset_index(drop=True)


@measure.register
def _holds(declared: Holds, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    rows = frame[_mask(frame, declared.where)].reset_index(drop=True)
    return rows.assign(holds=_flag(rows, declared.rule))


@measure.register
def _age(declared: Age, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    rows = frame[_mask(frame, declared.where) & frame[declared.column].notna()].reset_index(drop=True)
    stamps = pd.to_datetime(rows[declared.column], utc=True)
    return rows.assign(age_hours=(pd.Timestamp(around.now) - stamps).dt.total_seconds() / 3600)


@measure.register
def _share(declared: Share, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    rows = frame[_mask(frame, declared.among)]
    counted = rows[list(declared.by)].assign(k=_mask(rows, declared.of).astype("int64"), n=1)
    return _counts(counted, declared.by, declared.min_n)


@measure.register
def _sum_share(declared: SumShare, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    rows = frame[_mask(frame, declared.where)]
    if declared.overlap:
        rows = _overlap(rows, declared.order, declared.overlap)
    if declared.latest:
        newest = sorted(rows[declared.order].dropna().unique())[-declared.latest :]
        rows = rows[rows[declared.order].isin(newest)]
    counted = rows[list(declared.by)].assign(
        k=_value(rows, declared.of).astype("float64"), n=_value(rows, declared.among).astype("float64")
    )
    return _counts(counted, declared.by, declared.min_n)


def _overlap(rows: pd.DataFrame, order: str | None, columns: tuple[str, ...]) -> pd.DataFrame:
    """Rows from the first to before the last one at which each of the columns is above zero."""
    for column in columns:
        filled = rows.loc[rows[column] > 0, order]
        if filled.empty:
            return rows.iloc[:0]
        rows = rows[(rows[order] >= filled.min()) & (rows[order] <= filled.max())]
    closed: pd.DataFrame = rows[rows[order] < rows[order].max()]
    return closed


@measure.register
def _top_share(declared: TopShare, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    rows = frame[_mask(frame, declared.among) & frame[declared.column].notna()]
    by = list(declared.by)
    per_value = rows.groupby([*by, declared.column], dropna=False).size().rename("rows").reset_index()
    if by:
        counted = per_value.groupby(by, dropna=False)["rows"].agg(k="max", n="sum").reset_index()
    else:
        counted = pd.DataFrame({"k": [per_value["rows"].max()], "n": [per_value["rows"].sum()]})
    return _counts(counted, declared.by, declared.min_n)


@measure.register
def _spread(declared: Spread, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    rows = frame[_mask(frame, declared.among) & frame[declared.column].notna()]
    groups = rows.groupby(list(declared.by), dropna=False)[declared.column].agg(n="size", mean="mean", sd="std")
    kept: pd.DataFrame = groups.reset_index()
    kept = kept[kept["n"] >= declared.min_n].reset_index(drop=True)
    return kept.assign(absolute_mean=kept["mean"].abs())


@measure.register
def _drift(declared: Drift, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    rows = frame[_mask(frame, declared.among) & frame[declared.column].notna() & frame[declared.at].notna()]
    stamps = pd.to_datetime(rows[declared.at], utc=True)
    is_recent = stamps > stamps.max() - pd.Timedelta(days=declared.recent_days)
    recent, before = rows.loc[is_recent, declared.column], rows.loc[~is_recent, declared.column]
    if min(len(recent), len(before)) < declared.min_n:
        return pd.DataFrame({"n_recent": [], "n_before": [], "psi": []})
    psi = _stability_index(recent, before)
    return pd.DataFrame({"n_recent": [len(recent)], "n_before": [len(before)], "psi": [psi]})


def _stability_index(recent: pd.Series, before: pd.Series) -> float:
    """Sum over values of (p - q) ln(p / q); half a row is added to each value so that none is empty."""
    values = sorted(set(recent) | set(before))
    shares = []
    for sample in (recent, before):
        counts = sample.value_counts().reindex(values, fill_value=0) + 0.5
        shares.append(counts / counts.sum())
    p, q = shares
    return float(((p - q) * np.log(p / q)).sum())


@measure.register
def _interval_gap(declared: IntervalGap, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    rows = frame[_mask(frame, declared.where)]
    rows = rows[rows[declared.count] >= declared.min_n].dropna(subset=[declared.lo, declared.hi])
    if len(rows) < 2:
        return pd.DataFrame({"n": [], "gap": []})
    gap = float(rows[declared.lo].max() - rows[declared.hi].min())
    return pd.DataFrame({"n": [int(rows[declared.count].sum())], "gap": [gap]})


@measure.register
def _volume(declared: Volume, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    if not around.previous_rows:
        return pd.DataFrame({"n_rows": [], "previous_rows": [], "ratio": []})
    previous = around.previous_rows
    return pd.DataFrame({"n_rows": [len(frame)], "previous_rows": [previous], "ratio": [len(frame) / previous]})


@measure.register
def _text_cells(declared: TextCells, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    names = [name for name in frame.columns if name in declared.tokens or _is_text(frame[name])]
    found = pd.DataFrame(
        [{"column": name, **_search(frame[name])} for name in names], columns=["column", "n", *PATTERNS]
    )
    found["not_a_token"] = found["not_a_token"].where(found["column"].isin(declared.tokens))
    return found[found["n"] > 0].reset_index(drop=True)


def _is_text(column: pd.Series) -> bool:
    return pd.api.types.is_string_dtype(column.dtype) or column.dtype == object


def _search(column: pd.Series) -> dict[str, int]:
    """Filled cells, and cells with each pattern. Every distinct value is read once; a token holds no pattern."""
    counts = column.dropna().astype("str").value_counts()
    readable = counts[~counts.index.str.fullmatch(TOKEN.pattern)]
    cells = list(zip(readable.index.tolist(), readable.tolist(), strict=True))
    hits = {
        name: sum(int(count) for value, count in cells if pattern.search(value)) for name, pattern in PATTERNS.items()
    }
    return {"n": int(counts.sum()), **hits}


def numbers(frame: pd.DataFrame) -> dict[str, float | int]:
    """The numeric cells of a one-row frame, whole ones as integers."""
    row = {str(name): value for name, value in frame.iloc[0].to_dict().items()}
    plain = {name: float(value) for name, value in row.items() if isinstance(value, int | float | np.number)}
    finite = {name: value for name, value in plain.items() if abs(value) != float("inf") and value == value}
    return {name: int(value) if value.is_integer() else round(value, 6) for name, value in finite.items()}
