"""After a real sync nobody can be recognised in any file but the vault."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.connections import Connection
from ingestion.load import sync
from ingestion.privacy import Keys, Projection, Vault, VaultRow
from ingestion.settings import settings

from .helpers import BAMBOOHR_OPTIONS, records_of, stream_of

STREAMS = {
    "greenhouse": ["candidates", "candidate_email_addresses", "applications", "users", "eeoc"],
    "bamboohr": ["employees"],
    "lattice": ["users"],
}


def identifiers(connect: Any) -> set[str]:
    """Every address and every long surname the faces show."""
    found: set[str] = set()
    for record in records_of(connect("greenhouse"), stream_of("greenhouse", "candidates")):
        found |= {address["value"] for address in record.get("email_addresses") or ()}
        found.add(record.get("last_name") or "")
    for record in records_of(connect("bamboohr"), stream_of("bamboohr", "employees")):
        found |= {record["workEmail"] or "", record["homeEmail"] or "", record["lastName"] or ""}
    return {text for text in found if len(text) >= 6}


def text_columns(path: Path) -> list[tuple[str, str]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() "
            "where not internal and data_type = 'VARCHAR'"
        ).fetchall()
        values: list[tuple[str, str]] = []
        for schema, table, column in rows:
            query = f'select distinct "{column}" from "{schema}"."{table}" where "{column}" is not null'
            values += [(f"{schema}.{table}.{column}", value) for (value,) in connection.execute(query).fetchall()]
    return values


@pytest.mark.slow
def test_no_file_but_the_vault_holds_an_address_a_surname_or_a_source_id(company: Any, connect: Any) -> None:
    for vendor, names in STREAMS.items():
        options = BAMBOOHR_OPTIONS if vendor == "bamboohr" else {}
        result = sync(Connection(f"{vendor}_main", vendor, {}, options), names)
        assert not result.failed, [stream.error for stream in result.failed]
    clear = identifiers(connect)
    assert len(clear) > 500
    home = settings().home
    files = [path for path in home.rglob("*") if path.is_file() and not path.name.startswith("vault.duckdb")]
    assert {path.name for path in files} >= {"warehouse.duckdb", "demographics.duckdb"}
    for path in files:
        content = path.read_bytes()
        assert not [text for text in clear if text.encode() in content], path.name
        assert not path.stat().st_mode & 0o077, path.name
    source_ids = {str(r["id"]) for r in records_of(connect("greenhouse"), stream_of("greenhouse", "candidates"))}
    source_ids |= {str(r["id"]) for r in records_of(connect("greenhouse"), stream_of("greenhouse", "applications"))}
    for path in (settings().warehouse_file, settings().demographics_file):
        for column, value in text_columns(path):
            assert "@" not in value, column
            assert value not in clear, column
            assert value not in source_ids, column


REFUSALS = [
    (403, {}),
    (422, {"errors": ["Employee Quilla Zanderfeld (q.zanderfeld, 48213) has no field terminationDate"]}),
    (500, {}),
]


@pytest.mark.parametrize(("status", "body"), REFUSALS, ids=lambda value: str(value) if isinstance(value, int) else "")
def test_what_a_refused_employee_leaves_behind_does_not_say_who_it_was(
    serve: Any, caplog: pytest.LogCaptureFixture, status: int, body: Any
) -> None:
    def answer(path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path == "/employees/changed":
            changed = {n: {"id": n, "action": "Updated", "lastChanged": "2026-01-01T00:00:00Z"} for n in ("48213", "7")}
            return 200, {"latest": "2026-01-01T00:00:00Z", "employees": changed}
        if path == "/employees":
            listed = [{"employeeId": n, "status": "Active", "lastName": "Zanderfeld"} for n in ("48213", "7")]
            return 200, {"data": listed, "meta": {"page": {"limit": 250, "nextCursor": None}}}
        if path == "/meta/fields":
            return 200, []
        return (status, body) if path == "/employees/48213" else (200, {"id": "7"})

    serve("bamboohr", answer)
    connection = Connection("bamboohr_main", "bamboohr", {}, {"max_wait_seconds": 1})
    [result] = sync(connection, ["employees"]).streams
    assert result.status == ("ok" if status == 403 else "failed")
    assert result.n_quarantined == (1 if status == 403 else 0)
    told = [f"{result.error}", caplog.text, *(value for _, value in text_columns(settings().warehouse_file))]
    assert not [text for text in told if re.search(r"48213|zanderfeld", text, re.IGNORECASE)]
    if status != 403:
        assert "/employees/…" in str(result.error)


WRITER = """
import sys
from pathlib import Path
from ingestion.privacy import Projection, Vault, VaultRow
n = 0
while True:
    n += 1
    batch = []
    for person in range(50):
        rows = tuple(VaultRow("candidate", f"t{person}", name, f"candidates:t{person}", f"{name} {n}", "k")
                     for name in ("first_name", "last_name", "email"))
        batch.append(Projection({}, rows, f"candidates:t{person}"))
    with Vault(Path(sys.argv[1])) as vault:
        vault.upsert("c", batch)
    print(n, flush=True)
"""


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.15])
def test_a_vault_whose_writer_is_killed_holds_one_whole_batch(tmp_path: Path, moment: float) -> None:
    path = tmp_path / "vault.duckdb"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(moment)
    writer.send_signal(signal.SIGKILL)
    written = 1 + len(writer.stdout.read().split())
    writer.wait()
    writer.stdout.close()
    with Vault(path) as vault:
        rows = vault.connection.execute("select token, attribute, value from people").fetchall()
    assert len(rows) == 150
    assert {value.split()[-1] for _, _, value in rows} <= {str(written), str(written + 1)}
    assert len({value.split()[-1] for _, _, value in rows}) == 1
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_carries_clear_values_does_not_show_them() -> None:
    row = VaultRow("candidate", "t", "email", "candidates:t", "ines@example.org", "k")
    keys = Keys(b"p" * 32, b"d" * 32, b"f" * 32)
    shown = repr([row, Projection({"id": "t"}, (row,), "candidates:t"), keys])
    assert "ines" not in shown
    assert "ppp" not in shown
    assert json.dumps(str(keys)).isascii()
