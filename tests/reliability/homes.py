"""A home of its own, the real command in it, and the rows that it leaves, without what may differ between two runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "connections.example.toml"

Prints = dict[str, tuple[int, str]]
"""Table to its number of rows and an order-free hash of them."""

# Two equal warehouses may differ in when, and by which load, a row was written; in nothing else.
VOLATILE = {
    "*": {"_dlt_load_id", "_dlt_id", "lineage_id"},
    "canonical": {"loaded_at"},
    "marts_ops.connections": {"last_seen_at", "first_seen_at"},
    "marts_ops.check_outcomes": {"n_rows", "message", "status", "reason", "n_failing"},
    "meta.published": {"version", "published_at"},
    "raw_files.drops": {"loaded_at"},
    "raw_links.vault_matches": {"decided_at"},
    "raw_ops.quarantine": {"first_seen_at", "last_seen_at", "window_start", "window_end"},
    "validity.validity_lineage": {"load_id"},
    "snapshots": {"dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to"},
}
# These say when and how often something ran. Ids of sweeps hold one row per sweep; what they mean is `deleted_at`.
RUNTIME_TABLES = {
    *("raw_ops.stream_runs", "raw_ops.sweeps", "raw_ops.stream_state", "raw_ops.done_units", "raw_ops.connections"),
    "marts_ops.stream_health",
}


@dataclass(frozen=True)
class Home:
    """One QOH_HOME with its keys, and the commands run in it."""

    path: Path
    connections: Path = EXAMPLE

    @property
    def data(self) -> Path:
        """QOH_HOME."""
        return self.path / "data"

    @property
    def warehouse(self) -> Path:
        """The pipeline's file."""
        return self.data / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        """The version that readers see now."""
        return (self.data / "published" / "analyst.duckdb").resolve(strict=True)

    def env(self, more: Mapping[str, str]) -> dict[str, str]:
        """The environment of a command in this home; nothing of the caller's own settings."""
        own = ("QOH_", "DAGSTER_HOME", "GREENHOUSE", "BAMBOOHR_", "LATTICE_", "FILES_URL")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        places = {"QOH_HOME": self.data, "QOH_KEYS": self.path / "keys", "QOH_CONNECTIONS": self.connections}
        return kept | dict(more) | {name: str(place) for name, place in places.items()}

    def start(self, env: Mapping[str, str], log: Path, *arguments: str) -> subprocess.Popen[bytes]:
        """`qoh` with these arguments, in a process group of its own."""
        with log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "orchestration.cli", *arguments],
                cwd=ROOT,
                env=self.env(env),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, env: Mapping[str, str], *arguments: str, expected: int = 0) -> str:
        """`qoh run` to its end; returns what it printed."""
        done = self.command(env, "-m", "orchestration.cli", "run", *arguments)
        text = done.stdout + done.stderr
        assert done.returncode == expected, f"`qoh run` exited with {done.returncode}:\n{text[-6000:]}"
        return text

    def command(self, env: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        """This Python with arguments, to its end."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.env({"COLUMNS": "200", **env}),
            capture_output=True,
            text=True,
            timeout=600,
        )

    def copy_to(self, path: Path) -> Home:
        """A copy that goes its own way."""
        shutil.copytree(self.path, path, symlinks=True)
        return Home(path, self.connections)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Answer of a query on the warehouse; no run may be under way."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()


def follow(log: Path, process: subprocess.Popen[bytes]) -> dict[str, tuple[float, float]]:
    """Seconds from start at which each stage of a run began and ended, as its lines appear in the log."""
    started = time.monotonic()
    begun: dict[str, float] = {}
    while process.poll() is None:
        for name in stages(log):
            begun.setdefault(name, time.monotonic() - started)
        time.sleep(0.01)
    moments = [*begun.values(), time.monotonic() - started]
    return {name: (moments[number], moments[number + 1]) for number, name in enumerate(begun)}


def stages(log: Path) -> list[str]:
    """Stages that a run has announced so far, in order."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return [line.removesuffix(" …") for line in lines if line.endswith(" …")]


def fingerprint(database: Path) -> Prints:
    """Rows and an order-free hash of every table, without the columns that say when it was written."""
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name, list(column_name order by column_name) from duckdb_columns()"
            " where schema_name || '.' || table_name in (select schema_name || '.' || table_name from duckdb_tables())"
            " and schema_name not like '%\\_staging' escape '\\' and table_name not like '\\_dlt%' escape '\\'"
            " and table_name not like '%\\_\\_ids' escape '\\' and not internal group by all order by all"
        ).fetchall()
        prints: Prints = {}
        for schema, table, columns in tables:
            name = f"{schema}.{table}"
            if name in RUNTIME_TABLES:
                continue
            left_out = VOLATILE["*"] | VOLATILE.get(schema, set()) | VOLATILE.get(name, set())
            kept = [_compared(column) for column in columns if column not in left_out]
            prints[name] = connection.execute(
                f"select count(*), md5(coalesce(string_agg(h, '' order by h), '')) from (select md5(concat_ws('|', "
                f'{", ".join(f"coalesce({column}, chr(1))" for column in kept)})) as h from "{schema}"."{table}")'
            ).fetchone()  # type: ignore[assignment]
    return prints


def _compared(column: str) -> str:
    # A deletion is dated by the sweep that missed the record: whether is compared, when is not.
    return f'("{column}" is null)::varchar' if column == "deleted_at" else f'"{column}"::varchar'


def differences(expected: Prints, seen: Prints) -> list[str]:
    """One line per table that is not the same."""
    return [
        f"{name}: expected {expected.get(name)}, seen {seen.get(name)}"
        for name in sorted(expected.keys() | seen.keys())
        if expected.get(name) != seen.get(name)
    ]
