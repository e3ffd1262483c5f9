with seats as (
    select * from {{ current_rows('interviews') }}
)

select
    connection_id,
    interview_id,
    interviewer_id,
    'none' as training_role,
    cast(null as timestamp) as deleted_at
from seats
