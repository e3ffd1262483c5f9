"""The figures of the decisions: what dropping a technique would lose and save, and when the answer will be sharp."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from reporting import charts
from reporting.figures import Figure, Panel, Table
from reporting.findings import Findings, Power
from reporting.ladder import OBSERVED, UNSELECTED, Rung
from reporting.lanes import NO_BANDS, lane, stack
from reporting.theme import ACCENT
from reporting.words import correlation, count, people, percent, percent_interval, plural


def dropping(found: Sequence[Findings]) -> Figure | None:
    """What dropping each technique alone would lose, beside the hours it would save."""
    if not any(one.loss.lost.value is not None for one in found):
        return None
    known = [one for one in found if not one.technique.is_refused]
    rows, height = stack(((one.technique.label, ""), _lanes(one)) for one in known)
    alt = "Share of performance that would be lost if only this technique were dropped. " + "; ".join(
        f"{one.technique.label}: would lose {_loss_text(one)}, would save {_hours(one)}" for one in known
    )
    highest = max(0.05, float(rows["hi"].max()))
    axis = charts.percent_axis("Share of performance lost")
    return Figure(
        id="dropping",
        title="What dropping one would lose, and what it would save",
        alt=alt,
        table=_dropping_table(known),
        chart=charts.lanes(charts.Lanes(rows, height, NO_BANDS), alt, axis=axis, domain=(0, highest)),
        note=_dropping_note(known),
    )


def _lanes(one: Findings) -> list[dict[str, Any]]:
    return [
        lane(0.0, "Would lose", one.loss.lost, _loss_text(one), ACCENT),
        lane(0.0, "Would save", Rung(None), _hours(one), ACCENT),
    ]


def _loss_text(one: Findings) -> str:
    lost = one.loss.lost
    if lost.value is None:
        return "refused"
    return f"{percent(lost.value)} {percent_interval(lost.lo, lost.hi)}"


def _hours(one: Findings) -> str:
    if one.loss.hours is None:
        return "hours not known"
    share = "" if one.loss.hours_share is None else f" ({percent(one.loss.hours_share)})"
    return f"{count(round(one.loss.hours))} h a year{share}"


def _dropping_note(known: Sequence[Findings]) -> str:
    return (
        "Would lose (ΔR²): how much less of the differences in performance the remaining techniques would explain, "
        f"corrected for rating error and selection, with 95 % interval. {_together(known)}A loss is never below 0, "
        "also of a technique that adds nothing, so an interval above 0 does not show that it adds something. "
        "Techniques that measure the same thing each lose little alone: drop two and the loss is more than the sum. "
        "Hours are those of interviewers in the last 12 months, in brackets the share of all. Fewer interviews also "
        "change who is hired, which no number here holds."
    )


def _together(known: Sequence[Findings]) -> str:
    """What the compared techniques explain together, here and in new data."""
    loss = next((one.loss for one in known if one.loss.r2_all is not None), None)
    if loss is None:
        return ""
    said = f"The techniques compared explain {percent(loss.r2_all)} of it together"
    if loss.r2_new is None:
        return f"{said}, to which chance adds. "
    return f"{said}, to which chance adds; in new data it would be about {percent(max(0.0, loss.r2_new))} (a formula). "


def _dropping_table(known: Sequence[Findings]) -> Table:
    return Table(
        heads=(
            "Technique",
            "Observed r",
            "Would lose (ΔR²)",
            "95 % interval",
            "Hours a year",
            "Share of hours",
            "Note",
        ),
        rows=tuple(
            (
                one.technique.label,
                one.technique.rungs[OBSERVED].text(),
                percent(one.loss.lost.value),
                percent_interval(one.loss.lost.lo, one.loss.lost.hi) if one.loss.lost.value is not None else "",
                count(one.loss.hours),
                percent(one.loss.hours_share),
                one.loss.lost.reason if one.loss.lost.value is None else "",
            )
            for one in known
        ),
        numeric=frozenset(range(1, 6)),
        below=frozenset({6}),
    )


def precision(found: Sequence[Findings], as_of: pd.Timestamp | None) -> Panel | None:
    """The interval of each technique as it narrows with hires (half-width ∝ 1/√n)."""
    made = [
        figure
        for one in found
        if as_of is not None and one.power is not None and (figure := _fan(one, one.power, as_of)) is not None
    ]
    if not made:
        return None
    return Panel(
        title="When will we know?",
        note="Today's value with its interval, and how the interval narrows if hires go on being reviewed at the "
        "present rate (half-width falls with the root of their number). Dashed: narrow enough. The value itself will "
        "move.",
        figures=tuple(made),
    )


def _fan(findings: Findings, power: Power, as_of: pd.Timestamp) -> Figure | None:
    one = findings.technique
    rung = UNSELECTED if one.rungs[UNSELECTED].value is not None else OBSERVED
    centre = one.rungs[rung].value
    if centre is None:
        return None
    rows = _fan_rows(power, centre, as_of)
    name = "corrected for rating error and selection" if rung == UNSELECTED else "observed"
    note = f"{name.capitalize()} {correlation(centre)}, ±{correlation(power.half_width)} with {people(power.n)} hires"
    if rung != OBSERVED:
        note += f" (observed r {correlation(one.rungs[OBSERVED].value)})"
    alt = f"{one.label}: {note}. {_when(power)}"
    return Figure(
        id=f"precision-{one.key}",
        title=one.label,
        alt=alt,
        table=_fan_table(power, rows),
        chart=charts.fan(rows.drop(columns="n"), alt, target=(centre - power.target, centre + power.target),
                         domain=(min(-0.2, centre - power.half_width), max(0.6, centre + power.half_width))),
        note=f"{note}. {_when(power)}",
    )  # fmt: skip


def _fan_rows(power: Power, centre: float, as_of: pd.Timestamp) -> pd.DataFrame:
    years = 5.0
    if power.precision_on is not None:
        until = (power.precision_on - as_of.tz_localize(None)).days / 365.25
        years = min(15.0, max(1.0, 1.15 * until))
    steps = [years * k / 16 for k in range(17)]
    hires = [power.n + power.hires_per_year * step for step in steps]
    half = [power.half_width * (power.n / n) ** 0.5 for n in hires]
    at = [(as_of + pd.Timedelta(days=365.25 * step)).strftime("%Y-%m-%d") for step in steps]
    return pd.DataFrame(
        {"at": at, "value": centre, "lo": [centre - h for h in half], "hi": [centre + h for h in half], "n": hires}
    )


def _fan_table(power: Power, rows: pd.DataFrame) -> Table:
    chosen = rows.iloc[[0, 4, 8, 12, 16]]
    return Table(
        heads=("When", "Reviewed hires", "Half-width"),
        rows=tuple(
            (
                f"{pd.Timestamp(str(row.at)):%B %Y}",
                people(row.n),
                f"±{correlation(width)}",
            )
            for row, width in zip(chosen.itertuples(), chosen["hi"] - chosen["value"], strict=True)
        ),
        numeric=frozenset({1, 2}),
    )


def _when(power: Power) -> str:
    target = f"±{correlation(power.target)}"
    if power.is_reached:
        return "Narrow enough already."
    if power.precision_on is None:
        return f"{target} is not in sight: {power.reason}."
    more = "" if power.n_needed is None else f" with {plural(power.n_needed, 'hire')}"
    return f"{target} by {power.precision_on:%B %Y}{more}."
