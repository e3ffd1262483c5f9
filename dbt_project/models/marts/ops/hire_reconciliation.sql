with hires as (
    select
        {{ period_start('month', 'starts_on') }} as month,
        count(*) as n_ats_hires
    from {{ ref('fct_applications') }}
    where status = 'hired' and starts_on is not null and not is_excluded
    group by {{ period_start('month', 'starts_on') }}
),

starts as (
    select
        {{ period_start('month', 'started_on') }} as month,
        count(*) as n_hris_starts
    from {{ ref('employment_spells') }}
    where started_on is not null
    group by {{ period_start('month', 'started_on') }}
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
    coalesce(starts.n_hris_starts, 0) as n_hris_starts,
    coalesce(hires.n_ats_hires, 0) - coalesce(starts.n_hris_starts, 0) as difference
from hires
full outer join starts
    on hires.month = starts.month
cross join bounds
where
    coalesce(hires.month, starts.month) >= bounds.first_month
    and coalesce(hires.month, starts.month) <= bounds.as_of_on
