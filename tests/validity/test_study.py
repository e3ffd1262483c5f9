"""The study as a user would doubt it: invariances, limits, refusals, and a fast recovery of a known truth."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from validity.moments import PatternMoments, patterns_of
from validity.normal import fit_missing, fit_normal, linearise, refit
from validity.ratings import Stated
from validity.sample import SufficientScores, _cells
from validity.selection import pearson_lawley
from validity.simulation import SCENARIOS, SimulatedStudy, simulate, true_validity
from validity.study import UNTESTABLE, Study, study

N_BOOT = 60
FEW = settings(max_examples=5, deadline=None, derandomize=True)  # of draws: a rare one would fail some other day


def run(one: SimulatedStudy, **changed: Any) -> Study:
    arguments: dict[str, Any] = {
        "scores": one.scores,
        "ratings": one.ratings,
        "stages": one.stages,
        "decision_score": one.decision_score,
        "hired": one.hired,
        "design": one.design,
        "n_boot": N_BOOT,
        "seed": 3,
    }
    return study(**arguments | changed)


def numbers(found: Study) -> np.ndarray:
    return found.estimates[["value", "lo", "hi"]].to_numpy(dtype=float)


def same(a: Study, b: Study) -> None:
    pd.testing.assert_frame_equal(
        a.estimates[["predictor", "rung", "status"]], b.estimates[["predictor", "rung", "status"]]
    )
    np.testing.assert_allclose(numbers(a), numbers(b), atol=1e-6)


@pytest.fixture(scope="module")
def one() -> SimulatedStudy:
    return simulate(SCENARIOS["S1b"], seed=11)


@pytest.fixture(scope="module")
def found(one: SimulatedStudy) -> Study:
    return run(one)


@FEW
@given(scale=st.floats(0.01, 100), shift=st.floats(-50, 50), rating_scale=st.floats(0.1, 10))
def test_linear_rescaling_of_scores_and_ratings_changes_nothing(
    scale: float, shift: float, rating_scale: float
) -> None:
    one = simulate(SCENARIOS["S1"], seed=5)
    ratings = one.ratings.assign(value=one.ratings["value"] * rating_scale + shift)
    same(run(one), run(one, scores=one.scores * scale + shift, ratings=ratings))


@FEW
@given(seed=st.integers(0, 1000))
def test_row_order_and_names_of_raters_change_nothing(seed: int) -> None:
    one = simulate(SCENARIOS["S5"], seed=5)
    rng = np.random.default_rng(seed)
    shuffled = one.scores.iloc[rng.permutation(len(one.scores))]
    names = one.ratings["rater_id"].unique()
    renamed = dict(zip(names, rng.permutation(names), strict=True))
    ratings = one.ratings.sample(frac=1, random_state=seed).assign(rater_id=lambda f: f["rater_id"].map(renamed))
    a, b = run(one), run(one, scores=shuffled, ratings=ratings)
    same(a, b)
    limits = ["lo_rater_aware", "hi_rater_aware"]
    assert a.diagnostics[limits].notna().all(axis=None)
    np.testing.assert_allclose(a.diagnostics[limits], b.diagnostics[limits], atol=1e-6)


@FEW
@given(seed=st.integers(0, 10_000), scenario=st.sampled_from(["S1b", "S5", "S7"]))
def test_rung_3_is_rung_2_when_everybody_was_hired_and_reviewed(seed: int, scenario: str) -> None:
    one = simulate(SCENARIOS[scenario], seed=seed)
    everybody = one.scores.index[one.scores.index.isin(one.ratings["person_id"])]
    found = run(one, scores=one.scores.loc[everybody], hired=None, decision_score=None, n_boot=20)
    by_rung = found.estimates.pivot(index="predictor", columns="rung", values="value").dropna()
    np.testing.assert_allclose(by_rung[3], by_rung[2], atol=1e-9)
    shown = found.estimates.query("rung == 3 and status == 'not_estimable'")["reason"]
    assert not shown.str.contains("vary only|nobody was hired").any()  # nothing was selected, so nothing is restricted
    assert found.diagnostics["u"].to_numpy() == pytest.approx(1.0)


def test_a_concurrent_study_corrects_for_rating_error_only() -> None:
    found = run(simulate(SCENARIOS["S13"], seed=2))
    by_rung = found.estimates.pivot(index="predictor", columns="rung", values="value")
    np.testing.assert_allclose(by_rung[3], by_rung[2])
    assert found.estimates.query("rung == 3")["method"].str.endswith("no_selection").all()


@FEW
@given(seed=st.integers(0, 10_000), cut=st.floats(-0.5, 1.0))
def test_em_equals_pearson_lawley_when_nothing_but_the_outcome_is_missing(seed: int, cut: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], size=300)
    y = x @ [0.4, 0.2] + rng.normal(size=300)
    chosen = x.sum(1) + rng.normal(size=300) > cut
    fitted = fit_missing(np.column_stack([x, np.where(chosen, y, np.nan)])).cov
    among_hired = np.cov(np.column_stack([x, y])[chosen], rowvar=False, ddof=0)
    np.testing.assert_allclose(fitted, pearson_lawley(among_hired, np.cov(x, rowvar=False, ddof=0)), atol=1e-7)


def test_gaps_in_the_scores_are_filled_to_the_likelihoods_maximum() -> None:
    """The factored steps with gaps end where a plain EM on the whole covariance matrix would: its gradient is 0."""
    rng = np.random.default_rng(4)
    rows = rng.multivariate_normal(np.zeros(4), 0.6 * np.eye(4) + 0.4, size=400)
    rows[rng.random(rows.shape) < 0.15] = np.nan
    rows[rng.random(400) < 0.4, 3] = np.nan
    rows = rows[~np.isnan(rows).all(axis=1)]
    fit = fit_normal(PatternMoments.from_rows(rows), tolerance=1e-12)
    mean, cov = fit.mean[0], fit.cov[0]
    sums, products = np.zeros(4), np.zeros((4, 4))
    for row in rows:
        has = ~np.isnan(row)
        slope = cov[np.ix_(~has, has)] @ np.linalg.inv(cov[np.ix_(has, has)])
        filled = row.copy()
        filled[~has] = mean[~has] + slope @ (row[has] - mean[has])
        sums += filled
        products += np.outer(filled, filled)
        products[np.ix_(~has, ~has)] += cov[np.ix_(~has, ~has)] - slope @ cov[np.ix_(has, ~has)]
    centre = sums / len(rows)
    np.testing.assert_allclose(centre, mean, atol=1e-8)
    np.testing.assert_allclose(products / len(rows) - np.outer(centre, centre), cov, atol=1e-8)


def widening(seed: int, first: int) -> pd.DataFrame:
    """Widths of intervals from every third person over those from all, where both are shown."""
    one = simulate(SCENARIOS["S1b"], seed=seed)
    third = one.scores.iloc[first::3]
    ratings = one.ratings[one.ratings["person_id"].isin(third.index)]
    made = (run(one), run(one, scores=third, ratings=ratings))
    width, wider = (f.estimates["hi"] - f.estimates["lo"] for f in made)
    return made[0].estimates.assign(ratio=wider / width).dropna(subset=["ratio"])


@FEW
@given(seed=st.integers(0, 10_000), first=st.integers(0, 2))
def test_intervals_widen_as_people_are_removed(seed: int, first: int) -> None:
    comparable = widening(seed, first)
    assert {1, 2} <= set(comparable["rung"])
    assert (comparable.query("rung == 1")["ratio"] > 1.3).all()
    assert comparable.query("rung == 2")["ratio"].mean() > 1.1


def test_corrected_intervals_widen_on_average() -> None:
    """A single one need not: with few people only the draws with a narrow interval show one."""
    ratio = pd.concat([widening(seed, 0) for seed in range(8)]).groupby("rung")["ratio"].mean()
    assert set(ratio.index) == {1, 2, 3, 4}
    assert (ratio > 1.2).all()


def test_sums_of_the_rejected_give_the_digits_that_their_rows_give(one: SimulatedStudy, found: Study) -> None:
    """Blocks are drawn with the study's own seed, so both forms see the same random groups."""
    table = one.scores.sort_index()
    table = table - table.mean()
    is_hired = one.hired.reindex(table.index)
    cells = _cells(table[~is_hired], None, np.random.default_rng(3))
    outside = found.diagnostics.set_index("predictor")["extrapolation_share"].to_dict()
    rng_is_used_up = run(one, scores=SufficientScores(table[is_hired], cells, outside))
    third = rng_is_used_up.estimates.query("rung == 3")
    np.testing.assert_allclose(third["value"], found.estimates.query("rung == 3")["value"], atol=1e-9)
    width = third["hi"] - third["lo"]
    expected = found.estimates.query("rung == 3")
    np.testing.assert_allclose(width, expected["hi"] - expected["lo"], rtol=0.35)


