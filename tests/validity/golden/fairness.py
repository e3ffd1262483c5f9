"""Golden families of pooling, fairness, training effects, retention, candidate experience and disclosure.

Each function takes a case's `input`, its `expected` (for keys and queries only) and the folder of the CSVs, and returns
figures under the keys of `expected`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import tanh
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import nchypergeom_fisher

from validity import adverse_impact, did, differential_prediction, disclosure, experience, pooling, retention
from validity.adverse_impact import TwoGroups

Case = Mapping[str, Any]
R_TOLERANCE = float(np.finfo(float).eps ** 0.25)
"""R's uniroot stops here by default; two expected figures carry that error, and our exact ones are compared in
tests/validity/test_adverse_impact.py and test_pooling.py."""


def _number(value: Any) -> Any:
    """Plain Python; not finite means not defined."""
    if value is None or (isinstance(value, float | np.floating) and not np.isfinite(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _numbers(values: Any) -> list[Any]:
    return [_number(value) for value in values]


def _published(expected: Case, found: Mapping[str, Any]) -> dict[str, Any]:
    """``published…`` keys of `expected`, filled with our figures of the same name."""
    filled: dict[str, Any] = {}
    for key, value in expected.items():
        if key.startswith("published") and isinstance(value, Mapping):
            filled[key] = {name: _shaped(found.get(name), wanted) for name, wanted in value.items()}
        elif key.startswith("published"):
            filled[key] = None if value is None else found.get("impact_ratio")
    return filled


def _shaped(figure: Any, wanted: Any) -> Any:
    """A model with one coefficient where one number is printed for it."""
    if isinstance(figure, Mapping) and not isinstance(wanted, Mapping):
        inner = figure.get("coef", figure.get("chisq", figure))
        return next(iter(inner.values())) if isinstance(inner, Mapping) else inner
    if isinstance(figure, Mapping):
        inner = figure if set(wanted) <= set(figure) else figure.get("coef", figure)
        return {name: _shaped(inner.get(name), value) for name, value in wanted.items()}
    return figure


def uniroot(f: Callable[[float], float], lower: float, upper: float, tol: float = R_TOLERANCE) -> float:
    """Brent's (1973, ch. 4) root finder, stopping where R's uniroot stops: half-interval below ``2ε|b| + tol/2``."""
    a, b, fa, fb = lower, upper, f(lower), f(upper)
    c, fc = a, fa
    if fa == 0:
        return a
    while fb != 0:
        previous = b - a
        if abs(fc) < abs(fb):
            a, b, c, fa, fb, fc = b, c, b, fb, fc, fb
        slack = 2 * float(np.finfo(float).eps) * abs(b) + tol / 2
        step = (c - b) / 2
        if abs(step) <= slack:
            break
        if abs(previous) >= slack and abs(fa) > abs(fb):
            step = _interpolated(a, b, c, fa, fb, fc, slack, previous, step)
        step = step if abs(step) >= slack else (slack if step > 0 else -slack)
        a, fa = b, fb
        b += step
        fb = f(b)
        if fb * fc > 0:
            c, fc = a, fa
    return b


def _interpolated(
    a: float, b: float, c: float, fa: float, fb: float, fc: float, slack: float, previous: float, bisection: float
) -> float:
    width = c - b
    if a == c:
        p, q = width * fb / fa, 1 - fb / fa
    else:
        s, t, u = fa / fc, fb / fc, fb / fa
        p, q = u * (width * s * (s - t) - (b - a) * (t - 1)), (s - 1) * (t - 1) * (u - 1)
    p, q = (p, -q) if p > 0 else (-p, q)
    accepted = p < 0.75 * width * q - abs(slack * q) / 2 and p < abs(previous * q / 2)
    return p / q if accepted else bisection


def v16(given: Case, expected: Case, folder: Path) -> dict[str, Any]:
    if "y" in given:
        return _pooled_effects(given, expected)
    frame = pd.read_csv(folder / given["csv"])
    r_name, n_name = given.get("r", "ri"), given.get("n", "ni")
    frame = frame[[r_name, n_name]].dropna()
    if "psychmeta" in expected or "mean_r" in expected:
        return _bare_bones(pooling.hunter_schmidt(frame[r_name], frame[n_name]))
    z, se = pooling.fisher_z(frame[r_name], frame[n_name])
    found: dict[str, Any] = {
        method: _random_effects(z, se, method) for method in ("REML", "DL", "EB", "PM") if method in expected
    }
    reml = pooling.random_effects(z, se, "REML")
    limits = pooling.knapp_hartung(z, se, reml.tau2)
    return found | {
        "knha": {"ci_z": [limits.lo, limits.hi], "pi_z": [limits.prediction_lo, limits.prediction_hi]},
        "blup_z": reml.blup.tolist(),
        "blup_z_se": reml.blup_se.tolist(),
    }


def _random_effects(z: Any, se: Any, method: Any) -> dict[str, Any]:
    fit = pooling.random_effects(z, se, method)
    if method == "PM" and fit.tau2 > 0:
        fit = pooling.random_effects(z, se, method, tau2=uniroot(_excess(z, se), 0.0, 100.0))
    return {
        "tau2": fit.tau2,
        "mu_z": fit.mu,
        "se": fit.se,
        "mu_r": tanh(fit.mu),
        "ci_r": [tanh(fit.lo), tanh(fit.hi)],
        "I2": fit.i2,
        "Q": fit.q,
    }


def _excess(z: Any, se: Any) -> Callable[[float], float]:
    """Generalised Q minus its expectation, whose root is Paule & Mandel's tau²."""
    return lambda tau2: pooling.random_effects(z, np.sqrt(se**2 + tau2), tau2=0.0).q - (len(z) - 1)


