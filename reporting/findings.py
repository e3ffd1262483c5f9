"""Everything the tables hold about one technique, gathered once for pages, figures and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from reporting import frames, words
from reporting.ladder import (
    ALL_FAMILIES,
    EVERYBODY,
    INDEPENDENT,
    UNSELECTED,
    Rung,
    Technique,
    number,
    techniques,
    whole,
)

_ALSO_WITHOUT_RUNG_3 = ("worst_case", "monotone_selection")
RHO_TRIED = 0.5
"""Where the engine's curve over hidden information ends, for a table that has no curve."""
_NO_DECISION_SCORE = "no decision-time score"
"""How the engine's warning begins where no decision-time score was recorded for everybody."""


@dataclass(frozen=True)
class Power:
    """How precise the answer is and when it will be precise enough."""

    n: int
    hires_per_year: float
    half_width: float
    target: float
    n_needed: int | None
    precision_on: pd.Timestamp | None
    reason: str

    @property
    def is_reached(self) -> bool:
        return self.half_width <= self.target


@dataclass(frozen=True)
class Share:
    """Share of good performers in a third of the score; `share` is None where refused."""

    third: int
    share: Rung
    base_rate: float | None
    n: int | None


@dataclass(frozen=True)
class Loss:
    """What dropping the technique would lose (share of performance explained) and save (hours of interviewers).

    All techniques together explain `r2_all` here, `r2_new` of it in new data (by formula; chance adds to the first).
    """

    lost: Rung
    r2_all: float | None
    hours: float | None
    hours_share: float | None
    r2_new: float | None = None


@dataclass(frozen=True)
class Sensitivity:
    """The selection-corrected validity under other assumptions."""

    curve: pd.DataFrame
    union: Rung
    tipping: float | None
    bounds: dict[str, Rung]
    others: tuple[tuple[str, float | None, float], ...]

    @property
    def tried(self) -> str:
        """The largest ρ that was tried; the smallest is 0."""
        largest = self.curve["setting"].astype(float).max() if len(self.curve) else float("nan")
        return words.correlation(RHO_TRIED if pd.isna(largest) else largest)


@dataclass(frozen=True)
class Findings:
    """One technique with all that is known of it."""

    technique: Technique
    independent: Technique | None
    power: Power | None
    observed: tuple[Share, ...]
    expected: tuple[Share, ...]
    bins: pd.DataFrame
    sensitivity: Sensitivity
    loss: Loss
    facts: pd.Series | None
    reliability: pd.Series | None
    has_decision_score: bool


def gather(tables: dict[str, pd.DataFrame], family: str = ALL_FAMILIES) -> list[Findings]:
    """The findings about every technique in a job family, alphabetical."""
    estimates = tables[frames.ESTIMATES]
    independent = {one.key: one for one in techniques(estimates, family, INDEPENDENT)}
    mine = {name: table[table["job_family"] == family] for name, table in tables.items() if "job_family" in table}
    rated = mine[frames.RELIABILITY]
    reliability = _first(rated[rated["variant"] == EVERYBODY])
    warned = mine[frames.WARNINGS]["sentence"].dropna().astype(str).str.lower()
    has_decision_score = not warned.str.startswith(_NO_DECISION_SCORE).any()
    return [
        _findings(one, independent.get(one.key), mine, reliability, has_decision_score)
        for one in techniques(estimates, family)
    ]


def _findings(
    one: Technique,
    independent: Technique | None,
    mine: dict[str, pd.DataFrame],
    reliability: pd.Series | None,
    has_decision_score: bool,
) -> Findings:
    def of(name: str) -> pd.DataFrame:
        rows = mine[name][mine[name]["technique"] == one.key]
        return rows.head(0) if one.is_refused else rows

    facts = of(frames.DIAGNOSTICS)
    shares = of(frames.EXPECTANCY)
    return Findings(
        technique=one,
        independent=independent,
        power=_power(_first(of(frames.POWER))),
        observed=_shares(shares[shares["kind"] == "observed"]),
        expected=_shares(shares[shares["kind"] == "expected"]) if one.best else (),
        bins=of(frames.SCATTER).sort_values("score_lo", ignore_index=True),
        sensitivity=_sensitivity(of(frames.SENSITIVITY), one),
        loss=_loss(_first(of(frames.INCREMENTAL)), one),
        facts=_first(facts[facts["variant"] == EVERYBODY]),
        reliability=reliability,
        has_decision_score=has_decision_score,
    )


