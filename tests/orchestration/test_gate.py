"""The gate before publishing, on real run histories: what keeps it closed, and that it says which check and why."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from orchestration.defs.publish import DECLARED_SEVERITY, closed_gates, refusal

ERROR, WARNING = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
SPECS = [
    dg.AssetCheckSpec("holds", asset=["marts", "hires"], blocking=True),
    dg.AssetCheckSpec("hints", asset=["marts", "hires"], blocking=True, metadata={DECLARED_SEVERITY: "warning"}),
]
VERDICTS: dict[str, dg.AssetCheckResult] = {}


@dg.asset(key=["marts", "hires"])
def hires() -> None: ...


@dg.multi_asset_check(specs=SPECS, can_subset=True)
def judge() -> Iterator[dg.AssetCheckResult]:
    yield from VERDICTS.values()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def build(instance: dg.DagsterInstance) -> None:
    assert dg.materialize([hires], instance=instance).success


def check(instance: dg.DagsterInstance, **failing: dg.AssetCheckSeverity) -> None:
    """Judge both checks; those named fail with that severity."""
    for spec in SPECS:
        severity = failing.get(spec.name, ERROR)
        VERDICTS[spec.name] = dg.AssetCheckResult(
            passed=spec.name not in failing, check_name=spec.name, asset_key=spec.asset_key, severity=severity
        )
    run(instance)


def run(instance: dg.DagsterInstance) -> None:
    selection = dg.AssetSelection.checks(judge)
    job = dg.Definitions(
        assets=[hires], asset_checks=[judge], jobs=[dg.define_asset_job("checks", selection)]
    ).resolve_job_def("checks")
    job.execute_in_process(instance=instance, raise_on_error=False)


def test_green_checks_of_the_current_table_open_the_gate(instance: dg.DagsterInstance) -> None:
    build(instance)
    check(instance)
    assert closed_gates(instance, SPECS) == []


def test_a_check_that_never_ran_keeps_it_closed(instance: dg.DagsterInstance) -> None:
    build(instance)
    assert closed_gates(instance, SPECS) == ["marts.hires: hints (never ran)", "marts.hires: holds (never ran)"]


def test_a_check_that_was_planned_and_not_judged_keeps_it_closed(instance: dg.DagsterInstance) -> None:
    build(instance)
    check(instance)
    del VERDICTS["holds"]
    run(instance)
    assert closed_gates(instance, SPECS) == ["marts.hires: holds (was planned and not judged)"]


def test_an_error_keeps_it_closed_and_a_warning_does_not(instance: dg.DagsterInstance) -> None:
    build(instance)
    check(instance, holds=ERROR, hints=WARNING)
    assert closed_gates(instance, SPECS) == ["marts.hires: holds (failed)"]


def test_a_warning_that_could_not_run_keeps_it_closed(instance: dg.DagsterInstance) -> None:
    build(instance)
    check(instance, hints=ERROR)
    assert closed_gates(instance, SPECS) == ["marts.hires: hints (failed)"]


def test_an_error_check_must_have_judged_the_table_as_it_is_now(instance: dg.DagsterInstance) -> None:
    build(instance)
    check(instance)
    build(instance)
    assert closed_gates(instance, SPECS) == ["marts.hires: holds (judged an older version of its table)"]


def test_the_refusal_names_checks_and_the_next_command() -> None:
    text = refusal([f"marts.hires: check_{i:02} (never ran)" for i in range(23)])
    assert "check_00 (never ran)" in text
    assert "… and 3 more" in text
    assert "Nothing was published" in text
    assert "`qoh run`" in text
