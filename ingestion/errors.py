"""Every way ingestion can fail, one class per cause; each builds its own sentence.

A message names the subject, what was seen, what was expected, what happened to the data and the next command. It never
carries a secret, a query string or a value of a person: tokens and ids only::

    IngestionError
    ├── ConfigurationError
    │   ├── SettingInvalid
    │   ├── ConnectionsFileMissing
    │   ├── ConnectionsFileInvalid
    │   ├── ConnectionUnknown
    │   ├── VendorUnknown
    │   ├── StreamUnknown
    │   ├── SecretMissing
    │   ├── BaseUrlInvalid
    │   ├── OptionUnknown
    │   ├── OptionInvalid
    │   ├── RenameRefused
    │   ├── NothingPublished
    │   └── VersionNotKept
    ├── LockHeld
    ├── VendorError
    │   ├── Unreachable
    │   ├── CredentialRejected
    │   ├── PermissionMissing
    │   ├── RequestRejected
    │   ├── StillThrottled
    │   ├── BudgetUsedUp
    │   ├── ServerFailing
    │   ├── NotJson
    │   ├── WrongEnvelope
    │   ├── PagingLoops
    │   ├── ForeignLink
    │   └── Stopped
    ├── DataRefused
    │   ├── StreamShrank
    │   ├── StreamEmpty
    │   ├── SweepShrank
    │   └── MostRecordsRefused
    ├── LoadFailed
    ├── WarehouseBusy
    ├── WarehouseDamaged
    └── PublishRefused
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar

from ingestion.exit_codes import ExitCode

DOES_NOT_COUNT = "This read does not count; the next run reads it again."


def listed(names: Iterable[str]) -> str:
    """Names in backticks, in order, as a sentence wants them."""
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"


class IngestionError(Exception):
    """Base of all errors this package raises on purpose."""

    exit_code: ClassVar[ExitCode] = ExitCode.STREAMS_FAILED


class ConfigurationError(IngestionError):
    """Something the operator wrote, or did not write."""

    exit_code = ExitCode.USAGE


class SettingInvalid(ConfigurationError):
    """An environment variable holds something unusable."""

    def __init__(self, variable: str, seen: str, expected: str) -> None:
        super().__init__(
            f"`{variable}` is `{seen}`; expected {expected}. Nothing was started. Set it and run the command again."
        )


class ConnectionsFileMissing(ConfigurationError):
    """There is no connections file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"`{path.name}` was not found (QOH_CONNECTIONS). Nothing was started. "
            "Run: cp connections.example.toml connections.toml"
        )


class ConnectionsFileInvalid(ConfigurationError):
    """The connections file does not say what it should."""

    def __init__(self, path: Path, where: str, problem: str) -> None:
        super().__init__(
            f"`{path.name}`, {where}: {problem}. Nothing was started. "
            "Compare with connections.example.toml, then run: qoh connections"
        )


class ConnectionUnknown(ConfigurationError):
    """A connection was asked for that is not configured."""

    def __init__(self, connection_id: str, known: Iterable[str]) -> None:
        super().__init__(
            f"`{connection_id}` is no connection; configured are {listed(known)}. Nothing was started. "
            "Run: qoh connections"
        )


class VendorUnknown(ConfigurationError):
    """A connection names a vendor without a connector."""

    def __init__(self, connection_id: str, vendor: str, known: Iterable[str]) -> None:
        super().__init__(
            f"Connection `{connection_id}` has vendor `{vendor}`; connectors exist for {listed(known)}. "
            "This connection was not read; the others are not affected. Correct connections.toml, then run: "
            "qoh connections"
        )


class StreamUnknown(ConfigurationError):
    """A stream was asked for that the vendor does not have."""

    def __init__(self, vendor: str, stream: str, known: Iterable[str]) -> None:
        super().__init__(
            f"`{vendor}` has no stream `{stream}`; it has {listed(known)}. Nothing was started. "
            "Run the command again with one of these."
        )


