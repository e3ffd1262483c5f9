"""The id sweep: the ids a vendor still has, and so which stored records were deleted there.

Records are marked, never taken away (models read `<stream>__ids`); only what people said about themselves is erased.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pyarrow as pa

from ingestion import ops, windows
from ingestion.connections import Connection
from ingestion.errors import SweepShrank
from ingestion.privacy import Pseudonymiser
from ingestion.reading import Batch
from ingestion.storing import Load, Store, ids_table, raw_table
from ingestion.streams import ConnectorLike, Stream
from ingestion.warehouse import DuckDBWarehouse

FLOOR = 0.8
"""A complete read with fewer than this share of the last one's rows, and a sweep with fewer than this share of the last
one's ids, is refused until the operator accepts it; a first sweep is held against the rows that are stored."""

SMALLEST_JUDGED = 20
"""Below this many rows before, a drop says nothing: small catalogues do halve."""

MISSING_SHARE = 0.01
"""Beyond this share of all ids, ids that were seen twice and never stored have the stream read again; fewer are told:
single records a connector leaves out (of an erased person, say) are not worth a whole read."""


@dataclass(frozen=True)
class Swept:
    """All ids a sweep saw, as stored keys, when it began (UTC), and how many records came without one."""

    sweep_id: str
    started_at: datetime
    ids: tuple[str, ...]
    n_unnamed: int = 0

    def table(self, connection_id: str) -> pa.Table:
        """Rows of `<stream>__ids`."""
        n = len(self.ids)
        schema = pa.schema(
            [
                pa.field("connection_id", pa.string(), nullable=False),
                pa.field("id", pa.string(), nullable=False),
                pa.field("sweep_id", pa.string()),
                pa.field("swept_at", pa.timestamp("us", "UTC")),
            ]
        )
        return pa.table([[connection_id] * n, self.ids, [self.sweep_id] * n, [self.started_at] * n], schema=schema)


def read_ids(stream: Stream, connector: ConnectorLike, pseudonymiser: Pseudonymiser) -> Swept:
    """Ask the vendor for every id of a stream; ids that are tokens in the warehouse become tokens here too."""
    started_at = datetime.now(UTC)
    key = next(column for column in stream.columns if column.name == stream.key[0])
    ids: set[str] = set()
    n_unnamed = 0
    for page in connector.sweep_ids(stream):
        for value in page:
            name = pseudonymiser.token(key.token, value, stream.zone) if key.token else value
            if name:
                ids.add(name)
            else:
                n_unnamed += 1
    return Swept(uuid.uuid4().hex, started_at, tuple(sorted(ids)), n_unnamed)


def ids_of(batch: Batch) -> Swept:
    """The sweep that a complete read was, which costs no request; only where `Batch.names_all`."""
    return Swept(uuid.uuid4().hex, batch.started_at, tuple(sorted(batch.rows[batch.stream.name].keys())))


def unnamed(place: str, swept: Swept) -> str:
    """What to tell of a sweep that proves nothing, because any stored record may be one that came without its id."""
    n_records = len(swept.ids) + swept.n_unnamed
    return (
        f"`{place}`: {swept.n_unnamed:,} of {n_records:,} records came without an id when deletions were looked for. "
        "Rows are loaded; no row was marked deleted, since it may be one of these. Have the vendor mend them (what was "
        "set aside: qoh quarantine list); every run looks again."
    )


