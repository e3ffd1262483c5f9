"""Validity marts and estimates: is the analysable join honest, and does every estimate obey its own rules?"""

from __future__ import annotations

from expectations.checks import (
    Check,
    Holds,
    Rows,
    Share,
    Spread,
    Suite,
    SumShare,
    adds_up,
    always,
    among,
    at_least,
    at_most,
    between,
    volume,
)

SCORES = "marts_validity.fct_predictor_scores"
OUTCOMES = "marts_validity.fct_hire_outcomes"
PAIRS = "marts_validity.validity_pairs"
COVERAGE = "marts_validity.validity_coverage"
ESTIMATES = "validity.validity_estimates"

SUITE = Suite(
    name="validity",
    title="Validity",
    question="Is the analysable join honest, and does every estimate obey its own rules?",
    checks=(
        volume(SCORES),
        Check(
            id="validity_score_inside_scale",
            table=SCORES,
            measure=Rows(),
            expect=between("score", 0, 1),
            severity="error",
            reason="A score outside 0–1 was given on another scale and cannot be compared with the others.",
            next_step="Correct the scale's row in the rating-scale seed.",
        ),
        Check(
            id="validity_scores_of_rejected_kept",
            table=SCORES,
            measure=Share("is_hired", among="attribute == 'overall'", by=("technique",), min_n=50),
            expect=at_most(0.9),
            severity="warning",
            reason="Scores of hires only hide how strongly the technique selected, and the correction needs just that.",
            next_step="Check that the ATS connection returns scorecards of rejected applications.",
        ),
        Check(
            id="validity_few_contaminated_scores",
            table=SCORES,
            measure=Share("is_contaminated", among="attribute == 'overall'", by=("technique",), min_n=30),
            expect=at_most(0.15),
            severity="warning",
            reason="Scores written or edited after the decision are left out, and with many of them what is left is "
            "a part "
            "that nobody chose.",
            next_step="Hold the debrief of the techniques named only when all scorecards are in.",
        ),
        Check(
            id="validity_hires_linked",
            table=OUTCOMES,
            # Hires whose first day lies ahead cannot be in the HRIS yet.
            measure=Share("employee_id.isna()", among="tenure_days >= 30", min_n=20),
            expect=at_most(0.25),
            severity="warning",
            reason="A hire without an employee has no outcome, and unlinked hires stay shorter than linked ones.",
            next_step="Decide the open links with `qoh links review`.",
        ),
        Check(
            id="validity_tenure_not_negative",
            table=OUTCOMES,
            measure=Rows(),
            expect=between("tenure_days", low=0),
            severity="error",
            reason="A spell that ends before it starts belongs to another person or another stay.",
            next_step="Look at the link of the hires named in canonical.person_links and correct it by hand.",
        ),
        Check(
            id="validity_retention_agrees_with_tenure",
            table=OUTCOMES,
            measure=Holds("(tenure_days >= 365) == retained_1y", where="retained_1y.notna()"),
            expect=always(),
            severity="error",
            reason="Retention and tenure come from the same dates; if they disagree, one of them was joined wrongly.",
            next_step="Run `dbt build --select fct_hire_outcomes+` and look at the spells of the hires named.",
        ),
        Check(
            id="validity_few_hires_unreviewed",
            table=OUTCOMES,
            measure=Share(
                "performance_status == 'unreviewed'", among="performance_status in ['ok', 'unreviewed', 'refused']"
            ),
            expect=at_most(0.3),
            severity="warning",
            reason="Hires whose window passed without a rating are missing from every estimate, often for a reason.",
            next_step="See review_coverage for the cycles concerned and check that the connection may read them.",
        ),
        Check(
            id="validity_raters_independent",
            table=OUTCOMES,
            measure=Share("n_independent_raters < n_raters", among="n_raters > 0"),
            expect=at_most(0.2),
            severity="warning",
            reason="A manager who rates the person he chose shares his own error with the interview score, and whoever "
            "is not known to be somebody else may be that manager.",
            next_step="Read the variant independent_raters; ask for a second rater where the manager interviewed, and "
            "link the raters and interviewers who are unknown.",
        ),
        Check(
            id="validity_interviewers_linked",
            table=OUTCOMES,
            measure=Share("interviewers_linked_share < 1", among="interviewers_linked_share.notna()"),
            expect=at_most(0.1),
            severity="warning",
            reason="One interviewer without an HRIS employee suffices: any rater of that hire may be that interviewer.",
            next_step="Give the ATS users without an employee_id in validity_inputs.hire_interviewers the work e-mail "
            "or employee number that the HRIS has.",
        ),
        Check(
            id="validity_end_type_known",
            table=OUTCOMES,
            measure=Share("end_type == 'unknown'", among="ended_on.notna()"),
            expect=at_most(0.4),
            severity="warning",
            reason="Without the kind of exit, leaving for a better offer and being dismissed count alike.",
            next_step="Map the termination types of the HRIS in staging.",
        ),
        Check(
            id="validity_few_hires_excluded",
            table=OUTCOMES,
            measure=Share("is_excluded", among="employee_id.notna()"),
            expect=at_most(0.3),
            severity="warning",
            reason="Hires who already worked here were not selected by this process; many of them mean wrong links.",
            next_step="Count exclusion_reason in fct_hire_outcomes; check some of the links in person_links.",
        ),
        Check(
            id="validity_pairs_vary",
            table=PAIRS,
            measure=Spread("score", by=("technique",), min_n=25),
            expect=between("sd", low=0.02),
            severity="warning",
            reason="Where all hires have the same score no correlation can be estimated, whatever the technique is "
            "worth.",
            next_step="Give the techniques named a finer scale, or keep the scores of interviewers apart.",
        ),
        Check(
            id="validity_pairs_complete",
            table=PAIRS,
            measure=Holds("score.notna() and performance_rating_z.notna()"),
            expect=always(),
            severity="error",
            reason="A pair without score or criterion is counted as analysable and analysed as nothing.",
            next_step="Run `dbt build --select validity_pairs` and compare it with both of its parents.",
        ),
        adds_up(PAIRS),
        adds_up(COVERAGE),
        Check(
            id="validity_enough_hires_rated",
            table=COVERAGE,
            measure=SumShare("n * (step == 'rated')", "n * (step == 'tenured')", where="job_family == 'all'", min_n=20),
            expect=at_least(0.5),
            severity="warning",
            reason="When fewer than half of the hires that stayed long enough were rated, the rated half decides the "
            "answer.",
            next_step="See review_coverage for the cycles without ratings.",
        ),
        Check(
            id="validity_estimate_status_known",
            table=ESTIMATES,
            measure=Rows(),
            expect=among("status", "ok", "low_n", "not_estimable", "suppressed", "stale"),
            severity="error",
            reason="Readers hide values by status; one that they do not know is shown.",
            next_step="Run the estimates again; the estimate object of `validity` allows no other status.",
        ),
        Check(
            id="validity_estimate_value_needs_status",
            table=ESTIMATES,
            measure=Holds("value.isna() or status in ['ok', 'low_n']"),
            expect=always(),
            severity="error",
            reason="A value that was refused or withheld must not be readable.",
            next_step="Run the estimates again; the estimate object of `validity` makes no such row.",
        ),
        Check(
            id="validity_estimate_is_a_correlation",
            table=ESTIMATES,
            measure=Rows(),
            expect=between("value", -1, 1),
            severity="error",
            reason="A correlation beyond ±1 is an error of computation, or of a reliability that nobody can use.",
            next_step="Run `pytest tests/validity` and look at the technique named.",
        ),
        Check(
            id="validity_estimate_has_its_interval",
            table=ESTIMATES,
            measure=Holds("lo <= value + 1e-9 and value <= hi + 1e-9", where="value.notna()"),
            expect=always(),
            severity="error",
            reason="A number without the interval around it claims a precision that nobody computed.",
            next_step="Run `pytest tests/validity` and look at the technique named.",
        ),
        Check(
            id="validity_estimate_refusal_has_a_reason",
            table=ESTIMATES,
            measure=Holds("status == 'ok' or (reason.notna() and reason != '')"),
            expect=always(),
            severity="error",
            reason="A refusal without its reason cannot be acted on.",
            next_step="Run the estimates again; the estimate object of `validity` asks for a reason.",
        ),
    ),
)