def test_one_manager_twice_is_not_two_raters() -> None:
    found = run(simulate(SCENARIOS["S15"], seed=1))
    assert any("reliability from one rater" in sentence for sentence in found.warnings)
    assert found.reliability["method"].item() == "stated"
    assert (found.estimates.query("rung == 2")["status"] == "low_n").all()


def said_by_others(one: SimulatedStudy, slope: float) -> pd.DataFrame:
    """Ratings by other people that repeat this share of the criterion's variance."""
    value = one.ratings.groupby("person_id")["value"].mean()
    noise = np.random.default_rng(1).normal(0, 0.5, len(value))
    numbers = {"rater_id": [f"p{i % 40}" for i in range(len(value))], "cycle_id": 1, "value": slope * value + noise}
    return pd.DataFrame(numbers).rename_axis("person_id").reset_index()


def test_a_reliability_above_1_corrects_nothing(one: SimulatedStudy) -> None:
    ratings = one.ratings.groupby("person_id").head(1)
    found = run(one, ratings=ratings, other_ratings=said_by_others(one, 2.0))
    assert found.reliability["status"].item() == "not_estimable"
    corrected = found.estimates.query("rung > 1")
    assert corrected["value"].isna().all()
    assert corrected["reason"].str.contains("exceeds 1").all()
    assert found.estimates.query("rung == 1")["value"].notna().all()
    assert set(found.sensitivity["kind"]) == {"reliability_rung_2"}


