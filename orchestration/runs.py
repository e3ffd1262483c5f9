"""Dagster's runs beside what it does itself: those whose process is gone, and those that are old."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import dagster as dg
import psutil

from ingestion.errors import SettingInvalid

PROCESS_TAG = "qoh/process"
"""Which process does the run: run id, pid, when the process began. A repeated run inherits the tag, not its run id."""

RETENTION, RETENTION_DAYS = "QOH_RUN_RETENTION_DAYS", 90
UNDER_WAY = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def process_tag(run_id: str) -> dict[str, str]:
    """The tag of a run that this process does."""
    return {PROCESS_TAG: f"{run_id} {os.getpid()} {psutil.Process().create_time():.2f}"}


def fail_dead_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Mark runs whose process is gone as failed: no launcher notices, and their place in the pool would stay taken.

    Returns:
        The runs that were marked.
    """
    dead = [run for run in instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY)) if _is_dead(run)]
    for run in dead:
        instance.report_run_failed(run, "The process of this run was killed. The next run heals what it left.")
    return dead


def _is_dead(run: dg.DagsterRun) -> bool:
    run_id, pid, began = (run.tags.get(PROCESS_TAG) or "- 0 0").split()
    if run_id != run.run_id:
        return False
    try:
        process = psutil.Process(int(pid))
        # Numbers are given again, after a reboot soon; a killed child is there until its parent looks.
        return f"{process.create_time():.2f}" != began or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def delete_old_runs(instance: dg.DagsterInstance) -> int:
    """Delete finished runs older than QOH_RUN_RETENTION_DAYS, with their events and captured output.

    Returns:
        How many.

    Raises:
        SettingInvalid: the setting is no number of days.
    """
    created_before = datetime.now(UTC) - timedelta(days=retention_days())
    old = instance.get_runs(dg.RunsFilter(statuses=FINISHED, created_before=created_before))
    for run in old:
        instance.delete_run(run.run_id)
        instance.compute_log_manager.delete_logs(prefix=[run.run_id])
    return len(old)


def retention_days() -> int:
    """QOH_RUN_RETENTION_DAYS, default 90."""
    text = os.environ.get(RETENTION) or str(RETENTION_DAYS)
    if not text.isdigit() or not int(text):
        raise SettingInvalid(RETENTION, text, "a number of days like 90")
    return int(text)
