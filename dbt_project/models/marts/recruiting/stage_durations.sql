with applications as (
    select * from {{ ref('fct_applications') }}
    where not is_excluded
),

-- Visits of one stage by one application count together; whoever is still in it, or left no stamp, has no duration yet.
stays as (
    select
        visits.connection_id,
        visits.application_id,
        visits.canonical_stage,
        applications.job_family,
        sum(visits.stage_days) as stage_days,
        count(*) = count(visits.stage_days) as is_known,
        max(case when visits.exited_at is null then 1 else 0 end) as is_open,
        max(visits.exited_at) as left_at
    from {{ ref('fct_stage_visits') }} as visits
    inner join applications
        on
            visits.connection_id = applications.connection_id
            and visits.application_id = applications.application_id
    group by visits.connection_id, visits.application_id, visits.canonical_stage, applications.job_family
),

dated as (
    select
        connection_id,
        application_id,
        canonical_stage,
        job_family,
        case when is_known then {{ settled('stage_days') }} end as stage_days,
        is_open,
        case when is_known then {{ period_start('quarter', local_date('left_at')) }} end as quarter
    from stays
),

families as (
    select * from dated
    union all
    select
        connection_id,
        application_id,
        canonical_stage,
        'all' as job_family,
        stage_days,
        is_open,
        quarter
    from dated
),

members as (
    select * from families
    where quarter is not null
    union all
    select
        connection_id,
        application_id,
        canonical_stage,
        job_family,
        stage_days,
        is_open,
        cast(null as date) as quarter
    from families
),

ranked as (
    select
        *,
        row_number() over (
            partition by job_family, canonical_stage, quarter
            order by stage_days asc nulls last, connection_id asc, application_id asc
        ) as position_from_below,
        count(stage_days) over (partition by job_family, canonical_stage, quarter) as n
    from members
),

summed as (
    select
        job_family,
        quarter,
        canonical_stage,
        max(n) as n,
        {{ to_bigint('sum(is_open)') }} as n_open,
        {{ quantile('stage_days', 0.5) }} as median_days,
        min(case when position_from_below = {{ median_rank('n') }} then stage_days end) as median_lo,
        min(case when position_from_below = n + 1 - {{ median_rank('n') }} then stage_days end) as median_hi,
        {{ quantile('stage_days', 0.9) }} as p90_days
    from ranked
    group by job_family, quarter, canonical_stage
)

select
    job_family,
    quarter,
    canonical_stage,
    n,
    n_open,
    {{ if_estimable('median_days', 'n') }} as median_days,
    {{ if_estimable('median_lo', 'n') }} as median_lo,
    {{ if_estimable('median_hi', 'n') }} as median_hi,
    {{ if_estimable('p90_days', 'n') }} as p90_days,
    {{ rate_status('n') }} as status
from summed
