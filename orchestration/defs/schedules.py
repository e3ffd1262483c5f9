"""What runs when, in the firm's time zone (QOH_TIMEZONE). The nightly run is switched on by hand, in the UI."""

from datetime import timedelta

import dagster as dg

from ingestion.settings import settings
from orchestration import runs
from orchestration.defs.sensors import ALARM_KEY

NIGHTLY = "nightly"
# Nightly data: late after a missed night, stale after the second.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))

everything = dg.define_asset_job(
    NIGHTLY,
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets(ALARM_KEY),
    description="Sync every connection, link, build, check, estimate, publish, report.",
    executor_def=dg.in_process_executor,
)
self_test = dg.define_asset_job(
    "alert_self_test",
    selection=dg.AssetSelection.assets(ALARM_KEY),
    description="Proves every week that an alert would arrive.",
    executor_def=dg.in_process_executor,
)


@dg.op(description=f"Deletes finished runs older than {runs.RETENTION} days (default 90), with events and output.")
def delete_old_runs(context: dg.OpExecutionContext) -> None:
    context.log.info(f"{runs.delete_old_runs(context.instance)} runs older than {runs.retention_days()} days deleted.")


@dg.job(description="Keeps Dagster's history from growing without end.", executor_def=dg.in_process_executor)
def housekeeping() -> None:
    delete_old_runs()


def schedule_definitions() -> dg.Definitions:
    """Jobs and their times."""
    zone = settings().timezone.key
    running = dg.DefaultScheduleStatus.RUNNING
    return dg.Definitions(
        jobs=[everything, self_test, housekeeping],
        schedules=[
            dg.ScheduleDefinition(
                name=NIGHTLY,
                job=everything,
                cron_schedule="0 3 * * *",
                execution_timezone=zone,
                description="Every night at 3. Off until somebody switches it on here: it reads from the vendors.",
            ),
            dg.ScheduleDefinition(
                job=self_test,
                cron_schedule="0 9 * * 1",
                execution_timezone=zone,
                default_status=running,
                description="Every Monday at 9: proves that alerts would arrive.",
            ),
            dg.ScheduleDefinition(
                job=housekeeping,
                cron_schedule="0 5 * * 0",
                execution_timezone=zone,
                default_status=running,
                description=f"Every Sunday at 5: deletes finished runs after {runs.RETENTION} days (default 90).",
            ),
        ],
    )
