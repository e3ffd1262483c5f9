with reviews as (
    select * from {{ ref('reviews') }}
    where deleted_at is null
),

cycles as (
    select * from {{ ref('review_cycles') }}
),

data_clock as (
    select * from {{ ref('data_clock') }}
),

spells as (
    select * from {{ ref('employment_spells') }}
),

job_history as (
    select * from {{ ref('job_history') }}
),

employees as (
    select * from {{ ref('employees') }}
),

overall_ratings as (
    select
        *,
        row_number() over (
            partition by connection_id, review_id
            order by overall_priority, question_id
        ) as preference
    from {{ ref('review_ratings') }}
    where is_overall
),

-- The vendor's weighted score is no question of the form.
forms as (
    select
        connection_id,
        review_id,
        count(*) as n_rated_questions,
        sum(case when is_overall then 1 else 0 end) as n_overall_questions
    from {{ ref('review_ratings') }}
    where question_id != 'weighted_score'
    group by connection_id, review_id
),

rated as (
    select
        reviews.connection_id,
        reviews.review_id,
        reviews.cycle_id,
        reviews.employee_connection_id,
        reviews.employee_id,
        reviews.reviewee_user_id,
        reviews.reviewer_id,
        reviews.reviewer_employee_connection_id,
        reviews.reviewer_employee_id,
        reviews.relation,
        reviews.submitted_at,
        cycles.cycle_name,
        coalesce({{ is_cycle_over('cycles', 'data_clock') }}, true) as is_cycle_closed,
        coalesce(
            reviews.rated_on, cycles.period_ends_on, cycles.ends_on, {{ local_date('reviews.submitted_at') }}
        ) as rated_on,
        overall_ratings.rating,
        overall_ratings.rating_label,
        coalesce(overall_ratings.is_unmapped, false) as is_unmapped,
        overall_ratings.calibrated_rating,
        case
            when overall_ratings.calibrated_rating is not null then 1
            when overall_ratings.question_id = 'weighted_score' then 3
            when overall_ratings.rating is not null then 2
        end as precedence,
        overall_ratings.scale_id,
        overall_ratings.scale_min,
        overall_ratings.scale_max
    from reviews
    cross join data_clock
    left join cycles
        on
            reviews.connection_id = cycles.connection_id
            and reviews.cycle_id = cycles.cycle_id
    left join overall_ratings
        on
            reviews.connection_id = overall_ratings.connection_id
            and reviews.review_id = overall_ratings.review_id
            and overall_ratings.preference = 1
),

placed as (
    select
        *,
        min(precedence) over (partition by connection_id, cycle_id, reviewee_user_id, relation) as best_precedence,
        row_number() over (
            partition by connection_id, cycle_id, reviewee_user_id, relation, precedence
            order by submitted_at asc nulls last, review_id asc
        ) as place
    from rated
),

-- A calibrated rating and the weighted score belong to the person, not to the reviewer they stand beside: however many
-- managers wrote, each is one rating. What one manager wrote (2) is that manager's own.
settled_ratings as (
    select
        *,
        case
            when relation != 'manager' or (precedence = best_precedence and (precedence = 2 or place = 1))
                then coalesce(calibrated_rating, rating)
        end as effective_rating
    from placed
),

-- The latest stay begun by the rated day: the review of a leaver often closes after the last day.
review_spells as (
    select
        rated.connection_id,
        rated.review_id,
        spells.spell_number,
        {{ months_between('spells.started_on', 'rated.rated_on') }} as months_since_start,
        row_number() over (
            partition by rated.connection_id, rated.review_id order by spells.started_on desc, spells.spell_number desc
        ) as recency
    from rated
    inner join spells
        on
            rated.employee_connection_id = spells.connection_id
            and rated.employee_id = spells.employee_id
            and spells.started_on <= rated.rated_on
),

-- The level of that day comes from the history: HRIS records of leavers are blank.
review_levels as (
    select
        rated.connection_id,
        rated.review_id,
        job_history.job_level,
        row_number() over (
            partition by rated.connection_id, rated.review_id order by job_history.effective_on desc
        ) as recency
    from rated
    inner join job_history
        on
            rated.employee_connection_id = job_history.connection_id
            and rated.employee_id = job_history.employee_id
            and job_history.effective_on <= rated.rated_on
    where job_history.job_level is not null
)

select
    rated.connection_id,
    rated.review_id,
    rated.cycle_id,
    rated.cycle_name,
    rated.employee_connection_id,
    rated.employee_id,
    rated.reviewer_id,
    rated.reviewer_employee_connection_id,
    rated.reviewer_employee_id,
    rated.relation,
    rated.submitted_at,
    rated.rated_on,
    rated.rating,
    rated.calibrated_rating,
    rated.effective_rating,
    rated.rating_label,
    rated.is_unmapped,
    rated.scale_id,
    rated.scale_min,
    rated.scale_max,
    coalesce(review_levels.job_level, employees.job_level, 'unknown') as job_level,
    review_spells.spell_number,
    review_spells.months_since_start,
    rated.is_cycle_closed,
    {{ to_bigint('coalesce(forms.n_rated_questions, 0)') }} as n_rated_questions,
    {{ to_bigint('coalesce(forms.n_overall_questions, 0)') }} as n_overall_questions
from settled_ratings as rated
left join review_spells
    on
        rated.connection_id = review_spells.connection_id
        and rated.review_id = review_spells.review_id
        and review_spells.recency = 1
left join review_levels
    on
        rated.connection_id = review_levels.connection_id
        and rated.review_id = review_levels.review_id
        and review_levels.recency = 1
left join employees
    on
        rated.employee_connection_id = employees.connection_id
        and rated.employee_id = employees.employee_id
left join forms
    on
        rated.connection_id = forms.connection_id
        and rated.review_id = forms.review_id
