"""The pretend company as a measuring rod: its true numbers are what its data was made with."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from ingestion.sandbox import hiring, scoring
from ingestion.sandbox.company import Company, _Builder, build_company
from ingestion.sandbox.links import LINK_KINDS
from ingestion.sandbox.plans import DEBRIEF, draw_plans
from ingestion.sandbox.sizes import Options, Size
from ingestion.sandbox.techniques import FAMILIES, TECHNIQUES, family_techniques, target_validity
from ingestion.sandbox.truth import manager_rating_reliability, operational_validity, operational_validity_at_stage
from ingestion.sandbox.workforce import draw_incumbents

END, AS_OF = date(2026, 11, 23), date(2026, 8, 23)
RANK = {"strong_no": 1, "no": 2, "yes": 4, "strong_yes": 5}


@pytest.fixture(scope="module")
def demo() -> Company:
    return build_company(7, "demo", END)


def process_of(n: int, hires: int, options: Options) -> tuple[hiring.Process, npt.NDArray[np.int64]]:
    """A hiring process of `n` interviewed people, without the company around it; and everybody's family."""
    builder = _Builder(11, Size("test", 4.0, n + 500, n, hires, 4_000, 40), END, options)
    incumbents = draw_incumbents(builder.rng("incumbents"), 4_000, builder.start)
    plans = draw_plans(builder.rng("plans"), builder.size, builder.start, incumbents.managers, incumbents.recruiters)
    who = hiring.draw_interviewers(
        builder.rng("who"), 4_000, options, incumbents.pools, incumbents.managers, incumbents.recruiters
    )
    frame, interviewed = builder.draw_applications(plans)
    job = frame["job"].to_numpy()[interviewed]
    applied = frame["applied_at"].to_numpy()[interviewed]
    return hiring.run_process(builder.rng("process"), builder.size, options, plans, who, job, applied), plans.family[
        job
    ]


def test_the_stated_validity_is_the_one_aimed_at_within_02() -> None:
    truth = operational_validity(0.35)
    for technique in TECHNIQUES:
        for family in FAMILIES:
            if technique.id in family_techniques(family):
                assert truth[technique.id][family] == pytest.approx(target_validity(technique, family), abs=0.02)


def test_scorecards_of_a_company_that_rejects_hardly_anybody_show_the_stated_validity() -> None:
    process, family = process_of(20_000, 20_000, Options())
    truth = operational_validity(0.35)
    cards = process.cards[(process.cards["recommendation"] >= 0) & (process.cards["technique"] != DEBRIEF)]
    cards = cards.assign(rank=scoring.RECOMMENDATION_RANKS[cards["recommendation"].to_numpy()])
    mean = cards.groupby(["technique", "row"])["rank"].mean()
    for number, technique in enumerate(TECHNIQUES):
        score = mean.loc[number]
        rows = score.index.to_numpy()
        expected = np.mean([truth[technique.id][FAMILIES[f]] for f in family[rows]])
        found = np.corrcoef(score.to_numpy(), process.performance[rows])[0, 1]
        assert found == pytest.approx(expected, abs=0.03), technique.id


@pytest.fixture(scope="module")
def steep() -> tuple[hiring.Process, npt.NDArray[np.int64]]:
    """A process that hires as few of its people as the demo company does."""
    return process_of(40_000, 8_188, Options())


RATE = hiring.offer_rate(Size("test", 4.0, 40_500, 40_000, 8_188, 4_000, 40))


