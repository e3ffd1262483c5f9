"""What `qoh status` says beside the published version: who runs, how the last runs ended, and what waits."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg

from ingestion.errors import LockHeld
from ingestion.lock import warehouse_lock
from ingestion.progress import counted
from ingestion.quarantine import quarantined
from ingestion.warehouse import open_published, published_path
from orchestration.defs.ingest import LOADED
from orchestration.questions import n_open_questions
from orchestration.terminal import names
from reporting.words import hours

RECENT = 5
STALE_HOURS = 50


def age(path: Path) -> str:
    """How long ago a file was written, by the clock on the wall, and what that says of a nightly run."""
    passed = (time.time() - path.stat().st_mtime) / 3600
    late = ": is anything running every night?" if passed >= STALE_HOURS else ""
    return f"{hours(passed)} ago{late}"


def recent_runs(instance: dg.DagsterInstance) -> list[str]:
    """One line per recent run, newest first: when, which job, how it ended, what failed in it."""
    return [
        f"{record.create_timestamp:%Y-%m-%d %H:%M} UTC  {record.dagster_run.job_name:16} "
        f"{record.dagster_run.status.value.lower()}  {record.dagster_run.run_id[:8]}  "
        f"{_outcome(instance, record.dagster_run)}".rstrip()
        for record in instance.get_run_records(limit=RECENT)
    ]


def _outcome(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    entries = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    checks = [entry.dagster_event.asset_check_evaluation_data for entry in entries if entry.dagster_event]
    red = [check for check in checks if not check.passed]
    streams = sum(check.check_name == LOADED for check in red)
    warned = sum(check.severity == dg.AssetCheckSeverity.WARN for check in red)
    found = {"stream": streams, "check": len(red) - streams - warned}
    parts = [f"{counted(n, what)} failed" for what, n in found.items() if n]
    parts += [counted(warned, "warning")] if warned else []
    code = run.tags.get("qoh/exit_code")
    return ", ".join(([f"exit {code}"] if code else []) + parts)


def waiting() -> list[str]:
    """Who holds the warehouse, or else what waits for a person."""
    try:
        with warehouse_lock(looking=True):
            n_aside, n_questions = len(quarantined()), n_open_questions()
    except LockHeld as held:
        return [f"A run is active: pid {held.pid}, started {held.since}."]
    return [
        "No run is active.",
        *([f"{counted(n_aside, 'record')} set aside: qoh quarantine list"] if n_aside else []),
        *([f"{counted(n_questions, 'possible link')} to decide: qoh links review"] if n_questions else []),
    ]


def stale_streams() -> list[str]:
    """Streams of the published version whose last read failed, or lies long before that of the others."""
    if published_path("analyst") is None:
        return []
    with open_published("analyst") as file:
        answer = file.execute("from marts_ops.stream_health order by connection_id, stream")
        columns = [column for column, *_ in answer.description]
        rows = [dict(zip(columns, row, strict=True)) for row in answer.fetchall()]
    # A version published by an earlier release has no `is_stale`.
    late = [
        f"{row['connection_id']}.{row['stream']}" for row in rows if row["last_status"] != "ok" or row.get("is_stale")
    ]
    return [f"{counted(len(late), 'stream')} not fresh: {names(late)}"] if late else []
