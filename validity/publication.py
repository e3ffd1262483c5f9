"""What of the estimates may leave the warehouse: PRIVACY's small-cell rules, applied when a file is published."""

from __future__ import annotations

import pandas as pd

from validity.thresholds import OBSERVED_CORRELATION, PEOPLE_COUNT

_NUMBERS = ["value", "lo", "hi", "value_unbiased", "p_value", "q_value"]
_CELL = ["rung", "technique", "variant"]


def shown(estimates: pd.DataFrame) -> pd.DataFrame:
    """`validity.technique_estimates` as it may be published.

    Estimates on fewer hires than the shown threshold become ``suppressed``; inconclusive ones with enough hires stay.
    Counts of 1–4 people are blanked, and whatever gives one away by subtraction: the next smallest job family, and a
    variant that differs from another by 1–4 people.
    """
    frame = estimates.copy()
    few = frame["value"].notna() & (frame["n"] < OBSERVED_CORRELATION.shown)
    _withhold(frame, few, "too few hires", f"fewer than {OBSERVED_CORRELATION.shown} reviewed hires")
    close = _close_variants(frame)
    _withhold(frame, close, "withheld", "nearly the same hires as with all raters, so not shown apart")
    hidden = _hidden_counts(frame)
    frame.loc[hidden | close, ["n", "mdv", "n_clusters"]] = pd.NA
    frame.loc[hidden, "reason"] = f"fewer than {OBSERVED_CORRELATION.estimable} reviewed hires"
    frame.loc[hidden, "verdict_sentence"] = f"Fewer than {OBSERVED_CORRELATION.estimable} reviewed hires with a score."
    for column in ("n_contaminated", "n_same_rater"):
        frame.loc[_is_small(frame[column]), column] = pd.NA
    return frame


def _withhold(frame: pd.DataFrame, rows: pd.Series, word: str, reason: str) -> None:
    frame.loc[rows, _NUMBERS] = float("nan")
    frame.loc[rows, "status"] = "suppressed"
    frame.loc[rows, "reason"] = reason
    frame.loc[rows, "verdict"] = word
    frame.loc[rows, "verdict_sentence"] = f"Not shown: {reason}."


def _is_small(counts: pd.Series) -> pd.Series:
    return counts.between(1, PEOPLE_COUNT.shown - 1).fillna(False).astype(bool)


def _close_variants(frame: pd.DataFrame) -> pd.Series:
    """Rows of a variant whose n lies 1–4 below that of all raters: the difference would be a small count."""
    keys = ["rung", "technique", "job_family"]
    everyone = frame.loc[frame["variant"] == "all_raters", [*keys, "n"]].rename(columns={"n": "n_everyone"})
    difference = frame.merge(everyone, on=keys, how="left")["n_everyone"].set_axis(frame.index) - frame["n"]
    return _is_small(difference)


def _hidden_counts(frame: pd.DataFrame) -> pd.Series:
    """Rows whose count is 1–4, and per technique and variant a second family where only one would be hidden."""
    hidden = _is_small(frame["n"])
    families = frame[frame["job_family"] != "all"]
    for _, cell in families.groupby(_CELL):
        is_hidden = hidden.loc[cell.index]
        candidates = cell[~is_hidden & (cell["status"] == "not_estimable") & (cell["n"] > 0)]
        if is_hidden.sum() == 1 and len(candidates):
            hidden |= hidden.index == candidates["n"].astype(int).idxmin()
    return hidden
