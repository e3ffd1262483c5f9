"""One module a mart audience; each holds `SUITE`, a plain list of checks."""

from __future__ import annotations

from expectations.checks import Suite
from expectations.suites import interviewing, ops, performance, privacy, recruiting, validity

SUITES: tuple[Suite, ...] = tuple(
    module.SUITE for module in (recruiting, interviewing, performance, validity, ops, privacy)
)
