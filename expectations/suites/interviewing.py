"""Interviewing marts: do scorecards come, in time, before the decision, and do they use the scale?"""

from __future__ import annotations

from expectations.checks import (
    Check,
    Drift,
    Holds,
    Rows,
    Share,
    Suite,
    SumShare,
    TopShare,
    adds_up,
    always,
    among,
    at_least,
    at_most,
    between,
    volume,
)

INTERVIEWS = "marts_interviewing.fct_interviews"
SCORECARDS = "marts_interviewing.fct_scorecards"
RATINGS = "marts_interviewing.fct_scorecard_ratings"
LOAD = "marts_interviewing.interviewer_load"
LATENCY = "marts_interviewing.scorecard_latency"
MAPPING = "marts_interviewing.technique_mapping"

INTERVIEWER = ("connection_id", "interviewer_id")

SUITE = Suite(
    name="interviewing",
    title="Interviewing",
    question="Do scorecards come, in time, before the decision, and do they use the scale?",
    checks=(
        volume(INTERVIEWS),
        Check(
            id="interviewing_status_known",
            table=INTERVIEWS,
            measure=Rows(),
            expect=among("status", "scheduled", "awaiting_feedback", "complete", "cancelled"),
            severity="error",
            reason="Held interviews are counted by this status; an unknown one is neither held nor cancelled.",
            next_step="Map the new status in the staging model of the connection named in the ids.",
        ),
        Check(
            id="interviewing_duration_plausible",
            table=INTERVIEWS,
            measure=Share(
                "ends_at <= starts_at or (ends_at - starts_at).dt.total_seconds() > 12 * 3600",
                among="starts_at.notna() and ends_at.notna()",
            ),
            expect=at_most(0.02),
            severity="warning",
            reason="Latency and load are counted from the end of the interview; impossible lengths make both wrong.",
            next_step="Correct the calendar entries named, or report the vendor's stamps.",
        ),
        Check(
            id="interviewing_held_have_a_panel",
            table=INTERVIEWS,
            measure=Share("n_interviewers == 0", among="is_held"),
            expect=at_most(0.05),
            severity="warning",
            reason="Interviews without interviewers expect no scorecard, so the submission rate looks better than it "
            "is.",
            next_step="Check that the connection may read interviewers.",
        ),
        volume(SCORECARDS),
        Check(
            id="interviewing_recommendation_on_scale",
            table=SCORECARDS,
            measure=Rows(),
            expect=between("recommendation_rank", 1, 5),
            severity="error",
            reason="Ranks outside 1–5 mean a label mapped to the wrong scale, and every score built on it is wrong.",
            next_step="Correct the label's row in the rating-scale seed.",
        ),
        Check(
            id="interviewing_recommendation_given",
            table=SCORECARDS,
            measure=Share("recommendation_rank.isna()", among="not is_draft"),
            expect=at_most(0.2),
            severity="warning",
            reason="Scorecards without a recommendation fall back to the mean of their attributes, a different "
            "measure.",
            next_step="Make the overall recommendation compulsory on the scorecard.",
        ),
        Check(
            id="interviewing_labels_mapped",
            table=SCORECARDS,
            measure=Share(
                "is_unmapped",
                among="recommendation_label.notna()",
                by=("connection_id", "recommendation_label"),
                min_n=1,
            ),
            expect=between("share", high=0.0),
            severity="error",
            reason="Scorecards with a recommendation that no scale knows are scored by their attributes alone, a "
            "different measure.",
            next_step="Add the labels named to the seed rating_scales (dbt_project/seeds/rating_scales.csv) with their "
            "rank, without one if they give no opinion.",
        ),
        Check(
            id="interviewing_few_drafts_after_decision",
            table=SCORECARDS,
            measure=Share("is_draft", among="decided_at.notna()"),
            expect=at_most(0.1),
            severity="warning",
            reason="A scorecard still in draft when the decision has fallen will never count, and those are not "
            "random ones.",
            next_step="Remind the interviewers with open drafts; see scorecard_latency for the techniques concerned.",
        ),
        Check(
            id="interviewing_scorecards_in_time",
            table=SCORECARDS,
            measure=Share("is_late", among="not is_draft and is_late.notna()"),
            expect=at_most(0.5),
            severity="warning",
            reason="Ratings written more than a day later lean on memory and on what colleagues said in between.",
            next_step="Show scorecard_latency to the interviewing teams; a reminder after the interview helps most.",
        ),
        Check(
            id="interviewing_not_before_the_interview",
            table=SCORECARDS,
            # An hour of slack: feedback is often written in the last minutes of the slot.
            measure=Share("latency_hours < -1", among="latency_hours.notna()"),
            expect=at_most(0.03),
            severity="warning",
            reason="Scorecards submitted before the interview ended point to wrong times or to ratings copied ahead.",
            next_step="Compare the interview's times with the scorecard in the ATS; a constant shift is a time zone.",
        ),
        Check(
            id="interviewing_few_edited_after_decision",
            table=SCORECARDS,
            measure=Share("is_edited_after_decision", among="not is_draft and decided_at.notna()"),
            expect=at_most(0.1),
            severity="warning",
            reason="A score changed after the decision knows the outcome; such scores predict the decision, not the "
            "work.",
            next_step="Lock scorecards at the debrief in the ATS; contaminated scores are left out of validity "
            "meanwhile.",
        ),
        Check(
            id="interviewing_few_submitted_after_decision",
            table=SCORECARDS,
            measure=Share("is_submitted_after_decision", among="not is_draft and decided_at.notna()"),
            expect=at_most(0.1),
            severity="warning",
            reason="A score written after the decision justifies it and cannot count as its predictor.",
            next_step="Hold the debrief only when all scorecards are in; contaminated scores are left out of validity.",
        ),
        Check(
            id="interviewing_few_straight_lined",
            table=SCORECARDS,
            measure=Share("is_straight_lined", among="not is_draft and n_ratings >= 3"),
            expect=at_most(0.35),
            severity="warning",
            reason="The same mark on every attribute is one judgement written several times, not several judgements.",
            next_step="Fewer attributes per interview, each with its own anchors; see interviewer training in the "
            "docs.",
        ),
        Check(
            id="interviewing_interviewers_tell_attributes_apart",
            table=SCORECARDS,
            measure=Share("is_straight_lined", among="not is_draft and n_ratings >= 3", by=INTERVIEWER, min_n=10),
            expect=at_most(0.6),
            severity="warning",
            reason="An interviewer who nearly always gives one mark throughout adds halo and no information on "
            "attributes.",
            next_step="Offer the interviewers named (tokens) a calibration exercise; never rank them by this number.",
        ),
        Check(
            id="interviewing_interviewers_use_the_scale",
            table=SCORECARDS,
            measure=TopShare("recommendation_rank", among="not is_draft", by=INTERVIEWER, min_n=15),
            expect=at_most(0.85),
            severity="warning",
            reason="An interviewer who almost always gives the same recommendation cannot predict anything.",
            next_step="Offer the interviewers named (tokens) a calibration exercise; never rank them by this number.",
        ),
        Check(
            id="interviewing_techniques_use_the_scale",
            table=SCORECARDS,
            measure=TopShare("recommendation_rank", among="not is_draft", by=("technique",), min_n=30),
            expect=at_most(0.8),
            severity="warning",
            reason="A technique whose scores hardly vary has its validity cut by its own scale, whatever it measures.",
            next_step="Give the techniques named a scale with anchors at the points that are used.",
        ),
        Check(
            id="interviewing_recommendations_stable",
            table=SCORECARDS,
            # 0.25 is the customary line for a population that has shifted (Siddiqi 2006).
            measure=Drift("recommendation_rank", at="submitted_at", among="not is_draft"),
            expect=between("psi", high=0.25),
            severity="warning",
            reason="Recommendations distributed otherwise than before mean a new form, a new scale or a new habit, and "
            "scores before and after are not one measure.",
            next_step="Ask what changed in the scorecard form; map a new scale as its own rows in the rating-scale "
            "seed.",
        ),
        Check(
            id="interviewing_scorecards_joined_to_interviews",
            table=SCORECARDS,
            measure=Share("interview_id.isna()", among="not is_draft"),
            expect=at_most(0.15),
            severity="warning",
            reason="A scorecard without its interview has no technique and no time, and drops out of both reports.",
            next_step="Check that the connection may read interviews and interviewers.",
        ),
        Check(
            id="interviewing_rating_inside_scale",
            table=RATINGS,
            measure=Rows(),
            expect=between("rating_score", 0, 1),
            severity="error",
            reason="A position outside its scale means a label mapped to the wrong scale.",
            next_step="Correct the label's row in the rating-scale seed.",
        ),
        Check(
            id="interviewing_scale_has_two_ends",
            table=RATINGS,
            measure=Holds("scale_min < scale_max"),
            expect=always(),
            severity="error",
            reason="On a scale without extent a position cannot be computed.",
            next_step="Correct the scale's minimum and maximum in the rating-scale seed.",
        ),
        Check(
            id="interviewing_load_possible",
            table=LOAD,
            measure=Rows(),
            expect=between("interview_hours", 0, 60),
            severity="warning",
            reason="More than 60 hours of interviews in a week are doubled calendar entries, not work.",
            next_step="Look for interviews that appear twice, under two connections or after a reschedule.",
        ),
        adds_up(LATENCY),
        Check(
            id="interviewing_recent_scorecards_submitted",
            table=LATENCY,
            measure=SumShare(
                "n_submitted_within_7d",
                "n_expected",
                where="job_family == 'all' and technique == 'all'",
                order="month",
                latest=3,
            ),
            # Greenhouse's own benchmark is 90 %; below 70 % the missing ones decide the result.
            expect=at_least(0.7),
            severity="warning",
            reason="Scorecards that never come are missing for a reason, and the reason is often the outcome.",
            next_step="See scorecard_latency for the techniques and months concerned and remind their interviewers.",
        ),
        Check(
            id="interviewing_techniques_mapped",
            table=MAPPING,
            measure=SumShare("n_interviews.where(~is_mapped, 0)", "n_interviews"),
            expect=at_most(0.1),
            severity="warning",
            reason="Interviews under names that no rule maps are left out of every technique's estimate.",
            next_step="Add a row to the technique seed for the names with is_mapped = false in technique_mapping.",
        ),
    ),
)