class SecretMissing(ConfigurationError):
    """A named secret or address is not set."""

    def __init__(self, connection_id: str, variable: str, purpose: str) -> None:
        super().__init__(
            f"Connection `{connection_id}` needs `{variable}` ({purpose}), which is neither an environment variable "
            "nor a key of dlt's secrets file. This connection was not read; the others are not affected. "
            f"Set it and run: python -m ingestion {connection_id}"
        )


class BaseUrlInvalid(ConfigurationError):
    """An address is set and is none."""

    def __init__(self, connection_id: str, variable: str) -> None:
        super().__init__(
            f"Connection `{connection_id}`: `{variable}` holds no address; expected one like https://host/path. "
            "This connection was not read; the others are not affected. Correct it, then run: qoh doctor"
        )


class OptionUnknown(ConfigurationError):
    """A connection states an option or variable that its connector does not read."""

    def __init__(self, connection_id: str, vendor: str, option: str, known: Iterable[str]) -> None:
        known = sorted(known)
        close = get_close_matches(option, known, 1)
        meant = f" (did you mean `{close[0]}`?)" if close else ""
        super().__init__(
            f"Connection `{connection_id}` states `{option}`, which `{vendor}` does not have{meant}; it has "
            f"{listed(known)}. This connection was not read; the others are not affected. Correct connections.toml, "
            f"then run: python -m ingestion {connection_id}"
        )


class OptionInvalid(ConfigurationError):
    """An option of a connection holds something unusable; the value itself is not shown."""

    def __init__(self, connection_id: str, option: str, problem: str) -> None:
        super().__init__(
            f"Connection `{connection_id}`, option `{option}`: {problem}. This connection was not read; the others are "
            f"not affected. Correct connections.toml, then run: python -m ingestion {connection_id}"
        )


class RenameRefused(ConfigurationError):
    """A former id belongs to another vendor."""

    def __init__(self, connection_id: str, vendor: str, old: str, old_vendor: str) -> None:
        super().__init__(
            f"Connection `{connection_id}` ({vendor}) was formerly `{old}`, whose rows are of `{old_vendor}`. "
            "Rows of one vendor cannot become those of another; nothing was renamed and this connection was not read. "
            "Take the id out of `formerly` in connections.toml: both keep their rows."
        )


class NothingPublished(ConfigurationError):
    """A version is asked for before the first one."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing was published yet: the first version is written at the end of a run without blocking errors. "
            "Run: qoh run"
        )


class VersionNotKept(ConfigurationError):
    """A published version is asked for that is not among the files."""

    def __init__(self, role: str, version: str | None) -> None:
        wanted = f"version `{version}`" if version else "version before the current one"
        super().__init__(
            f"`{role}`: no {wanted} is kept. Readers keep the version they have. Run: qoh published --versions"
        )


class LockHeld(IngestionError):
    """Another run holds the warehouse lock."""

    exit_code = ExitCode.LOCK_HELD

    def __init__(self, pid: str, since: str) -> None:
        self.pid, self.since = pid, since
        super().__init__(
            f"Another run holds the warehouse: pid {pid}, started {since}. Nothing was read or written. "
            "Wait for it, or end that process; a run that was killed holds nothing."
        )


class VendorError(IngestionError):
    """The vendor's side did not answer as its contract says; one stream fails, the others go on."""


class Unreachable(VendorError):
    """No answer at all."""

    def __init__(self, connection_id: str, host: str, path: str, cause: str, tries: int) -> None:
        super().__init__(
            f"`{connection_id}`: {host} did not answer for `{path}` ({cause}, {tries} tries). {DOES_NOT_COUNT} "
            "Check the address and the network, then run: qoh doctor"
        )


class CredentialRejected(VendorError):
    """The credential itself is refused."""

    def __init__(self, connection_id: str, path: str, status: int, variables: Iterable[str]) -> None:
        super().__init__(
            f"`{connection_id}`: `{path}` refused the credential (HTTP {status}). {DOES_NOT_COUNT} "
            f"Renew it, set {listed(variables)}, then run: qoh doctor"
        )


