"""Where data is stored: one class a warehouse, picked by WAREHOUSE, and what readers get of it.

A zone is a file, because DuckDB has no users: `warehouse.duckdb` (the pipeline's), `demographics.duckdb` (restricted)
and `published/<role>-<version>.duckdb` (read-only, one series per role). Only the running pipeline opens the first two.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.database import OPEN_CONFIG, open_file
from ingestion.errors import PublishRefused, SettingInvalid, VersionNotKept
from ingestion.lock import warehouse_lock
from ingestion.settings import Settings, settings
from ingestion.streams import DataType, Zone

READER_CONFIG = {**OPEN_CONFIG, "enable_external_access": "false", "lock_configuration": "true"}
"""What a reader of a published file may do: read it. No COPY out, no ATTACH, no files, no changed settings."""

STORAGE_VERSION = "v1.0.0"
"""Published files are written in the storage format of DuckDB 1.0, so that BI tools with a 1.x library open them."""

KEPT_VERSIONS = 5

PUBLISHABLE = re.compile(r"(marts_\w+|validity)\.\w+")
"""Schemas that may leave the warehouse; raw, staging and canonical rows never do."""

TYPES: Mapping[DataType, str] = {
    "text": "varchar",
    "bigint": "bigint",
    "double": "double",
    "bool": "boolean",
    "timestamp": "timestamp with time zone",
    "date": "date",
}


@dataclass(frozen=True)
class Table:
    """A table the loader wants to exist: schema, name, columns with their types, key columns first."""

    schema: str
    name: str
    columns: Mapping[str, DataType]
    zone: Zone = "warehouse"

    @property
    def qualified(self) -> str:
        """The name as SQL wants it."""
        return f'"{self.schema}"."{self.name}"'


class DuckDBWarehouse:
    """The embedded default: files on this machine.

    One connection per zone file for the whole block, handed to dlt as well: a file opened twice with different settings
    is an error in DuckDB, and opening is where locks are taken.
    """

    def __init__(self, where: Settings) -> None:
        self._files: Mapping[Zone, Path] = {"warehouse": where.warehouse_file, "demographics": where.demographics_file}
        self._open: dict[Zone, duckdb.DuckDBPyConnection] = {}
        self._guard = threading.RLock()

    def close(self) -> None:
        """Close every file; nothing of this process holds them afterwards."""
        with self._guard:
            for connection in self._open.values():
                connection.close()
            self._open.clear()

    def connection(self, zone: Zone = "warehouse") -> duckdb.DuckDBPyConnection:
        """The zone's connection, opened on first use (mode 0600)."""
        with self._guard:
            if zone not in self._open:
                self._open[zone] = open_file(self._files[zone])
            return self._open[zone]

    def destination(self, zone: Zone = "warehouse") -> Any:
        """dlt's destination over the same connection."""
        import dlt

        return dlt.destinations.duckdb(self.connection(zone))

    def run(self, sql: str, values: Sequence[object] = (), zone: Zone = "warehouse") -> list[tuple[Any, ...]]:
        """Execute one statement and return its rows; an audit event before it lets tests kill between statements."""
        sys.audit("qoh.sql", sql)
        return self.connection(zone).execute(sql, values).fetchall()

    @contextmanager
    def transaction(self, zone: Zone = "warehouse") -> Iterator[None]:
        """All of the block's writes, or none."""
        self.run("begin", zone=zone)
        try:
            yield
        except BaseException:
            self.run("rollback", zone=zone)
            raise
        self.run("commit", zone=zone)

    def ensure(self, tables: Iterable[Table]) -> None:
        """Create missing tables and add missing columns; nothing is ever dropped or retyped here."""
        wanted = list(tables)
        for zone in sorted({table.zone for table in wanted}):
            existing = self._columns(zone)
            missing = [statement for table in wanted if table.zone == zone for statement in _additions(table, existing)]
            if missing:
                with self.transaction(zone):
                    for statement in missing:
                        self.run(statement, zone=zone)

    def _columns(self, zone: Zone) -> dict[tuple[str, str], set[str]]:
        found: dict[tuple[str, str], set[str]] = {}
        sql = (
            "select schema_name, table_name, column_name from duckdb_columns() where database_name = current_database()"
        )
        for schema, name, column in self.run(sql, zone=zone):
            found.setdefault((schema, name), set()).add(column)
        return found

    def changed(self, table: Table, batch: pa.Table) -> pa.Table:
        """Rows of `batch` that the table does not hold exactly so.

        An unchanged row is not written again: its load id then still says when it last changed, an unchanged sync costs
        no load, and models downstream see only news.
        """
        names = batch.column_names
        same = " and ".join(f'stored."{name}" is not distinct from batch."{name}"' for name in names)
        with self.connection(table.zone).cursor() as cursor:
            cursor.register("batch", batch)
            sql = f"select batch.* from batch anti join {table.qualified} as stored on {same}"
            return cursor.sql(sql).to_arrow_table()

    def checkpoint(self, zone: Zone = "warehouse") -> None:
        """Move what was committed from the log into the file, and out of memory.

        DuckDB does so by itself at a commit, but never while dlt's cursors are open: a first sync of millions of rows
        would stay in memory until the file is closed.
        """
        self.run("checkpoint", zone=zone)

    def clear_staging(self, dataset: str, zone: Zone = "warehouse") -> None:
        """Drop what a killed load left in dlt's staging tables."""
        self.run(f'drop schema if exists "{dataset}_staging" cascade', zone=zone)

    def forget_schemas(self, dataset: str, schema: str, zone: Zone = "warehouse") -> None:
        """Delete all but the newest of dlt's descriptions of a schema: every sync adds some, and none is ever read."""
        if (dataset, "_dlt_version") in self._columns(zone):
            self.run(
                f'delete from "{dataset}"._dlt_version where schema_name = $1 and inserted_at < '
                f'(select max(inserted_at) from "{dataset}"._dlt_version where schema_name = $1)',
                [schema],
                zone=zone,
            )


