with interviews as (
    select * from {{ ref('interviews') }}
    where deleted_at is null
),

applications as (
    select * from {{ ref('applications') }}
),

jobs as (
    select * from {{ ref('jobs') }}
),

data_clock as (
    select * from {{ ref('data_clock') }}
),

panel as (
    select
        connection_id,
        interview_id,
        count(*) as n_interviewers
    from {{ ref('interview_panel') }}
    where deleted_at is null
    group by connection_id, interview_id
),

scorecards as (
    select
        connection_id,
        interview_id,
        count(*) as n_scorecards
    from {{ ref('scorecards') }}
    where deleted_at is null and not is_draft
    group by connection_id, interview_id
)

-- Elapsed is not held: it takes the vendor's `complete`, somebody's scorecard, or the vendor waiting for the feedback
-- of a panel that did not decline. Without the last, only interviews with a scorecard would be asked for one. A
-- take-home has no time of day.
select
    interviews.connection_id,
    interviews.interview_id,
    interviews.application_id,
    coalesce(jobs.job_family, 'unknown') as job_family,
    interviews.technique,
    interviews.interview_name,
    interviews.starts_at,
    interviews.ends_at,
    interviews.status,
    interviews.status != 'cancelled'
    and (
        interviews.status = 'complete'
        or coalesce(scorecards.n_scorecards, 0) > 0
        or (
            interviews.status = 'awaiting_feedback'
            and interviews.ends_at is not null
            and coalesce(panel.n_interviewers, 0) > 0
        )
    )
    and (interviews.ends_at is null or interviews.ends_at <= data_clock.as_of_at) as is_held,
    coalesce(panel.n_interviewers, 0) as n_interviewers,
    coalesce(scorecards.n_scorecards, 0) as n_scorecards
from interviews
cross join data_clock
left join applications
    on
        interviews.connection_id = applications.connection_id
        and interviews.application_id = applications.application_id
left join jobs
    on
        interviews.connection_id = jobs.connection_id
        and coalesce(interviews.job_id, applications.job_id) = jobs.job_id
left join panel
    on
        interviews.connection_id = panel.connection_id
        and interviews.interview_id = panel.interview_id
left join scorecards
    on
        interviews.connection_id = scorecards.connection_id
        and interviews.interview_id = scorecards.interview_id
