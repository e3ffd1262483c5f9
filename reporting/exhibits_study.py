"""Exhibits about the study: dates, jobs, criterion, sample, procedures, source data and checks."""

from __future__ import annotations

from reporting import words
from reporting.exhibit import (
    ATTRIBUTES,
    CHECKS,
    COVERAGE,
    DATES,
    DEFINITIONS,
    DIAGNOSTICS,
    ESTIMATES,
    GAPS,
    JOBS,
    LINEAGE,
    MAPPING,
    PREDICTOR_RELIABILITY,
    PUBLISHED,
    RELIABILITY,
    REVIEW_COVERAGE,
    SCALES,
    Exhibit,
    Tables,
    decimal,
    estimate_text,
    families_in_order,
    family_name,
    frame_of,
    main_diagnostics,
    of_all_families,
    range_text,
    rows_of,
    technique_name,
    text_of,
    variant_name,
    who,
)
from reporting.intervals import share_of_people
from reporting.words import NOTHING, SMALLEST_GROUP_SHOWN, count, day, people, percent

CRITERION_METRIC = "performance_rating_z"


def dates(tables: Tables) -> Exhibit | None:
    rows = tuple(
        (str(row.what), day(row.first), day(row.last))
        for row in rows_of(frame_of(tables, DATES))
        if not words.missing(row.first)
    )
    source = "marts_validity.fct_predictor_scores, fct_hire_outcomes, marts_performance.fct_performance_scores"
    return Exhibit("Dates of the study", ("What", "First", "Last"), rows, source)


def gap(tables: Tables) -> Exhibit | None:
    rows = tuple(
        (technique_name(row.technique), people(row.n), *(count(getattr(row, q)) for q in ("p10", "p50", "p90")))
        for row in rows_of(frame_of(tables, GAPS))
        if row.n >= SMALLEST_GROUP_SHOWN
    )
    return Exhibit(
        "Days from score to rating",
        ("Technique", "Hires", "10 % within", "Median", "90 % within"),
        rows,
        "marts_validity.fct_predictor_scores, marts_performance.fct_performance_scores",
        frozenset({1, 2, 3, 4}),
        "Scores were given before the hire and ratings after it: a predictive design. Counted from the first scorecard "
        "to the last rating of the criterion window.",
    )


def jobs_of_hires(tables: Tables) -> Exhibit | None:
    rows = tuple(
        (family_name(row.job_family), str(row.job_level), people(row.n_hires), people(row.n_rated))
        for row in rows_of(frame_of(tables, JOBS))
    )
    heads = ("Job family", "Level", "Hires", "Of those, rated")
    return Exhibit("Jobs of the hires", heads, rows, "marts_validity.fct_hire_outcomes", frozenset({2, 3}))


def criterion_definition(tables: Tables) -> Exhibit | None:
    definitions = frame_of(tables, DEFINITIONS)
    if definitions.empty:
        return None
    mine = definitions[definitions["metric_id"] == CRITERION_METRIC]
    rows = tuple(
        (str(row.name), str(row.definition), str(row.definition_version)) for row in mine.itertuples(index=False)
    )
    return Exhibit("Definition of the criterion", ("Metric", "Definition", "Version"), rows, DEFINITIONS)


def criterion_scales(tables: Tables) -> Exhibit | None:
    rows = tuple(
        (
            range_text(row.scale_min, row.scale_max, 0),
            count(row.n_cycles),
            people(row.n_ratings),
            people(row.n_raters),
            percent(row.share_calibrated),
            percent(row.share_refused),
        )
        for row in rows_of(frame_of(tables, SCALES))
    )
    return Exhibit(
        "Form of the rating",
        ("Scale", "Cycles", "Ratings", "Raters", "Calibrated", "In cells too small"),
        rows,
        "marts_performance.fct_performance_ratings",
        frozenset({1, 2, 3, 4, 5}),
        "Overall ratings by managers in closed cycles. Scales are never pooled before ratings are standardised; "
        "ratings in cells too small to standardise are refused.",
    )


