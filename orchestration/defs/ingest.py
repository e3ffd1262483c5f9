"""One asset per raw table and connection: a plain multi-asset over `ingestion.load.sync`.

dagster-dlt is not used: it drops local state and calls the pipeline itself, which defeats lock, healing and windows.
A failed stream yields its asset and a failed `loaded` check, because an output that is not yielded would silently skip
everything downstream while the run counts as a success (a step is skipped when one of its inputs is missing, also of an
output that is not required). Its freshness policy cannot see the failure then; the sensor `overdue_tables` does, in the
history of `loaded`.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from ingestion import ops
from ingestion.connections import Connection
from ingestion.connectors import vendors
from ingestion.errors import IngestionError
from ingestion.load import ensure_raw_tables, note_connections, sync
from ingestion.progress import Event, Notice
from ingestion.results import StreamResult
from ingestion.storing import raw_table
from ingestion.streams import Column, Stream
from ingestion.warehouse import Table, open_warehouse
from orchestration import progress
from orchestration.defs.writer import RETRY, WRITER_POOL, WarehouseWriter

OWNER = "team:people-data"
LOADED = "loaded"
COUNTS = ("n_rows", "n_changed", "n_deleted", "n_quarantined", "n_requests", "n_throttled", "wait_seconds")
OPS_TABLES = (
    (ops.STREAM_RUNS, "One row per sync, connection and stream: rows, requests, waits, the class of its error."),
    (ops.SWEEPS, "One row per id sweep that looked for hard deletes."),
    (ops.QUARANTINE, "One row per record that was set aside: where it came from, which rule it broke. No values."),
    (ops.CONNECTIONS, "One row per connection that was ever synced, and whether it is still configured."),
)
DIALECT = {"text": "VARCHAR", "timestamp": "TIMESTAMPTZ", "bool": "BOOLEAN"}


class SyncConfig(dg.Config):
    """What one sync may be told from the UI or by the options of `qoh run`."""

    since: str | None = Field(
        None,
        description="First day of a first backfill of events such as applications (2024-01-01), newest window first.",
    )
    sweep: bool = Field(False, description="Look for deleted records now, not only when a week has passed.")


def asset_key(connection: Connection, stream_name: str) -> dg.AssetKey:
    """Where a connection's raw table stands in the lineage."""
    return dg.AssetKey([f"raw_{connection.vendor}", connection.id, stream_name])


def _column(column: Column) -> dg.TableColumn:
    return dg.TableColumn(
        column.name,
        _dialect(column.type),
        description=column.description or None,
        constraints=dg.TableColumnConstraints(nullable=not column.required),
    )


def _schema(table: Table) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, _dialect(kind)) for name, kind in table.columns.items()])


def _dialect(kind: str) -> str:
    return DIALECT.get(kind, kind.upper())


def _description(connection: Connection, stream: Stream) -> str:
    how = f"read by `{stream.cursor}`" if stream.cursor else stream.full_reason or f"nested in `{stream.parent}`"
    what = stream.description or stream.name.replace("_", " ").capitalize()
    return f"{what}\n\n`{stream.path}` of `{connection.id}`: {how}."


def _spec(connection: Connection, stream: Stream) -> dg.AssetSpec:
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn("connection_id", "VARCHAR", "Connection the row came through."),
            *map(_column, stream.columns),
        ]
    )
    return dg.AssetSpec(
        asset_key(connection, stream.name),
        description=_description(connection, stream),
        group_name=f"sync_{connection.id}",
        owners=[OWNER],
        kinds={"dlt", "duckdb"},
        tags={"layer": "raw", "vendor": connection.vendor, "zone": stream.zone},
        metadata={
            "dagster/column_schema": schema,
            "dagster/table_name": f"raw_{connection.vendor}.{stream.name}",
            "primary_key": ", ".join(("connection_id", *stream.key)),
        },
        skippable=True,
    )


def connection_assets(connection: Connection) -> dg.AssetsDefinition:
    """The raw tables of one connection; any of them can be synced alone."""
    streams = {stream.name: stream for stream in vendors()[connection.vendor].STREAMS}
    keys = {name: asset_key(connection, name) for name in streams}

    @dg.multi_asset(
        name=f"sync_{connection.id}",
        description=f"Sync `{connection.id}` ({connection.vendor}): one dlt run per stream and window.",
        specs=[_spec(connection, stream) for stream in streams.values()],
        check_specs=[
            dg.AssetCheckSpec(LOADED, asset=key, description="The last sync of this table ended without an error.")
            for key in keys.values()
        ],
        can_subset=True,
        pool=WRITER_POOL,
        retry_policy=RETRY,
    )
    def sync_connection(
        context: dg.AssetExecutionContext, config: SyncConfig, writer: WarehouseWriter
    ) -> Iterator[Any]:
        chosen = [name for name, key in keys.items() if key in context.selected_asset_keys]
        wanted = None if len(chosen) == len(streams) else chosen
        with progress.stage(f"sync {connection.id}"):
            results, error = _sync(connection, wanted, config, context.log, accept_shrink=writer.accept_shrink)
            stored = stored_rows(connection, [streams[name] for name in chosen if name in results])
        if error:
            context.log.error(error)
        for name in chosen:
            yield from _reported(keys[name], results.get(name), stored.get(name), error)

    return sync_connection


