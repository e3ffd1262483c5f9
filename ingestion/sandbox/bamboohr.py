"""The BambooHR face: list with cursor, per-employee fields, change feed, history tables; and its traps.

XML unless `Accept: application/json` is sent, unknown field names silently ignored, fields the key may not see as null
with their names in `_restrictedFields`, current job fields blank once somebody has left, `0000-00-00` for an empty date
on the old endpoints.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

import orjson
import pandas as pd
from starlette.requests import Request

from ingestion.sandbox.face import Account, Answer, basic_credentials, json_answer, seal, spoil, unseal
from ingestion.sandbox.limits import Counter
from ingestion.sandbox.store import FOREVER, Where, WireRow, WireStore, WireWriter
from ingestion.sandbox.wire import Record, iso, parse_moment, versions, wire_rows

MAX_FIELDS = 400
_REENTERED_EVERY = 50
_NOTICED_AFTER_MS = 3 * 86_400_000
_MISTAKEN_ID = 10**9
EMPTY_DATE = "0000-00-00"
TABLES = ("jobInfo", "employmentStatus", "customPerformanceReviews")
REVIEW_TABLE = "customPerformanceReviews"

BASE_FIELDS = ("employeeId", "firstName", "lastName", "preferredName", "photoUrl", "jobTitleName", "status")
"""Always in the list."""

LIST_FIELDS = frozenset(
    (
        *("workEmail", "homeEmail", "bestEmail", "middleName", "workPhone", "mobilePhone", "homePhone", "birthDate"),
        *("hireDate", "divisionName", "divisionId", "departmentName", "departmentId", "locationName", "locationId"),
        *("jobTitleId", "employmentStatusName", "employmentStatusId", "reportsToName", "reportsToId"),
    )
)
"""May be asked for in the list; every other name is ignored without a word."""

RESTRICTED = frozenset({"birthDate", "homePhone", "mobilePhone"})
"""Fields the owner of the key may not see. The chaos `missing_scope:homeEmail` adds one."""

EMPLOYEE_FIELDS: dict[str, tuple[str, str]] = {
    "firstName": ("First Name", "text"),
    "lastName": ("Last Name", "text"),
    "preferredName": ("Preferred Name", "text"),
    "employeeNumber": ("Employee #", "employee_number"),
    "status": ("Status", "status"),
    "workEmail": ("Work Email", "email"),
    "homeEmail": ("Home Email", "email"),
    "bestEmail": ("Best Email", "email"),
    "hireDate": ("Hire Date", "date"),
    "originalHireDate": ("Original Hire Date", "date"),
    "terminationDate": ("Termination Date", "date"),
    "department": ("Department", "list"),
    "division": ("Division", "list"),
    "location": ("Location", "list"),
    "jobTitle": ("Job Title", "list"),
    "employmentHistoryStatus": ("Employment Status", "list"),
    "supervisor": ("Reporting to", "employee"),
    "supervisorId": ("Reporting to ID", "employee"),
    "supervisorEId": ("Supervisor EID", "employee"),
    "birthDate": ("Birth Date", "date"),
    "mobilePhone": ("Mobile Phone", "phone"),
    "homePhone": ("Home Phone", "phone"),
    "customJobLevel": ("Job Level", "list"),
    "customJobFamily": ("Job Family", "list"),
    "lastChanged": ("Last changed", "timestamp"),
}
"""What `/employees/{id}` knows (and `/meta/fields` lists): alias -> display name and type."""

_DATES = frozenset(alias for alias, (_, kind) in EMPLOYEE_FIELDS.items() if kind == "date")


def _employee(v: Any) -> Record:
    """Everything the account knows about an employee, under both generations of names."""
    is_active = v.status == "Active"

    def current(value: Any) -> Any:
        return value if is_active else None

    manager = current(None if v.manager_employee_id is None else str(v.manager_employee_id))
    return {
        "employeeId": str(v.employee_id),
        "firstName": v.first_name,
        "lastName": v.last_name,
        "preferredName": v.preferred_name,
        "photoUrl": None,
        "status": v.status,
        "employeeNumber": v.employee_number,
        "workEmail": v.work_email,
        "homeEmail": v.home_email,
        "bestEmail": v.work_email or v.home_email,
        "hireDate": v.hire_date,
        "originalHireDate": v.original_hire_date,
        "terminationDate": v.termination_date,
        "department": current(v.department),
        "departmentName": current(v.department),
        "division": current(v.division),
        "divisionName": current(v.division),
        "location": current(v.location),
        "locationName": current(v.location),
        "jobTitle": current(v.job_title),
        "jobTitleName": current(v.job_title),
        "customJobLevel": current(v.job_level),
        "customJobFamily": current(v.job_family),
        "employmentHistoryStatus": v.employment_status,
        "employmentStatusName": v.employment_status,
        "supervisorId": manager,
        "supervisorEId": manager,
        "reportsToId": manager,
    }


def _job_info(v: Any) -> Record:
    return {
        "id": str(v.row_id),
        "employeeId": str(v.employee_id),
        "date": v.date,
        "location": v.location,
        "department": v.department,
        "division": v.division,
        "jobTitle": v.job_title,
        "reportsTo": None if v.manager_employee_id is None else str(v.manager_employee_id),
        "customJobLevel": v.job_level,
        "customJobFamily": v.job_family,
    }


def _employment_status(v: Any) -> Record:
    is_end = v.employment_status == "Terminated"
    return {
        "id": str(v.row_id),
        "employeeId": str(v.employee_id),
        "date": v.date,
        "employmentStatus": v.employment_status,
        "comment": None,
        "terminationReasonId": v.termination_reason,
        "terminationTypeId": v.termination_type,
        "terminationRehireId": None,
        "finalPayDate": v.date if is_end else EMPTY_DATE,
    }


def build(writer: WireWriter, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write every BambooHR table of one company."""
    writer.table(
        "bamboohr_employees",
        ("status", "firstName", "lastName", "jobTitleName"),
        wire_rows(
            versions(tables, "employees"),
            lambda v: int(v.employee_id),
            _employee,
            lambda record, _: [record[c] for c in ("status", "firstName", "lastName", "jobTitleName")],
            stamps=False,
        ),
    )
    for name, source, translate in (
        ("jobInfo", "job_info", _job_info),
        ("employmentStatus", "employment_status", _employment_status),
    ):
        writer.table(f"bamboohr_{name}", ("employee",), _table_rows(versions(tables, source), translate))
    writer.table(f"bamboohr_{REVIEW_TABLE}", ("employee",), _table_rows(_reentered(_reviews(tables)), _review))


