with scorecards as (
    {{ with_tombstones('greenhouse', 'scorecards') }}
),

interviews as (
    {{ with_tombstones('greenhouse', 'interviews') }}
),

interviewers as (
    {{ with_tombstones('greenhouse', 'interviewers') }}
),

-- An interview that was deleted and booked anew leaves its old seat behind: a living seat wins, then the newest.
seats as (
    select
        interviewers.connection_id,
        interviewers.scorecard_id,
        interviewers.interview_id,
        interviewers.deleted_at is null and interviews.deleted_at is null as is_living,
        row_number() over (
            partition by interviewers.connection_id, interviewers.scorecard_id
            order by
                case when interviewers.deleted_at is null and interviews.deleted_at is null then 0 else 1 end asc,
                interviewers.created_at desc nulls last,
                interviewers.id desc
        ) as recency
    from interviewers
    left join interviews
        on
            interviewers.connection_id = interviews.connection_id
            and interviewers.interview_id = interviews.id
    where interviewers.scorecard_id is not null and interviewers.interview_id is not null
),

panel as (
    select * from seats
    where recency = 1
),

kits as (
    select * from {{ source('raw_greenhouse', 'interview_kits') }}
),

slots as (
    select * from {{ source('raw_greenhouse', 'job_interviews') }}
),

-- A card without a living seat belongs to the interview of the same application and plan slot, if there is exactly one.
slot_interviews as (
    select
        connection_id,
        application_id,
        job_interview_id,
        min(id) as interview_id
    from interviews
    where deleted_at is null
    group by connection_id, application_id, job_interview_id
    having count(*) = 1
),

attribute_edits as (
    select
        connection_id,
        scorecard_id,
        max(updated_at) as last_edited_at
    from {{ source('raw_greenhouse', 'scorecard_candidate_attributes') }}
    group by connection_id, scorecard_id
),

scales as (
    select * from {{ ref('rating_scales') }}
    where vendor = 'greenhouse' and scale_id = 'greenhouse_recommendation'
)

select
    scorecards.connection_id,
    scorecards.id as scorecard_id,
    coalesce(
        case when panel.is_living then panel.interview_id end,
        slot_interviews.interview_id,
        panel.interview_id
    ) as interview_id,
    scorecards.application_id,
    scorecards.interviewer_id,
    scorecards.submitter_id,
    slots.name as interview_name,
    scales.rating_rank as recommendation_rank,
    cast(scales.rating_rank - scales.scale_min as double)
    / (scales.scale_max - scales.scale_min) as recommendation_score,
    scorecards.candidate_rating as recommendation_label,
    scorecards.candidate_rating is not null and scales.label is null as is_unmapped,
    coalesce(scorecards.status, 'draft') != 'complete' or scorecards.submitted_at is null as is_draft,
    {{ utc('scorecards.interviewed_at') }} as interviewed_at,
    {{ utc('scorecards.submitted_at') }} as submitted_at,
    {{ utc('greatest(scorecards.updated_at, coalesce(attribute_edits.last_edited_at, scorecards.updated_at))') }}
        as last_edited_at,
    scorecards.deleted_at
from scorecards
left join panel
    on
        scorecards.connection_id = panel.connection_id
        and scorecards.id = panel.scorecard_id
left join kits
    on
        scorecards.connection_id = kits.connection_id
        and scorecards.interview_kit_id = kits.id
left join slots
    on
        kits.connection_id = slots.connection_id
        and kits.job_interview_id = slots.id
left join slot_interviews
    on
        scorecards.connection_id = slot_interviews.connection_id
        and scorecards.application_id = slot_interviews.application_id
        and kits.job_interview_id = slot_interviews.job_interview_id
left join attribute_edits
    on
        scorecards.connection_id = attribute_edits.connection_id
        and scorecards.id = attribute_edits.scorecard_id
left join scales
    on scorecards.candidate_rating = scales.label
