"""The sandbox's HTTP server: faces mounted on one loopback address, request log, chaos, clean start and stop."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from email.utils import formatdate
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingestion.sandbox import bamboohr, greenhouse, lattice
from ingestion.sandbox.chaos import ChaosBoard
from ingestion.sandbox.face import Account, Answer, Face, json_answer
from ingestion.sandbox.limits import RateLimits
from ingestion.sandbox.sizes import Options
from ingestion.sandbox.state import Clock, SandboxState
from ingestion.sandbox.store import WireStore, WireWriter
from ingestion.sandbox.wire import iso

HOST = "127.0.0.1"
SKEW_SECONDS = 600
LAG = 45 * 60 * 1000
SECOND_ACCOUNT_SIZE = "tiny"
LOG_LENGTH = 100_000

_HTML = b"<!doctype html><html><head><title>Maintenance</title></head><body><h1>We will be back soon</h1></body></html>"
_BURST_STATUSES = (500, 502, 503)


@dataclass(frozen=True)
class LoggedRequest:
    """One request as the server saw it."""

    method: str
    path: str
    query: str
    status: int
    at: float


class RequestLog:
    """Requests by path since the last reset; the latest ones in full."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.requests: deque[LoggedRequest] = deque(maxlen=LOG_LENGTH)

    def add(self, request: Request, status: int) -> None:
        """Note one answered request."""
        self.counts[request.url.path] += 1
        self.requests.append(LoggedRequest(request.method, request.url.path, request.url.query, status, time.time()))

    def __getitem__(self, path: str) -> int:
        """Requests to exactly this path."""
        return self.counts[path]

    def total(self, prefix: str = "") -> int:
        """Requests to all paths below a prefix."""
        return sum(n for path, n in self.counts.items() if path.startswith(prefix))

    def reset(self) -> None:
        """Start counting again."""
        self.counts.clear()
        self.requests.clear()


def store_path(cache: Path, seed: int, size: str, history_end: date, options: Options | None = None) -> Path:
    """Where the wire rows of a company are kept; the name changes with the sandbox's own code."""
    code = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        code.update(source.read_bytes())
    return cache / f"{_company_name(seed, size, options)}{history_end:%Y%m%d}-{code.hexdigest()[:12]}.sqlite"


def _company_name(seed: int, size: str, options: Options | None) -> str:
    return f"wire-{size}{options.scenario if options else ''}-{seed}-"


def open_company(cache: Path, seed: int, size: str, history_end: date, options: Options | None = None) -> WireStore:
    """The wire rows of one company, built when they are not in the cache; the truth is written beside them."""
    path = store_path(cache, seed, size, history_end, options)

    def build(writer: WireWriter) -> None:
        from ingestion.sandbox.company import build_company

        company = build_company(seed, size, history_end, options)
        for face in (greenhouse, bamboohr, lattice):
            face.build(writer, company.tables)
        company.write_truth(truth_path(path))

    if not path.exists():
        _remove_outdated(path, _company_name(seed, size, options))
    return WireStore.open_or_build(path, build)


def _remove_outdated(path: Path, prefix: str) -> None:
    """Delete rows of the same company that older code built, and what a killed build left behind.

    A sandbox that still serves such a file keeps it open and is not disturbed.
    """
    an_hour_ago = time.time() - 3600
    for other in path.parent.glob(f"{prefix}*"):
        is_ours = other.name.startswith(path.stem) and other.suffix != ".unfinished"
        if not is_ours and other.stat().st_mtime < an_hour_ago:
            other.unlink(missing_ok=True)


def truth_path(path: Path) -> Path:
    """Where the truth of a company is written: beside its rows, served by nobody."""
    return path.with_suffix(".truth.json")


def _is_json(request: Request) -> bool:
    """A page in a browser cannot send this content type to another origin unasked, so it cannot drive the controls."""
    return request.headers.get("content-type", "").partition(";")[0] == "application/json"


