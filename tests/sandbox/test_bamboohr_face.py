"""The BambooHR face answers as BambooHR does, inconveniences included. One test a trap."""

from __future__ import annotations

import httpx
import orjson
import pandas as pd
import pytest

from ingestion.sandbox import bamboohr as face
from ingestion.sandbox import running_sandbox
from ingestion.sandbox.company import build_company
from ingestion.sandbox.limits import RateLimits, Window
from ingestion.sandbox.runner import HISTORY_END
from ingestion.sandbox.server import store_path
from ingestion.sandbox.store import FOREVER, WireStore

LONG_AGO = "2000-01-01T00:00:00Z"


def employees(client: httpx.Client, **params: str) -> list[dict]:
    """All employees, by the cursor."""
    query = {"page[limit]": "50", **params}
    found: list[dict] = []
    while True:
        body = client.get("/employees", params=query).json()
        found += body["data"]
        if body["meta"]["page"]["nextCursor"] is None:
            assert "next" not in body["_links"]
            return found
        query["page[after]"] = body["meta"]["page"]["nextCursor"]


class TestAccess:
    def test_the_key_is_the_user_name_and_any_password_will_do(self, sandbox):
        url, key = f"{sandbox.urls['bamboohr']}/employees", sandbox.env["BAMBOOHR_API_KEY"]
        assert httpx.get(url, auth=(key, "anything")).status_code == 200
        assert httpx.get(url, auth=("x", key)).status_code == 401
        assert httpx.get(url).status_code == 401

    def test_without_asking_for_json_the_old_endpoints_answer_xml(self, sandbox, bamboohr):
        path = f"/employees/changed?since={LONG_AGO}"
        answer = bamboohr.get(path, headers={"Accept": "*/*"})
        assert answer.headers["content-type"].startswith("text/xml")
        assert answer.text.startswith("<?xml")
        assert bamboohr.get(path).headers["content-type"] == "application/json"

    def test_too_many_requests_are_refused_with_429_or_503_and_a_wait(self):
        with running_sandbox(rate=RateLimits(bamboohr=Window(1, 30.0))) as sandbox:
            url, auth = f"{sandbox.urls['bamboohr']}/meta/fields", (sandbox.env["BAMBOOHR_API_KEY"], "x")
            answers = [httpx.get(url, auth=auth) for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 429, 503]
        assert all(1 <= int(a.headers["Retry-After"]) <= 30 for a in answers[1:])


class TestList:
    def test_the_cursor_gives_everybody_once_leavers_included(self, bamboohr):
        found = employees(bamboohr)
        assert len({e["employeeId"] for e in found}) == len(found)
        assert len(found) == bamboohr.get("/employees").json()["meta"]["total"]
        assert {e["status"] for e in found} == {"Active", "Inactive"}

    def test_the_next_link_can_be_followed_as_it_is(self, bamboohr):
        first = bamboohr.get("/employees", params={"page[limit]": "5"}).json()
        second = bamboohr.get(first["_links"]["next"]["href"]).json()
        assert len(second["data"]) == 5
        assert not {e["employeeId"] for e in first["data"]} & {e["employeeId"] for e in second["data"]}

    def test_an_unknown_field_name_is_silently_ignored(self, bamboohr):
        record = bamboohr.get("/employees", params={"fields": "workEmail,terminationDate,nonsense"}).json()["data"][0]
        assert "workEmail" in record
        assert not {"terminationDate", "nonsense"} & record.keys()

    def test_a_restricted_field_is_null_and_named(self, sandbox, bamboohr):
        record = bamboohr.get("/employees", params={"fields": "birthDate,homeEmail"}).json()["data"][0]
        assert record["birthDate"] is None
        assert record["_restrictedFields"] == ["birthDate"]
        sandbox.chaos("missing_scope:homeEmail")
        hidden = bamboohr.get("/employees", params={"fields": "homeEmail"}).json()["data"]
        assert {e["homeEmail"] for e in hidden} == {None}
        assert hidden[0]["_restrictedFields"] == ["homeEmail"]

    def test_a_leaver_has_no_current_job_fields(self, bamboohr):
        leavers = employees(bamboohr, **{"fields": "departmentName,reportsToId,hireDate", "filter[status]": "inactive"})
        assert leavers
        assert all(e["departmentName"] is None and e["reportsToId"] is None for e in leavers)
        assert all(e["jobTitleName"] is None and e["hireDate"] for e in leavers)

    @pytest.mark.parametrize(
        ("params", "code"),
        [
            ({"page[limit]": "2501"}, "BadRequest"),
            ({"filter[status]": "gone"}, "BadRequest"),
            ({"filter[shoeSize]": "43"}, "BadRequest"),
            ({"page[after]": "%%%"}, "BadPage"),
        ],
    )
    def test_a_bad_parameter_gets_400_with_a_code(self, bamboohr, params, code):
        answer = bamboohr.get("/employees", params=params)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == code

    def test_employees_can_be_picked_by_id(self, bamboohr):
        some = [e["employeeId"] for e in employees(bamboohr)[:3]]
        assert [e["employeeId"] for e in employees(bamboohr, **{"filter[ids]": ",".join(some)})] == some


