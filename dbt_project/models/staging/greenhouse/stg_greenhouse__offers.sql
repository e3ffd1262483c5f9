with offers as (
    {{ with_tombstones('greenhouse', 'offers') }}
)

select
    connection_id,
    id as offer_id,
    application_id,
    coalesce(version, 1) as version,
    case status
        when 'Accepted' then 'accepted'
        when 'Rejected' then 'rejected'
        when 'Deprecated' then 'replaced'
        else 'open'
    end as status,
    {{ utc('created_at') }} as created_at,
    sent_on,
    {{ utc('resolved_at') }} as resolved_at,
    starts_on,
    deleted_at
from offers
