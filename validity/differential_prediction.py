"""Differential prediction: does a score mean the same performance in every group?

Cleary (1968), Gulliksen & Wilks (1950), as the step-down of Lautenschlager & Mendoza (1986): omnibus, slopes,
intercepts; effect size d_mod (Nye & Sackett 2017). An unreliable score or selection on it makes intercepts differ
where nothing is unfair: say so beside every intercept test.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr
from scipy.stats import f as f_distribution

from validity.estimate import Estimate, refused

Array = npt.NDArray[np.float64]

MIN_PER_GROUP = 50
"""Regression lines are compared between groups of so many; with fewer a difference of slopes is not seen anyway."""

METHOD = "d_mod_signed+bootstrap"
N_BOOTSTRAP = 1000
"""Resamples within group behind the interval of d_mod."""

_PARALLEL = 1e-12


@dataclass(frozen=True)
class FTest:
    f: float
    df1: int
    df2: int
    p_value: float


@dataclass(frozen=True)
class StepDown:
    """Omnibus (any difference of lines), then slopes, then intercepts given equal slopes."""

    omnibus: FTest
    slopes: FTest
    intercepts: FTest


@dataclass(frozen=True)
class Line:
    """Regression of the criterion on the predictor within one group, with what d_mod needs of its scores."""

    group: Any
    n: int
    intercept: float
    slope: float
    r: float
    mean_x: float
    sd_x: float
    min_x: float
    max_x: float
    sd_y: float


@dataclass(frozen=True)
class DMod:
    """Referent line minus focal line over the focal group's scores, in referent SDs of the criterion.

    Negative: the referent line underpredicts the focal group. The scores of the smallest and the largest difference are
    None for parallel lines.
    """

    focal_group: Any
    signed: float
    unsigned: float
    under: float
    over: float
    prop_under: float
    prop_over: float
    d_min: float
    d_max: float
    d_min_score: float | None
    d_max_score: float | None


def within_group_lines(x: Any, y: Any, group: Any) -> list[Line]:
    """One regression line per group, in the order of the sorted labels.

    >>> [f"{line.group}: {line.intercept:.1f} {line.slope:.1f}" for line in within_group_lines(
    ...     [1, 2, 3, 1, 2, 3], [1, 2, 3, 2, 2, 2.6], list("aaabbb"))]
    ['a: 0.0 1.0', 'b: 1.6 0.3']
    """
    frame = _complete(x, y, group)
    return [_line(label, part["x"], part["y"]) for label, part in frame.groupby("group", sort=True)]


def step_down(x: Any, y: Any, group: Any) -> StepDown:
    """F tests of equal lines, equal slopes, and equal intercepts given equal slopes.

    Parameters
    ----------
    x, y, group
        Predictor, criterion and group label of each hire, (n,). Incomplete rows are left out.

    Raises
    ------
    ValueError
        Fewer than two groups, or a group without spread of scores or with fewer than three rows.

    >>> rng = np.random.default_rng(1)
    >>> x, group = rng.standard_normal(200), np.repeat(["a", "b"], 100)
    >>> tests = step_down(x, 0.5 * x + 0.8 * (group == "b") + rng.standard_normal(200), group)
    >>> tests.slopes.p_value > 0.05, tests.intercepts.p_value < 0.001
    (True, True)
    """
    frame = _complete(x, y, group)
    lines = [_line(label, part["x"], part["y"]) for label, part in frame.groupby("group", sort=True)]
    if len(lines) < 2:
        raise ValueError(f"`group`: {len(lines)} groups, expected 2 or more.")
    dummies = np.stack([frame["group"].to_numpy() == line.group for line in lines[1:]], axis=1).astype(float)
    scores = frame["x"].to_numpy()[:, None]
    base = np.hstack([np.ones_like(scores), scores])
    outcome = frame["y"].to_numpy()
    common, parallel, full = (
        _residual(design, outcome)
        for design in (base, np.hstack([base, dummies]), np.hstack([base, dummies, dummies * scores]))
    )
    n, more = len(frame), len(lines) - 1
    df_full, df_parallel = n - 2 * len(lines), n - 2 - more
    return StepDown(
        omnibus=_f_test(common, full, 2 * more, df_full),
        slopes=_f_test(parallel, full, more, df_full),
        intercepts=_f_test(common, parallel, more, df_parallel),
    )


def d_mod(referent: Line, focal: Line) -> DMod:
    """Parametric d_mod of Nye & Sackett (2017), eqs. 2–5, over the observed range of the focal group's normal scores.

    The normal density is cut to that range; each side of the crossing of the lines is brought back to the share of
    people it stands for (Dahlke & Sackett 2018).

    >>> referent = Line("r", 100, 0.0, 0.5, 0.5, 0.5, 1.0, -2.0, 3.0, 1.0)
    >>> focal = Line("f", 100, 0.1, 0.5, 0.5, -0.5, 1.0, -3.0, 2.0, 1.0)
    >>> f"{d_mod(referent, focal).signed:.2f} {d_mod(referent, focal).prop_under:.0f}"
    '-0.10 1'
    """
    intercept, slope = referent.intercept - focal.intercept, referent.slope - focal.slope
    lo, hi = focal.min_x, focal.max_x
    crossing = -intercept / slope if abs(slope) > _PARALLEL else float("nan")
    inside = lo < crossing < hi
    mass = _mass(focal, lo, hi)
    parts = _parts(focal, lo, hi, crossing if inside else None)
    gaps = sorted(_integral(focal, a, b, intercept, slope) / referent.sd_y / scale for a, b, scale in parts)
    under, over = sum(g for g in gaps if g < 0), sum(g for g in gaps if g > 0)
    shares = {True: 0.0, False: 0.0}
    for a, b, _ in parts:
        gap = _integral(focal, a, b, intercept, slope)
        if gap != 0:
            shares[gap < 0] += _mass(focal, a, b) / mass
    points = [lo, crossing, hi] if inside else [lo, hi]
    differences = [(intercept + slope * x) / referent.sd_y for x in points]
    least, most = int(np.argmin(np.abs(differences))), int(np.argmax(np.abs(differences)))
    flat = abs(differences[least] - differences[most]) < 1e-9
    return DMod(
        focal_group=focal.group,
        signed=under + over,
        unsigned=over - under,
        under=under,
        over=over,
        prop_under=shares[True],
        prop_over=shares[False],
        d_min=differences[least],
        d_max=differences[most],
        d_min_score=None if flat else points[least],
        d_max_score=None if flat else points[most],
    )


def differential_prediction(
    x: Any,
    y: Any,
    group: Any,
    referent: Any,
    *,
    level: float = 0.95,
    n_bootstrap: int = N_BOOTSTRAP,
    seed: int = 0,
    definition_version: str = "1",
) -> list[tuple[dict[str, Any], Estimate]]:
    """Signed d_mod of every other group against `referent`, with a percentile interval and the step-down as extras.

    Refused for a group of fewer than 50, or one without spread.

    Returns
    -------
    list
        One pair of keys (group, referent) and estimate per focal group, ready for ``estimate.to_frame``.

    >>> rng = np.random.default_rng(1)
    >>> x, group = rng.standard_normal(60), np.repeat(["a", "b"], 30)
    >>> [(keys["group"], e.reason) for keys, e in differential_prediction(x, x, group, "a")]
    [('b', '30 people in the smaller group, 50 needed')]
    """
    frame = _complete(x, y, group)
    focal_groups = [label for label in sorted(frame["group"].unique(), key=str) if label != referent]
    reference = frame[frame["group"] == referent]
    found = []
    for label in focal_groups:
        part = frame[frame["group"] == label]
        reason = _refusal(reference, part)
        keys = {"group": label, "referent": referent}
        if reason:
            n = len(reference) + len(part)
            made = refused(METHOD, n=n, reason=reason, level=level, definition_version=definition_version)
        else:
            made = _estimate(reference, part, level, n_bootstrap, seed, definition_version)
        found.append((keys, made))
    return found


def _refusal(reference: pd.DataFrame, part: pd.DataFrame) -> str:
    smallest = min(len(reference), len(part))
    if smallest < MIN_PER_GROUP:
        return f"{smallest} people in the smaller group, {MIN_PER_GROUP} needed"
    if any(frame[column].nunique() < 3 for frame in (reference, part) for column in ("x", "y")):
        return "scores or ratings hardly vary within a group"
    return ""


def _estimate(
    reference: pd.DataFrame, part: pd.DataFrame, level: float, n_bootstrap: int, seed: int, version: str
) -> Estimate:
    both = pd.concat([reference, part])
    effect = d_mod(_line("referent", reference["x"], reference["y"]), _line("focal", part["x"], part["y"]))
    tests = step_down(both["x"], both["y"], both["group"])
    rng = np.random.default_rng(seed)
    own, other = (frame[["x", "y"]].to_numpy(dtype=float) for frame in (reference, part))
    draws = np.array([_resampled(own, other, rng) for _ in range(n_bootstrap)])
    lo, hi = np.nanquantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        value=effect.signed,
        lo=min(float(lo), effect.signed),
        hi=max(float(hi), effect.signed),
        level=level,
        n=len(both),
        method=METHOD,
        reason="unreliable scores and selection on them make intercepts differ: not by itself unfair",
        definition_version=version,
        extras={
            "d_mod_unsigned": effect.unsigned,
            "omnibus_p": tests.omnibus.p_value,
            "slopes_p": tests.slopes.p_value,
            "intercepts_p": tests.intercepts.p_value,
        },
    )


def _resampled(reference: Array, part: Array, rng: np.random.Generator) -> float:
    """Signed d_mod of groups drawn again, each an array of rows x, y; NaN where x or y do not vary."""
    drawn = [rows[rng.integers(len(rows), size=len(rows))] for rows in (reference, part)]
    if any((np.ptp(rows, axis=0) == 0).any() for rows in drawn):
        return float("nan")
    return d_mod(_line("referent", *drawn[0].T), _line("focal", *drawn[1].T)).signed


def _complete(x: Any, y: Any, group: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"x": np.asarray(x, dtype=float), "y": np.asarray(y, dtype=float), "group": pd.Series(list(group))}
    )
    kept: pd.DataFrame = frame.dropna()
    return kept


def _line(label: Any, scores: Any, criterion: Any) -> Line:
    x, y = np.asarray(scores, dtype=float), np.asarray(criterion, dtype=float)
    if len(x) < 3 or np.ptp(x) == 0:
        raise ValueError(f"`x` of group {label!r}: {len(x)} rows, expected 3 or more with different scores.")
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy / (dx @ dx))
    spread = sqrt(float((dx @ dx) * (dy @ dy)))
    return Line(
        group=label,
        n=len(x),
        intercept=float(y.mean() - slope * x.mean()),
        slope=slope,
        r=float(dx @ dy) / spread if spread > 0 else float("nan"),
        mean_x=float(x.mean()),
        sd_x=float(x.std(ddof=1)),
        min_x=float(x.min()),
        max_x=float(x.max()),
        sd_y=float(y.std(ddof=1)),
    )


def _residual(design: Array, y: Array) -> float:
    coef, *_ = np.linalg.lstsq(design, y, rcond=None)
    return float(((y - design @ coef) ** 2).sum())


def _f_test(small: float, large: float, df1: int, df2: int) -> FTest:
    if df2 <= 0 or large <= 0:
        return FTest(float("nan"), df1, df2, float("nan"))
    f = max(0.0, (small - large) / df1) / (large / df2)
    return FTest(f, df1, df2, float(f_distribution.sf(f, df1, df2)))


def _mass(line: Line, a: float, b: float) -> float:
    return _below(line, b) - _below(line, a)


def _below(line: Line, x: float) -> float:
    """Share of the group's normal scores below x; `ndtr`, for a bootstrap asks a hundred thousand times."""
    return float(ndtr((x - line.mean_x) / line.sd_x))


def _parts(line: Line, lo: float, hi: float, crossing: float | None) -> list[tuple[float, float, float]]:
    """Pieces of the range on one side of the crossing each, and the share of its people that a piece holds."""
    if crossing is None or not isfinite(crossing):
        return [(lo, hi, _mass(line, lo, hi))]
    below = _below(line, crossing)
    return [
        (lo, crossing, _mass(line, lo, crossing) / below),
        (crossing, hi, _mass(line, crossing, hi) / (1 - below)),
    ]


def _integral(line: Line, a: float, b: float, intercept: float, slope: float) -> float:
    """``∫ (intercept + slope·x) φ(x) dx`` from a to b for the group's normal density, in closed form."""
    za, zb = (a - line.mean_x) / line.sd_x, (b - line.mean_x) / line.sd_x
    density = (exp(-za * za / 2) - exp(-zb * zb / 2)) / sqrt(2 * pi)
    return (intercept + slope * line.mean_x) * _mass(line, a, b) + slope * line.sd_x * density
