"""Greenhouse: what is odd about it, against the sandbox's face on real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from ingestion.connectors.greenhouse import STREAMS, requested_fields
from ingestion.errors import PermissionMissing, RequestRejected, WrongEnvelope

from .helpers import EVERYTHING, records_of, stream_of

HTTP_STREAMS = [stream for stream in STREAMS if stream.parent is None]


@pytest.mark.parametrize("stream", HTTP_STREAMS, ids=lambda stream: stream.name)
def test_every_stream_is_readable_with_its_allow_list_and_no_other_field(
    company: Any, connect: Callable[..., Any], stream: Any
) -> None:
    records = records_of(connect("greenhouse"), stream)
    assert records
    derived = {"is_anonymised", "job_level", "job_family"}
    assert set(records[0]) - derived <= {*requested_fields(stream), "id"}
    assert len({record["id"] for record in records}) == len(records)


def test_names_and_addresses_are_asked_for_where_the_vault_needs_them_only() -> None:
    personal = {"first_name", "last_name", "preferred_name", "email_addresses", "primary_email"}
    asking = {stream.name for stream in HTTP_STREAMS if personal & set(requested_fields(stream))}
    assert asking == {"candidates", "users"}
    never = {"notes", "phone_numbers", "addresses", "custom_fields", "answers", "private_notes", "public_notes"}
    assert {s.name for s in HTTP_STREAMS if never & set(requested_fields(s))} == {"jobs"}  # level and family


def test_a_page_is_asked_for_with_five_hundred_rows_and_its_cursor_travels_alone(
    company: Any, connect: Callable[..., Any]
) -> None:
    records = records_of(connect("greenhouse"), stream_of("greenhouse", "application_stages"))
    asked = [r for r in company.request_log.requests if r.path.endswith("/application_stages")]
    assert len(asked) == -(-len(records) // 500)
    first = parse_qs(asked[0].query)
    assert first["per_page"] == ["500"]
    assert first["updated_at"][0].startswith("gte|2000-01-01T00:00:00.000Z|lte|2100")
    assert [set(parse_qs(request.query)) for request in asked[1:]] == [{"cursor"}] * (len(asked) - 1)


def test_windows_that_touch_give_every_record_once(company: Any, connect: Callable[..., Any]) -> None:
    connector, stream = connect("greenhouse"), stream_of("greenhouse", "scorecards")
    whole = records_of(connector, stream)
    middle = datetime.fromisoformat(sorted(record["updated_at"] for record in whole)[len(whole) // 2])
    older = records_of(connector, stream, replace(EVERYTHING, end=middle))
    newer = records_of(connector, stream, replace(EVERYTHING, start=middle))
    on_the_edge = {r["id"] for r in older} & {r["id"] for r in newer}
    assert {r["id"] for r in older} | {r["id"] for r in newer} == {r["id"] for r in whole}
    assert {r["updated_at"] for r in whole if r["id"] in on_the_edge} == {
        middle.isoformat(timespec="milliseconds")[:23] + "Z"
    }


def test_a_refused_date_filter_is_met_by_reading_all_and_filtering_here(
    serve: Callable[..., None], connect: Callable[..., Any]
) -> None:
    asked: list[dict[str, str]] = []

    def answer(path: str, query: dict[str, str]) -> tuple[int, Any]:
        asked.append(query)
        if "updated_at" in query:
            return 422, {"errors": ["updated_at is not a valid filter"]}
        days = {1: "2025-12-31", 2: "2026-01-15", 3: "2026-02-01"}
        return 200, [{"id": n, "updated_at": f"{day}T00:00:00.000Z"} for n, day in days.items()]

    serve("greenhouse", answer)
    connector, stream = connect("greenhouse"), stream_of("greenhouse", "offers")
    january = replace(EVERYTHING, start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 1, 31, tzinfo=UTC))
    assert [record["id"] for record in records_of(connector, stream, january)] == [2]
    assert [record["id"] for record in records_of(connector, stream, january)] == [2]
    assert ["updated_at" in query for query in asked] == [True, False, False]


def test_another_refusal_is_not_taken_for_a_refused_filter(
    serve: Callable[..., None], connect: Callable[..., Any]
) -> None:
    serve("greenhouse", lambda path, query: (422, {"errors": ["fields: unknown"]}))
    with pytest.raises(RequestRejected):
        records_of(connect("greenhouse"), stream_of("greenhouse", "offers"))


def test_an_error_object_is_never_zero_rows(company: Any, connect: Callable[..., Any]) -> None:
    company.chaos("wrong_envelope:offers")
    with pytest.raises(WrongEnvelope):
        records_of(connect("greenhouse"), stream_of("greenhouse", "offers"))


def test_a_missing_scope_is_named(company: Any, connect: Callable[..., Any]) -> None:
    company.chaos("missing_scope:scorecards")
    with pytest.raises(PermissionMissing, match="harvest:scorecards:list"):
        records_of(connect("greenhouse"), stream_of("greenhouse", "scorecards"))


def test_the_sweep_sees_exactly_the_ids_that_exist(company: Any, connect: Callable[..., Any]) -> None:
    connector = connect("greenhouse")
    for stream in HTTP_STREAMS:
        if stream.sweep:
            swept = [number for page in connector.sweep_ids(stream) for number in page]
            assert sorted(swept) == sorted(str(record["id"]) for record in records_of(connector, stream))


def test_service_accounts_and_default_reasons_are_asked_for() -> None:
    assert stream_of("greenhouse", "users").params == {"show_service_accounts": "true"}
    assert stream_of("greenhouse", "rejection_reasons").params == {"include_defaults": "true"}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"id": 1, "first_name": "Ines", "last_name": "O", "email_addresses": []}, False),
        ({"id": 1, "first_name": None, "last_name": "", "email_addresses": []}, True),
        ({"id": 1, "private": True}, False),
    ],
    ids=["named", "anonymised", "a private stub says nothing"],
)
def test_an_anonymised_candidate_is_recognised(
    serve: Callable[..., None], connect: Callable[..., Any], record: dict[str, Any], expected: bool
) -> None:
    serve("greenhouse", lambda path, query: (200, [record]))
    (found,) = records_of(connect("greenhouse"), stream_of("greenhouse", "candidates"))
    assert found["is_anonymised"] is expected


def test_level_and_family_come_from_the_custom_fields_the_connection_names(
    serve: Callable[..., None], connect: Callable[..., Any]
) -> None:
    fields = {"grade": {"name": "Grade", "type": "single_select", "value": "L4"}, "job_family": {"value": None}}
    serve("greenhouse", lambda path, query: (200, [{"id": 1, "custom_fields": fields}]))
    (job,) = records_of(connect("greenhouse", level_field="grade"), stream_of("greenhouse", "jobs"))
    assert (job["job_level"], job["job_family"]) == ("L4", None)


def test_the_doctor_finds_nothing_wrong_with_a_healthy_account(company: Any, connect: Callable[..., Any]) -> None:
    results = connect("greenhouse").probe()
    assert {result.status for result in results} == {"ok"}
    assert {f"stream {stream.name}" for stream in HTTP_STREAMS} <= {result.subject for result in results}
    assert any(result.subject == "rate limit" and "left" in result.message for result in results)


def test_the_doctor_names_the_missing_scope_and_the_wrong_clock(company: Any, connect: Callable[..., Any]) -> None:
    company.chaos("missing_scope:eeoc")
    company.chaos("clock_skew")
    problems = {result.subject: result.message for result in connect("greenhouse").probe() if result.status != "ok"}
    assert set(problems) == {"stream eeoc", "clock"}
    assert "harvest:eeoc:list" in problems["stream eeoc"]
    assert " s ahead of this machine" in problems["clock"]


def test_the_doctor_says_that_a_secret_is_wrong(
    company: Any, connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENHOUSE_CLIENT_SECRET", "wrong")
    (result,) = connect("greenhouse").probe()
    assert result.status == "problem"
    assert "GREENHOUSE_CLIENT_SECRET" in result.message


def test_the_doctor_tells_a_user_without_site_admin_rights_from_a_missing_scope(
    serve: Callable[..., None], connect: Callable[..., Any]
) -> None:
    serve("greenhouse", lambda path, query: (403, {"message": "forbidden"}))
    assert "site admin" in connect("greenhouse").probe()[-1].message
