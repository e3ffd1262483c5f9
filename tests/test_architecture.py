"""The import directions of the design, held by one test that says where the code belongs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("ingestion", "expectations", "validity", "reporting", "orchestration")

FORBIDDEN = {
    "ingestion": {
        "dagster",
        "dagster_dbt",
        "dbt",
        "great_expectations",
        "expectations",
        "validity",
        "reporting",
        "orchestration",
    },
    "expectations": {"dagster", "dagster_dbt", "dbt", "dlt", "ingestion", "validity", "reporting", "orchestration"},
    "validity": {
        "dagster",
        "dagster_dbt",
        "dbt",
        "dlt",
        "duckdb",
        "great_expectations",
        "ingestion",
        "expectations",
        "reporting",
        "orchestration",
    },
    "reporting": {
        "dagster",
        "dagster_dbt",
        "dbt",
        "dlt",
        "duckdb",
        "great_expectations",
        "ingestion",
        "expectations",
        "validity",
        "orchestration",
    },
    "orchestration": set(),
}
BELONGS = {
    "dagster": "orchestration/defs",
    "dagster_dbt": "orchestration/defs/transform.py",
    "dbt": "dbt_project, reached through its manifest and the dbt command only",
    "great_expectations": "expectations",
    "duckdb": "ingestion/warehouse.py; pure packages take DataFrames",
    "dlt": "ingestion/load.py",
}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.lineno, node.module.split(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_its_layer_may(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports `{name}`; that code belongs in {BELONGS.get(name, name)}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for line, name in imports(path)
        if name in FORBIDDEN[package]
    ]
    assert not wrong, "\n".join(wrong)


def test_the_import_rule_notices_a_wrong_import(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from dagster import asset\n    return asset\n")
    assert (2, "dagster") in set(imports(bad))


def test_dbt_models_hold_no_python() -> None:
    assert not list((ROOT / "dbt_project" / "models").rglob("*.py"))
