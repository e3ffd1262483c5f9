with jobs as (
    {{ union_vendors('jobs', ['greenhouse', 'files'], [
        'connection_id', 'job_id', 'job_name', 'requisition_id', 'job_family', 'job_level', 'department_name', 'status',
        'opened_at', 'closed_at', 'updated_at', 'deleted_at', 'is_template'
    ]) }}
)

select
    source_vendor,
    connection_id,
    job_id,
    job_name,
    requisition_id,
    job_family,
    job_level,
    department_name,
    status,
    opened_at,
    closed_at,
    updated_at,
    deleted_at
from jobs
where not is_template
