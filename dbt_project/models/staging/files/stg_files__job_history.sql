with employees as (
    select * from {{ current_rows('employees') }}
),

changes as (
    select * from {{ current_rows('job_changes') }}
    where change_type != 'comp_change'
),

-- The first day of the stay is an event that changes nothing.
events as (
    select
        connection_id,
        employee_id,
        hire_date as effective_on,
        '' as change_type,
        {{ to_string('null') }} as old_department,
        {{ to_string('null') }} as new_department,
        {{ to_string('null') }} as old_title,
        {{ to_string('null') }} as new_title,
        {{ to_string('null') }} as old_level,
        {{ to_string('null') }} as new_level
    from employees
    union all
    select
        connection_id,
        employee_id,
        effective_date as effective_on,
        change_type,
        old_department,
        new_department,
        old_title,
        new_title,
        old_level,
        new_level
    from changes
),

ordered as (
    select
        events.*,
        employees.department,
        employees.job_title,
        employees.job_level,
        row_number() over (
            partition by events.connection_id, events.employee_id order by events.effective_on, events.change_type
        ) as event_number,
        row_number() over (
            partition by events.connection_id, events.employee_id, events.effective_on order by events.change_type desc
        ) as recency
    from events
    left join employees
        on
            events.connection_id = employees.connection_id
            and events.employee_id = employees.employee_id
),

-- One row per event and column of the history: the columns change on days of their own.
told as (
    select
        connection_id,
        employee_id,
        effective_on,
        event_number,
        recency,
        'department' as told_column,
        old_department as old_value,
        new_department as new_value,
        department as recorded_value
    from ordered
    union all
    select
        connection_id,
        employee_id,
        effective_on,
        event_number,
        recency,
        'title' as told_column,
        old_title as old_value,
        new_title as new_value,
        job_title as recorded_value
    from ordered
    union all
    select
        connection_id,
        employee_id,
        effective_on,
        event_number,
        recency,
        'level' as told_column,
        old_level as old_value,
        new_level as new_value,
        job_level as recorded_value
    from ordered
),

counted as (
    select
        *,
        count(new_value) over (
            partition by connection_id, employee_id, told_column
            order by event_number asc nulls first
            rows between unbounded preceding and current row
        ) as n_set,
        min(case when coalesce(old_value, new_value) is not null then event_number end) over (
            partition by connection_id, employee_id, told_column
        ) as first_told
    from told
),

-- A value holds until the next change; before the first, what that one calls old. The record knows what never changed.
carried as (
    select
        *,
        case
            when first_told is null then recorded_value
            when n_set > 0 then max(new_value) over (partition by connection_id, employee_id, told_column, n_set)
            else
                max(case when event_number = first_told then old_value end) over (
                    partition by connection_id, employee_id, told_column
                )
        end as held_value
    from counted
)

select
    connection_id,
    employee_id,
    effective_on,
    max(case when told_column = 'department' then held_value end) as department_name,
    max(case when told_column = 'title' then held_value end) as job_title,
    max(case when told_column = 'level' then held_value end) as job_level
from carried
where recency = 1
group by connection_id, employee_id, effective_on
