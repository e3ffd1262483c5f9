"""How requests prove who we are. Secrets are looked up when a request needs them and kept in memory only."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from ingestion.answers import parse_time, shape
from ingestion.connections import Connection
from ingestion.errors import WrongEnvelope

if TYPE_CHECKING:
    from ingestion.client import Client


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
