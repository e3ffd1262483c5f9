"""How far two colours are apart to the eye (WCAG 2.1, relative luminance)."""

from __future__ import annotations

Colour = tuple[float, ...]


def rgb(hexadecimal: str) -> Colour:
    return tuple(int(hexadecimal[i : i + 2], 16) / 255 for i in (1, 3, 5))


def mixed(above: Colour, below: Colour, opacity: float) -> Colour:
    """What is seen where a colour lies over another."""
    return tuple(opacity * one + (1 - opacity) * other for one, other in zip(above, below, strict=True))


def contrast(one: Colour, other: Colour) -> float:
    """From 1 (the same) to 21 (black on white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
