from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from validity.adverse_impact import TwoGroups, exact_test, ll144_scoring, log_ratio_interval
from validity.fairness import DIMENSIONS, FAIRNESS, WHOLE_PROCESS, answer, fairness_tables, with_groups
from validity.linked_tables import pinned

STAGES = ("review", "screen", "onsite")


def firm(seed: int, n: int, families: tuple[str, ...] = ("design", "sales")) -> pd.DataFrame:
    """Applications with answers and outcomes that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    stop = rng.choice(4, n, p=[0.5, 0.25, 0.12, 0.13])
    family = rng.choice(families, n)
    return pd.DataFrame(
        {
            "job_family": family,
            "requisition": family + rng.choice(list("ab"), n),
            "furthest_stage": [(*STAGES, "hired")[one] for one in stop],
            "is_hired": stop == 3,
            "sex": rng.choice(["Female", "Male", None, "Decline To Self Identify"], n, p=[0.4, 0.5, 0.07, 0.03]),
            "race": rng.choice(["Asian", "Black", "White", None], n, p=[0.2, 0.1, 0.6, 0.1]),
            "rating": np.nan,
        }
    )


def two_groups(counts: dict[str, tuple[int, int]], requisition: str = "r") -> pd.DataFrame:
    """`group`: (hired, applied); everybody else ended in the only stage."""
    rows = [
        {"sex": group, "is_hired": number < hired, "requisition": requisition}
        for group, (hired, n) in counts.items()
        for number in range(n)
    ]
    frame = pd.DataFrame(rows).assign(job_family="sales", race=None, rating=np.nan)
    return frame.assign(furthest_stage=np.where(frame["is_hired"], "hired", "review"))


def table(people: pd.DataFrame, scores: pd.DataFrame | None = None) -> pd.DataFrame:
    return fairness_tables(people, pd.DataFrame(index=people.index) if scores is None else scores, STAGES)


def of(made: pd.DataFrame, metric: str, **where: str) -> pd.DataFrame:
    rows = made[made["metric"] == metric]
    for name, value in where.items():
        rows = rows[rows[name] == value]
    return rows.set_index("group")


def test_nobody_is_an_empty_table_with_types() -> None:
    made = fairness_tables(pd.DataFrame(), pd.DataFrame(), STAGES)
    assert made.empty
    assert list(made.columns) == list(FAIRNESS.columns)
    assert str(made["n"].dtype) == "Int64"


def test_a_known_adverse_impact_is_found_with_everything_that_stands_beside_its_flag() -> None:
    """29 CFR 1607's example: 48 of 80 and 12 of 40."""
    made = of(table(two_groups({"Male": (48, 80), "Female": (12, 40)})), "selection_rate", stage=WHOLE_PROCESS)
    row, groups = made[made["dimension"] == "sex"].loc["Female"], TwoGroups(40, 12, 80, 48)
    assert (row["value"], row["impact_ratio"], row["reference_group"]) == (0.3, pytest.approx(0.5), "Male")
    assert (row["impact_ratio_lo"], row["impact_ratio_hi"]) == pytest.approx(log_ratio_interval(groups))
    assert row["fisher_p"] == pytest.approx(exact_test(groups).p_value)
    assert bool(row["four_fifths"])
    assert not row["flips"]


def test_no_flag_stands_without_its_test_interval_and_flip() -> None:
    made = table(firm(3, 3000))
    flagged = made[made["four_fifths"].notna()]
    assert len(flagged) > 10
    assert flagged[["fisher_p", "impact_ratio_lo", "impact_ratio_hi", "flips"]].notna().all(axis=None)


def test_a_difference_between_requisitions_is_not_one_between_groups() -> None:
    """Simpson: within each requisition the rates are equal; women applied to the harder one."""
    parts = [
        two_groups({"Male": (60, 100), "Female": (30, 50)}, "easy"),
        two_groups({"Male": (8, 80), "Female": (20, 200)}, "hard"),
    ]
    made = table(pd.concat(parts, ignore_index=True))
    assert of(made, "selection_rate", stage=WHOLE_PROCESS, dimension="sex").loc["Female", "four_fifths"]
    within = of(made, "mantel_haenszel", stage=WHOLE_PROCESS, dimension="sex").loc["Female"]
    assert within["value"] == pytest.approx(1.0)
    assert within["lo"] < 1 < within["hi"]
    assert within["n_requisitions"] == 2


