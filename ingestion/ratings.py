"""Reading one rating as people write it in a spreadsheet, on a scale that somebody stated.

A scale is never guessed: "4" may be good or bad, and only the firm knows. Without a stated scale a rating is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NO_RATING = {
    "": "empty",
    "-": "empty",
    "–": "empty",
    "—": "empty",
    "none": "empty",
    "null": "empty",
    "n/a": "not_applicable",
    "na": "not_applicable",
    "n.a.": "not_applicable",
    "n.a": "not_applicable",
    "not applicable": "not_applicable",
    "tbd": "to_be_decided",
    "tbc": "to_be_decided",
    "pending": "to_be_decided",
    "too new": "too_new",
    "too new to rate": "too_new",
    "too early": "too_new",
    "not rated": "not_rated",
    "no rating": "not_rated",
    "unrated": "not_rated",
    "no decision": "no_decision",
    "no_decision": "no_decision",
    "on leave": "on_leave",
    "leave": "on_leave",
}

_NUMBER = r"[+-]?\d{1,4}(?:[.,]\d{1,4})?"
_PLAIN = re.compile(_NUMBER)
_OUT_OF = re.compile(rf"({_NUMBER})\s*(?:/|out of|of)\s*({_NUMBER})", re.IGNORECASE)
_NUMBER_LABEL = re.compile(rf"({_NUMBER})\s*(?:[-–—:=.)|]\s*|\s+|\s*(?=\())(.*\S)")
_LABEL_NUMBER = re.compile(rf"(\S.*?)\s*[(\[]\s*({_NUMBER})\s*[)\]]")


class RatingUnreadable(ValueError):
    """A cell that is no rating on the stated scale; the message says the rule and never the cell's content."""


@dataclass(frozen=True)
class Scale:
    """What ratings are measured on.

    Attributes:
        minimum: lowest value.
        maximum: highest value.
        labels: names of the steps from low to high, if the scale has names.
    """

    minimum: float
    maximum: float
    labels: tuple[str, ...] = ()

    @classmethod
    def stated(
        cls, minimum: float | None = None, maximum: float | None = None, labels: tuple[str, ...] = ()
    ) -> Scale | None:
        """Scale from what the firm said: both ends, or ordered labels, or both; None when it said neither.

        Raises:
            ValueError: what was said contradicts itself.

        >>> Scale.stated(labels=("Below", "Meets", "Exceeds"))
        Scale(minimum=1.0, maximum=3.0, labels=('Below', 'Meets', 'Exceeds'))
        """
        if labels and len({_plain(label) for label in labels}) != len(labels):
            raise ValueError("two labels of the scale are equal")
        if minimum is None and maximum is None:
            return cls(1.0, float(len(labels)), tuple(labels)) if len(labels) > 1 else None
        if minimum is None or maximum is None:
            raise ValueError("only one end of the scale is stated")
        if not minimum < maximum:
            raise ValueError("the lower end of the scale is not below the upper end")
        return cls(float(minimum), float(maximum), tuple(labels))

    def value_of(self, label: str) -> float | None:
        """Value of a label: the labels divide the scale into equal steps."""
        plain = [_plain(known) for known in self.labels]
        if _plain(label) not in plain:
            return None
        step = (self.maximum - self.minimum) / (len(plain) - 1) if len(plain) > 1 else 0.0
        return self.minimum + plain.index(_plain(label)) * step


@dataclass(frozen=True)
class Rating:
    """One rating: a value or the reason why there is none, and the label as it was written."""

    value: float | None
    label: str | None
    reason: str | None = None


def parse_rating(text: str | None, scale: Scale | None) -> Rating:
    """Read one cell.

    Args:
        text: the cell as text; "4", "4,5", "4/5", "4 - Exceeds", "Exceeds (4)", a label, "N/A" …
        scale: the stated scale; needed for everything but an absent rating.

    Returns:
        The rating; an absent one has value None and a reason.

    Raises:
        RatingUnreadable: no scale, a value outside of it, or nothing of the above.

    >>> scale = Scale(1, 5)
    >>> [parse_rating(cell, scale).value for cell in ("4", "4,5", "4/5", "4 - Exceeds", "Exceeds (4)")]
    [4.0, 4.5, 4.0, 4.0, 4.0]
    >>> parse_rating("Too new", scale)
    Rating(value=None, label='Too new', reason='too_new')
    """
    written = " ".join((text or "").split())
    if written.casefold() in _NO_RATING:
        return Rating(None, written or None, _NO_RATING[written.casefold()])
    if written.startswith("#"):
        raise RatingUnreadable("the cell holds a formula error")
    if scale is None:
        raise RatingUnreadable("no scale is stated; give scale_min and scale_max, or scale_labels from low to high")
    return Rating(_within(_value(written, scale), scale), written)


def _value(written: str, scale: Scale) -> float:
    known = scale.value_of(written)
    if known is not None:
        return known
    if _PLAIN.fullmatch(written):
        return _number(written)
    if match := _OUT_OF.fullmatch(written):
        if _number(match[2]) != scale.maximum:
            raise RatingUnreadable(f"it says out of {_number(match[2]):g}, the stated scale ends at {scale.maximum:g}")
        return _number(match[1])
    if match := _NUMBER_LABEL.fullmatch(written):
        return _agreeing(_number(match[1]), match[2].strip("()[] "), scale)
    if match := _LABEL_NUMBER.fullmatch(written):
        return _agreeing(_number(match[2]), match[1], scale)
    raise RatingUnreadable("neither a number nor a label of the stated scale")


def _agreeing(value: float, label: str, scale: Scale) -> float:
    # "3-4" or "4 5" would otherwise read as a number with a label.
    if not any(character.isalpha() for character in label):
        raise RatingUnreadable("neither a number nor a label of the stated scale")
    stated = scale.value_of(label)
    if stated is not None and stated != value:
        raise RatingUnreadable("number and label contradict each other on the stated scale")
    return value


def _within(value: float, scale: Scale) -> float:
    if not scale.minimum <= value <= scale.maximum:
        raise RatingUnreadable(f"outside the stated scale {scale.minimum:g} to {scale.maximum:g}")
    return value


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _plain(label: str) -> str:
    return " ".join(label.split()).casefold()
