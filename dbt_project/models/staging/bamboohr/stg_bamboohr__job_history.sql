with job_info as (
    {{ with_tombstones('bamboohr', 'job_info') }}
),

ranked as (
    select
        *,
        row_number() over (partition by connection_id, employee_id, date order by id desc) as recency
    from job_info
    where deleted_at is null
)

select
    connection_id,
    employee_id,
    date as effective_on,
    department as department_name,
    job_title,
    job_level
from ranked
where recency = 1
