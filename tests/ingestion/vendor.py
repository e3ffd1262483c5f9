"""A small Greenhouse on loopback whose answers a test can bend; the connector, client and loader are the real ones."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Record = Any
Bend = Callable[["Vendor", str, int], Response | None]


@dataclass
class Vendor:
    """Records by endpoint and the ways to misbehave.

    Attributes:
        records: endpoint -> records; those with `updated_at` are filtered by two-sided windows.
        bend: called before every list answer with (vendor, endpoint, number of the request to it); may answer instead.
        page_size: rows on a page, whatever was asked for.
        clock: where the vendor's time stands; None is now.
    """

    records: dict[str, list[Record]] = field(default_factory=dict)
    bend: Bend | None = None
    page_size: int = 50
    clock: datetime | None = None
    limit: int | None = None
    window_seconds: float = 1.0
    requests: Counter[str] = field(default_factory=Counter)
    queries: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tokens: int = 0
    refused: int = 0
    port: int = 0
    _spent: int = 0
    _window_started: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        return {
            "GREENHOUSE_BASE_URL": f"{self.url}/v3",
            "GREENHOUSE_TOKEN_URL": f"{self.url}/token",
            "GREENHOUSE_CLIENT_ID": "canary-client",
            "GREENHOUSE_CLIENT_SECRET": "canary-secret",
        }

    def revoke(self) -> None:
        """Every token given out so far is dead."""
        self.tokens += 1

    def token(self, request: Request) -> Response:
        if request.headers.get("authorization") != "Basic " + b64encode(b"canary-client:canary-secret").decode():
            return self.answer({"errors": ["invalid client"]}, 401)
        with self._lock:
            self.tokens += 1
            self.requests["token"] += 1
        return self.answer({"access_token": f"canary-token-{self.tokens}", "expires_in": 3600})

    def listing(self, request: Request) -> Response:
        endpoint = request.path_params["endpoint"]
        with self._lock:
            if request.headers.get("authorization") != f"Bearer canary-token-{self.tokens}":
                return self.answer({"errors": ["token revoked"]}, 401)
            if not self._take():
                self.refused += 1
                return self.answer({"errors": ["slow down"]}, 429, {"Retry-After": "0.2"})
            self.requests[endpoint] += 1
            self.queries.append((endpoint, dict(request.query_params)))
            number = self.requests[endpoint]
        bent = self.bend(self, endpoint, number) if self.bend else None
        return bent or self.page(request, endpoint)

    def page(self, request: Request, endpoint: str) -> Response:
        params = request.query_params
        cursor = (
            json.loads(params["cursor"]) if "cursor" in params else {"below": None, "range": params.get("updated_at")}
        )
        rows = [row for row in self.records.get(endpoint, []) if inside(row, cursor["range"])]
        rows.sort(key=identity, reverse=True)
        if cursor["below"] is not None:
            rows = [row for row in rows if identity(row) < cursor["below"]]
        shown, more = rows[: self.page_size], len(rows) > self.page_size
        headers = {}
        if more:
            following = json.dumps({"below": identity(shown[-1]), "range": cursor["range"]})
            headers["Link"] = f'<{request.url.replace(query="").include_query_params(cursor=following)}>; rel="next"'
        return self.answer(shown, 200, headers)

    def answer(self, payload: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        dated = {"Date": format_datetime(self.clock or datetime.now(UTC), usegmt=True)}
        if self.limit is not None:
            left = max(0, self.limit - self._spent)
            reset = self._window_started + self.window_seconds
            dated |= {
                "X-RateLimit-Limit": str(self.limit),
                "X-RateLimit-Remaining": str(left),
                "X-RateLimit-Reset": str(reset),
            }
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return Response(body, status, {**dated, **(headers or {})}, "application/json")

    def _take(self) -> bool:
        if self.limit is None:
            return True
        if time.time() >= self._window_started + self.window_seconds:
            self._window_started, self._spent = time.time(), 0
        self._spent += 1
        return self._spent <= self.limit


def identity(row: Record) -> Any:
    found = row.get("id") if isinstance(row, dict) else None
    return found if isinstance(found, int) else -1


def inside(row: Record, between: str | None) -> bool:
    moment = row.get("updated_at") if isinstance(row, dict) else None
    if between is None or not isinstance(moment, str):
        return True
    parts = between.split("|")
    bounds = dict(zip(parts[::2], parts[1::2], strict=True))
    return bounds.get("gte", "") <= moment and moment <= bounds.get("lte", "9999")


@contextmanager
def running(vendor: Vendor) -> Iterator[Vendor]:
    """The vendor answers while the block runs."""
    routes = [
        Route("/token", vendor.token, methods=["POST"]),
        Route("/v3/{endpoint:path}", vendor.listing),
    ]
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=routes), port=0, log_level="critical", date_header=False, timeout_keep_alive=60)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    vendor.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield vendor
    finally:
        server.should_exit = True
        thread.join(5)


def moment(day: int, hour: int = 12) -> str:
    """A time in March 2026 as Greenhouse writes it."""
    return datetime(2026, 3, day, hour, tzinfo=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def department(number: int, day: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"Team {number}",
        "parent_id": None,
        "created_at": moment(1),
        "updated_at": moment(day),
        **more,
    }


def scorecard(number: int, day: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "application_id": 1000 + number,
        "interview_kit_id": 7,
        "interviewer_id": 11,
        "submitter_id": 11,
        "candidate_rating": "yes",
        "status": "complete",
        "interviewed_at": moment(1),
        "submitted_at": moment(1),
        "created_at": moment(1),
        "updated_at": moment(day),
        **more,
    }
