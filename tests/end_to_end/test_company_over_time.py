"""One company, two ATS accounts, three runs: the first, the one a month later, the one in which nothing happened.

Analysts read the published file all the while.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from ingestion.connectors import vendors
from ingestion.privacy import Pseudonymiser, load_keys
from ingestion.sandbox.company import Company, build_company
from ingestion.sandbox.runner import AS_OF, HISTORY_END, RunningSandbox, running_sandbox
from ingestion.sandbox.wire import parse_moment

from ..reliability.homes import EXAMPLE, Home, Prints, differences, fingerprint

pytestmark = pytest.mark.slow

SEED = 1
LATER = AS_OF + timedelta(days=30)
READERS = 2
SECOND_ACCOUNT = """
[[connection]]
id = "greenhouse_second"
vendor = "greenhouse"
base_url_env = "GREENHOUSE2_BASE_URL"
token_url_env = "GREENHOUSE2_TOKEN_URL"
client_id_env = "GREENHOUSE2_CLIENT_ID"
client_secret_env = "GREENHOUSE2_CLIENT_SECRET"
"""
SERVED = {
    "bamboohr.job_info": "bamboohr_jobInfo",
    "bamboohr.employment_status": "bamboohr_employmentStatus",
    "lattice.review_cycles": "lattice_reviewCycles",
}
"""Streams whose table in the sandbox has another name."""


@dataclass
class Run:
    """What one run left behind."""

    output: str
    requests: Counter[str]
    synced: dict[tuple[str, str], tuple[int, int, int]]
    warehouse: Prints
    published: Prints


@dataclass
class Story:
    """The home after three runs, and what was seen on the way."""

    home: Home
    sandbox: RunningSandbox
    runs: list[Run] = field(default_factory=list)
    looks: list[list[dict[str, Any]]] = field(default_factory=list)

    def run(self, *arguments: str) -> None:
        before = Counter(self.sandbox.request_log.counts)
        output = self.home.run(self.sandbox.env, *arguments)
        synced = self.home.rows(
            "select connection_id, stream, n_rows, n_changed, n_deleted from raw_ops.stream_runs"
            " qualify row_number() over (partition by connection_id, stream order by started_at desc) = 1"
        )
        self.runs.append(
            Run(
                output,
                Counter(self.sandbox.request_log.counts) - before,
                {
                    (connection, stream): (rows, changed, deleted)
                    for connection, stream, rows, changed, deleted in synced
                },
                fingerprint(self.home.warehouse),
                fingerprint(self.home.published),
            )
        )

    def token(self, kind: str, value: int) -> str:
        found = Pseudonymiser(load_keys(self.home.path / "keys", self.home.data)).token(kind, value)
        assert found
        return found


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    root = tmp_path_factory.mktemp("story")
    connections = root / "connections.toml"
    connections.write_text(EXAMPLE.read_text() + SECOND_ACCOUNT)
    with running_sandbox(size="tiny", seed=SEED) as sandbox:
        story = Story(Home(root, connections), sandbox)
        story.run()
        sandbox.advance(30)
        link, stop = root / "data" / "published" / "analyst.duckdb", root / "stop"
        command = [sys.executable, str(Path(__file__).with_name("reader.py")), str(link), str(stop)]
        readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(READERS)]
        try:
            story.run("--sweep")
            story.run()
        finally:
            stop.touch()
            story.looks = [list(map(json.loads, reader.communicate()[0].splitlines())) for reader in readers]
        yield story


@pytest.fixture(scope="module")
def company() -> Company:
    return build_company(SEED, "tiny", HISTORY_END)


def served(sandbox: RunningSandbox, vendor: str, stream: str, as_of: date, account: int = 0) -> dict[str, Any]:
    """The vendor's records on a day, by id."""
    key = "employeeId" if (vendor, stream) == ("bamboohr", "employees") else "id"
    moment = parse_moment(datetime.combine(as_of, time(), UTC).isoformat())
    store = sandbox.server.store(account)
    found = store.read(SERVED.get(f"{vendor}.{stream}", f"{vendor}_{stream}"), moment, ascending=True).payloads
    return {str(record[key]): record for record in map(orjson.loads, found)}


def scorecards(sandbox: RunningSandbox) -> tuple[dict[str, Any], dict[str, Any]]:
    """Scorecards before and after the month."""
    return served(sandbox, "greenhouse", "scorecards", AS_OF), served(sandbox, "greenhouse", "scorecards", LATER)


# A row for a question and one for each wording of it; a table that only some firms have.
NOT_ONE_TO_ONE = {("lattice", "questions"), ("bamboohr", "performance_reviews")}
STREAMS = [
    (connection, vendor, stream.name)
    for connection, vendor in [
        ("greenhouse_main", "greenhouse"),
        ("greenhouse_second", "greenhouse"),
        ("bamboohr_main", "bamboohr"),
        ("lattice_main", "lattice"),
    ]
    for stream in vendors()[vendor].STREAMS
    if stream.parent is None and stream.zone == "warehouse" and (vendor, stream.name) not in NOT_ONE_TO_ONE
]


