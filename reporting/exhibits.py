"""The exhibits of a technical report by their key in the checklist; nothing where no data is."""

from __future__ import annotations

from collections.abc import Callable

from reporting import exhibits_groups, exhibits_results, exhibits_study
from reporting.exhibit import Exhibit, Tables


def exhibits(tables: Tables) -> dict[str, Exhibit]:
    """Every exhibit that the tables can fill, by its key in the checklist.

    Parameters
    ----------
    tables
        Tables by `schema.table`, and the aggregates named in this module; missing ones are taken as empty.
    """
    made = {key: make(tables) for key, make in _EXHIBITS.items()} | exhibits_groups.ll144(tables)
    return {key: exhibit for key, exhibit in made.items() if exhibit is not None and exhibit.rows}


_EXHIBITS: dict[str, Callable[[Tables], Exhibit | None]] = {
    "dates": exhibits_study.dates,
    "gap": exhibits_study.gap,
    "jobs_of_hires": exhibits_study.jobs_of_hires,
    "criterion_definition": exhibits_study.criterion_definition,
    "criterion_scales": exhibits_study.criterion_scales,
    "review_coverage": exhibits_study.review_coverage,
    "contamination": exhibits_study.contamination,
    "coverage": exhibits_study.coverage,
    "applicants": exhibits_study.applicants,
    "selection_rates": exhibits_groups.selection_rates,
    "procedures": exhibits_study.procedures,
    "attributes": exhibits_study.attributes,
    "reliability": exhibits_study.reliability,
    "predictor_reliability": exhibits_study.predictor_reliability,
    "results": exhibits_results.results,
    "independent": exhibits_results.independent,
    "attribute_results": exhibits_results.attribute_results,
    "methods": exhibits_results.methods,
    "scores": exhibits_results.scores,
    "criterion": exhibits_results.criterion,
    "by_group": exhibits_groups.by_group,
    "corrections": exhibits_results.corrections,
    "sensitivity": exhibits_results.sensitivity,
    "diagnostics": exhibits_results.diagnostics,
    "warnings": exhibits_results.warnings,
    "expectancy": exhibits_results.expectancy,
    "incremental": exhibits_results.incremental,
    "precision": exhibits_results.precision,
    "lineage": exhibits_study.lineage,
    "tables": exhibits_study.published,
    "reproduction": exhibits_study.reproduction,
    "checks": exhibits_study.checks,
}
