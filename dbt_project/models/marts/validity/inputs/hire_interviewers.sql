with hires as (
    select * from {{ ref('fct_applications') }}
    where status = 'hired' and not is_excluded
),

links as (
    select * from {{ ref('person_links') }}
),

-- One person can be several candidates: all who are linked to one employee.
candidates as (
    select
        connection_id,
        application_id,
        hired_at,
        connection_id as candidate_connection_id,
        candidate_id
    from hires
    union distinct
    select
        hires.connection_id,
        hires.application_id,
        hires.hired_at,
        same_person.candidate_connection_id,
        same_person.candidate_id
    from hires
    inner join links
        on
            hires.connection_id = links.candidate_connection_id
            and hires.candidate_id = links.candidate_id
    inner join links as same_person
        on
            links.employee_connection_id = same_person.employee_connection_id
            and links.employee_id = same_person.employee_id
),

-- The hire's application and those before it. Who interviewed for a later move judged the employee, not the candidate.
considered as (
    select
        candidates.connection_id,
        candidates.application_id,
        applications.connection_id as interviewer_connection_id,
        applications.application_id as interviewed_application_id
    from candidates
    inner join {{ ref('applications') }} as applications
        on
            candidates.candidate_connection_id = applications.connection_id
            and candidates.candidate_id = applications.candidate_id
    where
        applications.application_id = candidates.application_id
        or not coalesce(applications.applied_at > candidates.hired_at, false)
)

select distinct
    considered.connection_id,
    considered.application_id,
    considered.interviewer_connection_id,
    interviewers.interviewer_id,
    interviewers.employee_connection_id,
    interviewers.employee_id
from considered
inner join {{ ref('application_interviewers') }} as interviewers
    on
        considered.interviewer_connection_id = interviewers.connection_id
        and considered.interviewed_application_id = interviewers.application_id
where interviewers.technique != 'debrief'
