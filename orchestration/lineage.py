"""What a number was made from, so that it can be made again to the digit: loads, SQL, code and seed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from orchestration.manifest import manifest
from orchestration.warehouse import warehouse

SEED = 20_260_823
DIGITS = 16


@dataclass(frozen=True)
class Lineage:
    """Columns that every result row carries, and the loads behind them (one row per connection and raw table)."""

    stamp: dict[str, Any]
    loads: pd.DataFrame


def lineage(as_of: datetime, definition_version: str, seed: int = SEED) -> Lineage:
    """The lineage of results made now from the warehouse, whose lock the caller holds."""
    found = loads()
    code, models = code_version(), manifest_hash()
    text = found.to_csv(index=False) + code + models + str(seed) + as_of.isoformat()
    identity = _digest(text.encode())
    stamp = {
        "as_of": as_of,
        "definition_version": definition_version,
        "lineage_id": identity,
        "code_version": code,
        "manifest_hash": models,
        "seed": seed,
    }
    return Lineage(stamp, found.assign(lineage_id=identity))


def loads() -> pd.DataFrame:
    """The newest load and the number of rows of every connection's raw tables."""
    with warehouse() as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.columns where starts_with(table_schema, 'raw_') "
            "and column_name in ('connection_id', '_dlt_load_id') group by all having count(*) = 2 order by all"
        ).fetchall()
        parts = [
            connection.execute(
                f"select connection_id, '{schema}.{table}' as stream, max(_dlt_load_id) as load_id, count(*) as n_rows "
                f'from {schema}."{table}" group by connection_id order by connection_id'
            ).df()
            for schema, table in names
        ]
    columns = ["connection_id", "stream", "load_id", "n_rows"]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True)[columns] if filled else pd.DataFrame(columns=columns)


def code_version() -> str:
    """Version of the distribution, and a digest of the statistics: a change of either is another code."""
    sources = sorted((Path(__file__).parents[1] / "validity").glob("*.py"))
    return f"{metadata.version('quality-of-hire')}+{_digest(b''.join(source.read_bytes() for source in sources))}"


def manifest_hash() -> str:
    """Digest over the checksums of all models and seeds."""
    nodes = json.loads(manifest().read_text())["nodes"]
    sums = {name: node["checksum"]["checksum"] for name, node in nodes.items() if node.get("checksum")}
    return _digest(json.dumps(sums, sort_keys=True).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]
