"""Recruiting marts: is everybody who applied in the data, and do their dates and stages make sense?"""

from __future__ import annotations

from expectations.checks import (
    Age,
    Check,
    Holds,
    Rows,
    Share,
    Suite,
    adds_up,
    always,
    among,
    at_most,
    between,
    volume,
)

APPLICATIONS = "marts_recruiting.fct_applications"
VISITS = "marts_recruiting.fct_stage_visits"
FUNNEL = "marts_recruiting.funnel_by_stage"

SUITE = Suite(
    name="recruiting",
    title="Recruiting",
    question="Is everybody who applied in the data, and do dates and stages make sense?",
    checks=(
        volume(APPLICATIONS),
        Check(
            id="recruiting_status_known",
            table=APPLICATIONS,
            measure=Rows(),
            expect=among("status", "in_process", "rejected", "hired"),
            severity="error",
            reason="Every rate of the funnel and every hire is counted by this status; an unknown one is lost "
            "silently.",
            next_step="Map the new status in the staging model of the connection named in the ids.",
        ),
        Check(
            id="recruiting_applied_not_in_future",
            table=APPLICATIONS,
            measure=Age("applied_at"),
            # A day of slack covers clock differences and firms that store local time as UTC.
            expect=between("age_hours", low=-24),
            severity="error",
            reason="An application from the future means a wrong time zone or clock, and all ages and cohorts are "
            "wrong.",
            next_step="Run `qoh doctor` and look at the clock skew of the connection named in the ids.",
        ),
        Check(
            id="recruiting_rejected_are_present",
            table=APPLICATIONS,
            measure=Share("status == 'hired'", among="status != 'in_process' and not is_excluded", min_n=50),
            expect=at_most(0.5),
            severity="warning",
            reason="If most decided applications are hires, rejected applicants are missing, and the range restriction "
            "of every score cannot be modelled.",
            next_step="Check the filters and permissions of the ATS connection: it must return rejected applications.",
        ),
        Check(
            id="recruiting_hires_have_a_date",
            table=APPLICATIONS,
            measure=Share("hired_at.isna()", among="status == 'hired'", min_n=10),
            expect=at_most(0.05),
            severity="warning",
            reason="A hire without an accepted offer has no hiring date, so time to hire and the link by start date "
            "miss it.",
            next_step="Check that the connection may read offers, and record offers for hires in the ATS.",
        ),
        Check(
            id="recruiting_days_to_hire_plausible",
            table=APPLICATIONS,
            measure=Share("days_to_hire < 0 or days_to_hire > 730", among="days_to_hire.notna()"),
            expect=at_most(0.02),
            severity="warning",
            reason="Hires before the application or years after it are backfilled rows and distort the time to hire.",
            next_step="Look at the hires named in the ATS; exclude imported history with the connection's start date.",
        ),
        Check(
            id="recruiting_few_excluded",
            table=APPLICATIONS,
            measure=Share("is_excluded"),
            expect=at_most(0.3),
            severity="warning",
            reason="When a third of all applications is left out, the funnel describes the exclusion rule, not the "
            "process.",
            next_step="Count exclusion_reason in fct_applications and adjust the rule that dominates.",
        ),
        Check(
            id="recruiting_job_family_known",
            table=APPLICATIONS,
            measure=Share("job_family == 'unknown'", among="not is_excluded"),
            expect=at_most(0.2),
            severity="warning",
            reason="Applications without a job family enter only the estimates over all families.",
            next_step="Set family_field of the connection in connections.toml to the field that holds the job family.",
        ),
        Check(
            id="recruiting_interviewed_have_scorecards",
            table=APPLICATIONS,
            measure=Share("n_scorecards == 0", among="n_interviews > 0 and status != 'in_process' and not is_excluded"),
            expect=at_most(0.3),
            severity="warning",
            reason="Interviewed people without any scorecard leave no score to validate, and they are not a random "
            "part.",
            next_step="Check that the connection may read scorecards, then ask recruiting how feedback is recorded.",
        ),
        Check(
            id="recruiting_rejection_side_known",
            table=APPLICATIONS,
            measure=Share("rejected_by == 'unknown'", among="status == 'rejected' and not is_excluded", min_n=50),
            expect=at_most(0.05),
            severity="warning",
            reason="Withdrawals count as rejections while it is not known who ended the application.",
            next_step="Make the rejection reason compulsory in the ATS, or map its type in staging.",
        ),
        volume(VISITS),
        Check(
            id="recruiting_stage_left_after_entered",
            table=VISITS,
            measure=Share("stage_days < 0", among="stage_days.notna()"),
            expect=at_most(0.01),
            severity="warning",
            reason="Stages left before they were entered make stage durations meaningless.",
            next_step="Compare the stamps of the visits with the ATS; report them to the vendor if they are served so.",
        ),
        Check(
            id="recruiting_stage_names_mapped",
            table=VISITS,
            measure=Share("canonical_stage.isna() or canonical_stage in ['unmapped', 'other', 'unknown']"),
            expect=at_most(0.1),
            severity="warning",
            reason="Visits of stages outside the taxonomy are missing from the funnel.",
            next_step="Add the stage names to the stage taxonomy seed.",
        ),
        adds_up(FUNNEL),
        Check(
            id="recruiting_funnel_interval_holds_rate",
            table=FUNNEL,
            measure=Holds(
                "pass_through_lo >= 0 and pass_through_lo <= pass_through_rate + 1e-9 "
                "and pass_through_rate <= pass_through_hi + 1e-9 and pass_through_hi <= 1 + 1e-9",
                where="pass_through_rate.notna()",
            ),
            expect=always(),
            severity="error",
            reason="A rate outside its own interval, or without one, claims a precision that was not computed.",
            next_step="Check the Wilson macro of the dbt project; its unit test holds the formula.",
        ),
        Check(
            id="recruiting_funnel_rate_needs_status",
            table=FUNNEL,
            measure=Rows(where="pass_through_rate.notna()"),
            expect=among("status", "ok", "low_n"),
            severity="error",
            reason="A rate that is too small or too young to estimate must not be readable as one.",
            next_step="Blank the rate in funnel_by_stage wherever the status is neither ok nor low_n.",
        ),
    ),
)
