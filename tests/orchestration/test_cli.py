"""The operator's command: exit codes, sentences, and what it refuses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from ingestion.exit_codes import ExitCode
from ingestion.lock import warehouse_lock
from ingestion.sandbox.runner import RunningSandbox, running_sandbox
from ingestion.warehouse import publish
from orchestration import cli
from orchestration.defs.publish import ANALYST_KEY, published_file
from orchestration.defs.validity import data_clock
from orchestration.dictionary import PUBLISHED, dictionary
from orchestration.state import age

from .conftest import EXAMPLE, Company


def qoh(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return int(ended.value.code or 0)


@pytest.fixture
def connected(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningSandbox]:
    """An empty home with the example's connections, and a company that answers."""
    shutil.copy(EXAMPLE, os.environ["QOH_CONNECTIONS"])
    with running_sandbox(size="tiny", seed=1) as sandbox:
        for name, value in sandbox.env.items():
            monkeypatch.setenv(name, value)
        yield sandbox


def test_help_is_fast_because_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, orchestration.cli; "
        "print([name for name in ('dagster', 'dlt', 'duckdb', 'pandas', 'dbt') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_teaches_exit_codes_and_where_things_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert qoh("--help") == ExitCode.OK
    shown = capsys.readouterr().out
    for word in ("QOH_HOME", "QOH_KEYS", "Exit codes", "connections.example.toml"):
        assert word in shown


