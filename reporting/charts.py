"""The charts: prepared rows in, Altair charts out. Every label and number stands beside its mark.

Rows have two lines, the name and numbers above, the mark below, so that a chart reads the same at 390 and 900 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from reporting.theme import ACCENT, ACCENT_SOFT, CONFIG, FAINT, INK, MUTED, SURFACE, WARM, for_picture

ROW_HEIGHT = 54
HIGHEST_SCORE = 1.0
"""Scores run from 0 to 1; the bin that begins here holds the highest score only."""
PICTURE_WIDTH, PICTURE_PADDING = 760, 20
BAND_OPACITY = 0.32
"""Of the grey bands behind lanes."""
_MARK_BELOW, _TEXT_ABOVE = 11, -9
_SPAN: dict[str, Any] = {"strokeWidth": 3, "strokeCap": "round", "opacity": 1}
"""The line of an interval; opaque, because a paler one is lost on a screen in the sun."""
_BAND: dict[str, Any] = {"color": ACCENT, "opacity": 1, "fillOpacity": 0.16, "stroke": ACCENT, "strokeOpacity": 0.7}

Chart = alt.LayerChart | alt.Chart | alt.FacetChart

LANES_LEFT = "width < 400 ? 98 : 150"
LANES_RIGHT = "width < 400 ? width - 92 : width - 130"
_LABEL, _NUMBERS, _TO_HI = alt.Text("label:N"), alt.Text("numbers:N"), alt.Y2("hi:Q")
_STEPS_OF_DATES = (1, 2, 3, 6, 12, 24, 36, 60, 120)
"""Months between two dates of an axis."""
_CORRELATION_LABEL = "datum.value == 0 ? '0' : replace(replace(format(datum.value, '.1f'), '0.', '.'), '-', '−')"
_SIGNED_LABEL = "datum.value == 0 ? '0' : replace(format(datum.value, '+.1f'), '-', '−')"
_PERCENT_LABEL = "format(datum.value * 100, '.0f') + '%'"


@dataclass(frozen=True)
class Lanes:
    """Rows of a lane chart, from the top: heads without a mark, and lanes with one.

    Attributes
    ----------
    rows
        Columns y, is_head, label, numbers, value, lo, hi, colour, fill.
    height
        Sum of the heights of all rows; y runs from 0 to it.
    bands
        Grey areas and their ticks behind the lanes: columns lo, hi, value (may be null), y, y_end.
    """

    rows: pd.DataFrame
    height: float
    bands: pd.DataFrame


def lanes(made: Lanes, description: str, *, axis: alt.Axis, domain: Sequence[float], has_bars: bool = False) -> Chart:
    """Names at the left, marks in the middle, numbers at the right, as in a classic forest plot."""
    scale = alt.Scale(domain=list(domain), nice=False, range=[alt.ExprRef(LANES_LEFT), alt.ExprRef(LANES_RIGHT)])
    x = alt.X("value:Q", scale=scale, axis=axis)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[0, made.height], reverse=True, nice=False), axis=None)
    base = alt.Chart(made.rows).encode(y=y)
    measured = base.transform_filter("isValid(datum.value)")
    colour = alt.Stroke("colour:N", scale=None)
    spans = measured.mark_rule(**_SPAN).encode(
        x=alt.X("lo:Q", scale=scale, axis=axis), x2=alt.X2("hi:Q"), stroke=colour
    )
    points = measured.mark_point(size=80, strokeWidth=2.2, opacity=1).encode(
        x=x, stroke=colour, fill=alt.Fill("fill:N", scale=None)
    )
    start = alt.Chart(pd.DataFrame({"value": [0.0]})).mark_rule(color=MUTED, strokeWidth=1).encode(x=x)
    behind = [_lane_bars(measured, x)] if has_bars else []
    layers = [*_lane_bands(made, x, y), start, *behind, spans, points, *_lane_texts(base)]
    return _finish(alt.layer(*layers), description, height=int(made.height))


def _lane_bars(measured: alt.Chart, x: alt.X) -> alt.Chart:
    made: alt.Chart = measured.mark_rule(color=ACCENT_SOFT, strokeWidth=13, opacity=0.6).encode(x=x, x2=alt.X2Datum(0))
    return made


def _lane_bands(made: Lanes, x: alt.X, y: alt.Y) -> tuple[alt.Chart, ...]:
    if made.bands.empty:
        return ()
    base = alt.Chart(made.bands).encode(y=y, y2=alt.Y2("y_end:Q"))
    area = base.mark_rect(color=FAINT, opacity=BAND_OPACITY).encode(
        x=alt.X("lo:Q", scale=x["scale"], axis=x["axis"]), x2=alt.X2("hi:Q")
    )
    return area, base.mark_rule(color=MUTED, strokeWidth=2).encode(x=x)


def _lane_texts(base: alt.Chart) -> tuple[alt.Chart, ...]:
    left, right = alt.value(0), alt.value("width")
    heads, rest = base.transform_filter("datum.is_head"), base.transform_filter("!datum.is_head")
    head, small = alt.ExprRef("width < 400 ? 13 : 14"), alt.ExprRef("width < 400 ? 11 : 12.5")
    halo: dict[str, Any] = {"stroke": SURFACE, "strokeWidth": 5, "strokeJoin": "round"}
    return (
        heads.mark_text(align="left", fontWeight=600, fontSize=head, color=SURFACE, **halo).encode(x=left, text=_LABEL),
        heads.mark_text(align="left", fontWeight=600, fontSize=head).encode(x=left, text=_LABEL),
        heads.mark_text(align="right", color=MUTED, fontSize=small).encode(x=right, text=_NUMBERS),
        rest.mark_text(align="left", color=MUTED, fontSize=small).encode(x=left, text=_LABEL),
        rest.mark_text(align="right", fontSize=small).encode(x=right, text=_NUMBERS),
    )


def correlation_axis(title: str) -> alt.Axis:
    return alt.Axis(title=title, labelExpr=_CORRELATION_LABEL, tickCount=6, titleAnchor="start", labelOverlap=True)


def percent_axis(title: str) -> alt.Axis:
    return alt.Axis(title=title, labelExpr=_PERCENT_LABEL, tickCount=5, titleAnchor="start", labelOverlap=True)


def scatter(rows: pd.DataFrame, description: str, *, domain: Sequence[float], ticks: Sequence[float]) -> Chart:
    """Mean rating with interval per score bin, the region without hires ghosted, applicants as bars below.

    Columns score_lo, score_hi, middle, mean_rating, lo, hi, is_never_hired, floor, top (of the applicants' bar).
    """
    ends = [float(rows["score_lo"].min()), float(rows["score_hi"].max())]
    scale: dict[str, Any] = {"scale": alt.Scale(domain=ends, nice=False, zero=False), "axis": _score_axis(rows)}
    y_axis = alt.Axis(title=None, values=list(ticks), labelExpr=_SIGNED_LABEL)
    y: dict[str, Any] = {"scale": alt.Scale(domain=list(domain), nice=False, zero=False), "axis": y_axis}
    wide = alt.Chart(rows).encode(x=alt.X("score_lo:Q", **scale), x2=alt.X2("score_hi:Q"))
    middle = alt.Chart(rows).transform_filter("isValid(datum.mean_rating)").encode(x=alt.X("middle:Q", **scale))
    ghost = wide.transform_filter("datum.is_never_hired").mark_rect(color=FAINT, opacity=0.28)
    applicants = wide.mark_rect(color=ACCENT_SOFT, opacity=0.55, stroke=SURFACE, strokeWidth=1)
    spans = middle.mark_rule(color=ACCENT, **_SPAN)
    layers = [
        ghost.encode(y=alt.value(0), y2=alt.value("height")),
        applicants.encode(y=alt.Y("floor:Q", **y), y2=alt.Y2("top:Q")),
        spans.encode(y=alt.Y("lo:Q", **y), y2=_TO_HI),
        middle.mark_point(color=ACCENT, fill=ACCENT, size=70, opacity=1).encode(y=alt.Y("mean_rating:Q", **y)),
    ]
    return _finish(alt.layer(*layers), description, height=300)


def _score_axis(rows: pd.DataFrame) -> alt.Axis:
    """Ticks at quarters of the scale; the highest score, which is a bin of its own, is named in its middle."""
    top = rows.loc[rows["score_lo"] >= HIGHEST_SCORE, "middle"].astype(float).tolist()
    below = [0, 0.25, 0.5, 0.75] if top else [0, 0.25, 0.5, 0.75, HIGHEST_SCORE]
    return alt.Axis(
        title="Score in the interview",
        values=[*below, *top],
        labelExpr=f"datum.value > {HIGHEST_SCORE} ? 'top' : format(datum.value, '.2~f')",
        grid=False,
        titleAnchor="start",
    )


_RHO_AXIS = alt.Axis(
    title="ρ of unrecorded information and performance",
    labelExpr=_CORRELATION_LABEL,
    values=[0, 0.1, 0.2, 0.3, 0.4, 0.5],
    grid=False,
    titleAnchor="start",
)


def sensitivity(
    curve: pd.DataFrame, description: str, *, observed: float, union: tuple[float, float], tipping: float | None
) -> Chart:
    """Validity over the correlation of unrecorded information: columns setting, value, lo, hi."""
    union_at = float(curve["setting"].max()) + 0.04
    low = min(0.0, observed, float(curve["lo"].min()), union[0])
    high = max(observed, float(curve["hi"].max()), union[1])
    x = alt.X("setting:Q", scale=alt.Scale(domain=[0, union_at + 0.02], nice=False), axis=_RHO_AXIS)
    y_axis = alt.Axis(title=None, labelExpr=_CORRELATION_LABEL, tickCount=5)
    y: dict[str, Any] = {"scale": alt.Scale(domain=[low - 0.04, high + 0.08], nice=False), "axis": y_axis}
    base = alt.Chart(curve).encode(x=x)
    zero = alt.Chart(pd.DataFrame({"value": [0.0]})).mark_rule(color=MUTED, strokeWidth=1.2)
    layers = [
        base.mark_area(**_BAND).encode(y=alt.Y("lo:Q", **y), y2=_TO_HI),
        zero.encode(y=alt.Y("value:Q", **y)),
        base.mark_line(color=ACCENT, strokeWidth=2.5).encode(y=alt.Y("value:Q", **y)),
        *(layer.encode(x=x) for layer in _sensitivity_marks(observed, union, union_at, tipping, low)),
    ]
    return _finish(alt.layer(*layers), description, height=260)


def _sensitivity_marks(
    observed: float, union: tuple[float, float], union_at: float, tipping: float | None, low: float
) -> Iterator[alt.Chart]:
    """The uncorrected value as a dashed line, the union interval as a bracket, the tipping point as a rule."""
    raw = alt.Chart(pd.DataFrame({"setting": [0.0, union_at - 0.04], "value": observed}))
    yield raw.mark_line(color=MUTED, strokeDash=[2, 4], strokeWidth=2).encode(y=alt.Y("value:Q"))
    name = alt.Chart(pd.DataFrame({"setting": [0.005], "value": [observed], "label": ["observed, uncorrected"]}))
    yield name.mark_text(align="left", dy=-7, fontSize=11.5, color=MUTED).encode(y=alt.Y("value:Q"), text=_LABEL)
    span = alt.Chart(pd.DataFrame({"setting": [union_at], "lo": [union[0]], "hi": [union[1]]}))
    yield span.mark_rule(color=WARM, strokeWidth=4, strokeCap="round").encode(y=alt.Y("lo:Q"), y2=_TO_HI)
    if tipping is not None:
        at = alt.Chart(pd.DataFrame({"setting": [tipping], "value": [low], "label": ["interval meets 0"]}))
        yield at.mark_rule(color=WARM, strokeDash=[4, 4], strokeWidth=1.5)
        yield at.mark_text(align="left", dx=6, dy=-4, fontSize=11.5, color=INK).encode(y=alt.Y("value:Q"), text=_LABEL)


def fan(rows: pd.DataFrame, description: str, *, target: tuple[float, float], domain: Sequence[float]) -> Chart:
    """An interval that narrows as hires are reviewed: columns at (date), value, lo, hi; dashed: narrow enough."""
    x = alt.X("at:T", axis=_dates(rows["at"]))
    scale = alt.Scale(domain=list(domain), nice=False)
    axis = alt.Axis(title=None, labelExpr=_CORRELATION_LABEL, tickCount=4)
    base = alt.Chart(rows).encode(x=x)
    edges = alt.Chart(pd.DataFrame({"value": list(target)})).mark_rule(color=WARM, strokeDash=[4, 4], strokeWidth=1.2)
    y = alt.Y("value:Q", scale=scale, axis=axis)
    return _finish(
        alt.layer(
            base.mark_area(**_BAND).encode(y=alt.Y("lo:Q", scale=scale, axis=axis), y2=_TO_HI),
            base.mark_line(color=ACCENT, strokeWidth=2).encode(y=y),
            edges.encode(y=y),
        ),
        description,
        height=130,
    )


def _dates(at: pd.Series, most: int = 4) -> alt.Axis:
    """At most so many dates, evenly apart, so that they do not touch in a narrow card; years alone where they do."""
    days = pd.to_datetime(at)
    first, last = days.min(), days.max()
    months = range(12 * first.year + first.month - (first.day == 1), 12 * last.year + last.month)
    chosen = (([month for month in months if month % step == 0], step) for step in _STEPS_OF_DATES)
    shown, step = next((one for one in chosen if len(one[0]) <= most), ([], 12))
    return alt.Axis(
        title=None,
        format="%Y" if step >= 12 else "%b %y",
        values=[alt.DateTime(year=month // 12, month=month % 12 + 1, date=1) for month in shown],
        grid=False,
        labelOverlap=True,
        labelSeparation=5,
    )


def bars(rows: pd.DataFrame, description: str) -> Chart:
    """One bar per row on a ghost of the whole: columns label, n, whole, numbers."""
    scale = alt.Scale(domain=[0, max(1.0, float(rows["whole"].max()))], nice=False)
    base = alt.Chart(rows).encode(y=_rows(rows["label"]))
    style: dict[str, Any] = {"size": 12, "cornerRadius": 3, "yOffset": _MARK_BELOW}
    return _finish(
        alt.layer(
            base.mark_bar(color=ACCENT_SOFT, opacity=0.35, **style).encode(x=alt.X("whole:Q", scale=scale, axis=None)),
            base.mark_bar(color=ACCENT, **style).encode(x=alt.X("n:Q", scale=scale, axis=None)),
            *_row_texts(base),
        ),
        description,
        len(rows),
    )


def rates(rows: pd.DataFrame, description: str, title: str) -> Chart:
    """A rate with its interval per row on a scale from 0 to 100 %: columns label, value, lo, hi, numbers."""
    axis = alt.Axis(title=title, labelExpr=_PERCENT_LABEL, values=[0, 0.25, 0.5, 0.75, 1], titleAnchor="start")
    x = alt.X("value:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    base = alt.Chart(rows).encode(y=_rows(rows["label"]))
    measured = base.transform_filter("isValid(datum.value)")
    return _finish(
        alt.layer(
            measured.mark_rule(color=ACCENT, yOffset=_MARK_BELOW, **_SPAN).encode(x=alt.X("lo:Q"), x2="hi:Q"),
            measured.mark_point(color=ACCENT, fill=ACCENT, size=90, opacity=1, yOffset=_MARK_BELOW).encode(x=x),
            *_row_texts(base),
        ),
        description,
        len(rows),
    )


def trend(rows: pd.DataFrame, description: str, *, highest: float, height: int = 130) -> Chart:
    """A rate over time with its interval as a band: columns at (date), value, lo, hi."""
    x = alt.X("at:T", axis=_dates(rows["at"]))
    scale = alt.Scale(domain=[0, highest], nice=False)
    axis = alt.Axis(title=None, labelExpr=_PERCENT_LABEL, tickCount=3)
    base = alt.Chart(rows).encode(x=x)
    last = base.transform_filter("datum.is_last")
    y = alt.Y("value:Q", scale=scale, axis=axis)
    return _finish(
        alt.layer(
            base.mark_area(**_BAND).encode(y=alt.Y("lo:Q", scale=scale, axis=axis), y2=_TO_HI),
            base.mark_line(color=ACCENT, strokeWidth=2).encode(y=y),
            base.mark_point(color=ACCENT, fill=SURFACE, size=30, strokeWidth=1.5, opacity=1).encode(y=y),
            last.mark_point(color=ACCENT, fill=ACCENT, size=45, opacity=1).encode(y=y),
        ),
        description,
        height=height,
    )


def cumulative(rows: pd.DataFrame, description: str, *, line_at: float, line_label: str) -> Chart:
    """Share of scorecards in by hour: columns hours, share; a vertical line at the agreed limit."""
    x = alt.X(
        "hours:Q",
        scale=alt.Scale(domain=[0, float(rows["hours"].max())], nice=False),
        axis=alt.Axis(title="Hours since the interview ended", values=[0, 24, 48, 72, 96, 120], titleAnchor="start"),
    )
    y = alt.Y(
        "share:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title=None, labelExpr=_PERCENT_LABEL, tickCount=5)
    )
    at_limit = rows[rows["hours"] == line_at].assign(label=line_label)
    curve, limit = alt.Chart(rows), alt.Chart(at_limit)
    return _finish(
        alt.layer(
            curve.mark_area(color=ACCENT, opacity=0.10, interpolate="monotone").encode(x=x, y=y),
            limit.mark_rule(color=WARM, strokeDash=[4, 4], strokeWidth=1.5).encode(x=x),
            curve.mark_line(color=ACCENT, strokeWidth=2.5, interpolate="monotone").encode(x=x, y=y),
            limit.mark_point(color=WARM, fill=WARM, size=80, opacity=1).encode(x=x, y=y),
            limit.mark_text(align="left", dx=10, dy=16, fontWeight=600, color=INK).encode(x=x, y=y, text=_LABEL),
        ),
        description,
        height=260,
    )


def shares_grid(rows: pd.DataFrame, description: str, *, columns: Sequence[str], lines: Sequence[str]) -> Chart:
    """A grid of shares, darker where larger, the share written in each cell: columns column, line, share, text."""
    x = alt.X("column:N", sort=list(columns), axis=alt.Axis(title=None, orient="top", labelAngle=0))
    y = alt.Y("line:N", sort=list(lines), axis=alt.Axis(title=None, grid=False))
    base = alt.Chart(rows).encode(x=x, y=y)
    opacity = alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.05, 0.7]), legend=None)
    return _finish(
        alt.layer(
            base.mark_rect(color=ACCENT, cornerRadius=3, stroke=SURFACE, strokeWidth=3).encode(opacity=opacity),
            base.mark_text(fontSize=12, color=INK).encode(text="text:N"),
        ),
        description,
        height=38 * len(lines),
    )


def two_counts(rows: pd.DataFrame, description: str) -> Chart:
    """Two counts per month: bars for the first, points for the second; columns at, first, second."""
    months = _dates(rows["at"], most=6)
    counts = alt.Axis(title=None, tickCount=4, tickMinStep=1)
    base = alt.Chart(rows)
    return _finish(
        alt.layer(
            base.mark_bar(color=ACCENT_SOFT, cornerRadiusEnd=2).encode(
                x=alt.X("at:T", timeUnit="yearmonth", axis=months), y=alt.Y("first:Q", axis=counts)
            ),
            base.mark_point(color=WARM, fill=WARM, size=40, opacity=1).encode(
                x=alt.X("at:T", timeUnit="yearmonth", bandPosition=0.5, axis=months), y=alt.Y("second:Q", axis=counts)
            ),
        ),
        description,
        height=200,
    )


def png(chart: Chart, *, scale: float = 2.0) -> bytes:
    """The chart as a PNG in the light colours, 760 pixels wide times `scale`; drawn offline."""
    specification = for_picture(chart.to_dict())
    specification |= {"width": PICTURE_WIDTH, "padding": PICTURE_PADDING}
    return bytes(vl_convert.vegalite_to_png(specification, scale=scale))


def _rows(labels: pd.Series) -> alt.Y:
    return alt.Y("label:N", sort=labels.tolist(), axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))


def _row_texts(base: alt.Chart) -> tuple[alt.Chart, alt.Chart]:
    """The name at the left and the numbers at the right, both above the mark; smaller on a phone."""
    size = alt.ExprRef("width < 400 ? 12 : 13")
    return (
        base.mark_text(align="left", dy=_TEXT_ABOVE, fontWeight=600, fontSize=size).encode(x=alt.value(0), text=_LABEL),
        base.mark_text(align="right", dy=_TEXT_ABOVE, color=MUTED, fontSize=size).encode(
            x=alt.value("width"), text=_NUMBERS
        ),
    )


def _finish(chart: Any, description: str, n_rows: int = 0, height: int | None = None) -> Chart:
    sized: Chart = chart.properties(
        width="container", height=height or ROW_HEIGHT * max(1, n_rows), description=description
    ).configure(**CONFIG)
    return sized
