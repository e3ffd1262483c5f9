with reviews as (
    select * from {{ current_rows('reviews') }}
),

people as (
    select
        connection_id,
        employee_id
    from reviews
    union distinct
    select
        connection_id,
        reviewer_employee_id as employee_id
    from reviews
)

-- Review files name people by their HRIS id.
select
    connection_id,
    employee_id as user_id,
    employee_id as external_employee_id,
    {{ to_string('null') }} as email_token,
    cast(null as timestamp) as deleted_at
from people
where employee_id is not null
