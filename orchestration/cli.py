"""`qoh`: the operator's command. Heavy packages are imported by the command that needs them, so `--help` is instant."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from ingestion.exit_codes import ExitCode

if TYPE_CHECKING:
    from ingestion.connections import Connection
    from ingestion.progress import Event
    from ingestion.settings import Settings
    from ingestion.streams import ProbeResult
    from orchestration.run import Finished

HELP = """Which parts of the interview process predict how well hires do, and how sure are we?

First time: copy connections.example.toml to connections.toml, set the variables it names, then `qoh doctor` and
`qoh run`.

Everything is written under QOH_HOME (default ./data); the keys of the pseudonyms under QOH_KEYS (default ./keys):
back them up, losing them orphans every link and history.

Exit codes: 0 done, 1 unexpected error, 2 wrong usage or configuration, 3 another run holds the warehouse, 4 some
streams failed (the rest is loaded and published), 5 blocking checks failed (nothing published), 6 doctor found
problems, 7 the evidence pack is written and incomplete.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
quarantine_app = typer.Typer(help="Records that were set aside, and trying them again.", no_args_is_help=True)
links_app = typer.Typer(help="Links between candidates and employees.", no_args_is_help=True)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(links_app, name="links")

console = Console(highlight=False, soft_wrap=True)
SHOWN_ROWS = 50
STATUS_STYLE = {"ok": "green", "warning": "yellow", "problem": "red"}


@app.command()
def run(
    since: Annotated[
        str | None,
        typer.Option(
            help="First day of a first backfill of applications, interviews and what they brought, like 2024-01-01; "
            "the newest data comes first. Users, jobs, forms and employees are always read in full."
        ),
    ] = None,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Look for deleted records now; by itself a run does so once a week.")
    ] = False,
    again: Annotated[
        list[str] | None,
        typer.Option(
            "--reread",
            help="Read a connection (greenhouse_main) or a stream of it (greenhouse_main.jobs) from the beginning "
            "again, say after a right was widened at the vendor; may be repeated. Rows stay until they are replaced.",
        ),
    ] = None,
    accept_shrink: Annotated[
        bool, typer.Option("--accept-shrink", help="Believe tables that became far smaller, for this run only.")
    ] = False,
    timings: Annotated[bool, typer.Option("--timings", help="Print the seconds of each stage.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print Dagster's own log too.")] = False,
) -> None:
    """Sync every connection, link, build, check, estimate, publish, report; end with the answer in words.

    Only one run at a time: a second one is refused and told the pid and start time of the first. A run that was killed
    is healed by the next. With nothing changed at the vendors a run reads only news.
    """
    from ingestion.lock import warehouse_lock
    from ingestion.rereading import places, reread
    from orchestration import progress
    from orchestration.terminal import RunLines

    _checked_day(since)
    options = {"since": since, "sweep": sweep}
    settings = _prepared()
    connections, unreadable = _connections(settings)
    stream_lines = RunLines(console)

    def show(event: Event | str) -> None:
        if isinstance(event, str):
            stream_lines.flush()
            console.print(f"[bold]{escape(event)}[/]")
        else:
            stream_lines(event)

    chosen = places(again or [], {connection.id: connection for connection in connections})
    with warehouse_lock(), progress.listening(show):
        if chosen:
            reread(chosen)
        show("loading …")
        _manifest()
        from orchestration.run import nightly

        log_level = "INFO" if verbose else "CRITICAL"
        finished = nightly(
            connections, options, accept_shrink=accept_shrink, unreadable=unreadable, log_level=log_level
        )
    stream_lines.flush()
    _tell(finished, settings, timings=timings)
    raise typer.Exit(int(finished.exit_code))


@app.command()
def report(
    open_: Annotated[bool, typer.Option("--open", help="Open the first page in a browser.")] = False,
) -> None:
    """Write the report again from the published file; needs no lock and no vendor."""
    _prepared()
    from orchestration.defs.publish import published_file
    from orchestration.defs.report import report_frames, write_report

    version = published_file()
    first = write_report(version, report_frames(version))[0]
    console.print(f"Report: {first}")
    if open_:
        typer.launch(str(first))


