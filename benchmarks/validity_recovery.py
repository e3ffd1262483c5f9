"""`python -m benchmarks.validity_recovery`: does the study find a validity that is known?

Scenarios of `validity.simulation` are drawn again and again and each draw goes through `validity.study`; bias, RMSE,
coverage and width of every rung stand beside those of the reference run. The acceptance thresholds come last; one that
is not met makes the exit code 1.

Figures are over the replications where a value was shown, which depends on the data drawn. The share without a value
stands beside them; where the study tells an interval in words instead ("too wide to say: somewhere between …"), rung 3
has a second coverage that counts these intervals too, as the reference run, which refused nearly nothing, does.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.page import PAGE, stamp, table, write_section
from validity.interviewers import interviewer_validity, pooled_validities
from validity.simulation import SCENARIOS, simulate, true_validity_where_scored
from validity.study import Study, study

RUNGS = (1, 2, 3, 4)
CORRECTED = 3
KEYS = ["scenario", "predictor", "rung"]
IN_WORDS = re.compile(r"somewhere between ([−\d.]+) and ([−\d.]+)")
PROMISED = (0.91, 0.97)
"""Coverage of rung 3 that is accepted."""

# Mean / RMSE / coverage in % of rungs 1 to 4, then mean width and % refused of rung 3: the reference run, 1,000 draws.
REFERENCE = """
S0  1 .330/.105/84  .400/.094/94  .400/.093/93  .365/.080/96  .35 0
S1  1 .227/.197/50  .281/.167/80  .396/.169/93  .335/.116/97  .62 0
S1  2 .059/-/-      -/-/-         .242/-/-      .254/-/-      -   -
S1  3 -.102/-/-     -/-/-         .095/-/-      .177/-/-      -   -
S1b 1 .227/.180/6   .279/.136/46  .393/.089/93  .365/.081/95  .34 0
S1b 2 .060/.20/6    -/-/-         .243/.094/94  -/-/-         -   -
S1b 3 -.109/.22/3   -/-/-         .092/.102/93  -/-/-         -   -
S2  1 .204/.216/41  .256/.185/77  .271/.190/85  .264/.162/82  .54 0
S3  1 .204/.216/41  .256/.185/77  .395/.140/93  .347/.106/97  .52 0
S3b 1 .204/.216/41  .256/.185/77  .351/.164/94  .315/.127/95  .59 0
S4  1 .187/.209/46  .241/.182/80  .398/.200/93  .325/.107/98  .73 0
S5  1 .233/.192/52  .289/.162/82  .411/.169/91  .343/.113/96  .61 0
S6  1 .177/.246/35  .236/.214/74  .338/.211/94  .294/.139/97  .75 0
S7  1 .220/.256/86  .267/.249/91  .373/.341/92  .285/.139/99  1.19 34
S8  1 .211/.225/63  .262/.205/84  .387/.255/93  .309/.136/97  .93 0
S9  1 -.098/.139/81 -.120/.171/80 -.003/.203/93 .127/.164/90  .71 0
S10 1 .254/.172/62  .313/.141/88  .404/.178/94  .331/.117/98  .67 0
S11 1 .206/.216/41  .255/.187/75  .397/.168/95  .332/.115/98  .63 0
S12 1 .322/.170/59  .380/.135/86  .528/.141/89  .425/.101/97  .48 0
S13 1 .335/.101/87  .407/.093/94  .409/.093/93  .373/.076/97  .35 0
S14 1 .184/.236/32  .275/.191/87  .389/.211/94  .306/.124/98  .79 9
S15 1 .208/.213/43  .221/.205/53  .317/.176/91  .296/.142/91  .56 0
S16 1 .230/.216/74  .285/.202/89  .381/.254/93  .304/.135/98  .89 2
S17 1 .227/.177/1   .279/.130/29  .394/.072/94  .374/.069/95  .28 0
"""


@dataclass(frozen=True)
class Replication:
    """One draw through the study: its estimates, and what it said beside them.

    Attributes
    ----------
    rows
        (scenario, predictor, rung, value, lo, hi); value NaN where refused, limits then those told in words or NaN.
    unions
        (scenario, predictor, lo, hi) of the union of the intervals over unrecorded information.
    says
        Which of `SENTENCES` it said, `untestable` only beside an extrapolation share of every predictor, and `curve`
        where the curve over unrecorded information is there for every predictor.
    """

    scenario: str
    rows: list[tuple[str, str, int, float, float, float]]
    unions: list[tuple[str, str, float, float]]
    says: frozenset[str]


SENTENCES = {
    "untestable": "no test can check",
    "one rater": "reliability from one rater",
    "unrecorded": "no decision-time score was recorded",
    "unreviewed": "no review",
}
"""Words in the warnings by which a sentence is known."""


def replicate(task: tuple[str, int, int]) -> Replication:
    """Draw a scenario with a seed and study it with so many resamples."""
    name, seed, n_boot = task
    drawn = simulate(SCENARIOS[name], seed)
    found = study(
        drawn.scores,
        drawn.ratings,
        stages=drawn.stages,
        decision_score=drawn.decision_score,
        hired=drawn.hired,
        design=drawn.design,
        n_boot=n_boot,
        seed=seed,
    )
    return noted(name, found)


def noted(name: str, found: Study) -> Replication:
    """What a study found, small enough to send from one process to another."""
    rows = found.estimates[["predictor", "rung", "value", "lo", "hi", "reason"]].itertuples(index=False, name=None)
    union = found.sensitivity[found.sensitivity["kind"] == "union"]
    unions = union[["predictor", "lo", "hi"]].itertuples(index=False, name=None)
    return Replication(
        scenario=name,
        rows=[(name, *row, *limits_told(*told)) for *row, told in ((*r[:3], r[3:]) for r in rows)],
        unions=[(name, *row) for row in unions],
        says=frozenset(said(found)),
    )


def limits_told(lo: float, hi: float, reason: str) -> tuple[float, float]:
    """Limits of an interval, from the words of a refusal where these hold them.

    >>> limits_told(float("nan"), float("nan"), "too wide to say: somewhere between −.35 and .45")
    (-0.35, 0.45)
    """
    words = IN_WORDS.search(reason or "")
    if not words:
        return lo, hi
    low, high = (float(text.replace("−", "-")) for text in words.groups())
    return low, high


def said(found: Study) -> Iterator[str]:
    """What the study said beside its estimates."""
    warnings = " ".join(found.warnings).lower()
    shares = found.diagnostics.get("extrapolation_share", pd.Series(np.nan, found.diagnostics.index))
    yield from (
        name
        for name, words in SENTENCES.items()
        if words in warnings and (name != "untestable" or shares.notna().all())
    )
    curve = found.sensitivity[found.sensitivity["kind"] == "hidden_information"]
    if set(curve["predictor"]) == set(found.estimates["predictor"]):
        yield "curve"


class Seen:
    """All replications of the scenarios that ran, and their summary."""

    def __init__(self, replications: Sequence[Replication], truths: pd.Series[float]) -> None:
        self.replications, self.truths = replications, truths
        self.scenarios = {one.scenario for one in replications}

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """One row per replication × predictor × rung, with the truth and whether the interval holds it."""
        rows = [row for one in self.replications for row in one.rows]
        frame = pd.DataFrame(rows, columns=[*KEYS, "value", "lo", "hi"]).astype({"value": float})
        truth = self.truths.loc[pd.MultiIndex.from_frame(frame[KEYS[:2]])].to_numpy()
        return frame.assign(truth=truth, error=frame["value"] - truth, **_holds(frame, truth))

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per scenario × predictor × rung; `error` is the Monte-Carlo error of the bias."""
        groups = self.estimates.groupby(KEYS, sort=False)
        return pd.DataFrame(
            {
                "n": groups["value"].count(),
                "n_told": groups["told"].sum(),
                "true": groups["truth"].first(),
                "mean": groups["value"].mean(),
                "bias": groups["error"].mean(),
                "error": groups["error"].sem(),
                "rmse": np.sqrt((self.estimates["error"] ** 2).groupby([self.estimates[key] for key in KEYS]).mean()),
                "coverage": groups["holds"].mean(),
                "width": groups["width"].mean(),
                "refused": 1 - groups["value"].count() / groups.size(),
                "in_words": groups["told"].sum() / groups.size() - groups["value"].count() / groups.size(),
                "coverage_told": groups["told_holds"].mean(),
            }
        ).loc[groups.size().index]

    def rung(self, scenario: str, rung: int = CORRECTED) -> pd.DataFrame:
        """Summary of one scenario and rung, one row a predictor."""
        summary = self.summary.reset_index()
        return summary[(summary["scenario"] == scenario) & (summary["rung"] == rung)].set_index("predictor")

    def share(self, scenario: str, *things: str) -> float:
        """Share of a scenario's replications that said all of these things."""
        return float(np.mean([one.says.issuperset(things) for one in self.replications if one.scenario == scenario]))

    def union_coverage(self, scenario: str) -> pd.Series[float]:
        """By predictor, share of the replications whose union interval is shown and holds the truth."""
        rows = [row for one in self.replications if one.scenario == scenario for row in one.unions]
        frame = pd.DataFrame(rows, columns=["scenario", "predictor", "lo", "hi"])
        truth = self.truths.loc[pd.MultiIndex.from_frame(frame[KEYS[:2]])].to_numpy()
        inside = (frame["lo"] <= truth) & (truth <= frame["hi"])
        n = sum(one.scenario == scenario for one in self.replications)
        return inside.groupby(frame["predictor"]).sum() / n


