"""Files: a folder or fsspec URL where a firm drops CSV, XLSX or Parquet exports.

Two layouts: the tidy one (a file a table, columns as declared below) and the wide one (one row per employee, a column
per review cycle), described in `connections.toml`. A file is loaded whole or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from ingestion import privacy
from ingestion.client import Auth, Client, NoAuth
from ingestion.connections import Connection, Options
from ingestion.errors import DataRefused, IngestionError
from ingestion.folders import ABSENT, MANIFEST, Drop, Folder
from ingestion.layouts import TABLES, Layout, layouts, parse_moment, tidy_records, unread_columns, wide_records
from ingestion.settings import settings
from ingestion.spreadsheets import Shape, Sheet, Unreadable, read_sheet
from ingestion.streams import Column, Page, ProbeResult, Stream, Window

VENDOR = "files"

_SOURCE = (
    Column("source_file", required=True, description="File the row came from."),
    Column("drop_sha256", required=True, description="Fingerprint of that version of the file."),
)
_WHOLE = "A file is read when its fingerprint is new."
_SHAPE = ("layout", "date_format", "timezone")
_NEVER_AGAIN = 36_500  # days: what is read of a file is told by its fingerprint alone


def _employee(name: str, what: str, *, required: bool = False) -> Column:
    return Column(name, token="employee", required=required, description=f"{what}, as a token.")


_EMPLOYEE = _employee("employee_id", "Employee", required=True)
_RATING = (
    Column("rating_value", "double", description="Rating as a number on the stated scale."),
    Column("rating_label", description="Rating as it was written."),
)
_SCALE = (
    Column("scale_min", "double", description="Lowest value of the scale."),
    Column("scale_max", "double", description="Highest value of the scale."),
)

STREAMS: tuple[Stream, ...] = (
    Stream(
        name="employees",
        path="employees",
        key=("employee_id",),
        full_reason=_WHOLE,
        complete_every_days=_NEVER_AGAIN,
        options=_SHAPE,
        columns=(
            _EMPLOYEE,
            Column("work_email", token="email", description="Work e-mail, as a token."),
            Column("personal_email", token="email", description="Personal e-mail, as a token."),
            Column("candidate_external_id", token="candidate", description="Id of this person in the ATS, as a token."),
            Column("hire_date", "date", required=True, description="First day of the current stay."),
            Column("termination_date", "date", description="Last day, once known."),
            Column(
                "termination_type",
                enum=("voluntary", "involuntary", "other", "unknown"),
                description="Who ended the employment.",
            ),
            Column("termination_reason", description="Reason of leaving, in the firm's words."),
            _employee("manager_employee_id", "Manager"),
            Column("department", description="Department."),
            Column("job_title", description="Job title."),
            Column("job_level", description="Level."),
            Column("job_family", description="Family."),
            Column("location", description="Location."),
            Column("employment_type", description="Kind of employment."),
            Column("updated_at", "timestamp", description="Last change, as the file says."),
            *_SOURCE,
        ),
        vault={
            "employee_id": "source_id",
            "first_name": "first_name",
            "last_name": "last_name",
            "work_email": "email",
            "personal_email": "email",
            "hire_date": "start_date",
        },
        vault_kind=("employee", "employee_id"),
        scope="read",
        description="One row per employee of a dropped file; names and e-mails go to the vault only.",
    ),
    Stream(
        name="reviews",
        path="reviews",
        key=("review_id", "question_id"),
        full_reason=_WHOLE,
        complete_every_days=_NEVER_AGAIN,
        options=_SHAPE,
        columns=(
            Column("review_id", required=True, description="Review, unique within the connection."),
            Column("cycle_id", required=True, description="Review cycle."),
            Column("cycle_name", description="Name of the cycle."),
            Column("period_start", "date", description="First day of the rated period."),
            Column("period_end", "date", description="Last day of the rated period."),
            _EMPLOYEE,
            _employee("reviewer_employee_id", "Reviewer"),
            Column(
                "reviewer_relation",
                required=True,
                enum=("manager", "self", "peer", "upward", "calibrated", "other"),
                description="Relation of reviewer to employee.",
            ),
            Column("question_id", required=True, description="Question; `overall` is the summary rating."),
            Column("question_text", description="Text of the question."),
            Column("competency", description="Competency the question is about."),
            *_RATING,
            Column("rating_reason", description="Why there is no number: not applicable, too new …"),
            *_SCALE,
            Column("scale_labels", description="Labels of the scale from low to high, joined with `|`."),
            Column("weight", "double", description="Weight of the question in the firm's own summary."),
            Column("status", description="State of the review in the firm's system."),
            Column("submitted_at", "timestamp", description="When it was submitted."),
            Column(
                "is_calibrated", "bool", path="calibrated", description="True when the rating is the calibrated one."
            ),
            *_SOURCE,
        ),
        scope="read",
        description="One row per review and question of a dropped file; comments are not read.",
    ),
    Stream(
        name="job_changes",
        path="job_changes",
        key=("employee_id", "effective_date", "change_type"),
        full_reason=_WHOLE,
        complete_every_days=_NEVER_AGAIN,
        options=_SHAPE,
        columns=(
            _EMPLOYEE,
            Column("effective_date", "date", required=True, description="Day from which it holds."),
            Column(
                "change_type",
                required=True,
                enum=("promotion", "lateral", "demotion", "comp_change", "transfer"),
                description="Kind of change.",
            ),
            Column("old_level", description="Level before."),
            Column("new_level", description="Level after."),
            Column("old_title", description="Job title before."),
            Column("new_title", description="Job title after."),
            Column("old_department", description="Department before."),
            Column("new_department", description="Department after."),
            *_SOURCE,
        ),
        scope="read",
        description="One row per employee and change of job of a dropped file.",
    ),
    Stream(
        name="applications",
        path="applications",
        key=("application_id",),
        full_reason=_WHOLE,
        complete_every_days=_NEVER_AGAIN,
        options=_SHAPE,
        columns=(
            Column("application_id", token="application", required=True, description="Application, as a token."),
            Column("candidate_id", token="candidate", required=True, description="Candidate, as a token."),
            Column("job_id", description="Job applied to."),
            Column("job_title", description="Title of the job."),
            Column("job_family", description="Family of the job."),
            Column("job_level", description="Level of the job."),
            Column("source", description="Where the application came from."),
            Column("applied_at", "timestamp", required=True, description="When the person applied."),
            Column(
                "status",
                required=True,
                enum=("in_process", "rejected", "hired"),
                description="State of the application.",
            ),
            Column("decided_at", "timestamp", description="When it was decided."),
            Column("start_date", "date", description="Agreed first day."),
            Column("personal_email", token="email", description="Personal e-mail, as a token."),
            Column("updated_at", "timestamp", description="Last change, as the file says."),
            *_SOURCE,
        ),
        vault={
            "candidate_id": "source_id",
            "first_name": "first_name",
            "last_name": "last_name",
            "personal_email": "email",
            "start_date": "start_date",
        },
        vault_kind=("candidate", "candidate_id"),
        scope="read",
        description="One row per application of a dropped file; names and e-mails go to the vault only.",
    ),
    Stream(
        name="interviews",
        path="interviews",
        key=("interview_id", "interviewer_id"),
        full_reason=_WHOLE,
        complete_every_days=_NEVER_AGAIN,
        options=_SHAPE,
        columns=(
            Column("interview_id", required=True, description="Interview."),
            Column("application_id", token="application", required=True, description="Application, as a token."),
            Column("job_id", description="Job."),
            Column(
                "interview_name", description="Name of the interview as the firm writes it; it tells the technique."
            ),
            Column("stage_name", description="Stage of the process."),
            Column("starts_at", "timestamp", description="Scheduled start."),
            Column("ends_at", "timestamp", description="Scheduled end."),
            _employee("interviewer_id", "Interviewer's HRIS id", required=True),
            Column("status", description="State of the interview, in the firm's words."),
            *_SOURCE,
        ),
        scope="read",
        description="One row per interview and interviewer of a dropped file.",
    ),
    Stream(
        name="scorecards",
        path="scorecards",
        key=("interview_id", "interviewer_id", "attribute"),
        full_reason=_WHOLE,
        complete_every_days=_NEVER_AGAIN,
        options=_SHAPE,
        columns=(
            Column("application_id", token="application", required=True, description="Application, as a token."),
            Column("candidate_id", token="candidate", description="Candidate, as a token."),
            Column("job_id", description="Job."),
            Column("interview_id", required=True, description="Interview."),
            Column(
                "interview_name", description="Name of the interview as the firm writes it; it tells the technique."
            ),
            _employee("interviewer_id", "Interviewer's HRIS id", required=True),
            Column(
                "attribute", required=True, description="Attribute that was rated; `overall` is the recommendation."
            ),
            *_RATING,
            *_SCALE,
            Column("recommendation", description="Recommendation as it was written."),
            Column("submitted_at", "timestamp", description="When it was submitted."),
            *_SOURCE,
        ),
        scope="read",
        description="One row per interview, interviewer and rated attribute of a dropped file.",
    ),
    Stream(
        name="drops",
        path="",
        key=("sha256", "source_file"),
        full_reason="The register of files: one row per file and version seen.",
        complete_every_days=_NEVER_AGAIN,
        options=_SHAPE,
        columns=(
            Column("source_file", required=True, description="File."),
            Column("sha256", required=True, description="Fingerprint of its content."),
            Column("rows", "bigint", description="Rows the file gave."),
            Column("mode", description="full (the file is everything) or delta (the file adds and changes)."),
            Column("as_of", "timestamp", description="Moment the file describes, as its manifest says."),
            Column("status", enum=("loaded", "rejected"), description="Whether its rows were loaded."),
            Column("reason", description="Why it was rejected: row, column and rule, never a value."),
            Column("loaded_at", "timestamp", description="When it was read or, for this reason, first rejected."),
        ),
        scope="read",
        description="One row per version of a dropped file, loaded or rejected.",
    ),
)

_BY_NAME = {stream.name: stream for stream in STREAMS}
_PAGE_ROWS = 5_000
_SHOWN_FILES = 5


class FilesRejected(DataRefused):
    """Dropped files that are not loaded, with the places that made it so."""

    def __init__(self, connection_id: str, reasons: Mapping[str, str]) -> None:
        shown = "; ".join(f"`{name}` was rejected: {reason}" for name, reason in list(reasons.items())[:_SHOWN_FILES])
        more = f"; and {len(reasons) - _SHOWN_FILES} more files" if len(reasons) > _SHOWN_FILES else ""
        super().__init__(
            f"`{connection_id}`: {shown}{more}. Nothing of a rejected file was loaded, the others were. "
            "Correct it and drop it again, or correct its layout in connections.toml, or take it out of the folder; "
            f"then run: python -m ingestion {connection_id}"
        )


Records = Mapping[str, list[dict[str, Any]]]
"""Records of one file by stream."""


@dataclass(frozen=True)
class Verdict:
    """What became of one version of a file: loaded, or the reason why nothing of it is."""

    drop: Drop
    mode: str
    reason: str | None = None
    n_rows: int = 0
    note: str | None = None

    @property
    def is_loaded(self) -> bool:
        return self.reason is None

    @property
    def unit(self) -> str:
        """What is remembered as registered. Not the file's own unit where it was rejected: it is judged again in every
        run, since its layout may be corrected instead of the file."""
        if self.reason is None:
            return self.drop.unit
        return f"{_rejections(self.drop)}{hashlib.sha256(self.reason.encode()).hexdigest()[:16]}"


PURPOSES = ("url",)


class FilesOptions(Options):
    """Layouts of files, and what holds for files without one; see docs/files.md."""

    layout: tuple[dict[str, Any], ...] = ()
    date_format: str = "%Y-%m-%d"
    timezone: ZoneInfo | None = None
    settle_seconds: float = Field(default=1.0, ge=0)


def authentication(connection: Connection) -> Auth:
    """Folders have none of ours: fsspec takes the credentials of the machine."""
    connection.check(PURPOSES, FilesOptions)
    return NoAuth()


class Connector:
    """A folder of dropped files, as it is when the first stream is read.

    A file is fetched when the first stream of its table is read, judged whole, and forgotten but for its verdict: the
    register needs that one.

    Args:
        connection: `url` is a folder or an fsspec URL; options `layout`, `date_format`, `timezone` and
            `settle_seconds` (how long a file has to stay the same before it is read).
        client: not used.
    """

    clock_path = ""
    parallel_streams = 1
    unfiltered: frozenset[str] = frozenset()

    def __init__(self, connection: Connection, client: Client) -> None:
        self._connection = connection
        self._folder = Folder(connection, float(connection.options.get("settle_seconds", 1.0)))
        self._seen: dict[str, Drop | None] = {}  # None: it was being written
        self._verdicts: dict[Drop, Verdict] = {}

    @cached_property
    def _layouts(self) -> tuple[Layout, ...]:
        return layouts(self._connection.id, self._connection.options, _BY_NAME, settings().timezone)

    # -- what the loader asks

    def read(self, stream: Stream, window: Window) -> Iterator[Page]:
        """Rows of every file version that was not read before; see `ConnectorLike`."""
        if stream.name == "drops":
            yield from self._register(window)
            return
        own = [name for name in self._names() if any(x.stream == stream.name for x in self._matching(name))]
        for name in own:
            yield from self._pages(name, stream, window)
        yield from self._rejected(own, window)

    def sweep_ids(self, stream: Stream) -> Iterator[list[str | None]]:
        """Nothing: what a full drop no longer has is told by the drop itself."""
        return iter(())

    def probe(self) -> list[ProbeResult]:
        """The folder, the layouts, and each file as it would be loaded now."""
        try:
            names, known = self._names(), self._layouts
        except IngestionError as error:
            return [ProbeResult("connection", "problem", str(error))]
        message = f"{len(names)} files in the folder, {len(known) - len(TABLES)} layouts stated."
        results = [ProbeResult("connection", "ok" if names else "warning", message)]
        results += [ProbeResult(f"file {name}", "warning", f"`{name}` {ABSENT}") for name in self._folder.absent]
        return results + [self._probed(name) for name in names]

    def _probed(self, name: str) -> ProbeResult:
        fetched = self._fetched(name)
        if fetched is None:
            return ProbeResult(f"file {name}", "warning", f"`{name}` is still being written; it is read next time.")
        verdict, _ = self._judged(*fetched)
        if verdict.is_loaded:
            return ProbeResult(f"file {name}", "ok", f"{verdict.n_rows} rows can be read.")
        rejected = FilesRejected(self._connection.id, {name: verdict.reason or ""})
        return ProbeResult(f"file {name}", "problem", str(rejected))

    # -- the register

    def _register(self, window: Window) -> Iterator[Page]:
        for name in self._names():
            verdict = self._verdict(name, window)
            if verdict is not None and not _is_registered(verdict, window):
                yield Page([_entry(verdict, window)], name, done=(verdict.unit,))
        yield from self._rejected(self._names(), window)

    def _rejected(self, names: Iterable[str], window: Window) -> Iterator[Page]:
        """The end of a stream to which one of these files would have belonged, had it not been rejected."""
        verdicts = {name: self._verdict(name, window) for name in names}
        reasons = {name: verdict.reason for name, verdict in verdicts.items() if verdict and verdict.reason}
        if reasons:
            yield Page([], "", problem=FilesRejected(self._connection.id, reasons))

    def _verdict(self, name: str, window: Window) -> Verdict | None:
        """On the version that this run read; None when the register has it, or when it was being written."""
        if name not in self._seen:
            self._fetched(name)
        drop = self._seen[name]
        if drop is None or _was_read(drop, window):
            return None
        if drop not in self._verdicts and (fetched := self._fetched(name)):
            self._judged(*fetched)
        return self._verdicts.get(drop)

    # -- one file

    def _names(self) -> tuple[str, ...]:
        _ = self._layouts  # a layout that does not hold together is said before any file is looked at
        return self._folder.names

    def _matching(self, name: str) -> list[Layout]:
        """Stated layouts win over the recognition by name; several may share a file, one a table."""
        base = name.rsplit("/", 1)[-1]
        stated = self._layouts[: -len(TABLES)]
        chosen = [x for x in stated if fnmatchcase(name, x.files) or fnmatchcase(base, x.files)]
        return chosen or [x for x in self._layouts[len(stated) :] if fnmatchcase(base.lower(), x.files)][:1]

    def _fetched(self, name: str) -> tuple[Drop, bytes] | None:
        fetched = self._folder.fetch(name)
        self._seen[name] = fetched[0] if fetched else None
        return fetched

    def _pages(self, name: str, stream: Stream, window: Window) -> Iterator[Page]:
        fetched = self._fetched(name)
        if fetched is None or _was_read(fetched[0], window):
            return
        verdict, records = self._judged(*fetched)
        if not verdict.is_loaded:
            return
        rows = records.get(stream.name, [])
        starts = range(0, max(len(rows), 1), _PAGE_ROWS)
        for start in starts:
            is_last = start == starts[-1]
            yield Page(rows[start : start + _PAGE_ROWS], name, done=(verdict.drop.unit,) if is_last else ())

    def _judged(self, drop: Drop, content: bytes) -> tuple[Verdict, Records]:
        chosen = self._matching(drop.name)
        verdict = Verdict(drop, drop.mode or (chosen[0].mode if chosen else "delta"))
        records: Records = {}
        try:
            records, unread = _read(drop, content, chosen)
            note = f"columns not read: {', '.join(unread)}" if unread else None
            verdict = replace(verdict, n_rows=sum(map(len, records.values())), note=note)
        except Unreadable as error:
            verdict = replace(verdict, reason=str(error))
        self._verdicts[drop] = verdict
        return verdict, records


def _was_read(drop: Drop, window: Window) -> bool:
    return not window.complete and drop.unit in window.done


def _rejections(drop: Drop) -> str:
    return f"{drop.unit}|rejected|"


def _is_registered(verdict: Verdict, window: Window) -> bool:
    """Whether the register holds this rejection and never held another of the same version, so that it is no news."""
    before = {unit for unit in window.done if unit.startswith(_rejections(verdict.drop))}
    return not window.complete and before == {verdict.unit}


def _entry(verdict: Verdict, window: Window) -> dict[str, Any]:
    """A file's row of the register."""
    return {
        "source_file": verdict.drop.name,
        "sha256": verdict.drop.sha256,
        "rows": verdict.n_rows,
        "mode": verdict.mode,
        "as_of": _moment(verdict.drop.as_of),
        "status": "loaded" if verdict.is_loaded else "rejected",
        "reason": verdict.reason or verdict.note,
        "loaded_at": window.end.isoformat(),
    }


