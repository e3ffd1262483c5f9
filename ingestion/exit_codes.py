"""Exit codes of every command, in one place: a scheduler may rely on them."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code says."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    LOCK_HELD = 3
    STREAMS_FAILED = 4
    CHECKS_FAILED = 5
    DOCTOR_FOUND_PROBLEMS = 6
    INCOMPLETE = 7
