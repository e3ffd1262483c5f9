"""The sandbox as a context manager: what tests, benchmarks and `make demo` start."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path

from ingestion.sandbox.limits import RATES, RateLimits
from ingestion.sandbox.server import RequestLog, Sandbox
from ingestion.sandbox.sizes import Options
from ingestion.sandbox.state import SandboxState

AS_OF = date(2026, 8, 1)
HISTORY_END = date(2026, 11, 1)


@cache
def _session_cache() -> Path:
    """Built companies of this process: a directory of its own, gone when the process ends (or QOH_SANDBOX_CACHE)."""
    named = os.environ.get("QOH_SANDBOX_CACHE")
    if named:
        return Path(named)
    directory = Path(tempfile.mkdtemp(prefix="qoh-sandbox-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


class RunningSandbox:
    """Handle on a running sandbox.

    Attributes:
        urls: base URL per face, and `files` for the drop directory.
        env: environment variables for `connections.example.toml`.
        request_log: requests by path: `request_log["/greenhouse/v3/offers"]`, `request_log.total("/lattice")`.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.server = sandbox
        self.urls: dict[str, str] = sandbox.urls
        self.env: dict[str, str] = sandbox.env
        self.request_log: RequestLog = sandbox.request_log

    @property
    def truth(self) -> dict[str, object]:
        """What the company model knows and no API serves."""
        return self.server.truth

    @property
    def as_of(self) -> date:
        """Where the sandbox clock stands."""
        return self.server.as_of

    def advance(self, days: int | None = None, *, to: date | None = None) -> date:
        """Move the sandbox clock forward; returns where it stands."""
        return self.server.advance(days, to=to)

    def chaos(
        self, kind: str, on: bool = True, *, times: int | None = None, after: int = 0, retry_after: str | None = "1"
    ) -> None:
        """Switch a kind of chaos; see `ingestion.sandbox.chaos.KINDS` and `ChaosBoard.switch`."""
        self.server.set_chaos(kind, on, times=times, after=after, retry_after=retry_after)

    def calm(self) -> None:
        """Switch all chaos off."""
        self.server.chaos.clear()

    def write_drops(self) -> Path:
        """Write the file drops as of now; returns their directory."""
        from ingestion.sandbox.files import write_drops

        return write_drops(self.server.store(), self.server.directory / "drops", self.as_of)


@contextmanager
def running_sandbox(
    size: str = "tiny",
    seed: int = 1,
    *,
    as_of: date = AS_OF,
    history_end: date = HISTORY_END,
    options: Options | None = None,
    rate: str | RateLimits = "raised",
    state: Path | None = None,
    latency: float = 0.0,
    control: bool = False,
    token_seconds: float = 3600.0,
    port: int = 0,
) -> Iterator[RunningSandbox]:
    """Run a sandbox in a thread of this process for the length of a `with` block.

    Args:
        size: `tiny`, `demo`, `S`, `M`, `L` or `XL`.
        seed: seed of the company; the same seed, size and history end give the same rows.
        as_of: where the clock starts (ignored when `state` remembers another day).
        history_end: end of the generated timeline; fixed by default so that tests do not depend on today.
        options: scenario of the company (ignored when `state` remembers one).
        rate: `real`, `raised` or windows of your own.
        state: directory to keep the clock in; a temporary one by default.
        latency: seconds added to every answer.
        control: whether `/control/...` answers.
        token_seconds: life of a Greenhouse token.
        port: 0 takes a free one.

    Example:
        >>> from ingestion.sandbox import running_sandbox
        >>> with running_sandbox(size="tiny", seed=1) as sandbox:  # doctest: +SKIP
        ...     sandbox.chaos("burst_429")
        ...     sandbox.advance(30)
    """
    own = state is None
    directory = Path(tempfile.mkdtemp(prefix="qoh-sandbox-state-")) if state is None else state
    try:
        if SandboxState.load(directory) is None:
            SandboxState(seed, size, as_of, history_end, options or Options()).save(directory)
        limits = RATES[rate] if isinstance(rate, str) else rate
        sandbox = Sandbox(
            directory,
            limits=limits,
            port=port,
            cache=_session_cache() if own else directory,
            latency=latency,
            control=control,
            token_seconds=token_seconds,
        )
        sandbox.start()
        try:
            yield RunningSandbox(sandbox)
        finally:
            sandbox.stop()
    finally:
        if own:
            shutil.rmtree(directory, ignore_errors=True)
