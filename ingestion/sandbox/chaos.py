"""Things that go wrong at vendors, switchable while the sandbox runs."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

KINDS: dict[str, str] = {
    "wrong_envelope": "200 with an error object where the list should be",
    "html_page": "200 with a maintenance page in HTML",
    "truncated_page": "200 with JSON that ends in the middle",
    "stop_server": "nothing listens any more (connection refused)",
    "unknown_rating": "the newest record carries a label outside the documented values",
    "missing_key": "the newest record comes without its id",
    "future_cursor": "the newest record was updated in the year 9999",
    "revoke_token": "the active Greenhouse token is revoked",
    "burst_429": "the next requests are refused with 429 and Retry-After",
    "burst_5xx": "the next requests fail with 500, 502 and 503",
    "missing_scope": "one stream is forbidden (403): `missing_scope:scorecards`",
    "clock_skew": "the Date header is ten minutes ahead",
    "moving_clock": "the sandbox clock moves on by a day with every request: rows change while a client pages",
    "replica_lag": "rows become visible 45 minutes after their updated_at",
}
"""Every kind with what the client sees. It may name a stream: `html_page:offers`, `html_page:bamboohr/employees`."""

BURST = 3
"""Requests that a burst refuses when no number is given."""


class UnknownChaos(ValueError):
    """A kind that the sandbox does not know."""

    def __init__(self, kind: str) -> None:
        known = ", ".join(sorted(KINDS))
        super().__init__(f"chaos kind `{kind}` is not known; known are: {known}. Nothing was switched.")


@dataclass
class _Entry:
    after: int
    times: int | None
    retry_after: str | None


class ChaosBoard:
    """Which kinds are on, for which streams, and how often they still fire."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str | None], _Entry] = {}
        self._lock = Lock()

    def switch(
        self, spec: str, on: bool = True, *, times: int | None = None, after: int = 0, retry_after: str | None = "1"
    ) -> None:
        """Switch a kind on or off.

        Args:
            spec: `kind` or `kind:stream` or `kind:account/stream`.
            on: False ends it.
            times: matching requests it hits before it ends by itself; None means until switched off
                (bursts end after three, a revoked token is revoked once).
            after: matching requests that are let through first.
            retry_after: header of a refusal, as it is sent; None sends none.

        Raises:
            UnknownChaos: the kind does not exist.
        """
        kind, _, stream = spec.partition(":")
        if kind not in KINDS:
            raise UnknownChaos(kind)
        if times is None:
            times = {"burst_429": BURST, "burst_5xx": BURST, "revoke_token": 1}.get(kind)
        with self._lock:
            self._entries.pop((kind, stream or None), None)
            if on:
                self._entries[(kind, stream or None)] = _Entry(after, times, retry_after)

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._entries.clear()

    def active(self) -> list[str]:
        """What is on, in the form `switch` takes."""
        return [kind if stream is None else f"{kind}:{stream}" for kind, stream in self._entries]

    def is_on(self, kind: str, account: str) -> bool:
        """Whether a kind is on for an account; counts nothing."""
        return (kind, None) in self._entries or (kind, account) in self._entries

    def fires(self, kind: str, account: str, stream: str) -> bool:
        """Whether a kind hits this request; counts the hit."""
        return self._hit(kind, account, stream) is not None

    def refusal(self, kind: str, account: str, stream: str) -> dict[str, str] | None:
        """Headers of a refusal when a burst hits this request; counts the hit."""
        entry = self._hit(kind, account, stream)
        if entry is None:
            return None
        return {} if entry.retry_after is None else {"Retry-After": entry.retry_after}

    def _hit(self, kind: str, account: str, stream: str) -> _Entry | None:
        if not self._entries:
            return None
        with self._lock:
            for target in (None, stream, f"{account}/{stream}", account):
                entry = self._entries.get((kind, target))
                if entry is None:
                    continue
                if entry.after > 0:
                    entry.after -= 1
                    continue
                if entry.times is not None:
                    entry.times -= 1
                    if entry.times <= 0:
                        del self._entries[(kind, target)]
                return entry
        return None
