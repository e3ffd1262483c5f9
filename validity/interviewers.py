"""What scorecards say about interviewing itself: severity, use of the scale, halo, drift, and pooled validity.

For calibration talks, never for ranking people: every table is in order of id, and no interviewer's own raw validity
leaves this module (with a dozen reviewed hires it is noise; Pulakos, Schmitt, Whitney & Smith 1996).

Scorecards are a frame with one row per candidate, interviewer, stage and attribute: candidate_id, interviewer_id,
stage, attribute, period (number, date or sortable label), score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import qr
from scipy.stats import norm
from scipy.stats import t as student_t
from statsmodels.stats.multitest import multipletests

from validity.components import CrossedDesign, CrossedFit, crossed_reml, percentile_interval
from validity.criterion import MIN_CONNECTED_SHARE, Connectivity, connectivity
from validity.estimate import Estimate, refused, to_frame
from validity.thresholds import FALSE_DISCOVERY_RATE

Array = npt.NDArray[np.float64]

MIN_SCORECARDS = 15
"""Scorecards an interviewer needs before severity or use of the scale is estimated."""

MIN_INTERVIEWS_DRIFT = 30
"""Interviews with somebody else's score to compare to, before a drift of severity is estimated."""

MIN_REVIEWED_HIRES = 25
"""Reviewed hires an interviewer needs before that interviewer's pooled validity is shown."""

MIN_POSTERIOR = 0.90
"""Posterior probability of a validity above the group's mean from which it is shown."""

MIN_INTERVIEWERS_POOLED = 3
"""Interviewers with a correlation of their own, below which validities are not pooled."""

MIN_CANDIDATES_HALO = 30
"""Candidates seen by two or more interviewers on two or more attributes, below which halo is not estimated."""

INSEPARABLE_CORRELATION = 0.85
"""Median correlation among attributes above which claims about single attributes are refused."""

TAU_SCALE_VALIDITY = 0.10
"""Scale of the half-normal prior of the spread of validities, on Fisher's z."""

TAU_SCALE_LOG_SD = 0.30
"""Scale of the half-normal prior of the spread of log standard deviations."""

KEY = "interviewer_id"
CARD = ("candidate_id", "interviewer_id", "stage")
SHARE = "share_of"


@dataclass(frozen=True)
class Pooled:
    """Partially pooled values: common mean with its standard error, and per unit mean, sd and P(unit > mean)."""

    mean: float
    mean_se: float
    tau: float
    values: Array
    sds: Array
    above_mean: Array


def partially_pooled(values: Any, variances: Any, tau_scale: float) -> Pooled:
    """Normal–normal partial pooling with the spread τ integrated over a half-normal prior (Gelman et al. 2013, 5.4).

    Plug-in empirical Bayes takes the estimated τ as known and its intervals cover .85 to .87; integrating it costs a
    grid. A unit with infinite variance is given the common mean.

    Parameters
    ----------
    values, variances
        (J,) unit estimates and their sampling variances.
    tau_scale
        Scale of the prior of τ, in units of `values`.

    >>> out = partially_pooled([0.1, 0.3, 0.8], [0.05, 0.05, 0.05], tau_scale=0.1)
    >>> out.values.round(2).tolist()
    [0.35, 0.38, 0.46]
    """
    y, v = np.asarray(values, dtype=float), np.asarray(variances, dtype=float)
    known = np.isfinite(v) & np.isfinite(y)
    if not known.any():
        raise ValueError("`values`: none has a finite variance, expected one or more.")
    y = np.where(known, y, 0.0)
    tau2 = ((np.arange(200) + 0.5) / 200 * 5 * tau_scale) ** 2  # midpoints: no mass on exactly 0
    precision = np.where(known, 1 / (v + tau2[:, None]), 0.0)  # (grid, J)
    total = precision.sum(1)
    mean = precision @ y / total
    misfit = (precision * (y - mean[:, None]) ** 2).sum(1)
    log_weight = (np.log(precision[:, known]).sum(1) - np.log(total) - misfit - tau2 / tau_scale**2) / 2
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    keep = tau2[:, None] * precision  # B, the share of a unit's own deviation that is kept
    gain = keep * (y - mean[:, None])
    left = tau2[:, None] * (1 - keep)
    centre = mean[:, None] + gain
    spread = left + (1 - keep) ** 2 / total[:, None]
    above = norm.cdf(gain / np.sqrt(left + keep**2 / total[:, None]))
    at = weight @ centre
    grand = float(weight @ mean)
    return Pooled(
        grand,
        float(np.sqrt(weight @ (1 / total + (mean - grand) ** 2))),
        float(weight @ np.sqrt(tau2)),
        at,
        np.sqrt(weight @ (spread + (centre - at) ** 2)),
        weight @ above,
    )


