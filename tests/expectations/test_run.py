"""Outcomes tell wrong data from checks that could not run, and never repeat what a row says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from expectations import all_checks, evaluate, evaluate_all, evaluate_table, find_check
from expectations.checks import Check, Expect, Holds, Rows
from expectations.outcomes import WITHHELD
from expectations.run import UnknownCheckError
from expectations.tables import TABLES, TOKEN_COLUMNS
from orchestration.dictionary import PUBLISHED as CONTENTS

CANARY = "Wanda Quagmire, wanda@quagmire.example"
CHECKS = all_checks()


def with_canaries(frame: pd.DataFrame) -> pd.DataFrame:
    """The canary in every text cell, numbers and times far outside what is allowed."""
    changed = frame.copy()
    for name in changed.columns:
        column = changed[name]
        if pd.api.types.is_string_dtype(column) or column.dtype == object:
            changed[name] = CANARY
        elif pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            changed[name] = 48151623
        elif pd.api.types.is_datetime64_any_dtype(column):
            changed[name] = pd.Timestamp("2031-08-15", tz="UTC")
    return changed


def written(outcome: Any) -> str:
    """Everything an outcome can put into a log, a page or Dagster."""
    return f"{outcome!r} {outcome.message}"


def test_listing_checks_costs_no_heavy_import() -> None:
    code = "import sys, expectations; assert len(expectations.all_checks()) > 100; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"great_expectations", "pandas", "jinja2"} & set(loaded)


def test_check_ids_are_unique_and_fit_dagster() -> None:
    ids = [check.id for check in CHECKS]
    assert len(ids) == len(set(ids))
    assert all(name.isidentifier() and name == name.lower() for name in ids)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_says_why_and_what_to_do(check: Check) -> None:
    for sentence in (check.reason, check.next_step):
        assert sentence[0].isupper() or sentence.startswith("`")
        assert sentence.endswith(".")
        assert len(sentence.split()) >= 6


def test_a_table_that_is_not_there_is_not_called_wrong(now: datetime) -> None:
    outcomes = evaluate_all({}, now=now)
    assert {outcome.status for outcome in outcomes} == {"could_not_run"}
    assert all(outcome.is_blocking for outcome in outcomes)


def test_a_missing_column_is_named_and_leaves_the_other_checks_running(
    sound: Mapping[str, pd.DataFrame], now: datetime
) -> None:
    table = "marts_recruiting.fct_applications"
    outcomes = evaluate_table(
        [check for check in CHECKS if check.table == table], sound[table].drop(columns="status"), now=now
    )
    crashed = {outcome.check_id: outcome for outcome in outcomes if outcome.status == "could_not_run"}
    assert "`status`" in crashed["recruiting_status_known"].detail
    assert "recruiting_few_excluded" not in crashed
    assert not [outcome for outcome in outcomes if outcome.status == "failed"]


def test_an_expectation_that_crashes_is_told_from_data_that_is_wrong(
    sound: Mapping[str, pd.DataFrame], now: datetime
) -> None:
    check = replace(
        find_check("recruiting_status_known"),
        expect=Expect("ExpectColumnValuesToBeBetween", {"column": "status", "min_value": 1, "max_value": 3}),
    )
    outcome = evaluate(check, sound[check.table], now=now)
    assert outcome.status == "could_not_run"
    assert outcome.is_blocking
    assert "raised" in outcome.detail
    assert "rejected" not in written(outcome)


def test_a_crash_leaves_the_checks_beside_it_running(sound: Mapping[str, pd.DataFrame], now: datetime) -> None:
    good = find_check("recruiting_status_known")
    bad = replace(good, id="bad", expect=Expect("ExpectColumnValuesToBeBetween", {"column": "status", "min_value": 1}))
    unknown = replace(good, id="unknown", expect=Expect("ExpectNoSuchThing"))
    assert [outcome.status for outcome in evaluate_table([bad, good], sound[good.table], now=now)] == [
        "could_not_run",
        "passed",
    ]
    assert evaluate(unknown, sound[good.table], now=now).status == "could_not_run"


def test_a_measure_that_crashes_gives_its_class_only(sound: Mapping[str, pd.DataFrame], now: datetime) -> None:
    check = replace(find_check("recruiting_status_known"), measure=Rows("status.astype('float64') > 1"))
    outcome = evaluate(check, sound[check.table], now=now)
    assert outcome.status == "could_not_run"
    assert "ValueError" in outcome.detail
    assert "rejected" not in written(outcome)


def test_a_table_that_fails_to_load_does_not_stop_the_others(
    sound: Mapping[str, pd.DataFrame], previous: Mapping[str, int], now: datetime
) -> None:
    class Loading(Mapping[str, pd.DataFrame]):
        """Loads a table when it is asked for, as the scheduler does."""

        def __init__(self) -> None:
            self.loaded: list[str] = []

        def __getitem__(self, table: str) -> pd.DataFrame:
            if table == "marts_ops.connections":
                raise OSError(CANARY)
            self.loaded.append(table)
            return sound[table]

        def __iter__(self) -> Iterator[str]:
            return iter(sound)

        def __len__(self) -> int:
            return len(sound)

    frames = Loading()
    outcomes = evaluate_all(frames, now=now, previous_rows=previous)
    assert len(frames.loaded) == len(set(frames.loaded)), "a table was loaded twice"
    not_run = {outcome.table for outcome in outcomes if outcome.status == "could_not_run"}
    assert not_run == {"marts_ops.connections"}
    assert not [outcome for outcome in outcomes if CANARY in written(outcome)]


@pytest.mark.parametrize("table", sorted(TABLES))
def test_outcomes_hold_no_value_of_the_data(
    table: str, sound: Mapping[str, pd.DataFrame], previous: Mapping[str, int], now: datetime
) -> None:
    checks = [check for check in CHECKS if check.table == table]
    outcomes = evaluate_table(checks, with_canaries(sound[table]), now=now, previous_rows=previous[table])
    assert any(outcome.status != "passed" for outcome in outcomes)
    for outcome in outcomes:
        assert "wanda" not in written(outcome).lower(), outcome.check_id
        assert "quagmire" not in written(outcome).lower(), outcome.check_id
        if outcome.unit != "aggregates":
            assert "48151623" not in str(outcome.observed), outcome.check_id


def test_ids_are_tokens_and_readable_ones_are_withheld(sound: Mapping[str, pd.DataFrame], now: datetime) -> None:
    check = find_check("recruiting_status_known")
    frame = sound[check.table].copy()
    frame.loc[:1, "status"] = "odd"
    frame.loc[1, "application_id"] = "wanda.quagmire"
    shown = evaluate(check, frame, now=now)
    assert shown.ids == (f"greenhouse_main {frame.loc[0, 'application_id']}", f"greenhouse_main {WITHHELD}")


def test_ids_of_spreadsheets_that_could_be_words_are_withheld(sound: Mapping[str, pd.DataFrame], now: datetime) -> None:
    check = find_check("performance_relation_known")
    frame = sound[check.table].copy()
    names = ["70001", "REV-2024-17", "9f1c2a77-6a0e-4a51-9f3e-1f5ef2a3b0c1", "jane.doe-2024", "Jane Doe", "deadbeef01"]
    frame.loc[: len(names) - 1, "review_id"] = names
    frame.loc[: len(names) - 1, "relation"] = "odd"
    shown = [one.removeprefix("lattice_main ") for one in evaluate(check, frame, now=now).ids]
    assert shown == [*names[:3], WITHHELD, WITHHELD, names[5]]


def test_labels_of_a_scale_are_named_and_remarks_in_their_place_are_not(
    sound: Mapping[str, pd.DataFrame], now: datetime
) -> None:
    check = find_check("performance_labels_mapped")
    frame = sound[check.table].copy()
    labels = ["Exceptional", "Exceptional", "Petra was great", "see jo@example.org", "n" * 60]
    frame.loc[: len(labels) - 1, "rating_label"] = labels
    frame.loc[: len(labels) - 1, "is_unmapped"] = True
    outcome = evaluate(check, frame, now=now)
    assert outcome.is_blocking
    assert sorted(outcome.ids) == ["lattice_main (withheld)"] * 3 + ["lattice_main Exceptional"]
    assert "rating_scales" in outcome.message


def test_at_most_twenty_rows_are_named(sound: Mapping[str, pd.DataFrame], now: datetime) -> None:
    check = find_check("recruiting_status_known")
    outcome = evaluate(check, sound[check.table].assign(status="odd"), now=now)
    assert (len(outcome.ids), outcome.n_unexpected) == (20, 200)


def test_an_empty_table_follows_the_declared_policy(sound: Mapping[str, pd.DataFrame], now: datetime) -> None:
    wanted = {"pass": "passed", "skip": "skipped", "fail": "failed"}
    for check in CHECKS:
        empty = sound[check.table].iloc[:0]
        outcome = evaluate(check, empty, now=now)
        assert outcome.status == wanted[check.when_empty], check.id
        untyped = pd.DataFrame({name: pd.Series([], dtype=object) for name in empty.columns})
        assert evaluate(check, untyped, now=now).status == wanted[check.when_empty], check.id


def test_a_firm_without_performance_data_is_not_blocked(
    sound: Mapping[str, pd.DataFrame], previous: Mapping[str, int], now: datetime
) -> None:
    frames = {
        table: frame.iloc[:0] if table.startswith(("marts_performance", "marts_validity", "validity")) else frame
        for table, frame in sound.items()
    }
    rows = {table: len(frame) for table, frame in frames.items()}
    assert not [outcome.message for outcome in evaluate_all(frames, now=now, previous_rows=rows) if outcome.is_blocking]


def test_a_table_that_was_emptied_since_the_last_load_blocks(sound: Mapping[str, pd.DataFrame], now: datetime) -> None:
    check = find_check("recruiting_applications_volume")
    outcome = evaluate(check, sound[check.table].iloc[:0], now=now, previous_rows=200)
    assert outcome.is_blocking
    assert outcome.observed == {"n_rows": 0, "previous_rows": 200, "ratio": 0}


def test_a_share_of_a_handful_is_not_judged(sound: Mapping[str, pd.DataFrame], now: datetime) -> None:
    check = find_check("recruiting_few_excluded")
    few = sound[check.table].head(6).assign(is_excluded=True)
    assert evaluate(check, few, now=now).status == "skipped"


def test_a_share_above_its_limit_by_chance_is_not_called_wrong(
    sound: Mapping[str, pd.DataFrame], now: datetime
) -> None:
    check = find_check("recruiting_few_excluded")
    frame = sound[check.table].head(30).assign(is_excluded=[i < 11 for i in range(30)])
    assert 11 / 30 > 0.3
    assert evaluate(check, frame, now=now).status == "passed"


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_times_are_understood_with_and_without_a_zone(
    zone: str | None, sound: Mapping[str, pd.DataFrame], now: datetime
) -> None:
    check = find_check("ops_streams_fresh")
    stamps = sound[check.table]["last_success_at"].dt.tz_convert(zone)
    assert evaluate(check, sound[check.table].assign(last_success_at=stamps), now=now).status == "passed"


def test_flags_with_nulls_are_understood_as_objects(sound: Mapping[str, pd.DataFrame], now: datetime) -> None:
    check = find_check("interviewing_scorecards_in_time")
    flags = sound[check.table]["is_late"].astype(object).where(lambda column: column.notna(), None)
    assert evaluate(check, sound[check.table].assign(is_late=flags), now=now).status == "passed"


def test_a_rule_that_cannot_be_told_is_not_judged(sound: Mapping[str, pd.DataFrame], now: datetime) -> None:
    check = replace(find_check("interviewing_scale_has_two_ends"), measure=Holds("scale_min < scale_max"))
    unknown = sound[check.table].assign(scale_min=None)
    assert evaluate(check, unknown, now=now).n_unexpected in (0, len(unknown))


def test_an_unknown_check_is_refused() -> None:
    with pytest.raises(UnknownCheckError):
        find_check("no_such_check")


def test_a_message_says_what_was_seen_and_what_to_do(sound: Mapping[str, pd.DataFrame], now: datetime) -> None:
    check = find_check("recruiting_status_known")
    frame = sound[check.table].copy()
    frame.loc[:13, "status"] = "odd"
    message = evaluate(check, frame, now=now).message
    assert message.startswith("`marts_recruiting.fct_applications`: `recruiting_status_known` fails: 14 of 200 rows. ")
    assert check.next_step in message
    assert "Nothing is published." in message


def test_every_published_table_is_searched_and_its_columns_are_the_published_ones(
    published: Mapping[str, tuple[str, ...]], sound: Mapping[str, pd.DataFrame]
) -> None:
    # Publishing itself writes the table of contents last: names of tables and row counts.
    searched = set(published) - {CONTENTS.table}
    assert set(TABLES) == searched, "a published table without privacy checks; add it to expectations/tables.py"
    for table in sorted(searched):
        described = TABLES[table]
        assert set(described.keys) | set(described.tokens) <= set(published[table]), table
        assert set(described.tokens) == set(published[table]) & TOKEN_COLUMNS, table
        assert list(sound[table].columns) == list(published[table]), table