@pytest.mark.parametrize(("slope", "is_refused"), [(1.23, False), (1.29, True)])
def test_resamples_of_a_reliability_above_1_are_undefined(one: SimulatedStudy, slope: float, is_refused: bool) -> None:
    ratings = one.ratings.groupby("person_id").head(1)
    found = run(one, ratings=ratings, other_ratings=said_by_others(one, slope))
    assert found.reliability["method"].item() == "between_rater_covariance"
    assert not (found.resampled_reliability > 1.001).any()
    assert np.isnan(found.resampled_reliability).any()
    assert (found.reliability["status"].item() == "not_estimable") == is_refused
    assert is_refused or found.reliability["hi"].item() <= 1


def test_a_reliability_from_elsewhere_is_as_uncertain_as_it_is_there(one: SimulatedStudy) -> None:
    drawn = np.linspace(0.35, 0.95, 41)
    ratings = one.ratings.groupby("person_id").head(1)
    known, unsure = (
        run(one, ratings=ratings, firm_reliability=given, n_boot=200) for given in (0.6, Stated(0.6, drawn))
    )
    assert known.reliability[["lo", "hi"]].to_numpy() == pytest.approx(0.6)
    assert unsure.reliability["lo"].item() < 0.4
    assert unsure.reliability["hi"].item() > 0.9
    strongest = "predictor == 'attribute_1' and rung in (2, 3)"
    width, wider = ((f.estimates["hi"] - f.estimates["lo"])[f.estimates.eval(strongest)] for f in (known, unsure))
    assert (wider > width).all()
    same(unsure, run(one, ratings=ratings, firm_reliability=Stated(0.6, drawn), n_boot=200))


