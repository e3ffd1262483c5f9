"""The one HTTP path: credentials, paging, the vendor's rate budget, patience, and errors as sentences.

A connector asks for pages; everything that can go wrong between it and the vendor is met here, once::

    client = Client(connection, ClientCredentials(connection))
    for response in client.pages("/scorecards", {"per_page": "500"}, LinkHeader()):
        records = response.list_at()

Only paths appear in errors and events: queries may carry ids, headers carry secrets.
"""

from __future__ import annotations

import base64
import email.utils
import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import orjson

from ingestion.connections import Connection
from ingestion.errors import (
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
    WrongEnvelope,
)

T = TypeVar("T")
R = TypeVar("R")

DEFAULT_MAX_WAIT = 1800.0
"""Seconds one request may wait in all, over every retry. Greenhouse windows last 30 s, longest seen advice 900 s."""

TRIES = 6
"""Attempts at a failing server or a dead line; 429 is bounded by time only, since the vendor says when to come back."""

BODY_TRIES = 3
"""Attempts at an answer that is no JSON: a cut line is worth one more look, a maintenance page is not worth many."""

SCRUB = re.compile(r"\S+@\S+|[A-Za-z0-9_\-]{24,}|\d{5,}")

MARGIN = 0.05
"""Seconds after a window's end before the next request: the vendor's clock and ours are not the same to the hair."""

SHORTLY = 0.02


# ---------------------------------------------------------------------------------------------------- credentials


class Auth(Protocol):
    """How requests prove who we are."""

    @property
    def purposes(self) -> tuple[str, ...]:
        """Keys of connections.toml that hold the credential, for error messages."""
        ...

    def headers(self, client: Client) -> dict[str, str]:
        """Headers of the next request; may fetch a token first."""
        ...

    def renew(self, client: Client, rejected: Mapping[str, str]) -> bool:
        """After a 401 on `rejected` headers: True if other headers are worth one more try."""
        ...


@dataclass(frozen=True)
class NoAuth:
    """Nothing to prove."""

    purposes: tuple[str, ...] = ()

    def headers(self, client: Client) -> dict[str, str]:
        """No headers."""
        return {}

    def renew(self, client: Client, rejected: Mapping[str, str]) -> bool:
        """There is nothing to renew."""
        return False


@dataclass(frozen=True)
class BasicKey:
    """HTTP Basic with the key as user name (BambooHR: any password)."""

    connection: Connection
    purpose: str = "api_key"
    password: str = "x"

    @property
    def purposes(self) -> tuple[str, ...]:
        """Where the key is configured."""
        return (self.purpose,)

    def headers(self, client: Client) -> dict[str, str]:
        """Basic credentials of the key."""
        return {"Authorization": basic(self.connection.value(self.purpose), self.password)}

    def renew(self, client: Client, rejected: Mapping[str, str]) -> bool:
        """A key changes only when the operator changes it: worth a try if it did meanwhile."""
        return self.headers(client)["Authorization"] != rejected.get("Authorization")


@dataclass(frozen=True)
class BearerKey:
    """A long-lived key in the Authorization header."""

    connection: Connection
    purpose: str = "api_key"

    @property
    def purposes(self) -> tuple[str, ...]:
        """Where the key is configured."""
        return (self.purpose,)

    def headers(self, client: Client) -> dict[str, str]:
        """The bearer header."""
        return {"Authorization": f"Bearer {self.connection.value(self.purpose)}"}

    def renew(self, client: Client, rejected: Mapping[str, str]) -> bool:
        """A key changes only when the operator changes it: worth a try if it did meanwhile."""
        return self.headers(client)["Authorization"] != rejected.get("Authorization")


