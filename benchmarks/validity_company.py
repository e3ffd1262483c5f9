"""`python -m benchmarks.validity_company`: does the study find what is true of the pretend company?

A company is built for every seed, its tables become the frames that the warehouse forms (no HTTP, no SQL), and these go
through `validity.study`: every job family by itself, and all together within families. Estimates are held against the
truth among the applicants who reached the stage of a technique. Unlike `validity_recovery`, whose draws come from the
estimator's own model, this has ordinal ratings, peers, calibration, leavers, late scorecards and lost links.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.page import PAGE, write_section
from ingestion.sandbox import hiring, truth
from ingestion.sandbox.company import Company, build_company
from ingestion.sandbox.performance import OVERALL
from ingestion.sandbox.sizes import SIZES, Options, size_named
from ingestion.sandbox.techniques import FAMILIES, PLANS, STAGES, UNMAPPABLE
from validity.attenuation import spearman_brown
from validity.pooling import pool
from validity.study import Study, study

HISTORY_END, AS_OF = date(2026, 11, 23), pd.Timestamp("2026-08-23", tz="UTC")
"""As `ingestion.sandbox` has it: the clock stands three months before the end of the history."""

ALL = "all"
DECISION = "__decision__"
RECOMMENDATION_RANK = {"strong_no": 1, "no": 2, "yes": 4, "strong_yes": 5}
ATTRIBUTE_RANK = {"definitely_not": 1, "no": 2, "mixed": 3, "yes": 4, "strong_yes": 5}
DAYS_A_MONTH = 30.4375
WINDOW_MONTHS = (6, 18)
MIN_CELL = 5
MIN_FAMILIES = 3
POOLED = "4 pooled"
RUNGS = ("1", "2", "3", "4", POOLED)
"""Rung 4 as a single study has it (towards the prior), and as published (towards the other job families)."""
STAGE_NUMBER = {name: float(number) for number, stage in enumerate(STAGES) for plan in PLANS.values()
                for name in plan.get(stage, ())}  # fmt: skip
PROMISED, SIMULATED = 0.95, 0.93
KEYS = ["family", "technique", "rung"]


@dataclass(frozen=True)
class Frames:
    """What a study takes, for all families; index or column `person_id` is the application.

    Attributes
    ----------
    scores
        One row a decided application with a score: a column a technique, and the decision score.
    ratings, other_ratings
        Managers' and peers' ratings of cycles 6 to 18 months after the start.
    family, is_hired, is_matured
        By application.
    """

    scores: pd.DataFrame
    ratings: pd.DataFrame
    other_ratings: pd.DataFrame
    family: pd.Series
    is_hired: pd.Series
    is_matured: pd.Series


def frames_of(company: Company, as_of: pd.Timestamp = AS_OF) -> Frames:
    """The company's tables as the warehouse would hand them to the study."""
    hires = company.hires.set_index("application_id")
    applications = company.visible("applications", as_of).set_index("application_id")
    applications = applications[(applications["status"] != "in_process") & applications["job_id"].notna()]
    # Rehires are neither hires nor rejected here.
    applications = applications[~applications.index.isin(hires.index[hires["kind"] == "rehire"])]
    jobs = company.visible("jobs", as_of).set_index("job_id")
    cards = scored_cards(company, as_of)
    scores = cards.pivot_table(index="application_id", columns="technique", values="score")
    scores = scores[scores.index.isin(applications.index)].rename(columns={truth.DEBRIEF: DECISION})
    ratings, others = rating_rows(company, as_of)
    people = applications.loc[scores.index]
    started = pd.to_datetime(hires["started_on"]).dt.tz_localize("UTC").reindex(scores.index)
    return Frames(
        scores.rename_axis(index="person_id", columns=None),
        ratings,
        others,
        people["job_id"].map(jobs["family"]),
        people["status"] == "hired",
        (as_of - started).dt.days >= WINDOW_MONTHS[1] * DAYS_A_MONTH,
    )