def _holds(frame: pd.DataFrame, truth: npt.NDArray[np.floating[Any]]) -> dict[str, pd.Series]:
    inside = ((frame["lo"] <= truth) & (truth <= frame["hi"])).astype(float)
    shown, told = frame["value"].notna(), frame["lo"].notna()
    return {
        "holds": inside.where(shown),
        "width": (frame["hi"] - frame["lo"]).where(shown),
        "told": told,
        "told_holds": inside.where(told),
    }


@dataclass(frozen=True)
class Check:
    """One acceptance threshold: what is asked, in which scenarios, and how it is judged (passed, the figure seen)."""

    asked: str
    scenarios: tuple[str, ...]
    judge: Callable[[Seen], tuple[bool, str]]


def small_bias(name: str) -> Check:
    """Rung 3 is right on average."""

    def judge(seen: Seen) -> tuple[bool, str]:
        rows = seen.rung(name)
        text = ", ".join(f"{row.bias:+.3f} ± {row.error:.3f}" for row in rows.itertuples())
        return bool((rows["bias"].abs() <= 0.015).all()), text

    return Check(f"{name}: rung 3, bias of every attribute at most .015 either way", (name,), judge)


def honest_coverage(name: str, column: str) -> Check:
    """The intervals of rung 3 hold the truth of every attribute as often as said."""
    among = "shown" if column == "coverage" else "shown or told in words"

    def judge(seen: Seen) -> tuple[bool, str]:
        rows = seen.rung(name)
        found = rows[column]
        n = rows["n"].min() if column == "coverage" else rows["n_told"].min()
        error = float(np.sqrt(0.95 * 0.05 / max(n, 1)))
        left_out = rows["refused"] if column == "coverage" else rows["refused"] - rows["in_words"]
        text = f"{_shares(found)} (Monte-Carlo error {error:.1%}); left out {_shares(left_out)}"
        return bool(found.between(*PROMISED).all()), text

    return Check(f"{name}: rung 3 covers 91–97 % for every attribute, of intervals {among}", (name,), judge)


