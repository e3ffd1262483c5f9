with panel as (
    select
        interviews.connection_id,
        interviews.application_id,
        interviews.technique,
        interview_panel.interviewer_id,
        0 as scored
    from {{ ref('interview_panel') }} as interview_panel
    inner join {{ ref('interviews') }} as interviews
        on
            interview_panel.connection_id = interviews.connection_id
            and interview_panel.interview_id = interviews.interview_id
    where
        interview_panel.deleted_at is null
        and interviews.deleted_at is null
        and interviews.status != 'cancelled'
),

scorers as (
    select
        connection_id,
        application_id,
        technique,
        interviewer_id,
        1 as scored
    from {{ ref('scorecards') }}
    where deleted_at is null and not is_draft and interviewer_id is not null
),

people as (
    select * from panel
    union all
    select * from scorers
),

everyone as (
    select
        connection_id,
        application_id,
        technique,
        interviewer_id,
        max(scored) = 1 as has_scored
    from people
    group by connection_id, application_id, technique, interviewer_id
),

links as (
    select * from {{ ref('interviewer_links') }}
)

select
    everyone.connection_id,
    everyone.application_id,
    everyone.technique,
    everyone.interviewer_id,
    everyone.has_scored,
    links.employee_connection_id,
    links.employee_id
from everyone
left join links
    on
        everyone.connection_id = links.ats_connection_id
        and everyone.interviewer_id = links.user_id
