"""What ratings say of each hire: the criterion, who gave it, and how much of it another rater would repeat."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from validity.attenuation import spearman_brown
from validity.moments import Array
from validity.thresholds import MIN_RATEES_WITH_TWO_RATERS, MIN_RATERS

LITERATURE_RELIABILITY = 0.60
"""Reliability of one rater's rating where none can be estimated: the main value of Sackett et al. (2022)."""
LITERATURE = f"literature value {LITERATURE_RELIABILITY:.2f} for one rater (Sackett et al. 2022)"
LITERATURE_RANGE = (0.45, 0.65)
"""What the literature argues about: administrative ratings (Salgado & Moscoso 2019), Zhou et al. (2024) (METHODS 6)."""


@dataclass(frozen=True)
class Stated:
    """Reliability of one rater's rating from elsewhere, and how sure it is: the same in resamples of its own data.

    Without resamples it counts as known.
    """

    value: float
    resampled: Array = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Criterion:
    """One row a reviewed hire, ordered by `person_id`.

    Attributes
    ----------
    person_id
        Who was rated.
    value
        Mean over raters of each rater's mean over cycles.
    n_raters, within_ss
        Distinct raters of the hire, and the squared distances of their means from the hire's.
    other
        Mean of what other people said (peers, say), NaN where nobody did.
    raters
        n × raters (sparse), each hire's raters with equal shares.
    cluster
        Hires with the same raters share a number.
    leniency_share
        Share of the variance between one hire's raters that is stable leniency, 0–1.
    n_other_raters
        Distinct people behind `other`.
    """

    person_id: pd.Index
    value: Array
    n_raters: Array
    within_ss: Array
    other: Array
    raters: sparse.csr_array
    cluster: npt.NDArray[np.int64]
    leniency_share: float
    n_other_raters: int

    @property
    def n_distinct_raters(self) -> int:
        return int(self.raters.shape[1])

    def where(self, keep: npt.NDArray[np.bool_]) -> Criterion:
        """Only these hires."""
        shares = self.raters[keep]
        used = np.asarray(shares.sum(axis=0)).ravel() > 0
        return replace(
            self,
            person_id=self.person_id[keep],
            value=self.value[keep],
            n_raters=self.n_raters[keep],
            within_ss=self.within_ss[keep],
            other=self.other[keep],
            raters=shares[:, used],
            cluster=self.cluster[keep],
        )

    @property
    def has_one_rater_only(self) -> bool:
        """Whether (nearly) every hire was rated by one person, however often."""
        return int((self.n_raters > 1).sum()) < MIN_RATEES_WITH_TWO_RATERS


def criterion_of(ratings: pd.DataFrame, other_ratings: pd.DataFrame | None = None) -> Criterion:
    """Average ratings over cycles, then over raters.

    Two ratings by one person in two cycles are one rater's opinion, not two (SIMULATION S15): they say how stable the
    rater is, not how reliable.

    Parameters
    ----------
    ratings
        Long: person_id, rater_id, cycle_id, value; rows without a value count as missing.
    other_ratings
        The same of people whose ratings are not part of the criterion, on the same scale.

    >>> rows = pd.DataFrame({"person_id": ["a", "a", "a"], "rater_id": ["m", "m", "n"], "cycle_id": [1, 2, 1],
    ...                      "value": [3.0, 4.0, 2.5]})
    >>> criterion_of(rows).value.tolist(), criterion_of(rows).n_raters.tolist()
    ([3.0], [2.0])
    """
    by_rater = _by_rater(ratings)
    people = by_rater.groupby("person_id", sort=True)["value"]
    value = people.mean()
    centred = by_rater["value"] - by_rater["person_id"].map(value)
    within = (centred**2).groupby(by_rater["person_id"]).sum()
    others = _by_rater(other_ratings if other_ratings is not None else by_rater.iloc[:0])
    given = _given_by(by_rater, value.index)
    k = np.asarray(people.size(), dtype=np.float64)
    cluster = _same_raters(given)
    return Criterion(
        person_id=value.index,
        value=value.to_numpy(dtype=float),
        n_raters=k,
        within_ss=within.reindex(value.index).to_numpy(dtype=float),
        other=others.groupby("person_id")["value"].mean().reindex(value.index).to_numpy(dtype=float),
        raters=sparse.csr_array(sparse.diags_array(1 / np.maximum(k, 1)) @ given),
        cluster=cluster,
        leniency_share=_leniency_share(by_rater, centred.to_numpy(dtype=float), given, cluster),
        n_other_raters=int(others["rater_id"].nunique()),
    )


