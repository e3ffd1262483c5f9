"""The figures of one technique: what to expect by thirds, rating by score, the value under other assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from reporting import charts, words
from reporting.charts import HIGHEST_SCORE
from reporting.figures import Figure, Table
from reporting.findings import Findings, Share
from reporting.ladder import OBSERVED, Rung, Technique
from reporting.lanes import NO_BANDS, lane, stack
from reporting.theme import ACCENT
from reporting.words import correlation, correlation_interval, people, percent

_AS_SEEN, _EXPECTED = "Hires, as seen", "Applicants, expected"
_DO_WELL = {
    _AS_SEEN: "rated above the average of colleagues judged in the same way",
    _EXPECTED: "had everybody been hired who reached the stage, better than the middle applicant among them",
}
NO_WIDTH = 0.005
"""An interval narrower than this is that of a share that no correlation moves: there is none."""
_THIRDS = {3: "Top third", 2: "Middle third", 1: "Lowest third"}
_OTHER_ASSUMPTIONS = {
    "rejected_worse_by": "The rejected would do {} SD worse than hires with the same score",
    "reliability_rung_2": "Corrected for rating error only, one rater's reliability {}",
}


def expectancy(findings: Findings) -> Figure | None:
    """How many of 100 do well, by third of the score: seen among hires, expected among applicants."""
    groups = ((_AS_SEEN, findings.observed), (_EXPECTED, findings.expected))
    known = [group for group in groups if any(share.share.value is not None for share in group[1])]
    if not known:
        return None
    one = findings.technique
    rows, height = stack(
        ((name, _base_rate(shares)), [_share_lane(share) for share in shares]) for name, shares in known
    )
    alt = f"{one.label}, people who do well out of 100 by third of the score: " + "; ".join(
        f"{name.lower()} ({_DO_WELL[name]}): {', '.join(_share_words(share) for share in shares)}"
        for name, shares in known
    )
    chart = charts.lanes(
        charts.Lanes(rows, height, NO_BANDS), alt, axis=charts.percent_axis("Do well"), domain=(0, 1), has_bars=True
    )
    return Figure(
        id=f"expectancy-{one.key}",
        title="Of 100 people, how many do well",
        alt=alt,
        table=_expectancy_table(known),
        chart=chart,
        note=f"Hires, as seen: {_DO_WELL[_AS_SEEN]}. Applicants, expected: {_DO_WELL[_EXPECTED]}, rating error aside, "
        "if the pooled value holds; half of them are, by definition. The two yardsticks differ: compare the thirds "
        f"within a group, not the groups. Observed r {one.rungs[OBSERVED].text()}.",
    )


def _share_lane(share: Share) -> dict[str, Any]:
    return lane(0.0, _THIRDS[share.third], share.share, _share_text(share), ACCENT)


def _share_text(share: Share) -> str:
    rung = share.share
    if rung.value is None:
        return "too few"
    return f"{100 * rung.value:.0f} {_of_100(rung)}".strip()


def _of_100(rung: Rung) -> str:
    """The interval in whole people of 100; none for the middle third, which a correlation does not move."""
    if rung.lo is None or rung.hi is None or rung.hi - rung.lo < NO_WIDTH:
        return ""
    return f"[{100 * rung.lo:.0f}, {100 * rung.hi:.0f}]"


def _share_words(share: Share) -> str:
    return f"{_THIRDS[share.third].lower()} {_share_text(share)}"


def _base_rate(shares: Sequence[Share]) -> str:
    base = next((share.base_rate for share in shares if share.base_rate is not None), None)
    return "" if base is None else f"{100 * base:.0f} over all"


def _expectancy_table(groups: Sequence[tuple[str, tuple[Share, ...]]]) -> Table:
    return Table(
        heads=("Who", "Third", "Do well", "95 % interval", "Over all thirds", "Reviewed hires behind it"),
        rows=tuple(
            (
                name,
                _THIRDS[share.third],
                percent(share.share.value),
                _of_100(share.share) if share.share.value is not None else "",
                percent(share.base_rate),
                people(share.n),
            )
            for name, shares in groups
            for share in shares
        ),
        numeric=frozenset({2, 3, 4, 5}),
    )


def scatter(findings: Findings) -> Figure | None:
    """Mean rating by score with the region ghosted where nobody was hired."""
    bins = findings.bins
    is_shown = bins["status"].isin(["ok", "low_n"]) & bins["mean_rating"].notna()
    if not is_shown.any():
        return None
    rows, domain, ticks = _with_bars_below(_bin_rows(bins, is_shown), bins["n_applicants"].map(words.drawn))
    one = findings.technique
    alt = _scatter_words(one, bins, rows)
    return Figure(
        id=f"scatter-{one.key}",
        title="Rating by score, and where nobody was hired",
        alt=alt,
        table=_scatter_table(bins, is_shown),
        chart=charts.scatter(rows, alt, domain=domain, ticks=ticks),
        note="Points: mean rating of hires with that score, in standard deviations from their colleagues' mean, with "
        "95 % interval; only where at least ten hires were reviewed. Scores run from 0 (lowest) to 1 (highest), which "
        "has a column of its own (top). Grey columns: five or more applicants scored "
        "there and nobody was hired, so nobody knows. Bars below: how many applicants scored there.",
    )


def _bin_rows(bins: pd.DataFrame, is_shown: pd.Series) -> pd.DataFrame:
    ends = bins[["score_lo", "score_hi"]].astype(float)
    numbers = {name: pd.to_numeric(bins[name]).astype(float).where(is_shown) for name in ("mean_rating", "lo", "hi")}
    return ends.assign(middle=ends.mean(axis=1), is_never_hired=_is_never_hired(bins), **numbers)


def _is_never_hired(bins: pd.DataFrame) -> pd.Series:
    """Applicants scored there and nobody was hired; a count blanked because it is small is neither.

    Bins between the points of a rating scale hold a stray applicant or two and would look like a region.
    """
    hired, applicants = (pd.to_numeric(bins[name]).fillna(-1) for name in ("n_hired", "n_applicants"))
    return ((hired == 0) & (applicants > 0)).astype(bool)


def _with_bars_below(rows: pd.DataFrame, applicants: pd.Series) -> tuple[pd.DataFrame, list[float], list[float]]:
    """Room for the applicants' bars under the ratings, and ticks for the ratings only."""
    low, high = min(-0.2, float(rows["lo"].min())), max(0.2, float(rows["hi"].max()))
    span = high - low
    floor = low - 0.34 * span
    tallest = max(1, int(applicants.max()))
    made = rows.assign(floor=floor, top=floor + 0.26 * span * applicants.to_numpy(dtype=float) / tallest)
    step = next(step for step, widest in ((0.2, 1.2), (0.5, 2.4), (1.0, float("inf"))) if span < widest)
    ticks = [round(step * k, 1) for k in range(-9, 10) if low <= step * k <= high]
    return made, [floor, high + 0.05 * span], ticks


