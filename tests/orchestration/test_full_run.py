"""What one run leaves behind: assets with numbers, checks, a published file and a report."""

from __future__ import annotations

import json
import logging.handlers
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg
import duckdb
import numpy as np
import pytest

from expectations.run import all_checks
from ingestion.connectors import vendors
from ingestion.exit_codes import ExitCode
from ingestion.lock import warehouse_lock
from ingestion.privacy import Vault
from ingestion.warehouse import open_published, published_path
from orchestration import progress
from orchestration.defs.ingest import COUNTS, asset_key, stored_rows
from orchestration.defs.publish import sha256
from orchestration.defs.quality import check_key
from orchestration.defs.sensors import failed_checks
from orchestration.defs.transform import RESTRICTED
from orchestration.defs.validity import data_clock, fresh_estimates, kept_estimates
from orchestration.dictionary import dictionary
from orchestration.inputs import inputs
from orchestration.lineage import lineage
from orchestration.manifest import manifest
from orchestration.run import Finished
from orchestration.runs import PROCESS_TAG
from validity.analysis import DEFINITION_VERSION

from .conftest import Company

pytestmark = pytest.mark.slow

APPLICATIONS_NAME = ("marts_recruiting", "fct_applications")
APPLICATIONS = dg.AssetKey(APPLICATIONS_NAME)


@pytest.fixture(scope="module")
def instance(company: Company) -> dg.DagsterInstance:
    return dg.DagsterInstance.get()


def test_the_run_ends_well_and_publishes(company: Company) -> None:
    assert company.first.exit_code == ExitCode.OK, (company.first.errors, company.first.failed_checks)
    assert company.first.published
    assert not company.first.failed_streams


def test_every_raw_table_is_an_asset_with_plotted_numbers(company: Company, instance: dg.DagsterInstance) -> None:
    for connection in company.connections:
        for stream in vendors()[connection.vendor].STREAMS:
            key = dg.AssetKey([f"raw_{connection.vendor}", connection.id, stream.name])
            event = instance.get_latest_materialization_event(key)
            assert event is not None, key
            metadata = event.asset_materialization.metadata
            assert {"dagster/row_count", *COUNTS} <= set(metadata)
            assert all(isinstance(metadata[name].value, int | float) for name in COUNTS)


def test_every_table_of_the_warehouse_plots_its_rows_and_shows_typed_columns(
    company: Company, instance: dg.DagsterInstance
) -> None:
    nodes = json.loads(manifest().read_text())["nodes"].values()
    tables = [node for node in nodes if node["resource_type"] in ("model", "seed", "snapshot")]
    made = instance.event_log_storage.get_latest_materialization_events(
        [dg.AssetKey([node["schema"], node["name"]]) for node in tables]
    )
    with warehouse_lock(), duckdb.connect(os.environ["QOH_WAREHOUSE_PATH"], read_only=True) as connection:
        for node in tables:
            name = f"{node['schema']}.{node['alias']}"
            event = made[dg.AssetKey([node["schema"], node["name"]])]
            assert event is not None, name
            metadata = event.asset_materialization.metadata
            if node["schema"] == RESTRICTED:
                assert "dagster/row_count" not in metadata, "how many answered is itself a small count"
                continue
            columns = metadata["dagster/column_schema"].value.columns
            assert columns, name
            assert all(column.type not in ("", "?") for column in columns), name
            if node["config"]["materialized"] != "view":
                row = connection.execute(f"select count(*) from {name}").fetchone()
                assert row == (metadata["dagster/row_count"].value,), name


def test_the_whole_lineage_leads_from_every_vendor_to_the_report(company: Company) -> None:
    graph = company.definitions().resolve_asset_graph()
    upstream: set[dg.AssetKey] = set()
    waiting = [dg.AssetKey(["report", "site"])]
    while waiting:
        key = waiting.pop()
        if key not in upstream:
            upstream.add(key)
            waiting.extend(graph.get(key).parent_keys)
    read = {f"stg_{connection.vendor}" for connection in company.connections}
    assert read <= {key.path[-1].split("__")[0] for key in upstream}
    for connection in company.connections:
        assert any(key.path[:2] == [f"raw_{connection.vendor}", connection.id] for key in upstream)
    assert not [key for key in upstream if key in graph.external_asset_keys], "lineage ends in an asset nobody makes"


