with applications as (
    select * from {{ current_rows('applications') }}
)

-- A hired row of the spreadsheet stands for one accepted offer.
select
    connection_id,
    application_id as offer_id,
    application_id,
    cast(1 as bigint) as version,
    'accepted' as status,
    {{ utc('decided_at') }} as created_at,
    cast(null as date) as sent_on,
    {{ utc('decided_at') }} as resolved_at,
    start_date as starts_on,
    cast(null as timestamp) as deleted_at
from applications
where status = 'hired'
