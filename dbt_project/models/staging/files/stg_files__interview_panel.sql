with seats as (
    select * from {{ source('raw_files', 'interviews') }}
)

select
    connection_id,
    interview_id,
    interviewer_id,
    'none' as training_role,
    cast(null as timestamp) as deleted_at
from seats
