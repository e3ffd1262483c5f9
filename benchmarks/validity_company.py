"""`python -m benchmarks.validity_company`: does the product find what is true of a pretend company?

For every seed a company is served over HTTP, `qoh run` reads it into a home of its own, and what it publishes in
`validity.validity_estimates` is held against the truth among the applicants who reached the stage of a technique.
Unlike in `validity_recovery`, whose draws come from the estimator's own model, sync, links, SQL, stage inference and
the publishing rules take part. Figures about estimates are over what was published; the share refused stands beside.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.__main__ import home, measure
from benchmarks.page import PAGE, stamp, table, write_section
from ingestion.sandbox import running_sandbox
from ingestion.sandbox.truth import DEBRIEF

SIZE = "demo"
ALL, FAMILIES = "all", "single families"
RUNGS = (1, 2, 3, 4)
CLEAR_GAP = 0.10
"""Difference of two true validities from which their order is judged."""
MIN_TECHNIQUES = 4
"""Techniques with every rung from which a rank correlation is made."""
QUERY = """
    select technique, job_family, rung, value, lo, hi, status, reason
    from validity.validity_estimates
    where attribute = 'overall' and variant = 'all_raters'
"""


@dataclass
class Company:
    """One company through the product: what was published beside the truth, or why nothing was."""

    seed: int
    seconds: float = 0.0
    peak_gb: float = 0.0
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    failure: str = ""


def run_company(seed: int) -> Company:
    """Serve a company, run the product on it in a process of its own, and read what it published."""
    with (
        TemporaryDirectory(prefix="qoh-bench-company-") as state,
        running_sandbox(size=SIZE, seed=seed, rate="raised", state=Path(state)) as sandbox,
        home(dict(sandbox.env)) as environment,
    ):
        try:
            run = measure(["-m", "orchestration.cli", "run"], environment | {"OPENBLAS_NUM_THREADS": "1"})
        except SystemExit as failed:
            return Company(seed, failure=str(failed))
        truth = pd.DataFrame(sandbox.truth["operational_validity_at_stage"]).drop(columns=DEBRIEF)
        true = truth.rename_axis(index="job_family", columns="technique").stack().rename("true")
        rows = published_estimates(environment).join(true, on=["job_family", "technique"])
    return Company(seed, run.seconds, run.peak_gb, rows.assign(seed=seed, **verdicts(rows)))


def published_estimates(environment: dict[str, str]) -> pd.DataFrame:
    """Estimates of whole techniques from the file that analysts read."""
    path = (Path(environment["QOH_HOME"]) / "published" / "analyst.duckdb").resolve()
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(QUERY).df()


def verdicts(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Error, whether the interval holds the truth and its width, NaN where refused; and where the row belongs."""
    shown = rows["value"].notna()
    holds = (rows["lo"] <= rows["true"]) & (rows["true"] <= rows["hi"])
    return {
        "error": rows["value"] - rows["true"],
        "holds": holds.astype(float).where(shown),
        "width": (rows["hi"] - rows["lo"]).where(shown),
        "where": rows["job_family"].where(rows["job_family"] == ALL, FAMILIES),
    }


def by_rung(rows: pd.DataFrame) -> list[dict[str, object]]:
    """Bias, RMSE, coverage, width and refusals by rung."""
    return [
        {
            "rung": rung,
            "where": where,
            "estimates": f"{len(part):,}",
            "refused": f"{part['value'].isna().mean():.0%}",
            "mean bias": number(part["error"].mean(), "+.3f"),
            "RMSE": number(np.sqrt((part["error"] ** 2).mean()), ".3f"),
            "coverage": number(part["holds"].mean(), ".1%"),
            "mean width": number(part["width"].mean(), ".2f"),
        }
        for (where, rung), part in rows.groupby(["where", "rung"])
    ]


def by_technique(rows: pd.DataFrame) -> list[dict[str, object]]:
    """All families together: truth, mean estimate and coverage by rung of every technique, the best first."""
    together = rows[rows["job_family"] == ALL]
    by = together.groupby(["technique", "rung"])
    mean, holds = by["value"].mean().unstack(), by["holds"].mean().unstack()
    refused = by["value"].agg(lambda values: values.isna().mean()).unstack()
    true = together.groupby("technique")["true"].first().sort_values(ascending=False)
    return [
        {
            "technique": technique,
            "true": f"{true[technique]:.3f}",
            **{f"mean, rung {rung}": number(mean[rung][technique], ".3f") for rung in RUNGS},
            **{f"coverage {rung}": number(holds[rung][technique], ".0%") for rung in RUNGS},
            "refused 3": f"{refused[3][technique]:.0%}",
        }
        for technique in true.index
    ]


