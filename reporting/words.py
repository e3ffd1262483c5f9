"""Names and numbers as people read them: no decimals beyond the interval, small counts of people blanked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pandas as pd

NOTHING = "–"
SMALLEST_COUNT_SHOWN = 5
SMALLEST_GROUP_SHOWN = 10
"""As `validity.thresholds` has them (a test compares): this package imports no other of ours."""
_INTERVAL = re.compile(r"\[[^]]*\]")

TECHNIQUES: Mapping[str, str] = {
    "structured_behavioural": "Structured behavioural",
    "pair_coding": "Pair coding",
    "system_design": "System design",
    "work_sample": "Work sample",
    "unstructured_chat": "Unstructured chat",
    "manager_screen": "Hiring-manager screen",
    "reference_call": "Reference call",
    "recruiter_screen": "Recruiter screen",
    "job_knowledge": "Job knowledge",
    "debrief": "Debrief decision score",
    "unmapped": "Not mapped to a technique",
}
STAGES: Mapping[str, str] = {
    "application_review": "Application review",
    "recruiter_screen": "Recruiter screen",
    "hiring_manager_screen": "Hiring-manager screen",
    "assessment": "Assessment",
    "onsite": "On-site interviews",
    "offer": "Offer",
    "hired": "Hired",
}
COVERAGE_STEPS: Mapping[str, tuple[str, str]] = {
    "hired": ("Hired", "applications with an accepted offer, without internal moves and rehires"),
    "linked": ("Found in the HR system", "the hire and the employee are known to be one person"),
    "tenured": ("Stayed long enough", "stayed into the months in which performance is judged, or was judged in them"),
    "rated": ("Rated", "has a manager rating in those months that can be compared"),
    "independent_rater": ("Rated by somebody else", "a rater is known not to have interviewed this person"),
}
TENURE_BANDS: Mapping[str, str] = {
    "all": "All hires",
    "not_started": "Not started yet",
    "0-6": "0–6 months",
    "6-18": "6–18 months",
    "18-36": "18–36 months",
    "36+": "Over 36 months",
}
RELIABILITY_METHODS: Mapping[str, str] = {
    "g_q_k": "estimated here from hires with two or more independent raters (G(q,k); Putka, Le, McCloy & Diaz 2008)",
    "between_rater_covariance": "estimated here from what other people (peers) of the same cycle and scale repeat of "
    "the manager's rating, assuming that they rate in the same unit",
    "stated": "stated, not measured here",
}
PUBLISHED_OBSERVED_R: Mapping[str, float] = {"structured_behavioural": 0.28, "unstructured_chat": 0.21}
"""Mean observed r of interviews, uncorrected (McDaniel et al. 1994, as tabled again by Sackett et al. 2022)."""


def name_of(key: Any, names: Mapping[str, Any]) -> str:
    """The name for people of a taxonomy id; an unknown id made readable."""
    known = names.get(str(key))
    if known is None:
        return str(key).replace("_", " ").strip().capitalize() or NOTHING
    return known if isinstance(known, str) else str(known[0])


def missing(value: Any) -> bool:
    return value is None or bool(pd.isna(value))


def correlation(value: Any) -> str:
    """Two decimals, no leading zero, a real minus sign.

    >>> correlation(0.312), correlation(-0.05), correlation(None), correlation(-0.001)
    ('.31', '−.05', '–', '.00')
    """
    if missing(value):
        return NOTHING
    rounded = round(float(value), 2)
    text = f"{abs(rounded):.2f}"
    return ("−" if rounded < 0 else "") + (text if text.startswith("1") else text[1:])


def correlation_interval(lo: Any, hi: Any) -> str:
    """
    >>> correlation_interval(-0.05, 0.312)
    '[−.05, .31]'
    """
    return "" if missing(lo) or missing(hi) else f"[{correlation(lo)}, {correlation(hi)}]"


def correlation_range(lo: Any, hi: Any) -> str:
    """Two ends that are no 95 % interval: those have brackets.

    >>> correlation_range(-0.05, 0.312), correlation_range(None, 0.3)
    ('−.05 to .31', '')
    """
    return "" if missing(lo) or missing(hi) else f"{correlation(lo)} to {correlation(hi)}"


def percent(value: Any, lo: Any = None, hi: Any = None) -> str:
    """Whole per cent; one decimal only where the interval is narrower than two points.

    >>> percent(0.7834), percent(0.7834, 0.7801, 0.7866), percent(0.004), percent(None)
    ('78%', '78.3%', '<1%', '–')
    """
    if missing(value):
        return NOTHING
    if _is_narrow(lo, hi):
        return f"{100 * float(value):.1f}%"
    if 0 < float(value) < 0.005:
        return "<1%"
    return f"{100 * float(value):.0f}%"


def percent_interval(lo: Any, hi: Any) -> str:
    """
    >>> percent_interval(0.71, 0.84)
    '[71, 84]'
    """
    if missing(lo) or missing(hi):
        return ""
    digits = 1 if _is_narrow(lo, hi) else 0
    return f"[{100 * float(lo):.{digits}f}, {100 * float(hi):.{digits}f}]"


def _is_narrow(lo: Any, hi: Any) -> bool:
    return not missing(lo) and not missing(hi) and float(hi) - float(lo) < 0.02


def unbroken(text: str) -> str:
    """The text with every interval in one piece: a line may break before it only.

    >>> unbroken(".31 [.12, .48]")
    '.31 [.12,\\xa0.48]'
    """
    return _INTERVAL.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)


def count(n: Any) -> str:
    """
    >>> count(12034), count(None)
    ('12,034', '–')
    """
    return NOTHING if missing(n) else f"{int(n):,}"


def people(n: Any) -> str:
    """A count of persons, blanked from 1 to 4.

    >>> people(3), people(0), people(1200)
    ('<5', '0', '1,200')
    """
    if missing(n):
        return NOTHING
    return f"<{SMALLEST_COUNT_SHOWN}" if is_small(n) else count(n)


def is_small(n: Any) -> bool:
    """Whether a count of persons is one that is not shown."""
    return 0 < int(n) < SMALLEST_COUNT_SHOWN


def tells_few(n_some: Any, n: Any) -> bool:
    """Whether a share of `n` people would tell a count that is not shown: of those counted, or of the others.

    >>> tells_few(18, 30), tells_few(2, 11), tells_few(26, 30), tells_few(0, 30), tells_few(None, 30)
    (False, True, True, False, True)
    """
    return missing(n_some) or missing(n) or is_small(n_some) or is_small(int(n) - int(n_some))


def part(n_some: Any, n: Any) -> str:
    """A count of some of `n` people that stands beside `n`: neither it nor what it leaves is told from 1 to 4.

    >>> part(18, 30), part(2, 11), part(26, 30), part(30, 30), part(2, 3)
    ('18', '<5', 'all but <5', '30', '<5')
    """
    if missing(n_some) or missing(n) or is_small(n_some) or is_small(n) or not tells_few(n_some, n):
        return people(n_some)
    return f"all but <{SMALLEST_COUNT_SHOWN}"


def drawn(n: Any) -> int:
    """The length of a bar for a count of persons: none where the count is not shown, or the bar would give it away."""
    return 0 if missing(n) or is_small(n) else int(n)


def hours(value: Any) -> str:
    """
    >>> hours(0.4), hours(26), hours(80), hours(None)
    ('under 1 h', '26 h', '3 days', '–')
    """
    if missing(value):
        return NOTHING
    number = float(value)
    if number < 1:
        return "under 1 h"
    return f"{number:.0f} h" if number < 72 else f"{number / 24:.0f} days"


def day(value: Any) -> str:
    """
    >>> day(datetime(2026, 8, 23))
    '23 August 2026'
    """
    if missing(value):
        return NOTHING
    moment = pd.Timestamp(value)
    return f"{moment.day} {moment:%B %Y}"


def quarter(value: date | datetime | pd.Timestamp) -> str:
    """
    >>> quarter(date(2026, 4, 1))
    'Q2 26'
    """
    moment = pd.Timestamp(value)
    return f"Q{moment.quarter} {moment:%y}"


def plural(n: int, one: str, many: str | None = None) -> str:
    """
    >>> plural(1, "technique"), plural(3, "technique"), plural(2, "hire is", "hires are")
    ('1 technique', '3 techniques', '2 hires are')
    """
    return f"{count(n)} {one}" if n == 1 else f"{count(n)} {many or one + 's'}"
