"""What only a person knows of a study, read from the signed-off file: checked, and flat by key.

Unknown keys are refused, so that a misspelled one cannot pass as given; empty text counts as not given. A signature
that is missing, lies ahead or is older than a year before the data makes everything in the file count as not given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reporting.checklist import SIGNED

VALID_MONTHS = 12
"""How much older than the data a signature may be."""
EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


class SignOffInvalid(ValueError):
    """The file holds something it should not; `problems` has a sentence fragment each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, coerce_numbers_to_str=True)


class Study(_Section):
    users: str | None = None
    places: str | None = None
    problem: str | None = None
    existing_procedures: str | None = None


class JobAnalysis(_Section):
    method: str | None = None
    findings: str | None = None
    grouping: str | None = None


class Job(_Section):
    title: str
    code: str
    job_family: str | None = None


class Criterion(_Section):
    basis: str | None = None
    instructions: str | None = None
    steps_against_bias: str | None = None
    deficiency: str | None = None


class Sample(_Section):
    identification: str | None = None
    composition_by_group: str | None = None


class Procedures(_Section):
    administration: str | None = None
    reliability: str | None = None
    descriptions: dict[str, str | None] | None = None


class Results(_Section):
    by_group: str | None = None
    cross_validation: str | None = None


class Alternatives(_Section):
    looked_for: str | None = None
    findings: str | None = None


class Uses(_Section):
    use: str | None = None
    cut_scores: str | None = None
    evidence_for_use: str | None = None
    utility: str | None = None
    review_by: date | None = None


class SourceData(_Section):
    kept_where: str | None = None


class Contact(_Section):
    name: str | None = None
    address: str | None = None
    telephone: str | None = None


class Accuracy(_Section):
    steps: str | None = None


class LocalLaw144(_Section):
    tool: str | None = None
    distribution_date: str | None = None
    data_source: str | None = None


class SignOff(_Section):
    """The signed-off file."""

    signed_by: str | None = None
    signed_on: date | None = None
    study: Study | None = None
    job_analysis: JobAnalysis | None = None
    jobs: list[Job] | None = None
    criterion: Criterion | None = None
    sample: Sample | None = None
    procedures: Procedures | None = None
    results: Results | None = None
    alternatives: Alternatives | None = None
    uses: Uses | None = None
    source_data: SourceData | None = None
    contact: Contact | None = None
    accuracy: Accuracy | None = None
    local_law_144: LocalLaw144 | None = Field(default=None)


@dataclass(frozen=True)
class Answers:
    """What was signed, by key of the checklist; `doubts` says what does not count, and why."""

    signed_by: str
    signed_on: date | None
    texts: Mapping[str, str]
    jobs: tuple[tuple[str, str, str], ...]
    descriptions: Mapping[str, str]
    doubts: tuple[str, ...]


NOTHING_SIGNED = Answers("", None, {}, (), {}, ())


def read_sign_off(content: Any) -> SignOff:
    """Check the content of a signed-off file.

    Parameters
    ----------
    content
        The mapping that the file holds.

    Raises
    ------
    SignOffInvalid
        Unknown keys, wrong types, or an e-mail address, each with its key.
    """
    if not isinstance(content, Mapping):
        raise SignOffInvalid((f"it holds {type(content).__name__}, expected keys such as `signed_by`",))
    try:
        made = SignOff.model_validate(_without_blanks(content))
    except ValidationError as error:
        raise SignOffInvalid(tuple(_problem(one) for one in error.errors())) from None
    with_address = tuple(
        f"`{key}` holds an e-mail address; give a postal address and a telephone number instead"
        for key, text in _leaves(made.model_dump())
        if EMAIL.search(text)
    )
    if with_address:
        raise SignOffInvalid(with_address)
    return made


def answers(signed: SignOff | None, as_of: date, today: date) -> Answers:
    """What of the file counts.

    Parameters
    ----------
    signed
        The file; None where there is none.
    as_of
        Day the study's data speak for.
    today
        Day of the report.
    """
    if signed is None:
        return NOTHING_SIGNED
    doubt = _doubt(signed, as_of, today)
    if doubt:
        return Answers(signed.signed_by or "", signed.signed_on, {}, (), {}, (doubt,))
    texts = {SIGNED + key: text for key, text in _leaves(signed.model_dump(exclude={"jobs"}))}
    expired = signed.uses is not None and signed.uses.review_by is not None and signed.uses.review_by < today
    if expired:
        del texts[SIGNED + "uses.review_by"]
    descriptions = (signed.procedures.descriptions if signed.procedures else None) or {}
    return Answers(
        signed.signed_by or "",
        signed.signed_on,
        texts,
        tuple((job.title, job.code, job.job_family or "") for job in signed.jobs or ()),
        {technique: text for technique, text in descriptions.items() if text},
        ("`uses.review_by` lies in the past: the study is due to be looked at again.",) if expired else (),
    )


def _doubt(signed: SignOff, as_of: date, today: date) -> str:
    """Why the signature does not count, or nothing."""
    absent = [name for name in ("signed_by", "signed_on") if not getattr(signed, name)]
    if absent or signed.signed_on is None:
        names = " and ".join(f"`{name}`" for name in absent)
        return (
            f"{names} {'are' if len(absent) > 1 else 'is'} not given: nothing in the file counts before it is signed."
        )
    if signed.signed_on > today:
        return f"The signature is of {signed.signed_on}, which lies ahead: nothing in the file counts."
    if signed.signed_on < (pd.Timestamp(as_of) - pd.DateOffset(months=VALID_MONTHS)).date():
        return (
            f"The signature is of {signed.signed_on}, more than {VALID_MONTHS} months before the data ({as_of}): "
            "nothing in the file counts before it is read again and signed anew."
        )
    return ""


def _without_blanks(content: Any) -> Any:
    """Blank text as nothing: an unfilled key of the template is not an answer."""
    if isinstance(content, Mapping):
        return {key: _without_blanks(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_without_blanks(value) for value in content]
    return None if isinstance(content, str) and not content.strip() else content


def _problem(error: Any) -> str:
    """
    >>> _problem({"type": "extra_forbidden", "loc": ("criterion", "bais"), "msg": ""})
    '`criterion.bais` is no known key'
    """
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"`{where}` is no known key"
    return f"`{where}`: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _leaves(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Every given text by its dotted key."""
    for key, value in content.items():
        where = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{where}.")
        elif isinstance(value, list):
            for number, one in enumerate(value):
                yield from _leaves(one, f"{where}.{number}.")
        elif value is not None:
            yield where, str(value)
