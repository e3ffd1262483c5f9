with rows_read as (
    select * from {{ current_rows('scorecards') }}
),

scales as (
    select * from {{ ref('rating_scales') }}
    where vendor = 'files' and scale_id = 'files_recommendation'
),

-- A row named `overall` is the recommendation; so is the recommendation column, which every row of a card repeats.
cards as (
    select
        connection_id,
        interview_id,
        interviewer_id,
        min(application_id) as application_id,
        min(interview_name) as interview_name,
        min(recommendation) as recommendation_label,
        max(
            case
                when lower(attribute) = 'overall' and scale_max > scale_min
                    then (rating_value - scale_min) / (scale_max - scale_min)
            end
        ) as overall_score,
        max(submitted_at) as submitted_at
    from rows_read
    group by connection_id, interview_id, interviewer_id
),

-- A recommendation outside the scale has no score: the row named `overall` is another measure and may not replace it.
scored as (
    select
        cards.*,
        case
            when scales.label is not null
                then cast(scales.rating_rank - scales.scale_min as double) / (scales.scale_max - scales.scale_min)
            when cards.recommendation_label is null then cards.overall_score
        end as recommendation_score,
        cards.recommendation_label is not null and scales.label is null as is_unmapped
    from cards
    left join scales
        on lower(trim(cards.recommendation_label)) = scales.label
)

select
    connection_id,
    interview_id || '|' || interviewer_id as scorecard_id,
    interview_id,
    application_id,
    interviewer_id,
    interviewer_id as submitter_id,
    interview_name,
    cast(round(1 + 4 * recommendation_score) as bigint) as recommendation_rank,
    recommendation_score,
    recommendation_label,
    is_unmapped,
    submitted_at is null as is_draft,
    cast(null as timestamp) as interviewed_at,
    {{ utc('submitted_at') }} as submitted_at,
    {{ utc('submitted_at') }} as last_edited_at,
    cast(null as timestamp) as deleted_at
from scored
