"""What is known about each predictor before anything is refused: how many, how restricted, how sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from validity import hidden
from validity.diagnostics import leave_one_out, linearity, missing_with
from validity.moments import Array, PatternMoments
from validity.resampling import Spread, spread_of
from validity.rungs import SMALLEST_SHARE, Computed, once_each, with_everybody
from validity.sample import Sample


@dataclass(frozen=True)
class Facts:
    """One predictor.

    Attributes
    ----------
    stage
        Where its score is given.
    n_applicants, n_scored, n_hired, n_rated
        People who reached the stage, have the score, reached it and were hired, have the score and a review.
    x, y, cluster
        Score, criterion and set of raters of the last.
    u
        Standard deviation of their scores over that of all applicants.
    outside, unrecorded, hiring_r2
        Shares: of the rejected who scored where nobody was hired (NaN: unknown), of those at the stage without any
        score of it, and of the hiring decision that the recorded scores explain.
    missing_review
        Correlation of the score with a missing review among hires who were due, and its p-value.
    value2, value3
        Rungs 2 and 3.
    rung2, rung3, rater_aware
        Their resamples; rung 3 with raters drawn too, where there are few.
    """

    stage: float
    n_applicants: int
    n_scored: int
    n_hired: int
    n_rated: int
    x: Array
    y: Array
    cluster: npt.NDArray[np.int64]
    u: float
    outside: float
    unrecorded: float
    hiring_r2: float
    missing_review: tuple[float, float]
    value2: float
    value3: float
    rung2: Spread
    rung3: Spread
    rater_aware: Spread | None

    @property
    def effective_n(self) -> float:
        """Size of a plain-r sample as uncertain as this: ((1 − ρ²)/SE)² + 1."""
        z_se = self.rung3.z_se
        return float(1 / z_se**2 + 1) if z_se and np.isfinite(z_se) else 0.0

    def as_row(self, probability_positive: float) -> dict[str, Any]:
        """The row of `Study.diagnostics`, with what rung 4 says of ρ > 0."""
        return {
            **self._basis(),
            **self._test(),
            "probability_positive": probability_positive,
            "lo_rater_aware": self.rater_aware.lo if self.rater_aware else np.nan,
            "hi_rater_aware": self.rater_aware.hi if self.rater_aware else np.nan,
            **self._checks(),
        }

    def _basis(self) -> dict[str, float]:
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
        }

    def _test(self) -> dict[str, float]:
        """Rung 3 on Fisher's z scale against no relation."""
        usable = np.isfinite(self.value3) and abs(self.value3) < 1 and self.rung3.z_se > 0
        z = float(np.arctanh(self.value3)) if usable else np.nan
        p_value = float(2 * norm.sf(abs(z) / self.rung3.z_se)) if usable else np.nan
        return {"z": z, "z_se": self.rung3.z_se, "p_value": p_value}

    def _checks(self) -> dict[str, float]:
        low, high = leave_one_out(self.x, self.y)
        bend, uneven = linearity(self.x, self.y)
        return {
            "leave_one_out_lo": low,
            "leave_one_out_hi": high,
            "p_quadratic": bend,
            "p_heteroscedastic": uneven,
            "r_missing_review": self.missing_review[0],
            "p_missing_review": self.missing_review[1],
        }


def facts_of(found: Computed) -> list[Facts]:
    """The facts of every predictor, in the order of the sample."""
    sample = found.sample
    hires = PatternMoments.from_rows(sample.hired)
    applicants = with_everybody(hires, sample.others, once_each(sample).blocks)
    return [_facts(found, j, applicants) for j in range(len(sample.predictors))]


def hired_share(sample: Sample, stage: float) -> Array:
    """Hired among those who reached a stage, of length 1."""
    hires = float(sample.n_hired_at(stage))
    reached = max(sample.n_others_at(stage) + hires, 1.0)
    return np.array([min(max(hires / reached, SMALLEST_SHARE), 1 - SMALLEST_SHARE)])


