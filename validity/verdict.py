"""What the estimates of a technique say: one word by one rule, one sentence. About techniques, never persons."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, nan
from typing import Any, Literal

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


def verdict_sentence(word: Conclusion, rungs: Mapping[int, Mapping[str, Any]]) -> str:
    """What stands alone: what was seen, what it is corrected to, on how many; and what few raters leave open.

    The word follows its rule whatever the raters. Where they are few, the interval that resamples them too is part of
    the sentence (METHODS 9).

    Parameters
    ----------
    word
        Of `verdict_word`.
    rungs
        Rows of the technique by rung, with value, lo, hi, n and reason; the third with its rater-aware limits.

    >>> rungs = {1: {"value": 0.21, "lo": 0.08, "hi": 0.32, "n": 201, "reason": ""}}
    >>> verdict_sentence("not estimable", rungs | {4: {"value": float("nan"), "reason": "80 needed"}})
    'Observed r .21 (.08 to .32) among 201 reviewed hires; nothing was corrected: 80 needed.'
    """
    first, last = rungs[1], rungs[4]
    if not isfinite(first["value"]):
        return f"Not computed: {first['reason']}."
    seen = f"Observed r {_with_limits(first)} among {first['n']} reviewed hires"
    if not isfinite(last["value"]):
        return f"{seen}; nothing was corrected: {last['reason']}."
    meaning = {
        "supported": "it predicts performance",
        "promising": "it probably predicts performance",
        "contradicted": "it has no useful validity",
    }.get(word, "the data cannot tell")
    corrected = f"{seen}; corrected for rating error and selection, and pooled, {_with_limits(last)}: {meaning}."
    return f"{corrected}{_with_raters_drawn(rungs.get(3, {}))}"


def _with_raters_drawn(third: Mapping[str, Any]) -> str:
    """The interval of rung 3 with raters resampled too, where there is one.

    >>> _with_raters_drawn({"lo_rater_aware": -0.04, "hi_rater_aware": 0.61})
    ' With the few raters drawn too, the interval before pooling is −.04 to .61, which includes 0.'
    """
    lo, hi = third.get("lo_rater_aware", nan), third.get("hi_rater_aware", nan)
    if not isfinite(lo) or not isfinite(hi):
        return ""
    zero = ", which includes 0" if lo <= 0 <= hi else ""
    limits = f"{two_decimals(lo)} to {two_decimals(hi)}"
    return f" With the few raters drawn too, the interval before pooling is {limits}{zero}."


def _with_limits(rung: Mapping[str, Any]) -> str:
    value, lo, hi = (two_decimals(rung[name]) for name in ("value", "lo", "hi"))
    return f"{value} ({lo} to {hi})"


def two_decimals(value: float) -> str:
    """A correlation as the field writes it: no leading zero, a real minus sign.

    >>> two_decimals(-0.314)
    '−.31'
    """
    text = f"{abs(value):.2f}".removeprefix("0")
    return f"−{text}" if value < 0 and float(f"{value:.2f}") != 0 else text
