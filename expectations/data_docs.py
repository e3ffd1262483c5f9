"""Outcomes -> static pages, one a suite and an index.

Great Expectations' own Data Docs are not used: their templates (1.24, `render/view/templates/js_script_imports.j2`,
`page.j2`, `index_page.j2`, `top_navbar.j2`) load scripts, styles and a logo from public hosts at every view. That
breaks behind a firewall and tells third parties who reads checks on personal data. They also show samples of the
values that failed. These pages load nothing and hold what `Outcome` holds: counts, tokens, and sentences.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from expectations.checks import Check, Suite
from expectations.outcomes import Outcome
from expectations.run import all_checks
from expectations.suites import SUITES

STATUS_WORDS = {"passed": "holds", "failed": "fails", "could_not_run": "could not run", "skipped": "skipped"}
_ORDER = {"could_not_run": 0, "failed": 1, "skipped": 2, "passed": 3}


@dataclass(frozen=True)
class _Line:
    """One check with its outcome, as a page shows it."""

    check: Check
    outcome: Outcome

    @property
    def rank(self) -> tuple[int, int, str, str]:
        severity = 0 if self.outcome.severity == "error" else 1
        return _ORDER[self.outcome.status], severity, self.check.table, self.check.id

    @property
    def word(self) -> str:
        return STATUS_WORDS[self.outcome.status]

    @property
    def tone(self) -> str:
        """Style class; colour never stands without the word."""
        if self.outcome.status == "failed":
            return self.outcome.severity
        return {"could_not_run": "error", "skipped": "quiet", "passed": "good"}[self.outcome.status]

    @property
    def expected(self) -> str:
        """The expectation as it is declared, without its defaults."""
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.check.expect.kwargs.items())
        return f"{self.check.expect.kind}({arguments})"


def write_data_docs(outcomes: Sequence[Outcome], directory: Path, *, generated_at: datetime | None = None) -> Path:
    """Write one page per suite and an index.

    Parameters
    ----------
    outcomes
        Of one run; checks without an outcome are left out.
    directory
        Made if it is not there; pages of an earlier run are replaced one by one, each at once.
    generated_at
        Time shown on the pages; aware; the present by default.

    Returns
    -------
    Path
        The index page.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("expectations", "templates"),
        autoescape=select_autoescape(["html", "html.j2"], default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    common = {"generated_at": generated_at or datetime.now(UTC), "suites": SUITES}
    lines = _lines(outcomes)
    directory.mkdir(parents=True, exist_ok=True)
    for suite in SUITES:
        own = sorted((line for line in lines if line.outcome.suite == suite.name), key=lambda line: line.rank)
        page = environment.get_template("suite.html.j2").render(
            **common, suite=suite, lines=own, counts=_counts(own), measured=_measured
        )
        _replace(directory / f"{suite.name}.html", page)
    summaries = [(suite, _counts(_of(suite, lines))) for suite in SUITES]
    wrong = sorted((line for line in lines if line.tone in {"error", "warning"}), key=lambda line: line.rank)
    index = environment.get_template("index.html.j2").render(
        **common, summaries=summaries, wrong=wrong, counts=_counts(lines), blocking=sum(o.is_blocking for o in outcomes)
    )
    _replace(directory / "index.html", index)
    return directory / "index.html"


def _lines(outcomes: Iterable[Outcome]) -> list[_Line]:
    declared = {check.id: check for check in all_checks()}
    return [_Line(declared[outcome.check_id], outcome) for outcome in outcomes if outcome.check_id in declared]


def _of(suite: Suite, lines: Iterable[_Line]) -> list[_Line]:
    return [line for line in lines if line.outcome.suite == suite.name]


def _counts(lines: Sequence[_Line]) -> dict[str, int]:
    tones = Counter(line.tone for line in lines)
    return {tone: tones[tone] for tone in ("error", "warning", "quiet", "good")} | {"all": len(lines)}


def _measured(check: Check) -> str:
    """The measure as declared, without empty fields."""
    fields = ((name, value) for name, value in vars(check.measure).items() if value not in (None, (), ""))
    return f"{type(check.measure).__name__}({', '.join(f'{name}={value!r}' for name, value in fields)})"


def _replace(path: Path, text: str) -> None:
    """Write beside and move, so that a reader never meets half a page."""
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