def test_unknown_answers_are_groups_of_their_own_that_nobody_is_compared_with() -> None:
    people = two_groups({"Male": (40, 80), "Female": (35, 80), "I don't wish to answer": (30, 40), "": (20, 40)})
    made = of(table(people), "selection_rate", stage=WHOLE_PROCESS, dimension="sex")
    assert made.loc[["declined", "not answered"], "n"].tolist() == [40, 40]
    assert made.loc[["declined", "not answered"], "impact_ratio"].isna().all()
    assert made.loc["Male", "is_reference"]


@pytest.mark.parametrize("text", ["Decline To Self Identify", "I prefer not to say", "I do not want to answer"])
def test_a_refusal_in_any_words_is_declined(text: str) -> None:
    assert answer(text) == "declined"


def test_a_ratio_needs_thirty_people_in_both_groups() -> None:
    people = two_groups({"Male": (48, 80), "Female": (12, 29)})
    row = of(table(people), "selection_rate", stage=WHOLE_PROCESS, dimension="sex").loc["Female"]
    assert row["value"] == pytest.approx(12 / 29)
    assert pd.isna(row["impact_ratio"])
    assert "too few" in row["reason"]


def test_a_group_below_two_percent_is_counted_and_left_out_of_the_ratios() -> None:
    people = two_groups({"Male": (1000, 2000), "Female": (900, 1900), "Non-binary": (30, 40)})
    made = of(table(people), "selection_rate", stage=WHOLE_PROCESS, dimension="sex")
    assert made.loc["Non-binary", ["n", "is_below_2_percent"]].tolist() == [40, True]
    assert pd.isna(made.loc["Non-binary", "impact_ratio"])
    assert made.loc["Male", "is_reference"]


def test_a_group_of_fewer_than_ten_has_no_name() -> None:
    made = table(two_groups({"Male": (40, 80), "Female": (35, 80), "Something rare": (5, 9)}))
    assert "Something rare" not in set(made["group"])
    assert "other" in set(made["group"])


@pytest.mark.parametrize(("hired", "n"), [(0, 50), (50, 50), (4, 50), (47, 50), (3, 9)])
def test_few_people_or_few_of_one_outcome_are_hidden_with_another_group(hired: int, n: int) -> None:
    people = two_groups({"Male": (60, 120), "Female": (40, 80), "Non-binary": (hired, n)})
    made = of(table(people), "selection_rate", stage=WHOLE_PROCESS, dimension="sex")
    hidden = made[made["status"] == "suppressed"]
    assert len(hidden) == 2
    assert hidden[["n_selected", "value", "lo", "hi", "impact_ratio", "fisher_p", "four_fifths"]].isna().all(axis=None)


def test_the_scoring_rate_is_local_law_144s() -> None:
    rng = np.random.default_rng(0)
    people = two_groups({"Male": (60, 120), "Female": (40, 80), "": (10, 20)})
    scores = pd.DataFrame({"work_sample": rng.integers(1, 6, len(people)).astype(float)})
    made = of(table(people, scores), "scoring_rate", dimension="sex")
    expected = ll144_scoring(scores["work_sample"], people["sex"].replace({"": "not answered"}))
    rates = dict(zip(expected["category"], expected["rate"], strict=True))
    assert made["value"].to_dict() == pytest.approx(rates)
    assert made["tie_share"].tolist() == pytest.approx([expected.attrs["tie_share"]] * 3)


def test_the_worked_table_of_local_law_144() -> None:
    """DCWP's example: 667 of 1,390 and 555 of 1,181, ratio .979."""
    people = two_groups({"Male": (667, 1390), "Female": (555, 1181)})
    made = of(table(people), "selection_rate", stage=WHOLE_PROCESS, dimension="sex")
    assert made["impact_ratio"].round(3).to_dict() == {"Female": 0.979, "Male": 1.0}


