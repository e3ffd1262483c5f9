"""connections.toml: what it may say, and what is said when it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingestion.connections import Connection, load_connections
from ingestion.connectors import vendors
from ingestion.errors import (
    ConnectionsFileInvalid,
    ConnectionsFileMissing,
    ConnectionUnknown,
    SecretMissing,
    SettingInvalid,
    VendorUnknown,
)
from ingestion.load import sync
from ingestion.settings import Settings, settings
from ingestion.warehouse import open_warehouse

ROOT = Path(__file__).parent.parent.parent

GOOD = '[[connection]]\nid = "a"\nvendor = "greenhouse"\n'


def test_the_example_is_valid_and_names_every_secret_by_variable() -> None:
    connections = load_connections(ROOT / "connections.example.toml")
    assert [connection.id for connection in connections] == ["greenhouse_main", "bamboohr_main", "lattice_main"]
    assert connections[0].variable("client_secret") == "GREENHOUSE_CLIENT_SECRET"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[connection]]\nvendor = "x"', "`id` must be"),
        ('[[connection]]\nid = "Not Good"\nvendor = "x"', "`id` must be"),
        ('[[connection]]\nid = "a"', "`vendor` is missing"),
        (GOOD + GOOD, "used twice"),
        (GOOD + 'api_key = "canary-secret"', "`api_key_env`"),
        (GOOD + "options = 3", "`options` must be a table"),
        (GOOD + 'formerly = "b"', "`formerly` must be a list"),
        (GOOD + 'formerly = ["Not Good"]', "`formerly` must be a list"),
        (GOOD + 'formerly = ["a"]', "`formerly` names `a`"),
        (GOOD.replace('"a"', '"b"') + 'formerly = ["a"]\n' + GOOD, "`formerly` names `a`"),
        (GOOD + 'formerly = ["c"]\n' + GOOD.replace('"a"', '"b"') + 'formerly = ["c"]', "`formerly` names `c`"),
        ('[connections]\nid = "a"', "expected [[connection]]"),
        ("id = ", "reading"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "connections.toml"
    path.write_text(text)
    with pytest.raises(ConnectionsFileInvalid) as caught:
        load_connections(path)
    assert said in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_missing_file_says_which_command_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConnectionsFileMissing, match=r"cp connections\.example\.toml"):
        load_connections(tmp_path / "connections.toml")


def test_a_secret_comes_from_the_environment_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection("a", "greenhouse", {"api_key": "SOME_KEY_OF_OURS"})
    with pytest.raises(SecretMissing, match=r"`a` needs `SOME_KEY_OF_OURS`"):
        connection.value("api_key")
    monkeypatch.setenv("SOME_KEY_OF_OURS", "one")
    assert connection.value("api_key") == "one"
    monkeypatch.setenv("SOME_KEY_OF_OURS", "two")
    assert connection.value("api_key") == "two"


def test_a_secret_may_come_from_dlts_secrets_file(tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text('some_key_of_ours = "from the file"\n')
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom ingestion.connections import Connection\n"
        "assert Connection('a', 'v', {'api_key': 'SOME_KEY_OF_OURS'}).value('api_key') == 'from the file'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)


def test_a_default_address_holds_only_where_no_variable_is_named() -> None:
    assert Connection("a", "v").value("base_url", "https://example.org") == "https://example.org"
    with pytest.raises(SecretMissing):
        Connection("a", "v", {"base_url": "NOT_SET_ANYWHERE"}).value("base_url", "https://example.org")


def test_an_unknown_vendor_is_refused_with_the_known_ones(where: Settings) -> None:
    with pytest.raises(VendorUnknown, match="greenhouse"):
        sync(Connection("a", "nonesuch"), where=where)


@pytest.mark.parametrize("vendor", sorted(vendors()))
@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (
            {},
            {"overlap_minuts": 5},
            "states `overlap_minuts`, which `{}` does not have (did you mean `overlap_minutes`?)",
        ),
        ({"api_kye": "X"}, {}, "states `api_kye_env`, which `{}` does not have"),
        ({}, {"max_wait_seconds": "canary"}, "option `max_wait_seconds`: Input should be a valid number"),
        ({}, {"overlap_minutes": -1}, "option `overlap_minutes`: Input should be greater than or equal to 0"),
    ],
)
def test_a_bad_line_fails_its_connection_by_name_and_never_silently(
    vendor: str, names: dict[str, str], options: dict[str, Any], said: str, where: Settings
) -> None:
    result = sync(Connection("acme", vendor, names, options), where=where)
    assert {stream.status for stream in result.streams} == {"failed"}
    [error] = {stream.error for stream in result.streams}
    assert said.format(vendor) in (error or "")
    assert "Connection `acme`" in (error or "")
    assert "This connection was not read; the others are not affected" in (error or "")
    assert "canary" not in (error or "")


def test_every_option_and_variable_that_is_documented_is_known(where: Settings) -> None:
    for connection in load_connections(ROOT / "connections.example.toml"):
        vendors()[connection.vendor].authentication(connection)


def test_an_unknown_connection_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    from ingestion.connections import connection_named

    path = tmp_path / "connections.toml"
    path.write_text(GOOD)
    with pytest.raises(ConnectionUnknown, match="configured are `a`"):
        connection_named("b", path)


def test_wrong_settings_are_refused_by_name(where: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE", "abacus")
    with pytest.raises(SettingInvalid, match="`WAREHOUSE` is `abacus`; expected duckdb"), open_warehouse(settings()):
        pass
    monkeypatch.setenv("QOH_TIMEZONE", "Mars/Olympus")
    with pytest.raises(SettingInvalid, match="QOH_TIMEZONE"):
        settings()