def test_the_validity_at_a_stage_is_what_the_scorecards_of_those_who_came_there_show(
    steep: tuple[hiring.Process, npt.NDArray[np.int64]],
) -> None:
    process, family = steep
    truth = operational_validity_at_stage(0.35, "recorded", RATE)
    cards = process.cards[process.cards["recommendation"] >= 0]
    cards = cards.assign(rank=scoring.RECOMMENDATION_RANKS[cards["recommendation"].to_numpy()])
    mean = cards.groupby(["technique", "row"])["rank"].mean()
    for number, technique in enumerate(TECHNIQUES):
        score = mean.loc[number]
        rows = score.index.to_numpy()
        mine = family[rows] == 0 if technique.id in family_techniques("engineering") else family[rows] == 4
        expected = truth[technique.id]["engineering" if technique.id in family_techniques("engineering") else "sales"]
        found = np.corrcoef(score.to_numpy()[mine], process.performance[rows][mine])[0, 1]
        assert found == pytest.approx(expected, abs=0.045), technique.id


def test_the_decision_score_is_worth_what_the_debriefs_show(
    steep: tuple[hiring.Process, npt.NDArray[np.int64]],
) -> None:
    process, family = steep
    debriefs = process.cards[process.cards["technique"] == DEBRIEF].set_index("row")
    written = debriefs[[f"attribute_{column}" for column in range(5)]].mean(axis=1)
    rows = written.index.to_numpy()
    within = [written.to_numpy()[family[rows] == f] - written.to_numpy()[family[rows] == f].mean() for f in range(5)]
    latent = [process.performance[rows][family[rows] == f] for f in range(5)]
    found = np.corrcoef(np.concatenate(within), np.concatenate([part - part.mean() for part in latent]))[0, 1]
    truth = operational_validity_at_stage(0.35, "recorded", RATE)
    assert found == pytest.approx(truth["debrief"]["all"], abs=0.025)


def test_hurdles_before_a_stage_lower_the_validity_at_it_and_the_first_stage_has_none() -> None:
    everybody, reached = operational_validity(0.35), operational_validity_at_stage(0.35, "recorded", RATE)
    for family in FAMILIES:
        assert reached["recruiter_screen"][family] == pytest.approx(everybody["recruiter_screen"][family], abs=0.01)
        assert reached["structured_behavioural"][family] < everybody["structured_behavioural"][family] - 0.01


def test_hidden_information_matters_to_the_decision_score_alone_and_only_when_written_down() -> None:
    recorded, unrecorded = (operational_validity_at_stage(0.35, how, RATE) for how in ("recorded", "unrecorded"))
    assert recorded["debrief"]["all"] > unrecorded["debrief"]["all"] + 0.03
    assert {name: recorded[name] for name in recorded if name != "debrief"} == {
        name: unrecorded[name] for name in unrecorded if name != "debrief"
    }


def test_managers_agree_less_about_hires_than_about_applicants_and_more_after_calibration() -> None:
    found = manager_rating_reliability(0.35, "recorded", RATE, 0.40)
    for family in (*FAMILIES, "all"):
        assert 0.3 < found["rating"][family] < found["calibrated_rating"][family] < 0.52


def scores_and_ratings(company: Company) -> pd.DataFrame:
    """One row a reviewed hire: mean recommendation rank by technique, manager rating, true performance."""
    kits = company.visible("plan_slots", AS_OF).set_index("kit_id")["technique"]
    cards = company.visible("scorecards", AS_OF)
    cards = cards.assign(technique=kits.loc[cards["kit_id"]].to_numpy(), rank=cards["recommendation"].map(RANK))
    scores = cards.pivot_table(index="application_id", columns="technique", values="rank")
    reviews = company.visible("reviews", AS_OF)
    reviews = reviews[(reviews["question_id"] == 1) & (reviews["review_type"] == "Manager")]
    reviewee = company.visible("reviewees", AS_OF).set_index("reviewee_id")["perf_user_id"]
    employee = company.visible("perf_users", AS_OF).set_index("perf_user_id")["employee_id"]
    reviews = reviews.assign(employee_id=employee.loc[reviewee.loc[reviews["reviewee_id"]]].to_numpy())
    rating = reviews.groupby("employee_id")["rating"].mean()
    hires = company.hires.set_index("application_id")
    return scores.join(hires[["performance"]].assign(rating=hires["employee_id"].map(rating)), how="inner")