def small_error(seen: Seen) -> tuple[bool, str]:
    rmse = seen.rung("S1b")["rmse"]
    ratio = float((rmse / seen.rung("S1b", 1)["rmse"]).mean())
    return bool((rmse <= 0.11).all()) and ratio <= 0.6, f"{_listed(rmse)}; {ratio:.2f} of rung 1"


def right_sign(seen: Seen) -> tuple[bool, str]:
    mean = float(seen.rung("S1b")["mean"].iloc[2])
    return mean > 0, f"{mean:+.3f} (rung 1 {seen.rung('S1b', 1)['mean'].iloc[2]:+.3f})"


def recorded_decision_helps(seen: Seen) -> tuple[bool, str]:
    without, recorded = (seen.rung(name)["bias"].abs().mean() for name in ("S2", "S3"))
    removed = 1 - recorded / without
    return removed >= 0.8, f"{removed:.0%} removed (mean absolute bias {without:.3f} → {recorded:.3f})"


def few_hires_are_refused(seen: Seen) -> tuple[bool, str]:
    rows = seen.rung("S7")
    return bool((rows["refused"] >= 0.3).all()), f"{_shares(rows['refused'])} without a value"


def always_said(scenario: str, *things: str) -> Callable[[Seen], tuple[bool, str]]:
    """The study says these things in every replication."""

    def judge(seen: Seen) -> tuple[bool, str]:
        share = seen.share(scenario, *things)
        return share == 1, f"in {share:.0%}"

    return judge


def union_covers(seen: Seen) -> tuple[bool, str]:
    shown = seen.share("S2", "curve")
    holds = seen.union_coverage("S2")
    complete = len(holds) == len(SCENARIOS["S2"].predictors)
    return shown == 1 and complete and bool((holds >= 0.93).all()), f"shown in {shown:.0%}, holds {_shares(holds)}"


