"""Estimates: marts in, `validity.technique_estimates` out. The statistics live in `validity/`."""

from datetime import UTC, datetime

import dagster as dg

from orchestration import progress
from orchestration.defs.writer import MAX_RUNTIME, WRITER_POOL, WarehouseWriter

ESTIMATES_KEY = dg.AssetKey(["validity", "technique_estimates"])
ESTIMATES = ".".join(ESTIMATES_KEY.path)
UNSUPPRESSED = "validity.technique_estimates_unsuppressed"
FRAMES = ("validity_pairs", "fct_predictor_scores", "fct_hire_outcomes", "validity_coverage")
CLOCK = "marts_ops.data_clock"


@dg.asset(
    key=ESTIMATES_KEY,
    deps=[*(dg.AssetKey(["marts_validity", name]) for name in FRAMES), dg.AssetKey(CLOCK.split("."))],
    description=(
        "One row per rung × technique × job family × variant: how well the technique's score agreed with later "
        "performance, with interval, n and status. Techniques, never persons. As it may be published: small cells are "
        f"suppressed here; `{UNSUPPRESSED}` keeps them and never leaves the warehouse."
    ),
    group_name="validity",
    owners=["team:people-analytics"],
    kinds={"python", "duckdb"},
    tags={"layer": "validity"},
    metadata={"dagster/table_name": ESTIMATES},
    pool=WRITER_POOL,
    op_tags=MAX_RUNTIME,
)
def technique_estimates(writer: WarehouseWriter) -> dg.MaterializeResult:
    from orchestration.warehouse import frame, write_frame
    from validity.ladder import technique_estimates as estimate
    from validity.publication import shown

    with progress.stage("estimate validity"):
        frames = [frame(f"marts_validity.{name}") for name in FRAMES]
        rows = estimate(*frames, as_of=data_clock())
        write_frame(UNSUPPRESSED, rows)
        n = write_frame(ESTIMATES, shown(rows))
    headline = rows[(rows["job_family"] == "all") & (rows["variant"] == "all_raters")]
    width = (headline["hi"] - headline["lo"]).astype(float)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": n,
            "n_techniques": len(headline),
            "n_estimable": int(headline["value"].notna().sum()),
            "n_pairs_largest": int(headline["n"].max()) if len(headline) else 0,
            "median_half_width": float(width.median() / 2) if width.notna().any() else 0.0,
        }
    )


def data_clock() -> datetime:
    """The moment the data speaks for, UTC; now, when there is no data."""
    from orchestration.warehouse import frame

    clock = frame(CLOCK)["as_of_at"]
    if clock.empty or clock.isna().all():
        return datetime.now(UTC)
    moment: datetime = clock.iloc[0].to_pydatetime()
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def validity_definitions() -> dg.Definitions:
    """The estimates."""
    return dg.Definitions(assets=[technique_estimates])
