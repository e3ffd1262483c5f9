"""The one HTTP path: credentials, paging, the vendor's rate budget, patience, and errors as sentences.

A connector asks for pages; everything that can go wrong between it and the vendor is met here, once::

    client = Client(connection, ClientCredentials(connection))
    for response in client.pages("/scorecards", {"per_page": "500"}, LinkHeader()):
        records = response.list_at()

Only paths appear in errors and events: queries may carry ids, headers carry secrets.
"""

from __future__ import annotations

import email.utils
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx

from ingestion.answers import (
    BodyCursor,
    LinkHeader,
    Next,
    Paginator,
    Response,
    dig,
    parse_json,
    parse_time,
    path_of,
)
from ingestion.budget import SHORTLY, Budget, retry_after, seconds_until
from ingestion.connections import Connection
from ingestion.credentials import Auth, BasicKey, BearerKey, ClientCredentials, NoAuth
from ingestion.errors import (
    BaseUrlInvalid,
    BudgetUsedUp,
    CredentialRejected,
    ForeignLink,
    NotJson,
    PagingLoops,
    PermissionMissing,
    RequestRejected,
    ServerFailing,
    StillThrottled,
    Stopped,
    Unreachable,
    VendorError,
)

T = TypeVar("T")
R = TypeVar("R")

DEFAULT_MAX_WAIT = 1800.0
"""Seconds one request may wait in all, over every retry. Greenhouse windows last 30 s, longest seen advice 900 s."""

TRIES = 6
"""Attempts at a failing server or a dead line; 429 is bounded by time only, since the vendor says when to come back."""

BODY_TRIES = 3
"""Attempts at an answer that is no JSON: a cut line is worth one more look, a maintenance page is not worth many."""

IDENTIFIER = re.compile(r"(?<![\w.@-])[a-z]+(?:_[a-z]+)+(?![\w@-])(?!\.\w)")
"""Names that programs give things: lower case, with an underscore."""

MAX_NAMED = 5


@dataclass
class Counters:
    """What a piece of work cost at the vendor."""

    requests: int = 0
    throttled: int = 0
    wait_seconds: float = 0.0


