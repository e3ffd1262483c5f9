with reviews as (
    select * from {{ ref('stg_bamboohr__review_rows') }}
)

-- A table of ratings does not say when its cycle is over; marts judge that by the dates.
select
    connection_id,
    cycle_id,
    cycle_id as cycle_name,
    cast(null as date) as period_ends_on,
    min(case when deleted_at is null then rated_on end) as starts_on,
    max(case when deleted_at is null then rated_on end) as ends_on,
    false as is_calibrated,
    cast(null as boolean) as is_closed,
    case when count(*) = count(deleted_at) then max(deleted_at) end as deleted_at
from reviews
group by connection_id, cycle_id
