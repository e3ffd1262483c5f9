"""The leniency-free end of the bracket finds the truth: its reliability is that of scores without leniency."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from validity.families import without_leniency
from validity.study import study

TRUTH = 0.40
VAR_LENIENCY, VAR_ERROR = 0.4, 0.6
COLUMNS = ["person_id", "rater_id", "cycle_id", "value"]
Company = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.Series]


def company(seed: int, two_raters: float, n: int = 2_000, n_hired: int = 500) -> Company:
    """Scores, ratings by lenient and severe raters, what peers say, who was hired."""
    rng = np.random.default_rng(seed)
    score = rng.normal(size=n)
    performance = TRUTH * score + np.sqrt(1 - TRUTH**2) * rng.normal(size=n)
    hired = np.argsort(-(score + 0.8 * rng.normal(size=n)))[:n_hired]
    leniency = np.sqrt(VAR_LENIENCY) * rng.normal(size=50)
    ids = [f"p{number:04d}" for number in range(n)]
    ratings, peers = [], []
    for person in hired:
        for rater in rng.choice(50, 2 if rng.random() < two_raters else 1, replace=False):
            rating = performance[person] + leniency[rater] + np.sqrt(VAR_ERROR) * rng.normal()
            ratings.append((ids[person], f"m{rater}", 1, rating))
        peers.append((ids[person], f"peer {person % 97}", 1, performance[person] + rng.normal()))
    is_hired = pd.Series(np.isin(np.arange(n), hired), index=ids)
    frames = (pd.DataFrame(rows, columns=COLUMNS) for rows in (ratings, peers))
    return pd.DataFrame({"score": score}, index=ids), *frames, is_hired


def rung_3(scores: pd.DataFrame, ratings: pd.DataFrame, hired: pd.Series, **given: object) -> float:
    found = study(scores, ratings, hired=hired, n_boot=0, rho_grid=(0.0,), **given)  # type: ignore[arg-type]
    return float(found.sensitivity.query("kind == 'hidden_information'")["value"].item())


@pytest.mark.parametrize(("two_raters", "method"), [(0.6, "crossed_reml"), (0.0, "eb_leniency")])
def test_both_ends_of_the_bracket_are_corrected_for_rating_error(two_raters: float, method: str) -> None:
    """Peers against a shrunken score would say that it has no error, and rung 3 would be a sixth too low."""
    lenient, free, reliabilities = [], [], []
    for seed in range(200, 206):
        scores, ratings, peers, hired = company(seed, two_raters)
        raw = study(scores, ratings, hired=hired, other_ratings=peers, n_boot=0, rho_grid=())
        r_yy = raw.reliability["value"].item()
        made = without_leniency(ratings, r_yy)
        assert made.method == method
        lenient.append(rung_3(scores, ratings, hired, other_ratings=peers))
        free.append(rung_3(scores, made.ratings, hired, firm_reliability=made.reliability))
        reliabilities.append((r_yy, made.reliability))
    assert np.mean(free) / np.mean(lenient) == pytest.approx(1.0, abs=0.07)
    assert np.mean(free) == pytest.approx(TRUTH, abs=0.08)
    assert all(relative > absolute for absolute, relative in reliabilities)
