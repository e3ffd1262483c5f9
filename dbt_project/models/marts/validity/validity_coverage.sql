{%- set steps = ['hired', 'linked', 'tenured', 'rated', 'independent_rater'] -%}
with hires as (
    select
        job_family,
        employee_id is not null as is_linked,
        -- A cycle can close after the last day, so a leaver's rating can speak for a day that he did not see.
        is_tenured or performance_rating_z is not null as is_tenured,
        performance_rating_z is not null as is_rated,
        n_independent_raters > 0 as is_independent
    from {{ ref('fct_hire_outcomes') }}
    where not is_excluded
),

members as (
    select * from hires
    union all
    select
        'all' as job_family,
        is_linked,
        is_tenured,
        is_rated,
        is_independent
    from hires
),

counted as (
    select
        job_family,
        count(*) as n_hired,
        sum(case when is_linked then 1 else 0 end) as n_linked,
        sum(case when is_linked and is_tenured then 1 else 0 end) as n_tenured,
        sum(case when is_linked and is_tenured and is_rated then 1 else 0 end) as n_rated,
        sum(case when is_linked and is_tenured and is_rated and is_independent then 1 else 0 end) as n_independent_rater
    from members
    group by job_family
),

steps as (
    {% for step in steps -%}
    select
        job_family,
        {{ to_bigint(loop.index) }} as step_order,
        '{{ step }}' as step,
        {{ to_bigint('n_' ~ step) }} as n,
        n_hired
    from counted
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    job_family,
    step_order,
    step,
    n,
    cast(n as double) / nullif(n_hired, 0) as share
from steps
