"""Keys, tokens and the vault: what must hold before a byte of a person is stored."""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.connectors import bamboohr, greenhouse
from ingestion.errors import WarehouseBusy, WarehouseDamaged
from ingestion.privacy import (
    KeyChanged,
    KeyMissing,
    Keys,
    KeyUnreadable,
    Pseudonymiser,
    Vault,
    explode,
    key_id,
    keyed_token,
    load_keys,
    normalise,
)

KEYS = Keys(people=b"p" * 32, demographics=b"d" * 32, feedback=b"f" * 32)
CANDIDATES = next(s for s in greenhouse.STREAMS if s.name == "candidates")
EMAILS = next(s for s in greenhouse.STREAMS if s.name == "candidate_email_addresses")
EEOC = next(s for s in greenhouse.STREAMS if s.name == "eeoc")
EMPLOYEES = next(s for s in bamboohr.STREAMS if s.name == "employees")


def candidate(**more: object) -> dict[str, object]:
    return {
        "id": 17,
        "first_name": "Ines",
        "last_name": "Okafor",
        "email_addresses": [{"value": "Ines@Example.org", "type": "personal"}],
        "linked_user_ids": [5],
        "notes": "likes climbing",
        "updated_at": "2026-01-01T00:00:00.000Z",
        **more,
    }


def test_the_first_run_creates_three_keys_that_only_the_owner_can_read_and_says_what_losing_them_means(
    tmp_path: Path,
) -> None:
    keys = load_keys(tmp_path / "keys", tmp_path / "home")
    assert keys.created is not None
    assert "orphaned" in keys.created
    files = sorted((tmp_path / "keys").iterdir())
    assert [f.name for f in files] == ["demographics.key", "feedback.key", "people.key"]
    assert {oct(f.stat().st_mode & 0o777) for f in files} == {"0o600"}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    again = load_keys(tmp_path / "keys", tmp_path / "home")
    assert again.created is None
    assert again.people == keys.people


@pytest.mark.parametrize("left", ["warehouse.duckdb", "vault.duckdb"])
def test_a_missing_key_beside_existing_data_is_an_error_and_no_new_key_is_made(tmp_path: Path, left: str) -> None:
    (tmp_path / left).touch()
    with pytest.raises(KeyMissing) as error:
        load_keys(tmp_path / "keys", tmp_path)
    assert "people.key" in str(error.value)
    assert not (tmp_path / "keys").exists()


def test_another_key_than_the_one_the_data_was_tokenised_with_is_refused(tmp_path: Path) -> None:
    load_keys(tmp_path / "keys", tmp_path / "home")
    path = tmp_path / "keys" / "people.key"
    path.write_text("ab" * 32)
    with pytest.raises(KeyChanged, match="QOH_KEYS"):
        load_keys(tmp_path / "keys", tmp_path / "home")


def test_a_run_killed_between_two_keys_is_completed_by_the_next(tmp_path: Path) -> None:
    first = load_keys(tmp_path / "keys", tmp_path / "home")
    (tmp_path / "keys" / "feedback.key").unlink()
    (tmp_path / "home" / "key_ids.json").unlink()
    assert load_keys(tmp_path / "keys", tmp_path / "home").people == first.people


@pytest.mark.parametrize(("text", "mode"), [("", 0o600), ("not hexadecimal", 0o600), ("ab" * 32, 0o644)])
def test_an_empty_malformed_or_readable_key_file_is_refused(tmp_path: Path, text: str, mode: int) -> None:
    load_keys(tmp_path / "keys", tmp_path / "home")
    path = tmp_path / "keys" / "people.key"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(KeyUnreadable):
        load_keys(tmp_path / "keys", tmp_path / "home")


def test_a_token_is_the_documented_hash() -> None:
    # Stated a second time by hand: a changed formula would orphan every stored link.
    assert keyed_token(b"p" * 32, "email", " Ines@Example.org ") == keyed_token(b"p" * 32, "email", "ines@example.org")
    expected = hmac.new(b"p" * 32, b"candidate|17", hashlib.sha256).hexdigest()[:32]
    assert keyed_token(b"p" * 32, "candidate", 17) == expected


@given(st.text(min_size=1, max_size=40))
def test_normalising_twice_changes_nothing_and_case_never_splits_an_address(text: str) -> None:
    once = normalise("email", text)
    assert normalise("email", once) == once
    assert normalise("candidate", normalise("candidate", text)) == normalise("candidate", text)


@pytest.mark.parametrize("nothing", [None, "", "   ", "\u00a0"])
def test_nothing_has_no_token(nothing: str | None) -> None:
    assert keyed_token(KEYS.people, "email", nothing) is None


def test_a_row_holds_tokens_and_allow_listed_columns_only() -> None:
    projection = Pseudonymiser(KEYS).project(CANDIDATES, candidate())
    assert projection is not None
    assert set(projection.row) == {column.name for column in CANDIDATES.columns}
    clear = ["Ines", "Okafor", "Ines@Example.org", "climbing"]
    assert not [word for word in clear if word in str(projection.row) + repr(projection) + repr(projection.vault)]
    assert {(row.attribute, row.value) for row in projection.vault} == {
        ("source_id", "17"),
        ("first_name", "Ines"),
        ("last_name", "Okafor"),
        ("email", "Ines@Example.org"),
    }
    assert {row.key_id for row in projection.vault} == {key_id(KEYS.people)}


