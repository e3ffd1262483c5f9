with answers as (
    select * from {{ ref('stg_lattice__review_answers') }}
),

questions as (
    select * from {{ source('raw_lattice', 'questions') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by connection_id, review_id, coalesce(question_id, 'unknown')
            order by submitted_at desc nulls last, rating desc nulls last
        ) as recency
    from answers
    where deleted_at is null and submitted_at is not null
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
    ) as scale_id
from ranked
left join questions
    on
        ranked.connection_id = questions.connection_id
        and ranked.question_id = questions.id
where ranked.recency = 1 and (ranked.rating is not null or ranked.calibrated_rating is not null)
