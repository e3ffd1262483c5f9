"""How well interview techniques predict job performance: observations in, estimate objects out.

Pure: data frames and arrays in, :class:`~validity.estimate.Estimate` objects and data frames out. No SQL, no files, no
orchestration. It studies techniques, never persons: nothing here predicts or ranks a candidate or an interviewer.
"""

from validity.study import Study, SufficientScores, study

# `validity.study` is the function; what else the submodule has is reached by `from validity.study import …`.
__all__ = ["Study", "SufficientScores", "study"]
