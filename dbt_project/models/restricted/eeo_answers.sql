with answers as (
    select * from {{ source('demographics_greenhouse', 'eeoc') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by connection_id, application_id
            order by submitted_at desc nulls last, id desc
        ) as recency
    from answers
)

select
    connection_id,
    application_id,
    candidate_id,
    gender,
    race as race_ethnicity,
    veteran_status,
    disability_status,
    {{ utc('submitted_at') }} as submitted_at
from ranked
where recency = 1
