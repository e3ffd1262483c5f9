"""What a sync promises, against real HTTP, real dlt and real DuckDB."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
from starlette.responses import Response

from ingestion import reading
from ingestion.connections import Connection
from ingestion.connectors import vendors
from ingestion.errors import StreamUnknown
from ingestion.load import ensure_raw_tables, note_connections, retry_quarantine
from ingestion.progress import Event, Notice, StreamDone, WindowStored
from ingestion.quarantine import quarantined
from ingestion.settings import Settings

from .conftest import Desk
from .vendor import Vendor, department, moment, scorecard


def test_a_first_sync_loads_all_rows_and_a_second_one_changes_nothing(desk: Desk, vendor: Vendor) -> None:
    vendor.records["departments"] = [department(n) for n in range(120)]
    first = desk.sync("departments").streams[0]
    before = desk.query("select * from raw_greenhouse.departments order by id")
    second = desk.sync("departments").streams[0]
    assert (first.status, first.n_rows, first.n_changed) == ("ok", 120, 120)
    assert (second.status, second.n_changed) == ("ok", 0)
    assert desk.query("select * from raw_greenhouse.departments order by id") == before


def test_an_address_that_is_none_fails_every_stream_of_the_connection_with_its_sentence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENHOUSE_BASE_URL", "http://localhost:abc")
    streams = desk.sync("departments").streams
    assert {(stream.status, stream.error_class) for stream in streams} == {("failed", "BaseUrlInvalid")}
    assert "`GREENHOUSE_BASE_URL` holds no address" in str(streams[0].error)


def test_an_incremental_sync_reads_only_what_changed_and_an_edited_old_record_arrives(
    desk: Desk, vendor: Vendor
) -> None:
    vendor.clock = datetime(2026, 3, 10, tzinfo=UTC)
    vendor.records["departments"] = [department(n, day=1 + n % 9) for n in range(120)]
    desk.sync("departments")
    vendor.clock = datetime(2026, 3, 20, tzinfo=UTC)
    vendor.records["departments"][3] |= {"name": "Renamed", "updated_at": moment(15)}
    vendor.records["departments"].append(department(500, day=16))
    result = desk.sync("departments").streams[0]
    assert (result.n_rows, result.n_changed, result.n_requests) == (2, 2, 1)
    assert desk.query("select name from raw_greenhouse.departments where id = '3'") == [("Renamed",)]
    assert desk.query("select count(*) from raw_greenhouse.departments") == [(121,)]


def test_a_backfill_comes_newest_first_and_reaches_since(desk: Desk, vendor: Vendor) -> None:
    vendor.clock = datetime(2026, 3, 20, tzinfo=UTC)
    vendor.records["scorecards"] = [
        scorecard(n, updated_at=(vendor.clock - timedelta(days=n)).isoformat().replace("+00:00", ".000Z"))
        for n in range(1, 200)
    ]
    stored: list[WindowStored] = []
    result = desk.sync(
        "scorecards",
        since=datetime(2025, 12, 1, tzinfo=UTC),
        progress=lambda event: stored.append(event) if isinstance(event, WindowStored) else None,
    ).streams[0]
    assert [(window.start, window.end) for window in stored] == [
        ("2026-02-18", "2026-03-20"),
        ("2025-12-01", "2026-02-18"),
    ]
    assert (stored[0].seconds_left is not None, stored[-1].seconds_left) == (True, None)
    assert result.n_rows == 109 + 1  # the record on the border is read twice and stored once
    assert desk.query("select count(*) from raw_greenhouse.scorecards") == [(109,)]
    assert desk.sync("scorecards").streams[0].windows == 1
    earlier = desk.sync("scorecards", since=datetime(2025, 1, 1, tzinfo=UTC)).streams[0]
    assert earlier.n_changed == 90


def test_a_backfill_without_date_filters_reads_the_whole_list_twice_and_not_once_a_window(
    desk: Desk, vendor: Vendor
) -> None:
    vendor.records["scorecards"] = [scorecard(n) for n in range(3_000)]

    def refuse(v: Vendor, endpoint: str, number: int) -> Response | None:
        is_filtered = endpoint == "scorecards" and "updated_at" in v.queries[-1][1]
        return v.answer({"errors": ["updated_at is not a valid filter"]}, 422) if is_filtered else None

    vendor.bend = refuse
    assert desk.sync("scorecards", since=datetime(2015, 1, 1, tzinfo=UTC)).streams[0].windows == 2
    assert desk.query("select count(*) from raw_greenhouse.scorecards") == [(3_000,)]
    assert vendor.requests["scorecards"] == 1 + 2 * 60


def test_state_does_not_advance_when_a_later_page_fails(desk: Desk, vendor: Vendor) -> None:
    vendor.records["departments"] = [department(n) for n in range(120)]
    vendor.bend = lambda v, endpoint, n: v.answer({"error": "x"}) if (endpoint, n) == ("departments", 3) else None
    failed = desk.sync("departments").streams[0]
    vendor.bend = None
    assert failed.status == "failed"
    assert desk.query("select count(*) from raw_greenhouse.departments") == [(0,)]
    assert desk.sync("departments").streams[0].n_changed == 120


def test_a_large_window_is_stored_in_parts_and_counts_as_read_with_its_last_page_only(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGEST_BATCH", 100)
    vendor.clock = datetime(2026, 3, 10, tzinfo=UTC)
    vendor.records["scorecards"] = [scorecard(n, candidate_rating="superb" if n == 40 else "yes") for n in range(330)]
    held: list[int] = []
    monkeypatch.setattr(reading.Reader, "_checked", counted(reading.Reader._checked, held))
    vendor.bend = lambda v, endpoint, n: (
        v.answer({"errors": ["no"]}, 403) if (endpoint, n) == ("scorecards", 6) else None
    )
    assert desk.sync("scorecards").streams[0].status == "failed"
    assert desk.query("select count(*) from raw_greenhouse.scorecards") == [(200,)]
    assert desk.query("select count(*) from raw_ops.stream_state where covered_to is not null") == [(0,)]
    vendor.bend = None
    result = desk.sync("scorecards").streams[0]
    assert (result.status, result.n_rows, result.n_changed, result.n_quarantined) == ("ok", 329, 129, 1)
    assert max(held) < 150
    [waiting] = quarantined(where=desk.where)
    vendor.records["scorecards"][40]["candidate_rating"] = "no"
    assert not retry_quarantine(desk.connection, where=desk.where).failed
    assert (waiting.record_key, quarantined(where=desk.where)) == ("40", [])


def counted(whole: Callable[..., reading.Batch], held: list[int]) -> Callable[..., reading.Batch]:
    """`whole`, noting how many rows each batch holds."""

    def checked(reader: reading.Reader, batch: reading.Batch, clear: list[Any]) -> reading.Batch:
        held.append(sum(map(len, batch.rows.values())))
        return whole(reader, batch, clear)

    return checked


def test_rows_that_move_while_paging_are_there_after_the_next_sync(
    vendor: Vendor, desk_for: Callable[[Connection], Desk]
) -> None:
    for seed in range(5):
        chance, desk = random.Random(seed), desk_for(Connection(f"acme_{seed}", "greenhouse"))
        vendor.records["scorecards"] = [scorecard(n) for n in range(300)]
        vendor.page_size = 40

        def drift(v: Vendor, endpoint: str, number: int, chance: random.Random = chance) -> None:
            rows = v.records["scorecards"]
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            for row in chance.sample(rows, 5):
                row["updated_at"] = now
                row["candidate_rating"] = chance.choice(["yes", "no"])
            rows.append(scorecard(10_000 + number * 50 + chance.randrange(50), updated_at=now))

        vendor.bend = drift
        desk.sync("scorecards")
        vendor.bend = None
        time.sleep(1.1)  # windows end at whole seconds: what changed within the last one comes with the next sync
        desk.sync("scorecards")
        expected = {(str(row["id"]), row["candidate_rating"]) for row in vendor.records["scorecards"]}
        assert expected <= set(
            desk.query(
                f"select id, candidate_rating from raw_greenhouse.scorecards where connection_id = 'acme_{seed}'"
            )
        ), f"seed {seed}"


def test_nested_lists_land_in_tables_of_their_own_with_tokens(desk: Desk, vendor: Vendor) -> None:
    vendor.records["candidates"] = [
        {
            "id": 5,
            "first_name": "Ada",
            "last_name": "Byron",
            "email_addresses": [{"value": "ada@example.org", "type": "personal"}, {"value": "", "type": "work"}],
            "linked_user_ids": [77],
            "created_at": moment(1),
            "updated_at": moment(2),
        }
    ]
    results = {result.stream: result for result in desk.sync("candidate_email_addresses").streams}
    assert set(results) == {"candidates", "candidate_email_addresses", "candidate_linked_users"}
    assert results["candidate_email_addresses"].n_rows == 1
    assert results["candidate_email_addresses"].n_quarantined == 1
    [(candidate,)] = desk.query("select id from raw_greenhouse.candidates")
    assert desk.query("select candidate_id from raw_greenhouse.candidate_linked_users") == [(candidate,)]
    everything = str(
        desk.query("select * from raw_greenhouse.candidates")
        + desk.query("from raw_greenhouse.candidate_email_addresses")
    )
    assert "ada" not in everything.lower()
    assert len(candidate) == 32


ENVELOPES: dict[str, Callable[[Vendor], Response]] = {
    "an error object under 200": lambda v: v.answer({"error": {"message": "oops"}}),
    "a wrapped list": lambda v: v.answer({"data": []}),
    "null": lambda v: v.answer(None),
    "an empty object": lambda v: v.answer({}),
    "a text": lambda v: v.answer("maintenance"),
    "a number": lambda v: v.answer(0),
    "a boolean": lambda v: v.answer(False),
    "success false": lambda v: v.answer({"success": False, "results": []}),
    "an empty body": lambda v: v.answer(b""),
    "an HTML page": lambda v: v.answer(b"<html><body>Down</body></html>"),
    "a truncated page": lambda v: v.answer(b'[{"id": 1, "name": "Te'),
    "two documents": lambda v: v.answer(b"[]{}"),
}


@pytest.mark.parametrize("kind", ENVELOPES)
def test_a_wrong_envelope_fails_the_stream_naming_the_path_and_never_means_zero_rows(
    kind: str, desk: Desk, vendor: Vendor
) -> None:
    vendor.records["departments"] = [department(1)]
    desk.sync("departments")
    vendor.bend = lambda v, endpoint, n: ENVELOPES[kind](v) if endpoint == "departments" else None
    result = desk.sync("departments").streams[0]
    assert result.status == "failed"
    assert "/v3/departments" in (result.error or "")
    assert desk.query("select count(*) from raw_greenhouse.departments") == [(1,)]


def nested(depth: int) -> dict[str, Any]:
    return {} if depth == 0 else {"a": nested(depth - 1)}


BAD_RECORDS: dict[str, tuple[Any, str]] = {
    "no key": ({"name": "x"}, "missing_key"),
    "null key": (scorecard(900, id=None), "missing_key"),
    "empty key": (scorecard(900, id=""), "missing_key"),
    "a key that is an object": (scorecard(900, id={"a": 1}), "wrong_type"),
    "no record at all": ("canary", "not_an_object"),
    "a list": ([1, 2], "not_an_object"),
    "null": (None, "not_an_object"),
    "unknown rating": (scorecard(900, candidate_rating="canary"), "unknown_value"),
    "rating in capitals": (scorecard(900, candidate_rating="YES"), "unknown_value"),
    "rating as a number": (scorecard(900, candidate_rating=4), "unknown_value"),
    "person id missing": (scorecard(900, application_id=None), "missing_value"),
    "person id as a list": (scorecard(900, application_id=[1]), "wrong_type"),
    "person id as a boolean": (scorecard(900, interviewer_id=True), "wrong_type"),
    "time in words": (scorecard(900, submitted_at="canary"), "wrong_type"),
    "time without a zone": (scorecard(900, submitted_at="2026-03-01T10:00:00"), "wrong_type"),
    "time that does not exist": (scorecard(900, submitted_at="2026-02-30T10:00:00Z"), "wrong_type"),
    "time in milliseconds": (scorecard(900, submitted_at=1_700_000_000_000), "wrong_type"),
    "cursor at the end of days": (scorecard(900, updated_at="9999-12-31T00:00:00Z"), "cursor_in_future"),
    "text with a zero character": (scorecard(900, interview_kit_id="a\x00b"), "wrong_type"),
    "text that is half a character": (scorecard(900, interview_kit_id="\ud800"), "wrong_type"),
    "identifier that is half a character": (scorecard(900, application_id="\ud800"), "unreadable_text"),
    "deep nesting": (scorecard(900, interview_kit_id=nested(200)), "wrong_type"),
}


@pytest.mark.parametrize("kind", BAD_RECORDS)
def test_a_bad_record_is_set_aside_and_the_rest_loads(kind: str, desk: Desk, vendor: Vendor) -> None:
    record, rule = BAD_RECORDS[kind]
    vendor.bend = lambda v, endpoint, n: (
        v.answer([*map(scorecard, range(30)), record]) if endpoint == "scorecards" else None
    )
    result = desk.sync("scorecards").streams[0]
    assert (result.status, result.error) == ("ok", None)
    assert desk.query("select count(*) from raw_greenhouse.scorecards") == [(30,)]
    [row] = quarantined(where=desk.where)
    assert (row.rule, row.stream, row.endpoint) == (rule, "scorecards", "/v3/scorecards")
    assert row.record_key
    assert "canary" not in str(row)
    vendor.bend = lambda v, endpoint, n: v.answer([*map(scorecard, range(31))]) if endpoint == "scorecards" else None
    assert desk.sync("scorecards").streams[0].n_changed == 1


def test_numbers_that_are_none_are_set_aside(desk: Desk, vendor: Vendor) -> None:
    rows = [{"id": n, "job_id": 1, "sort_order": n, "updated_at": moment(1)} for n in range(12)]
    body = str(rows).replace("'", '"').replace('"sort_order": 3,', '"sort_order": NaN,')
    body = body.replace('"sort_order": 4,', '"sort_order": 99999999999999999999,').encode()
    vendor.bend = lambda v, endpoint, n: v.answer(body) if endpoint == "job_interview_stages" else None
    result = desk.sync("job_interview_stages").streams[0]
    assert result.status == "ok"
    assert desk.query("select count(*) from raw_greenhouse.job_interview_stages") == [(10,)]
    assert {row.record_key for row in quarantined(where=desk.where)} == {"3", "4"}


def test_bytes_that_are_no_text_spoil_only_their_record(desk: Desk, vendor: Vendor) -> None:
    body = b'[{"id": 1, "name": "Caf\xe9", "updated_at": "2026-03-01T00:00:00Z"},' + (
        b'{"id": 2, "name": "Tea", "updated_at": "2026-03-01T00:00:00Z"}]'
    )
    vendor.bend = lambda v, endpoint, n: v.answer(body) if endpoint == "departments" else None
    assert desk.sync("departments").streams[0].status == "ok"
    assert desk.query("select name from raw_greenhouse.departments") == [("Tea",)]


def test_a_poisoned_cursor_does_not_freeze_the_stream(desk: Desk, vendor: Vendor) -> None:
    vendor.clock = datetime(2026, 3, 10, tzinfo=UTC)
    poisoned = scorecard(900, updated_at="9999-12-31T00:00:00Z")
    vendor.bend = lambda v, endpoint, n: v.answer([scorecard(1), poisoned]) if endpoint == "scorecards" else None
    desk.sync("scorecards")
    vendor.bend, vendor.clock = None, datetime(2026, 3, 20, tzinfo=UTC)
    vendor.records["scorecards"] = [scorecard(1, day=15, candidate_rating="no")]
    desk.sync("scorecards")
    assert desk.query("select id, candidate_rating from raw_greenhouse.scorecards") == [("1", "no")]


def test_a_corrected_record_leaves_the_quarantine_by_retry(desk: Desk, vendor: Vendor) -> None:
    vendor.clock = datetime(2026, 3, 10, tzinfo=UTC)
    vendor.records["scorecards"] = [*map(scorecard, range(5)), scorecard(9, candidate_rating="superb")]
    desk.sync("scorecards")
    retry_quarantine(desk.connection, where=desk.where)
    assert [(row.stream, row.rule) for row in quarantined(where=desk.where)] == [("scorecards", "unknown_value")]
    vendor.records["scorecards"][-1]["candidate_rating"] = "strong_yes"
    retry_quarantine(desk.connection, where=desk.where)
    assert quarantined(where=desk.where) == []
    assert desk.query("select candidate_rating from raw_greenhouse.scorecards where id = '9'") == [("strong_yes",)]


def test_a_retry_whose_second_window_fails_keeps_that_windows_records_waiting(desk: Desk, vendor: Vendor) -> None:
    vendor.clock = datetime(2026, 3, 10, tzinfo=UTC)
    early = scorecard(8, candidate_rating="superb", updated_at="2025-12-01T12:00:00.000Z")
    vendor.records["scorecards"] = [*map(scorecard, range(5)), early, scorecard(9, candidate_rating="superb")]
    desk.sync("scorecards")
    assert len({row.window_end for row in quarantined(where=desk.where)}) == 2
    for record in vendor.records["scorecards"][-2:]:
        record["candidate_rating"] = "yes"

    def newer_window_is_forbidden(v: Vendor, endpoint: str, number: int) -> Response | None:
        asked = v.queries[-1][1].get("updated_at", "")
        return v.answer({"errors": ["no"]}, 403) if "lte|2026-03-10" in asked else None

    vendor.bend = newer_window_is_forbidden
    [failed] = retry_quarantine(desk.connection, where=desk.where).failed
    assert failed.error_class == "PermissionMissing"
    assert [row.record_key for row in quarantined(where=desk.where)] == ["9"]
    vendor.bend = None
    retry_quarantine(desk.connection, where=desk.where)
    assert quarantined(where=desk.where) == []
    assert desk.query("select id from raw_greenhouse.scorecards where id in ('8', '9') order by id") == [("8",), ("9",)]


def test_a_record_that_was_corrected_at_the_vendor_resolves_itself(desk: Desk, vendor: Vendor) -> None:
    vendor.clock = datetime(2026, 3, 10, tzinfo=UTC)
    vendor.records["scorecards"] = [*map(scorecard, range(5)), scorecard(9, candidate_rating="superb")]
    desk.sync("scorecards")
    vendor.clock = datetime(2026, 3, 20, tzinfo=UTC)
    vendor.records["scorecards"][-1] |= {"candidate_rating": "yes", "updated_at": moment(15)}
    desk.sync("scorecards")
    assert quarantined(where=desk.where) == []
    assert len(quarantined(include_resolved=True, where=desk.where)) == 1


def test_when_most_records_break_the_contract_the_stream_fails(desk: Desk, vendor: Vendor) -> None:
    vendor.records["scorecards"] = [scorecard(n, status="done") for n in range(40)]
    result = desk.sync("scorecards").streams[0]
    assert result.error_class == "MostRecordsRefused"
    assert "40 of 40" in (result.error or "")
    assert desk.query("select count(*) from raw_greenhouse.scorecards") == [(0,)]


def test_a_complete_read_that_shrank_is_refused_until_accepted(desk: Desk, vendor: Vendor) -> None:
    vendor.records["sources"] = [{"id": n, "name": f"Reason {n}"} for n in range(40)]
    desk.sync("sources")
    vendor.records["sources"] = vendor.records["sources"][:10]
    refused = desk.sync("sources").streams[0]
    assert refused.error_class == "StreamShrank"
    assert "10 rows read, 40 in the last load" in (refused.error or "")
    assert desk.sync("sources", accept_shrink=True).streams[0].status == "ok"
    assert desk.sync("sources").streams[0].status == "ok"


def test_a_sweep_finds_what_was_deleted_and_a_failed_one_proves_nothing(desk: Desk, vendor: Vendor) -> None:
    vendor.records["scorecards"] = [scorecard(n) for n in range(100)]
    desk.sync("scorecards")
    vendor.records["scorecards"] = vendor.records["scorecards"][4:]

    def fail_second_page_of_ids(v: Vendor, endpoint: str, number: int) -> Response | None:
        asked_ids = "id" in [query.get("fields") for name, query in v.queries if name == endpoint]
        return v.answer({"errors": ["no"]}, 403) if asked_ids and "cursor" in v.queries[-1][1] else None

    vendor.bend = fail_second_page_of_ids
    broken = desk.sync("scorecards", sweep=True).streams[0]
    assert (broken.status, broken.n_deleted) == ("failed", 0)
    assert desk.query("select count(*) from raw_ops.sweeps where completed_at is not null") == [(0,)]
    assert desk.query("select count(*) from raw_greenhouse.scorecards__ids") == [(0,)]
    vendor.bend = None
    assert desk.sync("scorecards", sweep=True).streams[0].n_deleted == 4
    assert desk.sync("scorecards", sweep=True).streams[0].n_deleted == 0
    assert desk.query("select count(*) from raw_greenhouse.scorecards") == [(100,)]
    vanished = (
        "select count(*) from raw_greenhouse.scorecards where id not in (select id from raw_greenhouse.scorecards__ids)"
    )
    assert desk.query(vanished) == [(4,)]


def test_an_eeo_answer_is_corrected_with_the_vendors_and_erased_with_it(desk: Desk, vendor: Vendor) -> None:
    def answers() -> list[tuple[str, str]]:
        with duckdb.connect(str(desk.where.demographics_file), read_only=True) as demographics:
            return demographics.execute("select id, gender from raw_greenhouse.eeoc order by id").fetchall()

    def answer(number: int, day: int, gender: str) -> dict[str, Any]:
        common = {"id": number, "application_id": number, "candidate_id": number, "submitted_at": moment(2)}
        return {**common, "gender": {"id": 1, "description": gender}, "updated_at": moment(day)}

    vendor.clock = datetime(2026, 3, 10, tzinfo=UTC)
    vendor.records["eeoc"] = [answer(number, 2, "Female") for number in (1, 2, 3)]
    desk.sync("eeoc")
    vendor.clock = datetime(2026, 3, 20, tzinfo=UTC)
    vendor.records["eeoc"] = [answer(1, 15, "Male"), answer(3, 2, "Female")]
    [result] = desk.sync("eeoc").streams  # a week has passed: the sweep comes by itself
    assert (result.status, result.n_changed, result.n_deleted) == ("ok", 1, 1)
    assert answers() == [("1", "Male"), ("3", "Female")]


def test_a_sweep_comes_by_itself_after_a_week_on_the_vendors_clock(desk: Desk, vendor: Vendor) -> None:
    vendor.records["scorecards"] = [scorecard(n) for n in range(10)]
    for day, sweeps in ((10, 0), (16, 0), (18, 1), (19, 1)):
        vendor.clock = datetime(2026, 3, day, tzinfo=UTC)
        desk.sync("scorecards")
        assert desk.query("select count(*) from raw_ops.sweeps") == [(sweeps,)], day


def test_a_sweep_that_lost_a_quarter_of_the_ids_marks_nothing_deleted(desk: Desk, vendor: Vendor) -> None:
    vendor.records["scorecards"] = [scorecard(n) for n in range(100)]
    desk.sync("scorecards", sweep=True)
    vendor.records["scorecards"] = vendor.records["scorecards"][:75]
    refused = desk.sync("scorecards", sweep=True).streams[0]
    assert (refused.error_class, refused.n_deleted) == ("SweepShrank", 0)
    assert "saw 75 ids, 100 were known (floor 80%)" in (refused.error or "")
    accepted = desk.sync("scorecards", sweep=True, accept_shrink=True).streams[0]
    assert (accepted.status, accepted.n_deleted) == ("ok", 25)


WITHOUT_ID: dict[str, Any] = {
    "no id": {"status": "complete"},
    "null": scorecard(900, id=None),
    "empty": scorecard(900, id=""),
    "an object": scorecard(900, id={"a": 1}),
    "a boolean": scorecard(900, id=True),
    "half a character": scorecard(900, id="\ud800"),
    "no record": "canary",
}


@pytest.mark.parametrize("kind", WITHOUT_ID)
def test_a_sweep_with_a_record_without_its_id_says_so_and_marks_nothing_deleted(
    kind: str, desk: Desk, vendor: Vendor
) -> None:
    vendor.records["scorecards"] = [scorecard(n) for n in range(100)]
    desk.sync("scorecards")
    newly = (datetime.now(UTC) - timedelta(minutes=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    new = scorecard(200, updated_at=newly)
    vendor.records["scorecards"] = [*vendor.records["scorecards"][4:], WITHOUT_ID[kind], new]
    told: list[str] = []

    def tell(event: Event) -> None:
        if isinstance(event, Notice):
            told.append(event.message)

    for _ in range(2):  # in every run, until the record is mended
        result = desk.sync("scorecards", sweep=True, progress=tell).streams[0]
        assert (result.status, result.error, result.n_deleted) == ("ok", None, 0)
    assert [message[: len(UNNAMED)] for message in told] == [UNNAMED] * 2
    assert desk.query("select count(*) from raw_greenhouse.scorecards") == [(101,)]
    assert desk.query("select count(*) from raw_ops.sweeps where completed_at is not null") == [(0,)]
    vendor.records["scorecards"].remove(WITHOUT_ID[kind])
    assert desk.sync("scorecards", sweep=True, progress=tell).streams[0].n_deleted == 4
    assert len(told) == 2


UNNAMED = (
    "`acme.scorecards`: 1 of 98 records came without an id when deletions were looked for. Rows are loaded; "
    "no row was marked deleted"
)


@pytest.mark.parametrize("stream", ["scorecards", "eeoc"])
def test_a_first_sweep_without_ids_marks_nothing_deleted_and_erases_nothing(
    stream: str, desk: Desk, vendor: Vendor
) -> None:
    vendor.records["scorecards"] = [scorecard(n) for n in range(40)]
    vendor.records["eeoc"] = [
        {"id": n, "application_id": n, "candidate_id": n, "submitted_at": moment(2), "updated_at": moment(2)}
        for n in range(40)
    ]
    desk.sync(stream)
    vendor.records = {}
    refused = desk.sync(stream, sweep=True).streams[0]
    assert (refused.error_class, refused.n_deleted) == ("SweepShrank", 0)
    assert "saw 0 ids, 40 were known" in (refused.error or "")
    assert desk.query("select count(*) from raw_ops.sweeps where completed_at is not null") == [(0,)]
    file = desk.where.demographics_file if stream == "eeoc" else desk.where.warehouse_file
    with duckdb.connect(str(file), read_only=True) as zone:
        assert zone.execute(f"select count(*) from raw_greenhouse.{stream}").fetchall() == [(40,)]
    assert desk.sync(stream, sweep=True, accept_shrink=True).streams[0].n_deleted == 40


def test_a_failed_stream_does_not_stop_the_others(desk: Desk, vendor: Vendor) -> None:
    vendor.records["departments"] = [department(1)]
    vendor.bend = lambda v, endpoint, n: v.answer({"errors": ["no"]}, 403) if endpoint == "scorecards" else None
    done: list[StreamDone] = []
    result = desk.sync(
        "scorecards",
        "departments",
        "sources",
        progress=lambda event: done.append(event) if isinstance(event, StreamDone) else None,
    )
    assert {stream.stream: stream.status for stream in result.streams} == {
        "scorecards": "failed",
        "departments": "ok",
        "sources": "ok",
    }
    assert "harvest:scorecards:list" in (result.failed[0].error or "")
    assert result.exit_code == 4
    assert len(done) == 3
    assert desk.query("select stream, status, error_class from raw_ops.stream_runs where status = 'failed'") == [
        ("scorecards", "failed", "PermissionMissing")
    ]


def test_a_missing_secret_names_the_variable_and_the_connection(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GREENHOUSE_CLIENT_SECRET")
    result = desk.sync("departments")
    assert "`GREENHOUSE_CLIENT_SECRET`" in (result.streams[0].error or "")
    assert "`acme`" in (result.streams[0].error or "")


def test_a_wrong_secret_is_said_without_saying_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENHOUSE_CLIENT_SECRET", "canary-wrong")
    error = desk.sync("departments").streams[0].error or ""
    assert "refused the credential" in error
    assert "`GREENHOUSE_CLIENT_SECRET`" in error
    assert "canary" not in error


def test_a_stopped_server_is_named(
    vendor: Vendor, desk_for: Callable[[Connection], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_for(Connection("acme", "greenhouse", options={"max_wait_seconds": 1}))
    monkeypatch.setenv("GREENHOUSE_TOKEN_URL", "http://127.0.0.1:9/token")
    result = desk.sync("departments").streams[0]
    assert result.error_class == "Unreachable"
    assert "/token" in (result.error or "")


def test_two_connections_with_the_same_ids_do_not_collide(
    desk: Desk, vendor: Vendor, desk_for: Callable[[Connection], Desk]
) -> None:
    vendor.records["departments"] = [department(n) for n in range(3)]
    desk.sync("departments")
    desk_for(Connection("second", "greenhouse")).sync("departments")
    rows = desk.query("select connection_id, count(*) from raw_greenhouse.departments group by all order by all")
    assert rows == [("acme", 3), ("second", 3)]


def test_a_removed_connection_keeps_its_rows_and_is_said_once(desk: Desk, vendor: Vendor) -> None:
    vendor.records["departments"] = [department(1)]
    desk.sync("departments")
    [sentence] = note_connections([Connection("renamed", "greenhouse")], desk.where)
    assert "`acme`" in sentence
    assert "kept" in sentence
    assert note_connections([Connection("renamed", "greenhouse")], desk.where) == []
    assert desk.query("select count(*) from raw_greenhouse.departments") == [(1,)]


def test_every_raw_table_exists_typed_and_empty_without_any_connection(where: Settings) -> None:
    ensure_raw_tables(where)
    ensure_raw_tables(where)
    desk = Desk(where, Connection("none", "greenhouse"))
    found = {(schema, name) for schema, name in desk.query("select schema_name, table_name from duckdb_tables()")}
    expected = {
        (f"raw_{vendor}", stream.name)
        for vendor, module in vendors().items()
        for stream in module.STREAMS
        if stream.zone == "warehouse"
    }
    assert expected <= found
    kinds = dict(
        desk.query(
            "select column_name, data_type from duckdb_columns() "
            "where table_name = 'scorecards' and schema_name = 'raw_greenhouse'"
        )
    )
    assert kinds["updated_at"] == "TIMESTAMP WITH TIME ZONE"


def test_dlt_and_our_own_tables_agree_on_types(desk: Desk, vendor: Vendor) -> None:
    ensure_raw_tables(desk.where)
    sql = (
        "select column_name, data_type from duckdb_columns() "
        "where schema_name = 'raw_greenhouse' and table_name = 'scorecards' order by all"
    )
    before = desk.query(sql)
    vendor.records["scorecards"] = [scorecard(1)]
    desk.sync("scorecards")
    assert desk.query(sql) == before


def test_an_unknown_stream_is_refused_with_the_known_ones(desk: Desk) -> None:
    with pytest.raises(StreamUnknown, match="departments"):
        desk.sync("nonsense")


def test_after_a_sync_no_working_file_and_no_open_database_is_left(desk: Desk, vendor: Vendor) -> None:
    vendor.records["departments"] = [department(1)]
    desk.sync("departments")
    assert not (desk.where.dlt / "acme").exists()
    other = f"import duckdb; duckdb.connect({str(desk.where.warehouse_file)!r}).execute('checkpoint')"
    subprocess.run([sys.executable, "-c", other], check=True)


def test_a_vendor_clock_that_runs_ahead_loses_nothing(desk: Desk, vendor: Vendor) -> None:
    real = datetime.now(UTC)
    vendor.clock = real + timedelta(hours=5)
    vendor.records["departments"] = [department(1)]
    desk.sync("departments")
    vendor.clock = None
    changed = (real - timedelta(seconds=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    vendor.records["departments"].append(department(2, updated_at=changed))
    desk.sync("departments")
    assert desk.query("select count(*) from raw_greenhouse.departments") == [(2,)]
