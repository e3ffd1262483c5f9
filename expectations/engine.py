"""The one place that calls Great Expectations.

It judges DataFrame batches in one ephemeral context: its SQL engine over DuckDB loses the connection and reports every
check as failed. It is handed only the columns that an expectation names, and asked for results
without values.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from expectations.checks import Check
from expectations.outcomes import MAX_IDS

_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")


@dataclass(frozen=True)
class Verdict:
    """What Great Expectations said: whether it holds, how many rows do not, where the first are, or a crash."""

    holds: bool
    n_unexpected: int = 0
    positions: tuple[int, ...] = ()
    crash: str = ""


def validate(judged: Sequence[tuple[Check, pd.DataFrame]]) -> dict[str, Verdict]:
    """Judge measured frames by the expectations of their checks, all in one validation.

    A validation costs about 20 ms whatever it holds, an expectation in it 1 ms; so frames are laid side by side.

    Parameters
    ----------
    judged
        Checks, each with its measured frame (index 0, 1, …; with the columns that its expectation names).

    Returns
    -------
    dict
        Verdict by check id; one for every check.
    """
    try:
        results = _results(judged)
    except Exception as error:
        if len(judged) > 1:
            return {name: verdict for pair in judged for name, verdict in validate([pair]).items()}
        # The class only: messages quote what they stumbled over.
        return {judged[0][0].id: Verdict(False, crash=f"Great Expectations raised {type(error).__name__}")}
    return {check.id: _verdict(results.get(check.id)) for check, _ in judged}


def _results(judged: Sequence[tuple[Check, pd.DataFrame]]) -> Mapping[str, Any]:
    """Validation results by check id."""
    library = _library()
    columns: dict[str, pd.Series] = {}
    expectations = []
    for check, measured in judged:
        # Two frames may have columns of one name; checks of one frame share its columns.
        names = {name: f"{name}__{id(measured)}" for name in check.expect.columns()}
        columns |= {unique: measured[name] for name, unique in names.items()}
        renamed = {
            argument: names[value] if argument in _COLUMN_ARGUMENTS else value
            for argument, value in check.expect.kwargs.items()
        }
        expectations.append(getattr(library.expectations, check.expect.kind)(**renamed, meta={"check": check.id}))
    length = max(len(measured) for _, measured in judged)
    side_by_side = pd.DataFrame(columns, index=pd.RangeIndex(length))
    suite = library.ExpectationSuite(name="checks", expectations=expectations)
    with warnings.catch_warnings():
        # GX 1.24 still asks pandas in ways that pandas 3 announces to drop; nothing of it concerns the result.
        warnings.simplefilter("ignore")
        validation = (
            _frames()
            .get_batch(batch_parameters={"dataframe": side_by_side})
            .validate(
                suite,
                result_format={
                    "result_format": "SUMMARY",
                    "exclude_unexpected_values": True,
                    "return_unexpected_index_query": False,
                    "partial_unexpected_count": MAX_IDS,
                },
            )
        )
    return {result.expectation_config.meta["check"]: result for result in validation.results}


def _verdict(result: Any) -> Verdict:
    if result is None:
        return Verdict(False, crash="Great Expectations gave no result")
    crash = _crash(result.exception_info)
    if crash:
        return Verdict(False, crash=crash)
    if result.success:
        return Verdict(True)
    n_unexpected = int(result.result.get("unexpected_count") or 1)
    positions = result.result.get("partial_unexpected_index_list") or []
    return Verdict(False, n_unexpected, tuple(int(position) for position in positions[:MAX_IDS]))


def _crash(exception_info: Mapping[str, Any]) -> str:
    """Why an expectation crashed, without its message: Great Expectations reports a crash as ``success=False``."""
    entries = [exception_info, *(value for value in exception_info.values() if isinstance(value, Mapping))]
    raised = [entry for entry in entries if entry.get("raised_exception")]
    if not raised:
        return ""
    trace = str(raised[0].get("exception_traceback") or "").strip().rsplit("\n", 1)[-1]
    named = re.match(r"([A-Za-z_][\w.]*(?:Error|Exception))\b", trace)
    return f"the expectation raised {named.group(1).rpartition('.')[2] if named else 'an exception'}"


@cache
def _library() -> Any:
    """Great Expectations, imported when the first check runs (it costs seconds) and with its telemetry off."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ.setdefault("DO_NOT_TRACK", "1")
    import great_expectations

    # Its tracebacks may quote data; what a check reports is decided here.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    return great_expectations


@cache
def _frames() -> Any:
    """One batch definition in one ephemeral context, for every frame of the process."""
    context = _library().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("marts").add_dataframe_asset("measured")
    return asset.add_batch_definition_whole_dataframe("whole")
