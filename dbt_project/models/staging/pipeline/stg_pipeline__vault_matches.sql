with matches as (
    select * from {{ source('raw_links', 'vault_matches') }}
)

select
    candidate_connection_id,
    candidate_id,
    employee_connection_id,
    employee_id,
    case when method like 'human%' then 'human' else method end as method,
    score,
    decided_by,
    {{ utc('decided_at') }} as decided_at,
    -- A reviewer's "these are two people": recorded with score 0, so that no rung makes the link again.
    method like 'human%' and (coalesce(score, 0) < 0.5 or method like '%different%') as is_different
from matches
