{{ linked_users(ref('ats_users'), 'employee_id', 'ats_connection_id') }}
