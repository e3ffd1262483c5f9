"""The Lattice face: talent API v1, and its traps.

Ten rows a page unless asked, active users only unless `status=NULL`, Unix seconds, singular paths for single objects,
one review row per reviewee, reviewer and question, calibrated answers only once calibration has ended, no reviewer
where peers are anonymous.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import orjson
import pandas as pd
from starlette.requests import Request

from ingestion.sandbox.face import Account, Answer, json_answer, seal, spoil, unseal
from ingestion.sandbox.limits import Counter
from ingestion.sandbox.schema import lattice_uuid
from ingestion.sandbox.store import Where, WireWriter
from ingestion.sandbox.wire import Record, versions, wire_rows

DEFAULT_LIMIT, MAX_LIMIT = 10, 100
USER_STATUSES = ("ACTIVE", "INVITED", "CREATED", "DEACTIVATED")
ANONYMOUS_EVERY = 17
"""One in so many peer reviews is anonymous: its reviewer is null."""

_BASE = "https://api.latticehq.example/v1"
"""Stands in the stored rows for the server's own address, which is known only once it listens."""


@cache
def _uuid(kind: str, number: int) -> str:
    return lattice_uuid(kind, number)


def _ref(kind: str, path: str, number: int | None) -> Record | None:
    if number is None:
        return None
    identifier = _uuid(kind, number)
    return {"id": identifier, "object": kind, "url": f"{_BASE}/{path}/{identifier}"}


def _list_ref(path: str) -> Record:
    return {"object": "list", "url": f"{_BASE}/{path}"}


def _seconds(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).timestamp())


