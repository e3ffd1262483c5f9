"""Hiring with a known truth: seeded studies to hold the estimators against.

The reference run prints its results and few of its parameters. Those of `Scenario` were found from its columns: scores
of reliability .60, attributes that correlate .50 (their scores .30), hidden information of weight .90, a jump of .60
above 1.0. Over 300 seeds every scenario has the reference's number of reviews within 1, true validity within .003, u
within .02 and naive r of attribute 1 within .008 (two Monte-Carlo errors). Furthest off is S11 (u .62 for .61, naive r
.198 for .206), where the reference does not say on what its second stage decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

Decision = Literal["scores", "everybody", "unrelated"]
Record = Literal["nothing", "decision_score", "four_levels"]
Design = Literal["predictive", "concurrent"]

TRUTH_APPLICANTS = 2_000_000
TRUTH_CHUNK = 100_000
TRUTH_SEED = 20_000


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """All parameters of one simulated hiring process; the defaults are the base case.

    Parameters
    ----------
    name, about
        Short name and one line for a table.
    n_applicants, hired_share
        Applicants, and the share of them hired, 0–1.
    validities
        corr(observed score, performance) of each attribute in the applicant population, before cuts and jumps.
    score_reliability
        Share of an observed score's variance that is the attribute (1 over the score's variance).
    attribute_correlation
        Correlation between the true attributes; between observed scores it is this times `score_reliability`.
    hidden_with_attributes, hidden_with_performance
        Correlations of the hidden information with each true attribute and with performance.
    n_interviewers, severity_sd
        Pool of interviewers, each with a severity of this standard deviation (an attribute has 1).
    halo_share
        Share of the scoring noise that all scores of an applicant have in common.
    score_levels, rating_levels
        Levels of an ordinal score or rating, one standard deviation of the applicants wide; ``None``: continuous.
    jump, jump_at
        What performance gains, in its standard deviations, above this value of the first true attribute.
    decision, decision_weights, hidden_weight
        On what people are hired; weight of each score in their mean, and of the hidden information beside that mean.
    first_stage_share
        Share that goes on after the first attribute; ``None``: everybody is scored on everything.
    recorded
        What the decision leaves behind.
    n_managers, rating_icc, leniency_share
        Pool of raters, ICC(1) of one rating among applicants, and the share of its error that is the rater's leniency.
    same_rater_share
        Above 0 both ratings come from one rater, and this share of their error is common.
    missing_share
        Probability that a hire has no review, whatever the performance.
    leaver_share, leaver_missing
        This share of the hires with the lowest performance loses the review with this probability.
    design
        ``predictive`` (applicants are scored) or ``concurrent`` (only incumbents are).
    """

    name: str
    about: str
    n_applicants: int = 600
    hired_share: float = 0.20
    validities: tuple[float, ...] = (0.40, 0.25, 0.10)
    score_reliability: float = 0.60
    attribute_correlation: float = 0.50
    hidden_with_attributes: float = 0.20
    hidden_with_performance: float = 0.35
    n_interviewers: int = 24
    severity_sd: float = 0.35
    halo_share: float = 0.0
    score_levels: int | None = None
    jump: float = 0.0
    jump_at: float = 0.0
    decision: Decision = "scores"
    decision_weights: tuple[float, ...] = (1.0, 1.0, 1.0)
    hidden_weight: float = 0.0
    first_stage_share: float | None = None
    recorded: Record = "nothing"
    n_managers: int = 40
    rating_icc: float = 0.52
    leniency_share: float = 0.25
    same_rater_share: float = 0.0
    rating_levels: int | None = None
    missing_share: float = 0.10
    leaver_share: float = 0.25
    leaver_missing: float = 0.0
    design: Design = "predictive"

    @property
    def predictors(self) -> tuple[str, ...]:
        """Names of the score columns.

        >>> SCENARIOS["S1"].predictors
        ('attribute_1', 'attribute_2', 'attribute_3')
        """
        return tuple(f"attribute_{place + 1}" for place in range(len(self.validities)))

    @property
    def n_hired(self) -> int:
        """How many are hired.

        >>> SCENARIOS["S1"].n_hired
        120
        """
        return self.n_applicants if self.decision == "everybody" else round(self.hired_share * self.n_applicants)

    @property
    def noise_variance(self) -> float:
        """Variance of the scoring noise: what attribute and severity leave of ``1 / score_reliability``."""
        return 1 / self.score_reliability - 1 - self.severity_sd**2

    @property
    def error_variance(self) -> float:
        """Variance of one rating's error when performance has variance 1: ``(1 − ICC) / ICC``."""
        return (1 - self.rating_icc) / self.rating_icc


