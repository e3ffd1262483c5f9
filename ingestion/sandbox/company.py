"""A pretend company with known truth: one call builds every neutral table for a seed, a size and an end of history.

    company = build_company(seed=7, size="demo", history_end=date(2026, 11, 23))
    company.tables["applications"]          # versioned rows, see schema.py
    company.counts(as_of)                   # visible rows a table
    company.write_truth(Path("truth.json"))

Nothing here reads the machine's clock: the same arguments give the same company.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ingestion.sandbox import directory, hiring, links, performance, records, scorecards, truth, workforce
from ingestion.sandbox.names import LEVELS, SOURCE_SHARES
from ingestion.sandbox.people import FIRST_CANDIDATE_ID, candidate_versions, draw_people, eeoc_rows
from ingestion.sandbox.plans import FIRST_USER_ID, Plans, applied_times, draw_plans
from ingestion.sandbox.records import FIRST_APPLICATION_ID, Applications
from ingestion.sandbox.schema import TABLES
from ingestion.sandbox.sizes import Options, Size, size_named
from ingestion.sandbox.techniques import FAMILIES
from ingestion.sandbox.versions import NEVER, Array, Frame, Rng, end_at, finish, later, once, rng_for

REPEAT_SHARE = 0.07
STALE_SHARE = 0.02
DELETED_SHARE = 0.006
ANONYMISED_SHARE = 0.02


@dataclass
class Company:
    """The pretend company.

    Attributes:
        tables: neutral tables by name, as `schema.TABLES` declares them.
        hires: one row a hire visible at the end of history: application, candidate, employee, link kind, performance.
        severity: ATS user id → severity; leniency: employee id → leniency.
    """

    seed: int
    size: Size
    history_start: date
    history_end: date
    options: Options
    tables: dict[str, Frame]
    hires: Frame = field(repr=False)
    severity: dict[int, float] = field(repr=False)
    leniency: dict[int, float] = field(repr=False)

    def visible(self, table: str, as_of: date | pd.Timestamp) -> Frame:
        """Rows of `table` as they look at `as_of` (a date counts as its midnight, UTC)."""
        return truth.visible(self.tables[table], _moment(as_of))

    def counts(self, as_of: date | pd.Timestamp) -> dict[str, int]:
        """Visible rows of every table."""
        return truth.counts(self.tables, _moment(as_of))

    def changes(self, since: date | pd.Timestamp, until: date | pd.Timestamp) -> dict[str, dict[str, list[int]]]:
        """Ids created, edited and deleted in `(since, until]`, by table."""
        return truth.changes(self.tables, _moment(since), _moment(until))

    @cached_property
    def truth(self) -> dict[str, Any]:
        """Everything that is really so; computed on first use."""
        process = (self.options.severity_sd, self.options.hidden_information, hiring.offer_rate(self.size))
        return {
            "seed": self.seed,
            "size": self.size.name,
            "history_start": self.history_start.isoformat(),
            "history_end": self.history_end.isoformat(),
            "options": vars(self.options),
            "operational_validity": truth.operational_validity(self.options.severity_sd),
            "operational_validity_at_stage": truth.operational_validity_at_stage(*process),
            "manager_rating_reliability": truth.manager_rating_reliability(*process, self.options.leniency_sd),
            "link_kinds": {kind.name: kind.rung for kind in (*links.LINK_KINDS, links.REHIRE_KIND)},
            "links": self.hires.to_dict("records"),
            "interviewer_severity": self.severity,
            "manager_leniency": self.leniency,
        }

    def write_truth(self, path: Path) -> None:
        """Write the truth as JSON."""
        path.write_text(json.dumps(self.truth, default=truth.as_json), encoding="utf-8")


def build_company(seed: int, size: str, history_end: date, options: Options | None = None) -> Company:
    """Build the company.

    Args:
        seed: any integer; the same seed, size and end give the same company.
        size: `tiny`, `demo`, `S`, `M`, `L` or `XL`.
        history_end: last day of the timeline; the sandbox clock stands before it.
        options: defects to switch on.

    Raises:
        ValueError: unknown size.
    """
    return _Builder(seed, size_named(size), history_end, options or Options()).build()


def _moment(value: date | pd.Timestamp) -> pd.Timestamp:
    stamp = pd.Timestamp(value)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


class _Builder:
    """Runs the areas in order; each has its own random stream."""

    def __init__(self, seed: int, size: Size, history_end: date, options: Options) -> None:
        self.seed, self.size, self.options, self.history_end = seed, size, options, history_end
        self.end = np.datetime64(history_end, "s") + np.timedelta64(86_399, "s")
        self.start: np.datetime64 = np.datetime64(history_end, "s") - np.timedelta64(round(size.years * 365.25), "D")
        self.tables: dict[str, Frame] = {}

    def rng(self, area: str) -> Rng:
        return rng_for(self.seed, area)

    def build(self) -> Company:
        incumbents = workforce.draw_incumbents(self.rng("incumbents"), self.size.n_incumbents, self.start)
        made = draw_plans(self.rng("plans"), self.size, self.start, incumbents.managers, incumbents.recruiters)
        people = draw_people(self.rng("people"), self.size.n_applications + self.size.n_incumbents)
        who = hiring.draw_interviewers(
            self.rng("interviewers"), self.size.n_incumbents, self.options, incumbents.pools, incumbents.managers,
            incumbents.recruiters,
        )  # fmt: skip
        frame, interviewed = self.draw_applications(made)
        process = hiring.run_process(
            self.rng("process"), self.size, self.options, made, who, frame["job"].to_numpy()[interviewed],
            frame["applied_at"].to_numpy()[interviewed],
        )  # fmt: skip
        applications = Applications(frame, interviewed)
        offers, openings, start_day = records.offers_and_openings(self.rng("offers"), applications, process, made)
        hires = self.draw_hires(frame, interviewed, made, process, start_day)
        rehired = workforce.choose_rehires(self.rng("rehires"), incumbents, hires)
        incumbent_person = self.size.n_applications + 1 + np.arange(self.size.n_incumbents)
        hires.loc[rehired[0], "person_id"] = incumbent_person[rehired[1]]
        frame.loc[hires["application"].to_numpy(), "person_id"] = hires["person_id"].to_numpy()
        self.name_candidates(frame)
        offers["candidate_id"] = frame["candidate_id"].to_numpy()[
            offers["application_id"].to_numpy() - FIRST_APPLICATION_ID
        ]
        staff = workforce.build_workforce(
            self.rng("workforce"), incumbents, incumbent_person,
            hires.drop(columns=["kind", "shift_days", "agreed_on"]), rehired, self.end,
        )  # fmt: skip
        hires["employee"] = (
            staff.spells[staff.spells["application"] >= 0]
            .set_index("application")["employee"]
            .loc[hires["application"]]
        ).to_numpy()
        hires["candidate_id"] = frame["candidate_id"].to_numpy()[hires["application"].to_numpy()]
        hires["is_rehire"] = np.isin(np.arange(len(hires)), rehired[0])
        new = hires[~hires["is_rehire"]]
        roster = directory.build_roster(self.rng("roster"), staff, people, new)
        self.tables |= made.tables | {"offers": offers, "openings": openings}
        self.tables |= directory.employee_tables(self.rng("hris"), roster)
        since = later(np.array([self.start]), -60)[0]
        self.tables["perf_users"] = directory.perf_users(self.rng("perf users"), roster, since)
        insiders = np.concatenate([*incumbents.pools.values(), *incumbents.managers.values(), incumbents.recruiters])
        self.tables["ats_users"], linked = directory.ats_users(
            self.rng("ats users"), roster, self.size.n_incumbents, insiders, new, later(np.array([self.start]), -30)[0]
        )
        ratings = performance.rate_everybody(self.rng("reviews"), self.options, roster, self.start, self.end)
        self.tables |= ratings.tables
        self.record_hiring(applications, process, made, people, linked, new)
        leniency = {
            int(workforce.FIRST_EMPLOYEE_ID + position): float(ratings.leniency[position])
            for position in np.concatenate([*incumbents.managers.values(), incumbents.recruiters[:1]])
        }
        severity = {FIRST_USER_ID + position: float(value) for position, value in enumerate(who.severity)}
        tables = {name: finish(TABLES[name], self.tables[name], self.end) for name in TABLES}
        users = set(tables["scorecards"]["interviewer_id"].tolist())
        return Company(
            self.seed,
            self.size,
            pd.Timestamp(self.start).date(),
            self.history_end,
            self.options,
            tables,
            self.hire_truth(hires, frame),
            {user: value for user, value in severity.items() if user in users},
            leniency,
        )

    def draw_applications(self, made: Plans) -> tuple[Frame, Array]:
        """Who applied for what and when; who got past the first review; when the others heard."""
        rng, n = self.rng("applications"), self.size.n_applications
        job, applied = applied_times(rng, made.jobs, n, self.end)
        order = np.argsort(applied, kind="stable")
        job, applied = job[order], applied[order]
        interviewed = np.sort(rng.permutation(n)[: self.size.n_interviewed])
        reviewed = np.ones(n, bool)
        reviewed[interviewed] = False
        person = np.arange(1, n + 1)
        again = np.flatnonzero(reviewed & (rng.random(n) < REPEAT_SHARE))
        person[again] = person[rng.choice(np.flatnonzero(reviewed), len(again))]
        heard = np.where(reviewed & (rng.random(n) >= STALE_SHARE), later(applied, rng.uniform(0.5, 16, n)), NEVER)
        frame = pd.DataFrame(
            {
                "application_id": FIRST_APPLICATION_ID + np.arange(n),
                "candidate_id": np.zeros(n, "int64"),
                "person_id": person,
                "job": job,
                "source_id": 201 + rng.choice(len(SOURCE_SHARES), n, p=SOURCE_SHARES),
                "applied_at": applied,
                "rejected_at": heard,
            }
        )
        return frame, interviewed

    def draw_hires(
        self, frame: Frame, interviewed: Array, made: Plans, process: hiring.Process, start_day: Array
    ) -> Frame:
        """One row a hire whose start the HRIS will know before history ends."""
        rows = np.flatnonzero(process.outcome == "hired")
        drawn = links.draw_links(self.rng("links"), len(rows))
        started = start_day[rows] + drawn["shift_days"].to_numpy().astype("timedelta64[D]")
        application = interviewed[rows]
        job = frame["job"].to_numpy()[application]
        hires = pd.DataFrame(
            {
                "application": application,
                "person_id": frame["person_id"].to_numpy()[application],
                "family": made.family[job],
                "level": [LEVELS.index(level) for level in made.jobs["level"].to_numpy()[job]],
                "started_on": started,
                "agreed_on": start_day[rows],
                "applied_at": frame["applied_at"].to_numpy()[application],
                "performance": process.performance[rows],
                "hiring_manager": made.jobs["hiring_manager_id"].to_numpy()[job],
                "kind": drawn["kind"].to_numpy(),
                "shift_days": drawn["shift_days"].to_numpy(),
            }
        )
        known = later(started, -7) <= self.end
        return hires[known].reset_index(drop=True)

    def name_candidates(self, frame: Frame) -> None:
        """Candidate ids in order of first application; one a person."""
        code, _ = pd.factorize(frame["person_id"])
        frame["candidate_id"] = FIRST_CANDIDATE_ID + code

    def record_hiring(self, applications: Applications, process: hiring.Process, made: Plans, people: Frame,
                      linked: Frame, new: Frame) -> None:  # fmt: skip
        """Fill the ATS tables, then let deleted candidates take everything of theirs along."""
        frame = applications.frame
        visits, first, visit = records.stage_visits(self.rng("visits"), applications, process, made)
        stage_name = dict(zip(made.tables["stages"]["stage_id"].tolist(), made.tables["stages"]["name"], strict=True))
        self.tables["stage_visits"] = visits
        self.tables["applications"] = records.application_versions(
            applications, process, made, stage_name, first, visit
        )
        self.tables["rejections"] = records.rejection_rows(self.rng("rejections"), applications, process, made)
        interviews, cards = scorecards.interview_tables(self.rng("cards"), applications, process, made, self.end)
        self.tables |= interviews
        self.tables["eeoc"] = eeoc_rows(self.rng("eeoc"), people, frame)
        deleted, anonymised = self.draw_forgotten(applications, new)
        first_applied = frame.drop_duplicates("candidate_id")[["candidate_id", "person_id", "applied_at"]]
        decided = frame["rejected_at"].to_numpy().copy()
        decided[applications.interviewed] = process.decided_at
        touched = pd.DataFrame({"candidate_id": frame["candidate_id"], "at": decided}).dropna()
        again = frame[frame["candidate_id"].duplicated()][["candidate_id", "applied_at"]].rename(
            columns={"applied_at": "at"}
        )
        self.tables["candidates"] = candidate_versions(
            self.rng("candidates"), people, first_applied.rename(columns={"applied_at": "created_at"}),
            pd.concat([touched, again], ignore_index=True), anonymised, linked,
            new.loc[links.feature(new["kind"], "home_email") == "alt", "candidate_id"].to_numpy(),
        )  # fmt: skip
        self.delete_with_children(deleted, frame, cards)
        used = np.union1d(frame["person_id"].to_numpy(), people["person_id"].to_numpy()[self.size.n_applications :])
        kept = people.iloc[used - 1]
        self.tables["people"] = once(kept, np.full(len(kept), np.datetime64("1990-01-01", "s")))

    def draw_forgotten(self, applications: Applications, new: Frame) -> tuple[Frame, Frame]:
        """Candidates deleted for good (every month at least one) and candidates made anonymous; never hires."""
        rng, frame = self.rng("forgotten"), applications.frame
        rejections = self.tables["rejections"]
        at = np.full(len(frame), NEVER)
        at[rejections["application_id"].to_numpy() - FIRST_APPLICATION_ID] = rejections["rejected_at"].to_numpy()
        lone = ~frame["candidate_id"].duplicated(keep=False).to_numpy() & ~np.isnat(at)
        lone &= ~np.isin(np.arange(len(frame)), new["application"].to_numpy())
        was_seen = np.isin(np.arange(len(frame)), applications.interviewed)
        gone = np.full(len(frame), NEVER)
        drawn = lone & (rng.random(len(frame)) < DELETED_SHARE)
        gone[drawn] = later(at[drawn], rng.uniform(31, 500, drawn.sum()))
        moments = np.arange(self.start + np.timedelta64(75, "D"), self.end, np.timedelta64(15, "D"))
        noon = later(moments, rng.uniform(0.4, 0.7, len(moments)))
        known = later(moments, -30.0)
        for number in range(len(moments)):
            pool = np.flatnonzero(lone & np.isnat(gone) & (at < known[number]) & (was_seen == (number % 4 == 0)))
            if len(pool):
                gone[rng.choice(pool)] = noon[number]
        blank = lone & np.isnat(gone) & (rng.random(len(frame)) < ANONYMISED_SHARE)
        blank_at = later(at[blank], rng.uniform(180, 700, blank.sum()))
        ids = frame["candidate_id"].to_numpy()
        removed = ~np.isnat(gone)
        return (
            pd.DataFrame({"candidate_id": ids[removed], "at": gone[removed]}),
            pd.DataFrame({"candidate_id": ids[blank], "at": blank_at}),
        )

    def delete_with_children(self, deleted: Frame, frame: Frame, cards: Frame) -> None:
        """A deleted candidate's applications, visits, interviews, cards, offers and answers end at the same moment."""
        by_candidate = pd.Series(deleted["at"].to_numpy(), index=deleted["candidate_id"].to_numpy())
        ends = by_candidate.reindex(frame["candidate_id"].to_numpy()).to_numpy().astype("datetime64[s]")
        of_card = ends[cards["application_id"].to_numpy() - FIRST_APPLICATION_ID]
        for name, table in self.tables.items():
            columns = {column for column, _, _ in TABLES[name].columns}
            rows = table
            if name == "candidates":
                moment = by_candidate.reindex(rows["candidate_id"].to_numpy()).to_numpy().astype("datetime64[s]")
            elif "application_id" in columns and name != "openings":
                moment = ends[rows["application_id"].to_numpy().astype("int64") - FIRST_APPLICATION_ID]
            elif "scorecard_id" in columns:
                moment = of_card[rows["scorecard_id"].to_numpy() - scorecards.FIRST_SCORECARD_ID]
            else:
                continue
            self.tables[name] = end_at(rows, moment)

    def hire_truth(self, hires: Frame, frame: Frame) -> Frame:
        """The true link of every hire and what it takes to find it."""
        kind = [
            links.REHIRE_KIND if again else links.LINK_KINDS[number]
            for number, again in zip(hires["kind"], hires["is_rehire"], strict=True)
        ]
        return pd.DataFrame(
            {
                "application_id": frame["application_id"].to_numpy()[hires["application"].to_numpy()],
                "candidate_id": hires["candidate_id"],
                "employee_id": workforce.FIRST_EMPLOYEE_ID + hires["employee"],
                "kind": [k.name for k in kind],
                "rung": [k.rung for k in kind],
                "agreed_on": hires["agreed_on"].astype(str),
                "started_on": hires["started_on"].astype(str),
                "job_family": np.array(FAMILIES, dtype=object)[hires["family"].to_numpy()],
                "performance": hires["performance"],
            }
        )
