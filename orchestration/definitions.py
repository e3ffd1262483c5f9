"""What Dagster loads: everything, for the connections of connections.toml."""

from __future__ import annotations

from collections.abc import Sequence

from ingestion.connections import Connection, load_connections
from ingestion.errors import ConnectionsFileMissing
from orchestration.home import prepare


def configured() -> Sequence[Connection]:
    """The connections of connections.toml, none where there is no such file yet."""
    try:
        return load_connections(prepare().connections)
    except ConnectionsFileMissing:
        return []


connections = configured()

# After `prepare`: the stack is told to stay silent before it is imported.
from orchestration.build import build_definitions  # noqa: E402

defs = build_definitions(connections)
