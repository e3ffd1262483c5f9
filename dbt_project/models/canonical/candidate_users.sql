{{ union_vendors('candidate_users', ['greenhouse'], [
    'connection_id', 'candidate_id', 'user_id'
]) }}
