from __future__ import annotations

import json
from math import atanh, tanh

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student_t

from validity.correlation import ClusterMoments, clustered_interval, clustered_slope, fisher_interval, olkin_pratt

LAW_SCHOOL_LSAT = [576, 635, 558, 578, 666, 580, 555, 661, 651, 605, 653, 575, 545, 572, 594]
LAW_SCHOOL_GPA = [3.39, 3.3, 2.81, 3.03, 3.44, 3.07, 3, 3.43, 3.36, 3.13, 3.12, 2.74, 2.76, 2.88, 2.96]


def test_law_school_correlation_is_the_printed_one() -> None:
    """Efron & Tibshirani (1993), Table 3.1: r = .776; interval and Olkin–Pratt from R."""
    moments = ClusterMoments.from_pairs(LAW_SCHOOL_LSAT, LAW_SCHOOL_GPA)
    interval = fisher_interval(moments.correlation, moments.n_pairs)
    assert moments.correlation == pytest.approx(0.776374491289407, abs=1e-10)
    assert (interval.lo, interval.hi) == pytest.approx((0.438510824962796, 0.921964755964516), abs=1e-8)
    assert olkin_pratt(moments.correlation, 15) == pytest.approx(0.789224868778966, abs=1e-10)


@pytest.mark.parametrize(
    ("r", "n", "level", "lo", "hi"),
    [
        (0.30, 50, 0.95, 0.0236250773888337, 0.53377518688552),
        (0.42, 28, 0.95, 0.0556416975114712, 0.685642086265032),
        (-0.10, 12, 0.90, -0.57074015210289, 0.42021178320415),
    ],
)
def test_fisher_interval_equals_its_closed_form(r: float, n: int, level: float, lo: float, hi: float) -> None:
    interval = fisher_interval(r, n, level)
    assert (interval.lo, interval.hi) == pytest.approx((lo, hi), abs=1e-10)


def test_clustered_slope_equals_club_sandwich(golden_folder) -> None:
    """R clubSandwich 0.5.8 on a seeded set of 141 pairs in 22 clusters: CR2 and Satterthwaite's df to 1e-6."""
    case = json.loads((golden_folder / "v02_cluster_robust.json").read_text())[0]
    data = pd.read_csv(golden_folder / case["input"]["csv"])
    moments = ClusterMoments.from_pairs(data["x"], data["y"], data["cluster"])
    fit, expected = clustered_slope(moments), case["expected"]
    assert (moments.n_pairs, moments.n_clusters) == (expected["n"], expected["J"])
    assert fit.slope == pytest.approx(expected["slope_equals_r"], abs=1e-6)
    assert fit.standard_error == pytest.approx(expected["CR2"]["se"], abs=1e-6)
    assert fit.df == pytest.approx(expected["CR2"]["df_satt"], abs=1e-6)
    assert clustered_interval(moments).p_value == pytest.approx(expected["CR2"]["p_satt"], abs=1e-6)


def brute_force_cr2(x: np.ndarray, y: np.ndarray, cluster: np.ndarray) -> tuple[float, float]:
    """CR2 and its df from the full n × n matrices, as the papers write them."""
    x, y = ((v - v.mean()) / v.std(ddof=1) for v in (x, y))
    design = np.column_stack([np.ones_like(x), x])
    bread = np.linalg.inv(design.T @ design)
    residual_maker = np.eye(len(x)) - design @ bread @ design.T
    residuals = residual_maker @ y
    directions, score = [], 0.0
    for key in np.unique(cluster):
        rows = np.flatnonzero(cluster == key)
        values, vectors = np.linalg.eigh(residual_maker[np.ix_(rows, rows)])
        root = np.where(values > 1e-9, 1 / np.sqrt(np.maximum(values, 1e-9)), 0.0)
        adjusted = vectors * root @ vectors.T @ design[rows] @ bread[:, 1]
        score += float(adjusted @ residuals[rows]) ** 2
        directions.append(residual_maker[:, rows] @ adjusted)
    gram = np.stack(directions) @ np.stack(directions).T
    return float(np.sqrt(score)), float(np.trace(gram) ** 2 / (gram**2).sum())


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), n_clusters=st.integers(3, 12), largest=st.integers(1, 6))
def test_clustered_slope_from_sums_equals_the_one_from_full_matrices(seed: int, n_clusters: int, largest: int) -> None:
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(n_clusters), rng.integers(1, largest + 1, n_clusters))
    cluster = np.concatenate([cluster, [0, 1, 2]])
    x, y = rng.standard_normal((2, len(cluster)))
    fit = clustered_slope(ClusterMoments.from_pairs(x, y, cluster))
    assert (fit.standard_error, fit.df) == pytest.approx(brute_force_cr2(x, y, cluster), rel=1e-7)


