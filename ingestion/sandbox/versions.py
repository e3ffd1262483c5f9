"""Version histories: from "the row looked like this since then" to tables with valid_from and valid_to.

Inside the model times are naive `datetime64[s]` in UTC; `finish` turns them into what `schema` promises.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ingestion.sandbox.schema import Table

Array = npt.NDArray[Any]
Frame = pd.DataFrame
Rng = np.random.Generator

DAY = 86_400.0
NEVER = np.datetime64("NaT", "s")
# "Set this to empty" in `overlay`, where an absent value means "as before".
BLANK_TEXT, BLANK_ID, BLANK_DAY = "", -1, np.datetime64("1900-01-01", "s")

DTYPES = {
    "id": "int64",
    "int": "int64",
    "id?": "Int64",
    "bool": "bool",
    "bool?": "boolean",
    "float": "float64",
    "text": "str",
    "day": "datetime64[s]",
}


def rng_for(seed: int, area: str) -> Rng:
    """An own random stream per area, so that deepening one area leaves the others as they were."""
    return np.random.default_rng([seed, zlib.crc32(area.encode())])


def later(times: Array, days: Array | float) -> Array:
    """`times` moved by `days`."""
    moved: Array = times + (np.asarray(days) * DAY).astype("int64").astype("timedelta64[s]")
    return moved


def keep(mask: Array, values: Any) -> Array:
    """`values` as objects where `mask` holds, None elsewhere."""
    kept = np.array(values, dtype=object)
    kept[~np.asarray(mask)] = None
    return kept


def midnight(times: Array) -> Array:
    """The day a time falls on."""
    day: Array = times.astype("datetime64[D]").astype("datetime64[s]")
    return day


def at_work(times: Array, hours: Array | float) -> Array:
    """The working day on or after `times`, `hours` after midnight."""
    days = times.astype("datetime64[D]")
    weekday = (days.astype("int64") + 3) % 7
    days = days + np.where(weekday >= 5, 7 - weekday, 0).astype("timedelta64[D]")
    return later(days.astype("datetime64[s]"), np.asarray(hours) / 24.0)


def stack(parts: list[Frame], key: str) -> Frame:
    """Full-row versions, one frame a kind of change, to one history; the later part wins at equal times."""
    frame = pd.concat(parts, ignore_index=True)
    keys, since = frame[key].to_numpy(), frame["valid_from"].to_numpy().astype("datetime64[s]").astype("int64")
    order = np.lexsort((since, keys))
    keys, since = keys[order], since[order]
    same_as_next = np.zeros(len(keys), dtype=bool)
    same_as_next[:-1] = (keys[1:] == keys[:-1]) & (since[1:] == since[:-1])
    frame = frame.iloc[order[~same_as_next]].reset_index(drop=True)
    return close_versions(frame, key)


def overlay(base: Frame, changes: list[Frame], key: str) -> Frame:
    """History from first rows and partial changes: what a change leaves out stays as before (BLANK_* empties it)."""
    frame = pd.concat([base, *changes], ignore_index=True)
    frame = frame.sort_values([key, "valid_from"], kind="stable", ignore_index=True)
    filled = frame.groupby(key, sort=False).ffill()
    filled.insert(0, key, frame[key])
    filled = filled.drop_duplicates([key, "valid_from"], keep="last", ignore_index=True)
    for column in filled.columns:
        values = filled[column]
        if pd.api.types.is_datetime64_any_dtype(values.dtype):
            filled[column] = values.mask(values == BLANK_DAY)
        elif pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
            filled[column] = values.mask(values == BLANK_ID)
        elif pd.api.types.is_string_dtype(values.dtype):
            filled[column] = values.mask(values == BLANK_TEXT)
    return close_versions(filled, key)


def close_versions(frame: Frame, key: str) -> Frame:
    """Adds created_at and valid_to to rows sorted by key and valid_from."""
    keys, since = frame[key].to_numpy(), frame["valid_from"].to_numpy().astype("datetime64[s]")
    until = np.full(len(keys), NEVER)
    followed = keys[1:] == keys[:-1]
    until[:-1][followed] = since[1:][followed]
    first = np.flatnonzero(np.r_[True, ~followed]) if len(keys) else np.array([], dtype="int64")
    run = np.cumsum(np.r_[True, ~followed]) - 1 if len(keys) else first
    return frame.assign(created_at=since[first][run], valid_to=until)


def once(frame: Frame, valid_from: Array) -> Frame:
    """Rows that never change."""
    return frame.assign(created_at=valid_from, valid_from=valid_from, valid_to=np.full(len(frame), NEVER))


def end_at(frame: Frame, ends: Array) -> Frame:
    """Ends histories at `ends` (one per row, NaT = never): later versions vanish, the open one closes there."""
    since, until = frame["valid_from"].to_numpy(), frame["valid_to"].to_numpy()
    gone = ~np.isnat(ends)
    until = np.where(gone & (np.isnat(until) | (until > ends)), ends, until)
    return frame.assign(valid_to=until)[~gone | (since < ends)]


def finish(table: Table, frame: Frame, end: np.datetime64) -> Frame:
    """The table as `schema` promises it, cut at the end of history."""
    frame = frame[frame["valid_from"].to_numpy() <= end]
    frame = frame.assign(valid_to=np.where(frame["valid_to"].to_numpy() > end, NEVER, frame["valid_to"].to_numpy()))
    times = (("created_at", "time", ""), ("valid_from", "time", ""), ("valid_to", "time", ""))
    columns = {name: _typed(frame[name], kind) for name, kind, _ in (*table.columns, *times)}
    return pd.DataFrame(columns).reset_index(drop=True)


def _typed(values: pd.Series[Any], kind: str) -> pd.Series[Any]:
    if kind == "time":
        return values.astype("datetime64[us]").dt.tz_localize("UTC")
    dtype: Any = DTYPES[kind]
    typed: pd.Series[Any] = values.astype(dtype)
    return typed
