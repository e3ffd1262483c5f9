"""Who is told, and how often: a log that is always there and a webhook when QOH_ALERT_WEBHOOK names its address.

The state of the notifiers lies in QOH_HOME/alerts.json and is shown by the asset `ops/alarm_state`, because alerts that
silently stop are worse than none. Texts carry names of checks, runs and tables, never values of persons.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ingestion.settings import settings

WEBHOOK = "QOH_ALERT_WEBHOOK"
COOL_DOWN = timedelta(hours=20)
TIMEOUT_SECONDS = 10
SELF_TEST = "self_test"

log = logging.getLogger("qoh.alerts")


class NotifierFailed(Exception):
    """A notifier did not deliver; the address is a secret and stays out of the message."""


@dataclass(frozen=True)
class Alert:
    """One thing to tell. The same `key` is told once per cool-down."""

    key: str
    text: str


Notifier = Callable[[Alert], None]


def _to_log(alert: Alert) -> None:
    log.error("%s", alert.text)
    with (settings().home / "alerts.log").open("a", encoding="utf-8") as file:
        file.write(f"{_now().isoformat(timespec='seconds')} {alert.text}\n")


def _to_webhook(alert: Alert) -> None:
    import httpx

    try:
        response = httpx.post(os.environ[WEBHOOK], json={"text": alert.text}, timeout=TIMEOUT_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotifierFailed(
            f"webhook of {WEBHOOK}: {type(error).__name__}. Check the address and the network."
        ) from None
    if response.is_error:
        raise NotifierFailed(f"webhook of {WEBHOOK}: HTTP {response.status_code}. Check the address.")


def notifiers() -> Mapping[str, Notifier]:
    """The ones that are set up."""
    return {"log": _to_log} | ({"webhook": _to_webhook} if os.environ.get(WEBHOOK) else {})


def send(alert: Alert, *, cool_down: timedelta = COOL_DOWN) -> dict[str, str | None]:
    """Tell everybody, unless the same key was told within the cool-down.

    Returns:
        For every notifier that was tried, the sentence of its failure or None.
    """
    state = alarm_state()
    last = state["sent"].get(alert.key)
    if last and _now() - datetime.fromisoformat(last) < cool_down:
        return {}
    outcomes: dict[str, str | None] = {}
    for name, notify in notifiers().items():
        outcomes[name] = _tried(notify, alert)
        state["notifiers"][name] = {"at": _now().isoformat(), "error": outcomes[name]}
    state["sent"][alert.key] = _now().isoformat()
    _save(state)
    return outcomes


def self_test() -> dict[str, str | None]:
    """Fire every notifier with a test message: the proof that an alert would arrive."""
    return send(Alert(SELF_TEST, "Test message of Quality of Hire: alerts arrive here."), cool_down=timedelta(0))


def alarm_state() -> dict[str, Any]:
    """When which key was told, and how each notifier fared the last time."""
    empty: dict[str, Any] = {"sent": {}, "notifiers": {}}
    try:
        return empty | dict(json.loads(_state_file().read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return empty


def _tried(notify: Notifier, alert: Alert) -> str | None:
    try:
        notify(alert)
    except (NotifierFailed, OSError) as error:
        log.error("An alert was not delivered: %s", error)
        return str(error)
    return None


def _save(state: Mapping[str, Any]) -> None:
    """Forget keys after a month, write a new file, rename it."""
    kept = {key: at for key, at in state["sent"].items() if _now() - datetime.fromisoformat(at) < timedelta(days=31)}
    file = _state_file()
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({**state, "sent": kept}, indent=1))
    fresh.replace(file)


def _state_file() -> Path:
    return settings().home / "alerts.json"


def _now() -> datetime:
    return datetime.now(UTC)
