"""The system studies techniques, not people: no table predicts, scores or ranks a person. Every column is walked."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion.connectors import vendors
from orchestration.dictionary import dictionary

ROOT = Path(__file__).parent.parent
MANIFEST = ROOT / "dbt_project" / "target" / "manifest.json"

PERSON = {"candidate_id", "application_id", "employee_id", "interviewer_id", "user_id", "reviewer_id", "person_id"}
FORBIDDEN = re.compile(
    r"predict|propensity|likelihood|probab|percentile|leaderboard|fit_score|candidate_score|hire_score|quality_score"
    r"|qoh_index|expected_(rating|performance)|(^|_)rank(ing|ed)?(_|$)"
)
# Places of a label on its own rating scale, not of a person among others.
RANKS_OF_LABELS = {"rating_rank", "recommendation_rank"}


def offending(columns: set[str]) -> set[str]:
    """Columns that would predict or rank the person a row is about; empty for tables that are not about persons."""
    if not columns & PERSON:
        return set()
    return {name for name in columns if FORBIDDEN.search(name) and name not in RANKS_OF_LABELS}


def models() -> list[tuple[str, set[str]]]:
    nodes = json.loads(MANIFEST.read_text())["nodes"].values()
    return [
        (f"{n['schema']}.{n['name']}", set(n["columns"]))
        for n in nodes
        if n["resource_type"] in {"model", "snapshot", "seed"}
    ]


def published() -> list[tuple[str, set[str]]]:
    """What is published, the result tables among it, which no dbt model makes."""
    return [(words.table, set(words.columns)) for words in dictionary()]


def raw() -> list[tuple[str, set[str]]]:
    return [
        (f"raw_{vendor}.{stream.name}", {column.name for column in stream.columns})
        for vendor, module in vendors().items()
        for stream in module.STREAMS
    ]


@pytest.mark.parametrize(("walk", "at_least"), [(models, 90), (published, 30), (raw, 30)])
def test_no_table_predicts_or_ranks_a_person(walk: Callable[[], list[tuple[str, set[str]]]], at_least: int) -> None:
    walked = walk()
    assert len(walked) >= at_least
    wrong = {table: sorted(bad) for table, columns in walked if (bad := offending(columns))}
    assert not wrong, f"{wrong}: this system studies techniques; remove the column or give it the grain of a technique"


@pytest.mark.parametrize("name", ["predicted_rating", "success_probability", "candidate_rank", "rank", "fit_score"])
def test_the_walk_notices_a_person_score(name: str) -> None:
    assert offending({"application_id", name}) == {name}


def test_a_rank_of_a_label_is_not_a_rank_of_a_person() -> None:
    assert not offending({"scorecard_id", "interviewer_id", "rating_rank"})
