"""The marts of the warehouse as what a study takes: one job family, or all of them with everything within families."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd

from validity.criterion import criterion_scores
from validity.moments import Array
from validity.sample import SufficientScores

ALL_FAMILIES = "all"
OVERALL = "overall"
DECISION = "__decision__"
"""The decision-time score: an auxiliary of every analysis, never a predictor."""
STRATUM = "__stratum__"
SEPARATOR = "|"
"""Between technique and attribute in the columns of the scores."""
VARIANTS = ("all_raters", "independent_raters")

COLUMNS = {
    "scores": ("person_id", "job_family"),
    "contaminated": ("job_family", "technique", "n_contaminated"),
    "outcomes": ("person_id", "job_family", "is_matured"),
    "ratings": ("person_id", "job_family", "rater_id", "source", "cycle_id", "value", "rater_was_interviewer"),
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
    """What the analysis reads, each a frame with the columns of `COLUMNS`; a job family is never missing.

    Attributes
    ----------
    scores
        One row a hire; beside the key a column `technique|attribute` a score that was given before the decision was
        known, attribute ``overall`` for the technique's own, and ``__decision__|overall`` for the decision-time score.
    contaminated
        Reviewed hires whose score of a technique came or changed after the decision, by job family.
    outcomes
        Every hire of the study, and whether the time to be reviewed has passed.
    ratings, moments, attribute_moments, ranges, bins, hours
        `validity_ratings`, `validity_moments`, `validity_attribute_moments`, `validity_score_ranges`,
        `validity_score_bins`, `validity_interview_hours`.
    """

    scores: pd.DataFrame
    contaminated: pd.DataFrame
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
        """Scores by person, ratings of hires only; whoever may have interviewed the hire counts as one who did."""
        scores = self.scores.set_index("person_id", drop=False).rename_axis(None)
        ratings = self.ratings[self.ratings["person_id"].isin(self.outcomes["person_id"])]
        ratings = ratings.assign(
            value=pd.to_numeric(ratings["value"]).astype(float),
            rater_was_interviewer=ratings["rater_was_interviewer"].astype("boolean").fillna(True).to_numpy(dtype=bool),
        )
        return replace(self, scores=scores, ratings=ratings)

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


class Arguments(TypedDict):
    """Keyword arguments of `validity.study` that the marts decide."""

    scores: SufficientScores
    ratings: pd.DataFrame
    other_ratings: pd.DataFrame
    eligible: pd.Series
    decision_score: str | None
    strata: str | None


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
    def arguments(self) -> Arguments:
        """As keyword arguments of `validity.study`."""
        return {
            "scores": self.scores,
            "ratings": self.ratings,
            "other_ratings": self.other_ratings,
            "eligible": self.eligible,
            "decision_score": DECISION if self.has_decision else None,
            "strata": STRATUM if self.has_strata else None,
        }


def column_of(technique: str, attribute: str = OVERALL) -> str:
    """Column of a score.

    >>> column_of("pair_coding")
    'pair_coding|overall'
    """
    return f"{technique}{SEPARATOR}{attribute}"


def techniques_of(marts: Marts) -> list[str]:
    """Techniques with a clean overall score of at least one hire."""
    return sorted({technique for technique, attribute in _scored(marts) if attribute == OVERALL} - {DECISION})


def attributes_of(marts: Marts, technique: str) -> list[str]:
    """Attributes of a technique that hires were rated on."""
    return sorted(attribute for one, attribute in _scored(marts) if one == technique and attribute != OVERALL)


def _scored(marts: Marts) -> list[tuple[str, str]]:
    """Technique and attribute of every column with a score."""
    names = marts.scores.columns[marts.scores.notna().any(axis=0)].drop(["person_id", "job_family"], errors="ignore")
    return [(technique, attribute) for technique, _, attribute in (str(name).partition(SEPARATOR) for name in names)]


def technique_inputs(marts: Marts, family: str, variant: str) -> StudyInputs:
    """All techniques of a family together."""
    names = sorted(technique for technique, attribute in _scored(marts) if attribute == OVERALL)
    wide = _wide(marts, {column_of(name): name for name in names})
    cells = _technique_cells(marts.moments, names, family)
    return _inputs(marts, family, variant, SufficientScores(wide, cells, _outside(marts)))


def _outside(marts: Marts) -> dict[str, float]:
    """By technique, the share of people not hired who scored where nobody was hired."""
    known = marts.ranges[marts.ranges["outside_share"].notna()]
    return dict(zip(known["technique"].astype(str), known["outside_share"].astype(float), strict=True))


def attribute_inputs(marts: Marts, family: str, technique: str, attribute: str) -> StudyInputs:
    """One attribute with the decision score, all raters.

    Ranges are known of techniques only: how far the rejected scored from the hires is taken from the technique's own
    score, of which the attribute is a part (docs/decisions/attributes-one-at-a-time.md).
    """
    has_decision = (DECISION, OVERALL) in _scored(marts)
    columns = {column_of(technique, attribute): attribute}
    wide = _wide(marts, columns | ({column_of(DECISION): DECISION} if has_decision else {}))
    wide = wide[wide[attribute].notna()]
    is_own = (marts.attribute_moments["technique"] == technique) & (marts.attribute_moments["attribute"] == attribute)
    cells = _attribute_cells(marts.attribute_moments[is_own], has_decision, family)
    outside = _outside(marts).get(technique, np.nan)
    return _inputs(marts, family, VARIANTS[0], SufficientScores(wide, cells, {attribute: outside}))


def _wide(marts: Marts, names: dict[str, str]) -> pd.DataFrame:
    """Scores by person under these names, without people who have none of them."""
    wide = marts.scores[list(names)].rename(columns=names).astype(float)
    return wide[wide.notna().any(axis=1)]


def _inputs(marts: Marts, family: str, variant: str, scores: SufficientScores) -> StudyInputs:
    """The scores with ratings, and with the stratum where they are of all families."""
    has_strata = family == ALL_FAMILIES
    people = marts.outcomes.set_index("person_id")
    if has_strata:
        of_hires = people["job_family"].reindex(scores.hired.index)
        scores = replace(scores, hired=scores.hired.assign(**{STRATUM: of_hires}))
    ratings = marts.ratings
    if variant == "independent_raters":
        ratings = ratings[~ratings["rater_was_interviewer"]]
    ratings = ratings[["person_id", "rater_id", "cycle_id", "value", "source"]]
    is_criterion = ratings["source"] == "criterion"
    return StudyInputs(
        scores=scores,
        ratings=ratings[is_criterion],
        other_ratings=ratings[~is_criterion],
        eligible=people["is_matured"].astype("boolean").fillna(False),
        has_decision=DECISION in scores.hired.columns,
        has_strata=has_strata,
    )


def _technique_cells(moments: pd.DataFrame, columns: list[str], family: str) -> pd.DataFrame:
    """`validity_moments` turned wide: one row per block, pattern (and family)."""
    known = moments[moments["technique_i"].isin(columns) & moments["technique_j"].isin(columns)]
    place = {name: number for number, name in enumerate(columns)}
    keys = ["block", "pattern", *(["job_family"] if family == ALL_FAMILIES else [])]
    i, j = (known[name].map(place).to_numpy() for name in ("technique_i", "technique_j"))
    rows = known[keys].reset_index(drop=True)
    group = np.asarray(rows.groupby(keys, sort=True).ngroup(), dtype=np.int64)
    cells = rows.assign(group=group).drop_duplicates("group").sort_values("group").drop(columns="group")
    cells = cells.reset_index(drop=True)
    made = {"n": _spread(group, len(cells), known["n"])}
    low, high = np.minimum(i, j), np.maximum(i, j)
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


def _total(group: npt.NDArray[np.int64], size: int, values: pd.Series) -> Array:
    return np.asarray(np.bincount(group, weights=values.to_numpy(dtype=float), minlength=size), dtype=np.float64)


def _spread(group: npt.NDArray[np.int64], size: int, values: pd.Series) -> Array:
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


@dataclass(frozen=True)
class WithoutLeniency:
    """Criterion ratings with raters' leniency out, one a hire, how, and how reliable what is left is."""

    ratings: pd.DataFrame
    method: str
    reliability: float


def without_leniency(ratings: pd.DataFrame, reliability: float) -> WithoutLeniency:
    """The criterion without leniency: ``crossed_reml`` or ``eb_leniency``, and its reliability in the relative form.

    Raters are separable from their teams only where they are connected; else the closed form with a prior share, which
    is one end of a bracket whose other end are the ratings as they are (METHODS 2.3). What was taken out was rating
    error, so the people's own variance stays what it was and the reliability rises (METHODS 5); the crossed model
    knows its own.

    Parameters
    ----------
    ratings
        Long: person_id, rater_id, value.
    reliability
        Of hires' mean ratings as they are, leniency in.
    """
    by_rater = ratings.groupby(["person_id", "rater_id"], as_index=False)["value"].mean()
    made = criterion_scores(by_rater["person_id"], by_rater["rater_id"], by_rater["value"])
    value, raw = made.scores["adjusted"], made.scores["raw"]
    frame = pd.DataFrame({"person_id": value.index, "rater_id": "adjusted", "cycle_id": "", "value": value.to_numpy()})
    relative = made.reliability
    if made.method == "eb_leniency":
        relative = reliability * float(raw.var() / value.var()) if value.var() > 0 else np.nan
    return WithoutLeniency(frame, made.method, relative)
