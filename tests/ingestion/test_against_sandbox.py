"""Months of incremental syncs with edits and deletions end where one fresh full load ends."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from ingestion.connections import load_connections
from ingestion.connectors import vendors
from ingestion.load import sync
from ingestion.sandbox import running_sandbox
from ingestion.settings import settings
from ingestion.storing import IDS

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_incremental_syncs_and_sweeps_end_where_a_fresh_load_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QOH_KEYS", str(tmp_path / "keys"))
    grown, fresh = tmp_path / "grown", tmp_path / "fresh"
    with running_sandbox(size="tiny", seed=5, rate="raised") as sandbox:
        for name, value in sandbox.env.items():
            monkeypatch.setenv(name, value)
        changed = {}
        for step in range(3):
            if step:
                sandbox.advance(30)
            changed[step] = run(grown, monkeypatch)
        requests_before = sandbox.request_log.total()
        changed["again"] = run(grown, monkeypatch)
        requests = sandbox.request_log.total() - requests_before
        run(fresh, monkeypatch)
    assert changed[0] > 5_000
    assert 0 < changed[1] < changed[0] / 4
    assert changed["again"] == 0
    assert requests < 80
    with duckdb.connect(str(grown / "warehouse.duckdb"), read_only=True) as database:
        database.execute(f"attach '{fresh / 'warehouse.duckdb'}' as fresh (read_only)")
        wrong = []
        n_deleted = 0
        for vendor, module in vendors().items():
            for stream in module.STREAMS:
                if stream.zone != "warehouse" or vendor == "files":
                    continue
                table = f"raw_{vendor}.{stream.name}"
                columns = "* exclude (_dlt_load_id)"
                missing = f"select {columns} from fresh.{table} except select {columns} from {table}"
                wrong += [(table, "missing or old", row) for row in database.execute(missing).fetchall()]
                if stream.sweep:
                    swept = f"select connection_id, id from {table}{IDS} where sweep_id in {LAST_SWEEP}"
                    live = f"select connection_id, id from {table} where (connection_id, id) in ({swept})"
                    stale = f"{live} except select connection_id, id from fresh.{table}"
                    wrong += [(table, "should be gone", row) for row in database.execute(stale).fetchall()]
                    gone = f"select count(*) from {table} where (connection_id, id) not in ({swept})"
                    n_deleted += database.execute(gone).fetchone()[0]  # type: ignore[index]
    assert wrong == []
    assert n_deleted > 0


@pytest.mark.slow
def test_after_a_backfill_since_a_day_every_scorecard_has_its_form_slot_stage_and_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QOH_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("QOH_HOME", str(tmp_path / "data"))
    with running_sandbox(size="tiny", seed=5, rate="raised") as sandbox:
        for name, value in sandbox.env.items():
            monkeypatch.setenv(name, value)
        [greenhouse] = [one for one in load_connections(ROOT / "connections.example.toml") if one.vendor == VENDOR]
        assert not sync(greenhouse, since=datetime(2026, 3, 1, tzinfo=UTC)).failed
    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb"), read_only=True) as database:
        database.execute("use raw_greenhouse")
        [(n_scorecards, oldest)] = database.execute("select count(*), min(updated_at) from scorecards").fetchall()
        [(n_old_forms,)] = database.execute(
            "select count(*) from interview_kits where updated_at < ?", [oldest]
        ).fetchall()
        assert n_scorecards > 50
        assert n_old_forms > 0
        for table, column, referred, key in REFERENCES:
            lost = (
                f"select count(*) from {table} where {column} is not null "
                f"and {column} not in (select {key} from {referred})"
            )
            assert database.execute(lost).fetchall() == [(0,)], (table, column)


@pytest.mark.slow
def test_rows_that_a_vendor_shows_late_arrive_with_the_next_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QOH_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("QOH_HOME", str(tmp_path / "data"))
    changed = "select count(*) from raw_greenhouse.scorecards where updated_at > '2026-07-14 23:15+00'"
    with running_sandbox(size="tiny", seed=5, as_of=date(2026, 7, 15), rate="raised") as sandbox:
        for name, value in sandbox.env.items():
            monkeypatch.setenv(name, value)
        [greenhouse] = [one for one in load_connections(ROOT / "connections.example.toml") if one.vendor == VENDOR]
        sandbox.chaos("replica_lag")
        found = []
        for _ in range(2):
            assert not sync(greenhouse, ["scorecards"]).failed
            sandbox.calm()
            with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb"), read_only=True) as database:
                found += database.execute(changed).fetchall()
    [(early,), (late,)] = found
    assert early == 0
    assert late > 0


VENDOR = "greenhouse"
REFERENCES = (
    ("scorecards", "interview_kit_id", "interview_kits", "id"),
    ("interview_kits", "job_interview_id", "job_interviews", "id"),
    ("job_interviews", "job_interview_stage_id", "job_interview_stages", "id"),
    ("scorecards", "interviewer_id", "users", "id"),
    ("scorecards", "submitter_id", "users", "id"),
    ("scorecard_candidate_attributes", "job_candidate_attribute_id", "job_candidate_attributes", "id"),
    ("applications", "job_id", "jobs", "id"),
)

LAST_SWEEP = """(
    select last(sweep_id order by started_at) from raw_ops.sweeps
    where completed_at is not null group by connection_id, stream)"""


def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Rows changed by one sync of every connection."""
    monkeypatch.setenv("QOH_HOME", str(home))
    results = [sync(connection) for connection in load_connections(ROOT / "connections.example.toml")]
    assert [stream.error for result in results for stream in result.failed] == []
    assert settings().home == home
    return sum(stream.n_changed for result in results for stream in result.streams)
