with statuses as (
    {{ with_tombstones('bamboohr', 'employment_status') }}
),

employees as (
    select * from {{ ref('stg_bamboohr__employees') }}
),

-- Whom the firm deleted (a test entry, a duplicate) never had a stay, whatever rows were left behind.
removed as (
    select
        connection_id,
        employee_id
    from employees
    where deleted_at is not null
),

marked as (
    select
        statuses.connection_id,
        statuses.employee_id,
        statuses.date as effective_on,
        statuses.id,
        lower(statuses.employment_status) like '%terminated%' as is_end,
        coalesce(statuses.termination_type, '') as termination_type,
        statuses.termination_reason
    from statuses
    left join removed
        on
            statuses.connection_id = removed.connection_id
            and statuses.employee_id = removed.employee_id
    where statuses.deleted_at is null and removed.employee_id is null
),

-- A stay begins with the first row, or with the first row after an end; a change of contract in between does not.
sequenced as (
    select
        *,
        not is_end
        and coalesce(
            lag(is_end) over (partition by connection_id, employee_id order by effective_on, is_end, id), true
        ) as is_start
    from marked
),

numbered as (
    select
        *,
        sum(case when is_start then 1 else 0 end) over (
            partition by connection_id, employee_id
            order by effective_on asc nulls first, is_end asc nulls first, id asc nulls first
            rows between unbounded preceding and current row
        ) as spell_number
    from sequenced
),

from_history as (
    select
        connection_id,
        employee_id,
        cast(spell_number as bigint) as spell_number,
        min(case when is_start then effective_on end) as started_on,
        min(case when is_end then effective_on end) as ended_on,
        min(case when is_end then lower(termination_type) end) as termination_type,
        min(case when is_end then termination_reason end) as termination_reason
    from numbered
    where spell_number > 0
    group by connection_id, employee_id, spell_number
),

-- Without a history the employee record knows the latest stay.
from_record as (
    select
        employees.connection_id,
        employees.employee_id,
        cast(1 as bigint) as spell_number,
        employees.hired_on as started_on,
        employees.terminated_on as ended_on,
        cast(null as varchar) as termination_type,
        cast(null as varchar) as termination_reason
    from employees
    left join from_history
        on
            employees.connection_id = from_history.connection_id
            and employees.employee_id = from_history.employee_id
    where
        from_history.employee_id is null
        and employees.hired_on is not null
        and employees.deleted_at is null
)

select
    connection_id,
    employee_id,
    spell_number,
    started_on,
    ended_on,
    case
        when ended_on is null then null
        when termination_type like '%involuntary%' then 'involuntary'
        when termination_type like '%voluntary%' then 'voluntary'
        when termination_type in ('', 'unknown') or termination_type is null then 'unknown'
        else 'other'
    end as end_type,
    termination_reason
from (
    select * from from_history
    union all
    select * from from_record
) as spells
