{{ union_vendors('job_history', ['bamboohr', 'files'], [
    'connection_id', 'employee_id', 'effective_on', 'department_name', 'job_title', 'job_level'
]) }}