def test_every_asset_says_what_it_is_who_owns_it_and_how_old_it_may_be(company: Company) -> None:
    graph = company.definitions().resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, key
        assert node.owners, key
        assert node.kinds, key
        assert node.group_name != "default", key
        assert node.freshness_policy, key


def test_every_expectation_was_judged_as_an_asset_check(company: Company, instance: dg.DagsterInstance) -> None:
    keys = [dg.AssetCheckKey(dg.AssetKey(check.asset), check.id) for check in all_checks()]
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    assert set(latest) == set(keys)
    assert all(record.evaluation for record in latest.values())


def test_the_published_file_holds_marts_and_results_only(company: Company) -> None:
    with open_published("analyst") as file:
        schemas = {
            name for (name,) in file.execute("select distinct table_schema from information_schema.tables").fetchall()
        }
    assert schemas <= {
        *("marts_recruiting", "marts_interviewing", "marts_performance", "marts_validity", "marts_ops"),
        *("validity", "meta"),
    }


def test_the_published_file_holds_the_tables_of_the_dictionary_and_no_other(company: Company) -> None:
    with open_published("analyst") as file:
        tables = file.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
    assert {name for (name,) in tables} == {words.table for words in dictionary()}


def test_small_groups_are_suppressed_in_the_published_estimates(company: Company) -> None:
    with open_published("analyst") as file:
        shown = file.execute("select n from validity.validity_estimates where n between 1 and 4").fetchall()
        corrected = file.execute(
            "select count(*) from validity.validity_estimates as one where one.rung > 1 and one.value is not null "
            "and not exists (select 1 from validity.validity_estimates as raw where raw.rung = 1 "
            "and raw.value is not null and "
            "raw.technique = one.technique and raw.job_family = one.job_family and raw.attribute = one.attribute and "
            "raw.variant = one.variant)"
        ).fetchone()
    assert not shown
    assert corrected == (0,)


def test_every_result_names_the_lineage_it_was_made_from(company: Company) -> None:
    with open_published("analyst") as file:
        tables = [
            name
            for (name,) in file.execute(
                "select table_name from information_schema.tables where table_schema = 'validity'"
            ).fetchall()
        ]
        known = {one for (one,) in file.execute("select distinct lineage_id from validity.validity_lineage").fetchall()}
        used = {
            name: {one for (one,) in file.execute(f"select distinct lineage_id from validity.{name}").fetchall()}
            for name in tables
        }
        restricted = file.execute("select n_rows from validity.validity_lineage where stream like '%eeoc'").fetchall()
        loads = file.execute("select count(distinct stream) from validity.validity_lineage where n_rows > 0").fetchone()
    assert len(known) == 1
    assert all(found <= known for found in used.values())
    assert {"validity_estimates", "validity_power", "validity_sensitivity", "validity_incremental"} <= set(tables)
    assert loads is not None
    assert loads[0] > 10
    assert restricted
    assert all(n_rows is None for (n_rows,) in restricted), "how many answered may be a small count"


def test_the_same_data_and_seed_give_the_same_digits(company: Company) -> None:
    as_of = data_clock()
    read = inputs()
    made = lineage(as_of, DEFINITION_VERSION, read)
    assert kept_estimates(made.stamp["lineage_id"]), "nothing changed, so the estimates would have been kept"
    again = fresh_estimates(as_of, made, read)["validity_estimates"]
    with open_published("analyst") as file:
        first = file.execute("select * from validity.validity_estimates").df()
    keys = ["technique", "job_family", "attribute", "variant", "rung"]
    numbers = ["value", "lo", "hi", "p_value", "probability_positive"]
    a, b = (frame.sort_values(keys)[numbers].to_numpy(dtype=float) for frame in (first, again))
    assert np.array_equal(a, b, equal_nan=True)


def test_a_rating_that_moves_without_a_load_makes_other_estimates(company: Company) -> None:
    # As a decided link, another criterion window or a changed macro would.
    as_of, read = data_clock(), dict(inputs())
    before = lineage(as_of, DEFINITION_VERSION, read).stamp["lineage_id"]
    ratings = read["ratings"].copy()
    ratings.loc[0, "value"] += 1
    after = lineage(as_of, DEFINITION_VERSION, read | {"ratings": ratings}).stamp["lineage_id"]
    assert lineage(as_of, DEFINITION_VERSION, dict(inputs())).stamp["lineage_id"] == before != after
    assert not kept_estimates(after)


