"""Any subset of vendors builds, and what comes out is right for firms small enough to read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

SEEN = "1767225600.0"  # load id: 2026-01-01
RATINGS = (1, 2, 3, 3, 4, 5)
RECOMMENDATIONS = ("no", "no", "yes", "yes", "yes", "strong_yes")


def spreadsheet_firm() -> dict[str, list[dict[str, Any]]]:
    """Six hires, one rejected applicant, one review cycle after a year; files only."""
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("employees", "reviews", "applications", "interviews", "scorecards")
    }
    for i, rating in enumerate(RATINGS):
        rows["employees"].append(
            {
                "employee_id": f"e{i}",
                "personal_email": f"mail{i}",
                "hire_date": "2024-01-08",
                "job_level": "L2",
                "manager_employee_id": "boss",
            }
        )
        rows["applications"].append(
            {
                "application_id": f"a{i}",
                "candidate_id": f"c{i}",
                "job_id": "j",
                "job_family": "Sales",
                "job_level": "L2",
                "applied_at": "2023-11-01 09:00:00+00",
                "status": "hired",
                "decided_at": "2023-12-10 09:00:00+00",
                "start_date": "2024-01-08",
                "personal_email": f"mail{i}",
            }
        )
        rows["reviews"].append(
            {
                "review_id": f"r{i}",
                "cycle_id": "2024",
                "period_end": "2024-12-31",
                "employee_id": f"e{i}",
                "reviewer_employee_id": "boss" if i else "interviewer",
                "reviewer_relation": "manager",
                "question_id": "overall",
                "rating_value": rating,
                "scale_min": 1,
                "scale_max": 5,
                "submitted_at": "2025-01-20 09:00:00+00",
            }
        )
    rows["employees"] += [{"employee_id": name, "hire_date": "2020-01-01"} for name in ("boss", "interviewer")]
    rows["applications"].append(
        {
            "application_id": "a9",
            "candidate_id": "c9",
            "job_id": "j",
            "job_family": "Sales",
            "applied_at": "2023-11-02 09:00:00+00",
            "status": "rejected",
            "decided_at": "2023-12-01 09:00:00+00",
        }
    )
    for i, recommendation in [*enumerate(RECOMMENDATIONS), (9, "strong_no")]:
        rows["interviews"].append(
            {
                "interview_id": f"i{i}",
                "application_id": f"a{i}",
                "job_id": "j",
                "interview_name": "Competency interview",
                "stage_name": "Onsite",
                "starts_at": "2023-11-20 09:00:00+00",
                "ends_at": "2023-11-20 10:00:00+00",
                "interviewer_id": "interviewer",
                "status": "complete",
            }
        )
        rows["scorecards"].append(
            {
                "application_id": f"a{i}",
                "candidate_id": f"c{i}",
                "job_id": "j",
                "interview_id": f"i{i}",
                "interview_name": "Competency interview",
                "interviewer_id": "interviewer",
                "attribute": "Ownership",
                "rating_value": 3,
                "scale_min": 1,
                "scale_max": 4,
                "recommendation": recommendation.replace("_", " ").title(),
                "submitted_at": "2023-11-20 12:00:00+00",
            }
        )
    source = {"connection_id": "files_main", "source_file": "all.xlsx", "drop_sha256": "0", "_dlt_load_id": SEEN}
    return {f"raw_files.{table}": [{**row, **source} for row in records] for table, records in rows.items()}


def api_firm() -> dict[str, list[dict[str, Any]]]:
    """Six hires through an ATS, their HRIS and reviews; one candidate deleted, one card sent after the decision."""
    ats: dict[str, list[dict[str, Any]]] = {
        "jobs": [{"id": "j", "job_family": "Engineering", "job_level": "L2", "status": "open"}],
        "job_interview_stages": [{"id": "s", "job_id": "j", "name": "Onsite", "sort_order": 3}],
        "job_interviews": [{"id": "p", "job_id": "j", "job_interview_stage_id": "s", "name": "Pairing session"}],
        "interview_kits": [{"id": "k", "job_id": "j", "job_interview_id": "p"}],
        "users": [{"id": "u", "employee_id": "boss"}],
    }
    people: dict[str, list[dict[str, Any]]] = {"employees": [], "job_info": [], "employment_status": []}
    reviews: dict[str, list[dict[str, Any]]] = {
        "users": [],
        "reviewees": [],
        "reviews": [],
        "review_cycles": [
            {
                "id": "cycle",
                "name": "2024",
                "stage": "Ended",
                "reviews_started_at": "2024-12-01 00:00:00+00",
                "reviews_ended_at": "2024-12-31 00:00:00+00",
                "calibration_enabled": True,
                "calibration_ended_at": "2025-01-15 00:00:00+00",
            }
        ],
        "questions": [
            {"id": "q", "body": "Overall, how did this person do?", "scale_min": 1, "scale_max": 5, "scale_labels": ""}
        ],
    }

    def add(table: str, **row: Any) -> None:
        ats.setdefault(table, []).append(row)

    for i in (*range(6), 7, 8):
        hired = i < 6
        created = "2023-11-01 09:00:00+00"
        add("candidates", id=f"c{i}", created_at=created, updated_at=created)
        add("candidate_email_addresses", candidate_id=f"c{i}", email=f"mail{i}", updated_at=created)
        add(
            "applications",
            id=f"a{i}",
            candidate_id=f"c{i}",
            job_id="j",
            status="hired" if hired else "rejected",
            rejected_at=None if hired else "2023-12-10 09:00:00+00",
            created_at=created,
            updated_at=created,
        )
        if hired:
            add(
                "offers",
                id=f"o{i}",
                version=1,
                application_id=f"a{i}",
                candidate_id=f"c{i}",
                status="Accepted",
                starts_on="2024-01-08",
                created_at="2023-12-10 09:00:00+00",
                resolved_at="2023-12-15 09:00:00+00",
            )
        add(
            "interviews",
            id=f"i{i}",
            job_id="j",
            application_id=f"a{i}",
            job_interview_id="p",
            starts_at="2023-11-20 09:00:00+00",
            ends_at="2023-11-20 10:00:00+00",
            status="complete",
        )
        add("interviewers", id=f"n{i}", interview_id=f"i{i}", user_id="u", scorecard_id=f"sc{i}")
        submitted = "2023-12-20 12:00:00+00" if i == 5 else "2023-11-20 12:00:00+00"
        add(
            "scorecards",
            id=f"sc{i}",
            application_id=f"a{i}",
            interview_kit_id="k",
            interviewer_id="u",
            submitter_id="u",
            candidate_rating=RECOMMENDATIONS[i % 6],
            status="complete",
            submitted_at=submitted,
            updated_at=submitted,
        )
        if not hired:
            continue
        people["employees"].append(
            {"id": f"e{i}", "home_email": f"mail{i}", "status": "Active", "hire_date": "2024-01-08"}
        )
        people["job_info"].append({"id": f"ji{i}", "employee_id": f"e{i}", "date": "2024-01-08", "job_level": "L2"})
        people["employment_status"].append(
            {"id": f"es{i}", "employee_id": f"e{i}", "date": "2024-01-08", "employment_status": "Full-Time"}
        )
        reviews["users"].append({"id": f"p{i}", "external_user_id": f"e{i}"})
        reviews["reviewees"].append({"id": f"re{i}", "user_id": f"p{i}", "review_cycle_id": "cycle"})
        reviews["reviews"].append(
            {
                "id": f"rv{i}",
                "review_cycle_id": "cycle",
                "reviewee_id": f"re{i}",
                "reviewer_id": "pboss",
                "question_id": "q",
                "review_type": "manager",
                "rating": 3,
                "calibrated_rating": RATINGS[i],
                "calibration_ended": True,
                "submitted_at": "2024-12-20 09:00:00+00",
            }
        )
    people["employees"].append({"id": "boss", "status": "Active", "hire_date": "2020-01-01"})
    reviews["users"].append({"id": "pboss", "external_user_id": "boss"})
    swept = {"connection_id": "gh", "sweep_id": "w", "swept_at": "2026-02-01 00:00:00+00", "_dlt_load_id": SEEN}
    made = {
        f"raw_{vendor}.{table}": [{**row, "connection_id": connection, "_dlt_load_id": SEEN} for row in records]
        for vendor, connection, tables in (
            ("greenhouse", "gh", ats),
            ("bamboohr", "hr", people),
            ("lattice", "la", reviews),
        )
        for table, records in tables.items()
    }
    # The sweep sees every candidate but c8.
    made["raw_greenhouse.candidates__ids"] = [{"id": f"c{i}", **swept} for i in (*range(6), 7)]
    made["raw_ops.sweeps"] = [
        {
            "sweep_id": "w",
            "connection_id": "gh",
            "vendor": "greenhouse",
            "stream": "candidates",
            "started_at": "2026-02-01 00:00:00+00",
            "completed_at": "2026-02-01 00:05:00+00",
            "n_ids": 7,
        }
    ]
    return made


@pytest.fixture(scope="module")
def spreadsheets(build: Callable[..., Any]) -> Any:
    return build("spreadsheets", spreadsheet_firm(), "--exclude-resource-type", "unit_test")


@pytest.fixture(scope="module")
def apis(build: Callable[..., Any]) -> Any:
    return build("apis", api_firm(), "--exclude-resource-type", "unit_test")


def test_a_firm_without_a_row_builds_and_every_unit_test_of_dbt_holds(empty: Any) -> None:
    assert "ERROR=0" in empty.output
    assert empty.rows("select count(*) from marts_validity.validity_pairs") == [(0,)]
    assert empty.rows("select count(*) from marts_ops.data_clock") == [(1,)]


def test_a_firm_with_spreadsheets_only_gets_its_validity_pairs(spreadsheets: Any) -> None:
    pairs = spreadsheets.rows(
        "select application_id, technique, score, round(performance_rating_z, 3), rater_was_interviewer "
        "from marts_validity.validity_pairs order by 1"
    )
    assert pairs == [
        ("a0", "structured_behavioural", 0.25, -1.414, True),
        ("a1", "structured_behavioural", 0.25, -0.707, False),
        ("a2", "structured_behavioural", 0.75, 0.0, False),
        ("a3", "structured_behavioural", 0.75, 0.0, False),
        ("a4", "structured_behavioural", 0.75, 0.707, False),
        ("a5", "structured_behavioural", 1.0, 1.414, False),
    ]


def test_the_rejected_applicant_of_a_spreadsheet_keeps_the_score(spreadsheets: Any) -> None:
    assert spreadsheets.rows(
        "select score, is_hired from marts_validity.fct_predictor_scores "
        "where application_id = 'a9' and attribute = 'overall'"
    ) == [(0.0, False)]


def test_three_systems_are_joined_and_the_calibrated_rating_counts(apis: Any) -> None:
    assert apis.rows(
        "select job_family, step, n from marts_validity.validity_coverage "
        "where job_family = 'engineering' order by step_order"
    ) == [
        ("engineering", step, n) for step, n in zip(("hired", "linked", "tenured", "rated"), (6,) * 4, strict=True)
    ] + [("engineering", "independent_rater", 0)]
    assert apis.rows(
        "select sum(effective_rating), sum(rating), count(distinct cell_kind), min(cell_kind) "
        "from marts_performance.fct_performance_ratings"
    ) == [(float(sum(RATINGS)), 18.0, 1, "cycle_scale_level")]


def test_a_card_sent_after_the_decision_is_flagged_and_kept(apis: Any) -> None:
    assert apis.rows(
        "select application_id from marts_validity.fct_predictor_scores where is_contaminated and attribute = 'overall'"
    ) == [("a5",)]
    assert apis.rows(
        "select scorecard_id from marts_interviewing.fct_scorecards where is_submitted_after_decision"
    ) == [("sc5",)]


def test_a_deleted_candidate_leaves_the_marts_and_stays_in_canonical(apis: Any) -> None:
    assert apis.rows("select count(*) from canonical.applications where deleted_at is not null") == [(1,)]
    for mart in (
        "marts_recruiting.fct_applications",
        "marts_interviewing.fct_interviews",
        "marts_validity.fct_predictor_scores",
    ):
        assert apis.rows(f"select count(*) from {mart} where application_id = 'a8'") == [(0,)], mart
    assert apis.rows("select value from marts_ops.data_quality_summary where metric = 'applications_deleted'") == [
        (1.0,)
    ]


def test_the_demographics_zone_holds_what_the_warehouse_must_not(empty: Any) -> None:
    assert empty.rows("select count(*) from restricted.eeo_answers", zone="demographics") == [(0,)]
    columns = empty.rows("select distinct lower(column_name) from duckdb_columns() where database_name = 'warehouse'")
    assert {name for (name,) in columns} & {
        "gender",
        "race",
        "race_ethnicity",
        "veteran_status",
        "disability_status",
    } == set()


def test_days_are_those_of_the_firms_time_zone(
    build: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application of New Year's Eve and an interview of the last evening of a month are the next day in UTC."""
    rows = api_firm()
    for application in rows["raw_greenhouse.applications"]:
        application["created_at"] = "2024-01-01 04:30:00+00"
    for interview in rows["raw_greenhouse.interviews"]:
        interview["starts_at"], interview["ends_at"] = "2024-02-01 02:00:00+00", "2024-02-01 03:00:00+00"
    for review in rows["raw_lattice.reviews"]:
        review["submitted_at"] = "2024-12-20 04:30:00+00"
    for offer in rows["raw_greenhouse.offers"]:
        offer["sent_on"] = "2023-12-12"
    monkeypatch.setenv("QOH_TIMEZONE", "America/New_York")
    # A project that was parsed for one time zone is not the parsed project of the others.
    target = tmp_path_factory.mktemp("new_york_target")
    firm = build("new_york", rows, "--exclude-resource-type", "unit_test", target=target)
    assert firm.rows(
        "select distinct cohort_quarter from marts_recruiting.funnel_by_stage where cohort_quarter is not null"
    ) == [(date(2023, 10, 1),)]
    assert firm.rows("select distinct month from marts_interviewing.scorecard_latency") == [(date(2024, 1, 1),)]
    # The thirty-first of January 2024 was a Wednesday.
    assert firm.rows("select distinct week_start from marts_interviewing.interviewer_load") == [(date(2024, 1, 29),)]
    assert firm.rows("select as_of_at, as_of_on from marts_ops.data_clock") == [
        (datetime(2024, 12, 20, 4, 30), date(2024, 12, 19))
    ]
    # The day of an offer ends five hours later in New York than in UTC.
    assert firm.rows(
        "select distinct decided_at from canonical.application_decisions where decided_by_event = 'offer'"
    ) == [(datetime(2023, 12, 13, 4, 59, 59),)]
