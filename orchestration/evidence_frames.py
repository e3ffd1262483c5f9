"""What the evidence pack is made from: published tables, aggregates of the facts, and the tables of Local Law 144."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ingestion.warehouse import open_version
from orchestration.defs.report import published_frames

SMALLEST_GROUP = 10
"""People below which a mean or a range is not shown (PRIVACY 5)."""
MIN_SCORED_TWICE = 30
"""Applications with two scorecards below which the agreement of interviewers is not estimated."""
LL144_COLUMNS = [
    *("metric", "subject", "dimension", "category", "n", "selected", "rate", "impact_ratio", "share", "is_small"),
    "remark",
]

_OUTCOMES = "marts_validity.fct_hire_outcomes"
_PREDICTORS = "marts_validity.fct_predictor_scores"
_PERFORMANCE = "marts_performance.fct_performance_scores"
_RATINGS = "marts_performance.fct_performance_ratings"
_CARDS = "marts_interviewing.fct_scorecards"
_ATTRIBUTES = "marts_interviewing.fct_scorecard_ratings"
_SAMPLE = f"""
    rated as (
        select * from {_OUTCOMES} where not is_excluded and performance_rating_z is not null
    ),
    clean as (
        select * from {_PREDICTORS}
        where attribute = 'overall' and not is_contaminated and technique not in ('unmapped', 'debrief')
    )
"""

AGGREGATES: dict[str, tuple[tuple[str, ...], str]] = {
    "study.dates": (
        (_OUTCOMES, _PREDICTORS, _PERFORMANCE),
        f"""
        with {_SAMPLE}
        select 'Hired, reviewed and in the study' as what, min(hired_at) as first, max(hired_at) as last from rated
        union all
        select 'Scores of all applicants', min(first_submitted_at), max(first_submitted_at) from clean
        union all
        select 'Performance ratings in the study', min(first_rated_on), max(last_rated_on)
        from {_PERFORMANCE} join rated using (employee_connection_id, employee_id, spell_number)
        """,
    ),
    "study.gaps": (
        (_OUTCOMES, _PREDICTORS, _PERFORMANCE),
        f"""
        with {_SAMPLE},
        gaps as (
            select clean.technique, date_diff('day', clean.first_submitted_at::date, scored.last_rated_on) as days
            from clean
            join rated using (connection_id, application_id)
            join {_PERFORMANCE} as scored
                on scored.employee_connection_id = rated.employee_connection_id
                and scored.employee_id = rated.employee_id and scored.spell_number = rated.spell_number
        )
        select
            technique, count(days) as n, quantile_cont(days, .1) as p10, median(days) as p50,
            quantile_cont(days, .9) as p90
        from gaps group by technique order by technique
        """,
    ),
    "study.jobs": (
        (_OUTCOMES,),
        f"""
        select job_family, job_level, count(*) as n_hires, count(performance_rating_z) as n_rated
        from {_OUTCOMES} where not is_excluded group by all order by all
        """,
    ),
    "study.scales": (
        (_RATINGS,),
        f"""
        select
            scale_min, scale_max, count(distinct connection_id || cycle_id) as n_cycles, count(*) as n_ratings,
            count(distinct connection_id || reviewer_id) as n_raters,
            count(calibrated_rating) / count(*) as share_calibrated,
            count(*) filter (cell_kind = 'refused') / count(*) as share_refused
        from {_RATINGS} where is_in_window group by scale_min, scale_max order by scale_min, scale_max
        """,
    ),
    "study.scores": (
        (_OUTCOMES, _PREDICTORS),
        f"""
        with {_SAMPLE},
        scores as (
            select clean.technique, clean.job_family, clean.score,
                   case when rated.application_id is not null then clean.score end as rated_score
            from clean left join rated using (connection_id, application_id)
        )
        select
            technique, coalesce(job_family, 'all') as job_family,
            count(score) as n_applicants, avg(score) as mean_applicants, stddev_samp(score) as sd_applicants,
            min(score) as min_applicants, max(score) as max_applicants,
            count(rated_score) as n_rated, avg(rated_score) as mean_rated, stddev_samp(rated_score) as sd_rated,
            min(rated_score) as min_rated, max(rated_score) as max_rated
        from scores group by grouping sets ((technique), (technique, job_family))
        """,
    ),
    "study.criterion": (
        (_OUTCOMES,),
        f"""
        select
            'all' as job_family, count(*) as n_rated, avg(performance_rating_z) as mean_rated,
            stddev_samp(performance_rating_z) as sd_rated, min(performance_rating_z) as min_rated,
            max(performance_rating_z) as max_rated
        from {_OUTCOMES} where not is_excluded and performance_rating_z is not null
        """,
    ),
    "study.attributes": (
        (_ATTRIBUTES,),
        f"""
        select
            technique, string_agg(distinct attribute_name, ', ' order by attribute_name) as attributes,
            min(scale_min) as scale_min, max(scale_max) as scale_max, count(*) as n_ratings
        from {_ATTRIBUTES} where technique not in ('unmapped', 'debrief') group by technique order by technique
        """,
    ),
    "scorecards": (
        (_CARDS,),
        f"""
        select technique, dense_rank() over (order by connection_id, application_id) as application,
               recommendation_rank as recommendation
        from {_CARDS}
        where not is_draft and not is_submitted_after_decision and not is_edited_after_decision
            and recommendation_rank is not null and technique not in ('unmapped', 'debrief')
        qualify count(*) over (partition by connection_id, application_id, technique) > 1
        """,
    ),
}
"""By name: the tables it needs and the query; only aggregates, and scorecards without any id."""


def evidence_frames(version: Path) -> dict[str, pd.DataFrame]:
    """What the report reads of a published version: some tables whole, of the others aggregates, no row of a person."""
    from reporting import exhibit as names

    tables = published_frames(version, names.TABLES)
    with open_version(version) as connection:
        rows = connection.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
        present = {name for (name,) in rows}
        made = {
            key: connection.execute(query).df() for key, (needs, query) in AGGREGATES.items() if set(needs) <= present
        }
    cards = made.pop("scorecards", pd.DataFrame(columns=["technique", "application", "recommendation"]))
    return {
        **tables,
        **made,
        names.SCORES: _shown_scores(made.get(names.SCORES, pd.DataFrame())),
        names.PREDICTOR_RELIABILITY: agreement(cards),
        names.LL144: ll144_tables(tables.get(names.FAIRNESS, pd.DataFrame())),
    }


def _shown_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Families of a technique only where all of them are large: a hidden one could be worked out from the total."""
    if scores.empty:
        return scores
    families = scores[scores["job_family"] != "all"]
    counts = families[["n_applicants", "n_rated"]]
    is_small = ((counts > 0) & (counts < SMALLEST_GROUP)).any(axis=1)
    hidden = set(families.loc[is_small, "technique"])
    return scores[(scores["job_family"] == "all") | ~scores["technique"].isin(hidden)]


