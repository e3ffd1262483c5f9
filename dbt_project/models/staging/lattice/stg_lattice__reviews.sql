with answers as (
    select * from {{ ref('stg_lattice__review_answers') }}
)

select
    connection_id,
    review_id,
    cycle_id,
    reviewee_user_id,
    reviewer_id,
    relation,
    cast(null as date) as rated_on,
    max(submitted_at) as submitted_at,
    max(case when is_calibrated then 1 else 0 end) = 1 as is_calibrated,
    case when count(*) = count(deleted_at) then max(deleted_at) end as deleted_at
from answers
group by connection_id, review_id, cycle_id, reviewee_user_id, reviewer_id, relation
