"""Who is told of what: the sensors on real run histories, and a webhook that listens on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster_shared.error import SerializableErrorInfo

from ingestion.errors import LockHeld
from orchestration import alerts
from orchestration.defs.sensors import (
    ALARM_KEY,
    SENSORS,
    alarm_state,
    check_alert,
    failed_checks,
    failed_runs,
    failed_since,
    failure_alerts,
    latest_judged,
    overdue_tables,
)


class _Listener(BaseHTTPRequestHandler):
    heard: ClassVar[list[str]] = []
    answer: ClassVar[int] = 200
    refused: ClassVar[str] = "nothing"

    def do_POST(self) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        answer = 400 if text == self.refused else self.answer
        if answer < 400:
            self.heard.append(text)
        self.send_response(answer)
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


@pytest.fixture
def kept(home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance of the home, which knows of sensors too."""
    with dg.DagsterInstance.get() as opened:
        yield opened


@dg.asset(check_specs=[dg.AssetCheckSpec("whole", asset="table")])
def table() -> dg.MaterializeResult:
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="whole", passed=False)])


TODAY: dict[str, dg.AssetCheckResult] = {}
"""What the check of `judged` says when it is asked."""


@dg.asset(check_specs=[dg.AssetCheckSpec("sound", asset="judged")])
def judged() -> dg.MaterializeResult:
    return dg.MaterializeResult(check_results=[TODAY["sound"]])


SOUND = dg.AssetCheckKey(judged.key, "sound")


def judge(instance: dg.DagsterInstance, *, passed: bool, severity: dg.AssetCheckSeverity) -> None:
    TODAY["sound"] = dg.AssetCheckResult(check_name="sound", passed=passed, severity=severity)
    assert dg.materialize([judged], instance=instance).success


@dg.op
def breaks() -> None:
    raise dg.Failure("the disk is full")


@dg.job
def breaking() -> None:
    breaks()


DEFINITIONS = dg.Definitions(assets=[table, judged], jobs=[breaking], sensors=[failed_runs, failed_checks])


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
    assert webhook.heard == ["Failed checks (1 error):\nerror table: whole"]


def test_the_same_check_failing_again_waits_for_the_cool_down(
    webhook: type[_Listener], instance: dg.DagsterInstance
) -> None:
    cursor = None
    for _ in range(2):
        dg.materialize([table], instance=instance)
        cursor = look(instance, cursor)
    assert len(webhook.heard) == 1
    alerts.send(alerts.Alert("checks error table: whole", "again"), cool_down=timedelta(0))
    assert len(webhook.heard) == 2


def test_a_look_inside_a_long_run_does_not_hide_what_the_run_finds_later(
    webhook: type[_Listener], instance: dg.DagsterInstance
) -> None:
    cursors: list[str | None] = []

    @dg.asset(check_specs=[dg.AssetCheckSpec("whole", asset="table")], name="table")
    def slow() -> dg.MaterializeResult:
        cursors.append(look(instance))
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="whole", passed=False)])

    dg.materialize([slow], instance=instance)
    assert webhook.heard == []
    look(instance, cursors[0])
    assert webhook.heard == ["Failed checks (1 error):\nerror table: whole"]


def test_a_failure_is_told_although_the_next_run_has_planned_the_check_again(
    webhook: type[_Listener], instance: dg.DagsterInstance
) -> None:
    dg.materialize([table], instance=instance)

    @dg.asset(check_specs=[dg.AssetCheckSpec("whole", asset="table")], name="table")
    def killed() -> dg.MaterializeResult:
        raise dg.Failure("the power went")

    dg.materialize([killed], instance=instance, raise_on_error=False)
    look(instance)
    assert webhook.heard == ["Failed checks (1 error):\nerror table: whole"]


def test_a_standing_warning_is_told_once_and_again_when_it_returns(
    webhook: type[_Listener], instance: dg.DagsterInstance
) -> None:
    cursor = None
    for passed in (False, False, True, False):
        judge(instance, passed=passed, severity=dg.AssetCheckSeverity.WARN)
        cursor = look(instance, cursor)
        (alerts.settings().home / "alerts.json").unlink(missing_ok=True)  # Days pass: no cool-down.
    assert webhook.heard == ["Failed checks (1 warning):\nwarning judged: sound"] * 2