def _table_rows(source: Iterable[Any], translate: Callable[[Any], Record]) -> Iterator[WireRow]:
    return wire_rows(source, lambda v: int(v.row_id), translate, lambda _, v: [v.employee_id], stamps=False)


class _Review:
    """A submitted overall manager rating, as a firm without a performance tool would keep it in a custom table."""

    def __init__(self, review: Any, employee_id: int, reviewer_id: int | None, cycle: str, label: str) -> None:
        self.row_id, self.employee_id, self.reviewer_id = review.review_id, employee_id, reviewer_id
        self.cycle, self.label = cycle, f"{review.rating:g} - {label}"
        self.date = (review.submitted_at or review.updated_at)[:10]
        self.from_ms, self.to_ms, self.created_ms = review.from_ms, review.to_ms, review.created_ms


def _review(v: Any) -> Record:
    return {
        "id": str(v.row_id),
        "employeeId": str(v.employee_id),
        "date": v.date,
        "customCycle": v.cycle,
        "customRating": v.label,
        "customReviewer": None if v.reviewer_id is None else str(v.reviewer_id),
    }


def _reviews(tables: Mapping[str, pd.DataFrame]) -> Iterator[_Review]:
    questions = {v.question_id: v.scale_labels.split("|") for v in versions(tables, "review_questions") if v.is_overall}
    cycles = {v.cycle_id: v.name for v in versions(tables, "review_cycles")}
    employee = {v.perf_user_id: v.employee_id for v in versions(tables, "perf_users")}
    reviewed = {v.reviewee_id: employee.get(v.perf_user_id) for v in versions(tables, "reviewees")}
    for v in versions(tables, "reviews"):
        employee_id = reviewed.get(v.reviewee_id)
        if v.question_id in questions and v.review_type == "Manager" and v.rating is not None and employee_id:
            label = questions[v.question_id][round(v.rating) - 1]
            yield _Review(v, employee_id, employee.get(v.reviewer_id), cycles[v.cycle_id], label)


