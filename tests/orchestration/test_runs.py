"""Runs whose process is gone, and runs that are old: on the instance that `qoh` writes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.op_concurrency_limits_counter import GlobalOpConcurrencyLimitsCounter
from dagster._core.storage.dagster_run import RunOpConcurrency
from dagster._time import get_current_datetime

from ingestion.errors import SettingInvalid
from orchestration.defs.sensors import killed_runs
from orchestration.defs.writer import WRITER_POOL
from orchestration.runs import PROCESS_TAG, RETENTION, delete_old_runs, fail_dead_runs, process_tag

STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.get() as opened:
        yield opened


@dg.op(pool=WRITER_POOL)
def write() -> None: ...


@dg.job
def writes() -> None:
    write()


def begun(instance: dg.DagsterInstance, by: str) -> str:
    """A run that is under way, and the process that does it."""
    run = instance.create_run_for_job(writes, status=STARTED)
    instance.add_run_tags(run.run_id, {PROCESS_TAG: by.replace("RUN", run.run_id)})
    return run.run_id


def test_only_a_run_whose_process_is_gone_is_marked_as_failed(instance: dg.DagsterInstance) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    parent = psutil.Process(os.getppid())
    born = f"{parent.create_time():.2f}"
    dead = begun(instance, f"RUN {gone.pid} 1.00")
    number_given_again = begun(instance, f"RUN {parent.pid} 1.00")
    alive = begun(instance, f"RUN {parent.pid} {born}")
    repeats_a_dead_one = begun(instance, f"another-run {gone.pid} 1.00")
    foreign = instance.create_run_for_job(writes, status=STARTED).run_id
    assert {run.run_id for run in fail_dead_runs(instance)} == {dead, number_given_again}
    for run_id in (alive, repeats_a_dead_one, foreign):
        assert instance.get_run_by_id(run_id).status == STARTED


def test_a_child_that_was_killed_and_not_yet_buried_is_dead(instance: dg.DagsterInstance) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    began = f"{psutil.Process(child.pid).create_time():.2f}"
    run_id = begun(instance, f"RUN {child.pid} {began}")
    assert not fail_dead_runs(instance)
    child.kill()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert [run.run_id for run in fail_dead_runs(instance)] == [run_id]
    child.wait()


def test_a_killed_run_gives_its_place_in_the_pool_back_at_the_next_look(instance: dg.DagsterInstance) -> None:
    code = (
        "import os, dagster as dg\n"
        "from orchestration.runs import process_tag\n"
        f"@dg.op(pool='{WRITER_POOL}')\n"
        "def dies(): os.kill(os.getpid(), 9)\n"
        "@dg.job\n"
        "def writes(): dies()\n"
        "with dg.DagsterInstance.get() as instance:\n"
        "    run_id = '0b6b2d2e-7a3c-4b52-9a44-6f0c9d1a5e11'\n"
        "    writes.execute_in_process(instance=instance, run_id=run_id, tags=process_tag(run_id))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=Path(__file__).parents[2])
    assert done.returncode == -9, done.stderr
    waiting = instance.create_run_for_job(writes)._replace(
        run_op_concurrency=RunOpConcurrency(
            root_key_counts={WRITER_POOL: 1}, has_unconstrained_root_nodes=False, all_pools={WRITER_POOL}
        )
    )

    def is_blocked() -> bool:
        events, limits = instance.event_log_storage, instance.get_concurrency_config().pool_config
        events.initialize_concurrency_limit_to_default(WRITER_POOL)
        under_way = instance.get_run_records(dg.RunsFilter(statuses=[STARTED]))
        keys, pools = events.get_concurrency_keys(), events.get_pool_limits()
        return GlobalOpConcurrencyLimitsCounter(
            instance, [waiting], under_way, keys, pools, pool_granularity=limits.pool_granularity
        ).is_blocked(waiting)

    assert is_blocked()
    killed_runs(dg.build_sensor_context(instance))
    assert not is_blocked()


def test_the_tag_of_a_run_names_this_process() -> None:
    run_id, pid, _ = process_tag("r")[PROCESS_TAG].split()
    assert (run_id, pid) == ("r", str(os.getpid()))


def test_an_old_run_is_deleted_with_its_file_and_its_output(
    instance: dg.DagsterInstance, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dg.op
    def prints() -> None:
        print("something")

    @dg.job
    def talks() -> None:
        prints()

    run_ids = [talks.execute_in_process(instance=instance).run_id for _ in range(2)]

    def files() -> list[Path]:
        return [path for path in (home / "dagster").rglob("*") if any(run_id in str(path) for run_id in run_ids)]

    assert len({path.suffix for path in files()} & {".db"}) == 1
    assert delete_old_runs(instance) == 0
    before = len(files())
    assert before > 2
    monkeypatch.setattr("orchestration.runs.datetime", _Later)
    assert delete_old_runs(instance) == 2
    assert files() == []
    assert instance.get_runs() == []


class _Later:
    @staticmethod
    def now(_zone: object) -> object:
        return get_current_datetime() + timedelta(days=91)


@pytest.mark.parametrize("text", ["ninety", "0", "-3"])
def test_a_retention_that_is_no_number_of_days_is_refused(
    text: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RETENTION, text)
    with pytest.raises(SettingInvalid, match=RETENTION):
        delete_old_runs(instance)
