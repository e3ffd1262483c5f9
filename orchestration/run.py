"""`qoh run`: the nightly job in this process, on the persistent instance, told in plain words."""

import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from ingestion.connections import Connection
from ingestion.exit_codes import ExitCode
from orchestration import alerts, progress, reasons
from orchestration.defs.ingest import LOADED
from orchestration.defs.schedules import NIGHTLY
from orchestration.defs.sensors import failed_since, failure_alerts, run_alert
from orchestration.questions import n_open_questions
from orchestration.runs import delete_old_runs, fail_dead_runs, process_tag

RAW_KEY_PARTS = 3
EXIT_TAG = "qoh/exit_code"
SHOWN_IDS = 5


@dataclass(frozen=True)
class Finished:
    """What became of a run.

    Attributes:
        failed_streams: `connection.stream` and its sentence; `connection` alone where no connector reads it.
        failed_checks: checks that kept anything from being published.
        warnings: checks that are shown and block nothing.
        errors: steps that broke for another reason, with the first line of the reason.
        changes: streams, streams read, rows changed, deleted and set aside, by connection.
        n_open_questions: possible links that wait for a person.
        timings: seconds by stage.
    """

    run_id: str
    exit_code: ExitCode
    published: str | None
    failed_streams: dict[str, str] = field(default_factory=dict)
    failed_checks: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    changes: dict[str, Counter[str]] = field(default_factory=dict)
    n_open_questions: int = 0
    timings: dict[str, float] = field(default_factory=dict)


def nightly(
    connections: Sequence[Connection],
    options: Mapping[str, Any] | None = None,
    *,
    accept_shrink: bool = False,
    unreadable: Mapping[str, str] | None = None,
    log_level: str = "CRITICAL",
) -> Finished:
    """Run everything once; the caller holds the warehouse lock.

    Args:
        connections: what to sync.
        options: of every sync; see `SyncConfig`.
        accept_shrink: believe complete reads and tables that became far smaller, in this run.
        unreadable: configured connections that no connector reads, with the sentence; they count as failed streams.
        log_level: of Dagster's own console log; the events are on the instance either way.
    """
    started = time.monotonic()
    # What became of every check is told below; Dagster's remark that a skipped one gave no result is not news.
    logging.getLogger("dagster._core.execution.plan.active").setLevel(logging.ERROR)
    alerts.texts.setLevel(logging.CRITICAL)
    from orchestration.build import build_definitions

    job = build_definitions(connections).resolve_job_def(NIGHTLY)
    progress.stage_seconds.clear()
    progress.stage_seconds["load definitions"] = time.monotonic() - started
    with dg.DagsterInstance.get() as instance:
        delete_old_runs(instance)  # first: a setting it cannot read is refused before anything starts
        for dead in fail_dead_runs(instance):
            progress.tell(f"Run {dead.run_id[:8]} was killed earlier; this run heals what it left.")
            alerts.send(run_alert(dead, "its process was killed; the run that tells this heals what it left"))
        run_id = str(uuid.uuid4())
        result = job.execute_in_process(
            run_id=run_id,
            instance=instance,
            raise_on_error=False,
            tags=process_tag(run_id) | {"qoh/started_by": "command line"},
            run_config={
                "loggers": {"console": {"config": {"log_level": log_level}}},
                "resources": {"writer": {"config": {"accept_shrink": accept_shrink}}},
                "ops": {f"sync_{one.id}": {"config": dict(options or {})} for one in connections},
            },
        )
        finished = _finished(result, unreadable or {})
        instance.add_run_tags(result.run_id, {EXIT_TAG: str(int(finished.exit_code))})
        alerts.send(*_alerts(instance, result, finished, unreadable or {}))
    finished.timings["all"] = time.monotonic() - started
    return finished


def _alerts(
    instance: dg.DagsterInstance,
    result: dg.ExecuteInProcessResult,
    finished: Finished,
    unreadable: Mapping[str, str],
) -> list[alerts.Alert]:
    """What went wrong, in the words and under the keys of the sensors: under cron no sensor looks."""
    checks = {check.asset_check_key for check in result.get_asset_check_evaluations()}
    failed, _ = failed_since(instance, checks, cursor=0)
    reason = _reason(result, finished)
    return [
        *([run_alert(result.dagster_run, reason)] if reason else []),
        *failure_alerts(failed),
        *(alerts.Alert(f"unreadable {name}", sentence) for name, sentence in unreadable.items()),
    ]


