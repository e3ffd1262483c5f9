"""From neutral tables to wire rows: the part every face shares."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import orjson
import pandas as pd

from ingestion.sandbox.schema import TABLES
from ingestion.sandbox.store import FOREVER, WireRow

Record = dict[str, Any]


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


def versions(tables: Mapping[str, pd.DataFrame], name: str) -> Iterator[Any]:
    """All versions of a neutral table as named tuples of plain values.

    `created_at` and `updated_at` are ISO text; `created_ms`, `from_ms` and `to_ms` are the same moments as numbers.
    """
    table, frame = TABLES[name], tables[name]
    starts, ends, created = (_epoch_ms(frame[column]) for column in ("valid_from", "valid_to", "created_at"))
    from_ms = starts.astype("int64").tolist()
    to_ms = np.where(np.isnat(ends), FOREVER, ends.astype("int64")).tolist()
    columns = {column: _plain(frame[column], kind) for column, kind, _ in table.columns}
    columns["created_at"] = _texts(created, "ms", "Z")
    columns["updated_at"] = _texts(starts, "ms", "Z")
    names = [*columns, "created_ms", "from_ms", "to_ms"]
    row_type = namedtuple(f"{name}_version", names)  # type: ignore[misc]
    lists = [*columns.values(), created.astype("int64").tolist(), from_ms, to_ms]
    return (row_type._make(values) for values in zip(*lists, strict=True))


def wire_rows(
    source: Iterable[Any],
    identify: Callable[[Any], int],
    translate: Callable[[Any], Record],
    columns: Callable[[Record, Any], Sequence[object]],
    *,
    stamps: bool = True,
) -> list[WireRow]:
    """Translate versions into wire rows, dropping versions whose record did not change.

    A face often shows only part of a neutral row; a change in the hidden part must not look like an update.

    Args:
        source: versions of one neutral table.
        identify: numeric id of the record.
        translate: the vendor's record, without id and time stamps.
        columns: values of the filter columns.
        stamps: whether the record carries `created_at` and `updated_at`.
    """
    rows: list[WireRow] = []
    latest: dict[int, tuple[Record, int]] = {}
    for version in sorted(source, key=lambda v: v.from_ms):
        number, record = identify(version), translate(version)
        before = latest.get(number)
        if before is not None and before[0] == record and rows[before[1]].valid_to == version.from_ms:
            kept = rows[before[1]]
            rows[before[1]] = WireRow(
                kept.id, kept.valid_from, version.to_ms, kept.created_at, kept.columns, kept.payload
            )
            continue
        head: Record = {"id": number}
        if stamps:
            head |= {"created_at": version.created_at, "updated_at": version.updated_at}
        full = head | record
        latest[number] = (record, len(rows))
        rows.append(
            WireRow(
                number,
                version.from_ms,
                version.to_ms,
                version.created_ms,
                tuple(columns(full, version)),
                orjson.dumps(full),
            )
        )
    return rows
