with reviews as (
    select * from {{ source('raw_bamboohr', 'performance_reviews') }}
),

scales as (
    select * from {{ ref('rating_scales') }}
    where vendor = 'bamboohr'
)

select
    reviews.connection_id,
    reviews.id as review_id,
    'overall' as question_id,
    'Overall rating' as question_text,
    coalesce(reviews.rating, cast(scales.rating_rank as double)) as rating,
    reviews.rating_label,
    cast(null as double) as calibrated_rating,
    scales.scale_min,
    scales.scale_max,
    coalesce(scales.scale_id, 'bamboohr_numeric') as scale_id
from reviews
left join scales
    on lower(trim(reviews.rating_label)) = scales.label