BASE = Scenario(name="S1", about="600 applicants, 20 % hired on the mean of 3 scores, 2 raters of ICC1 .52")
HIDDEN = replace(BASE, name="S2", about="hired on scores and information that nobody recorded", hidden_weight=0.90)

_SCENARIOS = (
    BASE,
    HIDDEN,
    replace(BASE, name="S1b", about="the same with 2,000 applicants", n_applicants=2_000),
    replace(HIDDEN, name="S3", about="as S2, decision score recorded", recorded="decision_score"),
    replace(HIDDEN, name="S3b", about="as S2, a 4-level recommendation recorded", recorded="four_levels"),
    replace(BASE, name="S4", about="4-level scores, 5-level ratings", score_levels=4, rating_levels=5),
    replace(BASE, name="S5", about="8 managers rate, half the error is leniency", n_managers=8, leniency_share=0.50),
    replace(
        BASE, name="S6", about="the worst 25 % lose their review with p = .8", missing_share=0, leaver_missing=0.80
    ),
    replace(BASE, name="S7", about="150 applicants", n_applicants=150),
    replace(BASE, name="S8", about="1,500 applicants, 5 % hired", n_applicants=1_500, hired_share=0.05),
    replace(BASE, name="S9", about="attribute 1 predicts nothing", validities=(0.0, 0.25, 0.10)),
    replace(BASE, name="S10", about="60 % of the scoring noise is halo", halo_share=0.60),
    replace(BASE, name="S12", about="performance jumps above a value of attribute 1", jump=0.60, jump_at=1.0),
    replace(BASE, name="S14", about="ratings of ICC1 .30", rating_icc=0.30),
    replace(BASE, name="S15", about="both ratings from one manager", same_rater_share=0.60),
    replace(BASE, name="S16", about="300 applicants", n_applicants=300),
    replace(BASE, name="S17", about="3,000 applicants", n_applicants=3_000),
    replace(
        BASE,
        name="S0",
        about="150 incumbents, nobody selected",
        n_applicants=150,
        decision="everybody",
        design="concurrent",
    ),
    replace(
        BASE,
        name="S11",
        about="1,000 applicants, 40 % pass attribute 1, 12 % hired on the others",
        n_applicants=1_000,
        hired_share=0.12,
        decision_weights=(0.0, 1.0, 1.0),
        first_stage_share=0.40,
    ),
    replace(
        BASE,
        name="S13",
        about="150 incumbents hired on something unrelated",
        n_applicants=750,
        decision="unrelated",
        design="concurrent",
    ),
)

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {scenario.name: scenario for scenario in sorted(_SCENARIOS, key=lambda one: (len(one.name.rstrip("b")), one.name))}
)
"""The scenarios by name, S0 to S17."""


@dataclass(frozen=True)
class SimulatedStudy:
    """What a study of one process receives; persons are invented.

    Attributes
    ----------
    scores
        One row per person (`person_id`), one column per predictor, missing where the stage was not reached.
    ratings
        One row per rating of a reviewed hire: person_id, rater_id, cycle_id, value.
    stages
        Stage number by predictor; ``None`` when all scores are given at one stage.
    decision_score
        What was recorded of the decision, one value per person of `scores`; ``None`` when nothing was.
    hired
        Whether the person was hired, one value per person of `scores`.
    design
        ``predictive`` or ``concurrent``.
    """

    scores: pd.DataFrame
    ratings: pd.DataFrame
    stages: dict[str, int] | None
    decision_score: pd.Series[float] | None
    hired: pd.Series[bool]
    design: Design


@dataclass(frozen=True)
class _Applicants:
    """Arrays over applicants: scores (n × K), hidden information and performance (n)."""

    scores: Array
    hidden: Array
    performance: Array