def test_a_run_without_a_daemon_finds_new_warnings_itself(home: Path, instance: dg.DagsterInstance) -> None:
    found = []
    for passed in (False, False, True, False):
        judge(instance, passed=passed, severity=dg.AssetCheckSeverity.WARN)
        found.append([record.key.name for record in failed_since(instance, [SOUND], cursor=0)[0]])
    assert found == [["sound"], [], [], ["sound"]]


def test_a_standing_error_is_told_every_time(webhook: type[_Listener], instance: dg.DagsterInstance) -> None:
    cursor = None
    for _ in range(2):
        judge(instance, passed=False, severity=dg.AssetCheckSeverity.ERROR)
        cursor = look(instance, cursor)
        (alerts.settings().home / "alerts.json").unlink()
    assert webhook.heard == ["Failed checks (1 error):\nerror judged: sound"] * 2


def test_a_failed_run_is_told_with_its_reason(webhook: type[_Listener], instance: dg.DagsterInstance) -> None:
    result = breaking.execute_in_process(instance=instance, raise_on_error=False)
    context = dg.build_run_status_sensor_context(
        "failed_runs", result.get_run_failure_event(), instance, result.dagster_run
    ).for_run_failure()
    failed_runs(context)
    assert len(webhook.heard) == 1
    assert "`breaking` failed" in webhook.heard[0]


@pytest.mark.parametrize("failed_before_a_step", [True, False])
def test_a_run_that_found_the_warehouse_locked_says_who_holds_it(
    failed_before_a_step: bool, webhook: type[_Listener], instance: dg.DagsterInstance
) -> None:
    @dg.resource
    def warehouse(_: object) -> None:
        if failed_before_a_step:
            raise LockHeld("4711", "today")

    @dg.op(required_resource_keys={"warehouse"})
    def write() -> None:
        try:
            raise LockHeld("4711", "today")
        except LockHeld as error:
            raise RuntimeError("it did not work") from error

    @dg.job(resource_defs={"warehouse": warehouse})
    def writing() -> None:
        write()

    told_of(writing, instance)
    assert ("write: " in webhook.heard[0]) != failed_before_a_step
    assert webhook.heard[0].count("Another run holds the warehouse: pid 4711, started today.") == 1
    assert "LockHeld" not in webhook.heard[0]


def test_the_text_of_an_error_that_nobody_foresaw_is_not_told(
    webhook: type[_Listener], instance: dg.DagsterInstance
) -> None:
    @dg.op
    def converts() -> None:
        int("jane.doe@example.com")

    @dg.job
    def converting() -> None:
        converts()

    told_of(converting, instance)
    assert webhook.heard[0].endswith("failed: converts: `ValueError`; its text is in the run's log")


def test_a_run_in_which_only_checks_failed_is_told_by_the_checks(
    webhook: type[_Listener], instance: dg.DagsterInstance
) -> None:
    @dg.asset_check(asset="judged", name="sound", blocking=True)
    def sound() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False)

    job = dg.Definitions(asset_checks=[sound]).resolve_implicit_global_asset_job_def()
    told_of(job, instance)
    look(instance)
    assert webhook.heard == ["Failed checks (1 error):\nerror judged: sound"]


def told_of(job: dg.JobDefinition, instance: dg.DagsterInstance) -> None:
    """Let the job fail and the sensor see it."""
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    failed_runs(
        dg.build_run_status_sensor_context(
            "failed_runs", result.get_run_failure_event(), instance, result.dagster_run
        ).for_run_failure()
    )


RAW = [dg.AssetKey(["raw_ats", "ats_main", name]) for name in ("jobs", "offers", "users")]
REASON: dict[str, str] = {}
"""What keeps a stream from being loaded, by its name."""


@dg.multi_asset(
    specs=[
        dg.AssetSpec(key, freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50)))
        for key in RAW
    ],
    check_specs=[dg.AssetCheckSpec("loaded", asset=key) for key in RAW],
)
def sync_ats() -> Iterator[Any]:
    for key in RAW:
        error = REASON.get(key.path[-1])
        yield dg.MaterializeResult(key)
        yield dg.AssetCheckResult(
            passed=not error, check_name="loaded", asset_key=key, metadata={"error": error} if error else {}
        )


STREAMS = dg.Definitions(assets=[sync_ats, judged])
LOADED_CHECKS = [dg.AssetCheckKey(key, "loaded") for key in RAW]


