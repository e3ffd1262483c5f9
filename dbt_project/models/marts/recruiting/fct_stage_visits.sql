with visits as (
    select * from {{ ref('application_stages') }}
    where deleted_at is null
),

applications as (
    select * from {{ ref('fct_applications') }}
)

select
    visits.connection_id,
    visits.application_id,
    visits.application_stage_id,
    applications.job_family,
    visits.canonical_stage,
    visits.stage_name,
    visits.stage_order,
    visits.entered_at,
    visits.exited_at,
    {{ fractional_days_between('visits.entered_at', 'visits.exited_at') }} as stage_days
from visits
inner join applications
    on
        visits.connection_id = applications.connection_id
        and visits.application_id = applications.application_id