def _additions(table: Table, existing: Mapping[tuple[str, str], set[str]]) -> list[str]:
    columns = existing.get((table.schema, table.name))
    if columns is None:
        listed = ", ".join(f'"{name}" {TYPES[kind]}' for name, kind in table.columns.items())
        return [f'create schema if not exists "{table.schema}"', f"create table {table.qualified} ({listed})"]
    return [
        f'alter table {table.qualified} add column "{name}" {TYPES[kind]}'
        for name, kind in table.columns.items()
        if name not in columns
    ]


WAREHOUSES = {"duckdb": DuckDBWarehouse}


@contextmanager
def open_warehouse(where: Settings | None = None) -> Iterator[DuckDBWarehouse]:
    """The configured warehouse, open for writing while the block runs; the caller holds the lock.

    Raises:
        SettingInvalid: WAREHOUSE names none that exists.
    """
    where = where or settings()
    if where.warehouse not in WAREHOUSES:
        raise SettingInvalid("WAREHOUSE", where.warehouse, " or ".join(sorted(WAREHOUSES)))
    warehouse = WAREHOUSES[where.warehouse](where)
    try:
        yield warehouse
    finally:
        warehouse.close()


# ---------------------------------------------------------------------------------------------------- published files


PUBLISHED_COLUMNS = {
    "role": "varchar",
    "version": "varchar",
    "as_of": "timestamp with time zone",
    "published_at": "timestamp with time zone",
    "table_name": "varchar",
    "n_rows": "bigint",
}


def publish(
    role: str,
    tables: Sequence[str],
    as_of: datetime,
    where: Settings | None = None,
    comments: Mapping[str, str] | None = None,
) -> Path:
    """Write a role's tables into a new versioned file and let readers see it, in one step; call it after the gates.

    The file is complete and on disk before one symlink moves, so a reader sees the old version or the new one, and a
    kill at any moment leaves the old one. `CREATE TABLE AS` and not `COPY FROM DATABASE`: a copy would take raw tables
    along.

    Args:
        role: reader group, in the file's name ("analyst").
        tables: `schema.table` names; marts and estimates only.
        as_of: time the data stand for; goes into the table `meta.published`.
        where: settings, default those of the environment.
        comments: words kept in the file, by `schema.table` or `schema.table.column`; others are passed over.

    Returns:
        Path of the new version.

    Raises:
        PublishRefused: a name outside the publishable schemas, or a table that does not exist.
        LockHeld: another run holds the warehouse.
    """
    where = where or settings()
    for name in tables:
        if not PUBLISHABLE.fullmatch(name):
            raise PublishRefused(role, f"`{name}` is neither a mart nor an estimate")
    where.published.mkdir(mode=0o700, exist_ok=True)
    with warehouse_lock(where.lock_file), open_warehouse(where) as warehouse:
        for leftover in where.published.glob(f".{role}-*"):
            leftover.unlink()
        version = _next_version(where.published, role)
        draft = where.published / f".{role}-{version}.part"
        _write_tables(warehouse, role, tables, version, as_of, draft, comments or {})
        final = where.published / f"{role}-{version}.duckdb"
        _sync_to_disk(draft)
        draft.rename(final)
        _point(where.published / f"{role}.duckdb", final)
        for old in _versions(where.published, role)[:-KEPT_VERSIONS]:
            old.unlink()
    return final


