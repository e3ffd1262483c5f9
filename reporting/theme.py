"""Colours and chart style. Charts name CSS variables, so one chart serves light, dark and print."""

from __future__ import annotations

import json
from typing import Any

LIGHT = {
    "--paper": "#fafaf7",
    "--surface": "#ffffff",
    "--ink": "#1b2430",
    "--muted": "#5a6472",
    "--faint": "#c3c9d1",
    "--line": "#e5e7ea",
    "--accent": "#1d5c7a",
    "--accent-soft": "#a9c6d5",
    "--accent-mid": "#4787a6",
    "--warm": "#b4621a",
    "--alert": "#a63a36",
}
DARK = {
    "--paper": "#12161b",
    "--surface": "#191f26",
    "--ink": "#e9ecef",
    "--muted": "#9ba6b3",
    "--faint": "#4a5562",
    "--line": "#2a323b",
    "--accent": "#79b8d6",
    "--accent-soft": "#355a6d",
    "--accent-mid": "#4a86a3",
    "--warm": "#e0a064",
    "--alert": "#ec8f88",
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
PICTURE_FONT = "Liberation Sans, Arial, sans-serif"

INK, MUTED, FAINT, LINE = "var(--ink)", "var(--muted)", "var(--faint)", "var(--line)"
SURFACE, WARM = "var(--surface)", "var(--warm)"
ACCENT, ACCENT_MID, ACCENT_SOFT = "var(--accent)", "var(--accent-mid)", "var(--accent-soft)"

CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": FONT,
    "padding": {"left": 2, "right": 6, "top": 4, "bottom": 4},
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "ticks": False,
        "gridColor": LINE,
        "labelColor": MUTED,
        "labelFontSize": 12,
        "labelPadding": 6,
        "titleColor": MUTED,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 10,
    },
    "text": {"fontSize": 13, "color": INK},
    "rule": {"color": LINE},
}


def for_picture(specification: dict[str, Any]) -> dict[str, Any]:
    """The specification with the light colours and a font every machine can draw, for PNG."""
    text = json.dumps(specification)
    for variable, colour in LIGHT.items():
        text = text.replace(f"var({variable})", colour)
    return dict(json.loads(text.replace(json.dumps(FONT)[1:-1], PICTURE_FONT)), background=LIGHT["--surface"])


def stylesheet() -> str:
    """The two palettes as CSS variables; print is always light."""
    light, dark = ("".join(f"{name}:{colour};" for name, colour in palette.items()) for palette in (LIGHT, DARK))
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
