with applications as (
    select * from {{ current_rows('applications') }}
)

select distinct
    connection_id,
    candidate_id,
    personal_email as email_token
from applications
where personal_email is not null
