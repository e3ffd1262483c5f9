{{ union_vendors('candidates', ['greenhouse', 'files'], [
    'connection_id', 'candidate_id', 'created_at', 'is_private', 'is_anonymised', 'updated_at',
    'deleted_at'
]) }}
