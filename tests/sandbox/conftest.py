"""A running sandbox and a client for each of its faces."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ingestion.sandbox import RunningSandbox, running_sandbox

from .clients import greenhouse_client


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(size="tiny", seed=3) as running:
        yield running


@pytest.fixture
def greenhouse(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with greenhouse_client(sandbox) as client:
        yield client


@pytest.fixture
def bamboohr(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=sandbox.urls["bamboohr"],
        auth=(sandbox.env["BAMBOOHR_API_KEY"], "x"),
        headers={"Accept": "application/json"},
    ) as client:
        yield client


@pytest.fixture
def lattice(sandbox: RunningSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=sandbox.urls["lattice"], headers={"Authorization": f"Bearer {sandbox.env['LATTICE_API_KEY']}"}
    ) as client:
        yield client
