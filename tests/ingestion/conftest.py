"""A home of its own for every test, a bendable vendor, and one place to sync from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.connections import Connection
from ingestion.load import sync
from ingestion.results import SyncResult
from ingestion.settings import Settings, settings

from .vendor import Vendor, running


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("QOH_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("QOH_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("QOH_CONNECTIONS", str(tmp_path / "connections.toml"))
    return settings()


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    with running(Vendor()) as started:
        for name, value in started.env.items():
            monkeypatch.setenv(name, value)
        yield started


@dataclass
class Desk:
    """A connection to the vendor and a look into the warehouse."""

    where: Settings
    connection: Connection

    def sync(self, *streams: str, **more: Any) -> SyncResult:
        return sync(self.connection, list(streams) or None, where=self.where, **more)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.where.warehouse_file), read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def desk(where: Settings, vendor: Vendor) -> Desk:
    return Desk(where, Connection("acme", "greenhouse", options={"max_wait_seconds": 20}))


@pytest.fixture
def desk_for(where: Settings) -> Callable[[Connection], Desk]:
    return lambda connection: Desk(where, connection)
