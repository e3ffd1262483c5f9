"""`python -m ingestion.sandbox`: start the pretend company, or move its clock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
import uvicorn

from ingestion.sandbox.chaos import KINDS, UnknownChaos
from ingestion.sandbox.files import DROP_SIZES, write_drops
from ingestion.sandbox.limits import RATES
from ingestion.sandbox.runner import running_sandbox
from ingestion.sandbox.server import Sandbox, open_company
from ingestion.sandbox.sizes import HIDDEN_INFORMATION, MISSING_REVIEWS, Options
from ingestion.sandbox.state import SIZES, SandboxState, SandboxStateError

USAGE_ERROR = 2
HISTORY_BEHIND = timedelta(days=92)
"""The default `--as-of` lies three months before today, so that `advance` has something to reveal."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="A pretend company that answers like Greenhouse, BambooHR and Lattice, on this machine only.\n\n"
    "Start it, point connections.toml at the addresses it prints (or source the variables in sandbox.json), sync, then"
    " move its clock with `advance` and sync again: edits, deletions, new hires and new reviews arrive.",
)

StateOption = Annotated[
    Path, typer.Option("--state", help="Directory that keeps the clock, the built company and sandbox.json.")
]


HiddenOption = Annotated[
    str | None,
    typer.Option(
        help="What deciders knew beyond the scorecards: `recorded` in the debrief score (default; S3 of the simulation "
        "study), `unrecorded` (S2: used, and written nowhere), or `none`."
    ),
]
MissingOption = Annotated[
    str | None,
    typer.Option(
        help="Which manager reviews are missing: any (`mcar`, default), or mostly those of the worst (`mnar`, S6)."
    ),
]


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"`{text}` is not a day; write it as 2026-08-23.") from None


def _fail(problem: Exception | str) -> None:
    typer.echo(str(problem), err=True)
    raise typer.Exit(USAGE_ERROR)


def _known(option: str, value: str, values: Iterable[str]) -> None:
    if value not in values:
        raise SandboxStateError(f"{option} `{value}` is not one of {', '.join(values)}. Nothing was started.")


def _scenario(hidden_information: str | None, missing_reviews: str | None) -> dict[str, str]:
    """Switches of `Options` that were given."""
    if hidden_information is not None:
        _known("--hidden-information", hidden_information, HIDDEN_INFORMATION)
    if missing_reviews is not None:
        _known("--missing-reviews", missing_reviews, MISSING_REVIEWS)
    given = {"hidden_information": hidden_information, "missing_reviews": missing_reviews}
    return {name: value for name, value in given.items() if value is not None}


def _state(
    directory: Path, seed: int | None, size: str | None, as_of: date | None, scenario: Mapping[str, Any]
) -> SandboxState:
    """The remembered state, or a new one; asking for another company in the same directory is an error."""
    if size is not None:
        _known("--size", size, SIZES)
    today = datetime.now(UTC).date()
    known = SandboxState.load(directory)
    if known is None:
        start = as_of or today - HISTORY_BEHIND
        if start > today:
            raise SandboxStateError(f"sandbox clock: --as-of {start} lies in the future; the latest is {today}.")
        return SandboxState(7 if seed is None else seed, size or "demo", start, today, Options(**scenario))
    asked = {"seed": seed, "size": size, **scenario}
    held = {"seed": known.seed, "size": known.size} | {name: getattr(known.options, name) for name in scenario}
    if any(value is not None and value != held[name] for name, value in asked.items()):
        described = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in held.items())
        raise SandboxStateError(
            f"sandbox: {directory} holds the company of {described}. Nothing was changed. Start it without --seed, "
            "--size, --hidden-information and --missing-reviews, or use another --state directory."
        )
    if as_of is not None and as_of != known.as_of:
        return known.moved(to=as_of)
    return known


