"""What an estimate says, in plain words. About techniques, never about persons.

Rung 1 is uncorrected and looks at hired people only, so its words stay with what was seen: no "works", no "does not
work", and no order among techniques.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from validity.estimate import Estimate
from validity.thresholds import OBSERVED_CORRELATION

Word = Literal[
    "predicts",
    "predicts, not clean",
    "no evidence yet",
    "opposite sign",
    "too few hires",
    "cannot be estimated",
    "withheld",
]


@dataclass(frozen=True)
class Verdict:
    """A word for the table and a sentence that stands alone."""

    word: Word
    sentence: str


def verdict(estimate: Estimate, minimum_detectable: float | None, survives_fdr: bool, is_clean: bool = True) -> Verdict:
    """The verdict on one technique.

    Parameters
    ----------
    estimate
        Rung 1 of the technique.
    minimum_detectable
        Smallest true correlation that so many pairs find with 80 % power.
    survives_fdr
        Whether the technique stays significant after Benjamini–Hochberg over the techniques of its job family.
    is_clean
        Whether few enough of the hires were rated by somebody who had interviewed them.

    >>> seen = Estimate(value=0.31, lo=0.12, hi=0.48, n=96, method="pearson", definition_version="1")
    >>> verdict(seen, 0.28, survives_fdr=True).sentence
    'Hires who scored higher were later rated higher: r .31, interval .12 to .48, 96 reviewed hires.'
    """
    if estimate.status == "not_estimable":
        return _not_estimable(estimate)
    if not estimate.has_value:
        return Verdict("withheld", f"Withheld: {estimate.reason}.")
    assert estimate.value is not None
    assert estimate.lo is not None
    assert estimate.hi is not None
    interval = f"r {_r(estimate.value)}, interval {_r(estimate.lo)} to {_r(estimate.hi)}"
    numbers = f"{interval}, {estimate.n} reviewed hires"
    excludes_zero = estimate.lo > 0 or estimate.hi < 0
    if excludes_zero and survives_fdr and estimate.value > 0:
        word: Word = "predicts" if is_clean else "predicts, not clean"
        return Verdict(word, f"Hires who scored higher were later rated higher: {numbers}.")
    if excludes_zero and survives_fdr:
        return Verdict(
            "opposite sign",
            f"Hires who scored higher were later rated lower: {numbers}. Hiring on a total of several scores can "
            "turn the sign among those hired, so this alone does not say that the technique misleads.",
        )
    return Verdict("no evidence yet", _no_evidence(interval, estimate.n, minimum_detectable, excludes_zero))


def _no_evidence(interval: str, n: int, minimum_detectable: float | None, excludes_zero: bool) -> str:
    could = f"With {n} reviewed hires we could only have seen r ≥ {_r(minimum_detectable or 1.0)}."
    if excludes_zero:
        return f"The interval leaves out 0, but among so many techniques that may be chance: {interval}. {could}"
    return f"The data fit no relation as well as some: {interval}. {could}"


def _not_estimable(estimate: Estimate) -> Verdict:
    if estimate.n < OBSERVED_CORRELATION.estimable:
        return Verdict(
            "too few hires",
            f"{estimate.n} reviewed hires with a score; from {OBSERVED_CORRELATION.estimable} on it is computed, "
            f"from {OBSERVED_CORRELATION.shown} on it is shown.",
        )
    return Verdict("cannot be estimated", f"Not computed: {estimate.reason}.")


def _r(value: float) -> str:
    """A correlation as the field writes it: two decimals, no leading zero, a real minus sign."""
    text = f"{abs(value):.2f}".removeprefix("0")
    return f"−{text}" if value < 0 and float(f"{value:.2f}") != 0 else text


Conclusion = Literal["not estimable", "supported", "contradicted", "promising", "inconclusive"]
USEFUL = 0.10
"""Operational validity below which a technique is of no use: what `contradicted` and `promising` are held against."""
LIKELY = 0.80
"""Probability of a positive validity that `promising` asks for."""


def verdict_word(value: float, lo: float, hi: float, probability_positive: float, survives_fdr: bool) -> Conclusion:
    """One word from rungs 3 and 4, the same rule everywhere.

    *not estimable*: rung 4 refused; *supported*: rung 3 survives Benjamini–Hochberg at q = .10 and the interval of
    rung 4 excludes 0 from above; *contradicted*: its upper limit is below .10; *promising*: value at least .10 and
    P(ρ > 0) at least .80; else *inconclusive*.

    Parameters
    ----------
    value, lo, hi
        Rung 4; NaN where refused.
    probability_positive
        P(ρ > 0) of rung 4.
    survives_fdr
        Of rung 3.

    >>> verdict_word(0.31, 0.12, 0.48, 0.99, True)
    'supported'
    """
    if not isfinite(value):
        return "not estimable"
    if survives_fdr and lo > 0:
        return "supported"
    if hi < USEFUL:
        return "contradicted"
    if value >= USEFUL and probability_positive >= LIKELY:
        return "promising"
    return "inconclusive"


RULE = (
    "supported: rung 3 survives Benjamini–Hochberg at q = .10 and the interval of rung 4 excludes 0. "
    "contradicted: the upper limit of rung 4 is below .10, no useful validity. "
    "promising: rung 4 is at least .10 and ρ > 0 has a probability of at least .80. "
    "not estimable: refused. inconclusive: everything else."
)
"""The rule behind the words, printed with every table that has them."""


def verdict_sentence(word: Conclusion, rungs: Mapping[int, Mapping[str, Any]]) -> str:
    """One sentence that stands alone: what was seen, what it is corrected to, and on how many.

    Parameters
    ----------
    word
        Of `verdict_word`.
    rungs
        Rows of the technique by rung, with value, lo, hi, n and reason.

    >>> rungs = {1: {"value": 0.21, "lo": 0.08, "hi": 0.32, "n": 201, "reason": ""}}
    >>> verdict_sentence("not estimable", rungs | {4: {"value": float("nan"), "reason": "80 needed"}})
    'Observed r .21 (.08 to .32) among 201 reviewed hires; nothing was corrected: 80 needed.'
    """
    first, last = rungs[1], rungs[4]
    if not isfinite(first["value"]):
        return f"Not computed: {first['reason']}."
    seen = f"Observed r {_r(first['value'])} ({_r(first['lo'])} to {_r(first['hi'])}) among {first['n']} reviewed hires"
    if not isfinite(last["value"]):
        return f"{seen}; nothing was corrected: {last['reason']}."
    made = f"{_r(last['value'])} ({_r(last['lo'])} to {_r(last['hi'])})"
    meaning = {
        "supported": "it predicts performance",
        "promising": "it probably predicts performance",
        "contradicted": "it has no useful validity",
    }.get(word, "the data cannot tell")
    return f"{seen}; corrected for rating error and selection, and pooled, {made}: {meaning}."
