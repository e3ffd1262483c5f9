"""Adverse impact: selection rates, impact ratios, and the tests that must stand beside a four-fifths flag.

Groups are compared, never persons. A table is written focal group first: selected, then not selected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import asin, exp, isfinite, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import betaln, ndtri
from scipy.stats import beta as beta_distribution
from scipy.stats import chi2, chi2_contingency, hypergeom, norm
from scipy.stats.contingency import odds_ratio

from validity.estimate import Estimate, refused

Array = npt.NDArray[np.float64]

FOUR_FIFTHS = 0.8
"""Impact ratio below which 29 CFR 1607.4(D) speaks of evidence of adverse impact."""

MIN_PER_GROUP = 5
"""A flag needs so many people in each group; below, counts only."""

SHOWN_PER_GROUP = 30
"""An impact ratio leaves the warehouse from so many people per group."""

MIN_EXPECTED_CELL = 5.0
"""Below so many expected in a cell only exact tests are read."""

SMALL_CATEGORY_SHARE = 0.02
"""Categories below this share may be left out of the ratios, but are listed (6 RCNY 5-301(d))."""

METHOD = "impact_ratio+katz"

_TIE = 1 + 1e-7  # tables as likely as the observed one, up to rounding, as R's fisher.test counts them
_GRID = (np.arange(200) + 0.5) / 200  # midpoints of the reference posterior's quantiles


@dataclass(frozen=True)
class TwoGroups:
    """Selected and total of a focal and a reference group; every figure that a four-fifths flag needs beside it."""

    n_focal: int
    selected_focal: int
    n_reference: int
    selected_reference: int

    def __post_init__(self) -> None:
        pairs = ((self.selected_focal, self.n_focal), (self.selected_reference, self.n_reference))
        if any(not 0 <= selected <= n or n == 0 for selected, n in pairs):
            raise ValueError(f"`selected`, `n`: {pairs}, expected 1 or more in each group, at most all selected.")

    @property
    def table(self) -> list[list[int]]:
        """Rows focal, reference; columns selected, not selected."""
        return [
            [self.selected_focal, self.n_focal - self.selected_focal],
            [self.selected_reference, self.n_reference - self.selected_reference],
        ]

    @property
    def rate_focal(self) -> float:
        return self.selected_focal / self.n_focal

    @property
    def rate_reference(self) -> float:
        return self.selected_reference / self.n_reference

    @property
    def impact_ratio(self) -> float | None:
        """Focal rate over reference rate; None when nobody of the reference group was selected."""
        return self.rate_focal / self.rate_reference if self.selected_reference else None

    @property
    def is_below_four_fifths(self) -> bool | None:
        return None if self.impact_ratio is None else self.impact_ratio < FOUR_FIFTHS

    @property
    def smallest_expected(self) -> float:
        """Smallest expected count of the table under equal rates."""
        total, selected = self.n_focal + self.n_reference, self.selected_focal + self.selected_reference
        return min(self.n_focal, self.n_reference) * min(selected, total - selected) / total


@dataclass(frozen=True)
class ExactTest:
    """Two-sided p-values of Fisher's exact test and of its mid-p variant."""

    p_value: float
    mid_p: float


@dataclass(frozen=True)
class FlipFlop:
    """What one selection more for the focal group, taken from the reference group, would do to the flag."""

    clears_flag: bool
    reverses: bool


@dataclass(frozen=True)
class MantelHaenszel:
    """Common odds ratio across requisitions and its chi-square on one degree of freedom, plain and corrected by ½."""

    odds_ratio: float | None
    chi_square: float | None
    p_value: float | None
    chi_square_corrected: float | None
    p_value_corrected: float | None


@dataclass(frozen=True)
class PredictedImpact:
    """Impact ratio that a standardised gap and a selection ratio imply for normal scores."""

    impact_ratio: float
    overall_rate: float
    rate_majority: float
    rate_minority: float
    cutoff: float


