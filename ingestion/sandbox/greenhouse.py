"""The Greenhouse face: Harvest v3 as documented, with its traps enforced.

What it insists on, because the vendor does: one active token per credential, a cursor that travels alone, `422` for any
parameter the endpoint does not list, time filters with pipes, `status=active` for rows that say `in_process`, ids in
descending order, a `Link` header on every page but the last, and a budget per fixed 30 s window.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any, Literal
from urllib.parse import parse_qs, urlencode

import orjson
import pandas as pd
from starlette.requests import Request

from ingestion.sandbox.face import Account, Answer, basic_credentials, json_answer, seal, spoil, unseal
from ingestion.sandbox.limits import Counter, Verdict
from ingestion.sandbox.store import FOREVER, Where, WireRow, WireWriter
from ingestion.sandbox.wire import Record, iso, parse_moment, versions, wire_rows

FilterKind = Literal["ids", "id", "texts", "text", "bool", "time", "day", "flag"]

CURSOR_ALONE = "When passing a cursor, do not include other query params."
MAX_LIST = 50
OPERATORS = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}


@dataclass(frozen=True)
class Filter:
    """One query parameter beside the universal ones.

    Attributes:
        name: parameter.
        kind: how its value reads (`flag` parameters are switches that `Endpoint.switches` interprets).
        column: filter column of the store, or None for a field that no sandbox record fills.
        values: accepted query values, mapped to what the rows say.
    """

    name: str
    kind: FilterKind
    column: str | None = None
    values: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Endpoint:
    """One list endpoint.

    Attributes:
        name: last part of the path, and of the scope `harvest:<name>:list`.
        source: neutral table its rows come from ("" for fixed rows).
        key: column of the neutral table that holds the record's id.
        translate: the vendor's record without id and time stamps.
        filters: parameters beside cursor, per_page, ids, fields, created_at and updated_at.
        is_timed: whether created_at and updated_at can be filtered on.
        hidden: parameter that must be true to see the rows whose `is_hidden` is set.
        offset: added to the key where two endpoints share one neutral table.
        brackets: whether the undocumented `updated_at[gte]=` form is let through (it is on some endpoints).
    """

    name: str
    source: str
    key: str
    translate: Callable[[Any], Record]
    filters: tuple[Filter, ...] = ()
    is_timed: bool = True
    hidden: str | None = None
    offset: int = 0
    brackets: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Filter columns of the store."""
        named = dict.fromkeys(f.column for f in self.filters if f.column is not None)
        return (*named, "is_hidden") if self.hidden else tuple(named)


def _ids(parameter: str, column: str | None = "") -> Filter:
    return Filter(parameter, "ids", parameter.removesuffix("s") if column == "" else column)


def _id(parameter: str, column: str | None = "") -> Filter:
    return Filter(parameter, "id", parameter if column == "" else column)


def _time(parameter: str) -> Filter:
    return Filter(parameter, "time", parameter)


def _day(parameter: str, column: str | None = "") -> Filter:
    return Filter(parameter, "day", parameter if column == "" else column)


def _bool(parameter: str) -> Filter:
    return Filter(parameter, "bool", parameter)


def _text(parameter: str, *values: str, column: str | None = "") -> Filter:
    return Filter(
        parameter, "text", parameter if column == "" else column, dict(zip(values, values, strict=True)) or None
    )


def _person_fields(v: Any) -> Record:
    if v.is_private:
        return {"private": True}
    addresses = [("personal", v.email), ("other", v.alt_email)]
    return {
        "first_name": v.first_name,
        "last_name": v.last_name,
        "preferred_name": v.preferred_name,
        "company": None,
        "title": None,
        "last_activity_at": v.last_activity_at,
        "private": False,
        "can_email": True,
        "time_zone": None,
        "tags": [],
        "linked_user_ids": [v.linked_user_id] if v.linked_user_id is not None else [],
        "phone_numbers": [],
        "addresses": [],
        "email_addresses": [{"value": value, "type": kind} for kind, value in addresses if value],
        "website_addresses": [],
        "social_media_addresses": [],
        "custom_fields": {},
    }


def _application(v: Any) -> Record:
    return {
        "candidate_id": v.candidate_id,
        "job_id": v.job_id,
        "job_post_id": None,
        "recruiter_id": v.recruiter_id,
        "coordinator_id": v.coordinator_id,
        "referrer_id": None,
        "source_id": v.source_id,
        "stage_id": v.stage_visit_id,
        "stage_name": v.stage_name,
        "status": v.status,
        "needs_decision": v.status == "in_process",
        "prospect": v.is_prospect,
        "rejected_at": v.rejected_at,
        "last_activity_at": v.last_activity_at,
        "location_address": None,
        "answers": [],
        "prospective_job_ids": [],
        "agency_note_id": None,
        "custom_fields": {},
    }


