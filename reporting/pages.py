"""What each page shows, made from the tables: the contexts of the templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from reporting import answer, decision_figures, figures, health, prose, technique_figures, validity_figures, words
from reporting.figures import Figure, Panel, Table
from reporting.findings import Findings, gather
from reporting.frames import (
    CHECKS,
    COVERAGE,
    ESTIMATES,
    FUNNEL,
    LATENCY,
    LOAD,
    MAPPING,
    MATCH_RATES,
    QUALITY,
    RECONCILIATION,
    RELIABILITY,
    REVIEW_COVERAGE,
    SCORECARDS,
    STREAMS,
    WARNINGS,
)
from reporting.ladder import (
    ALL_FAMILIES,
    CONTRADICTED,
    EVERYBODY,
    INCONCLUSIVE,
    OBSERVED,
    POOLED,
    PROMISING,
    RULE,
    SUPPORTED,
    Technique,
    families,
    rungs_explained,
    techniques,
)
from reporting.words import correlation, correlation_interval, count, people, percent

Tables = dict[str, pd.DataFrame]
_MARKS = {SUPPORTED: "seen", PROMISING: "half", INCONCLUSIVE: "open", CONTRADICTED: "against"}
_VARIANTS = {"all_raters": "all raters", "independent_raters": "raters known not to have interviewed the hire"}


@dataclass(frozen=True)
class Verdict:
    """One line of the verdict table."""

    key: str
    label: str
    word: str
    mark: str
    observed: str
    pooled: str
    n: str
    change: str


@dataclass(frozen=True)
class Section:
    """One technique on its page."""

    verdict: Verdict
    paragraphs: Sequence[tuple[str, str]]
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class FamilyCell:
    """One technique in one job family: the pooled value never without the observed one."""

    word: str
    mark: str
    pooled: str
    below: str
    few_raters: str = ""


@dataclass(frozen=True)
class Families:
    """Technique × job family, and what the rungs are there."""

    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[FamilyCell]]]
    rungs: str
    has_few_raters: bool


def index(tables: Tables) -> dict[str, Any]:
    found = gather(tables)
    all_techniques = [one.technique for one in found]
    forest, coverage = validity_figures.ladder(all_techniques), figures.coverage(tables[COVERAGE])
    return {
        "summary": answer.summary(all_techniques),
        "verdicts": [_verdict(one) for one in found],
        "rule": RULE,
        "rungs": rungs_explained(all_techniques),
        "hidden": prose.HIDDEN,
        "raters": prose.other_raters(found, tables[QUALITY]),
        "forest": forest,
        "coverage": coverage,
        "families": _families(tables[ESTIMATES]),
        "cannot_claim": answer.CANNOT_CLAIM,
        "figures": [forest, coverage],
    }


def technique_sections(tables: Tables) -> dict[str, Any]:
    found = gather(tables)
    sections = [_section(one) for one in found]
    return {
        "sections": sections,
        "rule": RULE,
        "rungs": rungs_explained(one.technique for one in found),
        "figures": [figure for section in sections for figure in section.figures],
    }


def decisions(tables: Tables) -> dict[str, Any]:
    found = gather(tables)
    dropping = decision_figures.dropping(found)
    as_of = data_of(tables[ESTIMATES])
    return {
        "dropping": dropping,
        "not_dropping": _why_no_loss(found),
        "precision": decision_figures.precision(found, None if as_of is None else pd.Timestamp(as_of)),
        "reliability": _reliability(tables[RELIABILITY]),
        "diagnostics": _diagnostics(found),
        "warnings": _warnings(tables[WARNINGS], tables[ESTIMATES]),
        "figures": [dropping],
    }


def process(tables: Tables) -> dict[str, Any]:
    made: dict[str, Figure | None] = {
        "funnel": figures.funnel(tables[FUNNEL]),
        "load": figures.load(tables[LOAD]),
        "latency": figures.latency(tables[SCORECARDS]),
        "latency_months": figures.latency_by_month(tables[LATENCY]),
    }
    return made | {
        "stages": figures.funnel_by_quarter(tables[FUNNEL]),
        "after_decision": _after_decision(tables[SCORECARDS]),
        "figures": list(made.values()),
    }


def data_health(tables: Tables) -> dict[str, Any]:
    made: dict[str, Figure | None] = {
        "match_rates": figures.match_rates(tables[MATCH_RATES]),
        "reconciliation": figures.reconciliation(tables[RECONCILIATION]),
    }
    return made | {
        "checks": health.checks(tables[CHECKS]),
        "streams": health.streams(tables[STREAMS]),
        "quality": health.quality(tables[QUALITY]),
        "unmapped": health.unmapped(tables[MAPPING]),
        "reviews": health.reviews(tables[REVIEW_COVERAGE]),
        "figures": list(made.values()),
    }


def data_of(estimates: pd.DataFrame) -> datetime | None:
    """State of the data behind the estimates."""
    newest = pd.to_datetime(estimates["as_of"], utc=True).max()
    return None if pd.isna(newest) else newest.to_pydatetime()


def lineage_of(estimates: pd.DataFrame) -> str:
    """The lineage behind the estimates, where there is one only."""
    known = estimates["lineage_id"].dropna().unique()
    return str(known[0]) if len(known) == 1 else ""


def every_figure(page: dict[str, Any]) -> list[Figure]:
    """Every figure on a page, those in panels too."""
    panels = [part for part in page.values() if isinstance(part, Panel)]
    return [f for f in page["figures"] if f is not None] + [f for panel in panels for f in panel.figures]


def _verdict(findings: Findings) -> Verdict:
    one = findings.technique
    return Verdict(
        key=one.key,
        label=one.label,
        word=one.verdict,
        mark=_MARKS.get(one.verdict, ""),
        observed=one.rungs[OBSERVED].text() or words.NOTHING,
        pooled=one.rungs[POOLED].text() or words.NOTHING,
        n=people(one.n),
        change=prose.short_change(findings),
    )


def _section(findings: Findings) -> Section:
    made = (technique_figures.expectancy, technique_figures.scatter, technique_figures.sensitivity)
    drawn = tuple(figure for make in made if (figure := make(findings)) is not None)
    return Section(_verdict(findings), prose.paragraphs(findings), drawn)


def _families(estimates: pd.DataFrame) -> Families | None:
    """Technique × job family; nothing where there is only one family."""
    names = families(estimates)
    if len(names) < 2:
        return None
    found = [one for name in names for one in techniques(estimates, name)]
    cells = {(one.key, one.family): _family_cell(one) for one in found}
    labels = {key: words.name_of(key, words.TECHNIQUES) for key, _ in cells}
    empty = FamilyCell(words.NOTHING, "", "", "not used")
    grid = [
        (label, [cells.get((key, name), empty) for name in names])
        for key, label in sorted(labels.items(), key=lambda item: item[1])
    ]
    heads = [name.replace("_", " ").capitalize() for name in names]
    return Families(heads, grid, rungs_explained(found), any(cell.few_raters for cell in cells.values()))


def _family_cell(one: Technique) -> FamilyCell:
    observed = one.rungs[OBSERVED]
    n = f"n {people(one.n)}" if one.n is not None else "few"
    below = f"observed {correlation(observed.value)} · {n}" if observed.value is not None else n
    aware = one.rater_aware
    few_raters = aware.text() or correlation_interval(aware.lo, aware.hi) if aware.lo is not None else ""
    return FamilyCell(one.verdict, _MARKS.get(one.verdict, ""), one.rungs[POOLED].text(), below, few_raters)


def _why_no_loss(found: Sequence[Findings]) -> str:
    reasons = sorted({one.loss.lost.reason for one in found if one.loss.lost.value is None and one.loss.lost.reason})
    return "; ".join(reasons[:2])


def _reliability(frame: pd.DataFrame) -> Table:
    """By all raters; by the independent ones over all job families only, where there are enough of them."""
    rows = frame.assign(is_part=frame["job_family"] != ALL_FAMILIES).sort_values(["is_part", "job_family", "variant"])
    rows = rows[~rows["is_part"] | (rows["variant"] == EVERYBODY)]
    return Table(
        ("Job family", "Ratings by", "Reliability", "95 % interval", "How", "Hires with two", "Raters", "Note"),
        tuple(
            (
                _family_name(row.job_family),
                words.name_of(row.variant, _VARIANTS),
                correlation(row.value) if row.status in ("ok", "low_n") else words.NOTHING,
                correlation_interval(row.lo, row.hi)
                if row.status in ("ok", "low_n") and row.method != "stated"
                else "",
                words.name_of(row.method, words.RELIABILITY_METHODS),
                people(row.n_pairs),
                people(row.n_raters),
                "" if words.missing(row.reason) else str(row.reason),
            )
            for row in rows.dropna(subset=["job_family"]).itertuples()
        ),
        frozenset({2, 3, 5, 6}),
        below=frozenset({4, 7}),
    )


def _family_name(key: Any) -> str:
    return "All" if key == ALL_FAMILIES else str(key).replace("_", " ").capitalize()


def _diagnostics(found: Sequence[Findings]) -> Table:
    return Table(
        (
            *("Technique", "Applicants", "Scored", "Hired", "Reviewed", "Hired of applicants", "Spread kept (u)"),
            *(
                "Rejected outside the range",
                "Score not recorded",
                "As precise as",
                "One hire left out, r",
                "p of a bend",
            ),
        ),
        tuple(_diagnostics_row(one.technique, one.facts) for one in found if one.facts is not None),
        frozenset(range(1, 12)),
    )


def _diagnostics_row(one: Technique, facts: pd.Series) -> tuple[str, ...]:
    return (
        one.label,
        *(people(facts[name]) for name in ("n_applicants", "n_scored", "n_hired", "n_rated")),
        percent(facts["selection_ratio"]),
        correlation(facts["u"]),
        percent(facts["extrapolation_share"]),
        percent(facts["unrecorded_share"]),
        count(facts["effective_n"]),
        words.correlation_range(facts["leave_one_out_lo"], facts["leave_one_out_hi"]),
        correlation(facts["p_quadratic"]),
    )


def _warnings(frame: pd.DataFrame, estimates: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """Sentences by who they are about: everybody first, a family only with what is not said of everybody.

    Where raters are few, the intervals that allow for it follow.
    """
    said = frame.dropna(subset=["job_family", "sentence"])
    said = said.assign(sentence=[text[:1].upper() + text[1:] for text in said["sentence"].astype(str)])
    of_all = list(dict.fromkeys(said.loc[said["job_family"] == ALL_FAMILIES, "sentence"].astype(str)))
    if not any("no test can check" in text.lower() for text in of_all):
        of_all.insert(0, prose.UNTESTABLE)
    openings = {_opening(text) for text in of_all}
    made = [("All job families", [*of_all, *_of_few_raters(estimates, ALL_FAMILIES)])]
    for name in sorted({*families(said), *families(estimates)}):
        own = dict.fromkeys(said.loc[said["job_family"] == name, "sentence"].astype(str))
        new = [text for text in own if _opening(text) not in openings] + _of_few_raters(estimates, name)
        if new:
            made.append((_family_name(name), new))
    return made


def _of_few_raters(estimates: pd.DataFrame, family: str) -> list[str]:
    sentence = prose.of_few_raters(techniques(estimates, family))
    return [sentence] if sentence else []


def _opening(text: str) -> str:
    return text.partition(". ")[0]


def _after_decision(scorecards: pd.DataFrame) -> str:
    submitted = scorecards[scorecards["submitted_at"].notna()]
    n = len(submitted)
    if n < 10:
        return ""
    late = int((submitted["is_submitted_after_decision"].fillna(False) == True).sum())  # noqa: E712 - object column
    edited = int((submitted["is_edited_after_decision"].fillna(False) == True).sum())  # noqa: E712
    return (
        f"Of {count(n)} submitted scorecards, {people(late)} came after the decision and {people(edited)} were changed "
        "after it. Their scores know the outcome, so they are left out of the answer."
    )
