"""The marts of the warehouse as what a study takes: one job family, or all of them with everything within families."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from validity.criterion import criterion_scores
from validity.sample import SufficientScores

ALL_FAMILIES = "all"
FAMILY_NOT_GIVEN = "unknown"
OVERALL = "overall"
UNMAPPED = "unmapped"
"""Interviews that no rule of the taxonomy knows: no technique, in no analysis."""
DEBRIEF = "debrief"
DECISION = "__decision__"
"""The decision-time score: an auxiliary of every analysis, never a predictor."""
STRATUM = "__stratum__"
VARIANTS = ("all_raters", "independent_raters")

COLUMNS = {
    "scores": ("connection_id", "application_id", "job_family", "technique", "attribute", "score", "is_contaminated"),
    "outcomes": ("connection_id", "application_id", "job_family", "is_excluded", "is_matured", "performance_rating_z"),
    "ratings": (
        *("connection_id", "application_id", "job_family", "rater_id", "source", "cycle_id", "value"),
        "rater_was_interviewer",
    ),
    "moments": ("job_family", "block", "pattern", "technique_i", "technique_j", "n", "sum_i", "sum_j", "sum_ij"),
    "attribute_moments": (
        *("job_family", "technique", "attribute", "block", "pattern", "n", "sum_a", "sum_d", "sum_aa", "sum_ad"),
        "sum_dd",
    ),
    "ranges": ("job_family", "technique", "n_hired", "n_not_hired", "outside_share"),
    "bins": (
        *("job_family", "technique", "score_lo", "score_hi", "n_applicants", "n_hired", "n_rated", "sum_rating"),
        "sum_rating_sq",
    ),
    "hours": ("job_family", "technique", "interviewer_hours", "rated_hires_per_year"),
}


class MissingColumnsError(ValueError):
    """A frame lacks columns that an estimator reads."""

    def __init__(self, frame: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"`{frame}`: no column {', '.join(f'`{name}`' for name in missing)}. Nothing was estimated. "
            f"Build the mart again (`dbt build --select {frame}`) or mend its contract."
        )


@dataclass(frozen=True)
class Marts:
    """What the analysis reads, each a frame with the columns of `COLUMNS`.

    Attributes
    ----------
    scores
        Rows of `fct_predictor_scores` about hires.
    outcomes
        `fct_hire_outcomes`.
    ratings, moments, attribute_moments, ranges, bins, hours
        `validity_ratings`, `validity_moments`, `validity_attribute_moments`, `validity_score_ranges`,
        `validity_score_bins`, `validity_interview_hours`.
    """

    scores: pd.DataFrame
    outcomes: pd.DataFrame
    ratings: pd.DataFrame
    moments: pd.DataFrame
    attribute_moments: pd.DataFrame
    ranges: pd.DataFrame
    bins: pd.DataFrame
    hours: pd.DataFrame

    def __post_init__(self) -> None:
        for part in fields(self):
            frame = getattr(self, part.name)
            missing = [column for column in COLUMNS[part.name] if column not in frame.columns]
            if missing:
                raise MissingColumnsError(part.name, missing)

    def prepared(self) -> Marts:
        """People keyed, excluded hires out, families named; done once for all families."""
        outcomes = _keyed(self.outcomes)
        outcomes = outcomes[~outcomes["is_excluded"].astype("boolean").fillna(False).to_numpy(dtype=bool)]
        scores = _keyed(self.scores)
        scores = scores[scores["person_id"].isin(outcomes["person_id"]) & (scores["technique"] != UNMAPPED)]
        decision = (scores["technique"] == DEBRIEF).to_numpy()
        scores = scores.assign(
            attribute=scores["attribute"].where(~decision, OVERALL).astype(object),
            technique=scores["technique"].where(~decision, DECISION).astype(object),
            score=pd.to_numeric(scores["score"]).astype(float),
            is_contaminated=scores["is_contaminated"].astype("boolean").fillna(False).to_numpy(dtype=bool),
        )
        ratings = _keyed(self.ratings)
        ratings = ratings[ratings["person_id"].isin(outcomes["person_id"])]
        ratings = ratings.assign(
            value=pd.to_numeric(ratings["value"]).astype(float),
            rater_was_interviewer=ratings["rater_was_interviewer"].astype("boolean").fillna(True).to_numpy(dtype=bool),
        )
        rest = {
            name: _named(getattr(self, name)) for name in ("moments", "attribute_moments", "ranges", "bins", "hours")
        }
        return Marts(scores, outcomes, ratings, **rest)

    def families(self) -> list[str]:
        """Job families in which a hire was scored, by name."""
        return sorted({str(name) for name in self.scores["job_family"]})

    def of(self, family: str) -> Marts:
        """The part about one family; everything for `all`, ranges, bins and hours as counted over all."""

        def mine(frame: pd.DataFrame, has_total: bool) -> pd.DataFrame:
            if family == ALL_FAMILIES and not has_total:
                return frame
            return frame[frame["job_family"] == family]

        with_total = {"ranges", "bins", "hours"}
        return replace(
            self, **{part.name: mine(getattr(self, part.name), part.name in with_total) for part in fields(self)}
        )


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(job_family=frame["job_family"].astype(object).fillna(FAMILY_NOT_GIVEN))


def _keyed(frame: pd.DataFrame) -> pd.DataFrame:
    key = frame["connection_id"].astype(str).astype(object) + "|" + frame["application_id"].astype(str).astype(object)
    return _named(frame).assign(person_id=key)


@dataclass(frozen=True)
class StudyInputs:
    """Arguments of one study.

    Attributes
    ----------
    scores
        Hires as rows, others as sums; the last columns are the decision score and the stratum, where there are such.
    ratings, other_ratings
        Long, by source.
    eligible
        Hires whose window has passed.
    has_decision, has_strata
        Whether those columns are there.
    """

    scores: SufficientScores
    ratings: pd.DataFrame
    other_ratings: pd.DataFrame
    eligible: pd.Series
    has_decision: bool
    has_strata: bool

    @property
    def arguments(self) -> dict[str, object]:
        """As keyword arguments of `validity.study`."""
        return {
            "scores": self.scores,
            "ratings": self.ratings,
            "other_ratings": self.other_ratings,
            "eligible": self.eligible,
            "decision_score": DECISION if self.has_decision else None,
            "strata": STRATUM if self.has_strata else None,
        }


def techniques_of(marts: Marts) -> list[str]:
    """Techniques with a clean overall score of at least one hire."""
    rows = _clean(marts.scores)
    found = set(rows.loc[rows["attribute"] == OVERALL, "technique"]) - {DECISION}
    return sorted(str(name) for name in found)


def attributes_of(marts: Marts, technique: str) -> list[str]:
    """Attributes of a technique that hires were rated on."""
    rows = _clean(marts.scores)
    found = set(rows.loc[rows["technique"] == technique, "attribute"]) - {OVERALL, "attribute_mean"}
    return sorted(str(name) for name in found)


def technique_inputs(marts: Marts, family: str, variant: str) -> StudyInputs:
    """All techniques of a family together."""
    rows = _clean(marts.scores)
    wide = rows[rows["attribute"] == OVERALL].pivot_table(index="person_id", columns="technique", values="score")
    wide = wide.reindex(columns=sorted(wide.columns)).rename_axis(columns=None)
    has_decision = DECISION in wide.columns
    cells = _technique_cells(marts.moments, list(wide.columns), family)
    outside = {
        row.technique: float(row.outside_share) for row in marts.ranges.itertuples() if not pd.isna(row.outside_share)
    }
    return _inputs(marts, family, variant, wide, cells, outside, has_decision)


def attribute_inputs(marts: Marts, family: str, technique: str, attribute: str) -> StudyInputs:
    """One attribute with the decision score, all raters."""
    rows = _clean(marts.scores)
    own = rows[(rows["technique"] == technique) & (rows["attribute"] == attribute)]
    wide = pd.DataFrame({attribute: own.groupby("person_id")["score"].mean()})
    decision = rows[rows["technique"] == DECISION].groupby("person_id")["score"].mean()
    has_decision = len(decision) > 0
    if has_decision:
        wide[DECISION] = decision.reindex(wide.index)
    is_own = (marts.attribute_moments["technique"] == technique) & (marts.attribute_moments["attribute"] == attribute)
    cells = _attribute_cells(marts.attribute_moments[is_own], has_decision, family)
    return _inputs(marts, family, VARIANTS[0], wide, cells, {}, has_decision)


def _clean(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores given before the decision was known; the others are counted, never used."""
    return scores[~scores["is_contaminated"] & scores["score"].notna()]


