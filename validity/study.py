"""The main analysis: how well each interview score predicts performance, four rungs, all predictors together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from validity import hidden
from validity.correlation import ClusterMoments, Interval, bca_interval, clustered_interval, fisher_interval
from validity.diagnostics import leave_one_out, linearity
from validity.moments import Array, PatternMoments
from validity.normal import NormalFit, fit_normal
from validity.pooling import PRIOR_MEAN_Z, PRIOR_SD_Z, with_prior
from validity.ratings import (
    MIN_RATERS,
    ReliabilityModel,
    choose_reliability,
    reliability,
    reliability_features,
)
from validity.resampling import Draws, Spread, draw_applicants, spread_of, with_raters
from validity.sample import Sample, SufficientScores, make_sample
from validity.selection import Corrected, correct_for_selection
from validity.thresholds import (
    FALSE_DISCOVERY_RATE,
    MIN_DISTINCT_SCORES,
    MIN_SATTERTHWAITE_DF,
    OBSERVED_CORRELATION,
    SELECTION_CORRECTED,
)
from validity.verdict import Conclusion, verdict_word

Design = Literal["predictive", "concurrent"]

ESTIMATE_COLUMNS = ("predictor", "rung", "method", "value", "lo", "hi", "level", "n_applicants", "n_rated", "status",
                    "reason")  # fmt: skip
MIN_RELIABILITY = 0.30
"""Below it a correlation is not divided by the root of the reliability (METHODS 6)."""
MAX_UNREVIEWED = 0.60
"""Share of hires without a review above which rungs 2–4 are refused (METHODS 2)."""
PROVISIONAL_UNREVIEWED = 0.40
"""Share of hires without a review above which rungs 2–4 are provisional."""
MIN_U = 0.40
"""Smallest ratio of hires' to applicants' standard deviation that is corrected (METHODS 8.7)."""
MIN_EFFECTIVE_N = 20.0
MAX_UNDEFINED = 0.10
MAX_EXTRAPOLATION = 0.60
MAX_UNRECORDED = 0.10
MAX_WIDTH = 0.80
FEW_RATERS = 25
"""Below so many raters the interval that also resamples raters is printed (METHODS 9)."""
FEW_DISTINCT = 5
MAX_SKEWNESS = 1.0
BCA_RESAMPLES = 5_000
UNTESTABLE = (
    "Rung 3 assumes that performance rises linearly with the scores also where nobody was hired. No test can check "
    "that: the bend would lie where there are no hires."
)
ONE_RATER = (
    "reliability from one rater: nearly every hire was rated by one person only, so rating error cannot be measured "
    "here; two ratings by the same person in two cycles do not count as two opinions"
)


@dataclass(frozen=True)
class Study:
    """What a study found.

    Attributes
    ----------
    estimates
        One row a predictor × rung (1–4), columns `ESTIMATE_COLUMNS`; value, lo and hi are NaN unless the status is
        ``ok`` or ``low_n``, and then `reason` says why.
    reliability
        One row: method, value, lo, hi, n_pairs, n_raters, status, reason.
    diagnostics
        One row a predictor: what the correction rests on (u, selection ratio, extrapolation share, …), the p and q
        values of rung 3, the probability that ρ > 0, and the verdict word.
    sensitivity
        One row a predictor × kind × setting: rung 3 under other assumptions.
    warnings
        Sentences.
    correlations
        Corrected correlations among predictors and with the criterion (last), applicants at the first stage; NaN
        where refused.
    resampled
        B × (p + 1) × (p + 1), the same in every resample.
    names
        Predictors in the order of `correlations`.
    """

    estimates: pd.DataFrame
    reliability: pd.DataFrame
    diagnostics: pd.DataFrame
    sensitivity: pd.DataFrame
    warnings: list[str]
    correlations: Array
    resampled: Array
    names: tuple[str, ...]


def study(
    scores: pd.DataFrame | SufficientScores,
    ratings: pd.DataFrame,
    *,
    stages: Mapping[str, float] | None = None,
    decision_score: pd.Series | str | None = None,
    hired: pd.Series | None = None,
    design: Design = "predictive",
    n_boot: int = 500,
    seed: int = 0,
    level: float = 0.95,
    strata: pd.Series | str | None = None,
    other_ratings: pd.DataFrame | None = None,
    eligible: pd.Series | None = None,
    firm_reliability: float | None = None,
    prior: tuple[float, float] = (PRIOR_MEAN_Z, PRIOR_SD_Z),
) -> Study:
    """Validity of every predictor, on four rungs: observed, free of rating error, free of selection, pooled.

    The estimand is operational validity: the correlation of the score as it is used with performance free of rating
    error, among the applicants who reached the stage where the score is given (METHODS 0).

    Parameters
    ----------
    scores
        One row a person (index `person_id`), a column a predictor, NaN where the stage was not reached; hired and not
        hired together. Or their `SufficientScores`.
    ratings
        Long: `person_id, rater_id, cycle_id, value`, comparable between people (standardised within cycle, scale and
        level).
    stages
        Stage number of each predictor; read off the missing scores where not given.
    decision_score
        A score recorded for everybody at the time of the decision (or its column in `scores`); always used.
    hired
        Who was hired; everybody with a rating, where not given.
    design
        ``predictive`` (scores from hiring), or ``concurrent`` (employees took the interviews: nothing to correct).
    n_boot, seed
        Resamples of applicants, and the seed that makes them the same again.
    level
        Of the intervals.
    strata
        Groups within which people competed, such as job families (or their column): everything is within them.
    other_ratings
        Ratings by people who are not part of the criterion, on the same scale; they tell how reliable it is.
    eligible
        Hires whose time to be reviewed has passed; all, where not given. A missing review is held against them.
    firm_reliability
        Reliability of one rater's rating elsewhere in the firm, used where it cannot be estimated here.
    prior
        Mean and standard deviation on Fisher's z scale behind rung 4.

    Returns
    -------
    Study
        Never raises on poor data: it has a status and a sentence instead.

    Examples
    --------
    >>> from validity.simulation import SCENARIOS, simulate
    >>> one = simulate(SCENARIOS["S1b"], seed=1)
    >>> found = study(one.scores, one.ratings, hired=one.hired, n_boot=200, seed=1)
    >>> rows = found.estimates.query("predictor == 'attribute_1'")
    >>> rows[["rung", "status"]].to_dict("records")[2]
    {'rung': 3, 'status': 'ok'}
    """
    rng = np.random.default_rng(seed)
    sample = make_sample(scores, ratings, stages, decision_score, hired, strata, other_ratings, eligible, rng)
    return _Analysis(sample, design, level, n_boot, firm_reliability, prior).run(rng)


@dataclass(frozen=True)
class _Values:
    """Rungs in B resamples (or in the data, B = 1)."""

    observed: Array
    reliability: Array
    corrected: Array
    entry: Corrected | None
    curve: Array
    by_stage: dict[float, tuple[NormalFit, Corrected, Array]] = field(default_factory=dict)

    @property
    def disattenuated(self) -> Array:
        with np.errstate(invalid="ignore"):
            return np.asarray(self.observed / np.sqrt(self.reliability)[:, None])


class _Analysis:
    """One study: the sample and how it is analysed."""

    def __init__(
        self,
        sample: Sample,
        design: Design,
        level: float,
        n_boot: int,
        firm_reliability: float | None,
        prior: tuple[float, float],
    ) -> None:
        self.sample, self.design, self.level, self.n_boot, self.prior = sample, design, level, n_boot, prior
        self.model: ReliabilityModel = choose_reliability(
            sample.criterion, firm_reliability, "reliability found elsewhere in the firm"
        )
        self.features = reliability_features(sample.criterion)
        self.n_reviewed = len(sample.criterion.value)
        self.n_hired = len(sample.hired)

    # -- computing -------------------------------------------------------------------------------------------------

    def run(self, rng: np.random.Generator) -> Study:
        sample = self.sample
        if self.n_reviewed < 3 or not sample.predictors:
            return self._nothing()
        ones = Draws(np.ones((1, self.n_hired)), np.ones((1, len(sample.others.n))))
        self.point = self._evaluate(ones, None)
        starts = {stage: fit for stage, (fit, _, _) in self.point.by_stage.items()}
        draws = list(draw_applicants(rng, self.n_hired, sample.n_not_hired, len(sample.others.n), self.n_boot))
        self.boot = _joined([self._evaluate(one, starts) for one in draws])
        self.rater_aware = self._rater_aware(rng, draws, starts)
        return self._study()

    def _evaluate(self, draws: Draws, starts: Mapping[float, NormalFit] | None) -> _Values:
        sample = self.sample
        hires = PatternMoments.from_rows(sample.hired, draws.hired)
        weights = draws.hired[:, sample.reviewed]
        r_yy = reliability(self.model, weights @ self.features)
        observed = np.stack([_correlation(hires, sample.position(name)) for name in sample.predictors], axis=1)
        if self.design == "concurrent":
            corrected = observed / np.sqrt(np.where(r_yy > 0, r_yy, np.nan))[:, None]
            return _Values(observed, r_yy, corrected, None, np.zeros((0, *observed.shape)))
        everybody = hires.joined(_resampled(sample.others, draws.blocks)) if len(sample.others.n) else hires
        everybody = everybody.merged()
        by_stage = {stage: self._at_stage(stage, everybody, r_yy, weights, starts) for stage in set(sample.stages)}
        places = [
            (stage, sample.position(name) - sample.n_design)
            for stage, name in zip(sample.stages, sample.predictors, strict=True)
        ]
        corrected = np.stack([by_stage[stage][1].correlation[:, j] for stage, j in places], axis=1)
        curve = np.stack([by_stage[stage][2][:, :, j] for stage, j in places], axis=2)
        return _Values(observed, r_yy, corrected, by_stage[min(by_stage)][1], curve, by_stage)

    def _at_stage(
        self,
        stage: float,
        everybody: PatternMoments,
        r_yy: Array,
        weights: Array,
        starts: Mapping[float, NormalFit] | None,
    ) -> tuple[NormalFit, Corrected, Array]:
        """Rung 3 among the applicants who reached a stage, and its curve over unrecorded information."""
        sample = self.sample
        reached = everybody.where(everybody.levels > sample.first_of_stage(stage))
        fit = fit_normal(reached) if starts is None else fit_normal(reached, starts[stage], cycles=1)
        corrected = correct_for_selection(fit, r_yy, sample.n_design)
        x, y = self._filled(fit if starts is None else starts[stage])
        is_hire = weights.sum(1) / np.maximum(reached.n.sum(1), 1)
        share = np.clip(is_hire * self.n_hired / self.n_reviewed, 1e-4, 1 - 1e-4)
        curve = hidden.fixed_rho_curve(corrected, share, x, y, weights)
        return fit, corrected, curve

    def _filled(self, fit: NormalFit) -> tuple[Array, Array]:
        """Scores of reviewed hires, gaps filled by expectation, within the design's groups, and the criterion."""
        sample = self.sample
        rows = sample.hired[sample.reviewed]
        mean, cov = np.nan_to_num(fit.mean[0]), np.nan_to_num(fit.cov[0])
        filled = rows.copy()
        patterns, pattern = np.unique(np.isnan(rows), axis=0, return_inverse=True)
        for number, gaps in enumerate(patterns):
            if gaps.any():
                mine = pattern == number
                slope = cov[np.ix_(gaps, ~gaps)] @ np.linalg.pinv(cov[np.ix_(~gaps, ~gaps)], hermitian=True)
                filled[np.ix_(mine, gaps)] = mean[gaps] + (rows[np.ix_(mine, ~gaps)] - mean[~gaps]) @ slope.T
        d = sample.n_design
        return filled[:, d:-1], filled[:, -1]

    def _rater_aware(
        self, rng: np.random.Generator, draws: Sequence[Draws], starts: Mapping[float, NormalFit]
    ) -> _Values | None:
        """The resamples again with raters drawn too, where there are few."""
        criterion = self.sample.criterion
        if not MIN_RATERS <= criterion.n_distinct_raters < FEW_RATERS:
            return None
        shares = np.zeros((self.n_hired, criterion.n_distinct_raters))
        shares[self.sample.reviewed] = criterion.raters.toarray()
        return _joined([self._evaluate(with_raters(rng, one, shares), starts) for one in draws])

    # -- telling ---------------------------------------------------------------------------------------------------

    def _study(self) -> Study:
        reliability_row, refusal = self._reliability()
        rows: list[dict[str, Any]] = []
        diagnostics: list[dict[str, Any]] = []
        for j, name in enumerate(self.sample.predictors):
            facts = self._facts(j)
            rungs = list(self._rungs(j, facts, refusal))
            rows += [{"predictor": name, "level": self.level, **facts.counts, **rung} for rung in rungs]
            diagnostics.append({"predictor": name, **facts.as_row()})
        estimates = pd.DataFrame(rows)[list(ESTIMATE_COLUMNS)]
        estimates[["value", "lo", "hi"]] = estimates[["value", "lo", "hi"]].astype(float)
        table = _with_verdicts(pd.DataFrame(diagnostics), estimates)
        correlations, resampled = self._matrices()
        return Study(
            estimates,
            pd.DataFrame([reliability_row]),
            table,
            self._sensitivity(),
            self._warnings(table),
            correlations,
            resampled,
            self.sample.predictors,
        )

    def _facts(self, j: int) -> _Facts:
        sample = self.sample
        name, stage = sample.predictors[j], sample.stages[j]
        k = sample.position(name)
        x, y = sample.hired[sample.reviewed, k], sample.criterion.value
        both = ~np.isnan(x)
        hires_reached = self._hires_reached(stage)
        n_others = self._others_reached(stage)
        scored = float((~np.isnan(sample.hired[hires_reached, k])).sum()) + float(
            sample.others.n[:, sample.others.observed[:, k]].sum()
        )
        recorded = self._recorded(stage)
        n_applicants = float(hires_reached.sum()) + n_others
        hired_sd = float(np.std(x[both])) if both.sum() > 1 else np.nan
        applicant_sd = self._applicant_sd(k)
        return _Facts(
            stage=stage,
            n_applicants=round(n_applicants),
            n_scored=round(scored),
            n_hired=int(hires_reached.sum()),
            n_rated=int(both.sum()),
            x=x[both],
            y=y[both],
            cluster=sample.criterion.cluster[both],
            u=hired_sd / applicant_sd if applicant_sd else np.nan,
            unrecorded=1 - recorded / n_applicants if n_applicants else 0.0,
            outside=float(sample.outside.get(name, 0.0)),
            hiring_r2=self._hiring_r2(stage),
            rung3=spread_of(self.boot.corrected[:, j], self.n_reviewed, self.level),
            rater_aware=None
            if self.rater_aware is None
            else spread_of(self.rater_aware.corrected[:, j], self.sample.criterion.n_distinct_raters, self.level),
            value3=float(self.point.corrected[0, j]),
        )

    def _hires_reached(self, stage: float) -> Any:
        first = self.sample.first_of_stage(stage)
        return (~np.isnan(self.sample.hired[:, first:-1])).any(axis=1) if self.n_hired else np.zeros(0, bool)

    def _others_reached(self, stage: float) -> float:
        others = self.sample.others
        return float(others.n[:, others.levels > self.sample.first_of_stage(stage)].sum()) if len(others.n) else 0.0

    def _recorded(self, stage: float) -> float:
        """People who reached a stage and have any score of it."""
        sample = self.sample
        at = [sample.position(n) for n, s in zip(sample.predictors, sample.stages, strict=True) if s == stage]
        mine = (~np.isnan(sample.hired[:, at])).any(axis=1).sum()
        others = sample.others.n[:, sample.others.observed[:, at].any(axis=1)].sum() if len(sample.others.n) else 0
        return float(mine + others)

    def _applicant_sd(self, k: int) -> float:
        sample = self.sample
        hires = PatternMoments.from_rows(sample.hired)
        ones = np.ones((1, len(sample.others.n)))
        everybody = hires.joined(_resampled(sample.others, ones)) if len(sample.others.n) else hires
        return float(np.sqrt(max(everybody.variable(k)[2][0], 0.0)))

    def _hiring_r2(self, stage: float) -> float:
        if self.design == "concurrent" or stage not in self.point.by_stage:
            return np.nan
        moments = self.point.by_stage[stage][1]
        return float(hidden.hiring_model(moments, self._hired_share(stage)).r_squared[0])

    def _hired_share(self, stage: float) -> Array:
        """Hired among those who reached a stage, away from 0 and 1 where a probit has no meaning."""
        hires = float(self._hires_reached(stage).sum())
        reached = max(self._others_reached(stage) + hires, 1.0)
        return np.array([min(max(hires / reached, 1e-4), 1 - 1e-4)])

    def _reliability(self) -> tuple[dict[str, Any], str]:
        """The reliability's row, and why nothing can be corrected with it, or nothing."""
        value = float(self.point.reliability[0])
        drawn = self.boot.reliability[np.isfinite(self.boot.reliability)]
        lo, hi = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
        refusal = ""
        if not np.isfinite(value) or value < MIN_RELIABILITY:
            refusal = f"criterion reliability {value:.2f}, at least {MIN_RELIABILITY:.2f} needed"
        elif lo <= 0:
            refusal = f"criterion reliability {value:.2f} is not distinguishable from 0 (interval from {lo:.2f})"
        row = {
            "method": self.model.method,
            "value": np.nan if refusal else value,
            "lo": np.nan if refusal else float(lo),
            "hi": np.nan if refusal else float(hi),
            "n_pairs": self.model.n_pairs,
            "n_raters": self.model.n_raters,
            "status": "not_estimable" if refusal else "low_n" if self.model.method == "stated" else "ok",
            "reason": refusal or self.model.source,
        }
        return row, refusal

    def _rungs(self, j: int, facts: _Facts, reliability_refusal: str) -> Iterator[dict[str, Any]]:
        first = self._observed(facts)
        yield first
        provisional, unreviewed = self._unreviewed()
        second = self._disattenuated(j, facts, first, reliability_refusal or unreviewed, provisional)
        yield second
        refusal = reliability_refusal or unreviewed or self._no_correction(facts)
        third = self._selection_corrected(facts, refusal, provisional)
        yield third
        yield self._pooled(facts, refusal, provisional)

    def _observed(self, facts: _Facts) -> dict[str, Any]:
        """Rung 1."""
        refusal = _no_correlation(facts)
        if refusal:
            return _refused(1, "pearson", refusal)
        moments = ClusterMoments.from_pairs(facts.x, facts.y, facts.cluster)
        interval = self._interval(facts, moments)
        few = facts.n_rated < OBSERVED_CORRELATION.shown
        doubts = [f"{facts.n_rated} pairs, shown from {OBSERVED_CORRELATION.shown}"] if few else []
        if interval.df is not None and interval.df < MIN_SATTERTHWAITE_DF:
            doubts.append("a few raters gave most of the ratings, so the interval is rough")
        return _row(1, f"pearson+{interval.method}", moments.correlation, interval.lo, interval.hi, doubts)

    def _interval(self, facts: _Facts, moments: ClusterMoments) -> Interval:
        independent = fisher_interval(moments.correlation, moments.n_pairs, self.level)
        if 2 <= moments.n_clusters < moments.n_pairs:
            clustered = clustered_interval(moments, self.level)
            return clustered if clustered.hi - clustered.lo >= independent.hi - independent.lo else independent
        skew = float(np.mean(((facts.x - facts.x.mean()) / facts.x.std()) ** 3))
        if len(np.unique(facts.x)) <= FEW_DISTINCT or abs(skew) > MAX_SKEWNESS:
            return bca_interval(facts.x, facts.y, self.level, BCA_RESAMPLES)
        return independent

    def _unreviewed(self) -> tuple[str, str]:
        """Doubt and refusal because many hires have no review."""
        share = 1 - self.n_reviewed / self.sample.n_due
        sentence = f"{share:.0%} of hires have no review in the window"
        if share > MAX_UNREVIEWED:
            return "", f"{sentence}; above {MAX_UNREVIEWED:.0%} nothing is corrected"
        return (f"provisional: {sentence}" if share > PROVISIONAL_UNREVIEWED else ""), ""

    def _doubts(self, provisional: str) -> list[str]:
        doubts = [provisional] if provisional else []
        if self.model.method == "stated":
            doubts.append(f"provisional: criterion reliability {self.point.reliability[0]:.2f} is a {self.model.source}"
                          if "literature" in self.model.source else f"provisional: {self.model.source}")  # fmt: skip
        return doubts

    def _disattenuated(
        self, j: int, facts: _Facts, first: dict[str, Any], refusal: str, provisional: str
    ) -> dict[str, Any]:
        """Rung 2: r/√r_yy, criterion only (Spearman 1904)."""
        method = f"attenuation+{self.model.method}"
        refusal = refusal or (first["reason"] if first["status"] == "not_estimable" else "")
        value = float(self.point.disattenuated[0, j])
        if not refusal and abs(value) >= 1:
            refusal = "the corrected value exceeds 1: the reliability estimate is unusable"
        if refusal:
            return _refused(2, method, refusal)
        spread = spread_of(self.boot.disattenuated[:, j], facts.n_rated, self.level)
        if spread.undefined > MAX_UNDEFINED:
            return _refused(2, method, f"{spread.undefined:.0%} of the resamples are undefined")
        return _row(2, method, value, spread.lo, spread.hi, self._doubts(provisional))

    def _no_correction(self, facts: _Facts) -> str:
        """Why rung 3 is not made, or nothing (METHODS 8.7)."""
        p = len(self.sample.predictors)
        needed = max(SELECTION_CORRECTED.estimable, 10 * (p + 1))
        if self.n_reviewed < needed:
            return f"{self.n_reviewed} reviewed hires, {needed} needed for {p} predictors"
        refusal = _no_correlation(facts)
        if refusal:
            return refusal
        if self.design == "predictive":
            refusal = self._too_restricted(facts)
        spread = facts.rung3
        if refusal:
            return refusal
        if not np.isfinite(facts.value3) or abs(facts.value3) >= 1:
            return "the corrected value is not a correlation: the data cannot bear the correction"
        if spread.undefined > MAX_UNDEFINED:
            return f"{spread.undefined:.0%} of the resamples are undefined, at most {MAX_UNDEFINED:.0%} may be"
        if facts.effective_n < MIN_EFFECTIVE_N:
            return f"as uncertain as {facts.effective_n:.1f} unselected pairs, {MIN_EFFECTIVE_N:.0f} needed"
        return ""

    def _too_restricted(self, facts: _Facts) -> str:
        if facts.u < MIN_U:
            return f"scores of hires vary only {facts.u:.2f} times as much as those of applicants, {MIN_U:.2f} needed"
        if facts.outside > MAX_EXTRAPOLATION:
            seen = f"{facts.outside:.0%} of the rejected scored where nobody was hired"
            return f"{seen}, at most {MAX_EXTRAPOLATION:.0%} may"
        if facts.unrecorded > MAX_UNRECORDED:
            return f"no score of {facts.unrecorded:.0%} of those who reached the stage was recorded"
        return ""

    @property
    def _method3(self) -> str:
        if self.design == "concurrent":
            return f"attenuation+{self.model.method}+no_selection"
        return f"maximum_likelihood+{self.model.method}"

    def _selection_corrected(self, facts: _Facts, refusal: str, provisional: str) -> dict[str, Any]:
        """Rung 3."""
        if refusal:
            return _refused(3, self._method3, refusal)
        spread, value = facts.rung3, facts.value3
        if spread.hi - spread.lo > MAX_WIDTH:
            between = f"somewhere between {_two(spread.lo)} and {_two(spread.hi)}"
            return _refused(3, self._method3, f"too wide to say: {between}")
        return _row(3, self._method3, value, spread.lo, spread.hi, self._doubts(provisional))

    def _pooled(self, facts: _Facts, refusal: str, provisional: str) -> dict[str, Any]:
        """Rung 4 with the stated prior; pooling over job families is `validity.ladder`'s."""
        mean, sd = self.prior
        method = f"{self._method3}+prior({mean:.2f},{sd:.2f})"
        if refusal:
            return _refused(4, method, refusal)
        pooled = with_prior(np.array([np.arctanh(facts.value3)]), np.array([facts.rung3.z_se]), mean, sd, self.level)
        facts.probability_positive = float(pooled.probability_positive[0])
        numbers = [float(np.tanh(part[0])) for part in (pooled.mean, pooled.lo, pooled.hi)]
        return _row(4, method, *numbers, self._doubts(provisional))

    def _matrices(self) -> tuple[Array, Array]:
        p = len(self.sample.predictors)
        if self.point.entry is None or self.boot.entry is None:
            return np.full((p + 1, p + 1), np.nan), np.zeros((0, p + 1, p + 1))
        return _matrix(self.point.entry, p)[0], _matrix(self.boot.entry, p)

    def _sensitivity(self) -> pd.DataFrame:
        rows: list[dict[str, Any]] = []
        for j, name in enumerate(self.sample.predictors):
            rows += [{"predictor": name, **row} for row in self._sensitivity_of(j)]
        columns = ["predictor", "kind", "setting", "value", "lo", "hi"]
        return pd.DataFrame(rows, columns=columns)

    def _sensitivity_of(self, j: int) -> Iterator[dict[str, Any]]:
        stated = (0.45, 0.52, 0.60, 0.65)
        for single in stated:
            value = self.point.observed[0, j] / np.sqrt(single)
            yield {"kind": "reliability_rung_2", "setting": single, "value": float(value), "lo": np.nan, "hi": np.nan}
        if self.design == "concurrent" or not self.point.by_stage:
            return
        grid = hidden.RHO_GRID
        spreads = [spread_of(self.boot.curve[g, :, j], self.n_reviewed, self.level) for g in range(len(grid))]
        for rho, value, spread in zip(grid, self.point.curve[:, 0, j], spreads, strict=True):
            yield {
                "kind": "hidden_information",
                "setting": rho,
                "value": float(value),
                "lo": spread.lo,
                "hi": spread.hi,
            }
        lows, highs = [s.lo for s in spreads], [s.hi for s in spreads]
        middle = float(self.point.corrected[0, j])
        yield {"kind": "union", "setting": grid[-1], "value": middle, "lo": min(lows), "hi": max(highs)}
        edge = np.array(lows if middle > 0 else highs)
        tip = hidden.tipping_point(grid, edge)
        yield {
            "kind": "tipping_rho",
            "setting": np.nan if tip is None else tip,
            "value": 0.0,
            "lo": np.nan,
            "hi": np.nan,
        }
        stage = self.sample.stages[j]
        moments = self.point.by_stage[stage][1]
        share = self._hired_share(stage)
        place = self.sample.position(self.sample.predictors[j]) - self.sample.n_design
        for delta in hidden.DELTA_GRID:
            value = hidden.shifted(moments, share, delta)[0, place]
            yield {"kind": "rejected_worse_by", "setting": delta, "value": float(value), "lo": np.nan, "hi": np.nan}

    def _warnings(self, table: pd.DataFrame) -> list[str]:
        sentences = list(self.sample.notes)
        if self.sample.criterion.has_one_rater_only:
            sentences.append(f"{ONE_RATER}.")
        if self.design == "predictive":
            worst = table["extrapolation_share"].max()
            sentences.append(f"{UNTESTABLE} Up to {worst:.0%} of the rejected scored outside the range of the hired.")
            if not self.sample.has_decision:
                sentences.append(
                    "No decision-time score was recorded for everybody. If the decision used anything that the scores "
                    "do not hold, rung 3 is biased; the curve over unrecorded information shows by how much."
                )
        provisional, refused = self._unreviewed()
        if provisional or refused:
            sentences.append((provisional or refused)[0].upper() + (provisional or refused)[1:] + ".")
        n_raters = self.sample.criterion.n_distinct_raters
        if n_raters < FEW_RATERS:
            sentences.append(f"{n_raters} raters gave all ratings: read the interval that resamples raters too.")
        return sentences

    def _nothing(self) -> Study:
        """The study of no reviewed hires."""
        reason = f"{self.n_reviewed} reviewed hires with a score, {OBSERVED_CORRELATION.estimable} needed"
        rows = [
            {
                "predictor": name,
                "level": self.level,
                "n_applicants": 0,
                "n_rated": self.n_reviewed,
                **_refused(rung, "pearson", reason),
            }
            for name in self.sample.predictors
            for rung in (1, 2, 3, 4)
        ]
        p = len(self.sample.predictors)
        numbers = dict.fromkeys(("value", "lo", "hi"), np.nan) | {"n_pairs": 0, "n_raters": 0}
        nothing = {"method": self.model.method, **numbers, "status": "not_estimable", "reason": reason}
        table = pd.DataFrame({"predictor": list(self.sample.predictors)}).assign(verdict="not estimable")
        return Study(
            pd.DataFrame(rows, columns=list(ESTIMATE_COLUMNS)),
            pd.DataFrame([nothing]),
            table,
            pd.DataFrame(columns=["predictor", "kind", "setting", "value", "lo", "hi"]),
            [reason[0].upper() + reason[1:] + "."],
            np.full((p + 1, p + 1), np.nan),
            np.zeros((0, p + 1, p + 1)),
            self.sample.predictors,
        )