def interviewers_are_pooled(_: Seen) -> tuple[bool, str]:
    """Experiment C of the simulation study: 20 interviewers with about 12 reviewed hires each."""
    rng = np.random.default_rng(12)
    squares, unranked = [], True
    for _draw in range(500):
        rho = np.repeat(np.clip(rng.normal(0.25, 0.10, 20), -0.9, 0.9), 12)
        score = rng.standard_normal(len(rho))
        rating = rho * score + np.sqrt(1 - rho**2) * rng.standard_normal(len(rho))
        who = [f"i{number:02d}" for number in np.repeat(np.arange(20), 12)]
        pairs = pd.DataFrame({"interviewer_id": who, "score": score, "rating": rating})
        squares.append((pooled_validities(pairs)["validity"].to_numpy() - rho[::12]) ** 2)
        shown = interviewer_validity(pairs)
        unranked &= "r" not in shown and bool(shown["interviewer_id"].is_monotonic_increasing)
    rmse = float(np.sqrt(np.mean(squares)))
    return rmse <= 0.15 and unranked, f"{rmse:.3f}; {'in order of id, without raw r' if unranked else 'ranked'}"


CHECKS = (
    small_bias("S1b"),
    small_bias("S17"),
    *(honest_coverage(name, "coverage") for name in ("S1", "S1b", "S3", "S9", "S11")),
    *(honest_coverage(name, "coverage_told") for name in ("S1", "S3", "S9", "S11")),
    Check(
        "S1b: rung 3, RMSE of every attribute at most .11 and on average at most .6 of rung 1", ("S1b",), small_error
    ),
    Check("S1b: rung 3, mean of attribute 3 above 0", ("S1b",), right_sign),
    Check(
        "S3: a recorded decision score removes at least 80 % of the bias of S2", ("S2", "S3"), recorded_decision_helps
    ),
    Check("S7: no value of rung 3 for any attribute in at least 30 %", ("S7",), few_hires_are_refused),
    Check(
        "S12: linearity is called untestable beside the extrapolation share, always",
        ("S12",),
        always_said("S12", "untestable"),
    ),
    Check("S15: warns of a reliability from one rater, always", ("S15",), always_said("S15", "one rater")),
    Check(
        "S2: the curve over unrecorded information is shown; its union holds every truth in 93 %", ("S2",), union_covers
    ),
    Check(
        "S2 fails and must say so: no decision-time score, rung 3 is biased", ("S2",), always_said("S2", "unrecorded")
    ),
    Check(
        "S6 fails and must say so: hires have no review, perhaps the worst ones",
        ("S6",),
        always_said("S6", "unreviewed"),
    ),
    Check(
        "Interviewers, 20 with 12 reviewed hires: RMSE at most .15, no ranking on raw r", (), interviewers_are_pooled
    ),
)


def _shares(values: Iterable[float]) -> str:
    return " / ".join("–" if np.isnan(value) else f"{value:.1%}" for value in values)


def _listed(values: Iterable[float]) -> str:
    return " / ".join(f"{value:.3f}" for value in values)


def reference() -> pd.DataFrame:
    """The reference table, one row per scenario × predictor × rung: a text, and width and refusals of rung 3.

    Only what the reference prints is there.
    """
    rows = []
    for line in REFERENCE.strip().splitlines():
        scenario, attribute, *cells, width, refused = line.split()
        for rung, cell in zip(RUNGS, cells, strict=True):
            if cell != "-/-/-":
                extra = f"/{width}/{refused}" if rung == CORRECTED else ""
                rows.append((scenario, f"attribute_{attribute}", rung, f"{cell}{extra}"))
    return pd.DataFrame(rows, columns=[*KEYS, "reference"]).set_index(KEYS)


def rows_of(summary: pd.DataFrame) -> Iterator[dict[str, str]]:
    """A summary beside the reference, one row per scenario × predictor × rung."""
    for row in summary.join(reference()).fillna({"reference": ""}).reset_index().to_dict("records"):
        is_corrected = row["rung"] == CORRECTED
        yield {
            "scenario": row["scenario"],
            "attribute": row["predictor"].removeprefix("attribute_"),
            "rung": row["rung"],
            "true": f"{row['true']:.3f}",
            "mean": number(row["mean"], ".3f"),
            "bias": number(row["bias"], "+.3f"),
            "RMSE": number(row["rmse"], ".3f"),
            "coverage": number(row["coverage"], ".1%"),
            "width": number(row["width"], ".2f"),
            "no value": f"{row['refused']:.0%}",
            "in words": f"{row['in_words']:.0%}" if is_corrected else "",
            "coverage with those": number(row["coverage_told"], ".1%") if is_corrected else "",
            "reference: mean/RMSE/coverage/width/refused": row["reference"],
        }


