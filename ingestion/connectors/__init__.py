"""One module a vendor. A new file here is a new vendor: nothing else lists them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from ingestion.streams import ConnectorLike, Stream


class ConnectorModule(Protocol):
    """What a module in this package exports."""

    VENDOR: str
    STREAMS: tuple[Stream, ...]
    PURPOSES: tuple[str, ...]
    authentication: Callable[[Any], Any]
    Connector: Callable[[Any, Any], ConnectorLike]


@cache
def vendors() -> dict[str, ConnectorModule]:
    """Every vendor this installation can read, by name."""
    modules = (
        importlib.import_module(f"{__name__}.{info.name}")
        for info in pkgutil.iter_modules(__path__)
        if not info.name.startswith("_")
    )
    return {module.VENDOR: module for module in modules if hasattr(module, "VENDOR")}
