with ratings as (
    {{ union_vendors('review_ratings', ['lattice', 'bamboohr', 'files'], [
        'connection_id', 'review_id', 'question_id', 'question_text', 'rating', 'rating_label', 'calibrated_rating',
        'scale_min', 'scale_max', 'scale_id', 'is_unmapped'
    ]) }}
),

rules as (
    select * from {{ ref('overall_questions') }}
),

questions as (
    select distinct
        question_id,
        question_text,
        {{ normalise_name("coalesce(question_text, '')") }} as normalised_text
    from ratings
),

overall as (
    select distinct
        questions.question_id,
        questions.question_text
    from questions
    inner join rules
        on {{ matches_rule('questions.normalised_text', 'rules.pattern') }}
)

select
    ratings.source_vendor,
    ratings.connection_id,
    ratings.review_id,
    ratings.question_id,
    ratings.question_text,
    lower(ratings.question_id) in ('overall', 'weighted_score') or overall.question_id is not null as is_overall,
    ratings.rating,
    ratings.rating_label,
    ratings.calibrated_rating,
    ratings.scale_min,
    ratings.scale_max,
    ratings.scale_id,
    ratings.is_unmapped
from ratings
left join overall
    on
        ratings.question_id = overall.question_id
        and ratings.question_text = overall.question_text
