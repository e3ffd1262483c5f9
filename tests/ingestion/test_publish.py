"""Readers see finished versions only, and can do nothing but read them."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from ingestion.errors import LockHeld, PublishRefused, VersionNotKept, WarehouseBusy, WarehouseDamaged
from ingestion.load import ensure_raw_tables
from ingestion.lock import warehouse_lock
from ingestion.settings import Settings
from ingestion.warehouse import (
    KEPT_VERSIONS,
    open_published,
    open_warehouse,
    publish,
    published_path,
    published_versions,
    show_version,
)

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


def build(where: Settings, generation: int) -> None:
    with open_warehouse(where) as warehouse:
        warehouse.run("create schema if not exists marts_ops")
        warehouse.run("create or replace table marts_ops.a as select ? as generation from range(1000)", [generation])
        warehouse.run("create or replace table marts_ops.b as select ? as generation from range(1000)", [generation])


def test_a_version_holds_the_listed_tables_and_says_what_it_is(where: Settings) -> None:
    ensure_raw_tables(where)
    build(where, 1)
    path = publish("analyst", ["marts_ops.a", "marts_ops.b"], AS_OF, where)
    assert published_path("analyst", where) == path
    with open_published("analyst", where) as reader:
        tables = reader.execute("select schema_name, table_name from duckdb_tables() order by all").fetchall()
        assert tables == [("marts_ops", "a"), ("marts_ops", "b"), ("meta", "published")]
        said = reader.execute("select distinct role, as_of, sum(n_rows) over () from meta.published").fetchall()
        assert said == [("analyst", AS_OF, 2000)]
        assert reader.execute("select tags from duckdb_databases() where not internal").fetchall() == [
            ({"storage_version": "v1.0.0+"},)
        ]


@pytest.mark.parametrize(
    "name", ["raw_greenhouse.candidates", "canonical.candidates", "staging.x", "marts_ops.a; drop"]
)
def test_only_marts_and_estimates_can_be_published(name: str, where: Settings) -> None:
    build(where, 1)
    with pytest.raises(PublishRefused, match="neither a mart nor an estimate"):
        publish("analyst", [name], AS_OF, where)
    assert published_path("analyst", where) is None


def test_a_refused_publication_leaves_the_version_readers_have(where: Settings) -> None:
    build(where, 1)
    first = publish("analyst", ["marts_ops.a"], AS_OF, where)
    with pytest.raises(PublishRefused, match="not built yet"):
        publish("analyst", ["marts_ops.a", "marts_ops.gone"], AS_OF, where)
    assert published_path("analyst", where) == first


def test_the_newest_versions_are_kept_and_leftovers_of_a_killed_run_go(where: Settings) -> None:
    build(where, 1)
    where.published.mkdir()
    (where.published / ".analyst-1.part").write_text("half a file")
    made = [publish("analyst", ["marts_ops.a"], AS_OF, where) for _ in range(KEPT_VERSIONS + 2)]
    kept = sorted(where.published.glob("*analyst-*"))
    assert kept == sorted(made[-KEPT_VERSIONS:])
    assert not list(where.published.glob(".analyst*"))


def generation_seen(where: Settings) -> int:
    with open_published("analyst", where) as reader:
        ((seen,),) = reader.execute("select distinct generation from marts_ops.a").fetchall()
    return int(seen)


def test_readers_get_an_earlier_version_back_and_the_next_publication_goes_on(where: Settings) -> None:
    made = []
    for generation in (1, 2, 3):
        build(where, generation)
        made.append(publish("analyst", ["marts_ops.a"], AS_OF, where))
    assert list(published_versions("analyst", where).values()) == made
    assert show_version("analyst", where=where) == made[1]
    assert generation_seen(where) == 2
    assert show_version("analyst", where=where) == made[0], "the one before that which readers see"
    newest = list(published_versions("analyst", where))[-1]
    assert show_version("analyst", newest, where) == made[2]
    show_version("analyst", where=where)
    build(where, 4)
    publish("analyst", ["marts_ops.a"], AS_OF, where)
    assert generation_seen(where) == 4
    assert len(published_versions("analyst", where)) == 4, "a way back deletes nothing"


def test_a_version_that_is_not_kept_is_refused_and_readers_keep_theirs(where: Settings) -> None:
    build(where, 1)
    path = publish("analyst", ["marts_ops.a"], AS_OF, where)
    with pytest.raises(VersionNotKept, match="no version before the current one is kept"):
        show_version("analyst", where=where)
    with pytest.raises(VersionNotKept, match=r"`analyst`: no version `x` is kept.*qoh published --versions"):
        show_version("analyst", "x", where)
    with pytest.raises(VersionNotKept):
        show_version("nobody", where=where)
    assert published_path("analyst", where) == path


def test_readers_never_fail_or_see_half_a_version_while_publishing(where: Settings) -> None:
    build(where, 0)
    publish("analyst", ["marts_ops.a", "marts_ops.b"], AS_OF, where)
    program = f"""