@app.command("evidence-pack")
def evidence_pack(
    frame: Annotated[
        str, typer.Option(help="What is asked: siop (SIOP Principles), ugesp (29 CFR 1607.15B) or ll144.")
    ] = "siop",
    signed_off: Annotated[
        Path | None, typer.Option(help="What only a person knows, signed: a copy of evidence.example.yaml, filled in.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to (default: evidence in QOH_HOME).")] = None,
) -> None:
    """Write the technical report of the study from the published file: HTML, and PDF where Chromium is installed.

    First time: cp evidence.example.yaml evidence.yaml, fill it in, then qoh evidence-pack --signed-off evidence.yaml.
    What is missing is listed with what to run or supply, and INCOMPLETE stands across every page.

    ll144 writes the tables of New York City's Local Law 144 and a CSV beside; it is not an independent audit.

    Exit codes: 0 complete, 7 written but incomplete, 2 wrong usage or a file that cannot be used.
    """
    settings = _prepared()
    from orchestration.evidence import write_evidence

    done = write_evidence(frame, signed_off, out or settings.home / "evidence")
    for path in done.files:
        console.print(f"Written: {path}", markup=False)
    if done.no_pdf:
        console.print(f"[yellow]{escape(done.no_pdf)}[/]")
    for one in done.missing:
        console.print(f"[red]missing[/] {escape(str(one))}")
    console.print("[red]INCOMPLETE[/]" if done.missing else "Complete.")
    raise typer.Exit(int(ExitCode.INCOMPLETE if done.missing else ExitCode.OK))


@app.command()
def doctor() -> None:
    """Try every connection: reachable, credential valid, scopes and fields, clock, rate limit. Reads no records."""
    from rich.table import Table

    from ingestion.errors import DOES_NOT_COUNT
    from ingestion.progress import counted

    settings = _prepared()
    readable, unreadable = _connections(settings)
    problems = len(unreadable)
    for sentence in unreadable.values():
        console.print(f"[red]problem[/] {escape(sentence)}")
    for connection in readable:
        table = Table(title=f"{connection.id} ({connection.vendor})", title_justify="left", expand=False)
        for heading in ("what", "", "seen"):
            table.add_column(heading, overflow="fold")
        for found in _probe(connection):
            problems += found.status == "problem"
            # A probe stores nothing, so what an error says about stored data is left out.
            message = found.message.replace(f"{DOES_NOT_COUNT} ", "")
            table.add_row(found.subject, f"[{STATUS_STYLE[found.status]}]{found.status}[/]", escape(message))
        console.print(table)
    console.print(f"{counted(problems, 'problem')} found." if problems else "No problems found.")
    raise typer.Exit(int(ExitCode.DOCTOR_FOUND_PROBLEMS if problems else ExitCode.OK))


@app.command()
def connections() -> None:
    """List the configured connections, and those that have rows and are configured no more."""
    from ingestion.ops import no_longer_configured

    settings = _prepared()
    readable, unreadable = _connections(settings)
    for connection in readable:
        console.print(f"{connection.id}  {connection.vendor}")
    for sentence in unreadable.values():
        console.print(f"[red]✗[/] {escape(sentence)}")
    named = {name for connection in readable for name in (connection.id, *connection.formerly)}
    for connection_id, vendor in _formerly_connected({*unreadable, *named}):
        console.print(f"[yellow]![/] {escape(no_longer_configured(connection_id, vendor))}")


@app.command()
def status() -> None:
    """Say what is published, what runs, how the last runs ended, what waits, and whether alerts would arrive."""
    settings = _prepared()
    import dagster as dg

    from ingestion.warehouse import published_path, published_versions
    from orchestration.alerts import alarm_state
    from orchestration.state import age, recent_runs, stale_streams, waiting

    path = published_path("analyst")
    console.print(f"Published: {path}, {age(path)}" if path else "Published: nothing yet")
    if path and (newer := [version for version, other in published_versions("analyst").items() if other > path]):
        console.print(f"Readers see an earlier version. The newest that is kept: qoh rollback {newer[-1]}")
    with dg.DagsterInstance.get() as instance:
        for line in (*waiting(), *stale_streams()):
            console.print(line)
        for line in recent_runs(instance):
            console.print(f"  {line}")
    notifiers = alarm_state()["notifiers"]
    for name, last in notifiers.items():
        console.print(f"Notifier {name}: {last['error'] or 'delivered'} ({last['at'][:16]})")
    if not notifiers:
        console.print("Notifiers were never tried: materialise ops/alarm_state, or wait for its weekly run.")
    console.print(f"Home: {settings.home}")


