{%- set year = 365 -%}
with data_clock as (
    select * from {{ ref('data_clock') }}
),

durations as (
    select
        connection_id,
        interview_id,
        duration_minutes
    from {{ ref('interviews') }}
),

-- A take-home has no time of day: the first scorecard says when it was, and its planned length is the candidate's time.
submissions as (
    select
        connection_id,
        interview_id,
        min(submitted_at) as first_submitted_at
    from {{ ref('fct_scorecards') }}
    where not is_draft and interview_id is not null
    group by connection_id, interview_id
),

held as (
    select
        interviews.job_family,
        case when interviews.technique = 'debrief' then '__decision__' else interviews.technique end as technique,
        {{ days_between(
            local_date('coalesce(interviews.ends_at, interviews.starts_at, submissions.first_submitted_at)'),
            'data_clock.as_of_on'
        ) }} as age_days,
        case
            when interviews.starts_at is not null
                then
                    cast(durations.duration_minutes as double) / 60
                    * greatest(interviews.n_interviewers, interviews.n_scorecards)
        end as hours
    from {{ ref('fct_interviews') }} as interviews
    cross join data_clock
    left join durations
        on
            interviews.connection_id = durations.connection_id
            and interviews.interview_id = durations.interview_id
    left join submissions
        on
            interviews.connection_id = submissions.connection_id
            and interviews.interview_id = submissions.interview_id
    where interviews.is_held and interviews.technique != 'unmapped'
),

hires as (
    select
        outcomes.connection_id,
        outcomes.application_id,
        outcomes.job_family,
        {{ days_between(
            'coalesce(' ~ local_date('outcomes.hired_at') ~ ', outcomes.started_on)', 'data_clock.as_of_on'
        ) }} as hired_days,
        {{ days_between('performance.first_rated_on', 'data_clock.as_of_on') }} as rated_days,
        outcomes.performance_rating_z is not null as is_rated
    from {{ ref('fct_hire_outcomes') }} as outcomes
    cross join data_clock
    left join {{ ref('fct_performance_scores') }} as performance
        on
            outcomes.employee_connection_id = performance.employee_connection_id
            and outcomes.employee_id = performance.employee_id
            and outcomes.spell_number = performance.spell_number
    where not outcomes.is_excluded
),

hours_by_family as (
    select
        job_family,
        technique,
        sum(case when age_days >= 0 and age_days < {{ year }} then hours end) as interviewer_hours,
        sum(case when age_days >= 0 and age_days < {{ year }} then 1 else 0 end) as n_interviews,
        sum(case when age_days >= 0 and age_days < {{ year }} and hours is null then 1 else 0 end)
            as n_untimed
    from held
    group by job_family, technique
    union all
    select distinct
        job_family,
        technique,
        cast(null as double) as interviewer_hours,
        0 as n_interviews,
        0 as n_untimed
    from {{ ref('validity_scores') }}
),

hires_by_family as (
    select
        job_family,
        sum(case when hired_days >= 0 and hired_days < {{ year }} then 1 else 0 end) as n_hires
    from hires
    group by job_family
),

-- A technique's interval narrows with the hires who have its score, not with all hires.
rated_by_family as (
    select
        hires.job_family,
        scores.technique,
        count(*) as n_rated_hires
    from hires
    inner join {{ ref('validity_scores') }} as scores
        on hires.connection_id = scores.connection_id and hires.application_id = scores.application_id
    where hires.is_rated and hires.rated_days >= 0 and hires.rated_days < {{ year }}
    group by hires.job_family, scores.technique
),

hours_members as (
    select * from hours_by_family
    union all
    select
        'all' as job_family,
        technique,
        interviewer_hours,
        n_interviews,
        n_untimed
    from hours_by_family
),

hours as (
    select
        job_family,
        technique,
        case
            when sum(n_interviews) = 0 then 0
            else sum(interviewer_hours)
        end as interviewer_hours,
        sum(n_interviews) as n_interviews,
        sum(n_untimed) as n_untimed
    from hours_members
    group by job_family, technique
),

hires_a_year as (
    select * from hires_by_family
    union all
    select
        'all' as job_family,
        sum(n_hires) as n_hires
    from hires_by_family
),

rated_a_year as (
    select * from rated_by_family
    union all
    select
        'all' as job_family,
        technique,
        sum(n_rated_hires) as n_rated_hires
    from rated_by_family
    group by technique
)

select
    hours.job_family,
    hours.technique,
    {{ settled('hours.interviewer_hours') }} as interviewer_hours,
    {{ to_bigint('hours.n_interviews') }} as n_interviews,
    {{ to_bigint('hours.n_untimed') }} as n_untimed,
    {{ to_bigint('coalesce(hires_a_year.n_hires, 0)') }} as hires_per_year,
    {{ to_bigint('coalesce(rated_a_year.n_rated_hires, 0)') }} as rated_hires_per_year
from hours
left join hires_a_year
    on hours.job_family = hires_a_year.job_family
left join rated_a_year
    on hours.job_family = rated_a_year.job_family and hours.technique = rated_a_year.technique