import os, time
os.environ.update(QOH_HOME={str(where.home)!r}, QOH_KEYS={str(where.keys)!r})
from ingestion.warehouse import open_published
last, reads, until = -1, 0, time.monotonic() + 3
while time.monotonic() < until:
    with open_published("analyst") as reader:
        seen = reader.execute("select distinct a.generation, b.generation from marts_ops.a, marts_ops.b").fetchall()
    assert len(seen) == 1 and seen[0][0] == seen[0][1] >= last, (seen, last)
    last, reads = seen[0][0], reads + 1
assert reads > 10, reads
"""
    reader = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    generation = 0
    while reader.poll() is None:
        generation += 1
        build(where, generation)
        publish("analyst", ["marts_ops.a", "marts_ops.b"], AS_OF, where)
    with reader:
        assert reader.stderr is not None
        assert reader.returncode == 0, reader.stderr.read()
    assert generation > 5


def test_a_reader_can_only_read(where: Settings, tmp_path: Path) -> None:
    build(where, 1)
    publish("analyst", ["marts_ops.a"], AS_OF, where)
    with open_published("analyst", where) as reader:
        for sql in (
            f"copy marts_ops.a to '{tmp_path / 'out.csv'}'",
            "select * from read_text('/etc/hostname')",
            f"attach '{where.warehouse_file}' as w",
            "install httpfs",
            "set enable_external_access = true",
            "insert into marts_ops.a values (1)",
        ):
            with pytest.raises(duckdb.Error):
                reader.execute(sql)


def test_a_file_open_elsewhere_is_named_with_the_pid(where: Settings) -> None:
    build(where, 1)
    program = (
        f"import duckdb, os, sys; c = duckdb.connect({str(where.warehouse_file)!r}, read_only=True)\n"
        "print(os.getpid(), flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout is not None
        pid = holder.stdout.readline().strip()
        with pytest.raises(WarehouseBusy, match=f"pid {pid}"):
            build(where, 2)
        holder.kill()


def test_a_damaged_file_says_what_to_do(where: Settings) -> None:
    build(where, 1)
    content = bytearray(where.warehouse_file.read_bytes())
    content[8:300] = bytes(292)
    where.warehouse_file.write_bytes(content)
    with pytest.raises(WarehouseDamaged, match="qoh run"):
        build(where, 2)


def test_a_second_process_is_refused_with_pid_and_start_time(where: Settings) -> None:
    program = f"""
import os, sys, time
os.environ.update(QOH_HOME={str(where.home)!r})
from ingestion.lock import warehouse_lock
with warehouse_lock():
    print(os.getpid(), flush=True)
    sys.stdin.read()
"""
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    pid = holder.stdout.readline().strip()
    with pytest.raises(LockHeld, match=rf"pid {pid}, started 20\d\d-"), warehouse_lock(where.lock_file):
        pass
    with holder:
        holder.kill()
    with warehouse_lock(where.lock_file), warehouse_lock(where.lock_file):
        pass
