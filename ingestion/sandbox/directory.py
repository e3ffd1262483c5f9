"""The HRIS and the logins: employees with their histories, ATS users, users of the performance tool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ingestion.sandbox import names
from ingestion.sandbox.links import feature
from ingestion.sandbox.people import pick, plain
from ingestion.sandbox.plans import FIRST_USER_ID
from ingestion.sandbox.techniques import FAMILIES
from ingestion.sandbox.versions import (
    BLANK_DAY,
    BLANK_ID,
    NEVER,
    Array,
    Frame,
    Rng,
    keep,
    later,
    midnight,
    once,
    overlay,
)
from ingestion.sandbox.workforce import FIRST_EMPLOYEE_ID, Workforce

ALL_FAMILIES = (*FAMILIES, "people")
RENAME_SHARE = 0.03
NO_EXTERNAL_ID_SHARE = 0.04
NO_EMPLOYEE_ID_SHARE = 0.08
OTHER_USERS_SHARE = 0.10


@dataclass(frozen=True)
class Roster:
    """One row an employee (position order): names, e-mails, place, rename; and the stays and moves."""

    frame: Frame
    spells: Frame
    moves: Frame


def build_roster(rng: Rng, workforce: Workforce, people: Frame, links: Frame) -> Roster:
    """Names and e-mails as HR knows them.

    Args:
        links: employee (position), kind of link, for people hired through the ATS and not before.
    """
    n = workforce.n_employees
    person = people.iloc[workforce.person_of - 1]
    first, last = person["first_name"].to_numpy().astype(object), person["last_name"].to_numpy().astype(object)
    home = person["personal_email"].to_numpy().astype(object)
    other_name = pick(rng, names.LAST_NAMES, n)
    other_name = np.where(other_name == last, "Hollis", other_name)
    at, kind = links["employee"].to_numpy(), links["kind"].to_numpy()
    last[at] = np.where(feature(kind, "renamed").astype(bool), other_name[at], last[at])
    home_kind = feature(kind, "home_email")
    alt = np.array([f"{email.split('@')[0]}@alt.example.net" for email in home[at]], dtype=object)
    strange = np.array(
        [f"{plain(name)}{number}@inbox.example.org" for name, number in zip(first[at], at, strict=True)], object
    )
    home[at] = np.select([home_kind == "alt", home_kind == "other"], [alt, strange], home[at])
    home = keep((rng.random(n) >= 0.05) | np.isin(np.arange(n), at), home)
    work = _work_emails(first, last, np.arange(n))
    spells = workforce.spells.sort_values(["employee", "spell_number"], kind="stable", ignore_index=True)
    begun = spells.groupby("employee")["started_on"].first().to_numpy().astype("datetime64[s]")
    keeps = np.ones(n, bool)
    keeps[at] = ~np.isin(feature(kind, "rung"), ["name_start_date", "none"])
    renamed_at = np.where((rng.random(n) < RENAME_SHARE) & keeps, later(begun, rng.uniform(100, 900, n)), NEVER)
    frame = pd.DataFrame(
        {
            "employee": np.arange(n),
            "employee_id": FIRST_EMPLOYEE_ID + np.arange(n),
            "person_id": workforce.person_of,
            "employee_number": [f"NQ-{20_000 + 7 * i}" for i in range(n)],
            "first_name": first,
            "last_name": last,
            "preferred_name": person["preferred_name"].to_numpy(),
            "home_email": home,
            "work_email": work,
            "location": pick(rng, names.LOCATIONS, n),
            "contract": pick(rng, ("Full-Time", "Part-Time", "Contractor"), n, (0.93, 0.05, 0.02)),
            "renamed_at": renamed_at,
            "new_last_name": np.where(other_name == last, "Hollis", other_name),
        }
    )
    frame["new_work_email"] = _work_emails(first, frame["new_last_name"].to_numpy(), np.arange(n), married=True)
    return Roster(frame, spells, _moves(spells, frame))


def _work_emails(first: Array, last: Array, number: Array, married: bool = False) -> Array:
    local = pd.Series([f"{plain(f)}.{plain(s)}" for f, s in zip(first, last, strict=True)], dtype="object")
    taken = local.duplicated().to_numpy() | married
    made: Array = np.where(taken, local + "." + pd.Series(number.astype(str), dtype="object"), local)
    return np.array([f"{part}@{names.WORK_DOMAIN}" for part in made], dtype=object)


def job_words(family: Array, level: Array, role: Array) -> dict[str, Array]:
    """Department, division, title, level and family as the HRIS writes them."""
    family_name = np.array(ALL_FAMILIES, dtype=object)[family]
    title = np.array([names.FAMILY_TITLE[name] for name in ALL_FAMILIES], dtype=object)[family]
    department = np.array([names.DEPARTMENTS[name] for name in ALL_FAMILIES], dtype=object)[family]
    division = np.array([names.DIVISIONS.get(name, "Business") for name in ALL_FAMILIES], dtype=object)[family]
    prefix = np.array(names.LEVEL_PREFIX, dtype=object)[level]
    title = np.select(
        [role == "head", role == "manager"], ["Head of " + department, department + " Manager"], prefix + title
    )
    return {
        "department": department,
        "division": division,
        "job_title": title,
        "job_level": np.array(names.LEVELS, dtype=object)[level],
        "job_family": family_name,
    }


def _moves(spells: Frame, roster: Frame) -> Frame:
    """Every start, promotion and transfer with the whole job as it was from then on."""
    parts = []
    for change, column in (("start", "started_on"), ("promotion", "promoted_on"), ("transfer", "transferred_on")):
        rows = spells[spells[column].notna()]
        at = rows[column].to_numpy()
        level = np.minimum(rows["level"].to_numpy() + (rows["promoted_on"] <= at).to_numpy(), 5)
        manager = np.where(rows["transferred_on"] <= at, rows["new_manager"], rows["manager"])
        kind = np.where(rows["spell_number"] > 1, "rehire", "hire") if change == "start" else np.full(len(rows), change)
        words = job_words(rows["family"].to_numpy(), level, rows["role"].to_numpy())
        part = {"employee": rows["employee"].to_numpy(), "date": at, "change_type": kind, "manager": manager, **words}
        parts.append(pd.DataFrame(part))
    moves = pd.concat(parts, ignore_index=True).sort_values(["date", "employee"], kind="stable", ignore_index=True)
    return moves.assign(location=roster["location"].to_numpy()[moves["employee"].to_numpy()])


def _manager_id(position: Array, first_id: int) -> Array:
    filled: Array = np.where(position < 0, np.nan, position + float(first_id))
    return filled


def known_since(moves: Frame) -> Array:
    """When a job change was entered: new people a week before they start, the rest on the day."""
    is_start = moves["change_type"].isin(["hire", "rehire"]).to_numpy()
    return later(moves["date"].to_numpy(), np.where(is_start, -7 + 9.5 / 24, 10.0 / 24))


def employee_tables(rng: Rng, roster: Roster) -> dict[str, Frame]:
    """employees, job_info, employment_status."""
    frame, moves, spells = roster.frame, roster.moves, roster.spells
    moves = moves.assign(known=known_since(moves), employee_id=FIRST_EMPLOYEE_ID + moves["employee"])
    job_columns = ["department", "division", "location", "job_title", "job_level", "job_family"]
    job = moves[["employee_id", "change_type", *job_columns]].assign(
        manager_employee_id=_manager_id(moves["manager"].to_numpy(), FIRST_EMPLOYEE_ID), valid_from=moves["known"]
    )
    starts = moves["change_type"].isin(["hire", "rehire"])
    person = frame.iloc[moves.loc[starts, "employee"].to_numpy()]
    hired = job[starts].assign(
        hire_date=moves.loc[starts, "date"], termination_date=BLANK_DAY, status="Active",
        employment_status=person["contract"].to_numpy(),
    )  # fmt: skip
    first = hired[hired["change_type"] == "hire"].drop(columns=["change_type"])
    card = frame[["employee_id", "person_id", "employee_number", "first_name", "last_name", "preferred_name",
                  "work_email", "home_email"]]  # fmt: skip
    base = card.merge(first, on="employee_id").assign(original_hire_date=lambda x: x["hire_date"])
    again = hired[hired["change_type"] == "rehire"].drop(columns=["change_type"])
    changed = job[~starts].drop(columns=["change_type"])
    renamed = frame[frame["renamed_at"].notna()]
    rename = renamed[["employee_id"]].assign(
        last_name=renamed["new_last_name"], work_email=renamed["new_work_email"], valid_from=renamed["renamed_at"]
    )
    left = spells[spells["ended_on"].notna()]
    gone = pd.DataFrame(
        {
            "employee_id": FIRST_EMPLOYEE_ID + left["employee"].to_numpy(),
            "termination_date": left["ended_on"].to_numpy(),
            "status": "Inactive",
            "employment_status": "Terminated",
            "department": "",
            "division": "",
            "job_level": "",
            "manager_employee_id": float(BLANK_ID),
            "valid_from": later(left["ended_on"].to_numpy(), 0.8),
        }
    )
    employees = overlay(base, [changed, rename, gone, again], "employee_id")
    info = moves.rename(columns={"manager": "manager_position"}).assign(
        row_id=700_001 + np.arange(len(moves)),
        manager_employee_id=_manager_id(moves["manager"].to_numpy(), FIRST_EMPLOYEE_ID),
    )
    return {
        "employees": employees,
        "job_info": once(info, info["known"].to_numpy()),
        "employment_status": _employment_status(rng, spells, frame),
    }


def _employment_status(rng: Rng, spells: Frame, roster: Frame) -> Frame:
    begun = pd.DataFrame(
        {
            "employee_id": FIRST_EMPLOYEE_ID + spells["employee"].to_numpy(),
            "date": spells["started_on"].to_numpy(),
            "employment_status": roster["contract"].to_numpy()[spells["employee"].to_numpy()],
            "termination_type": None,
            "termination_reason": None,
            "valid_from": later(spells["started_on"].to_numpy(), -7 + 9.6 / 24),
        }
    )
    left = spells[spells["ended_on"].notna()]
    kind = left["end_type"].to_numpy().astype(object)
    reason = [str(rng.choice(names.TERMINATION_REASONS[name])) for name in kind]
    gone = pd.DataFrame(
        {
            "employee_id": FIRST_EMPLOYEE_ID + left["employee"].to_numpy(),
            "date": left["ended_on"].to_numpy(),
            "employment_status": "Terminated",
            # Some departures are entered without a type.
            "termination_type": keep(rng.random(len(left)) >= 0.06, kind),
            "termination_reason": keep(rng.random(len(left)) >= 0.2, reason),
            "valid_from": later(left["ended_on"].to_numpy(), 0.8),
        }
    )
    rows = pd.concat([begun, gone], ignore_index=True).sort_values(
        ["date", "employee_id"], kind="stable", ignore_index=True
    )
    return once(rows.assign(row_id=900_001 + np.arange(len(rows))), rows["valid_from"].to_numpy())


def perf_users(rng: Rng, roster: Roster, since: np.datetime64) -> Frame:
    """Users of the performance tool: everybody employed at or after `since`; leavers are deactivated."""
    frame, moves, spells = roster.frame, roster.moves, roster.spells
    last_end = spells.drop_duplicates("employee", keep="last")["ended_on"].to_numpy()
    present = np.isnat(last_end) | (last_end > since)
    words = moves.assign(known=np.maximum(known_since(moves) + np.timedelta64(6, "D"), since))
    words = words[present[words["employee"].to_numpy()]]
    change = pd.DataFrame(
        {
            "perf_user_id": words["employee"] + 1,
            "title": words["job_title"],
            "manager_id": _manager_id(words["manager"].to_numpy(), 1),
            "start_date": words["date"].where(words["change_type"].isin(["hire", "rehire"])),
            "status": "ACTIVE",
            "valid_from": words["known"],
        }
    )
    change = change.sort_values(["perf_user_id", "valid_from"], kind="stable")
    start_of = change.groupby("perf_user_id")["start_date"].first()
    # Everything before `since` folds into the first row.
    old = change[change["valid_from"] <= since].groupby("perf_user_id").tail(1)
    new = change[change["valid_from"] > since]
    begun = pd.concat([old, new]).sort_values(["perf_user_id", "valid_from"], kind="stable")
    is_first = ~begun["perf_user_id"].duplicated()
    person = frame.iloc[begun.loc[is_first, "perf_user_id"].to_numpy() - 1]
    n = len(person)
    base = begun[is_first].assign(
        employee_id=person["employee_id"].to_numpy(),
        external_user_id=keep(rng.random(n) >= NO_EXTERNAL_ID_SHARE, person["employee_id"].astype(str)),
        name=(person["first_name"] + " " + person["last_name"]).to_numpy(),
        preferred_name=person["preferred_name"].to_numpy(),
        email=person["work_email"].to_numpy(),
        is_admin=(person["employee"] == 0).to_numpy(),
    )
    base["start_date"] = start_of.loc[base["perf_user_id"]].to_numpy()
    renamed = frame[frame["renamed_at"].notna() & present & (frame["renamed_at"] > since)]
    rename = pd.DataFrame(
        {
            "perf_user_id": renamed["employee"] + 1,
            "name": renamed["first_name"] + " " + renamed["new_last_name"],
            "email": renamed["new_work_email"],
            "valid_from": later(renamed["renamed_at"].to_numpy(), 0.3),
        }
    )
    left = spells[(spells["ended_on"] > since) & present[spells["employee"].to_numpy()]]
    gone = pd.DataFrame(
        {
            "perf_user_id": left["employee"] + 1,
            "status": "DEACTIVATED",
            "valid_from": later(left["ended_on"].to_numpy(), 1.1),
        }
    )
    return overlay(base, [begun[~is_first], rename, gone], "perf_user_id")


def ats_users(
    rng: Rng, roster: Roster, n_incumbents: int, insiders: Array, hires: Frame, since: np.datetime64
) -> tuple[Frame, Frame]:
    """ATS logins, and the links that make hires' candidates point to them.

    Args:
        insiders: positions of incumbents who must have a login (interviewers, managers, recruiters).
        hires: employee, candidate_id, kind, started_on, for first-time hires.
        since: when the ATS was introduced.

    Returns:
        Users over time; links as candidate_id, at, linked_user_id.
    """
    frame = roster.frame
    last_end = roster.spells.drop_duplicates("employee", keep="last")["ended_on"].to_numpy()
    stays = np.isnat(last_end[:n_incumbents]) | (last_end[:n_incumbents] > since)
    others = np.flatnonzero((rng.random(n_incumbents) < OTHER_USERS_SHARE) & stays)
    old = np.union1d(insiders, others)
    known = hires[feature(hires["kind"], "has_user").astype(bool)]
    position = np.r_[old, known["employee"].to_numpy()].astype("int64")
    person = frame.iloc[position]
    typed_old = np.where(rng.random(len(old)) < NO_EMPLOYEE_ID_SHARE, "nothing", "id")
    typed = np.r_[typed_old.astype(object), feature(known["kind"], "typed")]
    first_day = later(midnight(known["started_on"].to_numpy()), rng.uniform(-3, 2, len(known)))
    words = roster.moves.drop_duplicates("employee").set_index("employee")["job_title"]
    base = pd.DataFrame(
        {
            "user_id": FIRST_USER_ID + position,
            "person_id": person["person_id"].to_numpy(),
            "employee_id": keep(
                typed != "nothing",
                np.where(typed == "id", person["employee_id"].astype(str).to_numpy(object), person["employee_number"]),
            ),
            "first_name": person["first_name"].to_numpy(),
            "last_name": person["last_name"].to_numpy(),
            "primary_email": person["work_email"].to_numpy(),
            "job_title": words.loc[position].to_numpy(),
            "deactivated": False,
            "site_admin": (position == old[-1]),
            "linked_candidate_id": np.nan,
            "valid_from": np.r_[np.full(len(old), since), first_day],
        }
    )
    linked = feature(known["kind"], "is_linked").astype(bool)
    at = later(first_day, rng.uniform(0.2, 4, len(known)))[linked]
    link = pd.DataFrame(
        {
            "user_id": FIRST_USER_ID + known["employee"].to_numpy()[linked],
            "linked_candidate_id": known["candidate_id"].to_numpy()[linked].astype(float),
            "valid_from": at,
        }
    )
    ended = last_end[position]
    gone = pd.DataFrame({"user_id": FIRST_USER_ID + position, "deactivated": True, "valid_from": later(ended, 1.2)})
    users = overlay(base, [link, gone[~np.isnat(ended)]], "user_id")
    links = pd.DataFrame(
        {
            "candidate_id": link["linked_candidate_id"].astype("int64"),
            "at": at,
            "linked_user_id": link["user_id"].astype(float),
        }
    )
    return users, links
