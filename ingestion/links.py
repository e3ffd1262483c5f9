"""The rung of the person link that needs clear names: same name and a start within fourteen days, and human decisions.

Works on the vault alone and writes tokens only: `raw_links.vault_matches` for dbt. What is not clear goes to a queue
that a person decides in `links_review.csv`; decisions are remembered in the vault and survive a rebuilt warehouse.
"""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path

from ingestion.errors import ConfigurationError
from ingestion.lock import warehouse_lock
from ingestion.ops import VAULT_MATCHES
from ingestion.privacy import Vault
from ingestion.settings import Settings, settings
from ingestion.spreadsheets import Shape, Unreadable, read_sheet
from ingestion.warehouse import DuckDBWarehouse, open_warehouse

TOLERANCE = timedelta(days=14)
CERTAIN = 0.8
"""Score from which an unambiguous pair is linked without a human."""
PLAUSIBLE = 0.6
"""Score from which another pair makes a link ambiguous."""
NEW_SURNAME = 0.5
"""Score of a pair with equal first names and different surnames: a question, never a link."""
WIDE = timedelta(days=60)
"""How far starts may lie apart for a question: postponed first days, and people who married in between."""

NICKNAMES = (
    ("alexander", "alex", "sasha", "sascha", "xander"),
    ("alexandra", "alex", "sandra", "sasha"),
    ("andrew", "andy", "drew"),
    ("anthony", "tony"),
    ("benjamin", "ben"),
    ("catherine", "katherine", "kathryn", "kate", "katie", "cathy", "kathy"),
    ("charles", "charlie", "chuck"),
    ("christopher", "chris"),
    ("christina", "christine", "chris", "tina"),
    ("daniel", "dan", "danny"),
    ("david", "dave"),
    ("edward", "ed", "eddie", "ted"),
    ("elizabeth", "elisabeth", "liz", "beth", "lisa", "betty", "eliza"),
    ("francisco", "paco", "francesco"),
    ("frederick", "fred", "freddie"),
    ("gregory", "greg"),
    ("jacob", "jake"),
    ("james", "jim", "jimmy", "jamie"),
    ("jennifer", "jen", "jenny"),
    ("jessica", "jess", "jessie"),
    ("john", "jack", "johnny", "jon", "jonathan"),
    ("joseph", "joe", "joey", "jose", "pepe"),
    ("katarina", "katharina", "kathrin", "katja", "kat"),
    ("kenneth", "ken", "kenny"),
    ("lawrence", "larry", "laurence"),
    ("margaret", "maggie", "meg", "peggy", "greta"),
    ("matthew", "matt", "matthias"),
    ("michael", "mike", "mick", "misha"),
    ("nicholas", "nick", "nico", "nicolas"),
    ("nicole", "nicky", "nikki"),
    ("patricia", "pat", "patty", "trish"),
    ("patrick", "pat", "paddy"),
    ("peter", "pete"),
    ("philip", "phillip", "phil"),
    ("rebecca", "becky", "becca"),
    ("richard", "rick", "ricky", "dick", "rich"),
    ("robert", "rob", "bob", "bobby", "robbie"),
    ("ronald", "ron", "ronnie"),
    ("samantha", "sam"),
    ("samuel", "sam", "sammy"),
    ("stephen", "steven", "steve", "stefan"),
    ("susan", "susanne", "sue", "susie"),
    ("theodore", "theo", "ted", "teddy"),
    ("thomas", "tom", "tommy"),
    ("timothy", "tim"),
    ("victoria", "vicky", "tori"),
    ("vladimir", "vlad", "volodymyr"),
    ("william", "will", "bill", "billy", "liam"),
)


