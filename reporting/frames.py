"""What the report reads: tables of the published file by `schema.table`, and the outcomes of the checks.

A table that is missing or empty is normal (a firm with spreadsheets only, a first week): its section then says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

Frames = Mapping[str, pd.DataFrame]

ESTIMATES = "validity.technique_estimates"
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
DEFINITIONS = "marts_ops.metric_definitions"
CHECKS = "checks"

COLUMNS: dict[str, tuple[str, ...]] = {
    ESTIMATES: (
        *("metric", "rung", "technique", "job_family", "variant", "criterion", "value", "lo", "hi", "level", "n"),
        *("status", "reason", "mdv", "n_contaminated", "n_same_rater", "verdict", "verdict_sentence"),
        *("interval_method", "as_of", "definition_version"),
    ),
    COVERAGE: ("job_family", "step_order", "step", "n", "share"),
    FUNNEL: (
        *("job_family", "cohort_quarter", "canonical_stage", "stage_order", "n_entered", "n_advanced", "n_hired"),
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
        *("job_family", "technique", "month", "n_expected", "n_submitted", "submission_rate", "p50_hours", "p90_hours"),
        *("share_within_24h", "share_within_24h_lo", "share_within_24h_hi", "status"),
    ),
    MAPPING: ("interview_name", "technique", "n_interviews", "is_mapped"),
    REVIEW_COVERAGE: ("cycle_name", "starts_on", "ends_on", "is_closed", "n_expected", "n_reviewed", "coverage"),
    MATCH_RATES: ("tenure_band", "band_order", "n_hires", "n_linked", "match_rate", "lo", "hi", "status"),
    RECONCILIATION: ("month", "n_ats_hires", "n_hris_starts", "difference"),
    STREAMS: (
        *("connection_id", "vendor", "stream", "last_success_at", "last_status", "last_rows", "previous_rows"),
        *("n_quarantined", "hours_since_success"),
    ),
    QUALITY: ("metric", "value", "n", "note"),
    DEFINITIONS: ("metric_id", "name", "definition", "definition_version"),
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
