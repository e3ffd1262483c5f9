with answers as (
    {{ with_tombstones('lattice', 'reviews') }}
),

reviewees as (
    {{ with_tombstones('lattice', 'reviewees') }}
),

related as (
    select
        answers.connection_id,
        answers.id as answer_id,
        answers.review_cycle_id as cycle_id,
        reviewees.user_id as reviewee_user_id,
        answers.reviewee_id,
        answers.reviewer_id,
        case
            when answers.review_type in ('manager', 'downward') then 'manager'
            when answers.review_type in ('upward', 'direct_report') then 'upward'
            when answers.review_type in ('self', 'peer') then answers.review_type
            else 'other'
        end as relation,
        answers.question_id,
        answers.rating,
        answers.rating_string,
        answers.calibrated_rating,
        coalesce(answers.calibration_ended, false) as is_calibrated,
        {{ utc('answers.submitted_at') }} as submitted_at,
        coalesce(answers.deleted_at, reviewees.deleted_at) as deleted_at
    from answers
    left join reviewees
        on
            answers.connection_id = reviewees.connection_id
            and answers.reviewee_id = reviewees.id
    where answers.declined_at is null
)

-- The vendor has one row per question; the review is reviewee, reviewer and relation in a cycle.
select
    *,
    cycle_id || '|' || reviewee_id || '|' || coalesce(reviewer_id, 'anonymous') || '|' || relation as review_id
from related
