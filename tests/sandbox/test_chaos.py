"""Each kind of chaos does to the wire what its name says, where it is told to, and stops when told to."""

from __future__ import annotations

import time
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from ingestion.sandbox.chaos import KINDS, UnknownChaos

from .clients import greenhouse_client, lattice_rows, rows


def test_an_error_object_stands_where_the_list_should_be(sandbox, greenhouse):
    sandbox.chaos("wrong_envelope:offers")
    answer = greenhouse.get("/offers")
    assert answer.status_code == 200
    assert isinstance(answer.json(), dict)
    assert isinstance(greenhouse.get("/jobs").json(), list)


def test_a_maintenance_page_comes_with_status_200(sandbox, lattice):
    sandbox.chaos("html_page:lattice/users")
    answer = lattice.get("/users")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_truncated_page_is_not_json(sandbox, bamboohr):
    sandbox.chaos("truncated_page:bamboohr")
    with pytest.raises(ValueError):
        bamboohr.get("/employees").json()


def test_a_burst_of_429_passes_after_three_requests(sandbox, greenhouse):
    sandbox.chaos("burst_429")
    answers = [greenhouse.get("/jobs") for _ in range(4)]
    assert [a.status_code for a in answers] == [429, 429, 429, 200]
    assert answers[0].headers["Retry-After"] == "1"


@pytest.mark.parametrize("form", ["0.2", "Mon, 23 Nov 2026 19:00:00 GMT", "900", None])
def test_a_refusal_can_ask_for_any_wait_in_any_form(sandbox, greenhouse, form):
    sandbox.chaos("burst_429", times=1, retry_after=form)
    assert greenhouse.get("/jobs").headers.get("Retry-After") == form


def test_a_burst_of_server_errors_has_three_kinds(sandbox, greenhouse):
    sandbox.chaos("burst_5xx", after=1)
    assert [greenhouse.get("/jobs").status_code for _ in range(5)] == [200, 502, 503, 500, 200]


def test_a_revoked_token_is_refused_and_a_new_one_works(sandbox, greenhouse):
    assert greenhouse.get("/jobs").status_code == 200
    sandbox.chaos("revoke_token")
    assert greenhouse.get("/jobs").status_code == 401
    with greenhouse_client(sandbox) as renewed:
        assert renewed.get("/jobs").status_code == 200


def test_a_token_can_die_in_the_middle_of_a_sync(sandbox, greenhouse):
    sandbox.chaos("revoke_token", after=2)
    assert [greenhouse.get("/jobs").status_code for _ in range(4)] == [200, 200, 401, 401]


def test_exactly_one_scorecard_carries_an_unknown_rating(sandbox, greenhouse):
    sandbox.chaos("unknown_rating:scorecards")
    assert [row["candidate_rating"] for row in rows(greenhouse, "/scorecards")].count("stellar") == 1
    sandbox.calm()
    assert "stellar" not in {row["candidate_rating"] for row in rows(greenhouse, "/scorecards")}


def test_exactly_one_record_comes_without_its_key(sandbox, greenhouse, lattice):
    sandbox.chaos("missing_key")
    assert sum("id" not in row for row in rows(greenhouse, "/applications")) == 1
    assert sum("id" not in row for row in lattice_rows(lattice, "/users", status="NULL")) == 1


def test_one_record_was_updated_in_the_far_future(sandbox, greenhouse, bamboohr):
    sandbox.chaos("future_cursor")
    assert sum(row["updated_at"].startswith("9999") for row in rows(greenhouse, "/applications")) == 1
    changed = bamboohr.get("/employees/changed", params={"since": "2000-01-01T00:00:00Z"}).json()
    assert changed["latest"].startswith("9999")


def test_the_date_header_runs_ahead(sandbox, greenhouse):
    def ahead() -> float:
        return parsedate_to_datetime(greenhouse.get("/jobs").headers["date"]).timestamp() - time.time()

    assert abs(ahead()) < 5
    sandbox.chaos("clock_skew")
    assert 590 < ahead() < 610


def test_the_clock_moves_while_a_client_pages(sandbox, greenhouse):
    start = sandbox.as_of
    sandbox.chaos("moving_clock:applications")
    found = [row["id"] for row in rows(greenhouse, "/applications", per_page=100)]
    assert len(set(found)) == len(found)
    assert (sandbox.as_of - start).days == len(found) // 100 + 1


def test_rows_can_become_visible_after_their_time_stamp(sandbox, greenhouse):
    sandbox.advance(60)
    recent = {"updated_at": f"gte|{sandbox.as_of - timedelta(days=1)}"}
    on_time = rows(greenhouse, "/applications", **recent)
    sandbox.chaos("replica_lag")
    lagging = rows(greenhouse, "/applications", **recent)
    edge = f"{sandbox.as_of - timedelta(days=1)}T23:15"
    assert lagging == [row for row in on_time if row["updated_at"] <= edge]


def test_a_stopped_server_refuses_connections_and_comes_back_on_the_same_port(sandbox, greenhouse):
    sandbox.chaos("stop_server")
    with pytest.raises(httpx.ConnectError):
        httpx.get(sandbox.urls["greenhouse"])
    sandbox.chaos("stop_server", False)
    assert greenhouse.get("/jobs").status_code == 200


def test_an_unknown_kind_is_an_error_that_lists_the_known_ones(sandbox):
    with pytest.raises(UnknownChaos, match="wrong_envelope"):
        sandbox.chaos("earthquake")
    assert set(KINDS) >= {"html_page", "missing_scope", "stop_server"}
