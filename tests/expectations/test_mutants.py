"""Every check has a defect that makes it, and no other check, fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from expectations import all_checks, evaluate_all, evaluate_table
from expectations.tables import TABLES

Frame = pd.DataFrame
Defect = Callable[[Frame], Frame]

DAY = pd.Timedelta(days=1)
FUTURE = pd.Timestamp("2027-01-01", tz="UTC")


def put(column: str, value: Any, rows: int | slice | Callable[[Frame], Any] = 0) -> Defect:
    """Write the value into some rows: one position, a slice of positions, or those a function of the frame picks."""

    def defect(frame: Frame) -> Frame:
        positions = slice(rows, rows + 1) if isinstance(rows, int) else rows
        chosen = positions(frame) if callable(positions) else frame.index.isin(frame.index[positions])
        changed = frame.copy()
        if value is None or isinstance(value, str):
            changed[column] = changed[column].astype(object)
        changed.loc[chosen, column] = value
        return changed

    return defect


def where(column: str, value: Any) -> Callable[[Frame], pd.Series]:
    return lambda frame: frame[column] == value


def both(*defects: Defect) -> Defect:
    def defect(frame: Frame) -> Frame:
        for one in defects:
            frame = one(frame)
        return frame

    return defect


def half(frame: Frame) -> Frame:
    return frame.iloc[: len(frame) // 2]


def drop_decided_rejections(frame: Frame) -> Frame:
    return pd.concat([frame[frame["status"] != "rejected"]] * 4, ignore_index=True)


def recent_ranks_high(frame: Frame) -> Frame:
    newest = frame["submitted_at"] > frame["submitted_at"].max() - 90 * DAY
    return put("recommendation_rank", 4, lambda rows: newest & rows.index.to_series().mod(3).ne(0))(frame)


def one_interviewer(column: str, value: Any) -> Defect:
    """The mark of a single interviewer, too few to change the shares of all."""
    return lambda frame: put(
        column, value, lambda rows: (rows["interviewer_id"] == frame["interviewer_id"].iloc[0]) & ~rows["is_draft"]
    )(frame)


def repeat(frame: Frame, column: str, value: Any, times: int) -> Frame:
    changed = frame.copy()
    changed[column] = value
    return pd.concat([changed] * times, ignore_index=True)


def doubled(mart: str) -> Defect:
    """A join that doubled every row the mart counts."""

    def defect(frame: Frame) -> Frame:
        return frame.assign(n_in_mart=frame["n_in_mart"].where(frame["mart"] != mart, frame["n_in_mart"] * 2))

    return defect


def loses_rows_after_standardising(frame: Frame) -> Frame:
    return frame[frame["rating_z"].rank(method="first") > 8]


def two_far_ratings_of_one_cell(frame: Frame) -> Frame:
    """One far up, one as far down, so that the mean of their cell stays zero."""
    changed = frame.reset_index(drop=True)
    first, second = changed.index[changed["cell_id"] == changed["cell_id"].iloc[0]][:2]
    changed.loc[first, "rating_z"] += 8
    changed.loc[second, "rating_z"] -= 8
    return changed


def unlinked(frame: Frame) -> Frame:
    return put("employee_id", None, slice(0, 50))(frame)


MUTANTS: Mapping[str, Defect] = {
    # Recruiting
    "recruiting_applications_volume": half,
    "recruiting_status_known": put("status", "on_hold", 2),
    "recruiting_applied_not_in_future": put("applied_at", FUTURE, 2),
    "recruiting_rejected_are_present": drop_decided_rejections,
    "recruiting_hires_have_a_date": put("hired_at", pd.NaT, slice(0, 60)),
    "recruiting_days_to_hire_plausible": put("days_to_hire", -3.0, where("status", "hired")),
    "recruiting_few_excluded": put("is_excluded", True, lambda frame: frame["status"] != "hired"),
    "recruiting_job_family_known": put("job_family", "unknown", slice(0, 100)),
    "recruiting_interviewed_have_scorecards": put("n_scorecards", 0, slice(0, 150)),
    "recruiting_rejection_side_known": put("rejected_by", "unknown", slice(0, 60)),
    "recruiting_stage_visits_volume": half,
    "recruiting_stage_left_after_entered": put("stage_days", -1.0, slice(0, 20)),
    "recruiting_stage_names_mapped": put("canonical_stage", "unmapped", slice(0, 60)),
    "recruiting_funnel_by_stage_adds_up": doubled("funnel_by_stage"),
    "recruiting_funnel_interval_holds_rate": put("pass_through_hi", 0.1),
    "recruiting_funnel_rate_needs_status": put("status", "not_estimable"),
    # Interviewing
    "interviewing_interviews_volume": half,
    "interviewing_status_known": put("status", "no_show"),
    "interviewing_duration_plausible": lambda frame: frame.assign(ends_at=frame["starts_at"]),
    "interviewing_held_have_a_panel": put("n_interviewers", 0, slice(0, 60)),
    "interviewing_scorecards_volume": half,
    "interviewing_recommendation_on_scale": put("recommendation_rank", 7),
    "interviewing_recommendation_given": put("recommendation_rank", None, lambda frame: frame.index % 3 == 0),
    "interviewing_labels_mapped": put("is_unmapped", True, where("scorecard_id", "9003")),
    "interviewing_few_drafts_after_decision": put("is_draft", True, lambda frame: frame.index % 5 == 0),
    "interviewing_scorecards_in_time": put("is_late", True, slice(0, 300)),
    "interviewing_not_before_the_interview": put("latency_hours", -6.0, slice(0, 50)),
    "interviewing_few_edited_after_decision": put("is_edited_after_decision", True, slice(0, 100)),
    "interviewing_few_submitted_after_decision": put("is_submitted_after_decision", True, slice(0, 100)),
    "interviewing_few_straight_lined": put(
        "is_straight_lined", True, lambda frame: (frame.index // 12 % 2).astype(bool)
    ),
    "interviewing_interviewers_tell_attributes_apart": one_interviewer("is_straight_lined", True),
    "interviewing_interviewers_use_the_scale": one_interviewer("recommendation_rank", 3),
    "interviewing_techniques_use_the_scale": put(
        "recommendation_rank", 3, lambda frame: (frame["technique"] == "pair_coding") & (frame.index % 12 != 0)
    ),
    "interviewing_recommendations_stable": recent_ranks_high,
    "interviewing_scorecards_joined_to_interviews": put("interview_id", None, slice(0, 150)),
    "interviewing_rating_inside_scale": put("rating_score", 1.25),
    "interviewing_scale_has_two_ends": put("scale_min", 5.0),
    "interviewing_load_possible": put("interview_hours", 90.0),
    "interviewing_scorecard_latency_adds_up": doubled("scorecard_latency"),
    "interviewing_recent_scorecards_submitted": put("n_submitted_within_7d", 20, where("job_family", "all")),
    "interviewing_techniques_mapped": put("is_mapped", False),
    # Performance
    "performance_reviews_volume": half,
    "performance_relation_known": put("relation", "skip_level"),
    "performance_rating_inside_scale": put("calibrated_rating", 9.0),
    "performance_labels_mapped": put("is_unmapped", True, where("review_id", "70003")),
    "performance_submitted_not_in_future": put("submitted_at", FUTURE),
    "performance_reviewees_linked": put("employee_id", None, slice(0, 60)),
    "performance_overall_question_found": both(
        put("rating", None, slice(0, 40)), put("calibrated_rating", None, slice(0, 40))
    ),
    "performance_one_overall_question": put("n_overall_questions", 2, slice(0, 6)),
    "performance_managers_known": put("reviewer_employee_id", None, slice(0, 120)),
    "performance_cycles_differentiate": put("effective_rating", 3.0, where("cycle_id", "3000")),
    "performance_ratings_standardised": both(
        put("cell_kind", "refused", where("cycle_id", "3000")), put("rating_z", None, where("cycle_id", "3000"))
    ),
    "performance_z_plausible": two_far_ratings_of_one_cell,
    "performance_cells_centred": loses_rows_after_standardising,
    "performance_criterion_needs_status": put("performance_rating_z", 0.5, where("status", "immature")),
    "performance_criterion_plausible": put("performance_rating_z", 8.0),
    "performance_review_coverage_adds_up": put(
        "n_in_mart", 400, lambda frame: (frame["mart"] == "review_coverage") & frame["is_upper_bound"]
    ),
    "performance_closed_cycles_covered": put("n_reviewed", 30),
    # Validity
    "validity_predictor_scores_volume": half,
    "validity_score_inside_scale": put("score", 4.0),
    "validity_scores_of_rejected_kept": lambda frame: frame.assign(is_hired=True),
    "validity_few_contaminated_scores": put("is_contaminated", True, slice(0, 100)),
    "validity_hires_linked": unlinked,
    "validity_tenure_not_negative": put("tenure_days", -4, 9),
    # Somebody who is still here.
    "validity_retention_agrees_with_tenure": put("retained_1y", False, 5),
    "validity_few_hires_unreviewed": put("performance_status", "unreviewed", slice(0, 60)),
    # Not one rater is known to have interviewed: that is not to be known to be independent.
    "validity_raters_independent": both(
        put("rater_was_interviewer", None), put("n_independent_raters", 0, slice(0, 90))
    ),
    "validity_interviewers_linked": put("interviewers_linked_share", 0.8, slice(0, 30)),
    "validity_end_type_known": put("end_type", "unknown", lambda frame: frame["ended_on"].notna()),
    "validity_few_hires_excluded": put("is_excluded", True, slice(0, 60)),
    "validity_pairs_vary": put("score", 0.5, where("technique", "pair_coding")),
    "validity_pairs_complete": put("performance_rating_z", None),
    "validity_pairs_adds_up": put("n_in_mart", 71, where("mart", "validity_pairs")),
    "validity_coverage_adds_up": put("n_in_mart", 99, where("mart", "validity_coverage")),
    "validity_enough_hires_rated": lambda frame: put(
        "n", 10, lambda rows: rows["step"].isin(["rated", "independent_rater"])
    )(frame),
    "validity_estimate_status_known": both(put("status", "fine", 2)),
    "validity_estimate_value_needs_status": both(put("status", "suppressed"), put("reason", "few hires")),
    "validity_estimate_is_a_correlation": both(put("value", 1.2), put("hi", 1.3)),
    "validity_estimate_has_its_interval": put("lo", None),
    "validity_estimate_refusal_has_a_reason": put("reason", "", 2),
    # Operations
    "ops_streams_fresh": lambda frame: frame.assign(last_success_at=frame["last_success_at"] - 5 * DAY),
    "ops_streams_read_together": put("is_stale", True),
    "ops_last_runs_succeeded": put("last_status", "failed"),
    "ops_every_stream_succeeded_once": put("last_success_at", pd.NaT),
    # Stands for the thirtieth night of a stream that is read whole every night.
    "ops_few_quarantined": both(put("n_quarantined", 100, 2), put("n_rows_total", 9000, 2)),
    "ops_hires_mostly_linked": put("n_linked", 200, where("tenure_band", "all")),
    "ops_link_rate_same_for_leavers": both(
        put("hi", 0.7, where("tenure_band", "0-6")), put("lo", 0.5, where("tenure_band", "0-6"))
    ),
    "ops_links_not_ambiguous": lambda frame: repeat(frame, "reason", "ambiguous", 10),
    # As many starts as hires, but of other people.
    "ops_ats_hires_known_to_hris": put("n_hires_found", 5, slice(1, 11)),
    "ops_hris_starts_known_to_ats": put("n_starts_found", 2, slice(1, 9)),
    "ops_metrics_defined": put("definition", None),
    "ops_shares_are_shares": put("value", 93.0),
    "ops_something_connected": lambda frame: frame.assign(is_active=False),
    "ops_clock_not_in_future": put("as_of_at", FUTURE),
}

# A broken link is also a low one: the error cannot fail without the warning.
IMPLIES: Mapping[str, frozenset[str]] = {"ops_link_not_broken": frozenset({"ops_hires_mostly_linked"})}
MUTANTS = {**MUTANTS, "ops_link_not_broken": put("n_linked", 60, where("tenure_band", "all"))}

LEAKS: Mapping[str, str] = {
    "no_email": "see p.lang+jobs@mail.example.com",
    "no_phone": "call +44 20 7946 0958",
    "no_person_name": "Chat with Petra Example",
    "person_ids_are_tokens": "48211",
}


def leak(check_id: str, table: str) -> Defect:
    """Personal text in a text column of the table that is not a person's id, or a readable id in one that is."""
    kind = next(kind for kind in LEAKS if check_id.endswith(kind))
    tokens = TABLES[table].tokens

    def defect(frame: Frame) -> Frame:
        texts = [name for name in frame.columns if name not in tokens and pd.api.types.is_string_dtype(frame[name])]
        # A table without text of its own still has text the day somebody adds a column.
        column = tokens[0] if kind == "person_ids_are_tokens" else (texts[-1] if texts else "note")
        if column not in frame.columns:
            frame = frame.assign(note="plain")
        return put(column, LEAKS[kind])(frame)

    return defect