def _stage_visit(v: Any) -> Record:
    return {
        "application_id": v.application_id,
        "job_interview_stage_id": v.stage_id,
        "entered_at": v.entered_at,
        "exited_at": v.exited_at,
        "days_in_stage": _days_between(v.entered_at, v.exited_at or v.updated_at),
        "current": v.current,
    }


def _days_between(start: str | None, end: str) -> int:
    return 0 if start is None else max(0, (datetime.fromisoformat(end) - datetime.fromisoformat(start)).days)


def _job(v: Any) -> Record:
    return {
        "name": v.name,
        "requisition_id": v.requisition_id,
        "notes": None,
        "confidential": v.is_confidential,
        "status": v.status,
        "opened_at": v.opened_at,
        "closed_at": v.closed_at,
        "is_template": False,
        "copied_from_id": None,
        "department_id": v.department_id,
        "office_ids": [OFFICE_ID],
        "custom_fields": {
            "job_level": {"name": "Job level", "type": "single_select", "value": v.level},
            "job_family": {"name": "Job family", "type": "single_select", "value": v.family},
        },
    }


def _slot(v: Any) -> Record:
    return {
        "job_interview_stage_id": v.stage_id,
        "job_id": v.job_id,
        "name": v.name,
        "sort_order": v.sort_order,
        "scheduling_type": v.scheduling_type,
        "duration": v.duration,
        "require_scorecard": v.require_scorecard,
        "summary": None,
        "instructions": None,
        "active": True,
    }


def _interview(v: Any) -> Record:
    return {
        "job_id": v.job_id,
        "application_id": v.application_id,
        "job_interview_id": v.slot_id,
        "starts_at": v.starts_at,
        "ends_at": v.ends_at,
        "all_day_start_on": None,
        "all_day_end_on": None,
        "location": None,
        "status": v.status,
        "organizer_id": v.organizer_id,
        "scheduled_at": v.scheduled_at,
        "availability_received_at": None,
        "external_event_id": None,
        "video_conferencing_url": None,
    }


def _scorecard(v: Any) -> Record:
    return {
        "application_id": v.application_id,
        "interview_kit_id": v.kit_id,
        "interviewer_id": v.interviewer_id,
        "submitter_id": v.submitter_id,
        "candidate_rating": v.recommendation,
        "status": v.status,
        "interviewed_at": v.interviewed_at,
        "submitted_at": v.submitted_at,
        "notes": None,
        "notes_with_tags": None,
        "public_notes": None,
        "public_notes_with_tags": None,
        "private_notes": None,
        "private_notes_with_tags": None,
    }


def _user(v: Any) -> Record:
    return {
        "name": f"{v.first_name} {v.last_name}",
        "first_name": v.first_name,
        "last_name": v.last_name,
        "primary_email": v.primary_email,
        "emails": [v.primary_email],
        "job_title": v.job_title,
        "deactivated": v.deactivated,
        "site_admin": v.site_admin,
        "agency_id": None,
        "employee_id": v.employee_id,
        "linked_candidate_ids": [v.linked_candidate_id] if v.linked_candidate_id is not None else [],
        "office_ids": [],
        "department_ids": [],
        "interviewer_tags": [],
        "custom_fields": {},
    }


def _answered(text: str | None) -> Record | None:
    return None if text is None else {"id": sum(text.encode()) % 997, "description": text}


def _eeoc(v: Any) -> Record:
    return {
        "application_id": v.application_id,
        "candidate_id": v.candidate_id,
        "gender": _answered(v.gender),
        "race": _answered(v.race),
        "veteran_status": _answered(v.veteran),
        "disability_status": _answered(v.disability),
        "submitted_at": v.submitted_at,
    }


def _offer(v: Any) -> Record:
    return {
        "version": v.version,
        "application_id": v.application_id,
        "job_id": v.job_id,
        "candidate_id": v.candidate_id,
        "opening_id": v.opening_id,
        "status": v.status,
        "starts_on": v.starts_on,
        "sent_on": v.sent_on,
        "resolved_at": v.resolved_at,
        "custom_fields": {},
    }


def _opening(v: Any) -> Record:
    return {
        "job_id": v.job_id,
        "opening_id": v.opening_id,
        "open": v.open,
        "opened_at": v.opened_at,
        "closed_at": v.closed_at,
        "application_id": v.application_id,
        "close_reason_id": v.close_reason_id,
        "target_start_on": v.target_start_on,
        "sort_order": 0,
        "custom_fields": {},
    }


