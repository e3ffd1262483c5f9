"""What the loader remembers, in the warehouse itself: how far each stream is, what every run did, what was set aside.

A window is remembered in a transaction of its own *after* its rows are stored. A kill between the two only means that
the window is read once more, and storing the same rows again changes nothing. Nothing is remembered anywhere else, so
dlt's working directory can be thrown away at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ingestion.connections import Connection
from ingestion.records import Refusal
from ingestion.streams import DataType
from ingestion.warehouse import DuckDBWarehouse, Table

_PLACE: Mapping[str, DataType] = {"connection_id": "text", "vendor": "text", "stream": "text"}

STREAM_STATE = Table(
    "raw_ops",
    "stream_state",
    {
        "connection_id": "text",
        "stream": "text",
        "covered_from": "timestamp",
        "covered_to": "timestamp",
        "backfill_from": "timestamp",
        "window_days": "double",
        "completed_at": "timestamp",
        "n_complete": "bigint",
        "swept_at": "timestamp",
        "n_swept": "bigint",
        "n_missing": "bigint",
        "fingerprint": "text",
    },
)
DONE_UNITS = Table(
    "raw_ops", "done_units", {"connection_id": "text", "stream": "text", "unit": "text", "done_at": "timestamp"}
)
STREAM_RUNS = Table(
    "raw_ops",
    "stream_runs",
    {
        "run_id": "text",
        **_PLACE,
        "status": "text",
        "window_start": "timestamp",
        "window_end": "timestamp",
        "n_rows": "bigint",
        "n_changed": "bigint",
        "n_deleted": "bigint",
        "n_quarantined": "bigint",
        "n_requests": "bigint",
        "n_throttled": "bigint",
        "wait_seconds": "double",
        "error_class": "text",
        "started_at": "timestamp",
        "ended_at": "timestamp",
    },
)
SWEEPS = Table(
    "raw_ops",
    "sweeps",
    {"sweep_id": "text", **_PLACE, "started_at": "timestamp", "completed_at": "timestamp", "n_ids": "bigint"},
)
QUARANTINE = Table(
    "raw_ops",
    "quarantine",
    {
        **_PLACE,
        "endpoint": "text",
        "record_key": "text",
        "rule": "text",
        "reason": "text",
        "window_start": "timestamp",
        "window_end": "timestamp",
        "first_seen_at": "timestamp",
        "last_seen_at": "timestamp",
        "resolved_at": "timestamp",
    },
)
CONNECTIONS = Table(
    "raw_ops",
    "connections",
    {
        "connection_id": "text",
        "vendor": "text",
        "first_seen_at": "timestamp",
        "last_seen_at": "timestamp",
        "is_active": "bool",
    },
)
VAULT_MATCHES = Table(
    "raw_links",
    "vault_matches",
    {
        "candidate_connection_id": "text",
        "candidate_id": "text",
        "employee_connection_id": "text",
        "employee_id": "text",
        "method": "text",
        "score": "double",
        "decided_by": "text",
        "decided_at": "timestamp",
    },
)
TABLES = (STREAM_STATE, DONE_UNITS, STREAM_RUNS, SWEEPS, QUARANTINE, CONNECTIONS, VAULT_MATCHES)


@dataclass
class StreamState:
    """How far one stream of one connection is; all times on the vendor's clock.

    Attributes:
        covered_from: everything changed between here …
        covered_to: … and here is stored.
        backfill_from: how far back the first backfill has to reach.
        window_days: size of the next window.
        completed_at: last complete read of a stream without cursor.
        n_complete: its rows.
        swept_at: last complete id sweep.
        n_swept: its ids.
        n_missing: ids that it saw, as a sweep before it did, and that are not stored.
        fingerprint: of what the stream was read with; see `ingestion.rereading`.
    """

    covered_from: datetime | None = None
    covered_to: datetime | None = None
    backfill_from: datetime | None = None
    window_days: float | None = None
    completed_at: datetime | None = None
    n_complete: int | None = None
    swept_at: datetime | None = None
    n_swept: int | None = None
    n_missing: int | None = None
    fingerprint: str | None = None

    def unread(self) -> StreamState:
        """The state in which everything is read again, as far back as before."""
        return replace(self, covered_from=None, covered_to=None, window_days=None, completed_at=None)


_STATE_COLUMNS = tuple(StreamState.__dataclass_fields__)


class Ledger:
    """The memory of one connection."""

    def __init__(self, warehouse: DuckDBWarehouse, connection: Connection) -> None:
        self._warehouse = warehouse
        self._id = connection.id
        self._vendor = connection.vendor

    # -- how far

    def state(self, stream: str) -> StreamState:
        """What is known of a stream; all empty before its first window."""
        rows = self._warehouse.run(
            f"select {', '.join(_STATE_COLUMNS)} from raw_ops.stream_state where connection_id = ? and stream = ?",
            [self._id, stream],
        )
        return StreamState(*rows[0]) if rows else StreamState()

    def done(self, stream: str) -> frozenset[str]:
        """Units of a stream that were finished."""
        rows = self._warehouse.run(
            "select unit from raw_ops.done_units where connection_id = ? and stream = ?", [self._id, stream]
        )
        return frozenset(unit for (unit,) in rows)

    def remember(self, stream: str, state: StreamState, done: Iterable[str] = ()) -> None:
        """Write the state and the finished units; inside the caller's transaction."""
        place = [self._id, stream]
        self._warehouse.run("delete from raw_ops.stream_state where connection_id = ? and stream = ?", place)
        values = [getattr(state, name) for name in _STATE_COLUMNS]
        marks = ", ".join("?" * (len(values) + 2))
        names = ", ".join(_STATE_COLUMNS)
        self._warehouse.run(
            f"insert into raw_ops.stream_state (connection_id, stream, {names}) values ({marks})", [*place, *values]
        )
        for unit in done:
            self._warehouse.run(
                "insert into raw_ops.done_units select ?, ?, ?, ? where not exists (select 1 from raw_ops.done_units "
                "where connection_id = ? and stream = ? and unit = ?)",
                [*place, unit, datetime.now(UTC), *place, unit],
            )

    def forget(self, stream: str, state: StreamState) -> StreamState:
        """Read the stream from the beginning again, for it says so from now on; inside the caller's transaction.

        Rows stay until the read replaces them.
        """
        self._warehouse.run("delete from raw_ops.done_units where connection_id = ? and stream = ?", [self._id, stream])
        self.remember(stream, unread := state.unread())
        return unread

    # -- what was set aside

    def open_keys(self, stream: str) -> frozenset[str]:
        """Record keys of a stream that wait in quarantine."""
        rows = self._warehouse.run(
            "select distinct record_key from raw_ops.quarantine "
            "where connection_id = ? and stream = ? and resolved_at is null",
            [self._id, stream],
        )
        return frozenset(key for (key,) in rows)

    def open_windows(self, stream: str) -> list[tuple[datetime | None, datetime]]:
        """Windows in which the waiting records were read."""
        return [
            (start, end)
            for start, end in self._warehouse.run(
                "select distinct window_start, window_end from raw_ops.quarantine "
                "where connection_id = ? and stream = ? and resolved_at is null",
                [self._id, stream],
            )
        ]

    def set_aside(
        self,
        stream: str,
        refusals: Mapping[tuple[str, str], tuple[str, Refusal]],
        start: datetime | None,
        end: datetime,
    ) -> None:
        """Write refused records, one row per record and rule; seen again, only `last_seen_at` moves."""
        now = datetime.now(UTC)
        for (key, rule), (endpoint, refusal) in refusals.items():
            place = [self._id, stream, key, rule]
            updated = self._warehouse.run(
                "update raw_ops.quarantine set last_seen_at = ?, resolved_at = null, endpoint = ?, reason = ?, "
                "window_start = ?, window_end = ? "
                "where connection_id = ? and stream = ? and record_key = ? and rule = ? returning 1",
                [now, endpoint, refusal.reason, start, end, *place],
            )
            if not updated:
                self._warehouse.run(
                    "insert into raw_ops.quarantine values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null)",
                    [self._id, self._vendor, stream, endpoint, key, rule, refusal.reason, start, end, now, now],
                )

    def resolve(self, stream: str, keys: Iterable[str], but: Iterable[tuple[str, str]] = ()) -> None:
        """Records that arrived well are no longer in quarantine, except for the rules they broke just now."""
        arrived = set(keys)
        if arrived:
            self._resolve(stream, [place for place in self._waiting(stream) if place[0] in arrived], but)

    def resolve_window(
        self, stream: str, window: tuple[datetime | None, datetime] | None, but: Iterable[tuple[str, str]] = ()
    ) -> None:
        """What waits since `window` (None: any) was read no longer does, except for the rules broken just now."""
        self._resolve(stream, self._waiting(stream, window), but)

    def _waiting(self, stream: str, window: tuple[datetime | None, datetime] | None = None) -> list[tuple[str, str]]:
        """Record key and rule of all that waits in quarantine, or of what one window brought there."""
        only = "" if window is None else "and window_start is not distinct from ? and window_end = ?"
        return [
            (key, rule)
            for key, rule in self._warehouse.run(
                "select record_key, rule from raw_ops.quarantine "
                f"where connection_id = ? and stream = ? and resolved_at is null {only}",
                [self._id, stream, *(window or ())],
            )
        ]

    def _resolve(self, stream: str, places: Iterable[tuple[str, str]], but: Iterable[tuple[str, str]]) -> None:
        for key, rule in set(places) - set(but):
            self._warehouse.run(
                "update raw_ops.quarantine set resolved_at = ? "
                "where connection_id = ? and stream = ? and record_key = ? and rule = ?",
                [datetime.now(UTC), self._id, stream, key, rule],
            )

    # -- what happened

    def run(self, run_id: str, values: Mapping[str, Any]) -> None:
        """One row of raw_ops.stream_runs."""
        row = {"run_id": run_id, "connection_id": self._id, "vendor": self._vendor, **values}
        columns = list(STREAM_RUNS.columns)
        self._warehouse.run(
            f"insert into raw_ops.stream_runs ({', '.join(columns)}) values ({', '.join('?' * len(columns))})",
            [row[name] for name in columns],
        )

    def sweep_started(self, sweep_id: str, stream: str, started_at: datetime) -> None:
        """Without its end a sweep proves nothing."""
        self._warehouse.run(
            "insert into raw_ops.sweeps values (?, ?, ?, ?, ?, null, null)",
            [sweep_id, self._id, self._vendor, stream, started_at],
        )

    def sweep_completed(self, sweep_id: str, n_ids: int) -> None:
        """Now it does."""
        self._warehouse.run(
            "update raw_ops.sweeps set completed_at = ?, n_ids = ? where sweep_id = ?",
            [datetime.now(UTC), n_ids, sweep_id],
        )

    def seen(self) -> None:
        """This connection is configured and was run."""
        now = datetime.now(UTC)
        updated = self._warehouse.run(
            "update raw_ops.connections set last_seen_at = ?, is_active = true, vendor = ? "
            "where connection_id = ? returning 1",
            [now, self._vendor, self._id],
        )
        if not updated:
            self._warehouse.run(
                "insert into raw_ops.connections values (?, ?, ?, ?, true)", [self._id, self._vendor, now, now]
            )