def review_coverage(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, REVIEW_COVERAGE)
    if frame.empty:
        return None
    rows = tuple(
        (
            str(row.cycle_name),
            day(row.ends_on),
            people(row.n_expected),
            words.part(row.n_reviewed, row.n_expected),
            share_of_people(row.n_reviewed, row.n_expected),
        )
        for row in rows_of(frame.sort_values("ends_on"))
    )
    heads = ("Review cycle", "Ended", "Expected", "Rated", "Share, 95 % interval")
    return Exhibit("Who was rated, by cycle", heads, rows, REVIEW_COVERAGE, frozenset({2, 3, 4}))


def contamination(tables: Tables) -> Exhibit | None:
    rows = tuple(
        (one.label, people(one.n), people(one.n_contaminated), people(one.n_same_rater))
        for one in of_all_families(tables)
        if one.n is not None
    )
    return Exhibit(
        "Contamination",
        (
            "Technique",
            "Reviewed hires",
            "Left out: score came or changed after the decision",
            "Rated by an interviewer, or by somebody who may be one",
        ),
        rows,
        ESTIMATES,
        frozenset({1, 2, 3}),
        "Hires rated by somebody who had interviewed them, or may have, stay in the main results; the results without "
        "their ratings stand beside them under item 8.",
    )


def coverage(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, COVERAGE)
    if frame.empty:
        return None
    steps = frame.sort_values(["job_family", "step_order"]).pivot_table(
        index="job_family", columns="step", values="n", aggfunc="first"
    )
    names = [step for step in words.COVERAGE_STEPS if step in steps]
    rows = tuple(
        (family_name(family), *(people(steps.loc[family, step]) for step in names))
        for family in families_in_order(steps.index)
    )
    return Exhibit(
        "From hires to the sample",
        ("Job family", *(words.COVERAGE_STEPS[step][0] for step in names)),
        rows,
        COVERAGE,
        frozenset(range(1, len(names) + 1)),
        "Each step counts within the one before.",
    )


def applicants(tables: Tables) -> Exhibit | None:
    rows = tuple(
        (
            *who(row),
            *(people(getattr(row, name)) for name in ("n_applicants", "n_scored", "n_hired", "n_rated")),
            percent(row.selection_ratio),
            decimal(row.u),
        )
        for row in rows_of(main_diagnostics(tables))
    )
    return Exhibit(
        "The sample and the applicants",
        ("Technique", "Job family", "Applicants", "Scored", "Hired", "Rated", "Selected", "u"),
        rows,
        DIAGNOSTICS,
        frozenset(range(2, 8)),
        "Applicants: who reached the stage. u: standard deviation of the score among reviewed hires over that among "
        "applicants; below 1 the sample is narrower than those who applied.",
    )


def procedures(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, MAPPING)
    if frame.empty:
        return None
    mapped = frame[frame["is_mapped"].fillna(False).astype(bool)]
    rows = tuple(
        (
            technique_name(key),
            ", ".join(sorted(mine["interview_name"].astype(str))),
            count(mine["n_interviews"].sum()),
            count(mine["n_scorecards"].sum()) if "n_scorecards" in mine else NOTHING,
        )
        for key, mine in mapped.groupby("technique")
    )
    heads = ("Technique", "Interviews as the firm names them", "Interviews", "Scorecards")
    return Exhibit("Procedures in use", heads, tuple(sorted(rows)), MAPPING, frozenset({2, 3}))


def attributes(tables: Tables) -> Exhibit | None:
    rows = tuple(
        (
            technique_name(row.technique),
            str(row.attributes),
            range_text(row.scale_min, row.scale_max, 0),
            count(row.n_ratings),
        )
        for row in rows_of(frame_of(tables, ATTRIBUTES))
    )
    return Exhibit(
        "What interviewers rate",
        ("Technique", "Attributes", "Scale", "Ratings"),
        rows,
        "marts_interviewing.fct_scorecard_ratings",
        frozenset({3}),
    )


