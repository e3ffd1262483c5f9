"""What many firms found: reference lines behind the firm's own numbers, never a target and never a prior."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan


@dataclass(frozen=True)
class Reference:
    """Mean operational validity of a procedure and the band in which 80 % of firms lie (mean ± 1.28 SD of ρ).

    The band is NaN where the source gives no SD.
    """

    procedure: str
    value: float
    lo: float
    hi: float
    source: str


SACKETT = "Sackett, Zhang, Berry & Lievens (2022), Table 3"
SCHMIDT_HUNTER = "Schmidt & Hunter (1998), corrected for range restriction; not re-estimated by Sackett et al. (2022)"
REFERENCES: dict[str, Reference] = {
    "structured_behavioural": Reference("structured interview", 0.42, 0.18, 0.66, SACKETT),
    "unstructured_chat": Reference("unstructured interview", 0.19, -0.01, 0.40, SACKETT),
    "work_sample": Reference("work sample", 0.33, 0.21, 0.45, SACKETT),
    "job_knowledge": Reference("job knowledge test", 0.40, 0.23, 0.57, SACKETT),
    "reference_call": Reference("reference check", 0.26, nan, nan, SCHMIDT_HUNTER),
}
"""By technique of the taxonomy; a technique without a procedure of its own in the literature has none."""


def reference_of(technique: str) -> Reference | None:
    """The literature's line for a technique, if there is one.

    >>> reference_of("work_sample").value
    0.33
    """
    return REFERENCES.get(technique)
