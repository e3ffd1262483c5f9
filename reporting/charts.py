"""The charts: prepared rows in, Altair charts out. Every label and number stands beside its mark.

Rows have two lines, the name and numbers above, the mark below, so that a chart reads the same at 390 and 900 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from reporting.theme import ACCENT, ACCENT_SOFT, CONFIG, FAINT, INK, MUTED, SURFACE, WARM, for_picture

ROW_HEIGHT = 54
PICTURE_WIDTH, PICTURE_PADDING = 760, 20
_MARK_BELOW, _TEXT_ABOVE = 11, -9

Chart = alt.LayerChart | alt.Chart | alt.FacetChart

_CORRELATION_LABEL = "replace(replace(format(datum.value, '.1f'), '0.', '.'), '-', '−')"
_PERCENT_LABEL = "format(datum.value * 100, '.0f') + '%'"


def forest(rows: pd.DataFrame, description: str) -> Chart:
    """Interval and point per row: columns label, value, lo, hi, numbers, fill, reference (may be null).

    A point filled with the accent: the interval leaves out 0, also after the correction for many techniques.
    """
    low = min(-0.1, rows["lo"].min()) if rows["lo"].notna().any() else -0.2
    high = max(0.5, rows["hi"].max()) if rows["hi"].notna().any() else 0.6
    axis = alt.Axis(
        title="Observed correlation with later performance",
        labelExpr=_CORRELATION_LABEL,
        tickCount=6,
        titleAnchor="start",
    )
    x = alt.X("value:Q", scale=alt.Scale(domain=[float(low), float(high)], nice=True), axis=axis)
    base = alt.Chart(rows).encode(y=_rows(rows["label"]))
    zero = alt.Chart(pd.DataFrame({"value": [0.0]})).mark_rule(color=FAINT, strokeWidth=1.5).encode(x=x)
    measured = base.transform_filter("isValid(datum.value)")
    tick = base.transform_filter("isValid(datum.reference)").mark_tick(
        color=MUTED, thickness=2, height=22, yOffset=_MARK_BELOW
    )
    spans = measured.mark_rule(color=ACCENT, strokeWidth=4, strokeCap="round", opacity=0.45, yOffset=_MARK_BELOW)
    points = measured.mark_point(color=ACCENT, size=110, strokeWidth=2.5, opacity=1, yOffset=_MARK_BELOW)
    fill = alt.Fill("fill:N", scale=None)
    return _finish(
        alt.layer(
            zero,
            tick.encode(x=alt.X("reference:Q")),
            spans.encode(x=alt.X("lo:Q"), x2="hi:Q"),
            points.encode(x=x, fill=fill),
            *_row_texts(base),
        ),
        description,
        len(rows),
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
            measured.mark_rule(
                color=ACCENT, strokeWidth=4, strokeCap="round", opacity=0.45, yOffset=_MARK_BELOW
            ).encode(x=alt.X("lo:Q"), x2="hi:Q"),
            measured.mark_point(color=ACCENT, fill=ACCENT, size=90, opacity=1, yOffset=_MARK_BELOW).encode(x=x),
            *_row_texts(base),
        ),
        description,
        len(rows),
    )


def trend(rows: pd.DataFrame, description: str, *, highest: float, height: int = 130) -> Chart:
    """A rate over time with its interval as a band: columns at (date), value, lo, hi."""
    x = alt.X("at:T", axis=alt.Axis(title=None, format="%b %y", grid=False, tickCount=4, labelOverlap=True))
    scale = alt.Scale(domain=[0, highest], nice=False)
    axis = alt.Axis(title=None, labelExpr=_PERCENT_LABEL, tickCount=3)
    base = alt.Chart(rows).encode(x=x)
    last = base.transform_filter("datum.is_last")
    y = alt.Y("value:Q", scale=scale, axis=axis)
    return _finish(
        alt.layer(
            base.mark_area(color=ACCENT, opacity=0.18).encode(y=alt.Y("lo:Q", scale=scale, axis=axis), y2="hi:Q"),
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
            limit.mark_text(align="left", dx=10, dy=16, fontWeight=600, color=INK).encode(x=x, y=y, text="label:N"),
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
    months = alt.Axis(title=None, format="%b %y", grid=False, tickCount=6, labelOverlap=True)
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
        base.mark_text(align="left", dy=_TEXT_ABOVE, fontWeight=600, fontSize=size).encode(
            x=alt.value(0), text="label:N"
        ),
        base.mark_text(align="right", dy=_TEXT_ABOVE, color=MUTED, fontSize=size).encode(
            x=alt.value("width"), text="numbers:N"
        ),
    )


def _finish(chart: Any, description: str, n_rows: int = 0, height: int | None = None) -> Chart:
    sized: Chart = chart.properties(
        width="container", height=height or ROW_HEIGHT * max(1, n_rows), description=description
    ).configure(**CONFIG)
    return sized
