"""Pseudonyms at the edge: keys, tokens, and the vault that alone knows who is who.

A vendor's record passes through `Pseudonymiser.project` before anything is written. What comes out is a flat row of
allow-listed columns in which every person id and e-mail is a keyed token, and, apart from it, the few clear values that
the person link needs; those go to `vault.duckdb` (mode 0600) and nowhere else.

A token is the first 32 hexadecimal digits of HMAC-SHA256(key, "kind|normalised value"). ATS, HRIS and performance share
the key `people`, so that they join; demographics and candidate feedback have keys of their own, so that they cannot.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import sys
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.database import open_file
from ingestion.errors import ConfigurationError
from ingestion.settings import settings
from ingestion.streams import Stream

KEY_NAMES = ("people", "demographics", "feedback")
KINDS = ("candidate", "application", "user", "employee", "email", "reviewee")

KEY_WARNING = (
    "Created new token keys in `{directory}`. Keep a copy in a safe place apart from the data: without these files "
    "every link between candidates, employees and interviewers, and all history, is orphaned for ever."
)


class PrivacyError(ConfigurationError):
    """Anything that would let a person be seen, or be lost.

    PrivacyError
    ├── KeyMissing       a key file is gone while data tokenised with it exists
    ├── KeyChanged       a key file differs from the one the data was tokenised with
    └── KeyUnreadable    a key file is empty, malformed or open to other accounts
    """


class KeyMissing(PrivacyError):
    """A key file is gone while data tokenised with it exists."""

    def __init__(self, name: str, directory: Path, home: Path) -> None:
        super().__init__(
            f"key `{name}`: `{directory / (name + '.key')}` is missing, but `{home}` already holds data tokenised "
            "with it. Nothing was read or written. Restore the key file from its copy; with a new key no link and no "
            "history would match. To start over without the old data, move that folder away and run again."
        )


class KeyChanged(PrivacyError):
    """A key file differs from the one the data was tokenised with."""

    def __init__(self, name: str, directory: Path, seen: str, expected: str) -> None:
        super().__init__(
            f"key `{name}`: the file in `{directory}` has id {seen}, the data was tokenised with {expected}. "
            "Nothing was read or written. Point QOH_KEYS at the folder with the right key, or restore it from its copy."
        )


class KeyUnreadable(PrivacyError):
    """A key file is empty, malformed or open to other accounts."""

    def __init__(self, path: Path, seen: str) -> None:
        super().__init__(
            f"key file `{path}`: {seen}; expected 64 hexadecimal digits in a file only its owner may read (mode 0600). "
            "Nothing was read or written. Restore the file from its copy, or run `chmod 600` on it."
        )


# --- keys ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Keys:
    """The three token keys, and whether this call created one (`created`: the warning to show, else None)."""

    people: bytes
    demographics: bytes
    feedback: bytes
    created: str | None = None

    def of(self, name: str) -> bytes:
        """Return the key called `name`."""
        return {"people": self.people, "demographics": self.demographics, "feedback": self.feedback}[name]

    def __repr__(self) -> str:
        return f"Keys(people={key_id(self.people)}, demographics={key_id(self.demographics)})"


def key_id(key: bytes) -> str:
    """Name a key without giving it away: eight digits that are stored beside the tokens made with it."""
    return hashlib.sha256(b"key id|" + key).hexdigest()[:8]


def load_keys(directory: Path, home: Path) -> Keys:
    """Read the token keys, creating them on the very first run.

    Args:
        directory: where the key files are (`QOH_KEYS`), outside the warehouse.
        home: data folder (`QOH_HOME`); if it holds data already, a missing or different key is an error.

    Raises:
        KeyMissing, KeyChanged, KeyUnreadable: see there; nothing is written then.
    """
    remembered = _remembered_ids(home)
    has_data = bool(remembered) or any((home / name).exists() for name in ("warehouse.duckdb", "vault.duckdb"))
    missing = [name for name in KEY_NAMES if not (directory / f"{name}.key").exists()]
    if missing and has_data:
        raise KeyMissing(missing[0], directory, home)
    if missing:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in missing:
            _create_key(directory / f"{name}.key")
    keys = {name: _read_key(directory / f"{name}.key") for name in KEY_NAMES}
    for name, expected in remembered.items():
        if name in keys and key_id(keys[name]) != expected:
            raise KeyChanged(name, directory, key_id(keys[name]), expected)
    if not remembered:
        _remember_ids(home, {name: key_id(key) for name, key in keys.items()})
    return Keys(**keys, created=KEY_WARNING.format(directory=directory) if missing else None)


def _create_key(path: Path) -> None:
    # Written beside and linked into place: a killed run leaves no key or a whole one, and two runs cannot both win.
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, secrets.token_hex(32).encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read_key(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise KeyUnreadable(path, f"mode {path.stat().st_mode & 0o777:04o}")
    text = path.read_text().strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise KeyUnreadable(path, f"{len(text)} characters that are not a key" if text else "empty")
    return key


def _remembered_ids(home: Path) -> dict[str, str]:
    path = home / "key_ids.json"
    if not path.exists():
        return {}
    return {str(name): str(value) for name, value in json.loads(path.read_text()).items()}


def _remember_ids(home: Path, ids: Mapping[str, str]) -> None:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = home / f".key_ids.{os.getpid()}"
    draft.write_text(json.dumps(dict(ids), indent=1, sort_keys=True) + "\n")
    draft.replace(home / "key_ids.json")


# --- tokens ----------------------------------------------------------------------------------------------------------


def normalise(kind: str, value: object) -> str:
    """Bring an identifier into the one form that is hashed.

    Args:
        kind: one of `KINDS`. E-mails are compared without case; ids exactly, but for outer blanks.
        value: what the vendor sent; numbers and text with the same digits are the same id.

    >>> normalise("email", "  Ada.Byron@Example.ORG ")
    'ada.byron@example.org'
    >>> normalise("candidate", 17), normalise("candidate", " 17")
    ('17', '17')
    """
    text = unicodedata.normalize("NFC", str(value)).strip()
    return text.lower() if kind == "email" else text


def keyed_token(key: bytes, kind: str, value: object) -> str | None:
    """Replace an identifier by its token; None and blanks stay None.

    Args:
        key: 32 bytes.
        kind: one of `KINDS`.
        value: the identifier.

    Returns:
        32 hexadecimal digits, or None where there was nothing to identify.
    """
    if value is None:
        return None
    text = normalise(kind, value)
    if not text:
        return None
    return hmac.digest(key, f"{kind}|{text}".encode(), "sha256").hex()[:32]


@lru_cache(maxsize=4)
def _default_keys(directory: Path, home: Path) -> Keys:
    return load_keys(directory, home)


def configured_keys() -> Keys:
    """The keys of this installation (`QOH_KEYS`), read once per process; see `load_keys`."""
    now = settings()
    return _default_keys(now.keys, now.home)


def token(kind: str, value: object, *, zone: str = "people") -> str | None:
    """Token of one identifier with the configured keys (`QOH_KEYS`); see `keyed_token`."""
    return keyed_token(configured_keys().of(zone), kind, value)


# --- from a vendor's record to a row ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class VaultRow:
    """One clear value of one person, for the vault only.

    Attributes:
        kind: token kind of the person ("candidate", "user", "employee").
        token: the person.
        attribute: "source_id", "first_name", "last_name", "preferred_name", "email" or "start_date".
        source: stream and record it was read from; a newer reading of the same record replaces it.
        value: the clear value.
        key_id: which key made the token.
    """

    kind: str
    token: str
    attribute: str
    source: str
    value: str
    key_id: str

    def __repr__(self) -> str:
        return f"VaultRow({self.kind} {self.token}, {self.attribute})"


@dataclass(frozen=True)
class Projection:
    """What is left of a vendor's record: a row for the raw table, and what goes to the vault.

    Attributes:
        row: allow-listed columns by name, identifiers tokenised, everything else as the vendor sent it.
        vault: clear values for the vault.
        source: the record's name in the vault; set even when `vault` is empty, so that blanked values go.
    """

    row: dict[str, Any]
    vault: tuple[VaultRow, ...] = ()
    source: str | None = None

    def __repr__(self) -> str:
        return f"Projection({len(self.row)} columns, {len(self.vault)} vault values)"


class Pseudonymiser:
    """Turns vendor records into rows without identifiers.

    Args:
        keys: the token keys.
        tombstones: tokens of erased persons; their records are dropped, so that they never come back.
    """

    def __init__(self, keys: Keys, tombstones: frozenset[str] = frozenset()) -> None:
        self._keys = keys
        self._tombstones = tombstones

    def token(self, kind: str, value: object, zone: str = "warehouse") -> str | None:
        """Token of `value`, with the key of the zone its table lives in."""
        return keyed_token(self._key(zone), kind, value)

    def project(self, stream: Stream, record: Mapping[str, Any]) -> Projection | None:
        """Reduce one record to the stream's allow-list, tokens in place of identifiers.

        Args:
            stream: what may be read.
            record: as the vendor sent it; for a nested stream as `explode` gives it.

        Returns:
            The projection, or None when the record belongs to an erased person.
        """
        key = self._key(stream.zone)
        row: dict[str, Any] = {}
        for column, steps in _plan(stream):
            value = _reach(record, steps)
            row[column.name] = keyed_token(key, column.token, value) if column.token else value
        if self._tombstones and any(row[name] in self._tombstones for name in _subject_columns(stream)):
            return None
        if stream.vault_kind is None:
            return Projection(row)
        source = f"{stream.name}:" + ":".join(str(row[name]) for name in stream.key)
        return Projection(row, tuple(self._vault_rows(stream, record, row, source)), source)

    def _vault_rows(
        self, stream: Stream, record: Mapping[str, Any], row: Mapping[str, Any], source: str
    ) -> Iterator[VaultRow]:
        assert stream.vault_kind is not None
        kind, column = stream.vault_kind
        person = row[column]
        if person is None:
            return
        for path, attribute in stream.vault.items():
            for value in _reach_all(record, path):
                text = unicodedata.normalize("NFC", str(value)).strip() if value is not None else ""
                if text:
                    yield VaultRow(kind, person, attribute, source, text, key_id(self._keys.people))

    def _key(self, zone: str) -> bytes:
        return self._keys.demographics if zone == "demographics" else self._keys.people


def explode(stream: Stream, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Records of a nested stream inside one record of its parent.

    An item that is an object keeps its fields; a bare item becomes `value`; the parent is reachable as `_parent`.
    """
    items = _reach(record, tuple((stream.nested_path or "").split("."))) or []
    return [{**(item if isinstance(item, dict) else {"value": item}), "_parent": record} for item in items]


