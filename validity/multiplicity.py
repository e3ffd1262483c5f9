"""Many questions at once: adjusted p-values of one family of tests.

Family: all technique × attribute × stage of one job family and one criterion. Benjamini-Hochberg for "predicts" badges,
Benjamini-Yekutieli where tests depend on each other in unknown ways, Holm for few questions registered beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from statsmodels.stats.multitest import multipletests

Procedure = Literal["bh", "by", "holm", "bonferroni"]

STATSMODELS_NAMES: dict[Procedure, str] = {
    "bh": "fdr_bh",
    "by": "fdr_by",
    "holm": "holm",
    "bonferroni": "bonferroni",
}


@dataclass(frozen=True)
class Adjusted:
    """Adjusted p-values and rejections, in the order given; a missing p-value stays missing and is not rejected."""

    procedure: Procedure
    p_adjusted: npt.NDArray[np.float64]
    rejected: npt.NDArray[np.bool_]

    @property
    def n_rejected(self) -> int:
        return int(self.rejected.sum())


def adjust(
    p_values: Sequence[float | None] | npt.NDArray[np.float64], procedure: Procedure = "bh", level: float = 0.05
) -> Adjusted:
    """p-values adjusted for being one family.

    Parameters
    ----------
    p_values
        One per test, 0–1; None or NaN for a test that was not made, which does not count in the family.
    procedure
        ``bh`` (Benjamini & Hochberg 1995), ``by`` (Benjamini & Yekutieli 2001), ``holm`` (Holm 1979), ``bonferroni``.
    level
        A test is rejected when its adjusted p-value is at most this.

    Raises
    ------
    ValueError
        A p-value outside 0–1, a level that is not between 0 and 1.

    Examples
    --------
    >>> answer = adjust([0.001, 0.013, 0.03, 0.2, None], "bh")
    >>> [round(float(p), 4) for p in answer.p_adjusted], answer.n_rejected
    ([0.004, 0.026, 0.04, 0.2, nan], 3)
    """
    p = np.asarray(p_values, dtype=np.float64)
    is_made = ~np.isnan(p)
    if ((p[is_made] < 0) | (p[is_made] > 1)).any():
        raise ValueError(f"`p_values`: {p_values}, expected numbers from 0 to 1.")
    if not 0 < level < 1:
        raise ValueError(f"`level`: {level}, expected a number between 0 and 1.")
    adjusted = np.full(p.shape, np.nan)
    if is_made.any():
        adjusted[is_made] = multipletests(p[is_made], alpha=level, method=STATSMODELS_NAMES[procedure])[1]
    return Adjusted(procedure, adjusted, adjusted <= level)