def _reentered(reviews: Iterable[_Review]) -> Iterator[_Review]:
    """Now and then HR types a rating in for the wrong day, deletes the row and enters it again under a new id."""
    mistakes: list[_Review] = []
    before = None
    for review in reviews:
        is_first, before = review.row_id != before, review.row_id
        if review.row_id % _REENTERED_EVERY == 0 and is_first and review.to_ms > review.from_ms + _NOTICED_AFTER_MS:
            mistake = copy(review)
            mistake.row_id, mistake.date = review.row_id + _MISTAKEN_ID, f"{review.date[:8]}01"
            mistake.to_ms = review.from_ms = review.created_ms = review.from_ms + _NOTICED_AFTER_MS
            mistakes.append(mistake)
        yield review
    yield from mistakes


class BambooFace:
    """One BambooHR account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.api_key = account.secret("api_key")
        self._budget = Counter(account.limits.bamboohr)
        self._n_refused = 0

    def stream(self, path: str) -> str:
        """`employees`, `changed`, `employee` (one), a table's name, or the path itself."""
        parts = path.split("/")
        if len(parts) >= 3 and parts[-2] == "tables":
            return parts[-1]
        if parts[0] == "employees" and len(parts) == 2:
            return parts[1] if parts[1] in ("changed", "directory") else "employee"
        return path

    async def answer(self, request: Request, path: str) -> Answer:
        """Answer one request."""
        credentials = basic_credentials(request)
        if credentials is None or credentials[0] != self.api_key:
            return Answer(b"", {"WWW-Authenticate": 'Basic realm="BambooHR"'}, 401, "text/html")
        verdict = self._budget.take()
        if not verdict.allowed:
            self._n_refused += 1
            status = 429 if self._n_refused % 2 else 503
            return Answer(b"", {"Retry-After": str(verdict.retry_after)}, status, "text/html")
        if self.account.chaos.fires("missing_scope", "bamboohr", self.stream(path)):
            return Answer(b"", {"X-BambooHR-Error-Message": "You do not have access to this resource."}, 403)
        answer = self._route(request, path.split("/"))
        wants_json = "application/json" in request.headers.get("accept", "")
        if path != "employees" and answer.status == 200 and not wants_json:
            return _as_xml(answer)
        return answer

    def _route(self, request: Request, parts: list[str]) -> Answer:
        match parts:
            case ["employees"]:
                return self._list(request)
            case ["employees", "changed"]:
                return self._changed(request)
            case ["employees", "directory"]:
                return self._directory()
            case ["employees", "changed", "tables", table]:
                return self._changed_rows(request, table)
            case ["employees", number, "tables", table]:
                return self._rows(number, table)
            case ["employees", number]:
                return self._one(request, number)
            case ["meta", "fields"]:
                return json_answer(
                    [
                        {"id": n, "name": name, "type": kind, "alias": alias}
                        for n, (alias, (name, kind)) in enumerate(EMPLOYEE_FIELDS.items(), start=1)
                    ]
                )
            case ["meta", "tables"]:
                return self._tables()
            case _:
                return _not_found("The requested resource does not exist.")

    @property
    def _store(self) -> WireStore:
        return self.account.open_store()

    # Employees ------------------------------------------------------------------------------------------------------

    def _list(self, request: Request) -> Answer:
        query = request.query_params
        try:
            limit = int(query.get("page[limit]", "250"))
            if not 1 <= limit <= 2500:
                raise ValueError("page[limit] must be between 1 and 2500.")
            where = _filters(query.multi_items())
            ascending = _ascending(query.get("sort", "employeeId"))
        except ValueError as problem:
            return json_answer({"error": {"code": "BadRequest", "message": str(problem)}}, 400)
        beyond: int | None = None
        if "page[after]" in query:
            try:
                beyond = int(unseal(query["page[after]"]))
            except (ValueError, TypeError):
                return json_answer({"error": {"code": "BadPage", "message": "The cursor is malformed."}}, 400)
        now = self.account.clock()
        found = self._store.read("bamboohr_employees", now, where, beyond=beyond, limit=limit, ascending=ascending)
        cursor = seal(found.seqs[-1]) if found.has_more else None
        asked = [name for name in query.get("fields", "").split(",") if name in LIST_FIELDS]
        hidden = self._restricted()
        payloads = spoil(self.account, found.payloads, "bamboohr_employees", "employees", _SPOIL)
        data = [_listed(orjson.loads(payload), asked, hidden) for payload in payloads]
        links = {"self": {"href": str(request.url)}}
        if cursor is not None:
            rest = [(name, value) for name, value in query.multi_items() if name != "page[after]"]
            address = f"{self.account.root_url()}{request.url.path}?{urlencode([*rest, ('page[after]', cursor)])}"
            links["next"] = {"href": address}
        meta = {
            "total": self._store.count("bamboohr_employees", now, where),
            "page": {"limit": limit, "nextCursor": cursor, "prevCursor": None},
        }
        return json_answer({"data": data, "meta": meta, "_links": links})

    def _restricted(self) -> frozenset[str]:
        scopes = {s.partition(":")[2] for s in self.account.chaos.active() if s.startswith("missing_scope:")}
        return RESTRICTED | {name.removeprefix("bamboohr/") for name in scopes}

    def _one(self, request: Request, number: str) -> Answer:
        asked = [name for name in request.query_params.get("fields", "firstName,lastName").split(",") if name]
        if len(asked) > MAX_FIELDS:
            return Answer(b"", {"X-BambooHR-Error-Message": "At most 400 fields may be requested."}, 400)
        if not number.isdigit():
            return _not_found("Employee not found.")
        where = [Where("id", "=", int(number))]
        found = self._store.read("bamboohr_employees", self.account.clock(), where, limit=1).payloads
        if not found:
            return _not_found("Employee not found.")
        known = orjson.loads(found[0])
        if "lastChanged" in asked:
            moment = self._changes(0).get(int(number), (0, 0, 0))[1]
            known["lastChanged"] = _second(moment)
        hidden = self._restricted()
        record = {"id": number}
        for name in asked:
            if name in EMPLOYEE_FIELDS and name not in hidden:
                value = known.get(name)
                record[name] = EMPTY_DATE if value is None and name in _DATES else value
        return json_answer(record)

    def _directory(self) -> Answer:
        names = (
            "firstName",
            "lastName",
            "preferredName",
            "jobTitle",
            "workEmail",
            "department",
            "location",
            "division",
        )
        active = self._store.read(
            "bamboohr_employees", self.account.clock(), [Where("status", "=", "Active")], ascending=True
        ).payloads
        employees = [
            {"id": record["employeeId"], **{name: record[name] for name in names}}
            for record in map(orjson.loads, active)
        ]
        fields = [{"id": n, "type": EMPLOYEE_FIELDS[n][1], "name": EMPLOYEE_FIELDS[n][0]} for n in names]
        return json_answer({"fields": fields, "employees": employees})

    # Changes --------------------------------------------------------------------------------------------------------

    def _changes(self, since: int) -> dict[int, tuple[str, int, int]]:
        """Employees changed at or after `since`: action, moment, and when they were created."""
        now = self.account.clock()
        tables = [self._store.touched(f"bamboohr_{name}", "employee", now, since - 1) for name in TABLES[:2]]
        changes: dict[int, tuple[str, int, int]] = {}
        for number, created, last, end in self._store.history("bamboohr_employees", now, -1):
            if end <= now:
                if end >= since:
                    changes[number] = ("Deleted", end, created)
                continue
            moment = max(last, *(table.get(number, 0) for table in tables))
            if moment >= since:
                changes[number] = ("Inserted" if created >= since else "Updated", moment, created)
        return changes

    def _since(self, request: Request) -> int | None:
        try:
            return parse_moment(request.query_params["since"])
        except (KeyError, ValueError):
            return None

    def _changed(self, request: Request) -> Answer:
        since, kind = self._since(request), request.query_params.get("type", "all")
        if since is None or kind not in ("inserted", "updated", "deleted", "all"):
            return Answer(b"", {"X-BambooHR-Error-Message": "since must be ISO 8601; type is invalid"}, 400)
        changes = self._changes(since)
        employees = {
            str(number): {"id": str(number), "action": action, "lastChanged": _second(moment)}
            for number, (action, moment, _) in changes.items()
            if kind in ("all", action.lower())
        }
        if employees and self.account.chaos.fires("future_cursor", "bamboohr", "changed"):
            newest = max(employees, key=lambda number: employees[number]["lastChanged"])
            employees[newest]["lastChanged"] = "9999-12-31T00:00:00Z"
        latest = max((e["lastChanged"] for e in employees.values()), default=_second(since))
        return json_answer({"latest": latest, "employees": employees})

    def _changed_rows(self, request: Request, table: str) -> Answer:
        since = self._since(request)
        if since is None:
            return Answer(b"", {"X-BambooHR-Error-Message": "since must be ISO 8601"}, 400)
        if table not in TABLES:
            return _not_found("The table does not exist.")
        changes = self._changes(since)
        rows: dict[int, list[Record]] = defaultdict(list)
        for record in self._records(table):
            rows[int(record["employeeId"])].append(record)
        employees = {
            str(number): {"lastChanged": _second(moment), "rows": rows.get(number, [])}
            for number, (action, moment, _) in changes.items()
            if action != "Deleted"
        }
        return json_answer({"table": table, "employees": employees})

    # Tables ---------------------------------------------------------------------------------------------------------

    def _records(self, table: str, where: tuple[Where, ...] = ()) -> list[Record]:
        found = self._store.read(f"bamboohr_{table}", self.account.clock(), where, ascending=True)
        payloads = spoil(self.account, found.payloads, f"bamboohr_{table}", table, _SPOIL)
        hidden = self._restricted()
        return [
            {name: value for name, value in orjson.loads(payload).items() if name not in hidden} for payload in payloads
        ]

    def _rows(self, number: str, table: str) -> Answer:
        if table not in TABLES:
            return _not_found("The table does not exist.")
        if number == "all":
            return json_answer(self._records(table))
        if not number.isdigit() or not self._store.count(
            "bamboohr_employees", self.account.clock(), [Where("id", "=", int(number))]
        ):
            return _not_found("Employee not found.")
        return json_answer(self._records(table, (Where("employee", "=", int(number)),)))

    def _tables(self) -> Answer:
        described = []
        for name in TABLES:
            found = self._store.read(f"bamboohr_{name}", FOREVER - 1, limit=1).payloads
            fields = [f for f in orjson.loads(found[0]) if f not in ("id", "employeeId")] if found else []
            described.append(
                {
                    "alias": name,
                    "fields": [
                        {"id": n, "name": f, "alias": f, "type": "date" if f.lower().endswith("date") else "text"}
                        for n, f in enumerate(fields, start=1)
                    ],
                }
            )
        return json_answer(described)


