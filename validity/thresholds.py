"""The one table of sample sizes: from which n a number is computed, and from which n it may be shown.

*Estimable*: computed with its interval and kept in the warehouse. *Shown*: may leave it (published file, report). An
inconclusive result is still shown as inconclusive; hiding it would be publication bias.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """Sample sizes at which one kind of number is estimable and at which it is shown."""

    estimable: int
    shown: int


PEOPLE_COUNT = Threshold(estimable=0, shown=5)
GROUP_RATE = Threshold(estimable=5, shown=10)
OBSERVED_CORRELATION = Threshold(estimable=25, shown=30)
SELECTION_CORRECTED = Threshold(estimable=40, shown=30)

MIN_DISTINCT_SCORES = 3
"""A correlation needs at least so many different score values."""

MIN_CRITERION_RELIABILITY = 0.30
"""Below it a correction multiplies r by more than 1.8 and says more about the ratings than about the interview."""

MAX_RELIABILITY = 1 + 1e-9
"""A covariance of few hires with other people's ratings may exceed the variance; no error variance is negative."""

MIN_RATEES_WITH_TWO_RATERS = 30
"""Ratees rated by two different people from which a local reliability is estimated (METHODS 5)."""

MIN_RATERS = 5
"""Different raters from which a local reliability is estimated."""

MAX_UNDEFINED_DRAWS = 0.10
"""Share of bootstrap resamples without a defined value above which nothing is shown."""

TOLD_UNREVIEWED = 0.05
"""Share of hires without a review above which the reader is told what that may do."""

MAX_UNREVIEWED_PROVISIONAL = 0.40
"""Share of hires without a review above which corrected validities are provisional (METHODS 2)."""

MAX_UNREVIEWED = 0.60
"""Share of hires without a review above which corrected validities are refused."""

MIN_SATTERTHWAITE_DF = 4.0
"""Below it a cluster-robust interval is not to be trusted (Bell & McCaffrey 2002; Pustejovsky & Tipton 2018)."""

FALSE_DISCOVERY_RATE = 0.10
"""Share of wrong "predicts" verdicts tolerated among the techniques of one job family (Benjamini & Hochberg 1995)."""
