"""Reviews: half-yearly cycles, manager, self and peer ratings with leniency, calibration, and all that goes missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ingestion.sandbox import names, scoring
from ingestion.sandbox.directory import Roster
from ingestion.sandbox.sizes import Options
from ingestion.sandbox.versions import NEVER, Array, Frame, Rng, later, once, stack

OVERALL, COLLABORATION, COMMENT = 1, 2, 3
MISSING_SHARE = 0.08
DECLINED_SHARE = 0.02
LATE_SHARE = 0.10
MNAR_WORST, MNAR_LOST = 0.25, 0.8
MIN_DAYS_EMPLOYED = 60
CALIBRATION_STRENGTH = 0.5
SELF_BONUS = 0.5
PEER_NOISE_SD = 1.1


@dataclass(frozen=True)
class Ratings:
    """The performance tool's tables, and each employee's leniency when rating others (position order)."""

    tables: dict[str, Frame]
    leniency: Array


def cycle_calendar(start: np.datetime64, end: np.datetime64) -> Frame:
    """Half-yearly cycles whose reviews start within the history: January and July."""
    first, last = start.astype("datetime64[Y]").astype(int) + 1970, end.astype("datetime64[Y]").astype(int) + 1970
    rows = []
    for year in range(first, last + 1):
        rows.append((f"{year - 1} H2", f"{year - 1}-07-01", f"{year - 1}-12-31", f"{year}-01-08T09:00:00"))
        rows.append((f"{year} H1", f"{year}-01-01", f"{year}-06-30", f"{year}-07-06T09:00:00"))
    columns = ["name", "period_start", "period_end", "begun"]
    made = pd.DataFrame(rows, columns=columns)
    for column in columns[1:]:
        made[column] = made[column].astype("datetime64[s]")
    made = made[(made["begun"] >= start) & (made["begun"] <= end)].reset_index(drop=True)
    begun = made["begun"].to_numpy()
    return made.assign(
        name="Performance review " + made["name"], cycle_id=1 + np.arange(len(made)),
        ended=later(begun, 25.0), calibrated=later(begun, 46.0),
    )  # fmt: skip


def rate_everybody(
    rng: Rng, options: Options, roster: Roster, start: np.datetime64, end: np.datetime64, n_peers: int = 1
) -> Ratings:
    """All cycles of the history."""
    n = len(roster.frame)
    leniency = rng.normal(0, options.leniency_sd, n)
    dyad_sd, occasion_sd = scoring.rating_error_sd(options.leniency_sd)
    dyad = rng.normal(0, dyad_sd, (n, 2))
    calendar = cycle_calendar(start, end)
    rated = []
    for cycle in calendar.to_dict("records"):
        active = _active(roster.spells, np.datetime64(cycle["begun"].to_datetime64(), "s"))
        part = _cycle_reviews(rng, options, active, leniency, dyad, occasion_sd, n_peers)
        rated.append(_times(rng, part, cycle, options).assign(cycle_id=cycle["cycle_id"]))
    if not rated:
        raise ValueError("history is shorter than one review cycle; no company was built. Use a longer history.")
    reviews = pd.concat(rated, ignore_index=True)
    return Ratings(_tables(reviews, calendar), leniency)


def _active(spells: Frame, at: np.datetime64) -> Frame:
    """Stays that count at the start of a cycle, sorted by family, with the manager of that day."""
    begun, ended = spells["started_on"].to_numpy(), spells["ended_on"].to_numpy()
    here = (begun <= at - np.timedelta64(MIN_DAYS_EMPLOYED, "D")) & (np.isnat(ended) | (ended > at))
    rows = spells[here]
    moved = (rows["transferred_on"] <= at).to_numpy()
    rows = rows.assign(
        current_manager=np.where(moved, rows["new_manager"], rows["manager"]), manager_slot=moved.astype("int64")
    )
    ordered: Frame = rows.sort_values(["family", "employee"], kind="stable", ignore_index=True)
    return ordered


def _cycle_reviews(rng: Rng, options: Options, active: Frame, leniency: Array, dyad: Array, occasion_sd: float,
                   n_peers: int) -> Frame:  # fmt: skip
    """One row a reviewee, reviewer and relation: the latent rating and what the manager should have said."""
    employee, manager = active["employee"].to_numpy(), active["current_manager"].to_numpy()
    performance = active["performance"].to_numpy()
    n = len(active)
    leaves = np.full(len(leniency), np.datetime64("2999-01-01", "s"))
    gone = active["ended_on"].notna().to_numpy()
    leaves[employee[gone]] = active["ended_on"].to_numpy()[gone]
    parts = []

    def add(relation: str, rows: Array, reviewer: Array, latent: Array, corrected: Array) -> None:
        part = {"employee": employee[rows], "reviewer": reviewer, "relation": relation, "latent": latent}
        until = np.minimum(leaves[employee[rows]], leaves[reviewer])
        parts.append(pd.DataFrame(part | {"corrected": corrected, "performance": performance[rows], "until": until}))

    led = np.flatnonzero(manager >= 0)
    latent = performance[led] + leniency[manager[led]] + dyad[employee[led], active["manager_slot"].to_numpy()[led]]
    latent = latent + rng.normal(0, occasion_sd, len(led))
    add("Manager", led, manager[led], latent, latent - CALIBRATION_STRENGTH * leniency[manager[led]])
    own = 0.6 * performance + 0.4 * scoring.RATING_CENTRE + SELF_BONUS + rng.normal(0, 0.7, n)
    add("Self", np.arange(n), employee, own, own)
    size = active.groupby("family")["employee"].transform("size").to_numpy()
    place = active.groupby("family").cumcount().to_numpy()
    for _ in range(n_peers):
        rows = np.flatnonzero((size > 2) & (rng.random(n) < 0.8))
        step = 1 + (rng.random(len(rows)) * (size[rows] - 1)).astype("int64")
        peer = employee[np.arange(n)[rows] - place[rows] + (place[rows] + step) % size[rows]]
        fits = peer != manager[rows]
        rows, peer = rows[fits], peer[fits]
        seen = performance[rows] + leniency[peer] + rng.normal(0, PEER_NOISE_SD, len(rows))
        add("Peer", rows, peer, seen, seen)
    return pd.concat(parts, ignore_index=True)


def _times(rng: Rng, part: Frame, cycle: dict[Any, Any], options: Options) -> Frame:
    """When each review was handed in: most in time, some weeks late, some never, some declined."""
    n = len(part)
    begun = np.datetime64(cycle["begun"].to_datetime64(), "s")
    in_time = rng.uniform(1, 24.5, n)
    # Most stragglers come within two months; some until the next cycle, so that every month brings a review.
    late = np.where(rng.random(n) < 0.5, rng.uniform(26, 84, n), rng.uniform(84, 180, n))
    draw = rng.random(n)
    days = np.where(draw < LATE_SHARE, late, in_time)
    submitted = later(np.full(n, begun), days)
    lost = (draw > 1 - MISSING_SHARE) | ((part["relation"] == "Peer") & (rng.random(n) < 0.15)).to_numpy()
    if options.missing_reviews == "mnar":
        managers = part["relation"] == "Manager"
        worst = part["performance"] < part.loc[managers, "performance"].quantile(MNAR_WORST)
        lost = lost | ((rng.random(n) < MNAR_LOST) & worst.to_numpy() & managers.to_numpy())
    lost = lost | (submitted >= part["until"].to_numpy())
    declined = (rng.random(n) < DECLINED_SHARE) & (part["relation"] == "Peer").to_numpy() & ~lost
    return part.assign(
        begun_at=begun,
        submitted_at=np.where(lost | declined, NEVER, submitted),
        declined_at=np.where(declined, submitted, NEVER),
        calibrated_at=np.datetime64(cycle["calibrated"].to_datetime64(), "s"),
    )


def _tables(reviews: Frame, calendar: Frame) -> dict[str, Frame]:
    pairs = reviews[["cycle_id", "employee"]].drop_duplicates(ignore_index=True)
    pairs["reviewee_id"] = 10_001 + np.arange(len(pairs))
    reviews = reviews.merge(pairs, on=["cycle_id", "employee"])
    questions = pd.DataFrame(
        names.REVIEW_QUESTIONS, columns=["body", "has_free_form_text", "scale_labels", "is_overall"]
    )
    questions.insert(0, "question_id", [OVERALL, COLLABORATION, COMMENT])
    since = np.full(len(questions), later(calendar["begun"].to_numpy()[:1], -10)[0])
    return {
        "review_cycles": _cycles(calendar),
        "reviewees": _reviewees(pairs, reviews, calendar),
        "review_questions": once(questions, since),
        "reviews": _review_rows(reviews),
    }


def _cycles(calendar: Frame) -> Frame:
    base = calendar[["cycle_id", "name", "period_start", "period_end"]].assign(
        stage="CollectingReviews", reviews_started_at=calendar["begun"], reviews_ended_at=NEVER,
        calibration_enabled=True, calibration_ended_at=NEVER, valid_from=calendar["begun"],
    )  # fmt: skip
    calibrating = base.assign(stage="Calibration", reviews_ended_at=calendar["ended"], valid_from=calendar["ended"])
    over = calibrating.assign(
        stage="Ended", calibration_ended_at=calendar["calibrated"], valid_from=calendar["calibrated"]
    )
    return stack([base, calibrating, over], "cycle_id")


def _reviewees(pairs: Frame, reviews: Frame, calendar: Frame) -> Frame:
    dates = calendar.set_index("cycle_id").loc[pairs["cycle_id"]]
    managers = reviews[(reviews["relation"] == "Manager") & reviews["submitted_at"].notna()]
    rating = pd.Series(
        scoring.rate_performance(managers["latent"].to_numpy()), index=managers["reviewee_id"].to_numpy()
    )
    base = pd.DataFrame(
        {
            "reviewee_id": pairs["reviewee_id"],
            "cycle_id": pairs["cycle_id"],
            "perf_user_id": pairs["employee"] + 1,
            "weighted_score_manual": np.nan,
            "weighted_score_auto": np.nan,
            "closed_at": NEVER,
            "responses_released_at": NEVER,
            "valid_from": dates["begun"].to_numpy(),
        }
    )
    closed = dates["calibrated"].to_numpy()
    final = base.assign(
        weighted_score_auto=rating.reindex(pairs["reviewee_id"]).to_numpy(), closed_at=closed,
        responses_released_at=closed, valid_from=closed,
    )  # fmt: skip
    return stack([base, final], "reviewee_id")


def _review_rows(reviews: Frame) -> Frame:
    """Overall for every relation; collaboration and a comment for managers."""
    managers = reviews[reviews["relation"] == "Manager"]
    asked = pd.concat(
        [
            reviews.assign(question_id=OVERALL),
            managers.assign(question_id=COLLABORATION, latent=(managers["latent"] + managers["performance"]) / 2),
            managers.assign(question_id=COMMENT),
        ],
        ignore_index=True,
    ).sort_values(["reviewee_id", "question_id", "relation", "reviewer"], kind="stable", ignore_index=True)
    rated = (asked["question_id"] != COMMENT).to_numpy()
    value = np.where(rated, scoring.rate_performance(asked["latent"].to_numpy()), np.nan)
    base = pd.DataFrame(
        {
            "review_id": 1_000_001 + np.arange(len(asked)),
            "cycle_id": asked["cycle_id"],
            "reviewee_id": asked["reviewee_id"],
            "reviewer_id": asked["reviewer"] + 1,
            "question_id": asked["question_id"],
            "review_type": asked["relation"],
            "rating": np.nan,
            "calibrated_rating": np.nan,
            "calibration_ended": False,
            "submitted_at": NEVER,
            "declined_at": NEVER,
            "response_updated_at": NEVER,
            "valid_from": asked["begun_at"],
        }
    )
    at, no, closed = (
        asked["submitted_at"].to_numpy(),
        asked["declined_at"].to_numpy(),
        asked["calibrated_at"].to_numpy(),
    )
    done = base.assign(
        rating=value, submitted_at=at, response_updated_at=at, valid_from=at, calibration_ended=at >= closed
    )
    refused = base.assign(declined_at=no, valid_from=no, calibration_ended=no >= closed)
    can_calibrate = ((asked["relation"] == "Manager") & (asked["question_id"] == OVERALL)).to_numpy() & (at < closed)
    corrected = np.where(can_calibrate, scoring.rate_performance(asked["corrected"].to_numpy()), np.nan)
    early, early_no = at < closed, no < closed
    final = base.assign(
        rating=np.where(early, value, np.nan),
        calibrated_rating=corrected,
        calibration_ended=True,
        submitted_at=np.where(early, at, NEVER),
        declined_at=np.where(early_no, no, NEVER),
        response_updated_at=np.where(can_calibrate, closed, np.where(early, at, NEVER)),
        valid_from=closed,
    )
    return stack([base, final, done[~np.isnat(at)], refused[~np.isnat(no)]], "review_id")
