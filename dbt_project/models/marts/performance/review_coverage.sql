with cycles as (
    select * from {{ ref('review_cycles') }}
    where deleted_at is null
),

reviews as (
    select * from {{ ref('fct_reviews') }}
),

data_clock as (
    select * from {{ ref('data_clock') }}
),

spells as (
    select * from {{ ref('employment_spells') }}
),

hris_of_cycle as (
    select distinct
        connection_id,
        cycle_id,
        employee_connection_id
    from reviews
    where employee_connection_id is not null
),

reviewed_users as (
    select
        connection_id,
        cycle_id,
        employee_id is null as is_unlinked,
        coalesce(
            employee_connection_id || '|' || employee_id, 'user|' || reviewee_user_id, 'review|' || review_id
        ) as person
    from {{ ref('reviews') }}
    where deleted_at is null
),

rated_employees as (
    select distinct
        connection_id,
        cycle_id,
        employee_connection_id,
        employee_id
    from reviews
    where relation = 'manager' and effective_rating is not null and employee_id is not null
),

reviewees as (
    select
        connection_id,
        cycle_id,
        count(distinct person) as n_employees,
        count(distinct case when is_unlinked then person end) as n_unlinked
    from reviewed_users
    group by connection_id, cycle_id
),

expected as (
    select
        cycles.connection_id,
        cycles.cycle_id,
        count(distinct spells.connection_id || '|' || spells.employee_id) as n_expected,
        count(distinct rated_employees.employee_connection_id || '|' || rated_employees.employee_id) as n_reviewed
    from cycles
    inner join hris_of_cycle
        on
            cycles.connection_id = hris_of_cycle.connection_id
            and cycles.cycle_id = hris_of_cycle.cycle_id
    inner join spells
        on
            hris_of_cycle.employee_connection_id = spells.connection_id
            and spells.started_on <= cast({{ add_days('cycles.ends_on', -30) }} as date)
            and (spells.ended_on is null or spells.ended_on >= cycles.ends_on)
    left join rated_employees
        on
            cycles.connection_id = rated_employees.connection_id
            and cycles.cycle_id = rated_employees.cycle_id
            and spells.connection_id = rated_employees.employee_connection_id
            and spells.employee_id = rated_employees.employee_id
    group by cycles.connection_id, cycles.cycle_id
)

select
    cycles.connection_id,
    cycles.cycle_id,
    cycles.cycle_name,
    cycles.starts_on,
    cycles.ends_on,
    coalesce({{ is_cycle_over('cycles', 'data_clock') }}, true) as is_closed,
    cycles.is_calibrated,
    coalesce(reviewees.n_employees, 0) as n_employees,
    coalesce(expected.n_expected, 0) as n_expected,
    coalesce(expected.n_reviewed, 0) as n_reviewed,
    cast(expected.n_reviewed as double) / nullif(expected.n_expected, 0) as coverage,
    coalesce(reviewees.n_unlinked, 0) as n_unlinked
from cycles
cross join data_clock
left join reviewees
    on
        cycles.connection_id = reviewees.connection_id
        and cycles.cycle_id = reviewees.cycle_id
left join expected
    on
        cycles.connection_id = expected.connection_id
        and cycles.cycle_id = expected.cycle_id
