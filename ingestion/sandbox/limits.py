"""Rate windows of the faces. They run on the wall clock: a client really has to wait."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

RateName = Literal["real", "raised"]


@dataclass(frozen=True)
class Window:
    """`limit` requests in every `seconds`."""

    limit: int
    seconds: float


@dataclass(frozen=True)
class RateLimits:
    """One window per endpoint family.

    Greenhouse documents a fixed 30 s window and lets the header say how many (custom integrations saw 50); its token
    endpoint counts on its own over 60 s. Lattice allows 240 a minute. BambooHR publishes no number and throttles what
    it finds abusive; 100 in 10 s stands for that.
    """

    greenhouse: Window = Window(50, 30.0)
    greenhouse_token: Window = Window(20, 60.0)
    bamboohr: Window = Window(100, 10.0)
    lattice: Window = Window(240, 60.0)


RATES: dict[str, RateLimits] = {
    "real": RateLimits(),
    "raised": RateLimits(Window(20_000, 30.0), Window(1_000, 60.0), Window(20_000, 10.0), Window(40_000, 60.0)),
}
"""`real` is what the vendors do; `raised` keeps every header but does not make a demonstration wait."""


@dataclass(frozen=True)
class Verdict:
    """What the counter says about one request."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: float

    @property
    def retry_after(self) -> int:
        """Whole seconds until the window ends, at least one."""
        return max(1, math.ceil(self.reset_at - time.time()))


@dataclass
class Counter:
    """Counts requests in fixed windows; a window starts with the first request after the last one ended."""

    window: Window
    clock: Callable[[], float] = time.time
    _started_at: float = field(default=0.0, init=False)
    _used: int = field(default=0, init=False)

    def take(self) -> Verdict:
        """Count one request."""
        now = self.clock()
        if now >= self._started_at + self.window.seconds:
            self._started_at, self._used = now, 0
        allowed = self._used < self.window.limit
        self._used += allowed
        return Verdict(
            allowed, self.window.limit, self.window.limit - self._used, self._started_at + self.window.seconds
        )
