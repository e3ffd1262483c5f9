with cycles as (
    {{ with_tombstones('lattice', 'review_cycles') }}
)

-- The vendor knows when reviews were collected, not which period they speak for.
select
    connection_id,
    id as cycle_id,
    name as cycle_name,
    cast(null as date) as period_ends_on,
    {{ local_date(utc('reviews_started_at')) }} as starts_on,
    {{ local_date(utc('reviews_ended_at')) }} as ends_on,
    coalesce(calibration_enabled, false) and calibration_ended_at is not null as is_calibrated,
    stage = 'Ended'
    or (
        reviews_ended_at is not null
        and (not coalesce(calibration_enabled, false) or calibration_ended_at is not null)
    ) as is_closed,
    deleted_at
from cycles
