"""What is really so in the pretend company; for tests and score-keeping, never served."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from ingestion.sandbox import hiring, performance, scoring
from ingestion.sandbox.schema import TABLES
from ingestion.sandbox.techniques import (
    FAMILIES,
    FAMILY_SHARES,
    PLANS,
    STAGES,
    TECHNIQUE_INDEX,
    TECHNIQUES,
    family_techniques,
)
from ingestion.sandbox.versions import Array, Frame, Rng

POPULATION = 200_000
DEBRIEF = "debrief"
"""The decision score among the techniques: the mean of the debrief's attributes."""


@lru_cache(maxsize=8)
def operational_validity(severity_sd: float) -> dict[str, dict[str, float]]:
    """Operational validity of every technique, by family and for all: correlation in a population of 200,000 a family.

    The score is the mean recommendation (ranks 1, 2, 4, 5) of a technique's interviewers, as used; the criterion is
    performance free of rater error; the population is everybody who got past the first review.
    """
    result: dict[str, dict[str, float]] = {technique.id: {} for technique in TECHNIQUES}
    for number, family in enumerate(FAMILIES):
        rng = np.random.default_rng([190_283, number])
        performance, _, true = scoring.draw_latents(rng, POPULATION, family, severity_sd)
        shared = rng.normal(size=POPULATION)
        for name in family_techniques(family):
            column = TECHNIQUE_INDEX[name]
            score = scoring.mean_recommendation(rng, TECHNIQUES[column], true[:, column], shared, severity_sd)
            result[name][family] = float(np.corrcoef(score, performance)[0, 1])
    share = dict(zip(FAMILIES, FAMILY_SHARES, strict=True))
    for by_family in result.values():
        weights = [share[family] for family in by_family]
        # Scores and performance have the same mean and spread in every family, so pooling is averaging.
        by_family["all"] = float(np.average(list(by_family.values()), weights=weights))
    return result


@dataclass(frozen=True)
class Funnel:
    """One family's population at the end of its stages.

    Attributes:
        moments: technique (and `debrief`) → people who got to it, as a share of those who got past the first review;
            variance of its score, variance of performance, covariance of the two among them.
        hired: performance of those who were offered a job.
    """

    moments: dict[str, tuple[float, float, float, float]]
    hired: Array


@lru_cache(maxsize=64)
def funnel(family: str, severity_sd: float, hidden_information: str, offer_rate: float) -> Funnel:
    """Take 200,000 people of a family through the stages that the company has."""
    rng = np.random.default_rng([770_213, FAMILIES.index(family)])
    latent, hidden, true = scoring.draw_latents(rng, POPULATION, family, severity_sd)
    shared, known, n_scores = rng.normal(size=POPULATION), np.zeros(POPULATION), 0
    alive, moments = np.arange(POPULATION), {}
    for stage in STAGES:
        for name in PLANS[family].get(stage, ()):
            technique = TECHNIQUES[TECHNIQUE_INDEX[name]]
            column = true[alive, TECHNIQUE_INDEX[name]]
            score = scoring.mean_recommendation(rng, technique, column, shared[alive], severity_sd)
            moments[name] = _moments(score, latent[alive])
            known[alive] += hiring.standardised(score)
            n_scores += 1
        if stage in PLANS[family]:
            score = known[alive] / n_scores
            if stage == "onsite":
                score, written = hiring.judgement(score, hidden[alive], hidden_information)
                moments[DEBRIEF] = _moments(hiring.debrief_ratings(rng, written).mean(axis=1), latent[alive])
            alive = alive[hiring.best_of(rng, score, hiring.stage_share(family, stage, offer_rate))]
    return Funnel(moments, latent[alive])


def _moments(score: Array, criterion: Array) -> tuple[float, float, float, float]:
    cov = np.cov(score, criterion, bias=True)
    return len(score) / POPULATION, float(cov[0, 0]), float(cov[1, 1]), float(cov[0, 1])


