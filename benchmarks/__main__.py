"""`python -m benchmarks`: the whole pipeline at several sizes, and the sync at the vendor's real rate limit.

Every size gets a pretend company and a home of its own in a temporary directory: a first run, and a second run with
nothing changed. Peak memory is that of the pipeline's processes together (resident, shared pages counted in each),
without the pretend company. The section `pipeline` of docs/performance.md is written anew after every size, so that a
run that is stopped keeps what it measured. L holds a million applications: leave it hours and some 20 GB of disk.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psutil

from benchmarks.page import PAGE, ROOT, stamp, table, write_section
from benchmarks.timed_run import STORE
from ingestion.sandbox import RunningSandbox, running_sandbox
from ingestion.sandbox.limits import RATES
from ingestion.sandbox.sizes import SIZES

STAGES = {
    "sync": "sync",
    STORE: "of it load",
    "link people": "link",
    "dbt build": "dbt build",
    "check": "checks",
    "estimate": "estimates",
    "publish": "publish",
    "write report": "report",
}
"""What the lines of `--timings` begin with, and the column that sums them."""
GREENHOUSE, WINDOW = "/greenhouse", RATES["real"].greenhouse
TOO_MANY = 429
TIMING = re.compile(r"^\s*([\d.]+) s\s+(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Measured:
    """One process tree that ran to its end: wall seconds, peak resident GB, what it printed."""

    seconds: float
    peak_gb: float
    output: str

    def stages(self) -> dict[str, float]:
        """Seconds by stage, from the lines of `--timings`."""
        found = [(float(seconds), name) for seconds, name in TIMING.findall(self.output)]
        return {stage: sum(s for s, name in found if name.startswith(stage)) for stage in STAGES}


def measure(arguments: list[str], environment: dict[str, str]) -> Measured:
    """Run a command and watch the memory of its whole process tree, five times a second."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=os.environ | environment, stdout=output, stderr=output
        )
        peak = 0
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, resident(watched))
            time.sleep(0.2)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise SystemExit(f"`{' '.join(arguments)}` exited with {process.returncode}:\n{text[-3000:]}")
    return Measured(time.monotonic() - started, peak / 1e9, text)


def resident(root: psutil.Process) -> int:
    """Bytes of a process and its children; those that ended while we looked count nothing."""
    total = 0
    try:
        for process in [root, *root.children(recursive=True)]:
            total += process.memory_info().rss
    except psutil.NoSuchProcess:
        return total
    return total


@contextmanager
def home(sandbox_env: dict[str, str]) -> Iterator[dict[str, str]]:
    """Environment of a fresh home."""
    with tempfile.TemporaryDirectory(prefix="qoh-bench-") as directory:
        yield sandbox_env | {
            "QOH_HOME": f"{directory}/data",
            "QOH_KEYS": f"{directory}/keys",
            "QOH_CONNECTIONS": str(ROOT / "connections.example.toml"),
        }


def raw_rows(environment: dict[str, str]) -> int:
    """Rows of all raw tables."""
    with duckdb.connect(f"{environment['QOH_HOME']}/warehouse.duckdb", read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in"
            " ('raw_greenhouse', 'raw_bamboohr', 'raw_lattice') and table_name not like '%\\_\\_ids' escape '\\'"
            " and table_name not like '\\_dlt%' escape '\\'"
        ).fetchall()
        return sum(
            (connection.execute(f'select count(*) from "{schema}"."{table}"').fetchone() or (0,))[0]
            for schema, table in tables
        )


def refusals(sandbox: RunningSandbox) -> int:
    """Requests that the pretend vendors answered with 429."""
    log = sandbox.request_log
    if len(log.requests) < log.total():
        raise SystemExit(f"{log.total():,} requests, and the sandbox's log holds the last {len(log.requests):,} only")
    return sum(one.status == TOO_MANY for one in log.requests)


