"""What the web server's guard lets through, on a small application behind it."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from orchestration.webserver import Guard


async def _answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse("in")


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("in")
    await socket.close()


INSIDE = Starlette(
    routes=[
        Route("/graphql", _answer, methods=["GET", "POST"]),
        Route("/assets", _answer),
        WebSocketRoute("/graphql", _socket),
    ]
)
HERE = "http://127.0.0.1:3000"


@pytest.fixture
def client() -> TestClient:
    return TestClient(Guard(INSIDE), base_url=HERE)


@pytest.mark.parametrize("headers", [{}, {"Origin": HERE}], ids=["a script", "the UI"])
def test_the_ui_and_local_scripts_come_in(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/graphql", json={"query": "{version}"}, headers=headers).text == "in"
    assert client.get("/assets", headers=headers).text == "in"
    assert client.get("/graphql").text == "in"


def test_a_mutation_over_get_is_refused(client: TestClient) -> None:
    assert client.get("/graphql", params={"query": "mutation{launchRun{__typename}}"}).status_code == 403
    assert client.get("/graphql/", params={"query": "mutation{wipeAssets{__typename}}"}).status_code == 403


@pytest.mark.parametrize("host", ["evil.example:3000", "127.0.0.1.evil.example", "169.254.1.1:3000", ""])
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/assets", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:8000", "null"])
def test_a_page_of_another_origin_is_refused(client: TestClient, origin: str) -> None:
    assert client.post("/graphql", content="x", headers={"Origin": origin}).status_code == 403


def test_behind_a_proxy_its_public_name_is_answered_too(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    passed_on = {"Host": "qoh.firm.example", "Origin": "https://qoh.firm.example"}
    refusal = client.post("/graphql", content="x", headers=passed_on)
    assert refusal.status_code == 403
    assert "QOH_UI_NAME" in refusal.text
    monkeypatch.setenv("QOH_UI_NAME", "qoh.firm.example")
    assert client.post("/graphql", content="x", headers=passed_on).text == "in"
    foreign = {**passed_on, "Origin": "https://evil.example"}
    assert client.post("/graphql", content="x", headers=foreign).status_code == 403
    assert client.get("/assets", headers={"Host": "evil.example"}).status_code == 403


def test_a_socket_of_another_origin_is_refused(client: TestClient) -> None:
    with client.websocket_connect("/graphql", headers={"Origin": HERE, "Host": "127.0.0.1:3000"}) as socket:
        assert socket.receive_text() == "in"
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(
            "/graphql", headers={"Origin": "https://evil.example", "Host": "127.0.0.1:3000"}
        ) as one,
    ):
        one.receive_text()
