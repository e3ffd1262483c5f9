"""Reads connections.toml. Secrets are named there, never written, and resolved when a request needs them."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingestion.errors import (
    ConnectionsFileInvalid,
    ConnectionsFileMissing,
    ConnectionUnknown,
    OptionInvalid,
    OptionUnknown,
    SecretMissing,
)

ID_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Options(BaseModel):
    """What every connection may state under `[connection.options]`; a connector that knows more extends it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    max_wait_seconds: float | None = Field(default=None, ge=0)
    overlap_minutes: float | None = Field(default=None, ge=0)


@dataclass(frozen=True)
class Connection:
    """One account at one vendor.

    Attributes:
        id: name in every key of every row; renaming it makes a new connection, unless `formerly` says so.
        vendor: which connector reads it.
        names: purpose ("client_secret") to the name of the environment variable or dlt secret that holds it.
        options: what this connection may read and how; each connector declares its own (`Options`).
        formerly: ids this connection had before; their rows become its own (`ingestion.renaming`).
    """

    id: str
    vendor: str
    names: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    formerly: tuple[str, ...] = ()

    def check(self, purposes: Iterable[str], options: type[Options] = Options) -> None:
        """Refuse what the connector would not read: a misspelt line would otherwise be a silent default.

        Args:
            purposes: what the connector asks `value` for.
            options: the options it knows.

        Raises:
            OptionUnknown, OptionInvalid: naming the connection, the line and what is known.
        """
        for purpose in self.names:
            if purpose not in purposes:
                raise OptionUnknown(self.id, self.vendor, f"{purpose}_env", [f"{known}_env" for known in purposes])
        try:
            options.model_validate(self.options)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            name = ".".join(map(str, first["loc"]))
            if first["type"] == "extra_forbidden":
                raise OptionUnknown(self.id, self.vendor, name, options.model_fields) from None
            raise OptionInvalid(self.id, name, first["msg"]) from None

    def variable(self, purpose: str) -> str:
        """The name of the variable that holds `purpose`; the usual name when connections.toml gives none."""
        return self.names.get(purpose) or f"{self.vendor}_{purpose}".upper()

    def value(self, purpose: str, default: str | None = None) -> str:
        """Look up an address or secret now; it is never kept on this object.

        Args:
            purpose: key of connections.toml without `_env`: "base_url", "client_id", "api_key" …
            default: what to use when connections.toml does not name a variable and none is set.

        Raises:
            SecretMissing: naming the variable and the connection.
        """
        variable = self.variable(purpose)
        value = os.environ.get(variable) or _from_dlt_secrets(variable)
        if value:
            return value
        if default is not None and purpose not in self.names:
            return default
        raise SecretMissing(self.id, variable, purpose.replace("_", " "))


def _from_dlt_secrets(name: str) -> str | None:
    """A key of dlt's secrets file, if there is such a file."""
    import dlt

    value: Any = dlt.secrets.get(name.lower()) or dlt.secrets.get(name)
    return str(value) if value else None


def load_connections(path: Path | None = None) -> list[Connection]:
    """Every configured connection, in the order of the file.

    Args:
        path: connections.toml; default the setting QOH_CONNECTIONS.

    Raises:
        ConnectionsFileMissing, ConnectionsFileInvalid: with the place and the problem.
    """
    if path is None:
        from ingestion.settings import settings

        path = settings().connections
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConnectionsFileMissing(path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConnectionsFileInvalid(path, "reading", str(error)) from error
    entries = document.get("connection", [])
    if not isinstance(entries, list) or set(document) - {"connection"}:
        raise ConnectionsFileInvalid(path, "top level", "expected [[connection]] entries and nothing else")
    connections = [_connection(path, number, entry) for number, entry in enumerate(entries, start=1)]
    ids = [connection.id for connection in connections]
    for name in ids:
        if ids.count(name) > 1:
            raise ConnectionsFileInvalid(path, f"connection `{name}`", "this id is used twice; ids are in every key")
    _check_former(path, connections)
    return connections


def _check_former(path: Path, connections: Iterable[Connection]) -> None:
    owners = {connection.id: connection.id for connection in connections}
    for connection in connections:
        for old in connection.formerly:
            if owners.setdefault(old, connection.id) != connection.id or old == connection.id:
                problem = f"`formerly` names `{old}`, which is another connection's id or former id, or its own"
                raise ConnectionsFileInvalid(path, f"connection `{connection.id}`", problem)


def _connection(path: Path, number: int, entry: Mapping[str, Any]) -> Connection:
    where = f"connection {number}"
    identifier, vendor = entry.get("id"), entry.get("vendor")
    if not isinstance(identifier, str) or not ID_PATTERN.fullmatch(identifier):
        raise ConnectionsFileInvalid(path, where, "`id` must be lower case letters, digits and _, at most 40")
    where = f"connection `{identifier}`"
    if not isinstance(vendor, str):
        raise ConnectionsFileInvalid(path, where, "`vendor` is missing")
    names: dict[str, str] = {}
    for key, value in entry.items():
        if key in ("id", "vendor", "options", "formerly"):
            continue
        if not key.endswith("_env") or not isinstance(value, str):
            raise ConnectionsFileInvalid(
                path,
                where,
                f"`{key}`: addresses and secrets are named by variable, like `{key.removesuffix('_env')}_env`",
            )
        names[key.removesuffix("_env")] = value
    options = entry.get("options", {})
    if not isinstance(options, dict):
        raise ConnectionsFileInvalid(path, where, "`options` must be a table")
    formerly = entry.get("formerly", [])
    if not isinstance(formerly, list) or not all(
        isinstance(old, str) and ID_PATTERN.fullmatch(old) for old in formerly
    ):
        raise ConnectionsFileInvalid(path, where, '`formerly` must be a list of ids, like ["greenhouse_old"]')
    return Connection(identifier, vendor, names, options, tuple(formerly))


def connection_named(connection_id: str, path: Path | None = None) -> Connection:
    """The configured connection with this id.

    Raises:
        ConnectionUnknown: naming the ones that exist.
    """
    connections = {connection.id: connection for connection in load_connections(path)}
    if connection_id not in connections:
        raise ConnectionUnknown(connection_id, connections)
    return connections[connection_id]
