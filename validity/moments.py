"""Sums per pattern of missing scores: all that maximum likelihood needs of people, one data set or many resamples.

A pattern is the set of variables that were observed for a person. Counts, sums and cross-products per pattern add, so
they may come from SQL, and every estimate below costs the same for a thousand applicants as for a million.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PatternMoments:
    """Weighted sums by pattern of observed variables.

    Attributes
    ----------
    observed
        G × q, which variables a pattern has.
    n
        B × G, weight of its people; B is 1 for the data themselves and the number of resamples otherwise.
    sums
        B × G × q, zero where a variable is not observed.
    products
        B × G × q × q.
    """

    observed: BoolArray
    n: Array
    sums: Array
    products: Array

    @classmethod
    def from_rows(cls, values: Array, weights: Array | None = None) -> PatternMoments:
        """Sums of rows.

        Parameters
        ----------
        values
            N × q, NaN where not observed.
        weights
            B × N, how often each row counts in each resample; once, where not given.

        >>> rows = np.array([[1.0, 2.0], [2.0, np.nan], [3.0, 1.0]])
        >>> moments = PatternMoments.from_rows(rows)
        >>> moments.observed.tolist(), moments.n.tolist()
        ([[True, False], [True, True]], [[1.0, 2.0]])
        """
        return PatternRows.of(values).moments(np.ones((1, len(values))) if weights is None else weights)

    @classmethod
    def from_totals(cls, observed: BoolArray, totals: Array) -> PatternMoments:
        """From B × G × (1 + q + q·q) totals: count, sums, products by row."""
        q = observed.shape[1]
        products = totals[..., 1 + q :].reshape(*totals.shape[:2], q, q)
        return cls(observed, totals[..., 0], totals[..., 1 : 1 + q], products)

    @property
    def n_variables(self) -> int:
        return int(self.observed.shape[1])

    @property
    def levels(self) -> npt.NDArray[np.int64]:
        """Per pattern, how far it reaches: the position after its last observed variable."""
        places = np.arange(1, self.n_variables + 1)
        return np.asarray((self.observed * places).max(axis=1), dtype=np.int64)

    @property
    def totals(self) -> Array:
        """B × G × (1 + q + q·q): count, sums, products by row; the inverse of `from_totals`."""
        flat = self.products.reshape(*self.n.shape, -1)
        return np.concatenate([self.n[..., None], self.sums, flat], axis=2)

    def where(self, keep: BoolArray) -> PatternMoments:
        """Only these patterns."""
        return PatternMoments(self.observed[keep], self.n[:, keep], self.sums[:, keep], self.products[:, keep])

    def joined(self, other: PatternMoments) -> PatternMoments:
        """The patterns of both, side by side."""
        return PatternMoments(
            np.concatenate([self.observed, other.observed]),
            np.concatenate([self.n, other.n], axis=1),
            np.concatenate([self.sums, other.sums], axis=1),
            np.concatenate([self.products, other.products], axis=1),
        )

    def merged(self) -> PatternMoments:
        """The same sums with every pattern once."""
        patterns, place = patterns_of(self.observed)
        if len(patterns) == len(self.observed):
            return self
        belongs = (place == np.arange(len(patterns))[:, None]).astype(np.float64)
        totals = self.totals
        flat = belongs @ totals.transpose(1, 0, 2).reshape(len(place), -1)
        return PatternMoments.from_totals(patterns, flat.reshape(len(patterns), len(totals), -1).transpose(1, 0, 2))

    def variable(self, position: int) -> tuple[Array, Array, Array]:
        """Count, mean and variance (n-divisor) of one variable where it was observed, each of length B."""
        has = self.observed[:, position]
        n = self.n[:, has].sum(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.sums[:, has, position].sum(1) / n
            variance = self.products[:, has, position, position].sum(1) / n - mean**2
        return n, mean, variance


@dataclass(frozen=True)
class PatternRows:
    """Rows by pattern of observed variables, made ready for many sets of weights.

    Attributes
    ----------
    observed
        G × q, which variables a pattern has.
    rows
        Per pattern, the places of its rows.
    features
        Per pattern with k variables, its rows' n_g × (1 + k + k(k + 1)/2): one, values, products of the upper triangle.
    """

    observed: BoolArray
    rows: list[IntArray]
    features: list[Array]

    @classmethod
    def of(cls, values: Array) -> PatternRows:
        """Rows of N × q values, NaN where not observed."""
        observed, pattern = patterns_of(~np.isnan(values))
        rows = [np.flatnonzero(pattern == g) for g in range(len(observed))]
        features = [_upper_features(values[np.ix_(mine, has)]) for mine, has in zip(rows, observed, strict=True)]
        return cls(observed, rows, features)

    def moments(self, weights: Array) -> PatternMoments:
        """Sums of the rows, weighted B × N."""
        patterns, b, q = len(self.observed), len(weights), self.observed.shape[1]
        n, sums, products = np.zeros((b, patterns)), np.zeros((b, patterns, q)), np.zeros((b, patterns, q, q))
        for g, (mine, features) in enumerate(zip(self.rows, self.features, strict=True)):
            added = weights[:, mine] @ features
            places = np.flatnonzero(self.observed[g])
            k = len(places)
            i, j = (places[side] for side in np.triu_indices(k))
            n[:, g], sums[:, g, places] = added[:, 0], added[:, 1 : 1 + k]
            products[:, g, i, j] = products[:, g, j, i] = added[:, 1 + k :]
        return PatternMoments(self.observed, n, sums, products)


def _upper_features(values: Array) -> Array:
    i, j = np.triu_indices(values.shape[1])
    return np.concatenate([np.ones((len(values), 1)), values, values[:, i] * values[:, j]], axis=1)


def patterns_of(observed: BoolArray) -> tuple[BoolArray, IntArray]:
    """The distinct rows of N × q flags in lexicographic order, and for each row the number of its own.

    >>> patterns_of(np.array([[True, True], [False, True], [True, True]]))[1].tolist()
    [1, 0, 1]
    """
    packed = np.packbits(np.ascontiguousarray(observed), axis=1)  # bytes sort as the flags do, and far faster
    keys = packed.view(f"S{packed.shape[1]}").ravel() if packed.size else np.zeros(len(observed))
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    return observed[first], np.asarray(number, dtype=np.int64)


def row_features(values: Array) -> Array:
    """Per row of N × q values (NaN where not observed): one, the values, their products; N × (1 + q + q·q).

    >>> row_features(np.array([[2.0, np.nan]])).tolist()
    [[1.0, 2.0, 0.0, 4.0, 0.0, 0.0, 0.0]]
    """
    filled = np.nan_to_num(values)
    n, q = filled.shape
    products = (filled[:, :, None] * filled[:, None, :]).reshape(n, q * q)
    return np.concatenate([np.ones((n, 1)), filled, products], axis=1)


def standardised(moments: PatternMoments, centre: Array, scale: Array) -> PatternMoments:
    """The same sums of (value − centre)/scale.

    >>> shifted = standardised(PatternMoments.from_rows(np.array([[2.0], [4.0]])), np.array([3.0]), np.array([2.0]))
    >>> shifted.sums.tolist(), shifted.products.tolist()
    ([[[0.0]]], [[[[0.5]]]])
    """
    has = moments.observed[None]
    both = has[..., :, None] & has[..., None, :]
    n, s = moments.n[..., None], moments.sums
    sums = np.where(has, (s - n * centre) / scale, 0.0)
    cross = moments.products - s[..., :, None] * centre - centre[:, None] * s[..., None, :]
    cross = cross + n[..., None] * np.outer(centre, centre)
    return PatternMoments(moments.observed, moments.n, sums, np.where(both, cross / np.outer(scale, scale), 0.0))