def reliability(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, RELIABILITY)
    if frame.empty:
        return None
    rows = tuple(
        (
            family_name(row.job_family),
            variant_name(row.variant),
            words.correlation(row.value) if row.method == "stated" else estimate_text(row),
            words.RELIABILITY_METHODS.get(str(row.method), str(row.method)),
            people(row.n_pairs),
            people(row.n_raters),
            text_of(row.reason),
        )
        for row in rows_of(frame.sort_values(["job_family", "variant"]))
    )
    return Exhibit(
        "Reliability of the performance rating",
        ("Job family", "Raters", "Reliability", "How", "Hires with two opinions", "People who rated", "Remark"),
        rows,
        RELIABILITY,
        frozenset({2, 4, 5}),
    )


def predictor_reliability(tables: Tables) -> Exhibit | None:
    rows = tuple(
        (
            technique_name(row.technique),
            people(row.n_groups),
            words.correlation(row.icc),
            decimal(row.mean_size, 1),
            words.correlation(row.icc_of_mean),
        )
        for row in rows_of(frame_of(tables, PREDICTOR_RELIABILITY))
    )
    return Exhibit(
        "Agreement of interviewers who scored the same application in the same technique",
        (
            "Technique",
            "Applications with two or more scorecards",
            "ICC(1), one scorecard",
            "Scorecards",
            "Of their mean",
        ),
        rows,
        "marts_interviewing.fct_scorecards",
        frozenset({1, 2, 3, 4}),
        "One-way random-effects analysis of variance over overall recommendations (Searle, Casella & McCulloch 1992), "
        "stepped up by Spearman–Brown; severity of interviewers counts as error. Validity is never corrected for it: "
        "scores are studied as they are used.",
    )


def lineage(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, LINEAGE)
    if frame.empty:
        return None
    rows = tuple(
        (
            str(row.connection_id),
            str(row.stream),
            text_of(row.load_id),
            count(row.n_rows) if hasattr(row, "n_rows") else "",
        )
        for row in rows_of(frame.drop_duplicates(["connection_id", "stream"]))
    )
    heads = ("Connection", "Raw table", "Load", "Rows")
    return Exhibit("Loads behind the numbers", heads, rows, LINEAGE, frozenset({3}))


def published(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, PUBLISHED)
    rows = tuple((str(row.table_name), count(row.n_rows)) for row in rows_of(frame))
    return Exhibit(
        "Tables kept",
        ("Table", "Rows"),
        rows,
        PUBLISHED,
        frozenset({1}),
        "Persons and raters are tokens in all of them.",
    )


def reproduction(tables: Tables) -> Exhibit | None:
    estimates = frame_of(tables, ESTIMATES)
    names = {
        "as_of": "State of the data",
        "definition_version": "Version of the definitions",
        "lineage_id": "Lineage (loads, SQL, code, seed)",
        "code_version": "Code",
        "manifest_hash": "SQL of the models",
        "seed": "Seed of the resampling",
    }
    if estimates.empty or not set(names) <= set(estimates.columns):
        return None
    rows = tuple(
        (label, ", ".join(sorted(estimates[name].dropna().astype(str).unique()))) for name, label in names.items()
    )
    return Exhibit(
        "The same numbers again", ("What", "Is"), rows, ESTIMATES, note="The same lineage gives the same digits."
    )


def checks(tables: Tables) -> Exhibit | None:
    frame = frame_of(tables, CHECKS)
    if frame.empty:
        return None
    statuses = ("passed", "failed", "could_not_run", "skipped")
    counted = frame.groupby(["severity", "status"]).size().unstack(fill_value=0).reindex(columns=statuses, fill_value=0)
    rows = tuple((str(severity), *(count(row[name]) for name in statuses)) for severity, row in counted.iterrows())
    failed = frame[frame["status"].isin(["failed", "could_not_run"])]
    return Exhibit(
        "Checks of the data",
        ("Severity", "Passed", "Failed", "Could not run", "Skipped for want of data"),
        rows,
        CHECKS,
        frozenset({1, 2, 3, 4}),
        "A failed check of severity error keeps the data from being published.",
        tuple(text_of(row.message) or f"`{row.table}`: `{row.check}`." for row in rows_of(failed)),
    )
