{%- set due_days = var('scorecard_due_days') -%}
with data_clock as (
    select * from {{ ref('data_clock') }}
),

-- What is not due yet is neither submitted nor missing.
interviews as (
    select interviews.*
    from {{ ref('fct_interviews') }} as interviews
    cross join data_clock
    where
        interviews.is_held
        and interviews.technique != 'debrief'
        and {{ add_days('interviews.ends_at', due_days) }} <= data_clock.as_of_at
),

panel as (
    select * from {{ ref('interview_panel') }}
    where deleted_at is null
),

scorecards as (
    select
        connection_id,
        interview_id,
        interviewer_id,
        min(latency_hours) as latency_hours
    from {{ ref('fct_scorecards') }}
    where not is_draft
    group by connection_id, interview_id, interviewer_id
),

expected as (
    select
        interviews.job_family,
        interviews.technique,
        {{ period_start('month', local_date('interviews.ends_at')) }} as month,
        scorecards.interview_id is not null as is_submitted,
        scorecards.latency_hours
    from interviews
    inner join panel
        on
            interviews.connection_id = panel.connection_id
            and interviews.interview_id = panel.interview_id
    left join scorecards
        on
            panel.connection_id = scorecards.connection_id
            and panel.interview_id = scorecards.interview_id
            and panel.interviewer_id = scorecards.interviewer_id
),

families as (
    select * from expected
    union all
    select
        'all' as job_family,
        technique,
        month,
        is_submitted,
        latency_hours
    from expected
),

members as (
    select * from families
    union all
    select
        job_family,
        'all' as technique,
        month,
        is_submitted,
        latency_hours
    from families
),

counted as (
    select
        job_family,
        technique,
        month,
        count(*) as n_expected,
        {{ to_bigint('sum(case when is_submitted then 1 else 0 end)') }} as n_submitted,
        cast(
            sum(case when latency_hours <= {{ due_days * 24 }} then 1 else 0 end) as bigint
        ) as n_submitted_within_7d,
        cast(
            sum(case when latency_hours <= {{ var('late_scorecard_hours') }} then 1 else 0 end) as bigint
        ) as n_in_time,
        {{ quantile('latency_hours', 0.5) }} as p50_hours,
        {{ quantile('latency_hours', 0.9) }} as p90_hours
    from members
    group by job_family, technique, month
)

select
    job_family,
    technique,
    month,
    n_expected,
    n_submitted,
    n_submitted_within_7d,
    {{ if_estimable('cast(n_submitted_within_7d as double) / n_expected', 'n_expected') }} as submission_rate,
    {{ if_estimable(wilson_lo('n_submitted_within_7d', 'n_expected'), 'n_expected') }} as submission_lo,
    {{ if_estimable(wilson_hi('n_submitted_within_7d', 'n_expected'), 'n_expected') }} as submission_hi,
    {{ rate_status('n_expected') }} as submission_status,
    {{ if_estimable('p50_hours', 'n_submitted') }} as p50_hours,
    {{ if_estimable('p90_hours', 'n_submitted') }} as p90_hours,
    {{ if_estimable('cast(n_in_time as double) / n_submitted', 'n_submitted') }} as share_within_24h,
    {{ if_estimable(wilson_lo('n_in_time', 'n_submitted'), 'n_submitted') }} as share_within_24h_lo,
    {{ if_estimable(wilson_hi('n_in_time', 'n_submitted'), 'n_submitted') }} as share_within_24h_hi,
    {{ rate_status('n_submitted') }} as status
from counted
