"""Why a run failed, from its events: in full for the terminal of whoever started it, without values for alerts."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

CHECKS_FAILED = "DagsterAssetCheckFailedError"
OWN = ("ingestion.", "orchestration.", "dagster._core.definitions.events.Failure")
"""Whose sentences are written here and hold no value of the data."""


def innermost(error: SerializableErrorInfo) -> SerializableErrorInfo:
    """What Dagster's own errors are wrapped around."""
    while error.cause:
        error = error.cause
    return error


def text(error: SerializableErrorInfo) -> str:
    """The message of the innermost error; of one that is foreseen without its class."""
    message = innermost(error).message.strip()
    named, _, sentence = message.partition(": ")
    return sentence if named.startswith(OWN) and sentence else message


def tellable(error: SerializableErrorInfo) -> str:
    """As `text`; of an error that nobody foresaw only the class, since its text may hold values."""
    cause = innermost(error)
    return text(error) if cause.message.startswith(OWN) else f"`{cause.cls_name}`; its text is in the run's log"


def failure(event: dg.DagsterEvent, steps: Sequence[dg.DagsterEvent]) -> str | None:
    """Why a run failed, fit for an alert; None where only checks did, which `failed_checks` tells by name.

    Args:
        event: the run's failure.
        steps: the failures of its steps; none where it failed before the first.
    """
    errors = {str(step.step_key): step.step_failure_data.error for step in steps}
    broken = {name: error for name, error in errors.items() if error and error.cls_name != CHECKS_FAILED}
    if broken:
        return "; ".join(f"{name}: {tellable(error)}" for name, error in broken.items())
    if any(errors.values()):
        return None
    data = event.event_specific_data
    error = getattr(data, "error", None)
    return tellable(error) if error else event.message or ""
