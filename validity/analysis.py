"""All result tables from the marts: every technique in every job family, four rungs, and what follows from them.

One study a job family with all its techniques together, one for all families (everything within families), one for
every attribute; then pooling over families, verdicts, and the tables that a report reads. `Results` names the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from validity.attenuation import spearman_brown
from validity.consequences import expectancy_rows, incremental_rows, power_row, scatter_rows, worst_case_rows
from validity.families import (
    ALL_FAMILIES,
    DECISION,
    OVERALL,
    VARIANTS,
    Marts,
    StudyInputs,
    attribute_inputs,
    attributes_of,
    technique_inputs,
    techniques_of,
    without_leniency,
)
from validity.literature import Reference, reference_of
from validity.multiplicity import adjust
from validity.pooling import MIN_UNITS_FOR_POOLING, pool
from validity.power import minimum_detectable_validity
from validity.ratings import Stated
from validity.records import records
from validity.sample import stages_of
from validity.study import Study, study
from validity.thresholds import FALSE_DISCOVERY_RATE, MIN_CRITERION_RELIABILITY, OBSERVED_CORRELATION
from validity.verdict import verdict_sentence, verdict_word

DEFINITION_VERSION = "2"
CRITERION = "performance_rating_z"
METRICS = {1: "r_obs", 2: "r_crit", 3: "r_rr", 4: "r_pooled"}
FACTS_OF_RUNG = {"p_value": 3, "q_value": 3, "probability_positive": 4, "lo_rater_aware": 3, "hi_rater_aware": 3}
"""Columns that diagnostics give, each to one rung that has a value."""
N_BOOT = 300
N_BOOT_ATTRIBUTES = 200
N_BOOT_INDEPENDENT = 100
"""Resamples of the variant without raters who interviewed the hire, which stands beside the main one."""

Progress = Callable[[str], None]


@dataclass
class Results:
    """The result tables, rows as dictionaries until `frames` makes them."""

    estimates: list[dict[str, Any]] = field(default_factory=list)
    reliability: list[dict[str, Any]] = field(default_factory=list)
    diagnostics: list[dict[str, Any]] = field(default_factory=list)
    sensitivity: list[dict[str, Any]] = field(default_factory=list)
    incremental: list[dict[str, Any]] = field(default_factory=list)
    power: list[dict[str, Any]] = field(default_factory=list)
    expectancy: list[dict[str, Any]] = field(default_factory=list)
    scatter: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Part:
    """One study of a family and what it was made from; `reliability` of one rater, its own or else the firm's."""

    family: str
    variant: str
    marts: Marts
    inputs: StudyInputs
    found: Study
    reliability: Stated | None


def analyse(
    marts: Marts, as_of: datetime, *, seed: int = 0, n_boot: int = N_BOOT, progress: Progress = lambda sentence: None
) -> Results:
    """Every result the marts allow.

    Parameters
    ----------
    marts
        See `Marts`.
    as_of
        State of the data, aware UTC time.
    seed, n_boot
        Of the bootstrap; the same seed gives the same digits.
    progress
        Told what is being estimated.

    Returns
    -------
    Results
        Rows of the tables of schema `validity`, small cells not yet suppressed.
    """
    marts = marts.prepared()
    results = Results()
    parts = list(_studies(marts, seed, n_boot, progress))
    for part in parts:
        _add_study(results, part)
    _pool_over_families(results.estimates, results.diagnostics)
    for part in parts:
        if part.variant == VARIANTS[0]:
            progress(f"attributes, {part.family}")
            _add_attributes(results, part, seed)
            _add_leniency(results, part, seed)
    _add_verdicts(results.estimates)
    for part in parts:
        if part.variant == VARIANTS[0]:
            _add_consequences(results, part, as_of)
    return results


