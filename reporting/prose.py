"""A technique in words, made from its numbers: what was seen, what it was corrected for, what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from reporting import words
from reporting.findings import Findings, Power, Share
from reporting.ladder import (
    CONTRADICTED,
    OBSERVED,
    POOLED,
    PROMISING,
    SUPPORTED,
    UNATTENUATED,
    UNSELECTED,
    Rung,
    Technique,
    number,
    whole,
)
from reporting.words import correlation, count, people, percent, plural

UNTESTABLE = (
    "Untestable assumption: that performance rises in a straight line with the score also outside the range of those "
    "who were hired. No test can check it, because nobody was hired there."
)
HIDDEN = (
    "Hidden information: what decisions used and nobody recorded. ρ says how closely it goes with later performance "
    "(0 not at all); only values from 0 up were tried."
)
LITERATURE_LABEL = "literature, many firms; your criterion reliability and selection differ"
OWN_RATERS_TOLERATED = 0.20


def paragraphs(findings: Findings) -> list[tuple[str, str]]:
    """Head and body of each paragraph, in the order in which they are read."""
    one = findings.technique
    if one.is_refused:
        made = [
            ("What was seen", f"No number: {one.refusal}."),
            ("What it rests on", UNTESTABLE),
            ("What would change it", " ".join(changes(findings))),
        ]
    else:
        made = [
            ("What was seen", " ".join(_seen(findings))),
            ("Corrected", " ".join(_corrected(findings))),
            ("What it means", " ".join(_meaning(findings))),
            ("Beside the literature", _literature(one)),
            ("What it rests on", " ".join(_assumptions(findings))),
            ("What would change it", " ".join(changes(findings))),
        ]
    return [(head, body) for head, body in made if body]


def changes(findings: Findings) -> list[str]:
    """What would change the verdict, the most telling first."""
    if findings.technique.is_refused:
        return ["More reviewed hires with a score of this technique, given before the decision."]
    candidates = [
        "The pooling: without it the interval includes 0." if findings.technique.leans_on_pooling else "",
        _unless_hidden(findings),
        _precision(findings.power),
        "" if findings.technique.best else f"The correction was refused: {findings.technique.refusal}.",
        ""
        if findings.has_decision_score
        else "An overall score for everybody, recorded before each decision, would "
        "show whether the decisions used something that the scores do not hold.",
        _second_rater(findings),
        _other_raters(findings.technique),
    ]
    if findings.technique.best is None:
        candidates.insert(0, candidates.pop(3))
    return [sentence for sentence in candidates if sentence]


def short_change(findings: Findings) -> str:
    """The first thing that would change the verdict, for a table."""
    one, power, curve = findings.technique, findings.power, findings.sensitivity.curve
    if one.is_refused or one.best is None:
        return f"Refused: {one.refusal}"
    is_settled = one.verdict in (SUPPORTED, CONTRADICTED) or power is None or power.is_reached
    if one.leans_on_pooling:
        return "The pooling: without it the interval includes 0"
    if is_settled and not curve.empty:
        tipping = findings.sensitivity.tipping
        if tipping is None:
            return f"Hidden information would not, up to ρ {findings.sensitivity.tried}"
        return f"Hidden information, from ρ {correlation(tipping)} on"
    if power is None or power.precision_on is None:
        return "More reviewed hires"
    return f"More hires: ±{correlation(power.target)} by {power.precision_on:%B %Y} (n {count(power.n_needed)})"


def _seen(findings: Findings) -> Iterator[str]:
    one = findings.technique
    first = one.rungs[OBSERVED]
    who = f"Among {people(one.n)} reviewed hires with a score"
    yield f"{who}, {_direction(first)}: observed correlation r {first.spoken()}, 95 % interval in brackets."
    if not first.excludes_zero and one.mdv is not None:
        yield f"With so many hires only an r of {correlation(one.mdv)} or more would have been found reliably."
    if one.n_contaminated:
        yield (
            f"{plural(one.n_contaminated, 'hire was', 'hires were')} left out because the scorecard came or changed "
            "after the decision."
        )
    other = findings.independent
    if other is not None and other.rungs[OBSERVED].value is not None and other.n is not None:
        yield (
            f"Without ratings by people who had interviewed the hire, r is {other.rungs[OBSERVED].spoken()} "
            f"among {people(other.n)}."
        )


def other_raters(found: Sequence[Findings], quality: pd.DataFrame) -> str:
    """The verdicts without ratings by people who had interviewed the hire; nothing where no rating is in doubt."""
    doubts = quality["metric"].isin(["rater_was_interviewer_share", "rater_independence_unknown_share"])
    doubtful = pd.to_numeric(quality.loc[doubts, "value"]).sum()
    if not doubtful > 0:
        return ""
    pairs = [(one.technique, one.independent) for one in found if one.independent is not None]
    changed = "; ".join(
        f"{mine.label} would be {other.verdict} instead of {mine.verdict}"
        for mine, other in pairs
        if other.verdict != mine.verdict
    )
    same = "the verdicts are the same" if pairs else "there are too few hires for a verdict"
    return (
        f"{percent(doubtful)} of the rated hires were rated by somebody who had interviewed them, or may have. Such a "
        f"rater's own error is in the score and in the rating. Without those ratings {changed or same}."
    )


def _direction(rung: Rung) -> str:
    if rung.lo is not None and rung.lo > 0:
        return "those who scored higher were later rated higher"
    if rung.hi is not None and rung.hi < 0:
        return "those who scored higher were later rated lower"
    return "the data do not show whether those who scored higher were later rated higher"


def _corrected(findings: Findings) -> Iterator[str]:
    one = findings.technique
    yield "Ratings are noisy, and only people who were hired have one; both distort the observed number."
    second, third, fourth = (one.rungs[rung] for rung in (UNATTENUATED, UNSELECTED, POOLED))
    if second.value is not None:
        yield f"Corrected for error in the ratings it is {second.spoken()}."
    else:
        yield f"It was not corrected for error in the ratings: {second.reason}."
    if third.value is not None:
        yield f"Corrected for selection too, with the scores{_whose(findings)}, it is {third.spoken()}."
    elif third.reason != second.reason:
        yield f"For selection it is not shown corrected: {third.reason}."
    if one.rater_aware.lo is not None and one.rater_aware.hi is not None:
        lo, hi = correlation(one.rater_aware.lo), correlation(one.rater_aware.hi)
        zero = ", which includes 0" if one.rater_aware.lo <= 0 <= one.rater_aware.hi else ""
        yield f"Few people gave the ratings; allowing for who they happen to be, the interval is {lo} to {hi}{zero}."
    if fourth.value is not None:
        yield f"Pooled, that is drawn towards {one.pooling.towards}, it is {fourth.spoken()}: read this one."
        lift = one.pooling.lift(None if findings.facts is None else number(findings.facts["effective_n"]))
        if lift is not None:
            yield (
                "A technique without any validity, known as precisely as this one, would be drawn to about "
                f"{correlation(lift)} by that prior."
            )
    if one.leans_on_pooling:
        yield "Without the pooling the interval includes 0, so the verdict leans on it."
    if one.verdict in (SUPPORTED, PROMISING) and not one.rungs[OBSERVED].excludes_zero:
        yield (
            "The observed number alone would not show it; the verdict rests on the correction. Among hires a technique "
            "can look useless, because those with a low score were hired for other strengths."
        )


def _whose(findings: Findings) -> str:
    """Whose scores the correction for selection rests on: with this technique's score, and at the stage at all."""
    n_stage = findings.technique.n_applicants
    if not n_stage:
        return ""
    n_scored = None if findings.facts is None else whole(findings.facts["n_scored"])
    if n_scored is None or n_scored == n_stage:
        return f" of all {people(n_stage)} applicants who reached the stage"
    return (
        f" of the {people(n_scored)} applicants who have one, of {people(n_stage)} who reached the stage (the others "
        "enter with the other scores they have)"
    )


