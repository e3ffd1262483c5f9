"""A renamed connection takes its rows along: `formerly = ["old_id"]` in connections.toml.

The id is in every key, so a new id reads everything anew beside the old rows: every employee and application would be
there twice. Tokens do not depend on the id; joining the two is a matter of keys only.

No transaction spans two files. The old id's row of `raw_ops.connections` goes last, with the warehouse's own rows, so
a run that was killed between two files is completed by the next.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingestion.connections import Connection
from ingestion.connectors import vendors
from ingestion.errors import RenameRefused
from ingestion.privacy import Vault
from ingestion.settings import Settings
from ingestion.storing import IDS, dataset
from ingestion.streams import Zone
from ingestion.warehouse import DuckDBWarehouse

Run = Callable[[str, Sequence[object]], Any]

ID_COLUMNS = ("connection_id", "candidate_connection_id", "employee_connection_id")
ZONES: tuple[Zone, ...] = ("demographics", "warehouse")  # the warehouse last: it says what is still to be renamed


@dataclass(frozen=True)
class Keyed:
    """Which rows of two ids are one row, and which of them stays.

    Attributes:
        keys: columns that name a row besides the connection's id; none where rows of both ids stay.
        rank: expression over `{row}`; the row with the greater one stays, the new id's if they are equal.
    """

    keys: tuple[str, ...] = ()
    rank: str = "0"


_PAIR = ("candidate_connection_id", "candidate_id", "employee_connection_id", "employee_id")
_DECIDED = "epoch({row}.decided_at)"
OWN_TABLES = {
    # The one that is less far stays, an unread one (--reread) before all: what it lacks is read again, and nothing is
    # taken for read that was not.
    "stream_state": Keyed(("stream",), "-coalesce(epoch({row}.covered_to), epoch({row}.completed_at), 0)"),
    "done_units": Keyed(("stream", "unit")),
    "quarantine": Keyed(("stream", "record_key", "rule"), "epoch({row}.last_seen_at)"),
}
VAULT_TABLES = {
    "people": Keyed(("source",), "epoch({row}.seen_at)"),
    "matches": Keyed(_PAIR, _DECIDED),
    "decisions": Keyed(_PAIR, _DECIDED),
    "review_queue": Keyed(_PAIR),
}


def rename(warehouse: DuckDBWarehouse, connection: Connection, where: Settings) -> list[str]:
    """Give what is stored under the former ids of a connection to its id; the caller holds the lock.

    Returns:
        One sentence per former id that had rows.

    Raises:
        RenameRefused: a former id belongs to another vendor; nothing was changed then.
    """
    known = dict(warehouse.run("select connection_id, vendor from raw_ops.connections"))
    former = [old for old in connection.formerly if old in known]
    for old in former:
        if known[old] != connection.vendor:
            raise RenameRefused(connection.id, connection.vendor, old, known[old])
    for old in former:
        _rename(warehouse, connection, old, where)
    return [
        f"Connection `{old}` is now `{connection.id}`: its rows and how far they reach moved along." for old in former
    ]


def _rename(warehouse: DuckDBWarehouse, connection: Connection, old: str, where: Settings) -> None:
    directory = where.dlt / old
    if directory.exists():  # of a run that was killed; it holds rows, and nobody else would remove it
        for zone in ZONES:
            warehouse.clear_staging(dataset(connection.vendor), zone)
        shutil.rmtree(directory)
    if where.vault_file.exists():
        with Vault(where.vault_file) as vault, vault.transaction() as file:
            for table, keyed in VAULT_TABLES.items():
                for column in ("connection_id",) if table == "people" else ID_COLUMNS[1:]:
                    rekey(file.execute, table, column, old, connection.id, keyed)
    for zone in ZONES:
        if zone == "demographics" and not where.demographics_file.exists():
            continue
        with warehouse.transaction(zone):
            _rename_tables(warehouse, zone, connection, old)


def _rename_tables(warehouse: DuckDBWarehouse, zone: Zone, connection: Connection, old: str) -> None:
    def run(sql: str, values: Sequence[object]) -> Any:
        return warehouse.run(sql, values, zone)

    for schema, table, column in _places(warehouse, zone):
        qualified = f'"{schema}"."{table}"'
        if schema == "snapshots":
            _end_versions(run, qualified, history_key(table), old, connection.id)
        rekey(run, qualified, column, old, connection.id, _keyed(schema, table, connection.vendor))
    if zone == "warehouse":
        _rename_connection(run, old, connection.id)


def history_key(table: str) -> str:
    """What names a record in a snapshot besides its connection: `jobs_history` has a `job_id`."""
    return f"{table.removesuffix('s_history')}_id"


def _end_versions(run: Run, table: str, key: str, old: str, new: str) -> None:
    """A record's versions of the old id end where those of the new id begin, if they have begun."""
    begun = f"(select {key}, min(dbt_valid_from) as at from {table} where connection_id = ? group by {key}) as begun"
    same = f"here.connection_id = ? and here.{key} = begun.{key}"
    run(f"delete from {table} as here using {begun} where {same} and here.dbt_valid_from >= begun.at", [new, old])
    run(
        f"update {table} as here set dbt_valid_to = begun.at from {begun} "
        f"where {same} and coalesce(here.dbt_valid_to, begun.at) >= begun.at",
        [new, old],
    )


