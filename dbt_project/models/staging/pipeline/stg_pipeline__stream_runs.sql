select
    run_id,
    connection_id,
    vendor,
    stream,
    status,
    n_rows,
    n_quarantined,
    {{ utc('started_at') }} as started_at,
    {{ utc('ended_at') }} as ended_at
from {{ source('raw_ops', 'stream_runs') }}
