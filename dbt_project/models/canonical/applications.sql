with applications as (
    {{ union_vendors('applications', ['greenhouse', 'files'], [
        'connection_id', 'application_id', 'candidate_id', 'job_id', 'source_name', 'status', 'is_prospect', 'applied_at',
        'rejected_at', 'current_stage_name', 'recruiter_id', 'updated_at', 'deleted_at'
    ]) }}
),

candidates as (
    select * from {{ ref('candidates') }}
),

rejections as (
    select * from {{ ref('rejections') }}
),

accepted_offers as (
    select
        connection_id,
        application_id,
        resolved_at,
        starts_on,
        row_number() over (partition by connection_id, application_id order by version desc, offer_id desc) as recency
    from {{ ref('offers') }}
    where status = 'accepted' and deleted_at is null
)

-- Whoever deletes a candidate deletes the candidate's applications with them.
select
    applications.source_vendor,
    applications.connection_id,
    applications.application_id,
    applications.candidate_id,
    applications.job_id,
    applications.source_name,
    applications.status,
    applications.is_prospect,
    applications.applied_at,
    case
        when applications.status = 'rejected' then coalesce(applications.rejected_at, rejections.rejected_at)
    end as rejected_at,
    case when applications.status = 'hired' then accepted_offers.resolved_at end as hired_at,
    case when applications.status = 'hired' then accepted_offers.starts_on end as starts_on,
    applications.current_stage_name,
    case when applications.status = 'rejected' then rejections.rejection_reason end as rejection_reason,
    case when applications.status = 'rejected' then coalesce(rejections.rejected_by, 'unknown') end as rejected_by,
    applications.recruiter_id,
    applications.updated_at,
    coalesce(applications.deleted_at, candidates.deleted_at) as deleted_at
from applications
left join candidates
    on
        applications.connection_id = candidates.connection_id
        and applications.candidate_id = candidates.candidate_id
left join rejections
    on
        applications.connection_id = rejections.connection_id
        and applications.application_id = rejections.application_id
left join accepted_offers
    on
        applications.connection_id = accepted_offers.connection_id
        and applications.application_id = accepted_offers.application_id
        and accepted_offers.recency = 1
