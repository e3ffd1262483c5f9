"""The hiring process as the ATS records it: applications, stages, offers, openings, rejections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ingestion.sandbox import hiring
from ingestion.sandbox.hiring import Process
from ingestion.sandbox.plans import FIRST_USER_ID, Plans
from ingestion.sandbox.versions import NEVER, Array, Frame, Rng, later, midnight, once, stack

FIRST_APPLICATION_ID = 40_000_001
SECOND_OFFER_SHARE = 0.12
NO_REASON_SHARE = 0.05


@dataclass(frozen=True)
class Applications:
    """All applications in order of time (position + FIRST_APPLICATION_ID = application_id).

    Attributes:
        frame: application_id, candidate_id, person_id, job (position), source_id, applied_at, rejected_at (of the first
            review; NaT for the interviewed and the forgotten).
        interviewed: positions of those who got past the first review.
    """

    frame: Frame
    interviewed: Array


def stage_visits(rng: Rng, applications: Applications, process: Process, plans: Plans) -> tuple[Frame, Array, Array]:
    """Stage visits, the first visit of every application, and visit ids of the interviewed (person × stage)."""
    frame, who = applications.frame, applications.interviewed
    n = len(frame)
    n_stages = process.entered.shape[1]
    planned = plans.stage_id[frame["job"].to_numpy()[who]] > 0
    # Ids grow with the application; the interviewed have one row a planned stage.
    n_rows = np.ones(n, "int64")
    n_rows[who] = planned.sum(axis=1)
    first = 50_000_001 + np.cumsum(n_rows) - n_rows
    visit = np.where(planned, first[who][:, None] + np.cumsum(planned, axis=1) - 1, 0)
    applied = frame["applied_at"].to_numpy()
    others = np.setdiff1d(np.arange(n), who)
    review = pd.DataFrame(
        {
            "visit_id": first[others],
            "application_id": frame["application_id"].to_numpy()[others],
            "stage_id": plans.stage_id[frame["job"].to_numpy()[others], 0],
            "entered_at": applied[others],
            "exited_at": NEVER,
            "current": True,
            "valid_from": applied[others],
        }
    )
    left = frame["rejected_at"].to_numpy()[others]
    parts = [review, review.assign(exited_at=left, valid_from=left)[~np.isnat(left)]]
    for number in range(n_stages):
        rows = np.flatnonzero(planned[:, number])
        entered, exited = process.entered[rows, number], process.exited[rows, number]
        empty = pd.DataFrame(
            {
                "visit_id": visit[rows, number],
                "application_id": frame["application_id"].to_numpy()[who[rows]],
                "stage_id": plans.stage_id[frame["job"].to_numpy()[who[rows]], number],
                "entered_at": NEVER,
                "exited_at": NEVER,
                "current": False,
                "valid_from": applied[who[rows]],
            }
        )
        stays = process.last_stage[rows] == number
        begun = empty.assign(entered_at=entered, current=True, valid_from=entered)
        over = empty.assign(entered_at=entered, exited_at=exited, current=stays, valid_from=exited)
        parts += [empty, begun[~np.isnat(entered)], over[~np.isnat(exited)]]
    return stack(parts, "visit_id"), first, visit


def application_versions(
    applications: Applications, process: Process, plans: Plans, stage_name: dict[int, str], first: Array, visit: Array
) -> Frame:
    """Applications over time: applied, at each stage, at the end."""
    frame, who = applications.frame, applications.interviewed
    applied, job = frame["applied_at"].to_numpy(), frame["job"].to_numpy()
    named = np.vectorize(lambda stage: stage_name.get(stage), otypes=[object])
    base = pd.DataFrame(
        {
            "application_id": frame["application_id"],
            "candidate_id": frame["candidate_id"],
            "job_id": plans.jobs["job_id"].to_numpy()[job],
            "source_id": frame["source_id"],
            "recruiter_id": plans.jobs["recruiter_id"].to_numpy()[job] + FIRST_USER_ID,
            "coordinator_id": np.nan,
            "status": "in_process",
            "is_prospect": False,
            "stage_visit_id": first,
            "stage_name": "Application Review",
            "applied_at": applied,
            "rejected_at": NEVER,
            "last_activity_at": applied,
            "valid_from": applied,
        }
    )
    turned_down = base.assign(status="rejected", rejected_at=frame["rejected_at"].to_numpy())
    turned_down = turned_down.assign(valid_from=turned_down["rejected_at"], last_activity_at=turned_down["rejected_at"])
    parts = [base, turned_down[turned_down["rejected_at"].notna()]]
    inner = base.iloc[who]
    for number in range(1, process.entered.shape[1]):
        rows = np.flatnonzero(~np.isnat(process.entered[:, number]))
        at = process.entered[rows, number]
        moved = inner.iloc[rows].assign(
            stage_visit_id=visit[rows, number],
            stage_name=named(plans.stage_id[job[who[rows]], number]),
            last_activity_at=at,
            valid_from=at,
        )
        parts.append(moved)
    hired = process.outcome == "hired"
    last = np.arange(len(who)), process.last_stage
    ended = inner.assign(
        status=np.where(hired, "hired", "rejected"),
        rejected_at=np.where(hired, NEVER, process.decided_at),
        stage_visit_id=visit[last],
        stage_name=named(plans.stage_id[job[who], process.last_stage]),
        last_activity_at=process.decided_at,
        valid_from=process.decided_at,
    )
    return stack([*parts, ended], "application_id")


def rejection_rows(rng: Rng, applications: Applications, process: Process, plans: Plans) -> Frame:
    """Who was turned down or turned the firm down, by whom and why."""
    frame, who = applications.frame, applications.interviewed
    at = frame["rejected_at"].to_numpy().copy()
    reason = np.where(rng.random(len(frame)) < 0.9, hiring.REVIEW_REASON, hiring.OTHER_HIRED)
    lost = process.outcome != "hired"
    at[who[lost]] = process.decided_at[lost]
    declined = rng.choice(hiring.DECLINED, len(who))
    by_outcome = np.select(
        [process.outcome == "withdrawn", process.outcome == "declined"], [hiring.WITHDREW, declined], hiring.BAR_REASON
    )
    reason[who] = by_outcome
    rows = np.flatnonzero(~np.isnat(at))
    order = rows[np.argsort(at[rows], kind="stable")]
    given = rng.random(len(order)) >= NO_REASON_SHARE
    made = pd.DataFrame(
        {
            "rejection_id": 70_000_001 + np.arange(len(order)),
            "application_id": frame["application_id"].to_numpy()[order],
            "rejected_by_id": plans.jobs["recruiter_id"].to_numpy()[frame["job"].to_numpy()[order]] + FIRST_USER_ID,
            "reason_id": np.where(given, 301.0 + reason[order], np.nan),
            "rejected_at": at[order],
        }
    )
    return once(made, at[order])


def offers_and_openings(
    rng: Rng, applications: Applications, process: Process, plans: Plans
) -> tuple[Frame, Frame, Array]:
    """Offers with their versions, openings with their hires, agreed start day of each hire (per interviewed)."""
    frame, who = applications.frame, applications.interviewed
    stage = process.entered.shape[1] - 1
    offered = np.flatnonzero(~np.isnat(process.entered[:, stage]))
    job = frame["job"].to_numpy()[who]
    created = later(process.entered[offered, stage], rng.uniform(0.05, 0.8, len(offered)))
    resolved = process.decided_at[offered]
    starts = midnight(later(resolved, rng.uniform(15, 70, len(offered))))
    starts = starts + ((7 - (starts.astype("datetime64[D]").astype("int64") + 3) % 7) % 7).astype("timedelta64[D]")
    hired = process.outcome[offered] == "hired"
    openings, opening_of = _openings(rng, plans, job, offered, hired, resolved, frame["application_id"].to_numpy()[who])
    base = pd.DataFrame(
        {
            "offer_id": 80_000_001 + 2 * np.arange(len(offered)),
            "version": 1,
            "application_id": frame["application_id"].to_numpy()[who[offered]],
            "job_id": plans.jobs["job_id"].to_numpy()[job[offered]],
            "candidate_id": frame["candidate_id"].to_numpy()[who[offered]],
            "opening_id": opening_of,
            "status": "Created",
            "starts_on": starts,
            "sent_on": NEVER,
            "resolved_at": NEVER,
            "valid_from": created,
        }
    )
    sent = later(created, rng.uniform(0.05, 0.8, len(offered)))
    again = rng.random(len(offered)) < SECOND_OFFER_SHARE
    replaced = sent + (resolved - sent) / 2
    # The first version starts earlier than agreed in the end where there was a second one.
    base["starts_on"] = np.where(again, starts - np.timedelta64(14, "D"), starts)
    sent_part = base.assign(sent_on=midnight(sent), valid_from=sent)
    deprecated = sent_part[again].assign(status="Deprecated", resolved_at=replaced[again], valid_from=replaced[again])
    second = base[again].assign(
        offer_id=base["offer_id"][again] + 1, version=2, starts_on=starts[again], sent_on=midnight(replaced[again]),
        valid_from=replaced[again],
    )  # fmt: skip
    status = np.where(hired, "Accepted", "Rejected")
    final_first = sent_part[~again].assign(
        status=status[~again], resolved_at=resolved[~again], valid_from=resolved[~again]
    )
    final_second = second.assign(status=status[again], resolved_at=resolved[again], valid_from=resolved[again])
    start_day = np.full(len(who), NEVER)
    start_day[offered[hired]] = starts[hired]
    return stack([base, sent_part, deprecated, second, final_first, final_second], "offer_id"), openings, start_day


def _openings(
    rng: Rng, plans: Plans, job: Array, offered: Array, hired: Array, resolved: Array, application_id: Array
) -> tuple[Frame, Array]:
    """One opening a hire, and one that nobody filled for a third of the requisitions."""
    taken = np.flatnonzero(hired)
    empty = np.flatnonzero(rng.random(len(plans.jobs)) < 0.33)
    seats = np.r_[job[offered[taken]], empty]
    order = np.argsort(seats, kind="stable")
    row_id = np.empty(len(seats), "int64")
    row_id[order] = 85_000_001 + np.arange(len(seats))
    opened = plans.jobs["opened_at"].to_numpy()[seats]
    closed = np.r_[resolved[taken], plans.jobs["closed_at"].to_numpy()[empty]]
    filled = np.r_[np.ones(len(taken), bool), np.zeros(len(empty), bool)]
    application = np.r_[application_id[offered[taken]].astype(float), np.full(len(empty), np.nan)]
    base = pd.DataFrame(
        {
            "opening_row_id": row_id,
            "job_id": plans.jobs["job_id"].to_numpy()[seats],
            "opening_id": [f"OP-{number - 85_000_000}" for number in row_id],
            "open": True,
            "opened_at": opened,
            "closed_at": NEVER,
            "application_id": np.nan,
            "close_reason_id": np.nan,
            "target_start_on": midnight(later(opened, 75)),
            "valid_from": opened,
        }
    )
    reason = np.where(filled, 401.0 + (rng.random(len(seats)) < 0.4), 403.0)
    final = base.assign(
        open=False, closed_at=closed, application_id=application, close_reason_id=reason, valid_from=closed
    )
    opening_of = np.full(len(offered), np.nan)
    opening_of[taken] = row_id[: len(taken)]
    return stack([base, final], "opening_row_id"), opening_of
