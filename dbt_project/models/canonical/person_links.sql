with evidence as (
    select * from {{ ref('person_link_evidence') }}
)

select
    candidate_connection_id,
    candidate_id,
    employee_connection_id,
    employee_id,
    method,
    score,
    decided_by,
    application_id,
    spell_number,
    start_gap_days
from evidence
where is_link
