"""What a stream is: one vendor endpoint, written down as data; and what passes between a connector and the loader.

A connector is a list of `Stream`s plus what is odd about its vendor. Everything that can be said as data is said here:
where the rows are, which columns may be read (the allow-list), which identify a person, how the stream moves forward.

A connector module exports::

    VENDOR: str                                   # "greenhouse"
    STREAMS: tuple[Stream, ...]
    PURPOSES: tuple[str, ...]                     # addresses and secrets it asks the connection for
    def authentication(connection) -> Auth        # first `connection.check(PURPOSES, <its Options>)`
    class Connector:                              # see `ConnectorLike`
        def __init__(self, connection, client): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

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
        sweep: whether the id sweep looks for hard deletes in this stream; what it misses is marked deleted by staging,
            and erased in the zone `demographics`.
        parent: stream whose rows carry this one as a nested list (`nested_path`), loaded from the same pages.
        zone: which file the table lives in.
        vault: vendor path -> vault attribute of clear values that only the person link may read.
        vault_kind: token kind the vault attributes belong to, and the column that holds it.
        scope: permission the vendor asks for, named in errors and by `qoh doctor`.
        params: constant query parameters.
        complete_every_days: a stream without cursor is read completely at least this often; between, the loader passes
            a window with `complete=False` and the connector may read only what can have changed (0: always completely).
        two_sided: whether the vendor can bound a read on both sides; if not, the first read is one window.
        since_applies: whether --since may leave out old rows: only where a row is something that happened. What such
            rows refer to (users, jobs, forms, employees) was often last touched long before and is read in full.
        options: options of the connection that shape what is read; when one changes, the stream is read again.
        never_empty: for a stream that no firm has empty, the rights to check when it is; "" for all others.
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
    complete_every_days: int = 0
    two_sided: bool = True
    since_applies: bool = False
    options: tuple[str, ...] = ()
    never_empty: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        if self.cursor is None and self.parent is None and not self.full_reason:
            raise ValueError(f"stream `{self.name}`: without a cursor it needs a full_reason")
        if self.sweep and len(self.key) != 1:
            raise ValueError(f"stream `{self.name}`: a sweep tells records by one id, its key has {len(self.key)}")


@dataclass(frozen=True)
class Window:
    """What one read has to cover.

    Attributes:
        start: inclusive lower bound on the stream's cursor; None when the stream has no cursor.
        end: inclusive upper bound, never after the vendor's own clock.
        complete: every row of the stream is wanted (streams without a cursor, see `Stream.complete_every_days`).
        done: units (file hashes, closed cycles) that earlier reads finished, as `Page.done` named them.
    """

    start: datetime | None
    end: datetime
    complete: bool = False
    done: frozenset[str] = frozenset()


NOT_PERMITTED = "not_permitted"
"""Rule that a withheld record breaks."""


@dataclass(frozen=True)
class Withheld:
    """A record that the vendor lists and does not let us read: set aside like one that breaks its contract."""

    record: Any
    reason: str


@dataclass(frozen=True)
class Page:
    """One answer of the vendor: its records as they came, and where they came from.

    Records of nested streams (`Stream.parent`) are taken from the same page by the loader: each item of the parent's
    list at `nested_path` becomes a record `{**item, "_parent": parent}`; an item that is no object becomes
    `{"value": item, "_parent": parent}`. A child's columns reach the parent by a path like `_parent.id`.

    Attributes:
        records: the vendor's records; a connector may add keys (`_cycle_id`), never remove the key.
        endpoint: URL path (or file name) for quarantine and errors; no query, no personal value.
        done: units whose last record is on this page; remembered once the window is stored.
        withheld: records that are known to exist and could not be read.
        problem: what the source holds and cannot be read; everything readable is stored first, then the stream fails
            with it, so that nobody takes the run for whole.
        is_whole: False where something that was listed was gone when its turn came: such a read proves no deletion.
    """

    records: list[Any]
    endpoint: str
    done: tuple[str, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    problem: Exception | None = None
    is_whole: bool = True


@dataclass(frozen=True)
class ProbeResult:
    """One line of `qoh doctor`.

    Attributes:
        subject: what was looked at ("credential", "clock", "stream scorecards", "scope harvest:offers:list").
        status: ok, warning (works, with a loss that the message names) or problem.
        message: what was seen, what was expected, and the next step; never a secret.
    """

    subject: str
    status: Literal["ok", "warning", "problem"]
    message: str


class ConnectorLike(Protocol):
    """What the loader and `qoh doctor` ask of a vendor.

    Attributes:
        clock_path: a cheap endpoint; the `Date` header of its answer is the vendor's clock, which caps every window.
            Empty: the local clock.
        parallel_streams: how many streams may be read at the same time.
        unfiltered: streams whose date filter this account refuses: each window costs a whole read, so they get few.
    """

    clock_path: str
    parallel_streams: int
    unfiltered: Set[str]

    def read(self, stream: Stream, window: Window) -> Iterator[Page]:
        """Every page of the stream within the window; a failure raises and nothing of the window is stored."""
        ...

    def sweep_ids(self, stream: Stream) -> Iterator[list[str | None]]:
        """All ids (clear, as the vendor names them) that exist now, page by page; raises rather than stop early.

        A record that came without a usable id is None: it may be any of those that are stored.
        """
        ...

    def probe(self) -> list[ProbeResult]:
        """What works and what does not, without reading data."""
        ...