@dataclass(frozen=True)
class _Selection:
    """Arrays over applicants: what the decision weighed, who went on after stage 1, who was hired."""

    decision: Array
    went_on: Flags
    hired: Flags


def simulate(scenario: Scenario, seed: int) -> SimulatedStudy:
    """One study of a scenario; equal seeds give equal studies.

    Parameters
    ----------
    scenario
        One of `SCENARIOS`, or a variation of one by :func:`dataclasses.replace`.
    seed
        Any whole number of 0 or more. Scenarios that differ only in what is recorded share people and ratings.

    Returns
    -------
    SimulatedStudy
        Frames in the shape that a study takes.

    Examples
    --------
    >>> study = simulate(SCENARIOS["S1"], seed=1)
    >>> study.scores.shape, int(study.hired.sum()), list(study.ratings)
    ((600, 3), 120, ['person_id', 'rater_id', 'cycle_id', 'value'])
    """
    rng = np.random.default_rng(seed)
    applicants = _applicants(scenario, scenario.n_applicants, rng)
    selection = _selection(scenario, applicants, rng)
    reviewed = _reviewed(scenario, applicants.performance, selection.hired, rng)
    ratings = _ratings(scenario, applicants.performance, reviewed, rng)
    measured = selection.hired if scenario.design == "concurrent" else np.ones(scenario.n_applicants, dtype=bool)
    persons = _ids("person", scenario.n_applicants)[measured]
    return SimulatedStudy(
        scores=pd.DataFrame(_seen(scenario, applicants, selection)[measured], persons, list(scenario.predictors)),
        ratings=ratings,
        stages=_stages(scenario),
        decision_score=_record(scenario, selection.decision[measured], persons),
        hired=pd.Series(selection.hired[measured], persons, name="hired"),
        design=scenario.design,
    )


def true_validity(scenario: Scenario) -> pd.Series[float]:
    """corr(score, performance) among 2,000,000 applicants of a scenario, each scored on everything.

    Returns
    -------
    Series
        One value per predictor; Monte-Carlo error .0007. Computed once a process.

    Examples
    --------
    >>> true_validity(SCENARIOS["S1"]).round(2).to_dict()
    {'attribute_1': 0.4, 'attribute_2': 0.25, 'attribute_3': 0.1}
    """
    return pd.Series(_truths(_measurement_of(scenario))[0], list(scenario.predictors), name="true_validity")


def true_validity_where_scored(scenario: Scenario) -> pd.Series[float]:
    """The same among those who reached the stage of the score: another population only behind a hurdle (S11).

    Returns
    -------
    Series
        One value per predictor; equal to :func:`true_validity` for the first stage and without stages.

    Examples
    --------
    >>> true_validity_where_scored(SCENARIOS["S11"]).round(2).to_dict()
    {'attribute_1': 0.4, 'attribute_2': 0.18, 'attribute_3': 0.02}
    """
    return pd.Series(_truths(_measurement_of(scenario))[1], list(scenario.predictors), name="true_validity")


def _measurement_of(scenario: Scenario) -> Scenario:
    """The scenario without what only decides hiring and ratings, so that scenarios of one truth compute it once."""
    return replace(
        BASE,
        validities=scenario.validities,
        score_reliability=scenario.score_reliability,
        attribute_correlation=scenario.attribute_correlation,
        hidden_with_attributes=scenario.hidden_with_attributes,
        hidden_with_performance=scenario.hidden_with_performance,
        n_interviewers=scenario.n_interviewers,
        severity_sd=scenario.severity_sd,
        halo_share=scenario.halo_share,
        score_levels=scenario.score_levels,
        jump=scenario.jump,
        jump_at=scenario.jump_at,
        first_stage_share=scenario.first_stage_share,
    )