@dataclass
class _Facts:
    """What is known about one predictor before anything is refused."""

    stage: float
    n_applicants: int
    n_scored: int
    n_hired: int
    n_rated: int
    x: Array
    y: Array
    cluster: Array
    u: float
    unrecorded: float
    outside: float
    hiring_r2: float
    rung3: Spread
    rater_aware: Spread | None
    value3: float
    probability_positive: float = np.nan

    @property
    def counts(self) -> dict[str, int]:
        return {"n_applicants": self.n_applicants, "n_rated": self.n_rated}

    @property
    def effective_n(self) -> float:
        """Size of a plain-r sample as uncertain as this: ((1 − ρ²)/SE)² + 1."""
        z_se = self.rung3.z_se
        return float(1 / z_se**2 + 1) if z_se and np.isfinite(z_se) else 0.0

    def as_row(self) -> dict[str, Any]:
        low, high = leave_one_out(self.x, self.y)
        bend, uneven = linearity(self.x, self.y)
        usable = np.isfinite(self.value3) and abs(self.value3) < 1 and self.rung3.z_se > 0
        z = float(np.arctanh(self.value3)) if usable else np.nan
        return {
            "stage": self.stage,
            "n_applicants": self.n_applicants,
            "n_scored": self.n_scored,
            "n_hired": self.n_hired,
            "n_rated": self.n_rated,
            "u": self.u,
            "selection_ratio": self.n_hired / self.n_applicants if self.n_applicants else np.nan,
            "hiring_r2": self.hiring_r2,
            "extrapolation_share": self.outside,
            "unrecorded_share": self.unrecorded,
            "effective_n": self.effective_n,
            "undefined_share": self.rung3.undefined,
            "z": z,
            "z_se": self.rung3.z_se,
            "p_value": float(2 * norm.sf(abs(z) / self.rung3.z_se)) if usable else np.nan,
            "probability_positive": self.probability_positive,
            "lo_rater_aware": self.rater_aware.lo if self.rater_aware else np.nan,
            "hi_rater_aware": self.rater_aware.hi if self.rater_aware else np.nan,
            "leave_one_out_lo": low,
            "leave_one_out_hi": high,
            "p_quadratic": bend,
            "p_heteroscedastic": uneven,
        }


