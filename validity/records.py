"""Rows of a frame as dictionaries by column name: where frames end and plain values begin."""

from __future__ import annotations

from typing import Any

import pandas as pd


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One dictionary a row.

    >>> records(pd.DataFrame({"technique": ["work_sample"], "n": [40]}))
    [{'technique': 'work_sample', 'n': 40}]
    """
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