def operational_validity_at_stage(
    severity_sd: float, hidden_information: str, offer_rate: float
) -> dict[str, dict[str, float]]:
    """Operational validity among those who reach the stage of a technique, by family and for all.

    The score and the criterion are those of `operational_validity`; the population is the one an estimate speaks for.
    Hurdles before the stage make it more alike, so the figures are lower. `all` is within families, each counting by
    its people at the stage. `debrief` is the decision score, which alone depends on `hidden_information`.

    Args:
        severity_sd, hidden_information: as in `Options`.
        offer_rate: `hiring.offer_rate` of the company's size: how steep the hurdles are.
    """
    result: dict[str, dict[str, float]] = {name: {} for name in (*TECHNIQUE_INDEX, DEBRIEF)}
    sums = {name: np.zeros(3) for name in result}
    for family, family_share in zip(FAMILIES, FAMILY_SHARES, strict=True):
        for name, (reached, *moments) in funnel(family, severity_sd, hidden_information, offer_rate).moments.items():
            result[name][family] = _correlation(np.array(moments))
            sums[name] += family_share * reached * np.array(moments)
    return {name: {**by_family, "all": _correlation(sums[name])} for name, by_family in result.items()}


def _correlation(moments: Array) -> float:
    """From variance, variance, covariance."""
    return float(moments[2] / np.sqrt(moments[0] * moments[1]))


def manager_rating_reliability(
    severity_sd: float, hidden_information: str, offer_rate: float, leniency_sd: float
) -> dict[str, dict[str, float]]:
    """What one manager's rating is worth among hires, by family and for all.

    Returns:
        By kind of rating (`rating` as first given, `calibrated_rating`), then family: correlation of the ratings, as
        categories, of two managers who know nothing of each other.
    """
    result: dict[str, dict[str, float]] = {}
    for kind, left in (("rating", 1.0), ("calibrated_rating", 1 - performance.CALIBRATION_STRENGTH)):
        sums, by_family = np.zeros(3), {}
        for number, (family, share) in enumerate(zip(FAMILIES, FAMILY_SHARES, strict=True)):
            hired = funnel(family, severity_sd, hidden_information, offer_rate).hired
            rng = np.random.default_rng([515_377, number])
            one, two = (_manager_ratings(rng, hired, leniency_sd, left) for _ in range(2))
            moments = np.cov(one, two)[[0, 1, 0], [0, 1, 1]]
            by_family[family] = _correlation(moments)
            sums += share * len(hired) * moments
        result[kind] = {**by_family, "all": _correlation(sums)}
    return result


def _manager_ratings(rng: Rng, hired: Array, leniency_sd: float, left: float) -> Array:
    """Categories given by managers of their own, with this share of their leniency left."""
    dyad_sd, occasion_sd = scoring.rating_error_sd(leniency_sd)
    error_sd = np.sqrt((left * leniency_sd) ** 2 + dyad_sd**2 + occasion_sd**2)
    return scoring.rate_performance(hired + rng.normal(0, error_sd, len(hired)))


def visible(frame: Frame, as_of: pd.Timestamp) -> Frame:
    """Rows of a table as they look at `as_of`."""
    return frame[(frame["valid_from"] <= as_of) & ~(frame["valid_to"] <= as_of)]


def counts(tables: dict[str, Frame], as_of: pd.Timestamp) -> dict[str, int]:
    """Visible rows of every table."""
    return {name: len(visible(frame, as_of)) for name, frame in tables.items()}


def changes(tables: dict[str, Frame], since: pd.Timestamp, until: pd.Timestamp) -> dict[str, dict[str, list[int]]]:
    """Ids created, edited and deleted after `since` and up to `until`, by table (tables without changes left out)."""
    result: dict[str, dict[str, list[int]]] = {}
    for name, frame in tables.items():
        key = TABLES[name].key
        before, after = visible(frame, since), visible(frame, until)
        old, new = set(before[key].tolist()), set(after[key].tolist())
        moved = after[(after["valid_from"] > since) & after[key].isin(old)]
        found = {
            "created": sorted(new - old),
            "edited": sorted(moved[key].tolist()),
            "deleted": sorted(old - new),
        }
        if any(found.values()):
            result[name] = found
    return result


def as_json(value: Any) -> Any:
    """Numpy and pandas scalars as JSON knows them."""
    if isinstance(value, np.generic):
        return as_json(value.item())
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return str(value)
