"""Who is told of what: the sensors on real run histories, and a webhook that listens on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
import pytest

from orchestration import alerts
from orchestration.defs.sensors import ALARM_KEY, alarm_state, failed_checks, failed_runs


class _Listener(BaseHTTPRequestHandler):
    heard: ClassVar[list[str]] = []
    answer: ClassVar[int] = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append(json.loads(body)["text"])
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def webhook(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Listener]]:
    handler = type("Listener", (_Listener,), {"heard": [], "answer": 200})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(alerts.WEBHOOK, f"http://127.0.0.1:{server.server_port}/secret-path")
    yield handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@dg.asset(check_specs=[dg.AssetCheckSpec("loaded", asset="table")])
def table() -> dg.MaterializeResult:
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="loaded", passed=False)])


@dg.op
def breaks() -> None:
    raise dg.Failure("the disk is full")


@dg.job
def breaking() -> None:
    breaks()


DEFINITIONS = dg.Definitions(assets=[table], jobs=[breaking], sensors=[failed_runs, failed_checks])


def look(instance: dg.DagsterInstance, cursor: str | None = None) -> str | None:
    context = dg.build_sensor_context(instance, cursor=cursor, repository_def=DEFINITIONS.get_repository_def())
    failed_checks(context)
    return context.cursor


def test_a_failed_check_of_a_successful_run_is_told_once(
    webhook: type[_Listener], instance: dg.DagsterInstance
) -> None:
    assert dg.materialize([table], instance=instance).success
    cursor = look(instance)
    look(instance, cursor)
    assert webhook.heard == ["1 checks failed:\ntable: loaded"]


def test_the_same_check_failing_again_waits_for_the_cool_down(
    webhook: type[_Listener], instance: dg.DagsterInstance
) -> None:
    cursor = None
    for _ in range(2):
        dg.materialize([table], instance=instance)
        cursor = look(instance, cursor)
    assert len(webhook.heard) == 1
    alerts.send(alerts.Alert("checks table: loaded", "again"), cool_down=timedelta(0))
    assert len(webhook.heard) == 2


def test_a_failed_run_is_told_with_its_reason(webhook: type[_Listener], instance: dg.DagsterInstance) -> None:
    result = breaking.execute_in_process(instance=instance, raise_on_error=False)
    context = dg.build_run_status_sensor_context(
        "failed_runs", result.get_run_failure_event(), instance, result.dagster_run
    ).for_run_failure()
    failed_runs(context)
    assert len(webhook.heard) == 1
    assert "`breaking` failed" in webhook.heard[0]


def test_the_log_is_a_notifier_without_any_setting(home: Path) -> None:
    assert alerts.send(alerts.Alert("k", "something failed")) == {"log": None}
    assert "something failed" in (home / "alerts.log").read_text()


def test_the_self_test_fires_every_notifier_and_shows_green(
    webhook: type[_Listener], instance: dg.DagsterInstance
) -> None:
    result = dg.materialize([alarm_state], instance=instance)
    assert result.get_asset_check_evaluations()[0].passed
    assert len(webhook.heard) == 1
    assert result.asset_materializations_for_node("ops__alarm_state")[0].metadata["n_notifiers"].value == 2


@pytest.mark.parametrize("defect", ["answers 500", "nobody listens", "no address"])
def test_a_broken_notifier_turns_the_alarm_asset_red_and_keeps_its_address_secret(
    defect: str, webhook: type[_Listener], instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook.answer = 500
    if defect == "nobody listens":
        monkeypatch.setenv(alerts.WEBHOOK, "http://127.0.0.1:9/secret-path")
    if defect == "no address":
        monkeypatch.setenv(alerts.WEBHOOK, "secret-path")
    result = dg.materialize([alarm_state], instance=instance)
    check = result.get_asset_check_evaluations()[0]
    assert not check.passed
    assert check.asset_key == ALARM_KEY
    assert "secret-path" not in str(check.metadata)
    assert alerts.WEBHOOK in str(check.metadata)
    assert "secret-path" not in json.dumps(alerts.alarm_state())


def test_a_damaged_state_file_does_not_silence_anybody(home: Path) -> None:
    (home / "alerts.json").write_text("{half")
    assert alerts.send(alerts.Alert("k", "told anyway")) == {"log": None}