def scored_cards(company: Company, as_of: pd.Timestamp) -> pd.DataFrame:
    """Scorecards that were handed in before the decision was known, with one score each."""
    slots = company.visible("plan_slots", as_of).set_index("kit_id")
    attributes = company.visible("scorecard_attributes", as_of)
    attributes = attributes.assign(rank=attributes["rating"].map(ATTRIBUTE_RANK))
    by_card = attributes.groupby("scorecard_id")
    cards = company.visible("scorecards", as_of).set_index("scorecard_id")
    cards = cards[(cards["status"] == "complete") & cards["submitted_at"].notna()]
    mean_attribute = by_card["rank"].mean().reindex(cards.index)
    last_edit = by_card["valid_from"].max().reindex(cards.index)
    cards = cards.assign(
        technique=slots["technique"].reindex(cards["kit_id"]).to_numpy(),
        is_unmapped=slots["name"].reindex(cards["kit_id"]).isin(UNMAPPABLE).to_numpy(),
        edited_at=np.maximum(cards["valid_from"], last_edit.fillna(cards["valid_from"])),
    )
    is_debrief = cards["technique"] == truth.DEBRIEF
    rank = cards["recommendation"].map(RECOMMENDATION_RANK).fillna(mean_attribute)
    decided = decided_at(company, as_of, cards[is_debrief]).reindex(cards["application_id"]).to_numpy()
    is_late = (cards["edited_at"] > decided) & ~is_debrief
    cards = cards.assign(score=mean_attribute.where(is_debrief, rank))
    return cards[~is_late & (~cards["is_unmapped"] | is_debrief)]


def decided_at(company: Company, as_of: pd.Timestamp, debriefs: pd.DataFrame) -> pd.Series:
    """When each application was decided: the first of debrief, offer and rejection."""
    applications = company.visible("applications", as_of).set_index("application_id")
    offers = company.visible("offers", as_of).set_index("application_id")
    events = (debriefs.set_index("application_id")["submitted_at"], offers["created_at"], applications["rejected_at"])
    return pd.concat(events).dropna().groupby(level=0).min()