class PermissionMissing(VendorError):
    """The credential is valid but may not read this."""

    def __init__(self, connection_id: str, path: str, needs: str) -> None:
        self.needs = needs
        wanted = f"the permission `{needs}`" if needs else "a permission it does not have"
        super().__init__(
            f"`{connection_id}`: `{path}` answered 403; the credential needs {wanted}. "
            "This stream was not read; the others are not affected. Grant it at the vendor, then run: qoh doctor"
        )


class RequestRejected(VendorError):
    """The vendor says our request is wrong."""

    def __init__(self, connection_id: str, path: str, status: int, named: Iterable[str] = ()) -> None:
        self.status = status
        quoted = f" and named {listed(names)}" if (names := tuple(named)) else ""
        super().__init__(
            f"`{connection_id}`: `{path}` answered HTTP {status}{quoted}. {DOES_NOT_COUNT} "
            "The vendor's contract may have changed: compare the connector's endpoint with the vendor's documentation."
        )


class StillThrottled(VendorError):
    """The vendor asks for more patience than one request may take."""

    def __init__(self, connection_id: str, path: str, asked: float, waited: float, limit: float) -> None:
        super().__init__(
            f"`{connection_id}`: `{path}` is throttled: the vendor asks for another {asked:.0f} s after {waited:.0f} s "
            f"of waiting (limit {limit:.0f} s, option `max_wait_seconds`). {DOES_NOT_COUNT} Run again later."
        )


class BudgetUsedUp(VendorError):
    """No request of the vendor's rate window came free for as long as one request may wait."""

    def __init__(self, connection_id: str, path: str, needed: float, waited: float, limit: float) -> None:
        super().__init__(
            f"`{connection_id}`: `{path}` was not asked: the vendor's rate window is used up for another {needed:.1f} "
            f"s after {waited:.0f} s of waiting (limit {limit:.0f} s, option `max_wait_seconds`). {DOES_NOT_COUNT} "
            "Run again later; what the vendor allows is shown by: qoh doctor"
        )


class ServerFailing(VendorError):
    """The vendor's server keeps failing."""

    def __init__(self, connection_id: str, path: str, status: int, tries: int) -> None:
        super().__init__(
            f"`{connection_id}`: `{path}` answered HTTP {status} {tries} times. {DOES_NOT_COUNT} "
            "Look at the vendor's status page and run again later."
        )


class NotJson(VendorError):
    """The answer is no JSON document."""

    def __init__(self, connection_id: str, path: str, seen: str, size: int, tries: int) -> None:
        super().__init__(
            f"`{connection_id}`: `{path}` answered HTTP 200 with {seen} ({size:,} bytes, {tries} tries), expected a "
            f"whole JSON document. {DOES_NOT_COUNT} A proxy or a maintenance page may answer instead of the vendor; "
            "run: qoh doctor"
        )


class WrongEnvelope(VendorError):
    """JSON, but not of the agreed shape; never taken for "no rows"."""

    def __init__(self, connection_id: str, path: str, expected: str, seen: str) -> None:
        super().__init__(
            f"`{connection_id}`: `{path}` answered HTTP 200 without {expected}; seen: {seen}. {DOES_NOT_COUNT} "
            "The vendor changed its answer or reports an error in it: run `qoh doctor`."
        )


class PagingLoops(VendorError):
    """A next page that was read already."""

    def __init__(self, connection_id: str, path: str, pages: int) -> None:
        super().__init__(
            f"`{connection_id}`: `{path}` points back to a page that was read already, after {pages} pages. "
            f"{DOES_NOT_COUNT} If it happens again the vendor's paging is broken: see its status page; run: qoh doctor"
        )


class ForeignLink(VendorError):
    """A next page on another host, where our credential must not go."""

    def __init__(self, connection_id: str, path: str, host: str) -> None:
        super().__init__(
            f"`{connection_id}`: `{path}` points to its next page on another host ({host}); the credential is not sent "
            f"there. {DOES_NOT_COUNT} Check the base URL of the connection."
        )


