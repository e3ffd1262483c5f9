"""Files: a folder or fsspec URL where a firm drops CSV, XLSX or Parquet exports.

Two layouts: the tidy one (a file a table, columns as declared below) and the wide one (one row per employee, a column
per review cycle), described in `connections.toml`. A file is loaded whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from ingestion import privacy
from ingestion.client import Auth, Client, NoAuth
from ingestion.connections import Connection, Options
from ingestion.errors import ConfigurationError, DataRefused, IngestionError, Unreachable
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
        columns=(
            Column("source_file", required=True, description="File."),
            Column("sha256", required=True, description="Fingerprint of its content."),
            Column("rows", "bigint", description="Rows the file gave."),
            Column("mode", description="full (the file is everything) or delta (the file adds and changes)."),
            Column("as_of", "timestamp", description="Moment the file describes, as its manifest says."),
            Column("status", enum=("loaded", "rejected"), description="Whether its rows were loaded."),
            Column("reason", description="Why it was rejected: row, column and rule, never a value."),
            Column("loaded_at", "timestamp", description="When it was read."),
        ),
        scope="read",
        description="One row per version of a dropped file, loaded or rejected.",
    ),
)

_BY_NAME = {stream.name: stream for stream in STREAMS}
_PAGE_ROWS = 5_000
_SHOWN_FILES = 5
_ABSENT = (
    "is named by `manifest.json` and is not in the folder: the drop is not whole. The other files are read; drop it "
    "again, or take its entry out of the manifest."
)

log = logging.getLogger(__name__)


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


class DriverMissing(ConfigurationError):
    """The folder's kind of address needs a package that is not installed."""

    def __init__(self, connection_id: str, scheme: str) -> None:
        super().__init__(
            f"Connection `{connection_id}` reads `{scheme}://`, for which no driver is installed. This connection was "
            "not read; the others are not affected. Install the extra `remote-files` "
            "(pip install -e '.[remote-files]'; another kind of address: the fsspec driver of that kind), then run: "
            f"python -m ingestion {connection_id}"
        )


@dataclass(frozen=True)
class Drop:
    """One version of one file in the folder."""

    name: str
    sha256: str
    size: int
    modified: str
    mode: str | None = None
    as_of: str | None = None
    rows: int | None = None
    problem: str | None = None

    @property
    def unit(self) -> str:
        """What is remembered as read. The time of change is in it so that going back to an older version is seen."""
        return f"{self.name}|{self.sha256}|{self.modified}"


