"""The Lattice face answers as Lattice does, defaults that lose leavers included. One test a trap."""

from __future__ import annotations

import httpx
import pytest

from ingestion.sandbox import running_sandbox
from ingestion.sandbox.limits import RateLimits, Window

from .clients import lattice_rows


def cycles(client: httpx.Client) -> list[dict]:
    return lattice_rows(client, "/reviewCycles")


def reviews(client: httpx.Client) -> list[dict]:
    return [row for cycle in cycles(client) for row in lattice_rows(client, f"/reviewCycle/{cycle['id']}/reviews")]


class TestAccess:
    def test_a_wrong_key_gets_401(self, sandbox):
        url = f"{sandbox.urls['lattice']}/users"
        assert httpx.get(url, headers={"Authorization": "Bearer wrong"}).status_code == 401

    def test_the_budget_is_240_a_minute(self):
        with running_sandbox(rate="real") as sandbox:
            headers = {"Authorization": f"Bearer {sandbox.env['LATTICE_API_KEY']}"}
            with httpx.Client(base_url=sandbox.urls["lattice"], headers=headers) as client:
                statuses = [client.get("/reviewCycles").status_code for _ in range(241)]
                assert statuses == [*([200] * 240), 429]

    def test_a_refusal_says_how_long_to_wait(self):
        with running_sandbox(rate=RateLimits(lattice=Window(1, 30.0))) as sandbox:
            headers = {"Authorization": f"Bearer {sandbox.env['LATTICE_API_KEY']}"}
            answers = [httpx.get(f"{sandbox.urls['lattice']}/users", headers=headers) for _ in range(2)]
        assert answers[1].status_code == 429
        assert 1 <= int(answers[1].headers["Retry-After"]) <= 30


class TestPaging:
    def test_a_page_has_ten_rows_unless_asked_and_a_hundred_at_most(self, lattice):
        assert len(lattice.get("/users").json()["data"]) == 10
        assert len(lattice.get("/users", params={"limit": 20}).json()["data"]) == 20
        assert lattice.get("/users", params={"limit": 101}).status_code == 400

    def test_following_the_cursor_gives_everybody_once(self, lattice):
        small = [row["id"] for row in lattice_rows(lattice, "/users", status="NULL", limit=7)]
        assert small == [row["id"] for row in lattice_rows(lattice, "/users", status="NULL")]
        assert len(set(small)) == len(small)

    @pytest.mark.parametrize("params", [{"startingAfter": "%%%"}, {"updatedAfter": "1"}, {"status": "GONE"}])
    def test_a_parameter_it_does_not_understand_is_refused(self, lattice, params):
        assert lattice.get("/users", params=params).status_code == 400


class TestObjects:
    def test_leavers_are_hidden_unless_asked_for(self, lattice):
        usual = lattice_rows(lattice, "/users")
        every = lattice_rows(lattice, "/users", status="NULL")
        assert {row["status"] for row in usual} == {"ACTIVE"}
        assert {row["status"] for row in every} == {"ACTIVE", "DEACTIVATED"}

    def test_times_are_unix_seconds_and_days_are_days(self, lattice):
        user = lattice.get("/users").json()["data"][0]
        assert isinstance(user["createdAt"], int)
        assert user["createdAt"] < 4_000_000_000
        assert len(user["startDate"]) == 10

    def test_single_objects_have_singular_paths_and_no_envelope(self, lattice):
        user = lattice.get("/users").json()["data"][0]
        assert lattice.get(f"/user/{user['id']}").json() == user
        assert lattice.get(f"/users/{user['id']}").status_code == 404

    def test_references_can_be_followed(self, lattice):
        cycle = cycles(lattice)[0]
        reviewee = lattice.get(f"/reviewCycle/{cycle['id']}/reviewees").json()["data"][0]
        assert reviewee["reviewCycle"]["id"] == cycle["id"]
        assert lattice.get(reviewee["user"]["url"]).json()["id"] == reviewee["user"]["id"]
        assert lattice.get(cycle["reviewees"]["url"]).json()["object"] == "list"

    def test_a_question_tells_its_scale(self, lattice):
        asked = {row["question"]["id"] for row in reviews(lattice)}
        scales = [lattice.get(f"/question/{identifier}").json()["ratingScale"] for identifier in asked]
        assert None in scales
        assert any(scale and [step["value"] for step in scale] == [1, 2, 3, 4, 5] for scale in scales)


class TestReviews:
    def test_one_row_per_reviewee_reviewer_and_question(self, sandbox, lattice):
        found = [row for row in reviews(lattice) if row["reviewer"]]
        keys = {(row["reviewee"]["id"], row["reviewer"]["id"], row["question"]["id"]) for row in found}
        assert len(keys) == len(found)

    def test_a_reviewee_lists_its_own_reviews(self, lattice):
        some = reviews(lattice)[0]["reviewee"]["id"]
        own = lattice_rows(lattice, f"/reviewee/{some}/reviews")
        assert own
        assert {row["reviewee"]["id"] for row in own} == {some}

    def test_an_anonymous_peer_has_no_reviewer(self, lattice):
        assert {row["reviewType"] for row in reviews(lattice) if row["reviewer"] is None} == {"Peer"}

    def test_a_review_that_was_not_handed_in_has_no_response(self, lattice):
        waiting = [row for row in reviews(lattice) if row["submittedAt"] is None]
        assert waiting
        assert all(row["response"] is None for row in waiting)

    def test_comment_questions_have_no_rating(self, lattice):
        comments = [row for row in reviews(lattice) if row["response"] and row["response"]["rating"] is None]
        assert comments
        assert all(row["response"]["ratingString"] is None for row in comments)

    def test_calibrated_answers_appear_only_after_calibration(self, lattice):
        found = reviews(lattice)
        assert any(row["calibratedResponse"] for row in found)
        assert all(row["calibrationEnded"] for row in found if row["calibratedResponse"])

    def test_advancing_opens_and_closes_cycles(self, sandbox, lattice):
        before = {cycle["id"]: cycle["stage"] for cycle in cycles(lattice)}
        sandbox.advance(90)
        assert {cycle["id"]: cycle["stage"] for cycle in cycles(lattice)} != before

    def test_an_unknown_cycle_gets_404(self, lattice):
        assert lattice.get("/reviewCycle/nobody/reviews").status_code == 404
