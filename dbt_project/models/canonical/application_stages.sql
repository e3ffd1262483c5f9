with visits as (
    {{ union_vendors('application_stages', ['greenhouse'], [
        'connection_id', 'application_stage_id', 'application_id', 'stage_name', 'stage_order', 'entered_at', 'exited_at',
        'is_current', 'deleted_at'
    ]) }}
),

applications as (
    select * from {{ ref('applications') }}
),

stage_names as (
    select * from {{ ref('stage_names') }}
)

select
    visits.source_vendor,
    visits.connection_id,
    visits.application_stage_id,
    visits.application_id,
    visits.stage_name,
    visits.stage_order,
    coalesce(stage_names.canonical_stage, 'unmapped') as canonical_stage,
    visits.entered_at,
    visits.exited_at,
    visits.is_current,
    coalesce(visits.deleted_at, applications.deleted_at) as deleted_at
from visits
left join stage_names
    on visits.stage_name = stage_names.stage_name
left join applications
    on
        visits.connection_id = applications.connection_id
        and visits.application_id = applications.application_id
