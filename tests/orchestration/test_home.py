"""DAGSTER_HOME as we ship it, and the processes around a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import psutil
import pytest

from orchestration.dbt_child import PARENT, executable
from orchestration.home import POSTGRES_URL, StorageDisagrees, prepare

ROOT = Path(__file__).parents[2]


def test_the_shipped_instance_is_silent_keeps_one_writer_and_ends_runs_that_hang(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        assert instance.telemetry_enabled is False
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds > 0
        settings = instance.get_concurrency_config()
        assert settings.pool_config.default_pool_limit == 1
        assert settings.pool_config.pool_granularity.value == "run"
        assert instance.get_settings("run_monitoring")["free_slots_after_run_end_seconds"] == 60
        assert instance.get_settings("freshness")["enabled"] is True
        assert type(instance.event_log_storage).__name__ == "OpenSqliteEventLogStorage"


def test_an_existing_instance_file_is_left_alone(home: Path) -> None:
    file = home / "dagster" / "dagster.yaml"
    file.write_text("telemetry: {enabled: false}\n")
    prepare()
    assert file.read_text() == "telemetry: {enabled: false}\n"


def test_postgres_is_taken_by_setting_and_its_address_is_not_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(POSTGRES_URL, "postgresql+psycopg2://somebody:secret@127.0.0.1/dagster")
    file = home / "dagster" / "dagster.yaml"
    file.unlink()
    prepare()
    assert POSTGRES_URL in file.read_text()
    assert "secret" not in file.read_text()
    prepare()


def test_an_instance_file_with_another_storage_than_the_setting_is_refused_with_both_ways_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "dagster" / "dagster.yaml"
    monkeypatch.setenv(POSTGRES_URL, "postgresql+psycopg2://somebody:secret@127.0.0.1/dagster")
    with pytest.raises(StorageDisagrees, match="does not use it") as refused:
        prepare()
    assert "secret" not in str(refused.value)
    assert str(file) in str(refused.value)
    file.unlink()
    prepare()
    monkeypatch.delenv(POSTGRES_URL)
    with pytest.raises(StorageDisagrees, match="takes its storage from it"):
        prepare()


def test_the_event_log_survives_a_killed_process(home: Path) -> None:
    code = """
import os, dagster as dg
@dg.asset
def table(): return dg.MaterializeResult(metadata={"n": 3})
with dg.DagsterInstance.get() as instance:
    dg.materialize([table], instance=instance)
    os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT)
    assert done.returncode == -9
    with dg.DagsterInstance.get() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("table"))
        assert event is not None
        assert event.asset_materialization.metadata["n"].value == 3
        assert instance.get_runs()[0].status == dg.DagsterRunStatus.SUCCESS


def test_many_runs_do_not_keep_many_files_open(home: Path) -> None:
    @dg.job
    def idle() -> None: ...

    with dg.DagsterInstance.get() as instance:
        for _ in range(12):
            idle.execute_in_process(instance=instance)
        kept = [one.path for one in psutil.Process().open_files() if one.path.startswith(str(home / "dagster"))]
        open_files = [path for path in kept if path.endswith(".db") and "history" in path]
    assert len(open_files) <= 8


def test_dbt_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    child = (
        "import time; from orchestration.dbt_child import die_with_parent; "
        "die_with_parent(); print('up', flush=True); time.sleep(60)"
    )
    parent = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE, text=True)\n"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, cwd=ROOT) as started:
        assert started.stdout is not None
        pid = int(started.stdout.readline())
        started.kill()
    deadline = time.monotonic() + 5
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def test_dbt_ends_at_once_when_its_parent_was_gone_before_it_began() -> None:
    code = "import time; from orchestration.dbt_child import die_with_parent; die_with_parent(); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    environment = os.environ | {PARENT: str(gone.pid)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, timeout=30)
    assert done.returncode == -signal.SIGKILL


def test_dbt_is_told_who_its_parent_is(tmp_path: Path) -> None:
    script = executable(tmp_path)
    tells = f"-c 'import os; print(os.environ[\"{PARENT}\"])'"
    script.write_text(script.read_text().replace("-m orchestration.dbt_child", tells))
    done = subprocess.run([str(script)], capture_output=True, text=True, check=True)
    assert int(done.stdout) == os.getpid()


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_the_environment_names_the_files_of_this_home(home: Path) -> None:
    assert os.environ["QOH_WAREHOUSE_PATH"] == str(home / "warehouse.duckdb")
    assert os.environ["DAGSTER_HOME"] == str(home / "dagster")
