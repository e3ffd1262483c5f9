"""What the estimators observe: the frames of `marts_validity`, checked once, handed to every rung."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

PAIR_COLUMNS = (
    "connection_id",
    "application_id",
    "job_family",
    "technique",
    "score",
    "performance_rating_z",
    "interviewer_id",
    "rater_was_interviewer",
    "is_contaminated",
)
SCORE_COLUMNS = ("connection_id", "application_id", "job_family", "technique", "attribute", "score", "is_hired")
OUTCOME_COLUMNS = ("connection_id", "application_id", "job_family", "performance_rating_z")
COVERAGE_COLUMNS = ("job_family", "step_order", "step", "n")

ALL_FAMILIES = "all"
FAMILY_NOT_GIVEN = "unknown"
OVERALL = "overall"
UNMAPPED = "unmapped"
"""Interviews that no rule of the taxonomy knows: estimated for completeness, no technique, in no verdict."""


class MissingColumnsError(ValueError):
    """A frame lacks columns that an estimator reads."""

    def __init__(self, frame: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"`{frame}`: no column {', '.join(f'`{name}`' for name in missing)}. Nothing was estimated. "
            f"Build the mart again (`dbt build --select {frame}`) or mend its contract."
        )


@dataclass(frozen=True)
class Observations:
    """Everything a rung may read.

    Attributes
    ----------
    pairs
        One row per hire × technique: score and performance rating of a reviewed hire.
    predictor_scores
        One row per application × technique × attribute, hired or not: what corrections for selection need.
    outcomes
        One row per hire spell.
    coverage
        The waterfall hired → … → independent rater, per job family.
    as_of
        State of the data, aware UTC time.
    """

    pairs: pd.DataFrame
    predictor_scores: pd.DataFrame
    outcomes: pd.DataFrame
    coverage: pd.DataFrame
    as_of: datetime

    @classmethod
    def from_marts(
        cls,
        pairs: pd.DataFrame,
        predictor_scores: pd.DataFrame,
        outcomes: pd.DataFrame,
        coverage: pd.DataFrame,
        as_of: datetime,
    ) -> Observations:
        """Check the columns and fill the flags: an unknown rater counts as one who interviewed the hire."""
        _require("validity_pairs", pairs, PAIR_COLUMNS)
        _require("fct_predictor_scores", predictor_scores, SCORE_COLUMNS)
        _require("fct_hire_outcomes", outcomes, OUTCOME_COLUMNS)
        _require("validity_coverage", coverage, COVERAGE_COLUMNS)
        pairs = _named_family(pairs).assign(
            score=pd.to_numeric(pairs["score"]).astype(float),
            performance_rating_z=pd.to_numeric(pairs["performance_rating_z"]).astype(float),
            rater_was_interviewer=_flag(pairs["rater_was_interviewer"], unknown=True),
            is_contaminated=_flag(pairs["is_contaminated"], unknown=False),
            cluster=_cluster(pairs),
        )
        return cls(pairs, _named_family(predictor_scores), _named_family(outcomes), coverage, as_of)

    def cells(self) -> list[tuple[str, str]]:
        """Every (technique, job family) in which somebody was scored, ``all`` families first."""
        overall = self.predictor_scores["attribute"] == OVERALL
        scored = pd.concat(
            [
                frame[["technique", "job_family"]].drop_duplicates()
                for frame in (self.predictor_scores[overall], self.pairs)
            ]
        )
        cells = {(technique, ALL_FAMILIES) for technique in scored["technique"]}
        cells |= set(scored.itertuples(index=False, name=None))
        return sorted(cells, key=lambda cell: (cell[0], cell[1] != ALL_FAMILIES, cell[1]))

    def of(self, technique: str, job_family: str) -> Observations:
        """The part about one technique in one job family (or ``all``); outcomes and coverage by family only."""

        def in_family(frame: pd.DataFrame) -> pd.DataFrame:
            return frame if job_family == ALL_FAMILIES else frame[frame["job_family"] == job_family]

        pairs, scores = in_family(self.pairs), in_family(self.predictor_scores)
        return replace(
            self,
            pairs=pairs[pairs["technique"] == technique],
            predictor_scores=scores[scores["technique"] == technique],
            outcomes=in_family(self.outcomes),
            coverage=self.coverage[self.coverage["job_family"] == job_family],
        )

    def with_independent_raters(self) -> Observations:
        """Without hires whose performance was rated by somebody who had interviewed them."""
        return replace(self, pairs=self.pairs[~self.pairs["rater_was_interviewer"]])


def _require(name: str, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise MissingColumnsError(name, missing)


def _named_family(frame: pd.DataFrame) -> pd.DataFrame:
    """Family and technique as categories: every cell filters on them, and numbers compare faster than texts."""
    family = frame["job_family"].astype(object).fillna(FAMILY_NOT_GIVEN).astype("category")
    named = frame.assign(job_family=family)
    return named.assign(technique=frame["technique"].astype("category")) if "technique" in frame else named


def _flag(column: pd.Series, *, unknown: bool) -> pd.Series:
    return column.astype("boolean").fillna(unknown).astype(bool)


def _cluster(pairs: pd.DataFrame) -> pd.Series:
    """The interviewer who gave the score; a panel's mean is its own cluster, for nobody shares all its errors."""
    one_interviewer = pairs["interviewer_id"].notna()
    who = np.where(one_interviewer, pairs["interviewer_id"].astype(object), pairs["application_id"].astype(object))
    kind = np.where(one_interviewer, "interviewer", "panel")
    keys = [f"{k}|{c}|{w}" for k, c, w in zip(kind, pairs["connection_id"], who, strict=True)]
    return pd.Series(keys, index=pairs.index, dtype=object)