@app.command()
def published(
    versions: Annotated[bool, typer.Option("--versions", help="List the versions that are kept instead.")] = False,
) -> None:
    """Print the path of the current published file. Open it read-only, at any time, also during a run."""
    _prepared()
    from ingestion.warehouse import published_versions
    from orchestration.defs.publish import ROLE, published_file

    current = published_file()
    if not versions:
        typer.echo(current)
        return
    for version, path in published_versions(ROLE).items():
        typer.echo(f"{version}  {path.stat().st_size / 1e6:.1f} MB{'  current' if path == current else ''}")


@app.command()
def rollback(
    version: Annotated[
        str | None,
        typer.Argument(help="As `qoh published --versions` names it (default: the one before the current)."),
    ] = None,
) -> None:
    """Let readers see an earlier published version again, and write the report from it.

    Nothing is deleted: `qoh rollback` with a newer version goes forward again. The next run publishes a new version as
    ever, so mend first what made the last one wrong.
    """
    _prepared()
    from orchestration.defs.publish import published_file
    from orchestration.defs.report import roll_back

    published_file()
    shown, pages = roll_back(version)
    console.print(f"Readers see {shown} again.", markup=False)
    console.print(f"Report: {pages[0]}", markup=False)


@app.command()
def dev(port: Annotated[int | None, typer.Option(help="Port of the UI (default 3000, or a free one).")] = None) -> None:
    """Start the Dagster UI, its daemon and its sensors on 127.0.0.1.

    The UI has no login. It answers this machine only and refuses foreign pages; for more than one person put a reverse
    proxy with a login in front.
    """
    _prepared()
    _manifest()
    from orchestration.dev import dev as start

    raise typer.Exit(start(port, console.print))


@app.command()
def manifest() -> None:
    """Parse the dbt project if it changed, for Dagster to read; the Makefile calls this."""
    _prepared()
    _manifest()


@quarantine_app.command("list")
def quarantine_list(
    connection: Annotated[str | None, typer.Option(help="Of this connection only.")] = None,
) -> None:
    """Show where set-aside records came from and which rule they broke; never their values."""
    from ingestion.progress import counted
    from ingestion.quarantine import quarantined

    settings = _prepared()
    rows = quarantined(connection)
    if not rows:
        _known(settings, connection)
        console.print("Nothing is set aside.")
        return
    console.print(f"{counted(len(rows), 'record')} set aside: stream, record, endpoint, rule, reason, last seen")
    for row in rows[:SHOWN_ROWS]:
        where = f"{row.connection_id}.{row.stream}  {row.record_key}  {row.endpoint}"
        console.print(f"  {where}  {row.rule}  {row.reason}  {row.last_seen_at:%Y-%m-%d}", markup=False)
    if len(rows) > SHOWN_ROWS:
        console.print(f"… and {len(rows) - SHOWN_ROWS:,} more, in raw_ops.quarantine.")
    console.print(
        "These records are not loaded, all others of their streams are. Mend them at the vendor, or widen the "
        "stream's contract in ingestion/connectors, then run: qoh quarantine retry"
    )


