with employees as (
    {{ with_tombstones('bamboohr', 'employees') }}
)

select
    connection_id,
    id as employee_id,
    employee_number,
    {{ to_string('null') }} as candidate_external_id,
    work_email as work_email_token,
    home_email as home_email_token,
    hire_date as hired_on,
    termination_date as terminated_on,
    case when lower(status) = 'inactive' or termination_date is not null then 'inactive' else 'active' end as status,
    supervisor_id as manager_employee_id,
    department as department_name,
    job_title,
    job_level,
    lower(job_family) as job_family,
    {{ utc('last_changed_at') }} as updated_at,
    deleted_at
from employees
