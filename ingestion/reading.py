"""One window of one stream, from the vendor to typed rows in memory; nothing is stored here."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingestion.errors import MostRecordsRefused
from ingestion.privacy import Projection, Pseudonymiser, Vault, explode
from ingestion.records import Contract, Refusal, Rows, reach
from ingestion.streams import NOT_PERMITTED, ConnectorLike, Page, Stream, Window

REFUSED_FLOOR = 10
"""Up to this many bad records are bad records; beyond, if they are the majority, the contract itself is wrong."""

VAULT_CHUNK = 5_000

LARGEST_BATCH = 100_000
"""Rows of a window that are kept in memory; beyond, they are stored while it is read. A row costs about 1.1 kB and four
streams are read at once: half a gigabyte. The window itself has no bound: after quiet years it spans a busy one."""


class VaultSink:
    """Clear values on their way to the vault, in chunks, from several threads.

    They are written before the rows that carry their tokens: a token in the warehouse is always resolvable. Writing the
    same values twice changes nothing.
    """

    def __init__(self, path: Path, connection_id: str) -> None:
        self._path = path
        self._connection_id = connection_id
        self._vault: Vault | None = None
        self._lock = threading.Lock()

    def tombstones(self) -> frozenset[str]:
        """Tokens of erased persons."""
        with self._lock:
            return self._opened().tombstones()

    def write(self, projections: Iterable[Projection]) -> None:
        """Store clear values."""
        with self._lock:
            self._opened().upsert(self._connection_id, projections)

    def close(self) -> None:
        """Close the vault's file."""
        with self._lock:
            if self._vault is not None:
                self._vault.close()
                self._vault = None

    def _opened(self) -> Vault:
        if self._vault is None:
            self._vault = Vault(self._path)
        return self._vault


@dataclass
class Batch:
    """What one window brought, or a part of it: all but the rows adds up over the parts.

    Attributes:
        stream: the stream read.
        window: what was asked for.
        rows: accepted rows by stream name: the stream itself and the ones nested in it.
        refused: what was set aside, by stream name: (record key, rule) -> (endpoint, refusal).
        done: units finished by this window.
        seen: records of the stream itself, accepted or not.
        pages: answers read.
        problem: what the stream fails with once the window is stored.
        is_last: whether the window ends here; only then it counts as read.
        is_whole: whether every record that exists is among the rows: none set aside, withheld, left out or gone.
        started_at: when reading began (UTC).
    """

    stream: Stream
    window: Window
    rows: dict[str, Rows]
    refused: dict[str, dict[tuple[str, str], tuple[str, Refusal]]]
    done: list[str] = field(default_factory=list)
    seen: int = 0
    pages: int = 0
    problem: Exception | None = None
    is_last: bool = False
    is_whole: bool = True
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def names_all(self) -> bool:
        """Whether what is not among the rows no longer exists, as after an id sweep."""
        return self.window.complete and self.is_last and self.is_whole and self.problem is None


