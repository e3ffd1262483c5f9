with jobs as (
    {{ with_tombstones('greenhouse', 'jobs') }}
),

departments as (
    select * from {{ source('raw_greenhouse', 'departments') }}
)

select
    jobs.connection_id,
    jobs.id as job_id,
    jobs.name as job_name,
    jobs.requisition_id,
    coalesce(lower(jobs.job_family), 'unknown') as job_family,
    coalesce(jobs.job_level, 'unknown') as job_level,
    departments.name as department_name,
    jobs.status,
    coalesce(jobs.is_template, false) as is_template,
    {{ utc('jobs.opened_at') }} as opened_at,
    {{ utc('jobs.closed_at') }} as closed_at,
    {{ utc('jobs.updated_at') }} as updated_at,
    jobs.deleted_at
from jobs
left join departments
    on
        jobs.connection_id = departments.connection_id
        and jobs.department_id = departments.id
