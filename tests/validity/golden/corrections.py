"""Golden vectors of corrections, sensitivity, importance, power and utility, asked of the library.

One function per family: the case's `input`, the keys of its `expected`, the folder of its CSVs; back comes the same
structure with the library's figures. Dispatch is on keys only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from validity import attenuation, bounds, evalue, importance, multiplicity, power, selection_model, utility
from validity import range_restriction as restriction

Case = dict[str, Any]
CORRECTIONS = ("meas", "uvdrr", "uvirr", "bvdrr", "bvirr")


def v06(given: Case, expected: Case, folder: Path) -> Case:
    """Correction for attenuation; Spearman-Brown."""
    if "k" in given:
        reliability = next(value for key, value in given.items() if key != "k")
        return dict.fromkeys(expected, attenuation.spearman_brown(reliability, given["k"]))
    r, r_xx, r_yy = given["r"], given.get("rxx", 1.0), given.get("ryy", 1.0)
    answer = {
        "operational_validity_y_only": attenuation.disattenuate(r, r_yy),
        "true_score": attenuation.disattenuate(r, r_yy, r_xx),
        "x_only": attenuation.disattenuate(r, r_xx),
    }
    return _only(expected, answer)


def v07(given: Case, expected: Case, folder: Path, method: str | None = None) -> Case:
    """Range restriction: psychmeta's table, Thorndike's cases, u of a selection ratio, reliabilities."""
    if "artifacts" in expected:
        return _psychmeta(given, expected, method)
    if "selection_ratio" in given:
        u = _mapped(restriction.u_from_selection_ratio, given["selection_ratio"])
        mean_z = _mapped(restriction.mean_z_of_selected, given["selection_ratio"])
        return _only(expected, {"u": u, "mean_z_selected": mean_z})
    if "uz" in given:
        r = restriction.case_iii(given["rxy"], r_zx=given["rxz"], r_zy=given["rzy"], u_z=given["uz"])
        return dict.fromkeys(expected, r)
    if "rxxi" in given or "rxxa" in given:
        return _reliabilities(given, expected)
    u = given["sd_restricted"] / given["sd_unrestricted"] if "sd_restricted" in given else given["ux"]
    return dict.fromkeys(expected, restriction.case_ii(given["r"], u))


def _reliabilities(given: Case, expected: Case) -> Case:
    """psychmeta's "direct" form equals the indirect one for internal consistency: error variance stays the same."""
    if "rxxi" in given:
        return dict.fromkeys(expected, restriction.reliability_unrestricted(given["rxxi"], given["ux"]))
    return dict.fromkeys(expected, restriction.reliability_restricted(given["rxxa"], given["ux"]))


def _psychmeta(given: Case, expected: Case, method: str | None) -> Case:
    """psychmeta::correct_r; selection on Y is selection on X with the roles swapped."""
    is_on_y = "uy" in given and "ux" not in given
    correction = _correction(given, expected, method)
    r_xx, r_yy = given.get("rxx", 1.0), given.get("ryy", 1.0)
    u_x, u_y = given.get("ux", 1.0), given.get("uy", 1.0)
    if is_on_y:
        r_xx, r_yy, u_x, u_y = r_yy, r_xx, u_y, 1.0
    r = next(given[key] for key in ("rxyi", "rxy", "r") if key in given)
    figures = {"n": given.get("n"), "r_xx": r_xx, "r_yy": r_yy, "level": _level(expected)}
    table = restriction.correction_table(correction, r, **figures, u_x=u_x, u_y=u_y)  # type: ignore[arg-type]
    rows = dict(table.correlations)
    if correction == "uvdrr":
        rows["rtyi"] = rows["rxpi"]  # psychmeta divides by √r_yy here (docs/decisions/golden-dispatch.md)
    if is_on_y:
        swapped = {"rxp": "rty", "rty": "rxp"}
        rows = {swapped.get(name[:3], name[:3]) + name[3:]: row for name, row in rows.items()}
    answer = {name: _row(row, expected.get(name)) for name, row in rows.items()}
    return _only(expected, answer | {"artifacts": _only(expected["artifacts"], dict(table.artefacts))})


def _level(expected: Case) -> float:
    """Confidence level from the names of the limits, for example CI_LL_95."""
    keys = [key for row in expected.values() if isinstance(row, dict) for key in row if key.startswith("CI_")]
    return float(keys[0].rsplit("_", 1)[1]) / 100 if keys else 0.95


