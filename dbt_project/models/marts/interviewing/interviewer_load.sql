with interviews as (
    select * from {{ ref('fct_interviews') }}
    where is_held and technique != 'debrief' and starts_at is not null
),

panel as (
    select * from {{ ref('interview_panel') }}
    where deleted_at is null
)

-- Take-homes have no hour in anybody's calendar and debriefs are not interviews: both are left out.
select
    interviews.connection_id,
    panel.interviewer_id,
    {{ period_start('week', local_date('interviews.starts_at')) }} as week_start,
    count(*) as n_interviews,
    sum({{ hours_between('interviews.starts_at', 'interviews.ends_at') }}) as interview_hours
from interviews
inner join panel
    on
        interviews.connection_id = panel.connection_id
        and interviews.interview_id = panel.interview_id
group by
    interviews.connection_id,
    panel.interviewer_id,
    {{ period_start('week', local_date('interviews.starts_at')) }}