def test_correlations_among_hires_lie_well_below_the_truth() -> None:
    """Selection on the scores and unreliable ratings: the naive answer is wrong by a half or more."""
    truth, gaps, shrunk = operational_validity(0.35), [], []
    for seed in (1, 7):
        table = scores_and_ratings(build_company(seed, "demo", END))
        for technique in ("structured_behavioural", "pair_coding", "work_sample", "manager_screen", "system_design"):
            naive = table[technique].corr(table["rating"])
            gaps.append(truth[technique]["all"] - naive)
            shrunk.append(naive < truth[technique]["all"])
    assert np.mean(gaps) > 0.12
    assert all(shrunk)


def test_hires_scores_vary_less_than_those_of_everybody_interviewed(demo: Company) -> None:
    kits = demo.visible("plan_slots", AS_OF).set_index("kit_id")["technique"]
    cards = demo.visible("scorecards", AS_OF)
    cards = cards.assign(technique=kits.loc[cards["kit_id"]].to_numpy(), rank=cards["recommendation"].map(RANK))
    hired = cards["application_id"].isin(demo.hires["application_id"])
    ratio = cards[hired].groupby("technique")["rank"].std() / cards.groupby("technique")["rank"].std()
    assert (ratio < 1).all()
    assert ratio["recruiter_screen"] < 0.75


def test_severity_of_interviewers_and_leniency_of_managers_spread_as_asked() -> None:
    severity, leniency = [], []
    for seed in (1, 7, 42):
        company = build_company(seed, "demo", END)
        severity += list(company.severity.values())
        leniency += list(company.leniency.values())
    assert np.std(severity) == pytest.approx(0.35, abs=0.03)
    assert np.std(leniency) == pytest.approx(0.40, abs=0.05)


def test_severe_interviewers_write_lower_recommendations(demo: Company) -> None:
    cards = demo.visible("scorecards", AS_OF)
    kits = demo.visible("plan_slots", AS_OF).set_index("kit_id")["technique"]
    cards = cards[kits.loc[cards["kit_id"]].to_numpy() == "structured_behavioural"]
    by = cards.assign(rank=cards["recommendation"].map(RANK)).groupby("interviewer_id")["rank"].agg(["mean", "size"])
    by = by[by["size"] >= 10]
    severity = pd.Series(demo.severity).loc[by.index]
    assert np.corrcoef(by["mean"], severity)[0, 1] > 0.5


def test_manager_ratings_reach_the_reliability_they_were_made_with() -> None:
    rng = np.random.default_rng(3)
    performance, n = rng.normal(size=200_000), 200_000
    dyad, occasion = scoring.rating_error_sd(0.40)
    noise = rng.normal(0, 0.40, (2, n)) + rng.normal(0, dyad, (2, n)) + rng.normal(0, occasion, (2, n))
    assert np.corrcoef(performance + noise[0], performance + noise[1])[0, 1] == pytest.approx(0.52, abs=0.01)


@pytest.mark.parametrize(("hidden", "low", "high"), [("recorded", 0.5, 0.85), ("unrecorded", -0.12, 0.12)])
def test_the_debrief_holds_what_the_scorecards_do_not_only_when_it_was_recorded(
    hidden: str, low: float, high: float
) -> None:
    process, _ = process_of(3_000, 700, Options(hidden_information=hidden))  # type: ignore[arg-type]
    cards = process.cards
    debrief = cards[cards["technique"] == DEBRIEF].set_index("row")
    written = debrief[[f"attribute_{k}" for k in range(5)]].mean(axis=1)
    seen = (
        cards[(cards["technique"] != DEBRIEF) & (cards["recommendation"] >= 0)].groupby("row")["recommendation"].mean()
    )
    design = np.column_stack(
        [np.ones(len(written)), seen.loc[written.index].to_numpy(), process.true_scores[written.index]]
    )
    left = written - design @ np.linalg.lstsq(design, written.to_numpy(), rcond=None)[0]
    assert low < np.corrcoef(left, process.hidden[written.index])[0, 1] < high