def severity(scorecards: pd.DataFrame, *, level: float = 0.95, definition_version: str = "1") -> pd.DataFrame:
    """How many points of the scale an interviewer scores above (lenient) or below (severe) the others; shrunk.

    EBLUP of the interviewer in ``card mean = attributes + stage + period + candidate + interviewer``, candidate and
    interviewer random, one row per scorecard: attributes of one card are not independent witnesses. The candidate is in
    the model because interviewers do not meet a random draw of them.

    Returns
    -------
    One row per interviewer in order of id: an estimate (points), or why there is none.

    >>> severity(example_scorecards())[["interviewer_id", "status", "n"]].head(2).values.tolist()
    [['i0', 'ok', 40], ['i1', 'ok', 41]]
    """
    cards = _cards(scorecards)
    links = connectivity(cards["candidate_id"], cards[KEY])
    reason, fit = _fit_severity(cards, links)

    def one(who: Any, n: int) -> Estimate:
        why = reason or _too_few(n, MIN_SCORECARDS, "scorecards")
        if not why and not links.raters.at[who, "is_connected"]:
            why = "shares no candidate with the interviewers that the others are compared with"
        if why or fit is None:
            return _refused("severity_eblup", n, why, level, definition_version)
        value, se = float(fit.rater_effects[who]), float(np.sqrt(fit.rater_variances[who]))
        return _normal(value, se, n, "severity_eblup", level, definition_version)

    return _table(cards, one)


def scale_use(scorecards: pd.DataFrame, *, level: float = 0.95, definition_version: str = "1") -> pd.DataFrame:
    """Spread of an interviewer's scores over the pooled spread (below 1: central tendency), shrunk on the log scale.

    Scores are taken around the interviewer's own mean of the attribute; ``var(log SD) = 1/(2(n − 1))`` with n
    scorecards, which is cautious: there are more scores than scorecards.

    Returns
    -------
    One row per interviewer in order of id: the ratio as an estimate; share_middle (share of scores in the middle
    category or the two middle ones), share_of_range (of the range that is used by anybody), entropy (0–1, evenness over
    the categories), sd_within_card (low: attributes are scored alike).

    >>> scale_use(example_scorecards())["value"].round(1).head(2).tolist()
    [1.0, 1.0]
    """
    frame = _complete(scorecards)
    own = frame["score"] - frame.groupby([KEY, "attribute"])["score"].transform("mean")
    by = frame.assign(square=own**2).groupby(KEY, sort=True)
    squares, free = by["square"].sum(), by.size() - by["attribute"].nunique()
    n = _cards(frame).groupby(KEY, sort=True).size()
    sd = (squares / free.where(free > 0)).fillna(0.0) ** 0.5
    usable = (sd > 1e-9) & (n >= MIN_SCORECARDS)
    pooled = None
    if usable.sum() >= 2:
        overall = np.sqrt(squares.sum() / free.sum())
        variances = 1 / (2 * (n[usable] - 1))
        pooled = partially_pooled(np.log(sd[usable] / overall), variances, TAU_SCALE_LOG_SD)
    place = {who: i for i, who in enumerate(sd.index[usable])}
    described = _described(frame)

    def one(who: Any, cards: int) -> Estimate:
        extras = described.loc[who].to_dict()
        why = _too_few(cards, MIN_SCORECARDS, "scorecards") or ("" if sd[who] > 1e-9 else "every score is the same")
        if not why and pooled is None:
            why = "nobody else to compare with"
        if why or pooled is None:
            return _refused("sd_ratio_pooled", cards, why, level, definition_version, extras)
        at, width = pooled.values[place[who]], norm.ppf((1 + level) / 2) * pooled.sds[place[who]]
        low, value, high = (float(np.exp(x)) for x in (at - width, at, at + width))
        return Estimate(
            value=value,
            lo=low,
            hi=high,
            level=level,
            n=cards,
            method="sd_ratio_pooled",
            definition_version=definition_version,
            extras=extras,
        )

    return _table(_cards(frame), one)


