"""What the validity engine reads from SQL is what pandas makes of the same rows, one by one."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from ingestion.sandbox.runner import running_sandbox
from orchestration.inputs import INPUTS
from validity.ratings import criterion_of

from .conftest import Built, run_dbt
from .test_builds import api_firm, spreadsheet_firm

ROOT = Path(__file__).parents[2]
MODELS = (
    "validity_scores",
    "validity_moments",
    "validity_attribute_moments",
    "validity_score_ranges",
    "validity_ratings",
    "validity_score_bins",
    "validity_interview_hours",
)
KEY = ["connection_id", "application_id"]


def frame(built: Built, table: str) -> pd.DataFrame:
    with duckdb.connect(str(built.home / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(f"select * from {table}").df()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The small pretend company, read over HTTP and built."""
    home = tmp_path_factory.mktemp("company")
    places = {"QOH_HOME": home, "QOH_KEYS": home / "keys", "QOH_CONNECTIONS": ROOT / "connections.example.toml"}
    with running_sandbox(size="tiny", seed=1) as sandbox:
        env = {**sandbox.env, **{name: str(place) for name, place in places.items()}}
        for connection in ("greenhouse_main", "bamboohr_main", "lattice_main"):
            command = [sys.executable, "-m", "ingestion", connection]
            done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, check=False, timeout=600)
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    target = tmp_path_factory.mktemp("company_target")
    done = run_dbt(home, target, "build", "--exclude-resource-type", "unit_test")
    assert done.returncode == 0, done.stdout[-4000:]
    return Built(home, target, done.stdout)


@pytest.fixture(scope="module")
def scores(company: Built) -> pd.DataFrame:
    """Clean scores of the study's people, chosen here again, without `validity_scores`."""
    applications = frame(company, "marts_recruiting.fct_applications")
    outcomes = frame(company, "marts_validity.fct_hire_outcomes")
    scores = frame(company, "marts_validity.fct_predictor_scores")
    left_out = outcomes.loc[outcomes["is_excluded"], KEY]
    decided = applications[(applications["status"] != "in_process") & ~applications["is_excluded"]][KEY]
    decided = decided.merge(left_out, how="left", indicator=True)
    decided = decided.loc[decided["_merge"] == "left_only", KEY]
    scores = scores[~scores["is_contaminated"] & (scores["technique"] != "unmapped")].merge(decided, on=KEY)
    is_decision = scores["attribute"] == "__decision__"
    scores.loc[is_decision, ["technique", "attribute"]] = ["__decision__", "overall"]
    return scores.assign(person=scores["connection_id"] + "|" + scores["application_id"])


def wide(scores: pd.DataFrame) -> pd.DataFrame:
    """People not hired × techniques."""
    rest = scores[~scores["is_hired"] & (scores["attribute"] == "overall")]
    return rest.pivot(index=["job_family", "person"], columns="technique", values="score")


def test_moments_added_over_blocks_are_those_of_the_rows(company: Built, scores: pd.DataFrame) -> None:
    moments = frame(company, "validity_inputs.validity_moments")
    keys = ["job_family", "pattern", "technique_i", "technique_j"]
    sums = ["n", "sum_i", "sum_j", "sum_ij"]
    added = moments.groupby(keys)[sums].sum().sort_index()
    rows = []
    people = wide(scores)
    patterns = people.notna().apply(lambda has: "|".join(sorted(people.columns[has])), axis=1)
    for (family, pattern), group in people.groupby([people.index.get_level_values("job_family"), patterns]):
        for i, j in itertools.combinations_with_replacement(sorted(pattern.split("|")), 2):
            a, b = group[i], group[j]
            rows.append((family, pattern, i, j, len(group), a.sum(), b.sum(), (a * b).sum()))
    expected = pd.DataFrame(rows, columns=[*keys, *sums]).set_index(keys).sort_index()
    assert len(expected) > 50
    pd.testing.assert_frame_equal(added, expected, check_dtype=False, atol=1e-6)


def test_all_rows_of_a_block_and_pattern_have_the_same_n(company: Built) -> None:
    cells = frame(company, "validity_inputs.validity_moments").groupby(["job_family", "block", "pattern"])
    assert (cells["n"].nunique() == 1).all()
    n_techniques = cells["pattern"].first().str.count(r"\|") + 1
    assert (cells.size() == n_techniques * (n_techniques + 1) / 2).all()


