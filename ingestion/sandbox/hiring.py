"""The hiring process: who is seen by whom and when, what they write, who goes on, who is offered a job.

Selection after every stage is on the mean of the scores seen so far (a stage hurdle), the offer on the debrief score,
which may hold information from outside the scorecards. The first review is unrelated to anybody's ability, so
"everybody who got past it" is the population in which a technique's validity is defined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ingestion.sandbox import scoring
from ingestion.sandbox.plans import DEBRIEF, Plans
from ingestion.sandbox.sizes import Options, Size
from ingestion.sandbox.techniques import FAMILIES, PLANS, STAGES, TECHNIQUE_INDEX, TECHNIQUES
from ingestion.sandbox.versions import NEVER, Array, Frame, Rng, at_work, later

WITHDRAW_SHARE = 0.03
ACCEPT_SHARE = 0.88
NO_DECISION_SHARE = 0.025
NEVER_SUBMITTED_SHARE = 0.04
HIDDEN_WEIGHT = 0.5
DEBRIEF_NOISE_SD = 0.45
HURDLE_WEIGHTS = {"recruiter_screen": 0.25, "hiring_manager_screen": 0.25, "assessment": 0.15, "onsite": 0.35}
MAX_ATTRIBUTES = 5

# Reasons in names.REJECTION_REASONS.
REVIEW_REASON, OTHER_HIRED, BAR_REASON, WITHDREW, DECLINED = 0, 1, 2, 3, (4, 5)


@dataclass(frozen=True)
class Interviewers:
    """People who interview: measurement parameters by ATS user position, pools by family number.

    Attributes:
        severity, spread, halo: one value a user position.
        pools, managers: family number → user positions.
        recruiters: user positions.
    """

    severity: Array
    spread: Array
    halo: Array
    pools: dict[int, Array]
    managers: dict[int, Array]
    recruiters: Array


@dataclass(frozen=True)
class Process:
    """What happened to everybody who got past the first review (rows: people m; columns: stages).

    Attributes:
        entered, exited: m × stages.
        outcome: per person `rejected`, `withdrawn`, `declined` or `hired`.
        decided_at: rejection, withdrawal or acceptance.
        decision_at: when the debrief decided (NaT for those who did not get so far).
        last_stage: stage number somebody was in at the end.
        true_scores, performance, hidden: latents.
        cards: one row a scorecard.
    """

    entered: Array
    exited: Array
    outcome: Array
    decided_at: Array
    decision_at: Array
    last_stage: Array
    true_scores: Array
    performance: Array
    hidden: Array
    cards: Frame


def draw_interviewers(rng: Rng, n_users: int, options: Options, pools: dict[int, Array], managers: dict[int, Array],
                      recruiters: Array) -> Interviewers:  # fmt: skip
    """Severity, spread and halo of every possible interviewer."""
    low, high = scoring.HALO_RANGE
    return Interviewers(
        rng.normal(0, options.severity_sd, n_users),
        np.exp(rng.normal(0, scoring.SPREAD_SD, n_users)),
        rng.uniform(low, high, n_users),
        pools,
        managers,
        recruiters,
    )


def offer_rate(size: Size) -> float:
    """Share of the people interviewed who are offered a job, withdrawals aside."""
    return min(size.n_hires / ACCEPT_SHARE / size.n_interviewed / (1 - WITHDRAW_SHARE) ** 4, 0.95)


def stage_share(family: str, stage: str, rate: float) -> float:
    """Share of a stage's people who go on, so that all its family's stages together leave `rate`."""
    weights = {name: weight for name, weight in HURDLE_WEIGHTS.items() if name in PLANS[family]}
    return float(rate ** (weights.get(stage, 0.0) / sum(weights.values())))


def best_of(rng: Rng, score: Array, share: float) -> Array:
    """Positions of the best share; equal scores are told apart by lot.

    Whatever else told them apart would be information that nobody recorded.
    """
    order: Array = np.lexsort((rng.random(len(score)), -score))
    return order[: round(share * len(score))]


def standardised(score: Array) -> Array:
    """Mean 0 and standard deviation 1 among these people."""
    result: Array = (score - score.mean()) / (score.std() or 1.0)
    return result


def judgement(known: Array, hidden: Array, information: str) -> tuple[Array, Array]:
    """What the debrief decides on, and what it writes down, from the mean of the scores and what else is known."""
    scores = standardised(known)
    decision = scores + (0.0 if information == "none" else HIDDEN_WEIGHT) * hidden
    return decision, standardised(decision if information == "recorded" else scores)


def debrief_ratings(rng: Rng, written: Array) -> Array:
    """Categories 0 … 4 of the debrief's attributes: five readings of one judgement."""
    noise = rng.normal(0, DEBRIEF_NOISE_SD, (len(written), MAX_ATTRIBUTES))
    ratings: Array = np.digitize(written[:, None] + noise, scoring.ATTRIBUTE_CUTS)
    return ratings


