with applications as (
    {{ with_tombstones('greenhouse', 'applications') }}
),

sources as (
    select * from {{ source('raw_greenhouse', 'sources') }}
)

select
    applications.connection_id,
    applications.id as application_id,
    applications.candidate_id,
    applications.job_id,
    sources.name as source_name,
    -- A prospect that became a candidate leaves a second, `converted` row behind.
    case when applications.status = 'converted' then 'in_process' else applications.status end as status,
    coalesce(applications.prospect, false) or applications.status = 'converted' as is_prospect,
    {{ utc('applications.created_at') }} as applied_at,
    {{ utc('applications.rejected_at') }} as rejected_at,
    applications.stage_name as current_stage_name,
    applications.recruiter_id,
    {{ utc('applications.updated_at') }} as updated_at,
    applications.deleted_at
from applications
left join sources
    on
        applications.connection_id = sources.connection_id
        and applications.source_id = sources.id