def agreement(cards: pd.DataFrame) -> pd.DataFrame:
    """Agreement of interviewers who scored the same application in the same technique, one row per technique.

    Args:
        cards: technique, application, recommendation (rank); applications with two or more scorecards.
    """
    from validity.attenuation import spearman_brown
    from validity.icc import one_way_anova

    rows = []
    for technique, mine in cards.groupby("technique"):
        if mine["application"].nunique() < MIN_SCORED_TWICE or mine["recommendation"].nunique() < 2:
            continue
        fit = one_way_anova(mine["recommendation"], mine["application"])
        icc = max(fit.icc1_n0, 0.0)
        rows.append(
            {
                "technique": technique,
                "n_groups": fit.n_groups,
                "icc": icc,
                "mean_size": fit.mean_size,
                "icc_of_mean": spearman_brown(icc, fit.mean_size),
            }
        )
    return pd.DataFrame(rows)


def ll144_tables(fairness: pd.DataFrame) -> pd.DataFrame:
    """Tables of Local Law 144: one row per metric, stage or technique (`subject`), dimension and category.

    Args:
        fairness: `validity.validity_fairness`; of it all families together, whole process and scoring rates.
    """
    if fairness.empty:
        return pd.DataFrame(columns=LL144_COLUMNS)
    is_all = fairness["job_family"] == "all"
    is_selection = (fairness["metric"] == "selection_rate") & (fairness["stage"] == "whole_process")
    kinds = {
        "selection": fairness[is_all & is_selection].assign(subject=lambda frame: frame["stage"]),
        "scoring": fairness[is_all & (fairness["metric"] == "scoring_rate")].assign(
            subject=lambda frame: frame["technique"]
        ),
    }
    parts = [
        _ll144(mine).assign(metric=metric, subject=subject, dimension=dimension)
        for metric, rows in kinds.items()
        for (subject, dimension), mine in rows.groupby(["subject", "dimension"], sort=False)
    ]
    return pd.concat(parts, ignore_index=True)[LL144_COLUMNS] if parts else pd.DataFrame(columns=LL144_COLUMNS)


def _ll144(rows: pd.DataFrame) -> pd.DataFrame:
    """One table: categories with ratios, then who is of none, then what may not be shown."""
    from validity.adverse_impact import ll144_selection
    from validity.fairness import WITHOUT_RATIO

    is_shown = rows["n"].notna() & rows["n_selected"].notna()
    is_category = ~rows["group"].isin(list(WITHOUT_RATIO))
    compared = rows[is_shown & is_category]
    made = ll144_selection(
        compared["group"].astype(str).tolist(),
        compared["n"].astype(int).tolist(),
        compared["n_selected"].astype(int).tolist(),
    ).assign(remark="")
    unknown = rows[is_shown & ~is_category]
    listed = pd.DataFrame({"category": unknown["group"], "n": unknown["n"], "selected": unknown["n_selected"]})
    listed["rate"] = listed["selected"].astype(float) / listed["n"].astype(float)
    listed["remark"] = "counted, not compared"
    hidden = rows[~is_shown]
    reasons = hidden["reason"].fillna("too few people to be shown")
    concealed = pd.DataFrame({"category": hidden["group"], "remark": reasons})
    return pd.concat([made, listed, concealed], ignore_index=True).reindex(
        columns=[name for name in LL144_COLUMNS if name not in ("metric", "subject", "dimension")]
    )
