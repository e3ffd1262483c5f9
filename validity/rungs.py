"""Rungs 1–3 of all predictors at once: in the data, and in every resample of the applicants (and of the raters)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from validity import hidden
from validity.moments import Array, PatternMoments, PatternRows, patterns_of
from validity.normal import Linearised, NormalFit, fit_normal, linearise, refit
from validity.ratings import ReliabilityModel, drawn_reliability, reliability, reliability_features
from validity.resampling import Draws, draw_applicants, with_raters
from validity.sample import Sample
from validity.selection import Corrected, correct_for_selection
from validity.thresholds import MAX_RELIABILITY, MIN_RATERS, SELECTION_CORRECTED

Design = Literal["predictive", "concurrent"]

FEW_RATERS = 25
"""Below so many raters the interval that also resamples raters is printed (METHODS 9)."""
TOLERANCE = 1e-6
"""Of EM on the data; a validity is then settled to five digits, and the same in every run."""
SMALLEST_SHARE = 1e-4
"""Shares of hired are kept this far from 0 and 1, where a probit has no meaning."""


@dataclass(frozen=True)
class Question:
    """How a sample is analysed; the arguments of `validity.study.study`."""

    design: Design
    level: float
    n_boot: int
    prior: tuple[float, float]
    rho_grid: tuple[float, ...] = hidden.RHO_GRID


@dataclass(frozen=True)
class AtStage:
    """Among the applicants who reached a stage: moments, rung 3, and its curve over unrecorded information."""

    fit: NormalFit
    corrected: Corrected
    curve: Array


@dataclass(frozen=True)
class Rungs:
    """Rungs in B resamples (or in the data, B = 1).

    Attributes
    ----------
    observed, corrected
        B × p, rungs 1 and 3.
    reliability
        B, of the criterion.
    curve
        grid × B × p, rung 3 over unrecorded information; an empty grid where nothing is corrected for selection.
    entry
        Moments among applicants at the first stage, or none where nothing is corrected for selection.
    by_stage
        Of the data only.
    """

    observed: Array
    reliability: Array
    corrected: Array
    curve: Array
    entry: Corrected | None
    by_stage: Mapping[float, AtStage] = field(default_factory=dict)

    @property
    def disattenuated(self) -> Array:
        """B × p, rung 2: r/√r_yy, criterion only (Spearman 1904)."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.observed / np.sqrt(self.reliability)[:, None])


@dataclass(frozen=True)
class Computed:
    """A sample, what was asked, and the rungs that came out: all that is told afterwards.

    Attributes
    ----------
    point, boot
        In the data, and in resamples of applicants.
    rater_aware
        In the same resamples with raters drawn too, where there are few.
    """

    sample: Sample
    question: Question
    model: ReliabilityModel
    point: Rungs
    boot: Rungs
    rater_aware: Rungs | None

    @property
    def n_reviewed(self) -> int:
        return self.sample.n_reviewed


def compute(sample: Sample, question: Question, model: ReliabilityModel, rng: np.random.Generator) -> Computed:
    """All rungs of a sample.

    Parameters
    ----------
    sample
        With reviewed hires and predictors.
    question, model
        How it is analysed, and how the criterion's reliability is found.
    rng
        Draws applicants first, then a stated reliability, then raters.
    """
    features = reliability_features(sample.criterion)
    evaluation = _Evaluation(sample, question, model, features, PatternRows.of(sample.hired))
    everybody = once_each(sample)
    point = evaluation.rungs(everybody, evaluation.reliability(everybody), None)
    if not question.n_boot:
        return Computed(sample, question, model, point, _none_drawn(point), None)
    starts = {stage: evaluation.start(stage, at.fit) for stage, at in point.by_stage.items()}
    n_hired, n_blocks = len(sample.hired), len(sample.others.n)
    draws = list(draw_applicants(rng, n_hired, sample.n_not_hired, n_blocks, question.n_boot))
    stated = None
    if model.method == "stated":
        drawn = drawn_reliability(model, rng, question.n_boot)
        stated = np.split(drawn, np.cumsum([len(one.hired) for one in draws])[:-1])
    boot = evaluation.resampled(draws, stated, starts)
    rater_aware = None
    if MIN_RATERS <= sample.criterion.n_distinct_raters < FEW_RATERS:
        shares = _shares_of_raters(sample)
        rater_aware = evaluation.resampled([with_raters(rng, one, shares) for one in draws], stated, starts)
    return Computed(sample, question, model, point, boot, rater_aware)


