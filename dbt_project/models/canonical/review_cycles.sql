{{ union_vendors('review_cycles', ['lattice', 'bamboohr', 'files'], [
    'connection_id', 'cycle_id', 'cycle_name', 'period_ends_on', 'starts_on', 'ends_on',
    'is_calibrated', 'is_closed', 'deleted_at'
]) }}