def refusals(rows: pd.DataFrame) -> list[dict[str, object]]:
    """Why rung 3 was refused, numbers blanked, the commonest first."""
    refused = rows[(rows["rung"] == 3) & rows["value"].isna()]
    reasons = refused["reason"].str.replace(r"[−-]?[\d.,]*\d%?", "…", regex=True)
    counted = reasons.groupby([refused["where"], reasons]).size().sort_values(ascending=False)
    return [{"where": where, "reason": reason, "times": n} for (where, reason), n in counted.items()]


def comparable(rows: pd.DataFrame) -> pd.DataFrame:
    """Techniques with every rung in a company and family, so that all rungs order the same ones."""
    n_rungs = rows.groupby(["seed", "job_family", "technique"])["value"].transform("count")
    return rows[n_rungs == len(RUNGS)]


def orders(rows: pd.DataFrame) -> pd.DataFrame:
    """By company, family and rung: Spearman's correlation with the truth; clearly different pairs, and those right."""
    made = []
    for (seed, family, rung), part in comparable(rows).groupby(["seed", "job_family", "rung"]):
        enough = len(part) >= MIN_TECHNIQUES
        pairs = [
            (one.value - other.value) * (one.true - other.true) > 0
            for one, other in combinations(part.itertuples(), 2)
            if abs(one.true - other.true) >= CLEAR_GAP
        ]
        spearman = float(spearmanr(part["value"], part["true"]).statistic) if enough else np.nan
        where = ALL if family == ALL else FAMILIES
        made.append((where, seed, rung, spearman, len(pairs), sum(pairs)))
    return pd.DataFrame(made, columns=["where", "seed", "rung", "spearman", "n_pairs", "n_right"])


def by_order(found: pd.DataFrame) -> list[dict[str, object]]:
    """How each rung orders the techniques."""
    return [
        {
            "rung": rung,
            "where": where,
            "Spearman, mean": number(part["spearman"].mean(), ".2f"),
            "lowest": number(part["spearman"].min(), ".2f"),
            "pairs clearly different": f"{part['n_pairs'].sum():,}",
            "in the right order": number(part["n_right"].sum() / max(part["n_pairs"].sum(), 1), ".0%"),
        }
        for (where, rung), part in found.groupby(["where", "rung"])
    ]


@dataclass(frozen=True)
class Signal:
    """What orders techniques of all families together at one rung.

    Attributes
    ----------
    order
        Spearman's correlation of the mean estimates with the truths: how the rung orders when noise is averaged out.
    spread, noise
        Standard deviation of the mean estimates over techniques, and of one technique's estimate over companies.
    """

    order: float
    spread: float
    noise: float


def signal(rows: pd.DataFrame, rung: int) -> Signal:
    """The systematic and the random part of a rung's order."""
    part = comparable(rows[rows["job_family"] == ALL])
    by = part[part["rung"] == rung].groupby("technique")
    means, true = by["value"].mean(), by["true"].first()
    order = float(spearmanr(means, true).statistic) if len(means) >= MIN_TECHNIQUES else np.nan
    return Signal(order, float(means.std()), float(np.sqrt(by["value"].var().mean())))


def verdict_on_order(rows: pd.DataFrame, found: pd.DataFrame) -> list[str]:
    """Plainly, whether the last rung orders techniques better than the first, and why or why not."""
    together = found[(found["where"] == ALL) & (found["n_pairs"] > 0)]
    share = (together["n_right"] / together["n_pairs"]).groupby([together["rung"], together["seed"]]).mean().unstack(0)
    if not {1, 4} <= set(share.columns):
        return ["No company had enough techniques with every rung to compare orders."]
    gain = share[4] - share[1]
    error = gain.std() / np.sqrt(len(gain))
    is_better = gain.mean() > 2 * error
    word = "better" if is_better else "no better" if np.isfinite(error) else "differently (one company cannot tell)"
    first, last = signal(rows, 1), signal(rows, 4)
    lines = [
        f"**Rung 4 orders techniques {word} than rung 1**: per company {share[4].mean():.0%} against"
        f" {share[1].mean():.0%} of the clearly different pairs are in the right order, a difference of"
        f" {100 * gain.mean():+.1f} ± {number(100 * error, '.1f')} points (standard error over companies).",
        f"Averaged over companies, rung 1 orders them with a Spearman of {number(first.order, '.2f')} and rung 4 with"
        f" {number(last.order, '.2f')}. Technique means differ by {first.spread:.3f} (standard deviation) at rung 1 and"
        f" {last.spread:.3f} at rung 4; one technique varies by {number(first.noise, '.3f')} and"
        f" {number(last.noise, '.3f')} over companies.",
    ]
    if is_better or not np.isfinite(error):
        return lines
    if last.spread / last.noise <= 1.1 * first.spread / first.noise:
        reason = (
            "Why: the corrections stretch the noise of the estimates at least as much as the differences between"
            " techniques, so these are told apart no better than before. What corrections win is the level and the"
            " interval, not the order."
        )
    else:
        reason = "Why is not known: differences grow more than the noise does."
    return [*lines, reason]