def _reason(result: dg.ExecuteInProcessResult, finished: Finished) -> str | None:
    if result.success:
        return "; ".join(finished.errors.values())
    failure = next((event for event in result.all_events if event.is_run_failure), None)
    steps = [event for event in result.all_events if event.is_step_failure]
    return reasons.failure(failure, steps) if failure else "it was ended before its end"


def _finished(result: dg.ExecuteInProcessResult, unreadable: Mapping[str, str]) -> Finished:
    checks = result.get_asset_check_evaluations()
    failed = [check for check in checks if not check.passed]
    unloaded = {_stream(check.asset_key): _sentence(check) for check in failed if check.check_name == LOADED}
    streams = {**unreadable, **unloaded}
    others = [check for check in failed if check.check_name != LOADED]
    closed = {_name(check): _sentence(check) for check in others if check.severity == dg.AssetCheckSeverity.ERROR}
    warnings = {_name(check): _sentence(check) for check in others if check.severity != dg.AssetCheckSeverity.ERROR}
    errors = dict(_broken_steps(result))
    published = _published(result)
    if not (published or closed or errors):
        errors["publish"] = "no step failed and yet nothing was published; run again with --verbose"
    return Finished(
        run_id=result.run_id,
        exit_code=_exit_code(streams, closed, errors),
        published=published,
        failed_streams=streams,
        failed_checks=closed,
        warnings=warnings,
        errors=errors,
        n_open_questions=n_open_questions(),
        changes={**{connection_id: Counter() for connection_id in unreadable}, **_changes(result)},
        timings=dict(progress.stage_seconds),
    )


def _exit_code(streams: dict[str, str], closed: dict[str, str], errors: dict[str, str]) -> ExitCode:
    if closed:
        return ExitCode.CHECKS_FAILED
    if errors:
        return ExitCode.UNEXPECTED
    return ExitCode.STREAMS_FAILED if streams else ExitCode.OK


def _broken_steps(result: dg.ExecuteInProcessResult) -> Iterator[tuple[str, str]]:
    for event in result.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        if error and error.cls_name != reasons.CHECKS_FAILED:
            yield str(event.step_key), reasons.text(error)


def _published(result: dg.ExecuteInProcessResult) -> str | None:
    for materialization in _materializations(result):
        if materialization.asset_key.path[0] == "published":
            return str(materialization.metadata["version"].value)
    return None


def _changes(result: dg.ExecuteInProcessResult) -> dict[str, Counter[str]]:
    changes: dict[str, Counter[str]] = {}
    for materialization in _materializations(result):
        path = materialization.asset_key.path
        metadata = materialization.metadata
        if len(path) == RAW_KEY_PARTS and "status" in metadata:
            counted = changes.setdefault(path[1], Counter())
            counted["n_streams"] += 1
            counted["n_read"] += metadata["status"].value != "failed"
            for name in ("n_changed", "n_deleted", "n_quarantined", "n_requests"):
                counted[name] += int(metadata[name].value or 0) if name in metadata else 0
    return changes


def _materializations(result: dg.ExecuteInProcessResult) -> Iterator[Any]:
    for event in result.all_events:
        if event.is_step_materialization:
            yield event.step_materialization_data.materialization


def _stream(key: dg.AssetKey) -> str:
    return ".".join(key.path[1:])


def _name(check: dg.AssetCheckEvaluation) -> str:
    return f"{'.'.join(check.asset_key.path)}: {check.check_name}"


def _sentence(check: dg.AssetCheckEvaluation) -> str:
    error, ids = check.metadata.get("error"), check.metadata.get("ids")
    named = [str(one) for one in ids.value][:SHOWN_IDS] if ids and isinstance(ids.value, Sequence) else []
    sentence = str(error.value) if error else check.description or ""
    return f"{sentence} Failing: {', '.join(named)}." if named else sentence
