with interviews as (
    {{ with_tombstones('greenhouse', 'interviews') }}
),

slots as (
    select * from {{ source('raw_greenhouse', 'job_interviews') }}
),

stages as (
    select * from {{ source('raw_greenhouse', 'job_interview_stages') }}
)

select
    interviews.connection_id,
    interviews.id as interview_id,
    interviews.application_id,
    interviews.job_id,
    slots.name as interview_name,
    stages.name as stage_name,
    {{ utc('interviews.scheduled_at') }} as scheduled_at,
    {{ utc('interviews.starts_at') }} as starts_at,
    {{ utc('interviews.ends_at') }} as ends_at,
    case
        when interviews.status = 'complete' then 'complete'
        when interviews.status = 'skipped' then 'cancelled'
        when interviews.status in ('awaiting_feedback', 'collect_feedback', 'received') then 'awaiting_feedback'
        else 'scheduled'
    end as status,
    coalesce(
        cast({{ hours_between('interviews.starts_at', 'interviews.ends_at') }} * 60 as bigint), slots.duration
    ) as duration_minutes,
    interviews.deleted_at
from interviews
left join slots
    on
        interviews.connection_id = slots.connection_id
        and interviews.job_interview_id = slots.id
left join stages
    on
        slots.connection_id = stages.connection_id
        and slots.job_interview_stage_id = stages.id
