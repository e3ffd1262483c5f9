"""Checks + marts -> outcomes: which hold, which do not, and which could not be run.

Great Expectations judges DataFrame batches in one ephemeral context. Its SQL engine over DuckDB loses the connection
and reports every check as failed (RELIABILITY E6), so it is not used. Results are asked for without values, and what
leaves this module are counts, ids that are tokens, and sentences that were written before the data was seen.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from expectations.checks import Age, Check, Holds, Measure, Rows, Severity, Steps, Suite, TextCells
from expectations.suites import SUITES
from expectations.tables import TABLES, TOKEN_COLUMNS, Table

if TYPE_CHECKING:
    import pandas as pd

    from expectations.measures import Surroundings

Status = Literal["passed", "failed", "could_not_run", "skipped"]
Unit = Literal["rows", "groups", "columns", "aggregates"]

MAX_IDS = 20
WITHHELD = "(withheld)"

# Ids of interviews, jobs or reviews come from vendors and spreadsheets as they are. Digits, hex and a short prefix are
# shown; anything that could be a word is not, because "jane.doe-2024" is somebody's review id somewhere.
_PLAIN_ID = re.compile(r"(?:[A-Za-z]{1,3}[-_]?)?[0-9A-Fa-f]*[0-9][0-9A-Fa-f|:._-]*|[0-9A-Fa-f]{8,}")
_SLUG = re.compile(r"[a-z0-9_+.-]{1,64}")
_OWN_WORDS = frozenset(
    {
        "connection_id",
        "employee_connection_id",
        "candidate_connection_id",
        "technique",
        "canonical_stage",
        "step",
        "stream",
        "tenure_band",
        "metric",
        "metric_id",
        "variant",
        "job_family",
        "column",
    }
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one check.

    Parameters
    ----------
    check_id, suite, table, severity, reason, next_step
        As declared.
    status
        ``passed``; ``failed`` (the data is wrong); ``could_not_run`` (nothing is known about the data);
        ``skipped`` (no rows to judge, or too few).
    observed
        Counts and shares, never a value of a row.
    n_rows
        What was judged, counted in `unit`.
    n_unexpected
        Of those, how many are not as they must be.
    unit
        ``rows`` of the table, ``groups`` of it, text ``columns``, or ``aggregates`` of the whole.
    ids
        At most `MAX_IDS` of them, by connection and token, group or column.
    detail
        Why the check could not run or was skipped; empty otherwise.
    """

    check_id: str
    suite: str
    table: str
    severity: Severity
    status: Status
    observed: Mapping[str, float | int]
    n_rows: int
    n_unexpected: int
    ids: tuple[str, ...]
    reason: str
    next_step: str
    detail: str = ""
    unit: Unit = "rows"

    @property
    def is_blocking(self) -> bool:
        """Whether nothing may be published: the data is wrong, or a check of any severity could not run."""
        return self.status == "could_not_run" or (self.status == "failed" and self.severity == "error")

    @property
    def message(self) -> str:
        """Subject, seen, why it matters, consequence, next step; without any value of the data."""
        if self.status == "passed":
            return f"`{self.table}`: `{self.check_id}` holds for {self.judged}."
        if self.status == "skipped":
            return f"`{self.table}`: `{self.check_id}` was skipped: {self.detail}."
        if self.status == "could_not_run":
            return (
                f"`{self.table}`: `{self.check_id}` could not run: {self.detail}. Nothing is known about this part of "
                "the data, so nothing is published. Run the build again; if it stays, the table or the check changed."
            )
        consequence = "Nothing is published." if self.severity == "error" else "Published with this warning."
        return f"`{self.table}`: `{self.check_id}` fails: {self.seen}. {self.reason} {consequence} {self.next_step}"

    @property
    def judged(self) -> str:
        """What was judged, in words: "200 rows", "12 groups"."""
        return f"{self.n_rows:,} {self.unit if self.n_rows != 1 else self.unit.removesuffix('s')}"

    @property
    def seen(self) -> str:
        """What was found, in words."""
        numbers = ", ".join(f"{name} {value:,.6g}" for name, value in self.observed.items())
        if self.n_rows == 0:
            return self.detail or "no rows"
        return numbers if self.unit == "aggregates" else f"{self.n_unexpected:,} of {self.judged}"


