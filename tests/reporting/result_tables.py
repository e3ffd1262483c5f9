"""Result tables of the statistics with invented numbers, as `validity.tables` shapes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

AS_OF = datetime(2026, 8, 23, tzinfo=UTC)
FAMILIES = {"data": 0.20, "design": 0.08, "engineering": 0.42, "product": 0.18, "sales": 0.12}
NAN = float("nan")

# technique: verdict, n, applicants, (value, half-width) of rungs 1 to 4
SUPPORTED = {"structured_behavioural": (262, 1890, (0.24, 0.12), (0.31, 0.15), (0.41, 0.15), (0.39, 0.13))}
PROMISING = {
    "pair_coding": (150, 1204, (0.16, 0.16), (0.20, 0.20), (0.27, 0.22), (0.26, 0.19)),
    "manager_screen": (88, 2411, (0.18, 0.21), (0.23, 0.26), None, (0.24, 0.24)),
}
INCONCLUSIVE = {"work_sample": (96, 640, (0.09, 0.20), (0.12, 0.26), (0.08, 0.29), (0.13, 0.24))}
CONTRADICTED = {"unstructured_chat": (259, 1422, (-0.03, 0.12), (-0.04, 0.15), (-0.06, 0.13), (-0.04, 0.12))}
NOT_CORRECTED = {"system_design": (110, 702, (0.11, 0.18), (0.14, 0.22), None, None)}
REFUSED = {"reference_call": (17, 211, None, None, None, None)}
VERDICTS = {
    "supported": SUPPORTED,
    "promising": PROMISING,
    "inconclusive": INCONCLUSIVE,
    "contradicted": CONTRADICTED,
    "not estimable": NOT_CORRECTED | REFUSED,
}
EVERYTHING = {key: (verdict, *made) for verdict, some in VERDICTS.items() for key, made in some.items()}
REASONS = {
    "manager_screen": "too wide to say: somewhere between -.15 and .71",
    "system_design": "scores of hires vary only 0.31 times as much as those of applicants, 0.40 needed",
    "reference_call": "fewer than 30 reviewed hires",
}
LITERATURE = {
    "structured_behavioural": (
        0.42,
        0.18,
        0.66,
        "structured interview: Sackett, Zhang, Berry & Lievens (2022), Table 3",
    ),
    "unstructured_chat": (0.19, -0.01, 0.40, "unstructured interview: Sackett, Zhang, Berry & Lievens (2022), Table 3"),
    "pair_coding": (0.26, NAN, NAN, "a mean without a band: invented"),
    "work_sample": (0.33, 0.21, 0.45, "work sample: Sackett, Zhang, Berry & Lievens (2022), Table 3"),
}
HOURS = {
    "structured_behavioural": 612.0,
    "pair_coding": 498.0,
    "manager_screen": 1105.0,
    "work_sample": 88.0,
    "unstructured_chat": 704.0,
    "system_design": 377.0,
    "reference_call": 51.0,
}
LOST = {"structured_behavioural": 0.061, "pair_coding": 0.028, "work_sample": 0.004, "unstructured_chat": 0.001}
UNTESTABLE = (
    "Rung 3 assumes that performance rises linearly with the scores also where nobody was hired. No test can check "
    "that: the bend would lie where there are no hires. "
    "Up to 34% of the rejected scored outside the range of the hired."
)


METHODS = (
    "pearson+fisher_z",
    "attenuation+between_rater_covariance",
    "maximum_likelihood+between_rater_covariance",
    "maximum_likelihood+between_rater_covariance+prior(0.25,0.20)",
)


def estimates() -> pd.DataFrame:
    rows = [row for family, share in {"all": 1.0, **FAMILIES}.items() for row in _estimates_of(family, share)]
    return _stamped(rows)


def _estimates_of(family: str, share: float) -> Iterator[dict[str, Any]]:
    for technique, (verdict, n, applicants, *rungs) in EVERYTHING.items():
        for variant, part in (("all_raters", 1.0), ("independent_raters", 0.8)):
            mine = round(n * share * part)
            few = mine < 30
            for rung, made in enumerate(rungs, start=1):
                value, half = made if made and not few else (NAN, NAN)
                half /= np.sqrt(share * part)
                hidden = family != "all" and rung > 1 and mine < 60
                refused = np.isnan(value) or hidden
                literature = LITERATURE.get(technique, (NAN, NAN, NAN, None))
                yield {
                    "technique": technique,
                    "job_family": family,
                    "attribute": "overall",
                    "criterion": "performance_rating_z",
                    "variant": variant,
                    "rung": rung,
                    "metric": ("r_obs", "r_crit", "r_rr", "r_pooled")[rung - 1],
                    "value": NAN if refused else value,
                    "lo": NAN if refused else max(value - half, -0.99),
                    "hi": NAN if refused else min(value + half, 0.99),
                    "method": METHODS[rung - 1],
                    "level": 0.95,
                    "n": mine,
                    "n_applicants": round(applicants * share),
                    "status": ("suppressed" if few else "not_estimable") if refused else "ok",
                    "reason": _reason(technique, few, hidden) if refused else "",
                    "q_value": 0.004 if rung == 3 and verdict == "supported" else NAN,
                    "probability_positive": 0.97 if rung == 4 and not refused else NAN,
                    "lo_rater_aware": value - 1.2 * half if rung == 3 else NAN,
                    "hi_rater_aware": value + 1.2 * half if rung == 3 else NAN,
                    **dict(zip(("literature_value", "literature_lo", "literature_hi", "literature_source"), literature,
                               strict=True)),
                    "mdv": NAN if few else 2.8 / np.sqrt(mine - 3),
                    "n_contaminated": 11 if technique == "pair_coding" else None,
                    "n_same_rater": round(mine * (0.31 if technique == "manager_screen" else 0.12)),
                    "verdict": verdict if not few and not (family != "all" and mine < 60) else "not estimable",
                    "verdict_sentence": "Words of the engine.",
                }  # fmt: skip


def _reason(technique: str, few: bool, hidden: bool) -> str:
    if few:
        return "fewer than 30 reviewed hires"
    return "too few reviewed hires for 7 predictors" if hidden else REASONS[technique]


def attribute_estimates() -> pd.DataFrame:
    """Rows about one attribute, which no page shows as a technique."""
    frame = estimates()
    return frame[frame["job_family"] == "all"].assign(attribute="collaboration", value=0.777)


def reliability() -> pd.DataFrame:
    names = ["job_family", "variant", "method", "value", "lo", "hi", "n_pairs", "n_raters", "status", "reason"]
    rows = [
        ("all", "all_raters", "between_rater_covariance", 0.61, 0.49, 0.72, 118, 64, "ok", ""),
        ("all", "independent_raters", "between_rater_covariance", 0.58, 0.43, 0.71, 90, 60, "ok", ""),
        ("sales", "all_raters", "stated", 0.60, NAN, NAN, 12, 9, "ok",
         "literature value 0.60 for one rater (Sackett et al. 2022)"),
    ]  # fmt: skip
    return _stamped([{"criterion": "performance_rating_z", **dict(zip(names, row, strict=True))} for row in rows])


def diagnostics() -> pd.DataFrame:
    rows = [
        {
            "technique": technique,
            "job_family": "all",
            "variant": "all_raters",
            "stage": 2.0,
            "n_applicants": applicants,
            "n_scored": round(applicants * 0.97),
            "n_hired": round(n * 1.2),
            "n_rated": n,
            "u": 0.31 if technique == "system_design" else 0.71,
            "selection_ratio": 1.2 * n / applicants,
            "hiring_r2": 0.4,
            "extrapolation_share": 0.34,
            "unrecorded_share": 0.03,
            "effective_n": n / 2.3,
            "undefined_share": 0.0,
            "leave_one_out_lo": 0.01,
            "leave_one_out_hi": 0.2,
            "p_quadratic": 0.44,
            "p_heteroscedastic": 0.31,
        }
        for technique, (_, n, applicants, *_) in EVERYTHING.items()
    ]
    return _stamped(rows)


def sensitivity() -> pd.DataFrame:
    """For every technique, as the engine gives it, also where rung 3 is refused."""
    rows: list[dict[str, Any]] = []
    for technique, (_, _, _, *rungs) in EVERYTHING.items():
        value, half = rungs[2] or (0.333, 0.5)
        for rho in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
            moved = value + 0.3 * rho
            rows.append(_setting(technique, "hidden_information", rho, moved, moved - half, moved + half))
        rows.append(_setting(technique, "union", 0.5, value, value - half, value + 0.15 + half))
        crosses = (half - value) / 0.3
        tipping = crosses if 0 <= crosses <= 0.5 else NAN
        rows.append(_setting(technique, "tipping_rho", tipping, 0.0, NAN, NAN))
        rows += [_setting(technique, "rejected_worse_by", d, value + 0.08 * d, NAN, NAN) for d in (0.25, 0.5, 1.0)]
        rows += [_setting(technique, "reliability_rung_2", r, 0.2 / r**0.5, NAN, NAN) for r in (0.45, 0.6)]
        rows.append(_setting(technique, "leniency_removed_shared_ratees", NAN, value + 0.02, NAN, NAN))
        rows.append(_setting(technique, "worst_case", NAN, NAN, -0.81, 0.93))
        rows.append(_setting(technique, "monotone_selection", NAN, NAN, -0.22, 0.58))
    return _stamped(rows)


def _setting(technique: str, kind: str, setting: float, value: float, lo: float, hi: float) -> dict[str, Any]:
    return {"technique": technique, "job_family": "all", "kind": kind, "setting": setting, "value": value, "lo": lo,
            "hi": hi, "n": 200}  # fmt: skip


def incremental() -> pd.DataFrame:
    total = sum(HOURS.values())
    rows = [
        {
            "technique": technique,
            "job_family": "all",
            "r2_all": 0.27,
            "r2_adjusted": 0.24,
            "r2_cross_validated": 0.2,
            "delta_r2": LOST.get(technique, 0.0888),
            "delta_r2_lo": LOST.get(technique, 0.0888) / 4,
            "delta_r2_hi": LOST.get(technique, 0.0888) * 2 + 0.02,
            "interview_hours_per_year": HOURS[technique],
            "hours_share": HOURS[technique] / total,
            "n": n,
            "status": "ok",
            "reason": "",
        }
        for technique, (_, n, *_) in EVERYTHING.items()
    ]
    return _stamped(rows)


def power() -> pd.DataFrame:
    rows = []
    for technique, (_, n, _, *rungs) in EVERYTHING.items():
        half = (rungs[2] or rungs[0] or (NAN, NAN))[1]
        needed = None if np.isnan(half) else int(n * (half / 0.1) ** 2)
        years = 0.0 if needed is None else (needed - n) / 96
        rows.append(
            {
                "technique": technique,
                "job_family": "all",
                "n": n,
                "hires_per_year": 96.0,
                "half_width": half,
                "target_half_width": 0.1,
                "n_needed": needed,
                "precision_on": pd.NaT
                if needed is None
                else pd.Timestamp("2026-08-23") + pd.Timedelta(days=365 * years),
                "mdv_operational": 0.3,
                "status": "not_estimable" if needed is None else "ok",
                "reason": REASONS["reference_call"] if needed is None else f"{needed - n} more reviewed hires",
            }
        )
    return _stamped(rows)


def expectancy() -> pd.DataFrame:
    """For every technique, also where the pooled value is refused: nothing of it may be shown then."""
    rows = []
    for technique, (_, n, _, *rungs) in EVERYTHING.items():
        for kind, source in (("observed", rungs[0]), ("expected", rungs[3])):
            value, half = source or (NAN, NAN)
            for third in (1, 2, 3):
                middle = 0.5 + 0.4 * value * (third - 2)
                refused = np.isnan(value)
                rows.append(
                    {
                        "technique": technique,
                        "job_family": "all",
                        "kind": kind,
                        "third": third,
                        "share_good": middle,
                        "lo": middle - 0.4 * half,
                        "hi": middle + 0.4 * half,
                        "base_rate": NAN if refused else 0.5,
                        "n": n if kind == "expected" else n // 3,
                        "status": "not_estimable" if refused else "ok",
                        "reason": REASONS.get(technique, "") if refused else "",
                    }
                )
    return _stamped(rows)


def scatter() -> pd.DataFrame:
    rows = []
    for technique, (_, n, applicants, *rungs) in EVERYTHING.items():
        slope = (rungs[0] or (0.0, 0.0))[0]
        for k, (share, hired) in enumerate(
            [(0.06, 0), (0.13, 0), (0.22, 0.04), (0.26, 0.16), (0.21, 0.42), (0.12, 0.38)]
        ):
            rated = round(n * hired)
            shown = rated >= 10
            mean, half = (k - 3.5) * slope, 1.96 / np.sqrt(max(rated, 1))
            rows.append(
                {
                    "technique": technique,
                    "job_family": "all",
                    "score_lo": k / 5,
                    "score_hi": (k + 1) / 5,
                    "n_applicants": round(applicants * share),
                    "n_hired": round(rated * 1.2) if hired else 0,
                    "n_rated": rated,
                    "mean_rating": mean if shown else NAN,
                    "lo": mean - half if shown else NAN,
                    "hi": mean + half if shown else NAN,
                    "status": "ok" if shown else "not_estimable",
                }
            )
    return _stamped(rows)


def warnings() -> pd.DataFrame:
    decision = (
        "No decision-time score was recorded for everybody. If the decision used anything that the scores do not hold, "
        "rung 3 is biased; the curve over unrecorded information shows by how much."
    )
    rows = [("all", UNTESTABLE), ("all", decision), ("sales", UNTESTABLE.replace("34%", "51%")),
            ("sales", "9 raters gave all ratings: read the interval that resamples raters too.")]  # fmt: skip
    return _stamped([{"job_family": family, "sentence": sentence} for family, sentence in rows])


def _stamped(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows).assign(as_of=AS_OF, definition_version="2", lineage_id="5f2c9e1a", code_version="1.0",
                                     manifest_hash="ab12", seed=7)  # fmt: skip


def result_tables() -> dict[str, pd.DataFrame]:
    return {
        "validity.validity_estimates": pd.concat([estimates(), attribute_estimates()], ignore_index=True),
        "validity.validity_reliability": reliability(),
        "validity.validity_diagnostics": diagnostics(),
        "validity.validity_sensitivity": sensitivity(),
        "validity.validity_incremental": incremental(),
        "validity.validity_power": power(),
        "validity.validity_expectancy": expectancy(),
        "validity.validity_scatter": scatter(),
        "validity.validity_warnings": warnings(),
    }
