"""The static site: three pages, everything inside them, nothing from the network."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reporting import answer, charts, figures, words
from reporting.figures import Figure, Panel, Table
from reporting.frames import (
    CHECKS,
    COVERAGE,
    DEFINITIONS,
    ESTIMATES,
    FUNNEL,
    LATENCY,
    LOAD,
    MAPPING,
    MATCH_RATES,
    QUALITY,
    RECONCILIATION,
    REVIEW_COVERAGE,
    SCORECARDS,
    STREAMS,
    Frames,
    complete,
)
from reporting.theme import stylesheet
from reporting.words import count, people, percent

STALE_HOURS = 36
PICTURES = ("forest", "coverage", "funnel", "load", "latency", "match-rates")
PAGES: tuple[tuple[str, str], ...] = (
    ("index.html", "Answer"),
    ("process.html", "Process"),
    ("health.html", "Data health"),
)


@dataclass(frozen=True)
class FamilyCell:
    """One technique in one job family, as three short lines."""

    value: str
    interval: str
    n: str


def write_site(
    frames: Frames,
    out: Path,
    generated_at: datetime,
    *,
    company: str = "",
    snapshot: str = "",
) -> list[Path]:
    """Write the report.

    Parameters
    ----------
    frames
        Tables of the published file by `schema.table` (see `reporting.frames.TABLES`) and, under ``checks``, the
        outcomes of the checks. Missing tables are taken as empty.
    out
        Folder to write to; made if missing.
    generated_at
        When the report was made, aware UTC time.
    company
        Name shown on the pages; none by default.
    snapshot
        Name of the published file behind the report.

    Returns
    -------
    list of Path
        The pages, first the one to open.
    """
    tables = complete(frames)
    common = {
        "pages": PAGES,
        "generated_at": generated_at,
        "as_of": _as_of(tables[ESTIMATES]),
        "company": company,
        "snapshot": snapshot,
    }
    contents = {
        "index.html": _index(tables),
        "process.html": _process(tables),
        "health.html": _health(tables),
    }
    out.mkdir(parents=True, exist_ok=True)
    environment = _environment()
    paths = []
    for page, content in contents.items():
        html = environment.get_template(f"{page}.j2").render(page=page, **common, **content)
        paths.append(_replace(out / page, html))
    return paths


def pictures(frames: Frames, names: Sequence[str] = PICTURES, scale: float = 1.0) -> dict[str, bytes]:
    """The main charts as PNG by name, those that have data; drawn offline.

    Parameters
    ----------
    frames
        As for `write_site`.
    names
        Which figures: forest, coverage, funnel, load, latency, latency-months, match-rates, reconciliation.
    scale
        Pixels per unit; 2 for a slide.
    """
    tables = complete(frames)
    made = {
        figure.id: figure
        for page in (_index, _process, _health)
        for figure in page(tables)["figures"]
        if figure is not None
    }
    return {name: charts.png(made[name].chart, scale=scale) for name in names if name in made}


def _index(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    estimates = tables[ESTIMATES]
    forest, coverage = figures.forest(estimates), figures.coverage(tables[COVERAGE])
    return {
        "summary": answer.summary(estimates),
        "lines": answer.lines(estimates),
        "forest": forest,
        "coverage": coverage,
        "families": _families(estimates),
        "cannot_claim": answer.CANNOT_CLAIM,
        "definition": _definition(tables[DEFINITIONS], "r_obs"),
        "figures": [forest, coverage],
    }


def _process(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    made = {
        "funnel": figures.funnel(tables[FUNNEL]),
        "load": figures.load(tables[LOAD]),
        "latency": figures.latency(tables[SCORECARDS]),
        "latency_months": figures.latency_by_month(tables[LATENCY]),
    }
    return made | {
        "stages": figures.funnel_by_quarter(tables[FUNNEL]),
        "after_decision": _after_decision(tables[SCORECARDS]),
        "figures": list(made.values()),
    }


def _health(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    made = {
        "match_rates": figures.match_rates(tables[MATCH_RATES]),
        "reconciliation": figures.reconciliation(tables[RECONCILIATION]),
    }
    return made | {
        "checks": _checks(tables[CHECKS]),
        "streams": _streams(tables[STREAMS]),
        "quality": _quality(tables[QUALITY]),
        "unmapped": _unmapped(tables[MAPPING]),
        "reviews": _reviews(tables[REVIEW_COVERAGE]),
        "figures": list(made.values()),
    }


def _as_of(estimates: pd.DataFrame) -> datetime | None:
    newest = pd.to_datetime(estimates["as_of"], utc=True).max()
    return None if pd.isna(newest) else newest.to_pydatetime()


def _families(estimates: pd.DataFrame) -> tuple[list[str], list[tuple[str, list[FamilyCell]]]] | None:
    """Technique × job family: heads and rows; nothing where there is only one family."""
    rows = estimates[
        (estimates["metric"] == "r_obs")
        & (estimates["variant"] == "all_raters")
        & (estimates["job_family"] != "all")
        & (estimates["technique"] != "unmapped")
    ]
    names = sorted(rows["job_family"].dropna().unique())
    if len(names) < 2:
        return None
    cells = {(row.technique, row.job_family): _family_cell(row) for row in rows.itertuples()}
    techniques = sorted(rows["technique"].unique(), key=lambda key: words.name_of(key, words.TECHNIQUES))
    empty = FamilyCell(words.NOTHING, "", "not used")
    grid = [
        (words.name_of(technique, words.TECHNIQUES), [cells.get((technique, name), empty) for name in names])
        for technique in techniques
    ]
    return [name.replace("_", " ").capitalize() for name in names], grid


def _family_cell(row: Any) -> FamilyCell:
    if words.missing(row.value):
        n = "few" if words.missing(row.n) else f"n {people(row.n)}"
        return FamilyCell(words.NOTHING, str(row.verdict), n)
    return FamilyCell(words.correlation(row.value), words.correlation_interval(row.lo, row.hi), f"n {people(row.n)}")


def _definition(definitions: pd.DataFrame, metric: str) -> str:
    found = definitions.loc[definitions["metric_id"] == metric, "definition"]
    return "" if found.empty else str(found.iloc[0])


def _after_decision(scorecards: pd.DataFrame) -> str:
    submitted = scorecards[scorecards["submitted_at"].notna()]
    n = len(submitted)
    if n < 10:
        return ""
    late = int((submitted["is_submitted_after_decision"].fillna(False) == True).sum())  # noqa: E712 - object column
    edited = int((submitted["is_edited_after_decision"].fillna(False) == True).sum())  # noqa: E712
    return (
        f"Of {count(n)} submitted scorecards, {people(late)} came after the decision and {people(edited)} were changed "
        "after it. Their scores know the outcome, so they are left out of the answer."
    )


def _checks(checks: pd.DataFrame) -> dict[str, Any]:
    """What failed, worst first, and how many passed."""
    order = {"could_not_run": 0, "failed": 1}
    failing = checks[checks["status"].isin(order)]
    failing = failing.assign(
        position=failing["status"].map(order).astype(float) + (failing["severity"] != "error") * 0.5
    ).sort_values(["position", "table", "check"])
    rows = tuple(
        (
            str(row.status).replace("_", " "),
            str(row.severity),
            str(row.table),
            str(row.check).replace("_", " "),
            count(row.n_failing),
            " ".join(str(text) for text in (row.message, row.reason) if not words.missing(text)),
        )
        for row in failing.itertuples()
    )
    is_error = failing["severity"] == "error"
    return {
        "n": int((checks["status"] != "skipped").sum()),
        "n_passed": int((checks["status"] == "passed").sum()),
        "n_skipped": int((checks["status"] == "skipped").sum()),
        "n_errors": int((is_error & (failing["status"] == "failed")).sum()),
        "n_warnings": int((~is_error & (failing["status"] == "failed")).sum()),
        "n_could_not_run": int((failing["status"] == "could_not_run").sum()),
        "table": Table(("Outcome", "Severity", "Table", "Check", "Rows", "What and why"), rows, frozenset({4})),
    }


def _streams(streams: pd.DataFrame) -> dict[str, Any]:
    rows = streams.sort_values(["connection_id", "stream"])
    late = rows["last_success_at"].isna() | (pd.to_numeric(rows["hours_since_success"]) > STALE_HOURS)
    failed = rows["last_status"] == "failed"
    table = Table(
        ("Connection", "Stream", "State", "Last success (UTC)", "Rows", "Run before", "In quarantine"),
        tuple(
            (
                str(row.connection_id),
                str(row.stream),
                "failed" if is_failed else "late" if is_late else "ok",
                words.NOTHING if words.missing(row.last_success_at) else f"{row.last_success_at:%Y-%m-%d %H:%M}",
                count(row.last_rows),
                count(row.previous_rows),
                count(row.n_quarantined),
            )
            for row, is_late, is_failed in zip(rows.itertuples(), late, failed, strict=True)
        ),
        frozenset({4, 5, 6}),
    )
    return {
        "n": len(rows),
        "n_connections": int(rows["connection_id"].nunique()),
        "n_late": int((late & ~failed).sum()),
        "n_failed": int(failed.sum()),
        "n_quarantined": int(pd.to_numeric(rows["n_quarantined"]).fillna(0).sum()),
        "table": table,
    }


def _quality(frame: pd.DataFrame) -> Table:
    return Table(
        ("Number", "Value", "Of", "What it says"),
        tuple(
            (
                str(row.metric).replace("_", " "),
                answer.quality_value(row.metric, row.value, row.n),
                count(row.n),
                "" if words.missing(row.note) else str(row.note),
            )
            for row in frame.sort_values("metric").itertuples()
        ),
        frozenset({1, 2}),
    )


def _unmapped(mapping: pd.DataFrame) -> dict[str, Any]:
    known = mapping["is_mapped"].fillna(False).astype(bool)
    held = pd.to_numeric(mapping["n_interviews"]).fillna(0)
    rows = mapping[~known].assign(held=held[~known]).sort_values("held", ascending=False)
    total = float(held.sum())
    return {
        "n": len(rows),
        "n_names": len(mapping),
        "share": percent(float(rows["held"].sum()) / total) if total else words.NOTHING,
        "table": Table(
            ("Interview name", "Interviews"),
            tuple((str(row.interview_name), count(row.held)) for row in rows.head(30).itertuples()),
            frozenset({1}),
        ),
    }


def _reviews(frame: pd.DataFrame) -> Table:
    rows = frame.assign(ends=pd.to_datetime(frame["ends_on"])).sort_values("ends", ascending=False).head(12)
    return Table(
        ("Review cycle", "Ended", "Expected", "Rated", "Share"),
        tuple(
            (
                str(row.cycle_name),
                words.day(row.ends),
                people(row.n_expected),
                people(row.n_reviewed),
                percent(row.coverage),
            )
            for row in rows.itertuples()
        ),
        frozenset({2, 3, 4}),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        inline_style=lambda: Markup(stylesheet() + _static("report.css")),
        inline_script=lambda: Markup(_in_script(_runtime() + "\n" + _static("report.js"))),
        chart_json=_chart_json,
        all_figures=_all_figures,
    )
    environment.filters.update(day=words.day, plural=words.plural, minute=lambda moment: f"{moment:%Y-%m-%d %H:%M} UTC")
    return environment


def _chart_json(figure: Figure) -> Markup:
    return Markup(json.dumps(figure.chart.to_dict(), separators=(",", ":")).replace("<", "\\u003c"))


def _all_figures(made: Sequence[Figure | None], *panels: Panel | None) -> list[Figure]:
    """Every figure on a page, those in panels too."""
    return [f for f in made if f is not None] + [f for panel in panels if panel for f in panel.figures]


def _in_script(code: str) -> str:
    """Code that may stand inside a script element: no closing tag, no comment opening."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _static(name: str) -> str:
    return (Path(__file__).parent / "static" / name).read_text(encoding="utf-8")


@cache
def _runtime() -> str:
    """Vega, Vega-Lite and Vega-Embed (0.9 MB), bundled by vl-convert from what it ships with: no download.

    A bundle of Vega alone would be a third smaller, but vl-convert 1.9 exports it as null.
    """
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def _replace(path: Path, text: str) -> Path:
    """Write beside, then rename: a reader never meets half a page."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
    return path