class ReviewRejected(ConfigurationError):
    """The reviewed file cannot be taken over."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"`{path.name}`: {problem}. No decision was taken over. Correct the row, then run: qoh links review"
        )


# --- comparing persons -----------------------------------------------------------------------------------------------


def plain_name(text: str) -> str:
    """A name without case, accents and punctuation.

    >>> plain_name("Zoë  O'Brien-Łukasz"), plain_name("Groß")
    ('zoe obrien lukasz', 'gross')
    """
    letters = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"})
    bare = unicodedata.normalize("NFKD", text.casefold().translate(letters))
    kept = "".join(c for c in bare if not unicodedata.combining(c) and c not in "'’`´.")
    return " ".join(re.sub(r"[^\w]|_", " ", kept).split())


@lru_cache(maxsize=1)
def _nickname_groups() -> Mapping[str, frozenset[int]]:
    groups: defaultdict[str, set[int]] = defaultdict(set)
    for number, names in enumerate(NICKNAMES):
        for name in names:
            groups[name].add(number)
    return {name: frozenset(numbers) for name, numbers in groups.items()}


def first_name_score(left: str, right: str) -> float:
    """How far two plain first names can be the same: 1 equal, 0.95 short form, 0.9 a slip of the pen, 0 else."""
    if not left or not right:
        return 0.0
    if left == right:
        return 1.0
    one, other = left.split()[0], right.split()[0]
    groups = _nickname_groups()
    if one == other or groups.get(one, frozenset()) & groups.get(other, frozenset()):
        return 0.95
    return 0.9 if _alike(left, right) else 0.0


def last_name_score(left: str, right: str) -> float:
    """How far two plain surnames can be the same: 1 equal, 0.9 one is part of a double name, 0.85 a slip of the pen."""
    if not left or not right:
        return 0.0
    if left == right or _expanded(left) == _expanded(right):
        return 1.0
    one, other = set(left.split()), set(right.split())
    if one <= other or other <= one or left.replace(" ", "") == right.replace(" ", ""):
        return 0.9
    return 0.85 if _alike(left, right) else 0.0


def _expanded(name: str) -> str:
    # Müller is written Mueller where there is no ü; without its dots it is muller.
    return re.sub("(?<=[aou])e", "", name)


def _alike(left: str, right: str) -> bool:
    return min(len(left), len(right)) >= 5 and SequenceMatcher(None, left, right, autojunk=False).ratio() >= 0.85


@dataclass(frozen=True)
class Key:
    """One candidate or employee: connection and token."""

    connection_id: str
    token: str


@dataclass
class Person:
    """Clear values of one candidate or employee; lives in memory only."""

    key: Key
    first_names: set[str] = field(default_factory=set)
    last_names: set[str] = field(default_factory=set)
    starts: set[date] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    written: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Person({self.key.token})"

    @property
    def name(self) -> str:
        """The name as written, for the review file."""
        given = self.written.get("preferred_name") or self.written.get("first_name") or ""
        return f"{given} {self.written.get('last_name', '')}".strip()


@dataclass(frozen=True)
class Pair:
    """A candidate and an employee that may be one person."""

    candidate: Person
    employee: Person
    score: float
    days: int
    is_new_surname: bool = False

    @property
    def is_weak(self) -> bool:
        """Whether the pair can only be asked about."""
        return self.is_new_surname or self.days > TOLERANCE.days


def name_score(candidate: Person, employee: Person) -> tuple[float, bool]:
    """Best score over the names both go by, and whether it rests on a changed surname."""
    first = max((first_name_score(a, b) for a in candidate.first_names for b in employee.first_names), default=0.0)
    last = max((last_name_score(a, b) for a in candidate.last_names for b in employee.last_names), default=0.0)
    swapped = candidate.first_names & employee.last_names and candidate.last_names & employee.first_names
    if swapped and first * last < 0.9:
        return 0.9, False
    if first == 1.0 and last == 0.0 and candidate.last_names and employee.last_names:
        return NEW_SURNAME, True
    return first * last, False


def candidate_pairs(candidates: Iterable[Person], employees: Collection[Person]) -> Iterator[Pair]:
    """Every pair worth a link or a question: starts within `WIDE`, and names that can be one person's.

    Args:
        candidates: with the start dates of their offers.
        employees: with their hire dates.
    """
    employees = list(employees)
    by_start = sorted((start, index) for index, employee in enumerate(employees) for start in employee.starts)
    days = [start for start, _ in by_start]
    for candidate in candidates:
        near: dict[int, int] = {}
        for start in candidate.starts:
            for at in range(bisect_left(days, start - WIDE), bisect_right(days, start + WIDE)):
                gap = abs((days[at] - start).days)
                near[by_start[at][1]] = min(gap, near.get(by_start[at][1], gap))
        for index, gap in near.items():
            score, is_new_surname = name_score(candidate, employees[index])
            if score < NEW_SURNAME:
                continue
            # At fourteen days a pair keeps nine tenths of its name's score.
            pair = Pair(candidate, employees[index], round(score * (1 - gap / 140), 4), gap, is_new_surname)
            if pair.is_weak or pair.score >= PLAUSIBLE:
                yield pair


def settle(pairs: Iterable[Pair]) -> tuple[list[Pair], list[tuple[Pair, str]]]:
    """Divide pairs into certain ones and questions.

    A pair is certain when its score reaches `CERTAIN` and neither side has another plausible partner. A changed surname
    or a start far away is asked about only where neither side has a better explanation.

    Returns:
        The certain pairs, and the questions with the reason why they are asked.
    """
    pairs = list(pairs)
    near = [pair for pair in pairs if not pair.is_weak]
    n_candidate, n_employee = _partners(near)
    certain, questions = [], []
    for pair in near:
        if n_candidate[pair.candidate.key] > 1 or n_employee[pair.employee.key] > 1:
            questions.append((pair, "several people fit"))
        elif pair.score < CERTAIN:
            questions.append((pair, "names differ"))
        else:
            certain.append(pair)
    explained = {*n_candidate, *n_employee}
    for weak, reason in (
        ([p for p in pairs if p.is_weak and not p.is_new_surname], "same name, starts far apart"),
        ([p for p in pairs if p.is_new_surname], "surname differs, same first name and near start"),
    ):
        left = [p for p in weak if p.candidate.key not in explained and p.employee.key not in explained]
        n_candidate, n_employee = _partners(left)
        single = [p for p in left if n_candidate[p.candidate.key] == 1 and n_employee[p.employee.key] == 1]
        questions += [(pair, reason) for pair in single]
        explained |= {key for pair in single for key in (pair.candidate.key, pair.employee.key)}
    return certain, questions


def _partners(pairs: Iterable[Pair]) -> tuple[dict[Key, int], dict[Key, int]]:
    """How many persons fit each candidate and each employee; one id seen through two connections is one person."""
    candidates: defaultdict[Key, set[str]] = defaultdict(set)
    employees: defaultdict[Key, set[str]] = defaultdict(set)
    for pair in pairs:
        candidates[pair.candidate.key].add(pair.employee.key.token)
        employees[pair.employee.key].add(pair.candidate.key.token)
    return {k: len(tokens) for k, tokens in candidates.items()}, {k: len(tokens) for k, tokens in employees.items()}


# --- vault and warehouse ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MatchResult:
    """What one matching found: persons looked at, links written, questions left."""

    n_candidates: int
    n_employees: int
    n_matched: int
    n_decided: int
    n_questions: int


def match_people(where: Settings | None = None, now: datetime | None = None) -> MatchResult:
    """Link candidates and employees by name and start date, and write the links and human decisions for dbt.

    Takes the warehouse lock (which nests). Running it again without new data changes nothing.

    Args:
        where: the settings; those of the environment if None.
        now: time of deciding, UTC; the current time if None.
    """
    where, now = where or settings(), now or datetime.now(UTC)
    with warehouse_lock(where.lock_file), Vault(where.vault_file) as vault:
        candidates, employees = _people(vault, "candidate"), _people(vault, "employee")
        decisions = _decisions(vault)
        same = {(c, e) for (c, e), (decision, _, _) in decisions.items() if decision == "same"}
        decided = {candidate for candidate, _ in same}
        # Persons whose e-mail agrees are linked by an exact rung: their names answer nothing and ask nothing.
        taken = {address for person in employees.values() for address in person.emails}
        open_candidates = [
            person for key, person in candidates.items() if key not in decided and not person.emails & taken
        ]
        pairs = [
            pair
            for pair in candidate_pairs(open_candidates, employees.values())
            if (pair.candidate.key, pair.employee.key) not in decisions
        ]
        known = {address for person in candidates.values() for address in person.emails}
        pairs = [pair for pair in pairs if not (pair.is_weak and pair.employee.emails & known)]
        certain, questions = settle(pairs)
        _remember(vault, certain, questions, now)
        rows = _rows_of(vault)
    with warehouse_lock(where.lock_file), open_warehouse(where) as warehouse:
        _write(warehouse, rows)
    return MatchResult(len(candidates), len(employees), len(certain), len(decisions), len(questions))


def _people(vault: Vault, kind: str) -> dict[Key, Person]:
    people: dict[Key, Person] = {}
    rows = vault.connection.execute(
        "select connection_id, token, attribute, value from people where kind = ? order by all", [kind]
    ).fetchall()
    for connection_id, token, attribute, value in rows:
        person = people.setdefault(Key(connection_id, token), Person(Key(connection_id, token)))
        _take(person, attribute, value)
    return people


def _take(person: Person, attribute: str, value: str) -> None:
    if attribute in ("first_name", "preferred_name"):
        person.first_names.add(plain_name(value))
    elif attribute == "last_name":
        person.last_names.add(plain_name(value))
    elif attribute == "email":
        person.emails.add(value.strip().lower())
    elif attribute == "start_date":
        try:
            person.starts.add(date.fromisoformat(value[:10]))
        except ValueError:
            return
    person.written.setdefault(attribute, value)


def _decisions(vault: Vault) -> dict[tuple[Key, Key], tuple[str, str, datetime]]:
    rows = vault.connection.execute(
        "select candidate_connection_id, candidate_id, employee_connection_id, employee_id, decision, decided_by, "
        "decided_at from decisions"
    ).fetchall()
    return {(Key(*row[:2]), Key(*row[2:4])): (row[4], row[5], row[6]) for row in rows}


def _remember(vault: Vault, certain: list[Pair], questions: list[tuple[Pair, str]], now: datetime) -> None:
    before = vault.connection.execute(
        "select candidate_connection_id, candidate_id, employee_connection_id, employee_id, decided_at from matches"
    ).fetchall()
    decided_at = {(Key(*row[:2]), Key(*row[2:4])): row[4] for row in before}
    with vault.transaction() as connection:
        connection.execute("delete from matches")
        connection.execute("delete from review_queue")
        for pair in certain:
            when = decided_at.get((pair.candidate.key, pair.employee.key), now)
            connection.execute(
                "insert into matches values (?, ?, ?, ?, 'name_start_date', ?, ?)", [*_keys(pair), pair.score, when]
            )
        for pair, reason in questions:
            connection.execute("insert into review_queue values (?, ?, ?, ?, ?, ?)", [*_keys(pair), pair.score, reason])


def _keys(pair: Pair) -> list[str]:
    candidate, employee = pair.candidate.key, pair.employee.key
    return [candidate.connection_id, candidate.token, employee.connection_id, employee.token]


def _rows_of(vault: Vault) -> list[tuple[object, ...]]:
    # A decision is written either way: `human_different` with score 0 keeps every other rung from making the link.
    return vault.connection.execute(
        "select candidate_connection_id, candidate_id, employee_connection_id, employee_id, method, score, 'rule', "
        "decided_at from matches union all select candidate_connection_id, candidate_id, employee_connection_id, "
        "employee_id, case decision when 'same' then 'human' else 'human_different' end, "
        "case decision when 'same' then 1.0 else 0.0 end, decided_by, decided_at from decisions order by all"
    ).fetchall()


def _write(warehouse: DuckDBWarehouse, rows: list[tuple[object, ...]]) -> None:
    warehouse.ensure([VAULT_MATCHES])
    columns = ", ".join(VAULT_MATCHES.columns)
    with warehouse.transaction():
        warehouse.run(f"delete from {VAULT_MATCHES.qualified}")
        for row in rows:
            warehouse.run(f"insert into {VAULT_MATCHES.qualified} ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?)", row)


# --- the reviewed file -----------------------------------------------------------------------------------------------

REVIEW_COLUMNS = (
    *("candidate_connection_id", "candidate_id", "employee_connection_id", "employee_id"),
    *("candidate_name", "employee_name", "candidate_start", "employee_start", "score", "why", "decision", "decided_by"),
)
DECISIONS = ("same", "different")


@dataclass(frozen=True)
class ReviewResult:
    """What one review step did: decisions taken over, questions left, and the file that holds them."""

    n_same: int
    n_different: int
    n_open: int
    path: Path


def review_links(decided_by: str = "reviewer", where: Settings | None = None) -> ReviewResult:
    """Take over the decisions of `links_review.csv`, match again, and write the questions that are left to it.

    Args:
        decided_by: who decided, for rows that leave the column empty.
        where: the settings; those of the environment if None.

    Raises:
        ReviewRejected: a row that is not clear; nothing is taken over then, and the file stays as it is.
    """
    where = where or settings()
    path = review_path(where)
    with warehouse_lock(where.lock_file):
        taken = _take_over(path, decided_by, where) if path.exists() else []
        match_people(where)
        n_open = export_review(path, where)
    n_same = taken.count("same")
    return ReviewResult(n_same, len(taken) - n_same, n_open, path)


def review_path(where: Settings) -> Path:
    """Where the review file is; mode 0600, because it holds names."""
    return where.home / "links_review.csv"


@dataclass(frozen=True)
class Question:
    """A pair that waits for a person, and why it is asked."""

    candidate: Key
    employee: Key
    score: float
    reason: str


def open_questions(where: Settings | None = None) -> list[Question]:
    """What `qoh links review` lists: names that no rule could decide, and pairs that the last build found ambiguous.

    Names whose candidate or employee has meanwhile been linked by stronger evidence are left out, and so is what was
    decided since.
    """
    where = where or settings()
    if not (where.vault_file.exists() and where.warehouse_file.exists()):
        return []
    linked, ambiguous = _last_build(where)
    with warehouse_lock(where.lock_file), Vault(where.vault_file) as vault:
        rows = vault.connection.execute(
            "select candidate_connection_id, candidate_id, employee_connection_id, employee_id, score, reason "
            "from review_queue"
        ).fetchall()
        decisions = _decisions(vault)
    asked = [Question(Key(*row[:2]), Key(*row[2:4]), row[4], row[5]) for row in rows]
    asked = [one for one in asked if one.candidate not in linked and one.employee not in linked]
    same = {candidate for (candidate, _), (decision, _, _) in decisions.items() if decision == "same"}
    asked += [one for one in ambiguous if (one.candidate, one.employee) not in decisions and one.candidate not in same]
    unique = {(one.candidate, one.employee): one for one in reversed(asked)}
    return sorted(unique.values(), key=lambda one: (-one.score, one.candidate.token, one.employee.token))


def export_review(path: Path | None = None, where: Settings | None = None) -> int:
    """Write the open questions to a file for a person to decide; returns their number.

    Args:
        path: the file, written with mode 0600; `links_review.csv` in QOH_HOME if None.
        where: the settings; those of the environment if None.
    """
    where = where or settings()
    questions = open_questions(where)
    with warehouse_lock(where.lock_file), Vault(where.vault_file) as vault:
        candidates, employees = _people(vault, "candidate"), _people(vault, "employee")
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(REVIEW_COLUMNS)
    n_open = 0
    for one in questions:
        if one.candidate not in candidates or one.employee not in employees:
            continue
        people = (candidates[one.candidate], employees[one.employee])
        keys = [part for person in people for part in (person.key.connection_id, person.key.token)]
        starts = [" ".join(sorted(day.isoformat() for day in person.starts)) for person in people]
        names = [_safe(person.name) for person in people]
        writer.writerow([*keys, *names, *starts, f"{one.score:.2f}", one.reason, "", ""])
        n_open += 1
    _write_private(path or review_path(where), out.getvalue())
    return n_open


def _take_over(path: Path, decided_by: str, where: Settings) -> list[str]:
    taken = _decided_rows(path)
    with warehouse_lock(where.lock_file), Vault(where.vault_file) as vault:
        candidates, employees = _people(vault, "candidate"), _people(vault, "employee")
        partner = {c: e for (c, e), (decision, _, _) in _decisions(vault).items() if decision == "same"}
        for number, candidate, employee, decision, _ in taken:
            if candidate not in candidates or employee not in employees:
                problem = "a candidate or employee that is not known (of a connection that was renamed since?)"
                raise ReviewRejected(path, f"row {number}: {problem}")
            if decision == "same" and partner.setdefault(candidate, employee) != employee:
                raise ReviewRejected(path, f"row {number}: this candidate was already decided to be somebody else")
        with vault.transaction() as connection:
            for _, candidate, employee, decision, who in taken:
                keys = [candidate.connection_id, candidate.token, employee.connection_id, employee.token]
                connection.execute(
                    "delete from decisions where candidate_connection_id = ? and candidate_id = ? "
                    "and employee_connection_id = ? and employee_id = ?",
                    keys,
                )
                row = [*keys, decision, who or decided_by, datetime.now(UTC)]
                connection.execute("insert into decisions values (?, ?, ?, ?, ?, ?, ?)", row)
    return [decision for _, _, _, decision, _ in taken]


def _decided_rows(path: Path) -> list[tuple[int, Key, Key, str, str]]:
    try:
        sheet = read_sheet(path.name, path.read_bytes(), Shape())
    except Unreadable as error:
        raise ReviewRejected(path, str(error)) from None
    missing = [name for name in (*REVIEW_COLUMNS[:4], "decision") if name not in sheet.headers]
    if missing:
        raise ReviewRejected(path, f"the column `{missing[0]}` is missing")
    found = []
    for number, cells in sheet.rows:
        row = dict(zip(sheet.headers, cells, strict=True))
        decision = row["decision"].casefold()
        if not decision:
            continue
        if decision not in DECISIONS:
            raise ReviewRejected(path, f"row {number}: the decision is neither {' nor '.join(DECISIONS)}")
        candidate = Key(row["candidate_connection_id"], row["candidate_id"])
        employee = Key(row["employee_connection_id"], row["employee_id"])
        found.append((number, candidate, employee, decision, row.get("decided_by", "")))
    return found


def _last_build(where: Settings) -> tuple[set[Key], list[Question]]:
    """Candidates and employees that the last build linked, and pairs between which it could not choose."""
    with warehouse_lock(where.lock_file), open_warehouse(where) as warehouse:
        built = warehouse.run("select table_name from duckdb_tables() where schema_name = 'canonical'")
        keys = "candidate_connection_id, candidate_id, employee_connection_id, employee_id"
        links = ambiguous = []
        if ("person_links",) in built:
            links = warehouse.run(
                f"select {keys} from canonical.person_links where candidate_id is not null and employee_id is not null"
            )
        if ("person_link_evidence",) in built:
            ambiguous = warehouse.run(
                f"select {keys}, score, method from canonical.person_link_evidence where conflict_reason = 'ambiguous'"
            )
    linked = {Key(*row[:2]) for row in links} | {Key(*row[2:]) for row in links}
    return linked, [
        Question(Key(*row[:2]), Key(*row[2:4]), row[4], f"several employees fit equally well ({row[5]})")
        for row in ambiguous
    ]


def _safe(cell: str) -> str:
    # A spreadsheet would run a cell that begins like a formula.
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _write_private(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    draft.replace(path)
