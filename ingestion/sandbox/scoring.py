"""The measurement model: what people are, what interviewers write down, how ratings of performance come about.

Follows the simulation study: multivariate normal latents (true score of each technique, hidden information,
performance), scores with interviewer severity, spread and halo, ordinal categories; performance ratings with
leniency and error.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ingestion.sandbox.techniques import TECHNIQUES, Technique, target_validity
from ingestion.sandbox.versions import Array, Rng

CROSS_TECHNIQUE_R = 0.30
HIDDEN_WITH_SCORES = 0.20
HIDDEN_WITH_PERFORMANCE = 0.35

# Impressions cut to what Greenhouse offers; interviewers say yes more often than no.
RECOMMENDATION_CUTS = (-1.25, -0.15, 1.05)
RECOMMENDATIONS = np.array(["strong_no", "no", "yes", "strong_yes"], dtype=object)
RECOMMENDATION_RANKS = np.array([1, 2, 4, 5])
ATTRIBUTE_CUTS = (-1.6, -0.7, 0.1, 1.2)
ATTRIBUTE_RATINGS = np.array(["definitely_not", "no", "mixed", "yes", "strong_yes"], dtype=object)

SPREAD_SD = 0.12
# Share of a card's attribute rating that is the general impression rather than the attribute.
HALO_RANGE = (0.55, 0.85)
# Share of error variance an applicant carries from interview to interview (charm, a bad day).
SHARED_ERROR = 0.10
ATTRIBUTE_TRUE_SHARE = 0.6

# Reliability of one manager rating among applicants (ICC1), and how its error splits.
MANAGER_ICC = 0.52
DYAD_ERROR_SHARE = 0.25
# Centre and spread of the rating scale: hires are better than applicants, so the labels sit higher.
RATING_CENTRE, RATING_SPREAD = 0.65, 1.30
RATING_CUTS = tuple(RATING_CENTRE + RATING_SPREAD * cut for cut in (-1.85, -1.0, 0.35, 1.4))


def impressions(true: Array, technique_reliability: Array | float, shared: Array, severity: Array, spread: Array,
                noise: Array) -> Array:  # fmt: skip
    """What interviewers think, before any form: standardised true score, error, severity, spread."""
    rel = np.asarray(technique_reliability)
    error = np.sqrt(SHARED_ERROR) * shared + np.sqrt(1 - SHARED_ERROR) * noise
    seen: Array = spread * (np.sqrt(rel) * true + np.sqrt(1 - rel) * error) + severity
    return seen


def recommend(impression: Array) -> Array:
    """Category 0 … 3 of the four-level recommendation."""
    return np.digitize(impression, RECOMMENDATION_CUTS)


def rate_attribute(impression: Array, true: Array, halo: Array, noise: Array) -> Array:
    """Category 0 … 4 of one attribute: part general impression (halo), part the attribute itself."""
    own = np.sqrt(ATTRIBUTE_TRUE_SHARE) * true + np.sqrt(1 - ATTRIBUTE_TRUE_SHARE) * noise
    rated: Array = np.digitize(halo * impression + np.sqrt(1 - halo**2) * own, ATTRIBUTE_CUTS)
    return rated


def mean_recommendation(rng: Rng, technique: Technique, true: Array, shared: Array, severity_sd: float) -> Array:
    """Mean rank of a technique's recommendations for many people, each seen by interviewers of their own."""
    ranks = np.zeros((2, len(true)))
    for rater in range(2):
        severity = rng.normal(0, severity_sd, len(true))
        spread = np.exp(rng.normal(0, SPREAD_SD, len(true)))
        seen = impressions(true, technique.reliability, shared, severity, spread, rng.normal(size=len(true)))
        ranks[rater] = RECOMMENDATION_RANKS[recommend(seen)]
    paired = rng.random(len(true)) < technique.pair_share
    result: Array = np.where(paired, ranks.mean(axis=0), ranks[0])
    return result


@lru_cache(maxsize=64)
def score_quality(position: int, severity_sd: float) -> float:
    """Correlation of a technique's used score with the true score behind it (measured once, fixed seed)."""
    rng = np.random.default_rng([20_260, position])
    true = rng.normal(size=100_000)
    score = mean_recommendation(rng, TECHNIQUES[position], true, rng.normal(size=len(true)), severity_sd)
    return float(np.corrcoef(score, true)[0, 1])


@lru_cache(maxsize=64)
def latent_root(family: str, severity_sd: float) -> Array:
    """Cholesky root of the latents' correlations: performance, hidden information, one true score a technique.

    True-score validities are set so that the score as used has the technique's operational validity.

    Raises:
        ValueError: the validities asked for cannot hold together.
    """
    k = len(TECHNIQUES)
    matrix = np.full((k + 2, k + 2), CROSS_TECHNIQUE_R)
    np.fill_diagonal(matrix, 1.0)
    matrix[1, 2:] = matrix[2:, 1] = HIDDEN_WITH_SCORES
    matrix[0, 1] = matrix[1, 0] = HIDDEN_WITH_PERFORMANCE
    for position, technique in enumerate(TECHNIQUES):
        r = target_validity(technique, family) / score_quality(position, severity_sd)
        matrix[0, position + 2] = matrix[position + 2, 0] = r
    if np.linalg.eigvalsh(matrix)[0] <= 0:
        raise ValueError(
            f"validities of `{family}` contradict each other: their correlation matrix is not positive definite"
        )
    root: Array = np.linalg.cholesky(matrix)
    return root


def draw_latents(rng: Rng, n: int, family: str, severity_sd: float) -> tuple[Array, Array, Array]:
    """Performance (n), hidden information (n) and true scores (n × techniques) of `n` applicants of a family."""
    drawn = rng.normal(size=(n, len(TECHNIQUES) + 2)) @ latent_root(family, severity_sd).T
    return drawn[:, 0], drawn[:, 1], drawn[:, 2:]


def rating_error_sd(leniency_sd: float) -> tuple[float, float]:
    """Standard deviations of the stable manager-person error and of the error of one occasion."""
    left = max((1 - MANAGER_ICC) / MANAGER_ICC - leniency_sd**2, 0.05)
    return float(np.sqrt(left * DYAD_ERROR_SHARE)), float(np.sqrt(left * (1 - DYAD_ERROR_SHARE)))


def rate_performance(latent: Array) -> Array:
    """Category 1 … 5 on the review scale."""
    return np.digitize(latent, RATING_CUTS) + 1.0
