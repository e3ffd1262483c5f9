"""The file drops say what the API faces say, in the shapes people keep spreadsheets in."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest
from openpyxl import load_workbook

from ingestion.sandbox.files import COLUMNS, WIDE_FOOTER_ROWS, WIDE_HEADER_ROW, WIDE_NAME, WIDE_SHEET

from .clients import rows


def read(directory: Path, name: str) -> list[dict[str, str]]:
    with (directory / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_manifest_lists_every_file_with_its_fingerprint_and_rows(sandbox):
    directory = sandbox.write_drops()
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["as_of"] == str(sandbox.as_of)
    names = {entry["name"] for entry in manifest["files"]}
    assert names == {path.name for path in directory.iterdir()} - {"manifest.json"}
    for entry in manifest["files"]:
        content = (directory / entry["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        if entry["name"].endswith(".csv"):
            assert len(read(directory, entry["name"].removesuffix(".csv"))) == entry["rows"]


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_every_file_has_the_canonical_header_and_rows(sandbox, name):
    found = read(sandbox.write_drops(), name)
    assert tuple(found[0]) == COLUMNS[name]


def test_files_and_api_agree_on_people_and_applications(sandbox, greenhouse, bamboohr):
    directory = sandbox.write_drops()
    assert {row["application_id"] for row in read(directory, "applications")} == {
        str(row["id"]) for row in rows(greenhouse, "/applications")
    }
    total = bamboohr.get("/employees").json()["meta"]["total"]
    assert len(read(directory, "employees")) == total


def test_keys_of_the_tidy_files_are_unique(sandbox):
    directory = sandbox.write_drops()
    for name, key in (
        ("employees", ("employee_id",)),
        ("reviews", ("review_id", "question_id")),
        ("job_changes", ("employee_id", "effective_date", "change_type")),
        ("applications", ("application_id",)),
        ("interviews", ("interview_id", "interviewer_id")),
        ("scorecards", ("interview_id", "interviewer_id", "attribute")),
    ):
        found = [tuple(row[column] for column in key) for row in read(directory, name)]
        assert len(set(found)) == len(found), name


def test_a_leaver_keeps_department_and_level_in_the_file(sandbox):
    leavers = [row for row in read(sandbox.write_drops(), "employees") if row["termination_date"]]
    assert leavers
    assert all(row["department"] and row["job_level"] for row in leavers)
    assert {row["termination_type"] for row in leavers} <= {"voluntary", "involuntary", "other", "unknown"}


def test_the_wide_sheet_has_a_title_one_row_per_employee_and_a_footer(sandbox):
    directory = sandbox.write_drops()
    sheet = load_workbook(directory / WIDE_NAME)[WIDE_SHEET]
    lines = [[cell.value for cell in row] for row in sheet.iter_rows()]
    header, body = lines[WIDE_HEADER_ROW - 1], lines[WIDE_HEADER_ROW:-WIDE_FOOTER_ROWS]
    assert header[:2] == ["Employee ID", "Name"]
    assert any(str(name).endswith("Rating") for name in header)
    assert len(body) == len(read(directory, "employees"))
    assert lines[-WIDE_FOOTER_ROWS][0] == "Total"
    ratings = {value for row in body for value in row[5:]}
    assert "N/A" in ratings
    assert any(str(value).startswith("3 - ") for value in ratings)


def test_advancing_changes_the_next_drop(sandbox):
    before = len(read(sandbox.write_drops(), "applications"))
    sandbox.advance(60)
    assert len(read(sandbox.write_drops(), "applications")) > before
