"""Dropped files: loaded whole or not at all, each version once, and never a guessed scale."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from ingestion.connections import Connection
from ingestion.errors import SecretMissing, Unreachable
from ingestion.exit_codes import ExitCode
from ingestion.folders import DriverMissing
from ingestion.layouts import Layout, LayoutInvalid, parse_day, parse_moment, wide_records
from ingestion.load import sync
from ingestion.privacy import Pseudonymiser, configured_keys
from ingestion.settings import settings
from ingestion.spreadsheets import Sheet, Unreadable

from .helpers import EVERYTHING, records_of, stream_of

FIRM = Connection("files_main", "files", {}, {"settle_seconds": 0})
EMPLOYEES = (
    "employee_id,first_name,last_name,hire_date,personal_email,comment\n"
    "007,Ines,Okafor,2025-03-01,ines@example.org,hi\n"
)
REVIEW_HEAD = (
    "review_id,cycle_id,employee_id,reviewer_relation,question_id,rating_value,rating_label,scale_min,scale_max\n"
)
WIDE = {
    "files": "ratings*.xlsx",
    "stream": "reviews",
    "shape": "wide",
    "header_row": 2,
    "skip_footer": 1,
    "id_column": "Employee",
    "cycle_columns": r"(?P<cycle>20\d\d H[12]) Rating",
    "scale_labels": ["Below", "Meets", "Exceeds"],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder a connection of files reads."""
    path = tmp_path / "drops"
    path.mkdir()
    monkeypatch.setenv("FILES_URL", str(path))
    return path


@pytest.fixture
def files(connect: Callable[..., Any]) -> Callable[..., Any]:
    """A connector of files that does not wait for files to settle."""
    return lambda **options: connect("files", **{"settle_seconds": 0, **options})


def stored(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings().warehouse_file), read_only=True) as warehouse:
        return warehouse.execute(sql).fetchall()


