with panel as (
    {{ with_tombstones('greenhouse', 'interviewers') }}
)

-- Somebody who declined was not there; a person listed twice counts once. Shadowing is not recorded by this vendor.
select
    connection_id,
    interview_id,
    user_id as interviewer_id,
    'none' as training_role,
    min(deleted_at) as deleted_at
from panel
where
    user_id is not null
    and interview_id is not null
    and deleted_at is null
    and coalesce(response_status, '') != 'declined'
group by connection_id, interview_id, user_id
