"""Everybody on the payroll: stays, managers, promotions, transfers, departures, rehires; who can interview."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ingestion.sandbox.techniques import FAMILIES, FAMILY_SHARES
from ingestion.sandbox.versions import DAY, NEVER, Array, Frame, Rng, keep, later, midnight

FIRST_EMPLOYEE_ID = 1001
PEOPLE_FAMILY = len(FAMILIES)
TEAM_SIZE = 8
INTERVIEWER_SHARE = 0.4
RECRUITERS_PER_EMPLOYEE = 1 / 40
VOLUNTARY_A_YEAR = 0.09
INVOLUNTARY_A_YEAR = 0.035
HIRING_MANAGER_BECOMES_MANAGER = 0.30
REHIRE_SHARE = 0.02


@dataclass(frozen=True)
class Incumbents:
    """The workforce before the applicant-tracking history (positions 0 … n-1 = employee order).

    Attributes:
        frame: family (number), level (0 … 5), started_on, performance, role (head, manager, recruiter, ic), ended_on,
            end_type.
        managers: family number → positions; the head of the family comes first.
        pools: family number → positions of interviewers.
        recruiters: positions.
    """

    frame: Frame
    managers: dict[int, Array]
    pools: dict[int, Array]
    recruiters: Array


def draw_incumbents(rng: Rng, n: int, start: np.datetime64) -> Incumbents:
    """People hired over the ten years before `start`; a few of them leave during the history."""
    n_recruiters = max(2, round(n * RECRUITERS_PER_EMPLOYEE))
    family = np.r_[rng.choice(len(FAMILIES), n - n_recruiters, p=FAMILY_SHARES), np.full(n_recruiters, PEOPLE_FAMILY)]
    family[: 3 * len(FAMILIES)] = np.repeat(np.arange(len(FAMILIES)), 3)
    role = np.where(family == PEOPLE_FAMILY, "recruiter", "ic").astype(object)
    level = rng.choice(6, n, p=[0.08, 0.28, 0.34, 0.20, 0.08, 0.02])
    managers, pools = {}, {}
    for number in range(len(FAMILIES)):
        members = np.flatnonzero(family == number)
        n_managers = max(2, -(-len(members) // TEAM_SIZE))
        managers[number] = members[:n_managers]
        n_pool = max(4, round(len(members) * INTERVIEWER_SHARE))
        # Managers join the panel only where a family is too small to do without them.
        pools[number] = np.r_[rng.permutation(members[n_managers:]), members[:n_managers]][:n_pool]
        role[managers[number]] = "manager"
        role[members[0]] = "head"
        level[managers[number]] = np.maximum(level[managers[number]], 4)
    started = midnight(later(np.full(n, start), -rng.uniform(30, 3650, n)))
    frame = pd.DataFrame({"family": family, "level": level, "started_on": started, "role": role})
    frame["performance"] = rng.normal(0.5, 0.9, n)
    stays = (role != "ic") | np.isin(np.arange(n), np.concatenate(list(pools.values())))
    since = np.maximum(started, midnight(later(np.full(n, start), -300)))
    ended, end_type = draw_departures(rng, since, frame["performance"].to_numpy())
    frame["ended_on"] = np.where(stays, NEVER, ended)
    frame["end_type"] = keep(~stays, end_type)
    return Incumbents(frame, managers, pools, np.flatnonzero(family == PEOPLE_FAMILY))


def draw_departures(rng: Rng, since: Array, performance: Array) -> tuple[Array, Array]:
    """When and how people leave: resignations unrelated to performance, dismissals mostly of low performers."""
    n = len(since)
    resigns = rng.exponential(365 / VOLUNTARY_A_YEAR, n)
    dismissed = 60 + rng.exponential(1, n) * 365 / (INVOLUNTARY_A_YEAR * np.exp(-0.9 * (performance - 0.5)))
    contract = np.where(rng.random(n) < 0.02, 365.0, np.inf)
    days = np.minimum(np.minimum(resigns, dismissed), contract)
    kind = np.select([days == contract, days == dismissed], ["Other", "Involuntary"], "Voluntary").astype(object)
    gone = days < 7000
    ended = np.where(gone, midnight(later(since, np.where(gone, np.maximum(days, 21), 0))), NEVER)
    return ended, keep(gone, kind)


@dataclass(frozen=True)
class Workforce:
    """Stays and their events.

    Attributes:
        spells: one row a stay: person_id, employee (position), spell_number, family, level, started_on, ended_on,
            end_type, performance, manager (employee position, -1 none), application (its position, -1 none),
            promoted_on, transferred_on, new_manager, role.
        n_employees: number of employees; position + FIRST_EMPLOYEE_ID = employee_id.
        person_of: employee position → person_id.
    """

    spells: Frame
    n_employees: int
    person_of: Array


def choose_rehires(rng: Rng, incumbents: Incumbents, hires: Frame) -> tuple[Array, Array]:
    """Hires who are former employees: positions in `hires` and positions of the incumbents who come back."""
    ended = incumbents.frame["ended_on"].to_numpy()
    applied = hires["applied_at"].to_numpy()
    leavers = np.flatnonzero(~np.isnat(ended))
    leavers = leavers[np.argsort(ended[leavers], kind="stable")]
    late = np.flatnonzero(applied > np.sort(applied)[len(applied) // 2])
    wanted = min(max(1, round(len(hires) * REHIRE_SHARE)), len(leavers), len(late))
    chosen = rng.choice(late, wanted, replace=False)
    chosen = chosen[np.argsort(applied[chosen], kind="stable")]
    back = leavers[:wanted]
    fits = later(ended[back], 120) < applied[chosen]
    return chosen[fits], back[fits]


def build_workforce(rng: Rng, incumbents: Incumbents, incumbent_person: Array, hires: Frame,
                    rehired: tuple[Array, Array], end: np.datetime64) -> Workforce:  # fmt: skip
    """All stays, with the manager of each, promotions and transfers.

    Args:
        incumbent_person: person_id of each incumbent.
        hires: person_id, application, family, level, started_on, applied_at, performance, hiring_manager (incumbent
            position).
        rehired: positions in `hires`, positions of the incumbents they were.
    """
    n0 = len(incumbents.frame)
    order = np.argsort(hires["started_on"].to_numpy(), kind="stable")
    is_rehire = np.zeros(len(hires), bool)
    is_rehire[rehired[0]] = True
    employee = np.zeros(len(hires), "int64")
    new = order[~is_rehire[order]]
    employee[new] = n0 + np.arange(len(new))
    employee[rehired[0]] = rehired[1]
    old = incumbents.frame.assign(
        person_id=incumbent_person, employee=np.arange(n0), spell_number=1, application=-1, manager=-1
    )
    joined = hires.assign(employee=employee, spell_number=np.where(is_rehire, 2, 1), role="ic")
    joined["ended_on"], joined["end_type"] = draw_departures(
        rng, joined["started_on"].to_numpy(), joined["performance"].to_numpy()
    )
    joined["manager"] = np.where(rng.random(len(joined)) < HIRING_MANAGER_BECOMES_MANAGER, joined["hiring_manager"], -1)
    spells = pd.concat([old, joined.drop(columns=["applied_at", "hiring_manager"])], ignore_index=True)
    spells = _with_managers(rng, spells, incumbents)
    spells = _with_moves(rng, spells, incumbents, end)
    return Workforce(spells, n0 + len(new), np.r_[incumbent_person, hires["person_id"].to_numpy()[new]])


def _random_manager(rng: Rng, family: Array, incumbents: Incumbents) -> Array:
    chosen = np.full(len(family), -1)
    for number, managers in incumbents.managers.items():
        at = np.flatnonzero(family == number)
        chosen[at] = managers[rng.integers(0, len(managers), len(at))]
    at = np.flatnonzero(family == PEOPLE_FAMILY)
    chosen[at] = incumbents.recruiters[0]
    return chosen


def _with_managers(rng: Rng, spells: Frame, incumbents: Incumbents) -> Frame:
    family, role = spells["family"].to_numpy(), spells["role"].to_numpy()
    heads = np.array([incumbents.managers[number][0] for number in range(len(FAMILIES))] + [incumbents.recruiters[0]])
    manager = spells["manager"].to_numpy()
    manager = np.where(manager < 0, _random_manager(rng, family, incumbents), manager)
    manager = np.where(role == "manager", heads[family], manager)
    manager = np.where((role == "head") | (manager == spells["employee"].to_numpy()), -1, manager)
    return spells.assign(manager=manager)


def _with_moves(rng: Rng, spells: Frame, incumbents: Incumbents, end: np.datetime64) -> Frame:
    """At most one promotion and one change of manager a stay."""
    n = len(spells)
    is_ic = (spells["role"] == "ic").to_numpy()
    begun, ended = spells["started_on"].to_numpy(), spells["ended_on"].to_numpy()
    # Old stays get their moves within the history as well.
    lived = np.minimum((end - begun).astype("int64") / DAY, 1500)
    base = later(np.full(n, end), -lived)
    promoted = midnight(later(base, rng.uniform(330, 1100, n)))
    transferred = midnight(later(base, rng.uniform(150, 900, n)))
    until = np.where(np.isnat(ended), end, ended)
    promoted = np.where(is_ic & (rng.random(n) < 0.35) & (promoted < until) & (spells["level"] < 5), promoted, NEVER)
    new_manager = _random_manager(rng, spells["family"].to_numpy(), incumbents)
    moves = is_ic & (rng.random(n) < 0.35) & (transferred < until) & (new_manager != spells["manager"])
    transferred = np.where(moves & (transferred != promoted), transferred, NEVER)
    return spells.assign(promoted_on=promoted, transferred_on=transferred, new_manager=new_manager)
