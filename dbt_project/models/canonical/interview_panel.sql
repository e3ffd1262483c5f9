{{ union_vendors('interview_panel', ['greenhouse', 'files'], [
    'connection_id', 'interview_id', 'interviewer_id', 'training_role', 'deleted_at'
]) }}
