"""docs/performance.md: every benchmark owns one section between its markers and leaves the others alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"


def write_section(name: str, lines: Sequence[str], page: Path = PAGE) -> None:
    """Replace the section `name`; it is put at the end of a page that has none."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = page.read_text() if page.exists() else ""
    if start not in text:
        text = f"{text.rstrip()}\n\n{start}\n{end}\n"
    before, after = text.split(start)[0], text.split(end)[1]
    page.write_text("\n".join([before + start, *lines, end]) + after)


def stamp() -> str:
    """When, on what and of which commit; `-dirty` when the checkout had changes, those of the page not counted."""
    commit = _git("describe", "--always") or "unknown"
    changed = "-dirty" if _git("status", "--porcelain", "--", ".", f":!{PAGE.relative_to(ROOT)}") else ""
    return f"Measured on {datetime.now(UTC):%Y-%m-%d} with {os.cpu_count()} cores, commit {commit}{changed}."


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Markdown of dictionaries with equal keys."""
    names = list(rows[0])
    return [
        "| " + " | ".join(names) + " |",
        "|" + "---|" * len(names),
        *("| " + " | ".join(str(row[name]) for name in names) + " |" for row in rows),
    ]
