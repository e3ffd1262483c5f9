"""`qoh dev`: code server, daemon and guarded web server as children; they end together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import yaml

from orchestration.webserver import ADDRESS

PREFERRED_PORT = 3000
PATIENCE_SECONDS = 120


def free_port(preferred: int = 0) -> int:
    """`preferred` if nobody listens there, else any free one."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on this machine")


def dev(port: int | None, say: Callable[[str], None]) -> int:
    """Start the UI and wait until it is interrupted or one of the processes ends.

    Args:
        port: of the UI; default 3000, or a free one.
        say: prints a line.

    Returns:
        0 when interrupted, 1 when a process ended by itself.
    """
    code_port, ui_port = free_port(), free_port(port or PREFERRED_PORT)
    workspace = write_workspace(code_port)
    where = ["--host", ADDRESS, "--port", str(code_port)]
    commands = {
        "code server": [
            "-m",
            "dagster",
            "code-server",
            "start",
            "--log-level",
            "warning",
            "-m",
            "orchestration.definitions",
            *where,
        ],
        "daemon": ["-m", "dagster._daemon", "run", "--workspace", workspace],
        "web server": ["-m", "orchestration.webserver", "--port", str(ui_port), "--workspace", workspace],
    }
    children: dict[str, subprocess.Popen[bytes]] = {}
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        for name, command in commands.items():
            children[name] = subprocess.Popen([sys.executable, *command], env={**os.environ, "PYTHONUNBUFFERED": "1"})
            if name == "code server":
                _wait(lambda: _listens(code_port), children)
        _wait(lambda: _answers(ui_port), children)
        say(f"Dagster UI: http://{ADDRESS}:{ui_port}  (this machine only; Ctrl-C ends it)")
        while all(child.poll() is None for child in children.values()):
            time.sleep(0.5)
        ended = next(name for name, child in children.items() if child.poll() is not None)
        say(f"The {ended} ended with code {children[ended].returncode}; the others are stopped too.")
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(children)


def write_workspace(code_port: int) -> str:
    """Path of the file that tells daemon and web server where the code is, under one name.

    With different names a run launched in the UI would never start: the daemon would not find its location.
    """
    path = Path(os.environ["DAGSTER_HOME"]) / "workspace.yaml"
    server = {"host": ADDRESS, "port": code_port, "location_name": "quality_of_hire"}
    path.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    return str(path)


def _wait(ready: Callable[[], bool], children: dict[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not ready() and time.monotonic() < deadline:
        if any(child.poll() is not None for child in children.values()):
            return
        time.sleep(0.2)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((ADDRESS, port)) == 0


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{ADDRESS}:{port}/server_info", timeout=5):
            return True
    except OSError:
        return False


def _stop(children: dict[str, subprocess.Popen[bytes]]) -> None:
    # A second Ctrl-C must not interrupt the stopping: a daemon left behind would fight the next one.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for child in reversed(children.values()):
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
    for child in children.values():
        try:
            child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            child.kill()
