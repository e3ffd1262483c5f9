"""`python -m benchmarks`: the whole pipeline at several sizes, and the sync at the vendor's real rate limit.

Every size gets a home of its own in a temporary directory, a first run and a second run with nothing changed. Peak
memory is that of the pipeline's processes together, without the pretend company. The table goes to docs/performance.md.
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
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import psutil

from benchmarks.page import PAGE, write_section
from ingestion.sandbox import running_sandbox

ROOT = Path(__file__).parent.parent
STAGES = ("sync", "link people", "dbt build", "check", "estimate", "publish", "write report")
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
    """Run a command and watch the memory of its whole process tree, twenty times a second."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=os.environ | environment, stdout=output, stderr=output
        )
        peak = 0
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, resident(watched))
            time.sleep(0.05)
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


def at_the_real_limit(size: str, seed: int) -> list[str]:
    """A first Greenhouse sync inside the vendor's own windows: how much of what is allowed is used."""
    with running_sandbox(size=size, seed=seed, rate="real") as sandbox, home(dict(sandbox.env)) as environment:
        run = measure(["-m", "ingestion", "greenhouse_main"], environment)
        requests = sandbox.request_log.total("/greenhouse/v3")
        rows = raw_rows(environment)
    allowed = 50 * (int(run.seconds // 30) + 1)
    return [
        f"A first Greenhouse sync of size {size} inside the vendor's window (50 requests in 30 s):",
        f"{rows:,} rows in {run.seconds:,.0f} s ({rows / run.seconds:,.0f} rows/s), {requests:,} requests,",
        f"**{requests / allowed:.0%} of the requests that the windows allowed**, 0 refused by the budget's own doing.",
    ]


def at_size(size: str, seed: int) -> list[dict[str, object]]:
    """First and second run of everything at one size, rate limits raised."""
    with running_sandbox(size=size, seed=seed, rate="raised") as sandbox, home(dict(sandbox.env)) as environment:
        rows = []
        for label in ("first run", "nothing changed"):
            run = measure(["-m", "orchestration.cli", "run", "--timings"], environment)
            n = raw_rows(environment)
            stages = run.stages()
            rows.append(
                {
                    "size": size,
                    "run": label,
                    "raw rows": f"{n:,}",
                    **{stage: f"{stages[stage]:,.1f}" for stage in STAGES},
                    "all, s": f"{run.seconds:,.0f}",
                    "sync rows/s": f"{n / stages['sync']:,.0f}" if label == "first run" and stages["sync"] else "–",
                    "peak GB": f"{run.peak_gb:.1f}",
                }
            )
            print(rows[-1], flush=True)
        return rows


def table(rows: list[dict[str, object]]) -> list[str]:
    """Markdown of equal dictionaries."""
    names = list(rows[0])
    return [
        "| " + " | ".join(names) + " |",
        "|" + "---|" * len(names),
        *("| " + " | ".join(str(row[name]) for name in names) + " |" for row in rows),
    ]


def heartbeat() -> threading.Event:
    """Say every minute that it is still going on."""
    done = threading.Event()

    def beat() -> None:
        started = time.monotonic()
        while not done.wait(60):
            print(f"… {time.monotonic() - started:.0f} s", flush=True)

    threading.Thread(target=beat, daemon=True).start()
    return done


def main() -> None:
    """Measure, print, and rewrite docs/performance.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--sizes", default="S,M", help="comma-separated: tiny, demo, S, M, L, XL [default: S,M]")
    parser.add_argument("--real-limit", default="S", help="size of the sync at the real rate limit, or none")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output", type=Path, default=PAGE, help="where the page goes")
    chosen = parser.parse_args()
    done = heartbeat()
    rows = [row for size in chosen.sizes.split(",") for row in at_size(size, chosen.seed)]
    limit = [] if chosen.real_limit == "none" else at_the_real_limit(chosen.real_limit, chosen.seed)
    done.set()
    page = [
        "## The pipeline by size",
        "",
        f"Measured by `make bench` on {datetime.now(UTC):%Y-%m-%d} with {os.cpu_count()} cores and"
        f" {psutil.virtual_memory().total / 1e9:.0f} GB, Python {sys.version.split()[0]}, DuckDB {duckdb.__version__}."
        " Seconds of one run each: read the ratios, not the digits. The pretend company answers on the same cores.",
        "",
        *table(rows),
        "",
        *limit,
        "",
        "Sizes are companies of a year: S 12 thousand applications, M 120 thousand, L 1.2 million",
        "(`ingestion/sandbox/sizes.py`). At a real vendor the rate limit sets the pace of a first sync, not the",
        "processor; later syncs read only what changed.",
        "",
    ]
    write_section("pipeline", page, chosen.output)
    print("\n".join(page))


if __name__ == "__main__":
    main()