@lru_cache(maxsize=256)
def _plan_of(name: str, columns: tuple[Any, ...]) -> tuple[tuple[Any, tuple[str, ...]], ...]:
    return tuple((column, tuple((column.path or column.name).split("."))) for column in columns)


def _plan(stream: Stream) -> tuple[tuple[Any, tuple[str, ...]], ...]:
    return _plan_of(stream.name, stream.columns)


@lru_cache(maxsize=256)
def _subjects(columns: tuple[Any, ...], key: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(c.name for c in columns if c.token and c.token != "email" and (c.required or c.name in key))


def _subject_columns(stream: Stream) -> tuple[str, ...]:
    # The person a row is about is in its key or required; interviewers, recruiters and managers are neither.
    return _subjects(stream.columns, stream.key)


def _reach(record: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if not isinstance(record, Mapping):
            return None
        record = record.get(step)
    return record


def _reach_all(record: Mapping[str, Any], path: str) -> list[Any]:
    if "[]" not in path:
        return [_reach(record, path.split("."))]
    outer, inner = path.split("[]", 1)
    items = _reach(record, outer.split(".")) or []
    return [_reach(item, inner.lstrip(".").split(".")) if inner else item for item in items]


# --- the vault -------------------------------------------------------------------------------------------------------

_VAULT_TABLES = """
create table if not exists people (
    connection_id text not null, kind text not null, token text not null, attribute text not null,
    source text not null, value text not null, key_id text not null, seen_at timestamptz not null);
create table if not exists tombstones (
    kind text not null, token text not null, key_id text not null, reason text not null,
    created_at timestamptz not null);
create table if not exists matches (
    candidate_connection_id text not null, candidate_id text not null, employee_connection_id text not null,
    employee_id text not null, method text not null, score double not null, decided_at timestamptz not null);
create table if not exists decisions (
    candidate_connection_id text not null, candidate_id text not null, employee_connection_id text not null,
    employee_id text not null, decision text not null, decided_by text not null, decided_at timestamptz not null);
create table if not exists review_queue (
    candidate_connection_id text not null, candidate_id text not null, employee_connection_id text not null,
    employee_id text not null, score double not null, reason text not null);
"""

_UMASK = threading.Lock()


class Vault:
    """`vault.duckdb`: the only place where tokens meet names, e-mails and source ids.

    One process opens it for one step and closes it; every write is one transaction, and writing the same rows twice
    changes nothing, so a killed run is healed by the next.

    Args:
        path: the file; created with mode 0600.

    Raises:
        WarehouseBusy, WarehouseDamaged: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        # DuckDB gives its files, the log beside them too, the process's default mode.
        with _UMASK:
            before = os.umask(0o077)
            try:
                self.connection = open_file(path)
                self.connection.execute(_VAULT_TABLES)
            finally:
                os.umask(before)

    def __enter__(self) -> Vault:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """All of the block's writes, or none; audit events around it let tests kill there."""
        sys.audit("qoh.sql", "begin")
        self.connection.execute("begin")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("rollback")
            raise
        sys.audit("qoh.sql", "commit")
        self.connection.execute("commit")

    def upsert(self, connection_id: str, projections: Iterable[Projection], now: datetime | None = None) -> int:
        """Write the clear values of a batch of records; what a record no longer has is removed.

        Args:
            connection_id: connection the records came through.
            projections: of one or more streams; those without vault part are passed over.
            now: time of reading, UTC; the current time if None.

        Returns:
            Number of values now stored for these records.
        """
        latest = {item.source: item for item in projections if item.source is not None}
        if not latest:
            return 0
        rows = sorted({row for item in latest.values() for row in item.vault}, key=_vault_order)
        incoming = pa.table(
            {name: pa.array([getattr(row, name) for row in rows], pa.string()) for name in _VAULT_COLUMNS}
        )
        sources = pa.table({"source": pa.array(list(latest), pa.string())})
        seen_at = now or datetime.now(UTC)
        with self.transaction() as connection, self._registered(incoming=incoming, sources=sources):
            connection.execute(
                "delete from people using sources where people.source = sources.source and connection_id = ?",
                [connection_id],
            )
            connection.execute(
                f"insert into people select ?, {', '.join(_VAULT_COLUMNS)}, ? from incoming", [connection_id, seen_at]
            )
        return len(rows)

    def add_tombstones(
        self, tokens: Iterable[tuple[str, str]], reason: str, key: str, now: datetime | None = None
    ) -> int:
        """Remember erased persons (kind, token) and remove their clear values: no later sync brings them back."""
        listed = list(dict.fromkeys(tokens))
        with self.transaction() as connection:
            for kind, value in listed:
                connection.execute(
                    "insert into tombstones select ?, ?, ?, ?, ? "
                    "where not exists (select 1 from tombstones where token = ?)",
                    [kind, value, key, reason, now or datetime.now(UTC), value],
                )
                connection.execute("delete from people where token = ?", [value])
        return len(listed)

    def tombstones(self) -> frozenset[str]:
        """Tokens of erased persons."""
        return frozenset(value for (value,) in self.connection.execute("select token from tombstones").fetchall())

    @contextmanager
    def _registered(self, **tables: pa.Table) -> Iterator[None]:
        for name, table in tables.items():
            self.connection.register(name, table)
        try:
            yield
        finally:
            for name in tables:
                self.connection.unregister(name)


_VAULT_COLUMNS = ("kind", "token", "attribute", "source", "value", "key_id")


def _vault_order(row: VaultRow) -> tuple[str, str, str]:
    return row.source, row.attribute, row.value
