"""What a failed dbt test says: how many keys or rows, why that is wrong, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingestion.progress import counted

REF = re.compile(r"ref\('(\w+)'\)")
AGAIN = "Run `qoh run` again; if it stays, the model is wrong: the query in QOH_HOME/{query} finds them."


@dataclass(frozen=True)
class Kind:
    """A generic test in words.

    Attributes:
        unit: what one row of its result stands for.
        seen: what is the matter with it, with the test's arguments.
        next_step: what to do.
    """

    unit: str
    seen: str
    next_step: str = AGAIN


KINDS: Mapping[str, Kind] = {
    "references": Kind(
        "key",
        "({columns}) without a row in `{to}`",
        "Those rows of `{to}` were set aside (`qoh quarantine list`), cannot be seen with the credential "
        "(`qoh doctor`), or were deleted at the vendor; after the first two are mended: "
        "`qoh run --reread CONNECTION`.",
    ),
    "unique_key": Kind("key", "({columns}) with more than one row"),
    "accepted_values": Kind("value", "of `{column_name}` other than {values}"),
    "mean_of_means_equals": Kind("key", "({columns}) whose mean of `{value}` is not `{to_value}` of `{to}`"),
}


def sentence(node: Mapping[str, Any], table: str, status: str, n_failing: int | None) -> str:
    """Subject, seen, consequence and next step of a failed test, without any value of the data.

    Args:
        node: the test in dbt's manifest; its own description and `meta.next_step` go before the words of its kind.
        table: what it judges, `schema.table`.
        status: as dbt says it: fail, warn or error.
        n_failing: rows of its result; None where they may not be told.
    """
    subject = f"`{table}`: `{node['name']}`"
    if status not in ("fail", "warn"):
        return (
            f"{subject} could not run. Nothing is known about this part of the data, so nothing is published. "
            "Run `qoh run` again; if it stays, the table or the test changed: compare the two."
        )
    test = node.get("test_metadata") or {}
    kind = KINDS.get(str(test.get("name")), Kind("row", "of its result"))
    arguments = {name: _words(value) for name, value in (test.get("kwargs") or {}).items()}
    many = f"some {kind.unit}s" if n_failing is None else counted(n_failing, kind.unit)
    described = f" {node['description'].strip()}" if node.get("description") else ""
    consequence = "Published with this warning." if status == "warn" else "Nothing is published."
    query = f"dbt/compiled/{node['package_name']}/{node['original_file_path']}/{node['path']}"
    declared = (node["config"].get("meta") or {}).get("next_step")
    next_step = declared or kind.next_step.format(**arguments, query=query)
    return f"{subject} fails: {many} {kind.seen.format(**arguments)}.{described} {consequence} {next_step}"


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    found = REF.search(str(value))
    return found[1] if found else str(value)
