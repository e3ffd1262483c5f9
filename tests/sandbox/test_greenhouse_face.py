"""The Greenhouse face refuses what Greenhouse refuses and hides what Greenhouse hides. One test a trap."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import httpx
import pytest

from ingestion.sandbox import RunningSandbox, running_sandbox
from ingestion.sandbox.limits import RateLimits, Window

from .clients import greenhouse_client, pages, rows

CURSOR_ERROR = {"errors": ["When passing a cursor, do not include other query params."]}


def mint(sandbox: RunningSandbox, **changes: object) -> httpx.Response:
    request: dict = {
        "auth": (sandbox.env["GREENHOUSE_CLIENT_ID"], sandbox.env["GREENHOUSE_CLIENT_SECRET"]),
        "data": {"grant_type": "client_credentials"},
    }
    return httpx.post(sandbox.urls["greenhouse_token"], **{**request, **changes})


class TestToken:
    def test_a_token_says_when_it_expires_not_how_long_it_lives(self, sandbox):
        body = mint(sandbox).json()
        assert body["token_type"] == "Bearer"
        assert "expires_in" not in body
        assert datetime.fromisoformat(body["expires_at"]) > datetime.now(UTC)

    def test_a_wrong_secret_gets_401(self, sandbox):
        assert mint(sandbox, auth=(sandbox.env["GREENHOUSE_CLIENT_ID"], "wrong")).status_code == 401

    def test_a_token_is_only_minted_by_post_with_the_grant_as_a_form(self, sandbox):
        assert mint(sandbox, data={}).status_code == 400
        assert mint(sandbox, data=None, json={"grant_type": "client_credentials"}).status_code == 400
        assert httpx.get(sandbox.urls["greenhouse_token"]).status_code == 405

    def test_minting_a_token_revokes_the_one_before(self, sandbox):
        with greenhouse_client(sandbox) as first, greenhouse_client(sandbox) as second:
            assert first.get("/jobs").status_code == 401
            assert second.get("/jobs").status_code == 200

    def test_an_expired_token_gets_401(self):
        with running_sandbox(token_seconds=0.2) as sandbox, greenhouse_client(sandbox) as client:
            assert client.get("/jobs").status_code == 200
            time.sleep(0.25)
            assert client.get("/jobs").status_code == 401

    def test_no_token_gets_401(self, sandbox):
        assert httpx.get(f"{sandbox.urls['greenhouse']}/jobs").status_code == 401

    def test_two_accounts_have_their_own_tokens_and_rows(self, sandbox):
        with greenhouse_client(sandbox) as one, greenhouse_client(sandbox, "greenhouse2") as two:
            assert one.get("/candidates").json() != two.get("/candidates").json()
            stranger = httpx.get(f"{sandbox.urls['greenhouse2']}/jobs", headers=one.headers)
            assert stranger.status_code == 401


class TestPaging:
    def test_a_page_has_100_rows_unless_asked_and_500_at_most(self, greenhouse):
        assert len(greenhouse.get("/applications").json()) == 100
        assert len(greenhouse.get("/applications", params={"per_page": 500}).json()) == 500
        for wrong in ("0", "501", "many"):
            assert greenhouse.get("/applications", params={"per_page": wrong}).status_code == 422

    def test_following_the_links_gives_every_row_once_by_descending_id(self, greenhouse):
        small = [row["id"] for page in pages(greenhouse, "/applications", per_page=37) for row in page]
        large = [row["id"] for row in rows(greenhouse, "/applications")]
        assert small == large == sorted(set(large), reverse=True)

    def test_the_last_page_has_no_link(self, greenhouse):
        answer = greenhouse.get("/departments")
        assert answer.json()
        assert "link" not in answer.headers

    def test_a_cursor_travels_alone(self, greenhouse):
        following = greenhouse.get("/applications").links["next"]["url"]
        refused = greenhouse.get(f"{following}&per_page=100")
        assert (refused.status_code, refused.json()) == (422, CURSOR_ERROR)

    def test_a_cursor_carries_the_filters_and_the_page_size(self, greenhouse):
        first = greenhouse.get("/applications", params={"status": "rejected", "per_page": 50})
        second = greenhouse.get(first.links["next"]["url"]).json()
        assert len(second) == 50
        assert {row["status"] for row in second} == {"rejected"}

    def test_a_cursor_of_another_list_or_garbage_is_refused(self, greenhouse):
        cursor = httpx.URL(greenhouse.get("/applications").links["next"]["url"]).params["cursor"]
        assert greenhouse.get("/scorecards", params={"cursor": cursor}).status_code == 422
        assert greenhouse.get("/applications", params={"cursor": "%%%"}).status_code == 422


class TestParameters:
    @pytest.mark.parametrize(
        ("path", "parameter"),
        [
            ("/scorecards", "job_ids"),
            ("/rejection_details", "job_ids"),
            ("/applications", "page"),
            ("/demographic_questions", "updated_at"),
            ("/demographic_answer_options", "created_at"),
            ("/users", "sort"),
        ],
    )
    def test_a_parameter_the_endpoint_does_not_list_is_refused(self, greenhouse, path, parameter):
        assert greenhouse.get(path, params={parameter: "1"}).status_code == 422

    def test_a_two_sided_window_is_one_parameter_with_pipes(self, greenhouse):
        low, high = "2026-03-01T00:00:00Z", "2026-06-01T00:00:00Z"
        found = rows(greenhouse, "/applications", updated_at=f"gte|{low}|lt|{high}")
        every = rows(greenhouse, "/applications")
        inside = [row for row in every if low[:19] <= row["updated_at"][:19] < high[:19]]
        assert found == inside
        assert 0 < len(found) < len(every)

    def test_a_pipe_may_be_written_as_it_is(self, greenhouse):
        raw = httpx.Request("GET", f"{greenhouse.base_url}applications?updated_at=gte|2026-01-01T00:00:00Z")
        raw.headers["Authorization"] = greenhouse.headers["Authorization"]
        encoded = greenhouse.get("/applications", params={"updated_at": "gte|2026-01-01T00:00:00Z"})
        assert greenhouse.send(raw).json() == encoded.json()

    @pytest.mark.parametrize("value", ["2026-01-01", "gte|yesterday", "since|2026-01-01", "gte|2026-01-01|lte"])
    def test_a_window_that_is_not_operator_pipe_time_is_refused(self, greenhouse, value):
        assert greenhouse.get("/offers", params={"updated_at": value}).status_code == 422

    def test_the_bracket_form_works_on_applications_and_is_refused_on_offers(self, greenhouse):
        bracket = {"updated_at[gte]": "2026-06-01T00:00:00Z"}
        pipe = greenhouse.get("/applications", params={"updated_at": "gte|2026-06-01T00:00:00Z"})
        assert greenhouse.get("/applications", params=bracket).json() == pipe.json()
        assert greenhouse.get("/offers", params=bracket).status_code == 422

    def test_created_at_and_updated_at_exclude_each_other(self, greenhouse):
        both = {"created_at": "gte|2026-01-01", "updated_at": "gte|2026-01-01"}
        assert greenhouse.get("/applications", params=both).status_code == 422

    def test_status_active_comes_back_as_in_process_which_cannot_be_asked_for(self, greenhouse):
        active = greenhouse.get("/applications", params={"status": "active"}).json()
        assert {row["status"] for row in active} == {"in_process"}
        assert greenhouse.get("/applications", params={"status": "in_process"}).status_code == 422

    def test_fields_projects_at_most_fifty_known_fields(self, greenhouse):
        projected = greenhouse.get("/scorecards", params={"fields": "id,submitted_at"}).json()
        assert {tuple(row) for row in projected} == {("id", "submitted_at")}
        assert greenhouse.get("/scorecards", params={"fields": "id,salary"}).status_code == 422
        assert greenhouse.get("/scorecards", params={"fields": ",".join(["id"] * 51)}).status_code == 422

    def test_ids_takes_fifty_at_most(self, greenhouse):
        some = [str(row["id"]) for row in greenhouse.get("/applications").json()]
        found = greenhouse.get("/applications", params={"ids": ",".join(some[:50])}).json()
        assert [str(row["id"]) for row in found] == some[:50]
        assert greenhouse.get("/applications", params={"ids": ",".join(some[:51])}).status_code == 422

    def test_parent_ids_select_children(self, greenhouse):
        card = greenhouse.get("/scorecards", params={"status": "complete"}).json()[0]
        ratings = greenhouse.get("/scorecard_candidate_attributes", params={"scorecard_ids": str(card["id"])}).json()
        assert ratings
        assert {row["scorecard_id"] for row in ratings} == {card["id"]}

    def test_a_path_that_does_not_exist_gets_404(self, greenhouse):
        assert greenhouse.get("/candidate_surveys").status_code == 404


class TestRows:
    def test_a_scheduled_interview_already_has_a_draft_scorecard_without_a_rating(self, greenhouse):
        drafts = rows(greenhouse, "/scorecards", status="draft")
        seats = {row["scorecard_id"] for row in rows(greenhouse, "/interviewers")}
        assert drafts
        assert all(row["candidate_rating"] is None and row["submitted_at"] is None for row in drafts)
        assert {row["id"] for row in drafts} <= seats

    def test_stage_rows_exist_for_stages_nobody_entered(self, greenhouse):
        visits = rows(greenhouse, "/application_stages")
        scaffolding = [row for row in visits if row["entered_at"] is None]
        assert scaffolding
        assert not any(row["current"] for row in scaffolding)

    def test_the_stage_of_an_application_is_a_visit_and_not_a_stage_of_the_job(self, greenhouse):
        visits = {row["id"]: row for row in rows(greenhouse, "/application_stages")}
        stages = {row["id"] for row in rows(greenhouse, "/job_interview_stages")}
        for application in rows(greenhouse, "/applications"):
            assert visits[application["stage_id"]]["application_id"] == application["id"]
            assert application["stage_id"] not in stages

    def test_a_private_candidate_comes_as_a_stub(self, greenhouse):
        private = rows(greenhouse, "/candidates", private="true")
        assert private
        assert {tuple(sorted(row)) for row in private} == {("created_at", "id", "private", "updated_at")}

    def test_an_anonymised_candidate_keeps_its_row_without_name_and_email(self, greenhouse):
        open_rows = rows(greenhouse, "/candidates", private="false")
        empty = [row for row in open_rows if row["first_name"] is None]
        assert empty
        assert all(row["last_name"] is None and row["email_addresses"] == [] for row in empty)

    def test_service_accounts_are_shown_on_request_only(self, greenhouse):
        usual = {row["id"] for row in rows(greenhouse, "/users")}
        with_service = {row["id"] for row in rows(greenhouse, "/users", show_service_accounts="true")}
        assert len(with_service - usual) == 1
        assert not usual - with_service

    def test_the_vendors_own_rejection_reasons_are_listed_on_request_only(self, greenhouse):
        usual = {row["id"] for row in rows(greenhouse, "/rejection_reasons")}
        every = {row["id"] for row in rows(greenhouse, "/rejection_reasons", include_defaults="true")}
        assert usual < every

    def test_current_only_leaves_out_replaced_offer_versions(self, greenhouse):
        current = rows(greenhouse, "/offers", current_only="true")
        assert len({row["application_id"] for row in current}) == len(current)
        assert len(current) < len(rows(greenhouse, "/offers"))

    def test_demographic_questions_have_no_time_stamps(self, greenhouse):
        assert {row["updated_at"] for row in rows(greenhouse, "/demographic_questions")} == {None}

    def test_the_truth_is_not_served(self, greenhouse, sandbox):
        hidden = {"technique", "person_id", "is_overall", "interview_true_id"}
        for name in sandbox.server.greenhouse.names:
            for row in greenhouse.get(f"/{name}").json():
                assert not hidden & row.keys(), name


class TestScopes:
    def test_a_missing_scope_forbids_one_list_only(self, sandbox, greenhouse):
        sandbox.chaos("missing_scope:scorecards")
        assert greenhouse.get("/scorecards").status_code == 403
        assert greenhouse.get("/offers").status_code == 200


class TestRate:
    def test_the_real_window_is_fifty_requests_and_says_when_it_ends(self):
        with running_sandbox(rate="real") as sandbox, greenhouse_client(sandbox) as client:
            answers = [client.get("/close_reasons") for _ in range(51)]
        assert [int(a.headers["X-RateLimit-Remaining"]) for a in answers[:50]] == list(range(49, -1, -1))
        refused = answers[50]
        assert refused.status_code == 429
        assert refused.headers["X-RateLimit-Limit"] == "50"
        assert 1 <= int(refused.headers["Retry-After"]) <= 30
        assert 0 < int(refused.headers["X-RateLimit-Reset"]) - time.time() <= 31

    def test_after_the_wait_it_asked_for_the_window_is_open_again(self):
        with (
            running_sandbox(rate=RateLimits(greenhouse=Window(2, 1.0))) as sandbox,
            greenhouse_client(sandbox) as client,
        ):
            statuses = [client.get("/close_reasons").status_code for _ in range(3)]
            time.sleep(int(client.get("/close_reasons").headers["Retry-After"]))
            assert [*statuses, client.get("/close_reasons").status_code] == [200, 200, 429, 200]

    def test_tokens_are_counted_in_a_window_of_their_own(self):
        with (
            running_sandbox(rate=RateLimits(greenhouse_token=Window(1, 60.0))) as sandbox,
            greenhouse_client(sandbox) as client,
        ):
            refused = mint(sandbox)
            assert refused.status_code == 429
            assert int(refused.headers["Retry-After"]) <= 60
            assert client.get("/close_reasons").status_code == 200


class TestTime:
    def test_advancing_brings_new_and_changed_rows_with_a_later_updated_at(self, sandbox, greenhouse):
        before = {row["id"]: row for row in rows(greenhouse, "/applications")}
        edge = f"{sandbox.as_of}T00:00:00Z"
        sandbox.advance(30)
        changed = {row["id"]: row for row in rows(greenhouse, "/applications", updated_at=f"gte|{edge}")}
        after = {row["id"]: row for row in rows(greenhouse, "/applications")}
        assert changed.keys() - before.keys()
        assert changed.keys() & before.keys()
        assert {i: r for i, r in after.items() if i not in changed} == {
            i: before[i] for i in before.keys() & after.keys() - changed.keys()
        }

    def test_a_deleted_candidate_vanishes_without_a_trace(self, sandbox, greenhouse):
        before = {row["id"] for row in rows(greenhouse, "/candidates")}
        sandbox.advance(90)
        after = {row["id"] for row in rows(greenhouse, "/candidates")}
        assert before - after

    def test_an_old_scorecard_is_edited_later(self, sandbox, greenhouse):
        before = {row["id"]: row for row in rows(greenhouse, "/scorecards", status="complete")}
        sandbox.advance(90)
        after = {row["id"]: row for row in rows(greenhouse, "/scorecards", status="complete")}
        edited = [i for i in before.keys() & after.keys() if before[i] != after[i]]
        assert edited
        assert all(before[i]["submitted_at"] == after[i]["submitted_at"] for i in edited)

    def test_the_clock_never_passes_the_end_of_history(self, sandbox):
        assert sandbox.advance(10_000).isoformat() == "2026-11-01"
