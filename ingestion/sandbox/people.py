"""Human beings: names, personal e-mails and EEO wording; the ATS's view of them as candidates."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd

from ingestion.sandbox import names
from ingestion.sandbox.versions import NEVER, Array, Frame, Rng, keep, later, overlay

FIRST_CANDIDATE_ID = 30_000_001
PREFERRED_NAME_SHARE = 0.05
ALT_EMAIL_SHARE = 0.08
PRIVATE_SHARE = 0.004


def plain(name: str) -> str:
    """A name as it appears in an e-mail address."""
    return unicodedata.normalize("NFKD", name.replace("ø", "o")).encode("ascii", "ignore").decode().lower()


def pick(rng: Rng, words: tuple[str, ...] | list[str], n: int, shares: tuple[float, ...] | None = None) -> Array:
    """`n` random words as an object array."""
    weights = None if shares is None else np.asarray(shares) / np.sum(shares)
    picked: Array = np.array(words, dtype=object)[rng.choice(len(words), n, p=weights)]
    return picked


def draw_people(rng: Rng, n: int) -> Frame:
    """`n` invented people with person_id 1 … n; nothing about them is related to how well they work."""
    person_id = np.arange(1, n + 1)
    first, last = pick(rng, names.FIRST_NAMES, n), pick(rng, names.LAST_NAMES, n)
    plain_of = {name: plain(name) for name in (*names.FIRST_NAMES, *names.LAST_NAMES)}
    domain = pick(rng, names.EMAIL_DOMAINS, n)
    email = [
        f"{plain_of[f]}.{plain_of[s]}{i:x}@{d}"
        for f, s, i, d in zip(first, last, person_id.tolist(), domain, strict=True)
    ]
    preferred = keep(rng.random(n) < PREFERRED_NAME_SHARE, pick(rng, names.FIRST_NAMES, n))
    return pd.DataFrame(
        {
            "person_id": person_id,
            "first_name": first,
            "last_name": last,
            "preferred_name": preferred,
            "personal_email": email,
            "gender": pick(rng, names.GENDERS, n, names.GENDER_SHARES),
            "race": pick(rng, names.RACES, n, names.RACE_SHARES),
            "veteran": pick(rng, names.VETERAN, n, names.VETERAN_SHARES),
            "disability": pick(rng, names.DISABILITY, n, names.DISABILITY_SHARES),
        }
    )


def candidate_versions(rng: Rng, people: Frame, first_applied: Frame, activity: Frame, anonymised: Frame,
                       linked: Frame, needs_alt: Array) -> Frame:  # fmt: skip
    """Candidates as the ATS shows them over time.

    Args:
        people: all people.
        first_applied: candidate_id, person_id, created_at (first application).
        activity: candidate_id, at (later moments the candidate's record was touched).
        anonymised: candidate_id, at.
        linked: candidate_id, at, linked_user_id.
        needs_alt: candidate ids that have a second e-mail for certain.
    """
    row = people.iloc[first_applied["person_id"].to_numpy() - 1]
    n = len(first_applied)
    created = first_applied["created_at"].to_numpy()
    alt = [f"{email.split('@')[0]}@alt.example.net" for email in row["personal_email"]]
    has_alt = (rng.random(n) < ALT_EMAIL_SHARE) | np.isin(first_applied["candidate_id"].to_numpy(), needs_alt)
    base = pd.DataFrame(
        {
            "candidate_id": first_applied["candidate_id"].to_numpy(),
            "person_id": first_applied["person_id"].to_numpy(),
            "first_name": row["first_name"].to_numpy(),
            "last_name": row["last_name"].to_numpy(),
            "preferred_name": row["preferred_name"].to_numpy(),
            "email": row["personal_email"].to_numpy(),
            "alt_email": keep(has_alt, alt),
            "is_private": rng.random(n) < PRIVATE_SHARE,
            "linked_user_id": np.full(n, np.nan),
            "last_activity_at": created,
            "valid_from": created,
        }
    )
    touched = pd.DataFrame(
        {"candidate_id": activity["candidate_id"], "valid_from": activity["at"], "last_activity_at": activity["at"]}
    )
    blank = pd.DataFrame({"candidate_id": anonymised["candidate_id"], "valid_from": anonymised["at"]})
    blank = blank.assign(**dict.fromkeys(("first_name", "last_name", "preferred_name", "email", "alt_email"), ""))
    links = linked.rename(columns={"at": "valid_from"})[["candidate_id", "valid_from", "linked_user_id"]]
    return overlay(base, [touched, blank, links], "candidate_id")


def eeoc_rows(rng: Rng, people: Frame, applications: Frame) -> Frame:
    """EEO answers: most answer, some refuse (own wording), some leave a question empty, some never open the form."""
    answered = applications[rng.random(len(applications)) < 0.72]
    row = people.iloc[answered["person_id"].to_numpy() - 1]
    n = len(answered)
    at = later(answered["applied_at"].to_numpy(), rng.random(n) * 0.02)
    values = {name: keep(rng.random(n) >= 0.06, row[name]) for name in ("gender", "race", "veteran", "disability")}
    return pd.DataFrame(
        {
            "eeoc_id": 60_000_001 + np.arange(n),
            "application_id": answered["application_id"].to_numpy(),
            "candidate_id": answered["candidate_id"].to_numpy(),
            **values,
            "submitted_at": at,
            "created_at": at,
            "valid_from": at,
            "valid_to": np.full(n, NEVER),
        }
    )