def test_sums_may_come_from_sql_in_any_unit() -> None:
    rng = np.random.default_rng(3)
    cluster, x, y = rng.integers(0, 9, 80), rng.standard_normal(80), rng.standard_normal(80)
    sums = pd.DataFrame(
        {"n": 1.0, "sum_x": 100 + 7 * x, "sum_y": y, "sum_xx": (100 + 7 * x) ** 2, "sum_xy": (100 + 7 * x) * y,
         "sum_yy": y**2}
    ).groupby(cluster).sum()  # fmt: skip
    from_sql, from_rows = ClusterMoments.from_frame(sums), ClusterMoments.from_pairs(x, y, cluster)
    assert from_sql.correlation == pytest.approx(from_rows.correlation, abs=1e-9)
    assert clustered_slope(from_sql).df == pytest.approx(clustered_slope(from_rows).df, rel=1e-6)


def test_clustered_interval_covers_the_truth_where_fishers_does_not() -> None:
    """15 interviewers, 10 hires each, two fifths of the variance shared: 500 studies, truth .30."""
    rng, rho, hits, hits_fisher = np.random.default_rng(1), 0.3, 0, 0
    cluster = np.repeat(np.arange(15), 10)
    for _ in range(500):
        shared = rng.standard_normal((15, 2)) * np.sqrt(0.4)
        noise = shared[cluster] + rng.standard_normal((150, 2)) * np.sqrt(0.6)
        x, y = noise[:, 0], rho * noise[:, 0] + np.sqrt(1 - rho**2) * noise[:, 1]
        moments = ClusterMoments.from_pairs(x, y, cluster)
        clustered, fisher = clustered_interval(moments), fisher_interval(moments.correlation, 150)
        hits += clustered.lo <= rho <= clustered.hi
        hits_fisher += fisher.lo <= rho <= fisher.hi
    assert hits / 500 >= 0.92  # three standard errors below .95
    assert hits_fisher / 500 < 0.90


@settings(deadline=None, max_examples=60)
@given(r=st.floats(-0.95, 0.95), n=st.integers(25, 2000))
def test_interval_holds_r_and_stays_within_one(r: float, n: int) -> None:
    interval = fisher_interval(r, n)
    assert -1 < interval.lo < r < interval.hi < 1


def test_clustered_interval_of_independent_pairs_is_close_to_fishers() -> None:
    rng = np.random.default_rng(8)
    x = rng.standard_normal(400)
    y = 0.4 * x + rng.standard_normal(400)
    moments = ClusterMoments.from_pairs(x, y, np.arange(400))
    clustered, fisher = clustered_interval(moments), fisher_interval(moments.correlation, 400)
    assert (clustered.lo, clustered.hi) == pytest.approx((fisher.lo, fisher.hi), abs=0.02)


def test_interval_is_the_t_interval_on_the_z_scale() -> None:
    rng = np.random.default_rng(4)
    cluster, x, y = np.repeat(np.arange(10), 5), rng.standard_normal(50), rng.standard_normal(50)
    moments = ClusterMoments.from_pairs(x, y, cluster)
    fit, r = clustered_slope(moments), moments.correlation
    width = student_t.ppf(0.975, fit.df) * fit.standard_error / np.sqrt(1 - r * r)
    assert clustered_interval(moments).hi == pytest.approx(tanh(atanh(r) + width))
