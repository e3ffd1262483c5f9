with ratings as (
    {{ with_tombstones('greenhouse', 'scorecard_candidate_attributes') }}
),

attributes as (
    select * from {{ source('raw_greenhouse', 'job_candidate_attributes') }}
),

scales as (
    select * from {{ ref('rating_scales') }}
    where vendor = 'greenhouse' and scale_id = 'greenhouse_attribute'
),

named as (
    select
        ratings.connection_id,
        ratings.scorecard_id,
        coalesce(ratings.job_candidate_attribute_id, ratings.id) as attribute_id,
        attributes.name as attribute_name,
        ratings.candidate_attribute_rating as rating_label,
        scales.rating_rank,
        scales.scale_min,
        scales.scale_max,
        ratings.deleted_at,
        row_number() over (
            partition by
                ratings.connection_id,
                ratings.scorecard_id,
                coalesce(ratings.job_candidate_attribute_id, ratings.id)
            order by
                ratings.deleted_at desc nulls first, ratings.updated_at desc nulls last, ratings.id desc
        ) as recency
    from ratings
    left join attributes
        on
            ratings.connection_id = attributes.connection_id
            and ratings.job_candidate_attribute_id = attributes.id
    left join scales
        on ratings.candidate_attribute_rating = scales.label
)

select
    connection_id,
    scorecard_id,
    attribute_id,
    coalesce(attribute_name, 'unknown') as attribute_name,
    rating_label,
    rating_rank,
    cast(rating_rank - scale_min as double) / (scale_max - scale_min) as rating_score,
    scale_min,
    scale_max,
    deleted_at
from named
where recency = 1
