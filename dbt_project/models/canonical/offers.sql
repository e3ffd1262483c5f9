{{ union_vendors('offers', ['greenhouse', 'files'], [
    'connection_id', 'offer_id', 'application_id', 'version', 'status', 'created_at', 'sent_on', 'resolved_at', 'starts_on',
    'deleted_at'
]) }}
