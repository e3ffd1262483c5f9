"""The gates over aggregated marts, tried on what the models themselves make of a defect in their sources."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest

from expectations import evaluate, find_check

from .conftest import Built
from .test_builds import api_firm

MADE_AGAIN = (
    ("marts_interviewing", "scorecard_latency"),
    ("marts_recruiting", "funnel_by_stage"),
    ("marts_validity", "validity_coverage"),
    ("marts_performance", "review_coverage"),
    ("marts_ops", "mart_reconciliation"),
)
DOUBLED = "select * from {table} union all select * from {table}"
TWO_EMPLOYEES = "select * from {table} union all select * replace ('again ' || employee_id as employee_id) from {table}"


@pytest.fixture(scope="module")
def sound(build: Callable[..., Built]) -> Built:
    return build("gates", api_firm(), "--exclude-resource-type", "unit_test")


def gate(sound: Built, place: Path, check_id: str, defects: Mapping[str, str] | None = None) -> str:
    """Status of the check after tables became the defects and the marts were made again by their own statements."""
    shutil.copy(sound.home / "warehouse.duckdb", place / "warehouse.duckdb")
    check = find_check(check_id)
    with duckdb.connect(str(place / "warehouse.duckdb")) as connection:
        for table, defect in (defects or {}).items():
            connection.execute(f"create or replace table {table} as {defect.format(table=table)}")
        for schema, model in MADE_AGAIN:
            (statement,) = sound.target.glob(f"compiled/quality_of_hire/models/marts/**/{model}.sql")
            connection.execute(f"create or replace table {schema}.{model} as {statement.read_text(encoding='utf-8')}")
        frame = connection.execute(f"from {check.table}").df()
    return evaluate(check, frame).status


DEFECTS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "interviewing_scorecard_latency_adds_up": {
        "every seat twice": {"canonical.interview_panel": DOUBLED},
        "scorecards lost": {"marts_interviewing.fct_scorecards": "select * from {table} limit 3"},
    },
    "recruiting_funnel_by_stage_adds_up": {
        "every application twice": {"marts_recruiting.fct_applications": DOUBLED},
        "applications lost": {"marts_recruiting.fct_applications": "select * from {table} limit 3"},
    },
    "validity_coverage_adds_up": {
        "every hire twice": {"marts_validity.fct_hire_outcomes": DOUBLED},
        "hires lost": {"marts_validity.fct_hire_outcomes": "select * from {table} limit 3"},
    },
    "performance_review_coverage_adds_up": {
        "every reviewee two employees": {
            "marts_performance.fct_reviews": TWO_EMPLOYEES,
            "canonical.employment_spells": TWO_EMPLOYEES,
        },
    },
    "performance_rating_inside_scale": {
        "a calibrated rating outside": {
            "marts_performance.fct_reviews": "select * replace (9 as calibrated_rating) from {table}"
        },
    },
}


@pytest.mark.parametrize("check_id", DEFECTS)
def test_a_gate_is_open_on_sound_marts_and_closed_by_each_defect(sound: Built, tmp_path: Path, check_id: str) -> None:
    assert gate(sound, tmp_path, check_id) == "passed"
    for name, defects in DEFECTS[check_id].items():
        assert gate(sound, tmp_path, check_id, defects) == "failed", name
