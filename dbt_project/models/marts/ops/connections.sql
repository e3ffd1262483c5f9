select
    connection_id,
    vendor,
    first_seen_at,
    last_seen_at,
    is_active
from {{ ref('stg_pipeline__connections') }}
