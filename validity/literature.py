"""What many firms found: reference lines behind the firm's own numbers, never a target and never a prior."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """Mean operational validity of a procedure and the band in which 80 % of firms lie (mean ± 1.28 SD of ρ)."""

    procedure: str
    value: float
    lo: float
    hi: float
    source: str


SACKETT = "Sackett, Zhang, Berry & Lievens (2022), Table 3"
REFERENCES: dict[str, Reference] = {
    "structured_behavioural": Reference("structured interview", 0.42, 0.18, 0.66, SACKETT),
    "unstructured_chat": Reference("unstructured interview", 0.19, -0.01, 0.40, SACKETT),
    "work_sample": Reference("work sample", 0.33, 0.21, 0.45, SACKETT),
}
"""By technique of the taxonomy; a technique without a procedure of its own in the literature has none."""


def reference_of(technique: str) -> Reference | None:
    """The literature's line for a technique, if there is one.

    >>> reference_of("work_sample").value
    0.33
    """
    return REFERENCES.get(technique)
