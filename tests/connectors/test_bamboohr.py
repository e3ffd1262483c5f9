"""BambooHR: what is odd about it, against the sandbox's face on real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion.connections import Connection
from ingestion.connectors.bamboohr import FieldUnknown
from ingestion.errors import PermissionMissing, WrongEnvelope
from ingestion.load import sync

from .helpers import BAMBOOHR_OPTIONS, EVERYTHING, records_of, stream_of

REVIEW_OPTIONS = {
    "review_table": "customPerformanceReviews",
    "review_rating_field": "customRating",
    "review_cycle_field": "customCycle",
    "review_reviewer_field": "customReviewer",
}


def test_leavers_are_read_with_what_only_their_own_endpoint_tells(company: Any, connect: Callable[..., Any]) -> None:
    records = records_of(connect("bamboohr", **BAMBOOHR_OPTIONS), stream_of("bamboohr", "employees"))
    by_status = {status: [r for r in records if r["status"] == status] for status in ("Active", "Inactive")}
    assert all(by_status.values())
    assert all(record["terminationDate"] for record in by_status["Inactive"])
    assert not any(record["terminationDate"] for record in by_status["Active"])
    assert all(record["employeeNumber"] and record["originalHireDate"] for record in records)
    assert all(record["job_level"] and record["job_family"] for record in by_status["Active"])


def test_an_empty_date_is_no_date(company: Any, connect: Callable[..., Any]) -> None:
    connector = connect("bamboohr", **BAMBOOHR_OPTIONS)
    for name in ("employees", "job_info", "employment_status"):
        assert "0000-00-00" not in str(records_of(connector, stream_of("bamboohr", name)))


@pytest.mark.parametrize("name", ["employees", "job_info", "employment_status"])
def test_a_later_window_reads_the_changed_employees_only(company: Any, connect: Callable[..., Any], name: str) -> None:
    connector, stream = connect("bamboohr", **BAMBOOHR_OPTIONS), stream_of("bamboohr", name)
    everything = records_of(connector, stream)
    last = max(datetime.fromisoformat(record["lastChanged"]) for record in everything)
    company.request_log.reset()
    recent = records_of(connector, stream, replace(EVERYTHING, start=last - timedelta(days=20)))
    assert 0 < len(recent) < len(everything)
    expected = [r for r in everything if datetime.fromisoformat(r["lastChanged"]) >= last - timedelta(days=20)]
    assert {str(record) for record in recent} == {str(record) for record in expected}
    assert company.request_log.total("/bamboohr") <= 2 + len(recent)


def test_changes_after_the_window_wait_for_the_next(company: Any, connect: Callable[..., Any]) -> None:
    connector, stream = connect("bamboohr"), stream_of("bamboohr", "job_info")
    early = replace(EVERYTHING, end=datetime(2024, 1, 1, tzinfo=UTC))
    found = records_of(connector, stream, early)
    assert found
    assert max(datetime.fromisoformat(record["lastChanged"]) for record in found) <= early.end


def test_a_field_the_account_does_not_have_stops_the_stream_and_names_similar_ones(
    company: Any, connect: Callable[..., Any]
) -> None:
    with pytest.raises(FieldUnknown, match=r"level_field.*customJobLevl.*customJobLevel"):
        records_of(connect("bamboohr", level_field="customJobLevl"), stream_of("bamboohr", "employees"))


def test_a_review_table_the_account_does_not_have_stops_the_stream(company: Any, connect: Callable[..., Any]) -> None:
    with pytest.raises(FieldUnknown, match="review_table"):
        records_of(connect("bamboohr", review_table="customReviews"), stream_of("bamboohr", "performance_reviews"))


def test_without_a_review_table_nothing_is_asked(company: Any, connect: Callable[..., Any]) -> None:
    assert records_of(connect("bamboohr"), stream_of("bamboohr", "performance_reviews")) == []
    assert company.request_log.total("/bamboohr") == 0


def test_a_review_table_gives_ratings_with_label_and_number(company: Any, connect: Callable[..., Any]) -> None:
    records = records_of(connect("bamboohr", **REVIEW_OPTIONS), stream_of("bamboohr", "performance_reviews"))
    assert records
    for record in records:
        assert record["cycle"]
        assert record["employeeId"]
        assert record["rating"] == float(record["rating_label"].split(" - ")[0])


def test_hidden_fields_are_reported_once_by_name(
    company: Any, connect: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    company.chaos("missing_scope:homeEmail")
    connector = connect("bamboohr", **BAMBOOHR_OPTIONS)
    records = records_of(connector, stream_of("bamboohr", "employees"))
    assert all(record["homeEmail"] is None for record in records)
    assert [record.message for record in caplog.records if "homeEmail" in record.message] == [
        "`bamboohr_main`: the API key may not see `homeEmail`; these columns stay empty. "
        "Let an administrator's key read them."
    ]
    doctor = {result.subject: result for result in connector.probe()}
    assert doctor["stream employees"].status == "warning"
    assert "homeEmail" in doctor["stream employees"].message


def test_an_employee_deleted_between_list_and_detail_is_left_out(
    serve: Callable[..., None], connect: Callable[..., Any]
) -> None:
    def answer(path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path == "/employees/changed":
            changed = {n: {"id": n, "action": "Updated", "lastChanged": "2026-01-01T00:00:00Z"} for n in ("1", "2")}
            return 200, {"latest": "2026-01-01T00:00:00Z", "employees": changed}
        if path == "/employees":
            listed = [{"employeeId": n, "status": "Active", "_restrictedFields": []} for n in ("1", "2")]
            return 200, {"data": listed, "meta": {"total": 2, "page": {"limit": 250, "nextCursor": None}}}
        if path == "/meta/fields":
            return 200, []
        return (404, {}) if path == "/employees/2" else (200, {"id": "1", "terminationDate": "0000-00-00"})

    serve("bamboohr", answer)
    records = records_of(connect("bamboohr"), stream_of("bamboohr", "employees"))
    assert [(record["employeeId"], record["terminationDate"]) for record in records] == [("1", None)]


def test_an_employee_whom_the_key_may_not_read_is_set_aside_and_the_others_are_read(
    company: Any, connect: Callable[..., Any]
) -> None:
    stream = stream_of("bamboohr", "employees")
    everybody = len(records_of(connect("bamboohr"), stream))
    company.chaos("missing_scope:bamboohr/employee", times=1)
    pages = list(connect("bamboohr").read(stream, EVERYTHING))
    assert [len(page.records) for page in pages] == [everybody - 1]
    [withheld] = [withheld for page in pages for withheld in page.withheld]
    assert withheld.reason == "the key may not read this employee"


def test_a_key_that_may_read_nobody_stops_the_stream(company: Any, connect: Callable[..., Any]) -> None:
    company.chaos("missing_scope:bamboohr/employee")
    with pytest.raises(PermissionMissing, match="employee fields"):
        records_of(connect("bamboohr"), stream_of("bamboohr", "employees"))


@pytest.mark.parametrize(
    ("field", "name", "options"),
    [
        ("terminationDate", "employees", BAMBOOHR_OPTIONS),
        ("customJobLevel", "employees", BAMBOOHR_OPTIONS),
        ("jobTitle", "job_info", BAMBOOHR_OPTIONS),
        ("terminationTypeId", "employment_status", BAMBOOHR_OPTIONS),
        ("customReviewer", "performance_reviews", REVIEW_OPTIONS),
    ],
)
def test_a_field_that_the_vendor_leaves_out_is_named_by_the_sync_and_by_the_doctor(
    company: Any,
    connect: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    field: str,
    name: str,
    options: dict[str, str],
) -> None:
    company.chaos(f"missing_scope:{field}")
    connector = connect("bamboohr", **options)
    records_of(connector, stream_of("bamboohr", name))
    assert len([record for record in caplog.records if f"may not see `{field}`" in record.message]) == 1
    doctor = {result.subject: result for result in connector.probe()}
    assert doctor[f"stream {name}"].status == "warning"
    assert f"`{field}`" in doctor[f"stream {name}"].message


def test_a_rating_that_was_deleted_and_entered_again_is_missed_by_the_sweep(
    serve: Callable[..., None], home: Path
) -> None:
    rows = [{"id": "1", "employeeId": "7", "date": "2024-03-15"}, {"id": "2", "employeeId": "8", "date": "2024-03-15"}]
    tables = [{"alias": "customReviews", "fields": []}]

    def answer(path: str, query: dict[str, str]) -> tuple[int, Any]:
        return 200, {"/meta/fields": [], "/meta/tables": tables, "/employees/all/tables/customReviews": rows}[path]

    serve("bamboohr", answer)
    connection = Connection("bamboohr_main", "bamboohr", {}, {"review_table": "customReviews"})
    assert not sync(connection, ["performance_reviews"]).failed
    rows[0] = {**rows[0], "id": "3"}
    [result] = sync(connection, ["performance_reviews"], sweep=True).streams
    assert (result.n_rows, result.n_deleted) == (2, 1)


def test_a_sweep_does_not_take_a_page_that_tells_no_next_one_for_the_last(
    serve: Callable[..., None], home: Path
) -> None:
    numbers = [str(n) for n in range(1, 301)]
    listed = [{"employeeId": n, "status": "Active", "_restrictedFields": []} for n in numbers]
    meta = {"page": {"nextCursor": "250"}}

    def answer(path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path == "/meta/fields":
            return 200, []
        if path == "/employees/changed":
            return 200, {"employees": {}}
        if path == "/employees":
            is_last = "page[after]" in query
            return 200, {"data": listed[250:] if is_last else listed[:250], "meta": {"page": {}} if is_last else meta}
        return 200, {"id": path.rsplit("/", 1)[-1], "lastChanged": "2026-01-01T00:00:00Z"}

    serve("bamboohr", answer)
    connection = Connection("bamboohr_main", "bamboohr")
    assert sync(connection, ["employees"]).streams[0].n_changed == 300
    meta.clear()
    [result] = sync(connection, ["employees"], sweep=True).streams
    assert (result.status, result.error_class, result.n_deleted) == ("failed", "WrongEnvelope", 0)
    meta["page"] = {"nextCursor": "250"}
    [result] = sync(connection, ["employees"], sweep=True).streams
    assert (result.status, result.n_deleted) == ("ok", 0)


@pytest.mark.parametrize("name", ["employees", "job_info", "employment_status"])
def test_an_error_object_is_never_zero_rows(company: Any, connect: Callable[..., Any], name: str) -> None:
    company.chaos("wrong_envelope")
    with pytest.raises(WrongEnvelope):
        records_of(connect("bamboohr"), stream_of("bamboohr", name))


def test_the_sweep_sees_exactly_what_exists(company: Any, connect: Callable[..., Any]) -> None:
    connector = connect("bamboohr")
    for name, key in (("employees", "employeeId"), ("job_info", "id"), ("employment_status", "id")):
        stream = stream_of("bamboohr", name)
        swept = [number for page in connector.sweep_ids(stream) for number in page]
        assert sorted(swept) == sorted(str(record[key]) for record in records_of(connector, stream))


def test_the_doctor_finds_nothing_wrong_with_a_healthy_account(company: Any, connect: Callable[..., Any]) -> None:
    results = connect("bamboohr", **BAMBOOHR_OPTIONS, **REVIEW_OPTIONS).probe()
    assert {result.status for result in results} == {"ok"}


def test_the_doctor_names_an_unknown_option(company: Any, connect: Callable[..., Any]) -> None:
    problems = [r for r in connect("bamboohr", level_field="level").probe() if r.status == "problem"]
    assert [result.subject for result in problems] == ["options"]
