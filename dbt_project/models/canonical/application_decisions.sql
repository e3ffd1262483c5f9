with debriefs as (
    select
        connection_id,
        application_id,
        min(submitted_at) as decided_at
    from {{ ref('scorecards') }}
    where technique = 'debrief' and not is_draft and deleted_at is null
    group by connection_id, application_id
),

offers as (
    select
        connection_id,
        application_id,
        min(created_at) as decided_at
    from {{ ref('offers') }}
    where deleted_at is null and created_at is not null
    group by connection_id, application_id
),

rejections as (
    select
        connection_id,
        application_id,
        rejected_at as decided_at
    from {{ ref('applications') }}
    where deleted_at is null and rejected_at is not null
),

events as (
    select
        connection_id,
        application_id,
        decided_at,
        'debrief' as decided_by_event
    from debriefs
    union all
    select
        connection_id,
        application_id,
        decided_at,
        'offer' as decided_by_event
    from offers
    union all
    select
        connection_id,
        application_id,
        decided_at,
        'rejection' as decided_by_event
    from rejections
),

ranked as (
    select
        *,
        row_number() over (partition by connection_id, application_id order by decided_at, decided_by_event) as recency
    from events
)

select
    connection_id,
    application_id,
    decided_at,
    decided_by_event
from ranked
where recency = 1
