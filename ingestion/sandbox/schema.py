"""The neutral, versioned tables of the sandbox company, written down as data.

The model (`company.py` and its helpers) fills exactly these tables; the faces (one file a vendor) translate them into
wire formats and read nothing else. Every table also has `created_at`, `valid_from` and `valid_to` (UTC; NaT = open): a
version is visible at T when `valid_from <= T < valid_to`. A key without a visible version after an earlier one was hard
deleted. A vendor's `updated_at` is the version's `valid_from`, its `created_at` the first version's `valid_from`.

Types: `id` int64 (nullable Int64 where a `?` follows), `text` (pandas str, missing = NaN), `bool`, `int`, `float`,
`time` (UTC timestamp, NaT when empty), `day` (naive midnight timestamp, NaT when empty).
"""

from __future__ import annotations

import hashlib
import uuid

from ingestion.sandbox.schema_ats import ATS, PEOPLE, PLAN
from ingestion.sandbox.schema_hr import HRIS, PERFORMANCE
from ingestion.sandbox.table import Table

__all__ = ["TABLES", "Table", "lattice_uuid"]

TABLES: dict[str, Table] = {table.name: table for table in (*PEOPLE, *PLAN, *ATS, *HRIS, *PERFORMANCE)}


def lattice_uuid(kind: str, number: int) -> str:
    """The UUID a performance vendor would show for row `number` of `kind` ("user", "review", "question" …)."""
    return str(uuid.UUID(bytes=hashlib.md5(f"{kind}:{number}".encode(), usedforsecurity=False).digest(), version=4))
