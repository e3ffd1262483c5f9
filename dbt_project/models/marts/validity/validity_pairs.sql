with hires as (
    select * from {{ ref('fct_hire_outcomes') }}
    where performance_rating_z is not null and not is_excluded
),

scores as (
    select * from {{ ref('fct_predictor_scores') }}
    where attribute = 'overall'
),

raters as (
    select distinct
        employee_connection_id,
        employee_id,
        spell_number,
        reviewer_employee_connection_id,
        reviewer_employee_id
    from {{ ref('fct_performance_ratings') }}
    where is_in_window and rating_z is not null
),

scorers as (
    select * from {{ ref('application_interviewers') }}
    where has_scored
),

all_scorers as (
    select
        connection_id,
        application_id,
        technique,
        count(*) = count(employee_id) as is_linked
    from scorers
    group by connection_id, application_id, technique
),

hire_raters as (
    select
        hires.connection_id,
        hires.application_id,
        all_scorers.technique,
        {{ was_interviewer('scorers.employee_id is not null', 'raters.reviewer_employee_id', 'all_scorers.is_linked') }}
            as gave_score
    from hires
    inner join raters
        on
            hires.employee_connection_id = raters.employee_connection_id
            and hires.employee_id = raters.employee_id
            and hires.spell_number = raters.spell_number
    inner join all_scorers
        on
            hires.connection_id = all_scorers.connection_id
            and hires.application_id = all_scorers.application_id
    left join scorers
        on
            hires.connection_id = scorers.connection_id
            and hires.application_id = scorers.application_id
            and all_scorers.technique = scorers.technique
            and raters.reviewer_employee_connection_id = scorers.employee_connection_id
            and raters.reviewer_employee_id = scorers.employee_id
),

same_person as (
    select
        connection_id,
        application_id,
        technique,
        case
            when max(case when gave_score then 1 else 0 end) = 1 then true
            when count(*) = count(gave_score) then false
        end as rater_gave_score
    from hire_raters
    group by connection_id, application_id, technique
)

select
    scores.connection_id,
    scores.application_id,
    scores.job_family,
    scores.job_level,
    scores.technique,
    scores.score,
    hires.performance_rating_z,
    scores.interviewer_id,
    scores.n_interviewers,
    hires.rater_was_interviewer,
    same_person.rater_gave_score,
    scores.is_contaminated,
    hires.started_on
from hires
inner join scores
    on
        hires.connection_id = scores.connection_id
        and hires.application_id = scores.application_id
left join same_person
    on
        scores.connection_id = same_person.connection_id
        and scores.application_id = same_person.application_id
        and scores.technique = same_person.technique