class Stopped(VendorError):
    """The run was ended while it waited."""

    def __init__(self, connection_id: str) -> None:
        super().__init__(f"`{connection_id}`: the run was stopped. {DOES_NOT_COUNT} To go on, run: qoh run")


class DataRefused(IngestionError):
    """The answer is well formed and still not to be believed."""


class StreamShrank(DataRefused):
    """A complete read returned far fewer rows than the last one."""

    def __init__(self, connection_id: str, vendor: str, stream: str, seen: int, before: int, floor: float) -> None:
        super().__init__(
            f"`{vendor}.{stream}`: {seen:,} rows read, {before:,} in the last load (floor {floor:.0%}). Nothing was "
            "written. If the vendor really deleted them, run: "
            f"python -m ingestion {connection_id} --stream {stream} --accept-shrink"
        )


class StreamEmpty(DataRefused):
    """A stream that no firm has empty came without a record."""

    def __init__(self, connection_id: str, vendor: str, stream: str, rights: str) -> None:
        super().__init__(
            f"`{vendor}.{stream}`: a complete read returned no record, and no firm has none. The vendor hides what the "
            f"credential may not see: check {rights}; where --since was given, an earlier day. The stream counts as "
            f"unread and is read from its beginning by: python -m ingestion {connection_id} --stream {stream}"
        )


class SweepShrank(DataRefused):
    """An id sweep found far fewer ids than the last one or, where it is the first, than there are rows."""

    def __init__(self, connection_id: str, vendor: str, stream: str, seen: int, before: int, floor: float) -> None:
        super().__init__(
            f"`{vendor}.{stream}`: the id sweep saw {seen:,} ids, {before:,} were known (floor {floor:.0%}). It proves "
            "nothing and no row was marked deleted. If the vendor really deleted them, run: "
            f"python -m ingestion {connection_id} --stream {stream} --sweep --accept-shrink"
        )


class MostRecordsRefused(DataRefused):
    """So many records fail the contract that the contract, not the record, must be wrong."""

    def __init__(self, vendor: str, stream: str, endpoint: str, refused: int, seen: int, rules: str) -> None:
        super().__init__(
            f"`{vendor}.{stream}`: {refused:,} of {seen:,} records of `{endpoint}` fail the contract ({rules}). "
            "This read does not count: this is a changed answer, not bad records. Run: qoh doctor"
        )


class LoadFailed(IngestionError):
    """dlt or the warehouse failed while storing; the working directory is thrown away and the window read again."""

    def __init__(self, vendor: str, stream: str, step: str, cause: str) -> None:
        super().__init__(
            f"`{vendor}.{stream}`: storing failed in step {step} ({cause}). The window counts as unread and is read "
            "again by the next run; stored rows are as before. Check free disk space, then run again."
        )


class WarehouseBusy(IngestionError):
    """Another program has the file open, without our lock."""

    exit_code = ExitCode.LOCK_HELD

    def __init__(self, path: Path, pid: str) -> None:
        super().__init__(
            f"`{path.name}` is open in another program (pid {pid}). Nothing was read or written. Close it there: only "
            "the pipeline opens this file, everybody else reads the published one (`qoh published` prints its path)."
        )


class WarehouseDamaged(IngestionError):
    """The file, or its write-ahead log, cannot be read."""

    exit_code = ExitCode.UNEXPECTED

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(
            f"`{path}` cannot be opened ({cause}): the file or its `.wal` beside it is damaged. Nothing was written; "
            "readers keep the published version. Put a backup in their place or, without one, move both files away; "
            "then run: qoh run (it reads a missing warehouse again; for another file: qoh run --reread <connection>)"
        )


class PublishRefused(IngestionError):
    """A role's file cannot be written as asked."""

    exit_code = ExitCode.CHECKS_FAILED

    def __init__(self, role: str, problem: str) -> None:
        super().__init__(
            f"Publishing for `{role}` was refused: {problem}. Readers keep the version they have. Run: qoh run"
        )