def _studies(marts: Marts, seed: int, n_boot: int, progress: Progress) -> Iterator[_Part]:
    """All families together first: their criterion reliability stands in where a family has none of its own."""
    firm: dict[str, Stated | None] = {}
    families = marts.families()
    for family in [ALL_FAMILIES, *families]:
        mine = marts.of(family)
        stages = _stages(marts, families) if family == ALL_FAMILIES else None
        for variant in VARIANTS:
            if not techniques_of(mine):
                continue
            progress(f"{family.replace('_', ' ')}, {variant.replace('_', ' ')}")
            inputs = technique_inputs(mine, family, variant)
            elsewhere = None if family == ALL_FAMILIES else firm.get(variant)
            drawn = n_boot if variant == VARIANTS[0] else min(n_boot, N_BOOT_INDEPENDENT)
            found = study(**inputs.arguments, stages=stages, firm_reliability=elsewhere, n_boot=drawn, seed=seed)
            own = _of_one_rater(found, inputs)
            if family == ALL_FAMILIES:
                firm[variant] = own
            yield _Part(family, variant, mine, inputs, found, own or elsewhere)


def _stages(marts: Marts, families: list[str]) -> dict[str, float]:
    """Stage numbers for all families together: the latest that any family's missing scores imply.

    How many were scored with a technique says nothing about its stage where families use different techniques.
    """
    stages: dict[str, float] = {}
    for family in families:
        mine = marts.of(family)
        if not techniques_of(mine):
            continue
        inputs = technique_inputs(mine, family, VARIANTS[0])
        for name, stage in stages_of(inputs.scores, (DECISION,)).items():
            stages[name] = max(stages.get(name, 0.0), stage)
    return stages


def _of_one_rater(found: Study, inputs: StudyInputs) -> Stated | None:
    """Reliability of one rater's rating and its resamples, stepped down from that of the criterion."""
    row = found.reliability.iloc[0]
    if row["status"] != "ok":
        return None
    mean_inverse = float((1 / inputs.ratings.groupby("person_id")["rater_id"].nunique()).mean())
    drawn = found.resampled_reliability
    possible = drawn[drawn > 0]  # a resample without a reliability is none that anybody would lend
    stepped = spearman_brown(np.minimum(possible, 1.0), mean_inverse)
    return Stated(spearman_brown(min(float(row["value"]), 1.0), mean_inverse), stepped)


def _add_study(results: Results, part: _Part) -> None:
    keys = {"job_family": part.family, "variant": part.variant}
    about = {"criterion": CRITERION}
    facts = _by_predictor(part.found)
    for row in records(part.found.estimates):
        technique = str(row.pop("predictor"))
        named = {"technique": technique, "attribute": OVERALL, **keys, **about}
        results.estimates.append(_estimate_row(row, named, facts[technique]) | _counts(part, technique))
    results.reliability += [{**keys, **about, **row} for row in records(part.found.reliability)]
    for row in records(part.found.diagnostics):
        results.diagnostics.append({"technique": row.pop("predictor"), **keys, **row})
    if part.variant == VARIANTS[0]:
        for row in records(part.found.sensitivity):
            results.sensitivity.append({"technique": row.pop("predictor"), "job_family": part.family, **row})
        results.warnings += [{"job_family": part.family, "sentence": text} for text in part.found.warnings]


def _by_predictor(found: Study) -> dict[str, dict[str, Any]]:
    return {str(row["predictor"]): row for row in records(found.diagnostics)}


