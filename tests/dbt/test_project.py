"""Rules over every model: documented, keyed, contracted; neutral of vendors above staging, of engines always."""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from sqlglot import exp
from sqlglot.errors import ErrorLevel

from expectations import find_check
from ingestion import dbt_sources, ops
from ingestion.connectors import vendors
from orchestration.defs.schedules import FRESHNESS

PROJECT = Path(__file__).parents[2] / "dbt_project"
ENGINES = ("postgres", "snowflake", "bigquery", "databricks", "spark")

# What compiled SQL may consist of. sqlglot passes what it does not know through, so a new construct has to be looked up
# in the manuals of all five engines before it is added here.
PORTABLE = """
    Abs Add Alias And AtTimeZone Avg Boolean CTE Case Cast Coalesce Column Count CurrentTimestamp DPipe
    DataType DataTypeParam DateDiff DateTrunc Distinct Div EQ Extract Floor From GT GTE Greatest Group GroupConcat
    Having Identifier If In Interval Is Join LT LTE Lag Least Like Literal Lower MD5 Max Min Mul NEQ Neg Not Null
    Nullif Or Order Ordered Paren PercentileCont Pow Rank RegexpLike RegexpReplace Round RowNumber Select Sqrt Star
    StddevSamp StrPosition Sub Subquery Substring Sum Table TableAlias TimestampTrunc Translate Trim Union
    UnixToTime Var Where Window WindowSpec With WithinGroup
"""
CONSTRUCTS = frozenset(PORTABLE.split())

# What transpiling reports and a macro already answers.
ANSWERED = {
    ("bigquery", "'modifiers' is not supported for expression 'RegexpReplace'"): "macros/engine/text.sql: replace_all",
    (
        "bigquery",
        "'NULLS LAST' translation not supported for aggregate function GROUP_CONCAT",
    ): "macros/engine/text.sql: joined_in_order, of texts that are never null",
}

# Spelt differently somewhere: only macros/engine may write it.
ENGINE_WORDS = re.compile(
    r"\b(regexp_\w+|date_diff|datediff|date_trunc|dateadd|interval|percentile_cont|quantile_cont|at time zone|"
    r"to_timestamp|epoch|strftime|list_\w+|struct_\w+|unnest|qualify|ilike|bool_or|bool_and|string_agg|arg_max|md5|"
    r"any_value|filter \(|::)",
    re.IGNORECASE,
)


def nodes(manifest: dict[str, Any], kind: str = "model") -> Iterator[dict[str, Any]]:
    return (node for node in manifest["nodes"].values() if node["resource_type"] == kind)


def layer(node: dict[str, Any]) -> str:
    return str(node["fqn"][1])


def test_the_committed_sources_are_what_the_connectors_declare() -> None:
    for vendor, module in vendors().items():
        path = dbt_sources.sources_path(vendor)
        assert path.read_text(encoding="utf-8") == dbt_sources.sources_yaml(vendor, module.STREAMS), (
            f"{path.name} differs from STREAMS of `{vendor}`; run: python -m ingestion.dbt_sources"
        )


def test_the_loaders_own_tables_are_sources_with_the_columns_the_loader_makes() -> None:
    path = PROJECT / "models" / "staging" / "pipeline" / "_pipeline__sources.yml"
    declared = {
        (source["name"], table["name"]): {column["name"]: column["data_type"] for column in table["columns"]}
        for source in yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
        for table in source["tables"]
    }
    made = {(table.schema, table.name): dict(table.columns) for table in ops.TABLES}
    assert {key: made[key] for key in declared} == declared


def test_every_model_says_its_grain_and_documents_every_column(empty: Any) -> None:
    manifest = empty.manifest
    actual: dict[tuple[str, str], set[str]] = {}
    for zone in ("warehouse", "demographics"):
        for schema, table, column in empty.rows(
            f"select schema_name, table_name, column_name from duckdb_columns() where database_name = '{zone}'", zone
        ):
            actual.setdefault((schema, table), set()).add(column)
    for node in [*nodes(manifest), *nodes(manifest, "seed")]:
        name = node["name"]
        assert node["description"].startswith("One row"), f"{name}: the description begins with the grain"
        documented = {column for column, text in node["columns"].items() if text["description"]}
        assert actual[node["schema"], name] == documented, name


def test_every_table_above_staging_has_a_contract_a_tested_key_an_owner_and_a_sensitivity(empty: Any) -> None:
    manifest = empty.manifest
    keyed = {node["attached_node"] for node in nodes(manifest, "test") if node["test_metadata"]["name"] == "unique_key"}
    for node in nodes(manifest):
        assert node["config"]["meta"].keys() >= {"owner", "sensitivity", "pii"}, node["name"]
        assert node["group"], node["name"]
        if layer(node) != "staging":
            assert node["contract"]["enforced"], node["name"]
            assert node["unique_id"] in keyed, node["name"]


