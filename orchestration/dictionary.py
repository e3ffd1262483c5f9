"""The words of the published tables: comments in the published file, and docs/tables.md.

`python -m orchestration.dictionary` writes the page again; a test compares it with the dbt project.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.manifest import manifest

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"


@dataclass(frozen=True)
class Words:
    """What a published table holds, and its columns: name to (type, meaning)."""

    table: str
    meaning: str
    columns: dict[str, tuple[str, str]]


ESTIMATES = Words(
    "validity.technique_estimates",
    "One row per rung, technique, job family and variant: how well the score agreed with later performance.",
    {
        "metric": ("varchar", "Which number: r_obs, the observed correlation."),
        "rung": ("bigint", "Rung of the ladder in docs/methods.md; 1 is the observed correlation, uncorrected."),
        "technique": ("varchar", "Interview technique of the taxonomy."),
        "job_family": ("varchar", "Job family, or all."),
        "variant": (
            "varchar",
            "all_raters, or independent_raters: without ratings by people who interviewed the hire.",
        ),
        "criterion": ("varchar", "Performance measure the score is compared with."),
        "value": ("double", "The estimate; null unless status is ok or low_n."),
        "lo": ("double", "Lower limit of the interval."),
        "hi": ("double", "Upper limit of the interval."),
        "level": ("double", "Confidence level of the interval, 0–1."),
        "n": ("bigint", "Pairs of score and performance that entered."),
        "method": ("varchar", "How the value was made."),
        "interval_method": ("varchar", "How the interval was made; cr2 is clustered by interviewer."),
        "status": ("varchar", "ok, low_n, not_estimable, suppressed or stale."),
        "reason": ("varchar", "Why the status is not ok, or what to know about an ok one."),
        "mdv": ("double", "Minimum detectable validity: the smallest correlation this n shows with 80 % probability."),
        "value_unbiased": ("double", "The estimate with the small-sample bias of r removed (Olkin & Pratt 1958)."),
        "n_clusters": ("bigint", "Interviewers behind the scores."),
        "n_contaminated": ("bigint", "Pairs left out because the scorecard came or was edited after the decision."),
        "n_same_rater": ("bigint", "Pairs whose rater had also interviewed the hire; unknown counts as yes."),
        "p_value": ("double", "Two-sided p of no correlation."),
        "q_value": ("double", "p after Benjamini & Hochberg (1995) within the job family and variant."),
        "verdict": ("varchar", "The verdict in two or three words."),
        "verdict_sentence": ("varchar", "The verdict as a sentence with its numbers."),
        "as_of": ("timestamp with time zone", "State of the data."),
        "definition_version": ("varchar", "Version of the definition behind the number."),
    },
)

CHECK_OUTCOMES = Words(
    "marts_ops.check_outcomes",
    "One row per check of the run that published this file.",
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
    return sorted([*marts, ESTIMATES, CHECK_OUTCOMES, PUBLISHED], key=lambda words: words.table)


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
    yield 'duckdb.connect(path, read_only=True).sql("from validity.technique_estimates")'
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
