with runs as (
    select * from {{ ref('stg_pipeline__stream_runs') }}
),

latest as (
    select
        connection_id,
        stream,
        vendor,
        status,
        row_number() over (
            partition by connection_id, stream order by ended_at desc nulls last, started_at desc, run_id desc
        ) as recency
    from runs
),

successes as (
    select
        *,
        row_number() over (partition by connection_id, stream order by ended_at desc nulls last, run_id desc) as recency
    from runs
    where status = 'ok'
),

totals as (
    select
        connection_id,
        stream,
        max(case when recency = 1 then ended_at end) as last_success_at,
        max(case when recency = 1 then n_rows end) as last_rows,
        max(case when recency = 2 then n_rows end) as previous_rows,
        {{ to_bigint('sum(n_rows)') }} as n_rows_total,
        max(n_rows) as largest_run_rows
    from successes
    group by connection_id, stream
),

quarantine as (
    select
        connection_id,
        stream,
        count(*) as n_quarantined
    from {{ ref('stg_pipeline__quarantine') }}
    where resolved_at is null
    group by connection_id, stream
),

connections as (
    select * from {{ ref('stg_pipeline__connections') }}
),

newest as (
    select max(ended_at) as newest_at from runs
),

-- A connection that was taken out of connections.toml is not expected to be fresh.
joined as (
    select
        latest.connection_id,
        latest.vendor,
        latest.stream,
        totals.last_success_at,
        latest.status as last_status,
        totals.last_rows,
        totals.previous_rows,
        coalesce(quarantine.n_quarantined, 0) as n_quarantined,
        coalesce(totals.n_rows_total, 0) as n_rows_total,
        coalesce(totals.largest_run_rows, 0) as largest_run_rows,
        {{ hours_between('totals.last_success_at', 'newest.newest_at') }} as hours_since_success
    from latest
    cross join newest
    left join totals
        on
            latest.connection_id = totals.connection_id
            and latest.stream = totals.stream
    left join quarantine
        on
            latest.connection_id = quarantine.connection_id
            and latest.stream = quarantine.stream
    left join connections
        on latest.connection_id = connections.connection_id
    where latest.recency = 1 and coalesce(connections.is_active, true)
)

select
    connection_id,
    vendor,
    stream,
    last_success_at,
    last_status,
    last_rows,
    previous_rows,
    n_quarantined,
    n_rows_total,
    largest_run_rows,
    hours_since_success,
    coalesce(hours_since_success > {{ var('stale_hours') }}, true) as is_stale
from joined
