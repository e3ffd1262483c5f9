"""Columns as Dagster shows them, from words of the form name to (type, meaning)."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg


def column_schema(words: Mapping[str, tuple[str, str]]) -> dg.TableSchema:
    """The schema of a table whose columns are described in words."""
    return dg.TableSchema(
        [dg.TableColumn(name, kind.upper(), description=meaning) for name, (kind, meaning) in words.items()]
    )
