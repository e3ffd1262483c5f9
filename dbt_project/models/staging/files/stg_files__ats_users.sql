with seats as (
    select
        connection_id,
        interviewer_id
    from {{ current_rows('interviews') }}
),

cards as (
    select
        connection_id,
        interviewer_id
    from {{ current_rows('scorecards') }}
),

everyone as (
    select * from seats
    union distinct
    select * from cards
)

-- Spreadsheets name interviewers by their HRIS id.
select
    connection_id,
    interviewer_id as user_id,
    interviewer_id as employee_id,
    {{ to_string('null') }} as email_token,
    true as is_active,
    cast(null as timestamp) as deleted_at
from everyone
where interviewer_id is not null
