with stage_taxonomy as (
    select
        canonical_stage,
        max(stage_order) as stage_order
    from {{ ref('stage_taxonomy') }}
    group by canonical_stage
),

data_clock as (
    select * from {{ ref('data_clock') }}
),

cohorts as (
    select
        applications.job_family,
        applications.status,
        case when applications.status = 'rejected' then applications.rejected_by end as ended_by,
        stage_taxonomy.stage_order as furthest_order,
        {{ period_start('quarter', local_date('applications.applied_at')) }} as cohort_quarter,
        cast({{ add_days(local_date('applications.applied_at'), var('cohort_maturity_days')) }} as date)
        <= data_clock.as_of_on as is_old_enough
    from {{ ref('fct_applications') }} as applications
    inner join stage_taxonomy
        on applications.furthest_stage = stage_taxonomy.canonical_stage
    cross join data_clock
    where not applications.is_excluded
),

quarters as (
    select
        cohort_quarter,
        min(case when is_old_enough then 1 else 0 end) = 1 as is_matured
    from cohorts
    group by cohort_quarter
),

matured_quarters as (
    select cohort_quarter from quarters
    where is_matured
),

members as (
    select
        job_family,
        cohort_quarter,
        furthest_order,
        status,
        ended_by
    from cohorts
    union all
    select
        'all' as job_family,
        cohort_quarter,
        furthest_order,
        status,
        ended_by
    from cohorts
),

by_cohort as (
    select
        job_family,
        cohort_quarter,
        furthest_order,
        status,
        ended_by
    from members
    union all
    select
        members.job_family,
        cast(null as date) as cohort_quarter,
        members.furthest_order,
        members.status,
        members.ended_by
    from members
    inner join matured_quarters
        on members.cohort_quarter = matured_quarters.cohort_quarter
),

counted as (
    select
        by_cohort.job_family,
        by_cohort.cohort_quarter,
        stage_taxonomy.canonical_stage,
        stage_taxonomy.stage_order,
        count(*) as n_entered,
        sum(case when by_cohort.furthest_order > stage_taxonomy.stage_order then 1 else 0 end) as n_advanced,
        sum(case when by_cohort.status = 'hired' then 1 else 0 end) as n_hired,
        sum(
            case
                when by_cohort.furthest_order = stage_taxonomy.stage_order and by_cohort.ended_by = 'company' then 1
                else 0
            end
        ) as n_rejected,
        sum(
            case
                when by_cohort.furthest_order = stage_taxonomy.stage_order and by_cohort.ended_by = 'candidate' then 1
                else 0
            end
        ) as n_withdrawn,
        sum(
            case
                when by_cohort.furthest_order = stage_taxonomy.stage_order and by_cohort.ended_by = 'unknown' then 1
                else 0
            end
        ) as n_end_unknown
    from by_cohort
    inner join stage_taxonomy
        on by_cohort.furthest_order >= stage_taxonomy.stage_order
    group by by_cohort.job_family, by_cohort.cohort_quarter, stage_taxonomy.canonical_stage, stage_taxonomy.stage_order
),

flagged as (
    select
        counted.*,
        counted.cohort_quarter is null or quarters.is_matured as is_matured,
        counted.canonical_stage != 'hired' and (counted.cohort_quarter is null or quarters.is_matured) as has_rate
    from counted
    left join quarters
        on counted.cohort_quarter = quarters.cohort_quarter
)

select
    job_family,
    cohort_quarter,
    canonical_stage,
    stage_order,
    n_entered,
    {{ to_bigint('n_advanced') }} as n_advanced,
    {{ to_bigint('n_hired') }} as n_hired,
    {{ to_bigint('n_rejected') }} as n_rejected,
    {{ to_bigint('n_withdrawn') }} as n_withdrawn,
    {{ to_bigint('n_end_unknown') }} as n_end_unknown,
    is_matured,
    {{ if_estimable('cast(n_advanced as double) / n_entered', 'n_entered', 'has_rate') }} as pass_through_rate,
    {{ if_estimable(wilson_lo('n_advanced', 'n_entered'), 'n_entered', 'has_rate') }} as pass_through_lo,
    {{ if_estimable(wilson_hi('n_advanced', 'n_entered'), 'n_entered', 'has_rate') }} as pass_through_hi,
    {{ rate_status('n_entered', 'has_rate') }} as status,
    {{ if_estimable('cast(n_withdrawn as double) / n_entered', 'n_entered', 'has_rate') }} as withdrawal_rate,
    {{ if_estimable(wilson_lo('n_withdrawn', 'n_entered'), 'n_entered', 'has_rate') }} as withdrawal_lo,
    {{ if_estimable(wilson_hi('n_withdrawn', 'n_entered'), 'n_entered', 'has_rate') }} as withdrawal_hi,
    -- A withdrawal that nobody recorded as one is missing: with one end in twenty unknown the count is low.
    case
        when
            n_entered >= {{ var('rate_low_n') }}
            and has_rate
            and n_end_unknown > 0.05 * (n_rejected + n_withdrawn + n_end_unknown)
            then 'low_n'
        else {{ rate_status('n_entered', 'has_rate') }}
    end as withdrawal_status
from flagged
