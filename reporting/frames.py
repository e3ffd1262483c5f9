"""What the report reads: tables of the published file by `schema.table`, and the outcomes of the checks.

A table that is missing or empty is normal (a firm with spreadsheets only, a first week): its section then says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

Frames = Mapping[str, pd.DataFrame]

ESTIMATES = "validity.validity_estimates"
RELIABILITY = "validity.validity_reliability"
DIAGNOSTICS = "validity.validity_diagnostics"
SENSITIVITY = "validity.validity_sensitivity"
INCREMENTAL = "validity.validity_incremental"
POWER = "validity.validity_power"
EXPECTANCY = "validity.validity_expectancy"
SCATTER = "validity.validity_scatter"
WARNINGS = "validity.validity_warnings"
COVERAGE = "marts_validity.validity_coverage"
FUNNEL = "marts_recruiting.funnel_by_stage"
LOAD = "marts_interviewing.interviewer_load"
SCORECARDS = "marts_interviewing.fct_scorecards"
LATENCY = "marts_interviewing.scorecard_latency"
MAPPING = "marts_interviewing.technique_mapping"
REVIEW_COVERAGE = "marts_performance.review_coverage"
MATCH_RATES = "marts_ops.link_match_rates"
RECONCILIATION = "marts_ops.hire_reconciliation"
STREAMS = "marts_ops.stream_health"
QUALITY = "marts_ops.data_quality_summary"
CHECKS = "checks"

COLUMNS: dict[str, tuple[str, ...]] = {
    ESTIMATES: (
        *("technique", "job_family", "attribute", "variant", "rung", "value", "lo", "hi", "n", "n_applicants"),
        *("status", "reason", "q_value", "probability_positive", "lo_rater_aware", "hi_rater_aware"),
        *("literature_value", "literature_lo", "literature_hi", "literature_source", "mdv", "n_contaminated"),
        *("n_same_rater", "verdict", "method", "as_of", "lineage_id"),
    ),
    RELIABILITY: ("job_family", "variant", "method", "value", "lo", "hi", "n_pairs", "n_raters", "status", "reason"),
    DIAGNOSTICS: (
        *("technique", "job_family", "variant", "n_applicants", "n_scored", "n_hired", "n_rated", "u"),
        *("selection_ratio", "extrapolation_share", "unrecorded_share", "effective_n", "leave_one_out_lo"),
        *("leave_one_out_hi", "p_quadratic"),
    ),
    SENSITIVITY: ("technique", "job_family", "kind", "setting", "value", "lo", "hi"),
    INCREMENTAL: (
        *("technique", "job_family", "r2_all", "r2_adjusted", "r2_cross_validated", "delta_r2", "delta_r2_lo"),
        *("delta_r2_hi", "interview_hours_per_year", "hours_share", "n", "status", "reason"),
    ),
    POWER: (
        *("technique", "job_family", "n", "hires_per_year", "half_width", "target_half_width", "n_needed"),
        *("precision_on", "mdv_operational", "status", "reason"),
    ),
    EXPECTANCY: (
        *("technique", "job_family", "kind", "third", "share_good", "lo", "hi", "base_rate", "n", "status", "reason"),
    ),
    SCATTER: (
        *("technique", "job_family", "score_lo", "score_hi", "n_applicants", "n_hired", "n_rated", "mean_rating"),
        *("lo", "hi", "status"),
    ),
    WARNINGS: ("job_family", "sentence"),
    COVERAGE: ("job_family", "step_order", "step", "n", "share"),
    FUNNEL: (
        *("job_family", "cohort_quarter", "canonical_stage", "stage_order", "n_entered", "n_advanced", "n_hired"),
        "n_withdrawn",
        *("is_matured", "pass_through_rate", "pass_through_lo", "pass_through_hi", "status"),
    ),
    LOAD: ("connection_id", "interviewer_id", "week_start", "n_interviews", "interview_hours"),
    SCORECARDS: (
        "latency_hours",
        "is_draft",
        "submitted_at",
        "is_edited_after_decision",
        "is_submitted_after_decision",
    ),
    LATENCY: (
        *("job_family", "technique", "month", "n_expected", "n_submitted", "p50_hours", "p90_hours"),
        *("submission_rate", "submission_lo", "submission_hi"),
        *("share_within_24h", "share_within_24h_lo", "share_within_24h_hi", "status"),
    ),
    MAPPING: ("interview_name", "technique", "n_interviews", "is_mapped"),
    REVIEW_COVERAGE: ("cycle_name", "starts_on", "ends_on", "is_closed", "n_expected", "n_reviewed", "coverage"),
    MATCH_RATES: ("tenure_band", "band_order", "n_hires", "n_linked", "match_rate", "lo", "hi", "status"),
    RECONCILIATION: ("month", "n_ats_hires", "n_hris_starts", "difference"),
    STREAMS: (
        *("connection_id", "vendor", "stream", "last_success_at", "last_status", "last_rows", "previous_rows"),
        *("n_quarantined", "is_stale"),
    ),
    QUALITY: ("metric", "value", "n", "note"),
    CHECKS: ("check", "table", "severity", "status", "reason", "n_failing", "message"),
}
TABLES: tuple[str, ...] = tuple(name for name in COLUMNS if name != CHECKS)
"""The tables to read from the published file."""


def complete(frames: Frames) -> dict[str, pd.DataFrame]:
    """Every table with at least the columns the report reads, empty where there is none."""
    return {name: _with_columns(frames.get(name), columns) for name, columns in COLUMNS.items()}


def _with_columns(frame: pd.DataFrame | None, columns: Iterable[str]) -> pd.DataFrame:
    if frame is None:
        return pd.DataFrame(columns=list(columns))
    return frame.reindex(columns=[*columns, *(name for name in frame.columns if name not in set(columns))])
