"""The estimate object: a number never travels without its interval, its n and how it was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from math import isfinite
from typing import Any, Literal, get_args

import pandas as pd

Status = Literal["ok", "low_n", "not_estimable", "suppressed", "stale"]

STATUSES: tuple[Status, ...] = get_args(Status)
STATUSES_WITH_VALUE: tuple[Status, ...] = ("ok", "low_n")


class InvalidEstimateError(ValueError):
    """An estimate contradicts itself, for example a value under the status ``suppressed``."""

    def __init__(self, subject: str, seen: object, expected: str) -> None:
        super().__init__(f"`{subject}`: {seen!r}, expected {expected}. The estimate was not made.")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One number with everything needed to read it.

    Parameters
    ----------
    value, lo, hi
        Point and limits of the interval; ``None`` unless `status` is ``ok`` or ``low_n``.
    level
        Confidence level of the interval, 0–1.
    n
        Observations that entered.
    method
        How the value was made, ``+``-separated, for example ``pearson``.
    status
        ``ok``; ``low_n`` (computed, read with care, see `reason`); ``not_estimable`` (refused); ``suppressed``
        (computed but withheld); ``stale`` (computed from data that is too old).
    reason
        Why the status is not ``ok``, or what to know about an ``ok`` one.
    as_of
        State of the data, aware UTC time.
    definition_version
        Version of the definition behind the number.
    extras
        Further numbers that belong to this method, by column name.

    Raises
    ------
    InvalidEstimateError
        A value without a status that allows one, limits in the wrong order, a refusal without a reason.

    Examples
    --------
    >>> Estimate(value=0.31, lo=0.12, hi=0.48, n=90, method="pearson", definition_version="1").status
    'ok'
    >>> refused("pearson", n=7, reason="7 pairs, 25 needed", definition_version="1").value is None
    True
    """

    value: float | None = None
    lo: float | None = None
    hi: float | None = None
    level: float = 0.95
    n: int
    method: str
    status: Status = "ok"
    reason: str = ""
    as_of: datetime | None = None
    definition_version: str
    extras: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise InvalidEstimateError("status", self.status, f"one of {', '.join(STATUSES)}")
        if not 0 < self.level < 1:
            raise InvalidEstimateError("level", self.level, "a number between 0 and 1")
        if self.n < 0:
            raise InvalidEstimateError("n", self.n, "0 or more")
        if self.status in STATUSES_WITH_VALUE:
            self._require_interval()
        else:
            self._require_refusal()
        if self.status != "ok" and not self.reason:
            raise InvalidEstimateError("reason", self.reason, f"a sentence, because the status is {self.status}")
        clash = {f.name for f in fields(self)} & set(self.extras)
        if clash:
            raise InvalidEstimateError("extras", sorted(clash), "names that no field of the estimate has")

    def _require_interval(self) -> None:
        numbers = (self.lo, self.value, self.hi)
        if any(number is None or not isfinite(number) for number in numbers):
            raise InvalidEstimateError("value, lo, hi", numbers, f"finite numbers, because the status is {self.status}")
        lo, value, hi = (float(number) for number in numbers if number is not None)
        if not lo <= value <= hi:
            raise InvalidEstimateError("value, lo, hi", numbers, "lo <= value <= hi")

    def _require_refusal(self) -> None:
        if any(number is not None for number in (self.value, self.lo, self.hi)):
            raise InvalidEstimateError("value", self.value, f"None, because the status is {self.status}")

    @property
    def has_value(self) -> bool:
        """Whether there is a number to show."""
        return self.status in STATUSES_WITH_VALUE

    def withheld(self, status: Literal["suppressed", "stale"], reason: str) -> Estimate:
        """The same estimate without its numbers."""
        return replace(self, value=None, lo=None, hi=None, status=status, reason=reason)

    def as_row(self) -> dict[str, Any]:
        """The estimate as one flat row: its fields, then its extras."""
        row = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "extras"}
        return row | dict(self.extras)


def refused(
    method: str,
    *,
    n: int,
    reason: str,
    definition_version: str,
    level: float = 0.95,
    as_of: datetime | None = None,
    extras: Mapping[str, Any] | None = None,
) -> Estimate:
    """An estimate that could not be made, with the reason."""
    return Estimate(
        n=n,
        method=method,
        level=level,
        status="not_estimable",
        reason=reason,
        as_of=as_of,
        definition_version=definition_version,
        extras=extras or {},
    )


def to_frame(rows: Iterable[tuple[Mapping[str, Any], Estimate]]) -> pd.DataFrame:
    """One row per estimate: what it is about (the keys), then its fields and extras.

    >>> made = Estimate(value=0.5, lo=0.4, hi=0.6, n=100, method="wilson", definition_version="1")
    >>> to_frame([({"stage": "onsite"}, made)])[["stage", "value", "n", "status"]].to_dict("records")
    [{'stage': 'onsite', 'value': 0.5, 'n': 100, 'status': 'ok'}]
    """
    return pd.DataFrame([dict(keys) | estimate.as_row() for keys, estimate in rows])