def test_the_version_is_hashed_by_another_process(company: Company, instance: dg.DagsterInstance) -> None:
    event = instance.get_latest_materialization_event(dg.AssetKey(["published", "analyst"]))
    assert event is not None
    path = published_path("analyst")
    assert path is not None
    assert event.asset_materialization.metadata["sha256"].value == sha256(path)


def test_report_and_data_docs_are_written(company: Company, instance: dg.DagsterInstance) -> None:
    assert (company.home / "report" / "index.html").stat().st_size > 10_000
    assert (company.home / "data_docs" / "index.html").exists()
    event = instance.get_latest_materialization_event(dg.AssetKey(["report", "site"]))
    assert event is not None
    drawn = [value for value in event.asset_materialization.metadata.values() if "data:image/png" in str(value.value)]
    assert drawn


def test_no_clear_identifier_reaches_dagsters_history(company: Company) -> None:
    with Vault(company.home / "vault.duckdb") as vault:
        found = vault.connection.execute(
            "select distinct value from people where value like '%@%' limit 300"
        ).fetchall()
    emails = [value.encode() for (value,) in found]
    files = [path for path in (company.home / "dagster").rglob("*") if path.is_file()]
    assert files
    assert emails
    leaks = [path.name for path in files if any(email in path.read_bytes() for email in emails)]
    assert not leaks


@dataclass
class Second:
    """A second run, in which one stream fails and which finds that an earlier run was killed."""

    finished: Finished
    killed: str
    said: list[str]
    logged: list[str]
    alerts: list[str]


@dg.job
def dies() -> None: ...


@pytest.fixture(scope="module")
def second(company: Company, instance: dg.DagsterInstance) -> Second:
    from orchestration.run import nightly

    dead = instance.create_run_for_job(dies, status=dg.DagsterRunStatus.STARTED).run_id
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    instance.add_run_tags(dead, {PROCESS_TAG: f"{dead} {gone.pid} 1.00"})
    log = company.home / "alerts.log"
    before = len(log.read_text()) if log.exists() else 0
    said: list[Any] = []
    logged = logging.handlers.BufferingHandler(1000)
    logging.getLogger().addHandler(logged)
    company.sandbox.chaos("missing_scope:offers", True)
    try:
        with progress.listening(said.append):
            finished = nightly(company.connections, {"sweep": True})
    finally:
        company.sandbox.chaos("missing_scope:offers", False)
        logging.getLogger().removeHandler(logged)
    sentences = [one for one in said if isinstance(one, str)]
    texts = [record.getMessage() for record in logged.buffer if record.name.startswith("qoh")]
    return Second(finished, dead, sentences, texts, log.read_text()[before:].splitlines())


def test_a_second_run_reads_only_news_and_a_failed_stream_leaves_the_others(company: Company, second: Second) -> None:
    done = second.finished
    assert done.exit_code == ExitCode.STREAMS_FAILED
    assert list(done.failed_streams) == ["greenhouse_main.offers"]
    assert "offers" in done.failed_streams["greenhouse_main.offers"]
    assert done.published
    assert done.published > company.first.published
    assert sum(counted["n_changed"] for counted in done.changes.values()) == 0
    assert sum(counted["n_deleted"] for counted in done.changes.values()) == 0


def test_a_raw_table_plots_its_rows_also_when_none_was_read(
    company: Company, second: Second, instance: dg.DagsterInstance
) -> None:
    with warehouse_lock():
        stored = {
            asset_key(connection, name): n_rows
            for connection in company.connections
            for name, n_rows in stored_rows(connection, vendors()[connection.vendor].STREAMS).items()
        }
    made = instance.event_log_storage.get_latest_materialization_events(list(stored))
    plotted = {
        key: event.asset_materialization.metadata["dagster/row_count"].value for key, event in made.items() if event
    }
    assert plotted == stored
    offers = dg.AssetKey(["raw_greenhouse", "greenhouse_main", "offers"])
    assert stored[offers] > 0, "the stream that failed keeps its rows"


def test_what_went_wrong_is_told_once_and_not_over_the_summary(
    company: Company, second: Second, instance: dg.DagsterInstance
) -> None:
    offers = [line for line in second.alerts if "greenhouse_main.offers: " in line]
    assert offers == [f"greenhouse_main.offers: {second.finished.failed_streams['greenhouse_main.offers']}"]
    assert sum(second.killed[:8] in line for line in second.alerts) == 1
    assert sum(second.killed[:8] in line for line in second.said) == 1
    assert second.logged == []
    log = company.home / "alerts.log"
    before = log.read_text()
    repository = company.definitions().get_repository_def()
    failed_checks(dg.build_sensor_context(instance, repository_def=repository))
    assert log.read_text() == before, "the sensor finds the same"


