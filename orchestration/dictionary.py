"""The words of the published tables: comments in the published file, and docs/tables.md.

`python -m orchestration.dictionary` writes the page again; a test compares it with the dbt project.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.defs import fairness
from orchestration.defs.validity import LINEAGE, SCHEMA
from orchestration.manifest import manifest
from validity.fairness import FAIRNESS
from validity.tables import LINEAGE as LINEAGE_SPEC
from validity.tables import TABLES, columns_of

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"


@dataclass(frozen=True)
class Words:
    """What a published table holds, and its columns: name to (type, meaning)."""

    table: str
    meaning: str
    columns: dict[str, tuple[str, str]]


CHECK_OUTCOMES = Words(
    "marts_ops.check_outcomes",
    "One row per check: its latest outcome when this file was published.",
    {
        "check": ("varchar", "Id of the check."),
        "table": ("varchar", "Table it looked at."),
        "suite": ("varchar", "Suite it belongs to."),
        "severity": ("varchar", "error blocks publishing, warning shows."),
        "status": ("varchar", "passed, failed, could_not_run, or skipped for want of data."),
        "reason": ("varchar", "Why the check exists."),
        "n_failing": ("bigint", "Rows, groups or columns that failed."),
        "n_rows": ("bigint", "Rows, groups or columns looked at."),
        "message": ("varchar", "What was seen and what to do."),
    },
)


PUBLISHED = Words(
    "meta.published",
    "One row per table of this file: what was published when, and how many rows it holds.",
    {
        "role": ("varchar", "Readers the file is for."),
        "version": ("varchar", "Version of the file; later ones sort after earlier ones."),
        "as_of": ("timestamp with time zone", "Moment the data speak for."),
        "published_at": ("timestamp with time zone", "When this version was written."),
        "table_name": ("varchar", "Schema and table."),
        "n_rows": ("bigint", "Rows of the table."),
    },
)


def dictionary() -> list[Words]:
    """Every published table with its words, sorted by name."""
    nodes = json.loads(manifest().read_text())["nodes"].values()
    marts = [
        Words(
            f"{node['schema']}.{node['name']}",
            " ".join(node["description"].split()),
            {
                name: (column.get("data_type") or "varchar", " ".join(column["description"].split()))
                for name, column in node["columns"].items()
            },
        )
        for node in nodes
        if node["resource_type"] in ("model", "seed") and node["schema"].startswith("marts_")
    ]
    return sorted([*marts, *results(), CHECK_OUTCOMES, PUBLISHED], key=lambda words: words.table)


def results() -> list[Words]:
    """The result tables of schema `validity`."""
    found = [Words(f"{SCHEMA}.{name}", spec.meaning, columns_of(name)) for name, spec in TABLES.items()]
    groups = Words(f"{SCHEMA}.{fairness.TABLE}", FAIRNESS.meaning, fairness.words())
    return [*found, groups, Words(f"{SCHEMA}.{LINEAGE}", LINEAGE_SPEC.meaning, LINEAGE_SPEC.columns)]


def comments() -> dict[str, str]:
    """Meanings by `schema.table` and `schema.table.column`."""
    found = {}
    for words in dictionary():
        found[words.table] = words.meaning
        found |= {f"{words.table}.{name}": meaning for name, (_, meaning) in words.columns.items()}
    return found


def page() -> Iterator[str]:
    """Lines of docs/tables.md."""
    yield "# The published tables"
    yield ""
    yield "`qoh published` prints the path of the current file. Open it read-only, at any time, also during a sync:"
    yield ""
    yield "```python"
    yield "import duckdb, os"
    yield "# Resolve the link first: it moves when a new version is published."
    yield 'path = os.path.realpath("data/published/analyst.duckdb")'
    yield 'duckdb.connect(path, read_only=True).sql("from validity.validity_estimates where rung = 4")'
    yield "```"
    yield ""
    yield "The words below are also in the file, as comments on tables and columns (`duckdb_columns()`);"
    yield "`marts_ops.metric_definitions` defines the metrics. `_id` is text, `_at` a UTC time, `_on` a date, rates"
    yield "run 0–1, and ids of persons are tokens. This page is generated: `python -m orchestration.dictionary`."
    yield ""
    for words in dictionary():
        yield f"## {words.table}"
        yield ""
        yield words.meaning
        yield ""
        yield "| column | type | meaning |"
        yield "|---|---|---|"
        for name, (kind, meaning) in words.columns.items():
            yield f"| {name} | {kind} | {meaning.replace('|', chr(92) + '|')} |"
        yield ""


def text() -> str:
    """docs/tables.md as it should be."""
    return "\n".join(page()).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(text())
