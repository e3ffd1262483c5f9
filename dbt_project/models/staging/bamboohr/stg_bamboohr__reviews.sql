with reviews as (
    select * from {{ source('raw_bamboohr', 'performance_reviews') }}
)

-- A custom table with one overall rating a row, written by the manager.
select
    connection_id,
    id as review_id,
    coalesce(cycle, {{ to_string('date') }}) as cycle_id,
    employee_id as reviewee_user_id,
    reviewer_employee_id as reviewer_id,
    'manager' as relation,
    cast(date as timestamp) as submitted_at,
    false as is_calibrated,
    cast(null as timestamp) as deleted_at
from reviews
