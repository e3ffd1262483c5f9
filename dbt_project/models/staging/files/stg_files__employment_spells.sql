with employees as (
    select * from {{ current_rows('employees') }}
)

-- The spreadsheet keeps one stay per employee.
select
    connection_id,
    employee_id,
    cast(1 as bigint) as spell_number,
    hire_date as started_on,
    termination_date as ended_on,
    case when termination_date is not null then coalesce(termination_type, 'unknown') end as end_type,
    termination_reason
from employees