def test_blocks_are_the_first_byte_of_the_keys_md5_and_about_equal_in_size(
    company: Built, scores: pd.DataFrame
) -> None:
    moments = frame(company, "validity_inputs.validity_moments")
    one_row = moments.drop_duplicates(["job_family", "block", "pattern"])
    sizes = one_row.groupby("block")["n"].sum().reindex(range(256), fill_value=0)
    people = wide(scores).index.get_level_values("person")
    blocks = pd.Series([hashlib.md5(person.encode()).digest()[0] for person in people])
    expected = blocks.value_counts().reindex(range(256), fill_value=0)
    assert (sizes == expected).all()
    even = len(people) / 256
    chi_square = ((sizes - even) ** 2 / even).sum()
    assert chi_square < 255 + 5 * np.sqrt(2 * 255), "people fall into blocks as if at random"


def test_attribute_moments_are_those_of_the_rows(company: Built, scores: pd.DataFrame) -> None:
    keys = ["job_family", "technique", "attribute", "pattern"]
    sums = ["n", "sum_a", "sum_d", "sum_aa", "sum_ad", "sum_dd"]
    added = frame(company, "validity_inputs.validity_attribute_moments").groupby(keys)[sums].sum().sort_index()
    rest = scores[~scores["is_hired"]]
    decision = rest[rest["technique"] == "__decision__"].set_index("person")["score"]
    own = rest[~rest["attribute"].isin(["overall", "attribute_mean"])]
    d = own["person"].map(decision)
    own = own.assign(pattern=np.where(d.isna(), "1", "11"), d=d.fillna(0.0), a=own["score"])
    own = own.assign(n=1, sum_a=own["a"], sum_d=own["d"], sum_aa=own["a"] ** 2, sum_ad=own["a"] * own["d"])
    expected = own.assign(sum_dd=own["d"] ** 2).groupby(keys)[sums].sum().sort_index()
    assert len(expected) > 20
    pd.testing.assert_frame_equal(added, expected, check_dtype=False, atol=1e-6)


def test_the_range_of_the_hires_is_two_standard_deviations_around_their_mean(
    company: Built, scores: pd.DataFrame
) -> None:
    ranges = frame(company, "validity_inputs.validity_score_ranges").set_index(["job_family", "technique"])
    overall = scores[scores["attribute"] == "overall"]
    overall = pd.concat([overall, overall.assign(job_family="all")])
    assert len(ranges) == overall.groupby(["job_family", "technique"]).ngroups
    for cell, group in overall.groupby(["job_family", "technique"]):
        hired, rest = (group.loc[group["is_hired"] == flag, "score"] for flag in (True, False))
        row = ranges.loc[cell]
        assert (row["n_hired"], row["n_not_hired"]) == (len(hired), len(rest))
        if hired.empty:
            assert pd.isna(row["outside_share"])
            continue
        reach = 1.96 * (hired.std() if len(hired) > 1 else 0.0)
        lo, hi = hired.mean() - reach, hired.mean() + reach
        assert row[["score_lo", "score_hi"]].tolist() == pytest.approx([lo, hi], abs=1e-8)
        if len(rest):
            assert row["outside_share"] == pytest.approx(((rest < lo - 1e-9) | (rest > hi + 1e-9)).mean())


def test_bins_hold_everybody_once_and_the_ratings_of_the_pairs(company: Built, scores: pd.DataFrame) -> None:
    bins = frame(company, "validity_inputs.validity_score_bins")
    cells = bins.groupby(["job_family", "technique"])[["n_applicants", "n_hired", "n_rated", "sum_rating"]].sum()
    overall = scores[scores["attribute"] == "overall"]
    of_all = cells.loc["all"]
    assert of_all["n_applicants"].to_dict() == overall.groupby("technique").size().to_dict()
    families = cells.drop("all", level="job_family").groupby("technique").sum()
    pd.testing.assert_frame_equal(families, of_all, atol=1e-6)
    pairs = frame(company, "marts_validity.validity_pairs")
    pairs = pairs[~pairs["is_contaminated"] & (pairs["technique"] != "unmapped")]
    expected = pairs.groupby("technique")["performance_rating_z"].agg(["size", "sum"])
    found = of_all.loc[expected.index]
    assert found["n_rated"].tolist() == expected["size"].tolist()
    assert found["sum_rating"].tolist() == pytest.approx(expected["sum"].tolist(), abs=1e-6)