@dataclass
class ClientCredentials:
    """OAuth 2 client credentials with one token per process, minted by one thread while the others wait.

    Vendors with a single active token (Greenhouse) revoke the old one with every mint: two threads that both minted
    would log each other out for ever.
    """

    connection: Connection
    default_token_url: str | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _token: str | None = field(default=None, repr=False)
    _stale_at: float = 0.0
    minted: int = 0

    @property
    def purposes(self) -> tuple[str, ...]:
        """Where the credential is configured."""
        return ("client_id", "client_secret")

    def headers(self, client: Client) -> dict[str, str]:
        """The bearer header; mints when there is no token or the token's time is nearly over."""
        with self._lock:
            if self._token is None or time.monotonic() >= self._stale_at:
                self._mint(client)
            return {"Authorization": f"Bearer {self._token}"}

    def renew(self, client: Client, rejected: Mapping[str, str]) -> bool:
        """Exactly one new token per revocation: whoever comes first mints, the others take what it got."""
        with self._lock:
            if rejected.get("Authorization") == f"Bearer {self._token}":
                self._mint(client)
            return True

    def _mint(self, client: Client) -> None:
        url = self.connection.value("token_url", self.default_token_url)
        identity = basic(self.connection.value("client_id"), self.connection.value("client_secret"))
        response = client.request(
            "POST",
            url,
            form={"grant_type": "client_credentials", **self.form},
            headers={"Authorization": identity},
            authenticated=False,
        )
        token = response.payload.get("access_token") if isinstance(response.payload, dict) else None
        if not isinstance(token, str) or not token:
            raise WrongEnvelope(self.connection.id, response.path, "`access_token`", shape(response.payload))
        lifetime = token_lifetime(response.payload, client.now())
        self._token, self._stale_at = token, time.monotonic() + max(lifetime - min(60.0, lifetime * 0.1), 1.0)
        self.minted += 1


def basic(user: str, password: str) -> str:
    """An HTTP Basic header value."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def token_lifetime(payload: Mapping[str, Any], vendor_now: datetime) -> float:
    """Seconds a token lives, from `expires_in` or the absolute `expires_at` (Greenhouse); an hour if neither is usable.

    An absolute time is measured on the vendor's clock when that gives a sane answer, else on ours. A wrong guess costs
    one 401, which is met by a new token anyway.
    """
    seconds = payload.get("expires_in")
    if isinstance(seconds, int | float) and seconds > 0:
        return float(seconds)
    until = parse_time(payload.get("expires_at"))
    if until is not None:
        for now in (vendor_now, datetime.now(UTC)):
            lifetime = (until - now).total_seconds()
            if 0 < lifetime <= 86_400:
                return lifetime
    return 3600.0


def parse_time(value: object) -> datetime | None:
    """An ISO 8601 time with zone, or None."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# ---------------------------------------------------------------------------------------------------- answers


@dataclass(frozen=True)
class Response:
    """One good answer: HTTP 200 and a JSON document."""

    connection_id: str
    url: str
    headers: httpx.Headers
    payload: Any

    @property
    def path(self) -> str:
        """The URL's path: what errors and quarantine rows name."""
        return urlsplit(self.url).path

    def at(self, dotted: str) -> Any:
        """The value at a dotted path; None when any step is missing."""
        return dig(self.payload, dotted)

    def list_at(self, dotted: str = "") -> list[Any]:
        """The list of records at a dotted path ("" is the document itself).

        Raises:
            WrongEnvelope: anything but a list, so that an error object is never "no rows".
        """
        value = dig(self.payload, dotted) if dotted else self.payload
        if not isinstance(value, list):
            raise self.wrong_envelope(f"a list at `{dotted}`" if dotted else "a list")
        return value

    def object_at(self, dotted: str = "") -> dict[str, Any]:
        """The object at a dotted path.

        Raises:
            WrongEnvelope: anything but an object.
        """
        value = dig(self.payload, dotted) if dotted else self.payload
        if not isinstance(value, dict):
            raise self.wrong_envelope(f"an object at `{dotted}`" if dotted else "an object")
        return value

    def wrong_envelope(self, expected: str) -> WrongEnvelope:
        """The error for an answer of another shape."""
        return WrongEnvelope(self.connection_id, self.path, expected, shape(self.payload))


