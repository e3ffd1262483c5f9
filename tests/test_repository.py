"""What no commit may hold, and what the installation may not bring along."""

import re
import subprocess
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).suffix not in {".png", ".xlsx", ".parquet"}]


def test_no_file_names_a_package_registry() -> None:
    host = re.compile(r"(pypi|pythonhosted|npmjs|conda)\.(org|com|io)|--(extra-)?index-url|registry\.")
    wrong = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in tracked()
        if path.is_file() and path != Path(__file__) and (found := host.search(path.read_text(errors="replace")))
    ]
    assert not wrong, wrong


def test_the_lock_pins_every_package_with_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([a-zA-Z0-9._-]+)==\S+", lock, re.MULTILINE)
    assert len(pins) > 100
    assert "://" not in lock
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", lock.strip())
    assert all("--hash=sha256:" in block for block in blocks)


def test_every_declared_dependency_is_installed_as_locked() -> None:
    lock = dict(re.findall(r"^([a-zA-Z0-9._-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    wrong = [
        f"{name}: locked {version}, installed {metadata.version(name)}"
        for name in ("dagster", "dlt", "dbt-core", "dbt-duckdb", "duckdb", "great-expectations", "pandas")
        if (version := lock[name]) != metadata.version(name)
    ]
    assert not wrong, f"{wrong}: run `make install`"


def default_installation() -> set[str]:
    """Names of the distributions that the project pulls in without extras."""
    seen: set[str] = set()
    waiting = ["quality-of-hire"]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen:
            continue
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        seen.add(name)
        wanted = [Requirement(text) for text in requires]
        waiting += [r.name for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]
    return seen


def test_no_gpl_dependency_enters_the_default_installation() -> None:
    """Dual-licensed packages are used under their other licence (text-unidecode: Artistic)."""
    packages = default_installation()
    assert len(packages) > 80
    wrong = {}
    for name in packages - {"text-unidecode"}:
        about = metadata.metadata(name)
        words = " ".join(
            [
                about.get("License-Expression") or "",
                (about.get("License") or "")[:80],
                *(about.get_all("Classifier") or []),
            ]
        )
        if re.search(r"\bA?GPL|GNU (Affero )?General Public", words):
            wrong[name] = words[:120]
    assert not wrong, wrong


@pytest.mark.parametrize("target", ["demo", "test", "dev", "check", "bench"])
def test_the_makefile_has_the_promised_target(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
