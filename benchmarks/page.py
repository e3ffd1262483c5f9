"""docs/performance.md: every benchmark owns one section between its markers and leaves the others alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def write_section(name: str, lines: Sequence[str], page: Path = PAGE) -> None:
    """Replace the section `name`; it is put at the end of a page that has none."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = page.read_text() if page.exists() else ""
    if start not in text:
        text = f"{text.rstrip()}\n\n{start}\n{end}\n"
    before, after = text.split(start)[0], text.split(end)[1]
    page.write_text("\n".join([before + start, *lines, end]) + after)
