with reviews as (
    select * from {{ current_rows('reviews') }}
)

-- What a firm exports has ended; an `in progress` row says otherwise.
select
    connection_id,
    cycle_id,
    coalesce(min(cycle_name), cycle_id) as cycle_name,
    max(period_end) as period_ends_on,
    min(period_start) as starts_on,
    max(period_end) as ends_on,
    max(case when is_calibrated then 1 else 0 end) = 1 as is_calibrated,
    max(case when lower(coalesce(status, '')) in ('in progress', 'in_progress', 'open') then 1 else 0 end) = 0
        as is_closed,
    cast(null as timestamp) as deleted_at
from reviews
group by connection_id, cycle_id
