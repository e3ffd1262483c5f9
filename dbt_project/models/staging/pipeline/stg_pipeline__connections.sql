select
    connection_id,
    vendor,
    {{ utc('first_seen_at') }} as first_seen_at,
    {{ utc('last_seen_at') }} as last_seen_at,
    coalesce(is_active, false) as is_active
from {{ source('raw_ops', 'connections') }}
