with scorecards as (
    {{ union_vendors('scorecards', ['greenhouse', 'files'], [
        'connection_id', 'scorecard_id', 'interview_id', 'application_id', 'interviewer_id', 'submitter_id', 'interview_name',
        'recommendation_rank', 'recommendation_score', 'recommendation_label', 'is_unmapped', 'is_draft',
        'interviewed_at', 'submitted_at', 'last_edited_at', 'deleted_at'
    ]) }}
),

interviews as (
    select * from {{ ref('interviews') }}
),

applications as (
    select * from {{ ref('applications') }}
),

interview_names as (
    select * from {{ ref('interview_names') }}
),

named as (
    select
        scorecards.*,
        coalesce(scorecards.interview_name, interviews.interview_name) as shown_name
    from scorecards
    left join interviews
        on
            scorecards.connection_id = interviews.connection_id
            and scorecards.interview_id = interviews.interview_id
)

select
    named.source_vendor,
    named.connection_id,
    named.scorecard_id,
    named.interview_id,
    named.application_id,
    named.interviewer_id,
    named.submitter_id,
    named.shown_name as interview_name,
    coalesce(interview_names.technique, 'unmapped') as technique,
    case when not named.is_draft then named.recommendation_rank end as recommendation_rank,
    case when not named.is_draft then named.recommendation_score end as recommendation_score,
    named.recommendation_label,
    named.is_unmapped,
    named.is_draft,
    named.interviewed_at,
    named.submitted_at,
    named.last_edited_at,
    coalesce(named.deleted_at, applications.deleted_at) as deleted_at
from named
left join interview_names
    on named.shown_name = interview_names.interview_name
left join applications
    on
        named.connection_id = applications.connection_id
        and named.application_id = applications.application_id