def _places(warehouse: DuckDBWarehouse, zone: Zone) -> Iterator[tuple[str, str, str]]:
    """Schema, table and column wherever the loader or a snapshot keeps a connection's id; models are built anew."""
    rows = warehouse.run(
        "select schema_name, table_name, column_name from duckdb_columns() "
        "where database_name = current_database() order by all",
        zone=zone,
    )
    for schema, table, column in rows:
        is_kept = schema == "snapshots" or (schema.startswith("raw_") and not schema.endswith("_staging"))
        if is_kept and column in ID_COLUMNS and (schema, table) != ("raw_ops", "connections"):
            yield schema, table, column


def _keyed(schema: str, table: str, vendor: str) -> Keyed:
    if schema == "raw_ops":
        return OWN_TABLES.get(table, Keyed())
    if schema == "raw_links":
        return VAULT_TABLES["matches"]
    if table.endswith(IDS):
        return Keyed(("id",), "epoch({row}.swept_at)")
    keys = {stream.name: stream.key for stream in vendors()[vendor].STREAMS if schema == dataset(vendor)}
    return Keyed(keys[table], "{row}._dlt_load_id::double") if table in keys else Keyed()


def rekey(run: Run, table: str, column: str, old: str, new: str, keyed: Keyed) -> None:
    """Move the rows of one table from one id to another; where both have a row, one stays."""
    if keyed.keys:
        same = " and ".join(f'other."{key}" is not distinct from here."{key}"' for key in keyed.keys if key != column)
        here, other = (f"coalesce({keyed.rank.format(row=row)}, -1e18)" for row in ("here", "other"))
        both = (
            f"from {table} as here where here.{column} = ? and exists "
            f"(select 1 from {table} as other where other.{column} = ? and {same}"
        )
        run(f"delete {both} and {other} >= {here})", [old, new])
        run(f"delete {both})", [new, old])
    run(f"update {table} set {column} = ? where {column} = ?", [new, old])


def _rename_connection(run: Run, old: str, new: str) -> None:
    run(
        "update raw_ops.connections set first_seen_at = least(first_seen_at, "
        "(select first_seen_at from raw_ops.connections where connection_id = ?)) where connection_id = ?",
        [old, new],
    )
    run(
        "update raw_ops.connections set connection_id = ?, is_active = true where connection_id = ? "
        "and not exists (select 1 from raw_ops.connections where connection_id = ?)",
        [new, old, new],
    )
    run("delete from raw_ops.connections where connection_id = ?", [old])