def test_without_connections_toml_the_sentence_says_what_to_copy(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert qoh("run") == ExitCode.USAGE
    assert "connections.example.toml" in capsys.readouterr().err


def test_encryption_that_is_not_on_refuses_to_start(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QOH_ENCRYPTION", "1")
    assert qoh("run") == ExitCode.USAGE
    assert "Nothing was started" in capsys.readouterr().err


def test_a_wrong_day_is_refused_before_anything_starts(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert qoh("run", "--since", "last year") == ExitCode.USAGE
    assert "2024-01-01" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "said"), [("nope", "`nope` is no connection"), ("lattice_main.nope", "has no stream `nope`")]
)
def test_a_reread_of_what_does_not_exist_is_refused_before_anything_starts(
    home: Path, capsys: pytest.CaptureFixture[str], place: str, said: str
) -> None:
    shutil.copy(EXAMPLE, os.environ["QOH_CONNECTIONS"])
    assert qoh("run", "--reread", "lattice_main.users", "--reread", place) == ExitCode.USAGE
    assert said in capsys.readouterr().err


@contextmanager
def holder(seconds: int, arguments: str = "") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the warehouse."""
    code = (
        "import time\nfrom ingestion.lock import warehouse_lock\n"
        f"with warehouse_lock({arguments}):\n    print('held', flush=True)\n    time.sleep({seconds})"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_a_retention_that_cannot_be_read_is_refused_before_anything_starts(
    connected: RunningSandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QOH_RUN_RETENTION_DAYS", "ninety")
    assert qoh("run") == ExitCode.USAGE
    assert "Nothing was started" in capsys.readouterr().err
    assert connected.request_log.total() == 0


def test_a_second_run_is_refused_with_pid_and_start(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(EXAMPLE, os.environ["QOH_CONNECTIONS"])
    with holder(60) as other:
        assert qoh("run") == ExitCode.LOCK_HELD
    shown = capsys.readouterr().err
    assert f"pid {other.pid}" in shown
    assert time.strftime("%Y-") in shown


def test_a_command_that_only_looks_is_waited_for(home: Path) -> None:
    with holder(1, "looking=True") as other, warehouse_lock():
        assert other.poll() is not None or other.wait(5) == 0


def test_doctor_is_content_with_a_healthy_company(
    connected: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert qoh("doctor") == ExitCode.OK
    assert "No problems found" in capsys.readouterr().out


def test_doctor_finds_a_wrong_secret_and_a_missing_variable(
    connected: RunningSandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENHOUSE_CLIENT_SECRET", "wrong-value")
    monkeypatch.delenv("LATTICE_API_KEY")
    assert qoh("doctor") == ExitCode.DOCTOR_FOUND_PROBLEMS
    shown = " ".join(capsys.readouterr().out.split())
    assert "LATTICE_API_KEY" in shown
    assert "wrong-value" not in shown


def test_published_before_the_first_run_says_what_to_do(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("published", "report", "rollback"):
        assert qoh(command) == ExitCode.USAGE
        assert "Nothing was published yet" in capsys.readouterr().err


def test_a_connection_of_an_unknown_vendor_is_a_problem(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(os.environ["QOH_CONNECTIONS"]).write_text('[[connection]]\nid = "acme_main"\nvendor = "acme"\n')
    assert qoh("doctor") == ExitCode.DOCTOR_FOUND_PROBLEMS
    assert "acme_main" in capsys.readouterr().out
    assert qoh("quarantine", "retry") == ExitCode.STREAMS_FAILED


@pytest.mark.parametrize("command", ["list", "retry"])
def test_the_quarantine_refuses_ids_that_are_not_configured(
    home: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(EXAMPLE, os.environ["QOH_CONNECTIONS"])
    assert qoh("quarantine", command, "--connection", "nope") == ExitCode.USAGE
    assert "greenhouse_main" in capsys.readouterr().err


def test_an_empty_quarantine_is_said_in_words(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert qoh("quarantine", "list") == ExitCode.OK
    assert capsys.readouterr().out.strip() == "Nothing is set aside."


def test_a_review_before_the_first_sync_creates_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert qoh("links", "review") == ExitCode.USAGE
    assert "Nothing was synced yet" in capsys.readouterr().err
    assert not list(home.glob("*.duckdb"))


def test_status_before_the_first_run_is_not_an_error(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.app(["status"], standalone_mode=False)
    assert "nothing yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("hours", "said"),
    [(3, "3 h ago"), (60, "60 h ago: is anything running"), (240, "10 days ago: is anything")],
)
def test_the_age_of_what_is_published_is_told_by_the_clock_on_the_wall(hours: int, said: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    os.utime(file, (time.time() - hours * 3600,) * 2)
    assert age(file).startswith(said)


@pytest.mark.slow
def test_report_is_written_again_from_the_published_file(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    index = company.home / "report" / "index.html"
    index.unlink(missing_ok=True)
    cli.app(["report"], standalone_mode=False)
    assert index.exists()


@pytest.mark.slow
def test_readers_and_the_report_go_back_a_version_and_forward_again(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    index = company.home / "report" / "index.html"
    before = published_file()
    newest = publish("analyst", [words.table for words in dictionary() if words.table != PUBLISHED.table], data_clock())
    cli.app(["rollback"], standalone_mode=False)
    assert published_file() == before
    assert before.name in index.read_text()
    cli.app(["published", "--versions"], standalone_mode=False)
    listed = capsys.readouterr().out.splitlines()
    assert [line.endswith("current") for line in listed[-2:]] == [True, False]
    version = newest.stem.removeprefix("analyst-")
    cli.app(["status"], standalone_mode=False)
    assert f"qoh rollback {version}" in capsys.readouterr().out
    # The same from the UI.
    with dg.DagsterInstance.get() as instance:
        job = company.definitions().resolve_job_def("rollback")
        config = {"ops": {"show_earlier_version": {"config": {"version": version}}}}
        assert job.execute_in_process(instance=instance, run_config=config).success
        (seen,) = instance.fetch_observations(ANALYST_KEY, limit=1).records
    assert seen.asset_observation.metadata["version"].value == version
    assert published_file() == newest
    assert newest.name in index.read_text()
    assert qoh("rollback", "x") == ExitCode.USAGE
    assert "qoh published --versions" in capsys.readouterr().err
    # Other tests of the package compare the published version with what its asset says.
    cli.app(["rollback"], standalone_mode=False)
    assert published_file() == before


@pytest.mark.slow
def test_a_run_of_dagsters_waits_for_a_command_line_that_works(company: Company) -> None:
    before = published_file()
    config = {"ops": {"show_earlier_version": {"config": {"version": before.stem.removeprefix("analyst-")}}}}
    with dg.DagsterInstance.get() as instance, holder(2):
        job = company.definitions().resolve_job_def("rollback")
        assert job.execute_in_process(instance=instance, run_config=config).success
    assert published_file() == before


@pytest.mark.slow
def test_a_connection_that_left_is_named_and_keeps_its_rows(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = Path(os.environ["QOH_CONNECTIONS"])
    before = listed.read_text()
    listed.write_text(before.replace('"lattice_main"', '"lattice_renamed"'))
    try:
        cli.app(["connections"], standalone_mode=False)
    finally:
        listed.write_text(before)
    shown = " ".join(capsys.readouterr().out.split())
    assert "lattice_renamed" in shown
    assert (
        "`lattice_main` (lattice) is no longer in connections.toml. Its rows are kept and count in every table" in shown
    )


@pytest.mark.slow
def test_the_review_file_and_the_quarantine_can_be_listed(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    cli.app(["quarantine", "list"], standalone_mode=False)
    cli.app(["links", "review"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "Nothing is set aside." in shown
    assert "to decide in" in shown
    review = company.home / "links_review.csv"
    assert review.stat().st_mode & 0o077 == 0
