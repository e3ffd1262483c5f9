with answers as (
    select * from {{ ref('stg_lattice__review_answers') }}
),

questions as (
    select * from {{ source('raw_lattice', 'questions') }}
),

reviewees as (
    select * from {{ source('raw_lattice', 'reviewees') }}
),

manager_reviews as (
    select distinct
        connection_id,
        review_id,
        reviewee_id
    from answers
    where relation = 'manager' and deleted_at is null and submitted_at is not null
),

ranked as (
    select
        *,
        row_number() over (
            partition by connection_id, review_id, coalesce(question_id, 'unknown')
            order by submitted_at desc nulls last, rating desc nulls last, answer_id desc
        ) as recency
    from answers
    where deleted_at is null and submitted_at is not null
),

-- The vendor's weighted score stands with the manager's review; it counts only where no question asks for the summary.
weighted_scores as (
    select
        manager_reviews.connection_id,
        manager_reviews.review_id,
        coalesce(reviewees.weighted_score_manual, reviewees.weighted_score_auto) as rating
    from manager_reviews
    inner join reviewees
        on
            manager_reviews.connection_id = reviewees.connection_id
            and manager_reviews.reviewee_id = reviewees.id
    where coalesce(reviewees.weighted_score_manual, reviewees.weighted_score_auto) is not null
)

select
    ranked.connection_id,
    ranked.review_id,
    coalesce(ranked.question_id, 'unknown') as question_id,
    questions.body as question_text,
    ranked.rating,
    ranked.rating_string as rating_label,
    -- What calibration has not finished is not a calibrated value yet.
    case when ranked.is_calibrated then ranked.calibrated_rating end as calibrated_rating,
    questions.scale_min,
    questions.scale_max,
    coalesce(
        nullif(questions.scale_labels, ''),
        {{ to_string('questions.scale_min') }} || '-' || {{ to_string('questions.scale_max') }},
        'question ' || coalesce(ranked.question_id, 'unknown')
    ) as scale_id,
    false as is_unmapped
from ranked
left join questions
    on
        ranked.connection_id = questions.connection_id
        and ranked.question_id = questions.id
where ranked.recency = 1 and (ranked.rating is not null or ranked.calibrated_rating is not null)

union all

select
    connection_id,
    review_id,
    'weighted_score' as question_id,
    'Weighted score' as question_text,
    rating,
    {{ to_string('null') }} as rating_label,
    {{ to_double('null') }} as calibrated_rating,
    {{ to_double('null') }} as scale_min,
    {{ to_double('null') }} as scale_max,
    'weighted_score' as scale_id,
    false as is_unmapped
from weighted_scores
