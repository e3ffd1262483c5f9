"""Requisitions and their interview plans: stages, slots with free-text names, kits, attributes, questions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ingestion.sandbox import names
from ingestion.sandbox.sizes import Size
from ingestion.sandbox.techniques import (
    DEBRIEF_ATTRIBUTES,
    DEBRIEF_SPELLINGS,
    FAMILIES,
    FAMILY_SHARES,
    PLANS,
    STAGE_SPELLINGS,
    STAGES,
    TECHNIQUE_INDEX,
    TECHNIQUES,
    UNMAPPABLE,
    UNMAPPABLE_SHARE,
)
from ingestion.sandbox.versions import DAY, Array, Frame, Rng, at_work, later, once, stack

DEBRIEF = len(TECHNIQUES)
# user_id = FIRST_USER_ID + position; inside the model users are positions.
FIRST_USER_ID = 2_000_001


@dataclass(frozen=True)
class Plans:
    """What was planned for each requisition.

    Attributes:
        tables: jobs, stages, plan_slots, attributes, focus, questions and the small lists.
        jobs: first version of each job, in order of position; its people are user positions.
        family: family number of each job.
        stage_id: job × stage; 0 where the plan has no such stage.
        slot_id: job × technique (the last column is the debrief); 0 where not planned.
        kit_attributes: kit_id → attribute ids in order.
        kit_questions: kit_id → (question id, answer type) in order.
    """

    tables: dict[str, Frame]
    jobs: Frame
    family: Array
    stage_id: Array
    slot_id: Array
    kit_of_slot: dict[int, int]
    kit_attributes: dict[int, list[int]]
    kit_questions: dict[int, list[tuple[int, str]]]


def _job_rows(rng: Rng, size: Size, start: np.datetime64, managers: dict[int, Array], recruiters: Array) -> Frame:
    n = size.n_jobs
    family = np.concatenate(
        [np.arange(len(FAMILIES)), rng.choice(len(FAMILIES), max(n - len(FAMILIES), 0), p=FAMILY_SHARES)]
    )
    family = rng.permutation(family[:n])
    level = rng.choice(len(names.LEVELS), n, p=names.LEVEL_SHARES)
    span = size.years * 365.25
    opened = at_work(later(np.full(n, start), (np.arange(n) + rng.uniform(0, 1, n)) * (span - 20) / n), 9.5)
    closed = later(opened, rng.uniform(100, 210, n))
    hiring_manager = [int(rng.choice(managers[f])) for f in family]
    title = [names.LEVEL_PREFIX[lv] + names.FAMILY_TITLE[FAMILIES[f]] for f, lv in zip(family, level, strict=True)]
    return pd.DataFrame(
        {
            "job_id": 4_000_001 + np.arange(n),
            "requisition_id": [f"REQ-{1000 + i}" for i in range(n)],
            "name": title,
            "family": np.array(FAMILIES, dtype=object)[family],
            "level": np.array(names.LEVELS, dtype=object)[level],
            "department_id": 101 + family,
            "status": "open",
            "is_confidential": rng.random(n) < 0.02,
            "opened_at": opened,
            "closed_at": closed,
            "hiring_manager_id": hiring_manager,
            "recruiter_id": recruiters[rng.integers(0, len(recruiters), n)],
            "family_number": family,
        }
    )


def _slot_name(rng: Rng, spellings: tuple[str, ...]) -> str:
    if rng.random() < UNMAPPABLE_SHARE:
        return UNMAPPABLE[rng.integers(len(UNMAPPABLE))]
    # Firms copy plans from job to job: the first spellings are the commonest.
    return spellings[min(int(rng.exponential(1.6)), len(spellings) - 1)]


def draw_plans(rng: Rng, size: Size, start: np.datetime64, managers: dict[int, Array], recruiters: Array) -> Plans:
    """Requisitions spread over the history, each with the plan of its family.

    Args:
        managers: family number → user positions of possible hiring managers.
        recruiters: user positions of recruiters.
    """
    jobs = _job_rows(rng, size, start, managers, recruiters)
    n = len(jobs)
    stage_id, slot_id = np.zeros((n, len(STAGES)), "int64"), np.zeros((n, len(TECHNIQUES) + 1), "int64")
    stages: list[tuple[object, ...]] = []
    slots: list[tuple[object, ...]] = []
    attributes: list[tuple[object, ...]] = []
    focus: list[tuple[object, ...]] = []
    questions: list[tuple[object, ...]] = []
    kit_attributes: dict[int, list[int]] = {}
    kit_questions: dict[int, list[tuple[int, str]]] = {}
    kit_of_slot: dict[int, int] = {}
    for position, (job_id, family) in enumerate(zip(jobs["job_id"].tolist(), jobs["family"], strict=True)):
        of_name: dict[str, int] = {}
        for order, stage in enumerate(s for s in STAGES if s in PLANS[family] or s in ("application_review", "offer")):
            number = STAGES.index(stage)
            stage_id[position, number] = 5_000_001 + len(stages)
            stages.append((stage_id[position, number], job_id, rng.choice(STAGE_SPELLINGS[stage]), order, position))
            planned = [*PLANS[family].get(stage, ()), *(["debrief"] if stage == "onsite" else [])]
            for technique in planned:
                column = TECHNIQUE_INDEX.get(technique, DEBRIEF)
                spec = None if column == DEBRIEF else TECHNIQUES[column]
                slot = 6_000_001 + len(slots)
                kit = slot + 1_000_000
                slot_id[position, column], kit_of_slot[slot] = slot, kit
                name = _slot_name(rng, spec.spellings) if spec else str(rng.choice(DEBRIEF_SPELLINGS))
                how = (spec.scheduling, spec.duration) if spec else ("needs_scheduling", 30)
                stage_row = stage_id[position, number]
                slots.append((slot, job_id, stage_row, kit, name, technique, len(slots) % 20, *how, True, position))
                for name in spec.attributes if spec else DEBRIEF_ATTRIBUTES:
                    if name not in of_name:
                        of_name[name] = 9_000_001 + len(attributes)
                        attributes.append((of_name[name], job_id, name, 801 + len(of_name) % 3, len(of_name), position))
                    focus.append((9_500_001 + len(focus), kit, of_name[name], position))
                    kit_attributes.setdefault(kit, []).append(of_name[name])
                for text, kind in (("<p>Key take-aways</p>", "text"), ("<p>Would you work with them?</p>", "yes_no")):
                    question = 9_800_001 + len(questions)
                    questions.append((question, kit, text, kind, kind == "text", len(questions) % 2, position))
                    kit_questions.setdefault(kit, []).append((question, kind))

    opened = jobs["opened_at"].to_numpy()

    def frame(rows: list[tuple[object, ...]], columns: str, key: str) -> Frame:
        made = pd.DataFrame(rows, columns=[*columns.split(), "position"])
        return once(made.drop(columns="position"), opened[made["position"].to_numpy()], key)

    tables = {
        "jobs": _job_versions(jobs),
        "stages": frame(stages, "stage_id job_id name sort_order", "stage_id"),
        "plan_slots": frame(
            slots,
            "slot_id job_id stage_id kit_id name technique sort_order scheduling_type duration require_scorecard",
            "slot_id",
        ),
        "attributes": frame(attributes, "attribute_id job_id name attribute_type_id sort_order", "attribute_id"),
        "focus": frame(focus, "focus_id kit_id attribute_id", "focus_id"),
        "questions": frame(questions, "question_id kit_id question answer_type required sort_order", "question_id"),
        **_small_lists(later(np.array([start]), -400)[0]),
    }
    family_number = jobs.pop("family_number").to_numpy()
    return Plans(tables, jobs, family_number, stage_id, slot_id, kit_of_slot, kit_attributes, kit_questions)


def _job_versions(jobs: Frame) -> Frame:
    jobs = jobs.drop(columns="family_number")
    jobs = jobs.assign(**{name: jobs[name] + FIRST_USER_ID for name in ("hiring_manager_id", "recruiter_id")})
    opened = jobs.assign(valid_from=jobs["opened_at"], closed_at=np.datetime64("NaT", "s"))
    closed = jobs.assign(valid_from=jobs["closed_at"], status="closed")
    return stack([opened, closed], "job_id")


def _small_lists(since: np.datetime64) -> dict[str, Frame]:
    def frame(rows: list[tuple[object, ...]], columns: str, key: str) -> Frame:
        made = pd.DataFrame(rows, columns=columns.split())
        return once(made, np.full(len(made), since), key)

    return {
        "departments": frame(
            [(101 + i, name) for i, name in enumerate(names.DEPARTMENTS.values())],
            "department_id name",
            "department_id",
        ),
        "sources": frame(
            [(201 + i, *row) for i, row in enumerate(names.SOURCES)], "source_id name type_id type_name", "source_id"
        ),
        "rejection_reasons": frame(
            [(301 + i, *row) for i, row in enumerate(names.REJECTION_REASONS)],
            "reason_id name type_id type_key type_name",
            "reason_id",
        ),
        "close_reasons": frame(
            [(401 + i, name) for i, name in enumerate(names.CLOSE_REASONS)], "close_reason_id name", "close_reason_id"
        ),
    }


def applied_times(rng: Rng, jobs: Frame, n: int, end: np.datetime64) -> tuple[Array, Array]:
    """For what and when `n` people applied: most soon after the requisition opened, somebody every half month."""
    weight = rng.gamma(4.0, 1.0, len(jobs))
    job = rng.choice(len(jobs), n, p=weight / weight.sum())
    opened = jobs["opened_at"].to_numpy()[job]
    # Nobody applies in the last 40 days of a requisition: its interviews are under way.
    last = np.minimum(later(jobs["closed_at"].to_numpy()[job], -40.0), end)
    times: Array = later(opened, (last - opened).astype("int64") / DAY * rng.beta(1.0, 1.7, len(job)))
    first = jobs["opened_at"].to_numpy()
    steps = np.arange(first[0], end - np.timedelta64(12, "D"), np.timedelta64(15, "D"))[:n]
    times[: len(steps)] = later(steps, rng.uniform(1, 11, len(steps)))
    job[: len(steps)] = np.searchsorted(first, times[: len(steps)], side="right") - 1
    return job, times
