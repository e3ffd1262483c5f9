"""Everything an evidence pack is made from, invented: published tables, aggregates, and a signed-off file."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tests.reporting.result_tables import AS_OF, EVERYTHING, FAMILIES, NAN, result_tables
from validity.fairness import FAIRNESS
from validity.tables import TABLES, columns_of, typed

TECHNIQUES = sorted(EVERYTHING)


def results() -> dict[str, pd.DataFrame]:
    """The result tables with every column of the published file."""
    made = result_tables()
    estimates = made["validity.validity_estimates"].assign(method="pearson+fisher_z")
    estimates.loc[estimates["rung"] == 3, "p_value"] = 0.011
    made["validity.validity_estimates"] = estimates
    made["validity.validity_power"]["mdv_observed"] = 0.21
    return {name: typed(frame, columns_of(name.split(".")[1])) for name, frame in made.items()}


def marts() -> dict[str, pd.DataFrame]:
    steps = ["hired", "linked", "tenured", "rated", "independent_rater"]
    return {
        "validity.validity_lineage": pd.DataFrame(
            [("5f2c9e1a", "greenhouse_main", "raw_greenhouse.scorecards", "1790000000.1", 5210)],
            columns=["lineage_id", "connection_id", "stream", "load_id", "n_rows"],
        ),
        "marts_validity.validity_coverage": pd.DataFrame(
            [("all", order, step, 409 - 40 * order, 1.0) for order, step in enumerate(steps, start=1)],
            columns=["job_family", "step_order", "step", "n", "share"],
        ),
        "marts_performance.review_coverage": pd.DataFrame(
            [("H1 2026", pd.Timestamp("2026-06-30"), 611, 552, 552 / 611)],
            columns=["cycle_name", "ends_on", "n_expected", "n_reviewed", "coverage"],
        ),
        "marts_interviewing.technique_mapping": pd.DataFrame(
            [(f"{technique} (60m)", technique, 1204, 1190, True) for technique in TECHNIQUES],
            columns=["interview_name", "technique", "n_interviews", "n_scorecards", "is_mapped"],
        ),
        "marts_ops.metric_definitions": pd.DataFrame(
            [("performance_rating_z", "Performance criterion", "Mean standardised manager rating.", "1")],
            columns=["metric_id", "name", "definition", "definition_version"],
        ),
        "marts_ops.check_outcomes": pd.DataFrame(
            [
                ("scores_lie_on_their_scale", "marts_validity.fct_predictor_scores", "error", "passed", None),
                ("ats_hires_equal_hris_starts", "marts_ops.hire_reconciliation", "warning", "failed", "4 differ."),
            ],
            columns=["check", "table", "severity", "status", "message"],
        ),
        "meta.published": pd.DataFrame([("validity.validity_estimates", 192)], columns=["table_name", "n_rows"]),
    }


def aggregates() -> dict[str, pd.DataFrame]:
    moments = ("n", "mean", "sd", "min", "max")
    heads = [*(f"{name}_applicants" for name in moments), *(f"{name}_rated" for name in moments)]
    return {
        "study.dates": pd.DataFrame(
            [("Scores of all applicants", pd.Timestamp("2022-09-12"), pd.Timestamp("2026-08-20"))],
            columns=["what", "first", "last"],
        ),
        "study.gaps": pd.DataFrame(
            [("pair_coding", 150, 310.0, 496.0, 579.0)], columns=["technique", "n", "p10", "p50", "p90"]
        ),
        "study.jobs": pd.DataFrame(
            [("engineering", "L2", 61, 40), ("data", "L4", 3, 2)],
            columns=["job_family", "job_level", "n_hires", "n_rated"],
        ),
        "study.scales": pd.DataFrame(
            [(1.0, 5.0, 8, 572, 34, 0.93, 0.01)],
            columns=[
                "scale_min",
                "scale_max",
                "n_cycles",
                "n_ratings",
                "n_raters",
                "share_calibrated",
                "share_refused",
            ],
        ),
        "study.scores": pd.DataFrame(
            [
                (technique, "all", applicants, 0.61, 0.31, 0.0, 1.0, n, 0.74, 0.24, 0.25, 1.0)
                for technique, (_, n, applicants, *_) in EVERYTHING.items()
            ],
            columns=["technique", "job_family", *heads],
        ),
        "study.criterion": pd.DataFrame([("all", 264, 0.02, 0.92, -2.41, 2.2)], columns=["job_family", *heads[5:]]),
        "study.attributes": pd.DataFrame(
            [("pair_coding", "Coding, Collaboration", 1.0, 5.0, 1419)],
            columns=["technique", "attributes", "scale_min", "scale_max", "n_ratings"],
        ),
        "study.predictor_reliability": pd.DataFrame(
            [("pair_coding", 70, 0.41, 2.0, 0.58)],
            columns=["technique", "n_groups", "icc", "mean_size", "icc_of_mean"],
        ),
    }


WORKED = {
    "sex": (["Male", "Female"], [1390, 1181], [667, 555]),
    "race": (
        ["Hispanic", "White", "Black", "NHPI", "Asian", "NatAm", "Two+"],
        [408, 797, 390, 119, 616, 41, 213],
        [204, 412, 170, 52, 302, 18, 96],
    ),
    "sex_race": (
        ["H-M", "H-F", "W-M", "B-M", "NHPI-M", "A-M", "NA-M", "2+-M", "W-F", "B-F", "NHPI-F", "A-F", "NA-F", "2+-F"],
        [205, 190, 412, 226, 87, 321, 24, 115, 385, 164, 32, 295, 17, 98],
        [90, 82, 215, 95, 37, 167, 11, 52, 197, 75, 15, 135, 7, 44],
    ),
}
"""Counts of the worked selection tables of 6 RCNY 5-301(b)."""
PUBLISHED_RATIOS = {
    "sex": [1, 0.979],
    "race": [0.97, 1, 0.84, 0.85, 0.95, 0.85, 0.87],
    "sex_race": [0.841, 0.827, 1, 0.806, 0.815, 0.997, 0.878, 0.866, 0.981, 0.876, 0.898, 0.877, 0.789, 0.86],
}
"""Impact ratios as the rule prints them."""


def fairness() -> pd.DataFrame:
    """The worked tables as the fairness table holds them, with people of unknown category and a hidden cell."""
    rows = [row for dimension in WORKED for row in _fairness_of(dimension)]
    rows.append(
        _fairness_row("differential_prediction", "sex", "Female", 120, None)
        | {"reference_group": "Male", "value": -0.05, "lo": -0.3, "hi": 0.2, "p_value": 0.4, "technique": "pair_coding"}
    )
    return typed(pd.DataFrame(rows), FAIRNESS.columns)


def _fairness_of(dimension: str) -> list[dict[str, Any]]:
    rows = []
    for metric in ("selection_rate", "scoring_rate"):
        for group, n, selected in zip(*WORKED[dimension], strict=True):
            rows.append(_fairness_row(metric, dimension, group, n, selected))
        rows.append(_fairness_row(metric, dimension, "not answered", 118, 40))
        rows.append(_fairness_row(metric, dimension, "other", None, None))
    return rows


def _fairness_row(metric: str, dimension: str, group: str, n: int | None, selected: int | None) -> dict[str, Any]:
    return {
        "metric": metric,
        "job_family": "all",
        "stage": "whole_process" if metric == "selection_rate" else None,
        "technique": None if metric == "selection_rate" else "pair_coding",
        "dimension": dimension,
        "group": group,
        "n": n,
        "n_selected": selected,
        "value": selected / n if n and selected is not None else NAN,
        "fisher_p": 0.21,
        "is_reference": False,
        "status": "suppressed" if n is None else "ok",
        "reason": "too few people to be shown" if n is None else "",
    }


def evidence_tables() -> dict[str, pd.DataFrame]:
    """Complete: nothing that a table can give is missing."""
    return {**results(), **marts(), **aggregates(), "validity.validity_fairness": fairness()}


def signed() -> dict[str, Any]:
    """A signed-off file with everything in it."""
    return {
        "signed_by": "Head of People Analytics",
        "signed_on": AS_OF.date(),
        "study": {
            "users": "Example Company, all units in Berlin and Austin.",
            "places": "Berlin and Austin.",
            "problem": "Which interviews to keep.",
            "existing_procedures": "A phone screen and four interviews; no cut-off.",
        },
        "job_analysis": {
            "method": "Review of job descriptions and interviews with twelve incumbents per family in 2025.",
            "findings": "Designing, building and explaining software with others.",
            "grouping": "The jobs of a family share their major work behaviours.",
        },
        "jobs": [{"title": "Software engineer II", "code": "ENG-2", "job_family": "engineering"}],
        "criterion": {
            "basis": "The rating covers the work behaviours found in the job analysis.",
            "instructions": "A written guide with examples for every point of the scale.",
            "steps_against_bias": "Calibration in panels; the guide names common rater errors.",
            "deficiency": "Mentoring and work across teams are not rated.",
        },
        "sample": {"identification": "All hires since 2022 in the five families."},
        "procedures": {
            "administration": "Trained interviewers, a guide and a scale per technique.",
            "descriptions": {technique: f"What happens in {technique}." for technique in TECHNIQUES},
        },
        "results": {
            "by_group": "Scores: women 120, mean .61, SD .20, 0 to 1; men 131, mean .60, SD .21, 0 to 1.",
            "cross_validation": "No weights are fitted; scores are read one by one.",
        },
        "alternatives": {
            "looked_for": "Work samples of a day, and tests of job knowledge.",
            "findings": "A day is too long for candidates; a test of job knowledge is being tried.",
        },
        "uses": {
            "use": "Scores are read by the panel that decides; they are not added up.",
            "cut_scores": "None.",
            "evidence_for_use": "Panels see scores and notes; the validity of each score supports reading them.",
            "utility": "Not estimated in money; see the shares by third.",
            "review_by": (AS_OF + pd.Timedelta(days=400)).date(),
        },
        "source_data": {"kept_where": "In the firm's warehouse for four years; erased on request by id."},
        "contact": {
            "name": "Office of People Analytics",
            "address": "Example Company, Hauptstrasse 1, Berlin",
            "telephone": "+49 30 0000000",
        },
        "accuracy": {"steps": "Two analysts made the numbers independently and compared them."},
        "local_law_144": {
            "tool": "Interview scores of pair coding, for engineers.",
            "distribution_date": "2024-01-15",
            "data_source": "Historical data of the firm, all applications decided since 2022.",
        },
    }


__all__ = ["AS_OF", "FAMILIES", "PUBLISHED_RATIOS", "TABLES", "WORKED", "evidence_tables", "signed"]
