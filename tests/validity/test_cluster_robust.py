from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from validity.cluster_robust import KINDS, Kind, cluster_robust


def draw(seed: int, n: int = 60, clusters: int = 9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    cluster = rng.permutation(np.arange(n) % clusters)
    return np.column_stack([np.ones(n), rng.standard_normal((n, 2)), cluster % 2]), rng.standard_normal(n), cluster


def test_cr1s_equals_the_cluster_errors_of_statsmodels() -> None:
    x, y, cluster = draw(1)
    theirs = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": cluster}).bse
    assert cluster_robust(x, y, cluster, "CR1S").standard_error == pytest.approx(theirs, rel=1e-10)


@pytest.mark.parametrize(("kind", "power"), [("CR2", -0.5), ("CR3", -1.0)])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_no_matrix_per_row_gives_the_same_as_the_definition_with_one(kind: Kind, power: float, seed: int) -> None:
    x, y, cluster = draw(seed)
    bread = np.linalg.inv(x.T @ x)
    hat = x @ bread @ x.T
    residual, meat, directions = y - hat @ y, np.zeros((4, 4)), []
    for label in np.unique(cluster):
        rows = cluster == label
        values, vectors = np.linalg.eigh(np.eye(rows.sum()) - hat[np.ix_(rows, rows)])
        adjusted = x[rows].T @ (vectors * values**power @ vectors.T)
        meat += np.outer(adjusted @ residual[rows], adjusted @ residual[rows])
        direction = np.zeros(len(y))
        direction[rows] = (bread @ adjusted)[1]
        directions.append(direction)
    omega = np.array(directions) @ (np.eye(len(y)) - hat) @ np.array(directions).T
    fit = cluster_robust(x, y, cluster, kind)
    assert fit.vcov == pytest.approx(bread @ meat @ bread, rel=1e-6, abs=1e-12)
    assert fit.df[1] == pytest.approx(np.trace(omega) ** 2 / (omega**2).sum(), rel=1e-6)


def test_kinds_that_differ_by_a_factor_share_their_degrees_of_freedom() -> None:
    x, y, cluster = draw(2)
    fits = {kind: cluster_robust(x, y, cluster, kind) for kind in KINDS}
    assert fits["CR1"].df == pytest.approx(fits["CR0"].df)
    assert (fits["CR3"].standard_error > fits["CR2"].standard_error).all()


@pytest.mark.parametrize("spoil", ["collinear", "missing", "one cluster", "kind", "lengths"])
def test_impossible_input_is_refused_with_its_name(spoil: str) -> None:
    x, y, cluster = draw(3)
    kind = "CR2"
    if spoil == "collinear":
        x[:, 2] = 2 * x[:, 1]
    elif spoil == "missing":
        y[0] = np.nan
    elif spoil == "one cluster":
        cluster[:] = 1
    elif spoil == "kind":
        kind = "HC1"
    else:
        y = y[1:]
    with pytest.raises(ValueError, match="expected"):
        cluster_robust(x, y, cluster, kind)  # type: ignore[arg-type]


def test_a_cluster_that_alone_determines_a_column_does_not_crash() -> None:
    x, y, cluster = draw(4)
    x[:, 3] = cluster == 0
    assert np.isfinite(cluster_robust(x, y, cluster, "CR2").standard_error[1])
