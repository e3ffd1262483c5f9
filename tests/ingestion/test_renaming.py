"""A renamed connection takes its rows along, whole, once, and also when it is interrupted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from ingestion import renaming
from ingestion.connections import Connection
from ingestion.load import note_connections
from ingestion.privacy import Vault
from ingestion.progress import Notice
from ingestion.rereading import reread
from ingestion.settings import Settings

from .conftest import Desk
from .test_crash import contents, filled
from .vendor import Vendor, scorecard

ROOT = Path(__file__).parents[2]
STREAMS = ("departments", "scorecards", "candidates", "sources", "eeoc")
NEW = Connection("acme_ats", "greenhouse", options={"max_wait_seconds": 20}, formerly=("acme",))


@pytest.fixture
def before(desk: Desk, vendor: Vendor) -> dict[str, list[Any]]:
    """What the old id holds: rows in every file, progress, a sweep, a record in quarantine, a decision, a history."""
    filled(vendor)
    assert not desk.sync(*STREAMS, sweep=True).failed
    with Vault(desk.where.vault_file) as vault, vault.transaction() as file:
        file.execute("insert into decisions values ('acme', 'c', 'hris', 'e', 'same', 'officer', now())")
    with duckdb.connect(str(desk.where.warehouse_file)) as warehouse:
        warehouse.execute("create schema snapshots")
        warehouse.execute(
            "create table snapshots.jobs_history as select 'acme' as connection_id, 'j' as job_id, "
            "timestamp '2026-01-01' as dbt_valid_from, null::timestamp as dbt_valid_to"
        )
    return contents(desk.where.home)


def renamed(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {
        table: sorted((tuple("acme_ats" if cell == "acme" else cell for cell in row) for row in found), key=str)
        for table, found in rows.items()
    }


def in_order(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {table: sorted(found, key=str) for table, found in rows.items()}


def test_rows_and_progress_of_every_file_move_and_the_next_sync_reads_only_news(
    before: dict[str, list[Any]], desk: Desk, desk_for: Callable[[Connection], Desk]
) -> None:
    told: list[str] = []
    (desk.where.dlt / "acme").mkdir(parents=True)
    result = desk_for(NEW).sync(
        *STREAMS, progress=lambda event: told.append(event.message) if isinstance(event, Notice) else None
    )
    assert told == ["Connection `acme` is now `acme_ats`: its rows and how far they reach moved along."]
    assert sum(stream.n_changed for stream in result.streams) == 0
    assert {stream.windows for stream in result.streams} == {1}
    assert in_order(contents(desk.where.home)) == renamed(before)
    assert not (desk.where.dlt / "acme").exists()
    for table in ("stream_runs", "sweeps", "connections"):
        assert desk.query(f"select distinct connection_id from raw_ops.{table}") == [("acme_ats",)]
    assert note_connections([NEW], desk.where) == []


def test_a_rename_interrupted_anywhere_is_completed_by_the_next_run(
    before: dict[str, list[Any]], where: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, n_moved = renaming.rekey, 0

    def interrupted_at(last: int) -> Callable[..., None]:
        def move(*arguments: Any) -> None:
            nonlocal n_moved
            n_moved += 1
            if n_moved == last:
                raise KeyboardInterrupt
            whole(*arguments)

        return move

    def copied(name: str) -> Settings:
        shutil.copytree(where.home, tmp_path / name)
        return replace(where, home=tmp_path / name)

    monkeypatch.setattr(renaming, "rekey", interrupted_at(0))
    note_connections([NEW], copied("undisturbed"))
    n_all = n_moved
    assert n_all > 30
    for last in (*range(1, 12), *range(12, n_all + 1, 9)):
        place, n_moved = copied(f"at_{last}"), 0
        monkeypatch.setattr(renaming, "rekey", interrupted_at(last))
        with pytest.raises(KeyboardInterrupt):
            note_connections([NEW], place)
        monkeypatch.setattr(renaming, "rekey", whole)
        note_connections([NEW], place)
        assert in_order(contents(place.home)) == renamed(before), last


def test_where_both_ids_were_read_each_record_is_there_once_in_its_later_version(
    before: dict[str, list[Any]], desk: Desk, vendor: Vendor, desk_for: Callable[[Connection], Desk]
) -> None:
    unsaid = replace(NEW, formerly=())
    vendor.clock = datetime(2026, 4, 20, tzinfo=UTC)
    vendor.records["scorecards"][5] |= {"candidate_rating": "no", "updated_at": "2026-04-15T12:00:00.000Z"}
    vendor.records["scorecards"].append(scorecard(900, updated_at="2026-04-16T12:00:00.000Z"))
    desk_for(unsaid).sync("scorecards", "candidates")
    with duckdb.connect(str(desk.where.warehouse_file)) as warehouse:
        warehouse.execute(
            "insert into snapshots.jobs_history values ('acme', 'left', '2026-01-01', null), "
            "('acme_ats', 'j', '2026-04-20', null), ('acme', 'j', '2026-04-21', null)"
        )
    for _ in range(2):  # said in every run until it is mended
        [sentence] = note_connections([unsaid], desk.where)
        assert '`formerly = ["acme"]`' in sentence
    assert desk.query("select count(*) from raw_greenhouse.scorecards where id = '5'") == [(2,)]
    joined = desk_for(NEW)
    joined.sync(*STREAMS)
    assert desk.query("select count(*), count(distinct id) from raw_greenhouse.scorecards") == [(120, 120)]
    assert desk.query("select candidate_rating from raw_greenhouse.scorecards where id = '5'") == [("no",)]
    for table, key in (("stream_state", "stream"), ("quarantine", "record_key"), ("connections", "connection_id")):
        assert desk.query(f"select count(*) - count(distinct {key}) from raw_ops.{table}") == [(0,)], table
    with Vault(desk.where.vault_file) as vault:
        people = "select count(*), count(distinct (source, attribute)), any_value(connection_id) from people"
        assert vault.connection.execute(people).fetchall() == [(360, 360, "acme_ats")]
    [first_seen] = desk.query("select first_seen_at < last_seen_at from raw_ops.connections")
    assert first_seen == (True,)
    versions = "select job_id, day(dbt_valid_from), day(dbt_valid_to) from snapshots.jobs_history order by all"
    assert desk.query(versions) == [("j", 1, 20), ("j", 20, None), ("left", 1, None)]


def test_a_stream_that_waits_to_be_read_again_waits_under_the_new_id_too(
    before: dict[str, list[Any]], desk: Desk, desk_for: Callable[[Connection], Desk]
) -> None:
    reread([(NEW, ["departments"])], desk.where)
    [read_again] = desk_for(NEW).sync("departments").streams
    assert (read_again.n_rows, read_again.n_changed) == (len(before["warehouse.duckdb/raw_greenhouse.departments"]), 0)


def test_every_history_names_its_records_as_the_renaming_expects() -> None:
    declared = yaml.safe_load((ROOT / "dbt_project" / "snapshots" / "snapshots.yml").read_text())
    for snapshot in declared["snapshots"]:
        assert snapshot["config"]["unique_key"] == ["connection_id", renaming.history_key(snapshot["name"])]


def test_the_rows_of_another_vendor_are_not_taken(
    before: dict[str, list[Any]], desk: Desk, desk_for: Callable[[Connection], Desk]
) -> None:
    hris = Connection("hris", "bamboohr", formerly=("acme",))
    assert any("whose rows are of `greenhouse`" in sentence for sentence in note_connections([hris], desk.where))
    assert in_order(contents(desk.where.home)) == in_order(before)