class UnknownCheckError(KeyError):
    """A check was asked for that no suite declares."""

    def __init__(self, check_id: str) -> None:
        super().__init__(f"No check `{check_id}`. `expectations.all_checks()` lists them; nothing was run.")


def all_checks() -> list[Check]:
    """Every declared check, in the order of the suites; costs no import of Great Expectations or pandas."""
    return [check for suite in SUITES for check in suite.checks]


def suite_of(check: Check) -> Suite:
    """The suite that declares the check."""
    return _suites()[check.id]


@cache
def _suites() -> dict[str, Suite]:
    return {check.id: suite for suite in SUITES for check in suite.checks}


def find_check(check_id: str) -> Check:
    """The check with this id.

    Raises
    ------
    UnknownCheckError
        No suite declares it.
    """
    for check in all_checks():
        if check.id == check_id:
            return check
    raise UnknownCheckError(check_id)


def evaluate(
    check: Check, frame: pd.DataFrame, *, now: datetime | None = None, previous_rows: int | None = None
) -> Outcome:
    """Run one check on its table.

    Parameters
    ----------
    check
        As declared in a suite.
    frame
        The whole table named by `check.table`.
    now
        Moment to which ages are measured; aware; the present by default.
    previous_rows
        Rows of the table in the load before (the last published version), for the volume check.

    Returns
    -------
    Outcome
        Never raises for anything in the data.
    """
    return evaluate_table([check], frame, now=now, previous_rows=previous_rows)[0]


def evaluate_all(
    frames: Mapping[str, pd.DataFrame],
    *,
    checks: Iterable[Check] | None = None,
    now: datetime | None = None,
    previous_rows: Mapping[str, int] | None = None,
) -> list[Outcome]:
    """Run checks over all tables, each table fetched from `frames` once, so a mapping may load them one after another.

    Returns
    -------
    list of Outcome
        One per check, in the order of the checks. A table that `frames` lacks or cannot load gives ``could_not_run``.
    """
    wanted = list(all_checks() if checks is None else checks)
    by_table = sorted(wanted, key=lambda check: check.table)
    outcomes: dict[str, Outcome] = {}
    for table, group in groupby(by_table, key=lambda check: check.table):
        batch = list(group)
        try:
            frame = frames[table]
        except Exception as error:
            detail = f"the table could not be read ({type(error).__name__})"
            outcomes |= {check.id: _outcome(check, "could_not_run", detail=detail) for check in batch}
            continue
        rows = (previous_rows or {}).get(table)
        outcomes |= {made.check_id: made for made in evaluate_table(batch, frame, now=now, previous_rows=rows)}
    return [outcomes[check.id] for check in wanted]


def evaluate_table(
    checks: Sequence[Check], frame: pd.DataFrame, *, now: datetime | None = None, previous_rows: int | None = None
) -> list[Outcome]:
    """Run checks of one table; checks that share a measure share its computation and one validation."""
    from expectations.measures import Surroundings, tidy

    around = Surroundings(now=now or datetime.now(UTC), previous_rows=previous_rows)
    try:
        ready = tidy(frame)
    except Exception as error:
        detail = f"the table has a shape no check expects ({type(error).__name__})"
        return [_outcome(check, "could_not_run", detail=detail) for check in checks]
    groups: dict[Measure, list[Check]] = {}
    for check in checks:
        groups.setdefault(check.measure, []).append(check)
    made = {
        outcome.check_id: outcome
        for declared, group in groups.items()
        for outcome in _evaluate_measure(declared, group, ready, around)
    }
    return [made[check.id] for check in checks]