OFFICE_ID = 4_001
DEFAULT_REASONS = 3
"""The first rejection reasons are Greenhouse's own: only `include_defaults=true` lists them."""

_JOB_IDS = _ids("job_ids")
_APPLICATION_IDS = _ids("application_ids")
_ACTIVE = _bool("active")
_CUSTOM_OPTION = _id("custom_field_option_id", None)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "applications",
        "applications",
        "application_id",
        _application,
        (
            _ids("candidate_ids"),
            _JOB_IDS,
            _ids("prospective_job_ids", None),
            _ids("job_post_ids", None),
            _ids("source_ids"),
            _ids("referrer_ids", None),
            _ids("stage_ids"),
            Filter(
                "status",
                "text",
                "status",
                {"active": "in_process", "rejected": "rejected", "hired": "hired", "converted": "converted"},
            ),
            _text("stage_name"),
            _CUSTOM_OPTION,
            _time("last_activity_at"),
            _bool("prospect"),
        ),
        brackets=True,
    ),
    Endpoint(
        "application_stages",
        "stage_visits",
        "visit_id",
        _stage_visit,
        (_APPLICATION_IDS, _ids("job_interview_stage_ids"), _bool("current")),
    ),
    Endpoint(
        "candidates",
        "candidates",
        "candidate_id",
        _person_fields,
        (
            _time("last_activity_at"),
            _CUSTOM_OPTION,
            _bool("private"),
            _text("email"),
            _text("tag", column=None),
        ),
        brackets=True,
    ),
    Endpoint(
        "jobs",
        "jobs",
        "job_id",
        _job,
        (
            _time("opened_at"),
            _time("closed_at"),
            _text("requisition_id"),
            _id("department_id"),
            _id("office_id", None),
            _CUSTOM_OPTION,
            _bool("confidential"),
            _text("status", "open", "draft", "closed"),
        ),
    ),
    Endpoint(
        "departments",
        "departments",
        "department_id",
        lambda v: {"name": v.name, "parent_id": None, "external_id": None},
        (_id("parent_id", None), _text("external_id", column=None)),
    ),
    Endpoint(
        "job_interview_stages",
        "stages",
        "stage_id",
        lambda v: {"job_id": v.job_id, "name": v.name, "sort_order": v.sort_order, "active": True},
        (_JOB_IDS, _ACTIVE),
    ),
    Endpoint(
        "job_interviews",
        "plan_slots",
        "slot_id",
        _slot,
        (
            _ids("job_interview_stage_ids"),
            _JOB_IDS,
            _ACTIVE,
            _text("scheduling_type", "none", "needs_scheduling", "take_home_test", "offer"),
        ),
    ),
    Endpoint(
        "interview_kits",
        "plan_slots",
        "kit_id",
        lambda v: {
            "job_id": v.job_id,
            "job_interview_id": v.slot_id,
            "exercises": None,
            "anonymize_candidate": False,
            "anonymize_resumes": False,
        },
        (_JOB_IDS, _ids("job_interview_ids")),
    ),
    Endpoint(
        "interviews",
        "interviews",
        "interview_id",
        _interview,
        (
            _JOB_IDS,
            _APPLICATION_IDS,
            _ids("job_interview_ids"),
            _ids("organizer_ids"),
            _time("starts_at"),
            _time("ends_at"),
            _day("all_day_start_on", None),
            _day("all_day_end_on", None),
            _text("external_event_id", column=None),
            _text(
                "status",
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
        ),
    ),
    Endpoint(
        "interviewers",
        "panel",
        "panel_id",
        lambda v: {
            "interview_id": v.interview_id,
            "user_id": v.user_id,
            "scorecard_id": v.scorecard_id,
            "email": None,
            "response_status": v.response_status,
        },
        (
            _ids("interview_ids"),
            _ids("user_ids"),
            _ids("scorecard_ids"),
            _text("response_status", "needs_action", "declined", "tentative", "accepted"),
        ),
    ),
    Endpoint(
        "scorecards",
        "scorecards",
        "scorecard_id",
        _scorecard,
        (
            _ids("interview_kit_ids"),
            _ids("submitter_ids"),
            _APPLICATION_IDS,
            _ids("interviewer_ids"),
            _time("interviewed_at"),
            _time("submitted_at"),
            _text("status", "draft", "complete"),
        ),
    ),
    Endpoint(
        "scorecard_candidate_attributes",
        "scorecard_attributes",
        "rating_id",
        lambda v: {
            "scorecard_id": v.scorecard_id,
            "job_candidate_attribute_id": v.attribute_id,
            "candidate_attribute_rating": v.rating,
            "note": None,
        },
        (_ids("scorecard_ids"), _ids("job_candidate_attribute_ids")),
    ),
    Endpoint(
        "job_candidate_attributes",
        "attributes",
        "attribute_id",
        lambda v: {
            "job_id": v.job_id,
            "name": v.name,
            "candidate_attribute_type_id": v.attribute_type_id,
            "active": True,
            "sort_order": v.sort_order,
        },
        (_JOB_IDS, _ids("candidate_attribute_type_ids"), _ACTIVE),
    ),
    Endpoint(
        "focus_candidate_attributes",
        "focus",
        "focus_id",
        lambda v: {"interview_kit_id": v.kit_id, "job_candidate_attribute_id": v.attribute_id},
        (_ids("interview_kit_ids"), _ids("job_candidate_attribute_ids")),
    ),
    Endpoint(
        "scorecard_questions",
        "questions",
        "question_id",
        lambda v: {
            "interview_kit_id": v.kit_id,
            "question": v.question,
            "answer_type": v.answer_type,
            "required": v.required,
            "active": True,
            "sort_order": v.sort_order,
        },
        (_ids("interview_kit_ids"), _ACTIVE),
    ),
    Endpoint(
        "scorecard_question_answers",
        "scorecard_answers",
        "answer_id",
        lambda v: {
            "scorecard_id": v.scorecard_id,
            "scorecard_question_id": v.question_id,
            "answer": v.answer,
            "answer_with_tags": v.answer,
            "boolean_value": v.boolean_value,
        },
        (_ids("scorecard_ids"), _ids("scorecard_question_ids")),
    ),
    Endpoint(
        "offers",
        "offers",
        "offer_id",
        _offer,
        (
            _APPLICATION_IDS,
            _JOB_IDS,
            _ids("candidate_ids"),
            _ids("opening_ids"),
            Filter("current_only", "flag", "status"),
            _CUSTOM_OPTION,
            _text("status", "Created", "Accepted", "Rejected", "Deprecated"),
            _time("resolved_at"),
            _day("sent_on"),
            _day("starts_on"),
        ),
    ),
    Endpoint(
        "openings",
        "openings",
        "opening_row_id",
        _opening,
        (
            _JOB_IDS,
            _APPLICATION_IDS,
            _ids("close_reason_ids"),
            _time("opened_at"),
            _time("closed_at"),
            _CUSTOM_OPTION,
            _bool("open"),
            _text("opening_id"),
        ),
    ),
    Endpoint("close_reasons", "close_reasons", "close_reason_id", lambda v: {"name": v.name}),
    Endpoint(
        "rejection_details",
        "rejections",
        "rejection_id",
        lambda v: {
            "application_id": v.application_id,
            "rejected_by_id": v.rejected_by_id,
            "rejection_reason_id": v.reason_id,
            "rejection_note_id": None,
            "rejected_at": v.rejected_at,
            "question_custom_fields": {},
        },
        (_APPLICATION_IDS, _ids("rejection_reason_ids"), _CUSTOM_OPTION),
    ),
    Endpoint(
        "rejection_reasons",
        "rejection_reasons",
        "reason_id",
        lambda v: {"name": v.name, "type": {"id": v.type_id, "key": v.type_key, "name": v.type_name}},
        (Filter("include_defaults", "flag"),),
        hidden="include_defaults",
    ),
    Endpoint(
        "sources",
        "sources",
        "source_id",
        lambda v: {"name": v.name, "type": {"id": v.type_id, "name": v.type_name}},
    ),
    Endpoint(
        "users",
        "ats_users",
        "user_id",
        _user,
        (
            _ids("agency_ids", None),
            _ids("office_ids", None),
            _ids("department_ids", None),
            Filter("linked_candidate_ids", "ids", "linked_candidate_id"),
            _ids("interviewer_tag_ids", None),
            Filter("employee_ids", "texts", "employee_id"),
            _CUSTOM_OPTION,
            _bool("deactivated"),
            _text("primary_email"),
            _text("external_office_id", column=None),
            _text("external_department_id", column=None),
            Filter("show_service_accounts", "flag"),
        ),
        hidden="show_service_accounts",
    ),
    Endpoint(
        "job_hiring_managers",
        "jobs",
        "job_id",
        lambda v: {"job_id": v.job_id, "user_id": v.hiring_manager_id},
        (_ids("user_ids"), _JOB_IDS),
        offset=600_000,
    ),
    Endpoint(
        "job_owners",
        "jobs",
        "job_id",
        lambda v: {"job_id": v.job_id, "user_id": v.recruiter_id, "type": "recruiter", "responsible": True},
        (_ids("user_ids"), _JOB_IDS, _text("type", "sourcer", "recruiter", "coordinator")),
        offset=700_000,
    ),
    Endpoint("eeoc", "eeoc", "eeoc_id", _eeoc, (_APPLICATION_IDS, _time("submitted_at"))),
    Endpoint("offices", "", "", dict, (_id("parent_id", None), _text("external_id", column=None))),
    Endpoint("referrers", "", "", dict, (_ids("user_ids", None),)),
    Endpoint("candidate_attribute_types", "", "", dict, (_ACTIVE, _bool("is_draft"))),
    Endpoint("demographic_question_sets", "", "", dict, (_ACTIVE, _bool("enabled"))),
    Endpoint(
        "demographic_questions",
        "",
        "",
        dict,
        (_ids("demographic_question_set_ids"), _ACTIVE, _bool("required")),
        is_timed=False,
    ),
    Endpoint(
        "demographic_answer_options",
        "",
        "",
        dict,
        (_ids("demographic_question_ids"), _ACTIVE),
        is_timed=False,
    ),
    Endpoint(
        "demographic_answers",
        "",
        "",
        dict,
        (_APPLICATION_IDS, _ids("demographic_question_ids"), _ids("demographic_answer_option_ids")),
    ),
)