def _pooled_effects(given: Case, expected: Case) -> dict[str, Any]:
    mean, error = pooling.fixed_effect(given["y"], given["se"])
    fit = pooling.random_effects(given["y"], given["se"], "DL")
    found = {"mu_fixed": mean, "se_fixed": error, "Q": fit.q, "I2": fit.i2}
    for method in ("REML", "DL", "EB", "PM"):
        fit = pooling.random_effects(given["y"], given["se"], method)  # type: ignore[arg-type]
        found |= {f"tau2_{method}": fit.tau2, f"mu_{method}": fit.mu, f"se_{method}": fit.se}
    return {key: found[key] for key in expected if key in found}


def _bare_bones(result: pooling.BareBones) -> dict[str, Any]:
    return {
        "k": result.k,
        "N": result.n,
        "mean_r": result.mean_r,
        "psychmeta": {
            "mean_r": result.mean_r,
            "sd_r": result.sd_r,
            "se_r": result.se_r,
            "sd_e": result.sd_e,
            "sd_res": result.sd_res,
            "CI_LL_95": result.lo,
            "CI_UL_95": result.hi,
            "CR_LL_80": result.credibility_lo,
            "CR_UL_80": result.credibility_hi,
        },
    }


def v19(given: Case, expected: Case, folder: Path) -> dict[str, Any]:
    if "tables" in given:
        result = adverse_impact.mantel_haenszel(given["tables"])
        return {"or_mh": result.odds_ratio, "chisq": result.chi_square, "p": result.p_value}
    if "d" in given:
        impact = adverse_impact.predicted_impact(given["d"], given["sr"], given["pct_minority"])
        return {
            "ai": impact.impact_ratio,
            "overall_sr": impact.overall_rate,
            "sr_majority": impact.rate_majority,
            "sr_minority": impact.rate_minority,
            "uc": impact.cutoff,
        }
    if "csv" in given:
        return _scoring_rates(given, expected, folder)
    found = _categories(given) if "category" in given else _two_groups(given)
    return found | _published(expected, found)


def _categories(given: Case) -> dict[str, Any]:
    table = adverse_impact.ll144_selection(given["category"], given["n"], given["selected"])
    return {
        "rate": _numbers(table["rate"]),
        "impact_ratio": _numbers(table["impact_ratio"]),
        "share": _numbers(table["share"]),
        "below_2pct": _numbers(table["is_small"]),
    }


def _two_groups(given: Case) -> dict[str, Any]:
    groups = TwoGroups(given["n_focal"], given["selected_focal"], given["n_ref"], given["selected_ref"])
    z, p = adverse_impact.pooled_z(groups)
    exact, (sample, _) = adverse_impact.exact_test(groups), adverse_impact.odds_ratios(groups)
    limits = adverse_impact.log_ratio_interval(groups)
    return {
        "rate_focal": groups.rate_focal,
        "rate_ref": groups.rate_reference,
        "impact_ratio": groups.impact_ratio,
        "four_fifths_violation": groups.is_below_four_fifths,
        "z_pooled": z,
        "p_z": p,
        "z_hypergeometric": adverse_impact.hypergeometric_z(groups),
        "fisher_p_two_sided": exact.p_value,
        "fisher_midp_two_sided": exact.mid_p,
        "odds_ratio_sample": sample,
        "odds_ratio_cmle": _conditional_odds_ratio(groups),
        "ci_ir_log": [None, None] if limits is None else list(limits),
        "chisq_yates_p": adverse_impact.yates_p(groups),
        "h_cohen": adverse_impact.cohen_h(groups),
    }