class TestOne:
    def test_more_fields_than_the_list_has_are_read_one_by_one(self, bamboohr):
        number = employees(bamboohr)[0]["employeeId"]
        fields = "employeeNumber,originalHireDate,customJobLevel,nonsense"
        record = bamboohr.get(f"/employees/{number}", params={"fields": fields}).json()
        assert record.keys() == {"id", "employeeNumber", "originalHireDate", "customJobLevel"}

    def test_an_empty_date_is_zeros(self, bamboohr):
        active = employees(bamboohr, **{"filter[status]": "active"})[0]["employeeId"]
        record = bamboohr.get(f"/employees/{active}", params={"fields": "terminationDate"}).json()
        assert record["terminationDate"] == "0000-00-00"

    def test_a_restricted_field_is_left_out(self, bamboohr):
        number = employees(bamboohr)[0]["employeeId"]
        assert "birthDate" not in bamboohr.get(f"/employees/{number}", params={"fields": "birthDate"}).json()

    def test_more_than_400_fields_are_refused(self, bamboohr):
        number = employees(bamboohr)[0]["employeeId"]
        assert bamboohr.get(f"/employees/{number}", params={"fields": ",".join(["a"] * 401)}).status_code == 400

    def test_nobody_gets_404(self, bamboohr):
        assert bamboohr.get("/employees/1").status_code == 404


class TestChanges:
    def test_since_is_required_and_must_be_a_time(self, bamboohr):
        assert bamboohr.get("/employees/changed").status_code == 400
        assert bamboohr.get("/employees/changed", params={"since": "lately"}).status_code == 400

    def test_everybody_has_changed_since_long_ago_and_nobody_since_tomorrow(self, sandbox, bamboohr):
        ever = bamboohr.get("/employees/changed", params={"since": LONG_AGO}).json()
        present = {n for n, e in ever["employees"].items() if e["action"] != "Deleted"}
        assert present == {e["employeeId"] for e in employees(bamboohr)}
        assert ever["latest"] == max(e["lastChanged"] for e in ever["employees"].values())
        later = bamboohr.get("/employees/changed", params={"since": "2026-08-02T00:00:00Z"}).json()
        assert later["employees"] == {}

    def test_advancing_reports_who_was_hired_and_who_changed(self, sandbox, bamboohr):
        since = f"{sandbox.as_of}T00:00:00Z"
        before = {e["employeeId"] for e in employees(bamboohr)}
        sandbox.advance(90)
        after = {e["employeeId"] for e in employees(bamboohr)}
        changed = bamboohr.get("/employees/changed", params={"since": since}).json()["employees"]
        inserted = {n for n, e in changed.items() if e["action"] == "Inserted"}
        assert inserted == after - before != set()
        only = bamboohr.get("/employees/changed", params={"since": since, "type": "inserted"}).json()["employees"]
        assert only.keys() == inserted

    def test_an_erased_employee_is_reported_as_deleted(self, tmp_path):
        company = build_company(3, "tiny", HISTORY_END)
        last = company.tables["employees"].query("valid_to.isna()").index[5]
        number = str(company.tables["employees"].loc[last, "employee_id"])
        erased_at = pd.Timestamp("2026-08-20T10:00:00Z")
        company.tables["employees"].loc[last, "valid_to"] = erased_at
        WireStore.open_or_build(
            store_path(tmp_path, 3, "tiny", HISTORY_END), lambda writer: face.build(writer, company.tables)
        ).close()
        with running_sandbox(seed=3, state=tmp_path) as sandbox:
            auth, headers = (sandbox.env["BAMBOOHR_API_KEY"], "x"), {"Accept": "application/json"}
            with httpx.Client(base_url=sandbox.urls["bamboohr"], auth=auth, headers=headers) as client:
                assert client.get(f"/employees/{number}").status_code == 200
                sandbox.advance(60)
                assert client.get(f"/employees/{number}").status_code == 404
                since = {"since": "2026-08-15T00:00:00Z", "type": "deleted"}
                changed = client.get("/employees/changed", params=since).json()["employees"]
        entry = {"id": number, "action": "Deleted", "lastChanged": "2026-08-20T10:00:00Z"}
        assert changed == {number: entry}

    def test_a_changed_employee_brings_all_its_table_rows(self, sandbox, bamboohr):
        since = f"{sandbox.as_of}T00:00:00Z"
        sandbox.advance(90)
        changed = bamboohr.get("/employees/changed/tables/jobInfo", params={"since": since}).json()
        assert changed["table"] == "jobInfo"
        for number, entry in changed["employees"].items():
            assert entry["rows"] == bamboohr.get(f"/employees/{number}/tables/jobInfo").json()