def _correction(given: Case, expected: Case, method: str | None) -> str:
    """Which correction was asked: from the case's `method` where it is known, otherwise from the keys."""
    named = [name for name in CORRECTIONS if method is not None and f"'{name}" in method]
    if named:
        return named[0]
    if "ux" not in given and "uy" not in given:
        return "meas"
    if "ux" in given and "uy" in given:
        return "bvirr"
    return "uvirr" if "ut" in expected["artifacts"] else "uvdrr"


def _row(row: restriction.Corrected, shape: Any) -> Any:
    if not isinstance(shape, dict):
        return row.value
    figures = {"value": row.value, "n": row.n, "n_effective": row.n_effective}
    limits = {key: row.lo if "LL" in key else row.hi for key in shape if key.startswith("CI_")}
    return _only(shape, figures | limits)


def v10(given: Case, expected: Case, folder: Path) -> Case:
    """Heckman's two steps and maximum likelihood, coefficients named as R makes them unique."""
    frame = pd.read_csv(folder / given["csv"])
    selected, selection = _formula(given["selection"])
    outcome, predictors = _formula(given["outcome"])
    frame = frame.assign(**{term: _term(frame, term) for term in (selected, *selection, outcome, *predictors)})
    estimators = {"two_step": selection_model.heckman_two_step, "ml": selection_model.heckman_ml}
    return {
        name: _heckman(fit(frame, selected, selection, outcome, predictors), expected[name])
        for name, fit in estimators.items()
        if name in expected
    }


def _formula(text: str) -> tuple[str, list[str]]:
    """``y ~ a + b`` as y and [a, b]; an intercept is always there."""
    left, right = text.split("~")
    return left.strip(), [term.strip() for term in right.split("+") if term.strip() != "1"]


def _term(frame: pd.DataFrame, term: str) -> Any:
    """A column, a product ``a:b`` or a power ``I(a^2)``, as numbers."""
    if term in frame:
        return frame[term].astype(float)
    if ":" in term:
        return math.prod(_term(frame, part.strip()) for part in term.split(":"))
    base, exponent = term.removeprefix("I(").removesuffix(")").split("^")
    return _term(frame, base.strip()) ** float(exponent)


def _heckman(fit: selection_model.SelectionFit, expected: Case) -> Case:
    pairs = [*fit.selection.items(), *fit.outcome.items(), ("sigma", fit.sigma), ("rho", fit.rho)]
    names = _make_unique([name for name, _ in pairs])
    answer: Case = {
        "coef": {name: pair[1].value for name, pair in zip(names, pairs, strict=True)},
        "se": {name: pair[1].standard_error for name, pair in zip(names, pairs, strict=True)},
        "logLik": fit.log_likelihood,
        "n": fit.n,
        "n_selected": fit.n_selected,
    }
    return _only(expected, answer)