def halo(
    scorecards: pd.DataFrame,
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    definition_version: str = "1",
) -> Estimate:
    """Share of the variance of scores that one interviewer's overall impression of one candidate makes up.

    ``σ²(candidate × interviewer)/σ²``, from covariances of different attributes within a scorecard minus those across
    interviewers of the same candidate (multitrait–multirater; Viswesvaran, Schmidt & Ones 2005), severity removed.
    Percentile bootstrap over candidates.

    >>> round(halo(example_scorecards(), n_resamples=200).value, 1)
    0.3
    """
    frame = _complete(scorecards)
    sums = _covariance_sums(frame)
    usable = int(((sums["pairs_within"] > 0) & (sums["pairs_across"] > 0)).sum())
    if usable < MIN_CANDIDATES_HALO:
        why = f"{usable} candidates with 2 or more interviewers and attributes, {MIN_CANDIDATES_HALO} needed"
        return _refused("mtmr_halo", len(sums), why, level, definition_version)
    table = sums.to_numpy(dtype=float)
    if table[:, 4].sum() == 0:
        return _refused("mtmr_halo", len(sums), "scores do not vary", level, definition_version)
    value = float(_halo_share(table.sum(0)))
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(table), np.full(len(table), 1 / len(table)), size=n_resamples)
    lo, hi = percentile_interval(_halo_share((weights @ table).T), level)
    return Estimate(
        value=value,
        lo=min(lo, value),
        hi=max(hi, value),
        level=level,
        n=len(sums),
        method="mtmr_halo",
        definition_version=definition_version,
    )


def attribute_overlap(scores: pd.DataFrame) -> float | None:
    """Median absolute correlation among attributes; above `INSEPARABLE_CORRELATION` speak of a composite only.

    `scores`: one row per candidate, one column per attribute. None with fewer than two attributes that vary.

    >>> attribute_overlap(pd.DataFrame({"a": [1, 2, 3], "b": [2, 4, 6]}))
    1.0
    """
    r = scores.loc[:, scores.nunique() > 1].corr().abs().to_numpy()
    pairs = r[np.triu_indices(len(r), 1)]
    pairs = pairs[np.isfinite(pairs)]
    return float(np.median(pairs)) if len(pairs) else None


def drift(scorecards: pd.DataFrame, *, level: float = 0.95, definition_version: str = "1") -> pd.DataFrame:
    """Change of an interviewer's severity per unit of `period` (per year for dates), against the others of the loop.

    Slope of ``card mean − mean of the others' cards for the same candidate``, the others' severity and the effects of
    attributes and stages removed. An alert is a slope that stays after Benjamini–Hochberg over all interviewers.

    Returns
    -------
    One row per interviewer in order of id: the slope as an estimate, p_value, is_alert.

    >>> drift(example_scorecards())["is_alert"].any()
    np.False_
    """
    cards = _cards(scorecards)
    slopes = _slopes(cards)
    tested = slopes[slopes["n"] >= MIN_INTERVIEWS_DRIFT].dropna(subset=["p_value"])
    alerts = pd.Series(False, index=slopes.index)
    if len(tested):
        alerts[tested.index] = multipletests(tested["p_value"], alpha=FALSE_DISCOVERY_RATE, method="fdr_bh")[0]

    def one(who: Any, _: int) -> Estimate:
        n = int(slopes["n"].loc[who])
        why = _too_few(n, MIN_INTERVIEWS_DRIFT, "interviews with another interviewer's score")
        if not why and who not in tested.index:
            why = "every interview falls in one period, or scores do not vary"
        blank = {"p_value": None, "is_alert": False}
        if why:
            return _refused("severity_slope", n, why, level, definition_version, blank)
        row = slopes.loc[who]
        width = float(student_t.ppf((1 + level) / 2, n - 2) * row["se"])
        return Estimate(
            value=float(row["slope"]),
            lo=float(row["slope"]) - width,
            hi=float(row["slope"]) + width,
            level=level,
            n=n,
            method="severity_slope",
            definition_version=definition_version,
            extras={"p_value": float(row["p_value"]), "is_alert": bool(alerts[who])},
        )

    return _table(cards, one)


