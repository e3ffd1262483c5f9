"""The dbt project as assets: one `dbt build` a run, lineage straight from the connections' tables to the models."""

import contextlib
import importlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, DbtProject, dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError

from ingestion.connections import Connection
from ingestion.settings import settings
from orchestration import dbt_tests, progress
from orchestration.dbt_child import executable
from orchestration.defs.ingest import asset_key
from orchestration.defs.writer import WRITER_POOL, WarehouseWriter
from orchestration.manifest import PROJECT_DIR, manifest

# Unit tests judge the SQL and not the data: `make test` runs them. A debug log of every query costs time and disk.
BUILD = ["--log-level-file", "info", "build", "--exclude-resource-type", "unit_test"]
IDS_SUFFIX = "__ids"
MATERIALISED = (dg.Output, dg.AssetMaterialization)
RESTRICTED = "restricted"
"""Demographics lie in a file of their own, and how many answered is itself a small count: nobody counts there."""
LAYERS = {"staging": "staging", "canonical": "canonical", "snapshots": "history", RESTRICTED: RESTRICTED}


class Translator(DagsterDbtTranslator):
    """Keys are schema and name; a dbt source stands for the same table of every connection of its vendor."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=True))
        self._connections = connections

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        props = self.get_resource_props(manifest, unique_id)
        schema, meta = props["schema"], props.get("config", {}).get("meta") or props.get("meta") or {}
        key = dg.AssetKey([schema, props["name"]])
        if props["resource_type"] == "source":
            return spec.replace_attributes(key=key, group_name="sources")
        return spec.replace_attributes(
            key=key,
            deps=self._deps(manifest, spec.deps),
            group_name=schema,
            owners=[f"team:{meta['owner']}"] if "owner" in meta else [],
            kinds={"dbt", "duckdb", *({"snapshot", "seed"} & {props["resource_type"]})},
        ).merge_attributes(tags={"layer": LAYERS.get(schema, "mart")})

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return str(dbt_resource_props.get("description") or f"dbt {dbt_resource_props['resource_type']}")

    def _deps(self, manifest: Mapping[str, Any], deps: Sequence[dg.AssetDep]) -> list[dg.AssetDep]:
        sources = {dg.AssetKey([node["schema"], node["name"]]) for node in manifest["sources"].values()}
        keys: dict[dg.AssetKey, None] = {}
        for dep in deps:
            found = self._tables(dep.asset_key) if dep.asset_key in sources else [dep.asset_key]
            keys.update(dict.fromkeys(found))
        return [dg.AssetDep(key) for key in keys]

    def _tables(self, source: dg.AssetKey) -> list[dg.AssetKey]:
        """The assets behind a dbt source; none when no connection of that vendor is configured."""
        schema, table = source.path
        if schema in ("raw_ops", "raw_links"):
            return [source]
        stream = table.removesuffix(IDS_SUFFIX)
        return [asset_key(one, stream) for one in self._connections if f"raw_{one.vendor}" == schema]


def dbt_definitions(connections: Sequence[Connection]) -> dg.Definitions:
    """All models, seeds and snapshots, with dbt's tests as asset checks.

    Raises:
        ManifestMissing: `qoh manifest` was never run.
    """
    path = manifest()
    nodes = json.loads(path.read_text())["nodes"]
    project = DbtProject(project_dir=PROJECT_DIR, profiles_dir=PROJECT_DIR)
    translator = Translator(connections)

    @dbt_assets(
        manifest=json.loads(path.read_text()),
        project=project,
        dagster_dbt_translator=translator,
        name="dbt_build",
        pool=WRITER_POOL,
    )
    def dbt_build(context: dg.AssetExecutionContext, dbt: DbtCliResource, writer: WarehouseWriter) -> Iterator[Any]:
        # No connection to the warehouse may be open in this process now: dbt is another one.
        target = settings().home / "dbt"
        events: list[Any] = []
        failure = None
        with progress.stage("dbt build"), progress.own_terminal(target / "terminal.log"):
            threading.Thread(target=warm_up, daemon=True).start()
            try:
                told = dbt.cli(BUILD, context=context, target_path=target).stream()
                events.extend(progress.counted_aloud(told, "models and tests done"))
            except DagsterDbtCliRuntimeError as error:
                failure = error
            # dagster-dbt's fetch_row_counts() waits for dbt's end too, then imports dbt here and asks table by table.
            yield from as_built(events, nodes)
        if failure:
            raise failure

    return dg.Definitions(assets=[dbt_build], resources={"dbt": _cli(project)})


def as_built(events: Sequence[Any], nodes: Mapping[str, Any]) -> Iterator[Any]:
    """The events of a finished build; tables say their rows and columns, failed tests what they found.

    Args:
        events: of dagster-dbt, each with the `unique_id` of its node.
        nodes: of the manifest, by `unique_id`.
    """
    from orchestration.warehouse import column_types, row_counts

    built = {id(one): nodes[one.metadata["unique_id"].value] for one in events if isinstance(one, MATERIALISED)}
    seen = [node for node in built.values() if node["schema"] != RESTRICTED]
    rows = row_counts([_table(node) for node in seen if node["config"]["materialized"] != "view"])
    types = column_types([_table(node) for node in seen])
    for event in events:
        if isinstance(event, dg.AssetCheckResult) and not event.passed:
            yield event._replace(description=_failed(event, nodes))
            continue
        if id(event) not in built:
            yield event
            continue
        node = built[id(event)]
        metadata = _metadata(node, rows.get(_table(node)), types.get(_table(node)))
        yield event.with_metadata({**event.metadata, **metadata})


def _failed(event: dg.AssetCheckResult, nodes: Mapping[str, Any]) -> str:
    node, path = nodes[event.metadata["unique_id"].value], event.asset_key.path if event.asset_key else []
    n_failing = event.metadata.get("dagster_dbt/failed_row_count")
    told = n_failing is not None and RESTRICTED not in path
    return dbt_tests.sentence(node, ".".join(path), event.metadata["status"].value, n_failing.value if told else None)


def _table(node: Mapping[str, Any]) -> str:
    return f"{node['schema']}.{node['alias']}"


def _metadata(node: Mapping[str, Any], n_rows: int | None, types: Mapping[str, str] | None) -> dict[str, Any]:
    counted = {} if n_rows is None else {"dagster/row_count": n_rows}
    if not types:
        return counted
    words = {name: column.get("description") or None for name, column in node["columns"].items()}
    columns = [dg.TableColumn(name, kind, description=words.get(name)) for name, kind in types.items()]
    return {**counted, "dagster/column_schema": dg.TableSchema(columns)}


def _cli(project: DbtProject) -> DbtCliResource:
    child = executable(settings().home / "dbt")
    return DbtCliResource(project_dir=project, profiles_dir=str(PROJECT_DIR), dbt_executable=str(child))


def warm_up() -> None:
    """Import what the next steps need while this process waits for dbt: seconds that would be added to the checks."""
    for name in ("great_expectations", "altair", "validity.analysis"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def mart_keys(path: Path | None = None) -> list[dg.AssetKey]:
    """Asset keys of all marts, from the manifest."""
    nodes = json.loads((path or manifest()).read_text())["nodes"].values()
    return [
        dg.AssetKey([node["schema"], node["name"]])
        for node in nodes
        if node["resource_type"] in ("model", "seed") and node["schema"].startswith("marts_")
    ]
