"""Every expectation as an asset check; one op per suite reads its tables once and judges them.

Errors block everything downstream, and so does a check that could not run: nothing is known then. Checks of the
estimates are an op of their own, because the estimates wait for the checks of the marts.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from expectations.checks import Check, Suite
from expectations.run import Outcome
from expectations.suites import SUITES
from expectations.tables import CHECK_OUTCOMES
from ingestion.settings import settings
from orchestration import progress
from orchestration.columns import column_schema
from orchestration.defs.publish import DECLARED_SEVERITY, published_row_counts
from orchestration.defs.writer import MAX_RUNTIME, WRITER_POOL, WarehouseWriter
from orchestration.dictionary import CHECK_OUTCOMES as WORDS

ESTIMATES_SCHEMA = "validity"
ACCEPT_SHRINK = "QOH_ACCEPT_SHRINK"
REPORT_COLUMNS = ("check", "table", "suite", "severity", "status", "reason", "n_failing", "n_rows", "message")


class Frames(Mapping[str, pd.DataFrame]):
    """Tables of the warehouse, each read when a suite asks for it."""

    def __getitem__(self, table: str) -> pd.DataFrame:
        from orchestration.warehouse import frame

        return frame(table)

    def __iter__(self) -> Iterator[str]:
        from orchestration.warehouse import tables

        return iter(tables())

    def __len__(self) -> int:
        return len(list(iter(self)))


def check_key(check: Check) -> dg.AssetCheckKey:
    """The asset check of a declared check."""
    return dg.AssetCheckKey(dg.AssetKey(check.asset), check.id)


def _spec(check: Check) -> dg.AssetCheckSpec:
    consequence = "Blocks publishing." if check.severity == "error" else "A warning; blocks only when it cannot run."
    return dg.AssetCheckSpec(
        check.id,
        asset=dg.AssetKey(check.asset),
        description=f"{check.reason} {consequence}",
        blocking=True,
        metadata={DECLARED_SEVERITY: check.severity, "next_step": check.next_step},
    )


def row_counts_before() -> dict[str, int]:
    """Rows per table that the volume checks compare with; none when a smaller table was accepted for this run."""
    return {} if os.environ.get(ACCEPT_SHRINK) else published_row_counts()


def suite_checks(suite: Suite, checks: Sequence[Check], name: str) -> dg.AssetChecksDefinition:
    """One op for these checks of a suite."""

    @dg.multi_asset_check(
        name=name,
        specs=[_spec(check) for check in checks],
        description=suite.question,
        can_subset=True,
        pool=WRITER_POOL,
        op_tags=MAX_RUNTIME,
    )
    def run_suite(context: dg.AssetCheckExecutionContext, writer: WarehouseWriter) -> Iterator[dg.AssetCheckResult]:
        from expectations.run import evaluate_all

        chosen = [check for check in checks if check_key(check) in context.selected_asset_check_keys]
        with progress.stage(f"check {name.removeprefix('checks_').replace('_', ' ')}"):
            outcomes = evaluate_all(Frames(), checks=chosen, previous_rows=row_counts_before())
            remember(outcomes)
        for outcome in outcomes:
            yield result(outcome)

    return run_suite


def result(outcome: Outcome) -> dg.AssetCheckResult:
    """An outcome as Dagster shows it: counts and tokens only."""
    blocks = outcome.severity == "error" or outcome.status == "could_not_run"
    return dg.AssetCheckResult(
        passed=outcome.status in ("passed", "skipped"),
        check_name=outcome.check_id,
        asset_key=dg.AssetKey(outcome.table.split(".")),
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        description=outcome.message,
        metadata={
            "outcome": outcome.status,
            "n_rows": outcome.n_rows,
            "n_unexpected": outcome.n_unexpected,
            **{f"observed_{name}": value for name, value in outcome.observed.items()},
            **({"ids": list(outcome.ids)} if outcome.ids else {}),
        },
    )


def outcomes_file() -> Path:
    """The latest outcome of every check, for Data Docs and the report."""
    return settings().home / "check_outcomes.json"


def latest_outcomes() -> list[Outcome]:
    """Of every check that ever ran, its latest outcome."""
    if not outcomes_file().exists():
        return []
    rows: list[dict[str, Any]] = json.loads(outcomes_file().read_text())
    return [Outcome(**{**row, "ids": tuple(row["ids"])}) for row in rows]


def remember(outcomes: Sequence[Outcome]) -> None:
    """Replace these outcomes among the latest ones, in the file, in the warehouse and in Data Docs."""
    from expectations import write_data_docs
    from expectations.run import all_checks
    from orchestration.warehouse import write_frame

    latest = {outcome.check_id: outcome for outcome in (*latest_outcomes(), *outcomes)}
    kept = [latest[check.id] for check in all_checks() if check.id in latest]
    fresh = outcomes_file().with_suffix(".new")
    fresh.write_text(json.dumps([{**asdict(outcome), "ids": list(outcome.ids)} for outcome in kept]))
    fresh.replace(outcomes_file())
    write_frame(CHECK_OUTCOMES, pd.DataFrame(map(_row, kept), columns=list(REPORT_COLUMNS)))
    write_data_docs(kept, settings().home / "data_docs")


def _row(outcome: Outcome) -> tuple[Any, ...]:
    return (
        *(outcome.check_id, outcome.table, outcome.suite, outcome.severity, outcome.status),
        *(outcome.reason, outcome.n_unexpected, outcome.n_rows, outcome.message),
    )


def _is_late(check: Check) -> bool:
    return check.schema == ESTIMATES_SCHEMA or check.table == CHECK_OUTCOMES


def outcomes_spec() -> dg.AssetSpec:
    """The table that the checks write, so that its own checks stand at an asset."""
    return dg.AssetSpec(
        CHECK_OUTCOMES.split("."),
        description=f"{WORDS.meaning} Written by every check, not by a step of its own.",
        group_name="marts_ops",
        owners=["team:people-data"],
        kinds={"python", "duckdb"},
        tags={"layer": "mart"},
        metadata={"dagster/table_name": CHECK_OUTCOMES, "dagster/column_schema": column_schema(WORDS.columns)},
    )


def quality_definitions() -> dg.Definitions:
    """All suites."""
    ops = []
    for suite in SUITES:
        of_estimates = [check for check in suite.checks if _is_late(check)]
        of_marts = [check for check in suite.checks if not _is_late(check)]
        for checks, name in ((of_marts, f"checks_{suite.name}"), (of_estimates, f"checks_{suite.name}_of_estimates")):
            if checks:
                ops.append(suite_checks(suite, checks, name))
    return dg.Definitions(assets=[outcomes_spec()], asset_checks=ops)
