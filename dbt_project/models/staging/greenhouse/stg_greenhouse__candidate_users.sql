with from_candidates as (
    select
        links.connection_id,
        links.candidate_id,
        links.user_id
    from {{ source('raw_greenhouse', 'candidate_linked_users') }} as links
    left join {{ source('raw_greenhouse', 'candidates') }} as candidates
        on
            links.connection_id = candidates.connection_id
            and links.candidate_id = candidates.id
    where candidates.updated_at is null or links.updated_at is null or links.updated_at >= candidates.updated_at
),

from_users as (
    select
        links.connection_id,
        links.candidate_id,
        links.user_id
    from {{ source('raw_greenhouse', 'user_linked_candidates') }} as links
    left join {{ source('raw_greenhouse', 'users') }} as users
        on
            links.connection_id = users.connection_id
            and links.user_id = users.id
    where users.updated_at is null or links.updated_at is null or links.updated_at >= users.updated_at
)

select * from from_candidates
union distinct
select * from from_users