class Sandbox:
    """All faces of one pretend company (and of a second, smaller ATS account) on one loopback port.

    Args:
        directory: state directory; must hold a saved `SandboxState`.
        limits: rate windows.
        port: 0 takes a free one.
        cache: where built companies are kept; the state directory when None.
        latency: seconds added to every answer, to stand for a network.
        control: whether `/control/...` answers (chaos, clock and log over HTTP).
        token_seconds: life of a Greenhouse token.
    """

    def __init__(
        self,
        directory: Path,
        *,
        limits: RateLimits,
        port: int = 0,
        cache: Path | None = None,
        latency: float = 0.0,
        control: bool = False,
        token_seconds: float = 3600.0,
    ) -> None:
        state = SandboxState.load(directory)
        assert state is not None, "save a SandboxState first"
        self.directory = directory
        self.state = state
        self.chaos = ChaosBoard()
        self.request_log = RequestLog()
        self.port = port
        self._cache = cache or directory
        self._latency = latency
        self._clock = Clock(directory)
        self._stores: dict[int, WireStore] = {}
        self._burst = 0
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.greenhouse = greenhouse.GreenhouseFace(self._account("greenhouse", limits, 0), token_seconds=token_seconds)
        self.greenhouse2 = greenhouse.GreenhouseFace(
            self._account("greenhouse2", limits, 1), token_seconds=token_seconds
        )
        self.bamboohr = bamboohr.BambooFace(self._account("bamboohr", limits, 0))
        self.lattice = lattice.LatticeFace(self._account("lattice", limits, 0))
        self.app = Starlette(routes=self._routes(control))

    def _account(self, name: str, limits: RateLimits, number: int) -> Account:
        return Account(
            name,
            lambda: self.store(number),
            lambda: self._clock() - (LAG if self.chaos.is_on("replica_lag", name) else 0),
            self.chaos,
            limits,
            lambda: self.root_url,
            self.state.seed + number,
        )

    def store(self, number: int = 0) -> WireStore:
        """Rows of the company (0) or of the second ATS account's company (1), built when first asked for."""
        if number not in self._stores:
            size = self.state.size if number == 0 else SECOND_ACCOUNT_SIZE
            self._stores[number] = open_company(
                self._cache, self.state.seed + number, size, self.state.history_end, self.state.options
            )
        return self._stores[number]

    @property
    def truth(self) -> dict[str, Any]:
        """What the company model knows and no API serves."""
        loaded = json.loads(truth_path(self.store().path).read_text(encoding="utf-8"))
        assert isinstance(loaded, dict)
        return loaded

    @property
    def root_url(self) -> str:
        """Address of the server."""
        return f"http://{HOST}:{self.port}"

    @property
    def urls(self) -> dict[str, str]:
        """Base URL of each face, as a connector takes it."""
        root = self.root_url
        return {
            "greenhouse": f"{root}/greenhouse/v3",
            "greenhouse_token": f"{root}/greenhouse/token",
            "greenhouse2": f"{root}/greenhouse2/v3",
            "greenhouse2_token": f"{root}/greenhouse2/token",
            "bamboohr": f"{root}/bamboohr/api/v1",
            "lattice": f"{root}/lattice/v1",
            "files": (self.directory / "drops").resolve().as_uri(),
        }

    @property
    def env(self) -> dict[str, str]:
        """Environment variables that `connections.example.toml` names."""
        urls = self.urls
        return {
            "GREENHOUSE_BASE_URL": urls["greenhouse"],
            "GREENHOUSE_TOKEN_URL": urls["greenhouse_token"],
            "GREENHOUSE_CLIENT_ID": self.greenhouse.client_id,
            "GREENHOUSE_CLIENT_SECRET": self.greenhouse.client_secret,
            "GREENHOUSE2_BASE_URL": urls["greenhouse2"],
            "GREENHOUSE2_TOKEN_URL": urls["greenhouse2_token"],
            "GREENHOUSE2_CLIENT_ID": self.greenhouse2.client_id,
            "GREENHOUSE2_CLIENT_SECRET": self.greenhouse2.client_secret,
            "BAMBOOHR_BASE_URL": urls["bamboohr"],
            "BAMBOOHR_API_KEY": self.bamboohr.api_key,
            "LATTICE_BASE_URL": urls["lattice"],
            "LATTICE_API_KEY": self.lattice.api_key,
            "FILES_URL": urls["files"],
        }

    # Clock ----------------------------------------------------------------------------------------------------------

    @property
    def as_of(self) -> date:
        """Where the sandbox clock stands."""
        state = SandboxState.load(self.directory)
        assert state is not None
        return state.as_of

    def advance(self, days: int | None = None, *, to: date | None = None) -> date:
        """Move the sandbox clock forward, at most to the end of the generated history; returns where it stands."""
        state = SandboxState.load(self.directory)
        assert state is not None
        moved = state.moved(days=days, to=to)
        moved.save(self.directory)
        return moved.as_of

    # Requests -------------------------------------------------------------------------------------------------------

    def _routes(self, control: bool) -> list[Route]:
        mounts: list[tuple[str, Face]] = [
            ("/greenhouse/v3", self.greenhouse),
            ("/greenhouse2/v3", self.greenhouse2),
            ("/bamboohr/api/v1", self.bamboohr),
            ("/lattice/v1", self.lattice),
        ]
        routes = [Route(f"{base}/{{path:path}}", self._list(face)) for base, face in mounts]
        for face in (self.greenhouse, self.greenhouse2):
            routes.append(Route(f"/{face.account.name}/token", self._token(face), methods=["POST"]))
        if control:
            routes += [
                Route("/control/chaos", self._control_chaos, methods=["POST"]),
                Route("/control/advance", self._control_advance, methods=["POST"]),
                Route("/control/log", self._control_log, methods=["GET"]),
            ]
        return routes

    def _list(self, face: Face) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            path = request.path_params["path"].strip("/")
            stream, account = face.stream(path), face.account.name
            if self.chaos.fires("moving_clock", account, stream):
                self.advance(1)
            if self._latency:
                await asyncio.sleep(self._latency)
            answer = self._refusal(account, stream)
            if answer is None:
                answer = self._damaged(await face.answer(request, path), account, stream)
            return self._send(request, answer)

        return handle

    def _token(self, face: greenhouse.GreenhouseFace) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            return self._send(request, await face.token(request))

        return handle

    def _refusal(self, account: str, stream: str) -> Answer | None:
        refused = self.chaos.refusal("burst_429", account, stream)
        if refused is not None:
            return json_answer({"errors": ["Too many requests."]}, 429, refused)
        failed = self.chaos.refusal("burst_5xx", account, stream)
        if failed is not None:
            self._burst += 1
            status = _BURST_STATUSES[self._burst % len(_BURST_STATUSES)]
            return Answer(b"upstream unavailable", failed if status == 503 else {}, status, "text/plain")
        return None

    def _damaged(self, answer: Answer, account: str, stream: str) -> Answer:
        if answer.status != 200:
            return answer
        if self.chaos.fires("html_page", account, stream):
            return Answer(_HTML, {}, 200, "text/html; charset=utf-8")
        if self.chaos.fires("wrong_envelope", account, stream):
            return replace(answer, body=b'{"error":{"code":"internal","message":"Something went wrong."}}')
        if self.chaos.fires("truncated_page", account, stream):
            return replace(answer, body=answer.body[: max(1, len(answer.body) // 2)])
        return answer

    def _send(self, request: Request, answer: Answer) -> Response:
        self.request_log.add(request, answer.status)
        skew = SKEW_SECONDS if self.chaos.fires("clock_skew", "", "") else 0
        # `Date`, tokens and rate windows run on the wall clock; where the company's time line stands is said apart.
        headers = {"Date": formatdate(time.time() + skew, usegmt=True), "X-Sandbox-As-Of": iso(self._clock())}
        headers |= answer.headers
        return Response(answer.body, answer.status, headers, answer.content_type)

    # Control --------------------------------------------------------------------------------------------------------

    async def _control_chaos(self, request: Request) -> Response:
        if not _is_json(request):
            return Response(status_code=415)
        body = await request.json()
        try:
            self.set_chaos(
                body["kind"], bool(body.get("on", True)), times=body.get("times"), after=int(body.get("after", 0))
            )
        except (KeyError, ValueError) as problem:
            return Response(json.dumps({"error": str(problem)}), 400, media_type="application/json")
        return Response(json.dumps({"active": self.chaos.active()}), media_type="application/json")

    async def _control_advance(self, request: Request) -> Response:
        if not _is_json(request):
            return Response(status_code=415)
        body = await request.json()
        to = date.fromisoformat(body["to"]) if "to" in body else None
        moved = self.advance(body.get("days"), to=to)
        return Response(json.dumps({"as_of": moved.isoformat()}), media_type="application/json")

    async def _control_log(self, _: Request) -> Response:
        return Response(json.dumps(dict(self.request_log.counts)), media_type="application/json")

    def set_chaos(
        self, spec: str, on: bool = True, *, times: int | None = None, after: int = 0, retry_after: str | None = "1"
    ) -> None:
        """Switch a kind of chaos on or off; see `ChaosBoard.switch`. `stop_server` stops and starts listening."""
        if spec == "revoke_token" and on and after == 0:
            self.greenhouse.revoke_token()
            self.greenhouse2.revoke_token()
            return
        self.chaos.switch(spec, on, times=times, after=after, retry_after=retry_after)
        if spec == "stop_server":
            self._stop_listening() if on else self._start_listening()

    # Life -----------------------------------------------------------------------------------------------------------

    def bind(self) -> socket.socket:
        """Take the port; a port of 0 becomes the free one that was found."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, self.port))
        listener.set_inheritable(False)
        self.port = int(listener.getsockname()[1])
        return listener

    def configuration(self) -> uvicorn.Config:
        """How uvicorn runs: quiet, without headers of its own (the Date header is ours to shift)."""
        return uvicorn.Config(
            self.app,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
            timeout_keep_alive=30,
        )

    def start(self) -> None:
        """Serve from a thread of this process; returns when requests are answered."""
        self.store()
        self._start_listening()

    def stop(self) -> None:
        """Stop serving and close the files."""
        self._stop_listening()
        for store in self._stores.values():
            store.close()
        self._stores.clear()

    def _start_listening(self) -> None:
        if self._thread is not None:
            return
        listener = self.bind()
        server = uvicorn.Server(self.configuration())
        thread = threading.Thread(target=server.run, args=([listener],), name="sandbox", daemon=True)
        thread.start()
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError(f"sandbox: the server on {self.root_url} stopped while it started")
            time.sleep(0.005)
        self._server, self._thread = server, thread

    def _stop_listening(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=10)
        self._server = self._thread = None
