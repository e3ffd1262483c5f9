"""What Dagster is told, without running anything."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from ingestion.connections import Connection
from ingestion.connectors import vendors
from orchestration.build import build_definitions
from orchestration.defs.ingest import connection_assets
from orchestration.defs.schedules import NIGHTLY
from orchestration.defs.sensors import ALARM_KEY
from orchestration.defs.writer import WRITER_POOL, WarehouseWriter


@pytest.fixture
def nothing_connected(home: Path, manifest: Path) -> dg.Definitions:
    return build_definitions([])


def test_everything_loads_with_no_connection(nothing_connected: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(nothing_connected)
    assert nothing_connected.resolve_job_def(NIGHTLY)


def test_two_connections_of_one_vendor_stand_side_by_side(home: Path, manifest: Path) -> None:
    graph = build_definitions(
        [Connection("greenhouse_eu", "greenhouse"), Connection("greenhouse_us", "greenhouse")]
    ).resolve_asset_graph()
    parents = graph.get(dg.AssetKey(["staging", "stg_greenhouse__applications"])).parent_keys
    assert {
        dg.AssetKey(["raw_greenhouse", one, "applications"]) for one in ("greenhouse_eu", "greenhouse_us")
    } <= parents


def test_what_the_operator_has_to_know_of_a_sync_is_in_the_log_of_the_run(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILES_URL", str(tmp_path))  # the first sync of a home makes keys, and says so
    sheets = Connection("sheets", "files", options={"settle_seconds": 0})
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([connection_assets(sheets)], instance=instance, resources={"writer": WarehouseWriter()})
        told = [entry.user_message for entry in instance.all_logs(run.run_id) if entry.level == logging.WARNING]
    assert [message[:22] for message in told] == ["Created new token keys"]


@pytest.mark.parametrize("vendor", sorted(vendors()))
def test_any_single_vendor_loads(vendor: str, home: Path, manifest: Path) -> None:
    dg.Definitions.validate_loadable(build_definitions([Connection("only", vendor)]))


def test_a_connection_of_an_unknown_vendor_does_not_take_the_others_down(home: Path, manifest: Path) -> None:
    graph = build_definitions([Connection("x", "nobody"), Connection("hr", "bamboohr")]).resolve_asset_graph()
    assert dg.AssetKey(["raw_bamboohr", "hr", "employees"]) in graph.materializable_asset_keys


def test_column_schemas_and_keys_come_from_the_stream_declarations(home: Path, manifest: Path) -> None:
    graph = build_definitions([Connection("gh", "greenhouse")]).resolve_asset_graph()
    for stream in vendors()["greenhouse"].STREAMS:
        metadata = graph.get(dg.AssetKey(["raw_greenhouse", "gh", stream.name])).metadata
        shown = [column.name for column in metadata["dagster/column_schema"].columns]
        assert shown == ["connection_id", *(column.name for column in stream.columns)]


def test_every_table_shows_its_columns_before_it_is_made(home: Path, manifest: Path) -> None:
    no_tables = {dg.AssetKey(["report", "site"]), ALARM_KEY}
    connections = [Connection(vendor, vendor) for vendor in sorted(vendors())]
    for spec in build_definitions(connections).resolve_all_asset_specs():
        schema = spec.metadata.get("dagster/column_schema")
        assert spec.key in no_tables or (schema and schema.columns), spec.key
        assert spec.description, spec.key


def test_every_step_that_writes_queues_for_the_one_writer(nothing_connected: dg.Definitions) -> None:
    readers = {"report__site", "ops__alarm_state"}
    for node in nothing_connected.resolve_job_def(NIGHTLY).nodes:
        assert node.definition.pools == (set() if node.name in readers else {WRITER_POOL}), node.name


def test_no_step_is_split_so_that_every_check_judges_a_finished_build(home: Path, manifest: Path) -> None:
    # Dagster splits steps that wait for one another, silently: dbt ran in three parts, with checks between them.
    connections = [Connection(vendor, vendor) for vendor in sorted(vendors())]
    names = [node.name for node in build_definitions(connections).resolve_job_def(NIGHTLY).nodes]
    assert [name for name in names if name.rpartition("_")[2].isdigit()] == []


def test_nightly_is_everything_but_the_self_test(nothing_connected: dg.Definitions) -> None:
    graph = nothing_connected.resolve_asset_graph()
    nightly = nothing_connected.resolve_job_def(NIGHTLY).asset_layer.executable_asset_keys
    assert set(graph.materializable_asset_keys) - set(nightly) == {ALARM_KEY}


def test_estimates_and_publishing_wait_for_the_blocking_checks(nothing_connected: dg.Definitions) -> None:
    job = nothing_connected.resolve_job_def(NIGHTLY)
    upstream = {
        name: {node.node for deps in job.dependencies[key].values() for node in deps.get_node_dependencies()}
        for key in job.dependencies
        for name in [key.alias or key.name]
    }
    assert "checks_validity" in upstream["estimate_validity"]
    suites = {name for name in upstream if name.startswith("checks_")}
    assert suites <= upstream["published__analyst"]


def test_times_are_the_firms_and_runs_end(home: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QOH_TIMEZONE", "Europe/Berlin")
    definitions = build_definitions([])
    assert {
        one.execution_timezone for one in definitions.schedules or [] if isinstance(one, dg.ScheduleDefinition)
    } == {"Europe/Berlin"}
    assert "dagster/max_runtime" not in definitions.resolve_job_def(NIGHTLY).tags, "it would overrule dagster.yaml"


def test_without_a_manifest_the_message_names_the_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration import manifest

    monkeypatch.setattr(manifest, "MANIFEST", manifest.PROJECT_DIR / "target" / "nowhere.json")
    with pytest.raises(manifest.ManifestMissing, match="qoh manifest"):
        manifest.manifest()


def test_the_code_location_loads_as_dagster_loads_it(home: Path, manifest: Path) -> None:
    code = "from orchestration.definitions import defs; print(len(list(defs.resolve_all_asset_specs())))"
    done = subprocess.run(
        [sys.executable, "-W", "error::dagster.PreviewWarning", "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 50
