"""No personal data outside the vault: every text column of every published table is searched.

Only the file's table of contents is not (`meta.published`): publishing writes it last, from names and row counts.
"""

from __future__ import annotations

from expectations.checks import Check, Expect, Suite, TextCells, between
from expectations.tables import TABLES


def _slug(table: str) -> str:
    return table.removeprefix("marts_").replace(".", "_")


def _none(pattern: str) -> Expect:
    """No cell of any text column holds the pattern."""
    return between(pattern, high=0)


def _search(table: str, cells: TextCells) -> tuple[Check, ...]:
    return (
        Check(
            id=f"privacy_{_slug(table)}_no_email",
            table=table,
            measure=cells,
            expect=_none("email"),
            severity="error",
            reason="An e-mail address in a published table is personal data that left the vault.",
            next_step="Take the column named off the stream's allow-list or declare it as a token, then sync it anew.",
            when_empty="pass",
        ),
        Check(
            id=f"privacy_{_slug(table)}_no_phone",
            table=table,
            measure=cells,
            expect=_none("phone"),
            severity="error",
            reason="A phone number in a published table is personal data that left the vault.",
            next_step="Take the column named off the stream's allow-list, then sync it anew.",
            when_empty="pass",
        ),
        Check(
            id=f"privacy_{_slug(table)}_no_person_name",
            table=table,
            measure=cells,
            expect=_none("person_name"),
            # Names cannot be told from agencies and brands with certainty ("Robert Walters" sources candidates), and a
            # check that blocks wrongly is switched off. Columns made for persons are held by the token check, an error.
            severity="warning",
            reason="Interviews, stages and sources named after a person carry that name into the published file.",
            next_step="Rename the entries of the column named in the ATS, or leave the column out of the connection.",
            when_empty="pass",
        ),
    )


def _tokens(table: str, cells: TextCells) -> Check:
    return Check(
        id=f"privacy_{_slug(table)}_person_ids_are_tokens",
        table=table,
        measure=cells,
        expect=_none("not_a_token"),
        severity="error",
        reason="A person's id that is not a keyed pseudonym can be looked up by everybody who knows the vendor.",
        next_step="Declare the column named as a token of its kind in the connector's stream, then sync it anew.",
        when_empty="pass",
    )


def _checks(table: str) -> tuple[Check, ...]:
    # One measure a table: its text is read once for all of its checks.
    cells = TextCells(TABLES[table].tokens)
    return (*_search(table, cells), *([_tokens(table, cells)] if cells.tokens else []))


SUITE = Suite(
    name="privacy",
    title="Privacy",
    question="Is every published text column free of e-mail addresses, phone numbers, names and readable person ids?",
    checks=tuple(check for table in TABLES for check in _checks(table)),
)