def pooled_z(groups: TwoGroups) -> tuple[float | None, float | None]:
    """ "Two standard deviations" test of equal rates, pooled variance, and its two-sided p (29 CFR 1607 Q&A 24).

    >>> z, p = pooled_z(TwoGroups(40, 12, 80, 48))
    >>> f"{z:.2f} {p:.4f}"
    '-3.10 0.0019'
    """
    total = groups.n_focal + groups.n_reference
    rate = (groups.selected_focal + groups.selected_reference) / total
    variance = rate * (1 - rate) * (1 / groups.n_focal + 1 / groups.n_reference)
    if variance == 0:
        return None, None
    z = (groups.rate_focal - groups.rate_reference) / sqrt(variance)
    return z, float(2 * norm.sf(abs(z)))


def hypergeometric_z(groups: TwoGroups) -> float | None:
    """Selected of the focal group minus expected, in hypergeometric standard deviations (Hazelwood, 433 U.S. 299).

    >>> round(hypergeometric_z(TwoGroups(40, 12, 80, 48)), 3)
    -3.085
    """
    law = _law(groups)
    return None if law.var() == 0 else float((groups.selected_focal - law.mean()) / law.std())


def exact_test(groups: TwoGroups) -> ExactTest:
    """Fisher's exact test by the probability of tables, and Lancaster's (1961) mid-p: tables as likely count half.

    Biddle & Morris (2011) recommend the mid-p for adverse impact: Fisher's test is conservative.

    >>> test = exact_test(TwoGroups(10, 2, 14, 5))
    >>> f"{test.p_value:.3f} {test.mid_p:.3f}"
    '0.653 0.523'
    """
    law = _law(groups)
    lowest, highest = (int(end) for end in law.support())
    probabilities, observed = law.pmf(np.arange(lowest, highest + 1)), float(law.pmf(groups.selected_focal))
    below, tied = probabilities < observed / _TIE, np.abs(probabilities - observed) <= observed * (_TIE - 1)
    p_value = min(1.0, float(probabilities[below | tied].sum()))
    return ExactTest(p_value, min(1.0, float(probabilities[below].sum() + probabilities[tied].sum() / 2)))


def odds_ratios(groups: TwoGroups) -> tuple[float | None, float | None]:
    """Odds ratio of the sample and its conditional maximum likelihood estimate; None where it is not finite.

    >>> sample, conditional = odds_ratios(TwoGroups(40, 12, 80, 48))
    >>> f"{sample:.3f} {conditional:.3f}"
    '0.286 0.289'
    """
    (a, b), (c, d) = groups.table
    sample = a * d / (b * c) if b * c else None
    conditional = float(odds_ratio(groups.table, kind="conditional").statistic) if a + c and b + d else float("nan")
    return sample, conditional if isfinite(conditional) else None


def log_ratio_interval(groups: TwoGroups, level: float = 0.95) -> tuple[float, float] | None:
    """Interval of the impact ratio on the log scale (Katz et al. 1978); None when a group has nobody selected.

    >>> lo, hi = log_ratio_interval(TwoGroups(40, 12, 80, 48))
    >>> f"[{lo:.2f}, {hi:.2f}]"
    '[0.30, 0.83]'
    """
    if not groups.selected_focal or groups.impact_ratio is None:
        return None
    variance = (1 - groups.rate_focal) / groups.selected_focal
    variance += (1 - groups.rate_reference) / groups.selected_reference
    width = float(norm.ppf((1 + level) / 2)) * sqrt(variance)
    return groups.impact_ratio * exp(-width), groups.impact_ratio * exp(width)


def yates_p(groups: TwoGroups) -> float | None:
    """p of the chi-square test with Yates's (1934) correction; None when all or none were selected.

    >>> round(yates_p(TwoGroups(40, 12, 80, 48)), 4)
    0.0037
    """
    table = np.array(groups.table)
    return None if (table.sum(0) == 0).any() else float(chi2_contingency(table, correction=True).pvalue)