def test_the_literatures_reliability_has_the_literatures_range() -> None:
    found = run(simulate(SCENARIOS["S15"], seed=1)).reliability
    assert 0.45 <= found["lo"].item() < 0.52
    assert 0.62 < found["hi"].item() <= 0.65


@pytest.mark.parametrize(("n_raters", "words"), [(3, "5 are needed to resample them"), (12, "resamples raters too")])
def test_few_raters_are_told_with_the_interval_that_there_is(one: SimulatedStudy, n_raters: int, words: str) -> None:
    person = pd.factorize(one.ratings["person_id"])[0]
    rater = pd.Series(person % n_raters, index=one.ratings.index).map("m{}".format)
    found = run(one, ratings=one.ratings.assign(rater_id=rater))
    assert sum(words in sentence for sentence in found.warnings) == 1
    assert found.diagnostics["lo_rater_aware"].notna().all() == (n_raters >= 5)


def test_a_refused_rung_3_has_no_p_value_and_no_other_interval(one: SimulatedStudy) -> None:
    many = one.ratings["person_id"].unique()[:120]
    rated = one.ratings[one.ratings["person_id"].isin(many)]
    raters = pd.Series(pd.factorize(rated["person_id"])[0] % 8, index=rated.index).map("m{}".format)
    found = run(one, ratings=rated.assign(rater_id=raters), firm_reliability=0.6)  # most hires have no review
    assert (found.estimates.query("rung == 3")["status"] == "not_estimable").all()
    assert found.diagnostics[["p_value", "q_value", "lo_rater_aware", "hi_rater_aware"]].isna().all(axis=None)
    assert any("no interval here" in sentence for sentence in found.warnings)


@pytest.mark.parametrize("depends", [True, False])
def test_reviews_that_are_missing_for_some_scores_are_told(one: SimulatedStudy, depends: bool) -> None:
    hires = one.scores.loc[one.scores.index.isin(one.ratings["person_id"]), "attribute_1"]
    chance = np.random.default_rng(7).random(len(hires))
    kept = hires.index[chance > (0.7 * (hires.rank(pct=True) > 0.5) if depends else 0.3)]
    found = run(one, ratings=one.ratings[one.ratings["person_id"].isin(kept)], n_boot=20)
    told = [sentence for sentence in found.warnings if "missing more often" in sentence]
    assert bool(told) == depends
    if depends:
        assert "attribute_1 (high scores)" in told[0]
        row = found.diagnostics.set_index("predictor").loc["attribute_1"]
        assert row["r_missing_review"] > 0.2
        assert row["p_missing_review"] < 0.001


def test_the_untestable_assumption_and_the_extrapolation_are_always_told() -> None:
    found = run(simulate(SCENARIOS["S12"], seed=1))
    assert any(UNTESTABLE in sentence for sentence in found.warnings)
    assert found.diagnostics["extrapolation_share"].between(0, 1).all()


def test_hidden_information_has_a_curve_and_a_recorded_score_takes_the_bias_away() -> None:
    hidden, recorded = (run(simulate(SCENARIOS[name], seed=4), n_boot=30) for name in ("S2", "S3"))
    curve = hidden.sensitivity.query("kind == 'hidden_information' and predictor == 'attribute_1'")["value"]
    assert curve.is_monotonic_increasing
    assert not any("No decision-time score" in sentence for sentence in recorded.warnings)
    assert any("No decision-time score" in sentence for sentence in hidden.warnings)


