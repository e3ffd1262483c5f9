"""The one HTTP path: credentials, patience, the vendor's budget, and what never leaves it."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from ingestion.client import BodyCursor, Client, ClientCredentials, LinkHeader, parse_json, retry_after, seconds_until
from ingestion.connections import Connection
from ingestion.errors import (
    BaseUrlInvalid,
    BudgetUsedUp,
    ForeignLink,
    NotJson,
    PagingLoops,
    PermissionMissing,
    RequestRejected,
    ServerFailing,
    StillThrottled,
    WrongEnvelope,
)

from .vendor import Vendor, department

CONNECTION = Connection("acme", "greenhouse", options={"max_wait_seconds": 60})


@pytest.fixture
def naps() -> list[float]:
    """Seconds the client would have slept."""
    return []


@pytest.fixture
def client(vendor: Vendor, naps: list[float]) -> Iterator[Client]:
    def clock() -> float:
        return time.monotonic() + sum(naps)

    with Client(CONNECTION, ClientCredentials(CONNECTION), sleep=naps.append, clock=clock) as made:
        yield made


def ids(client: Client) -> list[int]:
    pages = client.pages("/departments", {"per_page": "500"}, LinkHeader())
    return [record["id"] for response in pages for record in response.list_at()]


def once(status: int, headers: dict[str, str], times: int = 1) -> Callable[[Vendor, str, int], Response | None]:
    return lambda vendor, endpoint, n: vendor.answer({"errors": []}, status, headers) if n <= times else None


@pytest.mark.parametrize("seed", range(5))
def test_a_token_that_dies_on_any_page_costs_one_new_token_and_no_row(
    seed: int, vendor: Vendor, client: Client
) -> None:
    vendor.records["departments"] = [department(n) for n in range(500)]
    dies_on = random.Random(seed).randrange(1, 10)

    def revoke(v: Vendor, endpoint: str, number: int) -> None:
        if number == dies_on:
            v.revoke()

    vendor.bend = revoke
    assert sorted(ids(client)) == list(range(500))
    assert vendor.requests["token"] == 2


def test_many_threads_share_one_new_token(vendor: Vendor, client: Client) -> None:
    vendor.records["departments"] = [department(1)]
    client.get("/departments")
    vendor.revoke()
    threads = [threading.Thread(target=client.get, args=("/departments",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert vendor.requests["token"] == 2
    assert vendor.requests["departments"] == 9


def test_a_revoked_key_that_stays_revoked_is_an_error_not_a_loop(vendor: Vendor, client: Client) -> None:
    def always(v: Vendor, endpoint: str, number: int) -> Response:
        return v.answer({"errors": ["Invalid token canary-token-1"]}, 401)

    vendor.bend = always
    with pytest.raises(Exception, match="refused the credential") as caught:
        client.get("/departments")
    assert vendor.requests["token"] == 2
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(("asked", "least"), [("3", 3.0), ("2.5", 2.5), ("date", 20.0), ("45", 45.0)])
def test_the_client_waits_as_long_as_the_vendor_asks(
    asked: str, least: float, vendor: Vendor, client: Client, naps: list[float]
) -> None:
    vendor.records["departments"] = [department(1)]
    if asked == "date":
        asked = format_datetime(datetime.now(UTC) + timedelta(seconds=22), usegmt=True)
    vendor.bend = once(429, {"Retry-After": asked})
    with client.counting() as counters:
        assert ids(client) == [1]
    assert sum(naps) >= least
    assert counters.throttled == 1
    assert counters.wait_seconds == pytest.approx(sum(naps))


def test_patience_ends_and_says_what_was_asked(vendor: Vendor, client: Client, naps: list[float]) -> None:
    vendor.bend = once(429, {"Retry-After": "900"}, times=99)
    with pytest.raises(StillThrottled, match="another 900 s"):
        client.get("/departments")
    assert sum(naps) <= 60


@pytest.mark.parametrize("asked", ["0", "0.001", "nan", "Wed, 21 Oct 2015 07:28:00 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_vendor_that_never_asks_to_wait_uses_up_the_patience_all_the_same(
    status: int, asked: str, vendor: Vendor, client: Client, naps: list[float]
) -> None:
    vendor.bend = once(status, {"Retry-After": asked}, times=999)
    with pytest.raises((StillThrottled, ServerFailing)):
        client.get("/departments")
    assert vendor.requests["departments"] < 90
    assert sum(naps) <= 60


def test_a_body_that_cannot_be_decompressed_is_unreadable(vendor: Vendor, client: Client) -> None:
    vendor.bend = once(200, {"Content-Encoding": "gzip"}, times=99)
    with pytest.raises(NotJson, match=r"cannot be decompressed \(0 bytes, 3 tries\).*qoh doctor"):
        client.get("/departments")


@pytest.mark.parametrize(
    "address", ["http://localhost:abc", "localhost:8000", "ftp://host/v3", "http://", "no address"]
)
def test_an_address_that_is_none_is_named_by_its_variable(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENHOUSE_BASE_URL", address)
    with Client(CONNECTION) as client, pytest.raises(BaseUrlInvalid, match=r"`GREENHOUSE_BASE_URL`.*qoh doctor"):
        client.get("/departments")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_burst_of_server_errors_is_survived(status: int, vendor: Vendor, client: Client) -> None:
    vendor.records["departments"] = [department(1)]
    vendor.bend = once(status, {}, times=4)
    assert ids(client) == [1]


def test_a_server_that_keeps_failing_is_named_with_its_tries(vendor: Vendor, client: Client) -> None:
    vendor.bend = once(500, {}, times=99)
    with pytest.raises(ServerFailing, match=r"/v3/departments` answered HTTP 500 6 times"):
        client.get("/departments")


def test_the_window_of_the_vendor_is_used_up_and_never_overdrawn(vendor: Vendor) -> None:
    vendor.records["departments"] = [department(n) for n in range(20)]
    vendor.limit, vendor.window_seconds, vendor.page_size = 5, 0.6, 1
    started = time.monotonic()
    with Client(CONNECTION, ClientCredentials(CONNECTION)) as client:
        assert len(ids(client)) == 20
    assert vendor.refused == 0
    assert time.monotonic() - started < 4.5  # 20 requests at 5 per window need 3 full waits


def test_threads_together_stay_within_the_window(vendor: Vendor) -> None:
    vendor.records["departments"] = [department(1)]
    vendor.limit, vendor.window_seconds = 6, 0.6
    with Client(CONNECTION, ClientCredentials(CONNECTION)) as client:
        client.get("/departments")
        list(client.map(lambda _: client.get("/departments"), range(18), workers=6))
    assert vendor.refused == 0


def test_a_new_window_that_is_spent_on_answers_without_headers_does_not_stay_used_up(vendor: Vendor) -> None:
    vendor.records["departments"] = [department(1)]
    vendor.limit, vendor.window_seconds = 3, 0.3
    # The network in front of the vendor answers the whole second window: nobody says what is left, or until when.
    vendor.bend = lambda v, endpoint, n: Response(status_code=502, headers={"Retry-After": "0.01"}) if n > 3 else None
    connection = Connection("acme", "greenhouse", options={"max_wait_seconds": 3})
    with Client(connection, ClientCredentials(connection)) as client:
        for _ in range(3):
            client.get("/departments")
        with pytest.raises(ServerFailing, match="HTTP 502 6 times"):
            client.get("/departments")
        vendor.bend = None
        assert ids(client) == [1]


def test_waiting_for_a_window_ends_with_patience_and_says_so(vendor: Vendor, naps: list[float]) -> None:
    vendor.records["departments"] = [department(1)]
    vendor.limit, vendor.window_seconds = 1, 90.0
    with Client(CONNECTION, ClientCredentials(CONNECTION), sleep=naps.append) as client:
        client.get("/departments")
        with pytest.raises(BudgetUsedUp, match=r"`/v3/departments` was not asked: .* used up for another \d\d\.\d s"):
            client.get("/departments")
    assert (vendor.refused, naps) == (0, [])


def test_requests_of_helper_threads_count_for_their_stream(vendor: Vendor, client: Client) -> None:
    vendor.records["departments"] = [department(1)]
    with client.counting() as counters:
        list(client.map(lambda _: client.get("/departments"), range(7), workers=3))
    assert counters.requests == 8  # and the token


def test_a_page_that_points_back_is_an_error(vendor: Vendor, client: Client) -> None:
    vendor.bend = lambda v, endpoint, n: v.answer([], 200, {"Link": f'<{v.url}/v3/departments?cursor="x">; rel="next"'})
    with pytest.raises(PagingLoops):
        ids(client)


def test_a_comma_in_the_next_address_ends_nothing(vendor: Vendor, client: Client) -> None:
    vendor.bend = lambda v, endpoint, n: (
        v.answer([{"id": 1}], 200, {"Link": f'<{v.url}/v3/departments?cursor=null>; rel="first", {next_after(v)}'})
        if n == 1
        else v.answer([{"id": 2}], 200, {"Link": f"<{v.url}/v3/departments?cursor=a,b;c>; rel=prev"})
    )
    assert ids(client) == [1, 2]


def next_after(vendor: Vendor) -> str:
    return f'<{vendor.url}/v3/departments?cursor=a,b;c>; title="x"; rel="next"'


@pytest.mark.parametrize("header", ["nonsense", "<>", "</v3/departments?cursor=1>", '/v3/departments; rel="next"'])
def test_a_link_header_that_says_nothing_is_no_last_page(vendor: Vendor, client: Client, header: str) -> None:
    vendor.bend = lambda v, endpoint, n: v.answer([{"id": 1}], 200, {"Link": header})
    with pytest.raises(WrongEnvelope, match="Link"):
        ids(client)


def test_the_credential_is_not_sent_to_another_host(vendor: Vendor, client: Client) -> None:
    vendor.bend = lambda v, endpoint, n: v.answer([], 200, {"Link": '<http://localhost:1/v3/x?cursor=1>; rel="next"'})
    with pytest.raises(ForeignLink, match="another host"):
        ids(client)


def test_an_error_names_the_vendors_identifiers_and_quotes_nothing_else_of_it(vendor: Vendor, client: Client) -> None:
    said = (
        "updated_at is no filter for Ada Quagmire (ada.quagmire, ada_quagmire@example.org), employee 4711 or q-17 of "
        "key 0123456789abcdef0123456789abcdef; use created_at"
    )
    vendor.bend = lambda v, endpoint, n: v.answer({"errors": [said]}, 422)
    with pytest.raises(RequestRejected) as caught:
        client.get("/departments", {"token": "canary-query"})
    message = str(caught.value)
    assert "answered HTTP 422 and named `created_at`, `updated_at`." in message
    assert not re.search(r"canary|ada|quagmire|4711|q-17|0123", message, re.IGNORECASE)


def test_an_error_hides_the_ids_of_its_path(vendor: Vendor, client: Client) -> None:
    vendor.bend = lambda v, endpoint, n: v.answer({"errors": []}, 403)
    with pytest.raises(PermissionMissing, match="/employees/…/tables/jobInfo") as caught:
        client.get("/employees/4711/tables/jobInfo")
    assert "4711" not in str(caught.value)


def test_a_cursor_without_its_flag_is_a_wrong_envelope(vendor: Vendor, client: Client) -> None:
    vendor.bend = lambda v, endpoint, n: v.answer({"data": [], "endingCursor": "x"})
    with pytest.raises(WrongEnvelope, match="hasMore"):
        list(client.pages("/users", {}, BodyCursor("endingCursor", "startingAfter", "hasMore")))


def test_the_vendors_clock_is_taken_from_its_answers(vendor: Vendor, client: Client) -> None:
    vendor.clock = datetime(2026, 3, 10, tzinfo=UTC)
    assert abs(client.vendor_now("/departments") - vendor.clock) < timedelta(seconds=5)


@given(st.floats(0, 10_000).map(lambda seconds: f"{seconds:.3f}"))
def test_retry_after_reads_any_number_of_seconds(text: str) -> None:
    assert retry_after({"retry-after": text}, datetime.now(UTC)) == float(text)


@pytest.mark.parametrize("text", ["", "soon", "-", "Wed, 99 Foo", "nan", "inf"])
def test_retry_after_that_says_nothing_is_none(text: str) -> None:
    assert retry_after({"retry-after": text}, datetime.now(UTC)) is None


@given(st.one_of(st.none(), st.floats(-1e12, 1e12)))
def test_a_reset_never_means_more_than_five_minutes(reset: float | None) -> None:
    assert 0 <= seconds_until(reset, datetime.now(UTC)) <= 301


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_refused_but_nothing_else(content: bytes) -> None:
    with suppress(ValueError):
        parse_json(content)