class TestTables:
    def test_all_employees_rows_come_in_one_answer(self, bamboohr):
        every = bamboohr.get("/employees/all/tables/employmentStatus").json()
        ends = [row for row in every if row["employmentStatus"] == "Terminated"]
        assert ends
        assert {row["terminationTypeId"] for row in ends} <= {"Voluntary", "Involuntary", "Other", None}
        assert {row["finalPayDate"] for row in every if row not in ends} == {"0000-00-00"}

    def test_a_leavers_last_job_is_still_in_the_history(self, bamboohr):
        leaver = employees(bamboohr, **{"filter[status]": "inactive"})[0]["employeeId"]
        assert bamboohr.get(f"/employees/{leaver}/tables/jobInfo").json()[-1]["department"]

    def test_a_firm_may_keep_ratings_in_a_table_of_its_own(self, bamboohr):
        row = bamboohr.get("/employees/all/tables/customPerformanceReviews").json()[0]
        assert row.keys() == {"id", "employeeId", "date", "customCycle", "customRating", "customReviewer"}

    def test_a_rating_typed_in_wrongly_is_deleted_and_entered_again_under_a_new_id(self, tmp_path):
        company = build_company(1, "tiny", HISTORY_END)
        path, table = store_path(tmp_path, 1, "tiny", HISTORY_END), f"bamboohr_{face.REVIEW_TABLE}"
        store = WireStore.open_or_build(path, lambda writer: face.build(writer, company.tables))

        def rows(moment: int) -> dict[str, dict]:
            return {record["id"]: record for record in map(orjson.loads, store.read(table, moment).payloads)}

        deleted = [(str(n), end) for n, _, _, end in store.history(table, FOREVER - 1, -1) if end < FOREVER]
        assert deleted
        for number, end in deleted:
            wrong, now = rows(end - 1)[number], rows(end)
            again = now[str(int(number) - 10**9)]
            assert number not in now
            assert {key for key in wrong if wrong[key] != again[key]} <= {"id", "date"}
        store.close()

    def test_an_unknown_table_gets_404(self, bamboohr):
        assert bamboohr.get("/employees/all/tables/secrets").status_code == 404

    def test_the_catalogues_name_every_field_and_table(self, bamboohr):
        aliases = {field["alias"] for field in bamboohr.get("/meta/fields").json()}
        assert {"customJobLevel", "homeEmail", "terminationDate"} <= aliases
        tables = {table["alias"] for table in bamboohr.get("/meta/tables").json()}
        assert {"jobInfo", "employmentStatus"} <= tables