@quarantine_app.command("retry")
def quarantine_retry(
    connection: Annotated[str | None, typer.Option(help="Of this connection only.")] = None,
) -> None:
    """Read the windows of set-aside records again; those that are good now leave the quarantine."""
    from ingestion.load import retry_quarantine
    from ingestion.lock import warehouse_lock
    from ingestion.progress import ConsoleProgress

    settings = _prepared()
    _known(settings, connection)
    readable, unreadable = _connections(settings)
    chosen = [one for one in readable if connection in (None, one.id)]
    not_read = [sentence for connection_id, sentence in unreadable.items() if connection in (None, connection_id)]
    for sentence in not_read:
        console.print(f"[red]✗[/] {escape(sentence)}")
    failed = len(not_read)
    with warehouse_lock():
        for one in chosen:
            failed += len(retry_quarantine(one, progress=ConsoleProgress(console)).failed)
    console.print("Run `qoh quarantine list` to see what is left, and `qoh run` to build with the rest.")
    raise typer.Exit(int(ExitCode.STREAMS_FAILED if failed else ExitCode.OK))


@links_app.command("review")
def links_review(
    import_: Annotated[Path | None, typer.Option("--import", help="File with your decisions to read back.")] = None,
    decided_by: Annotated[str, typer.Option(help="Who decided, where the file does not say.")] = "reviewer",
) -> None:
    """Take over your decisions about doubtful links, and write those that are left to decide to links_review.csv.

    Fill the column `decision` of that file with same or different, then run this again.
    """
    from ingestion.links import review_links, review_path
    from ingestion.lock import warehouse_lock
    from ingestion.progress import counted

    settings = _prepared()
    if not (settings.vault_file.exists() and settings.warehouse_file.exists()):
        _refuse("Nothing was synced yet, so there is no link to decide. Run: qoh run", ExitCode.USAGE)
    with warehouse_lock():
        if import_ is not None and import_.resolve() != review_path(settings).resolve():
            _copy_private(import_, review_path(settings))
        done = review_links(decided_by)
    if done.n_same or done.n_different:
        console.print(f"Taken over: {done.n_same} same, {done.n_different} different. The next `qoh run` uses them.")
    console.print(f"{counted(done.n_open, 'link')} to decide in {done.path}. It holds names: keep it private.")


