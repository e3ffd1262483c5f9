"""The pretend company as tables: shape, versions, what happens in every month, and the defects real systems have."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from ingestion.sandbox.company import Company, build_company
from ingestion.sandbox.schema import TABLES
from ingestion.sandbox.techniques import TECHNIQUES, UNMAPPABLE

END, AS_OF = date(2026, 11, 23), date(2026, 8, 23)
FAR = pd.Timestamp("2200-01-01", tz="UTC")


@pytest.fixture(scope="module")
def demo() -> Company:
    return build_company(7, "demo", END)


@pytest.fixture(scope="module")
def tiny() -> Company:
    return build_company(1, "tiny", END)


@pytest.fixture(scope="module", params=["tiny", "demo"])
def company(request: pytest.FixtureRequest) -> Company:
    return request.getfixturevalue(request.param)


def lives(company: Company, table: str) -> pd.DataFrame:
    frame, key = company.tables[table], TABLES[table].key
    frame = frame.assign(valid_to=frame["valid_to"].fillna(FAR))
    return frame.groupby(key).agg(born=("valid_from", "min"), died=("valid_to", "max"))


def test_every_declared_table_is_filled_with_exactly_its_columns(company: Company) -> None:
    assert set(company.tables) == set(TABLES)
    for name, frame in company.tables.items():
        assert tuple(frame.columns) == TABLES[name].column_names, name
        assert len(frame), name


def test_versions_of_a_row_follow_each_other_without_gap_or_overlap(company: Company) -> None:
    for name, frame in company.tables.items():
        ordered = frame.sort_values([TABLES[name].key, "valid_from"])
        following = ordered.groupby(TABLES[name].key)["valid_from"].shift(-1)
        inner = following.notna()
        assert (ordered["valid_to"][inner] == following[inner]).all(), name
        ended = ordered["valid_to"].notna()
        assert (ordered["valid_to"][ended] > ordered["valid_from"][ended]).all(), name
        assert ordered["valid_from"].max() <= pd.Timestamp(END, tz="UTC") + pd.Timedelta(days=1), name


def test_a_row_is_visible_only_while_the_rows_it_points_to_are(company: Company) -> None:
    for name, table in TABLES.items():
        frame = company.tables[name]
        frame = frame.assign(valid_to=frame["valid_to"].fillna(FAR))
        for column, parent in table.parents:
            joined = frame.dropna(subset=[column]).join(lives(company, parent), on=column)
            assert joined["born"].notna().all(), f"{name}.{column} points to no {parent}"
            assert (joined["valid_from"] >= joined["born"]).all(), f"{name} exists before its {parent}"
            assert (joined["valid_to"] <= joined["died"]).all(), f"{name} outlives its {parent}"


def test_the_same_arguments_give_the_same_company_and_another_seed_another_one() -> None:
    first, again, other = (build_company(seed, "tiny", END) for seed in (5, 5, 6))
    for name in TABLES:
        pd.testing.assert_frame_equal(first.tables[name], again.tables[name])
    assert not first.tables["scorecards"].equals(other.tables["scorecards"])


def test_an_unknown_size_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"`huge`.*tiny, demo, S, M, L, XL"):
        build_company(1, "huge", END)


def test_demo_has_the_promised_numbers_of_applications_interviewed_and_hires(demo: Company) -> None:
    applications = demo.visible("applications", AS_OF)
    assert 11_000 <= len(applications) <= 13_000
    assert 1_800 <= demo.visible("scorecards", AS_OF)["application_id"].nunique() <= 2_200
    assert 370 <= (applications["status"] == "hired").sum() <= 430


def test_tiny_is_small_but_has_hires_and_reviews(tiny: Company) -> None:
    applications = tiny.visible("applications", AS_OF)
    assert 500 <= len(applications) <= 720
    assert 30 <= (applications["status"] == "hired").sum() <= 50


def overall_manager_reviews(company: Company, as_of: date = AS_OF) -> pd.DataFrame:
    reviews = company.visible("reviews", as_of)
    reviews = reviews[(reviews["question_id"] == 1) & (reviews["review_type"] == "Manager") & reviews["rating"].notna()]
    reviewee = company.visible("reviewees", as_of).set_index("reviewee_id")["perf_user_id"]
    employee = company.visible("perf_users", as_of).set_index("perf_user_id")["employee_id"]
    ends = company.visible("review_cycles", as_of).set_index("cycle_id")["period_end"]
    return reviews.assign(
        employee_id=employee.loc[reviewee.loc[reviews["reviewee_id"]]].to_numpy(),
        period_end=ends.loc[reviews["cycle_id"]].to_numpy(),
    )


@pytest.mark.parametrize("seed", [1, 7, 42])
def test_more_than_250_demo_hires_have_a_manager_review_after_6_to_18_months(seed: int) -> None:
    company = build_company(seed, "demo", END)
    joined = overall_manager_reviews(company).merge(company.hires, on="employee_id")
    months = (joined["period_end"] - pd.to_datetime(joined["started_on"])).dt.days / 30.44
    assert joined[(months >= 6) & (months < 18)]["employee_id"].nunique() > 250


@pytest.mark.parametrize("step", range(1, 4))
def test_every_month_brings_new_applications_late_edits_deletions_and_reviews(company: Company, step: int) -> None:
    since, until = (pd.Timestamp(AS_OF, tz="UTC") + pd.Timedelta(days=30 * k) for k in (step - 1, step))
    moved = company.changes(since, until)
    assert moved["applications"]["created"]
    assert moved["applications"]["edited"]
    assert moved["candidates"]["deleted"]
    assert moved["applications"]["deleted"]
    assert moved["reviews"]["edited"]
    cards = company.visible("scorecards", until)
    cards = cards[cards["scorecard_id"].isin(moved["scorecards"]["edited"])]
    assert (cards["valid_from"] - cards["submitted_at"] > pd.Timedelta(days=45)).any(), "no old scorecard was edited"


def test_deleting_a_candidate_takes_applications_and_scorecards_along(demo: Company) -> None:
    moved = demo.changes(date(2024, 1, 1), date(2026, 11, 1))
    gone = set(moved["candidates"]["deleted"])
    before = demo.visible("applications", date(2024, 1, 1))
    ids = set(before[before["candidate_id"].isin(gone)]["application_id"])
    assert ids
    assert ids <= set(moved["applications"]["deleted"])
    cards = demo.visible("scorecards", date(2024, 1, 1))
    assert set(cards[cards["application_id"].isin(ids)]["scorecard_id"]) <= set(moved["scorecards"]["deleted"])


def test_hired_applications_have_an_accepted_offer_and_a_filled_opening_and_rejected_ones_a_reason_row(
    demo: Company,
) -> None:
    applications = demo.visible("applications", AS_OF).set_index("application_id")
    hired = set(applications.index[applications["status"] == "hired"])
    offers, openings = demo.visible("offers", AS_OF), demo.visible("openings", AS_OF)
    assert set(offers[offers["status"] == "Accepted"]["application_id"]) == hired
    assert set(openings["application_id"].dropna()) == hired
    rejections = demo.visible("rejections", AS_OF)
    assert set(rejections["application_id"]) == set(applications.index[applications["status"] == "rejected"])
    assert set(offers["status"]) == {"Created", "Accepted", "Rejected", "Deprecated"}
    assert (offers["version"] == 2).any()


def test_candidates_withdraw_and_decline_offers(demo: Company) -> None:
    reasons = demo.visible("rejections", AS_OF).merge(
        demo.visible("rejection_reasons", AS_OF), on="reason_id", how="left"
    )
    share = reasons["name"].value_counts()
    assert share["Withdrew from the process"] >= 50
    assert share["Declined offer - compensation"] + share["Declined offer - another company"] >= 30
    assert reasons["name"].isna().any(), "some rejections carry no reason"


def test_interview_names_are_free_text_with_many_spellings_and_some_that_say_nothing(demo: Company) -> None:
    slots = demo.visible("plan_slots", AS_OF)
    named = slots[~slots["name"].isin(UNMAPPABLE)].groupby("technique")["name"].nunique()
    assert (named.loc[[technique.id for technique in TECHNIQUES]] >= 4).all()
    assert 0.01 < slots["name"].isin(UNMAPPABLE).mean() < 0.10


def test_scorecards_start_as_drafts_some_stay_so_some_are_late_undecided_or_changed_after_the_decision(
    demo: Company,
) -> None:
    cards = demo.visible("scorecards", AS_OF)
    draft = cards["status"] == "draft"
    assert 0.02 < draft.mean() < 0.08
    assert cards[draft]["recommendation"].isna().all()
    assert cards[draft]["submitted_at"].isna().all()
    assert not demo.visible("scorecard_attributes", AS_OF)["scorecard_id"].isin(cards[draft]["scorecard_id"]).any()
    assert 0.01 < (cards["recommendation"] == "no_decision").mean() < 0.04
    late = cards["submitted_at"] - cards["interviewed_at"] > pd.Timedelta(days=1, hours=2)
    assert 0.1 < late.mean() < 0.35
    rejected = demo.visible("rejections", AS_OF).set_index("application_id")["rejected_at"]
    decided = cards["application_id"].map(rejected)
    assert ((cards["valid_from"] > decided) & (cards["valid_from"] > cards["submitted_at"])).sum() > 50
    assert (cards["submitted_at"] > decided).sum() > 50
    assert (cards["submitter_id"] != cards["interviewer_id"]).any()


def test_the_debrief_card_is_written_by_the_hiring_manager_before_the_decision(demo: Company) -> None:
    slots = demo.visible("plan_slots", AS_OF)
    cards = demo.visible("scorecards", AS_OF).merge(slots[["kit_id", "job_id", "technique"]], on="kit_id")
    cards = cards[(cards["technique"] == "debrief") & (cards["status"] == "complete")]
    manager = demo.visible("jobs", AS_OF).set_index("job_id")["hiring_manager_id"]
    assert (cards["interviewer_id"].to_numpy() == manager.loc[cards["job_id"]].to_numpy()).all()
    rejected = demo.visible("rejections", AS_OF).set_index("application_id")["rejected_at"]
    known = cards["application_id"].isin(rejected.index)
    assert (cards["submitted_at"][known] <= cards["application_id"][known].map(rejected)).mean() > 0.97


def test_the_hris_holds_people_the_ats_never_hired_and_rehires_keep_their_id(demo: Company) -> None:
    employees = demo.visible("employees", AS_OF)
    assert len(employees) > (demo.visible("applications", AS_OF)["status"] == "hired").sum() + 150
    starts = demo.visible("job_info", AS_OF)
    again = starts[starts["change_type"] == "rehire"]
    assert len(again) >= 3
    back = employees[employees["employee_id"].isin(again["employee_id"])]
    assert (back["hire_date"] > back["original_hire_date"]).all()
    assert {"hire", "promotion", "transfer", "rehire"} == set(starts["change_type"])


def test_leavers_lose_their_manager_and_level_in_the_hris_but_not_in_its_history(demo: Company) -> None:
    employees = demo.visible("employees", AS_OF)
    gone = employees[employees["status"] == "Inactive"]
    assert len(gone) > 50
    assert gone["manager_employee_id"].isna().all()
    assert gone["job_level"].isna().all()
    assert gone["termination_date"].notna().all()
    assert demo.visible("job_info", AS_OF)["job_level"].notna().all()
    kinds = demo.visible("employment_status", AS_OF)["termination_type"].dropna()
    assert set(kinds) == {"Voluntary", "Involuntary", "Other"}


def test_marriages_change_last_name_and_work_email_in_the_hris_only(demo: Company) -> None:
    history = demo.tables["employees"].groupby("employee_id")[["last_name", "work_email"]].nunique()
    assert ((history["last_name"] > 1) & (history["work_email"] > 1)).sum() >= 5
    assert (demo.tables["ats_users"].groupby("user_id")["primary_email"].nunique() == 1).all()


def test_some_candidates_are_anonymised_or_private_and_keep_their_applications(demo: Company) -> None:
    candidates = demo.visible("candidates", AS_OF)
    blank = candidates[candidates["first_name"].isna()]
    assert len(blank) > 50
    assert blank["email"].isna().all()
    assert blank["candidate_id"].isin(demo.visible("applications", AS_OF)["candidate_id"]).all()
    assert candidates["is_private"].any()


def test_every_email_belongs_to_a_domain_reserved_for_examples(company: Company) -> None:
    columns = {"candidates": ("email", "alt_email"), "employees": ("work_email", "home_email"),
               "ats_users": ("primary_email",), "perf_users": ("email",), "people": ("personal_email",)}  # fmt: skip
    for table, names in columns.items():
        for name in names:
            values = company.tables[table][name].dropna()
            assert (
                values.str.fullmatch(r"[a-z0-9.]+@([a-z]+\.)?example\.(com|org|net)").all()
                or (
                    values.str.endswith("@northquay.example.com") | values.str.contains(r"@(?:[a-z]+\.)?example\.")
                ).all()
            ), f"{table}.{name}"


def test_eeo_answers_have_refusals_gaps_and_people_who_never_answered(demo: Company) -> None:
    answers = demo.visible("eeoc", AS_OF)
    assert 0.6 < len(answers) / len(demo.visible("applications", AS_OF)) < 0.8
    assert answers["gender"].isna().any()
    assert "Decline To Self Identify" in set(answers["gender"])


def test_reviews_miss_some_come_late_and_are_calibrated_after_the_cycle(demo: Company) -> None:
    reviews = demo.visible("reviews", AS_OF).merge(
        demo.visible("review_cycles", AS_OF)[["cycle_id", "reviews_ended_at"]], on="cycle_id"
    )
    overall = reviews[reviews["question_id"] == 1]
    assert 0.05 < overall["submitted_at"].isna().mean() < 0.25
    assert (overall["submitted_at"] > overall["reviews_ended_at"]).any()
    assert set(overall["review_type"]) == {"Manager", "Self", "Peer"}
    calibrated = overall[overall["calibrated_rating"].notna()]
    assert calibrated["calibration_ended"].all()
    assert 0.02 < (calibrated["calibrated_rating"] != calibrated["rating"]).mean() < 0.35
    shares = overall["rating"].value_counts(normalize=True)
    assert set(shares.index) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert shares.min() > 0.01
    assert reviews[reviews["question_id"] == 3]["rating"].isna().all(), "comment questions carry no rating"


def test_the_stage_an_application_points_to_is_its_current_visit(demo: Company) -> None:
    applications = demo.visible("applications", AS_OF)
    visits = demo.visible("stage_visits", AS_OF).set_index("visit_id")
    pointed = visits.loc[applications["stage_visit_id"]]
    assert pointed["current"].all()
    assert (pointed["application_id"].to_numpy() == applications["application_id"].to_numpy()).all()
    assert (visits["entered_at"].isna()).any(), "scaffolding rows of stages nobody reached"
    assert np.array_equal(visits[visits["current"]].groupby("application_id").size().unique(), [1])
