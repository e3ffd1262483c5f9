with hires as (
    select
        hires.employee_id is not null as is_linked,
        {{ months_between('hires.started_on', 'data_clock.as_of_on') }} as months
    from {{ ref('fct_hire_outcomes') }} as hires
    cross join {{ ref('data_clock') }} as data_clock
),

banded as (
    select
        is_linked,
        case
            when months is null or months < 0 then 'not_started'
            when months < 6 then '0-6'
            when months < 18 then '6-18'
            when months < 36 then '18-36'
            else '36+'
        end as tenure_band
    from hires
),

members as (
    select
        is_linked,
        tenure_band
    from banded
    union all
    select
        is_linked,
        'all' as tenure_band
    from banded
),

counted as (
    select
        tenure_band,
        count(*) as n_hires,
        {{ to_bigint('sum(case when is_linked then 1 else 0 end)') }} as n_linked
    from members
    group by tenure_band
)

select
    tenure_band,
    cast(
        case tenure_band
            when 'not_started' then 1
            when '0-6' then 2
            when '6-18' then 3
            when '18-36' then 4
            when '36+' then 5
            else 6
        end as bigint
    ) as band_order,
    n_hires,
    n_linked,
    {{ if_estimable('cast(n_linked as double) / n_hires', 'n_hires') }} as match_rate,
    {{ if_estimable(wilson_lo('n_linked', 'n_hires'), 'n_hires') }} as lo,
    {{ if_estimable(wilson_hi('n_linked', 'n_hires'), 'n_hires') }} as hi,
    {{ rate_status('n_hires') }} as status
from counted
