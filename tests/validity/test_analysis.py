"""From marts to result tables: every technique has its row, corrected never without raw, small cells stay inside."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from benchmarks.validity_engine import TECHNIQUES, Size, marts
from validity.analysis import Results, analyse
from validity.families import DECISION, VARIANTS, Marts, MissingColumnsError, attribute_inputs, technique_inputs
from validity.literature import REFERENCES
from validity.publication import shown
from validity.study import study
from validity.tables import TABLES, columns_of, frames

AS_OF = datetime(2026, 8, 23, tzinfo=UTC)
STAMP = {
    "as_of": AS_OF,
    "definition_version": "2",
    "lineage_id": "x",
    "code_version": "x",
    "manifest_hash": "x",
    "seed": 1,
}
SMALL = Size(hires=420, interviewed=1_400, families=2, raters=60, seconds=0, gigabytes=0)


@pytest.fixture(scope="module")
def company() -> Marts:
    return marts(SMALL, seed=3)


@pytest.fixture(scope="module")
def results(company: Marts) -> Results:
    return analyse(company, AS_OF, n_boot=60)


@pytest.fixture(scope="module")
def tables(results: Results) -> dict[str, pd.DataFrame]:
    return frames(results, STAMP)


def overall(estimates: pd.DataFrame) -> pd.DataFrame:
    return estimates[(estimates["attribute"] == "overall") & (estimates["variant"] == "all_raters")]


def test_every_technique_of_every_family_has_four_rungs(tables: dict[str, pd.DataFrame]) -> None:
    counted = overall(tables["validity_estimates"]).groupby(["technique", "job_family"])["rung"].agg(list)
    assert set(counted.index.get_level_values(0)) == set(TECHNIQUES)
    assert set(counted.index.get_level_values(1)) == {"all", "family_00", "family_01"}
    assert all(rungs == [1, 2, 3, 4] for rungs in counted)


def test_every_column_of_a_table_is_filled_by_some_row(results: Results) -> None:
    for field in fields(results):
        filled = {name for row in getattr(results, field.name) for name in row}
        assert set(TABLES[f"validity_{field.name}"].columns) <= filled, field.name


def test_the_decision_score_is_never_a_technique(tables: dict[str, pd.DataFrame]) -> None:
    for table in tables.values():
        if "technique" in table:
            assert DECISION not in set(table["technique"])


def test_a_corrected_value_never_stands_without_the_raw_one(tables: dict[str, pd.DataFrame]) -> None:
    keys = ["technique", "job_family", "attribute", "variant"]
    for estimates in (tables["validity_estimates"], shown(tables)["validity_estimates"]):
        raw = estimates[(estimates["rung"] == 1) & estimates["value"].notna()].set_index(keys).index
        corrected = estimates[(estimates["rung"] > 1) & estimates["value"].notna()].set_index(keys).index
        assert len(corrected)
        assert corrected.isin(raw).all()


def test_values_lie_inside_their_intervals_and_refusals_have_none(tables: dict[str, pd.DataFrame]) -> None:
    estimates = tables["validity_estimates"]
    has = estimates["status"].isin(["ok", "low_n"])
    assert (estimates.loc[has, "lo"] <= estimates.loc[has, "value"]).all()
    assert (estimates.loc[has, "value"] <= estimates.loc[has, "hi"]).all()
    assert estimates.loc[~has, ["value", "lo", "hi"]].isna().all(axis=None)
    assert (estimates.loc[~has, "reason"].str.len() > 0).all()


def test_words_follow_one_rule(tables: dict[str, pd.DataFrame]) -> None:
    estimates = tables["validity_estimates"]
    by_rung = {
        rung: overall(estimates[estimates["rung"] == rung]).set_index(["technique", "job_family"]) for rung in (3, 4)
    }
    for key, last in by_rung[4].iterrows():
        third = by_rung[3].loc[key]
        if np.isnan(last["value"]):
            assert last["verdict"] == "not estimable"
        elif third["q_value"] <= 0.10 and last["lo"] > 0:
            assert last["verdict"] == "supported"
        else:
            assert last["verdict"] in ("contradicted", "promising", "inconclusive")


def test_the_literature_stands_behind_techniques_that_it_knows(tables: dict[str, pd.DataFrame]) -> None:
    rows = overall(tables["validity_estimates"])
    known = set(rows.loc[rows["literature_value"].notna(), "technique"])
    assert known == set(REFERENCES) & set(TECHNIQUES)


def test_dropping_a_technique_never_gains(tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["validity_incremental"]
    rows = rows[rows["status"] == "ok"]
    assert len(rows) >= len(TECHNIQUES)
    assert (rows["delta_r2"] >= -1e-9).all()
    total = rows.groupby("job_family")
    np.testing.assert_allclose(total["relative_weight"].sum(), total["r2_all"].first())
    np.testing.assert_allclose(total["general_dominance"].sum(), total["r2_all"].first())


def test_the_date_of_enough_precision_lies_ahead_or_has_a_reason(tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["validity_power"]
    dated = rows[rows["precision_on"].notna()]
    assert len(dated)
    assert (dated["precision_on"] >= pd.Timestamp(AS_OF.date())).all()
    assert (rows["reason"].str.len() > 0).all()


def test_small_cells_are_suppressed_before_publishing(company: Marts) -> None:
    few = company.ratings["person_id"].unique()[:28]
    thin = replace(company, ratings=company.ratings[company.ratings["person_id"].isin(few)])
    made = shown(frames(analyse(thin, AS_OF, n_boot=20), STAMP))
    estimates = made["validity_estimates"]
    assert estimates["value"].notna().sum() == 0
    assert (estimates["verdict"] == "not estimable").all()
    assert not estimates["n"].between(1, 4).any()


def test_tables_are_typed_and_whole_when_nothing_was_ever_hired(company: Marts) -> None:
    empty = Marts(**{part.name: getattr(company, part.name).iloc[:0] for part in fields(company)})
    made = frames(analyse(empty, AS_OF), STAMP)
    assert set(made) == set(TABLES)
    for name, table in made.items():
        assert list(table.columns) == list(columns_of(name))
        assert table.empty


def test_a_mart_without_a_column_is_named(company: Marts) -> None:
    with pytest.raises(MissingColumnsError, match=r"ratings.*rater_id"):
        replace(company, ratings=company.ratings.drop(columns="rater_id"))


@pytest.mark.parametrize("unknown", [None, np.nan, pd.NA])
def test_whoever_is_not_known_to_be_no_interviewer_counts_as_one(company: Marts, unknown: object) -> None:
    ratings = company.ratings.assign(rater_was_interviewer=False).astype({"rater_was_interviewer": object})
    people = ratings["person_id"].isin(ratings["person_id"].unique()[:50])
    ratings.loc[people, "rater_was_interviewer"] = unknown
    mine = replace(company, ratings=ratings).prepared().of("family_00")
    everybody, independent = (technique_inputs(mine, "family_00", variant).ratings for variant in VARIANTS)
    assert set(everybody["person_id"]) - set(independent["person_id"]) == set(
        ratings.loc[people & (ratings["job_family"] == "family_00") & (ratings["source"] == "criterion"), "person_id"]
    )


def test_rows_in_another_order_give_the_same_results(company: Marts, results: Results) -> None:
    mixed = Marts(**{part.name: getattr(company, part.name).sample(frac=1, random_state=2) for part in fields(company)})
    again = analyse(mixed, AS_OF, n_boot=60)
    a, b = (
        overall(pd.DataFrame(one.estimates))[["value", "lo", "hi"]].to_numpy(dtype=float) for one in (results, again)
    )
    np.testing.assert_allclose(a, b, atol=1e-9)


def test_no_table_gives_back_what_the_estimates_withhold(company: Marts) -> None:
    """Few reviewed hires in one family: their count and any function of their validity stay inside."""
    family = company.outcomes.set_index("person_id")["job_family"]
    of = company.ratings["person_id"].map(family)
    few = company.ratings.loc[of == "family_01", "person_id"].unique()[:4]
    thin = replace(company, ratings=company.ratings[(of == "family_00") | company.ratings["person_id"].isin(few)])
    made = shown(frames(analyse(thin, AS_OF, n_boot=20), STAMP))
    for name, table in made.items():
        if "technique" not in table or name in ("validity_estimates", "validity_scatter"):
            continue
        mine = table[table["job_family"] == "family_01"]
        assert mine.filter(["value", "lo", "hi", "u", "half_width"]).isna().all(axis=None), name
        assert mine.filter(["n", "n_rated"]).isna().all(axis=None), name
    assert len(made["validity_sensitivity"].query("job_family == 'family_01'")) == 0
    assert len(made["validity_sensitivity"].query("job_family == 'family_00'")) > 0


@pytest.mark.parametrize("share", [0.70, np.nan])
def test_an_attribute_extrapolates_as_its_technique_does(company: Marts, share: float) -> None:
    ranges = company.ranges.assign(outside_share=share)
    mine = replace(company, ranges=ranges).prepared().of("family_00")
    found = study(**attribute_inputs(mine, "family_00", "work_sample", "attribute 0").arguments, n_boot=60)
    third = found.estimates.query("rung == 3").iloc[0]
    assert third["reason"].startswith("70% of the rejected scored where nobody was hired") == (share > 0)
    assert found.diagnostics["extrapolation_share"].item() == pytest.approx(share, nan_ok=True)
    assert not any("nan" in sentence for sentence in found.warnings)


def test_a_technique_of_three_families_is_pooled_over_them_and_one_of_two_is_not() -> None:
    """Rung 4 of a family is drawn toward the other families; `all` holds the same hires and is no unit of its own."""
    made = marts(Size(hires=480, interviewed=1_500, families=3, raters=60, seconds=0, gigabytes=0), seed=3)
    scores = made.scores.filter(regex="overall|person_id|job_family")
    scores.loc[scores["job_family"] == "family_02", "reference_call|overall"] = np.nan
    estimates = pd.DataFrame(analyse(replace(made, scores=scores), AS_OF, n_boot=40).estimates)
    mine = overall(estimates)[lambda frame: frame["value"].notna()].set_index(["technique", "job_family", "rung"])
    pooled = mine[mine["method"].str.endswith("pooled_over_3_job_families")]
    assert len(pooled)
    assert "reference_call" not in pooled.index.get_level_values(0)
    assert len(mine.loc["reference_call"].xs(4, level="rung").drop("all", errors="ignore")) == 2
    assert "all" not in pooled.index.get_level_values(1)
    assert mine.xs(4, level="rung").drop(pooled.droplevel("rung").index)["method"].str.contains("prior").all()
    for technique, rows in pooled.groupby("technique"):
        third = mine.loc[technique].xs(3, level="rung")["value"].drop("all", errors="ignore")
        fourth = rows["value"].droplevel(["technique", "rung"])
        assert len(fourth) == 3
        assert np.ptp(fourth) < np.ptp(third)
        assert third.min() < fourth.min() <= fourth.max() < third.max()
        assert rows["probability_positive"].between(0, 1).all()


def test_a_selection_ratio_tells_no_small_count(tables: dict[str, pd.DataFrame]) -> None:
    diagnostics = tables["validity_diagnostics"].head(3).copy()
    diagnostics["n_applicants"], diagnostics["n_hired"] = [40, 40, 40], [3, 20, 37]
    diagnostics["selection_ratio"] = diagnostics["n_hired"] / diagnostics["n_applicants"]
    seen = shown({**tables, "validity_diagnostics": diagnostics})["validity_diagnostics"]
    assert seen["selection_ratio"].isna().tolist() == [True, False, True]
    assert seen["n_hired"].isna().tolist() == [True, False, False]
