{%- set due_days = var('scorecard_due_days') -%}
{%- set seat = "connection_id || '|' || interview_id || '|' || interviewer_id" -%}
with applications as (
    select * from {{ ref('applications') }}
    where deleted_at is null and not is_prospect and job_id is not null
),

dated_applications as (
    select
        connection_id || '|' || application_id as application,
        status
    from applications
    where applied_at is not null
),

hires as (
    select applications.connection_id || '|' || applications.application_id as application
    from applications
    left join {{ ref('fct_hire_outcomes') }} as outcomes
        on
            applications.connection_id = outcomes.connection_id
            and applications.application_id = outcomes.application_id
    where applications.status = 'hired' and not coalesce(outcomes.is_excluded, false)
),

due_seats as (
    select
        panel.connection_id,
        panel.interview_id,
        panel.interviewer_id
    from {{ ref('interview_panel') }} as panel
    inner join {{ ref('fct_interviews') }} as interviews
        on
            panel.connection_id = interviews.connection_id
            and panel.interview_id = interviews.interview_id
    cross join {{ ref('data_clock') }} as data_clock
    where
        panel.deleted_at is null
        and interviews.is_held
        and interviews.technique != 'debrief'
        and {{ add_days('interviews.ends_at', due_days) }} <= data_clock.as_of_at
),

scored_seats as (
    select due_seats.*
    from due_seats
    inner join {{ ref('scorecards') }} as scorecards
        on
            due_seats.connection_id = scorecards.connection_id
            and due_seats.interview_id = scorecards.interview_id
            and due_seats.interviewer_id = scorecards.interviewer_id
    where scorecards.deleted_at is null and not scorecards.is_draft
),

-- One stay has one hire, so the rated hires are as many as their stays.
rated_stays as (
    select
        scores.employee_connection_id || '|' || scores.employee_id || '|'
        || {{ to_string('scores.spell_number') }} as stay
    from {{ ref('fct_performance_scores') }} as scores
    inner join {{ ref('fct_hire_outcomes') }} as outcomes
        on
            scores.employee_connection_id = outcomes.employee_connection_id
            and scores.employee_id = outcomes.employee_id
            and scores.spell_number = outcomes.spell_number
    where scores.status = 'ok' and outcomes.is_tenured and not outcomes.is_excluded
),

reviews as (
    select
        connection_id,
        review_id,
        cycle_id,
        relation,
        connection_id || '|' || cycle_id || '|' || coalesce(reviewee_user_id, review_id) as reviewee,
        connection_id || '|' || cycle_id || '|' || employee_connection_id || '|' || employee_id as employee
    from {{ ref('reviews') }}
    where deleted_at is null
),

rated_reviews as (
    select reviews.employee
    from reviews
    inner join {{ ref('review_ratings') }} as ratings
        on
            reviews.connection_id = ratings.connection_id
            and reviews.review_id = ratings.review_id
    where reviews.relation = 'manager' and ratings.is_overall
),

-- Counts of distinct keys: a join that doubles rows leaves them as they are.
counted as (
    select
        'scorecard_latency' as mart,
        'n_expected' as metric,
        count(distinct {{ seat }}) as n_counted,
        false as is_upper_bound
    from due_seats
    union all
    select
        'scorecard_latency' as mart,
        'n_submitted' as metric,
        count(distinct {{ seat }}) as n_counted,
        false as is_upper_bound
    from scored_seats
    union all
    select
        'funnel_by_stage' as mart,
        'n_entered' as metric,
        count(distinct application) as n_counted,
        false as is_upper_bound
    from dated_applications
    union all
    select
        'funnel_by_stage' as mart,
        'n_hired' as metric,
        count(distinct case when status = 'hired' then application end) as n_counted,
        false as is_upper_bound
    from dated_applications
    union all
    select
        'validity_coverage' as mart,
        'hired' as metric,
        count(distinct application) as n_counted,
        false as is_upper_bound
    from hires
    union all
    select
        'validity_coverage' as mart,
        'rated' as metric,
        count(distinct stay) as n_counted,
        false as is_upper_bound
    from rated_stays
    union all
    select
        'review_coverage' as mart,
        'n_employees' as metric,
        count(distinct reviewee) as n_counted,
        true as is_upper_bound
    from reviews
    union all
    select
        'review_coverage' as mart,
        'n_reviewed' as metric,
        count(distinct employee) as n_counted,
        true as is_upper_bound
    from rated_reviews
),

latency as (
    select * from {{ ref('scorecard_latency') }}
    where job_family = 'all' and technique = 'all'
),

-- Everybody who applied has been in the first stage.
funnel as (
    select * from {{ ref('funnel_by_stage') }}
    where job_family = 'all' and canonical_stage = 'application_review' and cohort_quarter is not null
),

in_marts as (
    select
        'scorecard_latency' as mart,
        'n_expected' as metric,
        sum(n_expected) as n_in_mart
    from latency
    union all
    select
        'scorecard_latency' as mart,
        'n_submitted' as metric,
        sum(n_submitted) as n_in_mart
    from latency
    union all
    select
        'funnel_by_stage' as mart,
        'n_entered' as metric,
        sum(n_entered) as n_in_mart
    from funnel
    union all
    select
        'funnel_by_stage' as mart,
        'n_hired' as metric,
        sum(n_hired) as n_in_mart
    from funnel
    union all
    select
        'validity_coverage' as mart,
        step as metric,
        sum(n) as n_in_mart
    from {{ ref('validity_coverage') }}
    where job_family = 'all'
    group by step
    union all
    select
        'review_coverage' as mart,
        'n_employees' as metric,
        sum(n_employees) as n_in_mart
    from {{ ref('review_coverage') }}
    union all
    select
        'review_coverage' as mart,
        'n_reviewed' as metric,
        sum(n_reviewed) as n_in_mart
    from {{ ref('review_coverage') }}
)

select
    counted.mart,
    counted.metric,
    {{ to_bigint('coalesce(in_marts.n_in_mart, 0)') }} as n_in_mart,
    counted.n_counted,
    counted.is_upper_bound
from counted
left join in_marts
    on
        counted.mart = in_marts.mart
        and counted.metric = in_marts.metric