def number(value: float, form: str) -> str:
    """A figure, or a dash where there is none."""
    return format(value, form) if np.isfinite(value) else "–"


def section(companies: Sequence[Company]) -> Iterator[str]:
    """What the page of measurements says."""
    ran = [one for one in companies if not one.failure]
    yield from (
        "## Recovery of the pretend company's truth",
        "",
        f"`python -m benchmarks.validity_company --seeds {len(companies)}`. {stamp()} Each company, of size {SIZE}, was"
        " served over HTTP and went through `qoh run`; what it published for analysts (overall, all raters) is held"
        " against the truth among the applicants who reached the stage. Intervals promise 95 %. Bias, RMSE, coverage"
        " and width are over what was published; refused is the share without a value, by the engine's rules or by"
        " those of publishing (fewer than 30 reviewed hires).",
        "",
    )
    for one in companies:
        if one.failure:
            yield f"Seed {one.seed} published nothing: {one.failure.splitlines()[0]}."
    if not ran:
        return
    yield (
        f"{len(ran)} runs ended well: {np.median([one.seconds for one in ran]):.0f} s each (median; the companies were"
        f" served on the same cores), {max(one.peak_gb for one in ran):.1f} GB at most."
    )
    everything = pd.concat([one.rows for one in ran], ignore_index=True)
    rows = everything[everything["true"].notna()]
    unknown = sorted(everything.loc[everything["true"].isna(), "technique"].unique())
    if unknown:
        yield f"Published without a truth of their own, left out here: {', '.join(unknown)}."
    found = orders(rows)
    tables = (
        (f"By rung. {ALL}: all families together.", by_rung(rows)),
        ("By technique, all families together:", by_technique(rows)),
        ("Why rung 3 was refused:", refusals(rows)),
        (
            f"Order, over techniques with every rung; clearly different: truths {CLEAR_GAP:.2f} or more apart.",
            by_order(found),
        ),
    )
    for title, made in tables:
        if made:
            yield from ("", title, "", *table(made))
    yield from ("", *verdict_on_order(rows, found))


def run(seeds: Sequence[int], jobs: int) -> list[Company]:
    """All companies, so many at a time; a line on stderr for each that is done."""
    started, done = time.monotonic(), []
    with ThreadPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(run_company, seed) for seed in seeds]):
            one = future.result()
            done.append(one)
            what = one.failure.splitlines()[0] if one.failure else f"published after {one.seconds:.0f} s"
            spent = time.monotonic() - started
            print(f"{len(done)} of {len(seeds)}, {spent:.0f} s: seed {one.seed} {what}", file=sys.stderr, flush=True)
            if one.failure:
                print(one.failure, file=sys.stderr, flush=True)
    return sorted(done, key=lambda one: one.seed)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.validity_company",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=20, help="companies, with seeds 1 to this [default: 20]")
    parser.add_argument("--jobs", type=int, default=2, help="companies at a time [default: 2]")
    parser.add_argument("--markdown", action="store_true", help=f"also write the section `company` of docs/{PAGE.name}")
    return parser.parse_args()


def main() -> int:
    """Run, compare, print; 1 when a company's run failed."""
    chosen = arguments()
    companies = run(range(1, chosen.seeds + 1), chosen.jobs)
    lines = list(section(companies))
    print("\n".join(lines))
    if chosen.markdown:
        write_section("company", lines)
    return int(any(one.failure for one in companies))


if __name__ == "__main__":
    raise SystemExit(main())