def test_a_score_lies_in_its_bin(company: Built, scores: pd.DataFrame) -> None:
    bins = frame(company, "validity_inputs.validity_score_bins")
    bins = bins[(bins["job_family"] == "all")]
    assert np.allclose(bins["score_hi"] - bins["score_lo"], 0.125)
    overall = scores[scores["attribute"] == "overall"].assign(score=lambda rows: rows["score"].round(9))
    for row in bins.itertuples():
        own = overall[overall["technique"] == row.technique]["score"]
        assert row.n_applicants == ((own >= row.score_lo) & (own < row.score_hi)).sum()


def changing_firm() -> dict[str, list[dict[str, Any]]]:
    """Three cycles in the window, the last by another manager; a leaver after 5.7 months, an unlinked interviewer."""
    firm = spreadsheet_firm()
    first = firm["raw_files.reviews"]
    others = {
        "2024 H1": ("2024-07-31", "boss", (2, 3, 1, 5, 4, 3)),
        "2025 H1": ("2025-06-30", "next", (3, 1, 4, 5, 2, 3)),
    }
    later = [
        {
            **review,
            "review_id": f"{cycle} {review['review_id']}",
            "cycle_id": cycle,
            "period_end": day,
            "reviewer_employee_id": manager,
            "rating_value": rating,
        }
        for cycle, (day, manager, ratings) in others.items()
        for review, rating in zip(first, ratings, strict=True)
    ]
    leaver = firm["raw_files.employees"][4]
    leaver["termination_date"] = "2024-06-28"
    interview = firm["raw_files.interviews"][5]
    firm["raw_files.interviews"].append({**interview, "interview_id": "i5b", "interviewer_id": "agency"})
    firm["raw_files.reviews"] = [
        row for row in (*first, *later) if row["employee_id"] != "e4" or row["cycle_id"] == "2024 H1"
    ]
    firm["raw_files.employees"].append({**firm["raw_files.employees"][-1], "employee_id": "next"})
    return firm


@pytest.fixture(scope="module")
def changing(build: Callable[..., Any]) -> Built:
    built: Built = build("changing", changing_firm(), "--exclude-resource-type", "unit_test")
    return built


@pytest.mark.parametrize("firm", ["company", "changing"])
def test_the_criterion_of_the_marts_is_the_engines(firm: str, request: pytest.FixtureRequest) -> None:
    """Over raters in both, or the tables and the estimates speak of different performance."""
    built: Built = request.getfixturevalue(firm)
    ratings = frame(built, "validity_inputs.validity_ratings").query("source == 'criterion'")
    person = ratings["connection_id"] + "|" + ratings["application_id"]
    found = criterion_of(ratings.assign(person_id=person))
    outcomes = frame(built, "marts_validity.fct_hire_outcomes")
    rated = outcomes[~outcomes["is_excluded"] & outcomes["performance_rating_z"].notna()]
    rated = rated.set_index(rated["connection_id"] + "|" + rated["application_id"]).sort_index()
    assert found.person_id.tolist() == rated.index.tolist()
    assert found.value == pytest.approx(rated["performance_rating_z"].to_numpy(), abs=1e-8)
    assert found.n_raters.tolist() == rated["n_raters"].tolist()
    means = ratings.groupby(person)["value"].mean()
    assert (firm == "changing") == bool((means - rated["performance_rating_z"]).abs().max() > 0.1)


