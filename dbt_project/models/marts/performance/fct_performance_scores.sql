{%- set window_start = var('criterion_window_start_months') -%}
{%- set window_end = var('criterion_window_end_months') -%}
with spells as (
    select * from {{ ref('employment_spells') }}
    where started_on is not null
),

data_clock as (
    select * from {{ ref('data_clock') }}
),

window_ratings as (
    select
        *,
        {{ rater_id('connection_id', "'hire'") }} as rater_id
    from {{ ref('fct_performance_ratings') }}
    where is_in_window and employee_id is not null
),

-- One person's ratings in two cycles are one opinion: they say how stable it is, and count once.
by_rater as (
    select
        employee_connection_id,
        employee_id,
        spell_number,
        rater_id,
        count(*) as n_found,
        count(rating_z) as n_ratings,
        avg(rating_z) as rater_mean,
        min(rated_on) as first_rated_on,
        max(rated_on) as last_rated_on
    from window_ratings
    group by employee_connection_id, employee_id, spell_number, rater_id
),

averaged as (
    select
        employee_connection_id,
        employee_id,
        spell_number,
        sum(n_found) as n_found,
        sum(n_ratings) as n_ratings,
        count(rater_mean) as n_raters,
        {{ settled('avg(rater_mean)') }} as performance_rating_z,
        min(first_rated_on) as first_rated_on,
        max(last_rated_on) as last_rated_on
    from by_rater
    group by employee_connection_id, employee_id, spell_number
)

select
    spells.connection_id as employee_connection_id,
    spells.employee_id,
    spells.spell_number,
    {{ to_bigint('coalesce(averaged.n_ratings, 0)') }} as n_ratings,
    coalesce(averaged.n_raters, 0) as n_raters,
    averaged.performance_rating_z,
    averaged.first_rated_on,
    averaged.last_rated_on,
    {{ to_bigint(window_start) }} as window_start_months,
    {{ to_bigint(window_end) }} as window_end_months,
    case
        when averaged.n_ratings > 0 then 'ok'
        when averaged.n_found > 0 then 'refused'
        when {{ months_between('spells.started_on', 'spells.ended_on') }} < {{ window_start }} then 'left_before_window'
        when {{ months_between('spells.started_on', 'data_clock.as_of_on') }} < {{ window_end }} then 'immature'
        else 'unreviewed'
    end as status
from spells
cross join data_clock
left join averaged
    on
        spells.connection_id = averaged.employee_connection_id
        and spells.employee_id = averaged.employee_id
        and spells.spell_number = averaged.spell_number
