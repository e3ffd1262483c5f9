"""Time and memory of the validity engine from the marts, by size: `python -m benchmarks.validity_engine --help`.

The marts are synthetic, made here with the counts of a size: people who were hired as rows, everybody else as the sums
that SQL would make. So this measures the statistics alone; `python -m benchmarks` measures the SQL that makes marts.
A size that takes more seconds or memory than its budget makes the exit code 1. XL takes some 15 minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime

os.environ.setdefault("OPENBLAS_NUM_THREADS", "2")

import numpy as np
import pandas as pd

from benchmarks.page import stamp, table, write_section
from validity.analysis import analyse
from validity.families import DECISION, Marts

TECHNIQUES = (
    "manager_screen",
    "pair_coding",
    "recruiter_screen",
    "reference_call",
    "structured_behavioural",
    "system_design",
    "unstructured_chat",
    "work_sample",
)
STAGE = {"recruiter_screen": 0, "manager_screen": 1, "work_sample": 2}
ATTRIBUTES = 3
N_BLOCKS = 256
SKIPPED = 0.04
WITHIN = "yes"
COLUMNS = (
    *("size", "hires", "interviewed", "corrected validities", "CPU seconds", "seconds", "budget, s"),
    *("peak GB, marts included", "budget, GB", "within"),
)


@dataclass(frozen=True)
class Size:
    """Counts of a size: hires over all years, interviewed people, job families, budgets in seconds and GB."""

    hires: int
    interviewed: int
    families: int
    raters: int
    seconds: int
    gigabytes: float


SIZES = {
    "demo": Size(400, 2_000, 5, 60, 20, 2),
    "L": Size(4_000, 40_000, 8, 400, 120, 2),
    "XL": Size(475_000, 1_500_000, 10, 20_000, 1_200, 8),
}


def marts(size: Size, seed: int = 1) -> Marts:
    """Marts of an invented company of this size."""
    rng = np.random.default_rng(seed)
    parts = [_family(rng, f"family_{number:02d}", size) for number in range(size.families)]
    frames = {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}
    total = frames["bins"].groupby(["technique", "score_lo", "score_hi"], as_index=False).sum(numeric_only=True)
    frames["bins"] = pd.concat([frames["bins"], total.assign(job_family="all")], ignore_index=True)
    for name in ("ranges", "hours"):
        total = frames[name].groupby("technique", as_index=False).sum(numeric_only=True).assign(job_family="all")
        frames[name] = pd.concat([frames[name], total], ignore_index=True)
    frames["ranges"]["outside_share"] = 0.2
    return Marts(**frames)


def _family(rng: np.random.Generator, family: str, size: Size) -> dict[str, pd.DataFrame]:
    n, n_hired = size.interviewed // size.families, size.hires // size.families
    talent = rng.normal(size=n)
    shared = 0.5 * talent[:, None] + 0.5 * rng.normal(size=(n, 1))
    scores = np.round(2 * (3 + shared + 0.7 * rng.normal(size=(n, len(TECHNIQUES))))) / 2
    scores = np.clip(scores, 1, 5)
    scores[rng.random(scores.shape) < SKIPPED] = np.nan
    alive = np.ones(n, dtype=bool)
    for stage in range(4):
        mine = [k for k, name in enumerate(TECHNIQUES) if STAGE.get(name, 3) == stage]
        scores[np.ix_(~alive, mine)] = np.nan
        known = [k for k, name in enumerate(TECHNIQUES) if STAGE.get(name, 3) <= stage]
        seen = np.maximum((~np.isnan(scores[:, known])).sum(axis=1), 1)
        so_far = np.nansum(scores[:, known], axis=1) / seen
        keep = round(n * (n_hired / n) ** ((stage + 1) / 4))
        order = np.argsort(np.where(alive, -np.nan_to_num(so_far, nan=-9), 99), kind="stable")
        decided = alive.copy()
        alive = np.zeros(n, dtype=bool)
        alive[order[:keep]] = True
    decision = np.where(decided, np.nan_to_num(so_far, nan=3.0) + 0.3 * rng.normal(size=n), np.nan)
    scores[~(~np.isnan(scores)).any(axis=1), TECHNIQUES.index("recruiter_screen")] = 3.0
    return _frames(rng, family, size, scores, decision, talent, alive)


def _frames(
    rng: np.random.Generator,
    family: str,
    size: Size,
    scores: np.ndarray,
    decision: np.ndarray,
    talent: np.ndarray,
    hired: np.ndarray,
) -> dict[str, pd.DataFrame]:
    names = [DECISION, *TECHNIQUES]
    table = np.column_stack([decision, scores])
    people = np.flatnonzero(hired)
    person = [f"{family}-{number}" for number in people]
    wide = pd.DataFrame(table[hired], columns=[f"{name}|overall" for name in names])
    for technique in TECHNIQUES:
        for number in range(ATTRIBUTES):
            noise = np.round(rng.normal(0, 0.7, len(people)) * 2) / 2
            wide[f"{technique}|attribute {number}"] = wide[f"{technique}|overall"] + noise
    wide.insert(0, "person_id", person)
    wide.insert(1, "job_family", family)
    rated = rng.random(len(people)) < 0.7
    ratings = _ratings(rng, family, size, np.array(person, dtype=object)[rated], talent[people[rated]])
    outcomes = pd.DataFrame({"person_id": person, "job_family": family, "is_matured": rng.random(len(people)) < 0.9})
    return {
        "scores": wide,
        "contaminated": pd.DataFrame({"job_family": family, "technique": list(TECHNIQUES), "n_contaminated": 0}),
        "outcomes": outcomes,
        "ratings": ratings,
        "moments": _moments(rng, family, names, table[~hired]),
        "attribute_moments": _attribute_moments(rng, family, table[~hired]),
        "ranges": pd.DataFrame(
            {
                "job_family": family,
                "technique": list(TECHNIQUES),
                "n_hired": len(people),
                "n_not_hired": int((~hired).sum()),
            }
        ),
        "bins": _bins(family, scores, hired),
        "hours": pd.DataFrame(
            {
                "job_family": family,
                "technique": list(TECHNIQUES),
                "interviewer_hours": 100.0,
                "rated_hires_per_year": float(rated.sum()),
            }
        ),
    }


def _ratings(rng: np.random.Generator, family: str, size: Size, person: np.ndarray, talent: np.ndarray) -> pd.DataFrame:
    n, n_raters = len(person), max(size.raters // size.families, 6)
    leniency = rng.normal(0, 0.4, n_raters)
    parts = []
    for source, share, noise in (("criterion", 1.0, 0.8), ("criterion", 0.7, 0.8), ("other", 0.8, 1.1)):
        seen = rng.random(n) < share
        rater = rng.integers(0, n_raters, n)
        if source == "criterion" and parts:
            rater = parts[0]["rater"]
        value = talent + leniency[rater] + noise * rng.normal(size=n)
        parts.append({"rater": rater, "seen": seen, "value": value, "source": source})
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "person_id": person[p["seen"]],
                    "job_family": family,
                    "rater_id": np.array([f"{family}-{p['source']}-{r}" for r in p["rater"][p["seen"]]], dtype=object),
                    "source": p["source"],
                    "cycle_id": f"c{number}",
                    "value": p["value"][p["seen"]],
                    "rater_was_interviewer": rng.random(int(p["seen"].sum())) < 0.2,
                }
            )
            for number, p in enumerate(parts)
        ],
        ignore_index=True,
    )


def _moments(rng: np.random.Generator, family: str, names: list[str], table: np.ndarray) -> pd.DataFrame:
    """What `validity_moments` would hold."""
    given = ~np.isnan(table)
    patterns, pattern = np.unique(given, axis=0, return_inverse=True)
    block = rng.integers(0, N_BLOCKS, len(table))
    filled = np.nan_to_num(table)
    parts = []
    for number, mask in enumerate(patterns):
        mine = pattern == number
        cells, place = np.unique(block[mine], return_inverse=True)
        n = np.bincount(place)
        text = "|".join(name for name, has in zip(names, mask, strict=True) if has)
        for i in np.flatnonzero(mask):
            for j in np.flatnonzero(mask)[np.flatnonzero(mask) >= i]:
                a, b = filled[mine, i], filled[mine, j]
                sums = (np.bincount(place, w) for w in (a, b, a * b))
                parts.append(
                    pd.DataFrame(
                        {"block": cells, "n": n, **dict(zip(("sum_i", "sum_j", "sum_ij"), sums, strict=True))}
                    ).assign(pattern=text, technique_i=names[i], technique_j=names[j])
                )
    return pd.concat(parts, ignore_index=True).assign(job_family=family)


def _attribute_moments(rng: np.random.Generator, family: str, table: np.ndarray) -> pd.DataFrame:
    decision = table[:, 0]
    block = rng.integers(0, N_BLOCKS, len(table))
    parts = []
    for k, technique in enumerate(TECHNIQUES, start=1):
        for number in range(ATTRIBUTES):
            a = table[:, k] + np.round(rng.normal(0, 0.7, len(table)) * 2) / 2
            has = ~np.isnan(a)
            frame = pd.DataFrame(
                {
                    "block": block[has],
                    "pattern": np.where(np.isnan(decision[has]), "1", "11"),
                    "sum_a": a[has],
                    "sum_d": np.nan_to_num(decision[has]),
                    "n": 1,
                }
            )
            frame = frame.assign(
                sum_aa=frame["sum_a"] ** 2, sum_ad=frame["sum_a"] * frame["sum_d"], sum_dd=frame["sum_d"] ** 2
            )
            frame = frame.groupby(["block", "pattern"], as_index=False).sum()
            parts.append(frame.assign(job_family=family, technique=technique, attribute=f"attribute {number}"))
    return pd.concat(parts, ignore_index=True)


def _bins(family: str, scores: np.ndarray, hired: np.ndarray) -> pd.DataFrame:
    parts = []
    for k, technique in enumerate(TECHNIQUES):
        known = ~np.isnan(scores[:, k])
        frame = pd.DataFrame({"score_lo": scores[known, k], "n_applicants": 1, "n_hired": hired[known].astype(int)})
        parts.append(frame.groupby("score_lo", as_index=False).sum().assign(technique=technique))
    made = pd.concat(parts, ignore_index=True)
    return made.assign(
        job_family=family,
        score_hi=made["score_lo"] + 0.5,
        n_rated=made["n_hired"],
        sum_rating=0.0,
        sum_rating_sq=made["n_hired"].astype(float),
    )


def measure(name: str) -> dict[str, object]:
    """One row of the table, measured in this process."""
    size = SIZES[name]
    made = marts(size)
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.monotonic()
    results = analyse(
        made, datetime(2026, 8, 23, tzinfo=UTC), progress=lambda text: print(f"  {text}", file=sys.stderr, flush=True)
    )
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    third = [row for row in results.estimates if row["rung"] == 3]
    shown = sum(np.isfinite(row["value"]) for row in third)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = after.ru_maxrss / 1e6
    is_within = seconds <= size.seconds and peak <= size.gigabytes
    return {
        "size": name,
        "hires": f"{size.hires:,}",
        "interviewed": f"{size.interviewed:,}",
        "corrected validities": f"{shown:,} of {len(third):,}",
        "CPU seconds": f"{cpu:.0f}",
        "seconds": f"{seconds:.0f}",
        "budget, s": f"{size.seconds:,}",
        "peak GB, marts included": f"{peak:.1f}",
        "budget, GB": f"{size.gigabytes:.0f}",
        "within": WITHIN if is_within else "**no**",
    }


def measured_apart(name: str) -> dict[str, object]:
    """The same in a process of its own, so that its memory is its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.validity_engine", "--one", name], stdout=subprocess.PIPE, text=True
    )
    if done.returncode == 0:
        return json.loads(done.stdout)  # type: ignore[no-any-return]
    return dict.fromkeys(COLUMNS, "–") | {"size": name, "within": f"**failed** (exit {done.returncode})"}


