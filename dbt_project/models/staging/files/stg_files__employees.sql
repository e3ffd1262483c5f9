with employees as (
    select * from {{ current_rows('employees') }}
)

select
    connection_id,
    employee_id,
    {{ to_string('null') }} as employee_number,
    candidate_external_id,
    work_email as work_email_token,
    personal_email as home_email_token,
    hire_date as hired_on,
    termination_date as terminated_on,
    case when termination_date is null then 'active' else 'inactive' end as status,
    manager_employee_id,
    department as department_name,
    job_title,
    job_level,
    lower(job_family) as job_family,
    {{ utc('updated_at') }} as updated_at,
    cast(null as timestamp) as deleted_at
from employees