def _first(rows: pd.DataFrame) -> pd.Series | None:
    return None if rows.empty else rows.iloc[0]


def _power(row: pd.Series | None) -> Power | None:
    if row is None or any(words.missing(row[name]) for name in ("n", "half_width", "target_half_width")):
        return None
    return Power(
        n=int(row["n"]),
        hires_per_year=number(row["hires_per_year"]) or 0.0,
        half_width=float(row["half_width"]),
        target=float(row["target_half_width"]),
        n_needed=whole(row["n_needed"]),
        precision_on=None if words.missing(row["precision_on"]) else pd.Timestamp(row["precision_on"]),
        reason=_reason(row),
    )


def _shares(rows: pd.DataFrame) -> tuple[Share, ...]:
    return tuple(
        Share(int(row["third"]), _share(row), number(row["base_rate"]), whole(row["n"]))
        for _, row in rows.sort_values("third", ascending=False).iterrows()
    )


def _share(row: pd.Series) -> Rung:
    value = number(row["share_good"]) if row["status"] in ("ok", "low_n") else None
    return Rung(value, number(row["lo"]), number(row["hi"]), _reason(row))


def _loss(row: pd.Series | None, one: Technique) -> Loss:
    """A loss is a corrected number: refused where the technique's own correction is."""
    if row is None:
        return Loss(Rung(None, reason=one.refusal), None, None, None)
    has_value = row["status"] in ("ok", "low_n") and one.rungs[UNSELECTED].value is not None
    value = number(row["delta_r2"]) if has_value else None
    return Loss(
        lost=Rung(value, number(row["delta_r2_lo"]), number(row["delta_r2_hi"]), _reason(row) or one.refusal),
        r2_all=number(row["r2_all"]) if value is not None else None,
        hours=number(row["interview_hours_per_year"]),
        hours_share=number(row["hours_share"]),
        r2_new=number(row["r2_cross_validated"]) if value is not None else None,
    )


def _sensitivity(rows: pd.DataFrame, one: Technique) -> Sensitivity:
    kinds = {str(kind): mine for kind, mine in rows.groupby("kind")}
    bounds = {kind: _bound(kinds[kind].iloc[0]) for kind in _ALSO_WITHOUT_RUNG_3 if kind in kinds}
    if one.rungs[UNSELECTED].value is None:
        return Sensitivity(rows.head(0), Rung(None), None, bounds, ())
    curve = kinds.get("hidden_information", rows.head(0)).sort_values("setting", ignore_index=True)
    union = _bound(kinds["union"].iloc[0]) if "union" in kinds else Rung(None)
    tipping = number(kinds["tipping_rho"].iloc[0]["setting"]) if "tipping_rho" in kinds else None
    taken = {"hidden_information", "union", "tipping_rho", *_ALSO_WITHOUT_RUNG_3}
    rest = rows[~rows["kind"].isin(taken)].dropna(subset=["value"])
    others = tuple(
        (str(kind), number(setting), float(value))
        for kind, setting, value in zip(rest["kind"], rest["setting"], rest["value"], strict=True)
    )
    return Sensitivity(curve.dropna(subset=["value"]), union, tipping, bounds, others)


def _bound(row: pd.Series) -> Rung:
    return Rung(number(row["value"]), number(row["lo"]), number(row["hi"]))


def _reason(row: Any) -> str:
    return "" if words.missing(row["reason"]) else str(row["reason"])
