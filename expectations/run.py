"""Checks + marts -> outcomes: which hold, which do not, and which could not be run.

A table is measured in pandas (`measures`), the measured frames are judged by Great Expectations (`engine`), and what
leaves is an `Outcome` without any value of the data. Heavy imports wait until the first check runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from expectations.checks import Age, Check, Holds, Measure, Rows, Suite, TextCells, Volume
from expectations.outcomes import Outcome, Status, Unit, row_ids
from expectations.suites import SUITES

if TYPE_CHECKING:
    import pandas as pd

    from expectations.engine import Verdict
    from expectations.measures import Surroundings


class UnknownCheckError(KeyError):
    """A check was asked for that no suite declares."""

    def __init__(self, check_id: str) -> None:
        super().__init__(f"No check `{check_id}`. `expectations.all_checks()` lists them; nothing was run.")


def all_checks() -> list[Check]:
    """Every declared check, in the order of the suites; costs no import of Great Expectations or pandas."""
    return [check for suite in SUITES for check in suite.checks]


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
    """Run checks of one table; checks that share a measure share its computation."""
    from expectations.engine import validate
    from expectations.measures import Surroundings, tidy

    around = Surroundings(now=now or datetime.now(UTC), previous_rows=previous_rows)
    try:
        ready = tidy(frame)
    except Exception as error:
        detail = f"the table has a shape no check expects ({type(error).__name__})"
        return [_outcome(check, "could_not_run", detail=detail) for check in checks]
    made: dict[str, Outcome] = {}
    aggregated: list[tuple[Check, pd.DataFrame]] = []
    by_row: list[list[tuple[Check, pd.DataFrame]]] = []
    for declared, group in _by_measure(checks).items():
        measured = _measured(declared, ready, around)
        if isinstance(measured, str):
            made |= {check.id: _outcome(check, "could_not_run", detail=measured) for check in group}
        elif measured.empty:
            made |= {check.id: _empty(check, len(ready), around) for check in group}
        else:
            runnable = [(check, measured) for check in group if check.expect.columns() <= set(measured.columns)]
            lacking = [check for check in group if not check.expect.columns() <= set(measured.columns)]
            made |= {check.id: _lacking(check, measured) for check in lacking}
            if runnable and isinstance(declared, Rows | Holds | Age):
                by_row.append(runnable)
            else:
                aggregated += runnable
    # Aggregates are a few rows each and go side by side; rows of the table are not padded to other lengths.
    for judged in (aggregated, *by_row):
        if judged:
            verdicts = validate(judged)
            made |= {check.id: _judge(check, verdicts[check.id], measured) for check, measured in judged}
    return [made[check.id] for check in checks]


def _by_measure(checks: Iterable[Check]) -> dict[Measure, list[Check]]:
    groups: dict[Measure, list[Check]] = {}
    for check in checks:
        groups.setdefault(check.measure, []).append(check)
    return groups


def _measured(declared: Measure, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame | str:
    """The rows to judge, or why there are none."""
    from expectations.measures import measure

    missing = sorted(declared.columns() - set(frame.columns))
    if missing:
        return _no_column(missing)
    try:
        return measure(declared, frame, around)
    except Exception as error:
        # The class only: a message of pandas may quote the value it stumbled over.
        return f"measuring raised {type(error).__name__}"


def _no_column(missing: Iterable[str]) -> str:
    return f"the table has no column {', '.join(f'`{name}`' for name in missing)}"


def _lacking(check: Check, measured: pd.DataFrame) -> Outcome:
    missing = sorted(check.expect.columns() - set(measured.columns))
    return _outcome(check, "could_not_run", detail=_no_column(missing))


def _empty(check: Check, n_table: int, around: Surroundings) -> Outcome:
    why = "the table has no rows" if n_table == 0 else "no rows to judge, or fewer than the check needs"
    if isinstance(check.measure, Volume) and not around.previous_rows:
        why = "there is no load before to compare with"
    status: dict[str, Status] = {"pass": "passed", "skip": "skipped", "fail": "failed"}
    return _outcome(check, status[check.when_empty], detail=why, observed={"n_table": n_table})


def _judge(check: Check, verdict: Verdict, measured: pd.DataFrame) -> Outcome:
    if verdict.crash:
        return _outcome(check, "could_not_run", detail=verdict.crash)
    return _outcome(
        check,
        "passed" if verdict.holds else "failed",
        observed=_observed(check, verdict, measured),
        n_rows=len(measured),
        n_unexpected=verdict.n_unexpected,
        ids=() if verdict.holds else row_ids(check, measured, verdict.positions),
    )


def _unit(check: Check) -> Unit:
    """What one row of the check's measured frame stands for."""
    if isinstance(check.measure, TextCells):
        return "columns"
    if isinstance(check.measure, Rows | Holds | Age):
        return "rows"
    return "groups" if getattr(check.measure, "by", ()) else "aggregates"


def _observed(check: Check, verdict: Verdict, measured: pd.DataFrame) -> dict[str, float | int]:
    """Counts of what was judged; of an aggregate over the whole table its own numbers, which are nobody's."""
    from expectations.measures import numbers

    if isinstance(check.measure, TextCells):
        hits = measured[check.expect.kwargs["column"]]
        return {"n_columns": len(measured), "n_cells": int(measured["n"].sum()), "n_found": int(hits.sum())}
    if _unit(check) == "aggregates":
        return numbers(measured)
    judged = measured[sorted(check.expect.columns())].notna().all(axis=1)
    return {"n_judged": int(judged.sum()), "n_unexpected": verdict.n_unexpected}


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
