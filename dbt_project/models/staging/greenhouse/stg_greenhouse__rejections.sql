with details as (
    select * from {{ source('raw_greenhouse', 'rejection_details') }}
),

reasons as (
    select * from {{ source('raw_greenhouse', 'rejection_reasons') }}
),

newest as (
    select
        *,
        row_number() over (
            partition by connection_id, application_id
            order by rejected_at desc nulls last, id desc
        ) as recency
    from details
)

select
    newest.connection_id,
    newest.application_id,
    reasons.name as rejection_reason,
    case reasons.type_key
        when 'WE_REJECTED_THEM' then 'company'
        when 'SECURITY_CONCERN' then 'company'
        when 'THEY_REJECTED_US' then 'candidate'
        else 'unknown'
    end as rejected_by,
    newest.rejected_by_id,
    {{ utc('newest.rejected_at') }} as rejected_at
from newest
left join reasons
    on
        newest.connection_id = reasons.connection_id
        and newest.rejection_reason_id = reasons.id
where newest.recency = 1
