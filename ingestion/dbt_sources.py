"""Write the raw tables of every vendor as dbt sources, from the connectors' stream declarations.

`python -m ingestion.dbt_sources` rewrites `_<vendor>__sources.yml` in `dbt_project/models/staging/<vendor>/`; a test
compares the committed files with the declarations, so a column cannot be added on one side only.
"""

from __future__ import annotations

import json
from pathlib import Path

from ingestion.connectors import vendors
from ingestion.streams import Column, Stream

STAGING = Path(__file__).parent.parent / "dbt_project" / "models" / "staging"
HEADER = "# Written by `python -m ingestion.dbt_sources` from STREAMS in ingestion/connectors/.\n"

_CONNECTION = Column("connection_id", required=True, description="Connection the row was read from.")
_LOAD_ID = Column("_dlt_load_id", required=True, description="Load that wrote the row last (epoch seconds).")
_SWEEP_COLUMNS = (
    _CONNECTION,
    Column("id", required=True, description="Key of a row the vendor still has."),
    Column("sweep_id", required=True, description="Sweep that saw it."),
    Column("swept_at", "timestamp", required=True, description="When it was seen."),
)


def sources_yaml(vendor: str, streams: tuple[Stream, ...]) -> str:
    """The `_<vendor>__sources.yml` of one vendor."""
    zones: dict[str, list[Stream]] = {}
    for stream in streams:
        zones.setdefault(stream.zone, []).append(stream)
    lines = [HEADER, "version: 2", "", "sources:"]
    for zone, members in zones.items():
        name = f"raw_{vendor}" if zone == "warehouse" else f"{zone}_{vendor}"
        lines += [f"  - name: {name}", f"    schema: raw_{vendor}"]
        if zone != "warehouse":
            lines.append(f"    database: {zone}")
        lines += [f"    description: {_quoted(_source_description(vendor, zone))}", "    tables:"]
        for stream in members:
            lines += _table(stream.name, stream.description, (_CONNECTION, *stream.columns, _LOAD_ID))
            if stream.sweep:
                lines += _table(f"{stream.name}__ids", f"One row per {stream.name} id the sweeps saw.", _SWEEP_COLUMNS)
    return "\n".join(lines) + "\n"


def sources_path(vendor: str) -> Path:
    """Where the vendor's sources are committed."""
    return STAGING / vendor / f"_{vendor}__sources.yml"


def main() -> None:
    """Rewrite the source file of every vendor."""
    for vendor, module in vendors().items():
        path = sources_path(vendor)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sources_yaml(vendor, module.STREAMS), encoding="utf-8")


def _source_description(vendor: str, zone: str) -> str:
    where = "" if zone == "warehouse" else f" in the {zone} zone (a file of its own)"
    return f"Tables synced from {vendor}{where}; typed and empty when no {vendor} connection exists."


def _table(name: str, description: str, columns: tuple[Column, ...]) -> list[str]:
    lines = [f"      - name: {name}", f"        description: {_quoted(description or name)}", "        columns:"]
    for column in columns:
        text = column.description or _described(column)
        lines += [f"          - name: {column.name}", f"            data_type: {column.type}"]
        lines.append(f"            description: {_quoted(text)}")
    return lines


def _described(column: Column) -> str:
    words = column.name.replace("_", " ")
    return f"{words} (token)" if column.token else words


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    main()
