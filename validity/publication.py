"""What of the results may leave the warehouse: PRIVACY's small-cell rules, applied before a file is published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from validity.thresholds import GROUP_RATE, OBSERVED_CORRELATION, PEOPLE_COUNT

Shown = Callable[[pd.DataFrame], pd.DataFrame]
FEW = f"fewer than {OBSERVED_CORRELATION.shown} reviewed hires"
MAIN_VARIANT = "all_raters"
_Key = tuple[str, str, str]
_KEYS = ["technique", "job_family", "variant"]
_SISTERS = {
    "validity_diagnostics": ("n_scored", "n_hired", "n_rated"),
    "validity_incremental": ("n",),
    "validity_power": ("n", "n_needed"),
    "validity_expectancy": ("n",),
    "validity_scatter": ("n_hired", "n_rated"),
    "validity_sensitivity": (),
}
"""Tables about the same hires as the estimates, and their columns that count them."""
_PUBLIC = ("stage", "setting", "third", "score_lo", "score_hi", "target_half_width", "hires_per_year", "hours_share",
           "interview_hours_per_year")  # fmt: skip
"""Numbers that say nothing about hires' scores or ratings."""
_NUMBERS = ("value", "lo", "hi", "p_value", "q_value", "probability_positive", "lo_rater_aware", "hi_rater_aware")


