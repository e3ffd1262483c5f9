"""What every face has: an account with its rows, its clock and its secrets, and a uniform answer."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from starlette.requests import Request

from ingestion.sandbox.chaos import ChaosBoard
from ingestion.sandbox.limits import RateLimits
from ingestion.sandbox.store import WireStore
from ingestion.sandbox.wire import Record


@dataclass
class Answer:
    """What goes back to the client."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    content_type: str = "application/json"


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a JSON body."""
    return Answer(orjson.dumps(content), dict(headers or {}), status)


@dataclass(frozen=True)
class Account:
    """One vendor account of the sandbox.

    Attributes:
        name: path prefix, and the name chaos and the request log use ("greenhouse", "greenhouse2", "bamboohr" …).
        open_store: gives the account's rows; the first call may have to build the company.
        clock: sandbox time in milliseconds.
        chaos: switchboard shared by all faces.
        limits: rate windows.
        root_url: gives the server's address, known once it listens.
        seed: makes credentials stable for one company.
    """

    name: str
    open_store: Callable[[], WireStore]
    clock: Callable[[], int]
    chaos: ChaosBoard
    limits: RateLimits
    root_url: Callable[[], str]
    seed: int

    def secret(self, what: str) -> str:
        """An invented credential: the same for the same company and account, and worth nothing elsewhere."""
        return hashlib.sha256(f"sandbox|{self.name}|{what}|{self.seed}".encode()).hexdigest()[:40]


class Face(Protocol):
    """One vendor's wire format."""

    account: Account

    async def answer(self, request: Request, path: str) -> Answer:
        """Answer a request for `path` below the face's base URL."""

    def stream(self, path: str) -> str:
        """The stream a path belongs to, as chaos kinds name it."""


Spoiler = Callable[[Record], Record]


def spoil(
    account: Account, payloads: list[bytes], table: str, stream: str, spoilers: Mapping[str, Spoiler]
) -> list[bytes]:
    """Apply the chaos that damages one record: the one that changed last, wherever it is served.

    Args:
        account: whose chaos and rows.
        payloads: records of the page.
        table: store table they come from.
        stream: stream name that a chaos kind may be limited to.
        spoilers: what each kind does to a record.
    """
    active = {spec.partition(":")[0] for spec in account.chaos.active()} & spoilers.keys()
    if not active or not payloads:
        return payloads
    newest = account.open_store().newest(table, account.clock())
    if newest is None or newest not in payloads:
        return payloads
    at = payloads.index(newest)
    spoiled = list(payloads)
    for kind in sorted(active):
        if account.chaos.fires(kind, account.name, stream):
            spoiled[at] = orjson.dumps(spoilers[kind](orjson.loads(spoiled[at])))
    return spoiled


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """User and password of an HTTP Basic header, or None."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value).decode("utf-8").partition(":")
    except ValueError:
        return None
    return user, password


def seal(content: Any) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(content)).decode().rstrip("=")


def unseal(text: str) -> Any:
    """What `seal` wrapped.

    Raises:
        ValueError: it is not a cursor of ours.
    """
    return orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