class Client:
    """Requests to one connection; safe to share between threads.

    Args:
        connection: whose base URL, credentials and options are used.
        auth: how requests prove who we are.
        default_base_url: used when connections.toml names none.
        on_wait: told (seconds, reason) before every pause.
        sleep: replaced, with `clock`, in tests that watch the waiting.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        connection: Connection,
        auth: Auth | None = None,
        *,
        default_base_url: str | None = None,
        on_wait: Callable[[float, str], None] | None = None,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.connection = connection
        self.auth: Auth = auth or NoAuth()
        self.default_base_url = default_base_url
        self.on_wait = on_wait or (lambda seconds, reason: None)
        self.max_wait = float(connection.options.get("max_wait_seconds", DEFAULT_MAX_WAIT))
        self.skew = timedelta(0)
        self.as_of: datetime | None = None
        self.clock_seen = False
        self._stopped = threading.Event()
        self._sleep = sleep or self._sleep_until_stopped
        self.budget = Budget(clock)
        self._threads = threading.local()
        self._http = httpx.Client(
            timeout=httpx.Timeout(60.0, connect=10.0),
            headers={"Accept": "application/json", "User-Agent": "quality-of-hire"},
            limits=httpx.Limits(max_connections=20, max_keepalive_connections=20),
        )

    def close(self) -> None:
        """Close the connections and wake up whoever waits."""
        self._stopped.set()
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what connectors call

    def get(self, path: str, params: Mapping[str, str] | None = None, *, needs: str = "") -> Response:
        """One GET below the base URL.

        Args:
            path: endpoint path, or an absolute URL on the same host (a next link).
            params: query parameters.
            needs: permission the endpoint asks for, named when it answers 403.

        Raises:
            VendorError: the subclass says which sentence to print.
        """
        return self.request("GET", path, params=params, needs=needs)

    def pages(
        self, path: str, params: Mapping[str, str] | None, paginator: Paginator, *, needs: str = ""
    ) -> Iterator[Response]:
        """Every page from `path` on.

        Raises:
            PagingLoops: a next page that was read already.
            VendorError: as `get`.
        """
        seen: set[str] = set()
        target: Next | None = Next(path, dict(params or {}))
        while target is not None:
            fingerprint = f"{target.url}?{sorted(target.params.items())}"
            if fingerprint in seen:
                raise PagingLoops(self.connection.id, path_of(target.url), len(seen))
            seen.add(fingerprint)
            response = self.get(target.url, target.params or None, needs=needs)
            yield response
            target = paginator.following(response, target.params)

    def map(self, function: Callable[[T], R], items: Iterable[T], workers: int = 4) -> Iterator[R]:
        """`function` over `items` by several threads, results in order; their requests count for the caller.

        At most `2 × workers` items are ahead of the reader, so that memory stays bounded.
        """
        counters = self._counters()

        def work(item: T) -> R:
            self._threads.counters = counters
            return function(item)

        pool = ThreadPoolExecutor(workers, thread_name_prefix=self.connection.id)
        try:
            waiting: list[Future[R]] = []
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * workers:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def now(self) -> datetime:
        """The vendor's clock as far as we know it: ours until an answer carried a date."""
        return datetime.now(UTC) + self.skew

    def vendor_now(self, clock_path: str) -> datetime:
        """The vendor's clock, asking `clock_path` once if no answer was seen yet; windows end here.

        A pretend company (`ingestion.sandbox`) lives in the past on purpose and says where it stands in a header of its
        own; its `Date`, like its tokens and rate windows, is today's.
        """
        if clock_path and not self.clock_seen:
            self.get(clock_path)
        return min(self.now(), self.as_of) if self.as_of is not None else self.now()

    @contextmanager
    def counting(self) -> Iterator[Counters]:
        """Count this thread's requests, and those of its `map`, while the block runs."""
        before = self._counters()
        self._threads.counters = counters = Counters()
        try:
            yield counters
        finally:
            self._threads.counters = before

    # -- one request, with all its retries

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        authenticated: bool = True,
        needs: str = "",
    ) -> Response:
        """One request until it succeeds or patience ends; see `get` for the meaning of the arguments.

        Raises:
            VendorError: the subclass says which sentence to print.
        """
        url = self._url(path)
        asked = _Asked(method, url, _merged(url, params), form, dict(headers or {}), authenticated, needs)
        patience = _Patience(self, asked.path)
        if authenticated:
            self._check_host(url, asked.path)
        while True:
            credential = self.auth.headers(self) if authenticated else {}
            answer = self._send(asked, credential, patience)
            if answer is None:
                continue
            if answer.status_code == 401 and authenticated and not patience.renewed:
                patience.renewed = True
                if self.auth.renew(self, credential):
                    continue
            response = self._judge(asked, answer, patience)
            if response is not None:
                return response

    def _send(self, asked: _Asked, credential: Mapping[str, str], patience: _Patience) -> httpx.Response | None:
        if asked.authenticated:
            patience.acquire()
        counters = self._counters()
        counters.requests += 1
        sent_at = datetime.now(UTC)
        try:
            answer = self._http.request(
                asked.method,
                asked.url,
                params=asked.params,
                data=dict(asked.form) if asked.form else None,
                headers={**asked.headers, **credential},
            )
        except httpx.TransportError as error:
            patience.failures += 1
            self.budget.lost()
            host = urlsplit(asked.url).netloc.rpartition("@")[2]
            cause = type(error).__name__
            patience.pause(
                None, "no answer", Unreachable(self.connection.id, host, asked.path, cause, patience.failures)
            )
            return None
        except httpx.DecodingError:
            self._unreadable(asked, "a body that cannot be decompressed", 0, patience)
            return None
        self._learn_clock(answer, sent_at)
        if asked.authenticated:
            self.budget.learn(answer.headers, self.now())
        return answer

    def _judge(self, asked: _Asked, answer: httpx.Response, patience: _Patience) -> Response | None:
        """A response, an error, or None for "once more"."""
        status, name = answer.status_code, self.connection.id
        if status == 200:
            return self._parsed(asked, answer, patience)
        wait = retry_after(answer.headers, self.now())
        if status == 429 or (status == 503 and wait is not None):
            self._counters().throttled += 1
            patience.throttled(wait)
            return None
        if status >= 500:
            patience.failures += 1
            patience.pause(wait, f"HTTP {status}", ServerFailing(name, asked.path, status, patience.failures))
            return None
        if status == 401 or (status in (400, 403) and not asked.authenticated):
            variables = [self.connection.variable(purpose) for purpose in self.auth.purposes]
            raise CredentialRejected(name, asked.path, status, variables)
        if status == 403:
            raise PermissionMissing(name, asked.path, asked.needs)
        raise RequestRejected(name, asked.path, status, named(answer))

    def _parsed(self, asked: _Asked, answer: httpx.Response, patience: _Patience) -> Response | None:
        try:
            payload = parse_json(answer.content)
        except (ValueError, RecursionError):
            kind = answer.headers.get("content-type", "no content type").split(";")[0]
            seen = "JSON that is broken or cut off" if "json" in kind else f"`{kind}`"
            self._unreadable(asked, seen, len(answer.content), patience)
            return None
        return Response(self.connection.id, str(answer.url), answer.headers, payload)

    def _unreadable(self, asked: _Asked, seen: str, size: int, patience: _Patience) -> None:
        patience.broken += 1
        error = NotJson(self.connection.id, asked.path, seen, size, patience.broken)
        patience.pause(None, "unreadable answer", error)

    def _url(self, path: str) -> str:
        if not path.startswith(("http://", "https://")):
            return self._base() + "/" + path.lstrip("/")
        return path

    def _base(self) -> str:
        base = self.connection.value("base_url", self.default_base_url).rstrip("/")
        try:
            url = httpx.URL(base)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in ("http", "https") or not url.host:
            raise BaseUrlInvalid(self.connection.id, self.connection.variable("base_url"))
        return base

    def _check_host(self, url: str, path: str) -> None:
        """The credential goes to the host of the connection and nowhere else, whatever a next link says."""
        target, base = urlsplit(url), urlsplit(self._base())
        if (target.scheme, target.netloc) != (base.scheme, base.netloc):
            raise ForeignLink(self.connection.id, path, target.hostname or "?")

    def _learn_clock(self, answer: httpx.Response, sent_at: datetime) -> None:
        try:
            theirs = email.utils.parsedate_to_datetime(answer.headers.get("date", ""))
        except (ValueError, TypeError):
            return
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        skew = theirs - sent_at
        # The header has whole seconds, cut off: below two seconds the difference says nothing.
        self.skew = skew if abs(skew) > timedelta(seconds=2) else timedelta(0)
        self.clock_seen = True
        self.as_of = parse_time(answer.headers.get("x-sandbox-as-of"))

    def _counters(self) -> Counters:
        counters: Counters | None = getattr(self._threads, "counters", None)
        if counters is None:
            counters = self._threads.counters = Counters()
        return counters

    def _sleep_until_stopped(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise Stopped(self.connection.id)

    def pause(self, seconds: float, reason: str) -> None:
        """Wait, and say so unless it is over before it can be read."""
        if seconds > SHORTLY:
            self.on_wait(seconds, reason)
        self._sleep(seconds)
        self._counters().wait_seconds += seconds


@dataclass(frozen=True)
class _Asked:
    """One request as it was asked for."""

    method: str
    url: str
    params: Mapping[str, str] | None
    form: Mapping[str, str] | None
    headers: Mapping[str, str]
    authenticated: bool
    needs: str

    @property
    def path(self) -> str:
        return path_of(self.url)


@dataclass
class _Patience:
    """How often and how long one request has been tried."""

    client: Client
    path: str
    waited: float = 0.0
    failures: int = 0
    broken: int = 0
    throttles: int = 0
    renewed: bool = False

    def acquire(self) -> None:
        """Take one request of the vendor's budget, waiting for it if need be.

        Raises:
            BudgetUsedUp: none came free in time.
        """
        while (seconds := self.client.budget.take()) > 0:
            if self.waited + seconds > self.client.max_wait:
                name, limit = self.client.connection.id, self.client.max_wait
                raise BudgetUsedUp(name, self.path, seconds, self.waited, limit)
            self.waited += seconds
            self.client.pause(seconds, "rate window used up")

    def pause(self, asked: float | None, reason: str, error: VendorError) -> None:
        """Wait as long as the vendor asks, else longer each time, with jitter so that threads do not march in step.

        Raises:
            VendorError: the given one, when tries or time are used up.
        """
        if self.failures >= TRIES or self.broken >= BODY_TRIES:
            raise error
        seconds = self._seconds(asked)
        if self.waited + seconds > self.client.max_wait:
            raise error
        self.waited += seconds
        self.client.pause(seconds, reason)

    def throttled(self, asked: float | None) -> None:
        """All threads of the connection hold off: the budget is the connection's, not this thread's."""
        self.throttles += 1
        seconds = self._seconds(asked)
        if self.waited + seconds <= self.client.max_wait:
            self.client.budget.block(seconds)
        name, limit = self.client.connection.id, self.client.max_wait
        error = StillThrottled(name, self.path, seconds, self.waited, limit)
        self.pause(seconds, "throttled by the vendor", error)

    def _seconds(self, asked: float | None) -> float:
        """As asked, but not twice at once: throttles are bounded by seconds only, and 0 would go on for ever."""
        step = self.failures + self.broken + self.throttles
        longer = min(60.0, 0.5 * 2.0 ** (step - 1)) * random.uniform(0.75, 1.25)
        return longer if asked is None else max(asked, min(longer, 1.0) if self.throttles > 1 else 0.0)


def _merged(url: str, params: Mapping[str, str] | None) -> dict[str, str] | None:
    """httpx replaces a URL's own query when given parameters; keep both."""
    return {**dict(parse_qsl(urlsplit(url).query)), **params} if params else None


def named(answer: httpx.Response) -> tuple[str, ...]:
    """The parameters, fields and error codes that the vendor names in an error; of its prose nothing else.

    Prose quotes what it stumbled over, and a name or a short id looks like any other word.
    """
    try:
        payload = parse_json(answer.content)
    except (ValueError, RecursionError):
        return ()
    for key in ("errors", "message", "error", "title", "detail"):
        found: Any = payload.get(key) if isinstance(payload, dict) else None
        if isinstance(found, Sequence) and not isinstance(found, str) and found:
            found = found[0].get("message") if isinstance(found[0], dict) else found[0]
        if isinstance(found, str) and found:
            return tuple(dict.fromkeys(IDENTIFIER.findall(found)))[:MAX_NAMED]
    return ()


# Connectors import from here: this module is the whole of what they need of HTTP.
__all__ = [
    "Auth",
    "BasicKey",
    "BearerKey",
    "BodyCursor",
    "Client",
    "ClientCredentials",
    "Counters",
    "LinkHeader",
    "NoAuth",
    "Paginator",
    "Response",
    "dig",
    "parse_json",
    "parse_time",
    "retry_after",
    "seconds_until",
]