def pooled_validities(pairs: pd.DataFrame) -> pd.DataFrame:
    """Partially pooled validity of every interviewer: Fisher's z, variance 1/(n−3), the spread integrated out.

    Parameters
    ----------
    pairs
        One row per reviewed hire and interviewer: interviewer_id, score, rating; incomplete rows are dropped.

    Returns
    -------
    One row per interviewer in order of id: n, z and sd (Fisher's z), validity, posterior_above_mean, group_validity.
    Interviewers without a correlation of their own (fewer than 4 hires, or no variation) get the group's. Empty when
    fewer than `MIN_INTERVIEWERS_POOLED` have one.

    >>> columns = ["n", "z", "sd", "validity", "posterior_above_mean", "group_validity"]
    >>> list(pooled_validities(pd.DataFrame({"interviewer_id": [], "score": [], "rating": []})).columns) == columns
    True
    """
    own = _own_correlations(pairs)
    usable = own["r"].notna() & (own["n"] >= 4)
    if usable.sum() < MIN_INTERVIEWERS_POOLED:
        columns = ["n", "z", "sd", "validity", "posterior_above_mean", "group_validity"]
        return pd.DataFrame(columns=columns, index=own.index[:0], dtype=float)
    z = np.arctanh(own["r"].clip(-0.999, 0.999)).where(usable)
    variance = (1 / (own["n"] - 3)).where(usable, np.inf)
    out = partially_pooled(z, variance, TAU_SCALE_VALIDITY)
    return pd.DataFrame(
        {
            "n": own["n"],
            "z": out.values,
            "sd": out.sds,
            "validity": np.tanh(out.values),
            "posterior_above_mean": out.above_mean,
            "group_validity": np.tanh(out.mean),
        }
    )


def interviewer_validity(pairs: pd.DataFrame, *, level: float = 0.95, definition_version: str = "1") -> pd.DataFrame:
    """How well an interviewer's scores go with later ratings, where that can be told from the group; else the group's.

    Shown only for interviewers with `MIN_REVIEWED_HIRES` reviewed hires whose validity is above the group's mean with
    posterior probability `MIN_POSTERIOR`. Nobody's raw correlation is given, nobody is ranked.

    Returns
    -------
    One row per interviewer in order of id: the pooled validity as an estimate, or why it is not shown; group_validity.

    >>> few = pd.DataFrame({"interviewer_id": ["a", "a"], "score": [1, 2], "rating": [1, 2]})
    >>> interviewer_validity(few)["reason"].tolist()
    ['validities can be pooled from 3 interviewers with 4 reviewed hires each']
    """
    pooled = pooled_validities(pairs)
    own = _own_correlations(pairs)

    def one(who: Any, n: int) -> Estimate:
        if who not in pooled.index:
            why = f"validities can be pooled from {MIN_INTERVIEWERS_POOLED} interviewers with 4 reviewed hires each"
            return _refused("pooled_fisher_z", n, why, level, definition_version, {"group_validity": None})
        row = pooled.loc[who]
        extras = {"group_validity": float(row["group_validity"])}
        why = _too_few(n, MIN_REVIEWED_HIRES, "reviewed hires")
        if not why and row["posterior_above_mean"] <= MIN_POSTERIOR:
            why = "cannot be told from the group's validity"
        if why:
            return _refused("pooled_fisher_z", n, why, level, definition_version, extras)
        width = float(norm.ppf((1 + level) / 2)) * row["sd"]
        return Estimate(
            value=float(row["validity"]),
            lo=float(np.tanh(row["z"] - width)),
            hi=float(np.tanh(row["z"] + width)),
            level=level,
            n=n,
            method="pooled_fisher_z",
            definition_version=definition_version,
            extras=extras,
        )

    rows = [({KEY: who}, one(who, int(n))) for who, n in own["n"].items()]
    return to_frame(rows)


