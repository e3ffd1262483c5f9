"""The report: written from the published file only, so that it never says more than readers can check."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pandas as pd

from expectations.tables import CHECK_OUTCOMES
from ingestion.settings import settings
from ingestion.warehouse import open_published
from orchestration import progress
from orchestration.defs.publish import ANALYST_KEY, ROLE, published_file

PICTURES = ("forest", "coverage", "dropping", "funnel", "load", "latency")
"""Charts on the asset's page; the report has more."""


def published_frames(tables: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """These tables of the current published file, those that it has."""
    with open_published(ROLE) as connection:
        rows = connection.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
        present = {name for (name,) in rows}
        return {name: connection.execute(f"select * from {name}").df() for name in tables if name in present}


def report_frames() -> dict[str, pd.DataFrame]:
    """What the report reads, the outcomes of the checks among it."""
    from reporting.frames import CHECKS, TABLES

    found = published_frames((*TABLES, CHECK_OUTCOMES))
    return found | ({CHECKS: found[CHECK_OUTCOMES]} if CHECK_OUTCOMES in found else {})


def write_report() -> list[Path]:
    """Write the site from the published file; the first page is the one to open."""
    from reporting.site import write_site

    return write_site(report_frames(), settings().home / "report", datetime.now(UTC), snapshot=published_file().name)


@dg.asset(
    key=["report", "site"],
    deps=[ANALYST_KEY],
    description="The report as a static site, with everything inlined: no server, no network.",
    group_name="publish",
    owners=["team:people-analytics"],
    kinds={"html", "python"},
    tags={"layer": "publish"},
)
def site() -> dg.MaterializeResult:
    from reporting.site import pictures

    with progress.stage("write report"):
        pages = write_report()
        drawn = pictures(report_frames(), PICTURES)
    return dg.MaterializeResult(
        metadata={
            "n_pages": len(pages),
            "path": dg.MetadataValue.path(str(pages[0])),
            **{
                name: dg.MetadataValue.md(f"![{name}](data:image/png;base64,{_text(png)})")
                for name, png in drawn.items()
            },
        }
    )


def _text(png: bytes) -> str:
    return base64.b64encode(png).decode("ascii")


def report_definitions() -> dg.Definitions:
    """The site."""
    return dg.Definitions(assets=[site])
