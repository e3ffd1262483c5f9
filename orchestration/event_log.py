"""Dagster's SQLite event log with its connections kept open, and with the file of a deleted run deleted too.

The stock class opens and closes a connection for every event; each close is a WAL checkpoint and each commit waits for
the disk: 20–70 ms an event, of which a nightly run writes more than a thousand. Open connections with
`synchronous=NORMAL` make it 3 to 10 ms. A killed process still loses nothing; a power cut may lose the last events of a
run, never the file. Deleting a run empties its file of some megabytes and leaves it lying. Drop this when Dagster does
both itself (seen in 1.13.27).
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine, create_engine, event

KEPT_OPEN = 8
"""Files: the index and the runs used last."""


class OpenSqliteEventLogStorage(SqliteEventLogStorage):
    """As its parent, with engines and connections of the files used last kept."""

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> OpenSqliteEventLogStorage:
        """The parent names itself here; a relative directory lies in DAGSTER_HOME, so that a home can be moved."""
        return cls(inst_data=inst_data, base_dir=os.path.join(os.environ["DAGSTER_HOME"], config_value["base_dir"]))

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        engines: OrderedDict[str, Engine] = self.__dict__.setdefault("_engines", OrderedDict())
        if shard not in engines:
            engines[shard] = _opened(self.conn_string_for_shard(shard))
        engines.move_to_end(shard)
        while len(engines) > KEPT_OPEN:
            engines.popitem(last=False)[1].dispose()
        return engines[shard]

    def delete_events(self, run_id: str) -> None:
        """Delete a run's events, and its file."""
        super().delete_events(run_id)
        with self._db_lock:
            engine = self.__dict__.get("_engines", {}).pop(run_id, None)
            if engine:
                engine.dispose()
            self._initialized_dbs.discard(run_id)
            shard = Path(self.path_for_shard(run_id))
            for file in (shard, *shard.parent.glob(f"{shard.name}-*")):
                file.unlink(missing_ok=True)

    def dispose(self) -> None:
        """Close every file."""
        for engine in self.__dict__.pop("_engines", {}).values():
            engine.dispose()
        super().dispose()


def _opened(address: str) -> Engine:
    engine = create_engine(address, pool_size=1, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
    event.listen(engine, "connect", _relaxed)
    return engine


def _relaxed(connection: Any, _record: object) -> None:
    connection.execute("pragma synchronous = normal")