def dig(value: Any, dotted: str) -> Any:
    """Follow a dotted path through objects; None when a step is missing."""
    for step in dotted.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def shape(payload: Any) -> str:
    """What a document looks like, without any value in it."""
    if isinstance(payload, dict):
        keys = [key if re.fullmatch(r"[A-Za-z_@$][\w.\-$]{0,40}", key) else "…" for key in list(payload)[:8]]
        return "an object with " + (", ".join(f"`{key}`" for key in keys) or "no keys")
    if isinstance(payload, list):
        return f"a list of {len(payload)}"
    return {type(None): "null", bool: "a boolean", str: "a text"}.get(type(payload), "a number")


def parse_json(content: bytes) -> Any:
    """A JSON document; bytes that are no UTF-8 become lone surrogates, so that only their record is set aside.

    orjson is strict and three times as fast; what it refuses (NaN, odd bytes) the standard parser accepts and the
    record check judges.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return json.loads(content.decode("utf-8", "surrogateescape"))


# ---------------------------------------------------------------------------------------------------- paging


@dataclass(frozen=True)
class Next:
    """Where the next page is."""

    url: str
    params: Mapping[str, str] = field(default_factory=dict)


class Paginator(Protocol):
    """One vendor's way from page to page."""

    def following(self, response: Response, params: Mapping[str, str]) -> Next | None:
        """The next page, or None after the last one.

        Raises:
            WrongEnvelope: the answer does not say whether it was the last one.
        """
        ...


@dataclass(frozen=True)
class SinglePage:
    """Everything comes at once."""

    def following(self, response: Response, params: Mapping[str, str]) -> Next | None:
        """There is never another page."""
        return None


@dataclass(frozen=True)
class LinkHeader:
    """`Link: <url>; rel="next"`, followed verbatim without other parameters; the last page has none (Greenhouse)."""

    def following(self, response: Response, params: Mapping[str, str]) -> Next | None:
        """The URL of the header."""
        for part in response.headers.get("link", "").split(","):
            match = re.match(r'\s*<([^>]+)>\s*;.*\brel="?next"?', part)
            if match:
                return Next(urljoin(response.url, match.group(1)))
        return None


@dataclass(frozen=True)
class BodyCursor:
    """The cursor of the next page is in the body.

    Attributes:
        cursor: dotted path of the cursor; null or empty after the last page.
        param: query parameter that carries it.
        more: dotted path of a boolean that says whether there is more; it has to be there when named (Lattice).
    """

    cursor: str
    param: str
    more: str | None = None

    def following(self, response: Response, params: Mapping[str, str]) -> Next | None:
        """The same request with the cursor."""
        value = response.at(self.cursor)
        if self.more is not None:
            more = response.at(self.more)
            if not isinstance(more, bool) or (more and not value):
                raise response.wrong_envelope(f"`{self.more}` and `{self.cursor}`")
            if not more:
                return None
        return Next(response.url.split("?")[0], {**params, self.param: str(value)}) if value else None


@dataclass(frozen=True)
class BodyLink:
    """The URL of the next page is in the body; null or missing after the last page."""

    link: str

    def following(self, response: Response, params: Mapping[str, str]) -> Next | None:
        """The URL of the body."""
        value = response.at(self.link)
        return Next(urljoin(response.url, str(value))) if value else None


# ---------------------------------------------------------------------------------------------------- budget


