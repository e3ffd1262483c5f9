"""Candidate experience: net promoter score with its error, weighted for who answered, and the bounds of silence.

Groups only: an answer is never shown by interviewer and demographic, nor for a group below the threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import statsmodels.api as sm
from scipy.stats import norm

from validity.estimate import Estimate, refused

Array = npt.NDArray[np.float64]

MIN_ANSWERS = 5
"""A cNPS is computed from so many answers."""

SHOWN_ANSWERS = 10
"""A cNPS of a group, and any comparison among the rejected, leaves the warehouse from so many answers."""

ADJUSTED_BELOW = 30
"""Below so many answers the interval is the adjusted Wald one."""

PROMOTER_FROM, DETRACTOR_TO = 9, 6
"""Answers 9–10 promote, 0–6 detract."""

MAX_WEIGHT = 10.0
"""Cap of an inverse-probability weight, in units of the mean weight."""

METHOD = "cnps"


@dataclass(frozen=True)
class NetPromoter:
    """Score on −100 to 100, its standard error and interval."""

    n: float
    score: float
    se: float
    lo: float
    hi: float


def answer_counts(answers: Any) -> tuple[int, int, int]:
    """Promoters, passives and detractors among answers 0–10; missing ones do not count.

    >>> answer_counts([10, 9, 8, 7, 6, 0, None])
    (2, 2, 2)
    """
    given = pd.to_numeric(pd.Series(answers, dtype=object)).dropna()
    if ((given < 0) | (given > 10)).any():
        raise ValueError(f"`answers`: {given.min():g} to {given.max():g}, expected 0 to 10.")
    promoters, detractors = int((given >= PROMOTER_FROM).sum()), int((given <= DETRACTOR_TO).sum())
    return promoters, len(given) - promoters - detractors, detractors


def net_promoter(promoters: float, passives: float, detractors: float, level: float = 0.95) -> NetPromoter:
    """``100 (P − D)/n`` with the standard error of a difference of multinomial proportions (Goodman 1965).

    Limits are clipped to [−100, 100].

    >>> result = net_promoter(55, 25, 20)
    >>> f"{result.score:.0f} ({result.se:.1f}) [{result.lo:.1f}, {result.hi:.1f}]"
    '35 (7.9) [19.5, 50.5]'
    """
    n = promoters + passives + detractors
    if min(promoters, passives, detractors) < 0 or n <= 0:
        raise ValueError(f"counts: {promoters}, {passives}, {detractors}, expected 0 or more and one answer at least.")
    difference = (promoters - detractors) / n
    se = sqrt(max(0.0, (promoters + detractors) / n - difference**2) / n)
    width = float(norm.ppf((1 + level) / 2)) * se
    lo, hi = max(-1.0, difference - width), min(1.0, difference + width)
    return NetPromoter(n, 100 * difference, 100 * se, 100 * lo, 100 * hi)


def adjusted_net_promoter(promoters: float, passives: float, detractors: float, level: float = 0.95) -> NetPromoter:
    """The same after adding ¾ promoter, 1½ passives, ¾ detractor: covers at small n (Bonett & Price 2012).

    >>> result = adjusted_net_promoter(8, 3, 1)
    >>> f"{result.score:.1f} [{result.lo:.1f}, {result.hi:.1f}]"
    '46.7 [11.5, 81.8]'
    """
    return net_promoter(promoters + 0.75, passives + 1.5, detractors + 0.75, level)


def cnps(answers: Any, *, n_asked: int | None = None, level: float = 0.95, definition_version: str = "1") -> Estimate:
    """Candidate net promoter score of a group, with worst-case bounds for those who stayed silent.

    Withheld without a response rate (`n_asked`), refused below 5 answers, ``low_n`` below 10. Below 30 answers the
    interval is the adjusted Wald one, stretched to the score where it would leave it out.

    >>> score = cnps([10] * 8 + [8] * 3 + [3], n_asked=20)
    >>> f"{score.value:.0f} [{score.lo:.0f}, {score.hi:.0f}] {score.extras['worst_case_lo']:.0f}"
    '58 [12, 82] -5'
    """
    counts = answer_counts(answers)
    n = sum(counts)
    if n_asked is not None and n_asked < n:
        raise ValueError(f"`n_asked`: {n_asked}, expected at least the {n} who answered.")
    if n < MIN_ANSWERS:
        reason = f"{n} answers, {MIN_ANSWERS} needed"
        return refused(METHOD, n=n, reason=reason, level=level, definition_version=definition_version)
    plain, adjusted = net_promoter(*counts, level=level), adjusted_net_promoter(*counts, level=level)
    interval = adjusted if n < ADJUSTED_BELOW else plain
    bounds = worst_case(*counts, n_asked) if n_asked is not None else (-100.0, 100.0)
    few = n < SHOWN_ANSWERS
    made = Estimate(
        value=plain.score,
        lo=min(interval.lo, plain.score),
        hi=max(interval.hi, plain.score),
        level=level,
        n=n,
        method="cnps+adjusted_wald" if n < ADJUSTED_BELOW else "cnps+wald",
        status="low_n" if few else "ok",
        reason=f"{n} answers, shown from {SHOWN_ANSWERS}" if few else "",
        definition_version=definition_version,
        extras={
            "response_rate": n / n_asked if n_asked else None,
            "worst_case_lo": bounds[0],
            "worst_case_hi": bounds[1],
        },
    )
    return made if n_asked is not None else made.withheld("suppressed", "the response rate is not known")


def worst_case(promoters: float, passives: float, detractors: float, n_asked: int) -> tuple[float, float]:
    """Score if everybody silent were a detractor, and if they were a promoter (Manski 1990).

    >>> worst_case(5, 3, 2, 20)
    (-35.0, 65.0)
    """
    silent = n_asked - (promoters + passives + detractors)
    if silent < 0 or n_asked <= 0:
        raise ValueError(f"`n_asked`: {n_asked}, expected at least everybody who answered.")
    known = promoters - detractors
    return 100 * (known - silent) / n_asked, 100 * (known + silent) / n_asked


def response_weights(answered: Any, covariates: pd.DataFrame) -> Array:
    """Inverse probability of answering, from a logistic regression on outcome, stage, duration, source; mean 1.

    Parameters
    ----------
    answered
        Whether each person asked answered, (n,).
    covariates
        One row per person asked; text columns become dummies. Columns that determine each other are left out.

    Returns
    -------
    array
        One weight per person who *answered*, capped at 10 times the mean.

    >>> asked = pd.DataFrame({"is_hired": [1] * 10 + [0] * 10})
    >>> response_weights([True] * 8 + [False] * 2 + [True] * 2 + [False] * 8, asked).round(2).tolist()[-1]
    2.5
    """
    y = np.asarray(answered, dtype=bool)
    if len(y) != len(covariates) or not y.any():
        raise ValueError(
            f"`answered`: {len(y)} for {len(covariates)} people, expected one each and an answer at least."
        )
    design = _design(covariates)
    if y.all() or design.shape[1] == 1:
        return np.ones(int(y.sum()))
    model = sm.GLM(y.astype(float), design, family=sm.families.Binomial())
    # A whisper of a ridge keeps a covariate that separates answers from silence finite.
    probability = model.predict(model.fit_regularized(alpha=1e-6, L1_wt=0.0).params)
    weights = np.asarray(1 / np.clip(probability[y], 1e-6, 1.0))
    weights = np.minimum(weights / weights.mean(), MAX_WEIGHT)
    return np.asarray(weights / weights.mean(), dtype=np.float64)


def weighted_net_promoter(answers: Any, weights: Any, level: float = 0.95) -> NetPromoter:
    """Score of everybody asked, from weighted answers (Hájek 1971), linearised standard error; weights taken as known.

    >>> result = weighted_net_promoter([10, 10, 0, 8], [1, 1, 2, 1])
    >>> round(result.score, 1)
    0.0
    """
    given, w = np.asarray(answers, dtype=float), np.asarray(weights, dtype=float)
    if len(given) != len(w) or len(given) == 0 or (w < 0).any() or w.sum() == 0:
        raise ValueError(f"`answers`, `weights`: {len(given)}, {len(w)}, expected one positive weight per answer.")
    values = (given >= PROMOTER_FROM).astype(float) - (given <= DETRACTOR_TO)
    difference = float(w @ values / w.sum())
    n_effective = float(w.sum() ** 2 / (w @ w))
    correction = len(w) / (len(w) - 1) if len(w) > 1 else 1.0
    se = sqrt(correction * float(w**2 @ (values - difference) ** 2)) / float(w.sum())
    width = float(norm.ppf((1 + level) / 2)) * se
    lo, hi = max(-1.0, difference - width), min(1.0, difference + width)
    return NetPromoter(n_effective, 100 * difference, 100 * se, 100 * lo, 100 * hi)


def cnps_by_outcome(
    answers: Mapping[str, Any], n_asked: Mapping[str, int], *, definition_version: str = "1"
) -> list[tuple[dict[str, str], Estimate]]:
    """One score per outcome (hired, rejected, withdrawn), never pooled: the rejected answer less often and less kindly.

    >>> rows = cnps_by_outcome({"hired": [9] * 12, "rejected": [5] * 3}, {"hired": 15, "rejected": 60})
    >>> [(keys["outcome"], e.status) for keys, e in rows]
    [('hired', 'ok'), ('rejected', 'not_estimable')]
    """
    return [
        ({"outcome": outcome}, cnps(given, n_asked=n_asked.get(outcome), definition_version=definition_version))
        for outcome, given in answers.items()
    ]


def _design(covariates: pd.DataFrame) -> Array:
    columns = pd.get_dummies(covariates, drop_first=True, dummy_na=False).astype(float)
    columns = columns.fillna(columns.mean()).fillna(0.0)
    spread = columns.std(ddof=0)
    columns = (columns - columns.mean()) / spread.where(spread > 0, 1.0)
    kept = [np.ones(len(columns))]
    for name in columns:
        candidate = [*kept, columns[name].to_numpy()]
        if np.linalg.matrix_rank(np.column_stack(candidate)) == len(candidate):
            kept = candidate
    return np.column_stack(kept)
