"""Kill -9 at seeded moments of sync, build and publish, run once more, compare every row with an undisturbed run.

`python -m tests.reliability.crash --trials 25` is the long form; the test beside it kills one home three times.
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
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ingestion.sandbox import running_sandbox

from .homes import Home, Prints, differences, fingerprint, follow, stages

PHASES = {"sync": "link people", "dbt build": "check", "publish": "write report"}
"""Phase (first stage that begins so) to the stage that follows it."""
POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Undisturbed:
    """What a run that nobody killed leaves, and how long its phases take."""

    warehouse: Prints
    published: Prints
    seconds: Mapping[str, float]


@dataclass
class Kill:
    """One kill: where it was aimed, where it hit."""

    phase: str
    delay: float
    whole_group: bool
    hit: str = "nothing: the run had ended"


@dataclass
class Tally:
    """What the trials found."""

    problems: list[str] = field(default_factory=list)
    hits: Counter[str] = field(default_factory=Counter)


def undisturbed(home: Home, env: Mapping[str, str], log: Path) -> Undisturbed:
    """Run once and remember everything."""
    process = home.start(env, log, "run")
    seen = follow(log, process)
    if process.returncode:
        raise AssertionError(f"`qoh run` exited with {process.returncode}:\n{log.read_text()[-4000:]}")
    seconds = {phase: _begin(seen, after) - _begin(seen, phase) for phase, after in PHASES.items()}
    return Undisturbed(fingerprint(home.warehouse), fingerprint(home.published), seconds)


def _begin(seen: Mapping[str, tuple[float, float]], stage: str) -> float:
    return next(begin for name, (begin, _) in seen.items() if name.startswith(stage))


def kill_run(home: Home, env: Mapping[str, str], log: Path, kill: Kill) -> Kill:
    """Start a run and kill -9 it `delay` seconds into a phase: the process alone, or its whole group."""
    log.unlink(missing_ok=True)
    process = home.start(env, log, "run")
    while process.poll() is None and not any(name.startswith(kill.phase) for name in stages(log)):
        time.sleep(POLL_SECONDS)
    try:
        process.wait(timeout=kill.delay)
    except subprocess.TimeoutExpired:
        if kill.whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        kill.hit = stages(log)[-1]
    return kill


def problems_after(home: Home, expected: Undisturbed) -> list[str]:
    """What differs from an undisturbed run, and what a crash may have left lying about."""
    found = differences(expected.warehouse, fingerprint(home.warehouse))
    found += [f"published {line}" for line in differences(expected.published, fingerprint(home.published))]
    found += [f"left over: {path.name}" for path in (home.data / "published").glob(".*")]
    return found


def readable(home: Home, allowed: list[Prints]) -> list[str]:
    """After a kill readers have a whole version, the old one or the new one; or none before the first."""
    if not (home.data / "published" / "analyst.duckdb").is_symlink():
        return []
    seen = fingerprint(home.published)
    return [] if seen in allowed else ["readers see neither the old nor the new version"]


def crash_trials(trials: int, seed: int, workdir: Path) -> Tally:
    """One kill and one normal run a trial; every fourth trial starts from an empty home, the others a month behind."""
    tally = Tally()
    with running_sandbox(size="tiny", seed=3, state=workdir / "sandbox") as sandbox:
        env = dict(sandbox.env)
        base = Home(workdir / "base")
        before = undisturbed(base, env, workdir / "base.log")
        sandbox.advance(30)
        grown = base.copy_to(workdir / "grown")
        incremental = undisturbed(grown, env, workdir / "grown.log")
        fresh = Home(workdir / "fresh")
        shutil.copytree(base.path / "keys", fresh.path / "keys")
        first = undisturbed(fresh, env, workdir / "fresh.log")
        for trial in range(trials):
            rng = random.Random(f"{seed}-{trial}")
            is_first = trial % 4 == 0
            expected = first if is_first else incremental
            phase = rng.choice(list(PHASES))
            kill = Kill(phase, rng.uniform(0, expected.seconds[phase]), rng.random() < 0.5)
            home = Home(workdir / f"trial{trial}")
            if is_first:
                shutil.copytree(base.path / "keys", home.path / "keys")
            else:
                home = base.copy_to(home.path)
            log = workdir / f"trial{trial}.log"
            kill_run(home, env, log, kill)
            found = readable(home, [before.published, expected.published])
            try:
                home.run(env)
                found += problems_after(home, expected)
            except AssertionError as error:
                found.append(str(error))
            tally.hits[kill.hit] += 1
            kind = "first" if is_first else "incremental"
            whom = "group" if kill.whole_group else "process"
            print(f"trial {trial:2}: {kind:11} run, {whom:7} killed {kill.delay:5.2f} s into {kill.phase:9} "
                  f"(during: {kill.hit}); {len(found)} differences", flush=True)  # fmt: skip
            tally.problems += [f"seed {seed} trial {trial}: {line}" for line in found]
            if not found:
                shutil.rmtree(home.path)
    return tally


def main() -> int:
    """Run the trials from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=25)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--keep", type=Path, help="Directory to work in and keep; homes with differences stay there.")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="qoh-crash-") as temporary:
        tally = crash_trials(arguments.trials, arguments.seed, arguments.keep or Path(temporary))
    print("\n".join(tally.problems) or f"{arguments.trials} kills, 0 differences")
    print("killed during: " + ", ".join(f"{stage} {n}" for stage, n in sorted(tally.hits.items())))
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