class _Run:
    """One pass through the stages; arrays over the m interviewed people."""

    def __init__(self, rng: Rng, size: Size, options: Options, plans: Plans, who: Interviewers, job: Array) -> None:
        self.rng, self.options, self.plans, self.who, self.job = rng, options, plans, who, job
        self.family = plans.family[job]
        m = len(job)
        self.performance, self.hidden = np.zeros(m), np.zeros(m)
        self.true = np.zeros((m, len(TECHNIQUES)))
        for number, family in enumerate(FAMILIES):
            rows = np.flatnonzero(self.family == number)
            drawn = scoring.draw_latents(rng, len(rows), family, options.severity_sd)
            self.performance[rows], self.hidden[rows], self.true[rows] = drawn
        self.shared = rng.normal(size=m)
        self.score_sum, self.n_scores = np.zeros(m), np.zeros(m)
        self.entered = np.full((m, len(STAGES)), NEVER)
        self.exited = np.full((m, len(STAGES)), NEVER)
        self.cards: list[Frame] = []
        self.offer_rate = offer_rate(size)

    def raters(self, technique: int, rows: Array) -> Array:
        """A first interviewer for each row (user positions)."""
        rng, name = self.rng, TECHNIQUES[technique].id
        recruiter = self.plans.jobs["recruiter_id"].to_numpy()[self.job[rows]]
        if name in ("recruiter_screen", "reference_call"):
            other = self.who.recruiters[rng.integers(0, len(self.who.recruiters), len(rows))]
            return np.where(rng.random(len(rows)) < 0.8, recruiter, other)
        pools = self.who.managers if name == "manager_screen" else self.who.pools
        chosen = self.from_pool(pools, rows)
        if name == "manager_screen":
            hiring_manager = self.plans.jobs["hiring_manager_id"].to_numpy()[self.job[rows]]
            chosen = np.where(rng.random(len(rows)) < 0.45, hiring_manager, chosen)
        return chosen

    def from_pool(self, pools: dict[int, Array], rows: Array) -> Array:
        chosen = np.zeros(len(rows), "int64")
        for number in range(len(FAMILIES)):
            at = np.flatnonzero(self.family[rows] == number)
            # Some interview much more than others.
            chosen[at] = pools[number][(len(pools[number]) * self.rng.beta(1, 1.6, len(at))).astype("int64")]
        return chosen

    def interview(self, technique: int, rows: Array, day: Array, order: int) -> Array:
        """Hold one technique's interviews: adds cards and scores, returns when each was over."""
        rng, spec = self.rng, TECHNIQUES[technique]
        is_task = spec.scheduling == "take_home_test"
        starts = later(day, order * 1.25 / 24)
        ends = later(starts, rng.uniform(3, 8, len(rows)) if is_task else spec.duration / 1440)
        first = self.raters(technique, rows)
        second = self.from_pool(self.who.pools, rows)
        paired = (rng.random(len(rows)) < spec.pair_share) & (second != first)
        total, n_cards = np.zeros(len(rows)), np.zeros(len(rows))
        for rater, seen in ((first, np.ones(len(rows), bool)), (second, paired)):
            at = np.flatnonzero(seen)
            user, true = rater[at], self.true[rows[at], technique]
            impression = scoring.impressions(
                true, spec.reliability, self.shared[rows[at]], self.who.severity[user], self.who.spread[user],
                rng.normal(size=len(at)),
            )  # fmt: skip
            ratings = np.full((len(at), MAX_ATTRIBUTES), -1)
            for column in range(len(spec.attributes)):
                noise = rng.normal(size=len(at))
                ratings[:, column] = scoring.rate_attribute(impression, true, self.who.halo[user], noise)
            recommendation = scoring.recommend(impression)
            total[at] += scoring.RECOMMENDATION_RANKS[recommendation]
            n_cards[at] += 1
            self.add_cards(technique, rows[at], user, starts[at], ends[at], recommendation, ratings, is_task)
        self.add_scores(rows, total / n_cards)
        return ends

    def add_cards(self, technique: int, rows: Array, user: Array, starts: Array, ends: Array, recommendation: Array,
                  ratings: Array, is_task: bool) -> None:  # fmt: skip
        rng, n = self.rng, len(rows)
        is_debrief = technique == DEBRIEF
        latency = (
            np.minimum(np.exp(rng.normal(np.log(5.0), 1.5, n)), 24 * 25) if not is_debrief else rng.uniform(0.05, 1, n)
        )
        never = (rng.random(n) < NEVER_SUBMITTED_SHARE) & (not is_debrief)
        undecided = (rng.random(n) < NO_DECISION_SHARE) & (not is_debrief)
        card = {
            "row": rows,
            "technique": np.full(n, technique),
            "interviewer": user,
            "starts_at": np.where(is_task, NEVER, starts),
            "begun_at": starts,
            "ends_at": ends,
            "submitted_at": np.where(never, NEVER, later(ends, latency / 24)),
            "recommendation": np.where(undecided, -1, recommendation),
        }
        card |= {f"attribute_{column}": ratings[:, column] for column in range(MAX_ATTRIBUTES)}
        self.cards.append(pd.DataFrame(card))

    def add_scores(self, rows: Array, score: Array) -> None:
        """Add a technique's score, standardised within the family, to what is known about each person."""
        for number in range(len(FAMILIES)):
            at = np.flatnonzero(self.family[rows] == number)
            if len(at):
                self.score_sum[rows[at]] += standardised(score[at])
                self.n_scores[rows[at]] += 1

    def best(self, rows: Array, score: Array, stage: str) -> Array:
        """Which of `rows` go on: the best share within each family."""
        passed = np.zeros(len(rows), dtype=bool)
        for number, family in enumerate(FAMILIES):
            at = np.flatnonzero(self.family[rows] == number)
            passed[at[best_of(self.rng, score[at], stage_share(family, stage, self.offer_rate))]] = True
        return passed

    def debrief(self, rows: Array, day: Array) -> tuple[Array, Array]:
        """Decision score of each row and when the debrief ended; its scorecard is written by the hiring manager."""
        rng = self.rng
        known = self.score_sum[rows] / self.n_scores[rows]
        decision, written = judgement(known, self.hidden[rows], self.options.hidden_information)
        starts = at_work(later(day, 1.0), rng.uniform(9, 16, len(rows)))
        ends = later(starts, 30 / 1440)
        ratings = debrief_ratings(rng, written)
        manager = self.plans.jobs["hiring_manager_id"].to_numpy()[self.job[rows]]
        self.add_cards(DEBRIEF, rows, manager, starts, ends, scoring.recommend(written), ratings, False)
        return decision, ends


