with reviews as (
    select * from {{ ref('stg_bamboohr__review_rows') }}
),

people as (
    select
        connection_id,
        employee_id,
        deleted_at
    from reviews
    union all
    select
        connection_id,
        reviewer_employee_id as employee_id,
        deleted_at
    from reviews
)

-- The review table names people by their HRIS id.
select
    connection_id,
    employee_id as user_id,
    employee_id as external_employee_id,
    {{ to_string('null') }} as email_token,
    case when count(*) = count(deleted_at) then max(deleted_at) end as deleted_at
from people
where employee_id is not null
group by connection_id, employee_id