def test_no_vendor_is_named_above_staging_but_in_the_lists_of_the_unions(empty: Any) -> None:
    names = re.compile("|".join(name for name in vendors() if name != "files") + r"|'files'|_files\b", re.IGNORECASE)
    for node in nodes(empty.manifest):
        if layer(node) == "staging":
            continue
        code = re.sub(r"union_vendors\('\w+', \[[^\]]*\]", "", node["raw_code"])
        if layer(node) == "restricted":
            code = re.sub(r"source\('demographics_\w+', '\w+'\)", "", code)
        found = names.search(code)
        assert not found, f"{node['name']} names `{found and found.group()}`: that belongs in models/staging"


def test_what_only_some_engines_understand_is_written_in_macros_only() -> None:
    for path in sorted(PROJECT.glob("models/**/*.sql")):
        code = re.sub(r"--.*|\{#.*?#\}", "", path.read_text(encoding="utf-8"))
        found = ENGINE_WORDS.search(code)
        assert not found, f"{path.name}: `{found and found.group()}` belongs in macros/engine"


def compiled(target: Path) -> list[Path]:
    paths = [path for path in target.glob("compiled/quality_of_hire/models/**/*.sql") if ".yml" not in str(path)]
    assert len(paths) > 90, "dbt build writes the compiled models"
    return sorted(paths)


def test_compiled_sql_uses_only_constructs_that_every_engine_has(empty: Any) -> None:
    for path in compiled(empty.target):
        tree = sqlglot.parse_one(path.read_text(encoding="utf-8"), read="duckdb")
        used = {type(node).__name__ for node in tree.walk()}
        assert used <= CONSTRUCTS, (
            f"{path.stem}: {sorted(used - CONSTRUCTS)}; check all of {ENGINES}, then add it or a macro"
        )
        assert not any(select.args.get("windows") for select in tree.find_all(exp.Select)), (
            f"{path.stem}: a named window"
        )


@pytest.mark.parametrize("engine", ENGINES)
def test_compiled_sql_transpiles_and_parses_again(empty: Any, engine: str) -> None:
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    for path in compiled(empty.target):
        text = path.read_text(encoding="utf-8")
        complaint = ""
        try:
            (sql,) = sqlglot.transpile(text, read="duckdb", write=engine, unsupported_level=ErrorLevel.RAISE)
            sqlglot.parse_one(sql, read=engine)
        except sqlglot.errors.SqlglotError as error:
            complaint = str(error)
        answered = any(engine == name and words in complaint for name, words in ANSWERED)
        assert not complaint or answered, f"{path.stem}: {complaint}"


def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["technique_taxonomy", "stage_taxonomy", "overall_questions"])
def test_patterns_use_only_what_every_engine_reads_alike(name: str) -> None:
    for row in seed(name):
        assert re.fullmatch(r"[\w |()?]+", row["pattern"]), row["pattern"]
        re.compile(row["pattern"])
        assert row["pattern"] == row["pattern"].strip().lower(), "names are lower case; blanks at the ends are added"


@pytest.mark.parametrize("name", ["technique_taxonomy", "stage_taxonomy", "overall_questions", "rating_scales"])
def test_every_seed_row_says_why(name: str) -> None:
    assert all(row["reason"].strip() for row in seed(name))


def test_a_rank_lies_on_its_scale_and_a_canonical_stage_has_one_position() -> None:
    for row in seed("rating_scales"):
        assert not row["rating_rank"] or float(row["scale_min"]) <= int(row["rating_rank"]) <= float(
            row["scale_max"]
        ), row
    positions: dict[str, set[str]] = {}
    for row in seed("stage_taxonomy"):
        positions.setdefault(row["canonical_stage"], set()).add(row["stage_order"])
    assert all(len(orders) == 1 for orders in positions.values())
    assert len({order for orders in positions.values() for order in orders}) == len(positions)


def test_a_stream_is_stale_after_the_same_hours_wherever_that_is_judged() -> None:
    declared = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]["stale_hours"]
    assert find_check("ops_streams_fresh").expect.kwargs["max_value"] == declared
    assert timedelta(**FRESHNESS.fail_window._asdict()) == timedelta(hours=declared)


def test_every_label_a_vendor_may_send_has_a_row_in_the_scale_seed() -> None:
    mapped = {(row["scale_id"], row["label"]) for row in seed("rating_scales")}
    streams = {stream.name: stream for stream in vendors()["greenhouse"].STREAMS}
    for stream, column, scale in (
        ("scorecards", "candidate_rating", "greenhouse_recommendation"),
        ("scorecard_candidate_attributes", "candidate_attribute_rating", "greenhouse_attribute"),
    ):
        (enum,) = [found.enum for found in streams[stream].columns if found.name == column]
        assert {(scale, label) for label in enum or ()} <= mapped
