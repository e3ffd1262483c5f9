"""Least squares whose rows come in clusters: sandwich variances CR0 to CR3 with Satterthwaite degrees of freedom.

Everything after the design matrix is a sum per cluster of p × p matrices, so no n × n matrix is ever built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student_t

Array = npt.NDArray[np.float64]
Kind = Literal["CR0", "CR1", "CR1S", "CR2", "CR3"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MIN_CLUSTERS = 2
"""One cluster has no variance between clusters."""

_FULL_LEVERAGE = 1e-9  # directions that a cluster determines alone say nothing about its error


@dataclass(frozen=True)
class ClusterFit:
    """Coefficients with their cluster-robust variance; one entry per column of the design matrix."""

    coef: Array
    vcov: Array
    df: Array
    p_value: Array
    kind: Kind
    n: int
    n_clusters: int

    @property
    def standard_error(self) -> Array:
        return np.sqrt(np.diag(self.vcov))

    def interval(self, column: int, level: float = 0.95) -> tuple[float, float]:
        """Limits of one coefficient with Satterthwaite's t."""
        width = float(student_t.ppf((1 + level) / 2, self.df[column])) * float(self.standard_error[column])
        return float(self.coef[column]) - width, float(self.coef[column]) + width


def cluster_robust(X: Any, y: Any, cluster: Any, kind: Kind = "CR2") -> ClusterFit:
    """Ordinary least squares of `y` on `X` with a variance that allows any dependence within a cluster.

    CR0 is Liang & Zeger (1986); CR1 multiplies by J/(J−1), CR1S by J(n−1)/((J−1)(n−p)); CR2 and CR3 adjust residuals
    by ``(I − H_gg)^{-1/2}`` and ``(I − H_gg)^{-1}`` (Bell & McCaffrey 2002, identity working model). Degrees of freedom
    of every kind as in Pustejovsky & Tipton (2018), eq. 11.

    Parameters
    ----------
    X
        Design matrix, (n, p), of full column rank; write the intercept as a column.
    y
        Outcome, (n,).
    cluster
        Label of every row's cluster, (n,).
    kind
        ``CR0``, ``CR1``, ``CR1S``, ``CR2`` or ``CR3``.

    Raises
    ------
    ValueError
        Unequal lengths, missing numbers, collinear columns, fewer than two clusters.

    Examples
    --------
    >>> x, y = [1, 2, 3, 4, 5, 6, 7, 8], [2, 1, 4, 3, 6, 5, 9, 7]
    >>> fit = cluster_robust(np.column_stack([np.ones(8), x]), y, [1, 1, 2, 2, 3, 3, 4, 4], "CR2")
    >>> f"{fit.coef[1]:.3f} {fit.standard_error[1]:.3f} {fit.df[1]:.1f}"
    '0.964 0.081 1.6'
    """
    design, outcome, codes, n_clusters = _checked(X, y, cluster, kind)
    bread: Array = np.asarray(np.linalg.inv(design.T @ design), dtype=np.float64)
    coef = bread @ (design.T @ outcome)
    gram = _sums(np.einsum("ni,nj->nij", design, design), codes, n_clusters)  # X_g'X_g
    scores = _sums(design * (outcome - design @ coef)[:, None], codes, n_clusters)  # X_g'e_g
    adjustment = _adjustment(bread, gram, kind)
    adjusted = np.einsum("gji,gj->gi", adjustment, scores)
    factor = _factor(kind, len(outcome), design.shape[1], n_clusters)
    vcov = factor * bread @ adjusted.T @ adjusted @ bread
    df = np.array([_satterthwaite(adjustment @ bread[:, c], gram, bread) for c in range(design.shape[1])])
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = 2 * student_t.sf(np.abs(coef) / np.sqrt(np.diag(vcov)), df)
    return ClusterFit(coef, vcov, df, p_value, kind, len(outcome), n_clusters)


def _checked(X: Any, y: Any, cluster: Any, kind: Kind) -> tuple[Array, Array, npt.NDArray[np.intp], int]:
    if kind not in KINDS:
        raise ValueError(f"`kind`: {kind!r}, expected one of {', '.join(KINDS)}.")
    design, outcome = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    if design.ndim != 2 or len(design) != len(outcome) or len(outcome) != len(np.asarray(cluster)):
        raise ValueError(f"`X`, `y`, `cluster`: shapes {design.shape}, {outcome.shape}, expected one row each.")
    if not (np.isfinite(design).all() and np.isfinite(outcome).all()):
        raise ValueError("`X`, `y`: missing or infinite numbers, expected finite ones.")
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(f"`X`: rank {np.linalg.matrix_rank(design)}, expected {design.shape[1]} independent columns.")
    labels, codes = np.unique(np.asarray(cluster), return_inverse=True)
    if len(labels) < MIN_CLUSTERS:
        raise ValueError(f"`cluster`: {len(labels)} clusters, expected {MIN_CLUSTERS} or more.")
    return design, outcome, codes, len(labels)


def _sums(values: Array, codes: npt.NDArray[np.intp], n_clusters: int) -> Array:
    flat = values.reshape(len(values), -1)
    columns = [np.bincount(codes, weights=flat[:, j], minlength=n_clusters) for j in range(flat.shape[1])]
    return np.stack(columns, axis=-1).astype(np.float64).reshape(n_clusters, *values.shape[1:])


def _factor(kind: Kind, n: int, p: int, n_clusters: int) -> float:
    if kind == "CR1":
        return n_clusters / (n_clusters - 1)
    if kind == "CR1S":
        return n_clusters * (n - 1) / ((n_clusters - 1) * (n - p))
    return 1.0


def _adjustment(bread: Array, gram: Array, kind: Kind) -> Array:
    """``B_g`` with ``A_g X_g = X_g B_g``: ``(I − M S_g)`` to the power −1/2 (CR2) or −1 (CR3), else the identity."""
    if kind not in ("CR2", "CR3"):
        return np.broadcast_to(np.eye(len(bread)), gram.shape)
    values, vectors = np.linalg.eigh(bread)
    root, inverse_root = vectors * np.sqrt(values) @ vectors.T, vectors / np.sqrt(values) @ vectors.T
    leverage, axes = np.linalg.eigh(root @ gram @ root)
    left = 1 - leverage
    power = -0.5 if kind == "CR2" else -1.0
    scale = np.where(left > _FULL_LEVERAGE, np.maximum(left, _FULL_LEVERAGE) ** power, 0.0)
    return np.asarray(root @ np.einsum("gij,gj,gkj->gik", axes, scale, axes) @ inverse_root)


def _satterthwaite(weights: Array, gram: Array, bread: Array) -> float:
    """``(Σλ)²/Σλ²`` of the matrix ``δ_gh a_g'a_g − a_g'H_gh a_h`` where ``a_g = X_g weights_g``, never built."""
    rows = np.einsum("gij,gj->gi", gram, weights)
    lengths = np.einsum("gi,gi->g", weights, rows)
    leverages = np.einsum("gi,ij,gj->g", rows, bread, rows)
    hat = bread @ rows.T @ rows
    trace = lengths.sum() - leverages.sum()
    squares = (lengths**2).sum() - 2 * (lengths * leverages).sum() + np.trace(hat @ hat)
    return float(trace**2 / squares) if squares > 0 else float("nan")