def _by_rater(ratings: pd.DataFrame) -> pd.DataFrame:
    """One row a person and rater."""
    value = ratings["value"].to_numpy(dtype=float)
    person, rater = (ratings[name].to_numpy(dtype=object) for name in ("person_id", "rater_id"))
    rated = ~np.isnan(value) & ~pd.isna(person)
    # A rating whose rater is unknown counts as a rater of its own: it may not pass for another's second opinion.
    rater = np.where(pd.isna(rater), [f"unknown|{one}" for one in person], rater)
    frame = pd.DataFrame({"person_id": person, "rater_id": rater, "value": value})[rated]
    means: pd.DataFrame = frame.groupby(["person_id", "rater_id"], sort=True, as_index=False)["value"].mean()
    return means


def _given_by(by_rater: pd.DataFrame, people: pd.Index) -> sparse.csr_array:
    """Hires × raters, one where a rater rated; raters in an order that their names do not decide."""
    raters = by_rater.groupby("rater_id")["value"].agg(["size", "sum"]).sort_values(["size", "sum"]).index
    places = people.get_indexer(pd.Index(by_rater["person_id"])), raters.get_indexer(pd.Index(by_rater["rater_id"]))
    return sparse.csr_array((np.ones(len(by_rater)), places), shape=(len(people), len(raters)))


def _same_raters(given: sparse.csr_array) -> npt.NDArray[np.int64]:
    """A number a hire, the same for hires with the same raters."""
    given = given.copy()
    given.sort_indices()
    rows = np.split(given.indices, given.indptr[1:-1])
    return np.asarray(pd.factorize(np.array([row.tobytes() for row in rows], dtype=object))[0], dtype=np.int64)


def _leniency_share(
    by_rater: pd.DataFrame, deviation: Array, given: sparse.csr_array, cluster: npt.NDArray[np.int64]
) -> float:
    """s²_R over the variance between one hire's raters, by products of one rater's deviations on two hires.

    With a = 1 − 1/k, E[d_ir·d_jr] = s²_R·(a_i·a_j + (c_ij − 1)/(k_i·k_j)) where hires i and j share c_ij raters.
    """
    k = np.asarray(given.sum(axis=1)).ravel()
    df = float((k - 1).sum())
    within = float((deviation**2).sum())
    if df == 0 or within == 0:
        return 0.0
    rater = pd.factorize(by_rater["rater_id"])[0]
    products = float((np.bincount(rater, deviation) ** 2).sum() - within)
    expected = _expected_products(given, cluster, k)
    return float(np.clip(products / expected / (within / df), 0.0, 1.0)) if expected > 0 else 0.0


def _expected_products(given: sparse.csr_array, cluster: npt.NDArray[np.int64], k: Array) -> float:
    """Σ over ordered pairs of hires of c·a_i·a_j + c(c − 1)/(k_i·k_j), by distinct sets of raters."""
    _, first, size = np.unique(cluster, return_index=True, return_counts=True)
    sets = sparse.csr_array(given[first])
    shared = (sets @ sets.T).tocoo()
    i, j = shared.coords
    c, k_i, k_j = shared.data, k[first][i], k[first][j]
    pairs = size[i] * (size[j] - (i == j))
    return float((pairs * (c * (1 - 1 / k_i) * (1 - 1 / k_j) + c * (c - 1) / (k_i * k_j))).sum())


@dataclass(frozen=True)
class ReliabilityModel:
    """How the error variance of the criterion is found in every resample.

    Attributes
    ----------
    method
        ``g_q_k`` (independent raters of the criterion), ``between_rater_covariance`` (criterion against other
        people's ratings), ``stated`` (a value from elsewhere).
    error_factor
        For ``g_q_k``: error variance of a hire's mean per unit of variance between one hire's raters.
    stated
        For ``stated``: the value of one rater's rating and its resamples, or none: the literature's range.
    mean_inverse
        Mean of 1/k over hires with k raters, by which one rater's value is stepped up.
    source
        Where it comes from, in words.
    n_pairs, n_raters
        Hires with two opinions, and people who gave them.
    """

    method: str
    error_factor: float
    stated: Stated | None
    mean_inverse: float
    source: str
    n_pairs: int
    n_raters: int


def choose_reliability(criterion: Criterion, stated: Stated | None = None, source: str = "") -> ReliabilityModel:
    """Raters of the criterion or other people's ratings, whichever judged more hires twice; else a stated value.

    Hires with two raters are those who changed manager, and their criterion averages fewer occasions a rater than that
    of the others: a few of them are no sample of the criterion (docs/decisions/reliability.md).

    Parameters
    ----------
    stated, source
        From elsewhere in the firm, and where from; the literature's .60 without one.
    """
    inverse = float(np.mean(1 / criterion.n_raters)) if len(criterion.n_raters) else 1.0
    n_double, n_both = int((criterion.n_raters > 1).sum()), int((~np.isnan(criterion.other)).sum())
    has_double = n_double >= MIN_RATEES_WITH_TWO_RATERS and criterion.n_distinct_raters >= MIN_RATERS
    has_other = n_both >= MIN_RATEES_WITH_TWO_RATERS and criterion.n_other_raters >= MIN_RATERS
    if has_other and not (has_double and n_double >= n_both):
        words, n_raters = "ratings by other people", criterion.n_other_raters
        return ReliabilityModel("between_rater_covariance", np.nan, None, inverse, words, n_both, n_raters)
    n_raters = criterion.n_distinct_raters
    if has_double:
        factor = shared_rater_factor(criterion)
        return ReliabilityModel("g_q_k", factor, None, inverse, "independent raters", n_double, n_raters)
    return borrowed_reliability(criterion, stated, source)


