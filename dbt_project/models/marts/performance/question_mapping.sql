select
    connection_id,
    question_id,
    question_text,
    matched_rule,
    is_overall,
    overall_priority,
    matched_rule is not null or is_overall as is_mapped,
    count(*) as n_ratings
from {{ ref('review_ratings') }}
group by connection_id, question_id, question_text, matched_rule, is_overall, overall_priority
