"""Fairness by sex and race/ethnicity: the one step that reads demographics, in memory, and writes aggregates only.

Demographics have a token key of their own, so that no table joins with them. Here the vault's source ids give both
tokens of a candidate; answers meet applications in this process's memory, ids are dropped, and what is written has
passed the small-cell rules.
"""

from __future__ import annotations

from datetime import datetime

import dagster as dg
import duckdb
import pandas as pd

from orchestration import progress
from orchestration.columns import column_schema
from orchestration.defs.validity import CLOCK, LINEAGE, SCHEMA, data_clock
from orchestration.defs.writer import WRITER_POOL, WarehouseWriter

TABLE = "validity_fairness"
FAIRNESS_KEY = dg.AssetKey([SCHEMA, TABLE])
ANSWERS = "restricted.eeo_answers"
APPLICATIONS = "marts_recruiting.fct_applications"
STAGES = "marts_recruiting.funnel_by_stage"
SCORES = "marts_validity.fct_predictor_scores"
OUTCOMES = "marts_validity.fct_hire_outcomes"
BESIDE = f"{SCHEMA}.{LINEAGE}"
INPUTS = (ANSWERS, APPLICATIONS, STAGES, SCORES, OUTCOMES, CLOCK, BESIDE)
DEFINITION_VERSION = "1"
NO_ANSWERS = "No demographic answers are connected: nothing is compared, and the table is empty."

# The firm decided: open applications have no outcome yet, and who withdrew was not turned down.
DECIDED = f"""
select
    applications.connection_id, applications.application_id, applications.candidate_id, applications.job_family,
    applications.connection_id || '|' || applications.job_id as requisition, applications.furthest_stage,
    applications.status = 'hired' as is_hired, outcomes.performance_rating_z as rating
from {APPLICATIONS} as applications
left join {OUTCOMES} as outcomes
    on applications.connection_id = outcomes.connection_id
    and applications.application_id = outcomes.application_id and not outcomes.is_excluded
where not applications.is_excluded and (
    applications.status = 'hired'
    or (applications.status = 'rejected' and applications.rejected_by is distinct from 'candidate'))
order by applications.connection_id, applications.application_id
"""
CLEAN_SCORES = f"""
select connection_id, application_id, technique, score from {SCORES}
where attribute = 'overall' and not is_contaminated and technique not in ('debrief', 'unmapped')
"""
# A candidate's newest answer to each question; a blank one is none.
NEWEST = f"""
select
    connection_id, candidate_id, arg_max(gender, submitted_at) filter (where trim(gender) != '') as sex,
    arg_max(race_ethnicity, submitted_at) filter (where trim(race_ethnicity) != '') as race
from {ANSWERS}
where candidate_id is not null
group by all
"""


def fairness_definitions() -> dg.Definitions:
    """The fairness table."""
    from validity.fairness import FAIRNESS as SPEC

    @dg.asset(
        key=FAIRNESS_KEY,
        deps=[dg.AssetKey(name.split(".")) for name in INPUTS],
        description=f"{SPEC.meaning} Empty where no demographics are connected.",
        group_name="validity",
        owners=["team:people-analytics"],
        kinds={"python", "duckdb"},
        tags={"layer": "validity"},
        metadata={"dagster/table_name": f"{SCHEMA}.{TABLE}", "dagster/column_schema": column_schema(words())},
        pool=WRITER_POOL,
    )
    def validity_fairness(writer: WarehouseWriter) -> dg.MaterializeResult:
        with progress.stage("estimate fairness"):
            answers = newest_answers()
            table = fairness(data_clock(), answers)
        # Not how many answered: with few forms that is itself a small count.
        told = {"n_suppressed": int((table["status"] == "suppressed").sum())}
        note = {"note": NO_ANSWERS} if answers.empty else {}
        return dg.MaterializeResult(metadata={"dagster/row_count": len(table), **told, **note})

    return dg.Definitions(assets=[validity_fairness])


