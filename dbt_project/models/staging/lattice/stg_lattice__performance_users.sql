with users as (
    {{ with_tombstones('lattice', 'users') }}
)

select
    connection_id,
    id as user_id,
    external_user_id as external_employee_id,
    email as email_token,
    deleted_at
from users