def _with_verdicts(table: pd.DataFrame, estimates: pd.DataFrame) -> pd.DataFrame:
    """Add q values (Benjamini & Hochberg 1995 over the predictors) and the verdict word."""
    shown = estimates[estimates["rung"] == 4].set_index("predictor")
    made = table["predictor"].map(shown["value"].notna())
    p_values = table["p_value"].where(made)
    table["q_value"] = np.nan
    if made.any():
        table.loc[made, "q_value"] = multipletests(p_values[made], method="fdr_bh")[1]
    words: list[Conclusion] = []
    for row in table.itertuples():
        pooled = shown.loc[row.predictor]
        survives = bool(row.q_value <= FALSE_DISCOVERY_RATE)
        words.append(verdict_word(pooled["value"], pooled["lo"], pooled["hi"], row.probability_positive, survives))
    return table.assign(verdict=words)


def _no_correlation(facts: _Facts) -> str:
    """Why there is no correlation at all, or nothing (METHODS 3)."""
    if facts.n_rated < OBSERVED_CORRELATION.estimable:
        return f"{facts.n_rated} pairs, {OBSERVED_CORRELATION.estimable} needed"
    if np.ptp(facts.x) < 1e-9:
        return "every reviewed hire has the same score"
    if np.ptp(facts.y) < 1e-9:
        return "every hire has the same performance rating"
    n_distinct = len(np.unique(facts.x.round(9)))
    if n_distinct < MIN_DISTINCT_SCORES:
        return f"{n_distinct} different scores, {MIN_DISTINCT_SCORES} needed"
    if abs(np.corrcoef(facts.x, facts.y)[0, 1]) > 1 - 1e-12:
        return "score and rating are the same numbers (|r| = 1): one was derived from the other"
    return ""


