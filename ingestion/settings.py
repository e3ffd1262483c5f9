"""Settings, all of them environment variables, read in this one place.

=================  ======================  =====================================================================
variable           default                 meaning
=================  ======================  =====================================================================
QOH_HOME           ./data                  everything the system writes; created 0700
QOH_KEYS           ./keys                  the token keys, outside the warehouse; losing them orphans every link
QOH_CONNECTIONS    ./connections.toml      which vendors are connected
QOH_TIMEZONE       UTC                     the firm's time zone: days in reports and schedules
WAREHOUSE          duckdb                  which class of `ingestion.warehouse` stores the data
=================  ======================  =====================================================================
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ingestion.errors import SettingInvalid

SILENCE = {
    "DO_NOT_TRACK": "1",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    # dlt warns about every Arrow table whose hints it takes from us; its errors reach the operator as exceptions.
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DBT_VERSION_CHECK": "false",
    "GX_ANALYTICS_ENABLED": "false",
}


def silence() -> None:
    """Tell the stack to stay silent; has to happen before dlt is imported."""
    for name, value in SILENCE.items():
        os.environ.setdefault(name, value)


@dataclass(frozen=True)
class Settings:
    """The settings of this process."""

    home: Path
    keys: Path
    connections: Path
    timezone: ZoneInfo
    warehouse: str

    @property
    def warehouse_file(self) -> Path:
        """Raw tables and models: the pipeline's own file."""
        return self.home / "warehouse.duckdb"

    @property
    def demographics_file(self) -> Path:
        """The restricted zone: nothing in it can be joined with the warehouse by token."""
        return self.home / "demographics.duckdb"

    @property
    def vault_file(self) -> Path:
        """Token to clear identifier."""
        return self.home / "vault.duckdb"

    @property
    def published(self) -> Path:
        """Versioned read-only files, one series per role."""
        return self.home / "published"

    @property
    def dlt(self) -> Path:
        """dlt's working directories; thrown away after an unclean exit."""
        return self.home / "dlt"

    @property
    def lock_file(self) -> Path:
        """The one lock of sync, build and publish."""
        return self.home / "lock"


def settings() -> Settings:
    """Read the settings from the environment; the home directory and all that is written are the owner's only.

    Raises:
        SettingInvalid: the time zone is unknown.
    """
    silence()
    zone = os.environ.get("QOH_TIMEZONE") or "UTC"
    try:
        timezone = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingInvalid("QOH_TIMEZONE", zone, "a name of the time zone database, like Europe/Berlin") from error
    os.umask(0o077)  # every file that this process and its children write is the owner's only
    home = Path(os.environ.get("QOH_HOME") or "data").absolute()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if home.stat().st_mode & 0o077:
        home.chmod(0o700)
    return Settings(
        home=home,
        keys=Path(os.environ.get("QOH_KEYS") or "keys").absolute(),
        connections=Path(os.environ.get("QOH_CONNECTIONS") or "connections.toml").absolute(),
        timezone=timezone,
        warehouse=os.environ.get("WAREHOUSE") or "duckdb",
    )
