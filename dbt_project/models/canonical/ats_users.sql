{{ union_vendors('ats_users', ['greenhouse', 'files'], [
    'connection_id', 'user_id', 'employee_id', 'email_token', 'is_active', 'deleted_at'
]) }}
