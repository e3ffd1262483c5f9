with answers as (
    select * from {{ ref('stg_files__review_answers') }}
)

select
    connection_id,
    review_id,
    min(cycle_id) as cycle_id,
    min(employee_id) as reviewee_user_id,
    min(reviewer_employee_id) as reviewer_id,
    min(relation) as relation,
    cast(null as date) as rated_on,
    max(submitted_at) as submitted_at,
    max(case when calibrated_rating is not null then 1 else 0 end) = 1 as is_calibrated,
    cast(null as timestamp) as deleted_at
from answers
group by connection_id, review_id
