"""Every expectation as an asset check; one op per suite reads its tables once and judges them.

Errors block everything downstream, and so does a check that could not run: nothing is known then. Checks of the
results are ops of their own, because the results wait for the checks of the marts.
"""

import json
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
from orchestration.defs.fairness import FAIRNESS_KEY
from orchestration.defs.publish import DECLARED_SEVERITY, published_row_counts, result_keys
from orchestration.defs.transform import mart_keys
from orchestration.defs.validity import SCHEMA
from orchestration.defs.writer import WRITER_POOL, WarehouseWriter
from orchestration.dictionary import CHECK_OUTCOMES as WORDS

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


def suite_checks(suite: Suite, checks: Sequence[Check], name: str) -> dg.AssetChecksDefinition:
    """One op for these checks of a suite."""

    @dg.multi_asset_check(
        name=name,
        specs=[_spec(check) for check in checks],
        description=suite.question,
        can_subset=True,
        pool=WRITER_POOL,
    )
    def run_suite(context: dg.AssetCheckExecutionContext, writer: WarehouseWriter) -> Iterator[dg.AssetCheckResult]:
        from expectations.run import evaluate_all

        chosen = [check for check in checks if check_key(check) in context.selected_asset_check_keys]
        with progress.stage(f"check {name.removeprefix('checks_').replace('_', ' ')}"):
            # Without numbers to compare with, the volume checks have nothing to say.
            before = {} if writer.accept_shrink else published_row_counts()
            outcomes = evaluate_all(Frames(), checks=chosen, previous_rows=before)
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

    latest = {outcome.check_id: outcome for outcome in (*latest_outcomes(), *outcomes)}
    kept = [latest[check.id] for check in all_checks() if check.id in latest]
    fresh = outcomes_file().with_suffix(".new")
    fresh.write_text(json.dumps([{**asdict(outcome), "ids": list(outcome.ids)} for outcome in kept]))
    fresh.replace(outcomes_file())
    write_outcomes(kept)
    write_data_docs(kept, settings().home / "data_docs")


def write_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Replace the table of outcomes in the warehouse."""
    from orchestration.warehouse import write_frame

    write_frame(CHECK_OUTCOMES, pd.DataFrame(map(_row, outcomes), columns=list(REPORT_COLUMNS)))


def _row(outcome: Outcome) -> tuple[Any, ...]:
    return (
        *(outcome.check_id, outcome.table, outcome.suite, outcome.severity, outcome.status),
        *(outcome.reason, outcome.n_unexpected, outcome.n_rows, outcome.message),
    )


def _subject(check: Check) -> str:
    """What a suite's op is about. One op over tables of several would wait for itself: later ones need the earlier."""
    if check.table == CHECK_OUTCOMES:
        return "_of_outcomes"
    if check.table == ".".join(FAIRNESS_KEY.path):
        return "_of_fairness"
    return "_of_estimates" if check.schema == SCHEMA else ""


def outcomes_asset() -> dg.AssetsDefinition:
    """The table of outcomes as it is published; every check writes it again, also when nothing will be published."""

    @dg.asset(
        key=CHECK_OUTCOMES.split("."),
        deps=[*mart_keys(), *result_keys()],
        description=WORDS.meaning,
        group_name="marts_ops",
        owners=["team:people-data"],
        kinds={"python", "duckdb"},
        tags={"layer": "mart"},
        metadata={"dagster/table_name": CHECK_OUTCOMES, "dagster/column_schema": column_schema(WORDS.columns)},
        pool=WRITER_POOL,
    )
    def check_outcomes(writer: WarehouseWriter) -> dg.MaterializeResult:
        outcomes = latest_outcomes()
        write_outcomes(outcomes)
        return dg.MaterializeResult(metadata={"dagster/row_count": len(outcomes)})

    return check_outcomes


def quality_definitions() -> dg.Definitions:
    """All suites."""
    ops = []
    for suite in SUITES:
        subjects: dict[str, list[Check]] = {}
        for check in suite.checks:
            subjects.setdefault(_subject(check), []).append(check)
        ops += [suite_checks(suite, checks, f"checks_{suite.name}{subject}") for subject, checks in subjects.items()]
    return dg.Definitions(assets=[outcomes_asset()], asset_checks=ops)
