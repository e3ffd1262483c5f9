"""The ladder: observed, corrected and pooled validity of every technique, the literature behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from reporting import charts, words
from reporting.figures import Figure, Table
from reporting.ladder import OBSERVED, POOLED, RUNGS, UNATTENUATED, UNSELECTED, Rung, Technique, pooled_towards
from reporting.lanes import GAP, HEAD_HEIGHT, LANE_HEIGHT, lane, stack
from reporting.prose import LITERATURE_LABEL
from reporting.theme import ACCENT, ACCENT_MID, MUTED
from reporting.words import correlation, people

_COLOURS = {OBSERVED: MUTED, UNATTENUATED: ACCENT_MID, UNSELECTED: ACCENT_MID, POOLED: ACCENT}
_HOLLOW = (OBSERVED, UNATTENUATED)
"""Their points are rings: two neighbours differ in colour, in filling or in both."""


def ladder(found: Sequence[Technique]) -> Figure | None:
    """Raw, corrected and pooled validity of every technique, the literature behind it."""
    if not found:
        return None
    rows, height = stack(((one.label, _head_numbers(one)), _rung_lanes(one)) for one in found)
    bands = _literature_bands(found)
    alt = "Validity by technique, 95 % intervals in brackets. " + "; ".join(_ladder_words(one) for one in found)
    ends = pd.concat([rows["lo"], rows["hi"], bands["lo"], bands["hi"]]).dropna()
    domain = (min(-0.1, float(ends.min())), max(0.6, float(ends.max()))) if len(ends) else (-0.2, 0.6)
    axis = charts.correlation_axis("Correlation with later performance")
    return Figure(
        id="forest",
        title="From what was seen to what it says, technique by technique",
        alt=alt,
        table=_ladder_table(found),
        chart=charts.lanes(charts.Lanes(rows, height, bands), alt, axis=axis, domain=domain),
        note=_ladder_note(found),
    )


def _ladder_note(found: Sequence[Technique]) -> str:
    towards = pooled_towards(found)
    pooled = f"Pooled: drawn towards {towards}; read this one. " if towards else ""
    return (
        "Lines are 95 % intervals. Observed: correlation of score and later rating among reviewed hires. Rating error "
        "out: corrected for error in the ratings. Selection out too: corrected for who was hired, with the scores of "
        f"applicants, hired or not. {pooled}Grey band: four in five firms, its mark the mean ({LITERATURE_LABEL}); "
        "behind the observed value a mark only, the mean of uncorrected values (McDaniel et al. 1994). The order is "
        "alphabetical and ranks nothing."
    )


def _head_numbers(one: Technique) -> str:
    return f"{one.verdict} · n {people(one.n)}" if one.n is not None else one.verdict


def _rung_lanes(one: Technique) -> list[dict[str, Any]]:
    """A lane a rung; one lane where there is no number at all."""
    shown = [OBSERVED] if one.is_refused else list(RUNGS)
    return [
        lane(0.0, RUNGS[rung], one.rungs[rung], one.rungs[rung].text() or _refused(one.rungs[rung]), _COLOURS[rung],
              hollow=rung in _HOLLOW)
        for rung in shown
    ]  # fmt: skip


def _refused(rung: Rung) -> str:
    return "too wide to say" if rung.reason.startswith("too wide") else "refused"


def _literature_bands(found: Sequence[Technique]) -> pd.DataFrame:
    """The band of corrected values behind the corrected rungs, the mean of observed ones behind the observed."""
    rows, at = [], 0.0
    for one in found:
        first = at + HEAD_HEIGHT
        last = first + LANE_HEIGHT * (1 if one.is_refused else len(RUNGS))
        at = last + GAP
        band, mean = one.literature, words.PUBLISHED_OBSERVED_R.get(one.key)
        if one.is_refused:
            continue
        if band is not None:
            lo, hi = (band.value if one is None else one for one in (band.lo, band.hi))
            rows.append((lo, hi, band.value, first + LANE_HEIGHT, last))
        if mean is not None:
            rows.append((mean, mean, mean, first + 3, first + LANE_HEIGHT - 3))
    return pd.DataFrame(rows, columns=["lo", "hi", "value", "y", "y_end"], dtype=float)


def _ladder_words(one: Technique) -> str:
    if one.is_refused:
        return f"{one.label}: {one.verdict}, {one.refusal}"
    rungs = ", ".join(
        f"{name.lower()} {one.rungs[rung].text() or _refused(one.rungs[rung])}" for rung, name in RUNGS.items()
    )
    return f"{one.label}: {rungs}, n {people(one.n)}, {one.verdict}"


def _ladder_table(found: Sequence[Technique]) -> Table:
    return Table(
        heads=("Technique", *RUNGS.values(), "Literature", "Reviewed hires", "Applicants", "Verdict", "Why refused"),
        rows=tuple(
            (
                one.label,
                *(one.rungs[rung].text() or words.NOTHING for rung in RUNGS),
                _literature_text(one),
                people(one.n),
                people(one.n_applicants),
                one.verdict,
                one.refusal,
            )
            for one in found
        ),
        numeric=frozenset(range(1, 8)),
        below=frozenset({9}),
    )


def _literature_text(one: Technique) -> str:
    if one.literature is None or one.is_refused:
        return words.NOTHING
    band = one.literature
    value = correlation(band.value)
    if band.lo is None or band.hi is None:
        return value
    return f"{value} [{correlation(band.lo)}, {correlation(band.hi)}]"