def _write_tables(
    warehouse: DuckDBWarehouse,
    role: str,
    tables: Sequence[str],
    version: str,
    as_of: datetime,
    draft: Path,
    comments: Mapping[str, str],
) -> None:
    columns = warehouse._columns("warehouse")
    existing = {f"{schema}.{name}" for schema, name in columns}
    missing = sorted(set(tables) - existing)
    if missing:
        raise PublishRefused(role, f"{', '.join(f'`{name}`' for name in missing)} not built yet")
    warehouse.run(f"attach '{str(draft).replace(chr(39), chr(39) * 2)}' as out (storage_version '{STORAGE_VERSION}')")
    try:
        with warehouse.transaction():
            warehouse.run("create schema out.meta")
            kinds = ", ".join(f"{name} {kind}" for name, kind in PUBLISHED_COLUMNS.items())
            warehouse.run(f"create table out.meta.published ({kinds})")
            for name in sorted(set(tables)):
                schema, table = name.split(".")
                warehouse.run(f'create schema if not exists out."{schema}"')
                warehouse.run(f'create table out."{schema}"."{table}" as select * from "{schema}"."{table}"')
                warehouse.run(
                    f'insert into out.meta.published select ?, ?, ?, ?, ?, count(*) from out."{schema}"."{table}"',
                    [role, version, as_of, datetime.now(UTC), name],
                )
                _comment(warehouse, schema, table, columns[schema, table], comments)
            _comment(warehouse, "meta", "published", PUBLISHED_COLUMNS, comments)
    finally:
        warehouse.run("detach out")


def _comment(
    warehouse: DuckDBWarehouse, schema: str, table: str, columns: Iterable[str], comments: Mapping[str, str]
) -> None:
    """COMMENT takes no parameters, hence the quoting by hand."""
    name = f'out."{schema}"."{table}"'
    places = {f"table {name}": f"{schema}.{table}"}
    places |= {f'column {name}."{column}"': f"{schema}.{table}.{column}" for column in columns}
    for place, key in places.items():
        if key in comments:
            words = comments[key].replace("'", "''")
            warehouse.run(f"comment on {place} is '{words}'")


def _next_version(directory: Path, role: str) -> str:
    """A version that sorts after every other, also when two are written within a second or the clock goes back."""
    version = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    newest = max((path.stem.removeprefix(f"{role}-") for path in _versions(directory, role)), default="")
    return version if version > newest else f"{newest}n"


def _versions(directory: Path, role: str) -> list[Path]:
    return sorted(directory.glob(f"{role}-*.duckdb"))


def _sync_to_disk(path: Path) -> None:
    path.chmod(0o400)
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _point(link: Path, target: Path) -> None:
    draft = link.with_name(f".{link.name}.next")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target.name)
    draft.replace(link)


def show_version(role: str, version: str | None = None, where: Settings | None = None) -> Path:
    """Let readers see a version that is kept; no file is written or deleted, and the next publication goes on as ever.

    Args:
        role: reader group.
        version: as `published_versions` names it; by default the one before that which readers see.
        where: settings, default those of the environment.

    Returns:
        Path of that version.

    Raises:
        VersionNotKept: there is no such file, or none before.
        LockHeld: another run holds the warehouse.
    """
    where = where or settings()
    with warehouse_lock(where.lock_file):
        kept = published_versions(role, where)
        shown = published_path(role, where)
        if version is None:
            version = max((name for name, path in kept.items() if shown is not None and path < shown), default=None)
        if version not in kept:
            raise VersionNotKept(role, version)
        _point(where.published / f"{role}.duckdb", kept[version])
    return kept[version]


def published_versions(role: str, where: Settings | None = None) -> dict[str, Path]:
    """The versions that are kept, by name, oldest first."""
    found = _versions((where or settings()).published.resolve(), role)
    return {path.stem.removeprefix(f"{role}-"): path for path in found}


def published_path(role: str, where: Settings | None = None) -> Path | None:
    """The version readers see now, resolved; None before the first publication.

    Resolve first, then open: DuckDB opens a path several times, and the link may move in between.
    """
    link = (where or settings()).published / f"{role}.duckdb"
    return link.resolve() if link.exists() else None


def open_published(role: str, where: Settings | None = None) -> duckdb.DuckDBPyConnection:
    """A hardened read-only connection to the role's current version; works at any time, also during a sync.

    Raises:
        PublishRefused: nothing was published yet.
    """
    path = published_path(role, where)
    if path is None:
        raise PublishRefused(role, "nothing was published yet")
    return open_version(path)


def open_version(path: Path) -> duckdb.DuckDBPyConnection:
    """A hardened read-only connection to one published version."""
    return duckdb.connect(str(path), read_only=True, config=dict(READER_CONFIG))
