"""`python -m ingestion.sandbox` as a process: starts, says where it is, remembers its clock, ends cleanly."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from ingestion.sandbox.__main__ import app


@contextmanager
def serving(state: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict]]:
    """A served sandbox and the line it printed; ended by SIGTERM."""
    command = [sys.executable, "-m", "ingestion.sandbox", "serve", "--state", str(state), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=20)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ingestion.sandbox", *arguments], capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox")


START = ("--size", "tiny", "--seed", "3", "--rate", "raised")


def newest(description: dict) -> int:
    """Id of the newest application."""
    urls, env = description["urls"], description["env"]
    token = httpx.post(
        urls["greenhouse_token"],
        auth=(env["GREENHOUSE_CLIENT_ID"], env["GREENHOUSE_CLIENT_SECRET"]),
        data={"grant_type": "client_credentials"},
    ).json()["access_token"]
    answer = httpx.get(f"{urls['greenhouse']}/applications?per_page=1", headers={"Authorization": f"Bearer {token}"})
    return int(answer.json()[0]["id"])


def test_it_starts_moves_its_clock_while_running_and_remembers_it(state):
    earliest = datetime.now(UTC).date()
    with serving(state, *START) as (process, described):
        latest = datetime.now(UTC).date()
        note = json.loads((state / "sandbox.json").read_text(encoding="utf-8"))
        assert note == described
        assert note["pid"] == process.pid
        assert (state / "sandbox.json").stat().st_mode & 0o777 == 0o600
        as_of = datetime.fromisoformat(described["as_of"]).date()
        assert earliest <= as_of + timedelta(days=92) <= latest
        before = newest(described)
        moved = run("advance", "--state", str(state), "--days", "60")
        assert moved.returncode == 0, moved.stderr
        assert newest(described) > before
    assert process.returncode == 0
    assert not (state / "sandbox.json").exists()
    with serving(state) as (_, described):
        assert datetime.fromisoformat(described["as_of"]).date() == as_of + timedelta(days=60)


def test_it_answers_on_loopback_only(state):
    with serving(state, *START) as (_, described):
        host, port = httpx.URL(described["urls"]["lattice"]).host, httpx.URL(described["urls"]["lattice"]).port
        assert host == "127.0.0.1"
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", port), timeout=1)


def test_control_over_http_must_be_asked_for(state):
    with serving(state, *START) as (_, described):
        root = described["urls"]["bamboohr"].removesuffix("/bamboohr/api/v1")
        assert httpx.post(f"{root}/control/chaos", json={"kind": "burst_5xx"}).status_code == 404
    with serving(state, *START, "--control") as (_, described):
        root = described["urls"]["bamboohr"].removesuffix("/bamboohr/api/v1")
        assert httpx.post(f"{root}/control/chaos", json={"kind": "html_page"}).json() == {"active": ["html_page"]}
        assert httpx.post(f"{root}/control/chaos", json={"kind": "earthquake"}).status_code == 400
        assert httpx.post(f"{root}/control/chaos", content='{"kind": "html_page"}').status_code == 415
        count_before = httpx.get(f"{root}/control/log").json()
        assert count_before == {}


def test_a_scenario_is_chosen_by_flag_and_remembered(tmp_path):
    flags = ("--hidden-information", "unrecorded", "--missing-reviews", "mnar")
    for arguments in ((*START[:4], *flags), ()):  # the second start says nothing and gets the same company
        ended = run("exec", "--state", str(tmp_path), *arguments, "--", "true")
        assert ended.returncode == 0, ended.stderr
        [truth] = tmp_path.glob("wire-tiny.unrecorded.mnar-3-*.truth.json")
        options = json.loads(truth.read_text())["options"]
        assert (options["hidden_information"], options["missing_reviews"]) == ("unrecorded", "mnar")
    other = run("serve", "--state", str(tmp_path), "--hidden-information", "recorded")
    assert other.returncode == 2
    assert "seed 3, size tiny, hidden information unrecorded" in other.stderr


def test_interrupting_it_ends_it_cleanly(state):
    with serving(state, *START) as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0


def test_a_command_can_be_run_beside_it_and_its_exit_code_comes_back(state):
    code = (
        "import os, sys, urllib.request as r; u = os.environ['LATTICE_BASE_URL'] + '/users';"
        "k = {'Authorization': 'Bearer ' + os.environ['LATTICE_API_KEY']};"
        "sys.exit(7 if r.urlopen(r.Request(u, headers=k)).status == 200 else 1)"
    )
    ended = run("exec", "--state", str(state), *START[:4], "--", sys.executable, "-c", code)
    assert ended.returncode == 7, ended.stderr
    wrong = run("exec", "--state", str(state), "--rate", "fast", "--", "true")
    assert wrong.returncode == 2
    assert "`fast`" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serve", "--seed", "4"), "seed 3, size tiny"),
        (("serve", "--size", "huge"), "`huge`"),
        (("serve", "--rate", "fast"), "`fast`"),
        (("serve", "--hidden-information", "some"), "recorded, unrecorded, none"),
        (("exec", "--missing-reviews", "all", "true"), "mcar, mnar"),
        (("serve", "--chaos", "earthquake"), "earthquake"),
        (("serve", "--as-of", "2001-01-01"), "only moves forward"),
        (("exec", "--rate", "fast"), "no command given"),
        (("advance",), "--days or --to"),
        (("advance", "--to", "2001-01-01"), "only moves forward"),
        (("advance", "--to", "soon"), "2026-08-23"),
    ],
)
def test_a_wrong_argument_is_a_usage_error_that_says_what_was_expected(state, arguments, said):
    command, *rest = arguments
    ended = CliRunner().invoke(app, [command, "--state", str(state), *rest])
    assert ended.exit_code == 2
    assert said in ended.stderr


def test_advancing_a_state_that_does_not_exist_names_the_command_that_makes_one(tmp_path):
    ended = CliRunner().invoke(app, ["advance", "--state", str(tmp_path), "--days", "1"])
    assert ended.exit_code == 2
    assert "serve --state" in ended.stderr
