with users as (
    {{ with_tombstones('greenhouse', 'users') }}
)

select
    connection_id,
    id as user_id,
    employee_id,
    primary_email as email_token,
    not coalesce(deactivated, false) as is_active,
    deleted_at
from users
