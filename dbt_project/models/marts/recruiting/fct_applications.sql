with applications as (
    select * from {{ ref('applications') }}
    where deleted_at is null
),

jobs as (
    select * from {{ ref('jobs') }}
),

stage_taxonomy as (
    select
        canonical_stage,
        max(stage_order) as stage_order
    from {{ ref('stage_taxonomy') }}
    group by canonical_stage
),

stage_names as (
    select * from {{ ref('stage_names') }}
),

interviews as (
    select * from {{ ref('interviews') }}
    where deleted_at is null
),

scorecards as (
    select * from {{ ref('scorecards') }}
    where deleted_at is null and not is_draft
),

held_interviews as (
    select
        connection_id,
        application_id,
        count(*) as n_interviews
    from {{ ref('fct_interviews') }}
    where is_held and technique != 'debrief'
    group by connection_id, application_id
),

submitted_scorecards as (
    select
        connection_id,
        application_id,
        count(*) as n_scorecards
    from scorecards
    where technique != 'debrief'
    group by connection_id, application_id
),

-- Any of these proves a stage; the furthest one counts. Everybody who applied has been in the first.
evidence as (
    select
        connection_id,
        application_id,
        'application_review' as canonical_stage
    from applications
    union all
    select
        connection_id,
        application_id,
        canonical_stage
    from {{ ref('application_stages') }}
    where deleted_at is null
    union all
    select
        interviews.connection_id,
        interviews.application_id,
        stage_names.canonical_stage
    from interviews
    inner join stage_names
        on interviews.stage_name = stage_names.stage_name
    where interviews.status != 'cancelled'
    union all
    select
        connection_id,
        application_id,
        'offer' as canonical_stage
    from {{ ref('offers') }}
    where deleted_at is null
    union all
    select
        connection_id,
        application_id,
        'hired' as canonical_stage
    from applications
    where status = 'hired'
),

furthest as (
    select
        evidence.connection_id,
        evidence.application_id,
        max(stage_taxonomy.stage_order) as stage_order
    from evidence
    inner join stage_taxonomy
        on evidence.canonical_stage = stage_taxonomy.canonical_stage
    group by evidence.connection_id, evidence.application_id
),

final as (
    select
        applications.connection_id,
        applications.application_id,
        applications.candidate_id,
        applications.job_id,
        coalesce(jobs.job_family, 'unknown') as job_family,
        coalesce(jobs.job_level, 'unknown') as job_level,
        applications.source_name,
        applications.applied_at,
        applications.status,
        applications.hired_at,
        applications.starts_on,
        applications.rejected_at,
        applications.rejected_by,
        stage_taxonomy.canonical_stage as furthest_stage,
        coalesce(held_interviews.n_interviews, 0) as n_interviews,
        coalesce(submitted_scorecards.n_scorecards, 0) as n_scorecards,
        {{ fractional_days_between('applications.applied_at', 'applications.hired_at') }} as days_to_hire,
        applications.is_prospect or applications.job_id is null as is_excluded,
        case
            when applications.is_prospect then 'prospect'
            when applications.job_id is null then 'no_job'
        end as exclusion_reason
    from applications
    left join jobs
        on
            applications.connection_id = jobs.connection_id
            and applications.job_id = jobs.job_id
    left join furthest
        on
            applications.connection_id = furthest.connection_id
            and applications.application_id = furthest.application_id
    left join stage_taxonomy
        on furthest.stage_order = stage_taxonomy.stage_order
    left join held_interviews
        on
            applications.connection_id = held_interviews.connection_id
            and applications.application_id = held_interviews.application_id
    left join submitted_scorecards
        on
            applications.connection_id = submitted_scorecards.connection_id
            and applications.application_id = submitted_scorecards.application_id
)

select * from final
