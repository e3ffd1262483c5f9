with scorecards as (
    select * from {{ ref('scorecards') }}
    where deleted_at is null
),

interviews as (
    select * from {{ ref('interviews') }}
),

applications as (
    select * from {{ ref('applications') }}
),

jobs as (
    select * from {{ ref('jobs') }}
),

decisions as (
    select * from {{ ref('application_decisions') }}
),

ratings as (
    select
        connection_id,
        scorecard_id,
        count(*) as n_ratings,
        {{ settled('stddev_samp(rating_score)') }} as rating_sd,
        min(rating_score) as lowest_score,
        max(rating_score) as highest_score
    from {{ ref('scorecard_ratings') }}
    where deleted_at is null and rating_score is not null
    group by connection_id, scorecard_id
),

timed as (
    select
        scorecards.connection_id,
        scorecards.scorecard_id,
        scorecards.interview_id,
        scorecards.application_id,
        scorecards.interviewer_id,
        scorecards.technique,
        coalesce(jobs.job_family, 'unknown') as job_family,
        scorecards.interviewed_at,
        scorecards.submitted_at,
        scorecards.last_edited_at,
        decisions.decided_at,
        -- A take-home is an interview without an end: nobody can be late for it.
        case
            when scorecards.is_draft then null
            when interviews.interview_id is not null
                then {{ hours_between('interviews.ends_at', 'scorecards.submitted_at') }}
            else {{ hours_between('scorecards.interviewed_at', 'scorecards.submitted_at') }}
        end as latency_hours,
        scorecards.is_draft,
        -- The debrief is the decision: it cannot come after itself.
        not scorecards.is_draft and scorecards.technique != 'debrief' as is_judged,
        scorecards.recommendation_rank,
        scorecards.recommendation_label,
        scorecards.is_unmapped,
        coalesce(ratings.n_ratings, 0) as n_ratings,
        ratings.rating_sd,
        ratings.lowest_score,
        ratings.highest_score
    from scorecards
    left join interviews
        on
            scorecards.connection_id = interviews.connection_id
            and scorecards.interview_id = interviews.interview_id
    left join applications
        on
            scorecards.connection_id = applications.connection_id
            and scorecards.application_id = applications.application_id
    left join jobs
        on
            applications.connection_id = jobs.connection_id
            and applications.job_id = jobs.job_id
    left join decisions
        on
            scorecards.connection_id = decisions.connection_id
            and scorecards.application_id = decisions.application_id
    left join ratings
        on
            scorecards.connection_id = ratings.connection_id
            and scorecards.scorecard_id = ratings.scorecard_id
)

select
    connection_id,
    scorecard_id,
    interview_id,
    application_id,
    interviewer_id,
    technique,
    job_family,
    interviewed_at,
    submitted_at,
    last_edited_at,
    decided_at,
    latency_hours,
    is_draft,
    latency_hours > {{ var('late_scorecard_hours') }} as is_late,
    is_judged
    and coalesce(submitted_at <= decided_at and last_edited_at > decided_at, false) as is_edited_after_decision,
    is_judged and coalesce(submitted_at > decided_at, false) as is_submitted_after_decision,
    recommendation_rank,
    recommendation_label,
    is_unmapped,
    n_ratings,
    rating_sd,
    n_ratings >= 3 and lowest_score = highest_score as is_straight_lined
from timed