def _scatter_words(one: Technique, bins: pd.DataFrame, rows: pd.DataFrame) -> str:
    known = rows.dropna(subset=["mean_rating"])
    ghosts = rows[rows["is_never_hired"]]
    said = (
        f"{one.label}: mean rating of hires goes from {_z(known['mean_rating'].iloc[0])} at a score of "
        f"{_bin_name(known.iloc[0])} to {_z(known['mean_rating'].iloc[-1])} at {_bin_name(known.iloc[-1])}"
    )
    nobody = "there is no score range without hires"
    if len(ghosts):
        nobody = f"nobody was hired in {len(ghosts)} of {len(bins)} score ranges"
    return f"{said}; {nobody}."


def _bin_name(bin_: Any) -> str:
    """A score range without its upper end; the highest score of the scale is a range of its own."""
    if bin_.score_lo >= HIGHEST_SCORE:
        return f"{HIGHEST_SCORE:.0f} (top score)"
    return f"{bin_.score_lo:.3g} to below {bin_.score_hi:.3g}"


def _z(value: Any) -> str:
    if words.missing(value):
        return words.NOTHING
    rounded = round(float(value), 1)
    return "0.0" if rounded == 0 else f"{rounded:+.1f}".replace("-", "−")


def _scatter_table(bins: pd.DataFrame, is_shown: pd.Series) -> Table:
    return Table(
        heads=("Score", "Applicants", "Hired", "Reviewed", "Mean rating (SD)", "95 % interval"),
        rows=tuple(
            (
                _bin_name(row),
                people(row.n_applicants),
                people(row.n_hired),
                people(row.n_rated),
                _z(row.mean_rating) if shown else words.NOTHING,
                f"[{_z(row.lo)}, {_z(row.hi)}]" if shown else "",
            )
            for row, shown in zip(bins.itertuples(), is_shown, strict=True)
        ),
        numeric=frozenset(range(1, 6)),
    )


