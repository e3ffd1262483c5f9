"""A folder of dropped files, local or behind any fsspec address: what is in it, and each file once it stands still.

Files are fetched one at a time, so that a folder may hold more than memory does.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from ingestion.connections import Connection
from ingestion.errors import ConfigurationError, Unreachable

MANIFEST = "manifest.json"
ABSENT = (
    f"is named by `{MANIFEST}` and is not in the folder: the drop is not whole. The other files are read; drop it "
    "again, or take its entry out of the manifest."
)
_UNFINISHED = (".tmp", ".part", ".filepart", ".crdownload", ".done")

log = logging.getLogger(__name__)


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
    """One version of one file in the folder, and what the manifest says of it."""

    name: str
    sha256: str
    modified: str
    mode: str | None = None
    as_of: str | None = None
    rows: int | None = None
    problem: str | None = None

    @property
    def unit(self) -> str:
        """What is remembered as read. The time of change is in it so that going back to an older version is seen."""
        return f"{self.name}|{self.sha256}|{self.modified}"


class _Entry(BaseModel):
    name: str
    sha256: str | None = None
    rows: int | None = None
    mode: str | None = None


class _Manifest(BaseModel):
    as_of: str | None = None
    files: list[_Entry]


class Folder:
    """A folder as one listing shows it.

    Args:
        connection: its `url` is a folder or an fsspec URL.
        settle_seconds: how long a file has to stay the same before it is read.
    """

    def __init__(self, connection: Connection, settle_seconds: float) -> None:
        self._connection = connection
        self._settle = settle_seconds

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Files of the folder, oldest first; what the manifest names is newer than what was left lying there.

        Absent files that it names are said in the log.

        Raises:
            DriverMissing, Unreachable, SecretMissing: the folder cannot be listed.
        """
        for name in self.absent:
            log.warning("`%s`: `%s` %s", self._connection.id, name, ABSENT)
        return tuple(sorted(self._found, key=lambda name: (name in self._stated, _modified(self._found[name]), name)))

    @cached_property
    def absent(self) -> tuple[str, ...]:
        """Files that the manifest names and the folder does not have."""
        return tuple(sorted(self._stated.keys() - self._found.keys()))

    def fetch(self, name: str) -> tuple[Drop, bytes] | None:
        """One of the folder's files with its content; None, and said in the log, when somebody is writing it."""
        filesystem, _ = self._place
        listed = self._found[name]
        try:
            content: bytes = filesystem.cat_file(listed["name"])
            filesystem.invalidate_cache()
            after = filesystem.info(listed["name"])
        except FileNotFoundError:
            content, after = b"", {}
        if _state(after) != _state(listed) or len(content) != listed.get("size"):
            log.warning("`%s`: `%s` is still being written; it is read next time.", self._connection.id, name)
            return None
        return self._drop(name, content), content

    @cached_property
    def _place(self) -> tuple[Any, str]:
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

    @cached_property
    def _found(self) -> dict[str, dict[str, Any]]:
        """The listing, `settle_seconds` old if any file may have changed within that time; where the folder does not
        tell times as numbers, that is always."""
        filesystem, root = self._place
        filesystem.invalidate_cache()
        found = {str(path)[len(root) :].lstrip("/"): info for path, info in filesystem.find(root, detail=True).items()}
        now = time.time()
        if self._settle and any(not _is_older(info, now - self._settle) for info in found.values()):
            time.sleep(self._settle)
        return {name: info for name, info in found.items() if _is_data(name)}

    @cached_property
    def _manifest(self) -> _Manifest | None:
        """What `manifest.json` says, files that it does not name are read all the same; None if it is not readable."""
        _ = self._found  # lists and waits: a manifest is written too
        filesystem, root = self._place
        path = f"{root}/{MANIFEST}"
        if not filesystem.exists(path):
            return _Manifest(files=[])
        try:
            return _Manifest.model_validate(json.loads(filesystem.cat_file(path)))
        except ValueError:
            return None

    @cached_property
    def _stated(self) -> dict[str, _Entry]:
        return {entry.name: entry for entry in self._manifest.files} if self._manifest else {}

    def _drop(self, name: str, content: bytes) -> Drop:
        drop = Drop(name, hashlib.sha256(content).hexdigest(), _modified(self._found[name]))
        if self._manifest is None:
            # It vouches for nothing; the files are refused rather than believed.
            unreadable = f"`{MANIFEST}` is not readable; expected `files` with `name`, `sha256`, `rows` and `mode`"
            return replace(drop, problem=unreadable)
        entry = self._stated.get(name)
        if entry is None:
            return drop
        if entry.mode not in (None, "full", "delta"):
            return replace(drop, problem=f"`{MANIFEST}` gives a mode that is neither full nor delta")
        drop = replace(drop, mode=entry.mode, as_of=self._manifest.as_of, rows=entry.rows)
        if entry.sha256 is not None and entry.sha256.lower() != drop.sha256:
            return replace(drop, problem=f"its content is not what `{MANIFEST}` says (sha256 differs); drop both again")
        return drop


def _is_data(name: str) -> bool:
    base = name.rsplit("/", 1)[-1]
    return bool(base) and not base.startswith((".", "~$")) and not base.endswith(_UNFINISHED) and base != MANIFEST


def _is_older(info: Mapping[str, Any], moment: float) -> bool:
    modified = info.get("mtime")
    return isinstance(modified, int | float) and modified <= moment


def _state(info: Mapping[str, Any]) -> tuple[Any, str]:
    return info.get("size"), _modified(info)


def _modified(info: Mapping[str, Any]) -> str:
    value = info.get("mtime") or info.get("LastModified") or info.get("last_modified") or info.get("updated") or ""
    if isinstance(value, datetime):
        # Some stores tell it to the millisecond in a listing and to the second of one file.
        value = value.replace(microsecond=0)
    return f"{value:.6f}" if isinstance(value, float) else str(value)