def note_connections(warehouse: DuckDBWarehouse, connections: Iterable[Connection]) -> list[str]:
    """Mark stored connections that are no longer configured; their rows stay.

    Returns:
        One sentence per connection that was renamed or removed since it was last seen, and again in every run where
        it looks renamed: another connection of its vendor was first seen after it.
    """
    configured = {connection.id for connection in connections}
    sentences = []
    for connection_id, vendor, is_active, looks_renamed in warehouse.run(
        "select connection_id, vendor, is_active, exists (select 1 from raw_ops.connections as other where "
        "other.is_active and other.vendor = here.vendor and other.first_seen_at > here.last_seen_at) "
        "from raw_ops.connections as here order by 1"
    ):
        if connection_id in configured or not (is_active or looks_renamed):
            continue
        warehouse.run("update raw_ops.connections set is_active = false where connection_id = ?", [connection_id])
        sentences.append(no_longer_configured(connection_id, vendor))
    return sentences


def no_longer_configured(connection_id: str, vendor: str) -> str:
    """What became of the rows of a connection that was taken out of connections.toml, and what to do."""
    return (
        f"Connection `{connection_id}` ({vendor}) is no longer in connections.toml. Its rows are kept and count in "
        "every table under that id. If it was only renamed, those of the new id count beside them: every employee and "
        "application is there twice, and links become ambiguous. Then add "
        f'`formerly = ["{connection_id}"]` to the new entry, and the next run joins them.'
    )