_SPOIL: dict[str, Callable[[Record], Record]] = {
    "unknown_rating": lambda record: record | {"customRating": "Stellar"} if "customRating" in record else record,
    "missing_key": lambda record: {
        name: value for name, value in record.items() if name != ("employeeId" if "firstName" in record else "id")
    },
}


def _filters(pairs: Iterable[tuple[str, str]]) -> list[Where]:
    where: list[Where] = []
    numbers: list[int] = []
    for name, value in pairs:
        if name == "filter[status]":
            if value not in ("active", "inactive"):
                raise ValueError("filter[status] must be active or inactive.")
            where.append(Where("status", "=", value.capitalize()))
        elif name in ("filter[firstName]", "filter[lastName]", "filter[jobTitleName]"):
            where.append(Where(name[7:-1], "contains", value))
        elif name in ("filter[ids]", "filter[ids][]"):
            numbers += [int(part) for part in value.split(",")]
        elif name.startswith("filter["):
            raise ValueError(f"{name} is not a filter.")
    return [*where, Where("id", "in", numbers)] if numbers else where


def _ascending(sort: str) -> bool:
    if sort.lstrip("-") != "employeeId":
        raise ValueError("This account sorts by employeeId only.")
    return not sort.startswith("-")


def _listed(known: Record, asked: list[str], hidden: frozenset[str]) -> Record:
    names = [*(n for n in BASE_FIELDS if n in known or n != "employeeId"), *asked]
    record = {name: None if name in hidden else known.get(name) for name in names}
    return record | {"_restrictedFields": sorted(hidden.intersection(names))}


def _second(moment: int) -> str:
    return f"{iso(moment)[:19]}Z"


def _not_found(message: str) -> Answer:
    return Answer(b"", {"X-BambooHR-Error-Message": message}, 404)


def _as_xml(answer: Answer) -> Answer:
    """What a client gets that forgot `Accept: application/json`."""
    content = orjson.loads(answer.body)
    body = f'<?xml version="1.0"?>\n<response>{"".join(_element(content))}</response>\n'
    return Answer(body.encode(), answer.headers, 200, "text/xml; charset=utf-8")


def _element(content: Any) -> Iterable[str]:
    if isinstance(content, list):
        for item in content:
            yield f"<row>{''.join(_element(item))}</row>"
    elif isinstance(content, dict):
        for name, value in content.items():
            yield f"<field id={quoteattr(str(name))}>{''.join(_element(value))}</field>"
    elif content is not None:
        yield escape(str(content))