def _make_unique(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        count = seen.get(name, 0)
        unique.append(f"{name}.{count}" if count else name)
        seen[name] = count + 1
    return unique


def v12(given: Case, expected: Case, folder: Path) -> Case:
    """Worst-case bounds of a mean or of a difference."""
    lo, hi = given["lo"], given["hi"]
    if "high" in given:
        high, low = _group(given["high"]), _group(given["low"])
        answers = {
            "worst_case": bounds.worst_case_difference(high, low, lo, hi),
            "monotone_selection": bounds.monotone_difference(high, low, lo, hi),
        }
        return _only(expected, {key: [answer.lower, answer.upper] for key, answer in answers.items()})
    answer = bounds.worst_case_mean(_group(given), lo, hi)
    return _only(expected, {"lower": answer.lower, "upper": answer.upper, "width": answer.width})


def _group(given: Case) -> bounds.Group:
    n_observed = given["n_observed"] if "n_observed" in given else given["n_obs"]
    mean = given["mean_observed"] if "mean_observed" in given else given["mean"]
    return bounds.Group(given["n"], n_observed, mean)


def v13(given: Case, expected: Case, folder: Path) -> Case:
    """E-values; Rosenbaum bounds."""
    if "gamma" in given:
        gammas = given["gamma"] if isinstance(given["gamma"], list) else [given["gamma"]]
        answers = evalue.rosenbaum_signed_rank(_numbers(given["exposed"]), _numbers(given["control"]), gammas)
        return {"p_upper": [answer.p_upper for answer in answers]}
    if "rr" in given:
        lo, hi = given.get("ci") or (None, None)
        answer = evalue.evalue_of_risk_ratio(given["rr"], lo, hi)
    elif "r" in given:
        lo, hi = given.get("ci") or (None, None)
        answer = evalue.evalue_of_validity(given["r"], lo, hi)
    else:
        answer = evalue.evalue_of_mean_difference(given["d"], given.get("se"))
    figures = {
        "rr": answer.risk_ratio,
        "rr_lo": answer.risk_ratio_lo,
        "rr_hi": answer.risk_ratio_hi,
        "evalue_point": answer.point,
        "evalue_lower": answer.lower,
        "evalue_upper": answer.upper,
    }
    return _only(expected, figures)


def v14(given: Case, expected: Case, folder: Path) -> Case:
    """Importance of predictors from a correlation matrix; hierarchical regression from rows."""
    if "R" in given:
        return _only(expected, _importance(given))
    frame = pd.read_csv(folder / given["csv"])
    fit = importance.hierarchical(frame, given["criterion"], _names(given["block1"]), _names(given["block2"]))
    figures = {
        "R2_block1": fit.r2_block1,
        "R2_block2": fit.r2_block2,
        "delta_R2": fit.delta_r2,
        "F": fit.f,
        "df1": fit.df1,
        "df2": fit.df2,
        "p": fit.p_value,
        "adj_R2": fit.adjusted_r2,
        "browne_rho_c2": fit.cross_validity,
        "n": fit.n,
    }
    return _only(expected, figures)


def _importance(given: Case) -> Case:
    joint = np.asarray(given["R"], dtype=float)
    columns = np.atleast_1d(given["predictor_cols"]) - 1
    matrix, r = joint[np.ix_(columns, columns)], joint[columns, given["criterion_col"] - 1]
    dominance = importance.dominance(matrix, r)
    return {
        "R2": float(importance.r_squared(matrix, r)),
        "beta": importance.standardised_betas(matrix, r).tolist(),
        "relative_weights": importance.relative_weights(matrix, r).tolist(),
        "general_dominance": dominance.general.tolist(),
        "conditional_dominance": dominance.conditional.tolist(),
        "each_last": importance.each_last(matrix, r).tolist(),
        "vif": importance.vif(matrix).tolist(),
    }


def v15(given: Case, expected: Case, folder: Path) -> Case:
    """Adjusted p-values and rejections."""
    answer: Case = {}
    for procedure in multiplicity.STATSMODELS_NAMES:
        adjusted = multiplicity.adjust(given["p"], procedure, given.get("alpha", 0.05))
        answer[procedure] = [None if math.isnan(p) else float(p) for p in adjusted.p_adjusted]
        answer[f"n_reject_{procedure}"] = adjusted.n_rejected
        answer[f"published_{procedure}_rejections"] = adjusted.n_rejected
    return _only(expected, answer)


def v17(given: Case, expected: Case, folder: Path) -> Case:
    """Power, pairs or smallest detectable correlation, whichever is asked; Fisher's simple forms at the answer."""
    r, n, wanted, alpha = given.get("r"), given.get("n"), given.get("power"), given.get("alpha", 0.05)
    if wanted is None:
        wanted = power.exact_power(r, n, alpha)
    elif n is None:
        n = power.exact_pairs_needed(r, wanted, alpha)
    else:
        r = power.exact_minimum_detectable_validity(n, wanted, alpha)
    figures = {
        "n": n,
        "r": abs(r),
        "power": wanted,
        "power_fisher_z": power.power_in_the_right_direction(r, n, alpha),
        "n_fisher_z": power.pairs_needed(r, wanted, alpha),
        "mdr_fisher_z": power.minimum_detectable_validity(n, wanted, alpha),
    }
    return _only(expected, figures)


def v18(given: Case, expected: Case, folder: Path) -> Case:
    """Taylor-Russell, Naylor-Shine, expectancy, money."""
    if "SDy" in given:
        figures = _money(given)
    elif "base_rate" in given and "selection_ratio" in given:
        share = utility.taylor_russell(given["rxy"], given["selection_ratio"], given["base_rate"])
        figures = {"success_ratio": share, "published": share}
    elif "selection_ratio" in given:
        figures = {
            "mean_z_selected": _mapped(restriction.mean_z_of_selected, given["selection_ratio"]),
            "criterion_gain_z": _mapped(lambda s: utility.naylor_shine(given["rxy"], s), given["selection_ratio"]),
        }
    else:
        chart = utility.expectancy(given["rxy"], len(expected["prob"]), given.get("base_rate", 0.5))
        figures = {"prob": chart}
    return _only(expected, figures)


def _money(given: Case) -> Case:
    n_selected = given.get("n_selected", 1)
    programme = utility.Programme(
        n_selected=n_selected,
        n_applicants=given.get("n_applicants", n_selected / given["selection_ratio"]),
        selection_ratio=given["selection_ratio"],
        tenure_years=given.get("tenure_years", 1),
        sd_y=given["SDy"],
        validity_now=given.get("rxy_old", 0),
        cost_per_applicant=given.get("cost_per_applicant", 0),
        cost_per_applicant_now=given.get("cost_old", 0),
        discount_rate=given.get("discount", 0),
        tax_rate=given.get("tax", 0),
        variable_cost_share=given.get("variable_cost", 0),
    )
    gain = utility.money_gain(given["rxy"], programme)
    return {"mean_z": restriction.mean_z_of_selected(given["selection_ratio"]), "utility": gain, "published": gain}


def v27(given: Case, expected: Case, folder: Path) -> Case:
    """Sackett et al. (2022): how little indirect selection restricts, and what a borrowed u does."""
    if "mean_r" in given:
        return _only(expected, _artefact_means(given["mean_r"]))
    if "U" in given:
        y_only = attenuation.disattenuate(given["r"], given["ryy"])
        both = restriction.case_ii(y_only, 1 / given["U"])
        return _only(expected, {"rho_y_only": y_only, "rho_caseII_y": both, "published": [y_only, both]})
    if "rxyi" in given:
        rho = [[_operational(given, u) for u in row] for row in _u_matrix(given)]
        return _only(expected, {"rho_formula": rho, "rho_published": rho, "rho_exact": rho})
    return _panels(given, expected)


MCDANIEL_1994 = {"mean_ryy": 0.587234042553192, "mean_sqrt_ryy": 0.760522720854906, "mean_ux": 0.683}
"""Means of the published artefact distributions of McDaniel et al. (1994), JAP 79:599: data of the case, not figures of
the library, which corrects no firm with them."""


def _artefact_means(mean_r: float) -> Case:
    y_only = mean_r / MCDANIEL_1994["mean_sqrt_ryy"]
    rho = restriction.case_ii(y_only, MCDANIEL_1994["mean_ux"])
    return MCDANIEL_1994 | {"rho_y_only": y_only, "rho_y_caseII": rho}


def _operational(given: Case, u: float) -> float | None:
    try:
        return restriction.case_iv(given["rxyi"], u, given["rxxi"], given["ryyi"]).operational
    except ValueError:
        return None


def _u_matrix(given: Case) -> list[list[float]]:
    return given["ux"] if "ux" in given else _u_table(given, given["rxxi"])


def _u_table(given: Case, r_xx: float) -> list[list[float]]:
    ratios = given["selection_ratio"]
    return [[restriction.u_under_indirect_selection(r, ratio, r_xx) for ratio in ratios] for r in given["rzx"]]


def _panels(given: Case, expected: Case) -> Case:
    """One panel per reliability, in the order given; published panels are printed with two digits, so ours are too."""
    reliabilities = given["rxx"] if isinstance(given["rxx"], list) else [given["rxx"]]
    panels = list(dict.fromkeys(key.split("_")[0] for key in expected))
    tables = {panel: _u_table(given, r) for panel, r in zip(panels, reliabilities, strict=True)}
    return {
        key: np.round(tables[key.split("_")[0]], 2).tolist() if "published" in key else tables[key.split("_")[0]]
        for key in expected
    }


FAMILIES: dict[str, Callable[..., Case]] = {
    "v06": v06,
    "v07": v07,
    "v10": v10,
    "v12": v12,
    "v13": v13,
    "v14": v14,
    "v15": v15,
    "v17": v17,
    "v18": v18,
    "v27": v27,
}


def _only(expected: Case, figures: Case) -> Case:
    """The figures that were asked for; a KeyError names one that the library does not make."""
    return {key: figures[key] for key in expected}


def _mapped(function: Callable[[float], float], values: Any) -> Any:
    return [function(value) for value in values] if isinstance(values, list) else function(values)


def _names(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _numbers(values: Any) -> Any:
    return np.asarray(values, dtype=float)
