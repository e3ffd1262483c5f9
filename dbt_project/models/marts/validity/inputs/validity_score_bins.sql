{#- Half a point of a five-point scale: an eighth of the mapped score. The top score has a bin of its own. -#}
{%- set bins = 8 -%}
with scores as (
    select
        scores.job_family,
        scores.technique,
        {{ to_bigint('floor(' ~ settled('scores.score') ~ ' * ' ~ bins ~ ')') }} as score_bin,
        scores.is_hired,
        outcomes.performance_rating_z
    from {{ ref('validity_scores') }} as scores
    left join {{ ref('fct_hire_outcomes') }} as outcomes
        on
            scores.connection_id = outcomes.connection_id
            and scores.application_id = outcomes.application_id
),

by_family as (
    select
        job_family,
        technique,
        score_bin,
        count(*) as n_applicants,
        sum(case when is_hired then 1 else 0 end) as n_hired,
        count(performance_rating_z) as n_rated,
        coalesce(sum(performance_rating_z), 0) as sum_rating,
        coalesce(sum(performance_rating_z * performance_rating_z), 0) as sum_rating_sq
    from scores
    group by job_family, technique, score_bin
),

members as (
    select * from by_family
    union all
    select
        'all' as job_family,
        technique,
        score_bin,
        n_applicants,
        n_hired,
        n_rated,
        sum_rating,
        sum_rating_sq
    from by_family
)

select
    job_family,
    technique,
    score_bin,
    cast(score_bin as double) / {{ bins }} as score_lo,
    cast(score_bin + 1 as double) / {{ bins }} as score_hi,
    {{ to_bigint('sum(n_applicants)') }} as n_applicants,
    {{ to_bigint('sum(n_hired)') }} as n_hired,
    {{ to_bigint('sum(n_rated)') }} as n_rated,
    {{ settled('sum(sum_rating)') }} as sum_rating,
    {{ settled('sum(sum_rating_sq)') }} as sum_rating_sq
from members
group by job_family, technique, score_bin
