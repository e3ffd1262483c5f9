"""What a check is, as data: which mart, what is measured, what Great Expectations must find, why, and what to do.

Nothing here imports pandas or Great Expectations, so that a scheduler can list every check for free.
A check is read in two steps: a *measure* turns the mart into the rows that are judged (a filter, a share per group with
its interval, a drift), and an *expectation* of Great Expectations judges them.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning"]
WhenEmpty = Literal["pass", "skip", "fail"]


def names_in(*expressions: str | None) -> frozenset[str]:
    """Columns that pandas expressions read.

    >>> sorted(names_in("is_late and not is_draft", None))
    ['is_draft', 'is_late']
    """
    trees = (ast.walk(ast.parse(text, mode="eval")) for text in expressions if text)
    return frozenset(node.id for tree in trees for node in tree if isinstance(node, ast.Name))


@dataclass(frozen=True)
class Rows:
    """The mart's rows, or those of them for which `where` holds."""

    where: str | None = None

    def columns(self) -> frozenset[str]:
        return names_in(self.where)


@dataclass(frozen=True)
class Holds:
    """Rows with one more column `holds`: whether `rule` is true of the row (null where it cannot be told)."""

    rule: str
    where: str | None = None

    def columns(self) -> frozenset[str]:
        return names_in(self.rule, self.where)


@dataclass(frozen=True)
class Age:
    """Rows with one more column `age_hours`: hours from `column` to now, negative when it lies in the future."""

    column: str
    where: str | None = None

    def columns(self) -> frozenset[str]:
        return names_in(self.where) | {self.column}


@dataclass(frozen=True)
class Share:
    """One row per group (one in all without `by`): n rows `among`, k of them `of`, share, Wilson limits lo and hi.

    Groups below `min_n` are left out: a threshold means nothing on a handful.
    """

    of: str
    among: str | None = None
    by: tuple[str, ...] = ()
    min_n: int = 20

    def columns(self) -> frozenset[str]:
        return names_in(self.of, self.among) | set(self.by)


@dataclass(frozen=True)
class SumShare:
    """As `Share`, over rows that are counts already: k is the sum of `of`, n the sum of `among`.

    `latest` keeps the newest so many values of `order`. `overlap` keeps the rows that lie, by `order`, between the
    first and the last row at which each of these columns is above zero; the last is left out, it is still filling.
    """

    of: str
    among: str
    where: str | None = None
    by: tuple[str, ...] = ()
    min_n: int = 20
    order: str | None = None
    latest: int | None = None
    overlap: tuple[str, ...] = ()

    def columns(self) -> frozenset[str]:
        ordered = {self.order} if self.order else set()
        return names_in(self.of, self.among, self.where) | set(self.by) | set(self.overlap) | ordered


@dataclass(frozen=True)
class TopShare:
    """As `Share` per group, of the group's most frequent value of `column`."""

    column: str
    among: str | None = None
    by: tuple[str, ...] = ()
    min_n: int = 20

    def columns(self) -> frozenset[str]:
        return names_in(self.among) | {self.column} | set(self.by)


@dataclass(frozen=True)
class Spread:
    """One row per group: n, mean, absolute mean and standard deviation of `column`."""

    column: str
    by: tuple[str, ...]
    among: str | None = None
    min_n: int = 20

    def columns(self) -> frozenset[str]:
        return names_in(self.among) | {self.column} | set(self.by)


@dataclass(frozen=True)
class Drift:
    """One row: population stability index of `column`, the newest `recent_days` (by `at`) against all before."""

    column: str
    at: str
    among: str | None = None
    recent_days: int = 90
    min_n: int = 100

    def columns(self) -> frozenset[str]:
        return names_in(self.among) | {self.column, self.at}


@dataclass(frozen=True)
class IntervalGap:
    """One row: how far the highest lower limit lies above the lowest upper limit; above zero, intervals do not meet."""

    where: str
    count: str
    lo: str = "lo"
    hi: str = "hi"
    min_n: int = 20

    def columns(self) -> frozenset[str]:
        return names_in(self.where) | {self.count, self.lo, self.hi}


