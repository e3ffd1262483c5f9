"""Reading a stream from the beginning again.

What was invisible or not declared when a record was read, nothing reads later: the record did not change. So a stream
is read again when its columns or the options that shape it change (by its fingerprint), when sweeps keep seeing ids
that never arrived, and when the operator says so (`--reread`), say after a right was widened at the vendor.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from ingestion.connections import Connection
from ingestion.connectors import vendors
from ingestion.errors import ConnectionUnknown, StreamUnknown, VendorUnknown
from ingestion.lock import warehouse_lock
from ingestion.ops import TABLES, Ledger
from ingestion.settings import Settings, settings
from ingestion.streams import Stream
from ingestion.warehouse import open_warehouse


def fingerprint(family: Sequence[Stream], connection: Connection) -> str:
    """What a stream and those nested in it are read with, as a short name.

    Values that are accepted are not in it: records they set aside wait in quarantine and are tried again from there.
    """
    read_with = [
        {
            "path": stream.path,
            "nested_path": stream.nested_path,
            "key": stream.key,
            "params": dict(stream.params),
            "vault": dict(stream.vault),
            "columns": [(column.name, column.type, column.path, column.token) for column in stream.columns],
            "options": {name: connection.options.get(name) for name in stream.options},
        }
        for stream in family
    ]
    return hashlib.sha256(json.dumps(read_with, sort_keys=True, default=str).encode()).hexdigest()[:16]


def selected(vendor: str, streams: Sequence[Stream], names: Sequence[str] | None) -> tuple[Stream, ...]:
    """The streams to read for the names asked for; a nested one is read with its parent.

    Raises:
        StreamUnknown: naming those that exist.
    """
    by_name = {stream.name: stream for stream in streams}
    for name in names or ():
        if name not in by_name:
            raise StreamUnknown(vendor, name, by_name)
    wanted = {by_name[name].parent or name for name in names} if names is not None else set(by_name)
    return tuple(stream for stream in streams if stream.parent is None and stream.name in wanted)


def reread(chosen: Sequence[tuple[Connection, Sequence[str] | None]], where: Settings | None = None) -> int:
    """Let the next sync read streams from the beginning; all of them or, if something fails, none.

    Args:
        chosen: connections, each with the names of its streams, or None for all.
        where: settings, default those of the environment.

    Returns:
        Number of streams that will be read again.

    Raises:
        VendorUnknown, StreamUnknown: nothing was changed then.
        LockHeld: another process holds the warehouse.
    """
    where = where or settings()
    roots = [(connection, stream) for connection, names in chosen for stream in _roots(connection, names)]
    with warehouse_lock(where.lock_file), open_warehouse(where) as warehouse:
        warehouse.ensure(TABLES)
        with warehouse.transaction():
            for connection, stream in roots:
                ledger = Ledger(warehouse, connection)
                ledger.forget(stream.name, ledger.state(stream.name))
    return len(roots)


def _roots(connection: Connection, names: Sequence[str] | None) -> tuple[Stream, ...]:
    if connection.vendor not in vendors():
        raise VendorUnknown(connection.id, connection.vendor, vendors())
    return selected(connection.vendor, vendors()[connection.vendor].STREAMS, names)


def places(texts: Sequence[str], connections: Mapping[str, Connection]) -> list[tuple[Connection, list[str] | None]]:
    """What `--reread` names: `greenhouse_main` or `greenhouse_main.jobs`.

    Raises:
        ConnectionUnknown: naming the ones that exist.
    """
    found: list[tuple[Connection, list[str] | None]] = []
    for text in texts:
        connection_id, _, stream = text.partition(".")
        if connection_id not in connections:
            raise ConnectionUnknown(connection_id, connections)
        found.append((connections[connection_id], [stream] if stream else None))
    return found