def example_scorecards(n_candidates: int = 80, n_interviewers: int = 6, seed: int = 0) -> pd.DataFrame:
    """Invented scorecards of a loop of three interviewers per candidate and three attributes, for the examples here.

    >>> example_scorecards().shape
    (720, 6)
    """
    rng = np.random.default_rng(seed)
    candidate = np.repeat(np.arange(n_candidates), 9)
    interviewer = (candidate + np.tile(np.repeat(np.arange(3), 3), n_candidates)) % n_interviewers
    card = np.repeat(np.arange(3 * n_candidates), 3)
    lenient = np.linspace(-0.5, 0.5, n_interviewers)
    talent, impression = rng.normal(0, 0.7, n_candidates), rng.normal(0, 0.5, 3 * n_candidates)
    noise = rng.normal(0, 0.6, len(card))
    return pd.DataFrame(
        {
            "candidate_id": candidate,
            "interviewer_id": [f"i{i}" for i in interviewer],
            "stage": "onsite",
            "attribute": np.tile(["craft", "drive", "care"], 3 * n_candidates),
            "period": candidate % 4,
            "score": 3 + talent[candidate] + lenient[interviewer] + impression[card] + noise,
        }
    )


# rows ------------------------------------------------------------------------


def _complete(scorecards: pd.DataFrame) -> pd.DataFrame:
    frame = scorecards.dropna(subset=[*CARD, "attribute", "period", "score"]).reset_index(drop=True)
    return frame.assign(score=frame["score"].astype(float))


def _cards(scorecards: pd.DataFrame) -> pd.DataFrame:
    """One row per scorecard: mean score less the mean of its attributes, share of each attribute, time and period."""
    frame = _complete(scorecards)
    centred = frame["score"] - frame.groupby("attribute")["score"].transform("mean") + frame["score"].mean()
    shares = pd.get_dummies(frame["attribute"].astype(str), prefix=SHARE, dtype=float)
    parts = pd.concat([frame[list(CARD)], shares], axis=1).assign(score=centred, time=_as_number(frame["period"]))
    by = parts.groupby(list(CARD), sort=True)
    first = frame.groupby(list(CARD), sort=True)["period"].first()
    return by.mean().assign(period=first).reset_index()


def _as_number(period: pd.Series[Any]) -> Array:
    """Time in years for dates, numbers as they are, other labels by their order."""
    if pd.api.types.is_datetime64_any_dtype(period):
        days = (period - period.min()) / pd.Timedelta(days=365.25)
        return np.asarray(days, dtype=np.float64)
    if pd.api.types.is_numeric_dtype(period):
        return np.asarray(period, dtype=np.float64)
    return np.asarray(pd.factorize(period, sort=True)[0], dtype=np.float64)


def _table(cards: pd.DataFrame, one: Callable[[Any, int], Estimate]) -> pd.DataFrame:
    sizes = cards.groupby(KEY, sort=True).size()
    return to_frame(({KEY: who}, one(who, int(n))) for who, n in sizes.items())


# severity and drift ----------------------------------------------------------