def test_a_failed_dbt_test_says_what_it_found(company: Company) -> None:
    employees, spells = dg.AssetKey(["canonical", "employees"]), dg.AssetKey(["canonical", "employment_spells"])
    with warehouse_lock(), duckdb.connect(os.environ["QOH_WAREHOUSE_PATH"]) as connection:
        one = "select connection_id, employee_id from canonical.employment_spells limit 1"
        connection.execute(f"delete from canonical.employees where (connection_id, employee_id) in ({one})")
    try:
        result = company.materialize(dg.AssetSelection.checks_for_assets(spells))
    finally:
        company.materialize(dg.AssetSelection.assets(employees))
    [warned] = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert warned.severity == dg.AssetCheckSeverity.WARN
    assert "fails: 1 key (connection_id, employee_id) without a row in `employees`" in (warned.description or "")


def made(result: dg.ExecuteInProcessResult) -> list[str]:
    return sorted(
        "/".join(event.asset_key.path) for event in result.get_asset_materialization_events() if event.asset_key
    )


def test_one_raw_table_can_be_materialised_alone(company: Company) -> None:
    result = company.materialize('key:"raw_greenhouse/greenhouse_main/sources"')
    assert result.success
    assert made(result) == ["raw_greenhouse/greenhouse_main/sources"]


def test_one_model_can_be_materialised_alone(company: Company) -> None:
    result = company.materialize('key:"marts_ops/connections"')
    assert result.success
    assert made(result) == ["marts_ops/connections"]


def test_a_group_can_be_materialised_alone(company: Company) -> None:
    result = company.materialize('group:"publish"')
    assert result.success
    assert made(result) == ["published/analyst", "report/site"]


@contextmanager
def broken(company: Company, change: str) -> Iterator[None]:
    """A defect in the recruiting mart, mended by dbt afterwards."""
    with warehouse_lock(), duckdb.connect(os.environ["QOH_WAREHOUSE_PATH"]) as connection:
        connection.execute(change)
    try:
        yield
    finally:
        # The mart as dbt makes it, and its checks judged again.
        mend = dg.AssetSelection.assets(APPLICATIONS) | dg.AssetSelection.checks_for_assets(APPLICATIONS)
        assert company.materialize(mend).success


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ("update marts_recruiting.fct_applications set status = 'vanished'", "failed"),
        ("alter table marts_recruiting.fct_applications drop column status", "could_not_run"),
    ],
    ids=["wrong data", "a check that cannot run"],
)
def test_a_blocking_check_publishes_nothing_and_the_old_version_stays(
    company: Company, change: str, outcome: str
) -> None:
    before = published_path("analyst")
    judged = dg.AssetSelection.checks(*(check_key(check) for check in all_checks() if check.asset == APPLICATIONS_NAME))
    with broken(company, change):
        result = company.materialize(judged | dg.AssetSelection.assets(dg.AssetKey(["published", "analyst"])))
        red = [one for one in result.get_asset_check_evaluations() if not one.passed]
        assert not result.success
        assert made(result) == []
        assert {one.metadata["outcome"].value for one in red} == {outcome}
        assert all(one.severity == dg.AssetCheckSeverity.ERROR for one in red)
        assert all("marts_recruiting.fct_applications" in (one.description or "") for one in red)
        # Publishing alone does not get round the gate.
        alone = company.materialize('key:"published/analyst"')
        assert not alone.success
    assert published_path("analyst") == before


def test_a_table_that_shrank_is_accepted_for_one_run_only(company: Company) -> None:
    volume = dg.AssetSelection.checks(dg.AssetCheckKey(APPLICATIONS, "recruiting_applications_volume"))
    accept = {"resources": {"writer": {"config": {"accept_shrink": True}}}}
    with broken(company, "delete from marts_recruiting.fct_applications where hash(application_id) % 2 = 0"):
        verdicts = [
            company.materialize(volume, config).get_asset_check_evaluations()[0].metadata["outcome"].value
            for config in (None, accept, None)
        ]
    assert verdicts == ["failed", "skipped", "failed"]
