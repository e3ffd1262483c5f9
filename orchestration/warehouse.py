"""Short-lived connections to the warehouse file: opened for one question, closed before dbt or a reader needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pandas as pd

from ingestion.database import OPEN_CONFIG
from ingestion.settings import settings

TABLES = "select table_schema, table_name from information_schema.tables order by all"
COLUMNS = """
    select table_schema, table_name, column_name, data_type
    from information_schema.columns
    order by table_schema, table_name, ordinal_position
"""


@contextmanager
def warehouse(*, read_only: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse file, for the holder of the lock only."""
    connection = duckdb.connect(str(settings().warehouse_file), read_only=read_only, config=dict(OPEN_CONFIG))
    try:
        connection.execute("set timezone = 'UTC'")
        yield connection
    finally:
        connection.close()


def tables(schemas: Sequence[str] | None = None) -> list[str]:
    """Names (`schema.table`) of the tables and views, of these schemas or of all."""
    with warehouse() as connection:
        rows = connection.execute(TABLES).fetchall()
    return [f"{schema}.{table}" for schema, table in rows if schemas is None or schema in schemas]


def frame(table: str) -> pd.DataFrame:
    """One table as a frame."""
    return query(f"select * from {table}")


def query(statement: str) -> pd.DataFrame:
    """What a statement selects, as a frame."""
    with warehouse() as connection:
        return connection.execute(statement).df()


def count(table: str) -> int:
    """Rows of a table."""
    with warehouse() as connection:
        row = connection.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0


def row_counts(names: Sequence[str]) -> dict[str, int]:
    """Rows of each of these tables, in one query; of those that exist."""
    with warehouse() as connection:
        known = {f"{schema}.{name}" for schema, name in connection.execute(TABLES).fetchall()}
        counted = [f"select '{name}', count(*) from {name}" for name in dict.fromkeys(names) if name in known]
        return dict(connection.execute(" union all ".join(counted)).fetchall()) if counted else {}


def column_types(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Columns of each of these tables and views with their types, in their order."""
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    with warehouse() as connection:
        for schema, table, column, kind in connection.execute(COLUMNS).fetchall():
            if f"{schema}.{table}" in found:
                found[f"{schema}.{table}"][column] = kind
    return found


def write_frame(table: str, rows: pd.DataFrame) -> int:
    """Replace `schema.table` by these rows in one transaction.

    Returns:
        How many rows the table has now.
    """
    schema = table.partition(".")[0]
    with warehouse(read_only=False) as connection:
        connection.begin()
        connection.execute(f"create schema if not exists {schema}")
        connection.register("rows_to_write", rows)
        connection.execute(f"create or replace table {table} as select * from rows_to_write")
        connection.commit()
    return len(rows)
