"""The sandbox's memory between starts: which company, and where its clock stands."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from ingestion.sandbox.sizes import Options
from ingestion.sandbox.wire import parse_moment

SIZES = ("tiny", "demo", "S", "M", "L", "XL")


class SandboxStateError(RuntimeError):
    """The state directory and what was asked do not fit together."""


@dataclass(frozen=True)
class SandboxState:
    """What a state directory remembers.

    Attributes:
        seed: seed of the company.
        size: one of `SIZES`.
        as_of: sandbox clock, a UTC day; everything after it has not happened yet.
        history_end: last day the company's timeline was generated for; the clock never passes it.
        options: scenario the company was made with.
    """

    seed: int
    size: str
    as_of: date
    history_end: date
    options: Options = field(default_factory=Options)

    @classmethod
    def load(cls, directory: Path) -> SandboxState | None:
        """The state in `directory`, or None when there is none yet."""
        try:
            raw = json.loads(_file(directory).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        as_of, history_end = date.fromisoformat(raw["as_of"]), date.fromisoformat(raw["history_end"])
        return cls(int(raw["seed"]), raw["size"], as_of, history_end, Options(**raw.get("options", {})))

    def save(self, directory: Path) -> None:
        """Write the state so that a reader sees the old or the new one, never half."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = _file(directory).with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(asdict(self), default=str, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(_file(directory))

    def moved(self, *, days: int | None = None, to: date | None = None) -> SandboxState:
        """The state with its clock moved forward, at most to the end of the generated history.

        Raises:
            SandboxStateError: the clock would go back.
        """
        wanted = to if to is not None else self.as_of + timedelta(days=days or 0)
        if wanted < self.as_of:
            raise SandboxStateError(
                f"sandbox clock: stands at {self.as_of}, asked for {wanted}; it only moves forward. Nothing changed. "
                "Use a fresh --state directory to start earlier."
            )
        return replace(self, as_of=min(wanted, self.history_end, datetime.now(UTC).date()))


def _file(directory: Path) -> Path:
    return directory / "state.json"


class Clock:
    """The sandbox clock of a state directory; follows `advance` of another process without being told."""

    def __init__(self, directory: Path) -> None:
        self._file = _file(directory)
        self._directory = directory
        self._seen: tuple[int, int] = (0, 0)
        self._as_of = 0

    def __call__(self) -> int:
        """Now, in milliseconds: the first moment of the `as_of` day."""
        status = self._file.stat()
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen:
            state = SandboxState.load(self._directory)
            assert state is not None
            self._as_of = parse_moment(datetime.combine(state.as_of, time(), UTC).isoformat())
            self._seen = seen
        return self._as_of
