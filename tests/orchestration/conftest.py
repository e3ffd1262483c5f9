"""One home, one pretend company and one full run, shared by every test that only looks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingestion.connections import Connection, load_connections
from ingestion.sandbox.runner import RunningSandbox, running_sandbox
from orchestration.home import prepare
from orchestration.manifest import prepare_manifest

EXAMPLE = Path(__file__).parents[2] / "connections.example.toml"
QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture(scope="session")
def manifest() -> Path:
    return prepare_manifest()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home; nothing is connected."""
    for name, value in {"QOH_HOME": "data", "QOH_KEYS": "keys", "QOH_CONNECTIONS": "connections.toml"}.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    for name in ("DAGSTER_HOME", "QOH_WAREHOUSE_PATH", "QOH_DEMOGRAPHICS_PATH", "QOH_ALERT_WEBHOOK"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    prepare()
    return tmp_path / "data"


@dataclass
class Company:
    """A home that has seen one full run, beside the sandbox that it was synced from."""

    home: Path
    sandbox: RunningSandbox
    connections: list[Connection]
    first: Any
    lines: list[Any] = field(default_factory=list)

    def definitions(self) -> dg.Definitions:
        from orchestration.build import build_definitions

        return build_definitions(self.connections)

    def materialize(
        self, selection: dg.AssetSelection | str, config: dict[str, Any] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Run a selection as the UI would, without raising."""
        chosen = dg.AssetSelection.from_string(selection) if isinstance(selection, str) else selection
        jobs = dg.Definitions(jobs=[dg.define_asset_job("chosen", selection=chosen)])
        job = dg.Definitions.merge(self.definitions(), jobs).resolve_job_def("chosen")
        with dg.DagsterInstance.get() as instance:
            return job.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET | (config or {}))


@pytest.fixture(scope="package")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """The one expensive fixture: sync, link, build, check, estimate, publish and report of a tiny company."""
    from orchestration import progress
    from orchestration.run import nightly

    root = tmp_path_factory.mktemp("company")
    shutil.copy(EXAMPLE, root / "connections.toml")
    before = dict(os.environ)
    with running_sandbox(size="tiny", seed=1) as sandbox:
        os.environ.update(
            sandbox.env,
            QOH_HOME=str(root / "data"),
            QOH_KEYS=str(root / "keys"),
            QOH_CONNECTIONS=str(root / "connections.toml"),
        )
        prepare()
        prepare_manifest()
        lines: list[Any] = []
        connections = load_connections(root / "connections.toml")
        with progress.listening(lines.append):
            first = nightly(connections)
        try:
            yield Company(root / "data", sandbox, connections, first, lines)
        finally:
            os.environ.clear()
            os.environ.update(before)
