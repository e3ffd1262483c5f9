"""What follows from the estimates: how long until we know, what to expect of whom is hired, what a technique adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from validity.bounds import Group, monotone_difference, worst_case_difference
from validity.estimate import Estimate
from validity.importance import (
    adjusted_r2,
    browne_cross_validity,
    dominance,
    each_last,
    r_squared,
    relative_weights,
    standardised_betas,
    vif,
)
from validity.moments import Array
from validity.power import (
    TARGET_HALF_WIDTH,
    minimum_detectable_operational_validity,
    minimum_detectable_validity,
    precision_date,
)
from validity.proportion import wilson
from validity.records import records
from validity.study import Study
from validity.thresholds import GROUP_RATE, OBSERVED_CORRELATION
from validity.utility import expectancy

GOOD = 0.0
"""A rating is good when it is above the average of colleagues rated in the same cell (z > 0)."""
THIRDS = (1, 2, 3)
MAX_DOMINANCE = 12
MIN_TOGETHER = OBSERVED_CORRELATION.estimable
"""People scored on both of two techniques, without whom nothing is said of what they share."""

Rungs = Mapping[int, Mapping[str, Any]]


def power_row(rungs: Rungs, hires_per_year: float, as_of: datetime) -> dict[str, Any]:
    """How precise the best estimate is, and by when it will be precise enough at the present hiring rate."""
    best = next((rungs[rung] for rung in (3, 1) if np.isfinite(rungs[rung]["value"])), None)
    n = int(rungs[1]["n"])
    row: dict[str, Any] = {
        "n": n,
        "hires_per_year": hires_per_year,
        "half_width": np.nan,
        "target_half_width": TARGET_HALF_WIDTH,
        "n_needed": None,
        "precision_on": None,
        "mdv_observed": minimum_detectable_validity(n) if n > 3 else np.nan,
        "mdv_operational": np.nan,
        "status": "not_estimable",
        "reason": str(rungs[1]["reason"]),
    }
    return row if best is None else row | _precision(best, rungs[3], n, hires_per_year, as_of)


def _precision(
    best: Mapping[str, Any], third: Mapping[str, Any], n: int, hires_per_year: float, as_of: datetime
) -> dict[str, Any]:
    half = (best["hi"] - best["lo"]) / 2
    when = precision_date(half, n, hires_per_year, as_of.date())
    return {
        "half_width": half,
        "n_needed": when.n_needed,
        "precision_on": when.on,
        "mdv_operational": _operational(third, n),
        "status": "ok",
        "reason": when.reason,
    }


def _operational(third: Mapping[str, Any], n: int) -> float:
    """Smallest operational validity that so many reviewed hires find, NaN where rung 3 was refused."""
    if not np.isfinite(third["value"]):
        return np.nan
    numbers = {name: third[name] for name in ("value", "lo", "hi", "level")}
    detectable = minimum_detectable_operational_validity(
        Estimate(**numbers, n=n, method="rung_3", definition_version="2")
    )
    return np.nan if detectable is None else detectable


def expectancy_rows(pairs: pd.DataFrame, pooled: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Share who do well by third of the score: as seen among reviewed hires, and as rung 4 implies.

    The first are rated above the average of colleagues rated in the same cell. The second would do better than the
    middle applicant who reached the stage, had all of them been hired, and has the interval of rung 4 (bivariate
    normal; Lawshe et al. 1958). So the yardsticks differ, and half of the second are above theirs by definition.
    """
    yield from _observed_thirds(pairs)
    has_value = np.isfinite(pooled["value"])
    shares = [expectancy(pooled[name], 3) if has_value else [np.nan] * 3 for name in ("value", "lo", "hi")]
    for third in THIRDS:
        middle, a, b = (share[third - 1] for share in shares)
        yield {
            "kind": "expected",
            "third": third,
            "share_good": middle,
            "lo": min(a, b),
            "hi": max(a, b),
            "base_rate": 0.5,
            "n": int(pooled["n"]),
            "status": pooled["status"] if has_value else "not_estimable",
            "reason": pooled["reason"],
        }


def _observed_thirds(pairs: pd.DataFrame) -> Iterator[dict[str, Any]]:
    third, base = _thirds_of(pairs["score"].to_numpy(dtype=float)), np.nan
    if len(pairs):
        base = float((pairs["rating"] > GOOD).mean())
    for number in THIRDS:
        yield {"kind": "observed", "third": number} | _good(pairs[third == number], len(pairs), base)


def _thirds_of(scores: Array) -> npt.NDArray[np.int64]:
    """The third, 1 to 3, that each score falls into by its mean rank."""
    ranks = np.asarray(rankdata(scores), dtype=np.float64)
    return np.minimum((ranks - 0.5) * 3 / max(len(scores), 1), 2.999).astype(np.int64) + 1


