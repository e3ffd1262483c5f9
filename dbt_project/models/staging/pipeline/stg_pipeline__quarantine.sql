select
    connection_id,
    vendor,
    stream,
    record_key,
    rule,
    {{ utc('first_seen_at') }} as first_seen_at,
    {{ utc('resolved_at') }} as resolved_at
from {{ source('raw_ops', 'quarantine') }}
