"""Golden families about correlations, clusters, Pearson–Lawley and missing data: from keys to the library's calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from validity.cluster_robust import cluster_robust
from validity.correlation import (
    bca_interval,
    fisher_interval,
    jackknife,
    olkin_pratt,
    resampled_correlations,
    steiger_t2,
)
from validity.normal import fit_missing
from validity.selection import pearson_lawley, pearson_lawley_means

Case = Mapping[str, Any]


def v01(given: Case, expected: Case, folder: Path) -> dict[str, Any]:
    if "r12" in given:
        return _compared(given)
    if "x" not in given:
        return _fisher(given["r"], given["n"], given["conf"])
    x, y = (np.asarray(given[name], dtype=float) for name in ("x", "y"))
    return _resampled(x, y, given) if "B" in given else _pairs(x, y, given["conf"])


def _fisher(r: float, n: int, conf: float) -> dict[str, Any]:
    interval = fisher_interval(r, n, conf)
    return {"z": float(np.arctanh(r)), "se_z": 1 / np.sqrt(n - 3), "ci_low": interval.lo, "ci_high": interval.hi}


def _pairs(x: Any, y: Any, conf: float) -> dict[str, Any]:
    n = len(x)
    found = stats.pearsonr(x, y)
    r = float(found.statistic)
    left_out = jackknife(x, y)
    return {
        "n": n,
        "r": r,
        **_fisher(r, n, conf),
        "t": r * np.sqrt((n - 2) / (1 - r * r)),
        "df": n - 2,
        "p": float(found.pvalue),
        "spearman": float(stats.spearmanr(x, y).statistic),
        "kendall_b": float(stats.kendalltau(x, y).statistic),
        "se_jackknife": left_out.standard_error,
        "bca_acceleration": left_out.acceleration,
        "normal_theory_se": (1 - r * r) / np.sqrt(n - 3),
        "olkin_pratt_approx": olkin_pratt(r, n),
    }


def _resampled(x: Any, y: Any, given: Case) -> dict[str, Any]:
    drawn = resampled_correlations(x, y, given["B"])
    drawn = drawn[np.isfinite(drawn)]
    tail = (1 - given["conf"]) / 2
    bca = bca_interval(x, y, given["conf"], given["B"])
    return {
        "se_boot": float(drawn.std(ddof=1)),
        "perc": np.quantile(drawn, [tail, 1 - tail]).tolist(),
        "bca": [bca.lo, bca.hi],
    }


def _compared(given: Case) -> dict[str, Any]:
    """Two correlations that share a variable, and the same two as if they came from different people."""
    n, n2 = given["n"], given.get("n2", given["n"])
    dependent = steiger_t2(given["r12"], given["r13"], given["r23"], n)
    z = (np.arctanh(given["r12"]) - np.arctanh(given["r13"])) / np.sqrt(1 / (n - 3) + 1 / (n2 - 3))
    return {
        "t_dependent": dependent.statistic,
        "p_dependent": dependent.p_value,
        "z_independent": float(z),
        "p_independent": float(2 * stats.norm.sf(abs(z))),
    }


def v02(given: Case, expected: Case, folder: Path) -> dict[str, Any]:
    rows = pd.read_csv(folder / given["csv"])
    x, y = (stats.zscore(rows[given[name]].to_numpy(dtype=float), ddof=1) for name in ("x", "y"))
    cluster = rows[given["cluster"]].to_numpy()
    design = np.column_stack([np.ones(len(x)), x])
    found: dict[str, Any] = {"n": len(x), "J": len(np.unique(cluster))}
    for kind in ("CR0", "CR1", "CR1S", "CR2", "CR3"):
        fit = cluster_robust(design, y, cluster, kind)
        found["slope_equals_r"] = float(fit.coef[1])
        found[kind] = {
            "se": float(fit.standard_error[1]),
            "df_satt": float(fit.df[1]),
            "p_satt": float(fit.p_value[1]),
        }
    return found


def v08(given: Case, expected: Case, folder: Path) -> dict[str, Any]:
    if "Sigma" in given:
        means = pearson_lawley_means(given["Sigma"], given["means_restricted"], given["means_selection_unrestricted"])
        return {"means": means.tolist()}
    k = given["n_selection"]
    chosen = np.asarray(given["V_selection_unrestricted"], dtype=float)[:k, :k]
    cov = pearson_lawley(np.asarray(given["S_restricted"], dtype=float), chosen)
    sd = np.sqrt(np.diag(cov))
    return {"cov": cov.tolist(), "cor": (cov / np.outer(sd, sd)).tolist()}


def v09(given: Case, expected: Case, folder: Path) -> dict[str, Any]:
    rows = pd.read_csv(folder / given["csv"])
    columns = list(given.get("columns", rows.columns))
    values = rows[columns].to_numpy(dtype=float)
    if "columns" not in given:
        return {"cor": _by_pearson_lawley(values).tolist()}
    fit = fit_missing(values)
    pairs = {f"{a}~~{b}": (i, j) for i, a in enumerate(columns) for j, b in enumerate(columns) if i != j}
    return {
        "n": fit.n,
        "n_complete": fit.n_complete,
        "mean": fit.mean.tolist(),
        "cov": fit.cov.tolist(),
        "cor": fit.correlation.tolist(),
        "cor_complete_cases": rows[columns].dropna().corr().to_numpy().tolist(),
        "fiml_logLik": fit.log_likelihood,
        "fiml_r": {name: fit.correlation[at] for name, at in pairs.items()},
        "fiml_r_se_expected_or_observed_info": {name: fit.correlation_se[at] for name, at in pairs.items()},
    }


def _by_pearson_lawley(values: Any) -> Any:
    """Correlations from complete rows corrected with everybody's scores, block by block of the funnel."""
    order = np.argsort(np.isnan(values).sum(axis=0), kind="stable")
    ordered = values[:, order]
    n_missing = np.isnan(ordered).sum(axis=0)
    known = ordered[:, n_missing == n_missing[0]]
    cov = np.cov(known[~np.isnan(known).any(axis=1)], rowvar=False, ddof=0).reshape(known.shape[1], known.shape[1])
    for end in range(known.shape[1] + 1, ordered.shape[1] + 1):
        rows = ordered[:, :end]
        cov = pearson_lawley(np.cov(rows[~np.isnan(rows).any(axis=1)], rowvar=False, ddof=0), cov)
    back = np.argsort(order)
    sd = np.sqrt(np.diag(cov))
    return (cov / np.outer(sd, sd))[np.ix_(back, back)]


FAMILIES: dict[str, Callable[[Case, Case, Path], dict[str, Any]]] = {"v01": v01, "v02": v02, "v08": v08, "v09": v09}
