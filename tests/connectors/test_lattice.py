"""Lattice: what is odd about it, against the sandbox's face on real HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.connections import Connection
from ingestion.connectors.lattice import relation
from ingestion.errors import WrongEnvelope
from ingestion.load import sync
from ingestion.settings import settings

from .helpers import EVERYTHING, records_of, stream_of

SECONDS = int(datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp())


def test_leavers_are_read_a_hundred_a_page(company: Any, connect: Callable[..., Any]) -> None:
    records = records_of(connect("lattice"), stream_of("lattice", "users"))
    assert {record["status"] for record in records} >= {"ACTIVE", "DEACTIVATED"}
    (first,) = [parse_qs(r.query) for r in company.request_log.requests if r.path == "/lattice/v1/users"][:1]
    assert (first["limit"], first["status"]) == (["100"], ["NULL"])


def test_unix_seconds_become_utc_times(company: Any, connect: Callable[..., Any]) -> None:
    connector = connect("lattice")
    for name in ("users", "review_cycles", "reviewees", "reviews"):
        for record in records_of(connector, stream_of("lattice", name)):
            moments = [
                record.get("createdAt"),
                record.get("submittedAt"),
                (record.get("response") or {}).get("updatedAt"),
            ]
            for moment in filter(None, moments):
                assert datetime.fromisoformat(moment).utcoffset() == timedelta(0)


def test_reviews_come_cycle_by_cycle_with_their_cycle_and_one_spelling_of_the_relation(
    company: Any, connect: Callable[..., Any]
) -> None:
    connector = connect("lattice")
    reviews = records_of(connector, stream_of("lattice", "reviews"))
    reviewees = records_of(connector, stream_of("lattice", "reviewees"))
    assert {r["reviewType"] for r in reviews} <= {"manager", "self", "peer", "upward"}
    assert {r["reviewee"]["id"] for r in reviews} <= {r["id"] for r in reviewees}
    assert {r["reviewCycle"]["id"] for r in reviews} == {r["reviewCycle"]["id"] for r in reviewees}


def test_settled_cycles_are_read_once_and_open_ones_every_time(company: Any, connect: Callable[..., Any]) -> None:
    connector, stream = connect("lattice"), stream_of("lattice", "reviews")
    now = datetime.combine(company.as_of, datetime.min.time(), UTC)
    pages = list(connector.read(stream, replace(EVERYTHING, end=now)))
    done = frozenset(unit for page in pages for unit in page.done)
    cycles = {record["reviewCycle"]["id"] for page in pages for record in page.records}
    assert 0 < len(done) < len(cycles)
    later = connector.read(stream, replace(EVERYTHING, end=now, complete=False, done=done))
    assert {record["reviewCycle"]["id"] for page in later for record in page.records} == cycles - done
    complete = connector.read(stream, replace(EVERYTHING, end=now, done=done))
    assert {record["reviewCycle"]["id"] for page in complete for record in page.records} == cycles


def test_questions_are_read_by_the_ids_of_the_reviews_with_their_scales(
    company: Any, connect: Callable[..., Any]
) -> None:
    connector = connect("lattice")
    reviews = records_of(connector, stream_of("lattice", "reviews"))
    company.request_log.reset()
    pages = list(connector.read(stream_of("lattice", "questions"), EVERYTHING))
    questions = {record["id"]: record for page in pages for record in page.records}
    asked = {r[kind]["id"] for r in reviews for kind in ("question", "questionRevision")}
    assert set(questions) == asked
    assert company.request_log.total("/lattice/v1/reviewCycle") == 0
    for review in reviews:
        rating = (review["response"] or {}).get("rating")
        if rating is not None:
            question = questions[review["question"]["id"]]
            assert question["scale_min"] <= rating <= question["scale_max"]
            assert len(question["scale_labels"].split("|")) == question["scale_max"]
    known = frozenset(unit for page in pages for unit in page.done)
    again = connector.read(stream_of("lattice", "questions"), replace(EVERYTHING, complete=False, done=known))
    assert list(again) == []


def test_questions_alone_find_their_ids_themselves(company: Any, connect: Callable[..., Any]) -> None:
    assert records_of(connect("lattice"), stream_of("lattice", "questions"))


def small_account(path: str, query: dict[str, str]) -> tuple[int, Any]:
    """An account whose reviews refer to users, with one cycle that is deleted while it is read."""
    ended = {"stage": "Ended", "reviewsEndedAt": SECONDS, "calibrationEndedAt": None}
    lists: dict[str, list[Any]] = {
        "/reviewCycles": [{"id": "c1", **ended}, {"id": "gone", **ended}],
        "/reviewCycle/c1/reviewees": [{"id": "r1", "user": {"id": "u1"}, "createdAt": SECONDS}],
        "/reviewCycle/c1/reviews": [
            {
                "id": "a1",
                "reviewee": {"id": "u1", "object": "user"},
                "reviewer": None,
                "question": {"id": "q1"},
                "reviewType": "DirectReport",
                "response": {"rating": 3, "updatedAt": SECONDS},
            }
        ],
    }
    if path in lists:
        return 200, {"object": "list", "data": lists[path], "hasMore": False, "endingCursor": None}
    return 404, {"error": "Not found"}


def test_a_reviewee_that_is_a_user_is_resolved_and_a_deleted_cycle_passed_over(
    serve: Callable[..., None], connect: Callable[..., Any]
) -> None:
    serve("lattice", small_account)
    (review,) = records_of(connect("lattice"), stream_of("lattice", "reviews"))
    assert review["reviewee"] == {"id": "r1"}
    assert review["reviewType"] == "direct_report"
    assert review["response"]["updatedAt"] == "2026-07-01T12:00:00+00:00"


def test_the_weekly_complete_read_of_settled_reviews_that_shrank_is_refused(serve: Callable[..., None]) -> None:
    def account(n: int) -> Callable[[str, dict[str, str]], tuple[int, Any]]:
        def answer(path: str, query: dict[str, str]) -> tuple[int, Any]:
            status, document = small_account(path, query)
            if path.endswith("/reviews") and status == 200:
                document = {**document, "data": [{**document["data"][0], "id": f"a{k}"} for k in range(n)]}
            elif path == "/reviewCycles":
                document = {
                    **document,
                    "data": [{**cycle, "reviewsEndedAt": 1_600_000_000} for cycle in document["data"]],
                }
            return status, document

        return answer

    lattice = Connection("lattice_main", "lattice")
    serve("lattice", account(100))
    assert sync(lattice, ["reviews"]).streams[0].n_changed == 100
    with duckdb.connect(str(settings().warehouse_file)) as warehouse:
        warehouse.execute("update raw_ops.stream_state set completed_at = completed_at - interval 8 days")
    serve("lattice", account(2))
    assert sync(lattice, ["reviews"]).streams[0].error_class == "StreamShrank"
    assert sync(lattice, ["reviews"], accept_shrink=True).streams[0].status == "ok"


@pytest.mark.parametrize(
    ("what", "times_read"),
    [
        ("complete", 1),
        ("complete with a record set aside", 2),
        ("complete but for a cycle that is gone", 2),
        ("not", 1),
    ],
)
def test_the_sweep_takes_the_keys_of_a_complete_read_of_all_records_and_else_asks_for_them(
    serve: Callable[..., None], what: str, times_read: int
) -> None:
    numbers, cycles, asked = [f"a{n}" for n in range(30)], ["c1"], Counter[str]()

    def answer(path: str, query: dict[str, str]) -> tuple[int, Any]:
        asked[path] += 1
        status, document = small_account(path, query)
        if path == "/reviewCycles":
            settled = [{"id": cycle, "stage": "Ended", "reviewsEndedAt": 1_600_000_000} for cycle in cycles]
            return status, {**document, "data": settled}
        if path == "/reviewCycle/c1/reviews":
            reviews = [{**document["data"][0], "id": number} for number in numbers]
            if what == "complete with a record set aside":
                reviews[-1]["reviewType"] = "astrologer"
            return status, {**document, "data": reviews}
        if "gone" in path:
            cycles.remove("gone")
        return status, document

    serve("lattice", answer)
    lattice = Connection("lattice_main", "lattice")
    assert not sync(lattice, ["reviews"]).failed
    if what != "not":
        with duckdb.connect(str(settings().warehouse_file)) as warehouse:
            warehouse.execute("update raw_ops.stream_state set completed_at = completed_at - interval 8 days")
    numbers.pop(0)
    cycles += ["gone"] * what.endswith("gone")
    asked.clear()
    [result] = sync(lattice, ["reviews"], sweep=True).streams
    assert (result.status, result.n_deleted) == ("ok", 1)
    assert asked["/reviewCycle/c1/reviews"] == times_read
    with duckdb.connect(str(settings().warehouse_file)) as warehouse:
        swept = warehouse.execute("select n_ids from raw_ops.sweeps where completed_at is not null").fetchall()
    assert swept == [(29,)]


@pytest.mark.parametrize(
    "envelope",
    [
        {"error": "oops"},
        {"data": []},
        {"data": [], "hasMore": "no"},
        {"data": [], "hasMore": True, "endingCursor": None},
    ],
    ids=["an error", "no hasMore", "hasMore is a text", "more without a cursor"],
)
def test_an_envelope_that_does_not_say_whether_there_is_more_fails(
    serve: Callable[..., None], connect: Callable[..., Any], envelope: dict[str, Any]
) -> None:
    serve("lattice", lambda path, query: (200, envelope))
    with pytest.raises(WrongEnvelope):
        records_of(connect("lattice"), stream_of("lattice", "users"))


@pytest.mark.parametrize("name", ["users", "review_cycles", "reviewees", "reviews"])
def test_the_sweep_sees_exactly_what_exists(company: Any, connect: Callable[..., Any], name: str) -> None:
    connector, stream = connect("lattice"), stream_of("lattice", name)
    swept = [number for page in connector.sweep_ids(stream) for number in page]
    assert sorted(swept) == sorted(record["id"] for record in records_of(connector, stream))


@given(st.sampled_from(["manager", "downward", "self", "peer", "upward", "direct report"]), st.data())
def test_the_relation_does_not_depend_on_case(written: str, data: st.DataObject) -> None:
    spelled = data.draw(st.sampled_from([str.upper, str.lower, str.title]))(written)
    for separator in ("_", "-", " "):
        assert relation(spelled.replace(" ", separator)) == written.replace(" ", "_")


def test_the_doctor_finds_nothing_wrong_with_a_healthy_account(company: Any, connect: Callable[..., Any]) -> None:
    assert {result.status for result in connect("lattice").probe()} == {"ok"}


@pytest.mark.parametrize(("place", "stream"), [("reviews", "reviews"), ("question", "questions")])
def test_the_doctor_names_what_the_key_may_not_read(
    place: str, stream: str, company: Any, connect: Callable[..., Any]
) -> None:
    company.chaos(f"missing_scope:{place}")
    problems = [result for result in connect("lattice").probe() if result.status != "ok"]
    assert [result.subject for result in problems] == [f"stream {stream}"]
