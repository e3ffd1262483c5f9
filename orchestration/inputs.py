"""What the estimates are made from: the statements, and a digest of what they select."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pandas as pd

from orchestration.warehouse import query

Inputs = Mapping[str, pd.DataFrame]
"""Frames by name, the arguments of `validity.families.Marts`."""

PERSON = "connection_id || '|' || application_id as person_id, coalesce(job_family, 'unknown') as job_family"
STUDIED = "select connection_id, application_id from marts_validity.fct_hire_outcomes where not is_excluded"
INPUTS = {
    # One row a hire, a column a technique and attribute; all others reach the statistics as sums.
    "scores": f"""
        pivot (
            select {PERSON}, score,
                case technique when 'debrief' then '__decision__|overall' else technique || '|' || attribute end as name
            from marts_validity.fct_predictor_scores
            where is_hired and not is_contaminated and score is not null and technique != 'unmapped'
                and attribute != 'attribute_mean' and (technique != 'debrief' or attribute = '__decision__')
                and (connection_id, application_id) in ({STUDIED})
        ) on name using avg(score) group by person_id, job_family order by person_id""",
    "contaminated": f"""
        select coalesce(job_family, 'unknown') as job_family, technique, count(*) as n_contaminated
        from marts_validity.fct_predictor_scores
        where is_hired and is_contaminated and attribute = 'overall'
            and (connection_id, application_id) in ({STUDIED} and performance_rating_z is not null)
        group by all order by all""",
    "outcomes": f"select {PERSON}, is_matured from marts_validity.fct_hire_outcomes where not is_excluded order by 1",
    "ratings": f"""
        select {PERSON}, rater_id, source, cycle_id, value, rater_was_interviewer
        from validity_inputs.validity_ratings order by all""",
    "moments": "from validity_inputs.validity_moments order by all",
    "attribute_moments": "from validity_inputs.validity_attribute_moments order by all",
    "ranges": "from validity_inputs.validity_score_ranges order by all",
    "bins": "from validity_inputs.validity_score_bins order by all",
    "hours": "from validity_inputs.validity_interview_hours order by all",
}


def inputs() -> Inputs:
    """Read all of them from the warehouse, whose lock the caller holds."""
    return {name: query(statement) for name, statement in INPUTS.items()}


def digest(read: Inputs) -> str:
    """One text for the same values in the same columns and order, another for any others."""
    whole = hashlib.sha256()
    for name, frame in sorted(read.items()):
        whole.update(f"{name}: {list(frame.columns)}".encode())
        whole.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return whole.hexdigest()