def _moment(stated: str | None) -> str | None:
    try:
        return parse_moment(stated, "%Y-%m-%d", settings().timezone).isoformat() if stated else None
    except ValueError:
        return None


def _read(drop: Drop, content: bytes, chosen: Sequence[Layout]) -> tuple[Records, list[str]]:
    """Records of one file by stream, and the headers that no layout reads.

    Raises:
        Unreadable: nothing of the file is to be loaded.
    """
    if drop.problem:
        raise Unreadable(drop.problem)
    if not chosen:
        raise Unreadable(f"its name begins with no table's name ({', '.join(TABLES)}) and no layout names it")
    own = {"source_file": drop.name, "drop_sha256": drop.sha256}
    records: dict[str, list[dict[str, Any]]] = {}
    unread: set[str] = set()
    n_rows = 0
    for layout in chosen:
        shape = Shape(layout.header_row, layout.skip_footer, layout.sheet, layout.delimiter, layout.encoding)
        sheet = read_sheet(drop.name, content, shape)
        n_rows = max(n_rows, len(sheet.rows))
        records.setdefault(layout.stream, []).extend(record | own for record in _records(sheet, layout))
        unread.update(unread_columns(sheet, _BY_NAME[layout.stream], layout))
    if drop.rows is not None and drop.rows != n_rows:
        raise Unreadable(f"it has {n_rows} rows, `{MANIFEST}` says {drop.rows}")
    return records, sorted(unread)


def _records(sheet: Sheet, layout: Layout) -> list[dict[str, Any]]:
    if layout.shape == "wide":
        return wide_records(sheet, layout, lambda employee: privacy.token("employee", employee))
    return tidy_records(sheet, _BY_NAME[layout.stream], layout)