def cohen_h(groups: TwoGroups) -> float:
    """Difference of arcsine-transformed rates, focal minus reference (Cohen 1988, ch. 6).

    >>> round(cohen_h(TwoGroups(40, 12, 80, 48)), 2)
    -0.61
    """
    return 2 * asin(sqrt(groups.rate_focal)) - 2 * asin(sqrt(groups.rate_reference))


def flip_flop(groups: TwoGroups) -> FlipFlop:
    """Whether one selection moved from the reference to the focal group clears the flag or turns the gap around.

    29 CFR 1607 Q&A 21: a difference that one person's selection would reverse is no evidence.

    >>> flip_flop(TwoGroups(10, 2, 14, 5))
    FlipFlop(clears_flag=True, reverses=True)
    >>> flip_flop(TwoGroups(40, 12, 80, 48))
    FlipFlop(clears_flag=False, reverses=False)
    """
    if not groups.is_below_four_fifths or groups.selected_focal == groups.n_focal:
        return FlipFlop(clears_flag=False, reverses=False)
    moved = TwoGroups(
        groups.n_focal, groups.selected_focal + 1, groups.n_reference, max(0, groups.selected_reference - 1)
    )
    return FlipFlop(not moved.is_below_four_fifths, moved.rate_focal > moved.rate_reference)


def impact_ratio(groups: TwoGroups, *, level: float = 0.95, definition_version: str = "1") -> Estimate:
    """Impact ratio with Katz's interval; its flag, exact test, odds ratio and flip-flop travel as extras.

    Refused below 5 people in a group or with nobody selected; ``low_n`` below 30 in a group.

    >>> result = impact_ratio(TwoGroups(40, 12, 80, 48))
    >>> f"{result.value:.2f} [{result.lo:.2f}, {result.hi:.2f}] {result.status} {result.extras['is_below_four_fifths']}"
    '0.50 [0.30, 0.83] ok True'
    """
    smallest, total = min(groups.n_focal, groups.n_reference), groups.n_focal + groups.n_reference
    limits, ratio = log_ratio_interval(groups, level), groups.impact_ratio
    extras = _extras(groups)
    if smallest < MIN_PER_GROUP:
        reason = f"{smallest} people in the smaller group, {MIN_PER_GROUP} needed: counts only"
        return refused(METHOD, n=total, reason=reason, level=level, definition_version=definition_version)
    if limits is None or ratio is None:
        reason = "nobody was selected in one of the groups: read the exact test"
        return refused(
            METHOD, n=total, reason=reason, level=level, definition_version=definition_version, extras=extras
        )
    few = smallest < SHOWN_PER_GROUP
    exact_only = groups.smallest_expected < MIN_EXPECTED_CELL
    reasons = [f"{smallest} people in the smaller group, shown from {SHOWN_PER_GROUP}"] if few else []
    reasons += [f"an expected cell is below {MIN_EXPECTED_CELL:g}: read the exact test only"] if exact_only else []
    return Estimate(
        value=ratio,
        lo=limits[0],
        hi=limits[1],
        level=level,
        n=total,
        method=METHOD,
        status="low_n" if few else "ok",
        reason="; ".join(reasons),
        definition_version=definition_version,
        extras=extras,
    )


def _extras(groups: TwoGroups) -> dict[str, Any]:
    test, flip = exact_test(groups), flip_flop(groups)
    return {
        "rate_focal": groups.rate_focal,
        "rate_reference": groups.rate_reference,
        "is_below_four_fifths": groups.is_below_four_fifths,
        "fisher_p": test.p_value,
        "fisher_mid_p": test.mid_p,
        "z_pooled": pooled_z(groups)[0] if groups.smallest_expected >= MIN_EXPECTED_CELL else None,
        "odds_ratio": odds_ratios(groups)[1],
        "one_selection_clears_flag": flip.clears_flag,
        "one_selection_reverses": flip.reverses,
    }