def hires_needed(n_predictors: int) -> int:
    """Reviewed hires without which nothing is corrected for selection (METHODS 8.7).

    >>> hires_needed(3), hires_needed(8)
    (40, 90)
    """
    return max(SELECTION_CORRECTED.estimable, 10 * (n_predictors + 1))


def once_each(sample: Sample) -> Draws:
    """The weights of the data themselves."""
    return Draws(np.ones((1, len(sample.hired))), np.ones((1, len(sample.others.n))))


def with_everybody(hires: PatternMoments, others: PatternMoments, blocks: Array) -> PatternMoments:
    """Sums over hires and everybody else, whose blocks have these weights in each resample."""
    return hires.joined(_resampled(others, blocks)) if len(others.n) else hires


def correlation_matrix(moments: Corrected, p: int) -> Array:
    """B × (p + 1) × (p + 1) correlations of the first p variables and the error-free criterion."""
    variance = np.diagonal(moments.applicants, axis1=1, axis2=2)[:, :p]
    result = np.ones((len(variance), p + 1, p + 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(variance)
        result[:, :p, :p] = moments.applicants[:, :p, :p] / sd[:, :, None] / sd[:, None, :]
    result[:, :p, p] = result[:, p, :p] = moments.correlation[:, :p]
    return result


@dataclass(frozen=True)
class _Start:
    """The fit of the data at a stage, scores of reviewed hires with gaps filled by it, and their criterion."""

    fit: Linearised
    x: Array
    y: Array


@dataclass(frozen=True)
class _Evaluation:
    """What every resample has in common."""

    sample: Sample
    question: Question
    model: ReliabilityModel
    features: Array
    hires: PatternRows

    def resampled(
        self, draws: Sequence[Draws], stated: Sequence[Array] | None, starts: Mapping[float, _Start]
    ) -> Rungs:
        """The rungs in all resamples, whose criterion reliability is `stated` or their own; above 1 it is undefined."""
        made = stated or [self.reliability(one) for one in draws]
        possible = [np.where(r_yy <= MAX_RELIABILITY, r_yy, np.nan) for r_yy in made]
        return _joined([self.rungs(one, r_yy, starts) for one, r_yy in zip(draws, possible, strict=True)])

    def reliability(self, draws: Draws) -> Array:
        """Reliability of the criterion (B) under these weights."""
        return reliability(self.model, draws.hired[:, self.sample.reviewed] @ self.features)

    def rungs(self, draws: Draws, r_yy: Array, starts: Mapping[float, _Start] | None) -> Rungs:
        """The rungs under these weights, to first order from `starts` (by stage) where those are given."""
        sample = self.sample
        weights = draws.hired[:, sample.reviewed]
        hires = self.hires.moments(draws.hired)
        observed = np.stack([_correlation(hires, sample.position(name)) for name in sample.predictors], axis=1)
        if self.question.design == "concurrent":
            corrected = observed / np.sqrt(np.where(r_yy > 0, r_yy, np.nan))[:, None]
            return Rungs(observed, r_yy, corrected, np.zeros((0, *observed.shape)), None)
        if sample.n_reviewed < hires_needed(len(sample.predictors)):
            return Rungs(observed, r_yy, np.full_like(observed, np.nan), np.zeros((0, *observed.shape)), None)
        applicants = with_everybody(hires, sample.others, draws.blocks).merged()
        by_stage = {
            stage: self._at_stage(stage, applicants, r_yy, weights, starts) for stage in sorted(set(sample.stages))
        }
        own = [(by_stage[stage], j) for j, stage in enumerate(sample.stages)]  # each predictor at its own stage
        corrected = np.stack([at.corrected.correlation[:, j] for at, j in own], axis=1)
        curve = np.stack([at.curve[:, :, j] for at, j in own], axis=2)
        return Rungs(observed, r_yy, corrected, curve, by_stage[min(by_stage)].corrected, by_stage)

    def start(self, stage: float, fit: NormalFit) -> _Start:
        """What every resample starts from, by the fit of the data."""
        ones, sample = once_each(self.sample), self.sample
        applicants = with_everybody(self.hires.moments(ones.hired), sample.others, ones.blocks).merged()
        reached = applicants.where(applicants.levels > sample.first_of_stage(stage))
        return _Start(linearise(reached, fit), *_without_gaps(sample, fit))

    def _at_stage(
        self,
        stage: float,
        applicants: PatternMoments,
        r_yy: Array,
        weights: Array,
        starts: Mapping[float, _Start] | None,
    ) -> AtStage:
        sample = self.sample
        reached = applicants.where(applicants.levels > sample.first_of_stage(stage))
        if starts is None:
            fit = fit_normal(reached, tolerance=TOLERANCE)
            x, y = _without_gaps(sample, fit)
        else:
            fit = refit(reached, starts[stage].fit)
            x, y = starts[stage].x, starts[stage].y
        corrected = correct_for_selection(fit, r_yy, sample.n_design)
        is_hire = weights.sum(1) / np.maximum(reached.n.sum(1), 1)
        share = np.clip(is_hire * len(sample.hired) / sample.n_reviewed, SMALLEST_SHARE, 1 - SMALLEST_SHARE)
        return AtStage(fit, corrected, hidden.fixed_rho_curve(corrected, share, x, y, weights, self.question.rho_grid))


def _without_gaps(sample: Sample, fit: NormalFit) -> tuple[Array, Array]:
    """Scores of reviewed hires, gaps filled by expectation within the design's groups, and the criterion."""
    rows = sample.hired[sample.reviewed]
    mean, cov = np.nan_to_num(fit.mean[0]), np.nan_to_num(fit.cov[0])
    filled = rows.copy()
    patterns, pattern = patterns_of(np.isnan(rows))
    for number, gaps in enumerate(patterns):
        if gaps.any():
            mine = pattern == number
            slope = cov[np.ix_(gaps, ~gaps)] @ np.linalg.pinv(cov[np.ix_(~gaps, ~gaps)], hermitian=True)
            filled[np.ix_(mine, gaps)] = mean[gaps] + (rows[np.ix_(mine, ~gaps)] - mean[~gaps]) @ slope.T
    return filled[:, sample.n_design : -1], filled[:, -1]


def _shares_of_raters(sample: Sample) -> Array:
    """Hires × raters: each reviewed hire's raters with equal shares, zero rows for the others."""
    shares = np.zeros((len(sample.hired), sample.criterion.n_distinct_raters))
    shares[sample.reviewed] = sample.criterion.raters.toarray()
    return shares


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


def _none_drawn(point: Rungs) -> Rungs:
    """Resamples of which there are none."""
    return Rungs(point.observed[:0], point.reliability[:0], point.corrected[:0], point.curve[:, :0], None)


def _joined(parts: Sequence[Rungs]) -> Rungs:
    """Chunks of resamples as one."""
    entries = [part.entry for part in parts if part.entry is not None]
    return Rungs(
        np.concatenate([part.observed for part in parts]),
        np.concatenate([part.reliability for part in parts]),
        np.concatenate([part.corrected for part in parts]),
        np.concatenate([part.curve for part in parts], axis=1),
        _joined_moments(entries) if entries else None,
    )


def _joined_moments(parts: Sequence[Corrected]) -> Corrected:
    return Corrected(*(np.concatenate(arrays) for arrays in zip(*(vars(part).values() for part in parts), strict=True)))
