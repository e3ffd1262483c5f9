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
    select * from {{ ref('fct_performance_ratings') }}
    where is_in_window and employee_id is not null
),

averaged as (
    select
        employee_connection_id,
        employee_id,
        spell_number,
        count(*) as n_found,
        count(rating_z) as n_ratings,
        count(distinct case when rating_z is not null then coalesce(reviewer_id, 'unknown') end) as n_raters,
        {{ settled('avg(rating_z)') }} as performance_rating_z,
        min(rated_on) as first_rated_on,
        max(rated_on) as last_rated_on
    from window_ratings
    group by employee_connection_id, employee_id, spell_number
)

select
    spells.connection_id as employee_connection_id,
    spells.employee_id,
    spells.spell_number,
    coalesce(averaged.n_ratings, 0) as n_ratings,
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
