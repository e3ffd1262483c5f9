with interviews as (
    {{ union_vendors('interviews', ['greenhouse', 'files'], [
        'connection_id', 'interview_id', 'application_id', 'job_id', 'interview_name', 'stage_name', 'scheduled_at',
        'starts_at', 'ends_at', 'status', 'duration_minutes', 'deleted_at'
    ]) }}
),

applications as (
    select * from {{ ref('applications') }}
),

interview_names as (
    select * from {{ ref('interview_names') }}
)

select
    interviews.source_vendor,
    interviews.connection_id,
    interviews.interview_id,
    interviews.application_id,
    interviews.job_id,
    interviews.interview_name,
    coalesce(interview_names.technique, 'unmapped') as technique,
    interviews.stage_name,
    interviews.scheduled_at,
    interviews.starts_at,
    interviews.ends_at,
    interviews.status,
    interviews.duration_minutes,
    coalesce(interviews.deleted_at, applications.deleted_at) as deleted_at
from interviews
left join interview_names
    on interviews.interview_name = interview_names.interview_name
left join applications
    on
        interviews.connection_id = applications.connection_id
        and interviews.application_id = applications.application_id
