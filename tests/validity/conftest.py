"""Invented reviewed hires with a known correlation."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

AS_OF = datetime(2026, 8, 23, tzinfo=UTC)
GOLDEN = Path(os.environ.get("GOLDEN_DIR") or Path(__file__).parents[3] / "shared" / "science" / "golden")
Frames = dict[str, pd.DataFrame]


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """Golden vectors whose data may not be copied into the project."""
    if not GOLDEN.is_dir():
        pytest.skip(f"the folder {GOLDEN} is not here; its vectors are checked where it is, or set GOLDEN_DIR")
    return GOLDEN


def pairs(n: int, rho: float, *, technique: str = "work_sample", family: str = "sales", seed: int = 0) -> pd.DataFrame:
    """`n` hires, one score and one rating each, every interviewer scoring about four of them."""
    rng = np.random.default_rng(seed)
    talent = rng.standard_normal(n)
    rating = rho * talent + np.sqrt(1 - rho**2) * rng.standard_normal(n)
    return pd.DataFrame(
        {
            "connection_id": "ats",
            "application_id": [f"{technique}-{family}-{i}" for i in range(n)],
            "job_family": family,
            "technique": technique,
            "score": np.clip(np.round(2 * (3 + talent)) / 2, 1, 5),
            "performance_rating_z": rating,
            "interviewer_id": [f"i{i % max(2, n // 4)}" for i in range(n)],
            "rater_was_interviewer": False,
            "is_contaminated": False,
        }
    )


def frames_of(*parts: pd.DataFrame) -> Frames:
    """The four frames an estimate reads, from pairs of hires (plus as many applicants who were not hired)."""
    hires = pd.concat(parts, ignore_index=True)
    scores = hires[["connection_id", "application_id", "job_family", "technique", "score"]].assign(
        attribute="overall", is_hired=True
    )
    rejected = scores.assign(application_id=scores["application_id"] + "-rejected", is_hired=False)
    outcomes = hires[["connection_id", "application_id", "job_family", "performance_rating_z"]]
    coverage = pd.DataFrame({"job_family": ["all"], "step_order": [1], "step": ["hired"], "n": [len(hires)]})
    return {
        "pairs": hires,
        "predictor_scores": pd.concat([scores, rejected], ignore_index=True),
        "outcomes": outcomes,
        "coverage": coverage,
    }


@pytest.fixture
def make_pairs() -> Callable[..., pd.DataFrame]:
    return pairs


@pytest.fixture
def make_frames() -> Callable[..., Frames]:
    return frames_of


@pytest.fixture
def as_of() -> datetime:
    return AS_OF
