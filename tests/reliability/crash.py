"""Kill -9 at seeded random moments of a whole run, run once more, compare every row with an undisturbed run.

`python -m tests.reliability.crash --trials 25` is the long form; the test of the same name runs a few.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from ingestion.sandbox import running_sandbox

ROOT = Path(__file__).parent.parent.parent

# What two equal warehouses may differ in: when and by which run a row was written.
VOLATILE = {"_dlt_load_id", "_dlt_id", "as_of", "loaded_at", "decided_at", "swept_at", "sweep_id", "deleted_at"}
VOLATILE |= {"first_seen_at", "last_seen_at", "dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to"}
VOLATILE |= {"hours_since_success", "last_success_at", "previous_rows", "last_rows", "last_load_id"}
VOLATILE_TABLES = {"stream_runs", "sweeps", "stream_windows", "stream_health", "data_quality_summary"}


@dataclass(frozen=True)
class Home:
    """One QOH_HOME with its keys, and how to run the pipeline in it."""

    path: Path

    def env(self, sandbox_env: dict[str, str]) -> dict[str, str]:
        return os.environ | sandbox_env | {"QOH_HOME": str(self.path / "data"), "QOH_KEYS": str(self.path / "keys")}

    def start(self, sandbox_env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "run"],
            cwd=ROOT,
            env=self.env(sandbox_env),
            stdout=log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, sandbox_env: dict[str, str], log: Path) -> float:
        started = time.monotonic()
        code = self.start(sandbox_env, log).wait()
        if code:
            raise AssertionError(f"`qoh run` in {self.path} exited with {code}:\n{log.read_text()[-4000:]}")
        return time.monotonic() - started

    def copy_to(self, path: Path) -> Home:
        shutil.copytree(self.path, path, symlinks=True)
        return Home(path)


def fingerprint(database: Path) -> dict[str, tuple[int, str]]:
    """Rows and an order-free hash of every table, without the columns that say when it was written."""
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute(
            "select table_schema, table_name, list(column_name order by column_name) from information_schema.columns"
            " where table_schema not like '%staging%' and table_name not like '\\_dlt%' escape '\\'"
            " and table_schema in (select schema_name from information_schema.schemata) group by all order by all"
        ).fetchall()
        prints = {}
        for schema, table, columns in tables:
            kept = [f'"{name}"::text' for name in columns if name not in VOLATILE]
            if table in VOLATILE_TABLES or table.endswith("__ids") or not kept:
                continue
            row = f"md5(concat_ws('|', {', '.join(f'coalesce({c}, chr(0))' for c in kept)}))"
            n, digest = connection.execute(
                f"select count(*), coalesce(md5(string_agg(h, '' order by h)), '') from (select {row} as h from \"{schema}\".\"{table}\")"
            ).fetchone() or (0, "")
            prints[f"{schema}.{table}"] = (n, digest)
    return prints


def published(home: Home) -> Path:
    return (home.path / "data" / "published" / "analyst.duckdb").resolve(strict=True)


def differences(expected: dict[str, tuple[int, str]], seen: dict[str, tuple[int, str]]) -> list[str]:
    return [
        f"{name}: expected {expected.get(name)}, seen {seen.get(name)}"
        for name in sorted(expected.keys() | seen.keys())
        if expected.get(name) != seen.get(name)
    ]


def crash_trials(trials: int, seed: int, workdir: Path, first_sync_every: int = 3) -> list[str]:
    """Run the trials; return one line for each difference found, with the seed that repeats it.

    Every `first_sync_every`-th trial starts from an empty home (first sync), the others from a home that is one
    month behind the sandbox (incremental sync).
    """
    problems: list[str] = []
    with running_sandbox(size="tiny", seed=3, state=workdir / "sandbox") as sandbox:
        env = dict(sandbox.env)
        base = Home(workdir / "base")
        base.run(env, workdir / "base.log")
        sandbox.advance(30)
        reference = base.copy_to(workdir / "reference")
        seconds = reference.run(env, workdir / "reference.log")
        fresh = Home(workdir / "fresh")
        shutil.copytree(base.path / "keys", fresh.path / "keys")
        fresh_seconds = fresh.run(env, workdir / "fresh.log")
        expected = {
            False: fingerprint(reference.path / "data" / "warehouse.duckdb"),
            True: fingerprint(fresh.path / "data" / "warehouse.duckdb"),
        }
        for trial in range(trials):
            rng = random.Random(f"{seed}-{trial}")
            from_empty = trial % first_sync_every == 0
            path = workdir / f"trial{trial}"
            if from_empty:
                home = Home(path)
                shutil.copytree(base.path / "keys", path / "keys")
            else:
                home = base.copy_to(path)
            delay = rng.uniform(0.5, fresh_seconds if from_empty else seconds)
            log = workdir / f"trial{trial}.log"
            process = home.start(env, log)
            try:
                process.wait(timeout=delay)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            home.run(env, log)
            found = differences(expected[from_empty], fingerprint(home.path / "data" / "warehouse.duckdb"))
            with duckdb.connect(str(published(home)), read_only=True) as connection:
                connection.execute("select 1")
            print(
                f"trial {trial}: {'first' if from_empty else 'incremental'} run killed after {delay:.1f} s, {len(found)} differences",
                flush=True,
            )
            problems += [f"seed {seed} trial {trial} killed after {delay:.2f} s: {line}" for line in found]
            shutil.rmtree(path)
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=25)
    parser.add_argument("--seed", type=int, default=2026)
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="qoh-crash-") as workdir:
        problems = crash_trials(arguments.trials, arguments.seed, Path(workdir))
    print("\n".join(problems) or f"{arguments.trials} kills, 0 differences")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
