with study_scores as (
    select * from {{ ref('validity_scores') }}
    where not is_hired
),

-- Attributes are rated where their technique was scored: `validity_scores` has everybody who belongs to the study.
people as (
    select
        connection_id,
        application_id,
        {{ block_of("connection_id || '|' || application_id") }} as block,
        max(case when technique = '__decision__' then score end) as decision_score
    from study_scores
    group by connection_id, application_id
),

attribute_scores as (
    select
        scores.job_family,
        scores.technique,
        scores.attribute,
        people.block,
        case when people.decision_score is null then '1' else '11' end as pattern,
        scores.score,
        coalesce(people.decision_score, 0) as decision_score
    from {{ ref('fct_predictor_scores') }} as scores
    inner join people
        on
            scores.connection_id = people.connection_id
            and scores.application_id = people.application_id
    where
        not scores.is_contaminated
        and scores.technique not in ('unmapped', 'debrief')
        and scores.attribute not in ('overall', 'attribute_mean')
)

select
    job_family,
    technique,
    attribute,
    block,
    pattern,
    count(*) as n,
    {{ settled('sum(score)') }} as sum_a,
    {{ settled('sum(decision_score)') }} as sum_d,
    {{ settled('sum(score * score)') }} as sum_aa,
    {{ settled('sum(score * decision_score)') }} as sum_ad,
    {{ settled('sum(decision_score * decision_score)') }} as sum_dd
from attribute_scores
group by job_family, technique, attribute, block, pattern
