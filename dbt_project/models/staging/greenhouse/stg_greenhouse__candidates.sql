with candidates as (
    {{ with_tombstones('greenhouse', 'candidates') }}
)

select
    connection_id,
    id as candidate_id,
    {{ utc('created_at') }} as created_at,
    coalesce(is_private, false) as is_private,
    coalesce(is_anonymised, false) as is_anonymised,
    {{ utc('updated_at') }} as updated_at,
    deleted_at
from candidates