def _stamps(v: Any) -> Record:
    return {"createdAt": v.created_ms // 1000, "updatedAt": v.from_ms // 1000}


def _user(v: Any) -> Record:
    identifier = lattice_uuid("user", v.perf_user_id)
    return {
        "id": identifier,
        "object": "user",
        "url": f"{_BASE}/user/{identifier}",
        "name": v.name,
        "preferredName": v.preferred_name,
        "email": v.email,
        "title": v.title,
        "status": v.status,
        "isAdmin": v.is_admin,
        "externalUserId": v.external_user_id,
        "manager": _ref("user", "user", v.manager_id),
        "department": None,
        "directReports": _list_ref(f"user/{identifier}/directReports"),
        "startDate": v.start_date,
        "birthDate": None,
        "timezone": None,
        "gender": "NotSet",
        "customAttributes": _list_ref(f"user/{identifier}/customAttributes"),
    }


def _cycle(v: Any) -> Record:
    identifier = lattice_uuid("reviewCycle", v.cycle_id)
    return {
        "id": identifier,
        "object": "reviewCycle",
        "url": f"{_BASE}/reviewCycle/{identifier}",
        "name": v.name,
        "stage": v.stage,
        "creator": None,
        "peerSelectionStartedAt": None,
        "reviewsStartedAt": _seconds(v.reviews_started_at),
        "reviewsEndedAt": _seconds(v.reviews_ended_at),
        "calibrationEnabled": v.calibration_enabled,
        "calibrationEndedAt": _seconds(v.calibration_ended_at),
        "weightedScoresEnabled": True,
        "autocalculatedWeightedScoresEnabled": True,
        "reviewees": _list_ref(f"reviewCycle/{identifier}/reviewees"),
        "reviews": _list_ref(f"reviewCycle/{identifier}/reviews"),
    }


def _reviewee(v: Any) -> Record:
    return {
        "id": lattice_uuid("reviewee", v.reviewee_id),
        "object": "reviewee",
        "user": _ref("user", "user", v.perf_user_id),
        "reviewCycle": _ref("reviewCycle", "reviewCycle", v.cycle_id),
        "externalUserId": None,
        "closedAt": _seconds(v.closed_at),
        "responsesReleasedAt": _seconds(v.responses_released_at),
        "esignatureGivenAt": None,
        "weightedScore": {"manual": v.weighted_score_manual, "autoCalculated": v.weighted_score_auto},
        "revieweeFacingPDFUrl": None,
        "managerFacingPDFUrl": None,
    }


def _question(v: Any) -> Record:
    labels = v.scale_labels.split("|") if v.scale_labels else []
    return {
        "id": lattice_uuid("question", v.question_id),
        "object": "question",
        "body": v.body,
        "description": None,
        "ratingScale": [{"value": n, "descriptor": label} for n, label in enumerate(labels, start=1)] or None,
        "choices": None,
        "hasFreeFormText": v.has_free_form_text,
    }


class _ReviewTranslator:
    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        self._labels = {
            v.question_id: v.scale_labels.split("|") if v.scale_labels else []
            for v in versions(tables, "review_questions")
        }

    def __call__(self, v: Any) -> Record:
        is_anonymous = v.review_type == "Peer" and v.review_id % ANONYMOUS_EVERY == 0
        calibrated = None
        if v.calibration_ended and v.calibrated_rating is not None:
            calibrated = self._response(v, v.calibrated_rating)
        return {
            "id": lattice_uuid("review", v.review_id),
            "object": "review",
            "reviewee": _ref("reviewee", "reviewee", v.reviewee_id),
            "reviewer": None if is_anonymous else _ref("user", "user", v.reviewer_id),
            "question": _ref("question", "question", v.question_id),
            "questionRevision": _ref("questionRevision", "questionRevision", v.question_id),
            "competency": None,
            "goal": None,
            "reviewType": v.review_type,
            "response": None if v.submitted_at is None else self._response(v, v.rating),
            "calibratedResponse": calibrated,
            "submittedAt": _seconds(v.submitted_at),
            "declinedAt": _seconds(v.declined_at),
            "calibrationEnded": v.calibration_ended,
            "parentReviewId": None,
            "isMostRecentDownwardReview": v.review_type == "Manager",
        }

    def _response(self, v: Any, rating: float | None) -> Record:
        labels = self._labels[v.question_id]
        label = None if rating is None or not labels else labels[min(max(round(rating), 1), len(labels)) - 1]
        return {
            "ratingString": label,
            "rating": rating,
            "choices": [],
            "comment": None,
            "commentSentiment": None,
            "createdAt": _seconds(v.submitted_at),
            "updatedAt": _seconds(v.response_updated_at or v.submitted_at),
        }


def build(writer: WireWriter, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write every Lattice table of one company."""

    def stamped(translate: Callable[[Any], Record]) -> Callable[[Any], Record]:
        return lambda v: translate(v) | _stamps(v)

    parts: list[tuple[str, str, str, Callable[[Any], Record], Callable[[Any], list[object]], tuple[str, ...]]] = [
        ("users", "perf_users", "perf_user_id", stamped(_user), lambda v: [v.status], ("status",)),
        ("reviewCycles", "review_cycles", "cycle_id", stamped(_cycle), lambda v: [], ()),
        ("reviewees", "reviewees", "reviewee_id", stamped(_reviewee), lambda v: [v.cycle_id], ("cycle",)),
        ("questions", "review_questions", "question_id", _question, lambda v: [], ()),
        (
            "reviews",
            "reviews",
            "review_id",
            _ReviewTranslator(tables),
            lambda v: [v.cycle_id, v.reviewee_id],
            ("cycle", "reviewee"),
        ),
    ]
    for name, source, key, translate, columns, names in parts:
        rows = wire_rows(
            versions(tables, source),
            lambda v, key=key: int(getattr(v, key)),  # type: ignore[misc]
            translate,
            lambda record, v, columns=columns: [record["id"], *columns(v)],  # type: ignore[misc]
            stamps=False,
        )
        writer.table(f"lattice_{name}", ("uuid", *names), rows)


class LatticeFace:
    """One Lattice account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.api_key = account.secret("api_key")
        self._budget = Counter(account.limits.lattice)

    def stream(self, path: str) -> str:
        """`users`, `reviewCycles`, `reviewees`, `reviews`, or the singular name of a single object."""
        parts = path.split("/")
        return parts[2] if len(parts) == 3 else parts[0]

    async def answer(self, request: Request, path: str) -> Answer:
        """Answer one request."""
        if request.headers.get("authorization") != f"Bearer {self.api_key}":
            return json_answer({"error": "Unauthorized"}, 401)
        verdict = self._budget.take()
        if not verdict.allowed:
            return json_answer({"error": "Too many requests"}, 429, {"Retry-After": str(verdict.retry_after)})
        if self.account.chaos.fires("missing_scope", "lattice", self.stream(path)):
            return json_answer({"error": "Forbidden"}, 403)
        answer = self._route(request, path.split("/"))
        answer.body = answer.body.replace(_BASE.encode(), f"{self.account.root_url()}/lattice/v1".encode())
        return answer

    def _route(self, request: Request, parts: list[str]) -> Answer:
        match parts:
            case ["users"]:
                status = request.query_params.get("status", "ACTIVE")
                if status not in (*USER_STATUSES, "NULL"):
                    return json_answer({"error": f"status {status} is invalid"}, 400)
                where = [] if status == "NULL" else [Where("status", "=", status)]
                return self._list(request, "users", where, {"status"})
            case ["reviewCycles"]:
                return self._list(request, "reviewCycles", [], set())
            case ["departments"] | ["feedbacks"] | ["goals"] | ["updates"]:
                return json_answer({"object": "list", "data": [], "hasMore": False, "endingCursor": None})
            case ["reviewCycle", identifier, ("reviewees" | "reviews") as name]:
                return self._children(request, name, "reviewCycles", "cycle", identifier)
            case ["reviewee", identifier, "reviews"]:
                return self._children(request, "reviews", "reviewees", "reviewee", identifier)
            case [("user" | "reviewCycle" | "reviewee" | "question") as kind, identifier]:
                return self._single(f"{kind}s", identifier)
            case ["questionRevision", identifier]:
                return self._revision(identifier)
            case _:
                return json_answer({"error": "Not found"}, 404)

    def _list(self, request: Request, name: str, where: list[Where], allowed: set[str]) -> Answer:
        query = request.query_params
        unknown = set(query) - allowed - {"limit", "startingAfter"}
        try:
            limit = int(query.get("limit", DEFAULT_LIMIT))
            beyond = int(unseal(query["startingAfter"])) if "startingAfter" in query else None
        except (ValueError, TypeError):
            return json_answer({"error": "limit or startingAfter is invalid"}, 400)
        if unknown or not 1 <= limit <= MAX_LIMIT:
            return json_answer({"error": f"invalid parameters: {sorted(unknown) or 'limit'}"}, 400)
        found = self.account.open_store().read(
            f"lattice_{name}", self.account.clock(), where, beyond=beyond, limit=limit, ascending=True
        )
        payloads = spoil(self.account, found.payloads, f"lattice_{name}", name, _SPOIL)
        cursor = seal(found.seqs[-1]) if found.seqs else None
        head = {"object": "list", "hasMore": found.has_more, "endingCursor": cursor}
        return Answer(orjson.dumps(head)[:-1] + b',"data":[' + b",".join(payloads) + b"]}")

    def _children(self, request: Request, name: str, parents: str, column: str, identifier: str) -> Answer:
        number = self.account.open_store().number(f"lattice_{parents}", "uuid", identifier, self.account.clock())
        if number is None:
            return json_answer({"error": "Not found"}, 404)
        return self._list(request, name, [Where(column, "=", number)], set())

    def _single(self, name: str, identifier: str) -> Answer:
        found = self.account.open_store().read(
            f"lattice_{name}", self.account.clock(), [Where("uuid", "=", identifier)], limit=1
        )
        return Answer(found.payloads[0]) if found.payloads else json_answer({"error": "Not found"}, 404)

    def _revision(self, identifier: str) -> Answer:
        """A revision of a question; questions of the sandbox are never revised, so it says what the question says."""
        questions = self.account.open_store().read("lattice_questions", self.account.clock(), ascending=True)
        for number, payload in zip(questions.ids, questions.payloads, strict=True):
            if lattice_uuid("questionRevision", number) == identifier:
                return json_answer(orjson.loads(payload) | {"id": identifier, "object": "questionRevision"})
        return json_answer({"error": "Not found"}, 404)


_SPOIL: dict[str, Callable[[Record], Record]] = {
    "unknown_rating": lambda record: record | {"reviewType": "Skip-level"} if "reviewType" in record else record,
    "missing_key": lambda record: {name: value for name, value in record.items() if name != "id"},
    "future_cursor": lambda record: record | {"updatedAt": 253_402_214_400},
}