def mutant(check_id: str, table: str) -> Defect | None:
    return leak(check_id, table) if check_id.startswith("privacy_") else MUTANTS.get(check_id)


CHECKS = all_checks()


def test_every_check_holds_on_sound_marts(
    sound: Mapping[str, Frame], previous: Mapping[str, int], now: datetime
) -> None:
    wrong = [
        outcome.message
        for outcome in evaluate_all(sound, now=now, previous_rows=previous)
        if outcome.status != "passed"
    ]
    assert not wrong, "\n".join(wrong)


def test_every_check_has_a_mutant() -> None:
    lacking = [check.id for check in CHECKS if mutant(check.id, check.table) is None]
    assert not lacking, f"add a defect to MUTANTS that makes it fail: {lacking}"


def test_every_mutant_belongs_to_a_check() -> None:
    assert not set(MUTANTS) - {check.id for check in CHECKS}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_defect_fails_its_check_and_no_other(
    check: Any, sound: Mapping[str, Frame], previous: Mapping[str, int], now: datetime
) -> None:
    defect = mutant(check.id, check.table)
    assert defect is not None
    of_table = [other for other in CHECKS if other.table == check.table]
    if not check.id.startswith("privacy_"):
        of_table = [other for other in of_table if not other.id.startswith("privacy_")]
    broken = defect(sound[check.table].copy())
    rows = previous[check.table] if check.id.endswith("_volume") else len(broken)
    outcomes = evaluate_table(of_table, broken, now=now, previous_rows=rows)
    assert {o.check_id for o in outcomes if o.status == "could_not_run"} == set()
    failed = {outcome.check_id for outcome in outcomes if outcome.status == "failed"}
    implied = IMPLIES.get(check.id, frozenset())
    if check.id.startswith("privacy_"):
        # Whatever else a planted text breaks in its table is the business of other tests.
        failed = {one for one in failed if one.startswith("privacy_")}
    assert failed == {check.id} | implied
