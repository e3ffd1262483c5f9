"""Records that were set aside: what an operator sees of them. Tokens and column names only, never a value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ingestion.lock import warehouse_lock
from ingestion.settings import Settings, settings
from ingestion.warehouse import open_warehouse


@dataclass(frozen=True)
class Quarantined:
    """One record and the rule it breaks.

    Attributes:
        record_key: the key as it would be stored: tokens for persons; `unkeyed:…` for a record without a key.
        window_start: start of the window it was read in; None for a stream without cursor.
    """

    connection_id: str
    vendor: str
    stream: str
    endpoint: str
    record_key: str
    rule: str
    reason: str
    window_start: datetime | None
    window_end: datetime
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None


def quarantined(
    connection_id: str | None = None, *, include_resolved: bool = False, where: Settings | None = None
) -> list[Quarantined]:
    """Records in quarantine, newest first.

    Args:
        connection_id: of one connection only.
        include_resolved: those that arrived well later, too.
        where: settings, default those of the environment.
    """
    where = where or settings()
    if not where.warehouse_file.exists():
        return []
    with warehouse_lock(where.lock_file, looking=True), open_warehouse(where) as warehouse:
        rows = warehouse.run(
            f"select {', '.join(Quarantined.__dataclass_fields__)} from raw_ops.quarantine "
            "where (? or resolved_at is null) and coalesce(connection_id = ?, true) "
            "order by last_seen_at desc, stream, record_key",
            [include_resolved, connection_id],
        )
    return [Quarantined(*row) for row in rows]
