"""dbt's manifest: parsed once by `qoh manifest` (the Makefile calls it), only read by Dagster.

Parsing it in every process that loads the definitions would cost seconds per code server, run and sensor tick.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT_DIR = Path(__file__).parents[1] / "dbt_project"
MANIFEST = PROJECT_DIR / "target" / "manifest.json"
SOURCES = ("models", "macros", "seeds", "snapshots", "tests", "dbt_project.yml", "profiles.yml")


class ManifestMissing(Exception):
    """Dagster cannot know the dbt models without the manifest."""

    def __init__(self) -> None:
        super().__init__(
            f"`{MANIFEST.relative_to(PROJECT_DIR.parent)}` does not exist, so the dbt models are unknown. "
            "Nothing was started. Run `qoh manifest`."
        )


class ManifestNotParsed(Exception):
    """dbt could not parse its project."""

    def __init__(self, output: str) -> None:
        super().__init__(
            f"`dbt parse` failed, so the dbt models are unknown. Nothing was started. dbt said:\n{output.strip()}\n"
            "Mend the file that it names, then run `qoh manifest`."
        )


def manifest() -> Path:
    """The manifest's path.

    Raises:
        ManifestMissing: it was never parsed.
    """
    if not MANIFEST.exists():
        raise ManifestMissing
    return MANIFEST


def is_current() -> bool:
    """Whether no file of the dbt project is newer than the manifest."""
    if not MANIFEST.exists():
        return False
    parsed_at = MANIFEST.stat().st_mtime
    roots = [PROJECT_DIR / name for name in SOURCES]
    files = [file for root in roots for file in (root.rglob("*") if root.is_dir() else [root])]
    return all(file.stat().st_mtime <= parsed_at for file in files if file.exists())


def prepare_manifest() -> Path:
    """Parse the dbt project if a file of it changed since the last time.

    Raises:
        ManifestNotParsed: with what dbt said.
    """
    if not is_current():
        done = subprocess.run(
            [sys.executable, "-m", "dbt.cli.main", "parse", "--profiles-dir", ".", "--quiet", "--no-use-colors"],
            cwd=PROJECT_DIR,
            env={**os.environ, "DBT_TARGET_PATH": "target", "DBT_LOG_PATH": "logs"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ManifestNotParsed(done.stdout + done.stderr)
        MANIFEST.touch()
    return manifest()