def rows(connector: Any, name: str, done: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    return records_of(connector, stream_of("files", name), replace(EVERYTHING, complete=False, done=done))


def units(connector: Any, name: str) -> frozenset[str]:
    return frozenset(unit for page in connector.read(stream_of("files", name), EVERYTHING) for unit in page.done)


def wide_sheet(*body: list[Any]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["Talent overview"],
        ["Employee", "Name", "2024 H1 Rating", "2024 H2 Rating"],
        *body,
        ["Total", "", 2, 2],
    ):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_tidy_file_is_recognised_by_its_name_and_free_text_is_not_read(
    folder: Path, files: Callable[..., Any]
) -> None:
    (folder / "employees-2026.csv").write_text(EMPLOYEES)
    (row,) = rows(files(), "employees")
    assert row["employee_id"] == "007"
    assert row["hire_date"] == "2025-03-01"
    assert row["drop_sha256"] == hashlib.sha256(EMPLOYEES.encode()).hexdigest()
    assert "hi" not in row.values()
    (drop,) = rows(files(), "drops")
    assert (drop["status"], drop["rows"], drop["reason"]) == ("loaded", 1, "columns not read: comment")
    projection = Pseudonymiser(configured_keys()).project(stream_of("files", "employees"), row)
    assert projection is not None
    assert "007" not in projection.row.values()
    assert {value.value for value in projection.vault} == {"007", "Ines", "Okafor", "ines@example.org", "2025-03-01"}


def test_a_version_is_read_once_and_a_corrected_file_again(folder: Path, files: Callable[..., Any]) -> None:
    path = folder / "employees.csv"
    path.write_text(EMPLOYEES)
    done = units(files(), "employees")
    assert rows(files(), "employees", done) == []
    path.write_text(EMPLOYEES.replace("2025-03-01", "2025-04-01"))
    (row,) = rows(files(), "employees", done)
    assert row["hire_date"] == "2025-04-01"
    assert units(files(), "drops").isdisjoint(done)


def test_a_bad_file_is_rejected_whole_with_row_and_column_and_the_others_are_read(
    folder: Path, files: Callable[..., Any]
) -> None:
    (folder / "employees.csv").write_text(EMPLOYEES + "008,Abel,Ruiz,31/31/2025,,\n")
    (folder / "employees2.csv").write_text(EMPLOYEES)
    assert [row["source_file"] for row in rows(files(), "employees")] == ["employees2.csv"]
    rejected = next(drop for drop in rows(files(), "drops") if drop["status"] == "rejected")
    assert rejected["source_file"] == "employees.csv"
    assert rejected["reason"].startswith("row 3, column `hire_date`: no day written as")
    (message,) = [str(page.problem) for page in files().read(stream_of("files", "drops"), EVERYTHING) if page.problem]
    for personal in ("Abel", "Ruiz", "008", "31/31/2025"):
        assert personal not in message
    assert "Nothing of a rejected file was loaded" in message


def test_a_rejected_file_fails_its_table_and_the_register_after_the_others_are_stored_until_it_is_mended(
    folder: Path,
) -> None:
    (folder / "employees.csv").write_text(EMPLOYEES)
    broken = folder / "employees-old.csv"
    broken.write_text(EMPLOYEES.replace("007", "008").replace("2025-03-01", "in spring"))
    since = set()
    for n_changed in (2, 0):  # and it stays so: a rejected file that nobody mended is no news, but it is still missing
        result = sync(FIRM)
        assert [stream.stream for stream in result.failed] == ["employees", "drops"]
        for failed in result.failed:
            assert failed.error_class == "FilesRejected"
            assert "`employees-old.csv` was rejected: row 2, column `hire_date`" in (failed.error or "")
        assert result.failed[-1].n_changed == n_changed
        since |= set(stored("select loaded_at from raw_files.drops where status = 'rejected'"))
        assert result.exit_code == ExitCode.STREAMS_FAILED
        assert stored("select source_file from raw_files.employees") == [("employees.csv",)]
        assert stored("select source_file, status from raw_files.drops order by all") == [
            ("employees-old.csv", "rejected"),
            ("employees.csv", "loaded"),
        ]
    assert len(since) == 1
    broken.write_text(EMPLOYEES.replace("007", "008"))
    assert sync(FIRM).failed == ()
    assert stored("select count(*) from raw_files.employees") == [(2,)]


def test_each_table_fails_with_its_own_rejected_files_only(folder: Path) -> None:
    (folder / "employees.csv").write_text(EMPLOYEES)
    (folder / "reviews.csv").write_text("review_id\nr1\n")
    (folder / "scorecards.xlsx").write_bytes(b"PK")
    (folder / "salaries.csv").write_text("a\n")
    failed = {stream.stream: stream.error or "" for stream in sync(FIRM).failed}
    named = {
        stream: [name for name in ("employees.csv", "reviews.csv", "salaries.csv", "scorecards.xlsx") if name in error]
        for stream, error in failed.items()
    }
    assert named == {
        "reviews": ["reviews.csv"],
        "scorecards": ["scorecards.xlsx"],
        "drops": ["reviews.csv", "salaries.csv", "scorecards.xlsx"],
    }


def test_a_file_that_is_rejected_for_another_reason_is_registered_with_it_and_so_when_it_changes_back(
    folder: Path,
) -> None:
    (folder / "employees.csv").write_text(EMPLOYEES)
    for n_rows in (2, 3, 2, 2):
        manifest(folder, rows=n_rows)
        assert [stream.stream for stream in sync(FIRM).failed] == ["employees", "drops"]
        assert stored("select reason from raw_files.drops") == [(f"it has 1 rows, `manifest.json` says {n_rows}",)]
    manifest(folder)
    assert sync(FIRM).failed == ()
    assert stored("select status, reason from raw_files.drops") == [("loaded", "columns not read: comment")]


def test_up_to_five_places_of_a_rejected_file_are_named(folder: Path, files: Callable[..., Any]) -> None:
    path = folder / "employees.csv"
    path.write_text("employee_id,hire_date\n" + "".join(f"{n},in spring\n" for n in range(7)))
    reason = rows(files(), "drops")[0]["reason"]
    assert re.findall(r"row (\d+), column `hire_date`", reason) == ["2", "3", "4", "5", "6"]
    assert reason.endswith("; and 2 more")
    path.write_text("employee_id,hire_date\n" + "".join(f"{n},2025-01-01,more\n" for n in range(7)))
    reason = rows(files(), "drops")[0]["reason"]
    assert re.findall(r"row (\d+): the row has 3 cells, the header 2", reason) == ["2", "3", "4", "5", "6"]
    (folder / "ratings.xlsx").write_bytes(wide_sheet(["007", "Ines", "Meets", "Exceeds"]))
    layout = {**WIDE, "id_column": "Emp No", "reviewer_column": "Manager"}
    reason = next(drop["reason"] for drop in rows(files(layout=[layout]), "drops") if "ratings" in drop["source_file"])
    assert reason == "column `Emp No`: the column is missing; column `Manager`: the column is missing"


def test_a_remote_folder_is_fetched_and_waited_for_once_for_all_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    remote = fsspec.filesystem("memory")  # a folder that tells no times as numbers
    for name in "abc":
        remote.pipe(f"/remote/employees-{name}.csv", EMPLOYEES.encode())
    monkeypatch.setenv("FILES_URL", "memory://remote")
    fetched: Counter[str] = Counter()
    naps: list[float] = []
    fetch = MemoryFileSystem.cat_file

    def counted(self: MemoryFileSystem, path: str, *args: Any, **options: Any) -> Any:
        fetched[path] += 1
        return fetch(self, path, *args, **options)

    monkeypatch.setattr(MemoryFileSystem, "cat_file", counted)
    monkeypatch.setattr("ingestion.folders.time.sleep", naps.append)
    assert sync(Connection("files_main", "files", {}, {"settle_seconds": 0.25})).failed == ()
    assert fetched == {f"/remote/employees-{name}.csv": 1 for name in "abc"}
    assert naps == [0.25]


def test_files_are_fetched_one_at_a_time(files: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    remote = fsspec.filesystem("memory")
    for name in "abc":
        remote.pipe(f"/queue/employees-{name}.csv", EMPLOYEES.encode())
    monkeypatch.setenv("FILES_URL", "memory://queue")
    fetched: list[str] = []
    fetch = MemoryFileSystem.cat_file

    def noted(self: MemoryFileSystem, path: str, *args: Any, **options: Any) -> Any:
        fetched.append(path[-5])
        return fetch(self, path, *args, **options)

    monkeypatch.setattr(MemoryFileSystem, "cat_file", noted)
    for number, page in enumerate(files().read(stream_of("files", "employees"), EVERYTHING), start=1):
        assert (page.endpoint[-5], "".join(fetched)) == ("abc"[number - 1], "abc"[:number])


def test_a_file_replaced_while_the_folder_is_read_waits_for_the_next_run(
    folder: Path, files: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    path = folder / "employees.csv"
    path.write_text(EMPLOYEES)
    connector = files()
    assert len(rows(connector, "employees")) == 1
    path.write_text(EMPLOYEES.replace("007", "00008"))
    (drop,) = rows(connector, "drops")  # the version whose rows were read, and not the one that is there now
    assert drop["sha256"] == hashlib.sha256(EMPLOYEES.encode()).hexdigest()
    assert rows(connector, "employees") == []
    assert rows(connector, "drops") == []
    assert "still being written" in caplog.text
    assert [r.status for r in connector.probe() if r.subject == "file employees.csv"] == ["warning"]
    assert [row["employee_id"] for row in rows(files(), "employees")] == ["00008"]


def test_a_missing_driver_is_named_with_the_extra_that_brings_it(
    files: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "paramiko", None)
    monkeypatch.setenv("FILES_URL", "sftp://example.org/hr")
    with pytest.raises(DriverMissing, match=r"`sftp://`, for which no driver is installed.*`remote-files`"):
        rows(files(), "employees")


def test_a_rejected_file_is_looked_at_again_once_its_layout_is_corrected(
    folder: Path, files: Callable[..., Any]
) -> None:
    (folder / "employees.csv").write_text(EMPLOYEES.replace("2025-03-01", "01.03.2025"))
    assert units(files(), "employees") == frozenset()
    (row,) = rows(files(date_format="%d.%m.%Y"), "employees")
    assert row["hire_date"] == "2025-03-01"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("employee_id,first_name\n1,A\n", "column `hire_date`: the column is missing"),
        ("employee_id,hire_date\n,2025-01-01\n", "row 2, column `employee_id`: the cell is empty"),
        ("employee_id,hire_date\n1,\n", "row 2, column `hire_date`: the cell is empty"),
        (
            "employee_id,hire_date\n1,2025-01-01\n1,2025-02-01\n",
            "row 3, column `employee_id`: the key is the same as in row 2",
        ),
        (
            "employee_id,hire_date,termination_type\n1,2025-01-01,fired\n",
            "none of voluntary, involuntary, other, unknown",
        ),
        ("employee_id,hire_date\n1,45292\n", "no day written as"),
        ("employee_id,hire_date\n1,03/04/2025\n", "option `date_format`"),
        ("employee_id,hire_date\n1,#REF!\n", "formula error"),
    ],
)
def test_each_defect_has_its_sentence(folder: Path, files: Callable[..., Any], content: str, reason: str) -> None:
    (folder / "employees.csv").write_text(content)
    assert rows(files(), "employees") == []
    (drop,) = rows(files(), "drops")
    assert reason in drop["reason"]


def test_a_file_that_belongs_nowhere_is_rejected_and_unfinished_ones_are_not_looked_at(
    folder: Path, files: Callable[..., Any]
) -> None:
    for name in ("salaries.csv", ".hidden.csv", "~$open.xlsx", "employees.csv.part", "employees.csv.done"):
        (folder / name).write_text("a,b\n")
    (drop,) = rows(files(), "drops")
    assert drop["source_file"] == "salaries.csv"
    assert "no layout names it" in drop["reason"]


def test_ratings_are_read_on_the_scale_of_their_row_and_no_scale_is_guessed(
    folder: Path, files: Callable[..., Any]
) -> None:
    path = folder / "reviews.csv"
    path.write_text(REVIEW_HEAD + 'r1,c1,1,manager,overall,"4,5",,1,5\nr2,c1,2,Manager,overall,,N/A,1,5\n')
    first, second = rows(files(), "reviews")
    assert (first["rating_value"], first["scale_max"]) == (4.5, 5.0)
    assert (second["rating_value"], second["rating_label"], second["rating_reason"]) == (None, "N/A", "not_applicable")
    assert second["reviewer_relation"] == "manager"
    path.write_text(REVIEW_HEAD + "r1,c1,1,manager,overall,4,,,\n")
    (drop,) = rows(files(), "drops")
    assert "row 2, column `rating_value`: no scale is stated" in drop["reason"]
    stated = {"files": "reviews*", "stream": "reviews", "scale_min": 1, "scale_max": 4}
    (row,) = rows(files(layout=[stated]), "reviews")
    assert (row["rating_value"], row["scale_min"], row["scale_max"]) == (4.0, 1.0, 4.0)


def test_a_wide_sheet_becomes_one_review_per_employee_and_cycle(folder: Path, files: Callable[..., Any]) -> None:
    (folder / "ratings.xlsx").write_bytes(
        wide_sheet(["007", "Ines", "Meets", "Exceeds"], ["008", "Abel", "Too new", None])
    )
    found = rows(files(layout=[WIDE]), "reviews")
    assert [(r["cycle_id"], r["employee_id"], r["rating_value"], r["rating_reason"]) for r in found] == [
        ("2024 H1", "007", 2.0, None),
        ("2024 H2", "007", 3.0, None),
        ("2024 H1", "008", None, "too_new"),
    ]
    assert {r["scale_labels"] for r in found} == {"Below|Meets|Exceeds"}
    assert not any("007" in r["review_id"] for r in found)
    assert len({r["review_id"] for r in found}) == 3
    (folder / "ratings-sorted.xlsx").write_bytes(wide_sheet(["008", "Abel", "Meets", None]))
    again = rows(files(layout=[WIDE]), "reviews")
    assert len({r["review_id"] for r in again}) == 3  # the same review keeps its id in every file and order


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (["009", "Lin", "Superb", None], "row 3, column `2024 H1 Rating`: neither a number nor a label"),
        ([None, "Lin", "Meets", None], "row 3, column `Employee`: the cell is empty"),
        (["009", "Lin", date(2024, 4, 5), None], "row 3, column `2024 H1 Rating`: neither"),
    ],
    ids=["unknown label", "no id", "a rating that Excel took for a date"],
)
def test_a_bad_cell_rejects_a_wide_sheet(folder: Path, files: Callable[..., Any], body: list[Any], reason: str) -> None:
    (folder / "ratings.xlsx").write_bytes(wide_sheet(body, ["010", "Sam", "Meets", "Meets"]))
    assert rows(files(layout=[WIDE]), "reviews") == []
    assert reason in rows(files(layout=[WIDE]), "drops")[0]["reason"]