@app.command()
def serve(
    state: StateOption = Path("demo/sandbox"),
    size: Annotated[
        str | None, typer.Option(help=f"How big the company is: {', '.join(SIZES)} (default: demo).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same company (default: 7).")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Day the clock starts at (default: three months ago).")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    rate: Annotated[
        str, typer.Option(help="Rate windows: `real` as the vendors set them, `raised` so that nothing waits.")
    ] = "real",
    chaos: Annotated[
        list[str] | None, typer.Option(help=f"What goes wrong (repeatable): {', '.join(KINDS)}. KIND:STREAM limits it.")
    ] = None,
    latency: Annotated[float, typer.Option(help="Seconds added to every answer, to stand for a network.")] = 0.0,
    control: Annotated[
        bool, typer.Option("--control", help="Answer /control/chaos, /control/advance and /control/log.")
    ] = False,
    drops: Annotated[
        bool,
        typer.Option(help=f"Write the file drops when starting ({', '.join(DROP_SIZES)})."),
    ] = True,
    hidden_information: HiddenOption = None,
    missing_reviews: MissingOption = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; prints one JSON line with addresses and credentials when ready.

    The same goes into STATE/sandbox.json. Credentials are invented and open nothing but this sandbox.
    """
    try:
        _known("--rate", rate, RATES)
        remembered = _state(state, seed, size, _day(as_of), _scenario(hidden_information, missing_reviews))
    except SandboxStateError as problem:
        return _fail(problem)
    remembered.save(state)
    sandbox = Sandbox(state, limits=RATES[rate], port=port, latency=latency, control=control)
    for spec in chaos or []:
        try:
            sandbox.chaos.switch(spec)
        except UnknownChaos as problem:
            return _fail(problem)
    _run(sandbox, state, remembered, drops=drops)


def _run(sandbox: Sandbox, state: Path, remembered: SandboxState, *, drops: bool) -> None:
    sandbox.store()
    listener = sandbox.bind()
    if drops and remembered.size in DROP_SIZES:
        write_drops(sandbox.store(), state / "drops", remembered.as_of)
    listener.listen()  # a client that reads the line below may connect at once
    description = {
        "urls": sandbox.urls,
        "env": sandbox.env,
        "as_of": str(remembered.as_of),
        "history_end": str(remembered.history_end),
        "pid": os.getpid(),
    }
    note = state / "sandbox.json"
    unfinished = note.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    unfinished.chmod(0o600)
    unfinished.replace(note)
    server = uvicorn.Server(sandbox.configuration())
    if "stop_server" in sandbox.chaos.active():
        threading.Timer(0.1, lambda: setattr(server, "should_exit", True)).start()
    _stop_on_signals(server)
    typer.echo(json.dumps(description))
    sys.stdout.flush()
    try:
        server.run(sockets=[listener])
    finally:
        note.unlink(missing_ok=True)
        sandbox.stop()


def _stop_on_signals(server: uvicorn.Server) -> None:
    """Signals that come before uvicorn has set its own handlers must not be lost."""

    def stop(_: int, __: FrameType | None) -> None:
        server.should_exit = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


@app.command()
def advance(
    state: StateOption = Path("demo/sandbox"),
    days: Annotated[int | None, typer.Option(help="Days to move the clock forward.")] = None,
    to: Annotated[str | None, typer.Option(help="Day to move the clock to.")] = None,
) -> None:
    """Move the sandbox clock forward, never beyond the end of its history; a running sandbox follows at once."""
    known = SandboxState.load(state)
    if known is None:
        return _fail(f"sandbox: {state} holds no state. Start one with `python -m ingestion.sandbox serve --state …`.")
    if (days is None) == (to is None):
        return _fail("sandbox clock: give either --days or --to. Nothing changed.")
    try:
        moved = known.moved(days=days, to=_day(to))
    except SandboxStateError as problem:
        return _fail(problem)
    moved.save(state)
    if (state / "drops").exists():
        store = open_company(state, moved.seed, moved.size, moved.history_end, moved.options)
        write_drops(store, state / "drops", moved.as_of)
        store.close()
    reached = " (end of the generated history)" if moved.as_of == moved.history_end else ""
    typer.echo(f"sandbox clock: {known.as_of} -> {moved.as_of}{reached}")


@app.command(
    name="exec",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False},
)
def execute(
    command: typer.Context,
    state: StateOption = Path("demo/sandbox"),
    size: Annotated[str | None, typer.Option(help=f"{', '.join(SIZES)} (default: demo).")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same company (default: 7).")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Day the clock starts at.")] = None,
    rate: Annotated[str, typer.Option(help=f"Rate windows: {', '.join(RATES)}.")] = "raised",
    hidden_information: HiddenOption = None,
    missing_reviews: MissingOption = None,
) -> None:
    """Run a command beside the sandbox: `exec --size demo -- qoh run`; its exit code is passed on.

    The command finds addresses and invented credentials in the variables that connections.example.toml names. The
    sandbox stops when the command does.
    """
    if not command.args:
        _fail("sandbox exec: no command given. Write it after `--`: python -m ingestion.sandbox exec -- qoh run")
    try:
        _known("--rate", rate, RATES)
        _state(state, seed, size, _day(as_of), _scenario(hidden_information, missing_reviews)).save(state)
    except SandboxStateError as problem:
        _fail(problem)
    typer.echo("Starting the pretend company …", err=True)
    with running_sandbox(state=state, rate=rate) as sandbox:
        if sandbox.server.state.size in DROP_SIZES:
            sandbox.write_drops()
        typer.echo(f"Pretend company ready: its calendar says {sandbox.as_of}, rate limits {rate}.", err=True)
        child = subprocess.Popen(command.args, env=os.environ | sandbox.env)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, _: child.send_signal(received))
        code = child.wait()
    raise typer.Exit(code)


if __name__ == "__main__":
    app()
