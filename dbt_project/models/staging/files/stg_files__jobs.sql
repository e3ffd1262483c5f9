with applications as (
    select * from {{ current_rows('applications') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by connection_id, job_id
            order by updated_at desc nulls last, applied_at desc, application_id asc
        ) as recency
    from applications
    where job_id is not null
)

-- Spreadsheets name the job on every application; the newest one is right.
select
    connection_id,
    job_id,
    job_title as job_name,
    {{ to_string('null') }} as requisition_id,
    coalesce(lower(job_family), 'unknown') as job_family,
    coalesce(job_level, 'unknown') as job_level,
    {{ to_string('null') }} as department_name,
    {{ to_string('null') }} as status,
    false as is_template,
    cast(null as timestamp) as opened_at,
    cast(null as timestamp) as closed_at,
    {{ utc('updated_at') }} as updated_at,
    cast(null as timestamp) as deleted_at
from ranked
where recency = 1
