"""What a stream is: one vendor endpoint, written down as data.

A connector is a list of `Stream`s plus what is odd about its vendor. Everything that can be said as data is said here:
where the rows are, which columns may be read (the allow-list), which identify a person, how the stream moves forward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DataType = Literal["text", "bigint", "double", "bool", "timestamp", "date"]
Zone = Literal["warehouse", "demographics"]


@dataclass(frozen=True)
class Column:
    """One allow-listed column of a raw table.

    Attributes:
        name: column name in the raw table (snake case).
        type: dlt data type. Ids are always text, `_at` are UTC timestamps, `_on` and vendor days are dates.
        path: dotted path in the vendor's record when it differs from `name` ("type.key").
        token: kind of identifier; the value is replaced by a keyed token at the edge ("candidate", "email" …).
        required: a record without it goes to quarantine.
        enum: accepted values; anything else sends the record to quarantine.
        description: what it means, for the catalogue and the Dagster UI.
    """

    name: str
    type: DataType = "text"
    path: str | None = None
    token: str | None = None
    required: bool = False
    enum: tuple[str, ...] | None = None
    description: str = ""


@dataclass(frozen=True)
class Stream:
    """One raw table and the endpoint that fills it.

    Attributes:
        name: raw table name; the table is `raw_<vendor>.<name>`.
        path: endpoint path below the connection's base URL.
        columns: the allow-list, keys included; `connection_id` is added by the loader.
        key: primary key columns, without `connection_id`.
        cursor: column the two-sided window filters on, or None when the stream is read whole.
        full_reason: why a stream without cursor is read whole (required then).
        sweep: whether the id sweep looks for hard deletes in this stream.
        parent: stream whose rows carry this one as a nested list (`nested_path`), loaded from the same pages.
        zone: which file the table lives in.
        vault: vendor path -> vault attribute of clear values that only the person link may read.
        vault_kind: token kind the vault attributes belong to, and the column that holds it.
        scope: permission the vendor asks for, named in errors and by `qoh doctor`.
        params: constant query parameters.
    """

    name: str
    path: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ("id",)
    cursor: str | None = None
    full_reason: str = ""
    sweep: bool = False
    parent: str | None = None
    nested_path: str | None = None
    zone: Zone = "warehouse"
    vault: Mapping[str, str] = field(default_factory=dict)
    vault_kind: tuple[str, str] | None = None
    scope: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    description: str = ""

    def __post_init__(self) -> None:
        if self.cursor is None and self.parent is None and not self.full_reason:
            raise ValueError(f"stream `{self.name}`: without a cursor it needs a full_reason")
