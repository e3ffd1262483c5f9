"""Every published table: the columns that name a row in a check result, and those that must hold tokens of persons."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """`keys` name a row (never a person in clear); `tokens` hold pseudonyms of persons and must look like them."""

    keys: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()


CHECK_OUTCOMES = "marts_ops.check_outcomes"
"""Written by the checks themselves, so it is searched with the results, after the checks of the marts."""

_APPLICATION = ("connection_id", "application_id")
_INTERVIEWER = ("connection_id", "interviewer_id")
_REVIEW = ("connection_id", "review_id")
_REVIEW_TOKENS = ("employee_id", "reviewer_id", "reviewer_employee_id")
_SPELL = ("employee_connection_id", "employee_id", "spell_number")

TABLES: dict[str, Table] = {
    "marts_recruiting.fct_applications": Table(_APPLICATION, ("application_id", "candidate_id")),
    "marts_recruiting.fct_stage_visits": Table(("connection_id", "application_stage_id"), ("application_id",)),
    "marts_recruiting.funnel_by_stage": Table(("job_family", "cohort_quarter", "canonical_stage")),
    "marts_recruiting.stage_durations": Table(("job_family", "quarter", "canonical_stage")),
    "marts_recruiting.time_to_hire": Table(("job_family", "quarter")),
    "marts_interviewing.fct_interviews": Table(("connection_id", "interview_id"), ("application_id",)),
    "marts_interviewing.fct_scorecards": Table(("connection_id", "scorecard_id"), ("application_id", "interviewer_id")),
    "marts_interviewing.fct_scorecard_ratings": Table(
        ("connection_id", "scorecard_id", "attribute_id"), ("interviewer_id",)
    ),
    "marts_interviewing.interviewer_load": Table((*_INTERVIEWER, "week_start"), ("interviewer_id",)),
    "marts_interviewing.scorecard_latency": Table(("job_family", "technique", "month")),
    # Interview names are free text of the firm and may hold anything: rows are counted, not named.
    "marts_interviewing.technique_mapping": Table(),
    "marts_performance.fct_reviews": Table(_REVIEW, _REVIEW_TOKENS),
    "marts_performance.fct_performance_ratings": Table(_REVIEW, _REVIEW_TOKENS),
    "marts_performance.fct_performance_scores": Table(_SPELL, ("employee_id",)),
    "marts_performance.review_coverage": Table(("connection_id", "cycle_id")),
    "marts_validity.fct_predictor_scores": Table((*_APPLICATION, "technique"), ("application_id", "interviewer_id")),
    "marts_validity.fct_hire_outcomes": Table(_APPLICATION, ("application_id", "employee_id")),
    "marts_validity.validity_pairs": Table((*_APPLICATION, "technique"), ("application_id", "interviewer_id")),
    "marts_validity.validity_coverage": Table(("job_family", "step")),
    "validity.validity_estimates": Table(("technique", "job_family", "attribute", "variant", "rung")),
    "validity.validity_reliability": Table(("job_family", "criterion", "variant", "method")),
    "validity.validity_sensitivity": Table(("technique", "job_family", "kind", "setting")),
    "validity.validity_diagnostics": Table(("technique", "job_family", "variant")),
    "validity.validity_incremental": Table(("technique", "job_family")),
    "validity.validity_expectancy": Table(("technique", "job_family", "kind", "third")),
    "validity.validity_scatter": Table(("technique", "job_family", "score_lo")),
    "validity.validity_power": Table(("technique", "job_family")),
    "validity.validity_fairness": Table(("metric", "job_family", "stage", "technique", "dimension", "group")),
    "validity.validity_warnings": Table(("job_family",)),
    "validity.validity_lineage": Table(("connection_id", "stream")),
    "marts_ops.link_match_rates": Table(("tenure_band",)),
    "marts_ops.link_conflicts": Table(
        ("candidate_connection_id", "candidate_id", "employee_connection_id", "employee_id"),
        ("candidate_id", "employee_id"),
    ),
    "marts_ops.hire_reconciliation": Table(("month",)),
    "marts_ops.mart_reconciliation": Table(("mart", "metric")),
    "marts_ops.stream_health": Table(("connection_id", "stream")),
    "marts_ops.metric_definitions": Table(("metric_id",)),
    "marts_ops.data_quality_summary": Table(("metric",)),
    "marts_ops.connections": Table(("connection_id",)),
    "marts_ops.data_clock": Table(),
    CHECK_OUTCOMES: Table(("check",)),
}

TOKEN_COLUMNS: frozenset[str] = frozenset(column for table in TABLES.values() for column in table.tokens)
