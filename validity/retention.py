"""Retention as a second criterion: time to leaving, with censoring, late entry and competing reasons.

Compares techniques and score bands of those who were hired; it never says who will leave. A mean over people who left
is not used: those who stayed are missing from it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2, norm
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import CumIncidenceRight, survdiff

from validity.estimate import Estimate, refused

Array = npt.NDArray[np.float64]
Ties = Literal["efron", "breslow"]
Transform = Literal["log", "log-log"]

MIN_EVENTS_FOR_CURVES = 20
"""Curves are compared from so many departures."""

MIN_EVENTS_PER_COVARIATE = 10
"""A Cox model has at most one covariate per so many departures."""

METHOD = "rmst_difference"


@dataclass(frozen=True)
class KaplanMeier:
    """Steps of the curve: entries per distinct departure time."""

    time: Array
    survival: Array
    standard_error: Array
    n_at_risk: Array
    n_events: Array
    n: int
    last_time: float

    def at(self, times: Any) -> tuple[Array, Array]:
        """Survival and its Greenwood standard error at `times`; undefined (nan) error where nobody is left."""
        index = np.searchsorted(self.time, np.asarray(times, dtype=float), side="right")
        return np.append(1.0, self.survival)[index], np.append(0.0, self.standard_error)[index]

    def interval(self, times: Any, transform: Transform = "log-log", level: float = 0.95) -> tuple[Array, Array]:
        """Limits at `times` on the ``log`` or the ``log-log`` scale (Kalbfleisch & Prentice 2002, sec. 1.4).

        Undefined (nan) where survival is 0 and, on the log-log scale, where it is 1.
        """
        survival, error = self.at(times)
        quantile = float(norm.ppf((1 + level) / 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            if transform == "log":
                spread = quantile * error / survival
                return survival * np.exp(-spread), np.minimum(survival * np.exp(spread), 1.0)
            log_survival = np.log(np.where(survival < 1, survival, np.nan))
            spread = quantile * error / survival / np.abs(log_survival)
            return np.exp(log_survival * np.exp(spread)), np.exp(log_survival * np.exp(-spread))

    @property
    def median(self) -> float | None:
        """First time at which half have left (middle of the step that lies exactly at a half); None if never."""
        below = np.flatnonzero(self.survival < 0.5 + 1e-12)
        if len(below) == 0:
            return None
        first = below[0]
        if abs(self.survival[first] - 0.5) < 1e-12 and len(below) > 1:
            return float((self.time[first] + self.time[below[1]]) / 2)
        return float(self.time[first])

    def rmst(self, tau: float) -> tuple[float, float]:
        """Mean time until leaving within the first `tau`, the area under the curve, and its standard error.

        Irwin (1949); variance as Klein & Moeschberger (2003), eq. 4.5.2.
        """
        inside = self.time < tau
        edges = np.concatenate([[0.0], self.time[inside], [tau]])
        areas = np.diff(edges) * np.append(1.0, self.survival[inside])
        rest = areas[::-1].cumsum()[::-1][1:]  # area from each departure time to tau
        events, at_risk = self.n_events[inside], self.n_at_risk[inside]
        left = at_risk - events
        terms = np.where(left > 0, events / (at_risk * np.where(left > 0, left, 1)), 0.0)
        return float(areas.sum()), sqrt(float((rest**2 * terms).sum()))


@dataclass(frozen=True)
class LogRank:
    chi_square: float
    df: int
    p_value: float


@dataclass(frozen=True)
class Cox:
    """Cox model: coefficients in the order of `names`."""

    names: tuple[str, ...]
    coef: Array
    standard_error: Array
    log_likelihood: float
    concordance: float
    ties: Ties
    n: int
    n_events: int


@dataclass(frozen=True)
class ProportionalHazards:
    """Score tests of constant hazard ratios: one per covariate, and the global one."""

    chi_square: float
    df: int
    p_value: float
    p_by_covariate: Array


def kaplan_meier(time: Any, event: Any, entry: Any = None) -> KaplanMeier:
    """Kaplan & Meier's (1958) estimate; with `entry`, a person counts from there on (left truncation).

    Parameters
    ----------
    time, event
        Time until leaving or until last seen, and whether they left, (n,). Incomplete rows are left out.
    entry
        Time at which each person came under observation, (n,).

    >>> curve = kaplan_meier([6, 6, 6, 7, 10, 13], [1, 1, 0, 1, 1, 0])
    >>> curve.survival.round(2).tolist(), curve.median
    ([0.67, 0.44, 0.22], 7.0)
    """
    times, events, entries = _checked(time, event, entry)
    steps = np.unique(times[events])
    at_risk = _at_risk(times, entries, steps)
    deaths = (np.searchsorted(np.sort(times[events]), steps, "right")) - np.searchsorted(np.sort(times[events]), steps)
    survival: Array = np.asarray(np.cumprod(1 - deaths / at_risk), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.asarray(survival * np.sqrt(np.cumsum(deaths / (at_risk * (at_risk - deaths)))), dtype=np.float64)
    return KaplanMeier(
        steps, survival, error, at_risk.astype(float), deaths.astype(float), len(times), float(times.max())
    )


def log_rank(time: Any, event: Any, group: Any) -> LogRank:
    """Log-rank test of equal curves (Mantel 1966), any number of groups.

    >>> round(log_rank([1, 2, 3, 4, 5, 6, 7, 8], [1] * 8, list("aaaabbbb")).p_value, 4)
    0.0067
    """
    frame = pd.DataFrame({"time": _numbers(time), "event": _numbers(event), "group": pd.Series(list(group))}).dropna()
    codes, labels = pd.factorize(frame["group"], sort=True)
    if len(labels) < 2 or not frame["event"].any():
        raise ValueError(f"`group`, `event`: {len(labels)} groups, expected 2 or more, and one departure at least.")
    statistic, p_value = survdiff(frame["time"].to_numpy(), frame["event"].to_numpy().astype(int), codes)
    return LogRank(float(statistic), len(labels) - 1, float(p_value))


def cox(time: Any, event: Any, covariates: pd.DataFrame, *, ties: Ties = "efron", entry: Any = None) -> Cox:
    """Cox's (1972) proportional hazards model; ties by Efron (1977) or Breslow (1974).

    Parameters
    ----------
    time, event, entry
        As in :func:`kaplan_meier`.
    covariates
        One numeric column per covariate, (n, p), none a combination of others.

    >>> model = cox([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 0, 1], pd.DataFrame({"x": [1, 0, 1, 1, 0, 0]}))
    >>> f"{model.coef[0]:.2f} ({model.standard_error[0]:.2f}), concordance {model.concordance:.2f}"
    '1.39 (1.16), concordance 0.68'
    """
    times, events, design, entries = _model_frame(time, event, covariates, entry)
    fit = PHReg(times, design, status=events.astype(int), entry=entries, ties=ties).fit(disp=0, tol=1e-12)
    return Cox(
        names=tuple(str(name) for name in covariates.columns),
        coef=np.asarray(fit.params, dtype=np.float64),
        standard_error=np.asarray(fit.bse, dtype=np.float64),
        log_likelihood=float(fit.llf),
        concordance=concordance(times, events, design @ fit.params, entries),
        ties=ties,
        n=len(times),
        n_events=int(events.sum()),
    )


def concordance(time: Any, event: Any, risk: Any, entry: Any = None) -> float:
    """Share of comparable pairs in which the one who left first had the higher risk; equal risks count half.

    Harrell's C as in Therneau & Watson (2015): two people who left at the same time are no pair, one who left is
    compared with everybody censored at that time. With `entry` only people seen together are compared.

    >>> concordance([1, 2, 3], [1, 1, 0], [3.0, 1.0, 2.0])
    0.6666666666666666
    """
    times, events, scores = _numbers(time), _numbers(event).astype(bool), _numbers(risk)
    entries = None if entry is None else _numbers(entry)
    order = np.lexsort((events, -times))  # latest first, censored before departures
    joining = iter(order)
    ahead = next(joining, None)
    lower = equal = higher = 0
    waiting: list[float] = []
    for at in np.unique(times[events])[::-1]:
        while ahead is not None and (times[ahead] > at or (times[ahead] == at and not events[ahead])):
            insort(waiting, float(scores[ahead]))
            ahead = next(joining, None)
        leaving = np.flatnonzero(events & (times == at))
        late = [] if entries is None else sorted(scores[(entries >= at) & ((times > at) | ((times == at) & ~events))])
        for i in leaving:
            for pool, sign in ((waiting, 1), (late, -1)):
                below, upto = bisect_left(pool, float(scores[i])), bisect_right(pool, float(scores[i]))
                lower, equal = lower + sign * below, equal + sign * (upto - below)
                higher += sign * (len(pool) - upto)
    pairs = lower + equal + higher
    return (lower + 0.5 * equal) / pairs if pairs else float("nan")


def proportional_hazards(
    time: Any, event: Any, covariates: pd.DataFrame, coef: Any, *, ties: Ties = "efron", entry: Any = None
) -> ProportionalHazards:
    """Whether hazard ratios change with time: score test for ``x·g(t)`` added to the model, g(t) = 1 − S(t−).

    Grambsch & Therneau (1994) in its exact form: the score's variance is that of the risk sets, not its average.

    >>> x = pd.DataFrame({"x": [1, 0, 1, 1, 0, 0, 1, 0]})
    >>> t, d = [1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 1, 1, 1, 1, 1, 0]
    >>> round(proportional_hazards(t, d, x, cox(t, d, x).coef).p_value, 2)
    0.83
    """
    times, events, design, entries = _model_frame(time, event, covariates, entry)
    curve = kaplan_meier(times, events, entries)
    clock = 1 - np.concatenate([[1.0], curve.survival[:-1]])
    clock = clock - float(clock @ curve.n_events / curve.n_events.sum())
    residual, variance = _risk_sets(times, events, design, np.asarray(coef, dtype=float), ties, entries, curve.time)
    score = clock @ residual
    plain, mixed, squared = (np.einsum("t,tij->ij", weight, variance) for weight in (clock**0, clock, clock**2))
    information = squared - mixed @ np.linalg.solve(plain, mixed)
    statistic = float(score @ np.linalg.solve(information, score))
    single = np.diag(squared) - np.einsum("ij,ji->i", mixed, np.linalg.solve(plain, mixed))
    p = len(score)
    return ProportionalHazards(statistic, p, float(chi2.sf(statistic, p)), chi2.sf(score**2 / single, 1))


def cumulative_incidence(time: Any, reason: Any, cause: int, level: float = 0.95) -> pd.DataFrame:
    """Probability of having left for one reason when others compete (Aalen & Johansen 1978).

    Parameters
    ----------
    time, reason
        Time, and the reason of leaving as 1, 2, …; 0 for still here, (n,).
    cause
        The reason to describe.

    Returns
    -------
    DataFrame
        One row per departure time: time, incidence, standard_error, lo, hi (log-log limits).

    >>> cumulative_incidence([1, 2, 3, 4], [1, 2, 1, 0], 1)["incidence"].tolist()
    [0.25, 0.25, 0.5]
    """
    frame = pd.DataFrame({"time": _numbers(time), "reason": _numbers(reason)}).dropna().astype({"reason": int})
    if cause < 1 or not (frame["reason"] == cause).any():
        raise ValueError(f"`cause`: {cause}, expected one that occurs (1, 2, …).")
    # statsmodels wants reasons without gaps
    causes = sorted(set(frame["reason"]) - {0})
    status = frame["reason"].map({0: 0} | {name: i + 1 for i, name in enumerate(causes)})
    with np.errstate(divide="ignore", invalid="ignore"):  # its error is undefined once everybody has left
        made = CumIncidenceRight(frame["time"].to_numpy(), status.to_numpy())
    index = causes.index(cause)
    table = pd.DataFrame({"time": made.times, "incidence": made.cinc[index], "standard_error": made.cinc_se[index]})
    table = table[table["time"].isin(frame.loc[frame["reason"] != 0, "time"])].reset_index(drop=True)
    value = table["incidence"].where((table["incidence"] > 0) & (table["incidence"] < 1))
    spread = float(norm.ppf((1 + level) / 2)) * table["standard_error"] / (value * np.log(value).abs())
    return table.assign(lo=np.exp(np.log(value) * np.exp(spread)), hi=np.exp(np.log(value) * np.exp(-spread)))


def compare_retention(
    time: Any, event: Any, group: Any, tau: float, *, level: float = 0.95, definition_version: str = "1"
) -> Estimate:
    """Difference in restricted mean time to leaving, second label minus first, up to `tau`; log-rank p as an extra.

    Needs no proportional hazards. Refused below 20 departures, with other than two groups, or when a group was not
    followed up to `tau`.

    >>> compare_retention([1, 2, 3], [1, 1, 0], ["a", "b", "b"], 2.0).reason
    '2 departures, 20 needed to compare curves'
    """
    frame = pd.DataFrame({"time": _numbers(time), "event": _numbers(event), "group": pd.Series(list(group))}).dropna()
    parts = [part for _, part in frame.groupby("group", sort=True)]
    n_events = int(frame["event"].sum())
    reason = ""
    if n_events < MIN_EVENTS_FOR_CURVES:
        reason = f"{n_events} departures, {MIN_EVENTS_FOR_CURVES} needed to compare curves"
    elif len(parts) != 2:
        reason = f"{len(parts)} groups, 2 needed"
    elif any(_followed(part) < tau for part in parts):
        reason = f"a group was not followed up to {tau:g}"
    if reason:
        return refused(METHOD, n=len(frame), reason=reason, level=level, definition_version=definition_version)
    (first, first_se), (second, second_se) = (kaplan_meier(p["time"], p["event"]).rmst(tau) for p in parts)
    width = float(norm.ppf((1 + level) / 2)) * sqrt(first_se**2 + second_se**2)
    return Estimate(
        value=second - first,
        lo=second - first - width,
        hi=second - first + width,
        level=level,
        n=len(frame),
        method=METHOD,
        definition_version=definition_version,
        extras={"n_events": n_events, "log_rank_p": log_rank(frame["time"], frame["event"], frame["group"]).p_value},
    )


def hazard_ratios(
    time: Any, event: Any, covariates: pd.DataFrame, *, level: float = 0.95, definition_version: str = "1"
) -> list[tuple[dict[str, str], Estimate]]:
    """Hazard ratio per covariate (Efron ties) with the test of proportional hazards: keys and estimates.

    Refused below 10 departures per covariate, or when covariates determine each other; ``low_n`` never: a violated
    assumption (p < .05) is said in the reason, then report differences of restricted means.

    >>> rows = hazard_ratios([1, 2, 3], [1, 1, 0], pd.DataFrame({"x": [1, 0, 1]}))
    >>> rows[0][1].reason
    '2 departures for 1 covariates, 10 each needed'
    """
    names, method = [str(name) for name in covariates.columns], "cox+efron"
    complete = np.isfinite(_numbers(time)) & np.isfinite(_numbers(event)) & covariates.notna().all(axis=1).to_numpy()
    n, n_events = int(complete.sum()), int(_numbers(event)[complete].sum())
    reason = ""
    if n_events < MIN_EVENTS_PER_COVARIATE * len(names):
        reason = f"{n_events} departures for {len(names)} covariates, {MIN_EVENTS_PER_COVARIATE} each needed"
    elif np.linalg.matrix_rank(_centred(covariates[complete].to_numpy(dtype=float))) < len(names):
        reason = "a covariate does not vary or is a combination of others"
    if reason:
        made = refused(method, n=n, reason=reason, level=level, definition_version=definition_version)
        return [({"covariate": name}, made) for name in names]
    model = cox(time, event, covariates)
    test = proportional_hazards(time, event, covariates, model.coef)
    width = float(norm.ppf((1 + level) / 2)) * model.standard_error
    return [
        (
            {"covariate": name},
            Estimate(
                value=float(np.exp(model.coef[i])),
                lo=float(np.exp(model.coef[i] - width[i])),
                hi=float(np.exp(model.coef[i] + width[i])),
                level=level,
                n=n,
                method=method,
                reason="the ratio changes with time: read restricted means" if test.p_by_covariate[i] < 0.05 else "",
                definition_version=definition_version,
                extras={"n_events": n_events, "proportional_hazards_p": float(test.p_by_covariate[i])},
            ),
        )
        for i, name in enumerate(names)
    ]


def _followed(part: pd.DataFrame) -> float:
    """Last time up to which a curve is known: for ever once everybody has left."""
    last = part["time"].max()
    everybody_left = part.loc[part["time"] == last, "event"].all()
    return float("inf") if everybody_left else float(last)


def _risk_sets(
    times: Array,
    events: npt.NDArray[np.bool_],
    design: Array,
    coef: Array,
    ties: Ties,
    entries: Array | None,
    steps: Array,
) -> tuple[Array, Array]:
    """Schoenfeld residual (steps, p) and covariance of covariates in the risk set (steps, p, p), summed over ties."""
    weight = np.exp(design @ coef - (design @ coef).max())
    moments = np.hstack([np.ones((len(times), 1)), design])
    products = weight[:, None, None] * np.einsum("ni,nj->nij", moments, moments)
    residuals, variances = [], []
    at_risk = _sums_from(times, products, steps)
    if entries is not None:
        at_risk -= _sums_from(entries, products, steps)
    for k, step in enumerate(steps):
        leaving = events & (times == step)
        gone, d = products[leaving].sum(0), int(leaving.sum())
        shares = np.arange(d) / d if ties == "efron" else np.zeros(d)
        mean_sum, variance_sum = np.zeros(len(coef)), np.zeros((len(coef), len(coef)))
        for share in shares:
            left = at_risk[k] - share * gone
            mean = left[0, 1:] / left[0, 0]
            mean_sum += mean
            variance_sum += left[1:, 1:] / left[0, 0] - np.outer(mean, mean)
        residuals.append(design[leaving].sum(0) - mean_sum)
        variances.append(variance_sum)
    return np.array(residuals), np.array(variances)


def _sums_from(times: Array, products: Array, steps: Array) -> Array:
    """Sum of `products` over everybody whose time is at least the step."""
    order = np.argsort(times)
    tail = np.concatenate([products[order][::-1].cumsum(0)[::-1], np.zeros((1, *products.shape[1:]))])
    return tail[np.searchsorted(times[order], steps, "left")]


def _at_risk(times: Array, entries: Array | None, steps: Array) -> npt.NDArray[np.int_]:
    here = len(times) - np.searchsorted(np.sort(times), steps, "left")
    if entries is not None:
        here = here - (len(entries) - np.searchsorted(np.sort(entries), steps, "left"))
    return np.asarray(here)


def _model_frame(
    time: Any, event: Any, covariates: pd.DataFrame, entry: Any
) -> tuple[Array, npt.NDArray[np.bool_], Array, Array | None]:
    design = covariates.to_numpy(dtype=float)
    columns: Sequence[Array] = [_numbers(time), _numbers(event), *design.T]
    columns = [*columns, _numbers(entry)] if entry is not None else columns
    complete = np.isfinite(np.column_stack(columns)).all(1)
    times, events, entries = _checked(
        _numbers(time)[complete], _numbers(event)[complete], None if entry is None else _numbers(entry)[complete]
    )
    design = _centred(design[complete])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(f"`covariates`: rank {np.linalg.matrix_rank(design)}, expected {design.shape[1]} columns.")
    return times, events, design, entries


def _checked(time: Any, event: Any, entry: Any) -> tuple[Array, npt.NDArray[np.bool_], Array | None]:
    columns = [_numbers(time), _numbers(event)] + ([] if entry is None else [_numbers(entry)])
    if len({len(column) for column in columns}) > 1:
        raise ValueError(f"`time`, `event`: {[len(column) for column in columns]} entries, expected one each.")
    complete = np.isfinite(np.column_stack(columns)).all(1)
    times, events = columns[0][complete], columns[1][complete]
    entries = columns[2][complete] if entry is not None else None
    if not events.any() or (times < 0).any() or not np.isin(events, (0, 1)).all():
        raise ValueError("`time`, `event`: expected times of 0 or more, events 0 or 1, and one departure at least.")
    if entries is not None and (entries >= times).any():
        raise ValueError("`entry`: at or after `time`, expected entry before the end of observation.")
    return times, events.astype(bool), entries


def _numbers(values: Any) -> Array:
    return np.asarray(pd.to_numeric(pd.Series(list(values))), dtype=np.float64)


def _centred(design: Array) -> Array:
    return np.asarray(design - design.mean(0))
