"""Who watches: failed runs, failed checks (a failed check does not fail its run), and the watchers themselves."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from orchestration import alerts

ALARM_KEY = dg.AssetKey(["ops", "alarm_state"])
NOTIFIERS_FIRE = "notifiers_fire"
FAILED = AssetCheckExecutionRecordStatus.FAILED
SHOWN = 20


def run_alert(run: dg.DagsterRun, reason: str = "") -> alerts.Alert:
    """A failed run in one sentence."""
    first_line = reason.strip().splitlines()[0][:300] if reason.strip() else "see its log"
    return alerts.Alert(f"run {run.run_id}", f"Run {run.run_id[:8]} of `{run.job_name}` failed: {first_line}")


def check_alert(records: Sequence[AssetCheckExecutionRecord]) -> alerts.Alert:
    """Failed checks of one look, one line each; the same set of checks is told once per cool-down."""
    names = sorted({f"{'/'.join(record.key.asset_key.path)}: {record.key.name}" for record in records})
    more = [f"… and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return alerts.Alert(
        "checks " + "|".join(names), f"{len(names)} checks failed:\n" + "\n".join([*names[:SHOWN], *more])
    )


def streams_alert(failed: Mapping[str, str]) -> alerts.Alert:
    """Streams that were not loaded, with the first of the reasons; the same streams are told once per cool-down."""
    names = sorted(failed)
    more = [f"… and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    count = f"{len(names)} streams" if len(names) > 1 else "1 stream"
    title = f"{count} could not be loaded; the rest is. First reason: {failed[names[0]]}"
    return alerts.Alert("streams " + "|".join(names), "\n".join([title, *names[:SHOWN], *more]))


def failed_since(
    instance: dg.DagsterInstance, checks: Iterable[dg.AssetCheckKey], cursor: int
) -> tuple[list[AssetCheckExecutionRecord], int]:
    """Latest evaluations newer than the cursor that failed or could not run, and the new cursor."""
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks))
    new = [record for record in latest.values() if record.id > cursor]
    return [record for record in new if record.status == FAILED], max([cursor, *(record.id for record in new)])


@dg.run_failure_sensor(
    name="failed_runs",
    description="Tells of every run that failed, also of those that `qoh run` started.",
    monitor_all_code_locations=True,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    alerts.send(run_alert(context.dagster_run, context.failure_event.message or ""))


@dg.sensor(
    name="failed_checks",
    description="Tells of checks that failed or could not run, whatever became of their run.",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def failed_checks(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    checks = context.repository_def.asset_graph.asset_check_keys if context.repository_def else []
    failed, cursor = failed_since(context.instance, checks, int(context.cursor or 0))
    if failed:
        alerts.send(check_alert(failed))
    context.update_cursor(str(cursor))
    return dg.SkipReason(f"{len(failed)} checks failed since the last look.")


@dg.asset(
    key=ALARM_KEY,
    description="Fires every notifier with a test message. Red means that nobody would hear of a failure.",
    group_name="alarms",
    owners=["team:people-data"],
    kinds={"python"},
    check_specs=[
        dg.AssetCheckSpec(NOTIFIERS_FIRE, asset=ALARM_KEY, description="Every notifier delivered the test message.")
    ],
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(days=9), warn_window=timedelta(days=8)),
)
def alarm_state() -> dg.MaterializeResult:
    outcomes = alerts.self_test()
    broken = {name: error for name, error in outcomes.items() if error}
    return dg.MaterializeResult(
        metadata={"n_notifiers": len(outcomes), "n_broken": len(broken), "notifiers": ", ".join(outcomes)},
        check_results=[
            dg.AssetCheckResult(
                passed=not broken,
                check_name=NOTIFIERS_FIRE,
                severity=dg.AssetCheckSeverity.ERROR,
                metadata=dict(broken),
            )
        ],
    )


def sensor_definitions() -> dg.Definitions:
    """Both sensors and the asset that proves they can be heard."""
    return dg.Definitions(assets=[alarm_state], sensors=[failed_runs, failed_checks])
