select
    candidate_connection_id,
    candidate_id,
    employee_connection_id,
    employee_id,
    method,
    start_gap_days,
    conflict_reason as reason
from {{ ref('person_link_evidence') }}
where not is_link