_OPTIONS = ("Woman", "Man", "Non-binary", "I don't wish to answer")
_SERVICE_ACCOUNT: Record = {
    "id": 999_999_999,
    "name": "Integration Service User",
    "first_name": "Integration",
    "last_name": "Service User",
    "primary_email": "integration.service.user@sandbox.example",
    "emails": [],
    "job_title": None,
    "deactivated": False,
    "site_admin": True,
    "agency_id": None,
    "employee_id": None,
    "linked_candidate_ids": [],
    "office_ids": [],
    "department_ids": [],
    "interviewer_tags": [],
    "custom_fields": {},
}


def _fixed(attribute_types: Sequence[int]) -> dict[str, list[Record]]:
    """Rows that do not come from the company model: settings of the account, the same for ever."""
    return {
        "offices": [
            {
                "id": OFFICE_ID,
                "name": "Main office",
                "parent_id": None,
                "external_id": None,
                "location": None,
                "primary_in_house_contact_user_id": None,
            }
        ],
        "referrers": [],
        "candidate_attribute_types": [
            {"id": n, "name": f"Skills {n}", "job_id": 0, "sort_order": n, "active": True, "is_draft": False}
            for n in attribute_types
        ],
        "demographic_question_sets": [
            {"id": 1, "title": "About you", "description": None, "active": True, "enabled": True}
        ],
        "demographic_questions": [
            {
                "id": 1,
                "name": "Gender",
                "demographic_question_set_id": 1,
                "required": False,
                "active": True,
                "sort_order": 0,
                "answer_type": "multi_value_single_select",
            }
        ],
        "demographic_answer_options": [
            {
                "id": n,
                "name": text,
                "demographic_question_id": 1,
                "free_form": False,
                "decline_to_answer": n == len(_OPTIONS),
                "active": True,
                "sort_order": n,
            }
            for n, text in enumerate(_OPTIONS, start=1)
        ],
        "demographic_answers": [],
    }


