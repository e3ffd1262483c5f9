with reviews as (
    select * from {{ source('raw_bamboohr', 'performance_reviews') }}
)

select
    connection_id,
    coalesce(cycle, {{ to_string('date') }}) as cycle_id,
    coalesce(cycle, {{ to_string('date') }}) as cycle_name,
    cast(null as date) as period_ends_on,
    min(date) as starts_on,
    max(date) as ends_on,
    false as is_calibrated,
    true as is_closed,
    cast(null as timestamp) as deleted_at
from reviews
group by connection_id, coalesce(cycle, {{ to_string('date') }})
