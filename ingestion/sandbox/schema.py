"""The neutral, versioned tables of the sandbox company, written down as data.

The model (`company.py` and its helpers) fills exactly these tables; the faces (one file a vendor) translate them into
wire formats and read nothing else. Every table also has `created_at`, `valid_from` and `valid_to` (UTC; NaT = open): a
version is visible at T when `valid_from <= T < valid_to`. A key without a visible version after an earlier one was hard
deleted. A vendor's `updated_at` is the version's `valid_from`, its `created_at` the first version's `valid_from`.

Types: `id` int64 (nullable Int64 where a `?` follows), `text` (pandas str, missing = NaN), `bool`, `int`, `float`,
`time` (UTC timestamp, NaT when empty), `day` (naive midnight timestamp, NaT when empty).
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """One neutral table: its key, its columns (name, type, meaning) and the tables its rows cannot outlive."""

    name: str
    key: str
    description: str
    columns: tuple[tuple[str, str, str], ...]
    parents: tuple[tuple[str, str], ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """All columns in order, the bookkeeping ones last."""
        return (*(name for name, _, _ in self.columns), "created_at", "valid_from", "valid_to")


def lattice_uuid(kind: str, number: int) -> str:
    """The UUID a performance vendor would show for row `number` of `kind` ("user", "review", "question" …)."""
    return str(uuid.UUID(bytes=hashlib.md5(f"{kind}:{number}".encode(), usedforsecurity=False).digest(), version=4))


PEOPLE = (
    Table(
        "people",
        "person_id",
        "One per human being, applicants and employees alike. Nobody serves it: candidates and employees are views.",
        (
            ("person_id", "id", ""),
            ("first_name", "text", "legal first name"),
            ("last_name", "text", "last name at birth of the record (a later marriage shows in employees only)"),
            ("preferred_name", "text", "name used at work, if another"),
            ("personal_email", "text", ""),
            ("gender", "text", "EEO wording; never correlated with scores"),
            ("race", "text", ""),
            ("veteran", "text", ""),
            ("disability", "text", ""),
        ),
    ),
    Table(
        "candidates",
        "candidate_id",
        "One per ATS candidate. Anonymised: names and e-mails None, row stays. Private: is_private true.",
        (
            ("candidate_id", "id", ""),
            ("person_id", "id", "truth; never served"),
            ("first_name", "text", "None when anonymised"),
            ("last_name", "text", "None when anonymised"),
            ("preferred_name", "text", ""),
            ("email", "text", "personal e-mail; None when anonymised"),
            ("alt_email", "text", "second e-mail, or None"),
            ("is_private", "bool", ""),
            (
                "linked_user_id",
                "id?",
                "ATS user this candidate became, where somebody linked it (face: list of 0 or 1)",
            ),
            ("last_activity_at", "time", ""),
        ),
    ),
    Table(
        "eeoc",
        "eeoc_id",
        "One per application whose candidate answered the EEO form; a refused answer is its own wording.",
        (
            ("eeoc_id", "id", ""),
            ("application_id", "id", ""),
            ("candidate_id", "id", ""),
            ("gender", "text", "description or None"),
            ("race", "text", "description or None"),
            ("veteran", "text", "description or None"),
            ("disability", "text", "description or None"),
            ("submitted_at", "time", ""),
        ),
        (("application_id", "applications"), ("candidate_id", "candidates")),
    ),
)

PLAN = (
    Table("departments", "department_id", "", (("department_id", "id", ""), ("name", "text", ""))),
    Table(
        "sources",
        "source_id",
        "",
        (
            ("source_id", "id", ""),
            ("name", "text", ""),
            ("type_id", "id", ""),
            ("type_name", "text", "sourcing strategy"),
        ),
    ),
    Table(
        "rejection_reasons",
        "reason_id",
        "",
        (
            ("reason_id", "id", ""),
            ("name", "text", ""),
            ("type_id", "id", ""),
            ("type_key", "text", "WE_REJECTED_THEM, THEY_REJECTED_US, NONE_SPECIFIED"),
            ("type_name", "text", ""),
        ),
    ),
    Table("close_reasons", "close_reason_id", "", (("close_reason_id", "id", ""), ("name", "text", ""))),
    Table(
        "jobs",
        "job_id",
        "One per requisition.",
        (
            ("job_id", "id", ""),
            ("requisition_id", "text", ""),
            ("name", "text", ""),
            ("family", "text", "engineering, data, product, design, sales"),
            ("level", "text", "L1 … L6"),
            ("department_id", "id", ""),
            ("status", "text", "open, draft, closed"),
            ("is_confidential", "bool", ""),
            ("opened_at", "time", ""),
            ("closed_at", "time", "NaT while open"),
            ("hiring_manager_id", "id", "ATS user"),
            ("recruiter_id", "id", "ATS user"),
        ),
    ),
    Table(
        "stages",
        "stage_id",
        "One per job and stage; Application Review has sort_order 0, Offer is last.",
        (
            ("stage_id", "id", ""),
            ("job_id", "id", ""),
            ("name", "text", "as the firm writes it"),
            ("sort_order", "int", ""),
        ),
        (("job_id", "jobs"),),
    ),
    Table(
        "plan_slots",
        "slot_id",
        "One per planned interview of a job (Greenhouse job_interviews). kit_id is its interview kit (1:1).",
        (
            ("slot_id", "id", ""),
            ("job_id", "id", ""),
            ("stage_id", "id", ""),
            ("kit_id", "id", "interview_kits.id"),
            ("name", "text", "free text, many spellings, some that say nothing"),
            ("technique", "text", "truth; never served ('debrief' for the decision-time score)"),
            ("sort_order", "int", ""),
            ("scheduling_type", "text", "needs_scheduling, take_home_test, none"),
            ("duration", "int", "minutes"),
            ("require_scorecard", "bool", ""),
        ),
        (("job_id", "jobs"),),
    ),
    Table(
        "attributes",
        "attribute_id",
        "One per job and scorecard attribute (job_candidate_attributes).",
        (
            ("attribute_id", "id", ""),
            ("job_id", "id", ""),
            ("name", "text", ""),
            ("attribute_type_id", "id", ""),
            ("sort_order", "int", ""),
        ),
        (("job_id", "jobs"),),
    ),
    Table(
        "focus",
        "focus_id",
        "Which attributes an interview kit asks about (focus_candidate_attributes).",
        (("focus_id", "id", ""), ("kit_id", "id", ""), ("attribute_id", "id", "")),
        (("attribute_id", "attributes"),),
    ),
    Table(
        "questions",
        "question_id",
        "Questions of an interview kit (scorecard_questions).",
        (
            ("question_id", "id", ""),
            ("kit_id", "id", ""),
            ("question", "text", "HTML"),
            ("answer_type", "text", "text or yes_no"),
            ("required", "bool", ""),
            ("sort_order", "int", ""),
        ),
    ),
)

ATS = (
    Table(
        "ats_users",
        "user_id",
        "One per ATS login: recruiters, interviewers, managers, some hires.",
        (
            ("user_id", "id", ""),
            ("person_id", "id", "truth; never served"),
            ("employee_id", "text", "HRIS id as the firm typed it, often None, sometimes the employee number instead"),
            ("first_name", "text", ""),
            ("last_name", "text", ""),
            ("primary_email", "text", "work e-mail"),
            ("job_title", "text", ""),
            ("deactivated", "bool", ""),
            ("site_admin", "bool", ""),
            ("linked_candidate_id", "id?", "mirror of candidates.linked_user_id"),
        ),
    ),
    Table(
        "applications",
        "application_id",
        "One per candidate and job.",
        (
            ("application_id", "id", ""),
            ("candidate_id", "id", ""),
            ("job_id", "id", ""),
            ("source_id", "id", ""),
            ("recruiter_id", "id", "ATS user"),
            ("coordinator_id", "id?", "ATS user"),
            ("status", "text", "in_process, rejected, hired"),
            ("is_prospect", "bool", ""),
            ("stage_visit_id", "id", "current stage_visits row (Greenhouse stage_id)"),
            ("stage_name", "text", "current stage"),
            ("applied_at", "time", ""),
            ("rejected_at", "time", ""),
            ("last_activity_at", "time", ""),
        ),
        (("candidate_id", "candidates"), ("job_id", "jobs")),
    ),
    Table(
        "stage_visits",
        "visit_id",
        "One per application and stage. For people who got past the review every stage of the job has a row "
        "(scaffolding, entered_at NaT until they arrive).",
        (
            ("visit_id", "id", ""),
            ("application_id", "id", ""),
            ("stage_id", "id", ""),
            ("entered_at", "time", ""),
            ("exited_at", "time", ""),
            ("current", "bool", ""),
        ),
        (("application_id", "applications"), ("stage_id", "stages")),
    ),
    Table(
        "interviews",
        "interview_id",
        "One per scheduled interview.",
        (
            ("interview_id", "id", ""),
            ("application_id", "id", ""),
            ("job_id", "id", ""),
            ("slot_id", "id", ""),
            ("starts_at", "time", "NaT for take-homes"),
            ("ends_at", "time", "NaT for take-homes"),
            ("status", "text", "scheduled, awaiting_feedback, complete, skipped, to_be_sent, sent, received"),
            ("organizer_id", "id?", "ATS user, nearly always empty"),
            ("scheduled_at", "time", ""),
        ),
        (("application_id", "applications"), ("slot_id", "plan_slots")),
    ),
    Table(
        "panel",
        "panel_id",
        "One per interview and interviewer (Greenhouse interviewers).",
        (
            ("panel_id", "id", ""),
            ("interview_id", "id", ""),
            ("user_id", "id", ""),
            ("scorecard_id", "id", "placeholder 1:1"),
            ("response_status", "text", "needs_action, tentative, accepted"),
        ),
        (("interview_id", "interviews"), ("scorecard_id", "scorecards"), ("user_id", "ats_users")),
    ),
    Table(
        "scorecards",
        "scorecard_id",
        "One per interview and interviewer; a draft from the moment the interview is scheduled.",
        (
            ("scorecard_id", "id", ""),
            ("application_id", "id", ""),
            ("interview_id", "id", "truth of the model; Greenhouse shows it only through the panel"),
            ("kit_id", "id", ""),
            ("interviewer_id", "id", "ATS user"),
            ("submitter_id", "id", "ATS user; differs when an admin typed it in"),
            ("recommendation", "text", "strong_no, no, yes, strong_yes, no_decision; None while draft"),
            ("status", "text", "draft, complete"),
            ("interviewed_at", "time", ""),
            ("submitted_at", "time", "NaT while draft; stays when the card is edited later"),
        ),
        (("application_id", "applications"), ("interview_id", "interviews"), ("interviewer_id", "ats_users")),
    ),
    Table(
        "scorecard_attributes",
        "rating_id",
        "One per complete scorecard and focus attribute.",
        (
            ("rating_id", "id", ""),
            ("scorecard_id", "id", ""),
            ("attribute_id", "id", ""),
            ("rating", "text", "definitely_not, no, mixed, yes, strong_yes, no_decision"),
        ),
        (("scorecard_id", "scorecards"), ("attribute_id", "attributes")),
    ),
    Table(
        "scorecard_answers",
        "answer_id",
        "One per complete scorecard and question.",
        (
            ("answer_id", "id", ""),
            ("scorecard_id", "id", ""),
            ("question_id", "id", ""),
            ("answer", "text", "free text, or Yes/No"),
            ("boolean_value", "bool?", "yes_no questions only, else None"),
        ),
        (("scorecard_id", "scorecards"), ("question_id", "questions")),
    ),
    Table(
        "offers",
        "offer_id",
        "One per application and offer version.",
        (
            ("offer_id", "id", ""),
            ("version", "int", ""),
            ("application_id", "id", ""),
            ("job_id", "id", ""),
            ("candidate_id", "id", ""),
            ("opening_id", "id?", "openings.opening_row_id"),
            ("status", "text", "Created, Accepted, Rejected, Deprecated"),
            ("starts_on", "day", ""),
            ("sent_on", "day", ""),
            ("resolved_at", "time", ""),
        ),
        (("application_id", "applications"),),
    ),
    Table(
        "openings",
        "opening_row_id",
        "One per seat of a requisition.",
        (
            ("opening_row_id", "id", ""),
            ("job_id", "id", ""),
            ("opening_id", "text", "the firm's own number"),
            ("open", "bool", ""),
            ("opened_at", "time", ""),
            ("closed_at", "time", ""),
            ("application_id", "id?", "the hire"),
            ("close_reason_id", "id?", ""),
            ("target_start_on", "day", ""),
        ),
        (("job_id", "jobs"),),
    ),
    Table(
        "rejections",
        "rejection_id",
        "One per rejected application (rejection_details).",
        (
            ("rejection_id", "id", ""),
            ("application_id", "id", ""),
            ("rejected_by_id", "id", "ATS user"),
            ("reason_id", "id?", "None when nobody gave one"),
            ("rejected_at", "time", ""),
        ),
        (("application_id", "applications"),),
    ),
)

HRIS = (
    Table(
        "employees",
        "employee_id",
        "One per employee; a rehire keeps the id. Leavers: manager, department, level are blank (vendor trap).",
        (
            ("employee_id", "id", ""),
            ("person_id", "id", "truth; never served"),
            ("employee_number", "text", "the firm's own number"),
            ("first_name", "text", "HRIS view of the name"),
            ("last_name", "text", "changes after some marriages"),
            ("preferred_name", "text", ""),
            ("work_email", "text", "changes with the name"),
            ("home_email", "text", "personal e-mail known to HR; may differ from the candidate's or be None"),
            ("hire_date", "day", "start of the current or last stay"),
            ("original_hire_date", "day", "start of the first stay"),
            ("termination_date", "day", "NaT while employed"),
            ("status", "text", "Active, Inactive"),
            ("employment_status", "text", "Full-Time, Part-Time, Contractor, Terminated"),
            ("department", "text", ""),
            ("division", "text", ""),
            ("location", "text", ""),
            ("job_title", "text", ""),
            ("job_level", "text", ""),
            ("job_family", "text", ""),
            ("manager_employee_id", "id?", ""),
        ),
    ),
    Table(
        "job_info",
        "row_id",
        "History of jobs: a row at each start, promotion and transfer.",
        (
            ("row_id", "id", ""),
            ("employee_id", "id", ""),
            ("date", "day", ""),
            ("department", "text", ""),
            ("division", "text", ""),
            ("location", "text", ""),
            ("job_title", "text", ""),
            ("job_level", "text", ""),
            ("job_family", "text", ""),
            ("manager_employee_id", "id?", "reports to"),
            ("change_type", "text", "hire, promotion, transfer, rehire: truth, served in files only"),
        ),
        (("employee_id", "employees"),),
    ),
    Table(
        "employment_status",
        "row_id",
        "History of employment: a row at each start and end.",
        (
            ("row_id", "id", ""),
            ("employee_id", "id", ""),
            ("date", "day", ""),
            ("employment_status", "text", "Full-Time, Part-Time, Contractor, Terminated"),
            ("termination_type", "text", "Voluntary, Involuntary, Other; None for starts"),
            ("termination_reason", "text", ""),
        ),
        (("employee_id", "employees"),),
    ),
)

PERFORMANCE = (
    Table(
        "perf_users",
        "perf_user_id",
        "One per person in the performance tool. Ids become UUIDs by `lattice_uuid('user', perf_user_id)`.",
        (
            ("perf_user_id", "id", ""),
            ("employee_id", "id", "truth; the HRIS employee"),
            ("external_user_id", "text", "HRIS employee id, sometimes None"),
            ("name", "text", ""),
            ("preferred_name", "text", ""),
            ("email", "text", "work e-mail"),
            ("title", "text", ""),
            ("status", "text", "ACTIVE, DEACTIVATED"),
            ("is_admin", "bool", ""),
            ("manager_id", "id?", "perf_users"),
            ("start_date", "day", ""),
        ),
    ),
    Table(
        "review_cycles",
        "cycle_id",
        "Half-yearly review cycles.",
        (
            ("cycle_id", "id", ""),
            ("name", "text", ""),
            ("stage", "text", "CollectingReviews, Calibration, Ended"),
            ("period_start", "day", "first day of the half year"),
            ("period_end", "day", "last day of the half year"),
            ("reviews_started_at", "time", ""),
            ("reviews_ended_at", "time", "NaT until then"),
            ("calibration_enabled", "bool", ""),
            ("calibration_ended_at", "time", "NaT until then"),
        ),
    ),
    Table(
        "reviewees",
        "reviewee_id",
        "One per cycle and person reviewed.",
        (
            ("reviewee_id", "id", ""),
            ("cycle_id", "id", ""),
            ("perf_user_id", "id", ""),
            ("weighted_score_manual", "float", ""),
            ("weighted_score_auto", "float", ""),
            ("closed_at", "time", ""),
            ("responses_released_at", "time", ""),
        ),
        (("cycle_id", "review_cycles"), ("perf_user_id", "perf_users")),
    ),
    Table(
        "review_questions",
        "question_id",
        "Questions with their scale; empty scale_labels = comment only.",
        (
            ("question_id", "id", ""),
            ("body", "text", ""),
            ("has_free_form_text", "bool", ""),
            ("scale_labels", "text", "'|' joined, low to high, values 1 … k; empty when not rated"),
            ("is_overall", "bool", "truth; never served"),
        ),
    ),
    Table(
        "reviews",
        "review_id",
        "One per reviewee, reviewer and question.",
        (
            ("review_id", "id", ""),
            ("cycle_id", "id", ""),
            ("reviewee_id", "id", ""),
            ("reviewer_id", "id", "perf_users"),
            ("question_id", "id", ""),
            ("review_type", "text", "Manager, Self, Peer"),
            ("rating", "float", "1 … 5, NaN until submitted and for comment questions"),
            ("calibrated_rating", "float", "NaN until calibration ended, and where nothing was calibrated"),
            ("calibration_ended", "bool", ""),
            ("submitted_at", "time", "NaT until submitted"),
            ("declined_at", "time", ""),
            ("response_updated_at", "time", ""),
        ),
        (
            ("cycle_id", "review_cycles"),
            ("reviewee_id", "reviewees"),
            ("reviewer_id", "perf_users"),
            ("question_id", "review_questions"),
        ),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in (*PEOPLE, *PLAN, *ATS, *HRIS, *PERFORMANCE)}
