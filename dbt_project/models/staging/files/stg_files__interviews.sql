with seats as (
    select * from {{ current_rows('interviews') }}
)

-- One row per interviewer in the drop; one row per interview here.
select
    connection_id,
    interview_id,
    min(application_id) as application_id,
    min(job_id) as job_id,
    min(interview_name) as interview_name,
    min(stage_name) as stage_name,
    cast(null as timestamp) as scheduled_at,
    {{ utc('min(starts_at)') }} as starts_at,
    {{ utc('max(ends_at)') }} as ends_at,
    case
        when max(case when lower(status) in ('complete', 'completed', 'done', 'held') then 1 else 0 end) = 1
            then 'complete'
        when min(case when lower(status) in ('cancelled', 'canceled', 'no show', 'skipped') then 1 else 0 end) = 1
            then 'cancelled'
        else 'scheduled'
    end as status,
    cast({{ hours_between('min(starts_at)', 'max(ends_at)') }} * 60 as bigint) as duration_minutes,
    cast(null as timestamp) as deleted_at
from seats
group by connection_id, interview_id