def _evaluate_measure(
    declared: Measure, checks: Sequence[Check], frame: pd.DataFrame, around: Surroundings
) -> list[Outcome]:
    from expectations.measures import measure

    missing = sorted(declared.columns() - set(frame.columns))
    if missing:
        detail = f"the table has no column {', '.join(f'`{name}`' for name in missing)}"
        return [_outcome(check, "could_not_run", detail=detail) for check in checks]
    try:
        measured = measure(declared, frame, around)
    except Exception as error:
        # The class only: a message of pandas may quote the value it stumbled over.
        detail = f"measuring raised {type(error).__name__}"
        return [_outcome(check, "could_not_run", detail=detail) for check in checks]
    if measured.empty:
        return [_empty(check, len(frame)) for check in checks]
    return _validate(checks, measured)


def _empty(check: Check, n_table: int) -> Outcome:
    why = "the table has no rows" if n_table == 0 else "no rows to judge, or fewer than the check needs"
    status: dict[str, Status] = {"pass": "passed", "skip": "skipped", "fail": "failed"}
    return _outcome(check, status[check.when_empty], detail=why, observed={"n_table": n_table})


def _validate(checks: Sequence[Check], measured: pd.DataFrame) -> list[Outcome]:
    """Judge one measured frame by the expectations of several checks, in one validation."""
    outcomes: list[Outcome] = []
    runnable = []
    for check in checks:
        missing = sorted(check.expect.columns() - set(measured.columns))
        if missing:
            detail = f"the table has no column {', '.join(f'`{name}`' for name in missing)}"
            outcomes.append(_outcome(check, "could_not_run", detail=detail))
        else:
            runnable.append(check)
    if not runnable:
        return outcomes
    try:
        results = _great_expectations(runnable, measured)
    except Exception as error:
        detail = f"Great Expectations raised {type(error).__name__}"
        return outcomes + [_outcome(check, "could_not_run", detail=detail) for check in runnable]
    return outcomes + [_judge(check, results.get(check.id), measured) for check in runnable]


def _great_expectations(checks: Sequence[Check], measured: pd.DataFrame) -> dict[str, Any]:
    """Validation results by check id."""
    gx = _library()
    # Copies, and unique names, so that no state of one validation is seen by another.
    suite = gx.ExpectationSuite(
        name="checks",
        expectations=[
            getattr(gx.expectations, check.expect.kind)(**check.expect.kwargs, meta={"check": check.id})
            for check in checks
        ],
    )
    with warnings.catch_warnings():
        # GX 1.24 still asks pandas in ways that pandas 3 announces to drop; nothing of it concerns the result.
        warnings.simplefilter("ignore")
        batch = _batches().get_batch(batch_parameters={"dataframe": measured})
        validation = batch.validate(
            suite,
            result_format={
                "result_format": "SUMMARY",
                "exclude_unexpected_values": True,
                "return_unexpected_index_query": False,
                "partial_unexpected_count": MAX_IDS,
            },
        )
    return {result.expectation_config.meta["check"]: result for result in validation.results}