@dataclass
class Budget:
    """Requests left in the vendor's window, shared by all threads of a connection.

    The vendor's headers rule. Between two answers the threads count down together, so that ten of them do not spend the
    last unit ten times. Fixed windows (Greenhouse: 30 s) are waited out to their reset, not spread: spreading would
    waste what is left when a sync starts late in a window.

    Attributes:
        limit: requests per window, as the last answer said.
        remaining: what is left of it; None before any answer said so.
    """

    announce: Callable[[float], None]
    sleep: Callable[[float], None]
    clock: Callable[[], float] = time.monotonic
    limit: int | None = None
    remaining: int | None = None
    _reset: float | None = None
    _blocked_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def acquire(self) -> float:
        """Take one request, waiting for it if need be; returns the seconds waited."""
        waited = 0.0
        while (pause := self._take()) > 0:
            self.announce(pause)
            self.sleep(pause)
            waited += pause
        return waited

    def _take(self) -> float:
        """0 when a request was taken, else how long to wait before asking again."""
        with self._lock:
            now = self.clock()
            if now < self._blocked_until:
                return self._blocked_until - now
            if self.remaining is not None and self.remaining <= 0:
                if self._reset is None:
                    return SHORTLY  # all of a new window is in flight; the first answer says when it ends
                if now < self._reset:
                    return self._reset - now
                self.remaining, self._reset = self.limit, None
            if self.remaining is not None:
                self.remaining -= 1
            return 0.0

    def block(self, seconds: float) -> None:
        """Nobody asks again before `seconds` are over."""
        with self._lock:
            self._blocked_until = max(self._blocked_until, self.clock() + seconds)

    def lost(self) -> None:
        """A request got no answer: what is left is unknown until the next one."""
        with self._lock:
            self.remaining, self._reset = None, None

    def learn(self, headers: Mapping[str, str], vendor_now: datetime) -> None:
        """Take over what the answer's headers say; an answer of a window that is over says nothing about the next."""
        limit, remaining = number(headers, "limit"), number(headers, "remaining")
        if remaining is None:
            return
        left = seconds_until(number(headers, "reset"), vendor_now)
        with self._lock:
            now = self.clock()
            self.limit = int(limit) if limit is not None else self.limit
            if left <= 0 and self.remaining is not None:
                return
            over = self.remaining is None or (self._reset is not None and now >= self._reset)
            # Within a window answers may arrive out of order: only a smaller number is news.
            self.remaining = int(remaining) if over else min(self.remaining or 0, int(remaining))
            if over or self._reset is None:
                self._reset = now + left + MARGIN


def number(headers: Mapping[str, str], name: str) -> float | None:
    """One of the X-RateLimit headers, in either spelling."""
    for prefix in ("x-ratelimit-", "x-rate-limit-", "ratelimit-"):
        try:
            return float(headers[prefix + name])
        except (KeyError, ValueError):
            continue
    return None


def seconds_until(reset: float | None, vendor_now: datetime) -> float:
    """Seconds to a reset given as epoch or as seconds; the first reading that makes sense, at most five minutes.

    An epoch is compared with the vendor's clock first: with our clock minutes off we would come back early for ever.
    """
    if reset is None:
        return 30.0
    for seconds in (reset - vendor_now.timestamp(), reset - time.time(), reset):
        if -2.0 <= seconds <= 300.0:
            return max(seconds, 0.0)
    return 30.0


