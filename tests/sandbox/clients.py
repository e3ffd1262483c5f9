"""Clients that speak to the sandbox the way a careful connector would."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from ingestion.sandbox import RunningSandbox


def greenhouse_client(sandbox: RunningSandbox, account: str = "greenhouse") -> httpx.Client:
    """A client with a fresh token; paths are relative to the base URL."""
    prefix = account.upper()
    answer = httpx.post(
        sandbox.urls[f"{account}_token"],
        auth=(sandbox.env[f"{prefix}_CLIENT_ID"], sandbox.env[f"{prefix}_CLIENT_SECRET"]),
        data={"grant_type": "client_credentials"},
    )
    assert answer.status_code == 200, answer.text
    return httpx.Client(
        base_url=sandbox.urls[account], headers={"Authorization": f"Bearer {answer.json()['access_token']}"}
    )


def pages(client: httpx.Client, path: str, **params: object) -> Iterator[list[dict]]:
    """All pages of a Greenhouse list, by its Link headers."""
    answer = client.get(path, params={"per_page": 500, **params})
    while True:
        assert answer.status_code == 200, answer.text
        yield answer.json()
        if "next" not in answer.links:
            return
        answer = client.get(answer.links["next"]["url"])


def rows(client: httpx.Client, path: str, **params: object) -> list[dict]:
    """All rows of a Greenhouse list."""
    return [row for page in pages(client, path, **params) for row in page]


def lattice_rows(client: httpx.Client, path: str, **params: object) -> list[dict]:
    """All rows of a Lattice list."""
    found: list[dict] = []
    query: dict[str, object] = {"limit": 100, **params}
    while True:
        page = client.get(path, params=query).json()
        found += page["data"]
        if not page["hasMore"]:
            return found
        query["startingAfter"] = page["endingCursor"]