def test_two_columns_of_one_cycle_reject_a_wide_sheet(folder: Path, files: Callable[..., Any]) -> None:
    (folder / "ratings.xlsx").write_bytes(wide_sheet(["007", "Ines", "Meets", "Exceeds"]))
    layout = {**WIDE, "cycle_columns": r"(?P<cycle>20\d\d) H[12] Rating"}
    assert rows(files(layout=[layout]), "reviews") == []
    reason = rows(files(layout=[layout]), "drops")[0]["reason"]
    assert "`2024 H1 Rating`, `2024 H2 Rating` are both cycle `2024`" in reason


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"scale_labels": []}, "no scale is guessed"),
        ({"id_column": None}, "id_column"),
        ({"cycle_columns": "("}, "no regular expression"),
        ({"scale_max": 5}, "one end"),
        ({"shap": "wide"}, r"`shap`: there is no such setting \(did you mean `shape`\?\)"),
        ({"timezone": "Europe/Berln"}, "`timezone`: invalid timezone"),
        ({"delimiter": ";;"}, "`delimiter`: .* at most 1 character"),
        ({"skip_footer": -1}, "`skip_footer`: .* greater than or equal to 0"),
        ({"stream": "employees"}, "a wide sheet gives reviews"),
        ({"shape": "tidy"}, "`cycle_columns`, `id_column` would not be looked at"),
        ({"columns": {"employee_id": "Emp No"}}, "`columns` would not be looked at: the sheet is said to be wide"),
        ({"constants": {"reviewer_relation": "boss"}}, "`constants`, `reviewer_relation`: none of manager, self"),
        ({"constants": {"cycle_nam": "2024"}}, "`constants` names `cycle_nam`, .*did you mean `cycle_name`"),
        ({"columns": {"employee": "Emp No"}}, "`columns` names `employee`, .*did you mean `employee_id`"),
        ({"shape": "tidy", "columns": {"colour": "Colour"}}, "`columns` names `colour`, which reviews do not have"),
    ],
)
def test_a_layout_that_does_not_hold_together_is_an_error_before_any_file_is_read(
    folder: Path, files: Callable[..., Any], change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(LayoutInvalid, match=problem):
        rows(files(layout=[{**WIDE, **change}]), "reviews")
    (folder / "employees.csv").write_text(EMPLOYEES)
    assert files(layout=[{**WIDE, **change}]).probe()[0].status == "problem"


def test_columns_under_other_names_are_mapped_and_missing_ones_filled_by_constants(
    folder: Path, files: Callable[..., Any]
) -> None:
    (folder / "staff.csv").write_text("Emp No;Start\n042;1.3.2025\n")
    layout = {
        "files": "staff*",
        "stream": "employees",
        "columns": {"employee_id": "Emp No", "hire_date": "Start"},
        "constants": {"location": "Hillside", "termination_type": "Voluntary", "updated_at": "31.3.2025 14:30"},
        "date_format": "%d.%m.%Y",
    }
    (row,) = rows(files(layout=[layout]), "employees")
    assert (row["employee_id"], row["hire_date"], row["location"]) == ("042", "2025-03-01", "Hillside")
    assert (row["termination_type"], row["updated_at"]) == ("voluntary", "2025-03-31T14:30:00+00:00")


def test_what_a_connection_says_of_days_and_zone_holds_for_its_layouts(folder: Path, files: Callable[..., Any]) -> None:
    (folder / "staff.csv").write_text("employee_id,hire_date,updated_at\n1,01.03.2025,07.11.2025 14:30\n")
    layout = {"files": "staff*", "stream": "employees"}
    (row,) = rows(files(layout=[layout], date_format="%d.%m.%Y", timezone="Europe/Berlin"), "employees")
    assert (row["hire_date"], row["updated_at"]) == ("2025-03-01", "2025-11-07T13:30:00+00:00")
    (row,) = rows(
        files(layout=[{**layout, "timezone": "Asia/Tokyo"}], date_format="%d.%m.%Y", timezone="Europe/Berlin"),
        "employees",
    )
    assert row["updated_at"] == "2025-11-07T05:30:00+00:00"


def manifest(folder: Path, **changes: Any) -> None:
    content = (folder / "employees.csv").read_bytes()
    entry = {"name": "employees.csv", "sha256": hashlib.sha256(content).hexdigest(), "rows": 1, "mode": "full"}
    document = {"schema_version": 1, "source": "hr", "as_of": "2026-01-31", "files": [{**entry, **changes}]}
    (folder / "manifest.json").write_text(json.dumps(document))


def test_a_manifest_gives_mode_and_day_and_its_file_must_agree_with_it(folder: Path, files: Callable[..., Any]) -> None:
    (folder / "employees.csv").write_text(EMPLOYEES)
    manifest(folder)
    (drop,) = rows(files(), "drops")
    assert (drop["mode"], drop["as_of"], drop["status"]) == ("full", "2026-01-31T00:00:00+00:00", "loaded")
    for change, reason in (
        ({"rows": 2}, "it has 1 rows, `manifest.json` says 2"),
        ({"sha256": "0" * 64}, "sha256 differs"),
        ({"mode": "append"}, "neither full nor delta"),
    ):
        manifest(folder, **change)
        (drop,) = rows(files(), "drops")
        assert reason in drop["reason"]
        assert rows(files(), "employees") == []


def test_a_file_that_the_manifest_names_and_nobody_dropped_is_said(
    folder: Path, files: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "employees.csv").write_text(EMPLOYEES)
    manifest(folder)
    document = json.loads((folder / "manifest.json").read_text())
    document["files"].append({"name": "reviews.csv"})
    (folder / "manifest.json").write_text(json.dumps(document))
    assert len(rows(files(), "employees")) == 1
    assert [r.message for r in caplog.records if "`reviews.csv` is named by `manifest.json`" in r.message]
    results = {result.subject: result for result in files().probe()}
    assert (results["file employees.csv"].status, results["file reviews.csv"].status) == ("ok", "warning")


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"files": [{"sha256": "0"}]}', '{"as_of": 20260131, "files": []}']
)
def test_an_unreadable_manifest_vouches_for_nothing(folder: Path, files: Callable[..., Any], content: str) -> None:
    (folder / "employees.csv").write_text(EMPLOYEES)
    (folder / "manifest.json").write_text(content)
    (drop,) = rows(files(), "drops")
    assert (drop["status"], "`manifest.json` is not readable" in drop["reason"]) == ("rejected", True)


