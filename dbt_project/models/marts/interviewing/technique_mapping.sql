with interview_names as (
    select * from {{ ref('interview_names') }}
),

interviews as (
    select
        interview_name,
        count(*) as n_interviews
    from {{ ref('interviews') }}
    where deleted_at is null
    group by interview_name
),

scorecards as (
    select
        interview_name,
        count(*) as n_scorecards
    from {{ ref('scorecards') }}
    where deleted_at is null and not is_draft
    group by interview_name
)

select
    interview_names.interview_name,
    interview_names.normalised_name,
    interview_names.technique,
    interview_names.matched_rule,
    coalesce(interviews.n_interviews, 0) as n_interviews,
    coalesce(scorecards.n_scorecards, 0) as n_scorecards,
    interview_names.matched_rule is not null as is_mapped
from interview_names
left join interviews
    on interview_names.interview_name = interviews.interview_name
left join scorecards
    on interview_names.interview_name = scorecards.interview_name
