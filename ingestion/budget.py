"""The vendor's rate budget, as its headers tell it."""

from __future__ import annotations

import email.utils
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

MARGIN = 0.05
"""Seconds after a window's end before the next request: the vendor's clock and ours are not the same to the hair."""

SHORTLY = 0.02
"""Seconds between looks while every request of a new window is still on its way."""


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

    clock: Callable[[], float] = time.monotonic
    limit: int | None = None
    remaining: int | None = None
    _reset: float | None = None
    _blocked_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self) -> float:
        """Take one request: 0 when it was taken, else how many seconds to wait before asking again."""
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
        """Take over what the answer's headers say; an answer of a window that is over says nothing about the next.

        An answer without the headers (a 502 of the network in front of the vendor) has spent a request and tells no end
        of its window. Where no end is known, what is left is unknown from then on: otherwise a window whose requests
        all ended so would stay used up for ever.
        """
        limit, remaining = number(headers, "limit"), number(headers, "remaining")
        if remaining is None:
            with self._lock:
                self.remaining = None if self._reset is None else self.remaining
            return
        left = seconds_until(number(headers, "reset"), vendor_now)
        with self._lock:
            now = self.clock()
            self.limit = int(limit) if limit is not None else self.limit
            if left <= 0 and self.remaining is not None:
                if self.remaining <= 0 and self._reset is None:
                    self.remaining = None
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
        seconds = float(text)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - vendor_now).total_seconds())