def section(rows: list[dict[str, object]]) -> list[str]:
    """What the page of measurements says."""
    return [
        "## The validity engine",
        "",
        f"`python -m benchmarks.validity_engine --sizes {','.join(str(row['size']) for row in rows)}`. {stamp()} Each"
        " size in a process of its own, from marts in memory to all result tables. **The marts are synthetic**, with"
        " the counts of the size; the SQL that makes them from a warehouse is measured in *The pipeline by size*"
        " (dbt build). XL: hires and interviewed people of five years.",
        "",
        *table(rows),
    ]


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.validity_engine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sizes", default="demo,L", help="comma-separated, of demo, L, XL [default: demo,L]")
    parser.add_argument(
        "--markdown", action="store_true", help="also write the section `engine` of docs/performance.md"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    chosen.sizes = chosen.sizes.split(",")
    unknown = set(chosen.sizes) - set(SIZES)
    if unknown:
        parser.error(f"`--sizes`: {', '.join(sorted(unknown))}, expected some of {', '.join(SIZES)}")
    return chosen


def main() -> int:
    """Measure each size in a process of its own and print the table; 1 when one is over its budget."""
    chosen = options()
    if chosen.one:
        print(json.dumps(measure(chosen.one)))
        return 0
    rows = [measured_apart(name) for name in chosen.sizes]
    lines = section(rows)
    print("\n".join(lines))
    if chosen.markdown:
        write_section("engine", lines)
    return int(any(row["within"] != WITHIN for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
