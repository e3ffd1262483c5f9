"""Rows of lane charts: groups under a head, a lane a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from reporting.ladder import Rung
from reporting.theme import MUTED, SURFACE

HEAD_HEIGHT, LANE_HEIGHT, GAP = 26.0, 22.0, 12.0
NO_BANDS = pd.DataFrame(columns=["lo", "hi", "value", "y", "y_end"], dtype=float)


def lane(y: float, label: str, rung: Rung, numbers: str, colour: str, *, hollow: bool = False) -> dict[str, Any]:
    value, lo, hi = rung.value, rung.lo, rung.hi
    if value is None:
        lo = hi = None
    return {"y": y, "is_head": False, "label": label, "numbers": numbers, "value": value, "lo": lo, "hi": hi,
            "colour": colour, "fill": SURFACE if hollow else colour}  # fmt: skip


def _head(y: float, label: str, numbers: str) -> dict[str, Any]:
    return {"y": y, "is_head": True, "label": label, "numbers": numbers, "value": None, "lo": None, "hi": None,
            "colour": MUTED, "fill": MUTED}  # fmt: skip


def stack(groups: Iterable[tuple[tuple[str, str], Sequence[dict[str, Any]]]]) -> tuple[pd.DataFrame, float]:
    """Groups of lanes under their heads; each lane's y is set."""
    rows, at = [], 0.0
    for (label, numbers), lanes in groups:
        rows.append(_head(at + HEAD_HEIGHT / 2, label, numbers))
        at += HEAD_HEIGHT
        for lane in lanes:
            rows.append(lane | {"y": at + LANE_HEIGHT / 2})
            at += LANE_HEIGHT
        at += GAP
    frame = pd.DataFrame(rows)
    return frame.astype({"value": float, "lo": float, "hi": float}), at - GAP
