"""Who watches: failed runs, killed runs, failed checks, what is overdue, and whether the watchers themselves look.

A failed check does not fail its run, a killed run tells nobody, and a pipeline that stands still fails nothing.
`qoh run` tells with the same functions: the keys agree, and what both find is told once.
"""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.definitions.freshness import FreshnessState, TimeWindowFreshnessPolicy
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as JUDGED,
)
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from orchestration import alerts, reasons
from orchestration.defs.ingest import LOADED
from orchestration.runs import UNDER_WAY, fail_dead_runs
from orchestration.terminal import failed_by_reason

ALARM_KEY = dg.AssetKey(["ops", "alarm_state"])
NOTIFIERS_FIRE = "notifiers_fire"
SENSORS_LOOK = "sensors_look"
SILENT = timedelta(minutes=15)
FAILED = AssetCheckExecutionRecordStatus.FAILED
SHOWN = 20
LONGEST_HISTORY = 1000


def run_alert(run: dg.DagsterRun, reason: str = "") -> alerts.Alert:
    """A failed run in one sentence."""
    first_line = reason.strip().splitlines()[0][:300] if reason.strip() else "see its log"
    return alerts.Alert(f"run {run.run_id}", f"Run {run.run_id[:8]} of `{run.job_name}` failed: {first_line}")


def failure_alerts(records: Sequence[AssetCheckExecutionRecord]) -> list[alerts.Alert]:
    """What to tell of failed checks: streams that were not loaded by their reasons, everything else by check."""
    unloaded = {_stream(record): _error(record) for record in records if record.key.name == LOADED}
    others = [record for record in records if record.key.name != LOADED]
    return [*([streams_alert(unloaded)] if unloaded else []), *([check_alert(others)] if others else [])]


def check_alert(records: Sequence[AssetCheckExecutionRecord]) -> alerts.Alert:
    """Failed checks of one look with what they say, errors first; the same set is told once per cool-down."""
    by_name = sorted({_name(record): record for record in records}.items())
    errors = {f"error {name}": _said("error", record) for name, record in by_name if _is_error(record)}
    warnings = {f"warning {name}": _said("warning", record) for name, record in by_name if not _is_error(record)}
    lines = errors | warnings
    counts = [f"{len(found)} {word}" for found, word in ((errors, "error"), (warnings, "warning")) if found]
    text = _listed(f"Failed checks ({', '.join(counts)}):", list(lines.values()))
    return alerts.Alert("checks " + "|".join(lines), text)


def _listed(title: str, lines: Sequence[str]) -> str:
    """The title and the first lines below it."""
    more = [f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join([title, *lines[:SHOWN], *more])


def _name(record: AssetCheckExecutionRecord) -> str:
    return f"{'/'.join(record.key.asset_key.path)}: {record.key.name}"


def _said(word: str, record: AssetCheckExecutionRecord) -> str:
    """A line about a check: its sentence, and its name where the sentence does not have it."""
    said = (record.evaluation.description if record.evaluation else None) or ""
    if record.key.name in said:
        return f"{word} {said}"
    return f"{word} {_name(record)}" + (f": {said}" if said else "")


def _stream(record: AssetCheckExecutionRecord) -> str:
    return ".".join(record.key.asset_key.path[1:])


def _error(record: AssetCheckExecutionRecord) -> str:
    error = record.evaluation.metadata.get("error") if record.evaluation else None
    return str(error.value) if error else "see its run"


def _is_error(record: AssetCheckExecutionRecord) -> bool:
    return bool(record.evaluation and record.evaluation.severity == dg.AssetCheckSeverity.ERROR)


def streams_alert(failed: Mapping[str, str]) -> alerts.Alert:
    """Streams that were not loaded, each reason once; the same streams are told once per cool-down."""
    title = f"{_streams(failed)} could not be loaded; the rest is."
    return alerts.Alert("streams " + "|".join(sorted(failed)), _listed(title, _by_reason(failed)))


def _streams(failed: Mapping[str, str]) -> str:
    return f"{len(failed)} streams" if len(failed) > 1 else "1 stream"


def _by_reason(failed: Mapping[str, str]) -> list[str]:
    return [f"{names}: {reason}" for names, reason in failed_by_reason(dict(sorted(failed.items())), {})]


def failed_since(
    instance: dg.DagsterInstance, checks: Iterable[dg.AssetCheckKey], cursor: float
) -> tuple[list[AssetCheckExecutionRecord], float]:
    """Failures judged after the cursor that are worth telling, and the new cursor, the time of the last judgement.

    Errors are, each time; a warning is when the check passed the last time or is new. What a run found is told when the
    run has ended: the daemon, which looks every minute, then tells the same set as `qoh run`. Not the ids of Dagster's
    rows: a row is made when a run plans the check and changed in place when it is judged.
    """
    under_way = {run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY))}  # before what they found
    new = [record for record in latest_judged(instance, checks) if _judged_at(record) > cursor]
    ended = [record for record in new if record.run_id not in under_way]
    failed = [
        record
        for record in ended
        if record.status == FAILED and (_is_error(record) or not _failed_before(instance, record))
    ]
    seen = max([cursor, *map(_judged_at, ended)])
    untold = [math.nextafter(_judged_at(record), 0) for record in new if record.run_id in under_way]
    return failed, min([seen, *untold])


