"""What of the estimates may leave the warehouse: PRIVACY's small-cell rules, applied when a file is published."""

from __future__ import annotations

import pandas as pd

from validity.thresholds import OBSERVED_CORRELATION, PEOPLE_COUNT

_NUMBERS = ["value", "lo", "hi", "value_unbiased", "p_value", "q_value"]
_CELL = ["rung", "technique", "variant"]


def shown(estimates: pd.DataFrame) -> pd.DataFrame:
    """`validity.technique_estimates` as it may be published.

    Estimates on fewer hires than the shown threshold become ``suppressed``; inconclusive ones with enough hires stay.
    Counts of 1–4 people are blanked, and with them the next smallest job family, so that the total does not give
    the blank away.
    """
    frame = estimates.copy()
    few = frame["value"].notna() & (frame["n"] < OBSERVED_CORRELATION.shown)
    reason = f"fewer than {OBSERVED_CORRELATION.shown} reviewed hires: computed, not shown"
    frame.loc[few, _NUMBERS] = float("nan")
    frame.loc[few, "status"] = "suppressed"
    frame.loc[few, "reason"] = reason
    frame.loc[few, "verdict"] = "too few hires"
    frame.loc[few, "verdict_sentence"] = f"Not shown: {reason.partition(':')[0]}."
    hidden = _hidden_counts(frame)
    frame.loc[hidden, ["n", "mdv", "n_clusters"]] = pd.NA
    frame.loc[hidden, "reason"] = f"fewer than {OBSERVED_CORRELATION.estimable} reviewed hires"
    frame.loc[hidden, "verdict_sentence"] = f"Fewer than {OBSERVED_CORRELATION.estimable} reviewed hires with a score."
    small_parts = ["n_contaminated", "n_same_rater"]
    for column in small_parts:
        frame.loc[frame[column].between(1, PEOPLE_COUNT.shown - 1), column] = pd.NA
    return frame


def _hidden_counts(frame: pd.DataFrame) -> pd.Series:
    """Rows whose count is 1–4, and per technique and variant a second family where only one would be hidden."""
    hidden = frame["n"].between(1, PEOPLE_COUNT.shown - 1).fillna(False).astype(bool)
    families = frame[frame["job_family"] != "all"]
    for _, cell in families.groupby(_CELL):
        is_hidden = hidden.loc[cell.index]
        candidates = cell[~is_hidden & (cell["status"] == "not_estimable") & (cell["n"] > 0)]
        if is_hidden.sum() == 1 and len(candidates):
            hidden |= hidden.index == candidates["n"].astype(int).idxmin()
    return hidden
