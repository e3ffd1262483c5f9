"""Effect of interviewer training: difference in differences, for one date of adoption and for staggered ones.

Units are interviewers, the outcome is a distance from consensus or a severity; the estimate is about the training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import f as f_distribution
from scipy.stats import t as student_t

from validity.cluster_robust import ClusterFit, cluster_robust
from validity.estimate import Estimate, refused

Array = npt.NDArray[np.float64]

MIN_PER_ARM = 10
"""Interviewers trained and interviewers not (yet) trained."""

MIN_PER_UNIT_PERIOD = 5
"""Interviews per interviewer and period."""

PRE_TREND_ALPHA = 0.10
"""Below this p the arms moved apart before the training: no effect is read from them."""

METHOD = "callaway_santanna"


@dataclass(frozen=True)
class TwoByTwo:
    """Difference in differences of four cell means, and the regression behind its error."""

    cell_means: pd.DataFrame
    effect: float
    fit: ClusterFit


@dataclass(frozen=True)
class GroupTime:
    """Effects by cohort and period, with one influence per unit (rows) and effect (columns)."""

    table: pd.DataFrame
    influence: Array


@dataclass(frozen=True)
class JointTest:
    statistic: float
    df1: int
    df2: float
    p_value: float


def difference_of_means(treated_pre: float, treated_post: float, control_pre: float, control_post: float) -> float:
    """``(treated after − before) − (control after − before)``.

    >>> round(difference_of_means(20.44, 21.03, 23.33, 21.17), 2)  # Card & Krueger (1994), table 3, rounded means
    2.75
    """
    return (treated_post - treated_pre) - (control_post - control_pre)


def two_by_two(y: Any, treated: Any, post: Any, unit: Any) -> TwoByTwo:
    """Difference in differences with a CR2 standard error by unit; the effect is the last coefficient of ``fit``.

    Parameters
    ----------
    y, treated, post, unit
        Outcome, 1 for units that are ever trained, 1 for the time after, and the unit of each row, (n,). Incomplete
        rows are left out.

    >>> result = two_by_two([3, 2, 3, 3, 3, 1, 3, 3], [1, 1, 0, 0] * 2, [0, 1] * 4, [1, 1, 2, 2, 3, 3, 4, 4])
    >>> round(result.effect, 2)
    -1.5
    """
    frame = _complete(y=y, treated=treated, post=post, unit=unit)
    means = frame.groupby(["post", "treated"])["y"].mean().reset_index()[["treated", "post", "y"]]
    if len(means) != 4 or set(frame["treated"]) | set(frame["post"]) != {0, 1}:
        raise ValueError("`treated`, `post`: expected 0 and 1, and rows in all four cells.")
    on, after = frame["treated"].to_numpy(dtype=float), frame["post"].to_numpy(dtype=float)
    design = np.column_stack([np.ones(len(frame)), on, after, on * after])
    fit = cluster_robust(design, frame["y"], frame["unit"], "CR2")
    return TwoByTwo(means, float(fit.coef[3]), fit)


def two_way_fixed_effects(y: Any, exposed: Any, unit: Any, period: Any) -> tuple[float, float]:
    """Effect of exposure given unit and period effects, and its CR1S standard error by unit.

    Unit effects are swept out (Frisch & Waugh 1933), yet counted in CR1S, as statsmodels does with dummies. With
    staggered adoption this averages effects with weights that may be negative: use :func:`group_time_effects`.

    >>> effect, _ = two_way_fixed_effects([3, 2, 3, 3, 3, 1, 3, 3.5], [0, 1, 0, 0, 0, 1, 0, 0],
    ...     [1, 1, 2, 2, 3, 3, 4, 4], [0, 1] * 4)
    >>> round(effect, 2)
    -1.75
    """
    frame = _complete(y=y, exposed=exposed, unit=unit, period=period)
    dummies = pd.get_dummies(frame["period"], drop_first=True).to_numpy(dtype=float)
    columns = np.column_stack([frame["exposed"].to_numpy(dtype=float), dummies, frame["y"].to_numpy(dtype=float)])
    within = pd.DataFrame(columns)
    within = within - within.groupby(frame["unit"].to_numpy()).transform("mean")
    design, outcome = within.to_numpy()[:, :-1], within.to_numpy()[:, -1]
    fit = cluster_robust(design, outcome, frame["unit"], "CR0")
    n, j = fit.n, fit.n_clusters
    parameters = j + design.shape[1]
    if n <= parameters:
        raise ValueError(f"`y`: {n} rows for {parameters} parameters, expected more rows.")
    factor = j * (n - 1) / ((j - 1) * (n - parameters))
    return float(fit.coef[0]), float(fit.standard_error[0]) * sqrt(factor)


def group_time_effects(y: Any, unit: Any, period: Any, first_treated: Any) -> GroupTime:
    """Effect of each cohort in each period against units not yet trained (Callaway & Sant'Anna 2021, eq. 2.8).

    Outcomes are averaged by unit and period. After adoption the base is the last period before it, earlier periods are
    compared with the one before them, so that those rows test the trend.

    Parameters
    ----------
    y, unit, period, first_treated
        One entry per interview; `first_treated` is the unit's first trained period, missing for never.

    Returns
    -------
    GroupTime
        ``table``: one row per cohort and period: cohort, period, event_time (periods since adoption), effect,
        standard_error, n_treated, n_control. Effects without two units on both sides are left out.

    >>> y = [1, 1, 3, 2, 2, 4, 1, 1, 1, 2, 2, 2.4]
    >>> made = group_time_effects(y, np.repeat(list("abcd"), 3), [1, 2, 3] * 4, [3] * 6 + [None] * 6)
    >>> made.table[["period", "event_time", "effect"]].round(1).values.tolist()
    [[2.0, -1.0, 0.0], [3.0, 0.0, 1.8]]
    """
    frame = pd.DataFrame({"y": np.asarray(y, float), "unit": pd.Series(list(unit)), "period": pd.Series(list(period))})
    frame["cohort"] = pd.to_numeric(pd.Series(list(first_treated), dtype=object))
    frame = frame.dropna(subset=["y", "unit", "period"])
    panel = frame.pivot_table(index="unit", columns="period", values="y", aggfunc="mean")
    cohort = frame.groupby("unit")["cohort"].first().reindex(panel.index)
    rows, influences = [], []
    for row, influence in _group_times(panel, cohort):
        rows.append(row)
        influences.append(influence)
    columns = ["cohort", "period", "event_time", "effect", "standard_error", "n_treated", "n_control"]
    matrix = np.column_stack(influences) if influences else np.zeros((len(panel), 0))
    return GroupTime(pd.DataFrame(rows, columns=columns), matrix)


def average_effect(effects: GroupTime) -> tuple[float, float]:
    """Mean of the effects after adoption, each weighted by its trained units, and its standard error.

    The weights are taken as given, so the error is about these cohorts.

    >>> y = [1, 1, 3, 2, 2, 4, 1, 1, 1, 2, 2, 2.4]
    >>> made = group_time_effects(y, np.repeat(list("abcd"), 3), [1, 2, 3] * 4, [3] * 6 + [None] * 6)
    >>> round(average_effect(made)[0], 2)
    1.8
    """
    after = (effects.table["event_time"] >= 0).to_numpy()
    if not after.any():
        raise ValueError("`effects`: none after adoption, expected at least one.")
    weights = effects.table.loc[after, "n_treated"].to_numpy(dtype=float)
    weights /= weights.sum()
    mean = float(weights @ effects.table.loc[after, "effect"].to_numpy())
    return mean, sqrt(float(((effects.influence[:, after] @ weights) ** 2).sum()))


def event_study(effects: GroupTime) -> pd.DataFrame:
    """One row per time since adoption: event_time, effect, standard_error, n_treated; cohorts weighted by units."""
    rows = []
    for time in sorted(effects.table["event_time"].unique()):
        part = effects.table[effects.table["event_time"] == time]
        weights = part["n_treated"].to_numpy(dtype=float) / part["n_treated"].sum()
        influence = effects.influence[:, part.index.to_numpy()] @ weights
        error = sqrt(float((influence**2).sum()))
        rows.append((int(time), float(weights @ part["effect"].to_numpy()), error, int(part["n_treated"].sum())))
    return pd.DataFrame(rows, columns=["event_time", "effect", "standard_error", "n_treated"])


def pre_trend_test(effects: GroupTime) -> JointTest | None:
    """Joint test that the event study is flat before adoption; None when there is at most one period before it.

    Wald statistic scaled as Hotelling's T² with units − 1 degrees of freedom (Pustejovsky & Tipton 2018, sec. 3).
    """
    before = event_study(effects)
    times = before.loc[before["event_time"] < 0, "event_time"].tolist()
    n_units = int((effects.influence != 0).any(axis=1).sum())
    if not times or n_units <= len(times):
        return None
    columns, values = [], []
    for time in times:
        part = effects.table[effects.table["event_time"] == time]
        weights = part["n_treated"].to_numpy(dtype=float) / part["n_treated"].sum()
        columns.append(effects.influence[:, part.index.to_numpy()] @ weights)
        values.append(float(weights @ part["effect"].to_numpy()))
    influence = np.column_stack(columns)
    covariance, q = influence.T @ influence, int(np.linalg.matrix_rank(influence))
    if q == 0:
        return None
    wald = float(np.array(values) @ np.linalg.pinv(covariance, hermitian=True) @ np.array(values))
    df2 = float(n_units - q)
    statistic = wald * df2 / (q * (n_units - 1))
    return JointTest(statistic, q, df2, float(f_distribution.sf(statistic, q, df2)))


def training_effect(
    y: Any, unit: Any, period: Any, first_treated: Any, *, level: float = 0.95, definition_version: str = "1"
) -> Estimate:
    """Average effect of training on the outcome, against interviewers not yet trained.

    Interviewer-periods of fewer than 5 interviews are left out, then effects beside fewer than 10 interviewers not yet
    trained. Refused when fewer than 10 trained ones remain, and when the arms moved apart before the training
    (p < .10). t with the smaller arm's n − 1.

    Parameters
    ----------
    y, unit, period, first_treated
        As in :func:`group_time_effects`, one entry per interview.

    >>> training_effect([1.0, 2.0], ["a", "b"], [1, 1], [None, 2]).reason
    '0 trained interviewers with 5 interviews a period beside 10 not yet trained ones, 10 needed'
    """
    frame = pd.DataFrame({"y": np.asarray(y, float), "unit": pd.Series(list(unit)), "period": pd.Series(list(period))})
    frame["first"] = pd.to_numeric(pd.Series(list(first_treated), dtype=object))
    frame = frame.dropna(subset=["y", "unit", "period"])
    size = frame.groupby(["unit", "period"])["y"].transform("size")
    kept = frame[size >= MIN_PER_UNIT_PERIOD]
    effects = _supported(group_time_effects(kept["y"], kept["unit"], kept["period"], kept["first"]))
    after = effects.table[effects.table["event_time"] >= 0]
    trained = int(after.groupby("cohort")["n_treated"].max().sum())

    def refuse(reason: str) -> Estimate:
        return refused(METHOD, n=len(kept), reason=reason, level=level, definition_version=definition_version)

    if trained < MIN_PER_ARM:
        return refuse(
            f"{trained} trained interviewers with {MIN_PER_UNIT_PERIOD} interviews a period beside {MIN_PER_ARM} not "
            f"yet trained ones, {MIN_PER_ARM} needed"
        )
    controls = int(after["n_control"].min())
    trend = pre_trend_test(effects)
    if trend is None:
        return refuse("at most one period before the training: whether the arms moved alike cannot be seen")
    if trend.p_value < PRE_TREND_ALPHA:
        return refuse(f"the arms moved apart before the training (p = {trend.p_value:.3f})")
    mean, error = average_effect(effects)
    width = float(student_t.ppf((1 + level) / 2, min(trained, controls) - 1)) * error
    return Estimate(
        value=mean,
        lo=mean - width,
        hi=mean + width,
        level=level,
        n=len(kept),
        method=METHOD,
        definition_version=definition_version,
        extras={"n_trained": trained, "n_not_yet_trained": controls, "pre_trend_p": trend.p_value},
    )


def _supported(effects: GroupTime) -> GroupTime:
    kept = (effects.table["n_control"] >= MIN_PER_ARM).to_numpy(dtype=bool)
    return GroupTime(effects.table[kept].reset_index(drop=True), effects.influence[:, kept])


def _group_times(panel: pd.DataFrame, cohort: pd.Series) -> Iterator[tuple[tuple[Any, ...], Array]]:
    periods = list(panel.columns)
    for start in sorted(cohort.dropna().unique()):
        first = next((i for i, period in enumerate(periods) if period >= start), len(periods))
        if first == 0 or first == len(periods):
            continue  # trained before the first period or after the last one: nothing to compare
        for i in range(1, len(periods)):
            base = min(i, first) - 1
            change = (panel[periods[i]] - panel[periods[base]]).to_numpy(dtype=float)
            seen = np.isfinite(change)
            treated = seen & (cohort == start).to_numpy()
            control = seen & (cohort.isna() | (cohort > max(periods[i], start))).to_numpy()
            if min(treated.sum(), control.sum()) < 2:
                continue
            influence = _influence(change, treated) - _influence(change, control)
            effect = float(change[treated].mean() - change[control].mean())
            error = sqrt(float((influence**2).sum()))
            counts = int(treated.sum()), int(control.sum())
            yield (float(start), periods[i], i - first, effect, error, *counts), influence


def _influence(change: Array, arm: npt.NDArray[np.bool_]) -> Array:
    """Each unit's share in the arm's mean, scaled so that squares add up to the mean's variance (n − 1)."""
    n = int(arm.sum())
    return np.where(arm, change - change[arm].mean(), 0.0) / sqrt(n * (n - 1))


def _complete(**columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({name: pd.Series(list(values)) for name, values in columns.items()})
    kept: pd.DataFrame = frame.dropna()
    return kept.astype({"y": float})