def at_the_real_limit(size: str, seed: int) -> list[str]:
    """A first Greenhouse sync inside the vendor's own windows: how much of what is allowed is used."""
    with running_sandbox(size=size, seed=seed, rate="real") as sandbox, home(dict(sandbox.env)) as environment:
        run = measure(["-m", "ingestion", "greenhouse_main"], environment)
        refused = refusals(sandbox)
        at = [one.at for one in sandbox.request_log.requests if one.path.startswith(f"{GREENHOUSE}/v3")]
        rows = raw_rows(environment)
    allowed = WINDOW.limit * (int((at[-1] - at[0]) // WINDOW.seconds) + 1)
    return [
        f"A first Greenhouse sync of size {size} inside the vendor's window ({WINDOW.limit} requests in"
        f" {WINDOW.seconds:.0f} s): {rows:,} rows in {run.seconds:,.0f} s ({rows / run.seconds:,.0f} rows/s),"
        f" {len(at):,} requests, **{len(at) / allowed:.0%} of the {allowed:,} that the windows from the first to the"
        f" last request allowed**; {refused} answered with {TOO_MANY} (counted in the log of the pretend vendor).",
    ]


def at_size(size: str, seed: int) -> Iterator[dict[str, object]]:
    """First and second run of everything at one size, rate limits raised; a run that fails ends the size."""
    with running_sandbox(size=size, seed=seed, rate="raised") as sandbox, home(dict(sandbox.env)) as environment:
        for label in ("first run", "nothing changed"):
            sandbox.request_log.reset()
            run = measure(["-m", "benchmarks.timed_run", "run", "--timings"], environment)
            n = raw_rows(environment)
            stages = run.stages()
            row = {
                "size": size,
                "run": label,
                "raw rows": f"{n:,}",
                "requests": f"{sandbox.request_log.total():,}",
                "sync rows/s": f"{n / stages['sync']:,.0f}" if label == "first run" and stages["sync"] else "–",
                **{f"{column}, s": f"{stages[stage]:,.1f}" for stage, column in STAGES.items()},
                "all, s": f"{run.seconds:,.0f}",
                "peak GB": f"{run.peak_gb:.1f}",
            }
            print(row, flush=True)
            yield row


def heartbeat() -> threading.Event:
    """Say every minute that it is still going on."""
    done = threading.Event()

    def beat() -> None:
        started = time.monotonic()
        while not done.wait(60):
            print(f"… {time.monotonic() - started:.0f} s", flush=True)

    threading.Thread(target=beat, daemon=True).start()
    return done


def section(rows: list[dict[str, object]], remarks: list[str]) -> list[str]:
    """What the page of measurements says so far."""
    return [
        "## The pipeline by size",
        "",
        f"`make bench`. {stamp()} {psutil.virtual_memory().total / 1e9:.0f} GB, Python {sys.version.split()[0]}, DuckDB"
        f" {duckdb.__version__}. Seconds of one run each: read the ratios, not the digits. The pretend company answers"
        " on the same cores, rate limits raised. *Load* is the part of *sync* that stores rows; reading goes on beside"
        " it. *Peak GB* is the resident memory of all processes of the run together, without the pretend company.",
        "",
        *(table(rows) if rows else []),
        "",
        *remarks,
        "",
        "Sizes are companies of a year: S 12 thousand applications, M 120 thousand, L 1.1 million"
        " (`ingestion/sandbox/sizes.py`). At a real vendor the rate limit sets the pace of a first sync, not the"
        " processor; later syncs read only what changed.",
    ]


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="S,M,L", help="comma-separated, of tiny, demo, S, M, L, XL [default: S,M,L]")
    parser.add_argument(
        "--real-limit",
        default="S",
        metavar="SIZE",
        help="size of the sync at the real rate limit, or none [default: S]",
    )
    parser.add_argument("--seed", type=int, default=7, help="of the pretend companies [default: 7]")
    parser.add_argument("--output", type=Path, default=PAGE, help="the page [default: docs/performance.md]")
    chosen = parser.parse_args()
    chosen.sizes = [size for size in chosen.sizes.split(",") if size]
    unknown = {*chosen.sizes, chosen.real_limit} - {*SIZES, "none"}
    if unknown:
        parser.error(f"unknown size {', '.join(sorted(unknown))}, expected some of {', '.join(SIZES)}")
    return chosen


def main() -> int:
    """Measure, print, and rewrite the section after every step; 1 when a run failed."""
    chosen = options()
    done = heartbeat()
    rows: list[dict[str, object]] = []
    remarks: list[str] = []
    failures: list[str] = []

    def give_up(what: str, failure: SystemExit) -> None:
        print(failure, file=sys.stderr, flush=True)
        failures.append(f"{what} failed: {str(failure).splitlines()[0]}")

    if chosen.real_limit != "none":
        try:
            remarks += at_the_real_limit(chosen.real_limit, chosen.seed)
            print(remarks[-1], flush=True)
        except SystemExit as failure:
            give_up(f"The sync of size {chosen.real_limit} at the real rate limit", failure)
    for size in chosen.sizes:
        try:
            for row in at_size(size, chosen.seed):
                rows.append(row)
                write_section("pipeline", section(rows, remarks + failures), chosen.output)
        except SystemExit as failure:
            give_up(f"Size {size}", failure)
    done.set()
    lines = section(rows, remarks + failures)
    write_section("pipeline", lines, chosen.output)
    print("\n".join(lines))
    return int(bool(failures))


if __name__ == "__main__":
    raise SystemExit(main())
