"""Performance marts: is everybody rated, by a known rater, on a known scale, with differences between people?"""

from __future__ import annotations

from expectations.checks import (
    Age,
    Check,
    Holds,
    Rows,
    Share,
    Spread,
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

REVIEWS = "marts_performance.fct_reviews"
RATINGS = "marts_performance.fct_performance_ratings"
SCORES = "marts_performance.fct_performance_scores"
COVERAGE = "marts_performance.review_coverage"

SUITE = Suite(
    name="performance",
    title="Performance",
    question="Is everybody rated, by a known rater, on a known scale, with differences between people?",
    checks=(
        volume(REVIEWS),
        Check(
            id="performance_relation_known",
            table=REVIEWS,
            measure=Rows(),
            expect=among("relation", "manager", "self", "peer", "upward", "other"),
            severity="error",
            reason="Only manager ratings are the criterion; a relation that nobody mapped is dropped from it silently.",
            next_step="Map the relation in the staging model of the connection named in the ids.",
        ),
        Check(
            id="performance_rating_inside_scale",
            table=REVIEWS,
            measure=Holds(
                "(rating.isna() or (rating >= scale_min and rating <= scale_max)) and "
                "(calibrated_rating.isna() or (calibrated_rating >= scale_min and calibrated_rating <= scale_max))",
                where="effective_rating.notna() and scale_min.notna() and scale_max.notna()",
            ),
            expect=always(),
            severity="error",
            reason="A rating outside its scale belongs to another scale, and standardising would mix the two.",
            next_step="Find the question's scale in the performance system; a changed form needs a scale of its own.",
        ),
        Check(
            id="performance_labels_mapped",
            table=REVIEWS,
            measure=Share("is_unmapped", among="rating_label.notna()", by=("connection_id", "rating_label"), min_n=1),
            expect=between("share", high=0.0),
            severity="error",
            reason="People rated with a label that no scale knows are unrated, and with a new top label those are the "
            "best.",
            next_step="Add the labels named to the seed rating_scales (dbt_project/seeds/rating_scales.csv) with their "
            "rank, without one if they give no opinion; or state them in the option `review_scale_labels`.",
        ),
        Check(
            id="performance_submitted_not_in_future",
            table=REVIEWS,
            measure=Age("submitted_at"),
            expect=between("age_hours", low=-24),
            severity="error",
            reason="A review from the future means a wrong time zone or clock, and the criterion window is wrong.",
            next_step="Run `qoh doctor` and look at the clock skew of the connection named in the ids.",
        ),
        Check(
            id="performance_reviewees_linked",
            table=REVIEWS,
            measure=Share("employee_id.isna()"),
            expect=at_most(0.1),
            severity="warning",
            reason="Reviews of people whom the HRIS does not know cannot become anybody's criterion.",
            next_step="Fill the employee id in the performance system, or decide the links with `qoh links review`.",
        ),
        Check(
            id="performance_overall_question_found",
            table=REVIEWS,
            measure=Share(
                "rating.isna() and calibrated_rating.isna()",
                among="relation == 'manager' and n_rated_questions > 0",
                by=("connection_id",),
            ),
            expect=at_most(0.05),
            severity="warning",
            reason="Reviews were rated, but no question of theirs counts as the overall performance, so nobody in them "
            "has a criterion.",
            next_step="Look in question_mapping for the question that asks for it and add its words to the seed "
            "overall_questions (dbt_project/seeds/overall_questions.csv).",
        ),
        Check(
            id="performance_one_overall_question",
            table=REVIEWS,
            measure=Holds("n_overall_questions <= 1"),
            expect=always(),
            severity="warning",
            reason="Of two questions that count as the overall performance a rule takes one, perhaps the wrong one.",
            next_step="Look in question_mapping and give the one that is not meant a row with is_overall = false in "
            "the seed overall_questions (dbt_project/seeds/overall_questions.csv).",
        ),
        Check(
            id="performance_managers_known",
            table=REVIEWS,
            measure=Share("reviewer_employee_id.isna()", among="relation == 'manager' and submitted_at.notna()"),
            expect=at_most(0.2),
            severity="warning",
            reason="Without the rater nobody can tell whether the person who rated had also interviewed.",
            next_step="Ask for a report that names reviewers; an unknown rater counts as one who interviewed.",
        ),
        Check(
            id="performance_cycles_differentiate",
            table=REVIEWS,
            measure=TopShare(
                "effective_rating", among="relation == 'manager'", by=("connection_id", "cycle_id"), min_n=30
            ),
            expect=at_most(0.85),
            severity="warning",
            reason="A cycle in which nearly everybody has the same rating cannot tell good hires from others.",
            next_step="Read the estimates of the cycles named with care; look for a second criterion such as "
            "retention.",
        ),
        Check(
            id="performance_ratings_standardised",
            table=RATINGS,
            measure=Share("cell_kind == 'refused'"),
            expect=at_most(0.1),
            severity="warning",
            reason="Ratings in cells too small to standardise are lost, and small teams are lost first.",
            next_step="Merge job levels that are nearly empty in the HRIS mapping.",
        ),
        Check(
            id="performance_z_plausible",
            table=RATINGS,
            measure=Rows(),
            expect=between("rating_z", -6, 6),
            severity="error",
            reason="A standardised rating beyond six deviations can only come from mixed scales.",
            next_step="Look at the scales of the cell named by the review's cycle.",
        ),
        Check(
            id="performance_cells_centred",
            table=RATINGS,
            # Not the cells of the fall-back: their mean is over all levels, of which only the rest is left in them.
            measure=Spread(
                "rating_z", among="cell_kind == 'cycle_scale_level'", by=("connection_id", "cell_id"), min_n=2
            ),
            expect=between("absolute_mean", high=1e-6),
            severity="error",
            reason="Every cell has mean zero by construction; if not, rows were lost or doubled after standardising.",
            next_step="Run `dbt build --select fct_performance_ratings+` and compare its row count with fct_reviews.",
        ),
        Check(
            id="performance_criterion_needs_status",
            table=SCORES,
            measure=Holds("(performance_rating_z.notna()) == (status == 'ok')"),
            expect=always(),
            severity="error",
            reason="A criterion under another status than ok would enter the estimates against the rule that refused "
            "it.",
            next_step="Blank performance_rating_z in fct_performance_scores wherever the status is not ok.",
        ),
        Check(
            id="performance_criterion_plausible",
            table=SCORES,
            measure=Rows(),
            expect=between("performance_rating_z", -6, 6),
            severity="error",
            reason="A mean of standardised ratings beyond six deviations can only come from mixed scales.",
            next_step="Look at the ratings of the spells named in fct_performance_ratings.",
        ),
        adds_up(COVERAGE),
        Check(
            id="performance_closed_cycles_covered",
            table=COVERAGE,
            measure=SumShare("n_reviewed", "n_expected", where="is_closed", by=("connection_id", "cycle_id"), min_n=20),
            expect=at_least(0.7),
            severity="warning",
            reason="In a cycle with many unrated people the rated ones are a selection that nobody chose.",
            next_step="Ask the owner of the performance system about the cycles named; exclude pilots by name.",
        ),
    ),
)
