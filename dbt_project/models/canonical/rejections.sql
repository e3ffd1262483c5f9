{{ union_vendors('rejections', ['greenhouse'], [
    'connection_id', 'application_id', 'rejection_reason', 'rejected_by', 'rejected_by_id',
    'rejected_at'
]) }}
