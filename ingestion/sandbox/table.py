"""The declaration of one neutral table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """One neutral table: its key, its columns (name, type, meaning) and the tables its rows cannot outlive."""

    name: str
    key: str
    description: str
    columns: tuple[tuple[str, str, str], ...]
    parents: tuple[tuple[str, str], ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """All columns in order, the bookkeeping ones last."""
        return (*(name for name, _, _ in self.columns), "created_at", "valid_from", "valid_to")