def _sync(
    connection: Connection,
    streams: Sequence[str] | None,
    config: SyncConfig,
    log: dg.DagsterLogManager,
    *,
    accept_shrink: bool,
) -> tuple[dict[str, StreamResult], str | None]:
    """Results by stream, or the sentence of what stopped the whole connection."""

    def tell(event: Event) -> None:
        if isinstance(event, Notice):  # in the run's log too: without `qoh run` no terminal listens
            log.warning(event.message)
        progress.tell(event)

    try:
        result = sync(
            connection,
            streams=streams,
            since=_day(config.since),
            progress=tell,
            sweep=config.sweep,
            accept_shrink=accept_shrink,
        )
    except IngestionError as error:
        return {}, str(error)
    return {stream.stream: stream for stream in result.streams}, None


def stored_rows(connection: Connection, streams: Sequence[Stream]) -> dict[str, int]:
    """Rows of the connection that each stream's table holds now; the caller holds the lock, nobody the warehouse."""
    if not streams:
        return {}
    with open_warehouse() as warehouse:
        return {
            stream.name: warehouse.run(
                f"select count(*) from {raw_table(connection.vendor, stream).qualified} where connection_id = ?",
                [connection.id],
                zone=stream.zone,
            )[0][0]
            for stream in streams
        }


def _day(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def _reported(
    key: dg.AssetKey, result: StreamResult | None, n_stored: int | None, connection_error: str | None
) -> Iterator[Any]:
    error = connection_error or (result.error if result else None)
    metadata: dict[str, Any] = {"status": result.status if result else "failed"}
    if result:
        metadata |= {name: getattr(result, name) for name in COUNTS}
        metadata["dagster/row_count"] = n_stored
        metadata["seconds"] = round((result.ended_at - result.started_at).total_seconds(), 2)
    yield dg.MaterializeResult(key, metadata=metadata)
    yield dg.AssetCheckResult(
        passed=not error,
        check_name=LOADED,
        asset_key=key,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"error": error} if error else {},
    )


def ops_assets(connections: Sequence[Connection], upstream: Iterable[dg.AssetKey]) -> dg.AssetsDefinition:
    """The sync's own records; also makes sure that every raw table of every vendor exists, connected or not."""
    upstream = list(upstream)
    specs = [
        dg.AssetSpec(
            ["raw_ops", table.name],
            description=description,
            deps=upstream,
            group_name="ops",
            owners=[OWNER],
            kinds={"duckdb"},
            tags={"layer": "raw"},
            metadata={"dagster/table_name": f"raw_ops.{table.name}", "dagster/column_schema": _schema(table)},
        )
        for table, description in OPS_TABLES
    ]

    @dg.multi_asset(name="sync_records", specs=specs, can_subset=True, pool=WRITER_POOL)
    def sync_records(context: dg.AssetExecutionContext, writer: WarehouseWriter) -> Iterator[dg.MaterializeResult]:
        from orchestration.warehouse import count

        ensure_raw_tables()
        for sentence in note_connections(connections):
            context.log.warning(sentence)
            progress.tell(sentence)
        for key in context.selected_asset_keys:
            yield dg.MaterializeResult(key, metadata={"dagster/row_count": count(".".join(key.path))})

    return sync_records


def link_asset(upstream: Iterable[dg.AssetKey]) -> dg.AssetsDefinition:
    """Candidates matched to employees through the vault: the only step that reads clear names and addresses."""
    matched_on = {"candidates", "candidate_email_addresses", "users", "employees", "applications", "scorecards"}

    @dg.asset(
        key=["raw_links", "vault_matches"],
        deps=[key for key in upstream if key.path[-1] in matched_on],
        description="One row per candidate and employee taken for the same person, with method, score and who decided.",
        group_name="links",
        owners=[OWNER],
        kinds={"python", "duckdb"},
        tags={"layer": "raw", "zone": "vault"},
        metadata={
            "dagster/table_name": "raw_links.vault_matches",
            "dagster/column_schema": _schema(ops.VAULT_MATCHES),
        },
        pool=WRITER_POOL,
        retry_policy=RETRY,
    )
    def vault_matches(writer: WarehouseWriter) -> dg.MaterializeResult:
        from ingestion.links import match_people
        from orchestration.questions import n_open_questions
        from orchestration.warehouse import count

        with progress.stage("link people"):
            ensure_raw_tables()
            match_people()
            return dg.MaterializeResult(
                metadata={
                    "dagster/row_count": count("raw_links.vault_matches"),
                    "n_open_questions": n_open_questions(),
                }
            )

    return vault_matches


def ingest_definitions(connections: Sequence[Connection]) -> dg.Definitions:
    """Every connection's tables, the sync's records and the person links."""
    known = [connection for connection in connections if connection.vendor in vendors()]
    assets = [connection_assets(connection) for connection in known]
    upstream = [key for definition in assets for key in definition.keys]
    return dg.Definitions(assets=[*assets, ops_assets(connections, upstream), link_asset(upstream)])
