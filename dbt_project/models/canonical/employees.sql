{{ union_vendors('employees', ['bamboohr', 'files'], [
    'connection_id', 'employee_id', 'employee_number', 'candidate_external_id', 'work_email_token',
    'home_email_token', 'hired_on', 'terminated_on', 'status', 'manager_employee_id',
    'department_name', 'job_title', 'job_level', 'job_family', 'updated_at', 'deleted_at'
]) }}
