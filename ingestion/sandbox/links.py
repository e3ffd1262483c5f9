"""How a hired candidate's two records can be told to be one person, and the many ways in which that breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ingestion.sandbox.versions import Array, Frame, Rng


@dataclass(frozen=True)
class LinkKind:
    """One way in which the trail from candidate to employee is kept or broken.

    Attributes:
        rung: best rung of the matching ladder that can find it: vendor_id, email, name_start_date, none.
        has_user: the hire has an ATS login.
        is_linked: candidate and login are linked.
        typed: what the firm typed as the login's employee id.
        home_email: the HRIS's personal e-mail: the candidate's, the candidate's second one, another one.
        renamed: the HRIS has another last name from the first day.
        start_shift_days: how far the HRIS start lies from the agreed one, at least.
    """

    name: str
    share: float
    rung: Literal["vendor_id", "email", "name_start_date", "none"]
    has_user: bool = False
    is_linked: bool = False
    typed: Literal["id", "number", "nothing"] = "nothing"
    home_email: Literal["same", "alt", "other"] = "same"
    renamed: bool = False
    start_shift_days: int = 0


LINK_KINDS: tuple[LinkKind, ...] = (
    LinkKind("intact", 0.57, "vendor_id", True, True, "id"),
    LinkKind("other_home_email", 0.05, "vendor_id", True, True, "id", "other"),
    LinkKind("missing_employee_id", 0.07, "email", True, True),
    LinkKind("employee_number_typed", 0.03, "email", True, True, "number"),
    LinkKind("missing_linked_candidate", 0.07, "email", True, False, "id"),
    LinkKind("no_login", 0.06, "email"),
    LinkKind("second_email", 0.03, "email", home_email="alt"),
    LinkKind("name_and_start_only", 0.07, "name_start_date", home_email="other"),
    LinkKind("nothing_in_common", 0.05, "none", home_email="other", renamed=True, start_shift_days=25),
)
REHIRE_KIND = LinkKind("rehire", 0.0, "email")


def draw_links(rng: Rng, n: int) -> Frame:
    """Kind (number) and shift of the start day, in days, for `n` hires."""
    kind = rng.choice(len(LINK_KINDS), n, p=[k.share for k in LINK_KINDS])
    small = np.where(rng.random(n) < 0.1, rng.integers(-7, 8, n), 0)
    least = np.array([k.start_shift_days for k in LINK_KINDS])[kind]
    return pd.DataFrame({"kind": kind, "shift_days": np.where(least > 0, least + rng.integers(0, 30, n), small)})


def feature(kind: Any, name: str) -> Array:
    """An attribute of each hire's link kind as an array."""
    values: Array = np.array([getattr(k, name) for k in LINK_KINDS], dtype=object)[np.asarray(kind)]
    return values