def _conditional_odds_ratio(groups: TwoGroups) -> float | None:
    """The root that R's fisher.test stops at, within 1e-4 of the exact one that the library gives."""
    exact = adverse_impact.odds_ratios(groups)[1]
    if not exact:
        return exact
    seen, selected = groups.selected_focal, groups.selected_focal + groups.selected_reference
    total = groups.n_focal + groups.n_reference
    lowest, highest = max(0, selected - groups.n_reference), min(selected, groups.n_focal)

    def excess(odds: float) -> float:
        if odds == 0:
            return float(lowest - seen)
        support = np.arange(lowest, highest + 1)
        log_weight = nchypergeom_fisher.logpmf(support, total, groups.n_focal, selected, 1.0)
        log_weight = log_weight + np.log(odds) * support
        weight = np.exp(log_weight - log_weight.max())
        return float(support @ weight / weight.sum()) - seen

    if excess(1.0) > 0:
        return uniroot(excess, 0.0, 1.0)
    if excess(1.0) < 0:
        return 1 / uniroot(lambda inverse: excess(1 / inverse), float(np.finfo(float).eps), 1.0)
    return 1.0


def _scoring_rates(given: Case, expected: Case, folder: Path) -> dict[str, Any]:
    frame = pd.read_csv(folder / given["csv"], dtype={given.get("group", "group"): str}, keep_default_na=True)
    labels, scores = frame[given.get("group", "group")], frame[given.get("score", "score")]
    table = adverse_impact.ll144_scoring(scores, labels)
    found: dict[str, Any] = {
        "median": table.attrs["median"],
        "tie_share": table.attrs["tie_share"],
        "scoring_rate": dict(zip(table["category"], _numbers(table["rate"]), strict=True)),
        "impact_ratio": dict(zip(table["category"], _numbers(table["impact_ratio"]), strict=True)),
    }
    for a in table["category"]:
        for b in table["category"]:
            if f"cohen_d_{a}_{b}" in expected:
                found[f"cohen_d_{a}_{b}"] = adverse_impact.subgroup_d(scores, labels, a, b)
    return {key: found[key] for key in expected if key in found} | _published(expected, found)


def v20(given: Case, expected: Case, folder: Path) -> dict[str, Any]:
    frame = pd.read_csv(folder / given["csv"], dtype={given["group"]: str})
    frame = frame[[given["group"], given["predictor"], given["criterion"]]].dropna()
    x, y, group = frame[given["predictor"]], frame[given["criterion"]], frame[given["group"]]
    tests = differential_prediction.step_down(x, y, group)
    lines = {line.group: line for line in differential_prediction.within_group_lines(x, y, group)}
    referent = lines[str(given["referent"])]
    effects = [differential_prediction.d_mod(referent, line) for line in lines.values() if line is not referent]
    return {
        **{name: _f_test(getattr(tests, name)) for name in ("omnibus", "slopes", "intercepts")},
        "lines": {
            label: {"intercept": line.intercept, "slope": line.slope, "r": line.r, "n": line.n}
            for label, line in lines.items()
        },
        "dmod": [_d_mod(effect) for effect in effects],
    }


def _f_test(test: differential_prediction.FTest) -> dict[str, Any]:
    return {"F": test.f, "df1": test.df1, "df2": test.df2, "p": test.p_value}


def _d_mod(effect: differential_prediction.DMod) -> dict[str, Any]:
    return {
        "focal_group": effect.focal_group,
        "d_signed": effect.signed,
        "d_unsigned": effect.unsigned,
        "d_under": effect.under,
        "d_over": effect.over,
        "prop_under": effect.prop_under,
        "prop_over": effect.prop_over,
        "d_min": effect.d_min,
        "d_max": effect.d_max,
        "d_min_score": effect.d_min_score,
        "d_max_score": effect.d_max_score,
    }


def v22(given: Case, expected: Case, folder: Path) -> dict[str, Any]:
    if "csv" not in given:
        effect = did.difference_of_means(
            given["treated_pre"], given["treated_post"], given["control_pre"], given["control_post"]
        )
        return {"did": effect} | _published(expected, {"did": effect})
    frame = pd.read_csv(folder / given["csv"]).dropna(subset=[given[k] for k in ("y", "unit", "treated", "post")])
    y, unit, treated, post = (frame[given[name]] for name in ("y", "unit", "treated", "post"))
    simple = did.two_by_two(y, treated, post, unit)
    effect, error = did.two_way_fixed_effects(y, treated * post, unit, frame[given["period"]])
    names = {"treated": given["treated"], "post": given["post"], "y": given["y"]}
    return {
        "cell_means": simple.cell_means.rename(columns=names).to_dict("records"),
        "did": simple.effect,
        "CR2_se": float(simple.fit.standard_error[3]),
        "CR2_df": float(simple.fit.df[3]),
        "CR2_p": float(simple.fit.p_value[3]),
        "twfe": effect,
        "twfe_CR1S_se": error,
    }


