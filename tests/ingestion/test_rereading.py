"""What was invisible or not declared at the first read arrives: by itself where that can be told, else by --reread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ingestion.connections import Connection
from ingestion.connectors import greenhouse
from ingestion.errors import StreamUnknown
from ingestion.progress import Notice
from ingestion.rereading import reread
from ingestion.sandbox import running_sandbox
from ingestion.settings import Settings

from .conftest import Desk
from .vendor import Vendor, department, moment, scorecard

STORED = "select count(*) from raw_greenhouse.departments"


def notices(desk: Desk, *streams: str, **more: Any) -> list[str]:
    """Sync and return what the operator was told."""
    told: list[str] = []
    result = desk.sync(
        *streams, progress=lambda event: told.append(event.message) if isinstance(event, Notice) else None, **more
    )
    assert not result.failed, result.failed
    return [message for message in told if "keys" not in message]


def test_a_stream_is_read_from_the_beginning_again_and_rows_stay_meanwhile(desk: Desk, vendor: Vendor) -> None:
    vendor.records["departments"] = [department(1)]
    desk.sync("departments")
    # Old records that the credential may see only now.
    vendor.records["departments"] += [department(n, updated_at="2019-05-01T00:00:00.000Z") for n in range(2, 60)]
    desk.sync("departments")
    assert desk.query(STORED) == [(1,)]
    assert reread([(desk.connection, ["departments"])], desk.where) == 1
    assert desk.query(STORED) == [(1,)]
    assert desk.sync("departments").streams[0].n_changed == 58
    assert desk.sync("departments").streams[0].windows == 1


def test_a_reread_reaches_as_far_back_as_the_first_read(desk: Desk, vendor: Vendor) -> None:
    vendor.records["scorecards"] = [scorecard(1), scorecard(2, updated_at="2019-05-01T00:00:00.000Z")]
    desk.sync("scorecards", since=datetime(2026, 1, 1, tzinfo=UTC))
    reread([(desk.connection, None)], desk.where)
    assert desk.sync("scorecards").streams[0].n_rows == 1


def test_one_unknown_stream_leaves_every_stream_as_it_was(desk: Desk, vendor: Vendor) -> None:
    vendor.records["departments"] = [department(1)]
    desk.sync("departments")
    before = desk.query("from raw_ops.stream_state")
    with pytest.raises(StreamUnknown):
        reread([(desk.connection, ["departments"]), (desk.connection, ["nonsense"])], desk.where)
    assert desk.query("from raw_ops.stream_state") == before


def test_a_column_that_a_release_adds_is_filled_in_old_rows_too(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.records["departments"] = [department(n, parent_id=7) for n in range(30)]
    whole = greenhouse.STREAMS

    def without_parent(stream: Any) -> Any:
        columns = tuple(column for column in stream.columns if column.name != "parent_id")
        return replace(stream, columns=columns) if stream.name == "departments" else stream

    monkeypatch.setattr(greenhouse, "STREAMS", tuple(map(without_parent, whole)))
    desk.sync("departments")
    monkeypatch.setattr(greenhouse, "STREAMS", whole)
    [told] = notices(desk, "departments")
    assert told.startswith("`greenhouse.departments` is declared otherwise than it was read")
    assert desk.query("select parent_id, count(*) from raw_greenhouse.departments group by 1") == [("7", 30)]
    assert notices(desk, "departments") == []


@pytest.mark.slow
def test_a_corrected_option_fills_the_column_it_names(
    where: Settings, desk_for: Callable[[Connection], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = "select count(*), count(job_level) from raw_greenhouse.jobs"
    with running_sandbox(size="tiny", seed=5, rate="raised") as sandbox:
        for name, value in sandbox.env.items():
            monkeypatch.setenv(name, value)
        wrong, right = (
            desk_for(Connection("greenhouse_main", "greenhouse", options={"level_field": name}))
            for name in ("job_lvl", "job_level")
        )
        assert notices(wrong, "jobs", "departments") == []
        [(n_jobs, n_levels)] = wrong.query(levels)
        assert (n_jobs > 5, n_levels) == (True, 0)
        [told] = notices(right, "jobs", "departments")
        assert "`greenhouse.jobs`" in told
        assert right.query(levels) == [(n_jobs, n_jobs)]
        assert notices(right, "jobs", "departments") == []


def hidden_from_reads(vendor: Vendor, n_hidden: int) -> None:
    """Ids of every record are told, the newest ones are not read while their time lies before the covered windows."""
    vendor.records["scorecards"] = [scorecard(n) for n in range(300)]
    vendor.records["scorecards"] += [
        scorecard(1000 + n, updated_at="2019-05-01T00:00:00.000Z") for n in range(n_hidden)
    ]


def test_ids_that_two_sweeps_saw_and_no_read_brought_have_the_stream_read_again(desk: Desk, vendor: Vendor) -> None:
    hidden_from_reads(vendor, 0)
    desk.sync("scorecards")
    hidden_from_reads(vendor, 40)
    assert notices(desk, "scorecards", sweep=True) == []  # may be newer than the read
    [told] = notices(desk, "scorecards", sweep=True)
    assert told == (
        "`greenhouse.scorecards` lacks 40 records whose ids two sweeps saw: it is read from the beginning again."
    )
    assert desk.query("select count(*) from raw_greenhouse.scorecards") == [(340,)]
    assert notices(desk, "scorecards", sweep=True) == []


def test_a_few_missing_ids_are_told_once_and_cost_no_reread(desk: Desk, vendor: Vendor) -> None:
    hidden_from_reads(vendor, 0)
    desk.sync("scorecards")
    hidden_from_reads(vendor, 2)
    notices(desk, "scorecards", sweep=True)
    [told] = notices(desk, "scorecards", sweep=True)
    assert told.endswith("If they should be there, run: qoh run --reread acme.scorecards")
    assert notices(desk, "scorecards", sweep=True) == []
    assert desk.query("select count(*) from raw_greenhouse.scorecards") == [(300,)]


def test_records_before_since_and_in_quarantine_are_not_missing(desk: Desk, vendor: Vendor) -> None:
    hidden_from_reads(vendor, 40)
    desk.sync("scorecards", since=datetime(2026, 1, 1, tzinfo=UTC))
    for _ in range(2):
        assert notices(desk, "scorecards", sweep=True) == []
    vendor.records["jobs"] = [
        {"id": n, "status": "odd" if n < 9 else "open", "updated_at": moment(1)} for n in range(40)
    ]
    desk.sync("jobs")
    for _ in range(3):
        assert notices(desk, "jobs", sweep=True) == []


def test_a_stream_that_no_firm_has_empty_fails_until_its_records_may_be_seen(desk: Desk, vendor: Vendor) -> None:
    for _ in range(2):
        failed = desk.sync("jobs", "departments")
        assert [(stream.stream, stream.error_class) for stream in failed.failed] == [("jobs", "StreamEmpty")]
        assert "check the scope `harvest:jobs:list`" in (failed.failed[0].error or "")
    vendor.records["jobs"] = [
        {"id": n, "status": "open", "created_at": moment(1), "updated_at": f"{2015 + n}-03-01T00:00:00.000Z"}
        for n in range(9)
    ]
    assert desk.sync("jobs").streams[0].n_changed == 9
    vendor.records["jobs"] = []
    assert desk.sync("jobs").streams[0].status == "ok"