def latest_judged(
    instance: dg.DagsterInstance, checks: Iterable[dg.AssetCheckKey]
) -> Iterator[AssetCheckExecutionRecord]:
    """The latest judgement of each check; a run that has only planned the check does not hide the one before."""
    storage = instance.event_log_storage
    for key, record in storage.get_latest_asset_check_execution_by_key(list(checks)).items():
        if record.status in JUDGED:
            yield record
        else:
            yield from storage.get_asset_check_execution_history(key, limit=1, status=JUDGED)


def _judged_at(record: AssetCheckExecutionRecord) -> float:
    return record.event.timestamp if record.event else 0.0


def _failed_before(instance: dg.DagsterInstance, record: AssetCheckExecutionRecord) -> bool:
    history = instance.event_log_storage.get_asset_check_execution_history
    before = history(record.key, limit=1, cursor=record.id, status=JUDGED)
    return bool(before) and before[0].status == FAILED


@dg.run_failure_sensor(
    name="failed_runs",
    description="Tells of every run that failed, also of those that `qoh run` started, but for those where only checks "
    "did: `failed_checks` has them.",
    monitor_all_code_locations=True,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    reason = reasons.failure(context.failure_event, context.get_step_failure_events())
    if reason is not None:
        alerts.send(run_alert(context.dagster_run, reason))


@dg.sensor(
    name="failed_checks",
    description="Tells of errors each time and of warnings once, and delivers alerts that could not be delivered.",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def failed_checks(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    checks = context.repository_def.asset_graph.asset_check_keys if context.repository_def else []
    failed, cursor = failed_since(context.instance, checks, float(context.cursor or 0))
    tried = alerts.send(*failure_alerts(failed))
    context.update_cursor(str(cursor))
    undelivered = "".join(f" {error} The alert waits for the next look." for error in tried.values() if error)
    return dg.SkipReason(f"{len(failed)} failed checks to tell since the last look.{undelivered}")


@dg.sensor(
    name="killed_runs",
    description="Marks runs whose process is gone as failed, which frees their place and lets `failed_runs` tell it.",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def killed_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    return dg.SkipReason(f"{len(fail_dead_runs(context.instance))} killed runs found.")


@dg.sensor(
    name="overdue_tables",
    description="Tells, at most once in 20 hours, of assets that are past the time their freshness policy allows, and "
    "of streams that have failed for that long.",
    minimum_interval_seconds=600,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def overdue_tables(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    graph = context.repository_def.asset_graph if context.repository_def else None
    states = context.instance.get_freshness_state_records(list(graph.materializable_asset_keys) if graph else [])
    overdue = [key for key, record in states.items() if record.freshness_state == FreshnessState.FAIL]
    unread = unread_for_long(context.instance, graph) if graph else {}
    if overdue:
        alerts.send(overdue_alert(overdue))
    if unread:
        alerts.send(unread_alert(unread))
    return dg.SkipReason(f"{len(overdue)} assets are overdue, {len(unread)} streams have failed for too long.")


def unread_for_long(instance: dg.DagsterInstance, graph: AssetGraph) -> dict[str, str]:
    """Streams whose runs have failed for longer than their freshness policy allows, with the latest reason.

    A failed stream keeps its asset, so Dagster's own daemon takes the table for fresh.
    """
    keys = [key for key in graph.asset_check_keys if key.name == LOADED]
    failed = [record for record in latest_judged(instance, keys) if record.status == FAILED]
    return {_stream(record): _error(record) for record in failed if _is_too_old(instance, graph, record.key)}


def _is_too_old(instance: dg.DagsterInstance, graph: AssetGraph, key: dg.AssetCheckKey) -> bool:
    policy = graph.get(key.asset_key).freshness_policy
    if not isinstance(policy, TimeWindowFreshnessPolicy):
        return False
    return time.time() - _loaded_at(instance, key) > policy.fail_window.to_timedelta().total_seconds()


def _loaded_at(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> float:
    """When the check passed the last time; of one that never did, when it was first judged."""
    history = instance.event_log_storage.get_asset_check_execution_history
    passed = history(key, limit=1, status={AssetCheckExecutionRecordStatus.SUCCEEDED})
    return _judged_at(passed[0] if passed else history(key, limit=LONGEST_HISTORY, status=JUDGED)[-1])


def unread_alert(failed: Mapping[str, str]) -> alerts.Alert:
    """Streams that fail in every run and have for too long, in one message whichever they are."""
    title = f"{_streams(failed)} overdue: every run failed for longer than a table may be old."
    return alerts.Alert("unread", _listed(title, _by_reason(failed)))


def overdue_alert(keys: Sequence[dg.AssetKey]) -> alerts.Alert:
    """Assets that nothing has made for too long, in one message whichever they are."""
    names = sorted("/".join(key.path) for key in keys)
    count = f"{len(names)} assets are" if len(names) > 1 else "1 asset is"
    title = f"{count} overdue: is the schedule `nightly` on, and does it run? See `qoh status`."
    return alerts.Alert("overdue", _listed(title, names))


def silent_sensors(instance: dg.DagsterInstance, names: Iterable[str]) -> dict[str, str]:
    """Sensors that have not looked in the last quarter of an hour, or failed to, and what was seen of them."""
    states = {state.name: state for state in instance.all_instigator_state()}
    found = {}
    for name in names:
        state = states.get(name)
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1) if state else []
        if not (state and state.is_running and ticks):
            found[name] = "is not switched on, or Dagster's daemon does not run"
        elif datetime.now(UTC) - datetime.fromtimestamp(ticks[0].timestamp, UTC) > SILENT:
            found[name] = "has not looked for a quarter of an hour"
        elif ticks[0].status == TickStatus.FAILURE:
            found[name] = "failed in its last look: see its ticks"
    return found


@dg.asset(
    key=ALARM_KEY,
    description="Fires every notifier and looks whether the sensors do. Red: nobody would hear of a failure.",
    group_name="alarms",
    owners=["team:people-data"],
    kinds={"python"},
    check_specs=[
        dg.AssetCheckSpec(NOTIFIERS_FIRE, asset=ALARM_KEY, description="Every notifier delivered the test message."),
        dg.AssetCheckSpec(SENSORS_LOOK, asset=ALARM_KEY, description="Every sensor looked in the last 15 minutes."),
    ],
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(days=9), warn_window=timedelta(days=8)),
)
def alarm_state(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    outcomes = alerts.self_test()
    broken = {name: error for name, error in outcomes.items() if error}
    silent = silent_sensors(context.instance, [sensor.name for sensor in SENSORS])
    if silent:
        # A sensor that does not look cannot tell it; the notifiers still can.
        alerts.send(alerts.Alert("sensors", "\n".join(f"Sensor `{name}` {seen}." for name, seen in silent.items())))
    return dg.MaterializeResult(
        metadata={"n_notifiers": len(outcomes), "n_broken": len(broken), "notifiers": ", ".join(outcomes)},
        check_results=[
            dg.AssetCheckResult(
                passed=not found, check_name=name, severity=dg.AssetCheckSeverity.ERROR, metadata=dict(found)
            )
            for name, found in ((NOTIFIERS_FIRE, broken), (SENSORS_LOOK, silent))
        ],
    )


SENSORS = [failed_runs, killed_runs, failed_checks, overdue_tables]


def sensor_definitions() -> dg.Definitions:
    """The sensors, and the asset that proves they look and can be heard."""
    return dg.Definitions(assets=[alarm_state], sensors=SENSORS)
