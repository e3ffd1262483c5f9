"""The evidence pack: a technical report that says what it holds, where it comes from, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reporting import ladder, words
from reporting.checklist import DISPUTE, FRAMES, LEGAL_TEXT_AS_OF, SIGNED, Frame, Item, Part, Principle
from reporting.exhibit import ESTIMATES, Exhibit
from reporting.exhibits import exhibits
from reporting.exhibits_results import LINEARITY
from reporting.signoff import Answers, SignOff, answers
from reporting.theme import LIGHT

NOT_TECHNIQUES = frozenset({"unmapped", "debrief"})
"""What the estimates hold and nobody needs to describe as a procedure."""
DESCRIPTIONS = f"{SIGNED}procedures.descriptions"
CANNOT_CLAIM = (
    "It is observational. A technique that predicts is not shown to cause anything.",
    "The rated are a selected sample: hired, still here, and reviewed. Corrections carry the answer beyond them only "
    "under the assumptions printed beside them.",
    "Ratings are judgements of managers, some of whom had interviewed the person; they are not performance itself.",
    "It says nothing about a person: no score, rank or prediction of anybody is in it or behind it.",
    "It is no legal advice and no statement that a procedure is lawful.",
)
MULTIPLICITY = (
    "Many relations are tested at once. p of rung 3 is adjusted within job family by Benjamini & Hochberg (1995); only "
    "q at or below .10 is held against chance. Attributes are explored and not adjusted."
)


@dataclass(frozen=True)
class Missing:
    """What an essential item lacks, and what to run or supply."""

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.remedy}."


@dataclass(frozen=True)
class Pack:
    """The report as one HTML page, and what is missing for it to be complete."""

    html: str
    missing: tuple[Missing, ...]

    @property
    def is_complete(self) -> bool:
        return not self.missing


@dataclass(frozen=True)
class _Line:
    """A part of an item as it is printed."""

    what: str
    text: str
    remedy: str


@dataclass(frozen=True)
class _Section:
    item: Item
    state: str
    lines: tuple[_Line, ...]
    exhibits: tuple[Exhibit, ...]


@dataclass(frozen=True)
class Found:
    """What the tables give: exhibits by key of the checklist, the techniques there are, and the day of the data."""

    exhibits: Mapping[str, Exhibit]
    techniques: frozenset[str]
    as_of: datetime | None


def find(tables: Mapping[str, pd.DataFrame]) -> Found:
    """Read the tables once.

    Parameters
    ----------
    tables
        Tables of the published file by `schema.table`, and the aggregates that `reporting.exhibit` names; missing ones
        leave their item missing.
    """
    estimates = tables.get(ESTIMATES)
    if estimates is None or estimates.empty:
        return Found(exhibits(tables), frozenset(), None)
    newest = pd.to_datetime(estimates["as_of"], utc=True).max()
    techniques = frozenset(estimates["technique"].dropna().astype(str)) - NOT_TECHNIQUES
    return Found(exhibits(tables), techniques, None if pd.isna(newest) else newest.to_pydatetime())


def evidence_pack(
    found: Found, signed: SignOff | None, frame: str, generated_at: datetime, *, snapshot: str = ""
) -> Pack:
    """Write the technical report of a frame.

    Parameters
    ----------
    found
        What the tables give, from `find`.
    signed
        What a person supplied; None where there is none.
    frame
        siop, ugesp or ll144.
    generated_at
        When the report was made, aware UTC time.
    snapshot
        Name of the published file.

    Raises
    ------
    KeyError
        A frame that there is none of.
    """
    asked = FRAMES[frame]
    as_of = found.as_of or generated_at
    said = answers(signed, as_of.date(), generated_at.date())
    given = frozenset(found.exhibits) | _given(said, found)
    missing = _missing(asked, given, said, found)
    html = (
        _environment()
        .get_template("evidence.html.j2")
        .render(
            frame=asked,
            sections=[_section(item, found, said, given) for item in asked.items],
            principles=[(one, _state_of(one, given), _said_only_here(one, asked, said)) for one in asked.principles],
            missing=missing,
            signed=said,
            as_of=as_of,
            generated_at=generated_at,
            snapshot=snapshot,
            **_WORDS,
        )
    )
    return Pack(html, missing)


_WORDS: dict[str, Any] = {
    "cannot_claim": CANNOT_CLAIM,
    "multiplicity": MULTIPLICITY,
    "linearity": LINEARITY,
    "dispute": DISPUTE,
    "rule": ladder.RULE,
    "legal_text_as_of": LEGAL_TEXT_AS_OF,
}


def _given(said: Answers, found: Found) -> frozenset[str]:
    """Keys that the signed file gives; the descriptions only when no technique is left out."""
    given = {key for key in said.texts if not key.startswith(DESCRIPTIONS)}
    given |= {f"{SIGNED}jobs"} if said.jobs else set()
    is_described = said.descriptions and not _not_described(said, found)
    return frozenset(given | ({DESCRIPTIONS} if is_described else set()))


def _not_described(said: Answers, found: Found) -> list[str]:
    return sorted(found.techniques - set(said.descriptions))


def _missing(asked: Frame, given: frozenset[str], said: Answers, found: Found) -> tuple[Missing, ...]:
    parts = [
        Missing(f"Item {item.number}, {item.title}", part.what, _remedy(part, said, found))
        for item in asked.items
        if item.is_essential
        for part in item.parts
        if not given & set(part.keys)
    ]
    principles = [
        Missing("Principle", one.statement.rstrip("."), f"See item {' and '.join(one.items)}{_fill(one, given)}")
        for one in asked.principles
        if not set(one.keys) <= given
    ]
    return (*parts, *principles)


def _fill(one: Principle, given: frozenset[str]) -> str:
    names = [f"`{key.removeprefix(SIGNED)}`" for key in one.keys if key.startswith(SIGNED) and key not in given]
    return f"; fill in {', '.join(names)} of the signed-off file" if names else ""


def _remedy(part: Part, said: Answers, found: Found) -> str:
    absent = _not_described(said, found) if part.keys == (DESCRIPTIONS,) else []
    return f"{part.remedy}: {', '.join(absent)}" if absent else part.remedy


def _section(item: Item, found: Found, said: Answers, given: frozenset[str]) -> _Section:
    shown = found.exhibits
    is_there = all(given & set(part.keys) for part in item.parts)
    lines = tuple(_line(part, said, given) for part in item.parts if not set(part.keys) & set(shown))
    keys = (*(key for part in item.parts for key in part.keys), *item.shows)
    state = "given" if is_there else "missing" if item.is_essential else "not given, not essential"
    return _Section(item, state, lines, tuple(shown[key] for key in keys if key in shown))


def _line(part: Part, said: Answers, given: frozenset[str]) -> _Line:
    text = next((said.texts[key] for key in part.keys if key in said.texts), "")
    if f"{SIGNED}jobs" in part.keys:
        text = "\n".join(f"{title} ({code}){', ' + family if family else ''}" for title, code, family in said.jobs)
    if DESCRIPTIONS in part.keys:
        names = {words.name_of(key, words.TECHNIQUES): text for key, text in said.descriptions.items()}
        text = "\n".join(f"{name}: {description}" for name, description in sorted(names.items()))
    return _Line(part.what[:1].upper() + part.what[1:], text, "" if given & set(part.keys) else part.remedy)


def _state_of(one: Principle, given: frozenset[str]) -> str:
    return "evidence given" if set(one.keys) <= given else "missing"


def _said_only_here(one: Principle, asked: Frame, said: Answers) -> tuple[str, ...]:
    """Signed texts that are evidence for a principle and stand under no item."""
    under_items = {key for item in asked.items for part in item.parts for key in part.keys}
    return tuple(said.texts[key] for key in one.keys if key in said.texts and key not in under_items)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(inline_style=_style)
    environment.filters.update(code=_code, day=words.day, minute=lambda moment: f"{moment:%Y-%m-%d %H:%M} UTC")
    return environment


def _code(text: str) -> Markup:
    """Names between backticks as code; everything else escaped.

    >>> _code("Fill in `study.users` of <it>")
    Markup('Fill in <code>study.users</code> of &lt;it&gt;')
    """
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _style() -> Markup:
    """A document for files and printers: light only."""
    colours = "".join(f"{name}:{colour};" for name, colour in LIGHT.items())
    sheet = (Path(__file__).parent / "static" / "evidence.css").read_text(encoding="utf-8")
    return Markup(f":root{{{colours}}}\n{sheet}")
