"""Dagster's web server behind a guard, on 127.0.0.1 only.

The stock server has no login, answers any Host and runs mutations over plain GET, so any page an operator visits could
launch or wipe. The guard refuses foreign hosts, foreign origins and queries over GET. It is no
login: for more than one person put a reverse proxy with authentication in front (docs/operating.md), and give its
public name in QOH_UI_NAME.
"""

from __future__ import annotations

import argparse
import os
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

ADDRESS = "127.0.0.1"
PUBLIC_NAME = "QOH_UI_NAME"


class Guard:
    """Refuses what only a foreign page would send."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = refused(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal})
        else:
            await PlainTextResponse(refusal, status_code=403)(scope, receive, send)


def refused(scope: Scope) -> str | None:
    """Why this request is not answered, or None."""
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    names = {ADDRESS, "localhost", os.environ.get(PUBLIC_NAME) or ADDRESS}
    if urlsplit(f"//{host}").hostname not in names:
        return (
            f"This server answers to {' and '.join(sorted(names))} only. Behind a proxy: let it pass the Host it was "
            f"asked for, and set {PUBLIC_NAME} to that name."
        )
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "Requests from pages of other origins are refused."
    is_query = scope["path"].rstrip("/").endswith("/graphql") and scope.get("query_string")
    if scope["type"] == "http" and scope["method"] == "GET" and is_query:
        return "GraphQL over GET is refused, because it runs mutations; use POST."
    return None


def serve(port: int, workspace: str) -> None:
    """Serve the UI of the code that the workspace file names until interrupted."""
    import uvicorn
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster_webserver.app import create_app_from_workspace_process_context

    target = WorkspaceFileTarget([workspace])
    with DagsterInstance.get() as instance, WorkspaceProcessContext(instance, target) as context:
        app = create_app_from_workspace_process_context(context, live_data_poll_rate=2000)
        uvicorn.run(Guard(app), host=ADDRESS, port=port, log_level="warning")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workspace", required=True)
    arguments = parser.parse_args()
    serve(arguments.port, arguments.workspace)
