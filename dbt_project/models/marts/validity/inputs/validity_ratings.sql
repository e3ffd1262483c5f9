{%- set window_start = var('criterion_window_start_months') -%}
{%- set window_end = var('criterion_window_end_months') -%}
with hires as (
    select * from {{ ref('fct_hire_outcomes') }}
    where not is_excluded and spell_number is not null
),

manager_ratings as (
    select * from {{ ref('fct_performance_ratings') }}
),

criterion as (
    select
        hires.connection_id,
        hires.application_id,
        hires.job_family,
        hires.interviewers_linked_share,
        manager_ratings.connection_id as review_connection_id,
        manager_ratings.review_id,
        manager_ratings.cycle_id,
        manager_ratings.scale_id,
        manager_ratings.cell_mean,
        manager_ratings.cell_sd,
        manager_ratings.employee_connection_id,
        manager_ratings.employee_id,
        manager_ratings.spell_number,
        manager_ratings.reviewer_id,
        manager_ratings.reviewer_employee_connection_id,
        manager_ratings.reviewer_employee_id,
        manager_ratings.rating_z as value
    from hires
    inner join manager_ratings
        on
            hires.employee_connection_id = manager_ratings.employee_connection_id
            and hires.employee_id = manager_ratings.employee_id
            and hires.spell_number = manager_ratings.spell_number
    where manager_ratings.is_in_window and manager_ratings.rating_z is not null
),

-- The cell in which a hire's manager was compared in a cycle; of two managers with different cells, the first review's.
hire_cells as (
    select
        *,
        row_number() over (
            partition by connection_id, application_id, review_connection_id, cycle_id, scale_id order by review_id
        ) as preference
    from criterion
),

other_reviews as (
    select * from {{ ref('fct_reviews') }}
    where
        relation not in ('manager', 'self')
        and submitted_at is not null
        and is_cycle_closed
        and effective_rating is not null
        and months_since_start >= {{ window_start }}
        and months_since_start <= {{ window_end }}
),

rows_by_source as (
    select
        connection_id,
        application_id,
        job_family,
        interviewers_linked_share,
        review_connection_id,
        review_id,
        cycle_id,
        'criterion' as source,
        employee_connection_id,
        employee_id,
        reviewer_id,
        reviewer_employee_connection_id,
        reviewer_employee_id,
        value
    from criterion
    union all
    select
        hire_cells.connection_id,
        hire_cells.application_id,
        hire_cells.job_family,
        hire_cells.interviewers_linked_share,
        other_reviews.connection_id as review_connection_id,
        other_reviews.review_id,
        other_reviews.cycle_id,
        'other' as source,
        hire_cells.employee_connection_id,
        hire_cells.employee_id,
        other_reviews.reviewer_id,
        other_reviews.reviewer_employee_connection_id,
        other_reviews.reviewer_employee_id,
        {{ settled('(other_reviews.effective_rating - hire_cells.cell_mean) / hire_cells.cell_sd') }} as value
    from hire_cells
    inner join other_reviews
        on
            hire_cells.review_connection_id = other_reviews.connection_id
            and hire_cells.cycle_id = other_reviews.cycle_id
            and hire_cells.scale_id = other_reviews.scale_id
            and hire_cells.employee_connection_id = other_reviews.employee_connection_id
            and hire_cells.employee_id = other_reviews.employee_id
            and hire_cells.spell_number = other_reviews.spell_number
    where hire_cells.preference = 1
),

raters as (
    select
        *,
        {{ rater_id('review_connection_id', "connection_id || '|' || application_id") }} as rater_id,
        coalesce(
            reviewer_employee_connection_id = employee_connection_id and reviewer_employee_id = employee_id, false
        ) as is_self
    from rows_by_source
),

-- Whoever gave a hire's criterion is no other person, whatever the relation of a second review.
managers as (
    select distinct
        connection_id,
        application_id,
        rater_id
    from raters
    where source = 'criterion'
),

interviewing_employees as (
    select distinct
        connection_id,
        application_id,
        employee_connection_id,
        employee_id
    from {{ ref('hire_interviewers') }}
    where employee_id is not null
)

select
    raters.connection_id,
    raters.application_id,
    raters.job_family,
    raters.review_connection_id,
    raters.review_id,
    raters.rater_id,
    raters.source,
    raters.cycle_id,
    raters.value,
    {{ was_interviewer(
        'interviewing_employees.employee_id is not null',
        'raters.reviewer_employee_id',
        'raters.interviewers_linked_share = 1'
    ) }} as rater_was_interviewer
from raters
left join managers
    on
        raters.connection_id = managers.connection_id
        and raters.application_id = managers.application_id
        and raters.rater_id = managers.rater_id
left join interviewing_employees
    on
        raters.connection_id = interviewing_employees.connection_id
        and raters.application_id = interviewing_employees.application_id
        and raters.reviewer_employee_connection_id = interviewing_employees.employee_connection_id
        and raters.reviewer_employee_id = interviewing_employees.employee_id
where raters.source = 'criterion' or (managers.rater_id is null and not raters.is_self)