def test_families_that_share_only_some_interviews_are_studied_together(one: SimulatedStudy) -> None:
    """Two interviews that nobody has both of: their covariance is unknown, and no interval may hang on it."""
    families = pd.Series(np.where(np.arange(len(one.scores)) % 2, "a", "b"), index=one.scores.index)
    scores = one.scores.assign(
        attribute_2=one.scores["attribute_2"].where(families == "a"),
        attribute_3=one.scores["attribute_3"].where(families == "b"),
    )
    found = run(one, scores=scores, strata=families, stages=dict.fromkeys(scores.columns, 1))
    third = found.estimates.query("rung == 3")
    assert (third["status"] == "ok").all(), third["reason"].tolist()
    assert ((third["hi"] - third["lo"]) > 0.05).all()
    assert found.diagnostics["undefined_share"].max() == 0
    # A family that does not use an interview is not among those who reached it.
    facts = found.diagnostics.set_index("predictor")
    reached = scores.notna().any(axis=1)
    everybody = {"attribute_1": reached, "attribute_2": reached & (families == "a")}
    for name, who in everybody.items():
        assert facts.loc[name, "n_applicants"] == who.sum()
        assert facts.loc[name, "n_hired"] == one.hired[who].sum()


def test_a_bootstrap_to_first_order_agrees_with_one_that_is_carried_through() -> None:
    """Gaps of a fifth: the intervals that one EM step and its response give against EM run to its end."""
    rng = np.random.default_rng(8)
    rows = rng.multivariate_normal(np.zeros(4), 0.6 * np.eye(4) + 0.4, size=600)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    rows[rng.random(600) < 0.5, 3] = np.nan
    rows = rows[~np.isnan(rows).all(axis=1)]
    data = PatternMoments.from_rows(rows)
    weights = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=40).astype(float)
    drawn = PatternMoments.from_rows(rows, weights)
    quick = refit(drawn, linearise(data, fit_normal(data))).cov
    full = fit_normal(drawn, tolerance=1e-7).cov
    spread = full.std(axis=0)
    assert (np.abs(quick - full).mean(axis=0) < 0.15 * spread).all()
    np.testing.assert_allclose(quick.std(axis=0), spread, rtol=0.1)


POOR: dict[str, Any] = {
    "no ratings": {"ratings": pd.DataFrame(columns=["person_id", "rater_id", "cycle_id", "value"])},
    "one hire": {"keep": 1},
    "twenty hires": {"keep": 20},
    "the same score for everybody": {"constant": True},
    "the same rating for everybody": {"flat": True},
    "ratings without raters": {"anonymous": True},
}


@pytest.mark.parametrize("name", POOR)
def test_poor_data_get_a_status_and_a_sentence(one: SimulatedStudy, name: str) -> None:
    how = POOR[name]
    ratings, scores = how.get("ratings", one.ratings), one.scores
    if "keep" in how:
        ratings = ratings[ratings["person_id"].isin(ratings["person_id"].unique()[: how["keep"]])]
    if how.get("constant"):
        scores = scores.assign(attribute_1=3.0)
    if how.get("flat"):
        ratings = ratings.assign(value=3.0)
    if how.get("anonymous"):
        ratings = ratings.assign(rater_id=None)
    found = run(one, scores=scores, ratings=ratings, n_boot=20)
    rows = found.estimates
    assert len(rows) == 12
    refused = rows[rows["status"] == "not_estimable"]
    if how.get("anonymous"):  # every hire has one unknown rater of their own, so how far raters agree is not known
        assert found.reliability["method"].item() == "stated"
        assert (rows.query("rung > 1")["status"] != "ok").all()
    else:
        assert len(refused) >= 3
    assert refused[["value", "lo", "hi"]].isna().all(axis=None)
    assert (refused["reason"].str.len() > 10).all()
    shown = rows[rows["status"] != "not_estimable"]
    assert ((shown["lo"] <= shown["value"]) & (shown["value"] <= shown["hi"])).all()