@pytest.mark.parametrize(("connection", "vendor", "stream"), STREAMS, ids=lambda value: str(value))
def test_a_month_later_every_table_holds_what_the_vendor_has_and_what_it_deleted_once(
    story: Story, connection: str, vendor: str, stream: str
) -> None:
    account = int(connection == "greenhouse_second")
    before = served(story.sandbox, vendor, stream, AS_OF, account)
    after = served(story.sandbox, vendor, stream, LATER, account)
    [(rows, ids)] = story.home.rows(
        f"select count(*), count(distinct id) from raw_{vendor}.{stream} where connection_id = '{connection}'"
    )
    assert ids == len(before | after)
    declared = next(one for one in vendors()[vendor].STREAMS if one.name == stream)
    assert rows == ids or declared.key != ("id",)
    if declared.sweep:
        [(gone,)] = story.home.rows(
            f"select count(*) from raw_{vendor}.{stream} where connection_id = '{connection}' and id not in "
            f"(select id from raw_{vendor}.{stream}__ids where connection_id = '{connection}' and sweep_id = "
            f"(select max_by(sweep_id, completed_at) from raw_ops.sweeps"
            f" where connection_id = '{connection}' and stream = '{stream}'))"
        )
        assert gone == len(before.keys() - after.keys())


@pytest.mark.parametrize("stream", ["applications", "candidates", "scorecards", "interviews", "offers"])
def test_the_second_sync_reads_what_changed_and_little_else(story: Story, stream: str) -> None:
    before, after = (served(story.sandbox, "greenhouse", stream, day) for day in (AS_OF, LATER))
    changed = [record for record, now in after.items() if now != before.get(record)]
    first, second = (run.synced["greenhouse_main", stream] for run in story.runs[:2])
    assert second[1] == len(changed)
    assert second[0] < first[0] / 5


def test_an_edited_old_scorecard_arrives(story: Story) -> None:
    before, after = scorecards(story.sandbox)
    edited = {record: now for record, now in after.items() if record in before and now != before[record]}
    assert edited
    listed = ", ".join(f"'{record}'" for record in edited)
    seen = story.home.rows(
        "select id, candidate_rating, status, updated_at from raw_greenhouse.scorecards"
        f" where connection_id = 'greenhouse_main' and id in ({listed})"
    )
    assert {record: (rating, status, updated_at) for record, rating, status, updated_at in seen} == {
        record: (now["candidate_rating"], now["status"], datetime.fromisoformat(now["updated_at"]))
        for record, now in edited.items()
    }
    marts = dict(
        story.home.rows(
            "select scorecard_id, recommendation_label from canonical.scorecards"
            f" where connection_id = 'greenhouse_main' and scorecard_id in ({listed})"
        )
    )
    assert marts == {record: now["candidate_rating"] for record, now in edited.items()}


def test_a_deleted_candidate_is_marked_and_leaves_the_marts(story: Story, company: Company) -> None:
    deleted = company.changes(AS_OF, LATER)["candidates"]["deleted"]
    tokens = ", ".join(f"'{story.token('candidate', candidate)}'" for candidate in deleted)
    marked = story.home.rows(
        "select candidate_id from canonical.candidates where connection_id = 'greenhouse_main'"
        f" and deleted_at is not null and candidate_id in ({tokens})"
    )
    assert len(marked) == len(deleted) > 0
    gone = story.home.rows(
        "select application_id from canonical.applications where connection_id = 'greenhouse_main'"
        f" and candidate_id in ({tokens})"
    )
    assert gone
    applications = ", ".join(f"'{application}'" for (application,) in gone)
    marts = story.home.rows(
        "select table_schema || '.' || table_name from information_schema.columns"
        " where table_schema like 'marts_%' and column_name = 'application_id'"
    )
    assert len(marts) > 5
    left = {
        mart: story.home.rows(
            f"select application_id from {mart} where connection_id = 'greenhouse_main'"
            f" and application_id in ({applications})"
        )
        for (mart,) in marts
    }
    assert {mart: rows for mart, rows in left.items() if rows} == {}


def test_a_run_on_an_unchanged_source_rewrites_nothing(story: Story) -> None:
    second, third = story.runs[1:]
    assert sum(changed for _, changed, _ in third.synced.values()) == 0
    assert sum(deleted for _, _, deleted in third.synced.values()) == 0
    assert differences(second.warehouse, third.warehouse) == []
    assert differences(second.published, third.published) == []


def test_two_accounts_of_one_vendor_live_side_by_side(story: Story) -> None:
    # Both companies count their ids from the same start: without the connection in the key one would eat the other.
    [(shared,)] = story.home.rows(
        "select count(*) from raw_greenhouse.jobs as a join raw_greenhouse.jobs as b"
        " on a.id = b.id and a.connection_id < b.connection_id"
    )
    assert shared > 0
    for table in ("marts_recruiting.fct_applications", "marts_interviewing.fct_scorecards"):
        counted = dict(story.home.rows(f"select connection_id, count(*) from {table} group by all"))
        assert set(counted) == {"greenhouse_main", "greenhouse_second"}
        assert min(counted.values()) > 100
    [(doubled,)] = story.home.rows(
        "select count(*) - count(distinct (connection_id, application_id)) from marts_recruiting.fct_applications"
    )
    assert doubled == 0


def test_analysts_read_without_an_error_never_torn_and_never_back_in_time(story: Story) -> None:
    for looks in story.looks:
        assert len(looks) > 50
        assert [look["error"] for look in looks if "error" in look] == []
        assert [look["torn"] for look in looks if look["torn"]] == []
        versions = [version for look in looks for version in look["versions"]]
        assert len(versions) == len(looks)
        assert versions == sorted(versions)
        assert len(set(versions)) >= 3