def rating_rows(company: Company, as_of: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Managers' ratings of linked hires in the window, standardised; peers' on the scale of the manager's cell."""
    reviews = reviews_of(company, as_of)
    managers = reviews[reviews["review_type"] == "Manager"]
    cells = celled(managers)
    managers = managers.assign(**cells).dropna(subset=["cell_mean"])
    hires = company.hires[(company.hires["rung"] != "none") & (company.hires["kind"] != "rehire")]
    hires = hires[["application_id", "employee_id", "started_on"]].rename(columns={"application_id": "person_id"})
    criterion = in_window(managers.merge(hires, on="employee_id"))
    cell_of = criterion.drop_duplicates(["person_id", "cycle_id"])[["person_id", "cycle_id", "cell_mean", "cell_sd"]]
    peers = in_window(reviews[reviews["review_type"] == "Peer"].merge(hires, on="employee_id"))
    peers = peers.merge(cell_of, on=["person_id", "cycle_id"])
    # Whoever gave a hire's criterion is no other person.
    pairs = criterion[["person_id", "rater_id"]].drop_duplicates().assign(is_manager=True)
    peers = peers.merge(pairs, on=["person_id", "rater_id"], how="left")
    return standardised(criterion), standardised(peers[peers["is_manager"].isna()])


def standardised(rows: pd.DataFrame) -> pd.DataFrame:
    value = (rows["value"] - rows["cell_mean"]) / rows["cell_sd"]
    return rows[["person_id", "rater_id", "cycle_id"]].assign(value=value)


def in_window(rows: pd.DataFrame) -> pd.DataFrame:
    months = (rows["rated_on"] - pd.to_datetime(rows["started_on"])).dt.days / DAYS_A_MONTH
    return rows[months.between(*WINDOW_MONTHS)]


def reviews_of(company: Company, as_of: pd.Timestamp) -> pd.DataFrame:
    """Overall ratings of closed cycles with employee, rater, level of that day and the calibrated value if any."""
    reviews = company.visible("reviews", as_of)
    reviews = reviews[(reviews["question_id"] == OVERALL) & reviews["submitted_at"].notna()]
    cycles = company.visible("review_cycles", as_of).set_index("cycle_id")
    employee = company.visible("perf_users", as_of).set_index("perf_user_id")["employee_id"]
    reviewee = company.visible("reviewees", as_of).set_index("reviewee_id")["perf_user_id"]
    reviews = reviews[reviews["cycle_id"].isin(cycles.index[cycles["stage"] == "Ended"])]
    made = pd.DataFrame(
        {
            "review_type": reviews["review_type"],
            "cycle_id": reviews["cycle_id"],
            "employee_id": reviews["reviewee_id"].map(reviewee).map(employee),
            "rater_id": reviews["reviewer_id"],
            "rated_on": reviews["cycle_id"].map(cycles["period_end"]),
            "value": reviews["calibrated_rating"].fillna(reviews["rating"]),
        }
    ).dropna(subset=["employee_id", "value"])
    jobs = company.visible("job_info", as_of)[["employee_id", "date", "job_level"]].sort_values("date")
    made = made.astype({"employee_id": "int64"}).sort_values("rated_on")
    return pd.merge_asof(made, jobs, left_on="rated_on", right_on="date", by="employee_id")


def celled(managers: pd.DataFrame) -> dict[str, pd.Series]:
    """Mean and standard deviation of each rating's cell: cycle and level, else the cycle."""
    found: dict[str, pd.Series] = {}
    for keys in (["cycle_id", "job_level"], ["cycle_id"]):
        by = managers.groupby(keys, dropna=False)["value"]
        usable = (by.transform("size") >= MIN_CELL) & (by.transform("std") > 0)
        for name, statistic in (("cell_mean", "mean"), ("cell_sd", "std")):
            value = by.transform(statistic).where(usable)
            found[name] = found[name].fillna(value) if name in found else value
    return found


def studies(frames: Frames, n_boot: int, seed: int, families: Iterable[str] = FAMILIES) -> Iterator[tuple[str, Study]]:
    """All families together first; the reliability found there stands in where a family has none of its own."""
    firm: float | None = None
    for family in (ALL, *families):
        mine = frames.family.index if family == ALL else frames.family.index[frames.family == family]
        scores = frames.scores.loc[mine].dropna(axis="columns", how="all")
        ratings = frames.ratings[frames.ratings["person_id"].isin(mine)]
        others = frames.other_ratings[frames.other_ratings["person_id"].isin(mine)]
        found = study(
            scores,
            ratings,
            stages=STAGE_NUMBER if family == ALL else None,
            decision_score=DECISION,
            hired=frames.is_hired,
            strata=frames.family if family == ALL else None,
            other_ratings=others,
            eligible=frames.is_matured,
            firm_reliability=firm,
            n_boot=n_boot,
            seed=seed,
        )
        if family == ALL:
            reliability = found.reliability.iloc[0]
            n_raters = 1 / (1 / ratings.groupby("person_id")["rater_id"].nunique()).mean()
            firm = spearman_brown(float(reliability["value"]), 1 / n_raters) if reliability["status"] == "ok" else None
        yield family, found


def estimates_of(company: Company, n_boot: int) -> pd.DataFrame:
    """One row a family × technique × rung: value, lo, hi (NaN where refused) and what the reliability was."""
    rows, facts = [], []
    for family, found in studies(frames_of(company), n_boot, company.seed):
        table = found.estimates.rename(columns={"predictor": "technique"})
        rows.append(table.assign(family=family, rung=table["rung"].astype(str),
                                 reliability=float(found.reliability["value"].iloc[0])))  # fmt: skip
        facts.append(found.diagnostics.rename(columns={"predictor": "technique"}).assign(family=family))
    made = pd.concat(rows, ignore_index=True)
    made = made.merge(pd.concat(facts)[["family", "technique", "stage", "z", "z_se"]], on=["family", "technique"])
    columns = [*KEYS, "value", "lo", "hi", "n_rated", "reason", "reliability", "stage"]
    return pd.concat([made, *pooled(made)], ignore_index=True)[columns].assign(seed=company.seed)


def pooled(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Rung 4 as it is published: drawn towards the other job families where there are enough of them."""
    fourth = rows[rows["rung"] == "4"].assign(rung=POOLED)
    yield fourth[fourth["family"] == ALL]
    for _, same in fourth[fourth["family"] != ALL].groupby("technique"):
        usable = same[same["value"].notna()]
        if len(usable) >= MIN_FAMILIES:
            found = pool(usable["z"].to_numpy(), usable["z_se"].to_numpy())
            for name, part in (("value", found.mean), ("lo", found.lo), ("hi", found.hi)):
                same.loc[usable.index, name] = np.tanh(part)
        yield same


def truth_table(size: str, options: Options) -> pd.Series:
    """Truth at the stage by family and technique."""
    rate = hiring.offer_rate(size_named(size))
    found = truth.operational_validity_at_stage(options.severity_sd, options.hidden_information, rate)
    table = pd.DataFrame(found).drop(columns=truth.DEBRIEF).rename_axis(index="family", columns="technique")
    return table.stack().rename("true")


def summary(rows: pd.DataFrame, true: pd.Series) -> pd.DataFrame:
    """By family, technique and rung: truth, mean, bias and its error, RMSE, coverage, share refused."""
    rows = rows.join(true, on=["family", "technique"])
    rows = rows.assign(
        error=rows["value"] - rows["true"],
        covered=((rows["lo"] <= rows["true"]) & (rows["true"] <= rows["hi"])).where(rows["value"].notna()),
        is_refused=rows["value"].isna(),
    )
    by = rows.astype({"covered": float}).groupby(KEYS)
    made = by.agg(true=("true", "first"), mean=("value", "mean"), bias=("error", "mean"), n=("value", "count"),
                  coverage=("covered", "mean"), refused=("is_refused", "mean"))  # fmt: skip
    return made.assign(
        bias_se=by["error"].std() / np.sqrt(made["n"]),
        rmse=by["error"].agg(lambda errors: np.sqrt((errors**2).mean())),
    )


def order_agreement(rows: pd.DataFrame, true: pd.Series) -> pd.DataFrame:
    """By family, rung and seed: Spearman's correlation of estimates and truths, over techniques with every rung."""
    complete = rows.groupby(["family", "seed", "technique"])["value"].transform("count") == len(RUNGS)
    rows = rows[complete].join(true, on=["family", "technique"])
    made = [
        (family, rung, spearmanr(part["value"], part["true"]).statistic, strongest_loses(part))
        for (family, rung, _), part in rows.groupby(["family", "rung", "seed"])
        if len(part) > 3
    ]
    return pd.DataFrame(made, columns=["family", "rung", "spearman", "strongest_loses"])


def strongest_loses(part: pd.DataFrame) -> bool:
    """Whether the truly best technique is estimated below one that is truly worse by .10 or more."""
    best = part.loc[part["true"].idxmax()]
    worse = part[part["true"] <= best["true"] - 0.10]
    return bool((worse["value"] > best["value"]).any())


def lines_of(rows: pd.DataFrame, true: pd.Series) -> Iterator[str]:
    """The tables, as Markdown."""
    table = summary(rows, true)
    yield "| family | technique | true | rung 1 | 2 | 3 | 4 | 4 pooled | coverage 3 | 4 | 4 pooled | refused 3 |"
    yield "|" + "---|" * 12
    for (family, technique), part in table.groupby(level=["family", "technique"], sort=False):
        by = part.droplevel(["family", "technique"]).reindex(list(RUNGS))
        cells = [f"{by['true'].iloc[0]:.3f}", *(_number(value, ".3f") for value in by["mean"])]
        cells += [_number(by["coverage"][rung], ".0%") for rung in ("3", "4", POOLED)]
        yield f"| {family} | {technique} | {' | '.join(cells)} | {by['refused']['3']:.0%} |"
    yield from (
        "",
        "| rung | cells not refused | mean bias | RMSE | coverage | families only | all together |",
        "|" + "---|" * 7,
    )
    for rung in RUNGS:
        yield _overall(rung, rows[rows["rung"] == rung].join(true, on=["family", "technique"]).dropna(subset=["value"]))
    yield from (
        "",
        "| rung | where | companies | Spearman, mean | lowest | best technique below a clearly worse one |",
        "|" + "---|" * 6,
    )
    order = order_agreement(rows, true)
    for rung in RUNGS:
        for where, part in (("all", order[order["family"] == ALL]), ("families", order[order["family"] != ALL])):
            found = part[part["rung"] == rung]
            if len(found):
                spearman = found["spearman"]
                yield (f"| {rung} | {where} | {len(found)} | {spearman.mean():.2f} | {spearman.min():.2f} "
                       f"| {found['strongest_loses'].mean():.0%} |")  # fmt: skip


def _overall(rung: str, rows: pd.DataFrame) -> str:
    error = rows["value"] - rows["true"]
    covered = (rows["lo"] <= rows["true"]) & (rows["true"] <= rows["hi"])
    is_all = rows["family"] == ALL
    shares = (covered.mean(), covered[~is_all].mean(), covered[is_all].mean())
    return (f"| {rung} | {len(rows):,} | {error.mean():+.3f} | {np.sqrt((error**2).mean()):.3f} | "
            f"{' | '.join(_number(share, '.1%') for share in shares)} |")  # fmt: skip


def _number(value: float, form: str) -> str:
    return "–" if np.isnan(value) else format(value, form)


def one_company(task: tuple[int, str, int, Options]) -> pd.DataFrame:
    """Build a company and study it."""
    seed, size, n_boot, options = task
    return estimates_of(build_company(seed, size, HISTORY_END, options), n_boot)


def run(seeds: Sequence[int], size: str, n_boot: int, jobs: int, options: Options) -> pd.DataFrame:
    """All companies in several processes; a line on stderr says how far it is."""
    started, done = time.monotonic(), []
    # Fresh processes read this when they import numpy; several of them with threads would only wait for each other.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with get_context("spawn").Pool(jobs) as pool_of_processes:
        for rows in pool_of_processes.imap(one_company, [(seed, size, n_boot, options) for seed in seeds]):
            done.append(rows)
            spent = time.monotonic() - started
            print(f"\r{len(done)} of {len(seeds)} companies, {spent:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return pd.concat(done, ignore_index=True)


def section(lines: Sequence[str], size: str, n_seeds: int, n_boot: int) -> list[str]:
    """What the page of measurements says."""
    return [
        "## Recovery of the pretend company's truth",
        "",
        f"`python -m benchmarks.validity_company`: {n_seeds} companies of size {size}, {n_boot} resamples each. Truth:",
        f"among the applicants who reached the stage. Intervals promise {PROMISED:.0%}; those of the simulation study",
        f"reach {SIMULATED:.0%}. Means and coverage are over what was not refused.",
        "",
        *lines,
    ]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validity_company", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="companies")
    parser.add_argument("--size", default="demo", choices=list(SIZES))
    parser.add_argument("--n-boot", type=int, default=300, help="resamples a study")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--hidden-information", default="recorded", choices=["recorded", "unrecorded", "none"])
    parser.add_argument("--missing-reviews", default="mcar", choices=["mcar", "mnar"])
    parser.add_argument("--markdown", action="store_true", help=f"also write the tables to {PAGE.name}")
    return parser.parse_args()


def main() -> int:
    """Build, study, print."""
    chosen = arguments()
    options = Options(hidden_information=chosen.hidden_information, missing_reviews=chosen.missing_reviews)
    rows = run(range(1, chosen.seeds + 1), chosen.size, chosen.n_boot, chosen.jobs, options)
    lines = list(lines_of(rows, truth_table(chosen.size, options)))
    print("\n".join(lines))
    if chosen.markdown:
        write_section("company", section(lines, chosen.size, chosen.seeds, chosen.n_boot))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
