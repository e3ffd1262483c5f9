with employees as (
    select * from {{ current_rows('employees') }}
),

changes as (
    select * from {{ current_rows('job_changes') }}
),

ordered as (
    select
        *,
        row_number() over (
            partition by connection_id, employee_id
            order by effective_date, change_type
        ) as change_order,
        row_number() over (
            partition by connection_id, employee_id, effective_date
            order by change_type desc
        ) as recency
    from changes
    where change_type != 'comp_change'
),

-- Before the first change the employee was what that change calls old; without changes, what the record says.
at_start as (
    select
        employees.connection_id,
        employees.employee_id,
        employees.hire_date as effective_on,
        coalesce(ordered.old_department, employees.department) as department_name,
        coalesce(ordered.old_title, employees.job_title) as job_title,
        coalesce(ordered.old_level, employees.job_level) as job_level
    from employees
    left join ordered
        on
            employees.connection_id = ordered.connection_id
            and employees.employee_id = ordered.employee_id
            and ordered.change_order = 1
),

after_changes as (
    select
        ordered.connection_id,
        ordered.employee_id,
        ordered.effective_date as effective_on,
        ordered.new_department as department_name,
        ordered.new_title as job_title,
        ordered.new_level as job_level
    from ordered
    left join at_start
        on
            ordered.connection_id = at_start.connection_id
            and ordered.employee_id = at_start.employee_id
            and ordered.effective_date = at_start.effective_on
    where ordered.recency = 1 and at_start.employee_id is null
)

select * from at_start
union all
select * from after_changes
