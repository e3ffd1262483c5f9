with applications as (
    select * from {{ current_rows('applications') }}
)

select
    connection_id,
    application_id,
    candidate_id,
    job_id,
    source as source_name,
    status,
    false as is_prospect,
    {{ utc('applied_at') }} as applied_at,
    case when status = 'rejected' then {{ utc('decided_at') }} end as rejected_at,
    {{ to_string('null') }} as current_stage_name,
    {{ to_string('null') }} as recruiter_id,
    {{ utc('coalesce(updated_at, decided_at, applied_at)') }} as updated_at,
    cast(null as timestamp) as deleted_at
from applications