def test_failed_streams_are_told_with_their_reason_by_whoever_looks_first_and_once(
    webhook: type[_Listener], instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REASON, "jobs", "No right. Widen it.")
    monkeypatch.setitem(REASON, "offers", "No right. Widen it.")
    TODAY["sound"] = dg.AssetCheckResult(check_name="sound", passed=False)
    dg.materialize([sync_ats, judged], instance=instance)
    failed_checks(dg.build_sensor_context(instance, repository_def=STREAMS.get_repository_def()))
    told = [
        "2 streams could not be loaded; the rest is.\nats_main.jobs, ats_main.offers: No right. Widen it.",
        "Failed checks (1 error):\nerror judged: sound",
    ]
    assert webhook.heard == told
    as_qoh_run, _ = failed_since(instance, [SOUND, *LOADED_CHECKS], cursor=0)
    alerts.send(*failure_alerts(as_qoh_run))
    assert webhook.heard == told


def test_a_check_says_what_it_found_and_its_name_once(webhook: type[_Listener], instance: dg.DagsterInstance) -> None:
    for said in ("`judged`: `sound` fails: 3 rows. Mend them.", "3 rows."):
        warn = dg.AssetCheckSeverity.WARN
        TODAY["sound"] = dg.AssetCheckResult(check_name="sound", passed=False, severity=warn, description=said)
        dg.materialize([judged], instance=instance)
        records = list(latest_judged(instance, [SOUND]))
        webhook.heard.append(check_alert(records).text.splitlines()[1])
    assert webhook.heard == ["warning `judged`: `sound` fails: 3 rows. Mend them.", "warning judged: sound: 3 rows."]


@pytest.mark.parametrize("ever_loaded", [True, False])
def test_a_stream_that_fails_in_every_run_becomes_overdue_although_its_asset_is_made(
    ever_loaded: bool, webhook: type[_Listener], instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_after(hours: int) -> None:
        clock = SimpleNamespace(time=lambda: time.time() + 3600 * hours)
        monkeypatch.setattr("orchestration.defs.sensors.time", clock)
        overdue_tables(dg.build_sensor_context(instance, repository_def=STREAMS.get_repository_def()))

    if ever_loaded:
        dg.materialize([sync_ats], instance=instance)
    monkeypatch.setitem(REASON, "offers", "No right. Widen it.")
    for _ in range(2):
        dg.materialize([sync_ats], instance=instance)
    look_after(49)
    assert webhook.heard == []
    look_after(51)
    look_after(52)
    assert webhook.heard == [
        "1 stream overdue: every run failed for longer than a table may be old.\nats_main.offers: No right. Widen it."
    ]


def test_the_log_is_a_notifier_without_any_setting(home: Path) -> None:
    assert alerts.send(alerts.Alert("k", "something failed")) == {"log": None}
    assert "something failed" in (home / "alerts.log").read_text()


def alarm_checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


def has_looked(instance: dg.DagsterInstance, sensor: str, *, at: float, status: TickStatus) -> None:
    """What the daemon writes about a sensor that is on."""
    origin = RemoteInstigatorOrigin(
        repository_origin=RemoteRepositoryOrigin(
            code_location_origin=ManagedGrpcPythonEnvCodeLocationOrigin(
                LoadableTargetOrigin(module_name="orchestration.definitions")
            ),
            repository_name="__repository__",
        ),
        instigator_name=sensor,
    )
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE, SensorInstigatorData())
    instance.add_instigator_state(state)
    error = SerializableErrorInfo("it broke", [], "Exception") if status == TickStatus.FAILURE else None
    kind = InstigatorType.SENSOR
    instance.create_tick(
        TickData(origin.get_id(), sensor, kind, status, at, error=error, selector_id=state.selector_id)
    )


def test_the_self_test_fires_every_notifier_and_shows_green(webhook: type[_Listener], kept: dg.DagsterInstance) -> None:
    for sensor in SENSORS:
        has_looked(kept, sensor.name, at=time.time(), status=TickStatus.SKIPPED)
    result = dg.materialize([alarm_state], instance=kept)
    assert all(check.passed for check in alarm_checks(result).values())
    assert len(webhook.heard) == 1
    assert result.asset_materializations_for_node("ops__alarm_state")[0].metadata["n_notifiers"].value == 2