def _copy_private(source: Path, target: Path) -> None:
    try:
        text = source.read_bytes()
    except OSError as error:
        _refuse(f"`{source}` cannot be read: {error.strerror}. No decision was taken over.", ExitCode.USAGE)
    target.touch(mode=0o600)
    target.write_bytes(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; an error we know is one sentence and an exit code, never a stack trace."""
    from ingestion.errors import IngestionError

    try:
        app(list(arguments) if arguments is not None else None)
    except IngestionError as error:
        _refuse(str(error), error.exit_code)
    except KeyboardInterrupt:
        _refuse("Interrupted. The next run heals what this one left.", ExitCode.UNEXPECTED)


def _refuse(sentence: str, code: ExitCode) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]✗[/] {escape(sentence)}")
    sys.exit(int(code))


def _prepared() -> Settings:
    """Settings, DAGSTER_HOME and silence, before anything heavy is imported."""
    from orchestration.home import EncryptionNotOn, StorageDisagrees, prepare

    try:
        return prepare()
    except (EncryptionNotOn, StorageDisagrees) as error:
        _refuse(str(error), ExitCode.USAGE)


def _manifest() -> None:
    from orchestration.manifest import ManifestNotParsed, prepare_manifest

    try:
        prepare_manifest()
    except ManifestNotParsed as error:
        _refuse(str(error), ExitCode.UNEXPECTED)


def _checked_day(text: str | None) -> None:
    try:
        date.fromisoformat(text or "2000-01-01")
    except ValueError:
        _refuse(f"--since `{text}` is not a day. Nothing was started. Write it as 2024-01-01.", ExitCode.USAGE)


def _connections(settings: Settings) -> tuple[list[Connection], dict[str, str]]:
    """The configured connections, and those of an unknown vendor with the sentence that says so."""
    from ingestion.connections import load_connections
    from ingestion.connectors import vendors
    from ingestion.errors import VendorUnknown

    found = load_connections(settings.connections)
    known = vendors()
    unreadable = {one.id: str(VendorUnknown(one.id, one.vendor, known)) for one in found if one.vendor not in known}
    return [connection for connection in found if connection.vendor in known], unreadable


def _known(settings: Settings, connection_id: str | None) -> None:
    """Refuse an id that is not configured."""
    from ingestion.connections import connection_named

    if connection_id is not None:
        connection_named(connection_id, settings.connections)


def _probe(connection: Connection) -> list[ProbeResult]:
    from ingestion.client import Client
    from ingestion.connectors import vendors
    from ingestion.errors import IngestionError
    from ingestion.streams import ProbeResult

    module = vendors()[connection.vendor]
    default = getattr(module, "DEFAULT_BASE_URL", None)
    try:
        with Client(connection, module.authentication(connection), default_base_url=default) as client:
            return module.Connector(connection, client).probe()
    except IngestionError as error:
        return [ProbeResult("connection", "problem", str(error))]


def _formerly_connected(configured: set[str]) -> list[tuple[str, str]]:
    from ingestion.warehouse import open_published, published_path

    if published_path("analyst") is None:
        return []
    with open_published("analyst") as file:
        rows = file.execute("select connection_id, vendor from marts_ops.connections order by 1").fetchall()
    return [(connection_id, vendor) for connection_id, vendor in rows if connection_id not in configured]


def _tell(finished: Finished, settings: Settings, *, timings: bool) -> None:
    """The end of a run: what changed, what failed, the answer, and where everything lies."""
    console.print()
    _tell_changes(finished)
    _tell_trouble(finished)
    if finished.published:
        from orchestration.defs.publish import published_file
        from orchestration.defs.report import report_frames
        from reporting.text import answer

        version = published_file()
        console.print()
        console.print(answer(report_frames(version)), markup=False)
        console.print()
        console.print(f"Report:         {settings.home / 'report' / 'index.html'}")
        console.print(f"Warehouse file: {version}  (read-only; `qoh published` prints it)")
        console.print(f"Checks:         {settings.home / 'data_docs' / 'index.html'}")
    else:
        console.print("[red]Nothing was published; readers keep the version they have.[/]")
    if timings:
        for stage, seconds in finished.timings.items():
            console.print(f"  {seconds:7.1f} s  {stage}")


def _tell_changes(finished: Finished) -> None:
    from ingestion.progress import counted

    console.print("[bold]Since the last run[/]")
    for connection_id, numbers in finished.changes.items():
        if not (numbers["n_read"] or numbers["n_changed"]):
            console.print(f"  {connection_id}: [red]not read[/]")
            continue
        parts = [f"{counted(numbers['n_changed'], 'row')} new or changed" if numbers["n_changed"] else "nothing new"]
        parts += [f"{numbers['n_deleted']:,} deleted"] if numbers["n_deleted"] else []
        parts += [f"{numbers['n_quarantined']:,} set aside (qoh quarantine list)"] if numbers["n_quarantined"] else []
        console.print(f"  {connection_id}: {', '.join(parts)}; {counted(numbers['n_requests'], 'request')}")
    if finished.n_open_questions:
        many = finished.n_open_questions > 1
        waiting = f"{counted(finished.n_open_questions, 'possible link')} {'wait' if many else 'waits'}"
        console.print(f"  {waiting} for a decision: qoh links review")


def _tell_trouble(finished: Finished) -> None:
    from orchestration.terminal import failed_by_reason

    n_streams = {connection_id: numbers["n_streams"] or 1 for connection_id, numbers in finished.changes.items()}
    groups: dict[str, tuple[str, list[tuple[str, str]]]] = {
        "Streams that failed; the others are loaded": ("red", failed_by_reason(finished.failed_streams, n_streams)),
        "Checks that keep this run from being published": ("red", _named_once(finished.failed_checks)),
        "Steps that broke": ("red", list(finished.errors.items())),
        "Warnings": ("yellow", _named_once(finished.warnings)),
    }
    for title, (colour, found) in groups.items():
        if found:
            console.print(f"[bold {colour}]{title}[/]")
        for name, sentence in found:
            console.print(f"  [{colour}]{escape(name)}[/] {escape(sentence)}" if name else f"  {escape(sentence)}")


def _named_once(found: dict[str, str]) -> list[tuple[str, str]]:
    """Name and sentence, without the name where the sentence says it."""
    return [("" if name.split(": ")[-1] in sentence else name, sentence) for name, sentence in found.items()]


if __name__ == "__main__":
    main()
