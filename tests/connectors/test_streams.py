"""What every stream of every vendor has to be, said once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ingestion.connections import Connection
from ingestion.connectors import vendors
from ingestion.load import sync
from ingestion.privacy import KINDS
from ingestion.progress import Event, Notice
from ingestion.streams import Stream

ALL = [(vendor, stream) for vendor, module in vendors().items() for stream in module.STREAMS]
every_stream = pytest.mark.parametrize(("vendor", "stream"), ALL, ids=[f"{v}.{s.name}" for v, s in ALL])

# A path that ends like this holds a person's words or a way to reach them: never an ordinary column.
PERSONAL = re.compile(
    r"(^|[._])(first_?name|last_?name|preferred_?name|full_?name|display_?name|phone\w*|address\w*|birth\w*|photo\w*|"
    r"note|notes|\w*_notes|comment\w*|answer|resume|cv|salary|pay\w*|compensation|ssn|national\w*|social\w*)$",
    re.IGNORECASE,
)
EMAIL = re.compile(r"e?mail", re.IGNORECASE)
PERSON_ID = re.compile(
    r"(^|_)(candidate|application|user|employee|interviewer|submitter|recruiter|coordinator|organizer|supervisor|manager|"
    r"reviewer|reviewee)(_employee|_external)?_id$|^rejected_by_id$|^external_user_id$|^employee_number$"
)


@every_stream
def test_the_key_is_among_the_columns(vendor: str, stream: Stream) -> None:
    assert set(stream.key) <= {column.name for column in stream.columns}


@every_stream
def test_it_moves_by_a_column_or_says_why_it_is_read_whole(vendor: str, stream: Stream) -> None:
    if stream.cursor is not None:
        cursor = next(column for column in stream.columns if column.name == stream.cursor)
        assert cursor.type == "timestamp"
    else:
        assert stream.full_reason or stream.parent


@every_stream
def test_a_nested_stream_has_a_parent_without_one_and_reaches_it(vendor: str, stream: Stream) -> None:
    if stream.parent is None:
        return
    parent = next(s for v, s in ALL if v == vendor and s.name == stream.parent)
    assert parent.parent is None
    assert parent.path == stream.path
    assert stream.nested_path
    assert any((column.path or "").startswith("_parent.") for column in stream.columns)


@every_stream
def test_every_column_is_described_in_one_sentence_and_named_once(vendor: str, stream: Stream) -> None:
    names = [column.name for column in stream.columns]
    assert len(names) == len(set(names))
    for column in stream.columns:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name), column.name
        assert column.description.endswith((".", "…")), column.name
        assert len(column.description) <= 120, column.name
    assert stream.description.startswith("One row per")


@every_stream
def test_the_permission_it_needs_is_named(vendor: str, stream: Stream) -> None:
    assert stream.scope


@every_stream
def test_every_person_id_and_address_is_a_token(vendor: str, stream: Stream) -> None:
    for column in stream.columns:
        if PERSON_ID.search(column.name) or (EMAIL.search(column.name) and column.name != "email_type"):
            assert column.token in KINDS, column.name
        if column.token is not None:
            assert column.token in KINDS
            assert column.type == "text"


@every_stream
def test_no_column_holds_free_text_or_contact_data(vendor: str, stream: Stream) -> None:
    for column in stream.columns:
        if column.token is None:
            assert not PERSONAL.search(column.path or column.name), column.name


@every_stream
def test_clear_values_go_to_the_vault_under_a_token_of_their_person(vendor: str, stream: Stream) -> None:
    assert bool(stream.vault) == (stream.vault_kind is not None)
    if stream.vault_kind is not None:
        kind, column = stream.vault_kind
        assert next(c for c in stream.columns if c.name == column).token == kind
        known = {"source_id", "first_name", "last_name", "preferred_name", "email", "start_date"}
        assert set(stream.vault.values()) <= known
        assert stream.zone == "warehouse"


@every_stream
def test_a_swept_stream_has_one_key_column(vendor: str, stream: Stream) -> None:
    if stream.sweep:
        assert len(stream.key) == 1
        assert stream.parent is None


def test_vendor_names_are_the_module_names() -> None:
    assert set(vendors()) >= {"greenhouse", "bamboohr", "lattice", "files"}


@pytest.mark.parametrize("vendor", sorted(vendors()))
def test_stream_names_are_unique_within_a_vendor(vendor: str) -> None:
    names = [stream.name for stream in vendors()[vendor].STREAMS]
    assert len(names) == len(set(names))


def test_demographics_are_a_zone_of_their_own_without_clear_values() -> None:
    assert [(v, s.name) for v, s in ALL if s.zone == "demographics"] == [("greenhouse", "eeoc")]


@pytest.mark.parametrize(
    ("vendor", "stream"),
    [
        ("greenhouse", "applications"),
        ("lattice", "users"),
        ("lattice", "reviews"),
        ("bamboohr", "employees"),
        ("bamboohr", "job_info"),
    ],
)
def test_a_record_without_its_id_is_set_aside_and_lets_the_sweep_prove_nothing(
    company: Any, home: Path, vendor: str, stream: str
) -> None:
    told: list[str] = []

    def tell(event: Event) -> None:
        if isinstance(event, Notice) and "keys" not in event.message:
            told.append(event.message)

    company.chaos(f"missing_key:{CALLED.get(stream, stream)}")
    [result, *_] = sync(Connection("main", vendor), [stream], progress=tell, sweep=True).streams
    assert (result.status, result.error, result.n_deleted) == ("ok", None, 0)
    assert result.n_rows > 0
    assert result.n_quarantined > 0
    [message] = told
    assert re.match(rf"`main\.{stream}`: \d+ of [\d,]+ records came without an id when deletions were looked", message)


CALLED = {"job_info": "jobInfo"}
"""Streams that the sandbox knows by the vendor's name."""
