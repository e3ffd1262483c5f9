with addresses as (
    select * from {{ source('raw_greenhouse', 'candidate_email_addresses') }}
),

candidates as (
    select * from {{ source('raw_greenhouse', 'candidates') }}
)

-- An address that the candidate's newest version no longer lists carries the stamp of an older version.
select distinct
    addresses.connection_id,
    addresses.candidate_id,
    addresses.email as email_token
from addresses
left join candidates
    on
        addresses.connection_id = candidates.connection_id
        and addresses.candidate_id = candidates.id
where candidates.updated_at is null or addresses.updated_at is null or addresses.updated_at >= candidates.updated_at
