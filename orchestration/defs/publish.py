"""The published file: written after every gate passed, then one pointer moves. Readers never meet a writer."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as JUDGED,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from expectations.tables import CHECK_OUTCOMES
from ingestion.errors import NothingPublished
from orchestration import progress
from orchestration.columns import column_schema
from orchestration.defs.fairness import FAIRNESS_KEY
from orchestration.defs.transform import mart_keys
from orchestration.defs.validity import SCHEMA, data_clock, result_tables
from orchestration.defs.writer import WRITER_POOL, WarehouseWriter
from orchestration.dictionary import PUBLISHED, comments

ROLE = "analyst"
ANALYST_KEY = dg.AssetKey(["published", ROLE])
DECLARED_SEVERITY = "declared_severity"
"""Metadata of a check: error or warning. What a single judgement weighs stands in its own severity."""
SHOWN = 20


def result_keys() -> list[dg.AssetKey]:
    """Assets of all results."""
    return [*(dg.AssetKey([SCHEMA, name]) for name in result_tables()), FAIRNESS_KEY]


def published_file() -> Path:
    """The version readers see now.

    Raises:
        NothingPublished: before the first version.
    """
    from ingestion.warehouse import published_path

    path = published_path(ROLE)
    if path is None:
        raise NothingPublished
    return path


def published_row_counts() -> dict[str, int]:
    """Rows per table of the current version: what the volume checks compare with; nothing before the first."""
    from ingestion.warehouse import open_published, published_path

    if published_path(ROLE) is None:
        return {}
    with open_published(ROLE) as connection:
        return dict(connection.execute("select table_name, n_rows from meta.published").fetchall())


def sha256(path: Path) -> str:
    """Hash of a finished version, by another process: reading a database file drops DuckDB's locks in this one."""
    code = "import hashlib,sys; print(hashlib.file_digest(open(sys.argv[1],'rb'),'sha256').hexdigest())"
    done = subprocess.run([sys.executable, "-I", "-c", code, str(path)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def closed_gates(instance: dg.DagsterInstance, gates: Sequence[dg.AssetCheckSpec]) -> list[str]:
    """Gates not known to be open, each with its reason; they count also when publishing alone was asked for."""
    storage = instance.event_log_storage
    latest = storage.get_latest_asset_check_execution_by_key([gate.key for gate in gates])
    made = storage.get_latest_materialization_events(sorted({gate.asset_key for gate in gates}))
    reasons = {gate.key: _closed(gate, latest.get(gate.key), made.get(gate.asset_key)) for gate in gates}
    return sorted(f"{'.'.join(key.asset_key.path)}: {key.name} ({reason})" for key, reason in reasons.items() if reason)


def _closed(
    gate: dg.AssetCheckSpec, record: AssetCheckExecutionRecord | None, made: dg.EventLogEntry | None
) -> str | None:
    if record is None:
        return "never ran"
    if record.status not in JUDGED or not (record.event and record.evaluation):
        return "was planned and not judged"
    if not record.evaluation.passed and record.evaluation.severity == dg.AssetCheckSeverity.ERROR:
        return "failed"
    if is_error(gate) and made and record.event.timestamp < made.timestamp:
        return "judged an older version of its table"
    return None


def is_error(gate: dg.AssetCheckSpec) -> bool:
    """Whether the check blocks when it fails; dbt's blocking tests are all errors."""
    return gate.metadata.get(DECLARED_SEVERITY, "error") == "error"


def refusal(closed: Sequence[str]) -> str:
    """Why nothing was published, and what to do."""
    named = [*closed[:SHOWN], *([f"… and {len(closed) - SHOWN} more"] if len(closed) > SHOWN else [])]
    return (
        f"`{ROLE}`: {len(closed)} of the checks that must hold before publishing do not: {'; '.join(named)}. "
        "Nothing was published, readers keep their version. Run `qoh run`, or materialise the tables named with their "
        "checks in the UI, then publish again."
    )


def publish_definitions(gates: Sequence[dg.AssetCheckSpec]) -> dg.Definitions:
    """The analysts' file; its table list is all marts and the results.

    Args:
        gates: every blocking check.
    """
    published = [*mart_keys(), *result_keys(), dg.AssetKey(CHECK_OUTCOMES.split("."))]

    @dg.asset(
        key=ANALYST_KEY,
        deps=published,
        description=(
            "A new version of the read-only file for analysts: marts and results, no raw or personal tables. Open it "
            "at any time, also during a sync; `qoh published` prints the path. Refused while a blocking check is red, "
            "missing or older than its table."
        ),
        group_name="publish",
        owners=["team:people-data"],
        kinds={"duckdb", "file"},
        tags={"layer": "publish"},
        # The file's table of contents; each table in it is an asset with columns of its own.
        metadata={"dagster/table_name": PUBLISHED.table, "dagster/column_schema": column_schema(PUBLISHED.columns)},
        pool=WRITER_POOL,
    )
    def analyst(context: dg.AssetExecutionContext, writer: WarehouseWriter) -> dg.MaterializeResult:
        from ingestion.warehouse import publish

        closed = closed_gates(context.instance, gates)
        if closed:
            raise dg.Failure(refusal(closed), allow_retries=False)
        with progress.stage("publish"):
            wanted = [".".join(key.path) for key in published]
            path = publish(ROLE, wanted, data_clock(), comments=comments())
            digest = sha256(path)
        return dg.MaterializeResult(
            metadata={
                "version": path.stem.removeprefix(f"{ROLE}-"),
                "sha256": digest,
                "n_tables": len(wanted),
                "n_rows": sum(published_row_counts().values()),
                "size_mb": round(path.stat().st_size / 1e6, 3),
                "path": dg.MetadataValue.path(str(path)),
            }
        )

    return dg.Definitions(assets=[analyst])