def of_few_raters(found: Sequence[Technique]) -> str:
    """The intervals that allow for who the few raters are, technique by technique; empty where there are none."""
    parts = [
        f"{one.label} {one.rater_aware.spoken() or aware_only(one.rater_aware)}, "
        f"observed {correlation(one.rungs[OBSERVED].value)}"
        for one in found
        if one.rater_aware.lo is not None
    ]
    if not parts:
        return ""
    return (
        "Few people gave the ratings. Allowing for who they happen to be, the corrected values before pooling (rung 3) "
        f"are: {'; '.join(parts)}."
    )


def aware_only(aware: Rung) -> str:
    """The rater-aware interval of a value that is too wide to say."""
    return f"({correlation(aware.lo)} to {correlation(aware.hi)})"


def _meaning(findings: Findings) -> Iterator[str]:
    top, bottom = _ends(findings.observed)
    if top is not None and bottom is not None:
        yield (
            f"Of 100 hires in the top third of the score, {_of_100(top.share)} were rated good, that is above the "
            f"average of colleagues judged in the same way, against {_of_100(bottom.share)} in the lowest third."
        )
    top, bottom = _ends(findings.expected)
    if top is not None and bottom is not None:
        yield (
            "Had everybody been hired who reached the stage, and if the pooled value holds, "
            f"{_of_100(top.share)} of 100 in the top third would do better than the middle applicant among them, and "
            f"{_of_100(bottom.share)} of 100 in the lowest third."
        )
    bound = findings.sensitivity.bounds.get("worst_case")
    if bound is not None and bound.lo is not None and bound.hi is not None:
        yield (
            "Assuming nothing at all about those who were not hired, the difference between the top and the lowest "
            f"third lies between {points(bound.lo)} and {points(bound.hi)} percentage points."
        )
        yield from _monotone(findings.sensitivity.bounds.get("monotone_selection"))


