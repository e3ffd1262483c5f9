{{ union_vendors('candidate_emails', ['greenhouse', 'files'], [
    'connection_id', 'candidate_id', 'email_token'
]) }}
