"""The result tables of schema `validity`: their columns in words, and rows brought to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from validity.analysis import Results

Columns = dict[str, tuple[str, str]]

_KEYS: Columns = {
    "technique": ("varchar", "Interview technique of the taxonomy."),
    "job_family": ("varchar", "Job family, or all: all families together, everything within families."),
}
_VARIANT: Columns = {
    "variant": (
        "varchar",
        "all_raters, or independent_raters: without ratings by people who may have interviewed the hire.",
    ),
}
_CRITERION: Columns = {"criterion": ("varchar", "Performance measure the score is compared with.")}
_INTERVAL: Columns = {
    "value": ("double", "The number; null unless status is ok or low_n."),
    "lo": ("double", "Lower limit of its interval."),
    "hi": ("double", "Upper limit of its interval."),
}
_STATUS: Columns = {
    "status": ("varchar", "ok, low_n, not_estimable, suppressed or stale."),
    "reason": ("varchar", "Why the status is not ok, or what to know about an ok one."),
}
_LINEAGE: Columns = {
    "as_of": ("timestamp with time zone", "State of the data."),
    "definition_version": ("varchar", "Version of the definition behind the number."),
    "lineage_id": ("varchar", "Inputs behind the row: loads, models, code and seed; see validity_lineage."),
    "code_version": ("varchar", "Version of the package and digest of its statistics."),
    "manifest_hash": ("varchar", "Digest of the SQL of all models."),
    "seed": ("bigint", "Seed of the bootstrap; with the same lineage it gives the same digits."),
}


@dataclass(frozen=True)
class TableSpec:
    """A result table: what one row is, and its columns with type and meaning."""

    meaning: str
    columns: Columns


TABLES: dict[str, TableSpec] = {
    "validity_estimates": TableSpec(
        "One row per technique, job family, attribute, criterion, variant and rung: how well the score predicts "
        "performance. A corrected rung never stands without rung 1.",
        {
            **_KEYS,
            "attribute": ("varchar", "overall for the technique, else one attribute of its scorecard."),
            **_CRITERION,
            **_VARIANT,
            "rung": ("bigint", "1 observed, 2 free of rating error, 3 free of selection too, 4 partially pooled."),
            "metric": ("varchar", "r_obs, r_crit, r_rr or r_pooled, by rung."),
            **_INTERVAL,
            "level": ("double", "Confidence level of the interval, 0–1."),
            "n": ("bigint", "Reviewed hires with a clean score."),
            "n_applicants": (
                "bigint",
                "Applicants who reached the stage where the score is given, in job families that use the technique.",
            ),
            "method": ("varchar", "How the value and its interval were made."),
            **_STATUS,
            "p_value": ("double", "Rung 3: two-sided p of no validity."),
            "q_value": ("double", "Rung 3: p after Benjamini & Hochberg (1995) within job family and variant."),
            "probability_positive": ("double", "Rung 4: probability that the validity is above 0."),
            "lo_rater_aware": ("double", "Rung 3: lower limit when raters are resampled too; with 5 to 24 of them."),
            "hi_rater_aware": ("double", "Rung 3: upper limit when raters are resampled too."),
            "literature_value": ("double", "Mean operational validity over many firms; a reference, no target."),
            "literature_lo": ("double", "Below it lie 10 % of firms."),
            "literature_hi": ("double", "Above it lie 10 % of firms."),
            "literature_source": ("varchar", "Procedure and source of the reference."),
            "mdv": ("double", "Minimum detectable validity: the smallest observed correlation n shows at 80 % power."),
            "n_contaminated": ("bigint", "Reviewed hires left out: their score came or changed after the decision."),
            "n_same_rater": (
                "bigint",
                "Reviewed hires rated by somebody who had interviewed them, or may have.",
            ),
            "verdict": ("varchar", "supported, promising, inconclusive, contradicted or not estimable; one rule."),
            "verdict_sentence": (
                "varchar",
                "The verdict as a sentence with its numbers, with few raters also their limits.",
            ),
        },
    ),
    "validity_reliability": TableSpec(
        "One row per job family, criterion and variant: how much of the performance rating another rater would repeat.",
        {
            "job_family": _KEYS["job_family"],
            **_CRITERION,
            **_VARIANT,
            "method": ("varchar", "g_q_k, between_rater_covariance, or stated: not estimated here."),
            **_INTERVAL,
            "n_pairs": ("bigint", "Hires with two opinions."),
            "n_raters": ("bigint", "Distinct people who rated."),
            **_STATUS,
        },
    ),
    "validity_diagnostics": TableSpec(
        "One row per technique, job family and variant: what the correction for selection rests on.",
        {
            **_KEYS,
            **_VARIANT,
            "stage": ("double", "Stage of the funnel, 1 first."),
            "n_applicants": ("bigint", "Applicants who reached the stage, in job families that use the technique."),
            "n_scored": ("bigint", "Of those, with a clean score."),
            "n_hired": ("bigint", "Of those, hired."),
            "n_rated": ("bigint", "Of those, reviewed and with a clean score."),
            "u": ("double", "Standard deviation of the score among reviewed hires over that among applicants."),
            "selection_ratio": ("double", "Hired over applicants who reached the stage."),
            "hiring_r2": ("double", "Share of the latent hiring decision that the recorded scores explain."),
            "extrapolation_share": ("double", "Share of the rejected whose score lies outside the range of the hired."),
            "unrecorded_share": ("double", "Share of those who reached the stage without any score of it."),
            "effective_n": ("double", "Pairs of unselected people that would be as precise."),
            "undefined_share": ("double", "Share of bootstrap resamples without a value."),
            "leave_one_out_lo": ("double", "Lowest observed correlation when one hire is left out."),
            "leave_one_out_hi": ("double", "Highest observed correlation when one hire is left out."),
            "p_quadratic": ("double", "p of a bend among hires; cannot see a bend where nobody was hired."),
            "p_heteroscedastic": ("double", "p of uneven residual variance among hires."),
            "r_missing_review": ("double", "Correlation of the score with a missing review, among hires who were due."),
            "p_missing_review": ("double", "p of no such relation: score test of a logistic regression."),
        },
    ),
    "validity_sensitivity": TableSpec(
        "One row per technique, job family, kind and setting: the validity under other assumptions. In the row of "
        "tipping_rho the setting is the smallest ρ at which the interval of rung 3 meets 0 (null: none up to .50).",
        {
            **_KEYS,
            "kind": (
                "varchar",
                "hidden_information, union, tipping_rho, rejected_worse_by, reliability_rung_2, leniency_removed_…, "
                "worst_case or monotone_selection.",
            ),
            "setting": ("double", "ρ of unrecorded information, δ in residual SDs, or the reliability; null: none."),
            **_INTERVAL,
            "value": ("double", "Validity under that assumption, of an estimate that is shown; 0 beside tipping_rho."),
        },
    ),
    "validity_incremental": TableSpec(
        "One row per technique and job family: what it adds to the others, and the interviewer hours it takes. All "
        "numbers are about the techniques of status ok together: corrected for selection, every pair seen together.",
        {
            **_KEYS,
            "r2_all": ("double", "Share of performance that the techniques together explain here; chance adds to it."),
            "r2_adjusted": ("double", "r2_all without what chance adds (Ezekiel 1930); may lie below 0."),
            "r2_cross_validated": ("double", "Share that these weights would explain in new data (Browne 1975)."),
            "delta_r2": (
                "double",
                "What r2_all would lose if only this technique were dropped; never below 0, also of a technique that "
                "adds nothing, so a lower limit above 0 does not show that it adds.",
            ),
            "delta_r2_lo": ("double", "Lower limit."),
            "delta_r2_hi": ("double", "Upper limit."),
            "relative_weight": ("double", "Its part of r2_all (Johnson 2000)."),
            "relative_weight_lo": ("double", "Lower limit."),
            "relative_weight_hi": ("double", "Upper limit."),
            "general_dominance": ("double", "Its part of r2_all, average over all orders (Budescu 1993)."),
            "beta": ("double", "Standardised regression weight."),
            "vif": ("double", "Variance inflation by the other techniques."),
            "interview_hours_per_year": ("double", "Interviewer hours of the last 12 months."),
            "hours_share": ("double", "Its share of the hours of all techniques, 0–1."),
            "n": ("bigint", "Reviewed hires with a clean score."),
            **_STATUS,
        },
    ),
    "validity_power": TableSpec(
        "One row per technique and job family: how precise the answer is and when it will be precise enough.",
        {
            **_KEYS,
            "n": ("bigint", "Reviewed hires with a clean score."),
            "hires_per_year": ("double", "Reviewed hires of the last 12 months with a score of the technique."),
            "half_width": ("double", "Half the interval of rung 3, else of rung 1."),
            "target_half_width": ("double", "Half-width held to be narrow enough."),
            "n_needed": ("bigint", "Reviewed hires at which it is reached."),
            "precision_on": ("date", "Day by which it is reached at the present hiring rate."),
            "mdv_observed": ("double", "Smallest observed correlation found with 80 % probability."),
            "mdv_operational": ("double", "Smallest operational validity found with 80 % probability."),
            **_STATUS,
        },
    ),
    "validity_expectancy": TableSpec(
        "One row per technique, job family, kind and third of the score: share of hires rated above the average of "
        "their colleagues (observed), share expected to do better than the middle applicant (expected).",
        {
            **_KEYS,
            "kind": ("varchar", "observed among reviewed hires, or expected among applicants from rung 4."),
            "third": ("bigint", "1 lowest, 2, 3 top."),
            "share_good": ("double", "Share of good performers, 0–1."),
            "lo": ("double", "Lower limit."),
            "hi": ("double", "Upper limit."),
            "base_rate": ("double", "Share of good performers over all thirds."),
            "n": ("bigint", "Reviewed hires behind it."),
            **_STATUS,
        },
    ),
    "validity_scatter": TableSpec(
        "One row per technique, job family and score bin: mean rating by score, and where nobody was hired.",
        {
            **_KEYS,
            "score_lo": ("double", "Lower end of the bin."),
            "score_hi": ("double", "Upper end of the bin."),
            "n_applicants": ("bigint", "Decided applicants who scored there."),
            "n_hired": ("bigint", "Of those, hired; 0 is the region of which nobody knows."),
            "n_rated": ("bigint", "Of those, reviewed."),
            "mean_rating": ("double", "Mean performance rating (z)."),
            "lo": ("double", "Lower limit."),
            "hi": ("double", "Upper limit."),
            **_STATUS,
        },
    ),
    "validity_warnings": TableSpec(
        "One row per job family and sentence: what every reader of its numbers must know.",
        {"job_family": _KEYS["job_family"], "sentence": ("varchar", "The sentence.")},
    ),
}
"""By name in schema `validity`; the columns of lineage follow in each."""

LINEAGE = TableSpec(
    "One row per lineage and load: what the numbers were made from.",
    {
        "lineage_id": _LINEAGE["lineage_id"],
        "connection_id": ("varchar", "Connection."),
        "stream": ("varchar", "Raw table."),
        "load_id": ("varchar", "Newest load among its rows."),
        "n_rows": ("bigint", "Rows at the time; null for demographic answers, which are not counted."),
    },
)


def columns_of(table: str) -> Columns:
    """Columns of a result table, lineage last."""
    return {**TABLES[table].columns, **_LINEAGE}


def frames(results: Results, stamp: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """The result tables by name, typed also when empty.

    Parameters
    ----------
    results
        Rows of `analyse`.
    stamp
        Values of the lineage columns, the same on every row.
    """
    rows = {
        "validity_estimates": results.estimates,
        "validity_reliability": results.reliability,
        "validity_diagnostics": results.diagnostics,
        "validity_sensitivity": results.sensitivity,
        "validity_incremental": results.incremental,
        "validity_power": results.power,
        "validity_expectancy": results.expectancy,
        "validity_scatter": results.scatter,
        "validity_warnings": results.warnings,
    }
    return {name: typed(pd.DataFrame(made).assign(**stamp), columns_of(name)) for name, made in rows.items()}


def typed(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Columns in order and typed; numbers that are not there are null."""
    frame = frame.reindex(columns=list(columns))
    for name, (kind, _) in columns.items():
        if kind == "double":
            frame[name] = pd.to_numeric(frame[name]).astype("float64")
        elif kind == "bigint":
            frame[name] = pd.to_numeric(frame[name]).astype("Int64")
        elif kind == "boolean":
            frame[name] = frame[name].astype("boolean")
        elif kind.startswith("timestamp"):
            frame[name] = pd.to_datetime(frame[name], utc=True)
        elif kind == "date":
            frame[name] = pd.to_datetime(frame[name])
        else:
            frame[name] = frame[name].astype("string")
    return frame
