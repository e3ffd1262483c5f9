"""The person link by name and start date, and the file in which people decide."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.connectors import bamboohr, greenhouse
from ingestion.links import (
    CERTAIN,
    Key,
    Pair,
    Person,
    ReviewRejected,
    candidate_pairs,
    first_name_score,
    last_name_score,
    match_people,
    plain_name,
    review_links,
    review_path,
    settle,
)
from ingestion.privacy import Pseudonymiser, Vault, configured_keys
from ingestion.settings import settings

CANDIDATES = next(s for s in greenhouse.STREAMS if s.name == "candidates")
OFFERS = next(s for s in greenhouse.STREAMS if s.name == "offers")
EMPLOYEES = next(s for s in bamboohr.STREAMS if s.name == "employees")


def person(token: str, first: str, last: str, *starts: str, connection: str = "c") -> Person:
    names = [plain_name(part) for part in first.split("|")], [plain_name(part) for part in last.split("|")]
    return Person(Key(connection, token), set(names[0]), set(names[1]), {date.fromisoformat(day) for day in starts})


def pairs_of(candidates: list[Person], employees: list[Person]) -> tuple[list[Pair], list[str]]:
    certain, questions = settle(candidate_pairs(candidates, employees))
    return certain, [reason for _, reason in questions]


@pytest.mark.parametrize(
    ("candidate", "employee"),
    [
        (("Ines", "Okafor"), ("Ines", "Okafor")),
        (("Zoë", "Müller"), ("Zoe", "Mueller")),
        (("Robert", "Ruiz"), ("Bob", "Ruiz")),
        (("Maria", "García López"), ("Maria", "Garcia")),
        (("Ann", "Lee-Park"), ("Ann", "Lee Park")),
        (("Katarina|Kat", "O'Brien"), ("Kat", "OBrien")),
        (("Nguyen", "Thao"), ("Thao", "Nguyen")),
        (("Giovanni", "Bianchi"), ("Giovani", "Bianchi")),
    ],
)
def test_one_person_under_two_spellings_is_linked(candidate: tuple[str, str], employee: tuple[str, str]) -> None:
    certain, questions = pairs_of([person("c1", *candidate, "2026-01-05")], [person("e1", *employee, "2026-01-07")])
    assert [(pair.candidate.key.token, pair.employee.key.token) for pair in certain] == [("c1", "e1")]
    assert certain[0].score >= CERTAIN
    assert questions == []


@pytest.mark.parametrize(
    ("candidate", "employee"),
    [
        (("Ines", "Okafor"), ("Ivo", "Okafor")),
        (("Jan", "Li"), ("Jun", "Li")),
        (("", "Okafor"), ("Ines", "Okafor")),
        (("Alex", "Ruiz"), ("Alice", "Ruiz")),
    ],
)
def test_two_persons_are_neither_linked_nor_asked_about(candidate: tuple[str, str], employee: tuple[str, str]) -> None:
    assert pairs_of([person("c1", *candidate, "2026-01-05")], [person("e1", *employee, "2026-01-05")]) == ([], [])


@pytest.mark.parametrize(
    ("days", "linked", "asked"),
    [(0, True, False), (14, True, False), (15, False, True), (60, False, True), (61, False, False)],
)
def test_fourteen_days_are_the_limit_of_a_link_and_sixty_of_a_question(days: int, linked: bool, asked: bool) -> None:
    start = date(2026, 1, 5)
    shifted = date.fromordinal(start.toordinal() + days).isoformat()
    certain, questions = pairs_of(
        [person("c1", "Ines", "Okafor", start.isoformat())], [person("e1", "Ines", "Okafor", shifted)]
    )
    assert (bool(certain), bool(questions)) == (linked, asked)


def test_two_who_fit_are_asked_about_and_never_chosen_between() -> None:
    twins = [person("e1", "Ines", "Okafor", "2026-01-05"), person("e2", "Inés", "Okafor", "2026-01-12")]
    certain, questions = pairs_of([person("c1", "Ines", "Okafor", "2026-01-05")], twins)
    assert certain == []
    assert questions == ["several people fit", "several people fit"]


def test_one_employee_seen_through_two_connections_is_one_person() -> None:
    both = [person("e1", "Ines", "Okafor", "2026-01-05", connection=name) for name in ("bamboohr", "files")]
    certain, questions = pairs_of([person("c1", "Ines", "Okafor", "2026-01-05")], both)
    assert len(certain) == 2
    assert questions == []


def test_a_new_surname_is_a_question_and_only_where_nothing_explains_it_better() -> None:
    candidates = [person("c1", "Ines", "Okafor", "2026-01-05")]
    married = person("e1", "Ines", "Ruiz", "2026-01-05")
    assert pairs_of(candidates, [married]) == ([], ["surname differs, same first name and near start"])
    assert pairs_of(candidates, [married, person("e2", "Ines", "Okafor", "2026-01-05")])[1] == []
    assert pairs_of(candidates, [married, person("e3", "Ines", "Abel", "2026-01-05")]) == ([], [])


NAME = st.text(alphabet="abcdeéüßø '-", min_size=1, max_size=12)


@given(NAME, NAME)
def test_scores_are_symmetric_and_a_name_equals_itself(left: str, right: str) -> None:
    one, other = plain_name(left), plain_name(right)
    assert plain_name(one) == one
    for score in (first_name_score, last_name_score):
        assert score(one, other) == score(other, one)
        assert 0 <= score(one, other) <= 1
        assert score(one, one) == (1.0 if one else 0.0)


# --- through vault and warehouse


def fill(ats: list[dict[str, Any]], hris: list[dict[str, Any]]) -> None:
    pseudonymiser = Pseudonymiser(configured_keys())
    with Vault(settings().vault_file) as vault:
        for connection, stream, records in (
            ("greenhouse_main", CANDIDATES, ats),
            ("greenhouse_main", OFFERS, ats),
            ("bamboohr_main", EMPLOYEES, hris),
        ):
            found = [pseudonymiser.project(stream, record) for record in records]
            vault.upsert(connection, [projection for projection in found if projection is not None])


def hire(number: int, first: str, last: str, start: str, email: str) -> dict[str, Any]:
    return {
        "id": number,
        "candidate_id": number,
        "first_name": first,
        "last_name": last,
        "email_addresses": [{"value": email, "type": "personal"}],
        "starts_on": start,
    }


def employee(number: int, first: str, last: str, start: str, email: str) -> dict[str, Any]:
    return {"employeeId": str(number), "firstName": first, "lastName": last, "hireDate": start, "homeEmail": email}


def written() -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings().warehouse_file)) as connection:
        return connection.execute(
            "select candidate_id, employee_id, method, score, decided_by, decided_at "
            "from raw_links.vault_matches order by all"
        ).fetchall()


ATS = [
    hire(1, "Ines", "Okafor", "2026-01-05", "ines@example.org"),
    hire(2, "Abel", "Ruiz", "2026-02-02", "abel@example.org"),
    hire(3, "Lin", "Sandoval", "2026-03-02", "lin@example.org"),
]
HRIS = [
    employee(11, "Ines", "Okafor", "2026-01-06", "other@example.org"),
    employee(12, "Abel", "Ruiz", "2026-02-02", "ABEL@example.org"),
    employee(13, "Lin", "Lacroix", "2026-03-02", "lacroix@example.org"),
]


@pytest.fixture
def filled() -> Path:
    """A vault with one match by name, one that the e-mail already makes, and one question."""
    fill(ATS, HRIS)
    return review_path(settings())


def decide(path: Path, decision: str, who: str = "") -> None:
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert len(rows) == 1
    rows[0] |= {"decision": decision, "decided_by": who}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_what_the_warehouse_gets_are_tokens_and_matching_again_changes_nothing(filled: Path) -> None:
    token = Pseudonymiser(configured_keys()).token
    result = match_people()
    assert (result.n_matched, result.n_questions) == (1, 1)
    first = written()
    assert [row[:3] for row in first] == [(token("candidate", 1), token("employee", 11), "name_start_date")]
    match_people()
    assert written() == first
    content = settings().warehouse_file.read_bytes()
    assert not [name for name in (b"Okafor", b"Sandoval", b"example.org") if name in content]


def test_a_human_decision_is_remembered_and_outlives_the_warehouse(filled: Path) -> None:
    assert review_links().n_open == 1
    assert filled.stat().st_mode & 0o777 == 0o600
    assert "Lin Sandoval" in filled.read_text()
    decide(filled, "Same", "officer")
    result = review_links()
    assert (result.n_same, result.n_different, result.n_open) == (1, 0, 0)
    settings().warehouse_file.unlink()
    match_people()
    token = Pseudonymiser(configured_keys()).token
    assert [row[1:5] for row in written() if row[0] == token("candidate", 3)] == [
        (token("employee", 13), "human", 1.0, "officer")
    ]


def test_a_decision_that_two_are_different_is_written_down_and_not_asked_again(filled: Path) -> None:
    review_links()
    decide(filled, "different")
    result = review_links(decided_by="second officer")
    assert (result.n_different, result.n_open) == (1, 0)
    assert [row[2:5] for row in written() if row[2] != "name_start_date"] == [
        ("human_different", 0.0, "second officer")
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (",,\n", ",maybe,\n", "row 2: the decision is neither same nor different"),
        ("decision", "verdict", "the column `decision` is missing"),
        ("bamboohr_main", "elsewhere", "row 2: a candidate or employee that is not known"),
    ],
)
def test_a_review_file_that_is_not_clear_is_refused_whole(filled: Path, old: str, new: str, problem: str) -> None:
    review_links()
    text = filled.read_bytes().decode().replace("\r\n", "\n")
    if old != ",,\n":
        text = text.replace(",,\n", ",same,\n")
    filled.write_text(text.replace(old, new))
    before = written()
    with pytest.raises(ReviewRejected, match=problem):
        review_links()
    assert written() == before


def test_a_name_that_is_a_formula_cannot_run_in_a_spreadsheet() -> None:
    fill(
        [hire(3, "=HYPERLINK(1)", "Okafor", "2026-03-02", "a@example.org")],
        [employee(13, "=HYPERLINK(1)", "Ruiz", "2026-03-02", "b@example.org")],
    )
    review_links()
    (row,) = csv.DictReader(review_path(settings()).read_text().splitlines())
    assert row["candidate_name"].startswith("'=")


def test_questions_that_stronger_evidence_answered_are_not_asked(filled: Path) -> None:
    match_people()
    token = Pseudonymiser(configured_keys()).token
    with duckdb.connect(str(settings().warehouse_file)) as connection:
        connection.execute("create schema canonical")
        connection.execute(
            "create table canonical.person_links as select 'greenhouse_main' as candidate_connection_id, "
            "? as candidate_id, 'x' as employee_connection_id, 'y' as employee_id",
            [token("candidate", 3)],
        )
    assert review_links().n_open == 0


def test_pairs_that_an_exact_rung_could_not_choose_between_are_asked_and_decided() -> None:
    fill(
        [hire(3, "Ada", "Okafor", "2026-03-02", "ada@example.org")],
        [
            employee(13, "Ada", "Okafor", "2026-03-02", "ada@example.org"),
            employee(14, "Ada", "Okafor", "2026-03-02", "ada@example.org"),
        ],
    )
    match_people()
    token = Pseudonymiser(configured_keys()).token
    with duckdb.connect(str(settings().warehouse_file)) as connection:
        connection.execute("create schema canonical")
        connection.execute(
            "create table canonical.person_link_evidence as select 'greenhouse_main' as candidate_connection_id, "
            "? as candidate_id, 'bamboohr_main' as employee_connection_id, unnest(?) as employee_id, "
            "0.95 as score, 'email' as method, 'ambiguous' as conflict_reason",
            [token("candidate", 3), [token("employee", 13), token("employee", 14)]],
        )
    assert review_links().n_open == 2
    path = review_path(settings())
    text = path.read_bytes().decode().replace("\r\n", "\n")
    asked = list(csv.DictReader(text.splitlines()))
    assert {row["why"] for row in asked} == {"several employees fit equally well (email)"}
    path.write_text(text.replace(",,\n", ",same,\n", 1))
    result = review_links()
    assert (result.n_same, result.n_open) == (1, 0)
    assert [row[1:3] for row in written()] == [(asked[0]["employee_id"], "human")]


def test_against_the_companys_truth_no_link_is_wrong_and_nearly_all_that_names_can_find_are_found(
    company: Any, connect: Any
) -> None:
    from .helpers import BAMBOOHR_OPTIONS, records_of, stream_of

    ats, hris = connect("greenhouse"), connect("bamboohr", **BAMBOOHR_OPTIONS)
    candidates = {r["id"]: r for r in records_of(ats, stream_of("greenhouse", "candidates"))}
    offers = [r for r in records_of(ats, stream_of("greenhouse", "offers")) if r["candidate_id"] in candidates]
    fill(list(candidates.values()), records_of(hris, stream_of("bamboohr", "employees")))
    pseudonymiser = Pseudonymiser(configured_keys())
    with Vault(settings().vault_file) as vault:
        found = [pseudonymiser.project(OFFERS, offer) for offer in offers]
        vault.upsert("greenhouse_main", [projection for projection in found if projection is not None])
    match_people()
    made = {row[:2] for row in written()}
    true = {
        (
            pseudonymiser.token("candidate", link["candidate_id"]),
            pseudonymiser.token("employee", link["employee_id"]),
        ): link
        for link in company.truth["links"]
    }
    assert made <= set(true)
    findable = {
        pair
        for pair, link in true.items()
        if link["rung"] == "name_start_date" and link["started_on"] <= company.as_of.isoformat()
    }
    assert len(findable - made) <= 1