def number(value: float, form: str) -> str:
    """A figure, or a dash where there is none."""
    return format(value, form) if np.isfinite(value) else "–"


def judged(seen: Seen) -> Iterator[tuple[bool, str]]:
    """Every threshold whose scenarios ran: whether it is met, and a line that says so with the figure seen."""
    for check in CHECKS:
        if seen.scenarios.issuperset(check.scenarios):
            passed, figure = check.judge(seen)
            yield passed, f"| {check.asked} | {figure} | {'pass' if passed else '**fail**'} |"


def run(scenarios: Sequence[str], replications: int, n_boot: int, jobs: int) -> list[Replication]:
    """All replications in several processes, in order; a line on stderr says how far it is."""
    tasks = [(name, seed, n_boot) for name in scenarios for seed in range(replications)]
    done: list[Replication] = []
    # Fresh processes read this when they import numpy; several of them with threads would only wait for each other.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with get_context("spawn").Pool(jobs) as pool:
        for one in pool.imap(replicate, tasks, chunksize=5):
            done.append(one)
            if len(done) % 10 == 0 or len(done) == len(tasks):
                print(f"\r{one.scenario}: {len(done):,} of {len(tasks):,}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return done


def truths_of(scenarios: Sequence[str]) -> pd.Series[float]:
    """True validity by scenario and predictor, among those who were scored."""
    return pd.concat({name: true_validity_where_scored(SCENARIOS[name]) for name in scenarios})


def section(seen: Seen, verdicts: Sequence[tuple[bool, str]], replications: int, n_boot: int) -> list[str]:
    """What the page of measurements says: every row, and the thresholds."""
    n_failed = sum(not passed for passed, _ in verdicts)
    missing = [name for name in SCENARIOS if name not in seen.scenarios]
    return [
        "## Recovery of a known validity",
        "",
        f"`python -m benchmarks.validity_recovery --replications {replications} --n-boot {n_boot}`. {stamp()}"
        " Truth: among the applicants who reached the score's stage.",
        f"**{n_failed} of {len(verdicts)} thresholds are not met.**" if n_failed else "All thresholds are met.",
        *([f"Not run: {', '.join(missing)}."] if missing else []),
        "",
        "Mean, bias, RMSE, coverage and width are over the replications that showed a value, and whether one is shown"
        " depends on the data: the draws with a low reliability or a wide interval are missing from them. *No value* is"
        " the share of all replications without one, *in words* the share of all that tell an interval only (“too wide"
        " to say: somewhere between …”), and *coverage with those* counts these intervals too. The reference refused"
        " nearly nothing, so that is what its coverage compares with. In S15 the study takes reliability from the"
        " literature; the reference took one rater twice for two.",
        "",
        *table(list(rows_of(seen.summary))),
        "",
        *thresholds(verdicts),
    ]


def thresholds(verdicts: Sequence[tuple[bool, str]]) -> list[str]:
    """The acceptance thresholds as a table."""
    return ["| threshold | seen | |", "|---|---|---|", *(line for _, line in verdicts)]


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.validity_recovery",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="comma-separated [default: all]")
    parser.add_argument("--replications", type=int, default=500, help="a scenario; the thresholds are meant for 500")
    parser.add_argument("--n-boot", type=int, default=300, help="resamples a replication")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--markdown", action="store_true", help=f"also write the table to {PAGE.name}")
    chosen = parser.parse_args()
    chosen.scenarios = chosen.scenarios.split(",")
    unknown = [name for name in chosen.scenarios if name not in SCENARIOS]
    if unknown:
        parser.error(f"`--scenarios`: {', '.join(unknown)}, expected some of {', '.join(SCENARIOS)}")
    return chosen


def main() -> int:
    """Simulate, print, judge; 1 when a threshold is not met."""
    chosen = options()
    replications = run(chosen.scenarios, chosen.replications, chosen.n_boot, chosen.jobs)
    seen = Seen(replications, truths_of(chosen.scenarios))
    verdicts = list(judged(seen))
    print("\n".join([*table(list(rows_of(seen.summary))), "", *thresholds(verdicts)]))
    if chosen.markdown:
        write_section("recovery", section(seen, verdicts, chosen.replications, chosen.n_boot))
    return int(not all(passed for passed, _ in verdicts))


if __name__ == "__main__":
    raise SystemExit(main())
