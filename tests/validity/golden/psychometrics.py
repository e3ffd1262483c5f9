"""Golden vectors of ordinal correlations, intraclass correlations, generalizability, agreement, criterion, range."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from validity.agreement import cohen_kappa, gwet_ac, krippendorff_alpha, within_group_agreement
from validity.components import CrossedDesign, CrossedFit, combine, crossed_reml, one_way_reml, reml
from validity.criterion import remove_leniency, standardise_within_cells
from validity.gtheory import (
    d_study,
    g_of,
    rating_design,
    single_rater_absolute,
    single_rater_relative,
    spearman_brown,
)
from validity.icc import Icc, icc_table, one_way_anova
from validity.ordinal import polychoric_ml, polychoric_two_step, polyserial_ad_hoc, polyserial_ml, polyserial_two_step

Case = dict[str, Any]


def v03(given: Case, expected: Case, folder: Path) -> Case:
    data = pd.read_csv(folder / given["csv"])
    score, coarse, rating = given["x_cont"], given["x_ord"], given["y_ord"]
    serial = data[[score, rating]].dropna().to_numpy().T
    choric = data[[coarse, rating]].dropna().to_numpy().T
    made = {
        "polyserial_2step": polyserial_two_step(*serial),
        "polyserial_ml": polyserial_ml(*serial),
        "polychoric_2step": polychoric_two_step(*choric),
        "polychoric_ml": polychoric_ml(*choric),
    }
    out: Case = {
        "pearson_xc_yo": float(np.corrcoef(*serial)[0, 1]),
        "pearson_xo_yo": float(np.corrcoef(*choric)[0, 1]),
        "spearman_xo_yo": float(pd.Series(choric[0]).corr(pd.Series(choric[1]), method="spearman")),
        "polyserial_adhoc": polyserial_ad_hoc(*serial).rho,
    }
    for name, fit in made.items():
        out |= {name: fit.rho, f"{name}_se": fit.standard_error}
    return out


def v04(given: Case, expected: Case, folder: Path) -> Case:
    data = pd.read_csv(folder / given["csv"])
    return _groups(data[given["y"]], data[given["group"]]) if "group" in given else _panel(data)


def _panel(data: pd.DataFrame) -> Case:
    table = icc_table(data.to_numpy(dtype=float))
    out: Case = {"n_targets": table.n_targets, "k": table.k}
    for form in (1, 2, 3):
        out |= {f"ICC{form}": _icc(table.single[form]), f"ICC{form}k": _icc(table.average[form])}
    out["MS"] = {"BMS": table.BMS, "WMS": table.WMS, "JMS": table.JMS, "EMS": table.EMS}
    out["published"] = {name: one["icc"] for name, one in out.items() if name.startswith("ICC")}
    return out


def _icc(one: Icc) -> Case:
    return {"icc": one.icc, "F": one.F, "df1": one.df1, "df2": one.df2, "ci_low": one.lo, "ci_high": one.hi}


def _groups(y: pd.Series, group: pd.Series) -> Case:
    anova, fit = one_way_anova(y, group), one_way_reml(y, group)
    return {
        "MSB": anova.MSB,
        "MSW": anova.MSW,
        "ICC1_multilevel": anova.icc1_mean_size,
        "ICC2_multilevel": anova.icc2,
        "n0": anova.n0,
        "ICC1_n0": anova.icc1_n0,
        "REML": {"var_group": fit.var_group, "var_resid": fit.var_residual, "icc1": fit.icc1},
    }


def v05(given: Case, expected: Case, folder: Path) -> Case:
    if "incidence" in given:
        shape = rating_design(given["incidence"])
        return {"k_harmonic": shape.k_harmonic, "q": shape.q}
    if "formula" in given:
        return _g_study(given, folder)
    return _ill_structured(given, expected, folder)


def _g_study(given: Case, folder: Path) -> Case:
    score, terms = given["formula"].split("~")
    names = [re.sub(r"\s", "", term) for term in re.findall(r"\|([^)]*)\)", terms)]
    columns = sorted({part for name in names for part in name.split(":")})
    data = pd.read_csv(folder / given["csv"], dtype=dict.fromkeys(columns, str))
    data = data.dropna(subset=[score.strip(), *columns])
    fit = reml(data[score.strip()], {name: combine(*(data[p] for p in name.split(":"))) for name in names})
    told = {key.lower(): value for key, value in given.items()}
    conditions = {c: _conditions(data, c, names, told) for c in columns if f"n_{c.lower()}" in told}
    person = next((c for c in columns if c not in conditions), names[0])
    study = d_study(fit.components, conditions, person)
    return {
        "var": fit.components,
        "var_error_rel": study.var_error_rel,
        "var_error_abs": study.var_error_abs,
        "E_rho2": study.E_rho2,
        "Phi": study.Phi,
    }


def _conditions(data: pd.DataFrame, facet: str, names: list[str], told: Case) -> float:
    """Conditions of a facet over all it is nested in: labels that start anew in each nest are counted per nest."""
    terms = [set(name.split(":")) for name in names if facet in name.split(":")]
    around = sorted(set.intersection(*terms) - {facet})
    starts_anew = bool(around) and data.groupby(facet)[around].nunique().gt(1).any(axis=None)
    return float(np.prod([told[f"n_{c.lower()}"] for c in [facet, *(around if starts_anew else [])]]))


def _ill_structured(given: Case, expected: Case, folder: Path) -> Case:
    data, fit, design = _crossed(given["csv"], given["ratee"], given["rater"], given["y"], folder)
    shape = rating_design(design.meetings)
    ratees, raters = dict(fit.ratee_effects), dict(fit.rater_effects)
    return {
        "n_ratee": shape.n_ratees,
        "n_rater": shape.n_raters,
        "n_obs": len(data),
        "var_T": fit.var_ratee,
        "var_R": fit.var_rater,
        "var_E": fit.var_residual,
        "k_harmonic": shape.k_harmonic,
        "q": shape.q,
        "G_qk": g_of(fit, shape),
        "G_q1_single_random": single_rater_absolute(fit.var_ratee, fit.var_rater, fit.var_residual),
        "G_c1_consistency": single_rater_relative(fit.var_ratee, fit.var_residual),
        "mu": fit.mean,
        "severity_rater": raters,
        **{key: {who: ratees[who] for who in expected[key]} for key in expected if key.startswith("blup_ratee")},
    }


def _crossed(csv: str, ratee: str, rater: str, y: str, folder: Path) -> tuple[pd.DataFrame, CrossedFit, CrossedDesign]:
    data = pd.read_csv(folder / csv, dtype={ratee: str, rater: str}).dropna(subset=[ratee, rater, y])
    design = CrossedDesign.build(data[ratee], data[rater])
    return data, crossed_reml(design, data[y]), design


def v24(given: Case, expected: Case, folder: Path) -> Case:
    data = pd.read_csv(folder / given["csv"])
    if "scale_points" in given:
        found = within_group_agreement(data, given["scale_points"])
        return {"rwg_items": list(found.items), "rwg_j": found.joint, "rwg_j_formula": found.joint_untruncated}
    if "kappa" in expected or "weighted_kappa_quadratic" in expected:
        a, b = data.iloc[:, 0], data.iloc[:, 1]
        return {"kappa": cohen_kappa(a, b), "weighted_kappa_quadratic": cohen_kappa(a, b, "quadratic")}
    alpha = {metric: krippendorff_alpha(data, metric) for metric in ("nominal", "ordinal", "interval", "ratio")}
    return {
        **{f"alpha_{metric}": value for metric, value in alpha.items()},
        "alpha_ordinal_irrCAC": krippendorff_alpha(data, "gwet_ordinal"),
        "published": alpha,
        "gwet_ac1": gwet_ac(data),
        "gwet_ac2_linear": gwet_ac(data, "linear"),
        "gwet_ac2_ordinal": gwet_ac(data, "ordinal"),
        "gwet_ac2_quadratic": gwet_ac(data, "quadratic"),
    }


def v26(given: Case, expected: Case, folder: Path) -> Case:
    data = pd.read_csv(folder / given["csv"])
    cells = [data["cycle"], data["level"]]
    z = standardise_within_cells(data["rating"], cells, cells[:1], min_cell=given["min_cell"], min_fallback=2)
    out = remove_leniency(data["rating"], data["manager"].astype(str), given["tau2"], given["sigma2"])
    return {
        "z": _listed(z["z"]),
        "used_cell": z["used_cell"].tolist(),
        "grand_mean": out.grand_mean,
        "n_by_manager": out.raters["n"].to_dict(),
        "shrink": out.raters["shrink"].to_dict(),
        "leniency": out.raters["leniency"].to_dict(),
        "adjusted": _listed(out.adjusted),
    }


def _listed(column: pd.Series) -> list[float | None]:
    return [None if pd.isna(value) else float(value) for value in column]


def v28(given: Case, expected: Case, folder: Path) -> Case:
    score, target, rater = given["score"], given["target"], given["rater"]
    order, *direction = given["order"].split()
    data = pd.read_csv(folder / given["csv"], dtype={target: str, rater: str}).dropna(subset=[target, score])
    best_first = (
        data.groupby(target, sort=False)[order]
        .first()
        .sort_values(ascending="descending" not in direction, kind="stable")
    )
    queried = [name.removeprefix("top_") for name in expected["by_fraction"]]
    by_fraction = {f"top_{share}": _top(data, best_first.index, float(share), score, target) for share in queried}
    design = CrossedDesign.build(data.dropna(subset=[rater])[target], data.dropna(subset=[rater])[rater])
    fit = crossed_reml(design, data.dropna(subset=[rater])[score])
    components = {target: fit.var_ratee, rater: fit.var_rater, "Residual": fit.var_residual}
    return {"by_fraction": by_fraction, "crossed_REML": components}


def _top(data: pd.DataFrame, best_first: pd.Index, share: float, score: str, target: str) -> Case:
    kept = best_first[: max(2, round(share * len(best_first)))]
    fit = one_way_reml(*(data.loc[data[target].isin(kept), column] for column in (score, target)))
    return {
        "n": len(kept),
        "var_id": fit.var_group,
        "var_res": fit.var_residual,
        "icc1": fit.icc1,
        "icc3": spearman_brown(fit.icc1, 3),
    }


FAMILIES = {"v03": v03, "v04": v04, "v05": v05, "v24": v24, "v26": v26, "v28": v28}