def _estimate_row(row: Mapping[str, Any], keys: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `validity_estimates` from one of `Study.estimates` and the predictor's diagnostics."""
    rung, n = int(row["rung"]), int(row["n_rated"])
    has_literature, has_value = keys["attribute"] == OVERALL, bool(np.isfinite(row["value"]))
    return {
        **keys,
        "rung": rung,
        "metric": METRICS[rung],
        **{name: row[name] for name in ("value", "lo", "hi", "level")},
        "n": n,
        "n_applicants": int(row["n_applicants"]),
        **{name: row[name] for name in ("method", "status", "reason")},
        **{name: facts.get(name, np.nan) if rung == of and has_value else np.nan for name, of in FACTS_OF_RUNG.items()},
        **_literature(reference_of(str(keys["technique"])) if has_literature else None),
        "mdv": minimum_detectable_validity(n) if n > 3 else np.nan,
        "n_contaminated": 0,
        "n_same_rater": 0,
    }


def _literature(reference: Reference | None) -> dict[str, Any]:
    return {
        "literature_value": reference.value if reference else np.nan,
        "literature_lo": reference.lo if reference else np.nan,
        "literature_hi": reference.hi if reference else np.nan,
        "literature_source": f"{reference.procedure}: {reference.source}" if reference else None,
    }


def _counts(part: _Part, technique: str) -> dict[str, int]:
    """Reviewed hires left out because their score came after the decision, and those rated by an interviewer."""
    late = part.marts.contaminated
    n_late = int(late.loc[late["technique"] == technique, "n_contaminated"].sum())
    if part.variant != VARIANTS[0]:
        return {"n_contaminated": n_late, "n_same_rater": 0}
    ratings = part.marts.ratings
    same = ratings.loc[ratings["rater_was_interviewer"] & (ratings["source"] == "criterion"), "person_id"]
    scored = part.inputs.scores.hired[technique].dropna().index
    return {"n_contaminated": n_late, "n_same_rater": int(scored.isin(same).sum())}


def _pool_over_families(estimates: list[dict[str, Any]], diagnostics: list[dict[str, Any]]) -> None:
    """Rung 4 of techniques with a rung 3 in enough families: drawn toward each other instead of toward the prior."""
    spread = {(row["technique"], row["job_family"], row["variant"]): row for row in diagnostics}
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in estimates:
        if row["rung"] == 4 and np.isfinite(row["value"]) and row["job_family"] != ALL_FAMILIES:
            groups.setdefault((row["technique"], row["variant"]), []).append(row)
    for rows in groups.values():
        if len(rows) < MIN_UNITS_FOR_POOLING:
            continue
        facts = [spread[row["technique"], row["job_family"], row["variant"]] for row in rows]
        pooled = pool([one["z"] for one in facts], [one["z_se"] for one in facts], level=rows[0]["level"])
        for number, row in enumerate(rows):
            value, lo, hi = (float(np.tanh(part[number])) for part in (pooled.mean, pooled.lo, pooled.hi))
            row |= {
                "value": value,
                "lo": lo,
                "hi": hi,
                "method": f"{row['method'].split('+prior')[0]}+pooled_over_{len(rows)}_job_families",
                "probability_positive": float(pooled.probability_positive[number]),
            }


def _add_attributes(results: Results, part: _Part, seed: int) -> None:
    for technique in techniques_of(part.marts):
        for attribute in attributes_of(part.marts, technique):
            inputs = attribute_inputs(part.marts, part.family, technique, attribute)
            known = part.reliability
            found = study(**inputs.arguments, firm_reliability=known, n_boot=N_BOOT_ATTRIBUTES, seed=seed, rho_grid=())
            facts = _by_predictor(found)[attribute]
            keys = {"technique": technique, "attribute": attribute, "job_family": part.family}
            keys |= {"variant": part.variant, "criterion": CRITERION}
            results.estimates += [_estimate_row(row, keys, facts) for row in records(found.estimates)]


def _add_leniency(results: Results, part: _Part, seed: int) -> None:
    """Rung 3 with raters' leniency taken out of the criterion: the other end of the bracket.

    How reliable that criterion is comes from its own components: what others said is no second opinion on a score that
    is shrunken already.
    """
    reliability = part.found.reliability.iloc[0]
    if len(part.inputs.ratings) < OBSERVED_CORRELATION.estimable or not np.isfinite(reliability["value"]):
        return
    made = without_leniency(part.inputs.ratings, float(reliability["value"]))
    if not MIN_CRITERION_RELIABILITY <= made.reliability <= 1:
        return
    nobody = part.inputs.other_ratings.iloc[:0]
    arguments = replace(part.inputs, ratings=made.ratings, other_ratings=nobody).arguments
    found = study(**arguments, firm_reliability=made.reliability, n_boot=0, seed=seed, rho_grid=(0.0,))
    at_zero = found.sensitivity[
        (found.sensitivity["kind"] == "hidden_information") & (found.sensitivity["setting"] == 0)
    ]
    about = {"job_family": part.family, "kind": f"leniency_removed_{made.method}", "setting": np.nan}
    for row in records(at_zero):
        numbers = {"value": row["value"], "lo": np.nan, "hi": np.nan}
        results.sensitivity.append({"technique": row["predictor"], **about, **numbers})


def _add_verdicts(estimates: list[dict[str, Any]]) -> None:
    """Words by one rule; q values within job family × variant over techniques and attributes, one family of tests."""
    frame = pd.DataFrame(estimates)
    if frame.empty:
        return
    frame["position"] = range(len(frame))
    keys = ["technique", "attribute", "job_family", "variant"]
    thirds = frame[(frame["rung"] == 3) & frame["p_value"].notna()]
    usable = frame[(frame["rung"] == 4) & frame["value"].notna()][keys]
    tested = thirds.merge(usable, on=keys)
    q: dict[tuple[str, ...], float] = {}
    for _, rows in tested.groupby(["job_family", "variant"]):
        adjusted = adjust(rows["p_value"].to_numpy(dtype=float), "bh").p_adjusted
        q |= dict(zip(rows[keys].itertuples(index=False, name=None), adjusted, strict=True))
    for _, rows in frame.groupby(keys, sort=False):
        by_rung = {estimates[at]["rung"]: estimates[at] for at in rows["position"]}
        key = tuple(by_rung[1][name] for name in keys)
        by_rung[3]["q_value"] = q.get(key, np.nan)
        last = by_rung[4]
        survives = q.get(key, 1.0) <= FALSE_DISCOVERY_RATE
        word = verdict_word(last["value"], last["lo"], last["hi"], last["probability_positive"], survives)
        sentence = verdict_sentence(word, by_rung)
        for row in by_rung.values():
            row |= {"verdict": word, "verdict_sentence": sentence}


def _add_consequences(results: Results, part: _Part, as_of: datetime) -> None:
    """Power, expectancy, scatter, bounds and what dropping a technique would lose."""
    rungs: dict[str, dict[int, dict[str, Any]]] = {}
    for row in results.estimates:
        is_mine = row["job_family"] == part.family and row["variant"] == part.variant and row["attribute"] == OVERALL
        if is_mine:
            rungs.setdefault(row["technique"], {})[row["rung"]] = row
    hours = part.marts.hours.set_index("technique")
    rated_a_year = hours["rated_hires_per_year"].astype(float).to_dict()
    for technique, by_rung in rungs.items():
        keys = {"technique": technique, "job_family": part.family}
        pairs = _pairs(part, technique)
        bins = part.marts.bins[part.marts.bins["technique"] == technique]
        results.power.append({**keys, **power_row(by_rung, rated_a_year.get(technique, 0.0), as_of)})
        results.expectancy += [{**keys, **row} for row in expectancy_rows(pairs, by_rung[4])]
        results.scatter += [{**keys, **row} for row in scatter_rows(bins)]
        results.sensitivity += [{**keys, **row} for row in worst_case_rows(pairs, bins)]
    for row in incremental_rows(part.found, hours, {t: r[1]["n"] for t, r in rungs.items()}):
        results.incremental.append({"job_family": part.family, **row})


def _pairs(part: _Part, technique: str) -> pd.DataFrame:
    """Score and criterion of each reviewed hire with a clean score of the technique."""
    wide = part.inputs.scores.hired
    if technique not in wide or technique == DECISION:
        return pd.DataFrame({"score": [], "rating": []})
    rating = part.inputs.ratings.groupby(["person_id", "rater_id"])["value"].mean().groupby("person_id").mean()
    return pd.DataFrame({"score": wide[technique], "rating": rating.reindex(wide.index)}).dropna()
