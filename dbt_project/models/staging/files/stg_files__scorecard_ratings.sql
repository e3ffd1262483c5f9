with rows_read as (
    select * from {{ current_rows('scorecards') }}
)

select
    connection_id,
    interview_id || '|' || interviewer_id as scorecard_id,
    lower(attribute) as attribute_id,
    min(attribute) as attribute_name,
    min(coalesce(rating_label, {{ to_string('rating_value') }})) as rating_label,
    cast(round(min(rating_value)) as bigint) as rating_rank,
    min(case when scale_max > scale_min then (rating_value - scale_min) / (scale_max - scale_min) end) as rating_score,
    min(scale_min) as scale_min,
    min(scale_max) as scale_max,
    cast(null as timestamp) as deleted_at
from rows_read
where lower(attribute) != 'overall'
group by connection_id, interview_id, interviewer_id, lower(attribute)
