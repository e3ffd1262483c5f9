"""Kill -9 at any moment of a sync, run once more: the data equal those of an undisturbed run, without a hand."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from .vendor import Vendor, department, moment, scorecard

ROOT = Path(__file__).parent.parent.parent
SEED = int(os.environ.get("QOH_CRASH_SEED", "20261123"))
TRIALS = int(os.environ.get("QOH_CRASH_TRIALS", "6"))

# When and by which run a row was written may differ; nothing else may.
VOLATILE = {"_dlt_load_id", "sweep_id", "swept_at", "done_at", "seen_at"}
VOLATILE |= {"window_start", "window_end", "covered_from", "covered_to", "completed_at"}
LOG = {"stream_runs", "sweeps", "connections", "_dlt_loads", "_dlt_version", "_dlt_pipeline_state"}


class Zygote:
    """Runs syncs in children that may be killed."""

    def __init__(self, tmp_path: Path) -> None:
        environment = {**os.environ, "QOH_KEYS": str(tmp_path / "keys"), "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "crashing.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        )

    def sync(self, home: Path, kill_at: int = 0) -> tuple[int, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(home, kill_at, file=self._process.stdin, flush=True)
        code, operations = self._process.stdout.readline().split()
        return int(code), int(operations)

    def close(self) -> None:
        assert self._process.stdin is not None
        with self._process:
            self._process.stdin.close()


@pytest.fixture
def zygote(tmp_path: Path, vendor: Vendor) -> Iterator[Zygote]:
    started = Zygote(tmp_path)
    yield started
    started.close()


def person(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "first_name": "Ada",
        "last_name": f"Number {number}",
        "email_addresses": [{"value": f"ada{number}@example.org", "type": "personal"}],
        "linked_user_ids": [number] if number % 3 == 0 else [],
        "created_at": moment(1),
        "updated_at": moment(1 + number % 5),
    }


def filled(vendor: Vendor) -> None:
    vendor.clock = datetime(2026, 4, 10, tzinfo=UTC)  # windows of 30 days: half of March is in the second one
    vendor.records = {
        "departments": [department(n, day=1 + n % 28) for n in range(80)],
        "scorecards": [
            scorecard(n, day=1 + n % 28, candidate_rating="superb" if n == 7 else "yes") for n in range(120)
        ],
        "candidates": [person(n) for n in range(90)],
        "sources": [{"id": n, "name": f"Reason {n}"} for n in range(5)],
        "eeoc": [
            {"id": n, "application_id": n, "candidate_id": n, "submitted_at": moment(2), "updated_at": moment(2)}
            for n in range(30)
        ],
    }


def contents(home: Path) -> dict[str, list[Any]]:
    """Every row of every zone, without what may differ."""
    found: dict[str, list[Any]] = {}
    for file in ("warehouse.duckdb", "demographics.duckdb", "vault.duckdb"):
        with duckdb.connect(str(home / file), read_only=True) as connection:
            tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            for schema, name in tables:
                if name in LOG or schema.endswith("_staging"):
                    continue
                columns = connection.execute(
                    "select column_name from duckdb_columns() where schema_name = ? and table_name = ? order by 1",
                    [schema, name],
                ).fetchall()
                kept = [f'"{column}"' for (column,) in columns if column not in VOLATILE]
                kept = [column for column in kept if not column.endswith('_seen_at"')]
                rows = connection.execute(f'select {", ".join(kept)} from "{schema}"."{name}" order by all').fetchall()
                found[f"{file}/{schema}.{name}"] = rows
    return found


@pytest.mark.slow
def test_a_sync_killed_anywhere_heals_by_itself(tmp_path: Path, vendor: Vendor, zygote: Zygote) -> None:
    filled(vendor)
    undisturbed = tmp_path / "undisturbed" / "data"
    code, operations = zygote.sync(undisturbed)
    assert code == 0
    assert int((undisturbed.parent / "statements").read_text()) > 50, "kills fall between statements too"
    expected = contents(undisturbed)
    assert len(expected["warehouse.duckdb/raw_greenhouse.scorecards"]) == 119
    assert len(expected["demographics.duckdb/raw_greenhouse.eeoc"]) == 30
    chance = random.Random(SEED)
    killed = 0
    for trial in range(TRIALS):
        home = tmp_path / f"trial_{trial}" / "data"
        # Evenly spread, so that few trials still meet every phase; now and then two kills in a row.
        first = 1 + (operations * trial) // TRIALS + chance.randrange(max(1, operations // TRIALS))
        points = [first] + ([chance.randrange(1, operations)] if trial % 3 == 0 else [])
        for point in points:
            killed += zygote.sync(home, point)[0] == -9
        said = f"seed {SEED}, trial {trial}, killed at operations {points} of {operations}"
        assert zygote.sync(home)[0] == 0, said
        found = contents(home)
        assert found.keys() == expected.keys(), said
        for table, rows in expected.items():
            assert found[table] == rows, f"{table}: {said}"
        assert not list((home / "dlt").glob("*")), said
    assert killed >= TRIALS
