"""A pretend company's faces on loopback, and a fresh home for keys and vault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ingestion import privacy
from ingestion.client import Client
from ingestion.connections import Connection
from ingestion.connectors import vendors
from ingestion.sandbox import running_sandbox

from .helpers import Answerer, small_vendor


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """QOH_HOME and QOH_KEYS of this test alone."""
    monkeypatch.setenv("QOH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QOH_KEYS", str(tmp_path / "keys"))
    privacy._default_keys.cache_clear()
    yield tmp_path / "home"
    privacy._default_keys.cache_clear()


@pytest.fixture(scope="session")
def running_company() -> Iterator[Any]:
    """One sandbox for all tests of connectors."""
    with running_sandbox(size="tiny", seed=1) as sandbox:
        yield sandbox


@pytest.fixture
def company(running_company: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The sandbox with its addresses and secrets in the environment; calm and uncounted again afterwards."""
    for name, value in running_company.env.items():
        monkeypatch.setenv(name, value)
    running_company.request_log.reset()
    yield running_company
    running_company.calm()


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    """A connector to whatever the environment names: `connect("greenhouse", level_field="…")`."""
    with ExitStack() as stack:

        def make(vendor: str, **options: Any) -> Any:
            module = vendors()[vendor]
            connection = Connection(f"{vendor}_main", vendor, {}, options)
            client = stack.enter_context(Client(connection, module.authentication(connection), sleep=lambda _: None))
            return module.Connector(connection, client)

        yield make


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Answerer], None]]:
    """Put a small server in a vendor's place: `serve("lattice", answer)`."""
    with ExitStack() as stack:

        def start(vendor: str, answer: Answerer) -> None:
            url = stack.enter_context(small_vendor(answer))
            prefix = vendor.upper()
            monkeypatch.setenv(f"{prefix}_BASE_URL", url)
            monkeypatch.setenv(f"{prefix}_TOKEN_URL", f"{url}/token")
            for secret in ("CLIENT_ID", "CLIENT_SECRET", "API_KEY"):
                monkeypatch.setenv(f"{prefix}_{secret}", "k")

        yield start