def mantel_haenszel(tables: Sequence[Sequence[Sequence[float]]]) -> MantelHaenszel:
    """Common odds ratio and test across requisitions, each a 2 × 2 table (focal first, selected first).

    Keeps a difference between requisitions from looking like one between groups (Simpson). Mantel & Haenszel (1959).
    The corrected test is R's default; it takes ½ off the total difference, or nothing where that is smaller.

    >>> result = mantel_haenszel([[[5, 20], [9, 22]], [[3, 12], [10, 18]], [[8, 30], [6, 14]]])
    >>> f"{result.odds_ratio:.3f} {result.chi_square:.3f} {result.p_value:.3f}"
    '0.566 2.177 0.140'
    """
    strata = np.asarray(tables, dtype=float)
    if strata.ndim != 3 or strata.shape[1:] != (2, 2) or (strata < 0).any():
        raise ValueError(f"`tables`: shape {strata.shape}, expected (strata, 2, 2) with counts of 0 or more.")
    strata = strata[strata.sum((1, 2)) >= 2]  # one person alone compares nothing
    total, row, column = strata.sum((1, 2)), strata.sum(2), strata.sum(1)
    cross, other = strata[:, 0, 0] * strata[:, 1, 1] / total, strata[:, 0, 1] * strata[:, 1, 0] / total
    variance = float((row.prod(1) * column.prod(1) / (total**2 * (total - 1))).sum())
    ratio = float(cross.sum() / other.sum()) if other.sum() > 0 else None
    if variance == 0:
        return MantelHaenszel(ratio, None, None, None, None)
    difference = abs(float((strata[:, 0, 0] - row[:, 0] * column[:, 0] / total).sum()))
    plain = difference**2 / variance
    corrected = (difference - (0.5 if difference >= 0.5 else 0.0)) ** 2 / variance
    return MantelHaenszel(ratio, plain, float(chi2.sf(plain, 1)), corrected, float(chi2.sf(corrected, 1)))


def predicted_impact(d: float, selection_ratio: float, minority_share: float) -> PredictedImpact:
    """Impact ratio to expect from top-down selection on a normal score with subgroup gap `d` (De Corte & Lievens 2003).

    Majority scores are N(0, 1), minority scores N(−d, 1); the cut-off selects `selection_ratio` of the mixture.

    >>> expected = predicted_impact(0.15, 0.25, 0.30)
    >>> round(expected.impact_ratio, 3)
    0.823
    """
    if not (0 < selection_ratio < 1 and 0 <= minority_share <= 1 and isfinite(d)):
        raise ValueError(
            f"`d`, `selection_ratio`, `minority_share`: {d}, {selection_ratio}, {minority_share}, "
            "expected a finite gap, a ratio between 0 and 1 and a share from 0 to 1."
        )

    def excess(cut: float) -> float:
        both = (1 - minority_share) * norm.sf(cut) + minority_share * norm.sf(cut + d)
        return float(both - selection_ratio)

    middle = -float(ndtri(selection_ratio))
    cutoff = float(brentq(excess, middle - abs(d) - 1e-9, middle + abs(d) + 1e-9, xtol=1e-14))
    majority, minority = float(norm.sf(cutoff)), float(norm.sf(cutoff + d))
    overall = (1 - minority_share) * majority + minority_share * minority
    return PredictedImpact(minority / majority, overall, majority, minority, cutoff)