@lru_cache(maxsize=64)
def _truths(scenario: Scenario) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Correlations with performance among all applicants, and among the scored; fresh interviewers a chunk."""
    rng = np.random.default_rng(TRUTH_SEED)
    everybody, scored = [], []
    for _ in range(TRUTH_APPLICANTS // TRUTH_CHUNK):
        applicants = _applicants(scenario, TRUTH_CHUNK, rng)
        everybody.append(_sums(applicants.scores, applicants.performance))
        if scenario.first_stage_share is not None:
            went_on = _passed_first_stage(scenario, applicants)
            scored.append(_sums(applicants.scores[went_on], applicants.performance[went_on]))
    truth = _correlations(np.sum(everybody, axis=0))
    after_hurdle = _correlations(np.sum(scored, axis=0)) if scored else truth
    return truth, (truth[0], *after_hurdle[1:])


def _sums(scores: Array, performance: Array) -> Array:
    """Per predictor n, Σx, Σy, Σx², Σxy, Σy² (K × 6)."""
    n, y = np.full(scores.shape[1], float(len(scores))), performance
    both = np.broadcast_to([y.sum(), y @ y], (scores.shape[1], 2))
    return np.column_stack([n, scores.sum(0), both[:, 0], (scores**2).sum(0), scores.T @ y, both[:, 1]])


def _correlations(sums: Array) -> tuple[float, ...]:
    """Pearson's r of every row of sums."""
    n, x, y, xx, xy, yy = sums.T
    r = (xy - x * y / n) / np.sqrt((xx - x * x / n) * (yy - y * y / n))
    return tuple(float(value) for value in r)


def _applicants(scenario: Scenario, n: int, rng: np.random.Generator) -> _Applicants:
    """Step 1 and 2: true attributes, hidden information and performance; scores of them by interviewers."""
    latent = rng.standard_normal((n, len(scenario.validities) + 2)) @ _latent_root(scenario).T
    attributes, hidden, performance = latent[:, :-2], latent[:, -2], latent[:, -1]
    if scenario.jump:
        performance = performance + scenario.jump * (attributes[:, 0] > scenario.jump_at)
    return _Applicants(_scores(scenario, attributes, rng), hidden, performance)


@lru_cache(maxsize=64)
def _latent_root(scenario: Scenario) -> Array:
    """Cholesky root of the correlations of attributes, hidden information and performance, in this order."""
    k = len(scenario.validities)
    correlation = np.full((k + 2, k + 2), scenario.attribute_correlation)
    correlation[k, :] = correlation[:, k] = scenario.hidden_with_attributes
    latent_validity = np.array(scenario.validities) / np.sqrt(scenario.score_reliability)
    correlation[k + 1, :k] = correlation[:k, k + 1] = latent_validity
    correlation[k + 1, k] = correlation[k, k + 1] = scenario.hidden_with_performance
    np.fill_diagonal(correlation, 1.0)
    return np.linalg.cholesky(correlation)


def _scores(scenario: Scenario, attributes: Array, rng: np.random.Generator) -> Array:
    """Attribute + severity of the interviewer drawn for it + noise, part of it common to all scores; then levels."""
    severity = rng.normal(0.0, scenario.severity_sd, scenario.n_interviewers)
    severities = severity[rng.integers(scenario.n_interviewers, size=attributes.shape)]
    own, common = rng.standard_normal(attributes.shape), rng.standard_normal((len(attributes), 1))
    noise = np.sqrt(1 - scenario.halo_share) * own + np.sqrt(scenario.halo_share) * common
    scores = attributes + severities + np.sqrt(scenario.noise_variance) * noise
    return _in_levels(scores, np.sqrt(1 / scenario.score_reliability), scenario.score_levels)


