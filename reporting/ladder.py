"""The rungs of each technique, read off the estimates: the one place that decides which number may be shown.

A corrected value never stands without the observed one: where rung 1 is withheld, so are the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reporting import words
from reporting.words import correlation, correlation_interval

ALL_FAMILIES = "all"
EVERYBODY, INDEPENDENT = "all_raters", "independent_raters"
OBSERVED, UNATTENUATED, UNSELECTED, POOLED = 1, 2, 3, 4
RUNGS: Mapping[int, str] = {
    OBSERVED: "Observed",
    UNATTENUATED: "Rating error out",
    UNSELECTED: "Selection out too",
    POOLED: "Pooled",
}
RUNGS_EXPLAINED = (
    "Rung 1: the observed correlation of score and later rating among reviewed hires. Rung 2: corrected for error in "
    "the ratings. Rung 3: corrected for selection too, with the scores of all applicants. Rung 4: drawn towards the "
    "other estimates or a stated prior, the more the less certain it is."
)
RULE = (
    "supported: rung 3 survives Benjamini–Hochberg at q = .10 and the interval of rung 4 lies above 0; "
    "contradicted: upper limit of rung 4 below .10 (no useful validity); "
    "promising: rung 4 at least .10 and P(ρ > 0) at least .80; else inconclusive; not estimable: refused."
)
"""The rule behind the words, printed with every table of them; `validity.verdict` applies it (a test compares)."""

SUPPORTED, PROMISING, INCONCLUSIVE = "supported", "promising", "inconclusive"
CONTRADICTED, NOT_ESTIMABLE = "contradicted", "not estimable"
VERDICTS = (SUPPORTED, PROMISING, INCONCLUSIVE, CONTRADICTED, NOT_ESTIMABLE)
_NOT_TECHNIQUES = ("unmapped",)


@dataclass(frozen=True)
class Rung:
    """One rung; `value` is None where refused, with the reason."""

    value: float | None
    lo: float | None = None
    hi: float | None = None
    reason: str = ""

    @property
    def excludes_zero(self) -> bool:
        return self.lo is not None and self.hi is not None and (self.lo > 0 or self.hi < 0)

    def text(self) -> str:
        """Value and interval, or nothing.

        >>> Rung(0.312, 0.121, 0.48).text(), Rung(None).text()
        ('.31 [.12, .48]', '')
        """
        if self.value is None:
            return ""
        return f"{correlation(self.value)} {correlation_interval(self.lo, self.hi)}".strip()

    def spoken(self) -> str:
        """
        >>> Rung(0.312, -0.05, 0.48).spoken()
        '.31 (−.05 to .48)'
        """
        if self.value is None:
            return ""
        if self.lo is None or self.hi is None:
            return correlation(self.value)
        return f"{correlation(self.value)} ({correlation(self.lo)} to {correlation(self.hi)})"


@dataclass(frozen=True)
class Literature:
    """What many firms found: mean operational validity and the band of four firms in five."""

    value: float
    lo: float
    hi: float
    source: str


@dataclass(frozen=True)
class Technique:
    """A technique in one job family, over all its raters or the independent ones."""

    key: str
    label: str
    family: str
    verdict: str
    rungs: Mapping[int, Rung]
    n: int | None
    n_applicants: int | None
    n_contaminated: int | None
    n_same_rater: int | None
    mdv: float | None
    rater_aware: Rung
    literature: Literature | None
    pooling_method: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether there is no number at all."""
        return self.rungs[OBSERVED].value is None

    @property
    def best(self) -> Rung | None:
        """The corrected rung that is read: pooled."""
        pooled = self.rungs[POOLED]
        return pooled if pooled.value is not None else None

    @property
    def leans_on_pooling(self) -> bool:
        """Whether it is supported although the interval of the corrected value includes 0 before it is pooled."""
        third = self.rungs[UNSELECTED]
        return self.verdict == SUPPORTED and third.value is not None and not third.excludes_zero

    @property
    def refusal(self) -> str:
        """Why the first rung without a value has none; empty where every rung has one."""
        return next((rung.reason for rung in self.rungs.values() if rung.value is None), "")


def techniques(estimates: pd.DataFrame, family: str = ALL_FAMILIES, variant: str = EVERYBODY) -> list[Technique]:
    """Every technique as a whole in one job family, in alphabetical order: an order that ranks nothing."""
    rows = estimates[
        (estimates["job_family"] == family)
        & (estimates["variant"] == variant)
        & (estimates["attribute"] == "overall")
        & ~estimates["technique"].isin(_NOT_TECHNIQUES)
        & estimates["rung"].isin(list(RUNGS))
    ]
    made = [_technique(str(key), family, mine) for key, mine in rows.groupby("technique")]
    return sorted((one for one in made if one is not None), key=lambda one: one.label)


def families(estimates: pd.DataFrame) -> list[str]:
    """Job families by name."""
    return sorted(str(name) for name in set(estimates["job_family"].dropna()) - {ALL_FAMILIES})


def _technique(key: str, family: str, mine: pd.DataFrame) -> Technique | None:
    rows = {int(row["rung"]): row for _, row in mine.iterrows()}
    if OBSERVED not in rows:
        return None
    first = rows[OBSERVED]
    rungs = {number: _rung(rows[number]) if number in rows else Rung(None) for number in RUNGS}
    if rungs[OBSERVED].value is None:
        rungs = {number: Rung(None, reason=rungs[OBSERVED].reason) for number in RUNGS}
    third = rows[UNSELECTED] if rungs[UNSELECTED].value is not None else first
    aware = Rung(rungs[UNSELECTED].value, number(third["lo_rater_aware"]), number(third["hi_rater_aware"]))
    refused = rungs[OBSERVED].value is None
    return Technique(
        key=key,
        label=words.name_of(key, words.TECHNIQUES),
        family=family,
        verdict=NOT_ESTIMABLE if refused or rungs[POOLED].value is None else str(first["verdict"]),
        rungs=rungs,
        n=whole(first["n"]),
        n_applicants=whole(first["n_applicants"]),
        n_contaminated=whole(first["n_contaminated"]),
        n_same_rater=whole(first["n_same_rater"]),
        mdv=number(first["mdv"]),
        rater_aware=aware,
        literature=_literature(first),
        pooling_method=str(rows[POOLED]["method"]) if POOLED in rows else "",
    )


def _rung(row: pd.Series) -> Rung:
    reason = "" if words.missing(row["reason"]) else str(row["reason"])
    value = number(row["value"]) if row["status"] in ("ok", "low_n") else None
    if value is None:
        return Rung(None, reason=reason or "no reason was given")
    return Rung(value, number(row["lo"]), number(row["hi"]), reason)


def _literature(row: pd.Series) -> Literature | None:
    numbers = [number(row[name]) for name in ("literature_value", "literature_lo", "literature_hi")]
    value, lo, hi = numbers
    if value is None or lo is None or hi is None:
        return None
    source = "" if words.missing(row["literature_source"]) else str(row["literature_source"])
    return Literature(value, lo, hi, source)


def number(value: Any) -> float | None:
    return None if words.missing(value) else float(value)


def whole(value: Any) -> int | None:
    return None if words.missing(value) else int(value)
