"""The rungs of each technique, read off the estimates: the one place that decides which number may be shown.

A corrected value never stands without the observed one: where rung 1 is withheld, so are the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
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
_PRIOR = re.compile(r"prior\((-?[\d.]+),([\d.]+)\)")
_FAMILIES = re.compile(r"pooled_over_(\d+)_job_families")


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
class Pooling:
    """What rung 4 was drawn towards: the same technique in other job families, or a stated prior (mean, SD on z)."""

    n_families: int | None = None
    prior: tuple[float, float] | None = None

    @classmethod
    def of(cls, method: str) -> Pooling:
        """
        >>> Pooling.of("maximum_likelihood+stated+prior(0.25,0.20)").towards
        'a stated prior (mean .25, SD .20 on Fisher’s z)'
        >>> Pooling.of("maximum_likelihood+g_q_k+pooled_over_4_job_families").towards
        'the values of the same technique in 4 job families'
        """
        if found := _FAMILIES.search(method):
            return cls(n_families=int(found[1]))
        if found := _PRIOR.search(method):
            return cls(prior=(float(found[1]), float(found[2])))
        return cls()

    @property
    def towards(self) -> str:
        if self.n_families is not None:
            return f"the values of the same technique in {self.n_families} job families"
        if self.prior is not None:
            return f"a stated prior (mean {correlation(self.prior[0])}, SD {correlation(self.prior[1])} on Fisher’s z)"
        return "something that the method does not name"

    def lift(self, effective_n: float | None) -> float | None:
        """Where the prior draws a technique without any validity that is known as well as `effective_n` pairs tell.

        Mean of the normal posterior at z = 0; None where families were pooled or the standard error is not known.

        >>> round(Pooling(prior=(0.25, 0.20)).lift(26), 3), round(Pooling(prior=(0.25, 0.20)).lift(101), 3)
        (0.124, 0.05)
        """
        if self.prior is None or effective_n is None or effective_n <= 1:
            return None
        (mean, sd), variance = self.prior, 1 / (effective_n - 1)
        return math.tanh(mean * variance / (variance + sd**2))


@dataclass(frozen=True)
class Literature:
    """What many firms found: mean operational validity and, where known, the band of four firms in five."""

    value: float
    lo: float | None
    hi: float | None
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
    pooling: Pooling = Pooling()

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


def pooled_towards(found: Iterable[Technique]) -> str:
    """What the pooled values of these techniques were drawn towards, in words; empty where there is none."""
    shown = {one.pooling for one in found if one.rungs[POOLED].value is not None}
    of_families = sorted({one.towards for one in shown if one.n_families is not None})
    others = sorted({one.towards for one in shown if one.n_families is None})
    if of_families and others:
        return f"{' or '.join(of_families)} where enough families have one, else {' or '.join(others)}"
    return " or ".join(of_families or others)


def rungs_explained(found: Iterable[Technique]) -> str:
    """What the rungs of these techniques are; of rung 4, what happened here."""
    towards = pooled_towards(found)
    fourth = f"drawn towards {towards}, the more the less certain it is" if towards else "pooled; nobody has one here"
    return (
        "Rung 1: the observed correlation of score and later rating among reviewed hires. Rung 2: corrected for error "
        "in the ratings. Rung 3: corrected for selection too, with the scores of applicants, hired or not. "
        f"Rung 4: {fourth}."
    )


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
        rater_aware=_rater_aware(rungs, rows.get(UNSELECTED)),
        literature=_literature(first),
        pooling=Pooling.of(str(rows[POOLED]["method"])) if POOLED in rows else Pooling(),
    )


def _rater_aware(rungs: Mapping[int, Rung], row: pd.Series | None) -> Rung:
    """Rung 3 with the interval that also allows for who the few raters are; nothing where no corrected value is shown.

    A value too wide to say keeps this interval, because the pooled value that is shown rests on it.
    """
    if row is None or (rungs[UNSELECTED].value is None and rungs[POOLED].value is None):
        return Rung(None)
    return Rung(rungs[UNSELECTED].value, number(row["lo_rater_aware"]), number(row["hi_rater_aware"]))


def _rung(row: pd.Series) -> Rung:
    reason = "" if words.missing(row["reason"]) else str(row["reason"])
    value = number(row["value"]) if row["status"] in ("ok", "low_n") else None
    if value is None:
        return Rung(None, reason=reason or "no reason was given")
    return Rung(value, number(row["lo"]), number(row["hi"]), reason)


def _literature(row: pd.Series) -> Literature | None:
    numbers = [number(row[name]) for name in ("literature_value", "literature_lo", "literature_hi")]
    value, lo, hi = numbers
    if value is None:
        return None
    source = "" if words.missing(row["literature_source"]) else str(row["literature_source"])
    return Literature(value, lo, hi, source)


def number(value: Any) -> float | None:
    return None if words.missing(value) else float(value)


def whole(value: Any) -> int | None:
    return None if words.missing(value) else int(value)
