"""BambooHR: the system of record for employees.

Source of the shapes: the vendor's OpenAPI document of April 2026. The list endpoint returns everybody, leavers
included; fields it does not carry are read per employee, for changed employees only.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from ingestion.client import Auth, BasicKey, BodyCursor, Client, Response, parse_time
from ingestion.connections import Connection, Options
from ingestion.errors import ConfigurationError, IngestionError, PermissionMissing, RequestRejected, listed
from ingestion.probing import probe_connection, probe_streams
from ingestion.ratings import Scale
from ingestion.streams import Column, Page, ProbeResult, Stream, Window, Withheld

VENDOR = "bamboohr"

_EMPLOYEE = Column(
    "employee_id", path="employeeId", token="employee", required=True, description="Employee, as a token."
)
_CHANGED = Column(
    "last_changed_at", "timestamp", path="lastChanged", description="Last change of the employee, any field."
)
_DATE = Column("date", "date", required=True, description="Day from which the row holds.")

STREAMS: tuple[Stream, ...] = (
    Stream(
        name="employees",
        path="/employees",
        cursor="last_changed_at",
        two_sided=False,
        sweep=True,
        columns=(
            Column("id", path="employeeId", token="employee", required=True, description="Employee, as a token."),
            Column(
                "employee_number",
                path="employeeNumber",
                token="employee",
                description="The firm's own number, as a token.",
            ),
            Column("status", description="Active or Inactive; leavers are read too."),
            Column("work_email", path="workEmail", token="email", description="Work e-mail, as a token."),
            Column("home_email", path="homeEmail", token="email", description="Personal e-mail, as a token."),
            Column("hire_date", "date", path="hireDate", description="First day of the current stay."),
            Column("original_hire_date", "date", path="originalHireDate", description="First day of the first stay."),
            Column("termination_date", "date", path="terminationDate", description="Last day, once known."),
            Column("department", path="departmentName", description="Current department; empty for leavers."),
            Column("division", path="divisionName", description="Current division; empty for leavers."),
            Column("location", path="locationName", description="Current location; empty for leavers."),
            Column("job_title", path="jobTitleName", description="Current job title; empty for leavers."),
            Column("job_level", description="Level, from the field named by the option `level_field`."),
            Column("job_family", description="Family, from the field named by the option `family_field`."),
            Column("employment_status", path="employmentStatusName", description="Current kind of employment."),
            Column("supervisor_id", path="reportsToId", token="employee", description="Current manager, as a token."),
            _CHANGED,
        ),
        vault={
            "employeeId": "source_id",
            "firstName": "first_name",
            "lastName": "last_name",
            "preferredName": "preferred_name",
            "workEmail": "email",
            "homeEmail": "email",
            "hireDate": "start_date",
            "originalHireDate": "start_date",
        },
        vault_kind=("employee", "id"),
        options=("level_field", "family_field"),
        never_empty="that the key's owner may see every employee (an administrator's key)",
        scope="employee fields of the key's owner",
        description="One row per employee, active or not; names and e-mails go to the vault only.",
    ),
    Stream(
        name="job_info",
        path="/employees/changed/tables/jobInfo",
        cursor="last_changed_at",
        two_sided=False,
        sweep=True,
        columns=(
            Column("id", required=True, description="Row of the job history."),
            _EMPLOYEE,
            _DATE,
            Column("department", description="Department from that day on."),
            Column("division", description="Division from that day on."),
            Column("location", description="Location from that day on."),
            Column("job_title", path="jobTitle", description="Job title from that day on."),
            Column(
                "job_level", description="Level from that day on, from the field named by the option `level_field`."
            ),
            _CHANGED,
        ),
        options=("level_field",),
        scope="table jobInfo",
        description="One row per employee and change of job: the history that survives leaving.",
    ),
    Stream(
        name="employment_status",
        path="/employees/changed/tables/employmentStatus",
        cursor="last_changed_at",
        two_sided=False,
        sweep=True,
        columns=(
            Column("id", required=True, description="Row of the status history."),
            _EMPLOYEE,
            _DATE,
            Column(
                "employment_status",
                path="employmentStatus",
                description="Status from that day on; Terminated ends a stay.",
            ),
            Column(
                "termination_type", path="terminationTypeId", description="Kind of termination, in the firm's words."
            ),
            Column(
                "termination_reason",
                path="terminationReasonId",
                description="Reason of termination, in the firm's words.",
            ),
            _CHANGED,
        ),
        scope="table employmentStatus",
        description="One row per employee and change of employment status.",
    ),
    Stream(
        name="performance_reviews",
        path="/employees/all/tables/{review_table}",
        sweep=True,
        full_reason="One request reads the whole table; custom tables are not in every change feed.",
        columns=(
            Column("id", required=True, description="Row of the review table."),
            _EMPLOYEE,
            _DATE,
            Column("cycle", description="Review cycle, from the field named by the option `review_cycle_field`."),
            Column("rating_label", description="Rating as it was written, from the option `review_rating_field`."),
            Column("rating", "double", description="Rating as a number, when the label is or starts with one."),
            Column("reviewer_employee_id", token="employee", description="Reviewer's HRIS id, as a token."),
        ),
        scope="the table named by the option `review_table`",
        description="One row per row of a custom review table; empty unless the option `review_table` names one.",
    ),
)

_EMPTY_DATE = "0000-00-00"
_BATCH = 50
_DETAIL_FIELDS = ("employeeNumber", "originalHireDate", "terminationDate")
_LIST_FIELDS = (
    "workEmail",
    "homeEmail",
    "hireDate",
    "departmentName",
    "divisionName",
    "locationName",
    "employmentStatusName",
    "reportsToId",
)
_TABLE_FIELDS = {
    "job_info": ("date", "department", "division", "location", "jobTitle"),
    "employment_status": ("date", "employmentStatus", "terminationTypeId", "terminationReasonId"),
}
_REVIEW_FIELDS = ("review_rating_field", "review_cycle_field", "review_reviewer_field", "review_date_field")
_FEW = 10
"""So many changed employees may all be hidden from the key; if more are, the key may read nobody."""

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
# Change tracking is younger than some accounts; a window that begins before this wants everybody.
_BEFORE_TRACKING = datetime(2010, 1, 1, tzinfo=UTC)

log = logging.getLogger(__name__)


class FieldUnknown(ConfigurationError):
    """A field or table named in the options does not exist in this account."""

    def __init__(self, connection_id: str, option: str, name: str, known: Iterable[str]) -> None:
        near = get_close_matches(name, list(known), n=3, cutoff=0.5)
        hint = f" Similar names: {listed(near)}." if near else ""
        super().__init__(
            f"Connection `{connection_id}`, option `{option}`: this BambooHR account has no `{name}`.{hint} BambooHR "
            "ignores unknown names in silence, so the stream was not read. Correct the option, then run: qoh doctor"
        )


PURPOSES = ("base_url", "api_key")


class BamboohrOptions(Options):
    """Aliases of fields that hold level and family; the custom table that holds ratings, its fields and its scale."""

    level_field: str | None = None
    family_field: str | None = None
    review_table: str | None = None
    review_rating_field: str | None = None
    review_reviewer_field: str | None = None
    review_date_field: str | None = None
    review_cycle_field: str | None = None
    review_scale_labels: tuple[str, ...] = ()


def authentication(connection: Connection) -> Auth:
    """HTTP Basic with the API key as the user name; the key sees what the user who made it may see."""
    connection.check(PURPOSES, BamboohrOptions)
    return BasicKey(connection)


class Connector:
    """BambooHR's oddities: two generations of endpoints, a change feed, and fields that are hidden in silence.

    Args:
        connection: options `level_field` and `family_field` (aliases of employee fields), `review_table` with
            `review_cycle_field`, `review_rating_field`, `review_reviewer_field` and `review_scale_labels`.
        client: the connection's HTTP client.
    """

    clock_path = "/meta/fields"
    parallel_streams = 2
    unfiltered: frozenset[str] = frozenset()

    def __init__(self, connection: Connection, client: Client) -> None:
        self._connection = connection
        self._client = client
        self._options = connection.options
        self._restricted: set[str] = set()
        self._noting = threading.Lock()
        self._checked = False

    # -- reading

    def read(self, stream: Stream, window: Window) -> Iterator[Page]:
        """Every page of the window; see `ConnectorLike`."""
        if stream.name == "employees":
            yield from self._employees(stream, window)
        elif stream.name == "performance_reviews":
            yield from self._reviews(stream)
        else:
            yield from self._changed_rows(stream, window)

    def _employees(self, stream: Stream, window: Window) -> Iterator[Page]:
        self._check_fields()
        changed = self._changed(window)
        wants_all = window.start is None or window.start < _BEFORE_TRACKING
        n_read = n_withheld = 0
        for response in self._employee_pages(None if wants_all or len(changed) > 2 * _BATCH else list(changed)):
            listed_here = [
                r for r in response.list_at("data") if not isinstance(r, dict) or _is_wanted(r, changed, wants_all)
            ]
            self._note_hidden(_restricted(listed_here))
            completed = self._client.map(lambda record: self._completed(record, changed), listed_here)
            found = [record for record in completed if record is not None]
            withheld = tuple(record for record in found if isinstance(record, Withheld))
            records = [record for record in found if not isinstance(record, Withheld)]
            yield Page(records, response.path, withheld=withheld)
            n_read, n_withheld = n_read + len(records), n_withheld + len(withheld)
        if n_withheld and not n_read and (wants_all or n_withheld > _FEW):
            raise PermissionMissing(self._connection.id, "/employees/…", stream.scope)

    def _changed(self, window: Window) -> dict[str, str]:
        """Employee id to time of last change, for changes inside the window; deletions are left to the sweep."""
        since = window.start or _EVER
        response = self._client.get("/employees/changed", {"since": _iso(since)}, needs="employees")
        changes = response.object_at("employees")
        changed: dict[str, str] = {}
        for number, change in changes.items():
            if not isinstance(change, dict):
                raise response.wrong_envelope("an object per employee")
            if change.get("action") != "Deleted" and _not_after(change.get("lastChanged"), window.end):
                changed[str(number)] = change.get("lastChanged") or ""
        return changed

    def _employee_pages(self, ids: list[str] | None) -> Iterator[Response]:
        fields = {"fields": ",".join(_LIST_FIELDS)}
        batches = [""] if ids is None else [",".join(ids[i : i + _BATCH]) for i in range(0, len(ids), _BATCH)]
        for batch in batches:
            chosen = {"filter[ids]": batch} if batch else {}
            yield from self._listed({**fields, **chosen})

    def _listed(self, params: Mapping[str, str]) -> Iterator[Response]:
        """Every page of the list of employees; one that does not say whether it is the last fails the read and the
        sweep alike."""
        cursor = BodyCursor("meta.page.nextCursor", "page[after]")
        for response in self._client.pages("/employees", {**params, "page[limit]": "250"}, cursor, needs="employees"):
            response.object_at("meta.page")
            yield response

    def _completed(self, record: Any, changed: Mapping[str, str]) -> Any:
        """The listed record and what only the employee's own endpoint tells; None when it was deleted meanwhile.

        What the key may not see of an employee can be everything: that one is withheld, the others are read.
        """
        if not isinstance(record, dict) or not record.get("employeeId"):
            return record
        number = str(record["employeeId"])
        extra = self._detail_fields()
        # The feed of changes has told the moment already, of nearly everybody.
        asked = extra if changed.get(number) else [*extra, "lastChanged"]
        try:
            detail = self._detail(number, asked).object_at()
        except PermissionMissing:
            return Withheld(record, "the key may not read this employee")
        except RequestRejected as error:
            if error.status == 404:
                return None
            raise
        self._note_hidden(set(extra) - detail.keys())
        own = {column: detail.get(alias) for column, alias in self._own_fields().items()}
        moment = changed.get(number) or detail.get("lastChanged")
        return _without_empty_dates({**record, **{k: detail.get(k) for k in extra}, **own, "lastChanged": moment})

    def _detail(self, number: str, fields: Sequence[str]) -> Response:
        return self._client.get(f"/employees/{number}", {"fields": ",".join(fields)}, needs="employees")

    def _detail_fields(self) -> list[str]:
        return list(dict.fromkeys([*_DETAIL_FIELDS, *self._own_fields().values()]))

    def _own_fields(self) -> dict[str, str]:
        named = {"job_level": self._options.get("level_field"), "job_family": self._options.get("family_field")}
        return {column: str(alias) for column, alias in named.items() if alias}

    def _changed_rows(self, stream: Stream, window: Window) -> Iterator[Page]:
        response = self._client.get(stream.path, {"since": _iso(window.start or _EVER)}, needs=stream.scope)
        level = self._own_fields().get("job_level")
        records: list[Any] = []
        for change in response.object_at("employees").values():
            if not isinstance(change, dict) or not isinstance(change.get("rows"), list):
                raise response.wrong_envelope("`rows` for every employee")
            if not _not_after(change.get("lastChanged"), window.end):
                continue
            self._note_hidden(self._omitted(stream, change["rows"]))
            for row in change["rows"]:
                if isinstance(row, dict):
                    own = {"lastChanged": change.get("lastChanged"), "job_level": row.get(level) if level else None}
                    row = _without_empty_dates({**row, **own})
                records.append(row)
        yield Page(records, response.path)

    def _reviews(self, stream: Stream) -> Iterator[Page]:
        table = self._options.get("review_table")
        if not table:
            return
        self._check_fields()
        path = stream.path.format(review_table=table)
        response = self._client.get(path, needs=stream.scope)
        rows = response.list_at()
        self._note_hidden(self._omitted(stream, rows))
        yield Page([self._review(row) for row in rows], response.path)

    def _review(self, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        label = row.get(str(self._options.get("review_rating_field", "rating")))
        reviewer = row.get(str(self._options.get("review_reviewer_field", "reviewer")))
        return _without_empty_dates(
            {
                "id": row.get("id"),
                "employeeId": row.get("employeeId"),
                "date": row.get(str(self._options.get("review_date_field", "date"))),
                "cycle": row.get(str(self._options.get("review_cycle_field", "cycle"))),
                "rating_label": label,
                "rating": _stated_number(label, tuple(self._options.get("review_scale_labels", ()))),
                "reviewer_employee_id": reviewer,
            }
        )

    # -- sweep and checks

    def sweep_ids(self, stream: Stream) -> Iterator[list[str | None]]:
        """All ids that exist now: employees from the list, rows from the whole table."""
        if stream.name == "employees":
            for response in self._listed({}):
                yield response.ids_at("data", "employeeId")
            return
        table = stream.path.rsplit("/", 1)[-1].format(review_table=self._options.get("review_table") or "")
        if not table:
            return
        response = self._client.get(f"/employees/all/tables/{table}", needs=stream.scope)
        yield response.ids_at("", "id")

    def _check_fields(self) -> None:
        """Refuse names the account does not have: BambooHR would ignore them and send nothing."""
        if self._checked:
            return
        aliases = self._aliases()
        for option, column in (("level_field", "job_level"), ("family_field", "job_family")):
            alias = self._own_fields().get(column)
            if alias is not None and alias not in aliases:
                raise FieldUnknown(self._connection.id, option, alias, aliases)
        if self._options.get("review_table"):
            self._check_review_table()
        self._checked = True

    def _check_review_table(self) -> None:
        tables = {
            str(table.get("alias")): [
                str(field.get("alias")) for field in table.get("fields") or () if isinstance(field, dict)
            ]
            for table in self._client.get("/meta/tables").list_at()
            if isinstance(table, dict)
        }
        name = str(self._options["review_table"])
        if name not in tables:
            raise FieldUnknown(self._connection.id, "review_table", name, tables)
        for option in _REVIEW_FIELDS:
            field = self._options.get(option)
            # An empty table tells no fields.
            if field and tables[name] and str(field) not in tables[name]:
                raise FieldUnknown(self._connection.id, option, str(field), tables[name])

    def _aliases(self) -> set[str]:
        fields = self._client.get("/meta/fields").list_at()
        known = {str(field.get(key)) for field in fields if isinstance(field, dict) for key in ("alias", "id")}
        return known - {"None"}

    def _omitted(self, stream: Stream, rows: Iterable[Any]) -> set[str]:
        """Wanted fields that rows of a table do not have: the vendor leaves out what the key may not see."""
        if stream.name == "performance_reviews":
            wanted = {str(self._options[name]) for name in _REVIEW_FIELDS if self._options.get(name)}
        else:
            level = self._own_fields().get("job_level") if stream.name == "job_info" else None
            wanted = {*_TABLE_FIELDS[stream.name], *filter(None, (level,))}
        return {name for row in rows if isinstance(row, dict) for name in wanted - row.keys()}

    def _note_hidden(self, names: Iterable[str]) -> None:
        """Say once of each field that it does not come."""
        with self._noting:
            new = set(names) - self._restricted
            self._restricted |= new
        if new:
            log.warning(
                "`%s`: the API key may not see %s; these columns stay empty. Let an administrator's key read them.",
                self._connection.id,
                listed(new),
            )

    def probe(self) -> list[ProbeResult]:
        """Connection, clock, rate limit; then options, each stream, and fields the key may not see."""
        results = probe_connection(self._client, self.clock_path)
        if results[0].status == "problem":
            return results
        try:
            self._check_fields()
            results.append(ProbeResult("options", "ok", "Every field and table named in the options exists."))
        except IngestionError as error:
            results.append(ProbeResult("options", "problem", str(error)))
        absent = sorted(set(_DETAIL_FIELDS) - self._aliases())
        if absent:
            message = f"This account has no {listed(absent)}; those columns stay empty."
            results.append(ProbeResult("fields", "warning", message))
        streams = [s for s in STREAMS if s.name != "performance_reviews" or self._options.get("review_table")]
        return results + probe_streams(self._client, streams, self._smallest, self._hidden)

    def _smallest(self, stream: Stream) -> Response:
        if stream.name == "employees":
            params = {"fields": ",".join(_LIST_FIELDS), "page[limit]": str(_FEW)}
            return self._client.get("/employees", params, needs=stream.scope)
        if stream.name == "performance_reviews":
            return self._client.get(stream.path.format(review_table=self._options["review_table"]), needs=stream.scope)
        return self._client.get(stream.path, {"since": _iso(self._client.now())}, needs=stream.scope)

    def _hidden(self, stream: Stream, response: Response) -> list[str]:
        """Wanted fields that do not come, judged by the first employee the key may read."""
        if stream.name == "performance_reviews":
            return sorted(self._omitted(stream, response.list_at()))
        if stream.name == "employees":
            listed_here = response.list_at("data")
            detail = self._first(listed_here, lambda number: self._detail(number, self._detail_fields()))
            # A field that the account lacks is told apart, as a field.
            wanted = set(self._detail_fields()) & self._aliases()
            return sorted(_restricted(listed_here) | (wanted - detail.object_at().keys() if detail else set()))
        table = stream.path.rsplit("/", 1)[-1]
        listed_here = self._smallest(STREAMS[0]).list_at("data")
        rows = self._first(listed_here, lambda number: self._client.get(f"/employees/{number}/tables/{table}"))
        return sorted(self._omitted(stream, rows.list_at())) if rows else []

    def _first(self, records: Iterable[Any], ask: Callable[[str], Response]) -> Response | None:
        """The answer for the first employee for whom the key gets one; None for an account without employees.

        Raises:
            PermissionMissing: there are employees and the key may read none of them.
        """
        refused: PermissionMissing | None = None
        for record in records:
            if isinstance(record, dict) and record.get("employeeId"):
                try:
                    return ask(str(record["employeeId"]))
                except PermissionMissing as error:
                    refused = error
        if refused is not None:
            raise refused
        return None


def _restricted(records: Iterable[Any]) -> set[str]:
    wanted = {*_LIST_FIELDS, "firstName", "lastName", "jobTitleName", "status"}
    found = {name for record in records if isinstance(record, dict) for name in record.get("_restrictedFields") or ()}
    return found & wanted


def _is_wanted(record: Mapping[str, Any], changed: Mapping[str, str], wants_all: bool) -> bool:
    return wants_all or str(record.get("employeeId")) in changed or not record.get("employeeId")


def _without_empty_dates(record: dict[str, Any]) -> dict[str, Any]:
    # The older endpoints write 0000-00-00 for "no date".
    return {name: None if value in (_EMPTY_DATE, "") else value for name, value in record.items()}


def _not_after(moment: object, end: datetime) -> bool:
    parsed = parse_time(moment)
    return parsed is None or parsed <= end


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _stated_number(label: object, labels: tuple[str, ...]) -> float | None:
    """Number of a rating label: its place in the stated labels, or the number it starts with; else none."""
    text = str(label or "").strip()
    scale = Scale.stated(labels=labels)
    known = scale.value_of(text) if scale else None
    if known is not None:
        return known
    match = re.match(r"(\d+(?:[.,]\d+)?)(?=\s*(?:$|[-–—:/(]))", text)
    return float(match[1].replace(",", ".")) if match else None