def _inputs(
    marts: Marts,
    family: str,
    variant: str,
    wide: pd.DataFrame,
    cells: pd.DataFrame,
    outside: dict[str, float],
    has_decision: bool,
) -> StudyInputs:
    has_strata = family == ALL_FAMILIES
    if has_strata:
        wide = wide.assign(**{STRATUM: marts.outcomes.set_index("person_id")["job_family"].reindex(wide.index)})
    ratings = marts.ratings
    if variant == "independent_raters":
        ratings = ratings[~ratings["rater_was_interviewer"]]
    ratings = ratings[["person_id", "rater_id", "cycle_id", "value", "source"]]
    is_criterion = ratings["source"] == "criterion"
    due = marts.outcomes.set_index("person_id")["is_matured"].astype("boolean").fillna(False)
    return StudyInputs(
        SufficientScores(wide, cells, outside),
        ratings[is_criterion],
        ratings[~is_criterion],
        due,
        has_decision,
        has_strata,
    )


def _technique_cells(moments: pd.DataFrame, columns: list[str], family: str) -> pd.DataFrame:
    """`validity_moments` turned wide: one row per block, pattern (and family)."""
    known = moments[moments["technique_i"].isin(columns) & moments["technique_j"].isin(columns)]
    place = {name: number for number, name in enumerate(columns)}
    keys = ["block", "pattern", *(["job_family"] if family == ALL_FAMILIES else [])]
    i, j = known["technique_i"].map(place), known["technique_j"].map(place)
    rows = known[keys].reset_index(drop=True)
    group = rows.groupby(keys, sort=True).ngroup().to_numpy()
    cells = rows.assign(group=group).drop_duplicates("group").sort_values("group").drop(columns="group")
    cells = cells.reset_index(drop=True)
    made = {"n": _spread(group, len(cells), known["n"])}
    low, high = np.minimum(i, j).to_numpy(), np.maximum(i, j).to_numpy()
    for a in range(len(columns)):
        for b in range(a, len(columns)):
            here = (low == a) & (high == b)
            made[f"product_{a}_{b}"] = _total(group[here], len(cells), known["sum_ij"][here])
            if a == b:
                made[f"sum_{a}"] = _total(group[here], len(cells), known["sum_i"][here])
    patterns = {text: _bits(text, place) for text in cells["pattern"].unique()}
    cells = cells.assign(pattern=cells["pattern"].map(patterns), **made)
    return cells.rename(columns={"job_family": "stratum"})


