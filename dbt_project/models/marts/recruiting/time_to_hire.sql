with moves as (
    select
        connection_id,
        application_id
    from {{ ref('fct_hire_outcomes') }}
    where exclusion_reason = 'internal_move'
),

hires as (
    select
        applications.connection_id,
        applications.application_id,
        applications.job_family,
        applications.days_to_hire,
        {{ period_start('quarter', local_date('applications.hired_at')) }} as quarter
    from {{ ref('fct_applications') }} as applications
    left join moves
        on
            applications.connection_id = moves.connection_id
            and applications.application_id = moves.application_id
    where not applications.is_excluded and applications.days_to_hire is not null and moves.application_id is null
),

families as (
    select * from hires
    union all
    select
        connection_id,
        application_id,
        'all' as job_family,
        days_to_hire,
        quarter
    from hires
),

members as (
    select * from families
    union all
    select
        connection_id,
        application_id,
        job_family,
        days_to_hire,
        cast(null as date) as quarter
    from families
),

ranked as (
    select
        *,
        row_number() over (
            partition by job_family, quarter order by days_to_hire asc, connection_id asc, application_id asc
        ) as position_from_below,
        count(*) over (partition by job_family, quarter) as n
    from members
),

summed as (
    select
        job_family,
        quarter,
        max(n) as n,
        {{ quantile('days_to_hire', 0.5) }} as median_days,
        min(case when position_from_below = {{ median_rank('n') }} then days_to_hire end) as median_lo,
        min(case when position_from_below = n + 1 - {{ median_rank('n') }} then days_to_hire end) as median_hi,
        {{ quantile('days_to_hire', 0.9) }} as p90_days
    from ranked
    group by job_family, quarter
)

select
    job_family,
    quarter,
    n,
    {{ if_estimable('median_days', 'n') }} as median_days,
    {{ if_estimable('median_lo', 'n') }} as median_lo,
    {{ if_estimable('median_hi', 'n') }} as median_hi,
    {{ if_estimable('p90_days', 'n') }} as p90_days,
    {{ rate_status('n') }} as status
from summed
