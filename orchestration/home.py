"""DAGSTER_HOME and the environment of processes that run Dagster or dbt, set in one place and before their import."""

from __future__ import annotations

import os
from pathlib import Path

from ingestion.settings import Settings, settings, silence

silence()

TEMPLATE = Path(__file__).with_name("dagster.yaml")
POSTGRES_URL = "QOH_DAGSTER_POSTGRES_URL"
SQLITE_STORAGE = """
# SQLite, enough for one machine; its event log keeps connections open (orchestration/event_log.py says why).
event_log_storage:
  module: orchestration.event_log
  class: OpenSqliteEventLogStorage
  config:
    base_dir: history
"""
POSTGRES_STORAGE = f"""
# Runs, events and schedules in PostgreSQL, because {POSTGRES_URL} was set when this file was written.
# SQLAlchemy 2.1 reads postgresql:// as psycopg 3, which dagster-postgres does not speak: write postgresql+psycopg2://.
storage:
  postgres:
    postgres_url:
      env: {POSTGRES_URL}
"""


class EncryptionNotOn(Exception):
    """File encryption was asked for, and DuckDB cannot write it here."""

    def __init__(self) -> None:
        super().__init__(
            "QOH_ENCRYPTION=1 asks for encrypted warehouse files. DuckDB 2.0 cannot write them without an extension "
            "that it would have to download. Nothing was started. Put QOH_HOME on an encrypted disk and unset "
            "QOH_ENCRYPTION."
        )


class StorageDisagrees(Exception):
    """The environment and the instance file name different storages for Dagster's history."""

    def __init__(self, file: Path, *, wants_postgres: bool) -> None:
        seen = "is set, but {} does not use it" if wants_postgres else "is not set, but {} takes its storage from it"
        back = "unset it" if wants_postgres else "set it again"
        super().__init__(
            f"{POSTGRES_URL} {seen.format(file)}: the file keeps what was wanted when it was written. Nothing was "
            f"started or changed. To keep Dagster's history, {back}. To change its storage, delete {file} and run "
            "`qoh status`: the history starts over, the warehouse stays as it is."
        )


def prepare() -> Settings:
    """Install `dagster.yaml` where there is none and point Dagster and dbt at this home.

    Returns:
        The settings of this process.

    Raises:
        EncryptionNotOn: QOH_ENCRYPTION is set.
        StorageDisagrees: dagster.yaml was written with another storage than QOH_DAGSTER_POSTGRES_URL asks for.
    """
    if os.environ.get("QOH_ENCRYPTION", "") not in ("", "0"):
        raise EncryptionNotOn
    current = settings()
    home = current.home / "dagster"
    home.mkdir(mode=0o700, exist_ok=True)
    instance_file = home / "dagster.yaml"
    if not instance_file.exists():
        storage = POSTGRES_STORAGE if os.environ.get(POSTGRES_URL) else SQLITE_STORAGE
        instance_file.write_text(TEMPLATE.read_text() + storage)
    wants_postgres = bool(os.environ.get(POSTGRES_URL))
    if wants_postgres != names_postgres(instance_file.read_text()):
        raise StorageDisagrees(instance_file, wants_postgres=wants_postgres)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["QOH_WAREHOUSE_PATH"] = str(current.warehouse_file)
    os.environ["QOH_DEMOGRAPHICS_PATH"] = str(current.demographics_file)
    return current


def names_postgres(instance_file: str) -> bool:
    """Whether an instance file takes its storage from QOH_DAGSTER_POSTGRES_URL; comments do not count."""
    lines = [line.partition("#")[0] for line in instance_file.splitlines()]
    return any(POSTGRES_URL in line for line in lines)