def shown(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The result tables as they may be published, by name.

    What `validity_estimates` withholds of a technique in a job family, no other table gives back: where its count of
    hires is hidden, all counts and numbers of the cell are; where only its validity is withheld, all numbers are.
    """
    made = {name: _RULES[name](frame) if name in _RULES else frame for name, frame in tables.items()}
    cells = made["validity_estimates"]
    cells = cells[(cells["rung"] == 1) & (cells["attribute"] == "overall")]
    counted = {tuple(key) for key in cells.loc[cells["n"].notna(), _KEYS].to_numpy()}
    valued = {tuple(key) for key in cells.loc[cells["value"].notna(), _KEYS].to_numpy()}
    sisters = {name: _like_estimates(frame, name, counted, valued) for name, frame in made.items() if name in _SISTERS}
    return made | sisters


def _like_estimates(frame: pd.DataFrame, name: str, counted: set[_Key], valued: set[_Key]) -> pd.DataFrame:
    """Counts only where the estimates have a count, numbers only where they have a value."""
    variant = frame["variant"] if "variant" in frame else pd.Series(MAIN_VARIANT, index=frame.index)
    keys = list(zip(frame["technique"], frame["job_family"], variant, strict=True))
    has_count = np.array([key in counted for key in keys], dtype=bool)
    has_value = np.array([key in valued for key in keys], dtype=bool)
    if name == "validity_sensitivity":
        return frame[has_value].reset_index(drop=True)
    frame = frame.copy()
    counts = [column for column in _SISTERS[name] if column in frame]
    numbers = [c for c in frame.columns[frame.dtypes == "float64"] if c not in (*_PUBLIC, *counts)]
    frame.loc[~has_value, numbers] = np.nan
    frame.loc[~has_count, counts] = pd.NA
    if "status" in frame:
        refused = ~has_value & frame["status"].isin(["ok", "low_n"]).to_numpy(dtype=bool)
        frame.loc[refused, "status"] = "suppressed"
        frame.loc[refused, "reason"] = FEW
    return frame


def shown_estimates(estimates: pd.DataFrame) -> pd.DataFrame:
    """`validity_estimates`: too few hires are ``suppressed``; inconclusive ones with enough stay.

    Counts of 1–4 people are blanked, and whatever gives one away by subtraction: the next smallest job family, and a
    variant that differs from another by 1–4 people. A cell whose rung 1 is withheld shows no other rung.
    """
    frame = estimates.copy()
    withheld = frame["n"].fillna(0) < OBSERVED_CORRELATION.shown
    _withhold(frame, withheld & frame["value"].notna(), FEW)
    close = _close_variants(frame)
    _withhold(frame, close, "nearly the same hires as with all raters, so not shown apart")
    hidden = _hidden_counts(frame)
    frame.loc[hidden | close, ["n", "mdv"]] = pd.NA
    frame.loc[hidden, "reason"] = f"fewer than {OBSERVED_CORRELATION.estimable} reviewed hires"
    frame.loc[withheld | hidden | close, "verdict"] = "not estimable"
    frame.loc[withheld & ~close, "verdict_sentence"] = f"Not shown: {FEW}."
    frame.loc[hidden, "verdict_sentence"] = f"Fewer than {OBSERVED_CORRELATION.estimable} reviewed hires with a score."
    frame.loc[close, "verdict_sentence"] = "Not shown apart: nearly the same hires as with all raters."
    return _without_small_counts(frame, ("n_contaminated", "n_same_rater", "n_applicants"))


def _withhold(frame: pd.DataFrame, rows: pd.Series, reason: str) -> None:
    for name in _NUMBERS:
        if name in frame:
            frame.loc[rows, name] = np.nan
    frame.loc[rows, "status"] = "suppressed"
    frame.loc[rows, "reason"] = reason


def _is_small(counts: pd.Series) -> pd.Series:
    return counts.between(1, PEOPLE_COUNT.shown - 1).fillna(False).astype(bool)


def _without_small_counts(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Counts of 1–4 people blanked."""
    frame = frame.copy()
    for name in columns:
        frame.loc[_is_small(frame[name]), name] = pd.NA
    return frame


def _close_variants(frame: pd.DataFrame) -> pd.Series:
    """Rows of a variant whose n lies 1–4 below that of all raters: the difference would be a small count."""
    keys = ["technique", "attribute", "job_family", "rung"]
    everyone = frame.loc[frame["variant"] == "all_raters", [*keys, "n"]].rename(columns={"n": "n_everyone"})
    difference = frame.merge(everyone, on=keys, how="left")["n_everyone"].set_axis(frame.index) - frame["n"]
    return _is_small(difference)


def _hidden_counts(frame: pd.DataFrame) -> pd.Series:
    """Rows whose count is 1–4, and a second family where only one of a technique would be hidden."""
    hidden = _is_small(frame["n"])
    families = frame[frame["job_family"] != "all"]
    for _, cell in families.groupby(["technique", "attribute", "variant", "rung"]):
        is_hidden = hidden.loc[cell.index]
        candidates = cell[~is_hidden & (cell["n"] > 0) & (cell["n"] < OBSERVED_CORRELATION.estimable)]
        if is_hidden.sum() == 1 and len(candidates):
            hidden |= hidden.index == candidates["n"].astype(int).idxmin()
    return hidden


def _of_enough_hires(numbers: Sequence[str], minimum: int, count: str = "n") -> Shown:
    """A rule that blanks `numbers` of rows with fewer than `minimum` hires, and counts of 1–4."""

    def rule(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        few = frame[count].fillna(0) < minimum
        frame.loc[few, list(numbers)] = np.nan
        if "status" in frame:
            refused = few & (frame["status"] != "not_estimable")
            frame.loc[refused, "status"] = "suppressed"
            frame.loc[refused, "reason"] = f"fewer than {minimum} reviewed hires"
        return _without_small_counts(frame, [count])

    return rule


def _shown_diagnostics(frame: pd.DataFrame) -> pd.DataFrame:
    numbers = ["u", "effective_n", "leave_one_out_lo", "leave_one_out_hi", "p_quadratic", "p_heteroscedastic"]
    numbers += ["r_missing_review", "p_missing_review"]
    made = _of_enough_hires(numbers, OBSERVED_CORRELATION.shown, "n_rated")(frame)
    told = _is_small(made["n_hired"]) | _is_small(made["n_applicants"] - made["n_hired"])
    made.loc[told, "selection_ratio"] = np.nan
    return _without_small_counts(made, ["n_applicants", "n_scored", "n_hired"])


def _shown_scatter(frame: pd.DataFrame) -> pd.DataFrame:
    """Bins with fewer than ten reviewed hires keep no mean; bins of 1–4 hires only say that somebody was hired."""
    made = _of_enough_hires(["mean_rating", "lo", "hi"], GROUP_RATE.shown, "n_rated")(frame)
    return _without_small_counts(made, ["n_applicants", "n_hired"])


def _shown_reliability(frame: pd.DataFrame) -> pd.DataFrame:
    """Reliability of few hires is withheld unless it was stated, and counts of 1–4 are blanked."""
    frame = frame.copy()
    few = (frame["n_pairs"].fillna(0) < OBSERVED_CORRELATION.shown) & (frame["method"] != "stated")
    frame.loc[few, ["value", "lo", "hi"]] = np.nan
    frame.loc[few & frame["status"].isin(["ok", "low_n"]), "reason"] = FEW
    frame.loc[few & frame["status"].isin(["ok", "low_n"]), "status"] = "suppressed"
    return _without_small_counts(frame, ["n_pairs", "n_raters"])


_RULES: dict[str, Shown] = {
    "validity_reliability": _shown_reliability,
    "validity_estimates": shown_estimates,
    "validity_diagnostics": _shown_diagnostics,
    "validity_incremental": _of_enough_hires(
        [
            *("r2_all", "r2_adjusted", "r2_cross_validated", "delta_r2", "delta_r2_lo", "delta_r2_hi"),
            *("relative_weight", "relative_weight_lo", "relative_weight_hi", "general_dominance", "beta", "vif"),
        ],
        OBSERVED_CORRELATION.shown,
    ),
    "validity_power": _of_enough_hires(["half_width", "mdv_observed", "mdv_operational"], OBSERVED_CORRELATION.shown),
    "validity_expectancy": _of_enough_hires(["share_good", "lo", "hi"], GROUP_RATE.shown),
    "validity_scatter": _shown_scatter,
}