def test_an_address_in_the_ats_and_in_the_hris_has_one_token() -> None:
    (item,) = explode(EMAILS, candidate())
    ats = Pseudonymiser(KEYS).project(EMAILS, item)
    hris = Pseudonymiser(KEYS).project(EMPLOYEES, {"employeeId": "9", "homeEmail": "ines@example.org"})
    assert ats is not None
    assert hris is not None
    assert ats.row["email"] == hris.row["home_email"]
    assert ats.row["candidate_id"] == keyed_token(KEYS.people, "candidate", "17")
    assert ats.row["updated_at"] == "2026-01-01T00:00:00.000Z"


def test_the_demographics_zone_has_tokens_that_join_with_nothing_else() -> None:
    row = {"id": 1, "application_id": 3, "candidate_id": 17, "gender": {"id": 2, "description": "Woman"}}
    projection = Pseudonymiser(KEYS).project(EEOC, row)
    assert projection is not None
    assert projection.row["candidate_id"] == keyed_token(KEYS.demographics, "candidate", 17)
    assert projection.row["candidate_id"] != keyed_token(KEYS.people, "candidate", 17)
    assert projection.row["gender"] == "Woman"
    assert projection.vault == ()


def test_records_of_an_erased_person_are_dropped_and_those_of_a_report_are_not() -> None:
    gone = frozenset({keyed_token(KEYS.people, "employee", "9") or ""})
    pseudonymiser = Pseudonymiser(KEYS, gone)
    assert pseudonymiser.project(EMPLOYEES, {"employeeId": "9"}) is None
    report = pseudonymiser.project(EMPLOYEES, {"employeeId": "10", "reportsToId": "9"})
    assert report is not None


def stored(vault: Vault) -> list[tuple[object, ...]]:
    return vault.connection.execute("select attribute, value from people order by all").fetchall()


def test_writing_the_same_records_twice_changes_nothing_and_a_blanked_name_leaves_the_vault(tmp_path: Path) -> None:
    pseudonymiser = Pseudonymiser(KEYS)
    full = pseudonymiser.project(CANDIDATES, candidate())
    blank = pseudonymiser.project(CANDIDATES, candidate(first_name=None, last_name="", email_addresses=[]))
    assert full is not None
    assert blank is not None
    with Vault(tmp_path / "vault.duckdb") as vault:
        assert vault.upsert("greenhouse_main", [full]) == 4
        before = stored(vault)
        vault.upsert("greenhouse_main", [full, full])
        assert stored(vault) == before
        vault.upsert("another_connection", [full])
        vault.upsert("greenhouse_main", [blank])
        mine = vault.connection.execute("select attribute from people where connection_id = 'greenhouse_main'")
        assert mine.fetchall() == [("source_id",)]
        assert len(stored(vault)) == 5
    assert (tmp_path / "vault.duckdb").stat().st_mode & 0o777 == 0o600


def test_the_vault_and_its_log_are_closed_to_others_while_it_is_open(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with Vault(tmp_path / "home" / "vault.duckdb") as vault:
            projection = Pseudonymiser(KEYS).project(CANDIDATES, candidate())
            assert projection is not None
            vault.upsert("greenhouse_main", [projection])
            modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "home").iterdir()}
    finally:
        os.umask(before)
    assert set(modes.values()) == {"0o600"}
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_a_vault_loads_no_extension_and_says_who_has_it_open_or_that_it_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "vault.duckdb"
    with Vault(path) as vault:
        [(loads,)] = vault.connection.execute("select current_setting('autoload_known_extensions')").fetchall()
        assert not loads
    held = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(WarehouseBusy, match=f"`vault.duckdb` is open in another program .pid {other.pid}"):
            Vault(path)
        other.communicate()
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(WarehouseDamaged, match="cannot be opened"):
        Vault(path)


def test_a_write_that_fails_half_way_leaves_the_vault_as_it_was(tmp_path: Path) -> None:
    pseudonymiser = Pseudonymiser(KEYS)
    full = pseudonymiser.project(CANDIDATES, candidate())
    assert full is not None
    with Vault(tmp_path / "vault.duckdb") as vault:
        vault.upsert("greenhouse_main", [full])
        before = stored(vault)
        with pytest.raises(duckdb.Error), vault.transaction() as connection:
            connection.execute("delete from people; insert into people select null")
        assert stored(vault) == before


def test_an_erased_person_loses_every_clear_value_and_stays_erased(tmp_path: Path) -> None:
    full = Pseudonymiser(KEYS).project(CANDIDATES, candidate())
    assert full is not None
    with Vault(tmp_path / "vault.duckdb") as vault:
        vault.upsert("greenhouse_main", [full])
        vault.add_tombstones([("candidate", full.row["id"])], "erasure request", key_id(KEYS.people))
        vault.add_tombstones([("candidate", full.row["id"])], "erasure request", key_id(KEYS.people))
        assert stored(vault) == []
        assert vault.tombstones() == {full.row["id"]}
    with duckdb.connect(str(tmp_path / "vault.duckdb")) as again:
        assert again.execute("select count(*) from tombstones").fetchone() == (1,)