def _in_levels(values: Array, sd: float, levels: int | None) -> Array:
    """Whole numbers 1 … `levels`, each one standard deviation wide around 0; the values themselves without levels.

    >>> _in_levels(np.array([-1.2, -0.2, 0.4, 3.0]), 1.0, 4).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    return values if levels is None else np.clip(np.floor(values / sd + levels / 2) + 1, 1, levels)


def _selection(scenario: Scenario, applicants: _Applicants, rng: np.random.Generator) -> _Selection:
    """Step 3: who goes on and who is hired."""
    n = len(applicants.performance)
    weights = np.array(scenario.decision_weights) / sum(scenario.decision_weights)
    decision = applicants.scores @ weights + scenario.hidden_weight * applicants.hidden
    went_on = _passed_first_stage(scenario, applicants)
    by_lot = rng.random(n)
    considered = by_lot if scenario.decision == "unrelated" else np.where(went_on, decision, -np.inf)
    order = np.lexsort((by_lot, considered))  # ties of ordinal scores are broken by lot
    hired = np.zeros(n, dtype=bool)
    hired[order[n - scenario.n_hired :]] = True
    return _Selection(decision, went_on, hired)


def _passed_first_stage(scenario: Scenario, applicants: _Applicants) -> Flags:
    """The best of attribute 1; everybody when there is one stage."""
    first = applicants.scores[:, 0]
    if scenario.first_stage_share is None:
        return np.ones(len(first), dtype=bool)
    return np.asarray(first >= np.quantile(first, 1 - scenario.first_stage_share))


def _seen(scenario: Scenario, applicants: _Applicants, selection: _Selection) -> Array:
    """Scores as recorded: nothing after a stage that was not passed."""
    if scenario.first_stage_share is None:
        return applicants.scores
    seen = applicants.scores.copy()
    seen[~selection.went_on, 1:] = np.nan
    return seen


def _stages(scenario: Scenario) -> dict[str, int] | None:
    """Attribute 1 is stage 1, the others stage 2, when there is a hurdle."""
    if scenario.first_stage_share is None:
        return None
    return {name: 1 if place == 0 else 2 for place, name in enumerate(scenario.predictors)}


def _record(scenario: Scenario, decision: Array, persons: pd.Index) -> pd.Series[float] | None:
    """What the decision left behind: nothing, the score, or a recommendation in levels."""
    if scenario.recorded == "nothing":
        return None
    if scenario.recorded == "four_levels":
        decision = _in_levels(decision - decision.mean(), float(decision.std()), 4)
    return pd.Series(decision, persons, name="decision_score")


def _reviewed(scenario: Scenario, performance: Array, hired: Flags, rng: np.random.Generator) -> Places:
    """Step 5: places of the hires whose review exists."""
    places = np.flatnonzero(hired)
    draws = rng.random((len(places), 2))
    missing = draws[:, 0] < scenario.missing_share
    low = performance[places] <= np.quantile(performance[places], scenario.leaver_share)
    return places[~missing & ~(low & (draws[:, 1] < scenario.leaver_missing))]


def _ratings(scenario: Scenario, performance: Array, reviewed: Places, rng: np.random.Generator) -> pd.DataFrame:
    """Step 4: two ratings of each reviewed hire, rater's leniency and all."""
    raters = _raters(scenario, len(reviewed), rng)
    leniency = rng.normal(0.0, np.sqrt(scenario.leniency_share * scenario.error_variance), scenario.n_managers)
    values = performance[reviewed, None] + leniency[raters] + _rater_errors(scenario, len(reviewed), rng)
    values = _in_levels(values, np.sqrt(1 / scenario.rating_icc), scenario.rating_levels)
    cycles = np.tile([0, 1] if scenario.same_rater_share else [0, 0], len(reviewed))
    return pd.DataFrame(
        {
            "person_id": _ids("person", scenario.n_applicants)[np.repeat(reviewed, 2)],
            "rater_id": _ids("rater", scenario.n_managers)[raters.ravel()],
            "cycle_id": _ids("cycle", 2)[cycles],
            "value": values.ravel(),
        }
    )


def _raters(scenario: Scenario, n: int, rng: np.random.Generator) -> Places:
    """Two different raters per person (n × 2), or one rater twice."""
    first = rng.integers(scenario.n_managers, size=n)
    other = (first + 1 + rng.integers(scenario.n_managers - 1, size=n)) % scenario.n_managers
    return np.column_stack([first, first if scenario.same_rater_share else other])


def _rater_errors(scenario: Scenario, n: int, rng: np.random.Generator) -> Array:
    """Error of a rating beyond leniency (n × 2), part of it the same in both when they are one rater's."""
    own, common = rng.standard_normal((n, 2)), rng.standard_normal((n, 1))
    shared = max(scenario.same_rater_share - scenario.leniency_share, 0.0)
    rest = 1 - scenario.leniency_share - shared
    return np.asarray(np.sqrt(scenario.error_variance) * (np.sqrt(rest) * own + np.sqrt(shared) * common))


@lru_cache(maxsize=64)
def _ids(kind: str, n: int) -> pd.Index:
    """Invented identifiers, for example ``person-00001``."""
    return pd.Index([f"{kind}-{place + 1:05d}" for place in range(n)], name=f"{kind}_id")