@pytest.mark.parametrize("firm", ["company", "changing"])
def test_the_waterfall_ends_with_the_hires_that_the_estimates_read(firm: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(firm)
    coverage = frame(built, "marts_validity.validity_coverage").query("job_family == 'all'")
    coverage = coverage.sort_values("step_order").set_index("step")["n"]
    ratings = frame(built, "validity_inputs.validity_ratings").query("source == 'criterion'")
    independent = ratings[~ratings["rater_was_interviewer"].astype("boolean").fillna(True)]
    pairs = frame(built, "marts_validity.validity_pairs")
    assert coverage["rated"] == ratings.groupby(KEY).ngroups == pairs.groupby(KEY).ngroups
    assert coverage["independent_rater"] == independent.groupby(KEY).ngroups
    assert coverage.is_monotonic_decreasing
    reconciled = frame(built, "marts_ops.mart_reconciliation")
    tied = reconciled[reconciled["mart"].isin(["validity_coverage", "validity_pairs"])]
    assert set(tied["metric"]) == {"hired", "rated", "independent_rater", "n_hires"}
    assert (tied["n_in_mart"] == tied["n_counted"]).all()


def test_the_pairs_that_the_estimates_read_are_those_of_the_filter_that_the_table_names(company: Built) -> None:
    ratings = frame(company, "validity_inputs.validity_ratings").query("source == 'criterion'")
    independent = ratings[~ratings["rater_was_interviewer"].astype("boolean").fillna(True)]
    with duckdb.connect(str(company.home / "warehouse.duckdb"), read_only=True) as connection:
        read = connection.execute(INPUTS["scores"]).df().set_index("person_id")
    read = read.loc[:, read.columns.str.endswith("|overall") & ~read.columns.str.startswith("__")].stack().dropna()
    read = {(person, str(column).removesuffix("|overall")) for person, column in read.index}
    pairs = frame(company, "marts_validity.validity_pairs")
    documented = company.manifest["nodes"]["model.quality_of_hire.validity_pairs"]["description"]
    assert "not is_contaminated and technique != 'unmapped'" in documented
    kept = pairs[~pairs["is_contaminated"] & (pairs["technique"] != "unmapped")]
    assert 0 < len(kept) < len(pairs)
    outcomes = frame(company, "marts_validity.fct_hire_outcomes").query("n_independent_raters > 0")[KEY]
    for rated, rows in ((ratings, kept), (independent, kept.merge(outcomes, on=KEY))):
        people = set(rated["connection_id"] + "|" + rated["application_id"])
        found = set(zip(rows["connection_id"] + "|" + rows["application_id"], rows["technique"], strict=True))
        assert found == {pair for pair in read if pair[0] in people}


def test_a_leaver_rated_after_the_last_day_is_in_every_step_and_an_unlinked_interviewer_leaves_nobody_independent(
    changing: Built,
) -> None:
    steps = "select n from marts_validity.validity_coverage where job_family = 'all' order by step_order"
    assert [n for (n,) in changing.rows(steps)] == [6, 6, 6, 6, 5]
    assert changing.rows(
        "select application_id, is_tenured, rater_was_interviewer, n_raters, n_independent_raters, "
        "interviewers_linked_share from marts_validity.fct_hire_outcomes where application_id in ('a0', 'a4', 'a5') "
        "order by application_id"
    ) == [("a0", True, True, 3, 2, 1.0), ("a4", False, False, 1, 1, 1.0), ("a5", True, None, 2, 0, 0.5)]


def test_a_rater_is_an_interviewer_where_the_hires_flag_says_so(company: Built) -> None:
    ratings = frame(company, "validity_inputs.validity_ratings").query("source == 'criterion'")
    outcomes = frame(company, "marts_validity.fct_hire_outcomes").set_index(KEY)
    flags = ratings.assign(flag=ratings["rater_was_interviewer"].astype("boolean")).groupby(KEY)["flag"]
    assert len(flags)
    expected = flags.agg(lambda one: True if one.any() else (None if one.isna().any() else False))
    own = outcomes.reindex(expected.index)
    assert own["rater_was_interviewer"].astype("boolean").equals(expected.astype("boolean"))
    raters = ratings[ratings["rater_was_interviewer"].astype("boolean").eq(False).fillna(False)]
    counted = raters.groupby(KEY)["rater_id"].nunique().reindex(expected.index, fill_value=0)
    assert own["n_independent_raters"].tolist() == counted.tolist()


def test_others_are_standardised_by_hand_as_in_the_managers_cell(company: Built) -> None:
    ratings = frame(company, "validity_inputs.validity_ratings")
    reviews = frame(company, "marts_performance.fct_reviews").set_index(["connection_id", "review_id"])
    managers = frame(company, "marts_performance.fct_performance_ratings")
    others = ratings[ratings["source"] == "other"]
    assert len(others) >= 3
    for row in others.itertuples():
        review = reviews.loc[(row.review_connection_id, row.review_id)]
        assert review["relation"] not in ("manager", "self")
        cycle = managers[
            (managers["connection_id"] == row.review_connection_id)
            & (managers["cycle_id"] == row.cycle_id)
            & (managers["scale_id"] == review["scale_id"])
        ]
        own = cycle[cycle["employee_id"] == review["employee_id"]].iloc[0]
        cell = cycle
        if own["cell_kind"] == "cycle_scale_level":
            cell = cycle[cycle["job_level"] == own["job_level"]]
        rating = cell["effective_rating"]
        assert row.value == pytest.approx((review["effective_rating"] - rating.mean()) / rating.std(), abs=1e-8)


def test_hours_add_up_and_hires_a_year_are_counted_from_the_clock(company: Built) -> None:
    hours = frame(company, "validity_inputs.validity_interview_hours")
    outcomes = frame(company, "marts_validity.fct_hire_outcomes")
    as_of = frame(company, "marts_ops.data_clock")["as_of_on"].iloc[0]
    day = outcomes["hired_at"].fillna(outcomes["started_on"]).dt.normalize()
    recent = outcomes[~outcomes["is_excluded"] & day.between(as_of - pd.Timedelta(days=364), as_of)]
    of_all = hours[hours["job_family"] == "all"]
    assert set(of_all["hires_per_year"]) == {len(recent)}
    rated = frame(company, "marts_performance.fct_performance_scores")
    rated = rated[pd.to_datetime(rated["first_rated_on"]).between(as_of - pd.Timedelta(days=364), as_of)]
    spell = ["employee_connection_id", "employee_id", "spell_number"]
    reviewed = outcomes[~outcomes["is_excluded"] & outcomes["performance_rating_z"].notna()].merge(
        rated[spell], on=spell
    )
    scored = frame(company, "validity_inputs.validity_scores").merge(reviewed[KEY], on=KEY)
    expected = scored.groupby("technique").size().reindex(sorted(of_all["technique"]), fill_value=0)
    assert of_all.set_index("technique")["rated_hires_per_year"].sort_index().tolist() == expected.tolist()
    assert expected.min() < expected.max(), "techniques are used on different people"
    families = hours[hours["job_family"] != "all"].groupby("technique")[["interviewer_hours", "n_interviews"]].sum()
    expected = of_all.set_index("technique")[["interviewer_hours", "n_interviews"]].fillna(0).sort_index()
    pd.testing.assert_frame_equal(families, expected, check_dtype=False)
    interviews = frame(company, "canonical.interviews").merge(
        frame(company, "marts_interviewing.fct_interviews"), on=["connection_id", "interview_id", "technique"]
    )
    own = interviews[(interviews["technique"] == "pair_coding") & interviews["is_held"]]
    own = own[own["ends_at_y"].dt.normalize().between(as_of - pd.Timedelta(days=364), as_of)]
    people = own[["n_interviewers", "n_scorecards"]].max(axis=1)
    assert families.loc["pair_coding", "interviewer_hours"] == pytest.approx(
        (own["duration_minutes"] / 60 * people).sum()
    )


@pytest.mark.slow
@pytest.mark.parametrize("left_out", ["greenhouse", "bamboohr", "lattice"])
def test_two_firms_in_one_without_one_vendor_still_build(build: Callable[..., Any], left_out: str) -> None:
    firm = {
        table: rows
        for table, rows in {**spreadsheet_firm(), **api_firm()}.items()
        if not table.startswith(f"raw_{left_out}.")
    }
    chosen = ("--select", "+path:models/marts/validity/inputs", "--exclude-resource-type", "unit_test")
    built = build(f"without_{left_out}", firm, *chosen)
    for model in MODELS:
        assert built.rows(f"select count(*) >= 0 from validity_inputs.{model}") == [(True,)], model


def test_nothing_the_engine_reads_can_be_published(empty: Any) -> None:
    from ingestion.warehouse import PUBLISHABLE

    schemas = {
        node["schema"] for node in empty.manifest["nodes"].values() if node.get("name") in MODELS and node["config"]
    }
    assert schemas == {"validity_inputs"}
    assert not any(PUBLISHABLE.fullmatch(f"validity_inputs.{model}") for model in MODELS)
