with hires as (
    select
        {{ period_start('month', 'applications.starts_on') }} as month,
        count(*) as n_ats_hires,
        sum(case when outcomes.spell_number is not null then 1 else 0 end) as n_hires_found
    from {{ ref('fct_hire_outcomes') }} as outcomes
    inner join {{ ref('fct_applications') }} as applications
        on
            outcomes.connection_id = applications.connection_id
            and outcomes.application_id = applications.application_id
    where applications.starts_on is not null and coalesce(outcomes.exclusion_reason, '') != 'internal_move'
    group by {{ period_start('month', 'applications.starts_on') }}
),

starts as (
    select
        {{ period_start('month', 'spells.started_on') }} as month,
        count(*) as n_hris_starts,
        sum(case when outcomes.spell_number is not null then 1 else 0 end) as n_starts_found
    from {{ ref('employment_spells') }} as spells
    left join {{ ref('fct_hire_outcomes') }} as outcomes
        on
            spells.connection_id = outcomes.employee_connection_id
            and spells.employee_id = outcomes.employee_id
            and spells.spell_number = outcomes.spell_number
    where spells.started_on is not null
    group by {{ period_start('month', 'spells.started_on') }}
),

-- Before the first hire of the ATS and after the data's as-of day the two systems have nothing to agree on.
first_hire as (
    select min(month) as first_month from hires
),

bounds as (
    select
        first_hire.first_month,
        data_clock.as_of_on
    from first_hire
    cross join {{ ref('data_clock') }} as data_clock
)

select
    coalesce(hires.month, starts.month) as month,
    coalesce(hires.n_ats_hires, 0) as n_ats_hires,
    {{ to_bigint('coalesce(hires.n_hires_found, 0)') }} as n_hires_found,
    coalesce(starts.n_hris_starts, 0) as n_hris_starts,
    {{ to_bigint('coalesce(starts.n_starts_found, 0)') }} as n_starts_found,
    coalesce(hires.n_ats_hires, 0) - coalesce(starts.n_hris_starts, 0) as difference
from hires
full outer join starts
    on hires.month = starts.month
cross join bounds
where
    coalesce(hires.month, starts.month) >= bounds.first_month
    and coalesce(hires.month, starts.month) <= bounds.as_of_on