@cache
def _library() -> Any:
    """Great Expectations, imported when the first check runs (it costs seconds) and with its telemetry off."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ.setdefault("DO_NOT_TRACK", "1")
    import great_expectations as gx

    # Its tracebacks may quote data; what a check reports is decided here.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    return gx


@cache
def _batches() -> Any:
    """One batch definition in one ephemeral context, for every frame of the process."""
    context = _library().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("marts").add_dataframe_asset("measured")
    return asset.add_batch_definition_whole_dataframe("whole")


def _judge(check: Check, result: Any, measured: pd.DataFrame) -> Outcome:
    crash = "Great Expectations gave no result" if result is None else _crash(result.exception_info)
    if crash:
        return _outcome(check, "could_not_run", detail=crash)
    found = result.result
    n_unexpected = int(found.get("unexpected_count") or 0) or int(not result.success)
    positions = found.get("partial_unexpected_index_list") or []
    return _outcome(
        check,
        "passed" if result.success else "failed",
        observed=_observed(check, found, measured),
        n_rows=len(measured),
        n_unexpected=0 if result.success else n_unexpected,
        ids=() if result.success else _ids(check, measured, positions),
    )


def _crash(exception_info: Mapping[str, Any]) -> str:
    """Why an expectation crashed, without its message: Great Expectations reports a crash as ``success=False``."""
    entries = [exception_info, *(value for value in exception_info.values() if isinstance(value, Mapping))]
    raised = [entry for entry in entries if entry.get("raised_exception")]
    if not raised:
        return ""
    trace = str(raised[0].get("exception_traceback") or "").strip().rsplit("\n", 1)[-1]
    named = re.match(r"([A-Za-z_][\w.]*(?:Error|Exception))\b", trace)
    return f"the expectation raised {named.group(1).rpartition('.')[2] if named else 'an exception'}"


def _unit(check: Check) -> Unit:
    """What one row of the check's measured frame stands for."""
    if isinstance(check.measure, TextCells):
        return "columns"
    if isinstance(check.measure, Rows | Holds | Age | Steps):
        return "rows"
    return "groups" if getattr(check.measure, "by", ()) else "aggregates"


def _observed(check: Check, found: Mapping[str, Any], measured: pd.DataFrame) -> dict[str, float | int]:
    """Counts of what was judged; of an aggregate over the whole table its own numbers, which are nobody's."""
    from expectations.measures import numbers

    if isinstance(check.measure, TextCells):
        hits = measured[check.expect.kwargs["column"]]
        return {"n_columns": len(measured), "n_cells": int(measured["n"].sum()), "n_found": int(hits.sum())}
    if _unit(check) == "aggregates":
        return numbers(measured)
    n_judged = len(measured) - int(found.get("missing_count") or 0)
    return {"n_judged": n_judged, "n_unexpected": int(found.get("unexpected_count") or 0)}


def _ids(check: Check, measured: pd.DataFrame, positions: Sequence[Any]) -> tuple[str, ...]:
    keys = ("column",) if isinstance(check.measure, TextCells) else TABLES.get(check.table, Table()).keys
    grouped = getattr(check.measure, "by", ())
    names = [name for name in (grouped or keys) if name in measured.columns]
    if not names:
        return ()
    rows = measured.loc[[int(position) for position in positions][:MAX_IDS], names]
    return tuple(" ".join(_shown(str(name), value) for name, value in row.items()) for row in rows.to_dict("records"))


def _shown(name: str, value: Any) -> str:
    """One part of an id, or a word in its place where it could be somebody's name."""
    from expectations.patterns import TOKEN

    if value is None or value != value:
        return "-"
    text = value.date().isoformat() if isinstance(value, datetime) else str(value)
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    if name in TOKEN_COLUMNS:
        return text if TOKEN.fullmatch(text) else WITHHELD
    if name in _OWN_WORDS:
        return text if _SLUG.fullmatch(text) else WITHHELD
    return text if _PLAIN_ID.fullmatch(text) else WITHHELD


def _outcome(
    check: Check,
    status: Status,
    *,
    detail: str = "",
    observed: Mapping[str, float | int] | None = None,
    n_rows: int = 0,
    n_unexpected: int = 0,
    ids: tuple[str, ...] = (),
) -> Outcome:
    declared_in = _suites().get(check.id)
    return Outcome(
        check_id=check.id,
        suite=declared_in.name if declared_in else "",
        table=check.table,
        severity=check.severity,
        status=status,
        observed=observed or {},
        n_rows=n_rows,
        n_unexpected=n_unexpected,
        ids=ids,
        reason=check.reason,
        next_step=check.next_step,
        detail=detail,
        unit=_unit(check),
    )
