"""What a sync reports: one result a stream, as kept in raw_ops.stream_runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ingestion.exit_codes import ExitCode


@dataclass(frozen=True)
class StreamResult:
    """What a sync did for one stream: one row of raw_ops.stream_runs.

    Attributes:
        status: ok, or failed (see `error`; windows stored before stay stored).
        n_rows: records accepted, over all windows.
        n_changed: of those, new or different from what was stored.
        n_deleted: ids that the sweep of this run no longer saw.
        n_quarantined: records set aside.
        wait_seconds: spent waiting for the vendor, summed over the threads that waited.
        windows: how many windows were stored.
        error: the sentence to show.
        error_class: its class, for statistics.
    """

    connection_id: str
    vendor: str
    stream: str
    status: Literal["ok", "failed"]
    n_rows: int
    n_changed: int
    n_deleted: int
    n_quarantined: int
    n_requests: int
    n_throttled: int
    wait_seconds: float
    windows: int
    error: str | None
    started_at: datetime
    ended_at: datetime
    window_start: datetime | None = None
    window_end: datetime | None = None
    error_class: str | None = None


@dataclass(frozen=True)
class SyncResult:
    """All streams of one connection's sync."""

    connection_id: str
    vendor: str
    streams: tuple[StreamResult, ...]

    @property
    def failed(self) -> tuple[StreamResult, ...]:
        """Streams that failed."""
        return tuple(stream for stream in self.streams if stream.status == "failed")

    @property
    def exit_code(self) -> ExitCode:
        """What a command that ran only this sync exits with."""
        return ExitCode.STREAMS_FAILED if self.failed else ExitCode.OK
