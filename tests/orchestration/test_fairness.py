"""Demographics meet applications in one step and in memory; aggregates come out, and no answer beside a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pandas as pd
import pytest

from ingestion.lock import warehouse_lock
from ingestion.privacy import Projection, Vault, VaultRow, configured_keys, key_id, keyed_token
from ingestion.settings import settings
from orchestration.defs import fairness as step
from orchestration.warehouse import frame, write_frame

from .conftest import Company

AS_OF = datetime(2026, 8, 23, tzinfo=UTC)
ANSWERS = {"Female": (12, 40), "Male": (48, 80)}
"""(hired, applied), 29 CFR 1607's example."""


def people() -> Iterator[tuple[int, str, bool]]:
    number = 0
    for sex, (hired, n) in ANSWERS.items():
        for place in range(n):
            number += 1
            yield number, sex, place < hired


def marts() -> dict[str, pd.DataFrame]:
    key = configured_keys().people
    applications = pd.DataFrame(
        {
            "connection_id": "ats",
            "application_id": [keyed_token(key, "application", n) for n, _, _ in people()],
            "candidate_id": [keyed_token(key, "candidate", n) for n, _, _ in people()],
            "job_id": "7",
            "job_family": "sales",
            "furthest_stage": ["hired" if hired else "onsite" for _, _, hired in people()],
            "status": ["hired" if hired else "rejected" for _, _, hired in people()],
            "rejected_by": "company",
            "is_excluded": False,
        }
    )
    ids = applications[["connection_id", "application_id"]]
    scores = ids.assign(technique="work_sample", attribute="overall", score=3.0, is_contaminated=False)
    return {
        step.APPLICATIONS: applications,
        step.SCORES: scores,
        step.OUTCOMES: ids.assign(performance_rating_z=0.1, is_excluded=False),
        step.STAGES: pd.DataFrame({"canonical_stage": ["onsite", "hired"], "stage_order": [50, 70]}),
    }


def fill_vault() -> None:
    keys = configured_keys()
    rows = []
    for number, _, _ in people():
        token = keyed_token(keys.people, "candidate", number)
        assert token
        source = f"candidates:{token}"
        row = VaultRow("candidate", token, "source_id", source, str(number), key_id(keys.people))
        rows.append(Projection({}, (row,), source))
    with Vault(settings().vault_file) as vault:
        vault.upsert("ats", rows)


def fill_demographics() -> None:
    key = configured_keys().demographics
    answers = pd.DataFrame(
        [
            {
                "connection_id": "ats",
                "candidate_id": keyed_token(key, "candidate", number),
                "gender": given,
                "race_ethnicity": "White",
                "submitted_at": at,
            }
            for number, sex, _ in people()
            for given, at in (("Decline To Self Identify", datetime(2025, 1, 1)), (sex, datetime(2025, 2, 1)))
        ]
    )
    with duckdb.connect(str(settings().demographics_file)) as file:
        file.execute("create schema restricted")
        file.register("answers", answers)
        file.execute(f"create table {step.ANSWERS} as from answers")


@pytest.fixture
def filled(home: Path, manifest: Path) -> Path:
    for name, rows in marts().items():
        write_frame(name, rows)
    fill_vault()
    fill_demographics()
    return home


def test_answers_meet_applications_through_the_vault_and_the_newest_counts(filled: Path) -> None:
    write_frame(step.BESIDE, pd.DataFrame({"lineage_id": ["of the estimates"]}))
    step.fairness(AS_OF, step.newest_answers())
    made = frame("validity.validity_fairness")
    rows = made[
        (made["metric"] == "selection_rate") & (made["stage"] == "whole_process") & (made["dimension"] == "sex")
    ]
    found = {row.group: (row.n_selected, row.n) for row in rows.itertuples()}
    assert found == ANSWERS
    assert set(made["lineage_id"]) == {"of the estimates"}


def test_without_the_vault_the_tokens_of_both_zones_share_nothing(filled: Path) -> None:
    mart = set(frame(step.APPLICATIONS)["candidate_id"])
    assert not mart & set(step.newest_answers()["candidate_id"])


def test_no_id_leaves_the_inputs(filled: Path) -> None:
    inside, scores, _ = step.inputs(step.newest_answers())
    tokens = set(frame(step.APPLICATIONS)[["candidate_id", "application_id"]].to_numpy().ravel())
    assert not tokens & set(inside.astype(str).to_numpy().ravel())
    assert list(scores.columns) == ["work_sample"]


@pytest.mark.parametrize("is_there", [False, True], ids=["no file", "a file without answers"])
def test_without_demographics_the_table_is_empty_typed_and_says_so(home: Path, manifest: Path, is_there: bool) -> None:
    write_frame(step.CLOCK, pd.DataFrame({"as_of_at": [AS_OF]}))
    if is_there:
        duckdb.connect(str(settings().demographics_file)).close()
    with warehouse_lock():
        resources = {"writer": dg.ResourceDefinition.none_resource()}
        result = dg.materialize(step.fairness_definitions().assets or [], resources=resources)  # type: ignore[arg-type]
    event = result.asset_materializations_for_node("validity__validity_fairness")[0]
    assert event.metadata["note"].value == step.NO_ANSWERS
    assert event.metadata["dagster/row_count"].value == 0
    with duckdb.connect(str(settings().warehouse_file), read_only=True) as file:
        kinds = dict(
            file.execute(
                "select column_name, lower(data_type) from information_schema.columns where table_name = ?",
                [step.TABLE],
            ).fetchall()
        )
    assert kinds == {name: kind for name, (kind, _) in step.words().items()}
    assert not settings().vault_file.exists(), "the vault is opened only where there is something to resolve"


@pytest.mark.slow
def test_no_demographic_answer_lies_beside_a_person_in_any_file_but_the_restricted_one(company: Company) -> None:
    answers = [b"Decline To Self Identify", b"Black or African American"]
    tables = {}
    for path in company.home.rglob("*.duckdb"):
        with duckdb.connect(str(path), read_only=True) as file:
            for schema, name in file.execute(
                "select distinct table_schema, table_name from information_schema.tables"
            ).fetchall():
                text = file.execute(f'select * from "{schema}"."{name}"').df().to_csv().encode()
                if any(one in text for one in answers):
                    tables[path.name, schema, name] = text
    assert any(key[0] == "demographics.duckdb" for key in tables)
    outside = {key for key in tables if key[0] != "demographics.duckdb"}
    assert {key[1:] for key in outside} <= {(step.SCHEMA, step.TABLE)}
    tokens = {str(one) for one in tokens_of(company.home / "warehouse.duckdb")}
    for key in outside:
        assert not any(token.encode() in tables[key] for token in tokens)
    logs = [path for path in (company.home / "dagster").rglob("*") if path.is_file()]
    assert not [path.name for path in logs if any(one in path.read_bytes() for one in answers)]


def tokens_of(path: Path) -> list[str]:
    with duckdb.connect(str(path), read_only=True) as file:
        return [one for (one,) in file.execute(f"select candidate_id from {step.APPLICATIONS}").fetchall()]