class Reader:
    """Reads windows of one connection.

    Args:
        connector: the vendor.
        connection_id: goes into every key.
        pseudonymiser: takes identifiers out.
        vault: takes what the person link needs.
        latest: nothing can have changed after this (the vendor's clock plus a day).
    """

    def __init__(
        self,
        connector: ConnectorLike,
        connection_id: str,
        pseudonymiser: Pseudonymiser,
        vault: VaultSink,
        latest: datetime,
    ) -> None:
        self._connector = connector
        self._connection_id = connection_id
        self._pseudonymiser = pseudonymiser
        self._vault = vault
        self._latest = latest

    def read(
        self, stream: Stream, children: Sequence[Stream], window: Window, on_page: Callable[[Batch], None]
    ) -> Iterator[Batch]:
        """Every page of the window, checked and tokenised: one batch, or several where a stream with cursor is large.

        A complete read comes in one, since it is judged as a whole before anything of it is stored.

        Raises:
            VendorError: from the connector; the window counts as unread then.
            MostRecordsRefused: the vendor changed its records.
        """
        family = (stream, *children)
        contracts = {member.name: Contract(member, self._pseudonymiser, self._latest) for member in family}
        batch = Batch(stream, window, self._no_rows(family), {member.name: {} for member in family})
        clear: list[Projection] = []
        for page in self._connector.read(stream, window):
            batch.pages += 1
            batch.done += page.done
            batch.problem = batch.problem or page.problem
            batch.is_whole = batch.is_whole and page.is_whole and not page.withheld
            for record in page.records:
                self._take(batch, contracts, children, page, record, clear)
            for withheld in page.withheld:
                batch.seen += 1
                key = contracts[stream.name].name_of(withheld.record)
                refusal = Refusal(key, NOT_PERMITTED, withheld.reason)
                self._set_aside(batch, stream.name, page, withheld.record, refusal)
            if len(clear) >= VAULT_CHUNK:
                self._vault.write(clear)
                clear.clear()
            on_page(batch)
            if stream.cursor is not None and sum(map(len, batch.rows.values())) >= LARGEST_BATCH:
                yield self._checked(batch, clear)
                batch.rows = self._no_rows(family)
        batch.is_last = True
        yield self._checked(batch, clear)

    def _no_rows(self, family: Sequence[Stream]) -> dict[str, Rows]:
        return {member.name: Rows(member, self._connection_id) for member in family}

    def _checked(self, batch: Batch, clear: list[Projection]) -> Batch:
        """The batch, once its contract is no changed one and its clear values are in the vault."""
        self._refuse_mass(batch)
        if clear:
            self._vault.write(clear)
            clear.clear()
        return batch

    def _take(
        self,
        batch: Batch,
        contracts: dict[str, Contract],
        children: Sequence[Stream],
        page: Page,
        record: Any,
        clear: list[Projection],
    ) -> None:
        name = batch.stream.name
        batch.seen += 1
        projection = self._judge(batch, contracts[name], page, record)
        if projection is None:
            batch.is_whole = False
            return
        if projection.source is not None:
            clear.append(projection)
        for child in children:
            nested = reach(record, (child.nested_path or "").split("."))
            if nested is not None and not isinstance(nested, list):
                refusal = Refusal(contracts[name].name_of(record), "wrong_type", f"`{child.nested_path}` is no list")
                self._set_aside(batch, child.name, page, record, refusal)
                continue
            for item in explode(child, record):
                self._judge(batch, contracts[child.name], page, item)

    def _judge(self, batch: Batch, contract: Contract, page: Page, record: Any) -> Projection | None:
        verdict = contract.check(record)
        if isinstance(verdict, Refusal):
            self._set_aside(batch, contract.stream.name, page, record, verdict)
            return None
        if verdict is None:
            return None
        batch.rows[contract.stream.name].add(verdict)
        return verdict.projection

    def _set_aside(self, batch: Batch, name: str, page: Page, record: Any, refusal: Refusal) -> None:
        key = refusal.record_key or self._fingerprint(record)
        batch.refused[name][key, refusal.rule] = (page.endpoint, refusal)

    def _fingerprint(self, record: Any) -> str:
        """A name for a record without a key: keyed, so that nobody can guess the record from it."""
        text = json.dumps(record, sort_keys=True, default=str)
        return f"unkeyed:{self._pseudonymiser.token('record', text)}"

    def _refuse_mass(self, batch: Batch) -> None:
        # What a key may not see says nothing of the contract.
        refused = {key: found for key, found in batch.refused[batch.stream.name].items() if key[1] != NOT_PERMITTED}
        if len(refused) > REFUSED_FLOOR and 2 * len(refused) > batch.seen:
            rules = ", ".join(sorted({f"{rule}: {refusal.reason}" for (_, rule), (_, refusal) in refused.items()}))
            endpoint = next(iter(refused.values()))[0]
            raise MostRecordsRefused(self._connection_id, batch.stream.name, endpoint, len(refused), batch.seen, rules)
