with ratings as (
    select * from {{ ref('scorecard_ratings') }}
    where deleted_at is null
),

scorecards as (
    select * from {{ ref('fct_scorecards') }}
    where not is_draft
)

select
    ratings.connection_id,
    ratings.scorecard_id,
    ratings.attribute_id,
    ratings.attribute_name,
    scorecards.technique,
    scorecards.interviewer_id,
    ratings.rating_rank,
    ratings.rating_score,
    ratings.scale_min,
    ratings.scale_max
from ratings
inner join scorecards
    on
        ratings.connection_id = scorecards.connection_id
        and ratings.scorecard_id = scorecards.scorecard_id
