{{ linked_users(ref('performance_users'), 'external_employee_id', 'performance_connection_id') }}