@pytest.mark.parametrize("defect", ["answers 500", "nobody listens", "no address"])
def test_a_broken_notifier_turns_the_alarm_asset_red_and_keeps_its_address_secret(
    defect: str, webhook: type[_Listener], kept: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook.answer = 500
    if defect == "nobody listens":
        monkeypatch.setenv(alerts.WEBHOOK, "http://127.0.0.1:9/secret-path")
    if defect == "no address":
        monkeypatch.setenv(alerts.WEBHOOK, "secret-path")
    result = dg.materialize([alarm_state], instance=kept)
    check = alarm_checks(result)["notifiers_fire"]
    assert not check.passed
    assert check.asset_key == ALARM_KEY
    assert "secret-path" not in str(check.metadata)
    assert alerts.WEBHOOK in str(check.metadata)
    assert "secret-path" not in json.dumps(alerts.alarm_state())


@pytest.mark.parametrize(
    ("seconds_ago", "status", "seen"),
    [
        (None, TickStatus.SKIPPED, "is not switched on"),
        (3600, TickStatus.SKIPPED, "has not looked"),
        (1, TickStatus.FAILURE, "failed in its last look"),
    ],
)
def test_a_sensor_that_does_not_look_turns_the_alarm_asset_red_and_is_told(
    seconds_ago: float | None,
    status: TickStatus,
    seen: str,
    webhook: type[_Listener],
    kept: dg.DagsterInstance,
) -> None:
    for sensor in SENSORS[1:]:
        has_looked(kept, sensor.name, at=time.time(), status=TickStatus.SKIPPED)
    if seconds_ago is not None:
        has_looked(kept, SENSORS[0].name, at=time.time() - seconds_ago, status=status)
    check = alarm_checks(dg.materialize([alarm_state], instance=kept))["sensors_look"]
    assert not check.passed
    assert list(check.metadata) == ["failed_runs"]
    assert seen in str(check.metadata["failed_runs"].value)
    assert f"Sensor `failed_runs` {seen}" in webhook.heard[-1]


def test_what_is_overdue_is_told_once(webhook: type[_Listener], instance: dg.DagsterInstance) -> None:
    def judge(state: FreshnessState) -> None:
        # The one way in for what Dagster's own freshness daemon finds.
        instance._report_runless_asset_event(
            FreshnessStateChange(
                key=table.key,
                new_state=state,
                previous_state=FreshnessState.UNKNOWN,
                state_change_timestamp=time.time(),
            )
        )

    def look_for_overdue() -> None:
        overdue_tables(dg.build_sensor_context(instance, repository_def=DEFINITIONS.get_repository_def()))

    judge(FreshnessState.WARN)
    look_for_overdue()
    assert webhook.heard == []
    judge(FreshnessState.FAIL)
    look_for_overdue()
    look_for_overdue()
    assert len(webhook.heard) == 1
    assert webhook.heard[0].startswith("1 asset is overdue")
    assert webhook.heard[0].endswith("table")


def test_a_damaged_state_file_does_not_silence_anybody(home: Path) -> None:
    (home / "alerts.json").write_text("{half")
    assert alerts.send(alerts.Alert("k", "told anyway")) == {"log": None}


def test_an_alert_that_was_not_delivered_is_told_by_the_next_look_and_only_to_who_missed_it(
    webhook: type[_Listener], instance: dg.DagsterInstance, home: Path
) -> None:
    dg.materialize([table], instance=instance)
    webhook.answer = 500
    cursor = look(instance)
    assert list(alerts.alarm_state()["waiting"]["webhook"]) == ["checks error table: whole"]
    webhook.answer = 200
    cursor = look(instance, cursor)
    look(instance, cursor)
    assert webhook.heard == ["Failed checks (1 error):\nerror table: whole"]
    assert (home / "alerts.log").read_text().count("error table: whole") == 1
    assert alerts.alarm_state()["waiting"]["webhook"] == {}


def test_a_text_that_nobody_takes_does_not_hold_up_the_others(webhook: type[_Listener], home: Path) -> None:
    webhook.refused = "poison"
    alerts.send(alerts.Alert("a", "poison"))
    alerts.send(alerts.Alert("b", "bread"))
    alerts.deliver()
    assert webhook.heard == ["bread"]


def test_alerts_of_many_threads_are_all_remembered(webhook: type[_Listener], home: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda i: alerts.send(alerts.Alert(f"k{i}", f"text {i}")), range(24)))
    told = alerts.alarm_state()["told"]
    assert set(told["webhook"]) == set(told["log"]) == {f"k{i}" for i in range(24)}
    assert sorted(webhook.heard) == sorted(f"text {i}" for i in range(24))
