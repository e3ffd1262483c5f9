"""What a number was made from, so that it can be made again to the digit: loads, SQL, inputs, code and seed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from ingestion.database import OPEN_CONFIG
from ingestion.settings import settings
from orchestration.inputs import Inputs, digest
from orchestration.manifest import manifest

SEED = 20_260_823
DIGITS = 16
LIBRARIES = ("numpy", "pandas", "scipy", "statsmodels")


@dataclass(frozen=True)
class Lineage:
    """Columns that every result row carries, and the loads behind them (one row per connection and raw table)."""

    stamp: dict[str, Any]
    loads: pd.DataFrame


def lineage(as_of: datetime, definition_version: str, read: Inputs, seed: int = SEED) -> Lineage:
    """The lineage of results made now from these inputs and the warehouse, whose lock the caller holds.

    The inputs themselves are in the id: a decided link, a variable of the dbt project, a macro or the firm's time zone
    changes them without any new load.
    """
    found = loads()
    text = found.to_csv(index=False) + code_version() + manifest_hash() + digest(read) + str(seed) + as_of.isoformat()
    identity = _digest(text.encode())
    return Lineage(stamp(identity, as_of, definition_version, seed), found.assign(lineage_id=identity))


def stamp(identity: str | None, as_of: datetime, definition_version: str, seed: int = SEED) -> dict[str, Any]:
    """The lineage columns of a result."""
    return {
        "as_of": as_of,
        "definition_version": definition_version,
        "lineage_id": identity,
        "code_version": code_version(),
        "manifest_hash": manifest_hash(),
        "seed": seed,
    }


def loads() -> pd.DataFrame:
    """The newest load of every connection's raw tables; rows are not counted in the demographics file."""
    zones = ((settings().warehouse_file, "count(*)"), (settings().demographics_file, "null"))
    parts = [part for file, counted in zones if file.exists() for part in _loads_of(file, counted)]
    columns = ["connection_id", "stream", "load_id", "n_rows"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _loads_of(file: Path, counted: str) -> list[pd.DataFrame]:
    with duckdb.connect(str(file), read_only=True, config=dict(OPEN_CONFIG)) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.columns where starts_with(table_schema, 'raw_') "
            "and column_name in ('connection_id', '_dlt_load_id') group by all having count(*) = 2 order by all"
        ).fetchall()
        parts = [
            connection.execute(
                f"select connection_id, '{schema}.{table}' as stream, max(_dlt_load_id) as load_id, "
                f'({counted})::bigint as n_rows from {schema}."{table}" group by connection_id order by connection_id'
            ).df()
            for schema, table in names
        ]
    return [part.astype({"n_rows": "Int64"}) for part in parts if len(part)]


def code_version() -> str:
    """Version of the distribution, and a digest of the statistics and of the libraries that they compute with."""
    sources = sorted((Path(__file__).parents[1] / "validity").glob("*.py"))
    libraries = " ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES)
    content = b"".join(source.read_bytes() for source in sources) + libraries.encode()
    return f"{metadata.version('quality-of-hire')}+{_digest(content)}"


def manifest_hash() -> str:
    """Digest over the checksums of all models and seeds."""
    nodes = json.loads(manifest().read_text())["nodes"]
    sums = {name: node["checksum"]["checksum"] for name, node in nodes.items() if node.get("checksum")}
    return _digest(json.dumps(sums, sort_keys=True).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]
