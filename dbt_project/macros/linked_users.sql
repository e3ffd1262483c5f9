{# Users of a system linked to HRIS employees, one row a linked user: the ladder of evidence, strongest rung first. #}
{% macro linked_users(users, external_employee_id, connection_column) %}
with users as (
    select
        connection_id,
        user_id,
        {{ external_employee_id }} as external_employee_id,
        email_token
    from {{ users }}
    where deleted_at is null
),

employees as (
    select * from {{ ref('employees') }}
    where deleted_at is null
),

-- Rungs, strongest first. The number the firm gives an employee is a second spelling of the id.
evidence as (
    {%- for told, known, method, rung in [
        ('external_employee_id', 'employee_id', 'vendor_id', 1),
        ('external_employee_id', 'employee_number', 'vendor_id', 1),
        ('email_token', 'work_email_token', 'email', 2),
    ] %}
    {{ 'union all' if not loop.first }}
    select
        users.connection_id,
        users.user_id,
        employees.connection_id as employee_connection_id,
        employees.employee_id,
        '{{ method }}' as method,
        {{ rung }} as rung
    from users
    inner join employees
        on users.{{ told }} = employees.{{ known }}
    {%- endfor %}
),

-- Two HRIS connections can both know employee 101: the own connection wins, then agreement of several rungs.
weighed as (
    select
        connection_id,
        user_id,
        employee_connection_id,
        employee_id,
        case when min(rung) = 1 then 'vendor_id' else 'email' end as method,
        min(rung) as rung,
        count(distinct rung) as n_rungs,
        max(case when connection_id = employee_connection_id then 1 else 0 end) as is_own
    from evidence
    group by connection_id, user_id, employee_connection_id, employee_id
),

ranked as (
    select
        *,
        rank() over (partition by connection_id, user_id order by is_own desc, rung asc, n_rungs desc) as preference
    from weighed
),

-- Two equally good employees are no link.
decided as (
    select
        *,
        count(*) over (partition by connection_id, user_id) as n_best
    from ranked
    where preference = 1
)

select
    connection_id as {{ connection_column }},
    user_id,
    employee_connection_id,
    employee_id,
    method
from decided
where n_best = 1
{% endmacro %}