def words() -> dict[str, tuple[str, str]]:
    """Columns of the table with type and meaning, lineage last."""
    from validity.fairness import FAIRNESS as SPEC
    from validity.tables import TABLES, columns_of

    some = next(iter(TABLES))
    lineage = {name: told for name, told in columns_of(some).items() if name not in TABLES[some].columns}
    return {**SPEC.columns, **lineage}


def fairness(as_of: datetime, answers: pd.DataFrame) -> pd.DataFrame:
    """Compare the groups and write the table; it, as written."""
    from orchestration.lineage import SEED, stamp
    from orchestration.warehouse import write_frame
    from validity.fairness import fairness_tables
    from validity.tables import typed

    people, scores, stages = pd.DataFrame(), pd.DataFrame(), []
    if not answers.empty:
        people, scores, stages = inputs(answers)
    made = fairness_tables(people, scores, stages, seed=SEED)
    table = typed(made.assign(**stamp(lineage_of_estimates(), as_of, DEFINITION_VERSION)), words())
    write_frame(f"{SCHEMA}.{TABLE}", table)
    return table


def lineage_of_estimates() -> str | None:
    """The id of the estimates that this table stands beside; none before the first ones."""
    from orchestration.warehouse import frame, tables

    known = frame(BESIDE)["lineage_id"] if BESIDE in tables([SCHEMA]) else pd.Series(dtype=str)
    return None if known.empty else str(known.iloc[0])


def newest_answers() -> pd.DataFrame:
    """Each candidate's newest answers (tokens of the demographics key); empty where no demographics are connected."""
    from ingestion.database import OPEN_CONFIG
    from ingestion.settings import settings

    path = settings().demographics_file
    nobody = pd.DataFrame(columns=["connection_id", "candidate_id", "sex", "race"])
    if not path.exists():
        return nobody
    connection = duckdb.connect(str(path), read_only=True, config=dict(OPEN_CONFIG))
    try:
        schema, table = ANSWERS.split(".")
        known = connection.execute(
            "select count(*) from information_schema.tables where table_schema = ? and table_name = ?", [schema, table]
        ).fetchone()
        return connection.execute(NEWEST).df() if known and known[0] else nobody
    finally:
        connection.close()


def inputs(answers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Decided applications with their candidates' answers and scores, no ids left, and the stages in order."""
    from orchestration.warehouse import query

    decided = query(DECIDED)
    scores = query(CLEAN_SCORES)
    stages = query(
        f"select canonical_stage from {STAGES} where canonical_stage != 'hired' group by all order by min(stage_order)"
    )
    wide = scores.pivot_table(index=["connection_id", "application_id"], columns="technique", values="score")
    wide = wide.reindex(pd.MultiIndex.from_frame(decided[["connection_id", "application_id"]]))
    known = answers.merge(both_tokens(answers), on=["connection_id", "candidate_id"]).drop(columns="candidate_id")
    known = known.rename(columns={"people_token": "candidate_id"})
    people = decided.merge(known, on=["connection_id", "candidate_id"], how="left", validate="many_to_one")
    people = people.drop(columns=["connection_id", "application_id", "candidate_id"])
    return people, wide.rename_axis(columns=None).reset_index(drop=True), stages["canonical_stage"].tolist()


def both_tokens(answers: pd.DataFrame) -> pd.DataFrame:
    """Candidates who answered: token of the demographics key (`candidate_id`) beside `people_token`; in memory only."""
    from ingestion.privacy import Vault, configured_keys, keyed_token
    from ingestion.settings import settings

    key = configured_keys().demographics
    with Vault(settings().vault_file) as vault:
        known = vault.connection.execute(
            "select distinct connection_id, token as people_token, value from people "
            "where kind = 'candidate' and attribute = 'source_id'"
        ).df()
    known["candidate_id"] = [keyed_token(key, "candidate", value) for value in known.pop("value")]
    wanted = known.merge(answers[["connection_id", "candidate_id"]], on=["connection_id", "candidate_id"])
    return wanted.drop_duplicates(["connection_id", "people_token"]).drop_duplicates(["connection_id", "candidate_id"])