def retry_after(headers: Mapping[str, str], vendor_now: datetime) -> float | None:
    """Seconds asked for by `Retry-After`: whole, decimal, or a date on the vendor's clock; None if it does not ask."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - vendor_now).total_seconds())


# ---------------------------------------------------------------------------------------------------- client


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
        headers: sent with every request.
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
        headers: Mapping[str, str] | None = None,
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
        self.budget = Budget(self._announce_window, self._sleep, clock)
        self._threads = threading.local()
        self._http = httpx.Client(
            timeout=httpx.Timeout(60.0, connect=10.0),
            headers={"Accept": "application/json", "User-Agent": "quality-of-hire", **(headers or {})},
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

    def post(self, path: str, body: Any, *, needs: str = "") -> Response:
        """One POST with a JSON body; must be a read."""
        return self.request("POST", path, body=body, needs=needs)

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
                raise PagingLoops(self.connection.id, urlsplit(target.url).path, len(seen))
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
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        authenticated: bool = True,
        needs: str = "",
    ) -> Response:
        """One request until it succeeds or patience ends; see `get` for the meaning of the arguments.

        Raises:
            VendorError: the subclass says which sentence to print.
        """
        url = self._url(path)
        asked = _Asked(method, url, _merged(url, params), form, body, dict(headers or {}), authenticated, needs)
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
            patience.waited += self._count_wait(self.budget.acquire())
        counters = self._counters()
        counters.requests += 1
        sent_at = datetime.now(UTC)
        try:
            answer = self._http.request(
                asked.method,
                asked.url,
                params=asked.params,
                data=dict(asked.form) if asked.form else None,
                json=asked.body,
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
        raise RequestRejected(name, asked.path, status, said(answer))

    def _parsed(self, asked: _Asked, answer: httpx.Response, patience: _Patience) -> Response | None:
        try:
            payload = parse_json(answer.content)
        except (ValueError, RecursionError):
            patience.broken += 1
            kind = answer.headers.get("content-type", "no content type").split(";")[0]
            error = NotJson(self.connection.id, asked.path, f"`{kind}`", len(answer.content))
            patience.pause(None, "unreadable answer", error)
            return None
        return Response(self.connection.id, str(answer.url), answer.headers, payload)

    def _url(self, path: str) -> str:
        if not path.startswith(("http://", "https://")):
            return self._base() + "/" + path.lstrip("/")
        return path

    def _base(self) -> str:
        return self.connection.value("base_url", self.default_base_url).rstrip("/")

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

    def _count_wait(self, seconds: float) -> float:
        self._counters().wait_seconds += seconds
        return seconds

    def _sleep_until_stopped(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise Stopped(self.connection.id)

    def _announce_window(self, seconds: float) -> None:
        if seconds > SHORTLY:
            self.on_wait(seconds, "rate window used up")

    def pause(self, seconds: float, reason: str) -> None:
        """Wait, and say so."""
        self.on_wait(seconds, reason)
        self._sleep(seconds)
        self._count_wait(seconds)


@dataclass(frozen=True)
class _Asked:
    """One request as it was asked for."""

    method: str
    url: str
    params: Mapping[str, str] | None
    form: Mapping[str, str] | None
    body: Any
    headers: Mapping[str, str]
    authenticated: bool
    needs: str

    @property
    def path(self) -> str:
        return urlsplit(self.url).path


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
        step = self.failures + self.broken + self.throttles
        return asked if asked is not None else min(60.0, 0.5 * 2.0 ** (step - 1)) * random.uniform(0.75, 1.25)


def _merged(url: str, params: Mapping[str, str] | None) -> dict[str, str] | None:
    """httpx replaces a URL's own query when given parameters; keep both."""
    return {**dict(parse_qsl(urlsplit(url).query)), **params} if params else None


def said(answer: httpx.Response) -> str:
    """The vendor's own words about an error, shortened, with everything that could be a value or a secret removed."""
    try:
        payload = parse_json(answer.content)
    except (ValueError, RecursionError):
        return ""
    for key in ("errors", "message", "error", "title", "detail"):
        found: Any = payload.get(key) if isinstance(payload, dict) else None
        if isinstance(found, Sequence) and not isinstance(found, str) and found:
            found = found[0].get("message") if isinstance(found[0], dict) else found[0]
        if isinstance(found, str) and found:
            return SCRUB.sub("…", found)[:160]
    return ""


__all__ = [
    "Auth",
    "BasicKey",
    "BearerKey",
    "BodyCursor",
    "BodyLink",
    "Budget",
    "Client",
    "ClientCredentials",
    "Counters",
    "LinkHeader",
    "Next",
    "NoAuth",
    "Paginator",
    "Response",
    "SinglePage",
    "VendorError",
]
