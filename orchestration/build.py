"""Puts the parts of `defs/` together for a list of connections."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from ingestion.connections import Connection
from orchestration.defs import (
    fairness,
    ingest,
    publish,
    quality,
    report,
    schedules,
    sensors,
    transform,
    validity,
    writer,
)


def build_definitions(connections: Sequence[Connection]) -> dg.Definitions:
    """The definitions for these connections; none is enough for everything to load."""
    models, suites = transform.dbt_definitions(connections), quality.quality_definitions()
    parts = dg.Definitions.merge(
        ingest.ingest_definitions(connections),
        models,
        suites,
        validity.validity_definitions(),
        fairness.fairness_definitions(),
        publish.publish_definitions(blocking(models, suites)),
        report.report_definitions(),
        sensors.sensor_definitions(),
        schedules.schedule_definitions(),
    )
    return dg.Definitions(
        assets=dg.map_asset_specs(fresh_by_morning, parts.assets or []),
        asset_checks=parts.asset_checks,
        jobs=parts.jobs,
        schedules=parts.schedules,
        sensors=parts.sensors,
        resources={**(parts.resources or {}), "writer": writer.WarehouseWriter.configure_at_launch()},
        executor=dg.in_process_executor,
    )


def fresh_by_morning(spec: dg.AssetSpec) -> dg.AssetSpec:
    """The root policy; an asset that has one of its own keeps it."""
    return dg.apply_freshness_policy(spec, schedules.FRESHNESS, overwrite_existing=False)


def blocking(*parts: dg.Definitions) -> list[dg.AssetCheckSpec]:
    """The checks that keep anything from being published while they are not green."""
    owners = [owner for part in parts for owner in (*(part.assets or []), *(part.asset_checks or []))]
    return [spec for owner in owners for spec in owner.check_specs if spec.blocking]
