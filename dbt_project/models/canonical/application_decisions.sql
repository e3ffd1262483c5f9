with debriefs as (
    select
        connection_id,
        application_id,
        min(submitted_at) as decided_at
    from {{ ref('scorecards') }}
    where technique = 'debrief' and not is_draft and deleted_at is null
    group by connection_id, application_id
),

-- An offer decides when it is made to the candidate, not when its draft is created. Of the sending only the day is
-- known, and it counts as that day's end: a scorecard is late only where that is certain, and those of the day come
-- before the offer far more often than after it. An answer is an offer made, with or without a day of sending.
offers_made as (
    select
        connection_id,
        application_id,
        {{ end_of_local_day('sent_on') }} as made_at
    from {{ ref('offers') }}
    where deleted_at is null and sent_on is not null
    union all
    select
        connection_id,
        application_id,
        resolved_at as made_at
    from {{ ref('offers') }}
    where deleted_at is null and resolved_at is not null and status in ('accepted', 'rejected')
),

offers as (
    select
        connection_id,
        application_id,
        min(made_at) as decided_at
    from offers_made
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