def borrowed_reliability(criterion: Criterion, stated: Stated | None, source: str) -> ReliabilityModel:
    """A reliability of one rater's rating from elsewhere in the firm, or the literature's where there is none."""
    inverse = float(np.mean(1 / criterion.n_raters)) if len(criterion.n_raters) else 1.0
    n_double = int((criterion.n_raters > 1).sum())
    words = source if stated is not None else LITERATURE
    return ReliabilityModel("stated", np.nan, stated, inverse, words, n_double, criterion.n_distinct_raters)


def stated_reliability(model: ReliabilityModel) -> float:
    """The stated value of one rater's rating, stepped up to the criterion's mean over raters."""
    single = model.stated.value if model.stated else LITERATURE_RELIABILITY
    return spearman_brown(single, 1 / model.mean_inverse)


def drawn_reliability(model: ReliabilityModel, rng: np.random.Generator, n: int) -> Array:
    """The stated reliability in `n` resamples: from its own resamples, or the literature's range (triangular).

    >>> model = choose_reliability(criterion_of(pd.DataFrame(columns=["person_id", "rater_id", "cycle_id", "value"])))
    >>> drawn = drawn_reliability(model, np.random.default_rng(0), 1000)
    >>> f"{stated_reliability(model):.2f} {drawn.min():.2f} {drawn.max():.2f}"
    '0.60 0.45 0.65'
    """
    if model.stated is None:
        lo, hi = LITERATURE_RANGE
        single = rng.triangular(lo, LITERATURE_RELIABILITY, hi, n)
    elif len(model.stated.resampled):
        single = rng.choice(model.stated.resampled, n)
    else:
        single = np.full(n, model.stated.value)
    return spearman_brown(single, 1 / model.mean_inverse)


def reliability_features(criterion: Criterion) -> Array:
    """Per hire, what weighted sums need: n × 10 columns, additive over hires."""
    y, double = criterion.value, criterion.n_raters > 1
    both = ~np.isnan(criterion.other)
    o = np.where(both, criterion.other, 0.0)
    return np.column_stack(
        [np.ones(len(y)), y, y * y, np.where(double, criterion.n_raters - 1, 0.0),
         np.where(double, criterion.within_ss, 0.0), both, both * y, both * y * y, o, y * o]
    )  # fmt: skip


def reliability(model: ReliabilityModel, sums: Array) -> Array:
    """Reliability of the criterion in each resample; a stated one is the same in all (see `drawn_reliability`).

    ``g_q_k``: 1 − f·MSW/s²_y, with MSW the variance between raters of one hire and f the error factor, which for
    nested raters is the one-way ICC(1,k) by analysis of variance. ``between_rater_covariance``: s_yo/s²_y, the share of
    the criterion that other people repeat (METHODS 8.3). Both use n-divisors for s²_y as the selection step does.

    Parameters
    ----------
    sums
        B × 10, weighted sums of `reliability_features`.
    """
    if model.method == "stated":
        return np.full(len(sums), stated_reliability(model))
    n, s, ss, df, within, m, my, myy, mo, myo = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        if model.method == "g_q_k":
            unbiased = (ss - s * s / n) / (n - 1)
            return np.asarray(1 - model.error_factor * (within / df) / unbiased)
        covariance = myo / m - my * mo / m**2
        return np.asarray(covariance / (myy / m - (my / m) ** 2))


def shared_rater_factor(criterion: Criterion) -> float:
    """Error variance of hires' means per unit of variance between one hire's raters, 1/k̃ − (1/k̃ − q)·φ.

    φ is leniency's share of that variance; nested raters (nobody in common) give 1/k̃, crossed ones leave leniency out
    (Putka, Le, McCloy & Diaz 2008).
    """
    n = len(criterion.value)
    own = float(np.mean(1 / criterion.n_raters))
    together = float((np.asarray(criterion.raters.sum(axis=0)).ravel() ** 2).sum())
    overlap = (together - n * own) / (n * (n - 1)) if n > 1 else 0.0
    return own - overlap * criterion.leniency_share
