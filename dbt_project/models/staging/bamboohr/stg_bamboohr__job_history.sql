with job_info as (
    {{ with_tombstones('bamboohr', 'job_info') }}
),

removed as (
    select
        connection_id,
        employee_id
    from {{ ref('stg_bamboohr__employees') }}
    where deleted_at is not null
),

ranked as (
    select
        job_info.*,
        row_number() over (
            partition by job_info.connection_id, job_info.employee_id, job_info.date order by job_info.id desc
        ) as recency
    from job_info
    left join removed
        on
            job_info.connection_id = removed.connection_id
            and job_info.employee_id = removed.employee_id
    where job_info.deleted_at is null and removed.employee_id is null
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