def sensitivity(findings: Findings) -> Figure | None:
    """The selection-corrected validity if decisions used information that nobody recorded."""
    found, one = findings.sensitivity, findings.technique
    observed = one.rungs[OBSERVED].value
    curve = found.curve[["setting", "value", "lo", "hi"]].astype(float).dropna()
    if len(curve) < 2 or observed is None:
        return None
    union = (float(curve["lo"].min()), float(curve["hi"].max()))
    first, last = curve.iloc[0], curve.iloc[-1]
    alt = (
        f"{one.label}: corrected validity {_text(first)} if nothing unrecorded entered the decisions, {_text(last)} at "
        f"ρ {correlation(last['setting'])}; observed, uncorrected {correlation(observed)}. "
        f"{_tipping_words(found.tipping, found.tried)}"
    )
    return Figure(
        id=f"sensitivity-{one.key}",
        title="If decisions used something nobody recorded",
        alt=alt,
        table=_sensitivity_table(findings, curve),
        chart=charts.sensitivity(curve, alt, observed=observed, union=union, tipping=found.tipping),
        note="Line and band: the value corrected for rating error and selection with its 95 % interval. ρ is unknown "
        "and cannot be estimated here; 0 means that the recorded scores hold everything that decided. Bar at the "
        f"right: the union of the intervals over ρ from 0 to {found.tried}. "
        f"{_tipping_words(found.tipping, found.tried)}",
    )


def _tipping_words(tipping: float | None, tried: str) -> str:
    if tipping is None:
        return f"The interval meets 0 at no ρ from 0 up to {tried}, and no other was tried."
    return f"The interval meets 0 at ρ {correlation(tipping)}."


def _text(row: Any) -> str:
    return f"{correlation(row['value'])} {correlation_interval(row['lo'], row['hi'])}"


def _sensitivity_table(findings: Findings, curve: pd.DataFrame) -> Table:
    found, raw = findings.sensitivity, findings.technique.rungs[OBSERVED]
    rows = [("Observed, uncorrected", correlation(raw.value), correlation_interval(raw.lo, raw.hi))]
    rows += [
        (f"Unrecorded information, ρ {correlation(row.setting)}", correlation(row.value),
         correlation_interval(row.lo, row.hi))
        for row in curve.itertuples()
    ]  # fmt: skip
    if found.union.lo is not None:
        rows.append(
            (
                f"Union over ρ from 0 to {found.tried}",
                words.NOTHING,
                correlation_interval(found.union.lo, found.union.hi),
            )
        )
    rows += [(_assumption(kind, setting), correlation(value), "") for kind, setting, value in found.others]
    return Table(("If", "Validity", "95 % interval"), tuple(rows), frozenset({1, 2}))


def _assumption(kind: str, setting: float | None) -> str:
    if kind.startswith("leniency_removed"):
        return "Raters' leniency taken out of the ratings"
    named = _OTHER_ASSUMPTIONS.get(kind, kind.replace("_", " ").capitalize() + " {}")
    return named.format("" if setting is None else f"{setting:.2f}".removeprefix("0")).strip()