def test_under_mnar_low_performers_lose_their_reviews() -> None:
    options: dict[str, Options] = {"mcar": Options(), "mnar": Options(missing_reviews="mnar")}
    share = {}
    for name, option in options.items():
        company = build_company(7, "demo", END, option)
        table = scores_and_ratings(company)
        started = pd.to_datetime(company.hires.set_index("application_id")["started_on"]).loc[table.index]
        table = table[(started < "2026-01-01").to_numpy()]
        worst = table["performance"] < table["performance"].quantile(0.2)
        share[name] = table["rating"].notna()[worst].mean() - table["rating"].notna()[~worst].mean()
    assert share["mcar"] > share["mnar"] + 0.15


def test_hires_are_linkable_by_each_rung_in_the_stated_shares(demo: Company) -> None:
    found = demo.hires["rung"].value_counts(normalize=True)
    for rung in ("vendor_id", "email", "name_start_date", "none"):
        assert found[rung] == pytest.approx(sum(kind.share for kind in LINK_KINDS if kind.rung == rung), abs=0.06)


def test_each_stated_rung_is_what_the_tables_allow(demo: Company) -> None:
    hires = demo.hires[pd.to_datetime(demo.hires["started_on"]) < pd.Timestamp("2026-08-01")]
    hires = hires.merge(demo.visible("candidates", AS_OF), on="candidate_id")
    employees = demo.visible("employees", AS_OF)
    hires = hires.merge(employees, on="employee_id", suffixes=("", "_hris"))
    users = demo.visible("ats_users", AS_OF).set_index("user_id")
    typed = hires["linked_user_id"].map(users["employee_id"])
    by_id = typed == hires["employee_id"].astype(str)
    by_email = (hires["home_email"] == hires["email"]) | (hires["home_email"] == hires["alt_email"])
    day = pd.to_datetime(hires["agreed_on"])
    near = (day - hires["hire_date"]).dt.days.abs() <= 14
    by_name = (hires["first_name"] == hires["first_name_hris"]) & (hires["last_name"] == hires["last_name_hris"]) & near
    best = np.select([by_id, by_email, by_name], ["vendor_id", "email", "name_start_date"], "none")
    agree = best == hires["rung"].to_numpy()
    assert agree.mean() > 0.98, hires[~agree][["kind", "rung"]].assign(found=best[~agree])


def test_an_interviewer_sometimes_becomes_the_rater_but_mostly_not(demo: Company) -> None:
    kits = demo.visible("plan_slots", AS_OF).set_index("kit_id")["technique"]
    cards = demo.visible("scorecards", AS_OF)
    cards = cards[kits.loc[cards["kit_id"]].to_numpy() != "debrief"]
    person = demo.visible("ats_users", AS_OF).set_index("user_id")["person_id"]
    seen = set(zip(cards["application_id"], cards["interviewer_id"].map(person), strict=True))
    employees = demo.visible("employees", AS_OF).set_index("employee_id")
    manager = demo.hires["employee_id"].map(employees["manager_employee_id"]).map(employees["person_id"])
    met = [pair in seen for pair in zip(demo.hires["application_id"], manager, strict=True)]
    assert 0.05 < np.mean(met) < 0.40


def test_truth_is_written_beside_the_tables(demo: Company, tmp_path: Path) -> None:
    demo.write_truth(tmp_path / "truth.json")
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["operational_validity"]["structured_behavioural"]["all"] == pytest.approx(0.42, abs=0.02)
    assert truth["operational_validity_at_stage"]["structured_behavioural"]["all"] == pytest.approx(0.39, abs=0.02)
    assert truth["manager_rating_reliability"]["calibrated_rating"]["all"] == pytest.approx(0.43, abs=0.03)
    assert len(truth["links"]) == len(demo.hires)
