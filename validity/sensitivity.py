"""Rungs 2 and 3 under other assumptions: another reliability, unrecorded information, worse performers not hired."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from validity import hidden
from validity.attenuation import spearman_brown
from validity.predictor_facts import hired_share
from validity.refusals import no_reliability
from validity.resampling import spread_of
from validity.rungs import Computed

COLUMNS = ("predictor", "kind", "setting", "value", "lo", "hi")
STATED_RELIABILITIES = (0.45, 0.52, 0.60, 0.65)
"""Reliabilities of one rater's rating that the literature argues about."""


def sensitivity_of(found: Computed) -> pd.DataFrame:
    """One row a predictor × kind × setting, columns `COLUMNS`."""
    rows: list[dict[str, Any]] = []
    for j, name in enumerate(found.sample.predictors):
        rows += [{"predictor": name, **row} for row in _of_predictor(found, j)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(kind: str, setting: float, value: float, lo: float = np.nan, hi: float = np.nan) -> dict[str, Any]:
    return {"kind": kind, "setting": setting, "value": value, "lo": lo, "hi": hi}


def _of_predictor(found: Computed, j: int) -> Iterator[dict[str, Any]]:
    yield from _other_reliabilities(found, j)
    if found.point.by_stage and not no_reliability(found):
        yield from _unrecorded_information(found, j)
        yield from _worse_if_not_hired(found, j)


def _other_reliabilities(found: Computed, j: int) -> Iterator[dict[str, Any]]:
    """Rung 2 if one rater's rating had another reliability, stepped up to the mean over raters."""
    mean_inverse = float(np.mean(1 / found.sample.criterion.n_raters))
    for single in STATED_RELIABILITIES:
        value = float(found.point.observed[0, j] / np.sqrt(spearman_brown(single, 1 / mean_inverse)))
        if abs(value) < 1:
            yield _row("reliability_rung_2", single, value)


def _unrecorded_information(found: Computed, j: int) -> Iterator[dict[str, Any]]:
    """The curve over ρ, the union of its intervals, and the ρ at which its interval reaches 0."""
    grid, curve = found.question.rho_grid, found.point.curve[:, 0, j]
    if not grid:
        return
    spreads = [spread_of(drawn, found.n_reviewed, found.question.level) for drawn in found.boot.curve[:, :, j]]
    for rho, value, spread in zip(grid, curve, spreads, strict=True):
        yield _row("hidden_information", rho, float(value), spread.lo, spread.hi)
    lows, highs = [s.lo for s in spreads], [s.hi for s in spreads]
    middle = float(found.point.corrected[0, j])
    yield _row("union", grid[-1], middle, min(lows), max(highs))
    tip = hidden.tipping_point(grid, np.array(lows if middle > 0 else highs))
    yield _row("tipping_rho", np.nan if tip is None else tip, 0.0)


def _worse_if_not_hired(found: Computed, j: int) -> Iterator[dict[str, Any]]:
    stage = found.sample.stages[j]
    moments, share = found.point.by_stage[stage].corrected, hired_share(found.sample, stage)
    for delta in hidden.DELTA_GRID:
        yield _row("rejected_worse_by", delta, float(hidden.shifted(moments, share, delta)[0, j]))