def _fixed_rows(endpoint: Endpoint, records: Sequence[Record], since: int) -> list[WireRow]:
    stamp = iso(since) if endpoint.is_timed else None
    full = [{"id": r["id"], "created_at": stamp, "updated_at": stamp, **r} for r in records]
    return [
        WireRow(r["id"], since, FOREVER, since, [_fixed_value(r, c) for c in endpoint.columns], orjson.dumps(r))
        for r in full
    ]


def _fixed_value(record: Record, column: str) -> object:
    return True if column == "is_hidden" else record.get(column)


def _column_values(endpoint: Endpoint) -> Callable[[Record, Any], Sequence[object]]:
    """Filter columns: what the record says, except where a version knows what the record hides or nests."""
    from_version: dict[tuple[str, str], Callable[[Any], object]] = {
        ("candidates", "email"): lambda v: v.email,
        ("candidates", "last_activity_at"): lambda v: v.last_activity_at,
        ("users", "linked_candidate_id"): lambda v: v.linked_candidate_id,
        ("users", "is_hidden"): lambda v: False,
        ("rejection_reasons", "is_hidden"): lambda v: False,
    }
    getters = [(c, from_version.get((endpoint.name, c))) for c in endpoint.columns]
    if all(getter is None for _, getter in getters):
        names = endpoint.columns
        return lambda record, version: [record[name] for name in names]
    return lambda record, version: [record[c] if getter is None else getter(version) for c, getter in getters]


