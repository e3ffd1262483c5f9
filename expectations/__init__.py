"""What must be true of the marts before anybody reads them, as Great Expectations suites.

`all_checks()` lists the declared checks without importing Great Expectations; `evaluate` and `evaluate_all` run them on
DataFrames; `write_data_docs` writes their outcomes as static pages.
"""

from expectations.checks import Check, Suite
from expectations.data_docs import write_data_docs
from expectations.outcomes import Outcome
from expectations.run import all_checks, evaluate, evaluate_all, evaluate_table, find_check
from expectations.suites import SUITES

__all__ = [
    "SUITES",
    "Check",
    "Outcome",
    "Suite",
    "all_checks",
    "evaluate",
    "evaluate_all",
    "evaluate_table",
    "find_check",
    "write_data_docs",
]
