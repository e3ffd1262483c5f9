{{ union_vendors('employment_spells', ['bamboohr', 'files'], [
    'connection_id', 'employee_id', 'spell_number', 'started_on', 'ended_on', 'end_type',
    'termination_reason'
]) }}
