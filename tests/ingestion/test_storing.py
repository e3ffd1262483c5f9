"""What a store keeps of rows that it has stored: nothing, however many windows follow."""

from __future__ import annotations

import gc

import pyarrow as pa

from ingestion.connections import Connection
from ingestion.connectors import greenhouse
from ingestion.load import ensure_raw_tables
from ingestion.settings import Settings
from ingestion.storing import Load, Store, raw_table
from ingestion.warehouse import DuckDBWarehouse, Table, open_warehouse

ROWS = 100_000
STREAM, OTHER = (stream for stream in greenhouse.STREAMS if stream.name in ("departments", "sources"))
TABLE = raw_table("greenhouse", STREAM)
ARROW = {"text": pa.string(), "bigint": pa.int64(), "bool": pa.bool_(), "timestamp": pa.timestamp("us", "UTC")}


def window(n: int, table: Table = TABLE) -> pa.Table:
    """Rows with keys of their own."""
    columns = {name: pa.nulls(ROWS, ARROW[kind]) for name, kind in table.columns.items() if name != "_dlt_load_id"}
    keys = {"connection_id": ["acme"] * ROWS, "id": [f"{n}-{row}" for row in range(ROWS)]}
    return pa.table(columns | {name: pa.array(values) for name, values in keys.items()})


def in_memory(warehouse: DuckDBWarehouse) -> int:
    """Bytes of tables that DuckDB has not written into its file."""
    ((held,),) = warehouse.run("select memory_usage_bytes from duckdb_memory() where tag = 'IN_MEMORY_TABLE'")
    return int(held)


def test_rows_that_were_stored_are_held_by_nobody(where: Settings) -> None:
    ensure_raw_tables(where)
    with open_warehouse(where) as warehouse:
        store = Store(warehouse, Connection("acme", "greenhouse"), greenhouse.STREAMS, where.home / "dlt")
        before = pa.total_allocated_bytes()
        for n in range(3):
            store.store(STREAM, [Load(TABLE, ("connection_id", "id"), window(n))])
        gc.collect()
        assert warehouse.run(f"select count(*) from {TABLE.qualified}") == [(3 * ROWS,)]
        assert pa.total_allocated_bytes() - before < window(0).nbytes / 10
        assert in_memory(warehouse) == 0
        store.close()


def test_of_the_descriptions_that_dlt_writes_down_only_the_newest_stays(where: Settings) -> None:
    ensure_raw_tables(where)
    with open_warehouse(where) as warehouse:
        for streams in ((STREAM, OTHER), (OTHER, STREAM)):  # another order is another description
            store = Store(warehouse, Connection("acme", "greenhouse"), greenhouse.STREAMS, where.home / "dlt")
            for n, stream in enumerate(streams):
                table = raw_table("greenhouse", stream)
                store.store(stream, [Load(table, ("connection_id", "id"), window(n, table))])
            store.close()
        assert warehouse.run("select count(*) from raw_greenhouse._dlt_version") == [(1,)]