def _company_rows(endpoint: Endpoint, tables: Mapping[str, pd.DataFrame]) -> Iterator[WireRow]:
    key, offset = attrgetter(endpoint.key), endpoint.offset
    return wire_rows(
        versions(tables, endpoint.source, endpoint.key),
        lambda v: key(v) + offset,
        endpoint.translate,
        _column_values(endpoint),
    )


def build(writer: WireWriter, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write every Greenhouse table of one company."""
    since = min(v.from_ms for v in versions(tables, "departments"))
    fixed = _fixed(sorted(set(tables["attributes"]["attribute_type_id"].astype(int).tolist())))
    for endpoint in ENDPOINTS:
        if endpoint.source:
            rows = _company_rows(endpoint, tables)
        else:
            rows = iter(_fixed_rows(endpoint, fixed[endpoint.name], since))
        writer.table(f"greenhouse_{endpoint.name}", endpoint.columns, _with_hidden(endpoint, rows, since))


def _with_hidden(endpoint: Endpoint, rows: Iterator[WireRow], since: int) -> Iterator[WireRow]:
    """Mark or add the rows that only a switch shows."""
    if endpoint.name == "rejection_reasons":
        return _with_default_reasons(rows)
    if endpoint.name == "users":
        return chain(rows, _fixed_rows(endpoint, [_SERVICE_ACCOUNT], since))
    return rows


def _with_default_reasons(rows: Iterable[WireRow]) -> Iterator[WireRow]:
    seen: set[int] = set()
    for row in rows:
        seen.add(row.id)
        yield row._replace(columns=[len(seen) <= DEFAULT_REASONS])


@dataclass
class _Token:
    value: str
    expires_at: float


class BadQuery(ValueError):
    """A query the vendor would refuse with 422."""


class GreenhouseFace:
    """One Greenhouse account behind a token endpoint."""

    def __init__(self, account: Account, *, token_seconds: float = 3600.0) -> None:
        self.account = account
        self.client_id = account.secret("client_id")
        self.client_secret = account.secret("client_secret")
        self._token_seconds = token_seconds
        self._token: _Token | None = None
        self._budget = Counter(account.limits.greenhouse)
        self._token_budget = Counter(account.limits.greenhouse_token)
        self._endpoints = {endpoint.name: endpoint for endpoint in ENDPOINTS}
        self._fields: dict[str, frozenset[str]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Every list there is."""
        return tuple(self._endpoints)

    # Token endpoint -------------------------------------------------------------------------------------------------

    async def token(self, request: Request) -> Answer:
        """Mint a token; the one before dies at once."""
        verdict = self._token_budget.take()
        if not verdict.allowed:
            return json_answer(
                {"error": "rate_limited"}, 429, {"Retry-After": str(verdict.retry_after), **_headers(verdict)}
            )
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        content_type = request.headers.get("content-type", "").partition(";")[0]
        if content_type != "application/x-www-form-urlencoded" or form.get("grant_type") != ["client_credentials"]:
            return json_answer(
                {
                    "error": "unsupported_grant_type",
                    "error_description": "send grant_type=client_credentials as a form",
                },
                400,
            )
        if basic_credentials(request) != (self.client_id, self.client_secret):
            return json_answer({"error": "invalid_client", "error_description": "Client authentication failed"}, 401)
        self._token = _Token(f"eyJhbGciOiJub25lIn0.{secrets.token_urlsafe(32)}.", time.time() + self._token_seconds)
        return json_answer(
            {
                "token_type": "Bearer",
                "access_token": self._token.value,
                "expires_at": iso(int(self._token.expires_at * 1000)),
            }
        )

    def revoke_token(self) -> None:
        """Make the active token invalid from now on."""
        self._token = None

    def stream(self, path: str) -> str:
        """The endpoint's name."""
        return path

    # Lists ----------------------------------------------------------------------------------------------------------

    async def answer(self, request: Request, path: str) -> Answer:
        """Answer one list request."""
        stream, endpoint = path, self._endpoints.get(path)
        if endpoint is None:
            return json_answer({"errors": ["The requested resource was not found."]}, 404)
        if self.account.chaos.fires("revoke_token", self.account.name, stream):
            self.revoke_token()
        if not self._is_authorized(request):
            return json_answer({"errors": [{"message": "The access token is invalid, expired or was revoked."}]}, 401)
        verdict = self._budget.take()
        if not verdict.allowed:
            return json_answer(
                {"errors": ["Rate limit exceeded."]},
                429,
                {"Retry-After": str(verdict.retry_after), **_headers(verdict)},
            )
        if self.account.chaos.fires("missing_scope", self.account.name, stream):
            message = f"Missing scope harvest:{stream}:list"
            return json_answer({"message": message}, 403, _headers(verdict))
        try:
            reply = self._page(request, endpoint)
        except BadQuery as problem:
            return json_answer({"errors": [str(problem)]}, 422, _headers(verdict))
        reply.headers.update(_headers(verdict))
        return reply

    def _is_authorized(self, request: Request) -> bool:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        token = self._token
        return (
            token is not None
            and scheme.lower() == "bearer"
            and secrets.compare_digest(value.encode(), token.value.encode())
            and time.time() < token.expires_at
        )

    def _page(self, request: Request, endpoint: Endpoint) -> Answer:
        pairs = list(request.query_params.multi_items())
        beyond: int | None = None
        if any(name == "cursor" for name, _ in pairs):
            if len(pairs) > 1:
                raise BadQuery(CURSOR_ALONE)
            beyond, pairs = _open_cursor(pairs[0][1], endpoint.name)
        query = _Query(endpoint, pairs, self._fields_of(endpoint))
        found = self.account.open_store().read(
            f"greenhouse_{endpoint.name}", self.account.clock(), query.where, beyond=beyond, limit=query.per_page
        )
        headers = {}
        if found.has_more:
            cursor = seal([endpoint.name, found.seqs[-1], pairs])
            base = f"{self.account.root_url()}/{self.account.name}/v3/{endpoint.name}"
            url = f"{base}?{urlencode({'cursor': cursor})}"
            headers["Link"] = f'<{url}>; rel="next"'
        records = spoil(self.account, found.payloads, f"greenhouse_{endpoint.name}", endpoint.name, _SPOIL)
        if query.fields:
            records = [orjson.dumps({f: r.get(f) for f in query.fields}) for r in map(orjson.loads, records)]
        return Answer(b"[" + b",".join(records) + b"]", headers)

    def _fields_of(self, endpoint: Endpoint) -> frozenset[str]:
        if endpoint.name not in self._fields:
            found = self.account.open_store().read(f"greenhouse_{endpoint.name}", FOREVER - 1, limit=1).payloads
            names = orjson.loads(found[0]).keys() if found else ("id", "created_at", "updated_at")
            if endpoint.name == "candidates":
                names = ("id", "created_at", "updated_at", *CANDIDATE_FIELDS)
            self._fields[endpoint.name] = frozenset(names)
        return self._fields[endpoint.name]


CANDIDATE_FIELDS = (
    "first_name",
    "last_name",
    "preferred_name",
    "company",
    "title",
    "last_activity_at",
    "private",
    "can_email",
    "time_zone",
    "tags",
    "linked_user_ids",
    "phone_numbers",
    "addresses",
    "email_addresses",
    "website_addresses",
    "social_media_addresses",
    "custom_fields",
)


def _unknown_rating(record: Record) -> Record:
    for name in ("candidate_attribute_rating", "candidate_rating"):
        if name in record:
            return record | {name: "stellar"}
    return record


_SPOIL: dict[str, Callable[[Record], Record]] = {
    "unknown_rating": _unknown_rating,
    "missing_key": lambda record: {name: value for name, value in record.items() if name != "id"},
    "future_cursor": lambda record: record | {"updated_at": "9999-12-31T00:00:00.000Z"},
}


class _Query:
    """A list request's parameters, checked as strictly as the vendor checks them."""

    def __init__(self, endpoint: Endpoint, pairs: Sequence[tuple[str, str]], fields: frozenset[str]) -> None:
        self.per_page = 100
        self.fields: list[str] = []
        self.where: list[Where] = []
        self._endpoint = endpoint
        self._filters = {f.name: f for f in endpoint.filters}
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise BadQuery("Query parameters may be given once.")
        if endpoint.is_timed and {"created_at", "updated_at"} <= set(names):
            raise BadQuery("created_at and updated_at cannot be combined.")
        for name, value in pairs:
            self._read(name, value, fields)
        given = dict(pairs)
        if endpoint.hidden and given.get(endpoint.hidden, "false") != "true":
            self.where.append(Where("is_hidden", "=", False))

    def _read(self, name: str, value: str, fields: frozenset[str]) -> None:
        if name == "per_page":
            self.per_page = _whole(name, value)
            if not 1 <= self.per_page <= 500:
                raise BadQuery("per_page must be between 1 and 500.")
        elif name == "fields":
            self.fields = _listed(name, value)
            unknown = sorted(set(self.fields) - fields)
            if unknown:
                raise BadQuery(f"fields contains unknown field(s): {', '.join(unknown)}.")
        elif name == "ids":
            self.where.append(Where("id", "in", [_whole(name, v) for v in _listed(name, value)]))
        elif name in ("created_at", "updated_at") and self._endpoint.is_timed:
            column = "created_at" if name == "created_at" else "valid_from"
            self.where.extend(Where(column, op, ms) for op, ms in _bounds(name, value))
        elif name in self._filters:
            self._filter(self._filters[name], value)
        elif self._endpoint.brackets and name.endswith("]"):
            self._bracket(name, value)
        else:
            raise BadQuery(f"Unpermitted query parameter: {name}.")

    def _bracket(self, name: str, value: str) -> None:
        field, _, operator = name[:-1].partition("[")
        if operator not in OPERATORS or field not in ("updated_at", "created_at", "last_activity_at"):
            raise BadQuery(f"Unpermitted query parameter: {name}.")
        self._read(field, f"{operator}|{value}", frozenset())

    def _filter(self, found: Filter, value: str) -> None:
        if found.kind == "flag":
            self._flag(found, value)
        elif found.kind in ("time", "day"):
            for operator, ms in _bounds(found.name, value):
                text = iso(ms) if found.kind == "time" else iso(ms)[:10]
                self._add(found, operator, text)
        elif found.kind == "bool":
            self._add(found, "=", _truth(found.name, value))
        elif found.kind == "ids":
            self._add(found, "in", [_whole(found.name, v) for v in _listed(found.name, value)])
        elif found.kind == "texts":
            self._add(found, "in", _listed(found.name, value))
        elif found.kind == "id":
            self._add(found, "=", _whole(found.name, value))
        else:
            self._add(found, "=", _choice(found, value))

    def _flag(self, found: Filter, value: str) -> None:
        if _truth(found.name, value) and found.name == "current_only":
            self.where.append(Where("status", "<>", "Deprecated"))

    def _add(self, found: Filter, operator: str, value: object) -> None:
        if found.column is None:
            self.where.append(Where("", "never", None))
        else:
            self.where.append(Where(found.column, operator, value))


def _choice(found: Filter, value: str) -> str:
    if found.values is None:
        return value
    if value not in found.values:
        raise BadQuery(f"{found.name} must be one of: {', '.join(found.values)}.")
    return found.values[value]


def _whole(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise BadQuery(f"{name} must be an integer.") from None


def _truth(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise BadQuery(f"{name} must be true or false.")
    return value == "true"


def _listed(name: str, value: str) -> list[str]:
    values = [part.strip() for part in value.split(",") if part.strip()]
    if len(values) > MAX_LIST:
        raise BadQuery(f"{name} may have at most {MAX_LIST} items.")
    if not values:
        raise BadQuery(f"{name} is empty.")
    return values


def _bounds(name: str, value: str) -> list[tuple[str, int]]:
    """`gte|2024-01-01T00:00:00Z|lte|2024-02-01T00:00:00Z` as operators and milliseconds."""
    parts = value.split("|")
    if len(parts) not in (2, 4) or any(operator not in OPERATORS for operator in parts[::2]):
        raise BadQuery(f"{name} must look like gte|2024-01-01T00:00:00Z or gte|…|lte|….")
    try:
        return [(OPERATORS[op], parse_moment(moment)) for op, moment in zip(parts[::2], parts[1::2], strict=True)]
    except (ValueError, OverflowError):
        raise BadQuery(f"{name} holds something that is not an ISO 8601 time.") from None


def _open_cursor(text: str, endpoint: str) -> tuple[int, list[tuple[str, str]]]:
    try:
        name, seq, pairs = unseal(text)
        if name != endpoint:
            raise ValueError(name)
        return int(seq), [(str(key), str(value)) for key, value in pairs]
    except (ValueError, TypeError):
        raise BadQuery("The cursor is invalid.") from None


def _headers(verdict: Verdict) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(verdict.limit),
        "X-RateLimit-Remaining": str(verdict.remaining),
        "X-RateLimit-Reset": str(int(verdict.reset_at + 0.999)),
    }
