"""How big the pretend company is, and which of its known defects are switched on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Hidden = Literal["recorded", "unrecorded", "none"]
Missing = Literal["mcar", "mnar"]

HIDDEN_INFORMATION: tuple[Hidden, ...] = get_args(Hidden)
MISSING_REVIEWS: tuple[Missing, ...] = get_args(Missing)


@dataclass(frozen=True)
class Size:
    """Totals over the whole history, which ends three months after the default sandbox clock.

    Attributes:
        years: length of the applicant-tracking history.
        n_applications: applications in all.
        n_interviewed: applications that got past the first review.
        n_hires: hires aimed at (the decisions are drawn, so the count varies by a few per cent).
        n_incumbents: people employed before the applicant-tracking history begins.
        n_jobs: requisitions.
    """

    name: str
    years: float
    n_applications: int
    n_interviewed: int
    n_hires: int
    n_incumbents: int
    n_jobs: int


def _year(name: str, applications: int, interviewed: int, hires: int, employees: int) -> Size:
    """One year's counts (docs: planning sizes), plus the three months that `advance` can still reveal."""
    return Size(
        name,
        1.25,
        round(applications * 1.25),
        round(interviewed * 1.25),
        round(hires * 1.48),
        employees,
        max(hires // 4, 8),
    )


SIZES: dict[str, Size] = {
    "tiny": Size("tiny", 3.25, 740, 146, 49, 70, 12),
    "demo": Size("demo", 4.25, 12_750, 2_125, 435, 260, 100),
    "S": _year("S", 12_000, 520, 40, 200),
    "M": _year("M", 120_000, 5_200, 400, 2_000),
    "L": _year("L", 1_100_000, 52_000, 4_000, 20_000),
    "XL": _year("XL", 4_000_000, 260_000, 20_000, 100_000),
}


@dataclass(frozen=True)
class Options:
    """Switches of the model; the names follow the scenarios of the simulation study.

    Attributes:
        hidden_information: `recorded` (S3: the debrief score holds what the deciders knew beyond the scorecards),
            `unrecorded` (S2: they used it and wrote it nowhere), `none` (the decision uses the scores only).
        missing_reviews: `mcar`, or `mnar` (S6: the worst quarter loses four manager reviews of five).
        severity_sd: spread of interviewers' severity, in standard deviations of a single impression.
        leniency_sd: spread of managers' leniency, in standard deviations of true performance.
    """

    hidden_information: Hidden = "recorded"
    missing_reviews: Missing = "mcar"
    severity_sd: float = 0.35
    leniency_sd: float = 0.40

    @property
    def scenario(self) -> str:
        """What differs from the ordinary company, for the name of its file; empty when nothing does."""
        usual = Options()
        return "".join(f".{value}" for name, value in vars(self).items() if value != getattr(usual, name))


def size_named(name: str) -> Size:
    """The size called `name`; an unknown one is an error that lists the known ones."""
    if name not in SIZES:
        raise ValueError(
            f"size `{name}` is not one of {', '.join(SIZES)}; nothing was built. Pass one of them as --size."
        )
    return SIZES[name]