def _good(mine: pd.DataFrame, n: int, base: float) -> dict[str, Any]:
    """Share of good performers in one third of `n` pairs."""
    made = wilson(int((mine["rating"] > GOOD).sum()), len(mine))
    few = n < OBSERVED_CORRELATION.shown
    shown = made.has_value and not few
    return {
        "share_good": made.value if shown else np.nan,
        "lo": made.lo if shown else np.nan,
        "hi": made.hi if shown else np.nan,
        "base_rate": base if shown else np.nan,
        "n": len(mine),
        "status": made.status if shown else "not_estimable",
        "reason": f"{n} reviewed hires, shown from {OBSERVED_CORRELATION.shown}" if few else made.reason,
    }


def scatter_rows(bins: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Mean rating by score, and where applicants scored but nobody was hired."""
    for row in records(bins.sort_values("score_lo")):
        counts = {name: int(row[name]) for name in ("n_applicants", "n_hired", "n_rated")}
        yield {"score_lo": row["score_lo"], "score_hi": row["score_hi"], **counts, **_mean_rating(row)}


def _mean_rating(row: Mapping[str, Any]) -> dict[str, Any]:
    n = int(row["n_rated"])
    if n < GROUP_RATE.estimable:
        reason = f"{n} reviewed hires, {GROUP_RATE.estimable} needed" if row["n_hired"] else "nobody was hired"
        return {"mean_rating": np.nan, "lo": np.nan, "hi": np.nan, "status": "not_estimable", "reason": reason}
    mean = row["sum_rating"] / n
    sd = np.sqrt(max(row["sum_rating_sq"] - n * mean**2, 0.0) / (n - 1))
    half = 1.96 * sd / np.sqrt(n)
    few = n < GROUP_RATE.shown
    return {
        "mean_rating": mean,
        "lo": mean - half,
        "hi": mean + half,
        "status": "low_n" if few else "ok",
        "reason": f"{n} reviewed hires, shown from {GROUP_RATE.shown}" if few else "",
    }


def worst_case_rows(pairs: pd.DataFrame, bins: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Bounds of P(good | top third) − P(good | bottom third) among applicants, whatever the unhired would have done."""
    total = float(bins["n_applicants"].sum())
    if len(pairs) < OBSERVED_CORRELATION.shown or total == 0:
        return
    ordered = bins.sort_values("score_lo")
    middle = ordered["n_applicants"].cumsum() - ordered["n_applicants"] / 2
    third = np.minimum(middle / total * 3, 2.999).astype(int) + 1
    high, low = (_group(pairs, ordered[(third == number).to_numpy()]) for number in (3, 1))
    if min(high.n, low.n) == 0:
        return
    for kind, bounds in (("worst_case", worst_case_difference), ("monotone_selection", monotone_difference)):
        made = bounds(high, low, 0.0, 1.0)
        yield {"kind": kind, "setting": np.nan, "value": np.nan, "lo": made.lower, "hi": made.upper}


def _group(pairs: pd.DataFrame, bins: pd.DataFrame) -> Group:
    n = int(bins["n_applicants"].sum())
    inside = np.zeros(len(pairs), dtype=bool)
    for row in records(bins):
        inside |= ((pairs["score"] >= row["score_lo"]) & (pairs["score"] < row["score_hi"])).to_numpy()
    good = pairs.loc[inside, "rating"] > GOOD
    seen = min(len(good), n)
    return Group(n, seen, float(good.mean()) if seen else None)


def incremental_rows(found: Study, hours: pd.DataFrame, n: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """What each technique adds to the others on the corrected correlations, against the hours it takes.

    About the techniques that have a rung 3 and of which every pair was seen together; the others have a reason.
    `delta_r2` is what would be lost if this technique alone were dropped; relative weights (Johnson 2000) and general
    dominance (Budescu 1993) share out all of R². Intervals are percentiles over the applicant bootstrap.
    """
    names, left_out = found.names, left_out_of_r2(found)
    kept = [name for name in names if name not in left_out]
    total_hours = float(hours["interviewer_hours"].reindex(list(names)).sum()) if len(hours) else 0.0
    made = _importance(found, [names.index(name) for name in kept])
    alone = "no other technique to compare it with" if len(kept) < 2 else "the techniques determine one another"
    for name in names:
        spent = float(hours["interviewer_hours"].get(name, np.nan)) if len(hours) else np.nan
        has = bool(made) and name in kept
        yield {
            "technique": name,
            **({key: value[kept.index(name)] for key, value in made.items()} if has else _no_importance()),
            "interview_hours_per_year": spent,
            "hours_share": spent / total_hours if total_hours else np.nan,
            "n": n.get(name, 0),
            "status": "ok" if has else "not_estimable",
            "reason": "" if has else left_out.get(name, alone),
        }


def left_out_of_r2(found: Study) -> dict[str, str]:
    """Techniques that R² cannot be about, each with the reason.

    One without a rung 3; then, as long as a pair was seen together by too few people, the technique of most such pairs
    (of these, that with fewest scores): the correlation of such a pair comes from the model and not from data.
    """
    third = found.estimates[found.estimates["rung"] == 3].set_index("predictor")
    is_shown = third["value"].notna() | third["reason"].str.startswith("too wide")
    why = {
        name: f"not corrected for selection: {third['reason'].astype(str)[name]}"
        for name in found.names
        if not is_shown[name]
    }
    while True:
        kept = [j for j, name in enumerate(found.names) if name not in why]
        together = found.together[np.ix_(kept, kept)]
        rare = together < MIN_TOGETHER
        if not rare.any():
            return why
        out = min(range(len(kept)), key=lambda k: (-rare[k].sum(), together[k, k], k))
        other = int(np.flatnonzero(rare[out])[0])
        pair = f"scored on both it and {found.names[kept[other]]}"
        why[found.names[kept[out]]] = f"fewer than {MIN_TOGETHER} people were {pair}"


_IMPORTANCE = (
    *("r2_all", "r2_adjusted", "r2_cross_validated", "delta_r2", "delta_r2_lo", "delta_r2_hi", "relative_weight"),
    *("relative_weight_lo", "relative_weight_hi", "general_dominance", "beta", "vif"),
)


def _no_importance() -> dict[str, float]:
    return dict.fromkeys(_IMPORTANCE, np.nan)


def _importance(found: Study, kept: list[int]) -> dict[str, Array]:
    """Columns of `validity_incremental` by predictor among these, or nothing where they have no R²."""
    p = len(kept)
    every = np.ix_([*kept, len(found.names)], [*kept, len(found.names)])
    if p < 2 or not np.isfinite(found.correlations[every]).all():
        return {}
    r, v = found.correlations[every][:p, :p], found.correlations[every][:p, p]
    if not _is_definite(r):
        return {}
    drawn = np.stack(
        [m[every] for m in found.resampled if np.isfinite(m[every]).all() and _is_definite(m[every][:p, :p])]
    )
    lost, weight = each_last(r, v), relative_weights(r, v)
    lost_lo, lost_hi = _limits(each_last(drawn[:, :p, :p], drawn[:, :p, p]), lost)
    weight_lo, weight_hi = _limits(relative_weights(drawn[:, :p, :p], drawn[:, :p, p]), weight)
    r2 = float(r_squared(r, v))
    adjusted, cross_validated = _shrunken(r2, found, kept)
    return {
        "r2_all": np.full(p, r2),
        "r2_adjusted": np.full(p, adjusted),
        "r2_cross_validated": np.full(p, cross_validated),
        "delta_r2": lost,
        "delta_r2_lo": lost_lo,
        "delta_r2_hi": lost_hi,
        "relative_weight": weight,
        "relative_weight_lo": weight_lo,
        "relative_weight_hi": weight_hi,
        "general_dominance": dominance(r, v).general if p <= MAX_DOMINANCE else np.full(p, np.nan),
        "beta": standardised_betas(r, v),
        "vif": vif(r),
    }


def _shrunken(r2: float, found: Study, kept: list[int]) -> tuple[float, float]:
    """R² without what chance gives, adjusted (Ezekiel 1930) and cross-validated (Browne 1975; METHODS 12).

    Cases are counted by what the corrected validities are worth, the middle `effective_n` of the techniques: in
    simulation S1 (truth .18) R² is .30 on average, adjusted by reviewed hires .28, by effective cases .20.
    """
    known = found.diagnostics.set_index("predictor")["effective_n"]
    n, p = int(known[[found.names[j] for j in kept]].median()), len(kept)
    if n <= 2 * p + 2:
        return np.nan, np.nan
    return adjusted_r2(r2, n, p), browne_cross_validity(r2, n, p)


def _is_definite(correlations: Array) -> bool:
    return bool(np.linalg.eigvalsh(correlations)[0] > 1e-8)


def _limits(drawn: Array, value: Array) -> tuple[Array, Array]:
    """Percentile limits of each column, which include the value."""
    lo, hi = np.quantile(drawn, [0.025, 0.975], axis=0)
    return np.minimum(lo, value), np.maximum(hi, value)
