"""One writer: the warehouse lock, held from the first step of a run to its last, and the pool runs queue for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from ingestion.lock import warehouse_lock
from orchestration.home import prepare

WRITER_POOL = "duckdb_writer"
PID_TAG = "qoh/pid"
RETRY = dg.RetryPolicy(max_retries=1, delay=10, backoff=dg.Backoff.EXPONENTIAL)


class WarehouseWriter(dg.ConfigurableResource):
    """Held by every step that writes. In-process steps share it, so the lock spans sync, build, checks and publish."""

    accept_shrink: bool = Field(
        False, description="Believe complete reads and tables that became far smaller since the last time, in this run."
    )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["WarehouseWriter"]:
        prepare()
        # Nests: `qoh run` takes the lock before Dagster does, in the same process.
        with warehouse_lock():
            yield self


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs whose process is gone as failed; a `qoh run` that was killed has no launcher that would notice.

    Returns:
        Ids of the runs that were marked.
    """
    started = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]))
    dead = [run for run in started if run.tags.get(PID_TAG) and not _is_alive(int(run.tags[PID_TAG]))]
    for run in dead:
        instance.report_run_failed(run, "The process of this run was killed. The next run heals what it left.")
    return [run.run_id for run in dead]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()
