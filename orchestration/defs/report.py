"""The report: written from the published file only, so that it never says more than readers can check."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pandas as pd
from pydantic import Field

from expectations.tables import CHECK_OUTCOMES
from ingestion.settings import settings
from ingestion.warehouse import open_version, show_version
from orchestration import progress
from orchestration.defs.publish import ANALYST_KEY, ROLE, published_file
from orchestration.defs.writer import WRITER_POOL, WarehouseWriter

PICTURES = ("forest", "coverage", "dropping", "funnel", "load", "latency")
"""Charts on the asset's page; the report has more."""


def published_frames(version: Path, tables: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """These tables of a published version, those that it has."""
    with open_version(version) as connection:
        rows = connection.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
        present = {name for (name,) in rows}
        return {name: connection.execute(f"select * from {name}").df() for name in tables if name in present}


def report_frames(version: Path) -> dict[str, pd.DataFrame]:
    """What the report reads of a published version, the outcomes of the checks among it."""
    from reporting.frames import CHECKS, TABLES

    found = published_frames(version, (*TABLES, CHECK_OUTCOMES))
    return found | ({CHECKS: found[CHECK_OUTCOMES]} if CHECK_OUTCOMES in found else {})


def write_report(version: Path, frames: Mapping[str, pd.DataFrame]) -> list[Path]:
    """Write the site from the frames of one published version; the first page is the one to open."""
    from reporting.site import write_site

    return write_site(frames, settings().home / "report", datetime.now(UTC), snapshot=version.name)


def roll_back(version: str | None) -> tuple[Path, list[Path]]:
    """Let readers see a kept version again, by default the one before, and write the report from it.

    Returns:
        The version's file, and the report's pages.

    Raises:
        VersionNotKept: there is no such file, or none before.
    """
    shown = show_version(ROLE, version)
    return shown, write_report(shown, report_frames(shown))


class EarlierVersion(dg.Config):
    """Which version readers shall see."""

    version: str | None = Field(
        None, description="As `qoh published --versions` names it; by default the one before that which readers see."
    )


@dg.op(pool=WRITER_POOL, description="Moves the readers' pointer to a kept version; deletes nothing.")
def show_earlier_version(context: dg.OpExecutionContext, config: EarlierVersion, writer: WarehouseWriter) -> None:
    shown, pages = roll_back(config.version)
    said = {"version": shown.stem.removeprefix(f"{ROLE}-"), "path": dg.MetadataValue.path(str(shown))}
    context.log_event(dg.AssetObservation(ANALYST_KEY, description="Readers see this version again.", metadata=said))
    context.log.info(f"Readers see {shown.name} again; the report {pages[0]} is written from it.")


@dg.job(
    description="Lets readers see the version before, or a named one, again. The next nightly run publishes as ever.",
    executor_def=dg.in_process_executor,
)
def rollback() -> None:
    show_earlier_version()


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
        version = published_file()
        frames = report_frames(version)
        pages = write_report(version, frames)
        drawn = pictures(frames, PICTURES)
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
    """The site, and the way back to an earlier version of what it is written from."""
    return dg.Definitions(assets=[site], jobs=[rollback])
