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


COLUMNS = {
    "stages": "stage_id job_id name sort_order",
    "plan_slots": "slot_id job_id stage_id kit_id name technique sort_order scheduling_type duration require_scorecard",
    "attributes": "attribute_id job_id name attribute_type_id sort_order",
    "focus": "focus_id kit_id attribute_id",
    "questions": "question_id kit_id question answer_type required sort_order",
}
FIRST_ID = {
    "stages": 5_000_001,
    "plan_slots": 6_000_001,
    "attributes": 9_000_001,
    "focus": 9_500_001,
    "questions": 9_800_001,
}
KIT_OFFSET = 1_000_000
QUESTIONS = (("<p>Key take-aways</p>", "text"), ("<p>Would you work with them?</p>", "yes_no"))


class _PlanWriter:
    """Writes the plan of one requisition after the other."""

    def __init__(self, rng: Rng, n_jobs: int) -> None:
        self.rng = rng
        self.rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in COLUMNS}
        self.position_of: dict[str, list[int]] = {name: [] for name in COLUMNS}
        self.stage_id = np.zeros((n_jobs, len(STAGES)), "int64")
        self.slot_id = np.zeros((n_jobs, len(TECHNIQUES) + 1), "int64")
        self.kit_attributes: dict[int, list[int]] = {}
        self.kit_questions: dict[int, list[tuple[int, str]]] = {}

    def add(self, table: str, position: int, *values: object) -> int:
        """Add a row under the next id of its table and return the id."""
        number = FIRST_ID[table] + len(self.rows[table])
        self.rows[table].append((number, *values))
        self.position_of[table].append(position)
        return number

    def job(self, position: int, job_id: int, family: str) -> None:
        """All stages of one requisition with their slots."""
        attribute_of: dict[str, int] = {}
        planned = [stage for stage in STAGES if stage in PLANS[family] or stage in ("application_review", "offer")]
        for order, stage in enumerate(planned):
            number = STAGES.index(stage)
            spelling = str(self.rng.choice(STAGE_SPELLINGS[stage]))
            stage_id = self.add("stages", position, job_id, spelling, order)
            self.stage_id[position, number] = stage_id
            for slot_order, technique in enumerate([*PLANS[family].get(stage, ()), *["debrief"] * (stage == "onsite")]):
                kit = self.slot(position, job_id, stage_id, slot_order, technique)
                self.card_form(position, job_id, kit, technique, attribute_of)

    def slot(self, position: int, job_id: int, stage_id: int, order: int, technique: str) -> int:
        """One planned interview; returns its kit."""
        column = TECHNIQUE_INDEX.get(technique, DEBRIEF)
        spec = None if column == DEBRIEF else TECHNIQUES[column]
        name = _slot_name(self.rng, spec.spellings) if spec else str(self.rng.choice(DEBRIEF_SPELLINGS))
        how = (spec.scheduling, spec.duration) if spec else ("needs_scheduling", 30)
        kit = FIRST_ID["plan_slots"] + len(self.rows["plan_slots"]) + KIT_OFFSET
        slot = self.add("plan_slots", position, job_id, stage_id, kit, name, technique, order, *how, True)
        self.slot_id[position, column] = slot
        return kit

    def card_form(self, position: int, job_id: int, kit: int, technique: str, attribute_of: dict[str, int]) -> None:
        """Attributes and questions on a kit's scorecard; kits of a job share attributes of the same name."""
        column = TECHNIQUE_INDEX.get(technique, DEBRIEF)
        for name in DEBRIEF_ATTRIBUTES if column == DEBRIEF else TECHNIQUES[column].attributes:
            if name not in attribute_of:
                order = len(attribute_of)
                attribute_of[name] = self.add("attributes", position, job_id, name, 801 + order % 3, order)
            self.add("focus", position, kit, attribute_of[name])
            self.kit_attributes.setdefault(kit, []).append(attribute_of[name])
        for order, (text, kind) in enumerate(QUESTIONS):
            question = self.add("questions", position, kit, text, kind, kind == "text", order)
            self.kit_questions.setdefault(kit, []).append((question, kind))

    def frame(self, table: str, opened: Array) -> Frame:
        """A table's rows, visible since their requisition opened."""
        made = pd.DataFrame(self.rows[table], columns=COLUMNS[table].split())
        return once(made, opened[np.array(self.position_of[table])])


def draw_plans(rng: Rng, size: Size, start: np.datetime64, managers: dict[int, Array], recruiters: Array) -> Plans:
    """Requisitions spread over the history, each with the plan of its family.

    Args:
        managers: family number → user positions of possible hiring managers.
        recruiters: user positions of recruiters.
    """
    jobs = _job_rows(rng, size, start, managers, recruiters)
    writer = _PlanWriter(rng, len(jobs))
    for position, (job_id, family) in enumerate(zip(jobs["job_id"].tolist(), jobs["family"], strict=True)):
        writer.job(position, job_id, family)
    tables = {name: writer.frame(name, jobs["opened_at"].to_numpy()) for name in COLUMNS}
    tables |= {"jobs": _job_versions(jobs), **_small_lists(later(np.array([start]), -400)[0])}
    family_number = jobs.pop("family_number").to_numpy()
    return Plans(
        tables, jobs, family_number, writer.stage_id, writer.slot_id, writer.kit_attributes, writer.kit_questions
    )


def _job_versions(jobs: Frame) -> Frame:
    jobs = jobs.drop(columns="family_number")
    jobs = jobs.assign(**{name: jobs[name] + FIRST_USER_ID for name in ("hiring_manager_id", "recruiter_id")})
    opened = jobs.assign(valid_from=jobs["opened_at"], closed_at=np.datetime64("NaT", "s"))
    closed = jobs.assign(valid_from=jobs["closed_at"], status="closed")
    return stack([opened, closed], "job_id")


def _small_lists(since: np.datetime64) -> dict[str, Frame]:
    """Departments, sources and reasons, as they were long before the history begins."""
    lists: dict[str, tuple[int, str, list[tuple[object, ...]]]] = {
        "departments": (101, "department_id name", [(name,) for name in names.DEPARTMENTS.values()]),
        "sources": (201, "source_id name type_id type_name", list(names.SOURCES)),
        "rejection_reasons": (301, "reason_id name type_id type_key type_name", list(names.REJECTION_REASONS)),
        "close_reasons": (401, "close_reason_id name", [(name,) for name in names.CLOSE_REASONS]),
    }
    return {
        table: once(
            pd.DataFrame([(first + i, *row) for i, row in enumerate(rows)], columns=columns.split()),
            np.full(len(rows), since),
        )
        for table, (first, columns, rows) in lists.items()
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
