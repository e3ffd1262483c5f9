"""Who is told, and how often: a log that is always there and a webhook when QOH_ALERT_WEBHOOK names its address.

The state of the notifiers lies in QOH_HOME/alerts.json and is shown by the asset `ops/alarm_state`, because alerts that
silently stop are worse than none. What a notifier did not take waits there and is tried again by every look of the
sensor and by every later alert. Texts carry names of checks, runs and tables, never values of persons.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from ingestion.settings import settings

WEBHOOK = "QOH_ALERT_WEBHOOK"
COOL_DOWN = timedelta(hours=20)
FORGOTTEN = timedelta(days=31)
LATE = timedelta(minutes=1)
TIMEOUT_SECONDS = 10
SELF_TEST = "self_test"

log = logging.getLogger("qoh.alerts")
texts = log.getChild("texts")
"""What is told. `qoh run` silences it, because what it tells stands in its summary too."""


class NotifierFailed(Exception):
    """A notifier did not deliver; the address is a secret and stays out of the message."""


@dataclass(frozen=True)
class Alert:
    """One thing to tell. The same `key` is told once per cool-down."""

    key: str
    text: str


Notifier = Callable[[Alert], None]


def _to_log(alert: Alert) -> None:
    texts.error("%s", alert.text)
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


def send(*alerts: Alert, cool_down: timedelta = COOL_DOWN) -> dict[str, str | None]:
    """Tell everybody who has not been told the same keys within the cool-down, and what waited for them before.

    Returns:
        For every notifier that was tried, the sentence of its failure or None.
    """
    with _locked_state() as state:
        for name, alert in product(notifiers(), alerts):
            last = state["told"].get(name, {}).get(alert.key)
            if not last or _age(last) >= cool_down:
                state["waiting"].setdefault(name, {})[alert.key] = {"text": alert.text, "at": _now().isoformat()}
        return _deliver(state)


def deliver() -> dict[str, str | None]:
    """Try again what was not delivered.

    Returns:
        As `send`: empty where nothing waits.
    """
    with _locked_state() as state:
        return _deliver(state)


def self_test() -> dict[str, str | None]:
    """Fire every notifier with a test message: the proof that an alert would arrive."""
    return send(Alert(SELF_TEST, "Test message of Quality of Hire: alerts arrive here."), cool_down=timedelta(0))


def alarm_state() -> dict[str, Any]:
    """By notifier: when which key was told, what waits to be told, and how it fared the last time."""
    empty: dict[str, Any] = {"told": {}, "waiting": {}, "notifiers": {}}
    try:
        found = dict(json.loads(_state_file().read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return empty
    return {name: found.get(name, nothing) for name, nothing in empty.items()}


def _deliver(state: dict[str, Any]) -> dict[str, str | None]:
    outcomes: dict[str, str | None] = {}
    for name, notify in notifiers().items():
        waiting = state["waiting"].get(name, {})
        if waiting:
            outcomes[name] = _emptied(waiting, notify, state["told"].setdefault(name, {}))
            state["notifiers"][name] = {"at": _now().isoformat(), "error": outcomes[name]}
    return outcomes


def _emptied(waiting: dict[str, Any], notify: Notifier, told: dict[str, str]) -> str | None:
    """Deliver until one fails: it goes to the end, so that a text nobody takes does not hold up the others."""
    for key in list(waiting):
        alert = waiting.pop(key)
        late = f"\n(Of {alert['at'][:16]} UTC, delivered late.)" if _age(alert["at"]) > LATE else ""
        error = _tried(notify, Alert(key, alert["text"] + late))
        if error:
            waiting[key] = alert
            return error
        told[key] = _now().isoformat()
    return None


def _tried(notify: Notifier, alert: Alert) -> str | None:
    try:
        notify(alert)
    except (NotifierFailed, OSError) as error:
        log.error("An alert was not delivered and waits in %s: %s", _state_file(), error)
        return str(error)
    return None


@contextmanager
def _locked_state() -> Iterator[dict[str, Any]]:
    """The state, read and written again by one thread of one process at a time."""
    with _state_file().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = alarm_state()
        yield state
        _save(state)


def _save(state: Mapping[str, Any]) -> None:
    """Forget what is older than a month, write a new file, rename it."""
    told = {name: {key: at for key, at in keys.items() if _age(at) < FORGOTTEN} for name, keys in state["told"].items()}
    waiting = {
        name: {key: alert for key, alert in alerts.items() if _age(alert["at"]) < FORGOTTEN}
        for name, alerts in state["waiting"].items()
    }
    file = _state_file()
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({**state, "told": told, "waiting": waiting}, indent=1))
    fresh.replace(file)


def _age(moment: str) -> timedelta:
    return _now() - datetime.fromisoformat(moment)


def _state_file() -> Path:
    return settings().home / "alerts.json"


def _now() -> datetime:
    return datetime.now(UTC)
