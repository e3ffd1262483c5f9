"""`python -m ingestion` as an operator meets it, and what it leaves lying around."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingestion.settings import Settings

from .vendor import Vendor, department

ROOT = Path(__file__).parent.parent.parent


def command(where: Settings, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    where.connections.write_text('[[connection]]\nid = "acme"\nvendor = "greenhouse"\n')
    return subprocess.run(
        [sys.executable, "-m", "ingestion", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_sync_prints_a_line_per_stream_and_exits_by_code(where: Settings, vendor: Vendor) -> None:
    vendor.records["departments"] = [department(n) for n in range(3)]
    good = command(where, "acme", "--stream", "departments")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "departments: 3 rows, 3 changed" in good.stdout
    assert "Created new token keys" in good.stdout
    assert good.stderr == ""
    again = command(where, "acme", "--stream", "departments", "--reread")
    assert "departments: 3 rows, 0 changed" in again.stdout
    vendor.bend = lambda v, endpoint, n: v.answer({"errors": ["no"]}, 403)
    bad = command(where, "acme", "--stream", "departments", "--stream", "sources")
    assert bad.returncode == 4
    assert "harvest:departments:list" in bad.stdout
    assert command(where, "nonesuch").returncode == 2


@pytest.mark.parametrize("failure", ["401", "403", "500", "429", "html", "unreachable", "fine"])
def test_no_secret_and_no_person_is_printed_or_left_in_a_file(failure: str, where: Settings, vendor: Vendor) -> None:
    person = {
        "id": 5,
        "first_name": "Canaryfirst",
        "last_name": "Canarylast",
        "email_addresses": [{"value": "canary.mail@example.org", "type": "personal"}],
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }
    vendor.records["candidates"] = [person, {**person, "id": None}, {**person, "id": 6, "updated_at": "Canarydate"}]
    said = {"errors": ["canary-token-1 of Canarylast canary.mail@example.org"]}

    def fail(v: Vendor, endpoint: str, number: int) -> object:
        if failure in ("401", "403", "500", "429"):
            return v.answer(said if failure != "403" else {}, int(failure), {"Retry-After": "60"})
        return v.answer(b"<html>Canarylast</html>") if failure == "html" else None

    vendor.bend = fail  # type: ignore[assignment]
    where.connections.write_text(
        '[[connection]]\nid = "acme"\nvendor = "greenhouse"\n[connection.options]\nmax_wait_seconds = 1\n'
    )
    changed = (
        {"GREENHOUSE_BASE_URL": "http://canary-user:canary-pass@127.0.0.1:9/v3"} if failure == "unreachable" else {}
    )
    finished = subprocess.run(
        [sys.executable, "-m", "ingestion", "acme", "--stream", "candidates"],
        cwd=ROOT,
        env={**os.environ, **changed, "RUNTIME__LOG_LEVEL": "DEBUG"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == (0 if failure == "fine" else 4), finished.stdout + finished.stderr
    printed = (finished.stdout + finished.stderr).lower()
    assert "canary" not in printed, printed[printed.index("canary") - 200 :][:400]
    for path in where.home.rglob("*"):
        if path.is_file() and path.name != "vault.duckdb":
            content = path.read_bytes().lower()
            assert b"canary" not in content, path
    assert all(path.stat().st_mode & 0o077 == 0 for path in where.home.glob("*.duckdb"))
    assert where.home.stat().st_mode & 0o077 == 0
