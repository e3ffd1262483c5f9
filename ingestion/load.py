"""Syncs one connection: heal, then one dlt run per stream and window, state after rows, results stream by stream.

Several streams are read at the same time where the vendor allows it; storing is one at a time, in the calling thread.
The caller holds `ingestion.lock.warehouse_lock()`; it is taken here too, which nests.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion import ops, progress, windows
from ingestion.client import Client, Counters
from ingestion.connections import Connection
from ingestion.connectors import vendors
from ingestion.errors import (
    IngestionError,
    LoadFailed,
    PermissionMissing,
    RenameRefused,
    RequestRejected,
    StreamEmpty,
    StreamShrank,
    VendorUnknown,
)
from ingestion.lock import warehouse_lock
from ingestion.privacy import Pseudonymiser, load_keys
from ingestion.reading import Batch, Reader, VaultSink
from ingestion.renaming import rename
from ingestion.rereading import fingerprint, selected
from ingestion.results import StreamResult, SyncResult
from ingestion.settings import Settings, settings
from ingestion.storing import Load, Store, raw_table, raw_tables
from ingestion.streams import ConnectorLike, Stream, Window
from ingestion.sweeps import FLOOR, MISSING_SHARE, SMALLEST_JUDGED, Sweeps, Swept, ids_of, read_ids, unnamed
from ingestion.warehouse import DuckDBWarehouse, open_warehouse

log = logging.getLogger(__name__)


def ensure_raw_tables(where: Settings | None = None) -> None:
    """Create every vendor's raw tables, typed and empty, and the loader's own; connected or not makes no difference.

    All models can then always be built, and neither manifest nor asset keys change with connections.toml.
    """
    where = where or settings()
    created = _keys_before_data(where)
    with warehouse_lock(where.lock_file), open_warehouse(where) as warehouse:
        _ensure(warehouse)
    if created:
        log.warning(created)


def _keys_before_data(where: Settings) -> str | None:
    """The first run creates the token keys, before there is any data they could have made; what to tell then."""
    return load_keys(where.keys, where.home).created


def _ensure(warehouse: DuckDBWarehouse) -> None:
    tables = [table for vendor, module in vendors().items() for table in raw_tables(vendor, module.STREAMS)]
    warehouse.ensure([*ops.TABLES, *tables])


def note_connections(connections: Iterable[Connection], where: Settings | None = None) -> list[str]:
    """Join what was renamed and say which stored connections are no longer configured; their rows are kept."""
    where = where or settings()
    created = _keys_before_data(where)
    connections = list(connections)
    with warehouse_lock(where.lock_file), open_warehouse(where) as warehouse:
        _ensure(warehouse)
        sentences = [created] if created else []
        for connection in connections:
            try:
                sentences += rename(warehouse, connection, where)
            except RenameRefused as error:
                sentences.append(str(error))
        return [*sentences, *ops.note_connections(warehouse, connections)]


def sync(
    connection: Connection,
    streams: Sequence[str] | None = None,
    since: datetime | None = None,
    progress: progress.Progress | None = None,
    *,
    sweep: bool = False,
    accept_shrink: bool = False,
    where: Settings | None = None,
) -> SyncResult:
    """Sync one connection and return all results; see `sync_streams`."""
    results = tuple(
        sync_streams(connection, streams, since, progress, sweep=sweep, accept_shrink=accept_shrink, where=where)
    )
    return SyncResult(connection.id, connection.vendor, results)


def sync_streams(
    connection: Connection,
    streams: Sequence[str] | None = None,
    since: datetime | None = None,
    progress: progress.Progress | None = None,
    *,
    sweep: bool = False,
    accept_shrink: bool = False,
    where: Settings | None = None,
) -> Iterator[StreamResult]:
    """Sync one connection, yielding each stream's result as it ends.

    A stream that fails never stops the others; if the connection itself fails (no credential, no answer), every stream
    fails with that sentence.

    Args:
        connection: from `load_connections`.
        streams: names to read, nested ones included with their parent; all if None.
        since: how far back a first backfill of events reaches (UTC); everything if None.
        progress: told what happens, from several threads.
        sweep: look for deleted records now, not only when a week has passed.
        accept_shrink: believe complete reads and sweeps that returned far less than the last time.
        where: settings, default those of the environment.

    Raises:
        VendorUnknown, StreamUnknown: nothing was started then.
        PrivacyError: a token key is missing or wrong; nothing was started then.
        RenameRefused: a former id belongs to another vendor; nothing was read then.
        LockHeld: another process holds the warehouse.
    """
    run = _Run(connection, streams, since, progress, sweep, accept_shrink, where or settings())
    with warehouse_lock(run.where.lock_file):
        yield from run.results()


def retry_quarantine(
    connection: Connection,
    streams: Sequence[str] | None = None,
    progress: progress.Progress | None = None,
    *,
    where: Settings | None = None,
) -> SyncResult:
    """Read the windows of all records in quarantine again; what passes now is stored and marked resolved.

    Run it after the contract was widened (a new enum value) or the vendor's record was corrected. How far the streams
    are does not change.
    """
    run = _Run(connection, streams, None, progress, False, True, where or settings())
    run.retrying = True
    with warehouse_lock(run.where.lock_file):
        return SyncResult(connection.id, connection.vendor, tuple(run.results()))


# ---------------------------------------------------------------------------------------------------- one run


@dataclass
class _Job:
    """One stream on its way through a run."""

    stream: Stream
    children: tuple[Stream, ...]
    state: ops.StreamState
    done: frozenset[str]
    open_keys: dict[str, frozenset[str]]
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    counters: Counters = field(default_factory=Counters)
    rows: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    arrived: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    deleted: int = 0
    pages: int = 0
    seconds: float = 0.0
    windows: int = 0
    forward_done: bool = False
    complete_done: bool = False
    sweep_wanted: bool = False
    window_start: datetime | None = None
    window_end: datetime | None = None
    retries: deque[Window] = field(default_factory=deque)
    begun: bool = False
    reading: Iterator[Batch] | None = None
    now_counting: Counters = field(default_factory=Counters)
    error: Exception | None = None

    @property
    def family(self) -> tuple[Stream, ...]:
        return (self.stream, *self.children)


class _Run:
    def __init__(
        self,
        connection: Connection,
        streams: Sequence[str] | None,
        since: datetime | None,
        show: progress.Progress | None,
        sweep: bool,
        accept_shrink: bool,
        where: Settings,
    ) -> None:
        if connection.vendor not in vendors():
            raise VendorUnknown(connection.id, connection.vendor, vendors())
        self.module = vendors()[connection.vendor]
        self.connection = connection
        self.roots = selected(connection.vendor, self.module.STREAMS, streams)
        self.since = since
        self.show = show or progress.silent
        self.sweep = sweep
        self.accept_shrink = accept_shrink
        self.where = where
        self.retrying = False
        self.run_id = uuid.uuid4().hex

    # -- the whole

    def results(self) -> Iterator[StreamResult]:
        # Before the warehouse exists: a missing key beside existing data means lost keys, not a first run.
        self.keys = load_keys(self.where.keys, self.where.home)
        if self.keys.created:
            self.show(progress.Notice(self.keys.created))
        with ExitStack() as stack:
            self.warehouse = stack.enter_context(open_warehouse(self.where))
            _ensure(self.warehouse)
            for sentence in rename(self.warehouse, self.connection, self.where):
                self.show(progress.Notice(sentence))
            self.ledger = ops.Ledger(self.warehouse, self.connection)
            self.ledger.seen()
            jobs = [self._job(root) for root in self.roots]
            if self.retrying:
                jobs = [job for job in jobs if any(job.open_keys.values())]
            try:
                self._connect(stack)
            except Exception as error:  # told with its sentence, or its class: the other connections go on
                for job in jobs:
                    job.error = error
                    yield from self._finish(job)
                return
            yield from self._work(jobs, stack)

    def _connect(self, stack: ExitStack) -> None:
        """Everything that can fail for the connection as a whole."""
        self.client = stack.enter_context(
            Client(
                self.connection,
                self.module.authentication(self.connection),
                default_base_url=getattr(self.module, "DEFAULT_BASE_URL", None),
                on_wait=lambda seconds, reason: self.show(progress.Waiting(self.connection.id, seconds, reason)),
            )
        )
        self.connector: ConnectorLike = self.module.Connector(self.connection, self.client)
        vendor_now = self._vendor_now()
        overlap = self.connection.options.get("overlap_minutes")
        self.aim = windows.Aim(
            # The earlier of both clocks: a vendor's clock that runs ahead would mark time as covered that is to come.
            # Whole seconds: the header that tells the vendor's time has no more.
            now=min(vendor_now, datetime.now(UTC)).replace(microsecond=0),
            since=self.since,
            overlap=windows.OVERLAP if overlap is None else timedelta(minutes=float(overlap)),
        )
        vault = VaultSink(self.where.vault_file, self.connection.id)
        stack.callback(vault.close)
        self.pseudonymiser = Pseudonymiser(self.keys, vault.tombstones())
        self.reader = Reader(
            self.connector, self.connection.id, self.pseudonymiser, vault, vendor_now + timedelta(days=1)
        )
        directory = self.where.dlt / self.connection.id
        self.store = Store(self.warehouse, self.connection, self.module.STREAMS, directory)
        stack.callback(self.store.close)
        self.sweeps = Sweeps(self.connection, self.warehouse, self.ledger, self.store)

    def _vendor_now(self) -> datetime:
        try:
            return self.client.vendor_now(self.connector.clock_path)
        except (PermissionMissing, RequestRejected):
            if not self.client.clock_seen:
                raise
            return self.client.vendor_now("")

    def _job(self, root: Stream) -> _Job:
        children = tuple(stream for stream in self.module.STREAMS if stream.parent == root.name)
        return _Job(
            root,
            children,
            self.ledger.state(root.name),
            self.ledger.done(root.name),
            {stream.name: self.ledger.open_keys(stream.name) for stream in (root, *children)},
        )

    def _work(self, jobs: Sequence[_Job], stack: ExitStack) -> Iterator[StreamResult]:
        """Read in threads, store here; at most `parallel_streams` batches are in memory."""
        waiting = deque(jobs)
        pool = ThreadPoolExecutor(max(1, self.connector.parallel_streams), thread_name_prefix=self.connection.id)
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        stack.callback(self.client.close)  # wakes threads that wait for the vendor when the caller stops early
        reading: dict[Future[Any], _Job] = {}
        while waiting or reading:
            while waiting and len(reading) < max(1, self.connector.parallel_streams):
                job = waiting.popleft()
                if not job.begun:
                    self._begin(job)
                reading[pool.submit(self._read_next, job)] = job
            finished, _ = wait(reading, return_when=FIRST_COMPLETED)
            for future in finished:
                job = reading.pop(future)
                if self._keep(job, future):
                    waiting.appendleft(job)
                else:
                    yield from self._finish(job)

    def _begin(self, job: _Job) -> None:
        job.begun, job.started_at = True, datetime.now(UTC)
        if self.retrying:
            job.retries.extend(self._windows_to_retry(job))
            return
        self._note_fingerprint(job)
        job.sweep_wanted = windows.sweep_due(job.stream, job.state, self.aim.now, self.sweep)
        self.show(progress.StreamStarted(self.connection.id, self.connection.vendor, job.stream.name))

    def _note_fingerprint(self, job: _Job) -> None:
        """A stream read with other columns or options than before is read again; a first one is only noted."""
        before, now = job.state.fingerprint, fingerprint(job.family, self.connection)
        job.state = replace(job.state, fingerprint=now)
        if before not in (None, now):
            self._reread(job, "is declared otherwise than it was read (columns, or options in connections.toml)")

    def _reread(self, job: _Job, why: str) -> None:
        with self.warehouse.transaction():
            job.state = self.ledger.forget(job.stream.name, job.state)
        job.done = frozenset()
        job.forward_done = job.complete_done = False
        place = f"`{self.connection.vendor}.{job.stream.name}`"
        self.show(progress.Notice(f"{place} {why}: it is read from the beginning again."))

    def _windows_to_retry(self, job: _Job) -> list[Window]:
        found = {window for stream in job.family for window in self.ledger.open_windows(stream.name)}
        if job.stream.cursor is None:
            return [Window(None, self.aim.now, complete=True)]
        return [Window(start, end) for start, end in sorted(found) if start is not None]

    def _keep(self, job: _Job, future: Future[Any]) -> bool:
        """Store what a thread read; False when the stream has ended."""
        try:
            brought = future.result()
            if isinstance(brought, Batch):
                self._store(job, brought)
                if brought.is_last and brought.problem is not None:
                    raise brought.problem
            elif isinstance(brought, Swept):
                self._keep_sweep(job, brought)
            else:
                return False
        except Exception as error:  # one stream's failure, whatever it is, must not stop the others
            log.debug("%s.%s", self.connection.vendor, job.stream.name, exc_info=True)
            job.error = error
            return False
        return True

    def _keep_sweep(self, job: _Job, swept: Swept) -> None:
        place = f"{self.connection.id}.{job.stream.name}"
        job.sweep_wanted = False
        if swept.n_unnamed:
            self.show(progress.Notice(unnamed(place, swept)))
            return
        before = job.state.n_missing or 0
        job.deleted, job.state = self.sweeps.keep(
            job.stream, job.state, swept, self.aim.now, accept_shrink=self.accept_shrink
        )
        missing = job.state.n_missing or 0
        if missing <= before:
            return  # told, and read again, when it was seen first: what is still missing is not to be had
        why = f"lacks {missing:,} records whose ids two sweeps saw"
        if missing > MISSING_SHARE * len(swept.ids):
            self._reread(job, why)
        else:
            self.show(progress.Notice(f"`{place}` {why}. If they should be there, run: qoh run --reread {place}"))

    # -- in a reading thread

    def _read_next(self, job: _Job) -> Batch | Swept | None:
        if job.reading is None:
            window = self._next_window(job)
            if window is None and not job.sweep_wanted:
                return None
            if window is not None:
                job.reading = self.reader.read(job.stream, job.children, window, self._reporter(job))
        started = time.monotonic()
        with self.client.counting() as counters:
            job.now_counting = counters
            try:
                if job.reading is not None:
                    return next(job.reading)
                return read_ids(job.stream, self.connector, self.pseudonymiser)
            finally:
                job.seconds += time.monotonic() - started
                job.counters.requests += counters.requests
                job.counters.throttled += counters.throttled
                job.counters.wait_seconds += counters.wait_seconds

    def _next_window(self, job: _Job) -> Window | None:
        if self.retrying:
            return job.retries.popleft() if job.retries else None
        if job.stream.cursor is not None:
            whole = job.stream.name in self.connector.unfiltered
            stream = replace(job.stream, two_sided=False) if whole else job.stream
            return windows.next_window(stream, job.state, self.aim, job.forward_done)
        if job.complete_done:
            return None
        complete = windows.complete_due(job.stream, job.state, self.aim.now)
        return Window(None, self.aim.now, complete, job.done)

    def _reporter(self, job: _Job) -> Callable[[Batch], None]:
        before = (job.pages, sum(job.rows.values()))

        def report(batch: Batch) -> None:
            self.show(
                progress.PageRead(
                    self.connection.id,
                    self.connection.vendor,
                    job.stream.name,
                    before[0] + batch.pages,
                    before[1] + batch.seen,
                    job.counters.requests + job.now_counting.requests,
                )
            )

        return report

    # -- in the calling thread

    def _store(self, job: _Job, batch: Batch) -> None:
        """Rows first, memory of them second: a kill in between costs one more read of the window and nothing else."""
        started = time.monotonic()
        if not batch.is_last:
            self._store_rows(job, batch)
            job.seconds += time.monotonic() - started
            return
        job.reading = None
        self._check_shrink(job, batch)
        state = job.state if self.retrying else self._state_after(job, batch)
        self._check_empty(job, batch, state)
        self._store_rows(job, batch)
        with self.warehouse.transaction():
            self.ledger.remember(job.stream.name, state, batch.done)
            self._note_refused(job, batch)
        job.seconds += time.monotonic() - started
        self._advance(job, batch, state)
        if job.sweep_wanted and batch.names_all:
            self._keep_sweep(job, ids_of(batch))

    def _store_rows(self, job: _Job, batch: Batch) -> None:
        loads = [
            Load(
                raw_table(self.connection.vendor, stream),
                ("connection_id", *stream.key),
                batch.rows[stream.name].table(),
            )
            for stream in job.family
        ]
        changed = self.store.store(job.stream, loads)
        for stream in job.family:
            job.rows[stream.name] = job.rows.get(stream.name, 0) + len(batch.rows[stream.name])
            job.changed[stream.name] = job.changed.get(stream.name, 0) + changed.get(stream.name, 0)
            job.arrived[stream.name] |= job.open_keys[stream.name] & batch.rows[stream.name].keys()

    def _check_shrink(self, job: _Job, batch: Batch) -> None:
        before = job.state.n_complete
        if not batch.window.complete or before is None or self.accept_shrink:
            return
        seen = len(batch.rows[job.stream.name])
        if before >= SMALLEST_JUDGED and seen < FLOOR * before:
            raise StreamShrank(self.connection.id, self.connection.vendor, job.stream.name, seen, before, FLOOR)

    def _check_empty(self, job: _Job, batch: Batch, state: ops.StreamState) -> None:
        """A stream that no firm has empty, read to its end and still empty, shows a missing right; it stays unread."""
        if not job.stream.never_empty or self.retrying or batch.seen:
            return
        if job.stream.cursor is not None:
            is_whole = state.covered_from is not None and state.covered_from <= windows.backfill_from(
                job.stream, state, self.aim
            )
        else:
            is_whole = batch.window.complete
        if is_whole and not self.sweeps.n_stored(job.stream):
            with self.warehouse.transaction():
                self.ledger.forget(job.stream.name, state)
            raise StreamEmpty(self.connection.id, self.connection.vendor, job.stream.name, job.stream.never_empty)

    def _state_after(self, job: _Job, batch: Batch) -> ops.StreamState:
        if job.stream.cursor is not None:
            state = windows.after(job.stream, job.state, batch.window, self.aim, batch.pages)
        elif batch.window.complete:
            state = replace(job.state, completed_at=self.aim.now, n_complete=len(batch.rows[job.stream.name]))
        else:
            state = job.state
        # The first read saw every id there is; the week until the first sweep starts here.
        return replace(state, swept_at=state.swept_at or self.aim.now) if job.stream.sweep else state

    def _note_refused(self, job: _Job, batch: Batch) -> None:
        for stream in job.family:
            refused = batch.refused[stream.name]
            job.refused[stream.name] = job.refused.get(stream.name, 0) + len(refused)
            self.ledger.set_aside(stream.name, refused, batch.window.start, batch.window.end)
            self.ledger.resolve(stream.name, job.arrived[stream.name], but=refused)
            if self.retrying:
                self._note_gone(job, stream, batch)

    def _note_gone(self, job: _Job, stream: Stream, batch: Batch) -> None:
        """In a retry, what a window no longer returns was changed since (a later window judged it) or deleted.

        Of other windows this one says nothing: they may still fail, and nobody would read their records again.
        """
        window = None if job.stream.cursor is None else (batch.window.start, batch.window.end)
        self.ledger.resolve_window(stream.name, window, but=batch.refused[stream.name])

    def _advance(self, job: _Job, batch: Batch, state: ops.StreamState) -> None:
        window = batch.window
        job.state = state
        job.arrived.clear()
        job.done |= frozenset(batch.done)
        job.pages += batch.pages
        job.windows += 1
        job.complete_done = True
        job.forward_done = job.forward_done or window.end >= self.aim.now
        starts = [moment for moment in (job.window_start, window.start) if moment is not None]
        job.window_start = min(starts, default=None)
        job.window_end = max(job.window_end or window.end, window.end)
        self.show(
            progress.WindowStored(
                self.connection.id,
                self.connection.vendor,
                job.stream.name,
                f"{window.start:%Y-%m-%d}" if window.start else "",
                f"{window.end:%Y-%m-%d}",
                batch.seen - len(batch.refused[job.stream.name]),
                job.changed[job.stream.name],
                job.seconds,
                self._seconds_left(job),
            )
        )

    def _seconds_left(self, job: _Job) -> float | None:
        """From the days stored so far in this run; None when nothing is left or nothing can be said."""
        state = job.state
        if state.covered_from is None or state.backfill_from is None or job.window_start is None:
            return None
        left = (state.covered_from - state.backfill_from).total_seconds()
        read = (self.aim.now - job.window_start).total_seconds()
        if left <= 0 or read <= 0:
            return None
        return job.seconds * left / read

    # -- the end of a stream

    def _finish(self, job: _Job) -> Iterator[StreamResult]:
        ended_at = datetime.now(UTC)
        for stream in job.family:
            result = self._result(job, stream, ended_at)
            columns = {
                name: getattr(result, name) for name in ops.STREAM_RUNS.columns if name in StreamResult.__annotations__
            }
            self.ledger.run(self.run_id, columns)
            self.show(
                progress.StreamDone(
                    result.connection_id,
                    result.vendor,
                    result.stream,
                    result.status,
                    result.n_rows,
                    result.n_changed,
                    result.n_deleted,
                    result.n_quarantined,
                    result.n_requests,
                    result.wait_seconds,
                    (result.ended_at - result.started_at).total_seconds(),
                    result.error,
                )
            )
            yield result

    def _result(self, job: _Job, stream: Stream, ended_at: datetime) -> StreamResult:
        own = stream is job.stream
        return StreamResult(
            connection_id=self.connection.id,
            vendor=self.connection.vendor,
            stream=stream.name,
            status="failed" if job.error is not None else "ok",
            n_rows=job.rows.get(stream.name, 0),
            n_changed=job.changed.get(stream.name, 0),
            n_deleted=job.deleted if own else 0,
            n_quarantined=job.refused.get(stream.name, 0),
            # A nested stream comes with its parent's pages and costs nothing of its own.
            n_requests=job.counters.requests if own else 0,
            n_throttled=job.counters.throttled if own else 0,
            wait_seconds=round(job.counters.wait_seconds, 3) if own else 0.0,
            windows=job.windows,
            error=told(job.error, self.connection.vendor, stream.name),
            started_at=job.started_at,
            ended_at=ended_at,
            window_start=job.window_start,
            window_end=job.window_end,
            error_class=type(job.error).__name__ if job.error is not None else None,
        )


def told(error: Exception | None, vendor: str, stream: str) -> str | None:
    """The sentence for an error; of one that nobody foresaw only the class, since its text may hold values."""
    if error is None:
        return None
    if isinstance(error, IngestionError):
        return str(error)
    return str(LoadFailed(vendor, stream, "reading or storing", type(error).__name__))