def _fit_severity(cards: pd.DataFrame, links: Connectivity) -> tuple[str, CrossedFit | None]:
    if links.largest_share < MIN_CONNECTED_SHARE:
        share = f"{links.largest_share:.0%}"
        return f"interviewers who share candidates hold {share} of scorecards, {MIN_CONNECTED_SHARE:.0%} needed", None
    fixed = _fixed_effects(cards)
    n_candidates, n_interviewers = cards["candidate_id"].nunique(), len(links.raters)
    if min(n_candidates, n_interviewers) < 2 or len(cards) <= max(n_candidates, n_interviewers, fixed.shape[1]):
        return "no candidate was seen by two interviewers", None
    fit = crossed_reml(CrossedDesign.build(cards["candidate_id"], cards[KEY], fixed), cards["score"])
    if not fit.converged:
        return "the variance components did not converge", None
    if fit.var_rater == 0:
        return "differences of severity are not distinguishable from 0", None
    return "", fit


def _fixed_effects(cards: pd.DataFrame) -> Array:
    """Intercept, stages, periods and what a card was about; columns that others already explain are left out."""
    labels = cards[["stage"]].astype(str)
    if cards["period"].nunique() <= len(cards) // 10:  # dates are no categories
        labels = labels.assign(period=cards["period"].astype(str))
    dummies = pd.get_dummies(labels, drop_first=True, dtype=float)
    shares = cards[[column for column in cards.columns if str(column).startswith(f"{SHARE}_")]]
    matrix = np.column_stack([dummies, shares - shares.mean()])
    _, triangle, order = qr(matrix - matrix.mean(0), mode="economic", pivoting=True)
    size = np.abs(np.diag(triangle))
    kept = sorted(order[: int((size > 1e-9 * max(size.max(initial=0.0), 1.0)).sum())])
    return np.column_stack([np.ones(len(matrix)), matrix[:, kept]])


def _slopes(cards: pd.DataFrame) -> pd.DataFrame:
    """Per interviewer: n comparable interviews, slope of the deviation from the loop on time, its SE and p-value."""
    links = connectivity(cards["candidate_id"], cards[KEY])
    _, fit = _fit_severity(cards, links)
    lenient = 0.0 if fit is None else cards[KEY].map(fit.rater_effects).astype(float)
    score = cards["score"] - cards.groupby("stage")["score"].transform("mean")
    fair = score - lenient
    by = fair.groupby(cards["candidate_id"])
    same = fair.groupby([cards["candidate_id"], cards[KEY]])
    n_others = by.transform("size") - same.transform("size")
    consensus = (by.transform("sum") - same.transform("sum")) / n_others.where(n_others > 0)
    rows = pd.DataFrame({KEY: cards[KEY], "time": cards["time"], "gap": score - consensus}).dropna()
    found = {who: _slope(part["time"].to_numpy(), part["gap"].to_numpy()) for who, part in rows.groupby(KEY)}
    nothing = (0, np.nan, np.nan, np.nan)
    everybody = cards[KEY].drop_duplicates().sort_values()
    table = [found.get(who, nothing) for who in everybody]
    return pd.DataFrame(table, index=pd.Index(everybody), columns=["n", "slope", "se", "p_value"])


def _slope(time: Array, gap: Array) -> tuple[int, float, float, float]:
    n = len(time)
    t = time - time.mean()
    s_tt = float(t @ t)
    if n < 3 or s_tt <= 1e-12:
        return n, np.nan, np.nan, np.nan
    slope = float(t @ gap / s_tt)
    residual = gap - gap.mean() - slope * t
    se = float(np.sqrt(residual @ residual / (n - 2) / s_tt))
    if se == 0:
        return n, np.nan, np.nan, np.nan
    return n, slope, se, float(2 * student_t.sf(abs(slope) / se, n - 2))


# scale use, halo, validity ---------------------------------------------------


