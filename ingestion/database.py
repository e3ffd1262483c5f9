"""How the pipeline opens a DuckDB file of its own: warehouse, demographics and vault alike."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from ingestion.errors import WarehouseBusy, WarehouseDamaged

# An extension is never fetched or loaded behind our back: the machine may be offline, and it would be foreign code.
OPEN_CONFIG = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def open_file(path: Path) -> duckdb.DuckDBPyConnection:
    """A file of ours, open for writing: mode 0600, times in UTC, no extension loaded behind our back.

    Raises:
        WarehouseBusy: another program has it open.
        WarehouseDamaged: it cannot be read.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # DuckDB creates files with the process's mode and refuses an empty one made beforehand; the directory is 0700.
    try:
        connection = duckdb.connect(str(path), config=dict(OPEN_CONFIG))
    except duckdb.Error as error:
        holder = re.search(r"Conflicting lock is held in .*\(PID (\d+)\)", str(error))
        if holder:
            raise WarehouseBusy(path, holder.group(1)) from None
        raise WarehouseDamaged(path, type(error).__name__) from None
    path.chmod(0o600)
    connection.execute("set timezone = 'UTC'")
    return connection
