with reviews as (
    select * from {{ ref('stg_bamboohr__review_rows') }}
),

scales as (
    select * from {{ ref('rating_scales') }}
    where vendor = 'bamboohr'
)

-- A label gets its rank from the seed only where the table gives no number; labels of no scale are kept and flagged.
select
    reviews.connection_id,
    reviews.review_id,
    'overall' as question_id,
    'Overall rating' as question_text,
    coalesce(reviews.rating, cast(scales.rating_rank as double)) as rating,
    reviews.rating_label,
    cast(null as double) as calibrated_rating,
    scales.scale_min,
    scales.scale_max,
    case
        when reviews.rating is not null then 'bamboohr_numeric'
        else coalesce(scales.scale_id, 'bamboohr_unmapped')
    end as scale_id,
    reviews.rating is null and scales.label is null and trim(coalesce(reviews.rating_label, '')) != '' as is_unmapped
from reviews
left join scales
    on
        lower(trim(reviews.rating_label)) = scales.label
        and reviews.rating is null
