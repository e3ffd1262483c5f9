"""Typed rows into the raw tables: one dlt package per window, merged on the primary key.

Why so, and not as dlt would by itself (each point was killed, filled up and corrupted hundreds of times before it was
chosen; flat tables, delete-insert and a primary key were the form that lost and doubled nothing):

- The working directory is new for every sync and removed afterwards. What dlt would keep there (a pending package, its
  state) is never needed: how far a stream is stands in `raw_ops`, written after the rows. A half-written package of a
  killed run can therefore neither block the next run nor be loaded twice; its window is simply read again.
- Rows come as Arrow tables with every column declared, so dlt's normalizer has nothing to infer, and a column without
  any value still exists.
- Only a primary key, never a merge key: with one, an incremental batch would delete the rest of the table.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingestion.connections import Connection
from ingestion.errors import LoadFailed
from ingestion.records import ordered
from ingestion.streams import DataType, Stream, Zone
from ingestion.warehouse import DuckDBWarehouse, Table

DLT_SETTINGS = {
    "runtime.dlthub_telemetry": False,
    "load.delete_completed_jobs": True,
    "load.truncate_staging_dataset": True,
    "load.workers": 1,
    "normalize.workers": 1,
    "normalize.parquet_normalizer.add_dlt_load_id": True,
}

IDS = "__ids"


def dataset(vendor: str) -> str:
    """Schema of a vendor's raw tables."""
    return f"raw_{vendor}"


def raw_table(vendor: str, stream: Stream) -> Table:
    """The raw table of a stream."""
    columns: dict[str, DataType] = {"connection_id": "text"}
    columns |= {column.name: column.type for column in ordered(stream)}
    return Table(dataset(vendor), stream.name, {**columns, "_dlt_load_id": "text"}, stream.zone)


def ids_table(vendor: str, stream: Stream) -> Table:
    """The table of the ids that sweeps saw."""
    columns: dict[str, DataType] = {
        "connection_id": "text",
        "id": "text",
        "sweep_id": "text",
        "swept_at": "timestamp",
        "_dlt_load_id": "text",
    }
    return Table(dataset(vendor), f"{stream.name}{IDS}", columns, stream.zone)


def raw_tables(vendor: str, streams: Sequence[Stream]) -> list[Table]:
    """Every raw table of a vendor."""
    return [raw_table(vendor, stream) for stream in streams] + [
        ids_table(vendor, stream) for stream in streams if stream.sweep
    ]


@dataclass(frozen=True)
class Load:
    """Rows for one table."""

    table: Table
    keys: tuple[str, ...]
    rows: pa.Table


@cache
def configure_dlt() -> None:
    """Silent, fast, and nothing left behind."""
    import dlt

    for key, value in DLT_SETTINGS.items():
        dlt.config[key] = value


class Store:
    """Stores windows of one connection.

    Args:
        warehouse: open for writing.
        connection: whose windows.
        streams: every stream of the vendor.
        directory: where dlt works; thrown away before and after.
    """

    def __init__(
        self, warehouse: DuckDBWarehouse, connection: Connection, streams: Sequence[Stream], directory: Path
    ) -> None:
        configure_dlt()
        self._warehouse = warehouse
        self._connection = connection
        self._streams = streams
        self._directory = directory
        self._pipelines: dict[Zone, Any] = {}
        self._heal()

    def _heal(self) -> None:
        """A directory that is still there belongs to a run that was killed."""
        if self._directory.exists():
            for zone in sorted({stream.zone for stream in self._streams}):
                self._warehouse.clear_staging(dataset(self._connection.vendor), zone)
            self._remove()  # last: it tells a next run, should this one be killed here, that there is something to heal

    def close(self) -> None:
        """Remove the working directory, which holds rows, and what dlt noted in the warehouse and nobody reads."""
        for zone, pipeline in self._pipelines.items():
            self._warehouse.forget_schemas(pipeline.dataset_name, pipeline.default_schema_name, zone)
        self._pipelines.clear()
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def store(self, stream: Stream, loads: Sequence[Load]) -> dict[str, int]:
        """Merge rows into their tables in one package; how many were new or different, by table name.

        Raises:
            LoadFailed: naming step and cause, never a value.
        """
        fresh = [
            Load(load.table, load.keys, self._warehouse.changed(load.table, load.rows))
            for load in loads
            if load.rows.num_rows
        ]
        fresh = [load for load in fresh if load.rows.num_rows]
        if fresh:
            self._run(stream, fresh)
            self._warehouse.checkpoint(stream.zone)
        return {load.table.name: load.rows.num_rows for load in fresh}

    def _run(self, stream: Stream, loads: Sequence[Load]) -> None:
        import dlt
        from dlt.common.configuration.utils import get_resolved_traces
        from dlt.pipeline.exceptions import PipelineStepFailed

        pipeline = self._pipeline(stream.zone)
        resources = [
            dlt.resource(
                [load.rows],
                name=load.table.name,
                columns=hints(load.table, load.keys),
                write_disposition="merge",
                primary_key=list(load.keys),
                schema_contract={"columns": "freeze", "data_type": "freeze"},
            )
            for load in loads
        ]
        try:
            pipeline.run(resources, loader_file_format="parquet").raise_on_failed_jobs()
        except PipelineStepFailed as error:
            # dlt keeps a failed package and would load it before anything else: throw it away, the window is unread.
            self._pipelines.clear()
            self._remove()
            cause = type(error.exception).__name__ if error.exception is not None else type(error).__name__
            raise LoadFailed(self._connection.vendor, stream.name, str(error.step), cause) from None
        finally:
            # dlt notes every configuration value that it resolves, our rows among them, and forgets them only where it
            # writes a runtime trace.
            get_resolved_traces().clear()

    def _pipeline(self, zone: Zone) -> Any:
        if zone not in self._pipelines:
            import dlt

            vendor = self._connection.vendor
            pipeline = dlt.pipeline(
                f"{self._connection.id}_{zone}",
                pipelines_dir=str(self._directory),
                destination=self._warehouse.destination(zone),
                dataset_name=dataset(vendor),
            )
            pipeline.config.restore_from_destination = False
            pipeline.config.enable_runtime_trace = False
            self._pipelines[zone] = pipeline
        return self._pipelines[zone]


def hints(table: Table, keys: Sequence[str]) -> Any:
    """dlt's column hints of a table."""
    return {
        name: {"name": name, "data_type": kind, "nullable": name not in keys}
        for name, kind in table.columns.items()
        if name != "_dlt_load_id"
    }
