"""The static site: every page with everything inside it, nothing from the network."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reporting import charts, pages, words
from reporting.figures import Figure
from reporting.frames import ESTIMATES, Frames, complete
from reporting.theme import stylesheet

ONE_A_TECHNIQUE = ("expectancy", "scatter", "sensitivity", "precision")
PICTURES = ("forest", "coverage", "dropping", "funnel", "load", "latency", "match-rates", *ONE_A_TECHNIQUE)
PAGES: tuple[tuple[str, str], ...] = (
    ("index.html", "Answer"),
    ("techniques.html", "Techniques"),
    ("decisions.html", "Decisions"),
    ("process.html", "Process"),
    ("health.html", "Data health"),
)
_MADE_BY: dict[str, Callable[[pages.Tables], dict[str, Any]]] = {
    "index.html": pages.index,
    "techniques.html": pages.technique_sections,
    "decisions.html": pages.decisions,
    "process.html": pages.process,
    "health.html": pages.data_health,
}


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
        "as_of": pages.data_of(tables[ESTIMATES]),
        "lineage": pages.lineage_of(tables[ESTIMATES]),
        "company": company,
        "snapshot": snapshot,
    }
    out.mkdir(parents=True, exist_ok=True)
    environment = _environment()
    paths = []
    for page, make in _MADE_BY.items():
        content = make(tables)
        drawn = pages.every_figure(content)
        html = environment.get_template(f"{page}.j2").render(page=page, drawn=drawn, **common, **content)
        paths.append(_replace(out / page, html))
    return paths


def pictures(frames: Frames, names: Sequence[str] = PICTURES, scale: float = 1.0) -> dict[str, bytes]:
    """Charts as PNG by name, those that have data; drawn offline.

    Parameters
    ----------
    frames
        As for `write_site`.
    names
        Which figures: forest, coverage, dropping, funnel, load, latency, latency-months, match-rates, reconciliation;
        a name of `ONE_A_TECHNIQUE` stands for the figures of every technique, ``scatter-pair_coding`` for one.
    scale
        Pixels per unit; 2 for a slide.
    """
    tables = complete(frames)
    made = [figure for make in _MADE_BY.values() for figure in pages.every_figure(make(tables))]
    wanted = [figure for name in names for figure in made if _is_called(figure, name)]
    return {figure.id: charts.png(figure.chart, scale=scale) for figure in wanted}


def _is_called(figure: Figure, name: str) -> bool:
    return figure.id == name or (name in ONE_A_TECHNIQUE and figure.id.startswith(f"{name}-"))


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
    )
    environment.filters.update(
        day=words.day,
        minute=lambda moment: f"{moment:%Y-%m-%d %H:%M} UTC",
        plural=words.plural,
        unbroken=words.unbroken,
    )
    return environment


def _chart_json(figure: Figure) -> Markup:
    """The chart as JSON; unvalidated, which saves a second a page, because a test validates every chart."""
    return Markup(json.dumps(figure.chart.to_dict(validate=False), separators=(",", ":")).replace("<", "\\u003c"))


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
