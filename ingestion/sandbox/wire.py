"""From neutral tables to wire rows: the part every face shares."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import orjson
import pandas as pd

from ingestion.sandbox.schema import TABLES, Table
from ingestion.sandbox.store import FOREVER, WireRow

Record = dict[str, Any]
CHUNK = 50_000
"""Rows converted at a time."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(ms: int) -> str:
    """Milliseconds since the epoch in the form vendors print: `2026-08-23T09:30:00.000Z`."""
    return f"{np.datetime_as_string(np.datetime64(ms, 'ms'), unit='ms')}Z"


def parse_moment(text: str) -> int:
    """An ISO 8601 date or timestamp as milliseconds; without a zone it is UTC.

    Raises:
        ValueError: `text` is not ISO 8601.
    """
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


def _epoch_ms(values: pd.Series[Any]) -> np.ndarray[Any, Any]:
    naive = values.dt.tz_convert("UTC").dt.tz_localize(None) if values.dt.tz is not None else values
    return np.asarray(naive.to_numpy(dtype="datetime64[ms]"))


def _texts(moments: np.ndarray[Any, Any], unit: Literal["ms", "D"], suffix: str) -> list[str | None]:
    texts = np.datetime_as_string(moments, unit=unit)
    missing = np.isnat(moments)
    return [None if empty else text + suffix for text, empty in zip(texts.tolist(), missing.tolist(), strict=True)]


def _plain(values: pd.Series[Any], kind: str) -> list[Any]:
    """A column as Python values: ISO text for times and days, None for everything missing."""
    if kind == "time":
        return _texts(_epoch_ms(values), "ms", "Z")
    if kind == "day":
        return _texts(_epoch_ms(values), "D", "")
    if not values.isna().any():
        cast: dict[str, Callable[[Any], Any]] = {"id": int, "id?": int, "int": int, "bool": bool, "bool?": bool}
        raw = values.tolist()
        return [cast[kind](value) for value in raw] if kind in cast else raw
    convert = {"id": int, "id?": int, "int": int, "bool": bool, "bool?": bool, "float": float}.get(kind, str)
    return [None if empty else convert(v) for v, empty in zip(values.tolist(), values.isna().tolist(), strict=True)]


def versions(tables: Mapping[str, pd.DataFrame], name: str, order_by: str | None = None) -> Iterator[Any]:
    """All versions of a neutral table as named tuples of plain values, by key (or another id column) and time.

    `created_at` and `updated_at` are ISO text; `created_ms`, `from_ms` and `to_ms` are the same moments as numbers.
    Tables are converted piece by piece, so that memory does not grow with the company.
    """
    table = TABLES[name]
    frame = tables[name].sort_values([order_by or table.key, "valid_from"], kind="stable")
    names = [column for column, _, _ in table.columns]
    row_type = namedtuple(  # type: ignore[misc]
        f"{name}_version", [*names, "created_at", "updated_at", "created_ms", "from_ms", "to_ms"]
    )
    for start in range(0, len(frame), CHUNK):
        yield from map(row_type._make, zip(*_lists(table, frame.iloc[start : start + CHUNK]), strict=True))


def _lists(table: Table, frame: pd.DataFrame) -> list[list[Any]]:
    starts, ends, created = (_epoch_ms(frame[column]) for column in ("valid_from", "valid_to", "created_at"))
    open_ended = np.where(np.isnat(ends), FOREVER, ends.astype("int64"))
    moments = [created.astype("int64").tolist(), starts.astype("int64").tolist(), open_ended.tolist()]
    plain = [_plain(frame[column], kind) for column, kind, _ in table.columns]
    return [*plain, _texts(created, "ms", "Z"), _texts(starts, "ms", "Z"), *moments]


def wire_rows(
    source: Iterable[Any],
    identify: Callable[[Any], int],
    translate: Callable[[Any], Record],
    columns: Callable[[Record, Any], Sequence[object]],
    *,
    stamps: bool = True,
) -> Iterator[WireRow]:
    """Translate versions into wire rows, dropping versions whose record did not change.

    A face often shows only part of a neutral row; a change in the hidden part must not look like an update.

    Args:
        source: versions of one neutral table, in order of the record's id and time.
        identify: numeric id of the record.
        translate: the vendor's record, without id and time stamps.
        columns: values of the filter columns.
        stamps: whether the record carries `created_at` and `updated_at`.
    """
    held: WireRow | None = None
    held_record: Record = {}
    for version in source:
        number, record = identify(version), translate(version)
        if held is not None:
            if held.id == number and held.valid_to == version.from_ms and held_record == record:
                held = held._replace(valid_to=version.to_ms)
                continue
            yield held
        head: Record = {"id": number}
        if stamps:
            head["created_at"] = version.created_at
            head["updated_at"] = version.updated_at
        head.update(record)
        held_record = record
        held = WireRow(
            number, version.from_ms, version.to_ms, version.created_ms, columns(head, version), orjson.dumps(head)
        )
    if held is not None:
        yield held