def _correlation(moments: PatternMoments, position: int) -> Array:
    """Pearson's r (B) of one variable with the last one, over patterns that have both."""
    has = moments.observed[:, position] & moments.observed[:, -1]
    n = moments.n[:, has].sum(1)
    sums, products = moments.sums[:, has].sum(1), moments.products[:, has].sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        s_xy = products[:, position, -1] - sums[:, position] * sums[:, -1] / n
        s_xx = products[:, position, position] - sums[:, position] ** 2 / n
        s_yy = products[:, -1, -1] - sums[:, -1] ** 2 / n
        return np.asarray(np.where((s_xx > 1e-9) & (s_yy > 1e-9), s_xy / np.sqrt(s_xx * s_yy), np.nan))


def _resampled(others: PatternMoments, weights: Array) -> PatternMoments:
    """Blocks weighted and summed: leading axis resamples instead of blocks."""
    totals = others.totals
    flat = totals.reshape(len(totals), -1)
    return PatternMoments.from_totals(others.observed, (weights @ flat).reshape(len(weights), *totals.shape[1:]))


def _joined(parts: Sequence[_Values]) -> _Values:
    entries = [part.entry for part in parts if part.entry is not None]
    entry = (
        Corrected(*(np.concatenate(p) for p in zip(*(vars(e).values() for e in entries), strict=True)))
        if entries
        else None
    )
    return _Values(
        np.concatenate([part.observed for part in parts]),
        np.concatenate([part.reliability for part in parts]),
        np.concatenate([part.corrected for part in parts]),
        entry,
        np.concatenate([part.curve for part in parts], axis=1),
    )


def _matrix(moments: Corrected, p: int) -> Array:
    """B × (p + 1) × (p + 1) correlations of the predictors and the error-free criterion."""
    sd = np.sqrt(np.diagonal(moments.applicants, axis1=1, axis2=2))[:, :p]
    result = np.ones((len(sd), p + 1, p + 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        result[:, :p, :p] = moments.applicants[:, :p, :p] / sd[:, :, None] / sd[:, None, :]
    result[:, :p, p] = result[:, p, :p] = moments.correlation[:, :p]
    return result


def _row(rung: int, method: str, value: float, lo: float, hi: float, doubts: Sequence[str]) -> dict[str, Any]:
    return {
        "rung": rung,
        "method": method,
        "value": value,
        "lo": min(lo, value),
        "hi": max(hi, value),
        "status": "low_n" if doubts else "ok",
        "reason": "; ".join(doubts),
    }


def _refused(rung: int, method: str, reason: str) -> dict[str, Any]:
    return {"rung": rung, "method": method, "value": np.nan, "lo": np.nan, "hi": np.nan, "status": "not_estimable",
            "reason": reason}  # fmt: skip


def _two(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1).replace("-", "−")
