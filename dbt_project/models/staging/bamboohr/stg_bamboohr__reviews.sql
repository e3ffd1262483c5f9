with reviews as (
    select * from {{ ref('stg_bamboohr__review_rows') }}
)

-- A custom table with one overall rating a row, written by the manager.
select
    connection_id,
    review_id,
    cycle_id,
    employee_id as reviewee_user_id,
    reviewer_employee_id as reviewer_id,
    'manager' as relation,
    rated_on,
    cast(rated_on as timestamp) as submitted_at,
    false as is_calibrated,
    deleted_at
from reviews
