with visits as (
    {{ with_tombstones('greenhouse', 'application_stages') }}
),

stages as (
    select * from {{ source('raw_greenhouse', 'job_interview_stages') }}
)

-- Every stage of the job has a row, visited or not: only an entry time or `current` proves a visit.
select
    visits.connection_id,
    visits.id as application_stage_id,
    visits.application_id,
    stages.name as stage_name,
    stages.sort_order as stage_order,
    {{ utc('visits.entered_at') }} as entered_at,
    {{ utc('visits.exited_at') }} as exited_at,
    coalesce(visits.current, false) as is_current,
    visits.deleted_at
from visits
left join stages
    on
        visits.connection_id = stages.connection_id
        and visits.job_interview_stage_id = stages.id
where visits.entered_at is not null or visits.current
