"""The published file: written after every gate passed, then one pointer moves. Readers never meet a writer."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from ingestion.errors import NothingPublished
from orchestration import progress
from orchestration.defs.fairness import FAIRNESS_KEY
from orchestration.defs.transform import mart_keys
from orchestration.defs.validity import SCHEMA, data_clock, result_tables
from orchestration.defs.writer import MAX_RUNTIME, WRITER_POOL, WarehouseWriter
from orchestration.dictionary import comments

ROLE = "analyst"
ANALYST_KEY = dg.AssetKey(["published", ROLE])
CHECK_OUTCOMES = "marts_ops.check_outcomes"


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


def closed_gates(instance: dg.DagsterInstance, gates: Sequence[dg.AssetCheckKey]) -> list[str]:
    """Gates whose latest evaluation failed; they count also when publishing alone was asked for."""
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(gates)
    return sorted(
        f"{key.asset_key.to_user_string()}: {key.name}"
        for key, record in latest.items()
        if record.evaluation
        and not record.evaluation.passed
        and record.evaluation.severity == dg.AssetCheckSeverity.ERROR
    )


def publish_definitions(gates: Sequence[dg.AssetCheckKey]) -> dg.Definitions:
    """The analysts' file; its table list is all marts and the results.

    Args:
        gates: every blocking check.
    """
    marts = mart_keys()
    results = [*(dg.AssetKey([SCHEMA, name]) for name in result_tables()), FAIRNESS_KEY]

    @dg.asset(
        key=ANALYST_KEY,
        deps=[*marts, *results],
        description=(
            "A new version of the read-only file for analysts: marts and results, no raw or personal tables. Open it "
            "at any time, also during a sync; `qoh published` prints the path. Refused while a blocking check is red."
        ),
        group_name="publish",
        owners=["team:people-data"],
        kinds={"duckdb", "file"},
        tags={"layer": "publish"},
        pool=WRITER_POOL,
        op_tags=MAX_RUNTIME,
    )
    def analyst(context: dg.AssetExecutionContext, writer: WarehouseWriter) -> dg.MaterializeResult:
        from ingestion.warehouse import publish
        from orchestration.warehouse import tables

        closed = closed_gates(context.instance, gates)
        if closed:
            raise dg.Failure(
                f"Nothing was published, readers keep their version: {'; '.join(closed)}", allow_retries=False
            )
        with progress.stage("publish"):
            wanted = [".".join(key.path) for key in (*marts, *results)]
            also = sorted({CHECK_OUTCOMES} & set(tables(["marts_ops"])))
            path = publish(ROLE, [*wanted, *also], data_clock(), comments=comments())
            digest = sha256(path)
        return dg.MaterializeResult(
            metadata={
                "version": path.stem.removeprefix(f"{ROLE}-"),
                "sha256": digest,
                "n_tables": len(wanted) + len(also),
                "n_rows": sum(published_row_counts().values()),
                "size_mb": round(path.stat().st_size / 1e6, 3),
                "path": dg.MetadataValue.path(str(path)),
            }
        )

    return dg.Definitions(assets=[analyst])