@dataclass(frozen=True)
class Volume:
    """One row: rows now, rows of the load before (given by the caller), and their ratio."""

    def columns(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class TextCells:
    """One row per text column: its filled cells `n`, and for each of `patterns.PATTERNS` the cells that hold it.

    The count for ``not_a_token`` is kept for the columns `tokens` only, null elsewhere.
    """

    tokens: tuple[str, ...] = ()

    def columns(self) -> frozenset[str]:
        return frozenset(self.tokens)


Measure = Rows | Holds | Age | Share | SumShare | TopShare | Spread | Drift | IntervalGap | Volume | TextCells


@dataclass(frozen=True)
class Expect:
    """A Great Expectations class by its name, with its arguments."""

    kind: str
    kwargs: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def columns(self) -> frozenset[str]:
        names = (self.kwargs.get(key) for key in ("column", "column_A", "column_B"))
        return frozenset(name for name in names if name)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One declared check of one mart.

    Parameters
    ----------
    id
        Unique name, usable as the name of a Dagster asset check.
    table
        ``schema.table``.
    measure, expect
        What is measured, and what Great Expectations must find there.
    severity
        ``error`` blocks publishing, ``warning`` is shown.
    reason
        One sentence: what goes wrong when this is not so.
    next_step
        One sentence: what to do about it.
    when_empty
        What no rows to judge means: nothing to say (``skip``), fine (``pass``), or the defect itself (``fail``).
    """

    id: str
    table: str
    measure: Measure
    expect: Expect
    severity: Severity
    reason: str
    next_step: str
    when_empty: WhenEmpty = "skip"

    @property
    def schema(self) -> str:
        return self.table.partition(".")[0]

    @property
    def table_name(self) -> str:
        return self.table.partition(".")[2]

    @property
    def asset(self) -> tuple[str, str]:
        """Schema and table, as in the Dagster asset key."""
        return self.schema, self.table_name


@dataclass(frozen=True)
class Suite:
    """The checks of one audience."""

    name: str
    title: str
    question: str
    checks: tuple[Check, ...]


# The judgements most checks need.


def at_most(limit: float) -> Expect:
    """The share is not credibly above the limit: the lower end of its interval stays at or below it."""
    return Expect("ExpectColumnValuesToBeBetween", {"column": "lo", "max_value": limit})


def at_least(limit: float) -> Expect:
    """The share is not credibly below the limit: the upper end of its interval reaches it."""
    return Expect("ExpectColumnValuesToBeBetween", {"column": "hi", "min_value": limit})


def between(column: str, low: float | None = None, high: float | None = None) -> Expect:
    """Every value of the column lies between the two, ends included; nulls are not judged."""
    limits = {key: limit for key, limit in (("min_value", low), ("max_value", high)) if limit is not None}
    return Expect("ExpectColumnValuesToBeBetween", {"column": column, **limits})


def among(column: str, *values: object) -> Expect:
    """Every value of the column is one of these; nulls are not judged."""
    return Expect("ExpectColumnValuesToBeInSet", {"column": column, "value_set": list(values)})


def always() -> Expect:
    """The rule of `Holds` is true of every row for which it can be told."""
    return among("holds", True)


def volume(table: str) -> Check:
    """The check that a mart did not shrink by more than a fifth since the load before."""
    schema, _, name = table.partition(".")
    return Check(
        id=f"{schema.removeprefix('marts_')}_{name.removeprefix('fct_')}_volume",
        table=table,
        measure=Volume(),
        expect=between("ratio", low=0.8),
        severity="error",
        reason="A table that lost more than a fifth of its rows was read incompletely far more often than it was "
        "emptied.",
        next_step="See in marts_ops.stream_health which stream brought less and sync that connection again; "
        "if the rows were really deleted, publish once with `qoh run --accept-shrink`.",
    )


def adds_up(table: str) -> Check:
    """The check that an aggregated mart counts what its sources hold, by a count made without the mart's joins."""
    schema, _, name = table.partition(".")
    audience = schema.removeprefix("marts_")
    return Check(
        id=f"{audience}_{name.removeprefix(f'{audience}_')}_adds_up",
        table="marts_ops.mart_reconciliation",
        measure=Holds(
            "n_in_mart == n_counted or (is_upper_bound and n_in_mart < n_counted)", where=f"mart == '{name}'"
        ),
        expect=always(),
        severity="error",
        reason="A mart that counts other rows than its sources hold was joined wrongly: rows were doubled or lost.",
        next_step=f"Run `dbt build --select {name}+` and compare {name} with the count named in mart_reconciliation.",
        when_empty="fail",
    )
