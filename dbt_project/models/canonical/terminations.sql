select
    source_vendor,
    connection_id,
    employee_id,
    spell_number,
    ended_on,
    end_type,
    termination_reason
from {{ ref('employment_spells') }}
where ended_on is not null
