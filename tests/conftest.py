"""Shared by every test: a silent stack, and a header that prints what was tested."""

import os
from importlib.metadata import version

for name, value in {
    "DO_NOT_TRACK": "1",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DBT_VERSION_CHECK": "false",
    "GX_ANALYTICS_ENABLED": "false",
    # One test process per core: more threads in each only wait for one another.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}.items():
    os.environ[name] = value

STACK = ("dagster", "dlt", "dbt-core", "dbt-duckdb", "duckdb", "great-expectations", "pandas", "scipy", "statsmodels")


def pytest_report_header() -> str:
    return "stack: " + ", ".join(f"{name} {version(name)}" for name in STACK)
