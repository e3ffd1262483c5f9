"""What tests of connectors share."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ingestion.connectors import vendors
from ingestion.streams import Stream, Window

EVERYTHING = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), complete=True)
BAMBOOHR_OPTIONS = {"level_field": "customJobLevel", "family_field": "customJobFamily"}

Answer = tuple[int, Any]
Answerer = Callable[[str, dict[str, str]], Answer]


def stream_of(vendor: str, name: str) -> Stream:
    """A declared stream."""
    return next(stream for stream in vendors()[vendor].STREAMS if stream.name == name)


def records_of(connector: Any, stream: Stream, window: Window = EVERYTHING) -> list[dict[str, Any]]:
    """All records of a read."""
    return [record for page in connector.read(stream, window) for record in page.records]


@contextmanager
def small_vendor(answer: Answerer) -> Iterator[str]:
    """A server on loopback for what the sandbox's company never does: `answer(path, query)` gives status and JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            self._send(*answer(parts.path, query))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._send(200, {"access_token": "t", "expires_in": 600})

        def _send(self, status: int, document: Any) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
