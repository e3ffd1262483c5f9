with ratings as (
    {{ union_vendors('scorecard_ratings', ['greenhouse', 'files'], [
        'connection_id', 'scorecard_id', 'attribute_id', 'attribute_name', 'rating_label', 'rating_rank', 'scale_min',
        'scale_max', 'rating_score', 'deleted_at'
    ]) }}
),

scorecards as (
    select * from {{ ref('scorecards') }}
)

select
    ratings.source_vendor,
    ratings.connection_id,
    ratings.scorecard_id,
    ratings.attribute_id,
    ratings.attribute_name,
    ratings.rating_label,
    ratings.rating_rank,
    ratings.scale_min,
    ratings.scale_max,
    ratings.rating_score,
    coalesce(ratings.deleted_at, scorecards.deleted_at) as deleted_at
from ratings
left join scorecards
    on
        ratings.connection_id = scorecards.connection_id
        and ratings.scorecard_id = scorecards.scorecard_id
