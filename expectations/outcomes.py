"""What came of a check: counts, ids that are tokens, and sentences written before the data was seen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from expectations.checks import Check, Severity, TextCells
from expectations.patterns import TOKEN, is_label
from expectations.tables import TABLES, TOKEN_COLUMNS, Table

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["passed", "failed", "could_not_run", "skipped"]
Unit = Literal["rows", "groups", "columns", "aggregates"]

MAX_IDS = 20
WITHHELD = "(withheld)"

# Ids of interviews, jobs or reviews come from vendors and spreadsheets as they are. Digits, hex and a short prefix are
# shown; anything that could be a word is not, because "jane.doe-2024" is somebody's review id somewhere.
_PLAIN_ID = re.compile(r"(?:[A-Za-z]{1,3}[-_]?)?[0-9A-Fa-f]*[0-9][0-9A-Fa-f|:._-]*|[0-9A-Fa-f]{8,}")
_SLUG = re.compile(r"[a-z0-9_+.-]{1,64}")
# Names of a scale's steps say nothing of a person, and without them nobody knows which to map.
_LABELS = frozenset({"rating_label", "recommendation_label"})
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
                f"the data, so nothing is published. {self.advice}"
            )
        consequence = "Nothing is published." if self.severity == "error" else "Published with this warning."
        return f"`{self.table}`: `{self.check_id}` fails: {self.seen}. {self.reason} {consequence} {self.advice}"

    @property
    def advice(self) -> str:
        """What to do: as declared where the data is wrong, otherwise how to get the check to run."""
        if self.status == "could_not_run":
            return "Run `qoh run` again; if it stays, the table or the check changed: compare the two."
        return self.next_step

    @property
    def judged(self) -> str:
        """What was judged, in words: "200 rows", "12 groups"."""
        return f"{self.n_rows:,} {self.unit if self.n_rows != 1 else self.unit.removesuffix('s')}"

    @property
    def seen(self) -> str:
        """What was found, in words."""
        if self.n_rows == 0:
            return self.detail or "no rows"
        if self.unit == "aggregates":
            return _in_words(self.observed)
        return f"{self.n_unexpected:,} of {self.judged}"


def _in_words(observed: Mapping[str, float | int]) -> str:
    """Numbers of an aggregate: a share as people say it, anything else by name."""
    if {"k", "n", "share", "lo", "hi"} <= observed.keys():
        share, lo, hi = (f"{observed[name]:.1%}" for name in ("share", "lo", "hi"))
        return f"{observed['k']:,g} of {observed['n']:,g}, {share} (95 % interval {lo} to {hi})"
    return ", ".join(f"{name} {value:,.4g}" for name, value in observed.items())


def row_ids(check: Check, measured: pd.DataFrame, positions: Sequence[Any]) -> tuple[str, ...]:
    """The measured rows at these positions, named by connection and token, group or column."""
    keys = ("column",) if isinstance(check.measure, TextCells) else TABLES.get(check.table, Table()).keys
    grouped = getattr(check.measure, "by", ())
    names = [name for name in (grouped or keys) if name in measured.columns]
    if not names:
        return ()
    rows = measured.loc[[int(position) for position in positions][:MAX_IDS], names]
    return tuple(" ".join(_shown(str(name), value) for name, value in row.items()) for row in rows.to_dict("records"))


def _shown(name: str, value: Any) -> str:
    """One part of an id, or a word in its place where it could be somebody's name."""
    if value is None or value != value:
        return "-"
    text = value.date().isoformat() if isinstance(value, datetime) else str(value)
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    if name in TOKEN_COLUMNS:
        return text if TOKEN.fullmatch(text) else WITHHELD
    if name in _OWN_WORDS:
        return text if _SLUG.fullmatch(text) else WITHHELD
    if name in _LABELS:
        return text if is_label(text) else WITHHELD
    return text if _PLAIN_ID.fullmatch(text) else WITHHELD
