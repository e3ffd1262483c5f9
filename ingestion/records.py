"""From a vendor's record to a typed row, or to a refusal that says why without saying what was in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from ingestion.errors import listed
from ingestion.privacy import Projection, Pseudonymiser
from ingestion.streams import Column, DataType, Stream

ARROW: Mapping[DataType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
}

EMPTY_DATES = frozenset({"0000-00-00"})
"""BambooHR writes this for "no date"."""

EPOCH_LIMIT = 100_000_000_000
"""Numbers above are milliseconds, not the seconds Lattice sends: refused rather than guessed."""


SHOWN_VALUES = 10
"""Known values of a column that a refusal lists; of more it gives the number."""


class NotOfType(ValueError):
    """A value that is not what its column says."""


@dataclass(frozen=True)
class Refusal:
    """Why a record was set aside: rule and reason name columns, never values."""

    record_key: str
    rule: str
    reason: str


@dataclass(frozen=True)
class Accepted:
    """A record that may be stored."""

    key: tuple[Any, ...]
    values: dict[str, Any]
    projection: Projection


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise NotOfType
    text = str(value)
    if "\x00" in text or (not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)):
        raise NotOfType
    return text


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise NotOfType
    number = int(value) if not isinstance(value, float) or value.is_integer() else None
    if number is None or not -(2**63) <= number < 2**63:
        raise NotOfType
    return number


def _double(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(number := float(value)):
        raise NotOfType
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise NotOfType


def _timestamp(value: Any) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < EPOCH_LIMIT:
        value = datetime.fromtimestamp(value, UTC)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise NotOfType  # a time without its zone is a guess
    return value.astimezone(UTC)


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise NotOfType
    if value in EMPTY_DATES:
        return None
    return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value).date()


CONVERT: Mapping[DataType, Callable[[Any], Any]] = {
    "text": _text,
    "bigint": _integer,
    "double": _double,
    "bool": _boolean,
    "timestamp": _timestamp,
    "date": _day,
}


@dataclass(frozen=True)
class _Field:
    column: Column
    convert: Callable[[Any], Any]
    allowed: frozenset[str] | None
    steps: tuple[str, ...]
    needed: bool


class Contract:
    """What one stream's records have to be.

    Args:
        stream: columns, keys and enums.
        pseudonymiser: takes the identifiers out.
        latest: no record can have changed after this moment (the vendor's clock plus a day).
    """

    def __init__(self, stream: Stream, pseudonymiser: Pseudonymiser, latest: datetime) -> None:
        self.stream = stream
        self._pseudonymiser = pseudonymiser
        self._latest = latest
        self._zone = stream.zone
        self._fields = tuple(
            _Field(
                column,
                CONVERT[column.type],
                frozenset(column.enum) if column.enum else None,
                tuple((column.path or column.name).split(".")),
                column.required or column.name in stream.key,
            )
            for column in stream.columns
        )

    def check(self, record: Any) -> Accepted | Refusal | None:
        """Judge one record; None when it belongs to an erased person."""
        if not isinstance(record, dict):
            return Refusal("", "not_an_object", "the record is no object")
        for field in self._fields:
            if field.column.token and not _identifies(record, field.steps):
                return self._refused(record, "wrong_type", f"`{field.column.name}` is neither text nor a whole number")
        try:
            projection = self._pseudonymiser.project(self.stream, record)
        except (UnicodeEncodeError, TypeError, AttributeError):
            return self._refused(record, "unreadable_text", "an identifier holds characters that are no text")
        if projection is None:
            return None
        values: dict[str, Any] = {}
        for field in self._fields:
            problem = self._convert(field, projection.row[field.column.name], values)
            if problem is not None:
                return self._refused(record, *problem)
        return Accepted(tuple(values[name] for name in self.stream.key), values, projection)

    def _convert(self, field: _Field, value: Any, values: dict[str, Any]) -> tuple[str, str] | None:
        column = field.column
        if value == "":
            value = None
        if value is not None:
            try:
                value = field.convert(value)
            except (ValueError, TypeError, OverflowError, OSError):
                return "wrong_type", f"`{column.name}` is not of type {column.type}"
        if value is None:
            if field.needed:
                rule = "missing_key" if column.name in self.stream.key else "missing_value"
                return rule, f"`{column.name}` is missing"
        elif field.allowed is not None and value not in field.allowed:
            n_known = len(field.allowed)
            known = listed(field.allowed) if n_known <= SHOWN_VALUES else f"the {n_known} known values"
            return "unknown_value", f"`{column.name}` is none of {known}"
        elif column.name == self.stream.cursor and value > self._latest:
            return "cursor_in_future", f"`{column.name}` lies more than a day in the vendor's future"
        values[column.name] = value
        return None

    def _refused(self, record: Mapping[str, Any], rule: str, reason: str) -> Refusal:
        return Refusal(self.name_of(record), rule, reason)

    def name_of(self, record: Mapping[str, Any]) -> str:
        """The record's key as it is stored (tokens for persons), or "" where it has none."""
        parts = []
        for name in self.stream.key:
            field = next(field for field in self._fields if field.column.name == name)
            value = reach(record, field.steps)
            if value is None or value == "" or isinstance(value, dict | list | bool):
                return ""
            if field.column.token:
                try:
                    value = self._pseudonymiser.token(field.column.token, value, self._zone)
                except UnicodeEncodeError:
                    return ""
            parts.append(str(value))
        return "|".join(parts).encode("ascii", "replace").decode()[:200]


def _identifies(record: Mapping[str, Any], steps: tuple[str, ...]) -> bool:
    value = reach(record, steps)
    return value is None or (isinstance(value, str | int) and not isinstance(value, bool))


def reach(record: Any, steps: Iterable[str]) -> Any:
    """Follow keys through objects; None when a step is missing."""
    for step in steps:
        if not isinstance(record, dict):
            return None
        record = record.get(step)
    return record


def arrow_schema(stream: Stream) -> pa.Schema:
    """Columns of the stream's raw table, `connection_id` and the key first."""
    return pa.schema(
        [
            pa.field("connection_id", pa.string(), nullable=False),
            *(pa.field(column.name, ARROW[column.type], column.name not in stream.key) for column in ordered(stream)),
        ]
    )


def ordered(stream: Stream) -> list[Column]:
    """The stream's columns with the key first."""
    return sorted(stream.columns, key=lambda column: column.name not in stream.key)


class Rows:
    """Accepted rows of one stream in one window; a record read twice counts once, its later version wins."""

    def __init__(self, stream: Stream, connection_id: str) -> None:
        self.stream = stream
        self._connection_id = connection_id
        self._rows: dict[tuple[Any, ...], dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, accepted: Accepted) -> None:
        """Keep the newer version by cursor; with equal or no cursor the one read last."""
        known = self._rows.get(accepted.key)
        cursor = self.stream.cursor
        if known is not None and cursor is not None:
            before, now = known.get(cursor), accepted.values.get(cursor)
            if before is not None and now is not None and before > now:
                return
        self._rows[accepted.key] = accepted.values

    def keys(self) -> set[str]:
        """Keys as quarantine rows name them."""
        return {"|".join(str(part) for part in key) for key in self._rows}

    def table(self) -> pa.Table:
        """All rows as an Arrow table in the raw table's column order."""
        schema = arrow_schema(self.stream)
        rows = list(self._rows.values())
        arrays = [pa.array([self._connection_id] * len(rows), pa.string())]
        arrays += [pa.array([row[name] for row in rows], schema.field(name).type) for name in schema.names[1:]]
        return pa.table(arrays, schema=schema)
