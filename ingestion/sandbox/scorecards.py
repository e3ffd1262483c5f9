"""Interviews, panels and scorecards as the ATS records them: drafts, late cards, later edits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ingestion.sandbox import scoring
from ingestion.sandbox.hiring import MAX_ATTRIBUTES, Process
from ingestion.sandbox.plans import DEBRIEF, FIRST_USER_ID, KIT_OFFSET, Plans
from ingestion.sandbox.records import Applications
from ingestion.sandbox.versions import NEVER, Array, Frame, Rng, later, once, stack

FIRST_INTERVIEW_ID, FIRST_SCORECARD_ID = 100_000_001, 120_000_001
EARLY_EDIT_SHARE = 0.03
LATE_EDIT_SHARE = 0.015
ADMIN_SUBMITS_SHARE = 0.02
NO_ATTRIBUTE_DECISION_SHARE = 0.04


def interview_tables(rng: Rng, applications: Applications, process: Process, plans: Plans,
                     end: np.datetime64) -> tuple[dict[str, Frame], Frame]:  # fmt: skip
    """The five tables of interviews and scorecards; and the cards with their ids and edits."""
    cards = _with_ids(rng, applications, process, plans)
    cards = _with_edits(rng, cards, process, end)
    scorecards = _scorecards(cards)
    tables = {
        "interviews": _interviews(rng, cards, plans),
        "panel": _panel(cards),
        "scorecards": scorecards,
        "scorecard_attributes": _attribute_ratings(rng, cards, plans),
        "scorecard_answers": _answers(cards, plans),
    }
    return tables, cards


def _with_ids(rng: Rng, applications: Applications, process: Process, plans: Plans) -> Frame:
    cards = process.cards
    row = cards["row"].to_numpy()
    job = applications.frame["job"].to_numpy()[applications.interviewed[row]]
    technique = cards["technique"].to_numpy()
    slot = plans.slot_id[job, technique]
    # Cards are in order of time; an interview is the pair of person and technique.
    _, first, interview = np.unique(row * 100 + technique, return_index=True, return_inverse=True)
    number = np.empty(len(first), "int64")
    number[np.argsort(first, kind="stable")] = np.arange(len(first))
    is_task = np.isnat(cards["starts_at"].to_numpy())
    entered = process.entered[row, _stage_of(plans, job, slot)]
    gap = (cards["begun_at"].to_numpy() - entered).astype("int64").astype(float) / 86_400
    scheduled = later(entered, gap * rng.uniform(0.05, 0.6, len(first))[interview])
    n = len(cards)
    submitter = np.where(
        (rng.random(n) < ADMIN_SUBMITS_SHARE) & (technique != DEBRIEF), plans.jobs["recruiter_id"].to_numpy()[job],
        cards["interviewer"],
    )  # fmt: skip
    return cards.assign(
        scorecard_id=FIRST_SCORECARD_ID + np.arange(n),
        interview_id=FIRST_INTERVIEW_ID + number[interview],
        application_id=applications.frame["application_id"].to_numpy()[applications.interviewed[row]],
        job=job,
        slot_id=slot,
        kit_id=slot + KIT_OFFSET,
        scheduled_at=scheduled,
        is_task=is_task,
        interviewer_id=cards["interviewer"] + FIRST_USER_ID,
        submitter_id=submitter + FIRST_USER_ID,
    )


def _stage_of(plans: Plans, job: Array, slot: Array) -> Array:
    slots = plans.tables["plan_slots"]
    stage_of_slot = pd.Series(slots["stage_id"].to_numpy(), index=slots["slot_id"].to_numpy())
    stage = stage_of_slot.loc[slot].to_numpy()
    number: Array = (plans.stage_id[job] == stage[:, None]).argmax(axis=1)
    return number


def _with_edits(rng: Rng, cards: Frame, process: Process, end: np.datetime64) -> Frame:
    """When a card was changed after it was handed in, and to what (hires' cards months later: upwards)."""
    submitted = cards["submitted_at"].to_numpy()
    n = len(cards)
    draw = rng.random(n)
    edited = np.where(draw < EARLY_EDIT_SHARE, later(submitted, rng.uniform(0.02, 1.0, n)), NEVER)
    is_late = (draw >= EARLY_EDIT_SHARE) & (draw < EARLY_EDIT_SHARE + LATE_EDIT_SHARE)
    edited = np.where(is_late, later(submitted, rng.uniform(45, 300, n)), edited)
    # Every half month somebody opens a card that is at least 45 days old.
    if n:
        for moment in np.arange(np.nanmin(submitted) + np.timedelta64(60, "D"), end, np.timedelta64(15, "D")):
            old = np.flatnonzero((submitted < moment - np.timedelta64(45, "D")) & np.isnat(edited))
            if len(old):
                edited[rng.choice(old[-400:])] = moment + np.timedelta64(int(rng.integers(30_000, 60_000)), "s")
    edited = np.where(np.isnat(submitted) | (cards["technique"] == DEBRIEF), NEVER, edited)
    hired = (process.outcome == "hired")[cards["row"].to_numpy()]
    step = np.where(hired | (rng.random(n) < 0.5), 1, -1)
    rating, recommendation = cards["attribute_0"].to_numpy(), cards["recommendation"].to_numpy()
    return cards.assign(
        edited_at=edited,
        edited_recommendation=np.where(recommendation < 0, 2, np.clip(recommendation + step, 0, 3)),
        edited_attribute_0=np.clip(rating + step, 0, 4),
    )


def _recommendation_text(category: Array) -> Array:
    texts: Array = np.r_[scoring.RECOMMENDATIONS, np.array(["no_decision"], dtype=object)][category]
    return texts


def _scorecards(cards: Frame) -> Frame:
    base = cards[["scorecard_id", "application_id", "interview_id", "kit_id", "interviewer_id", "submitter_id"]].assign(
        recommendation=None, status="draft", interviewed_at=cards["begun_at"], submitted_at=NEVER,
        valid_from=cards["scheduled_at"],
    )  # fmt: skip
    done = base.assign(
        recommendation=_recommendation_text(cards["recommendation"].to_numpy()), status="complete",
        submitted_at=cards["submitted_at"], valid_from=cards["submitted_at"],
    )  # fmt: skip
    changed = done.assign(
        recommendation=_recommendation_text(cards["edited_recommendation"].to_numpy()), valid_from=cards["edited_at"]
    )
    return stack([base, done[done["valid_from"].notna()], changed[changed["valid_from"].notna()]], "scorecard_id")


def _interviews(rng: Rng, cards: Frame, plans: Plans) -> Frame:
    by = cards.groupby("interview_id", sort=True)
    first = by.first()
    n = len(first)
    is_task = first["is_task"].to_numpy()
    missing = by["submitted_at"].count().to_numpy() < by.size().to_numpy()
    complete = np.where(missing, NEVER, by["submitted_at"].max().to_numpy().astype("datetime64[s]"))
    starts = np.where(is_task, NEVER, first["begun_at"].to_numpy())
    base = pd.DataFrame(
        {
            "interview_id": first.index.to_numpy(),
            "application_id": first["application_id"].to_numpy(),
            "job_id": plans.jobs["job_id"].to_numpy()[first["job"].to_numpy()],
            "slot_id": first["slot_id"].to_numpy(),
            "starts_at": starts,
            "ends_at": np.where(is_task, NEVER, first["ends_at"].to_numpy()),
            "status": np.where(is_task, "to_be_sent", "scheduled"),
            "organizer_id": np.where(rng.random(n) < 0.01, first["submitter_id"].to_numpy().astype(float), np.nan),
            "scheduled_at": first["scheduled_at"].to_numpy(),
            "valid_from": first["scheduled_at"].to_numpy(),
        }
    )
    sent = base[is_task].assign(status="sent", valid_from=first["begun_at"].to_numpy()[is_task])
    held = base.assign(
        status=np.where(is_task, "received", "awaiting_feedback"), valid_from=first["ends_at"].to_numpy()
    )
    over = base.assign(status="complete", valid_from=complete)[~np.isnat(complete)]
    return stack([base, sent, held, over], "interview_id")


def _panel(cards: Frame) -> Frame:
    base = pd.DataFrame(
        {
            "panel_id": cards["scorecard_id"] + 20_000_000,
            "interview_id": cards["interview_id"],
            "user_id": cards["interviewer_id"],
            "scorecard_id": cards["scorecard_id"],
            "response_status": "needs_action",
            "valid_from": cards["scheduled_at"],
        }
    )
    half = cards["scheduled_at"] + (cards["begun_at"] - cards["scheduled_at"]) / 3
    return stack([base, base.assign(response_status="accepted", valid_from=half.astype("datetime64[s]"))], "panel_id")


def _attribute_ratings(rng: Rng, cards: Frame, plans: Plans) -> Frame:
    """One row a rated attribute; an edit changes the first attribute."""
    texts = np.r_[scoring.ATTRIBUTE_RATINGS, np.array(["no_decision"], dtype=object)]
    kits = np.array(sorted(plans.kit_attributes))
    table = np.zeros((len(kits), MAX_ATTRIBUTES), "int64")
    for position, kit in enumerate(kits.tolist()):
        ids = plans.kit_attributes[kit]
        table[position, : len(ids)] = ids
    done = cards[cards["submitted_at"].notna()]
    attribute = table[np.searchsorted(kits, done["kit_id"].to_numpy())]
    parts: list[Frame] = []
    for column in range(MAX_ATTRIBUTES):
        rated = (done[f"attribute_{column}"] >= 0).to_numpy() & (attribute[:, column] > 0)
        rows = done[rated]
        value = rows[f"attribute_{column}"].to_numpy()
        skipped = (rng.random(len(rows)) < NO_ATTRIBUTE_DECISION_SHARE) & (rows["technique"] != DEBRIEF).to_numpy()
        part = pd.DataFrame(
            {
                "rating_id": (rows["scorecard_id"] - FIRST_SCORECARD_ID) * MAX_ATTRIBUTES + column + 200_000_001,
                "scorecard_id": rows["scorecard_id"],
                "attribute_id": attribute[rated, column],
                "rating": texts[np.where(skipped, -1, value)],
                "valid_from": rows["submitted_at"],
            }
        )
        parts.append(part)
        if column == 0:
            edited = rows["edited_at"].notna().to_numpy()
            changed = texts[rows["edited_attribute_0"].to_numpy()[edited]]
            parts.append(part[edited].assign(rating=changed, valid_from=rows["edited_at"].to_numpy()[edited]))
    return stack(parts, "rating_id")


def _answers(cards: Frame, plans: Plans) -> Frame:
    """Two answers a card: a text, and yes or no."""
    done = cards[cards["submitted_at"].notna()]
    kits = np.array(sorted(plans.kit_questions))
    position = np.searchsorted(kits, done["kit_id"].to_numpy())
    likes = (done["recommendation"] >= 2).to_numpy()
    parts = []
    for column in range(2):
        question = np.array([plans.kit_questions[kit][column][0] for kit in kits.tolist()])[position]
        is_text = column == 0
        parts.append(
            pd.DataFrame(
                {
                    "answer_id": (done["scorecard_id"] - FIRST_SCORECARD_ID) * 2 + column + 400_000_001,
                    "scorecard_id": done["scorecard_id"],
                    "question_id": question,
                    "answer": "Notes taken during the interview." if is_text else np.where(likes, "Yes", "No"),
                    "boolean_value": np.nan if is_text else likes.astype(float),
                    "valid_from": done["submitted_at"],
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True).sort_values("answer_id", ignore_index=True)
    return once(frame, frame["valid_from"].to_numpy())
