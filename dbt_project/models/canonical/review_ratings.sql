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

matched as (
    select
        questions.question_id,
        questions.question_text,
        rules.is_overall,
        rules.pattern,
        rules.priority,
        row_number() over (
            partition by questions.question_id, questions.question_text order by rules.priority
        ) as preference
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
    -- A source that names its summary question decides; the text decides everywhere else.
    lower(ratings.question_id) = 'overall' or coalesce(matched.is_overall, false) as is_overall,
    case
        when lower(ratings.question_id) = 'overall' then 0
        when matched.is_overall then matched.priority
    end as overall_priority,
    case when lower(ratings.question_id) != 'overall' then matched.pattern end as matched_rule,
    ratings.rating,
    ratings.rating_label,
    ratings.calibrated_rating,
    ratings.scale_min,
    ratings.scale_max,
    ratings.scale_id,
    ratings.is_unmapped
from ratings
left join matched
    on
        ratings.question_id = matched.question_id
        and ratings.question_text = matched.question_text
        and matched.preference = 1