def test_a_score_without_anybody_and_a_missing_stage_are_refused(one: SimulatedStudy) -> None:
    found = run(one, scores=one.scores.assign(attribute_9=np.nan), n_boot=20)
    assert (found.estimates.query("predictor == 'attribute_9'")["status"] == "not_estimable").all()


def test_the_same_seed_gives_the_same_digits_on_one_thread_and_on_many() -> None:
    code = (
        "from validity.simulation import SCENARIOS, simulate; from validity.study import study;"
        "o = simulate(SCENARIOS['S1'], seed=5);"
        "print(study(o.scores, o.ratings, hired=o.hired, n_boot=40, seed=2).estimates.to_csv())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "4")
    }
    assert len(found) == 1


def test_people_who_are_all_in_one_stratum_are_studied_as_without_strata(one: SimulatedStudy, found: Study) -> None:
    """A firm with one job family, or a technique that only one family uses."""
    same(found, run(one, strata=pd.Series("engineering", index=one.scores.index)))


@pytest.mark.parametrize(
    "imports",
    ["import validity", "import validity.study", "from validity.study import UNTESTABLE; import validity"],
)
def test_the_study_is_reached_from_the_package_whatever_was_imported_first(imports: str) -> None:
    """In a process of its own: pytest's doctest collection puts modules in the place of what a package names alike."""
    code = f"{imports}; from validity.study import study; assert validity.study is study and validity.Study"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_a_known_truth_is_recovered_and_the_weakest_predictor_does_not_turn_negative() -> None:
    """Forty hiring processes of 2,000 applicants; the full table is `benchmarks/validity_recovery.py`."""
    truth = true_validity(SCENARIOS["S1b"]).to_numpy()
    rungs = [run(simulate(SCENARIOS["S1b"], seed=seed), n_boot=80).estimates for seed in range(40)]
    values = np.array([[e.loc[e["rung"] == rung, "value"] for rung in (1, 3)] for e in rungs])
    naive, corrected = values.mean(axis=0)
    error = values[:, 1].std(axis=0) / np.sqrt(len(rungs))
    assert np.abs(corrected - truth).max() < 0.015 + 3 * error.max()
    assert naive[2] < 0 < corrected[2]
    lo, hi = (np.array([e.loc[e["rung"] == 3, name] for e in rungs]) for name in ("lo", "hi"))
    assert ((lo <= truth) & (truth <= hi)).mean() > 0.86


NOT_AS_DOCUMENTED: dict[str, dict[str, Any]] = {
    "a word among the scores": {"score": "x"},
    "a word among the ratings": {"value": "good"},
    "an infinite rating": {"value": np.inf},
    "no ratings at all": {"ratings": pd.DataFrame()},
    "ratings without raters": {"drop": "rater_id"},
    "ratings without people": {"drop": "person_id"},
    "hired in words": {"hired": "words"},
    "hired as a list": {"hired": "list"},
    "stages without a number": {"stages": {"attribute_1": None}},
    "stages of another study": {"stages": {"other": 1}},
    "a decision score that is no column": {"decision_score": "nope"},
    "a decision score of nobody": {"decision_score": pd.Series({"nobody": 1.0})},
    "people as a column": {"column": True},
    "one series of scores": {"series": True},
    "a column nobody has": {"empty": True},
    "many strata": {"strata": "many"},
}


