"""The evidence pack on disk: reads the published file and the signed-off file, writes HTML, PDF and tables."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ingestion.errors import ConfigurationError
from orchestration.defs.publish import published_file

if TYPE_CHECKING:
    from reporting.evidence import Missing
    from reporting.signoff import SignOff

FRAMES = ("siop", "ugesp", "ll144")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PDF_SECONDS = 120
EXAMPLE = "evidence.example.yaml"


class FrameUnknown(ConfigurationError):
    """A legal frame that there is none of."""

    def __init__(self, frame: str) -> None:
        names = ", ".join(f"`{name}`" for name in FRAMES)
        super().__init__(
            f"--frame `{frame}` is no frame; there are {names}. Nothing was written. Run: qoh evidence-pack --help"
        )


class SignOffUnreadable(ConfigurationError):
    """The signed-off file cannot be read, or is not YAML."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"`{path}` cannot be read: {problem}; expected YAML with the keys of {EXAMPLE}. Nothing was written. Mend "
            f"it and run: qoh evidence-pack --signed-off {path}"
        )


class SignOffRefused(ConfigurationError):
    """The signed-off file holds something it should not."""

    def __init__(self, path: Path, problems: Iterable[str]) -> None:
        super().__init__(
            f"`{path}`: {'; '.join(problems)}. Nothing was written. Compare with {EXAMPLE}, then run: "
            f"qoh evidence-pack --signed-off {path}"
        )


class OutNotWritable(ConfigurationError):
    """The folder for the report cannot be written."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"--out `{path}` cannot be written: {problem}. Name a folder of yours: qoh evidence-pack --out DIR"
        )


@dataclass(frozen=True)
class Written:
    """The files of a pack, what it lacks, and why there is no PDF where there is none."""

    files: tuple[Path, ...]
    missing: tuple[Missing, ...]
    no_pdf: str


def write_evidence(frame: str, signed_off: Path | None, out: Path) -> Written:
    """Write the evidence pack of a frame from the published file.

    Args:
        frame: siop, ugesp or ll144.
        signed_off: what a person supplied, as YAML.
        out: folder to write to; made if missing.

    Raises:
        FrameUnknown, SignOffUnreadable, SignOffRefused, OutNotWritable: see their sentences.
        NothingPublished: before the first run.
    """
    from orchestration.evidence_frames import evidence_frames
    from reporting.evidence import evidence_pack, find
    from reporting.exhibit import LL144

    if frame not in FRAMES:
        raise FrameUnknown(frame)
    signed = None if signed_off is None else read_signed(signed_off)
    version = published_file()
    tables = evidence_frames(version)
    pack = evidence_pack(find(tables), signed, frame, datetime.now(UTC), snapshot=version.name)
    page = out / f"evidence-pack-{frame}.html"
    _write(page, pack.html)
    files = [page]
    if frame == "ll144":
        files.append(page.with_suffix(".csv"))
        _write(files[-1], tables[LL144].to_csv(index=False))
    no_pdf = write_pdf(page)
    return Written((*files, *([] if no_pdf else [page.with_suffix(".pdf")])), pack.missing, no_pdf)


def read_signed(path: Path) -> SignOff:
    """The signed-off file, checked."""
    from reporting.signoff import SignOffInvalid, read_sign_off

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SignOffUnreadable(path, (error.strerror or "not found").lower()) from None
    except UnicodeDecodeError:
        raise SignOffUnreadable(path, "it is not UTF-8 text") from None
    except yaml.YAMLError as error:
        raise SignOffUnreadable(path, _place(error)) from None
    try:
        return read_sign_off(content)
    except SignOffInvalid as error:
        raise SignOffRefused(path, error.problems) from None


def _place(error: yaml.YAMLError) -> str:
    """Where YAML broke and why; never the text of the line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "it is not YAML"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)


def write_pdf(page: Path) -> str:
    """Print the page beside itself; why there is no PDF, or nothing. A PDF of an earlier page never stays."""
    pdf = page.with_suffix(".pdf")
    pdf.unlink(missing_ok=True)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return f"No PDF: none of {', '.join(BROWSERS)} is on PATH. Install one, or print the page from any browser."
    with tempfile.TemporaryDirectory(prefix="qoh-pdf-", ignore_cleanup_errors=True) as profile:
        try:
            done = subprocess.run(
                pdf_command(browser, page, pdf, Path(profile)), capture_output=True, timeout=PDF_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            pdf.unlink(missing_ok=True)
            return f"No PDF: `{browser}` {_failure(error)}. The page is written; print it from any browser."
    if done.returncode or not pdf.is_file():
        return f"No PDF: `{browser}` ended with code {done.returncode}. The page is written; print it from any browser."
    return ""


def _failure(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"did not finish within {PDF_SECONDS} seconds"
    return "could not be started"


def pdf_command(browser: str, page: Path, pdf: Path, profile: Path) -> list[str]:
    """Headless Chromium that prints a page and asks nothing of the network; root has no sandbox to run in."""
    without_sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    quiet = ("--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update")
    return [
        browser,
        "--headless",
        *without_sandbox,
        *quiet,
        "--disable-sync",
        f"--user-data-dir={profile}",
        "--no-pdf-header-footer",
        f"--print-to-pdf={pdf.resolve()}",
        page.resolve().as_uri(),
    ]


def _write(path: Path, text: str) -> None:
    """Write beside, then rename: a reader never meets half a page."""
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise OutNotWritable(path.parent, (error.strerror or str(error)).lower()) from None
