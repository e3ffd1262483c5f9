"""What a person reads when something is wrong: subject, seen, expected, what became of the data, the next command.

Real commands against the sandbox; the wording is for somebody who has never seen the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingestion.exit_codes import ExitCode
from ingestion.sandbox.runner import RunningSandbox, running_sandbox

from ..reliability.homes import EXAMPLE, Home

NOTHING_STORED = "This read does not count; the next run reads it again."
DOCTOR = "run: qoh doctor"
WITH_SOURCES = ("--stream", "offers", "--stream", "sources")


@dataclass
class Desk:
    """A shell in a home of its own, beside a sandbox."""

    sandbox: RunningSandbox
    home: Home

    def ingest(self, *arguments: str, **env: str) -> tuple[int, str]:
        return self._told("-m", "ingestion", *arguments, **env)

    def qoh(self, *arguments: str, **env: str) -> tuple[int, str]:
        return self._told("-m", "orchestration.cli", *arguments, **env)

    def _told(self, *command: str, **env: str) -> tuple[int, str]:
        done = self.home.command({**self.sandbox.env, **env}, *command)
        text = done.stdout + done.stderr
        assert "Traceback" not in text
        return done.returncode, text


@pytest.fixture(scope="module")
def module_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    root = tmp_path_factory.mktemp("errors")
    connections = root / "connections.toml"
    # A short patience, so that the test of a stopped server is short.
    connections.write_text(
        EXAMPLE.read_text().replace("[connection.options]", "[connection.options]\nmax_wait_seconds = 2")
    )
    with running_sandbox(size="tiny", seed=1) as sandbox:
        yield Desk(sandbox, Home(root, connections))


@pytest.fixture
def desk(module_desk: Desk) -> Iterator[Desk]:
    yield module_desk
    module_desk.sandbox.calm()


def says(text: str, *parts: str) -> None:
    """The parts stand in the text in this order, wherever lines and cells of a table break."""
    plain = " ".join(re.sub(r"[│┃✓✗]", " ", text).split())
    place = 0
    for part in parts:
        found = plain.find(part, place)
        assert found >= 0, f"`{part}` does not follow in: {plain}"
        place = found + len(part)


def test_a_wrong_secret_names_the_variables_and_never_the_secret(desk: Desk) -> None:
    code, text = desk.ingest("greenhouse_main", *WITH_SOURCES, GREENHOUSE_CLIENT_SECRET="canary-secret")
    assert code == ExitCode.STREAMS_FAILED
    says(text, "`greenhouse_main`: `/greenhouse/token` refused the credential (HTTP 401).", NOTHING_STORED)
    says(text, "set `GREENHOUSE_CLIENT_ID`, `GREENHOUSE_CLIENT_SECRET`, then " + DOCTOR)
    assert "canary-secret" not in text


def test_a_missing_variable_is_named_with_its_connection(desk: Desk) -> None:
    code, text = desk.ingest("bamboohr_main", BAMBOOHR_API_KEY="")
    assert code == ExitCode.STREAMS_FAILED
    says(
        text,
        "Connection `bamboohr_main` needs `BAMBOOHR_API_KEY` (api key)",
        "This connection was not read; the others are not affected.",
        "Set it and run: python -m ingestion bamboohr_main",
    )


def test_a_missing_scope_stops_its_stream_alone(desk: Desk) -> None:
    desk.sandbox.chaos("missing_scope:offers")
    code, text = desk.ingest("greenhouse_main", *WITH_SOURCES)
    assert code == ExitCode.STREAMS_FAILED
    says(
        text,
        "`greenhouse_main`: `/greenhouse/v3/offers` answered 403; the credential needs the permission"
        " `harvest:offers:list`.",
        "This stream was not read; the others are not affected. Grant it at the vendor, then " + DOCTOR,
    )
    says(text, "1 stream loaded, 1 failed")


@pytest.mark.parametrize(
    ("chaos", "seen"),
    [
        ("html_page", "answered HTTP 200 with `text/html` (109 bytes, 3 tries), expected a whole JSON document."),
        ("truncated_page", "answered HTTP 200 with JSON that is broken or cut off ("),
        ("wrong_envelope", "answered HTTP 200 without a list; seen: an object with `error`."),
    ],
)
def test_a_malformed_page_fails_loudly_and_the_other_streams_load(desk: Desk, chaos: str, seen: str) -> None:
    desk.sandbox.chaos(f"{chaos}:offers")
    code, text = desk.ingest("greenhouse_main", *WITH_SOURCES)
    assert code == ExitCode.STREAMS_FAILED
    says(text, "`greenhouse_main`: `/greenhouse/v3/offers` " + seen, NOTHING_STORED, "qoh doctor")
    says(text, "1 stream loaded, 1 failed")


def test_a_stopped_server_is_told_by_its_address_and_the_data_stay(desk: Desk) -> None:
    # A port that nobody listens on; the real one goes on serving the other tests.
    base = re.sub(r":\d+/", ":9/", desk.sandbox.env["BAMBOOHR_BASE_URL"])
    code, text = desk.ingest("bamboohr_main", "--stream", "employees", BAMBOOHR_BASE_URL=base)
    assert code == ExitCode.STREAMS_FAILED
    says(text, "`bamboohr_main`: 127.0.0.1:9 did not answer for `/bamboohr/api/v1/", NOTHING_STORED)
    says(text, "Check the address and the network, then " + DOCTOR)


def test_an_unknown_label_is_set_aside_and_returns_when_the_vendor_mends_it(desk: Desk) -> None:
    desk.sandbox.chaos("unknown_rating:scorecards")
    code, text = desk.ingest("greenhouse_main", "--stream", "scorecards")
    assert code == ExitCode.OK
    says(text, "1 stream loaded, 0 failed", "1 record set aside (see: qoh quarantine list)")
    code, text = desk.qoh("quarantine", "list")
    assert code == ExitCode.OK
    says(
        text,
        "greenhouse_main",
        "scorecards",
        "unknown_value",
        "`candidate_rating` is none of `no`, `no_decision`, `strong_no`",
    )
    says(text, "all others of their streams are", "run: qoh quarantine retry")
    desk.sandbox.calm()
    code, text = desk.qoh("quarantine", "retry")
    assert code == ExitCode.OK
    code, text = desk.qoh("quarantine", "list")
    says(text, "Nothing is set aside.")


def test_doctor_tells_every_connection_apart(desk: Desk) -> None:
    desk.sandbox.chaos("missing_scope:offers")
    desk.sandbox.chaos("html_page:bamboohr/employees")
    code, text = desk.qoh("doctor", LATTICE_API_KEY="canary-key")
    assert code == ExitCode.DOCTOR_FOUND_PROBLEMS
    says(text, "greenhouse_main", "stream offers problem The credential lacks `harvest:offers:list`", DOCTOR)
    says(text, "lattice_main", "refused the credential (HTTP 401).", "`LATTICE_API_KEY`")
    assert "was stored" not in text
    assert "canary-key" not in text
    says(text, "problems found.")


def test_a_typing_error_is_answered_with_what_exists(desk: Desk) -> None:
    code, text = desk.ingest("greenhouse")
    assert code == ExitCode.USAGE
    says(text, "`greenhouse` is no connection; configured are", "`greenhouse_main`", "Nothing was started.")
    code, text = desk.qoh("run", "--since", "yesterday")
    assert code == ExitCode.USAGE
    says(text, "--since `yesterday` is not a day. Nothing was started.")


def test_a_damaged_warehouse_is_named_and_never_opened_for_writing(desk: Desk, tmp_path: Path) -> None:
    damaged = Desk(desk.sandbox, Home(tmp_path, desk.home.connections))
    assert damaged.ingest("greenhouse_main", "--stream", "sources")[0] == ExitCode.OK
    file = damaged.home.warehouse
    file.write_bytes(b"no database" * 1000)
    code, text = damaged.ingest("greenhouse_main", "--stream", "sources")
    assert code == ExitCode.UNEXPECTED
    says(text, "warehouse.duckdb` cannot be opened", "Nothing was written; readers keep the published version.")
    says(text, "then run: qoh run")
