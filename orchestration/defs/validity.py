"""Results: inputs of the marts in, the tables of schema `validity` out. The statistics live in `validity/`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
import pandas as pd

from orchestration import progress
from orchestration.columns import column_schema
from orchestration.defs.writer import WRITER_POOL, WarehouseWriter

if TYPE_CHECKING:
    from orchestration.inputs import Inputs
    from orchestration.lineage import Lineage

SCHEMA = "validity"
UNSUPPRESSED = "validity_unsuppressed"
"""Schema of the same tables before small cells were taken out; it never leaves the warehouse."""
ESTIMATES_KEY = dg.AssetKey([SCHEMA, "validity_estimates"])
CLOCK = "marts_ops.data_clock"
READ = (
    *("marts_validity.fct_predictor_scores", "marts_validity.fct_hire_outcomes", "validity_inputs.validity_ratings"),
    *("validity_inputs.validity_moments", "validity_inputs.validity_attribute_moments"),
    *("validity_inputs.validity_score_ranges", "validity_inputs.validity_score_bins"),
    *("validity_inputs.validity_interview_hours", CLOCK),
)
"""The tables behind `orchestration.inputs.INPUTS`."""
LINEAGE = "validity_lineage"


def result_tables() -> list[str]:
    """Names of the result tables in schema `validity`."""
    from validity.tables import TABLES

    return [*TABLES, LINEAGE]


def validity_definitions() -> dg.Definitions:
    """The results, one asset a table."""
    from validity.tables import LINEAGE as LINEAGE_SPEC
    from validity.tables import TABLES

    deps = [dg.AssetKey(name.split(".")) for name in READ]
    meanings = {name: spec.meaning for name, spec in TABLES.items()} | {LINEAGE: LINEAGE_SPEC.meaning}

    @dg.multi_asset(
        name="estimate_validity",
        specs=[_spec(name, meaning, deps) for name, meaning in meanings.items()],
        pool=WRITER_POOL,
    )
    def estimate_validity(writer: WarehouseWriter) -> Iterator[dg.MaterializeResult]:
        with progress.stage("estimate validity"):
            tables = estimates(data_clock())
        for name, table in tables.items():
            yield dg.MaterializeResult(asset_key=dg.AssetKey([SCHEMA, name]), metadata=_metadata(name, table))

    return dg.Definitions(assets=[estimate_validity])


def _spec(name: str, meaning: str, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    from validity.tables import LINEAGE as LINEAGE_SPEC
    from validity.tables import columns_of

    return dg.AssetSpec(
        dg.AssetKey([SCHEMA, name]),
        deps=deps,
        description=f"{meaning} Techniques, never persons. Small cells are suppressed.",
        group_name="validity",
        owners=["team:people-analytics"],
        kinds={"python", "duckdb"},
        tags={"layer": "validity"},
        metadata={
            "dagster/table_name": f"{SCHEMA}.{name}",
            "dagster/column_schema": column_schema(LINEAGE_SPEC.columns if name == LINEAGE else columns_of(name)),
        },
    )


def estimates(as_of: datetime) -> dict[str, pd.DataFrame]:
    """The tables as they may be published; made again only if what they are made from changed."""
    from orchestration.inputs import inputs
    from orchestration.lineage import lineage
    from validity.analysis import DEFINITION_VERSION

    read = inputs()
    made = lineage(as_of, DEFINITION_VERSION, read)
    kept = kept_estimates(made.stamp["lineage_id"])
    if kept:
        progress.tell("  nothing changed since the last estimates; they are kept")
    return kept or fresh_estimates(as_of, made, read)


def kept_estimates(lineage_id: str) -> dict[str, pd.DataFrame]:
    """The tables of the last time if they were made from the same inputs, else nothing."""
    from orchestration.warehouse import frame, tables

    wanted = [f"{SCHEMA}.{name}" for name in result_tables()]
    if not set(wanted) <= set(tables([SCHEMA])):
        return {}
    found = {name: frame(f"{SCHEMA}.{name}") for name in result_tables()}
    return found if set(found[LINEAGE]["lineage_id"]) == {lineage_id} else {}


def fresh_estimates(as_of: datetime, made: "Lineage", read: "Inputs") -> dict[str, pd.DataFrame]:
    """Estimate everything and write both schemas."""
    from orchestration.warehouse import write_frame
    from validity.analysis import analyse
    from validity.families import Marts
    from validity.publication import shown
    from validity.tables import frames

    results = analyse(
        Marts(**read), as_of, seed=made.stamp["seed"], progress=lambda sentence: progress.tell(f"  {sentence}")
    )
    tables = frames(results, made.stamp)
    for name, table in tables.items():
        write_frame(f"{UNSUPPRESSED}.{name}", table)
    published = shown(tables) | {LINEAGE: made.loads}
    for name, table in published.items():
        write_frame(f"{SCHEMA}.{name}", table)
    return published


def _metadata(name: str, table: pd.DataFrame) -> dict[str, int | float]:
    counted: dict[str, int | float] = {"dagster/row_count": len(table)}
    if name != ESTIMATES_KEY.path[-1] or table.empty:
        return counted
    headline = table[
        (table["job_family"] == "all") & (table["variant"] == "all_raters") & (table["attribute"] == "overall")
    ]
    third = headline[headline["rung"] == 3]
    width = (third["hi"] - third["lo"]).astype(float)
    words = headline[headline["rung"] == 1]["verdict"].value_counts()
    return counted | {
        "n_techniques": int(headline["technique"].nunique()),
        "n_corrected": int(third["value"].notna().sum()),
        "n_pairs_largest": int(headline["n"].max()) if headline["n"].notna().any() else 0,
        "median_half_width": float(width.median() / 2) if width.notna().any() else 0.0,
        **{f"n_{word.replace(' ', '_')}": int(n) for word, n in words.items()},
    }


def data_clock() -> datetime:
    """The moment the data speaks for, UTC; now, when there is no data."""
    from orchestration.warehouse import frame

    clock = frame(CLOCK)["as_of_at"]
    if clock.empty or clock.isna().all():
        return datetime.now(UTC)
    moment: datetime = clock.iloc[0].to_pydatetime()
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
