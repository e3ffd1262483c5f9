-- Only a completed sweep proves anything.
select
    sweep_id,
    connection_id,
    vendor,
    stream,
    {{ utc('started_at') }} as started_at,
    {{ utc('completed_at') }} as completed_at,
    n_ids
from {{ source('raw_ops', 'sweeps') }}
where completed_at is not null