@dataclass(frozen=True)
class Sweeps:
    """Keeps the sweeps of one connection."""

    connection: Connection
    warehouse: DuckDBWarehouse
    ledger: ops.Ledger
    store: Store

    def keep(
        self, stream: Stream, state: ops.StreamState, swept: Swept, now: datetime, *, accept_shrink: bool
    ) -> tuple[int, ops.StreamState]:
        """Ids first, then the sentence that the sweep is complete; without it the ids prove nothing.

        Returns:
            How many records vanished since the sweep before, and the stream's state from now on.

        Raises:
            SweepShrank: far fewer ids than before; nothing is marked then.
        """
        with self.warehouse.transaction():
            self.ledger.sweep_started(swept.sweep_id, stream.name, swept.started_at)
        before = self.n_stored(stream) if state.n_swept is None else state.n_swept
        if before >= SMALLEST_JUDGED and len(swept.ids) < FLOOR * before and not accept_shrink:
            raise SweepShrank(self.connection.id, self.connection.vendor, stream.name, len(swept.ids), before, FLOOR)
        n_missing = len(self._missing(stream, state, swept))
        ids = swept.table(self.connection.id)
        self.store.store(stream, [Load(ids_table(self.connection.vendor, stream), ("connection_id", "id"), ids)])
        vanished = self._count_vanished(stream, swept)
        if stream.zone == "demographics":
            self._erase_vanished(stream, swept)
        state = replace(state, swept_at=now, n_swept=len(swept.ids), n_missing=n_missing)
        with self.warehouse.transaction():
            self.ledger.sweep_completed(swept.sweep_id, len(swept.ids))
            self.ledger.remember(stream.name, state)
        return vanished, state

    def n_stored(self, stream: Stream) -> int:
        """Rows of a stream, whatever became of them at the vendor."""
        [(count,)] = self.warehouse.run(
            f"select count(*) from {raw_table(self.connection.vendor, stream).qualified} where connection_id = ?",
            [self.connection.id],
            zone=stream.zone,
        )
        return int(count)

    def _missing(self, stream: Stream, state: ops.StreamState, swept: Swept) -> set[str]:
        """Ids that are neither stored nor set aside although an earlier sweep saw them, too: no read will bring them.

        An id that only this sweep saw may be newer than the last window; and below --since records are left out.
        """
        if state.backfill_from is not None and state.backfill_from > windows.BEGINNING:
            return set()
        table, ids = raw_table(self.connection.vendor, stream), ids_table(self.connection.vendor, stream)
        with self.warehouse.connection(stream.zone).cursor() as cursor:
            cursor.register("swept", pa.table({"id": pa.array(swept.ids, pa.string())}))
            rows = cursor.execute(
                f"select seen.id from {ids.qualified} as seen inner join swept on swept.id = seen.id "
                f"where seen.connection_id = ? and not exists (select 1 from {table.qualified} as stored "
                f'where stored.connection_id = seen.connection_id and stored."{stream.key[0]}" = seen.id)',
                [self.connection.id],
            ).fetchall()
        return {number for (number,) in rows} - self.ledger.open_keys(stream.name)

    def _count_vanished(self, stream: Stream, swept: Swept) -> int:
        """Records stored before this sweep that it did not see and that no earlier sweep missed."""
        table, ids = raw_table(self.connection.vendor, stream), ids_table(self.connection.vendor, stream)
        [(previous,)] = self.warehouse.run(
            "select epoch(max(started_at)) from raw_ops.sweeps "
            "where connection_id = ? and stream = ? and completed_at is not null",
            [self.connection.id, stream.name],
        )
        loaded_at = "stored._dlt_load_id::double"
        newly = "true"
        if previous is not None:
            newly = f"(epoch(seen.swept_at) >= {previous} or {loaded_at} > {previous})"
        [(count,)] = self.warehouse.run(
            f"select count(*) from {table.qualified} as stored left join {ids.qualified} as seen "
            f'on seen.connection_id = stored.connection_id and seen.id = stored."{stream.key[0]}" '
            "where stored.connection_id = ? and seen.sweep_id is distinct from ? "
            f"and {loaded_at} < {swept.started_at.timestamp()} and {newly}",
            [self.connection.id, swept.sweep_id],
            zone=stream.zone,
        )
        return int(count)

    def _erase_vanished(self, stream: Stream, swept: Swept) -> None:
        """What people said about themselves is kept no longer than the vendor keeps it: erased, not marked deleted."""
        table, ids = raw_table(self.connection.vendor, stream), ids_table(self.connection.vendor, stream)
        self.warehouse.run(
            f"delete from {table.qualified} as stored where connection_id = ? "
            f"and _dlt_load_id::double < {swept.started_at.timestamp()} and not exists (select 1 from {ids.qualified} "
            f'as seen where seen.connection_id = stored.connection_id and seen.id = stored."{stream.key[0]}" '
            "and seen.sweep_id = ?)",
            [self.connection.id, swept.sweep_id],
            zone=stream.zone,
        )