def odd(one: SimulatedStudy, how: dict[str, Any]) -> dict[str, Any]:
    """Arguments that are not as documented."""
    changed = {name: how[name] for name in ("ratings", "stages", "decision_score") if name in how}
    scores, ratings = one.scores.astype(object), one.ratings.astype({"value": object})
    if "score" in how:
        scores.iloc[0, 0] = how["score"]
    if "value" in how:
        ratings.loc[ratings.index[0], "value"] = how["value"]
    if "drop" in how:
        ratings = ratings.drop(columns=how["drop"])
    if "hired" in how:
        words = one.hired.reindex(scores.index).map({True: "Yes", False: "no"})
        changed["hired"] = words if how["hired"] == "words" else list(words)
    if "empty" in how:
        scores = scores.assign(attribute_9=np.nan)
    if "strata" in how:
        changed["strata"] = pd.Series([f"s{i % 120}" for i in range(len(scores))], index=scores.index)
    if "column" in how:
        scores = scores.rename_axis("person_id").reset_index()
    if "series" in how:
        scores = scores["attribute_1"]
    return {"scores": scores, "ratings": ratings, "n_boot": 20, **changed}


@pytest.mark.parametrize("name", NOT_AS_DOCUMENTED)
def test_arguments_that_are_not_as_documented_are_read_as_far_as_they_go(one: SimulatedStudy, name: str) -> None:
    how = NOT_AS_DOCUMENTED[name]
    found = run(one, **odd(one, how))
    assert found.warnings
    has_ratings = name not in ("no ratings at all", "ratings without people")
    first = found.estimates.query("rung == 3 and predictor == 'attribute_1'")
    assert (first["status"].item() != "not_estimable") == has_ratings, first["reason"].item()
    refused = found.estimates[found.estimates["status"] == "not_estimable"]
    assert (refused["reason"].str.len() > 10).all()
    assert "p_value" in found.diagnostics


def test_ids_of_another_type_are_the_same_people(one: SimulatedStudy, found: Study) -> None:
    number = {person: position for position, person in enumerate(sorted(one.scores.index))}
    ratings = one.ratings.assign(person_id=one.ratings["person_id"].map(number).astype(str))
    scores, hired = one.scores.rename(index=number), one.hired.rename(index=number)
    again = run(one, scores=scores, ratings=ratings, hired=hired)
    first, second = (f.estimates.query("rung == 3")["value"] for f in (found, again))
    np.testing.assert_allclose(first, second, atol=1e-9)


@pytest.mark.parametrize("wrong", [{"design": "retrospective"}, {"n_boot": -1}, {"level": 95}])
def test_a_choice_that_does_not_exist_is_an_error(one: SimulatedStudy, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        run(one, **wrong)


@given(arrays(bool, st.tuples(st.integers(0, 40), st.integers(0, 19))))
def test_patterns_are_the_distinct_rows_in_order(observed: np.ndarray) -> None:
    patterns, number = patterns_of(observed)
    assert (patterns[number] == observed).all()
    if observed.size:
        assert (patterns == np.unique(observed, axis=0)).all()


def test_an_own_reliability_beyond_1_gives_way_to_the_firms() -> None:
    one = simulate(SCENARIOS["S1b"], seed=1)
    ratings = one.ratings.drop_duplicates("person_id")
    # Peers who repeat the manager twice as far: their covariance with the criterion exceeds its variance.
    peers = ratings.assign(rater_id="peer of " + ratings["person_id"].astype(str), value=2 * ratings["value"])
    arguments = {"hired": one.hired, "other_ratings": peers, "n_boot": 50, "seed": 1}
    alone = study(one.scores, ratings, **arguments)
    assert set(alone.reliability["status"]) == {"not_estimable"}
    lent = study(one.scores, ratings, **arguments, firm_reliability=0.6)
    assert lent.reliability["value"].item() == pytest.approx(0.6)
    assert "exceeds 1" in lent.reliability["reason"].item()
    assert lent.estimates.loc[lent.estimates["rung"] == 3, "value"].notna().any()


def test_missing_reviews_are_told_also_where_they_change_no_status() -> None:
    one = simulate(SCENARIOS["S6"], seed=1)
    found = study(one.scores, one.ratings, hired=one.hired, n_boot=20, seed=1)
    told = [text for text in found.warnings if "have no review in the window" in text]
    assert len(told) == 1
    assert "understate" in told[0]
