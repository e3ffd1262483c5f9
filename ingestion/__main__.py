"""`python -m ingestion <connection>`: sync one connection, without Dagster."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from ingestion.connections import connection_named, load_connections
from ingestion.errors import IngestionError
from ingestion.load import note_connections, sync
from ingestion.lock import warehouse_lock
from ingestion.progress import ConsoleProgress, counted
from ingestion.rereading import reread

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    connection: Annotated[str, typer.Argument(help="Id of a connection in connections.toml.")],
    stream: Annotated[list[str] | None, typer.Option(help="Read only this stream; may be repeated.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="How far back a first backfill of applications, interviews and what they brought reaches (UTC day); "
            "newest comes first. Users, jobs, forms and employees are always read in full.",
        ),
    ] = None,
    sweep: Annotated[bool, typer.Option("--sweep", help="Look for deleted records now (weekly by itself).")] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--reread",
            help="Read these streams from the beginning again, say after a right was widened at the vendor; "
            "rows stay until they are replaced.",
        ),
    ] = False,
    accept_shrink: Annotated[
        bool, typer.Option("--accept-shrink", help="Believe a complete read that returned far less than the last one.")
    ] = False,
) -> None:
    """Sync one connection into the raw tables: only what changed, healing by itself after a killed run.

    Exit codes: 0 all streams are loaded, 2 configuration, 3 another run holds the warehouse, 4 some streams failed (the
    others are loaded).
    """
    console = Console(highlight=False, soft_wrap=True, stderr=False)
    try:
        wanted = connection_named(connection)
        with warehouse_lock():
            for sentence in note_connections(load_connections()):
                console.print(sentence, markup=False)
            if again:
                reread([(wanted, stream)])
            moment = since.replace(tzinfo=UTC) if since else None
            result = sync(wanted, stream, moment, ConsoleProgress(console), sweep=sweep, accept_shrink=accept_shrink)
    except IngestionError as error:
        console.print(str(error), markup=False)
        raise typer.Exit(int(error.exit_code)) from None
    failed = len(result.failed)
    changed = sum(stream_result.n_changed for stream_result in result.streams)
    aside = sum(stream_result.n_quarantined for stream_result in result.streams)
    console.print(
        f"{connection}: {counted(len(result.streams) - failed, 'stream')} loaded, {failed} failed, "
        f"{counted(changed, 'row')} changed"
        + (f", {counted(aside, 'record')} set aside (see: qoh quarantine list)" if aside else "")
    )
    raise typer.Exit(int(result.exit_code))


if __name__ == "__main__":
    app()