def rated(n: int, bias: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(1)
    people = two_groups({"Male": (120, 240), "Female": (n, 2 * n)})
    score = rng.standard_normal(len(people))
    rating = 0.5 * score + bias * (people["sex"] == "Female") + rng.standard_normal(len(people))
    return people.assign(rating=rating.where(people["is_hired"])), pd.DataFrame({"work_sample": score})


def test_a_score_that_underpredicts_a_group_is_found() -> None:
    made = of(table(*rated(80, 0.8)), "differential_prediction", dimension="sex").loc["Female"]
    assert made["hi"] < 0
    assert made["p_intercepts"] < 0.01
    assert (made["n"], made["reference_group"]) == (80, "Male")


def test_regression_lines_of_fewer_than_fifty_are_refused_without_a_count() -> None:
    made = of(table(*rated(49, 0.8)), "differential_prediction", dimension="sex").loc["Female"]
    assert made["status"] == "not_estimable"
    assert made[["n", "value", "p_value"]].isna().all()


def test_no_id_or_single_answer_comes_out() -> None:
    made = table(firm(1, 400))
    assert not {"application_id", "candidate_id", "requisition"} & set(made.columns)
    assert made["n"].dropna().min() >= 10
    assert made["n_selected"].dropna().min() >= 5
    left = (made["n"] - made["n_selected"]).dropna()
    assert left.min() >= 5


class Attacker:
    """Reads the table, knows every family's totals per stage, and solves; shares no code with what hid the counts."""

    def __init__(self, people: pd.DataFrame, made: pd.DataFrame) -> None:
        grouped = with_groups(people)
        stop = grouped["furthest_stage"].map({name: n for n, name in enumerate((*STAGES, "hired"))})
        self.families = sorted(grouped["job_family"].unique())
        self.groups = sorted({tuple(row) for row in grouped[list(DIMENSIONS)].to_numpy()})
        self.unknowns = list(product(self.families, self.groups, range(4)))
        place = {name: n for n, name in enumerate(self.unknowns)}
        self.truth = np.zeros(len(place))
        for family, group, level in zip(
            grouped["job_family"], grouped[list(DIMENSIONS)].itertuples(index=False, name=None), stop, strict=True
        ):
            self.truth[place[family, group, level]] += 1
        rows = [self.row(family, None, level) for family in self.families for level in range(4)]
        self.known = np.unique([*rows, *self.published(made)], axis=0)

    def row(self, family: str, group: tuple[str, str] | None, level: int) -> np.ndarray:
        return np.array(
            [
                family in (f, "all")
                and (group is None or g[DIMENSIONS.index(group[0])] == group[1])
                and reached >= level
                for f, g, reached in self.unknowns
            ],
            dtype=float,
        )

    def published(self, made: pd.DataFrame) -> list[np.ndarray]:
        steps = {WHOLE_PROCESS: (0, 3)} | {stage: (n, n + 1) for n, stage in enumerate(STAGES)}
        found = []
        for one in made[made["metric"] == "selection_rate"].itertuples():
            for level, count in zip(steps[one.stage], (one.n, one.n_selected), strict=True):
                if not pd.isna(count):
                    found.append(self.row(one.job_family, (one.dimension, one.group), level))
                    assert found[-1] @ self.truth == count
        return found

    def secrets(self) -> list[np.ndarray]:
        """Groups of fewer than ten, hires and rejections of fewer than five."""
        found = []
        for family, number in product(["all", *self.families], range(len(DIMENSIONS))):
            for group in {groups[number] for groups in self.groups}:
                rows = [self.row(family, (DIMENSIONS[number], group), level) for level in range(4)]
                found += [row for row in rows[:3] if row @ self.truth < 10]
                found += [a - b for a, b in combinations(rows, 2) if (a - b) @ self.truth < 5]
                found += [rows[3]] if rows[3] @ self.truth < 5 else []
        published = {tuple(row) for row in self.known}
        return [row for row in found if tuple(row) not in published]

    def solves(self, secret: np.ndarray) -> bool:
        weights = np.linalg.lstsq(self.known.T, secret, rcond=None)[0]
        return bool(np.allclose(weights @ self.known, secret, atol=1e-8))

    def corners(self, secret: np.ndarray) -> float:
        ends = [linprog(sign * secret, A_eq=self.known, b_eq=self.known @ self.truth).fun for sign in (1, -1)]
        return float(-ends[1] - ends[0])


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "n"), [(1, 250), (3, 450)])
def test_an_attacker_who_subtracts_or_bounds_recovers_no_hidden_count(seed: int, n: int) -> None:
    people = firm(seed, n)
    made = table(people)
    attacker = Attacker(people, made)
    secrets = attacker.secrets()
    assert len(secrets) > 30
    assert made["value"].notna().any()
    assert not [row for row in secrets if attacker.solves(row)]
    assert all(attacker.corners(row) > 1 - 1e-6 for row in secrets[::4])


def test_the_attack_succeeds_where_only_small_counts_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: without complementary suppression the same attacker wins."""
    monkeypatch.setattr("validity.fairness.protect", lambda tables, minimum: tables.counts >= np.asarray(minimum))
    people = firm(1, 250)
    attacker = Attacker(people, table(people))
    assert [row for row in attacker.secrets() if attacker.solves(row)]


def test_a_total_of_nothing_pins_what_it_is_made_of() -> None:
    known = np.array([[1.0, 1, 1]])
    assert list(pinned(known, np.array([0.0]), np.eye(3)[:1]))
    assert not list(pinned(known, np.array([9.0]), np.eye(3)[:1]))