@dataclass(frozen=True)
class Outcome:
    """What one file gives: records by stream, or the reason why nothing of it is loaded."""

    drop: Drop
    records: Mapping[str, list[dict[str, Any]]]
    reason: str | None = None
    mode: str = "delta"
    note: str | None = None

    @property
    def is_loaded(self) -> bool:
        return self.reason is None

    @property
    def n_rows(self) -> int:
        return sum(map(len, self.records.values()))


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
    """A folder of dropped files, as it is when the first stream is read: one listing and one download serve all.

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
        self._settle = float(connection.options.get("settle_seconds", 1.0))
        self._outcomes: dict[str, Outcome] = {}
        self._absent: list[str] = []

    @cached_property
    def _layouts(self) -> tuple[Layout, ...]:
        return layouts(self._connection.id, self._connection.options, _BY_NAME, settings().timezone)

    # -- what the loader asks

    def read(self, stream: Stream, window: Window) -> Iterator[Page]:
        """Rows of every file version that was not read before; see `ConnectorLike`."""
        if stream.name == "drops":
            yield from self._register(window)
            return
        for drop, content in self._drops:
            if not any(layout.stream == stream.name for layout in self._matching(drop)):
                continue
            if not window.complete and drop.unit in window.done:
                continue
            outcome = self._outcome(drop, content)
            if outcome.is_loaded:
                yield from _pages(outcome, stream.name)

    def _register(self, window: Window) -> Iterator[Page]:
        rejected: dict[str, str] = {}
        for drop, content in self._drops:
            if not window.complete and drop.unit in window.done:
                continue
            outcome = self._outcome(drop, content)
            if not outcome.is_loaded:
                rejected[drop.name] = outcome.reason or ""
            record = {
                "source_file": drop.name,
                "sha256": drop.sha256,
                "rows": outcome.n_rows,
                "mode": outcome.mode,
                "as_of": self._moment(drop.as_of),
                "status": "loaded" if outcome.is_loaded else "rejected",
                "reason": outcome.reason or outcome.note,
                "loaded_at": window.end.isoformat(),
            }
            # A rejected file is looked at again: its layout may be corrected instead of the file.
            yield Page([record], drop.name, done=(drop.unit,) if outcome.is_loaded else ())
        if rejected:
            yield Page([], "", problem=FilesRejected(self._connection.id, rejected))

    def sweep_ids(self, stream: Stream) -> Iterator[list[str]]:
        """Nothing: what a full drop no longer has is told by the drop itself."""
        return iter(())

    def probe(self) -> list[ProbeResult]:
        """The folder, the layouts, and each file as it would be loaded now."""
        try:
            known = self._layouts
            drops = self._drops
        except IngestionError as error:
            return [ProbeResult("connection", "problem", str(error))]
        message = f"{len(drops)} files in the folder, {len(known) - len(TABLES)} layouts stated."
        results = [ProbeResult("connection", "ok" if drops else "warning", message)]
        results += [ProbeResult(f"file {name}", "warning", f"`{name}` {_ABSENT}") for name in self._absent]
        for drop, content in drops:
            outcome = self._outcome(drop, content)
            if outcome.is_loaded:
                results.append(ProbeResult(f"file {drop.name}", "ok", f"{outcome.n_rows} rows can be read."))
            else:
                reason = str(FilesRejected(self._connection.id, {drop.name: outcome.reason or ""}))
                results.append(ProbeResult(f"file {drop.name}", "problem", reason))
        return results

    def _moment(self, stated: str | None) -> str | None:
        try:
            return parse_moment(stated, "%Y-%m-%d", settings().timezone).isoformat() if stated else None
        except ValueError:
            return None

    # -- the folder

    @cached_property
    def _drops(self) -> list[tuple[Drop, bytes]]:
        """Files that stand still, oldest first, with their content."""
        _ = self._layouts  # a layout that does not hold together is said before any file is looked at
        filesystem, root = self._folder()
        found = self._listing(filesystem, root)
        stated = _manifest(filesystem, root, found)
        self._absent = sorted(stated.keys() - found.keys())
        for name in self._absent:
            log.warning("`%s`: `%s` %s", self._connection.id, name, _ABSENT)
        contents = self._settled(filesystem, root, found)
        order = sorted(contents, key=lambda n: (stated.get(n, {}).get("as_of") or "", _modified(found[n]), n))
        return [
            (_drop(name, contents[name], _modified(found[name]), stated.get(name)), contents[name]) for name in order
        ]

    def _folder(self) -> tuple[Any, str]:
        import fsspec

        url = self._connection.value("url")
        scheme = url.split("://")[0].rsplit("::", 1)[-1] if "://" in url else "file"
        try:
            fsspec.get_filesystem_class(scheme)
        except (ImportError, ValueError):
            raise DriverMissing(self._connection.id, scheme) from None
        try:
            filesystem, root = fsspec.core.url_to_fs(url)
            if not filesystem.isdir(root):
                raise FileNotFoundError("no such folder")
        except (ImportError, OSError, ValueError) as error:
            raise Unreachable(self._connection.id, scheme, "/", type(error).__name__, 1) from None
        return filesystem, str(root).rstrip("/")

    def _listing(self, filesystem: Any, root: str) -> dict[str, dict[str, Any]]:
        filesystem.invalidate_cache()
        found = {str(path)[len(root) :].lstrip("/"): info for path, info in filesystem.find(root, detail=True).items()}
        return {name: info for name, info in found.items() if _is_data(name)}

    def _settled(self, filesystem: Any, root: str, found: Mapping[str, dict[str, Any]]) -> dict[str, bytes]:
        """Content of the files that nobody is writing: those that two listings, before and after it was read, agree on.

        The listings are `settle_seconds` apart if any file may have changed within that time; where the folder does not
        tell times as numbers, that is always.
        """
        now = time.time()
        if self._settle and any(not _is_older(info, now - self._settle) for info in found.values()):
            time.sleep(self._settle)
        contents = {name: _content(filesystem, info) for name, info in found.items()}
        after = self._listing(filesystem, root)
        settled = {}
        for name, content in contents.items():
            stood_still = _state(found[name]) == _state(after.get(name, {}))
            if content is not None and stood_still and len(content) == found[name].get("size"):
                settled[name] = content
            else:
                log.warning("`%s`: `%s` is still being written; it is read next time.", self._connection.id, name)
        return settled

    # -- one file

    def _matching(self, drop: Drop) -> list[Layout]:
        """Stated layouts win over the recognition by name; several may share a file, one a table."""
        base = drop.name.rsplit("/", 1)[-1]
        stated = self._layouts[: -len(TABLES)]
        chosen = [x for x in stated if fnmatchcase(drop.name, x.files) or fnmatchcase(base, x.files)]
        return chosen or [x for x in self._layouts[len(stated) :] if fnmatchcase(base.lower(), x.files)][:1]

    def _outcome(self, drop: Drop, content: bytes) -> Outcome:
        if drop.unit not in self._outcomes:
            self._outcomes[drop.unit] = self._judge(drop, content)
        return self._outcomes[drop.unit]

    def _judge(self, drop: Drop, content: bytes) -> Outcome:
        chosen = self._matching(drop)
        mode = drop.mode or (chosen[0].mode if chosen else "delta")
        if drop.problem or not chosen:
            tables = ", ".join(TABLES)
            unknown = f"its name begins with no table's name ({tables}) and no layout names it"
            return Outcome(drop, {}, drop.problem or unknown, mode)
        records: dict[str, list[dict[str, Any]]] = {}
        notes: list[str] = []
        n_rows = 0
        try:
            for layout in chosen:
                sheet = _sheet(drop, content, layout)
                n_rows = max(n_rows, len(sheet.rows))
                records.setdefault(layout.stream, []).extend(self._records(sheet, layout))
                notes += unread_columns(sheet, _BY_NAME[layout.stream], layout)
        except Unreadable as error:
            return Outcome(drop, {}, str(error), mode)
        if drop.rows is not None and drop.rows != n_rows:
            return Outcome(drop, {}, f"it has {n_rows} rows, `manifest.json` says {drop.rows}", mode)
        own = {"source_file": drop.name, "drop_sha256": drop.sha256}
        complete = {name: [record | own for record in rows] for name, rows in records.items()}
        return Outcome(
            drop, complete, None, mode, f"columns not read: {', '.join(sorted(set(notes)))}" if notes else None
        )

    def _records(self, sheet: Sheet, layout: Layout) -> list[dict[str, Any]]:
        if layout.shape == "wide":
            return wide_records(sheet, layout, lambda employee: privacy.token("employee", employee))
        return tidy_records(sheet, _BY_NAME[layout.stream], layout)


def _sheet(drop: Drop, content: bytes, layout: Layout) -> Sheet:
    shape = Shape(layout.header_row, layout.skip_footer, layout.sheet, layout.delimiter, layout.encoding)
    return read_sheet(drop.name, content, shape)


def _pages(outcome: Outcome, stream: str) -> Iterator[Page]:
    rows = outcome.records.get(stream, [])
    starts = range(0, max(len(rows), 1), _PAGE_ROWS)
    for start in starts:
        is_last = start == starts[-1]
        page = rows[start : start + _PAGE_ROWS]
        yield Page(list(page), outcome.drop.name, done=(outcome.drop.unit,) if is_last else ())


def _is_data(name: str) -> bool:
    base = name.rsplit("/", 1)[-1]
    unfinished = (".tmp", ".part", ".filepart", ".crdownload", ".done")
    return bool(base) and not base.startswith((".", "~$")) and not base.endswith(unfinished) and base != "manifest.json"


def _content(filesystem: Any, info: Mapping[str, Any]) -> bytes | None:
    """Content of a listed file; None when it is gone by now."""
    try:
        content: bytes = filesystem.cat_file(info["name"])
    except FileNotFoundError:
        return None
    return content


def _is_older(info: Mapping[str, Any], moment: float) -> bool:
    modified = info.get("mtime")
    return isinstance(modified, int | float) and modified <= moment


def _state(info: Mapping[str, Any]) -> tuple[Any, str]:
    return info.get("size"), _modified(info)


def _modified(info: Mapping[str, Any]) -> str:
    value = info.get("mtime") or info.get("LastModified") or info.get("last_modified") or info.get("updated") or ""
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def _manifest(filesystem: Any, root: str, found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What `manifest.json` says about files, by name; files it does not name are read all the same."""
    path = f"{root}/manifest.json"
    if not filesystem.exists(path):
        return {}
    try:
        document = json.loads(filesystem.cat_file(path))
        entries = {str(entry["name"]): dict(entry) for entry in document["files"]}
    except (ValueError, KeyError, TypeError):
        # A manifest that cannot be read vouches for nothing; the files are refused rather than believed.
        return {name: {"broken": True} for name in found}
    return {name: {**entry, "as_of": document.get("as_of")} for name, entry in entries.items()}


def _drop(name: str, content: bytes, modified: str, stated: dict[str, Any] | None) -> Drop:
    drop = Drop(name, hashlib.sha256(content).hexdigest(), len(content), modified)
    if stated is None:
        return drop
    if stated.get("broken"):
        return replace(drop, problem="`manifest.json` is not readable; expected `files` with `name` and `sha256`")
    drop = replace(drop, mode=stated.get("mode"), as_of=stated.get("as_of"), rows=stated.get("rows"))
    if drop.mode not in (None, "full", "delta"):
        return replace(drop, mode=None, problem="`manifest.json` gives a mode that is neither full nor delta")
    if stated.get("sha256") not in (None, drop.sha256):
        return replace(drop, problem="its content is not what `manifest.json` says (sha256 differs); drop both again")
    return drop