def _monotone(bound: Rung | None) -> Iterator[str]:
    if bound is not None and bound.lo is not None and bound.hi is not None:
        yield (
            "If the rejected would at best have done as well as hires with the same score, it lies between "
            f"{points(bound.lo)} and {points(bound.hi)}."
        )


def _ends(shares: tuple[Share, ...]) -> tuple[Share | None, Share | None]:
    known = {share.third: share for share in shares if share.share.value is not None}
    return known.get(3), known.get(1)


def _of_100(rung: Rung) -> str:
    if rung.lo is None or rung.hi is None:
        return f"{100 * (rung.value or 0):.0f}"
    return f"{100 * (rung.value or 0):.0f} ({100 * rung.lo:.0f} to {100 * rung.hi:.0f})"


def points(value: float) -> str:
    """
    >>> points(-0.412), points(0.3), points(-0.001)
    ('−41', '+30', '0')
    """
    rounded = round(100 * value)
    return "0" if rounded == 0 else f"{'−' if rounded < 0 else '+'}{abs(rounded)}"


def _literature(one: Technique) -> str:
    if one.literature is None:
        return "The literature has no figure of its own for this technique."
    band, best = one.literature, one.best
    if band.lo is None or band.hi is None:
        return (
            f"Many firms found {correlation(band.value)} on average ({band.source}); how far they differ is not known. "
            "Your criterion reliability and selection differ from theirs."
        )
    between = f"four in five between {correlation(band.lo)} and {correlation(band.hi)}"
    said = f"Many firms found {correlation(band.value)} on average, {between} ({band.source})."
    if best is None or best.lo is None or best.hi is None:
        return f"{said} The observed number cannot be held against it, since that one is corrected."
    place = "overlaps that band"
    if best.hi < band.lo:
        place = "lies below that band"
    elif best.lo > band.hi:
        place = "lies above that band"
    return f"{said} Your interval {place}; your criterion reliability and selection differ from theirs."


def _assumptions(findings: Findings) -> Iterator[str]:
    yield UNTESTABLE
    facts = findings.facts
    if facts is not None and not words.missing(facts["extrapolation_share"]):
        yield f"{percent(facts['extrapolation_share'])} of the rejected scored outside the range of the hired."
    row = findings.reliability
    if row is not None and not words.missing(row["value"]):
        how = words.RELIABILITY_METHODS.get(str(row["method"]), str(row["method"]).replace("_", " "))
        source = f" ({row['reason']})" if row["method"] == "stated" and not words.missing(row["reason"]) else ""
        yield f"The reliability of the ratings is taken to be {correlation(row['value'])}, {how}{source}."
    yield "Whatever else decided who was hired is assumed to be in the recorded scores."
    union = findings.sensitivity.union
    if union.lo is not None and union.hi is not None:
        lo, hi = correlation(union.lo), correlation(union.hi)
        reach = findings.sensitivity.tried
        yield f"Were it not, up to a correlation of {reach} with performance, the value lies between {lo} and {hi}."


def _unless_hidden(findings: Findings) -> str:
    """What unrecorded information would do to whether the interval includes 0."""
    curve, tipping = findings.sensitivity.curve, findings.sensitivity.tipping
    if curve.empty:
        return ""
    first = curve.iloc[0]
    excludes = Rung(float(first["value"]), float(first["lo"]), float(first["hi"])).excludes_zero
    if tipping is None:
        state = "stays clear of 0" if excludes else "includes 0"
        return (
            f"Hidden information, used in decisions and not recorded, would not: the interval {state} for any ρ from 0 "
            f"up to {findings.sensitivity.tried}; no other was tried."
        )
    change = "would meet 0" if excludes else "would leave 0 out"
    return (
        "Hidden information, used in decisions and not recorded: the interval "
        f"{change} from ρ {correlation(tipping)} on."
    )


def _precision(power: Power | None) -> str:
    if power is None:
        return ""
    now, target = f"±{correlation(power.half_width)}", f"±{correlation(power.target)}"
    if power.is_reached:
        return f"The interval is {now}, narrow enough already."
    if power.precision_on is None or power.n_needed is None:
        return f"More hires: the interval is {now}, {target} is wanted; {power.reason}."
    return (
        f"More hires: {target} instead of {now} by {power.precision_on:%B %Y}, with {count(power.n_needed)} reviewed "
        f"hires at {power.hires_per_year:.0f} a year."
    )


def _second_rater(findings: Findings) -> str:
    row = findings.reliability
    if row is None or row["method"] != "stated":
        return ""
    return (
        "A second, independent rating for at least 30 hires would replace the assumed reliability of the ratings by a "
        "measured one."
    )


def _other_raters(one: Technique) -> str:
    if not one.n or not one.n_same_rater or one.n_same_rater / one.n <= OWN_RATERS_TOLERATED:
        return ""
    return (
        f"{people(one.n_same_rater)} of the {people(one.n)} hires were rated by somebody who had "
        "interviewed them, or may have, which can inflate the number; other raters would settle it."
    )
