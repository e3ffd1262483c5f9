"""A small set of marts that passes every check: each defect of the tests is one change to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from orchestration.dictionary import CHECK_OUTCOMES, Words, dictionary, results
from orchestration.manifest import prepare_manifest

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
START = pd.Timestamp("2025-01-06 09:00", tz="UTC")
DAY = pd.Timedelta(days=1)
HOUR = pd.Timedelta(hours=1)
TECHNIQUES = ("pair_coding", "structured_behavioural")


CELLS: Mapping[str, Any] = {
    "varchar": "plain words",
    "bigint": 7,
    "double": 0.5,
    "boolean": True,
    "timestamp with time zone": START,
    "date": START.normalize(),
}


def _plain(words: Words) -> pd.DataFrame:
    """Three equal rows of a table that has no checks but those of privacy."""
    return pd.DataFrame({name: [CELLS[kind]] * 3 for name, (kind, _) in words.columns.items()})


def token(kind: str, number: int) -> str:
    """Looks like a keyed pseudonym."""
    return f"{abs(hash_of(kind)):04x}{number:028x}"


def hash_of(kind: str) -> int:
    return sum(ord(letter) * (place + 1) for place, letter in enumerate(kind)) % 65536


def _applications(n: int = 200) -> pd.DataFrame:
    rows = []
    for i in range(n):
        status = ("hired", "in_process", *["rejected"] * 6)[i % 8]
        applied = START + i * DAY
        hired = status == "hired"
        rows.append(
            {
                "connection_id": "greenhouse_main",
                "application_id": token("application", i),
                "candidate_id": token("candidate", i),
                "job_id": str(i % 7),
                "job_family": ("engineering", "sales")[i % 2],
                "job_level": "L3",
                "source_name": ("Careers page", "Robin & Co Agency", "Referral")[i % 3],
                "applied_at": applied,
                "status": status,
                "hired_at": applied + 30 * DAY if hired else pd.NaT,
                "starts_on": (applied + 60 * DAY).normalize() if hired else pd.NaT,
                "rejected_at": applied + 20 * DAY if status == "rejected" else pd.NaT,
                "rejected_by": ("company", "candidate")[i % 2] if status == "rejected" else None,
                "furthest_stage": "onsite",
                "n_interviews": i % 3,
                "n_scorecards": i % 3,
                "days_to_hire": 30.0 if hired else None,
                "is_excluded": i % 20 == 1,
                "exclusion_reason": "prospect" if i % 20 == 1 else None,
            }
        )
    return pd.DataFrame(rows)


def _visits(n: int = 200) -> pd.DataFrame:
    entered = pd.Series([START + i * DAY for i in range(n)])
    return pd.DataFrame(
        {
            "connection_id": "greenhouse_main",
            "application_id": [token("application", i) for i in range(n)],
            "application_stage_id": [str(i) for i in range(n)],
            "job_family": "engineering",
            "canonical_stage": ["application_review", "onsite"] * (n // 2),
            "stage_name": ["Application Review", "Face to Face"] * (n // 2),
            "stage_order": [10, 50] * (n // 2),
            "entered_at": entered,
            "exited_at": entered + 3 * DAY,
            "stage_days": 3.0,
        }
    )


def _funnel() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "job_family": ["all", "all", "sales"],
            "cohort_quarter": pd.to_datetime([None, "2025-01-01", "2025-01-01"]),
            "canonical_stage": ["application_review", "onsite", "onsite"],
            "stage_order": [10, 50, 50],
            "n_entered": [200, 60, 3],
            "n_advanced": [60, 20, 2],
            "n_hired": [20, 20, 2],
            "n_rejected": [120, 30, 1],
            "n_withdrawn": [20, 10, 0],
            "n_end_unknown": 0,
            "is_matured": True,
            "pass_through_rate": [0.3, 0.333, None],
            "pass_through_lo": [0.24, 0.23, None],
            "pass_through_hi": [0.37, 0.46, None],
            "status": ["ok", "ok", "not_estimable"],
            "withdrawal_rate": [0.1, 0.167, None],
            "withdrawal_lo": [0.066, 0.093, None],
            "withdrawal_hi": [0.149, 0.28, None],
            "withdrawal_status": ["ok", "ok", "not_estimable"],
        }
    )


def _stage_durations() -> pd.DataFrame:
    return _time_to_hire().assign(canonical_stage="onsite", n_open=4)[
        [
            *("job_family", "quarter", "canonical_stage", "n", "n_open"),
            *("median_days", "median_lo", "median_hi", "p90_days", "status"),
        ]
    ]


def _time_to_hire() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "job_family": ["all", "all", "sales"],
            "quarter": pd.to_datetime([None, "2025-01-01", "2025-01-01"]),
            "n": [200, 60, 3],
            "median_days": [6.0, 7.5, None],
            "median_lo": [5.0, 4.0, None],
            "median_hi": [7.0, 11.0, None],
            "p90_days": [20.0, 25.0, None],
            "status": ["ok", "ok", "not_estimable"],
        }
    )


def _interviews(n: int = 200) -> pd.DataFrame:
    starts = pd.Series([START + i * DAY for i in range(n)])
    return pd.DataFrame(
        {
            "connection_id": "greenhouse_main",
            "interview_id": [str(500 + i) for i in range(n)],
            "application_id": [token("application", i) for i in range(n)],
            "job_family": "engineering",
            "technique": [TECHNIQUES[i % 2] for i in range(n)],
            "interview_name": [("Pair coding (60m)", "Values chat")[i % 2] for i in range(n)],
            "starts_at": starts,
            "ends_at": starts + HOUR,
            "status": ["complete", "complete", "complete", "cancelled"] * (n // 4),
            "is_held": [True, True, True, False] * (n // 4),
            "n_interviewers": 1,
            "n_scorecards": 1,
        }
    )


def _scorecards(n: int = 480) -> pd.DataFrame:
    rows = []
    for i in range(n):
        interviewed = START + i * 12 * HOUR
        draft = i % 30 == 7
        rows.append(
            {
                "connection_id": "greenhouse_main",
                "scorecard_id": str(9000 + i),
                "interview_id": str(500 + i),
                "application_id": token("application", i),
                "interviewer_id": token("user", i % 12),
                "technique": TECHNIQUES[(i // 12) % 2],
                "job_family": "engineering",
                "interviewed_at": interviewed,
                "submitted_at": pd.NaT if draft else interviewed + 5 * HOUR,
                "last_edited_at": interviewed + 6 * HOUR,
                "decided_at": interviewed + 9 * DAY,
                "latency_hours": None if draft else 5.0,
                "is_draft": draft,
                "is_late": None if draft else False,
                "is_edited_after_decision": False,
                "is_submitted_after_decision": False,
                "recommendation_rank": None if draft else (i // 12) % 4 + 1,
                "recommendation_label": None if draft else ("strong_no", "no", "yes", "strong_yes")[(i // 12) % 4],
                "is_unmapped": False,
                "n_ratings": 4,
                "rating_sd": 0.2,
                "is_straight_lined": False,
            }
        )
    return pd.DataFrame(rows)


def _scorecard_ratings(n: int = 60) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "connection_id": "greenhouse_main",
            "scorecard_id": [str(9000 + i) for i in range(n)],
            "attribute_id": [str(i % 4) for i in range(n)],
            "attribute_name": [("Communication", "Problem solving", "Craft", "Judgement")[i % 4] for i in range(n)],
            "technique": [TECHNIQUES[i % 2] for i in range(n)],
            "interviewer_id": [token("user", i % 12) for i in range(n)],
            "rating_rank": [i % 5 + 1 for i in range(n)],
            "rating_score": [(i % 5) / 4 for i in range(n)],
            "scale_min": 1.0,
            "scale_max": 5.0,
        }
    )


def _load(n: int = 24) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "connection_id": "greenhouse_main",
            "interviewer_id": [token("user", i % 12) for i in range(n)],
            "week_start": [(START + 7 * (i // 12) * DAY).normalize() for i in range(n)],
            "n_interviews": 3,
            "interview_hours": 3.0,
        }
    )


def _latency() -> pd.DataFrame:
    months = pd.to_datetime(["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"])
    rows = [
        (family, technique, month)
        for family in ("all", "sales")
        for technique in ("all", "pair_coding")
        for month in months
    ]
    frame = pd.DataFrame(rows, columns=["job_family", "technique", "month"])
    return frame.assign(
        n_expected=60,
        n_submitted=56,
        n_submitted_within_7d=54,
        submission_rate=0.9,
        submission_lo=0.8,
        submission_hi=0.95,
        submission_status="ok",
        p50_hours=4.0,
        p90_hours=20.0,
        share_within_24h=0.9,
        share_within_24h_lo=0.8,
        share_within_24h_hi=0.95,
        status="ok",
    )


def _mapping() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "interview_name": ["Pair coding (60m)", "Values chat", "Lunch"],
            "normalised_name": ["pair coding 60m", "values chat", "lunch"],
            "technique": ["pair_coding", "unstructured_chat", "unmapped"],
            "matched_rule": ["pair coding", "chat", None],
            "n_interviews": [120, 80, 4],
            "n_scorecards": [120, 80, 0],
            "is_mapped": [True, True, False],
        }
    )


def _reviews(n: int = 240) -> pd.DataFrame:
    rows = []
    for i in range(n):
        rating = float((i // 2) % 4 + 1)
        rows.append(
            {
                "connection_id": "lattice_main",
                "review_id": str(70000 + i),
                "cycle_id": str(3000 + i % 2),
                "cycle_name": ("2025 H1", "2025 H2")[i % 2],
                "employee_connection_id": "bamboohr_main",
                "employee_id": token("employee", i % 100),
                "reviewer_id": token("user", 200 + i % 9),
                "reviewer_employee_connection_id": "bamboohr_main",
                "reviewer_employee_id": token("employee", 200 + i % 9),
                "relation": ("manager", "manager", "manager", "peer")[i % 4 if i % 8 < 4 else 0],
                "submitted_at": START + (i % 300) * DAY,
                "rated_on": (START + 180 * DAY).normalize(),
                "rating": rating,
                "calibrated_rating": rating if i % 2 else None,
                "effective_rating": rating,
                "rating_label": ("Below", "Meets", "Exceeds", "Far above")[int(rating) - 1],
                "is_unmapped": False,
                "scale_id": "five_points",
                "scale_min": 1.0,
                "scale_max": 5.0,
                "job_level": "L3",
                "spell_number": 1,
                "months_since_start": 9.0,
                "is_cycle_closed": True,
                "n_rated_questions": 3,
                "n_overall_questions": 1,
            }
        )
    return pd.DataFrame(rows)


def _question_mapping() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "connection_id": "lattice_main",
            "question_id": ["81", "82", "weighted_score"],
            "question_text": ["Overall performance", "Teamwork", "Weighted score"],
            "matched_rule": ["overall (job |work )?performance", None, "weighted score"],
            "is_overall": [True, False, True],
            "overall_priority": [20, None, 90],
            "is_mapped": [True, False, True],
            "n_ratings": [240, 240, 180],
        }
    )


def _performance_ratings() -> pd.DataFrame:
    ratings = _reviews()
    of_reviews = [
        "relation",
        "rating_label",
        "is_unmapped",
        "is_cycle_closed",
        "n_rated_questions",
        "n_overall_questions",
    ]
    ratings = ratings[ratings["relation"] == "manager"].drop(columns=of_reviews)
    cell = "cell-" + ratings["cycle_id"]
    grouped = ratings.groupby("cycle_id")["effective_rating"]
    cells = {"n_cell": grouped.transform("size"), "cell_mean": grouped.transform("mean")}
    ratings = ratings.assign(is_in_window=True, cell_id=cell, cell_kind="cycle_scale_level", **cells)
    sd = grouped.transform("std")
    return ratings.assign(cell_sd=sd, rating_z=(ratings["effective_rating"] - ratings["cell_mean"]) / sd)


def _performance_scores(n: int = 120) -> pd.DataFrame:
    status = [("ok", "ok", "ok", "ok", "unreviewed", "immature")[i % 6] for i in range(n)]
    return pd.DataFrame(
        {
            "employee_connection_id": "bamboohr_main",
            "employee_id": [token("employee", i) for i in range(n)],
            "spell_number": 1,
            "n_ratings": [2 if state == "ok" else 0 for state in status],
            "n_raters": [1 if state == "ok" else 0 for state in status],
            "performance_rating_z": [(i % 5 - 2) / 2 if state == "ok" else None for i, state in enumerate(status)],
            "first_rated_on": START.normalize(),
            "last_rated_on": START.normalize() + 180 * DAY,
            "window_start_months": 6,
            "window_end_months": 18,
            "status": status,
        }
    )


def _review_coverage() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "connection_id": "lattice_main",
            "cycle_id": ["3000", "3001", "3002"],
            "cycle_name": ["2025 H1", "2025 H2", "2026 H1"],
            "starts_on": pd.to_datetime(["2025-01-01", "2025-07-01", "2026-01-01"]),
            "ends_on": pd.to_datetime(["2025-06-30", "2025-12-31", "2026-06-30"]),
            "is_closed": [True, True, False],
            "is_calibrated": [True, True, False],
            "n_employees": [110, 120, 30],
            "n_expected": [100, 110, 120],
            "n_reviewed": [95, 104, 20],
            "coverage": [0.95, 0.945, 0.167],
            "n_unlinked": 2,
        }
    )


def _predictor_scores(n: int = 240) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "connection_id": "greenhouse_main",
            "application_id": [token("application", i // 2) for i in range(n)],
            "job_family": "engineering",
            "job_level": "L3",
            "technique": [TECHNIQUES[i % 2] for i in range(n)],
            "attribute": "overall",
            "score": [(i % 9) / 8 for i in range(n)],
            "n_scorecards": 1,
            "n_interviewers": 1,
            "interviewer_id": [token("user", i % 12) for i in range(n)],
            "is_contaminated": [i % 40 < 2 for i in range(n)],
            "n_contaminated": 0,
            "is_hired": [i % 8 < 2 for i in range(n)],
            "first_submitted_at": START,
            "decided_at": START + 9 * DAY,
        }
    )


def _outcomes(n: int = 100) -> pd.DataFrame:
    rows = []
    for i in range(n):
        left = i % 4 == 0
        tenure = 200 if i % 8 == 0 else 500
        linked = i % 10 != 9
        rows.append(
            {
                "connection_id": "greenhouse_main",
                "application_id": token("application", i),
                "employee_connection_id": "bamboohr_main" if linked else None,
                "employee_id": token("employee", i) if linked else None,
                "spell_number": 1 if linked else None,
                "job_family": "engineering",
                "job_level": "L3",
                "hired_at": START - 40 * DAY,
                "started_on": START.normalize(),
                "ended_on": START.normalize() + tenure * DAY if left else pd.NaT,
                "tenure_days": tenure,
                "is_tenured": True,
                "is_matured": True,
                "is_excluded": i % 20 == 3,
                "exclusion_reason": "internal_move" if i % 20 == 3 else None,
                "link_method": "email" if linked else None,
                "performance_rating_z": 0.3 if linked else None,
                "performance_status": "ok" if linked else "not_linked",
                "n_ratings": 2 if linked else 0,
                "n_raters": 1 if linked else 0,
                "rater_was_interviewer": (i % 5 == 0 or (None if i % 25 == 1 else False)) if linked else None,
                "n_independent_raters": int(linked and i % 5 != 0 and i % 25 != 1),
                "interviewers_linked_share": 0.8 if i % 25 == 1 else 1.0,
                "retained_1y": tenure >= 365 if linked else None,
                "end_type": ("voluntary", "involuntary", "unknown")[i % 3] if left else None,
                "start_gap_days": 0 if linked else None,
            }
        )
    return pd.DataFrame(rows)


def _pairs(n: int = 120) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "connection_id": "greenhouse_main",
            "application_id": [token("application", i // 2) for i in range(n)],
            "job_family": "engineering",
            "job_level": "L3",
            "technique": [TECHNIQUES[i % 2] for i in range(n)],
            "score": [(i % 9) / 8 for i in range(n)],
            "performance_rating_z": [(i % 7 - 3) / 2 for i in range(n)],
            "interviewer_id": [token("user", i % 12) if i % 6 else None for i in range(n)],
            "n_interviewers": 1,
            "rater_was_interviewer": False,
            "rater_gave_score": False,
            "is_contaminated": False,
            "started_on": START.normalize(),
        }
    )


def _coverage() -> pd.DataFrame:
    steps = ["hired", "linked", "tenured", "rated", "independent_rater"]
    return pd.DataFrame(
        {
            "job_family": ["all"] * 5 + ["sales"] * 5,
            "step_order": [1, 2, 3, 4, 5] * 2,
            "step": steps * 2,
            "n": [100, 90, 80, 70, 60, 30, 28, 20, 18, 15],
            "share": [1.0, 0.9, 0.8, 0.7, 0.6, 1.0, 0.93, 0.67, 0.6, 0.5],
        }
    )


def _estimates(words: Words) -> pd.DataFrame:
    return _plain(words).assign(
        **{
            "metric": "r_obs",
            "rung": 1,
            "technique": ["pair_coding", "structured_behavioural", "work_sample"],
            "job_family": "all",
            "variant": "all_raters",
            "criterion": "performance_rating_z",
            "value": [0.31, 0.12, None],
            "lo": [0.12, -0.2, None],
            "hi": [0.48, 0.42, None],
            "level": 0.95,
            "n": [90, 28, 4],
            "method": "pearson",
            "status": ["ok", "low_n", "not_estimable"],
            "reason": ["", "fewer than 30 reviewed hires", "fewer than 25 reviewed hires"],
            "mdv": [0.29, 0.5, None],
            "n_contaminated": 0,
            "n_same_rater": 3,
            "p_value": [0.01, 0.5, None],
            "q_value": [0.02, 0.5, None],
            "verdict": ["predicts", "inconclusive", "too few hires"],
            "verdict_sentence": "Written for people.",
            "as_of": START,
            "definition_version": "1",
        }
    )


def _link_rates() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "tenure_band": ["not_started", "0-6", "6-18", "18-36", "all"],
            "band_order": [0, 1, 2, 3, 9],
            "n_hires": [5, 100, 100, 100, 305],
            "n_linked": [0, 92, 93, 94, 279],
            "match_rate": [0.0, 0.92, 0.93, 0.94, 0.915],
            "lo": [0.0, 0.85, 0.86, 0.875, 0.88],
            "hi": [0.43, 0.96, 0.97, 0.97, 0.94],
            "status": ["low_n", "ok", "ok", "ok", "ok"],
        }
    )


def _link_conflicts(n: int = 4) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "candidate_connection_id": "greenhouse_main",
            "candidate_id": [token("candidate", i) for i in range(n)],
            "employee_connection_id": "bamboohr_main",
            "employee_id": [token("employee", i) for i in range(n)],
            "method": "email",
            "start_gap_days": 3,
            "reason": ["ambiguous", "better_evidence"] * (n // 2),
        }
    )


def _reconciliation() -> pd.DataFrame:
    months = pd.date_range("2025-01-01", periods=12, freq="MS")
    ats = [0, 10, 11, 9, 10, 12, 10, 9, 11, 10, 10, 6]
    hris = [30, 11, 12, 9, 11, 12, 11, 10, 11, 11, 10, 0]
    frame = pd.DataFrame(
        {"month": months, "n_ats_hires": ats, "n_hires_found": ats, "n_hris_starts": hris, "n_starts_found": ats}
    )
    return frame.assign(difference=frame["n_ats_hires"] - frame["n_hris_starts"])


def _mart_reconciliation() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "mart": [
                *("scorecard_latency", "funnel_by_stage", "validity_coverage", "validity_pairs", "review_coverage"),
                "review_coverage",
            ],
            "metric": ["n_expected", "n_entered", "hired", "n_hires", "n_employees", "n_reviewed"],
            "n_in_mart": [240, 200, 100, 60, 260, 219],
            "n_counted": [240, 200, 100, 70, 260, 240],
            "is_upper_bound": [False, False, False, True, False, True],
        }
    )


def _streams() -> pd.DataFrame:
    now = pd.Timestamp(NOW)
    return pd.DataFrame(
        {
            "connection_id": ["greenhouse_main", "greenhouse_main", "bamboohr_main", "lattice_main"],
            "vendor": ["greenhouse", "greenhouse", "bamboohr", "lattice"],
            "stream": ["applications", "scorecards", "employees", "reviews"],
            "last_success_at": [now - 3 * HOUR, now - 3 * HOUR, now - 4 * HOUR, now - 4 * HOUR],
            "last_status": "ok",
            "last_rows": [40, 12, 300, 0],
            "previous_rows": [4000, 1200, 299, 500],
            "n_quarantined": [1, 0, 0, 0],
            "n_rows_total": [4040, 1212, 599, 500],
            "largest_run_rows": [4000, 1200, 300, 500],
            "hours_since_success": [0.0, 0.0, 1.0, 1.0],
            "is_stale": False,
        }
    )


def _metric_definitions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "metric_id": ["applications", "r_obs"],
            "name": ["Applications", "Observed validity"],
            "definition": ["Applications with a job, by first day.", "Pearson correlation on rated hires."],
            "base": ["activity", "cohort"],
            "direction": ["neither", "up_is_good"],
            "owner": ["Recruiting operations", "People analytics"],
            "decision": ["Where to advertise.", "Which interviews to keep."],
            "gaming": ["Duplicates.", "Friendly raters."],
            "definition_version": "1",
        }
    )


def _summary() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "metric": ["link_match_rate", "n_quarantined"],
            "value": [0.93, 12.0],
            "n": [300, 12],
            "note": ["Hires with an employee.", "Records set aside."],
        }
    )


def _connections() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "connection_id": ["greenhouse_main", "bamboohr_main", "old_ats"],
            "vendor": ["greenhouse", "bamboohr", "greenhouse"],
            "first_seen_at": START,
            "last_seen_at": START + 300 * DAY,
            "is_active": [True, True, False],
        }
    )


def _clock() -> pd.DataFrame:
    at = pd.Timestamp(NOW) - 5 * HOUR
    return pd.DataFrame({"as_of_at": [at], "as_of_on": [at.normalize()]})


def sound_marts() -> dict[str, pd.DataFrame]:
    """Every published table, passing every check."""
    described = {words.table: words for words in (*results(), CHECK_OUTCOMES)}
    plain = {table: _plain(words) for table, words in described.items()}
    return plain | {
        "marts_recruiting.fct_applications": _applications(),
        "marts_recruiting.fct_stage_visits": _visits(),
        "marts_recruiting.funnel_by_stage": _funnel(),
        "marts_recruiting.stage_durations": _stage_durations(),
        "marts_recruiting.time_to_hire": _time_to_hire(),
        "marts_interviewing.fct_interviews": _interviews(),
        "marts_interviewing.fct_scorecards": _scorecards(),
        "marts_interviewing.fct_scorecard_ratings": _scorecard_ratings(),
        "marts_interviewing.interviewer_load": _load(),
        "marts_interviewing.scorecard_latency": _latency(),
        "marts_interviewing.technique_mapping": _mapping(),
        "marts_performance.fct_reviews": _reviews(),
        "marts_performance.fct_performance_ratings": _performance_ratings(),
        "marts_performance.fct_performance_scores": _performance_scores(),
        "marts_performance.review_coverage": _review_coverage(),
        "marts_performance.question_mapping": _question_mapping(),
        "marts_validity.fct_predictor_scores": _predictor_scores(),
        "marts_validity.fct_hire_outcomes": _outcomes(),
        "marts_validity.validity_pairs": _pairs(),
        "marts_validity.validity_coverage": _coverage(),
        "validity.validity_estimates": _estimates(described["validity.validity_estimates"]),
        "marts_ops.link_match_rates": _link_rates(),
        "marts_ops.link_conflicts": _link_conflicts(),
        "marts_ops.hire_reconciliation": _reconciliation(),
        "marts_ops.mart_reconciliation": _mart_reconciliation(),
        "marts_ops.stream_health": _streams(),
        "marts_ops.metric_definitions": _metric_definitions(),
        "marts_ops.data_quality_summary": _summary(),
        "marts_ops.connections": _connections(),
        "marts_ops.data_clock": _clock(),
    }


@pytest.fixture(scope="session")
def sound() -> Mapping[str, pd.DataFrame]:
    return sound_marts()


@pytest.fixture(scope="session")
def previous(sound: Mapping[str, pd.DataFrame]) -> Mapping[str, int]:
    """Rows of the load before: as many as now."""
    return {table: len(frame) for table, frame in sound.items()}


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def published() -> Mapping[str, tuple[str, ...]]:
    """Columns of every table that analysts get, as the data dictionary lists them."""
    prepare_manifest()
    return {words.table: tuple(words.columns) for words in dictionary()}
