"""What is really so in the pretend company; for tests and score-keeping, never served."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from ingestion.sandbox import scoring
from ingestion.sandbox.schema import TABLES
from ingestion.sandbox.techniques import FAMILIES, FAMILY_SHARES, TECHNIQUE_INDEX, TECHNIQUES, family_techniques
from ingestion.sandbox.versions import Frame

POPULATION = 200_000


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
