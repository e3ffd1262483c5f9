"""Interview techniques of the pretend company: true validity, reliability, plans, and the names firms give them."""

from __future__ import annotations

from dataclasses import dataclass

FAMILIES = ("engineering", "data", "product", "design", "sales")
FAMILY_SHARES = (0.40, 0.16, 0.12, 0.10, 0.22)


@dataclass(frozen=True)
class Technique:
    """One way of interviewing.

    Attributes:
        validity: operational validity aimed at: correlation of the scorecard recommendation, as used, with performance
            free of rater error, among everybody who got past the first review.
        reliability: share of one interviewer's impression (severity aside) that another one would repeat.
        pair_share: share of interviews with two interviewers.
        duration: minutes.
        scheduling: Greenhouse `scheduling_type`.
        attributes: what the scorecard asks about.
        spellings: names as firms write them.
    """

    id: str
    validity: float
    reliability: float
    pair_share: float
    duration: int
    scheduling: str
    attributes: tuple[str, ...]
    spellings: tuple[str, ...]


TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        "recruiter_screen", 0.10, 0.45, 0.0, 30, "needs_scheduling",
        ("Motivation", "Communication"),
        ("Recruiter Screen", "Recruiter phone screen", "Intro call", "Phone Screen - TA", "TA Screen",
         "Preliminary Phone Screen"),
    ),
    Technique(
        "manager_screen", 0.26, 0.50, 0.0, 45, "needs_scheduling",
        ("Role Fit", "Communication", "Experience"),
        ("Hiring Manager Screen", "HM Screen", "HM Interview", "Hiring Manager Interview", "Manager call",
         "hiring mgr chat (45 min)"),
    ),
    Technique(
        "work_sample", 0.33, 0.70, 0.35, 120, "take_home_test",
        ("Quality of Work", "Reasoning", "Presentation"),
        ("Take-home exercise", "Take Home Test", "Work Sample", "Homework review", "Case study",
         "Take home assignment v2"),
    ),
    Technique(
        "pair_coding", 0.38, 0.60, 0.30, 60, "needs_scheduling",
        ("Coding", "Problem Solving", "Collaboration"),
        ("Pair Programming", "Pairing session", "Live coding", "Coding interview - pair",
         "Pair-coding (60m)", "PAIRING", "Tech: pairing"),
    ),
    Technique(
        "system_design", 0.30, 0.55, 0.20, 60, "needs_scheduling",
        ("Architecture", "Trade-offs", "Problem Solving"),
        ("System Design", "Systems design interview", "Architecture interview", "Design (systems)",
         "Sys design", "System-Design 60"),
    ),
    Technique(
        "structured_behavioural", 0.42, 0.65, 0.40, 60, "needs_scheduling",
        ("Ownership", "Collaboration", "Learning"),
        ("Structured behavioral interview", "Behavioural Interview", "Behavioral - STAR",
         "Competency interview", "Values & behaviours (structured)", "BEI"),
    ),
    Technique(
        "job_knowledge", 0.36, 0.60, 0.25, 45, "needs_scheduling",
        ("Domain Knowledge", "Reasoning"),
        ("Job knowledge interview", "Domain deep dive", "Technical knowledge Q&A", "Role knowledge",
         "Domain Knowledge Interview"),
    ),
    Technique(
        "unstructured_chat", 0.19, 0.45, 0.20, 30, "needs_scheduling",
        ("Culture Add", "Communication"),
        ("Team chat", "Culture fit", "Coffee chat", "Meet the team", "Informal conversation", "Culture chat ☕"),
    ),
    Technique(
        "reference_call", 0.24, 0.45, 0.0, 30, "needs_scheduling",
        ("Past Performance", "Would Rehire"),
        ("Reference check", "Reference Call", "References", "Ref call", "Reference checks (2)"),
    ),
)  # fmt: skip

TECHNIQUE_INDEX = {technique.id: position for position, technique in enumerate(TECHNIQUES)}

# The debrief is not a technique under study: its scorecard is the decision-time score (five readings of one judgement).
DEBRIEF_ATTRIBUTES = ("Hiring Bar", "Strength of Evidence", "Fit for Role", "Impact in Team", "Room to Grow")
DEBRIEF_SPELLINGS = ("Debrief", "Hiring debrief", "Debrief / decision", "Panel debrief")

# Names that say nothing about what was done; a taxonomy cannot map them.
UNMAPPABLE = ("Session 3", "Round 2", "Final", "Loop B", "Interview #4", "60 min slot", "Onsite 2")
UNMAPPABLE_SHARE = 0.04

# Added to `validity` where a technique works better or worse for a family.
FAMILY_SHIFT: dict[tuple[str, str], float] = {
    ("work_sample", "design"): 0.06,
    ("work_sample", "product"): -0.04,
    ("pair_coding", "data"): -0.03,
    ("structured_behavioural", "sales"): 0.04,
    ("structured_behavioural", "engineering"): -0.02,
    ("job_knowledge", "sales"): -0.06,
    ("unstructured_chat", "sales"): 0.05,
}

STAGES = ("application_review", "recruiter_screen", "hiring_manager_screen", "assessment", "onsite", "offer")
STAGE_SPELLINGS: dict[str, tuple[str, ...]] = {
    "application_review": ("Application Review",),
    "recruiter_screen": ("Recruiter Screen", "Preliminary Phone Screen", "Phone Screen"),
    "hiring_manager_screen": ("Hiring Manager Screen", "HM Interview", "Hiring Manager Interview"),
    "assessment": ("Assessment", "Take Home Test", "Take-home"),
    "onsite": ("Onsite", "Face to Face", "Onsite Loop", "Virtual Onsite"),
    "offer": ("Offer",),
}

# Which techniques a family uses at which stage (the review and the offer have none).
PLANS: dict[str, dict[str, tuple[str, ...]]] = {
    "engineering": {
        "recruiter_screen": ("recruiter_screen",),
        "hiring_manager_screen": ("manager_screen",),
        "assessment": ("work_sample",),
        "onsite": ("pair_coding", "system_design", "structured_behavioural", "unstructured_chat", "reference_call"),
    },
    "data": {
        "recruiter_screen": ("recruiter_screen",),
        "hiring_manager_screen": ("manager_screen",),
        "assessment": ("work_sample",),
        "onsite": ("pair_coding", "job_knowledge", "structured_behavioural", "unstructured_chat", "reference_call"),
    },
    "product": {
        "recruiter_screen": ("recruiter_screen",),
        "hiring_manager_screen": ("manager_screen",),
        "assessment": ("work_sample",),
        "onsite": ("job_knowledge", "structured_behavioural", "unstructured_chat", "reference_call"),
    },
    "design": {
        "recruiter_screen": ("recruiter_screen",),
        "hiring_manager_screen": ("manager_screen",),
        "assessment": ("work_sample",),
        "onsite": ("structured_behavioural", "unstructured_chat", "reference_call"),
    },
    "sales": {
        "recruiter_screen": ("recruiter_screen",),
        "hiring_manager_screen": ("manager_screen",),
        "onsite": ("job_knowledge", "structured_behavioural", "unstructured_chat", "reference_call"),
    },
}


def target_validity(technique: Technique, family: str) -> float:
    """Operational validity of a technique in a family."""
    return technique.validity + FAMILY_SHIFT.get((technique.id, family), 0.0)


def family_techniques(family: str) -> tuple[str, ...]:
    """All techniques a family uses, in order of the stages."""
    return tuple(technique for stage in STAGES for technique in PLANS[family].get(stage, ()))
