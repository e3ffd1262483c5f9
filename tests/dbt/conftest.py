"""Real dbt over real DuckDB: raw tables made by the loader, rows written by hand, one build a firm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.load import ensure_raw_tables
from ingestion.settings import settings

PROJECT = Path(__file__).parents[2] / "dbt_project"

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Table (`raw_files.employees`) to its rows; columns left out are null."""


@dataclass(frozen=True)
class Built:
    """A firm's warehouse after `dbt build`."""

    home: Path
    target: Path
    output: str

    def rows(self, sql: str, zone: str = "warehouse") -> list[tuple[Any, ...]]:
        """Answer of a query on the built warehouse."""
        with duckdb.connect(str(self.home / f"{zone}.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    @property
    def manifest(self) -> dict[str, Any]:
        """dbt's manifest of the build."""
        loaded: dict[str, Any] = json.loads((self.target / "manifest.json").read_text(encoding="utf-8"))
        return loaded


def _insert(home: Path, rows: Rows) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for table, records in rows.items():
            for record in records:
                names = ", ".join(f'"{name}"' for name in record)
                marks = ", ".join("?" for _ in record)
                connection.execute(f"insert into {table} ({names}) values ({marks})", list(record.values()))


def run_dbt(home: Path, target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """dbt as its own process, as the pipeline runs it: DuckDB's lock belongs to one process."""
    command = [sys.executable, "-m", "dbt.cli.main", *arguments]
    places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(target)]
    env = {
        **os.environ,
        "QOH_WAREHOUSE_PATH": str(home / "warehouse.duckdb"),
        "QOH_DEMOGRAPHICS_PATH": str(home / "demographics.duckdb"),
    }
    return subprocess.run(
        [*command, *places, "--log-path", str(target / "logs")],
        capture_output=True,
        text=True,
        env=env,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Built]:
    """Build a warehouse from hand-written raw rows; the parsed project is shared by all builds of the session."""
    shared = tmp_path_factory.mktemp("target")

    def made(name: str, rows: Rows, *arguments: str, target: Path = shared) -> Built:
        home = tmp_path_factory.mktemp(name)
        # Only while it builds: another package's tests may come next in this process, with a home of their own.
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("QOH_HOME", str(home))
            patch.setenv("QOH_KEYS", str(home / "keys"))
            ensure_raw_tables(settings())
            _insert(home, rows)
            done = run_dbt(home, target, "build", *arguments)
        assert done.returncode == 0, done.stdout[-4000:]
        return Built(home, target, done.stdout)

    return made


@pytest.fixture(scope="session")
def empty(build: Callable[..., Built]) -> Built:
    """A firm without a single row, with dbt's unit tests."""
    return build("empty", {})
