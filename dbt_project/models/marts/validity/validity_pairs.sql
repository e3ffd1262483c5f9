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
    where is_in_window and rating_z is not null and reviewer_employee_id is not null
),

scorers as (
    select * from {{ ref('application_interviewers') }}
    where has_scored and employee_id is not null
),

same_person as (
    select distinct
        hires.connection_id,
        hires.application_id,
        scorers.technique
    from hires
    inner join raters
        on
            hires.employee_connection_id = raters.employee_connection_id
            and hires.employee_id = raters.employee_id
            and hires.spell_number = raters.spell_number
    inner join scorers
        on
            hires.connection_id = scorers.connection_id
            and hires.application_id = scorers.application_id
            and raters.reviewer_employee_connection_id = scorers.employee_connection_id
            and raters.reviewer_employee_id = scorers.employee_id
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
    same_person.technique is not null as rater_gave_score,
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
