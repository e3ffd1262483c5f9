-- Hires that the study leaves out (internal moves, rehires) are neither hires nor rejected here.
with decided as (
    select
        connection_id,
        application_id
    from {{ ref('fct_applications') }}
    where status != 'in_process' and not is_excluded
),

left_out as (
    select
        connection_id,
        application_id
    from {{ ref('fct_hire_outcomes') }}
    where is_excluded
)

select
    scores.connection_id,
    scores.application_id,
    scores.job_family,
    case when scores.technique = 'debrief' then '__decision__' else scores.technique end as technique,
    scores.score,
    scores.is_hired
from {{ ref('fct_predictor_scores') }} as scores
inner join decided
    on
        scores.connection_id = decided.connection_id
        and scores.application_id = decided.application_id
left join left_out
    on
        scores.connection_id = left_out.connection_id
        and scores.application_id = left_out.application_id
where
    left_out.application_id is null
    and not scores.is_contaminated
    and scores.technique != 'unmapped'
    and (
        (scores.technique != 'debrief' and scores.attribute = 'overall')
        or (scores.technique = 'debrief' and scores.attribute = '__decision__')
    )
