"""Lattice, Talent API v1: the performance system.

Nothing in it can be filtered by date, so lists are read whole; reviews are read cycle by cycle, the recent cycles on
every run and the settled ones once a week.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from ingestion.client import Auth, BearerKey, BodyCursor, Client, Response, dig
from ingestion.connections import Connection
from ingestion.errors import IngestionError, RequestRejected
from ingestion.probing import probe_connection, probe_streams
from ingestion.streams import Column, Page, ProbeResult, Stream, Window

VENDOR = "lattice"

_CREATED = Column("created_at", "timestamp", path="createdAt", description="When the record was created in Lattice.")
_UPDATED = Column("updated_at", "timestamp", path="updatedAt", description="When the record last changed in Lattice.")
_CYCLE = Column("review_cycle_id", path="reviewCycle.id", required=True, description="Review cycle it belongs to.")
_NO_FILTER = "Lattice has no filter on updated time."
_BY_CYCLE = (
    "Lattice has no filter on updated time; cycles open or ended within 60 days are read on every run, others weekly."
)

STREAMS: tuple[Stream, ...] = (
    Stream(
        name="users",
        path="/users",
        full_reason=_NO_FILTER,
        sweep=True,
        params={"status": "NULL"},
        columns=(
            Column("id", token="user", required=True, description="Lattice user, as a token."),
            Column("email", token="email", description="Work e-mail, as a token."),
            Column("external_user_id", path="externalUserId", token="employee", description="HRIS id, as a token."),
            Column("status", description="ACTIVE, INVITED, CREATED or DEACTIVATED; leavers are read too."),
            Column("title", description="Current job title."),
            Column("manager_id", path="manager.id", token="user", description="Current manager, as a token."),
            Column("start_date", "date", path="startDate", description="First day at the firm."),
            _CREATED,
            _UPDATED,
        ),
        scope="users",
        never_empty="that the key was made by an admin who may see every user",
        description="One row per Lattice user, leavers included.",
    ),
    Stream(
        name="review_cycles",
        path="/reviewCycles",
        full_reason=_NO_FILTER,
        sweep=True,
        columns=(
            Column("id", required=True, description="Lattice id of the review cycle."),
            Column("name", description="Name of the cycle."),
            Column(
                "stage",
                enum=("Draft", "PreLaunch", "Launching", "PeerSelection", "CollectingReviews", "Calibration", "Ended"),
                description="Where the cycle stands.",
            ),
            Column(
                "peer_selection_started_at",
                "timestamp",
                path="peerSelectionStartedAt",
                description="When peers could be chosen.",
            ),
            Column("reviews_started_at", "timestamp", path="reviewsStartedAt", description="When writing began."),
            Column("reviews_ended_at", "timestamp", path="reviewsEndedAt", description="When writing ended."),
            Column(
                "calibration_enabled",
                "bool",
                path="calibrationEnabled",
                description="True when ratings are calibrated.",
            ),
            Column(
                "calibration_ended_at", "timestamp", path="calibrationEndedAt", description="When calibration ended."
            ),
            _CREATED,
            _UPDATED,
        ),
        scope="reviewCycles",
        description="One row per review cycle.",
    ),
    Stream(
        name="reviewees",
        path="/reviewCycle/{review_cycle_id}/reviewees",
        full_reason=_BY_CYCLE,
        complete_every_days=7,
        sweep=True,
        columns=(
            Column("id", token="reviewee", required=True, description="Person in a cycle, as a token."),
            Column("user_id", path="user.id", token="user", required=True, description="Lattice user, as a token."),
            _CYCLE,
            Column(
                "weighted_score_manual", "double", path="weightedScore.manual", description="Overall score set by hand."
            ),
            Column(
                "weighted_score_auto",
                "double",
                path="weightedScore.autoCalculated",
                description="Overall score as calculated.",
            ),
            Column("closed_at", "timestamp", path="closedAt", description="When this person's reviews were closed."),
            Column(
                "responses_released_at",
                "timestamp",
                path="responsesReleasedAt",
                description="When the person could read them.",
            ),
            _CREATED,
            _UPDATED,
        ),
        scope="reviewCycles",
        description="One row per cycle and reviewed person.",
    ),
    Stream(
        name="reviews",
        path="/reviewCycle/{review_cycle_id}/reviews",
        full_reason=_BY_CYCLE,
        complete_every_days=7,
        sweep=True,
        columns=(
            Column("id", required=True, description="Lattice id of the answer."),
            _CYCLE,
            Column(
                "reviewee_id",
                path="reviewee.id",
                token="reviewee",
                required=True,
                description="Person in the cycle, as a token.",
            ),
            Column(
                "reviewer_id",
                path="reviewer.id",
                token="user",
                description="Author, as a token; null for anonymous peers.",
            ),
            Column("question_id", path="question.id", description="Question that was answered."),
            Column("question_revision_id", path="questionRevision.id", description="Wording that was answered."),
            Column(
                "review_type",
                path="reviewType",
                required=True,
                enum=("manager", "downward", "self", "peer", "upward", "direct_report"),
                description="Relation of author to person, in lower case.",
            ),
            Column("rating", "double", path="response.rating", description="Rating given; null for comment questions."),
            Column("rating_string", path="response.ratingString", description="Label of the rating."),
            Column(
                "calibrated_rating", "double", path="calibratedResponse.rating", description="Rating after calibration."
            ),
            Column(
                "calibrated_rating_string",
                path="calibratedResponse.ratingString",
                description="Label after calibration.",
            ),
            Column("calibration_ended", "bool", path="calibrationEnded", description="True once calibration is final."),
            Column("submitted_at", "timestamp", path="submittedAt", description="When the review was submitted."),
            Column("declined_at", "timestamp", path="declinedAt", description="When the author declined to write it."),
            Column(
                "response_updated_at", "timestamp", path="response.updatedAt", description="Last edit of the answer."
            ),
        ),
        scope="reviews",
        description="One row per reviewed person, author and question; comments are not read.",
    ),
    Stream(
        name="questions",
        path="/question/{question_id}",
        full_reason="Lattice has no list of questions; each is read by the id its reviews carry.",
        complete_every_days=7,
        columns=(
            Column("id", required=True, description="Lattice id of the question or of one revision of it."),
            Column("body", description="Text of the question."),
            Column(
                "has_free_form_text", "bool", path="hasFreeFormText", description="True when a comment can be written."
            ),
            Column("scale_min", "double", description="Lowest value of the rating scale."),
            Column("scale_max", "double", description="Highest value of the rating scale."),
            Column("scale_labels", description="Labels of the scale from low to high, joined with `|`."),
        ),
        scope="questions",
        description="One row per question and revision that a review answers.",
    ),
)

DEFAULT_BASE_URL = "https://api.latticehq.com/v1"
RECENT = timedelta(days=60)

_PAGING = BodyCursor("endingCursor", "startingAfter", more="hasMore")
_PAGE = {"limit": "100"}  # the default is 10
_PLACES = ("review_cycle_id", "question_id")


PURPOSES = ("base_url", "api_key")


def authentication(connection: Connection) -> Auth:
    """The API key as a bearer token; it has the rights of the admin who made it."""
    connection.check(PURPOSES)
    return BearerKey(connection)


class Connector:
    """Lattice's oddities: reviews by cycle, questions by id, Unix seconds, and references instead of ids.

    Args:
        connection: no options.
        client: the connection's HTTP client.
    """

    clock_path = "/reviewCycles"
    # 240 requests a minute leave no room for more; and questions are known only after the reviews.
    parallel_streams = 1
    unfiltered: frozenset[str] = frozenset()

    def __init__(self, connection: Connection, client: Client) -> None:
        self._client = client
        self._questions: dict[str, str] | None = None

    # -- reading

    def read(self, stream: Stream, window: Window) -> Iterator[Page]:
        """Every page of the window; see `ConnectorLike`."""
        if stream.name == "questions":
            yield from self._question_pages(stream, window)
        elif "{review_cycle_id}" in stream.path:
            for cycle in self._cycles_to_read(window):
                yield from self._cycle_pages(stream, cycle, window)
        else:
            for response in self._list(stream, stream.path):
                yield Page([_readable(record) for record in response.list_at("data")], response.path)

    def _list(self, stream: Stream, path: str) -> Iterator[Response]:
        return self._client.pages(path, {**_PAGE, **stream.params}, _PAGING, needs=stream.scope)

    def _cycles(self) -> list[dict[str, Any]]:
        cycles: list[dict[str, Any]] = []
        for response in self._client.pages("/reviewCycles", _PAGE, _PAGING, needs="reviewCycles"):
            found = response.list_at("data")
            if not all(isinstance(cycle, dict) and cycle.get("id") for cycle in found):
                raise response.wrong_envelope("an `id` in every review cycle")
            cycles += found
        return cycles

    def _cycles_to_read(self, window: Window) -> list[dict[str, Any]]:
        cycles = self._cycles()
        if window.complete:
            return cycles
        return [c for c in cycles if not _is_settled(c, window.end) or str(c["id"]) not in window.done]

    def _cycle_pages(self, stream: Stream, cycle: dict[str, Any], window: Window) -> Iterator[Page]:
        number = str(cycle["id"])
        path = stream.path.format(review_cycle_id=number)
        page: Page | None = None
        try:
            for response in self._list(stream, path):
                if page is not None:
                    yield page
                records = [_readable(record) for record in response.list_at("data")]
                page = Page([self._in_cycle(record, number) for record in records], response.path)
        except RequestRejected as error:
            # A cycle that was deleted after it was listed.
            if error.status != 404 or page is not None:
                raise
            yield Page([], path, is_whole=False)
        if page is not None:
            yield replace(page, done=(number,) if _is_settled(cycle, window.end) else ())

    def _in_cycle(self, record: Any, cycle: str) -> Any:
        """The record with its cycle, its relation in one spelling, and a person in the cycle as reviewee."""
        if not isinstance(record, dict):
            return record
        record = {**record, "reviewCycle": {"id": cycle}}
        if "reviewType" not in record:
            return record
        self._remember_questions(record)
        if dig(record, "reviewee.object") == "user":
            record["reviewee"] = {"id": self._reviewee_of(cycle, str(dig(record, "reviewee.id")))}
        return {**record, "reviewType": relation(record["reviewType"])}

    def _reviewee_of(self, cycle: str, user: str) -> str | None:
        return self._reviewees(cycle).get(user)

    @cache  # noqa: B019  (a connector lives as long as one sync)
    def _reviewees(self, cycle: str) -> dict[str, str]:
        """User id to reviewee id in one cycle, for accounts whose reviews refer to users."""
        found: dict[str, str] = {}
        for response in self._client.pages(f"/reviewCycle/{cycle}/reviewees", _PAGE, _PAGING, needs="reviewCycles"):
            found |= {str(dig(record, "user.id")): str(dig(record, "id")) for record in response.list_at("data")}
        return found

    # -- questions

    def _remember_questions(self, record: dict[str, Any]) -> None:
        known = self._questions = self._questions if self._questions is not None else {}
        for kind, name in (("question", "question"), ("questionRevision", "questionRevision")):
            number = dig(record, f"{name}.id")
            if number:
                known.setdefault(str(number), kind)

    def _question_pages(self, stream: Stream, window: Window) -> Iterator[Page]:
        if self._questions is None:
            reviews = next(s for s in STREAMS if s.name == "reviews")
            for _ in self.read(reviews, window):
                pass
        wanted = [(n, kind) for n, kind in (self._questions or {}).items() if window.complete or n not in window.done]
        for number, record, path in self._client.map(self._question, wanted):
            if record is not None:
                yield Page([record], path, done=(number,))

    def _question(self, wanted: tuple[str, str]) -> tuple[str, dict[str, Any] | None, str]:
        number, kind = wanted
        try:
            response = self._client.get(f"/{kind}/{number}", needs="questions")
        except RequestRejected as error:
            if error.status == 404:
                return number, None, f"/{kind}"
            raise
        return number, {**response.object_at(), **_scale(response)}, f"/{kind}"

    # -- sweep and probe

    def sweep_ids(self, stream: Stream) -> Iterator[list[str | None]]:
        """All ids that exist now, cycle by cycle where the stream is."""
        paths = [stream.path]
        if "{review_cycle_id}" in stream.path:
            paths = [stream.path.format(review_cycle_id=cycle["id"]) for cycle in self._cycles()]
        for path in paths:
            for response in self._list(stream, path):
                yield response.ids_at("data", "id")

    def probe(self) -> list[ProbeResult]:
        """Connection, clock, rate limit; then every stream: reviews by the first cycle, questions by its reviews."""
        results = probe_connection(self._client, self.clock_path, {"limit": "1"})
        if results[0].status == "problem":
            return results
        cycles: list[Any] = []
        try:
            cycles = self._client.get("/reviewCycles", {"limit": "1"}).list_at("data")
        except IngestionError as error:
            results.append(ProbeResult("stream review_cycles", "problem", str(error)))
        if not cycles:
            results.append(
                ProbeResult("review cycles", "warning", "No review cycle is visible; nothing can be estimated.")
            )
        known = {"review_cycle_id": str(cycles[0]["id"])} if cycles else {}
        known |= self._some_question(known)
        streams = [s for s in STREAMS if all(f"{{{name}}}" not in s.path or name in known for name in _PLACES)]

        def smallest(stream: Stream) -> Response:
            path = stream.path.format(**known)
            one = {} if "{question_id}" in stream.path else {"limit": "1"}
            return self._client.get(path, {**one, **stream.params}, needs=stream.scope)

        return results + probe_streams(self._client, streams, smallest, _without_external_id)

    def _some_question(self, known: Mapping[str, str]) -> dict[str, str]:
        """A question that a review of the cycle answers; nothing where no review may be read, which is told of it."""
        if not known:
            return {}
        reviews = next(s for s in STREAMS if s.name == "reviews")
        try:
            response = self._client.get(reviews.path.format(**known), {"limit": "10", **reviews.params})
            number = next(filter(None, (dig(record, "question.id") for record in response.list_at("data"))), None)
        except IngestionError:
            return {}
        return {"question_id": str(number)} if number else {}


def _without_external_id(stream: Stream, response: Response) -> list[str]:
    if stream.name == "questions":  # the only one that is no list
        response.object_at()
        return []
    records = [record for record in response.list_at("data") if isinstance(record, dict)]
    if stream.name == "users" and records and "externalUserId" not in records[0]:
        return ["externalUserId"]
    return []


def _is_settled(cycle: dict[str, Any], now: datetime) -> bool:
    """Whether a cycle ended more than 60 days ago, calibration included."""
    ends = [cycle.get("reviewsEndedAt"), cycle.get("calibrationEndedAt")]
    seconds = [end for end in ends if isinstance(end, int | float)]
    if cycle.get("stage") != "Ended" or not seconds:
        return False
    return datetime.fromtimestamp(max(seconds), UTC) < now - RECENT


def relation(written: object) -> object:
    """One spelling of the relation between author and person; the vendor's casing is not documented.

    >>> [relation(text) for text in ("Manager", "DIRECT_REPORT", "DirectReport", "direct report")]
    ['manager', 'direct_report', 'direct_report', 'direct_report']
    """
    if not isinstance(written, str):
        return written
    return re.sub(r"[^a-z]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", written.strip()).lower())


def _scale(response: Response) -> dict[str, Any]:
    steps = [step for step in response.at("ratingScale") or () if isinstance(step, dict)]
    steps = sorted((s for s in steps if isinstance(s.get("value"), int | float)), key=lambda step: float(step["value"]))
    if not steps:
        return {}
    labels = "|".join(str(step.get("descriptor") or "").replace("|", "/") for step in steps)
    return {"scale_min": steps[0]["value"], "scale_max": steps[-1]["value"], "scale_labels": labels}


def _readable(value: Any) -> Any:
    """The record with its Unix seconds as UTC times; everything that ends in `At` is one."""
    if not isinstance(value, dict):
        return value
    return {name: _moment(item) if name.endswith("At") else _readable(item) for name, item in value.items()}


def _moment(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    try:
        return datetime.fromtimestamp(value, UTC).isoformat()
    except (OverflowError, OSError, ValueError):
        return value
