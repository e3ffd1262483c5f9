"""A firm without any API: exports, a wide sheet kept by hand, and one file that somebody broke."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

import duckdb
import pytest

from ingestion.exit_codes import ExitCode
from ingestion.sandbox.runner import running_sandbox

from ..reliability.homes import Home

pytestmark = pytest.mark.slow

CONNECTIONS = r"""
[[connection]]
id = "spreadsheets"
vendor = "files"
url_env = "FILES_URL"
[[connection.options.layout]]
files = "performance_overview*.xlsx"
stream = "reviews"
shape = "wide"
sheet = "Ratings"
header_row = 3
skip_footer = 2
id_column = "Employee ID"
cycle_columns = "(?P<cycle>.*) Rating"
relation = "manager"
scale_min = 1
scale_max = 5
"""
BROKEN = "applications-2019.csv"


@dataclass
class Firm:
    """The home after one run, and what the run printed."""

    home: Home
    output: str


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    root = tmp_path_factory.mktemp("firm")
    with running_sandbox(size="tiny", seed=1) as sandbox:
        drops = shutil.copytree(sandbox.write_drops(), root / "drops")
    # Nobody exports ratings as a tidy table here: they are in the wide sheet only.
    (drops / "reviews.csv").unlink()
    (drops / "manifest.json").unlink()
    (drops / BROKEN).write_text(
        "application_id,candidate_id,job_id,applied_at,status\n"
        "A-1,C-1,J-1,2019-03-01,rejected\n"
        "A-2,C-2,J-1,the first of May,hired\n"
    )
    connections = root / "connections.toml"
    connections.write_text(CONNECTIONS)
    home = Home(root, connections)
    return Firm(home, home.run({"FILES_URL": drops.as_uri()}, expected=ExitCode.STREAMS_FAILED))


def test_the_broken_file_is_refused_whole_with_row_and_column_and_never_its_cell(firm: Firm) -> None:
    sentence = next(line for line in firm.output.splitlines() if BROKEN in line)
    assert "row 3" in sentence
    assert "`applied_at`" in sentence
    assert "the first of May" not in firm.output
    loaded = firm.home.rows(f"select count(*) from raw_files.applications where source_file like '%{BROKEN}'")
    assert loaded == [(0,)]
    [(status, reason)] = firm.home.rows(
        f"select status, reason from raw_files.drops where source_file like '%{BROKEN}'"
    )
    assert status == "rejected"
    assert "row 3" in reason


def test_the_other_files_are_loaded_and_become_a_company(firm: Firm) -> None:
    counted = {
        mart: firm.home.rows(f"select count(*) from {mart}")[0][0]
        for mart in (
            "marts_recruiting.fct_applications",
            "marts_interviewing.fct_scorecards",
            "marts_performance.fct_performance_ratings",
            "marts_validity.fct_hire_outcomes",
            "marts_validity.validity_pairs",
        )
    }
    assert {mart: n for mart, n in counted.items() if n < 20} == {}


def test_the_wide_sheet_is_read_without_title_totals_and_note(firm: Firm) -> None:
    [(people, lowest, highest)] = firm.home.rows(
        "select count(distinct employee_id), min(rating_value), max(rating_value) from raw_files.reviews"
    )
    [(employees,)] = firm.home.rows("select count(*) from raw_files.employees")
    assert 20 < people <= employees
    assert 1 <= lowest <= highest <= 5


def test_there_are_estimates_and_a_report(firm: Firm) -> None:
    with duckdb.connect(str(firm.home.published), read_only=True) as published:
        found = dict(
            published.execute(
                "select technique, n from validity.validity_estimates where job_family = 'all'"
                " and variant = 'all_raters' and rung = 1 and attribute = 'overall'"
            ).fetchall()
        )
    assert len(found) >= 5
    assert (firm.home.data / "report" / "index.html").stat().st_size > 10_000
    assert "Structured behavioural" in firm.output