def _described(frame: pd.DataFrame) -> pd.DataFrame:
    """Plain descriptions of how each interviewer uses the scale."""
    low, high = frame["score"].min(), frame["score"].max()
    step = float(np.diff(np.unique(frame["score"])).min()) if high > low else 1.0
    middle = (frame["score"] - (low + high) / 2).abs() <= step / 2 + 1e-9
    by = frame.groupby(KEY, sort=True)["score"]
    categories = max(int(frame["score"].nunique()), 2)
    within = frame.groupby([*CARD])["score"].std().groupby(KEY).mean()
    return pd.DataFrame(
        {
            "share_middle": middle.groupby(frame[KEY]).mean(),
            "share_of_range": (by.max() - by.min()) / (high - low) if high > low else 0.0,
            "entropy": by.apply(lambda s: _entropy(s) / np.log(categories)),
            "sd_within_card": within,
        }
    )


def _entropy(scores: pd.Series[float]) -> float:
    share = scores.value_counts(normalize=True).to_numpy(dtype=float)
    return float(-(share * np.log(share)).sum())


def _covariance_sums(frame: pd.DataFrame) -> pd.DataFrame:
    """Per candidate: sums of products and counts of pairs of different attributes, within a card and across
    interviewers, and the sum of squares with its count. Scores are taken around attribute and interviewer."""
    score = frame["score"] - frame.groupby("attribute")["score"].transform("mean")
    score = score - score.groupby(frame[KEY]).transform("mean")
    cells = frame[["candidate_id", KEY, "attribute"]].assign(score=score)
    cells = cells.groupby(["candidate_id", KEY, "attribute"])[["score"]].mean().reset_index()
    cells = cells.assign(square=cells["score"] ** 2, one=1.0)
    within = _pair_sums(cells, ["candidate_id", KEY])
    everything = _pair_sums(cells, ["candidate_id"])
    same = _pair_sums(cells, ["candidate_id", "attribute"])
    across = everything - within - same  # other attribute and other interviewer
    total = cells.groupby("candidate_id")[["square", "one"]].sum()
    return pd.DataFrame(
        {
            "within": within["product"],
            "pairs_within": within["pairs"],
            "across": across["product"],
            "pairs_across": across["pairs"],
            "square": total["square"],
            "one": total["one"],
        }
    )


def _pair_sums(cells: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Per candidate: Σ of products of ordered pairs within the groups of `keys`, and how many pairs."""
    sums = cells.groupby(keys)[["score", "square", "one"]].sum()
    pairs = pd.DataFrame({"product": sums["score"] ** 2 - sums["square"], "pairs": sums["one"] ** 2 - sums["one"]})
    return pairs.groupby("candidate_id").sum()


def _halo_share(sums: Array) -> Any:
    within, pairs_within, across, pairs_across, square, one = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        return (within / pairs_within - across / pairs_across) / (square / one)


def _own_correlations(pairs: pd.DataFrame) -> pd.DataFrame:
    """One row per interviewer in order of id: n, r (NaN where undefined)."""
    frame = pairs.dropna(subset=[KEY, "score", "rating"])
    x, y = frame["score"].astype(float), frame["rating"].astype(float)
    groups = frame[KEY]
    x, y = x - x.groupby(groups).transform("mean"), y - y.groupby(groups).transform("mean")
    sums = pd.DataFrame({KEY: groups, "xx": x * x, "yy": y * y, "xy": x * y, "n": 1}).groupby(KEY, sort=True).sum()
    scale = (sums["xx"].astype(float) * sums["yy"].astype(float)) ** 0.5
    r = sums["xy"].astype(float) / scale.where(scale > 1e-12)
    return pd.DataFrame({"n": sums["n"].astype(int), "r": r})


# estimates -------------------------------------------------------------------


def _too_few(n: int, needed: int, what: str) -> str:
    return f"{n} {what}, {needed} needed" if n < needed else ""


def _normal(value: float, se: float, n: int, method: str, level: float, definition_version: str) -> Estimate:
    width = float(norm.ppf((1 + level) / 2)) * se
    return Estimate(
        value=value,
        lo=value - width,
        hi=value + width,
        level=level,
        n=n,
        method=method,
        definition_version=definition_version,
    )


def _refused(
    method: str, n: int, reason: str, level: float, definition_version: str, extras: dict[str, Any] | None = None
) -> Estimate:
    return refused(method, n=n, reason=reason, level=level, definition_version=definition_version, extras=extras)
