"""Greenhouse, Harvest API v3: the applicant tracking system.

Source of the shapes: harvestdocs.greenhouse.io. Children point at parents; parents never embed children, so every
table is its own endpoint, except the two lists inside `/candidates` and the one inside `/users`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ingestion.client import Auth, Client, ClientCredentials, LinkHeader, Response, dig, parse_time
from ingestion.connections import Connection, Options
from ingestion.errors import RequestRejected
from ingestion.probing import probe_connection, probe_streams
from ingestion.streams import Column, Page, ProbeResult, Stream, Window

VENDOR = "greenhouse"

_CREATED = Column("created_at", "timestamp", description="When the record was created in Greenhouse.")
_UPDATED = Column("updated_at", "timestamp", description="When the record last changed in Greenhouse.")
_TIMES = (_CREATED, _UPDATED)


def _id(what: str) -> Column:
    return Column("id", required=True, description=f"Greenhouse id of the {what}.")


def _listed(name: str, columns: tuple[Column, ...], description: str, **more: object) -> Stream:
    """A list endpoint that carries `updated_at` and can be read in two-sided windows of it."""
    settings: dict[str, object] = {
        "path": f"/{name}",
        "cursor": "updated_at",
        "scope": f"harvest:{name}:list",
        "options": ("acting_user_id",),
        **more,
    }
    return Stream(name=name, columns=columns, description=description, **settings)  # type: ignore[arg-type]


def _rights(name: str) -> str:
    return (
        f"the scope `harvest:{name}:list` and that the acting user (option `acting_user_id`, else the credential's "
        "service user) is a site admin who may see private records"
    )


_APPLICATION = Column("application_id", token="application", required=True, description="Application, as a token.")
_CANDIDATE = Column("candidate_id", token="candidate", required=True, description="Candidate, as a token.")
_JOB = Column("job_id", description="Job the record belongs to.")
_NAME = Column("name", description="Name as the firm writes it.")
_ACTIVE = Column("active", "bool", description="False once the firm has retired it.")
_ORDER = Column("sort_order", "bigint", description="Position in its list, lowest first.")

_CATALOGUE: dict[str, object] = {
    "cursor": None,
    "full_reason": "A catalogue of a few dozen rows: one page, read whole.",
}

STREAMS: tuple[Stream, ...] = (
    _listed(
        "applications",
        (
            Column("id", token="application", required=True, description="Application, as a token."),
            _CANDIDATE,
            Column("job_id", description="Job applied to; null for a prospect without a job."),
            Column("recruiter_id", token="user", description="Recruiter responsible, as a token."),
            Column("coordinator_id", token="user", description="Coordinator responsible, as a token."),
            Column("referrer_id", description="Referrer record, when the candidate was referred."),
            Column("source_id", description="Source the application came from."),
            Column("stage_id", description="Current stage visit: an `application_stages.id`, not a stage of the plan."),
            Column("stage_name", description="Name of the current stage."),
            Column(
                "status",
                required=True,
                enum=("in_process", "rejected", "hired", "converted"),
                description="State of the application; `converted` is a prospect that became a candidate elsewhere.",
            ),
            Column("prospect", "bool", description="True while the person has not applied for a job."),
            Column("rejected_at", "timestamp", description="When the application was rejected."),
            Column("last_activity_at", "timestamp", description="Last activity on the application."),
            Column("created_at", "timestamp", required=True, description="When the person applied."),
            Column("updated_at", "timestamp", required=True, description="When the application last changed."),
        ),
        "One row per application of a candidate to a job.",
        sweep=True,
        never_empty=_rights("applications"),
        since_applies=True,
    ),
    _listed(
        "application_stages",
        (
            _id("stage visit"),
            _APPLICATION,
            Column("job_interview_stage_id", description="Stage of the job's plan that was visited."),
            Column("entered_at", "timestamp", description="When the application entered; null when it never did."),
            Column("exited_at", "timestamp", description="When the application left the stage."),
            Column("days_in_stage", "bigint", description="Whole days spent in the stage, as Greenhouse counts them."),
            Column("current", "bool", description="True for the stage the application is in now."),
            *_TIMES,
        ),
        "One row per application and stage of its job's plan; rows exist for stages never entered, too.",
        sweep=True,
        since_applies=True,
    ),
    _listed(
        "candidates",
        (
            Column("id", token="candidate", required=True, description="Candidate, as a token."),
            Column("is_private", "bool", path="private", description="True for a candidate most users may not see."),
            Column("is_anonymised", "bool", description="True when names and e-mails are all empty (derived here)."),
            Column("last_activity_at", "timestamp", description="Last activity on the candidate."),
            *_TIMES,
        ),
        "One row per candidate; names and e-mails go to the vault only.",
        sweep=True,
        vault={
            "id": "source_id",
            "first_name": "first_name",
            "last_name": "last_name",
            "preferred_name": "preferred_name",
            "email_addresses[].value": "email",
        },
        vault_kind=("candidate", "id"),
        since_applies=True,
    ),
    Stream(
        name="candidate_email_addresses",
        path="/candidates",
        parent="candidates",
        nested_path="email_addresses",
        key=("candidate_id", "email"),
        columns=(
            Column(
                "candidate_id",
                path="_parent.id",
                token="candidate",
                required=True,
                description="Candidate, as a token.",
            ),
            Column("email", path="value", token="email", required=True, description="E-mail address, as a token."),
            Column("type", description="Kind of address the firm recorded: personal, work or other."),
            Column("updated_at", "timestamp", path="_parent.updated_at", description="Last change of the candidate."),
        ),
        scope="harvest:candidates:list",
        description="One row per candidate and e-mail address.",
    ),
    Stream(
        name="candidate_linked_users",
        path="/candidates",
        parent="candidates",
        nested_path="linked_user_ids",
        key=("candidate_id", "user_id"),
        columns=(
            Column(
                "candidate_id",
                path="_parent.id",
                token="candidate",
                required=True,
                description="Candidate, as a token.",
            ),
            Column("user_id", path="value", token="user", required=True, description="Greenhouse user, as a token."),
            Column("updated_at", "timestamp", path="_parent.updated_at", description="Last change of the candidate."),
        ),
        scope="harvest:candidates:list",
        description="One row per candidate and the Greenhouse user this person became.",
    ),
    _listed(
        "jobs",
        (
            _id("job"),
            _NAME,
            Column("requisition_id", description="Requisition number the firm uses."),
            Column("status", enum=("open", "draft", "closed"), description="State of the job."),
            Column("confidential", "bool", description="True for a job hidden from most users."),
            Column("is_template", "bool", description="True for a template that never hires."),
            Column("opened_at", "timestamp", description="When the job was opened."),
            Column("closed_at", "timestamp", description="When the job was closed."),
            Column("department_id", description="Department of the job."),
            Column("job_level", description="Level, from the custom field named by the option `level_field`."),
            Column("job_family", description="Family, from the custom field named by the option `family_field`."),
            *_TIMES,
        ),
        "One row per job.",
        sweep=True,
        options=("acting_user_id", "level_field", "family_field"),
        never_empty=_rights("jobs"),
    ),
    _listed(
        "departments",
        (_id("department"), _NAME, Column("parent_id", description="Department above it."), *_TIMES),
        "One row per department.",
    ),
    _listed(
        "job_interview_stages",
        (_id("stage"), _JOB, _NAME, _ORDER, _ACTIVE, *_TIMES),
        "One row per stage of a job's plan.",
    ),
    _listed(
        "job_interviews",
        (
            _id("slot of the plan"),
            Column("job_interview_stage_id", description="Stage the slot belongs to."),
            _JOB,
            Column("name", description="Name of the interview as the firm writes it; it tells the technique."),
            _ORDER,
            Column(
                "scheduling_type", description="How the slot is scheduled: none, needs_scheduling, take_home_test …"
            ),
            Column("duration", "bigint", description="Planned minutes."),
            Column("require_scorecard", "bool", description="True when a scorecard is expected."),
            _ACTIVE,
            *_TIMES,
        ),
        "One row per planned interview (slot) of a job.",
    ),
    _listed(
        "interview_kits",
        (_id("kit"), _JOB, Column("job_interview_id", description="Slot the kit belongs to."), *_TIMES),
        "One row per interview kit: the form of a slot.",
    ),
    _listed(
        "interviews",
        (
            _id("interview"),
            _JOB,
            _APPLICATION,
            Column("job_interview_id", description="Slot of the plan that was scheduled."),
            Column("starts_at", "timestamp", description="Scheduled start."),
            Column("ends_at", "timestamp", description="Scheduled end."),
            Column(
                "status",
                required=True,
                enum=(
                    "to_be_scheduled",
                    "scheduled",
                    "awaiting_feedback",
                    "complete",
                    "skipped",
                    "collect_feedback",
                    "to_be_sent",
                    "sent",
                    "received",
                ),
                description="State of the interview; the last four belong to take-home tests.",
            ),
            Column("organizer_id", token="user", description="User who scheduled it, as a token; almost always empty."),
            Column("scheduled_at", "timestamp", description="When it was put into the calendar."),
            *_TIMES,
        ),
        "One row per scheduled interview.",
        sweep=True,
        since_applies=True,
    ),
    _listed(
        "interviewers",
        (
            _id("panel seat"),
            Column("interview_id", description="Interview the seat belongs to."),
            Column("user_id", token="user", description="Interviewer, as a token; null for an external person."),
            Column("scorecard_id", description="Scorecard of this seat, a draft until it is submitted."),
            Column("response_status", description="Answer to the calendar invitation."),
            *_TIMES,
        ),
        "One row per interview and interviewer.",
        sweep=True,
        since_applies=True,
    ),
    _listed(
        "scorecards",
        (
            _id("scorecard"),
            _APPLICATION,
            Column("interview_kit_id", description="Form that was filled in."),
            Column("interviewer_id", token="user", description="Person who held the interview, as a token."),
            Column("submitter_id", token="user", description="Person who submitted it, as a token."),
            Column(
                "candidate_rating",
                enum=("strong_no", "no", "yes", "strong_yes", "no_decision"),
                description="Overall recommendation; null on drafts.",
            ),
            Column("status", enum=("draft", "complete"), description="Drafts exist from the day of scheduling."),
            Column("interviewed_at", "timestamp", description="When the interview took place."),
            Column("submitted_at", "timestamp", description="When it was submitted; null while a draft."),
            *_TIMES,
        ),
        "One row per interview and interviewer's scorecard, drafts included; notes are not read.",
        sweep=True,
        since_applies=True,
    ),
    _listed(
        "scorecard_candidate_attributes",
        (
            _id("rating"),
            Column("scorecard_id", required=True, description="Scorecard the rating is on."),
            Column("job_candidate_attribute_id", description="Attribute that was rated."),
            Column(
                "candidate_attribute_rating",
                enum=("definitely_not", "no", "mixed", "yes", "strong_yes", "no_decision"),
                description="Rating; spelled unlike the overall recommendation, and only here `mixed` exists.",
            ),
            *_TIMES,
        ),
        "One row per scorecard and rated attribute.",
        sweep=True,
        since_applies=True,
    ),
    _listed(
        "job_candidate_attributes",
        (
            _id("attribute"),
            _JOB,
            Column("name", description="Attribute as the firm writes it."),
            Column("candidate_attribute_type_id", description="Group of attributes, such as skills."),
            _ACTIVE,
            _ORDER,
            *_TIMES,
        ),
        "One row per job and attribute its interviewers rate.",
    ),
    _listed(
        "offers",
        (
            _id("offer"),
            Column("version", "bigint", description="Version of the offer; every version is kept."),
            _APPLICATION,
            _JOB,
            _CANDIDATE,
            Column("opening_id", description="Opening the offer fills."),
            Column(
                "status",
                enum=("Created", "Accepted", "Rejected", "Deprecated"),
                description="State of the offer; `Deprecated` versions were replaced by a later one.",
            ),
            Column("starts_on", "date", description="Agreed first day."),
            Column("sent_on", "date", description="Day the offer was sent."),
            Column("resolved_at", "timestamp", description="When it was accepted or rejected."),
            *_TIMES,
        ),
        "One row per offer version; pay is not read.",
        sweep=True,
        vault={"starts_on": "start_date"},
        vault_kind=("candidate", "candidate_id"),
        since_applies=True,
    ),
    # Not swept: an application says itself whether it is rejected and whether it is gone; this only adds why.
    _listed(
        "rejection_details",
        (
            _id("rejection"),
            _APPLICATION,
            Column("rejected_by_id", token="user", description="User who rejected, as a token."),
            Column("rejection_reason_id", description="Reason chosen."),
            Column("rejected_at", "timestamp", description="When it was rejected."),
            *_TIMES,
        ),
        "One row per rejected application.",
        since_applies=True,
    ),
    _listed(
        "rejection_reasons",
        (
            _id("reason"),
            _NAME,
            Column(
                "type_key", path="type.key", description="Who turned whom down: WE_REJECTED_THEM, THEY_REJECTED_US …"
            ),
            Column("type_name", path="type.name", description="The same in the firm's words."),
        ),
        "One row per rejection reason, Greenhouse's defaults included.",
        params={"include_defaults": "true"},
        **_CATALOGUE,
    ),
    _listed(
        "sources",
        (
            _id("source"),
            _NAME,
            Column("type_id", path="type.id", description="Group of sources."),
            Column("type_name", path="type.name", description="Name of the group: referral, agency, job board …"),
        ),
        "One row per source of applications.",
        **_CATALOGUE,
    ),
    _listed(
        "users",
        (
            Column("id", token="user", required=True, description="Greenhouse user, as a token."),
            Column("employee_id", token="employee", description="HRIS id the firm recorded, as a token; often empty."),
            Column("primary_email", token="email", description="Work e-mail, as a token."),
            Column("job_title", description="Job title the firm recorded."),
            Column("deactivated", "bool", description="True once the user has left."),
            Column("site_admin", "bool", description="True for an administrator."),
            *_TIMES,
        ),
        "One row per Greenhouse user, service accounts and leavers included.",
        sweep=True,
        never_empty=_rights("users"),
        params={"show_service_accounts": "true"},
        vault={
            "id": "source_id",
            "first_name": "first_name",
            "last_name": "last_name",
            "primary_email": "email",
        },
        vault_kind=("user", "id"),
    ),
    Stream(
        name="user_linked_candidates",
        path="/users",
        parent="users",
        nested_path="linked_candidate_ids",
        key=("user_id", "candidate_id"),
        columns=(
            Column(
                "user_id", path="_parent.id", token="user", required=True, description="Greenhouse user, as a token."
            ),
            Column(
                "candidate_id", path="value", token="candidate", required=True, description="Candidate, as a token."
            ),
            Column("updated_at", "timestamp", path="_parent.updated_at", description="Last change of the user."),
        ),
        scope="harvest:users:list",
        description="One row per Greenhouse user and the candidate this person was.",
    ),
    _listed(
        "eeoc",
        (
            _id("answer"),
            Column("application_id", token="application", required=True, description="Application, own key's token."),
            Column("candidate_id", token="candidate", required=True, description="Candidate, own key's token."),
            Column("gender", path="gender.description", description="Answer in the form's words."),
            Column("race", path="race.description", description="Answer in the form's words."),
            Column("veteran_status", path="veteran_status.description", description="Answer in the form's words."),
            Column(
                "disability_status", path="disability_status.description", description="Answer in the form's words."
            ),
            Column("submitted_at", "timestamp", description="When the answer was given."),
            _UPDATED,
        ),
        "One row per voluntary EEO answer, in its own file under its own key; erased once Greenhouse has it no more.",
        zone="demographics",
        sweep=True,
        since_applies=True,
    ),
)


DEFAULT_BASE_URL = "https://harvest.greenhouse.io/v3"
DEFAULT_TOKEN_URL = "https://auth.greenhouse.io/token"

# Columns that are made here, and the vendor's field each is made from.
_DERIVED = {"is_anonymised": "email_addresses", "job_level": "custom_fields", "job_family": "custom_fields"}


PURPOSES = ("base_url", "token_url", "client_id", "client_secret")


class GreenhouseOptions(Options):
    """`acting_user_id`: site admin to act as; `level_field`, `family_field`: keys of custom fields of jobs."""

    acting_user_id: int | str | None = None
    level_field: str = "job_level"
    family_field: str = "job_family"


def authentication(connection: Connection) -> Auth:
    """OAuth 2 client credentials; the option `acting_user_id` names the site admin to act as."""
    connection.check(PURPOSES, GreenhouseOptions)
    acting = connection.options.get("acting_user_id")
    return ClientCredentials(connection, DEFAULT_TOKEN_URL, {"sub": str(acting)} if acting else {})


class Connector:
    """Greenhouse's oddities: projections, pipe windows, and cursors that travel alone.

    Args:
        connection: options `level_field` and `family_field` name the custom fields of jobs that hold level and family.
        client: the connection's HTTP client.
    """

    clock_path = "/rejection_reasons"
    parallel_streams = 4

    def __init__(self, connection: Connection, client: Client) -> None:
        self._client = client
        self._fields = {
            "job_level": str(connection.options.get("level_field", "job_level")),
            "job_family": str(connection.options.get("family_field", "job_family")),
        }
        self.unfiltered: set[str] = set()

    def read(self, stream: Stream, window: Window) -> Iterator[Page]:
        """Every page of the window; see `ConnectorLike`."""
        if stream.cursor is None or stream.name in self.unfiltered:
            yield from self._pages(stream, window, {})
            return
        begun = False
        try:
            for page in self._pages(stream, window, {stream.cursor: _between(window)}):
                begun = True
                yield page
        except RequestRejected as error:
            # Seen live on /offers: some tenants refuse date filters. Read all of it and keep what the window wants.
            if error.status != 422 or begun:
                raise
            self.unfiltered.add(stream.name)
            yield from self._pages(stream, window, {})

    def _pages(self, stream: Stream, window: Window, date_filter: Mapping[str, str]) -> Iterator[Page]:
        params = {**stream.params, "per_page": "500", "fields": ",".join(requested_fields(stream)), **date_filter}
        for response in self._client.pages(stream.path, params, LinkHeader(), needs=stream.scope):
            records = response.list_at()
            if stream.cursor and not date_filter:
                records = [record for record in records if _inside(record, stream.cursor, window)]
            yield Page([self._completed(stream, record) for record in records], response.path)

    def _completed(self, stream: Stream, record: Any) -> Any:
        if not isinstance(record, dict):
            return record
        if stream.name == "candidates":
            return {**record, "is_anonymised": _is_anonymised(record)}
        if stream.name == "jobs":
            values = {column: _custom_value(record, field) for column, field in self._fields.items()}
            return {**record, **values}
        return record

    def sweep_ids(self, stream: Stream) -> Iterator[list[str | None]]:
        """All ids that exist now, 500 a request; Greenhouse has no other way to notice a deletion."""
        params = {**stream.params, "per_page": "500", "fields": "id"}
        for response in self._client.pages(stream.path, params, LinkHeader(), needs=stream.scope):
            yield response.ids_at("", "id")

    def probe(self) -> list[ProbeResult]:
        """Connection, clock, rate limit, then the scope and the fields of every endpoint."""
        results = probe_connection(self._client, self.clock_path, {"per_page": "1"})
        if results[0].status == "problem":
            return results
        streams = [stream for stream in STREAMS if stream.parent is None]
        found = probe_streams(self._client, streams, self._smallest, _absent_fields)
        if all("lacks" in result.message for result in found):
            return [*results, ProbeResult("acting user", "problem", _NOT_ADMIN)]
        return results + found

    def _smallest(self, stream: Stream) -> Response:
        params = {**stream.params, "per_page": "1", "fields": ",".join(requested_fields(stream))}
        return self._client.get(stream.path, params, needs=stream.scope)


_NOT_ADMIN = (
    "Every endpoint answers 403; expected at least one that is permitted. Either no scope was granted, or the acting "
    "user (option `acting_user_id`, else the credential's service user) is not a site admin. Nothing can be read."
)


def requested_fields(stream: Stream) -> list[str]:
    """The vendor's fields a stream asks for: those of its columns, its children and the vault, and no others."""
    paths = [_DERIVED.get(column.name, column.path or column.name) for column in stream.columns]
    paths += list(stream.vault)
    paths += [child.nested_path or "" for child in STREAMS if child.parent == stream.name]
    return list(dict.fromkeys(path.split(".")[0].removesuffix("[]") for path in paths))


def _absent_fields(stream: Stream, response: Response) -> list[str]:
    records = response.list_at()
    if not records or not isinstance(records[0], dict) or records[0].get("private"):
        return []
    return [name for name in requested_fields(stream) if name not in records[0]]


def _between(window: Window) -> str:
    upper = f"lte|{_iso(window.end)}"
    return upper if window.start is None else f"gte|{_iso(window.start)}|{upper}"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _inside(record: Any, cursor: str, window: Window) -> bool:
    moment = parse_time(record.get(cursor)) if isinstance(record, dict) else None
    # Without a readable time the record goes on, to be judged and set aside with its reason.
    return moment is None or ((window.start is None or window.start <= moment) and moment <= window.end)


def _is_anonymised(record: Mapping[str, Any]) -> bool:
    if record.get("private"):
        return False  # a private candidate comes as a stub without names, which says nothing
    return not (record.get("first_name") or record.get("last_name") or record.get("email_addresses"))


def _custom_value(record: Mapping[str, Any], name: str) -> str | None:
    found = dig(record, f"custom_fields.{name}.value")
    value = found.get("name") if isinstance(found, dict) else found
    return str(value) if value not in (None, "", []) else None
