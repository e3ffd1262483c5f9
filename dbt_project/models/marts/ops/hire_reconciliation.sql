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
)

select
    coalesce(hires.month, starts.month) as month,
    coalesce(hires.n_ats_hires, 0) as n_ats_hires,
    coalesce(starts.n_hris_starts, 0) as n_hris_starts,
    coalesce(hires.n_ats_hires, 0) - coalesce(starts.n_hris_starts, 0) as difference
from hires
full outer join starts
    on hires.month = starts.month
