{{ union_vendors('performance_users', ['lattice', 'bamboohr', 'files'], [
    'connection_id', 'user_id', 'external_employee_id', 'email_token', 'deleted_at'
]) }}