def v23(given: Case, expected: Case, folder: Path) -> dict[str, Any]:
    frame = pd.read_csv(folder / given["csv"])
    time, event = given["time"], given["event"]
    seen = frame.dropna(subset=[time, event])
    curve = retention.kaplan_meier(seen[time], seen[event])
    times = expected["km"]["time"]
    survival, error = curve.at(times)
    log_limits, loglog_limits = curve.interval(times, "log"), curve.interval(times, "log-log")
    found: dict[str, Any] = {
        "n": curve.n,
        "events": int(curve.n_events.sum()),
        "median": curve.median,
        "km": {
            "time": list(times),
            "surv": _numbers(survival),
            "se": _numbers(error),
            "lo": _numbers(log_limits[0]),
            "hi": _numbers(log_limits[1]),
        },
        "rmst": list(curve.rmst(times[-1])),
        "km_loglog": {"lo": _numbers(loglog_limits[0]), "hi": _numbers(loglog_limits[1])},
    }
    if "group" in given:
        test = retention.log_rank(seen[time], seen[event], seen[given["group"]])
        found["logrank"] = {"chisq": test.chi_square, "p": test.p_value}
    found |= _cox_models(seen, time, event, given["formula"])
    return {key: found[key] for key in expected if key in found} | _published(expected, found)


def _cox_models(frame: pd.DataFrame, time: str, event: str, formula: str) -> dict[str, Any]:
    covariates = _model_matrix(frame, formula)
    efron = retention.cox(frame[time], frame[event], covariates)
    breslow = retention.cox(frame[time], frame[event], covariates, ties="breslow")
    test = retention.proportional_hazards(frame[time], frame[event], covariates, efron.coef)
    return {
        "cox_efron": {
            "coef": dict(zip(efron.names, efron.coef.tolist(), strict=True)),
            "se": dict(zip(efron.names, efron.standard_error.tolist(), strict=True)),
            "loglik": efron.log_likelihood,
            "concordance": efron.concordance,
        },
        "cox_breslow": {"coef": dict(zip(breslow.names, breslow.coef.tolist(), strict=True))},
        "ph_test_global_p": test.p_value,
    }


def _model_matrix(frame: pd.DataFrame, formula: str) -> pd.DataFrame:
    """Columns of the right-hand side, text and ``factor(...)`` as dummies named like R's: term, then level."""
    columns: dict[str, pd.Series] = {}
    for term in (part.strip() for part in formula.split("~")[1].split("+")):
        wrapped = re.fullmatch(r"(?:as\.)?factor\((.+)\)", term)
        values = frame[wrapped[1].strip() if wrapped else term]
        if wrapped is None and pd.api.types.is_numeric_dtype(values):
            columns[term] = values.astype(float)
            continue
        for level in sorted(values.dropna().unique())[1:]:
            columns[f"{term}{level}"] = (values == level).astype(float).where(values.notna())
    return pd.DataFrame(columns)


def v25(given: Case, expected: Case, folder: Path) -> dict[str, Any]:
    counts = given["promoters"], given["passives"], given["detractors"]
    plain, adjusted = experience.net_promoter(*counts), experience.adjusted_net_promoter(*counts)
    return {
        "n": plain.n,
        "cnps": plain.score,
        "se": plain.se,
        "ci": [plain.lo, plain.hi],
        "adj": {"score": adjusted.score, "ci": [adjusted.lo, adjusted.hi]},
    }


def v29(given: Case, expected: Case, folder: Path) -> dict[str, Any]:
    result = disclosure.suppress(given["groups"], given["k"], given.get("total"))
    return {
        "primary": _listed(result.primary, expected["primary"]),
        "complementary": _listed(result.complementary, expected["complementary"]),
        "published": [*result.published, *(["total"] if result.is_total_published else [])],
    }


def _listed(names: tuple[str, ...], like: Any) -> Any:
    """One name stands alone unless the case writes lists."""
    if isinstance(like, list) or len(names) > 1:
        return list(names)
    return names[0] if names else None


FAMILIES = {"v16": v16, "v19": v19, "v20": v20, "v22": v22, "v23": v23, "v25": v25, "v29": v29}
