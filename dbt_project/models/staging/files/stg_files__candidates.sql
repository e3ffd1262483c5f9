with applications as (
    select * from {{ current_rows('applications') }}
)

select
    connection_id,
    candidate_id,
    {{ utc('min(applied_at)') }} as created_at,
    false as is_private,
    false as is_anonymised,
    {{ utc('max(coalesce(updated_at, applied_at))') }} as updated_at,
    cast(null as timestamp) as deleted_at
from applications
group by connection_id, candidate_id
