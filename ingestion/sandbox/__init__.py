"""A pretend company with known truth that answers like its vendors, on loopback only.

`running_sandbox()` runs it for the length of a `with` block; `python -m ingestion.sandbox serve` runs it as a program.
The model is in `company.py`, each vendor's wire format in a file of its own; the truth is for tests, no API serves it.
"""

from ingestion.sandbox.runner import RunningSandbox, running_sandbox

__all__ = ["RunningSandbox", "running_sandbox"]