def run_process(rng: Rng, size: Size, options: Options, plans: Plans, who: Interviewers, job: Array,
                applied_at: Array) -> Process:  # fmt: skip
    """Take everybody who got past the first review through interviews, debrief and offer.

    Args:
        job: position of each person's requisition.
        applied_at: when each applied.
    """
    run = _Run(rng, size, options, plans, who, job)
    m = len(job)
    outcome = np.full(m, "rejected", dtype=object)
    decided_at, decision_at = np.full(m, NEVER), np.full(m, NEVER)
    last_stage = np.zeros(m, "int64")
    alive = np.ones(m, dtype=bool)
    now = later(applied_at, rng.uniform(0.5, 9, m))
    run.entered[:, 0], run.exited[:, 0] = applied_at, now
    for number, stage in enumerate(STAGES[1:-1], start=1):
        rows = np.flatnonzero(alive & (plans.stage_id[job, number] > 0))
        run.entered[rows, number], last_stage[rows] = now[rows], number
        day = at_work(later(now[rows], rng.uniform(1.5, 9, len(rows))), 9.0)
        done = day.copy()
        planned = plans.slot_id[job[rows]][:, : len(TECHNIQUES)] > 0
        for order, technique in enumerate(_techniques_of(stage)):
            at = np.flatnonzero(planned[:, technique])
            done[at] = np.maximum(done[at], run.interview(technique, rows[at], day[at], order % 6))
        score = run.score_sum[rows] / np.maximum(run.n_scores[rows], 1)
        if stage == "onsite":
            score, done = run.debrief(rows, done)
        exit_at = later(done, rng.uniform(0.1, 1.2, len(rows)) if stage == "onsite" else rng.uniform(0.5, 3, len(rows)))
        withdrew = (rng.random(len(rows)) < WITHDRAW_SHARE) & (stage != "onsite")
        goes_on = run.best(rows, score, stage) & ~withdrew
        run.exited[rows, number] = exit_at
        now[rows] = exit_at
        outcome[rows[withdrew]] = "withdrawn"
        decided_at[rows[~goes_on]] = exit_at[~goes_on]
        if stage == "onsite":
            decision_at[rows] = exit_at
        alive[rows[~goes_on]] = False
    offered = np.flatnonzero(alive)
    last = len(STAGES) - 1
    run.entered[offered, last], last_stage[offered] = now[offered], last
    resolved = later(now[offered], rng.uniform(3, 12, len(offered)))
    accepted = rng.random(len(offered)) < ACCEPT_SHARE
    run.exited[offered, last], decided_at[offered] = resolved, resolved
    outcome[offered] = np.where(accepted, "hired", "declined")
    cards = pd.concat(run.cards, ignore_index=True).sort_values(["begun_at", "row"], kind="stable", ignore_index=True)
    return Process(
        run.entered,
        run.exited,
        outcome,
        decided_at,
        decision_at,
        last_stage,
        run.true,
        run.performance,
        run.hidden,
        cards,
    )


def _techniques_of(stage: str) -> list[int]:
    names = {technique for plan in PLANS.values() for technique in plan.get(stage, ())}
    return sorted(TECHNIQUE_INDEX[name] for name in names)