def subgroup_d(scores: Any, groups: Any, first: Any, second: Any) -> float | None:
    """Standardised mean difference first − second with the pooled SD (Cohen 1988); None without spread or two each.

    >>> round(subgroup_d([3, 4, 5, 2, 3, 4], ["a", "a", "a", "b", "b", "b"], "a", "b"), 2)
    1.0
    """
    frame = _scores(scores, groups)
    a, b = (frame.loc[frame["group"] == label, "score"].to_numpy(dtype=float) for label in (first, second))
    if min(len(a), len(b)) < 2:
        return None
    pooled = ((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (len(a) + len(b) - 2)
    return float((a.mean() - b.mean()) / sqrt(pooled)) if pooled > 0 else None


def ll144_selection(category: Sequence[Any], n: Sequence[float], selected: Sequence[float]) -> pd.DataFrame:
    """Table of New York City's Local Law 144: one row per category, rate over the highest rate (6 RCNY 5-301(b)).

    Small categories (below 2 %) stay in the table, marked; so does whoever is of unknown category, if listed.

    Returns
    -------
    DataFrame
        One row per category in the order given: category, n, selected, rate, impact_ratio, share, is_small.

    >>> ll144_selection(["Male", "Female"], [1390, 1181], [667, 555])["impact_ratio"].round(3).tolist()
    [1.0, 0.979]
    """
    frame = pd.DataFrame({"category": list(category), "n": list(n), "selected": list(selected)})
    if (frame["n"] < frame["selected"]).any() or (frame["selected"] < 0).any():
        raise ValueError("`selected`: more than `n` or negative, expected 0 to n in every category.")
    counts = frame["n"].astype(float)
    frame["rate"] = frame["selected"] / counts.where(counts > 0)
    highest = frame["rate"].max()
    frame["impact_ratio"] = frame["rate"] / highest if highest > 0 else np.nan
    frame["share"] = counts / counts.sum() if counts.sum() > 0 else np.nan
    frame["is_small"] = frame["share"] < SMALL_CATEGORY_SHARE
    return frame


def ll144_scoring(scores: Any, groups: Any) -> pd.DataFrame:
    """Scoring rates of Local Law 144: the share *strictly* above the median of the full sample (6 RCNY 5-301(c)).

    People of unknown group count toward the median and are a row of their own; people without a score are left out.
    Many equal scores at the median depress every rate: the share of the sample that ties there is in
    ``frame.attrs["tie_share"]``, the median in ``frame.attrs["median"]``.

    >>> table = ll144_scoring([1, 2, 3, 4, 5, 6], ["a", "a", "a", "b", "b", "b"])
    >>> table[["category", "rate", "impact_ratio"]].values.tolist()
    [['a', 0.0, 0.0], ['b', 1.0, 1.0]]
    """
    frame = _scores(scores, groups)
    if frame.empty:
        raise ValueError("`scores`: none that are not missing, expected at least one.")
    median = float(frame["score"].median())
    frame["above"] = frame["score"] > median
    counts = frame.groupby("group", sort=True)["above"].agg(["size", "sum"])
    table = ll144_selection(counts.index.tolist(), counts["size"].tolist(), counts["sum"].tolist())
    table.attrs = {"median": median, "tie_share": float((frame["score"] == median).mean())}
    return table


def shrunken_ratio(
    selected_focal: Any, n_focal: Any, selected_reference: Any, n_reference: Any, requisition: Any
) -> pd.DataFrame:
    """Selection rates per requisition drawn toward their group's mean rate, and P(impact ratio < .8).

    Beta–binomial empirical Bayes (Griffin & Krutchkoff 1971), a beta per group over requisitions; what is not known
    about that beta is integrated out, otherwise few requisitions would look certain.

    Parameters
    ----------
    selected_focal, n_focal, selected_reference, n_reference, requisition
        One entry per requisition.

    Returns
    -------
    DataFrame
        One row per requisition: requisition, rate_focal, rate_reference, impact_ratio (of posterior means),
        probability_below_four_fifths.

    >>> table = shrunken_ratio([1, 2, 0], [10, 12, 4], [5, 6, 3], [12, 14, 6], ["A", "B", "C"])
    >>> table["probability_below_four_fifths"].round(2).tolist()
    [0.98, 0.97, 0.97]
    """
    focal = _posterior_rates(np.asarray(selected_focal, dtype=float), np.asarray(n_focal, dtype=float))
    reference = _posterior_rates(np.asarray(selected_reference, dtype=float), np.asarray(n_reference, dtype=float))
    quantiles = beta_distribution.ppf(_GRID, reference[0][:, None], reference[1][:, None])
    below = beta_distribution.cdf(FOUR_FIFTHS * quantiles, focal[0][:, None], focal[1][:, None]).mean(1)
    rates = [a / (a + b) for a, b in (focal, reference)]
    return pd.DataFrame(
        {
            "requisition": np.asarray(requisition),
            "rate_focal": rates[0],
            "rate_reference": rates[1],
            "impact_ratio": rates[0] / rates[1],
            "probability_below_four_fifths": below,
        }
    )


def _posterior_rates(selected: Array, n: Array) -> tuple[Array, Array]:
    """The two parameters of each requisition's posterior, (requisitions,).

    A beta with the mean and variance of the mixture over what the group's own mean and concentration may be.
    """
    if (selected > n).any() or (selected < 0).any() or n.sum() == 0:
        raise ValueError("`selected`, `n`: expected 0 to n selected in every requisition, and somebody in one.")
    prior_a, prior_b, weight = _beta_mixture(selected[n > 0], n[n > 0])
    total = prior_a + prior_b + n[:, None]
    rate = (prior_a + selected[:, None]) / total
    mean = rate @ weight
    variance = (rate * (1 - rate) / (total + 1) + (rate - mean[:, None]) ** 2) @ weight
    size = mean * (1 - mean) / variance - 1
    return mean * size, (1 - mean) * size


def _beta_mixture(selected: Array, n: Array) -> tuple[Array, Array, Array]:
    """Betas that the requisitions' rates may come from, and how likely each is, (candidates,).

    A grid over the concentration (log-uniform from 2 to 2,000) and, given it, quantiles of a beta for the mean with as
    many trials as the requisitions are worth; the weight is the marginal likelihood over that beta's density.
    """
    concentration = np.geomspace(2, 2000, 16)[:, None]  # (grid, 1)
    worth = 1 / (1 / n + (1 - 1 / n) / (concentration + 1))  # (grid, requisitions)
    hits = (worth * selected / n).sum(1, keepdims=True) + 0.5
    misses = (worth * (1 - selected / n)).sum(1, keepdims=True) + 0.5
    mean = np.clip(beta_distribution.ppf((np.arange(11) + 0.5) / 11, hits, misses), 1e-9, 1 - 1e-9)
    a, b = (mean * concentration).ravel(), ((1 - mean) * concentration).ravel()
    log_weight = -beta_distribution.logpdf(mean, hits, misses).ravel()
    for k, m in zip(selected, n, strict=True):
        log_weight += betaln(a + k, b + m - k) - betaln(a, b)
    weight = np.exp(log_weight - log_weight.max())
    return a, b, weight / weight.sum()


def _law(groups: TwoGroups) -> Any:
    """Law of the focal group's selected when rates are equal and both margins are fixed."""
    selected = groups.selected_focal + groups.selected_reference
    return hypergeom(groups.n_focal + groups.n_reference, selected, groups.n_focal)


def _scores(scores: Any, groups: Any) -> pd.DataFrame:
    labels = pd.Series(list(groups), dtype=object)
    frame = pd.DataFrame({"group": labels.where(labels.notna(), "unknown"), "score": np.asarray(scores, dtype=float)})
    kept: pd.DataFrame = frame[np.isfinite(frame["score"])].copy()
    return kept


def compare_groups(
    counts: Mapping[str, tuple[int, int]], *, level: float = 0.95, definition_version: str = "1"
) -> list[tuple[dict[str, str], Estimate]]:
    """Every group against the one with the highest rate: keys and estimate, ready for ``estimate.to_frame``.

    Parameters
    ----------
    counts
        Group name to (selected, n). The reference is the highest rate among groups of at least 2 % of everybody.

    >>> [(keys["group"], round(e.value, 2)) for keys, e in compare_groups({"a": (48, 80), "b": (12, 40)})]
    [('b', 0.5)]
    """
    total = sum(n for _, n in counts.values())
    eligible = {g: s / n for g, (s, n) in counts.items() if n and n / total >= SMALL_CATEGORY_SHARE}
    if not eligible:
        return []
    reference = max(sorted(eligible), key=eligible.__getitem__)
    selected, size = counts[reference]
    return [
        (
            {"group": group, "reference": reference},
            impact_ratio(TwoGroups(n, s, size, selected), level=level, definition_version=definition_version),
        )
        for group, (s, n) in counts.items()
        if group != reference and n
    ]
