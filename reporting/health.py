"""What the page on data health says: checks, streams, data quality, interviews without a technique, reviews."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reporting import answer, words
from reporting.figures import Table
from reporting.intervals import share, share_of_people
from reporting.words import count, part, people


def checks(checks: pd.DataFrame) -> dict[str, Any]:
    """What failed, worst first, and how many passed."""
    order = {"could_not_run": 0, "failed": 1}
    failing = checks[checks["status"].isin(order)]
    failing = failing.assign(
        position=failing["status"].map(order).astype(float) + (failing["severity"] != "error") * 0.5
    ).sort_values(["position", "table", "check"])
    rows = tuple(
        (
            str(row.status).replace("_", " "),
            str(row.severity),
            str(row.table),
            str(row.check).replace("_", " "),
            count(row.n_failing),
            _what_and_why(row.message, row.reason),
        )
        for row in failing.itertuples()
    )
    is_error = failing["severity"] == "error"
    return {
        "n": int((checks["status"] != "skipped").sum()),
        "n_passed": int((checks["status"] == "passed").sum()),
        "n_skipped": int((checks["status"] == "skipped").sum()),
        "n_errors": int((is_error & (failing["status"] == "failed")).sum()),
        "n_warnings": int((~is_error & (failing["status"] == "failed")).sum()),
        "n_could_not_run": int((failing["status"] == "could_not_run").sum()),
        "table": Table(
            ("Outcome", "Severity", "Table", "Check", "Rows", "What and why"),
            rows,
            numeric=frozenset({4}),
            below=frozenset({5}),
        ),
    }


def _what_and_why(message: Any, reason: Any) -> str:
    """The message of a check, and its reason where the message does not say it."""
    message, reason = ("" if words.missing(text) else str(text) for text in (message, reason))
    return message if reason in message else f"{message} {reason}".strip()


def streams(streams: pd.DataFrame) -> dict[str, Any]:
    rows = streams.sort_values(["connection_id", "stream"])
    late = rows["is_stale"].fillna(True).astype(bool)
    failed = rows["last_status"] == "failed"
    table = Table(
        ("Connection", "Stream", "State", "Last success (UTC)", "Rows", "Run before", "In quarantine"),
        tuple(
            (
                str(row.connection_id),
                str(row.stream),
                "failed" if is_failed else "late" if is_late else "ok",
                words.NOTHING if words.missing(row.last_success_at) else f"{row.last_success_at:%Y-%m-%d %H:%M}",
                count(row.last_rows),
                count(row.previous_rows),
                count(row.n_quarantined),
            )
            for row, is_late, is_failed in zip(rows.itertuples(), late, failed, strict=True)
        ),
        frozenset({4, 5, 6}),
    )
    return {
        "n": len(rows),
        "n_connections": int(rows["connection_id"].nunique()),
        "n_late": int((late & ~failed).sum()),
        "n_failed": int(failed.sum()),
        "n_quarantined": int(pd.to_numeric(rows["n_quarantined"]).fillna(0).sum()),
        "table": table,
    }


def quality(frame: pd.DataFrame) -> Table:
    return Table(
        ("Number", "Value", "Of", "What it says"),
        tuple(
            (
                str(row.metric).replace("_", " "),
                answer.quality_value(row.metric, row.value, row.n),
                count(row.n),
                "" if words.missing(row.note) else str(row.note),
            )
            for row in frame.sort_values("metric").itertuples()
        ),
        frozenset({1, 2}),
    )


def unmapped(mapping: pd.DataFrame) -> dict[str, Any]:
    known = mapping["is_mapped"].fillna(False).astype(bool)
    held = pd.to_numeric(mapping["n_interviews"]).fillna(0)
    rows = mapping[~known].assign(held=held[~known]).sort_values("held", ascending=False)
    total = float(held.sum())
    return {
        "n": len(rows),
        "n_names": len(mapping),
        "share": share(rows["held"].sum() / total, total) if total else words.NOTHING,
        "table": Table(
            ("Interview name", "Interviews"),
            tuple((str(row.interview_name), count(row.held)) for row in rows.head(30).itertuples()),
            frozenset({1}),
        ),
    }


def reviews(frame: pd.DataFrame) -> Table:
    rows = frame.assign(ends=pd.to_datetime(frame["ends_on"])).sort_values("ends", ascending=False).head(12)
    return Table(
        ("Review cycle", "Ended", "Expected", "Rated", "Share, 95 % interval"),
        tuple(
            (
                str(row.cycle_name),
                words.day(row.ends),
                people(row.n_expected),
                part(row.n_reviewed, row.n_expected),
                share_of_people(row.n_reviewed, row.n_expected),
            )
            for row in rows.itertuples()
        ),
        frozenset({2, 3, 4}),
    )