def _bits(pattern: str, place: dict[str, int]) -> str:
    """`a|c` among columns a, b, c as `101`."""
    given = set(str(pattern).split("|"))
    return "".join("1" if name in given else "0" for name in place)


def _total(group: np.ndarray, size: int, values: pd.Series) -> np.ndarray:
    return np.bincount(group, weights=values.to_numpy(dtype=float), minlength=size)


def _spread(group: np.ndarray, size: int, values: pd.Series) -> np.ndarray:
    """The value that all rows of a group share."""
    made = np.zeros(size)
    made[group] = values.to_numpy(dtype=float)
    return made


def _attribute_cells(moments: pd.DataFrame, has_decision: bool, family: str) -> pd.DataFrame:
    renamed = {"sum_a": "sum_0", "sum_aa": "product_0_0"}
    if has_decision:
        renamed |= {"sum_d": "sum_1", "sum_ad": "product_0_1", "sum_dd": "product_1_1"}
    pattern = moments["pattern"].astype(str).map({"1": "10", "11": "11"} if has_decision else {"1": "1", "11": "1"})
    cells = moments.assign(pattern=pattern).rename(columns=renamed)
    cells = cells[["block", "pattern", "n", *renamed.values(), "job_family"]]
    return (
        cells.rename(columns={"job_family": "stratum"}) if family == ALL_FAMILIES else cells.drop(columns="job_family")
    )


def without_leniency(ratings: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Criterion ratings with raters' leniency out, one a hire, and how: ``crossed_reml`` or ``eb_leniency``.

    Raters are separable from their teams only where they are connected; else the closed form with a prior share, which
    is one end of a bracket whose other end are the ratings as they are (METHODS 2.3).
    """
    by_rater = ratings.groupby(["person_id", "rater_id"], as_index=False)["value"].mean()
    made = criterion_scores(by_rater["person_id"], by_rater["rater_id"], by_rater["value"])
    value = made.scores["adjusted"]
    frame = pd.DataFrame({"person_id": value.index, "rater_id": "adjusted", "cycle_id": "", "value": value.to_numpy()})
    return frame, made.method