def test_a_file_that_is_still_growing_waits(
    folder: Path, files: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = folder / "employees.csv"
    path.write_text(EMPLOYEES)
    monkeypatch.setattr("ingestion.folders.time.sleep", lambda _: path.write_text(EMPLOYEES * 2))
    assert rows(files(settle_seconds=5), "employees") == []
    assert "still being written" in caplog.text


def test_a_folder_that_is_not_there_is_an_error_and_not_zero_files(
    folder: Path, files: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILES_URL", str(folder / "nowhere"))
    with pytest.raises(Unreachable):
        rows(files(), "employees")
    monkeypatch.delenv("FILES_URL")
    with pytest.raises(SecretMissing, match="FILES_URL"):
        rows(files(), "employees")


def test_any_fsspec_address_works(folder: Path, files: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    memory = fsspec.filesystem("memory")
    memory.makedirs("/hr", exist_ok=True)
    memory.pipe("/hr/sub/employees.csv", EMPLOYEES.encode())
    monkeypatch.setenv("FILES_URL", "memory://hr")
    (row,) = rows(files(), "employees")
    assert row["source_file"] == "sub/employees.csv"


def test_the_doctor_says_of_each_file_whether_it_would_be_loaded(folder: Path, files: Callable[..., Any]) -> None:
    (folder / "employees.csv").write_text(EMPLOYEES)
    (folder / "reviews.csv").write_text("nothing\n")
    damaged = wide_sheet(["007", "Ines", "Meets", "Exceeds"]).replace(b"PK\x01\x02", b"PK\x01\x03")
    (folder / "job_changes.xlsx").write_bytes(damaged)
    results = {result.subject: result for result in files().probe()}
    assert results["file employees.csv"].status == "ok"
    assert results["file reviews.csv"].status == "problem"
    assert "column `review_id`" in results["file reviews.csv"].message
    assert results["file job_changes.xlsx"].status == "problem"


def test_the_sandbox_company_exports_files_that_load(
    company: Any, files: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestion.sandbox.files import WIDE_FOOTER_ROWS, WIDE_HEADER_ROW, WIDE_NAME, WIDE_SHEET

    monkeypatch.setenv("FILES_URL", str(company.write_drops()))
    layout = {
        **WIDE,
        "files": WIDE_NAME,
        "sheet": WIDE_SHEET,
        "header_row": WIDE_HEADER_ROW,
        "skip_footer": WIDE_FOOTER_ROWS,
        "id_column": "Employee ID",
        "cycle_columns": r"(?P<cycle>.*) Rating",
        "scale_labels": [],
        "scale_min": 1,
        "scale_max": 5,
    }
    connector = files(layout=[layout])
    drops = {drop["source_file"]: (drop["status"], drop["reason"]) for drop in rows(connector, "drops")}
    assert {status for status, _ in drops.values()} == {"loaded"}, drops
    for name in ("employees", "reviews", "job_changes", "applications", "interviews", "scorecards"):
        assert rows(connector, name), name


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d %b %Y"]))
def test_a_day_is_read_back_in_its_format_and_iso_always(day: date, date_format: str) -> None:
    assert parse_day(day.strftime(date_format), date_format) == day
    assert parse_day(day.isoformat(), date_format) == day


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo"])
)
def test_a_moment_of_the_firm_is_its_day_with_or_without_a_time(moment: datetime, zone: str) -> None:
    firm = ZoneInfo(zone)
    minute = moment.replace(second=0, microsecond=0)
    for written in ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %I:%M %p"):
        read = parse_moment(minute.strftime(written), "%d.%m.%Y", firm)
        assert read == minute.replace(tzinfo=firm).astimezone(UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=firm)
    assert parse_moment(moment.strftime("%d.%m.%Y"), "%d.%m.%Y", firm) == midnight.astimezone(UTC)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo"])
)
def test_a_moment_without_zone_is_the_firms_and_one_with_zone_is_its_own(moment: datetime, zone: str) -> None:
    firm = ZoneInfo(zone)
    assert parse_moment(moment.isoformat(), "%Y-%m-%d", firm) == moment.replace(tzinfo=firm).astimezone(UTC)
    assert parse_moment(moment.isoformat() + "Z", "%Y-%m-%d", firm) == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cycle", "first", "last"),
    [
        ("Performance review 2024 H2", date(2024, 7, 1), date(2024, 12, 31)),
        ("H1 2025", date(2025, 1, 1), date(2025, 6, 30)),
        ("q1 2024", date(2024, 1, 1), date(2024, 3, 31)),
        ("2023", date(2023, 1, 1), date(2023, 12, 31)),
        ("Spring talk", date(2024, 10, 1), date(2025, 3, 31)),
    ],
)
def test_the_months_a_wide_sheets_cycle_rates_are_in_its_name_or_stated(cycle: str, first: date, last: date) -> None:
    stated = {"Spring talk": (date(2024, 10, 1), date(2025, 3, 31))}
    layout = Layout.model_validate(WIDE | {"cycle_columns": r"(?P<cycle>.*) Rating", "periods": stated})
    sheet = Sheet(("Employee", f"{cycle} Rating"), ((2, ("007", "Meets")),))
    [record] = wide_records(sheet, layout, lambda employee: "token")
    assert (record["period_start"], record["period_end"]) == (first.isoformat(), last.isoformat())


@pytest.mark.parametrize("cycle", ["Autumn talk", "H3 2024", "2023 or 2024", "H1 H2 2024"])
def test_a_cycle_without_months_rejects_the_sheet_and_asks_for_them(cycle: str) -> None:
    layout = Layout.model_validate(WIDE | {"cycle_columns": r"(?P<cycle>.*) Rating"})
    sheet = Sheet(("Employee", f"{cycle} Rating"), ((2, ("007", "Meets")),))
    with pytest.raises(Unreadable, match="does not say which months it rates; state it in the layout: periods"):
        wide_records(sheet, layout, lambda employee: "token")
