"""How many possible links wait for a person: what `qoh links review` would list."""

from __future__ import annotations

from ingestion.links import open_questions
from ingestion.settings import settings


def n_open_questions() -> int:
    """Pairs that no rule could decide; the caller holds the lock."""
    return len(open_questions(settings()))
