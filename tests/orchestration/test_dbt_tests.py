"""What a failed dbt test says, for every test of the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.dbt_tests import KINDS, sentence

NAME = "references_employment_spells_connection_id__employee_id__ref_employees_"


@pytest.fixture(scope="module")
def tests(manifest: Path) -> dict[str, dict[str, Any]]:
    nodes = json.loads(manifest.read_text())["nodes"].values()
    return {node["name"]: node for node in nodes if node["resource_type"] == "test"}


def test_every_test_of_the_project_has_words_of_its_kind(tests: dict[str, dict[str, Any]]) -> None:
    assert {node["test_metadata"]["name"] for node in tests.values()} == set(KINDS)
    for node in tests.values():
        said = sentence(node, "canonical.x", "fail", 3)
        assert "fails: 3 " in said
        assert not set("{}") & set(said), said


def test_rows_without_their_parent_are_counted_and_the_next_step_is_named(tests: dict[str, dict[str, Any]]) -> None:
    assert sentence(tests[NAME], "canonical.employment_spells", "warn", 1) == (
        f"`canonical.employment_spells`: `{NAME}` fails: 1 key (connection_id, employee_id) without a row in "
        "`employees`. Published with this warning. Those rows of `employees` were set aside (`qoh quarantine list`), "
        "cannot be seen with the credential (`qoh doctor`), or were deleted at the vendor; after the first two are "
        "mended: `qoh run --reread CONNECTION`."
    )


def test_a_description_and_a_next_step_of_the_test_itself_are_told(tests: dict[str, dict[str, Any]]) -> None:
    own = {"description": "A spell is somebody's.", "config": {"meta": {"next_step": "Ask HR."}}}
    said = sentence(tests[NAME] | own, "canonical.employment_spells", "fail", 2)
    assert said.endswith("`employees`. A spell is somebody's. Nothing is published. Ask HR.")


def test_a_test_that_could_not_run_says_that_nothing_is_known(tests: dict[str, dict[str, Any]]) -> None:
    assert "Nothing is known about this part of the data" in sentence(tests[NAME], "canonical.x", "error", 0)


def test_of_demographics_nobody_says_how_many(tests: dict[str, dict[str, Any]]) -> None:
    assert "fails: some keys (" in sentence(tests[NAME], "restricted.x", "fail", None)
