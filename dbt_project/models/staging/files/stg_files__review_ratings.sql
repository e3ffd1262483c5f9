with answers as (
    select * from {{ ref('stg_files__review_answers') }}
)

select
    connection_id,
    review_id,
    question_id,
    coalesce(question_text, question_id) as question_text,
    rating,
    rating_label,
    calibrated_rating,
    scale_min,
    scale_max,
    scale_id,
    false as is_unmapped
from answers
where rating is not null or calibrated_rating is not null