def _facts(found: Computed, j: int, applicants: PatternMoments) -> Facts:
    sample, level = found.sample, found.question.level
    stage, k = sample.stages[j], sample.position(sample.predictors[j])
    x, reached = sample.hired[sample.reviewed, k], reached_stage(sample, j)
    both = ~np.isnan(x)
    return Facts(
        stage=stage,
        n_applicants=round(reached.n_applicants),
        n_scored=round(sample.n_scored(k)),
        n_hired=round(reached.n_hired),
        n_rated=int(both.sum()),
        x=x[both],
        y=sample.criterion.value[both],
        cluster=sample.criterion.cluster[both],
        u=_restriction(x[both], applicants, k),
        outside=float(sample.outside.get(sample.predictors[j], np.nan)),
        unrecorded=reached.unrecorded,
        hiring_r2=_hiring_r2(found, stage),
        missing_review=_missing_review(sample, k),
        value2=float(found.point.disattenuated[0, j]),
        value3=float(found.point.corrected[0, j]),
        rung2=spread_of(found.boot.disattenuated[:, j], both.sum(), level),
        rung3=spread_of(found.boot.corrected[:, j], found.n_reviewed, level),
        rater_aware=_rater_aware(found, j),
    )


class Reached(NamedTuple):
    """Who reached a predictor's stage.

    Attributes
    ----------
    n_applicants, n_hired
        In the strata (job families) where anybody has a score of the predictor.
    unrecorded
        Share without any score of the stage, in the strata where anybody has one.
    """

    n_applicants: float
    n_hired: float
    unrecorded: float


def reached_stage(sample: Sample, j: int) -> Reached:
    """People who reached the stage of predictor `j`; families that do not use it are nobody's missing score."""
    stage, k = sample.stages[j], sample.position(sample.predictors[j])
    first, d = sample.first_of_stage(stage), sample.n_design
    own = [first + i for i, one in enumerate(s for s in sample.stages if s >= stage) if one == stage]
    given = ~np.isnan(sample.hired)
    hires = _by_stratum(np.ones(len(given)), sample.hired[:, :d])
    others = sample.others
    total = _by_stratum(others.n.sum(0), others.sums[:, :, :d].sum(0))
    hired = hires[given[:, first:-1].any(axis=1)].sum(0)
    reached = hired + total[others.levels > first].sum(0)
    recorded = hires[given[:, own].any(axis=1)].sum(0) + total[others.observed[:, own].any(axis=1)].sum(0)
    scored = hires[given[:, k]].sum(0) + total[others.observed[:, k]].sum(0)
    of_stage = float(reached[recorded > 0].sum())
    unrecorded = 1 - float(recorded.sum()) / of_stage if of_stage else 0.0
    return Reached(float(reached[scored > 0].sum()), float(hired[scored > 0].sum()), unrecorded)


def _by_stratum(n: Array, of_strata: Array) -> Array:
    """Counts by stratum: of the strata that have a design column, and of the first, which has none."""
    return np.column_stack([n - of_strata.sum(axis=1), of_strata])


def _restriction(reviewed: Array, applicants: PatternMoments, k: int) -> float:
    """u: standard deviation among reviewed hires over that among everybody scored."""
    applicant_sd = float(np.sqrt(max(applicants.variable(k)[2][0], 0.0)))
    hired_sd = float(np.std(reviewed)) if len(reviewed) > 1 else np.nan
    return hired_sd / applicant_sd if applicant_sd else np.nan


def _missing_review(sample: Sample, k: int) -> tuple[float, float]:
    known = sample.is_due & ~np.isnan(sample.hired[:, k])
    rows = sample.hired[known]
    return missing_with(rows[:, k], np.isnan(rows[:, -1]), rows[:, : sample.n_design])


def _hiring_r2(found: Computed, stage: float) -> float:
    if stage not in found.point.by_stage:
        return np.nan
    moments = found.point.by_stage[stage].corrected
    return float(hidden.hiring_model(moments, hired_share(found.sample, stage)).r_squared[0])


def _rater_aware(found: Computed, j: int) -> Spread | None:
    if found.rater_aware is None:
        return None
    n_raters = found.sample.criterion.n_distinct_raters
    return spread_of(found.rater_aware.corrected[:, j], n_raters, found.question.level)
