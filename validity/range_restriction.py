"""Corrections of a correlation for range restriction, with one predictor at a time.

Only cross-checks where all applicants have scores (then the maximum likelihood correction of rung 3 is used), and often
not applicable at all: `which_correction` says which one may be used and why.

``u`` is always SD restricted / SD unrestricted; ``i`` the restricted group (hires), ``a`` the unrestricted one
(applicants); ``x, y`` observed scores, ``t, p`` their true scores, so that ``rxpa`` is operational validity among
applicants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import copysign, isnan, sqrt
from typing import Literal

import numpy as np
from scipy.stats import norm

from validity.correlation import fisher_interval
from validity.estimate import Estimate, refused

MIN_U = 0.40
"""Below it the correction extrapolates too far; investigate the data instead."""

MAX_U = 1.25
"""Above it hires vary more than applicants: not restriction, something else; investigate."""

CorrectionName = Literal["meas", "uvdrr", "uvirr", "bvdrr", "bvirr"]
Formula = Callable[[float], float]


# --- univariate formulas -------------------------------------------------------------------------------------------


def case_ii(r: float, u_x: float) -> float:
    """Direct selection on X: ``U r / √(1 + (U²−1) r²)``, ``U = 1/u_x`` (Thorndike 1949, Case 2; Pearson 1903).

    >>> round(case_ii(0.33, 48.19 / 100.32), 2)
    0.59
    """
    _require_u("u_x", u_x)
    _require_r("r", r)
    return r / sqrt(u_x * u_x + (1 - u_x * u_x) * r * r)


def case_iii(r_xy: float, r_zx: float, r_zy: float, u_z: float) -> float:
    """Selection on a recorded Z, correlation of X and Y wanted (Thorndike 1949, Case 3).

    ``[r_xy + r_zx r_zy (U²−1)] / √{[1 + r_zx²(U²−1)][1 + r_zy²(U²−1)]}``, ``U = 1/u_z``; all correlations restricted.

    >>> round(case_iii(0.25, r_zx=0.40, r_zy=0.30, u_z=0.60), 3)
    0.38
    """
    _require_u("u_z", u_z)
    for name, r in (("r_xy", r_xy), ("r_zx", r_zx), ("r_zy", r_zy)):
        _require_r(name, r)
    gain = 1 / u_z**2 - 1
    return (r_xy + r_zx * r_zy * gain) / sqrt((1 + r_zx**2 * gain) * (1 + r_zy**2 * gain))


@dataclass(frozen=True)
class CaseIV:
    """Correlations among applicants after indirect selection, and the artefacts on the way."""

    operational: float
    true_score: float
    r_xxa: float
    u_t: float


def case_iv(r: float, u_x: float, r_xxi: float, r_yyi: float = 1.0) -> CaseIV:
    """Indirect selection that acts on Y only through the true score of X (Hunter, Schmidt & Le 2006).

    ``ρ_T = U_T r_T / √(1 + (U_T²−1) r_T²)`` with ``r_T = r/√(r_xxi r_yyi)``; operational is ``ρ_T √r_xxa``.

    Reliabilities are those among hires; `case_iv_from_applicants` takes that of X among everybody scored.

    >>> round(case_iv(0.236, 0.67, r_xxi=0.80, r_yyi=0.60).operational, 3)
    0.477
    """
    _require_r("r", r)
    _require_reliability("r_yyi", r_yyi)
    r_xxa = reliability_unrestricted(r_xxi, u_x)
    u_t = true_score_u(u_x, r_xxa)
    true_score = _direct(r / sqrt(r_xxi * r_yyi), u_t)
    return CaseIV(true_score * sqrt(r_xxa), true_score, r_xxa, u_t)


def case_iv_from_applicants(r: float, u_x: float, r_xxa: float, r_yyi: float = 1.0) -> CaseIV:
    """As `case_iv`, from the reliability of X among all applicants.

    Raises
    ------
    ValueError
        ``u_t`` is imaginary (``r_xxa <= 1 − u_x²``): the error of X alone would vary more than X does among hires.

    Examples
    --------
    >>> round(case_iv_from_applicants(0.30, 0.80, r_xxa=0.872, r_yyi=0.80).operational, 3)
    0.436
    """
    _require_reliability("r_xxa", r_xxa)
    true_score_u(u_x, r_xxa)
    return case_iv(r, u_x, reliability_restricted(r_xxa, u_x), r_yyi)


def case_v(r: float, u_x: float, u_y: float, sign_zx: float = 1.0, sign_zy: float = 1.0) -> float:
    """Indirect selection on both X and Y: ``r u_x u_y + λ √(|1−u_x²| |1−u_y²|)``.

    Le, Oh, Schmidt & Wooldridge (2016); λ as Dahlke & Wiernik (2020). `sign_zx`, `sign_zy`: direction in which the
    unrecorded selection variable goes with X and with Y. Firms hardly ever know u_y: expert use only.

    >>> round(case_v(0.30, 0.80, 0.80), 3)
    0.552
    """
    _require_r("r", r)
    lam = _lambda(u_x, u_y, sign_zx, sign_zy)
    return r * u_x * u_y + lam * sqrt(abs(1 - u_x**2) * abs(1 - u_y**2))


def bivariate_direct(r: float, u_x: float, u_y: float) -> float:
    """Direct selection on both X and Y (Alexander, Carson, Alliger & Carr 1987).

    >>> round(bivariate_direct(0.30, 0.80, 0.80), 3)
    0.423
    """
    _require_u("u_x", u_x)
    _require_u("u_y", u_y)
    _require_r("r", r)
    if r == 0:
        return 0.0
    half = (1 - r * r) / (2 * r) * u_x * u_y
    return copysign(1 / (sqrt(half * half + 1) + abs(half)), r)  # the published difference, without its cancellation


# --- u ratios and reliabilities ------------------------------------------------------------------------------------


def mean_z_of_selected(selection_ratio: float) -> float:
    """Mean standard score of those selected top-down on a normal score: ``φ(c)/SR`` (Naylor & Shine 1965).

    >>> round(mean_z_of_selected(0.20), 2)
    1.4
    """
    if not 0 < selection_ratio <= 1:
        raise ValueError(f"`selection_ratio`: {selection_ratio}, expected a share above 0 and at most 1.")
    return float(norm.pdf(norm.isf(selection_ratio)) / selection_ratio)


def u_from_selection_ratio(selection_ratio: float) -> float:
    """SD of a normal score after strict top-down selection: ``u² = 1 + c l − l²``, ``l = φ(c)/SR``. For planning only.

    >>> round(u_from_selection_ratio(0.30), 3)
    0.514
    """
    mean_z = mean_z_of_selected(selection_ratio)
    if selection_ratio == 1:
        return 1.0
    return sqrt(1 + float(norm.isf(selection_ratio)) * mean_z - mean_z**2)


def u_under_indirect_selection(r_zx: float, selection_ratio: float, r_xx: float = 1.0) -> float:
    """SD of X after top-down selection on a Z that correlates `r_zx` with the true score of X.

    ``√(r_xx [1 − r_zx²(1−u_z²)] + 1 − r_xx)`` (Sackett, Zhang, Berry & Lievens 2022, table 1): with r_zx = .5 and 30 %
    hired the SD only falls to .90.

    >>> round(u_under_indirect_selection(0.5, 0.30), 2), round(u_under_indirect_selection(0.5, 0.30, 0.80), 2)
    (0.9, 0.92)
    """
    _require_r("r_zx", r_zx)
    _require_reliability("r_xx", r_xx)
    return sqrt(1 - r_xx * r_zx**2 * (1 - u_from_selection_ratio(selection_ratio) ** 2))


def reliability_unrestricted(r_xxi: float, u_x: float) -> float:
    """Reliability among applicants from that among hires, error variance equal: ``1 − u_x²(1 − r_xxi)``.

    >>> round(reliability_unrestricted(0.80, 0.70), 3)
    0.902
    """
    _require_u("u_x", u_x)
    _require_reliability("r_xxi", r_xxi)
    return 1 - u_x**2 * (1 - r_xxi)


def reliability_restricted(r_xxa: float, u_x: float) -> float:
    """Reliability among hires from that among applicants: ``1 − (1 − r_xxa)/u_x²``; may be negative (then impossible).

    >>> round(reliability_restricted(0.902, 0.70), 3)
    0.8
    """
    _require_u("u_x", u_x)
    _require_reliability("r_xxa", r_xxa)
    return 1 - (1 - r_xxa) / u_x**2


def criterion_reliability_unrestricted(r_yyi: float, r_xyi: float, u_x: float) -> float:
    """Reliability of Y among applicants when only X was selected on: ``1 − (1−r_yyi) / (1 − r_xyi²(1 − 1/u_x²))``.

    Schmidt & Hunter (2015), p. 127.

    >>> round(criterion_reliability_unrestricted(0.80, 0.30, 0.80), 3)
    0.81
    """
    return 1 - (1 - r_yyi) / (1 - r_xyi**2 * (1 - u_x**-2))


def true_score_u(u_x: float, r_xxa: float) -> float:
    """u of the true scores: ``√[(u_x² − (1 − r_xxa)) / r_xxa]`` (Hunter, Schmidt & Le 2006).

    >>> round(true_score_u(0.80, 0.872), 3)
    0.766
    """
    square = (u_x**2 - (1 - r_xxa)) / r_xxa
    if not square > 0:
        raise ValueError(
            f"`u_x`, `r_xxa`: {u_x}, {r_xxa}, expected r_xxa above 1 - u_x²; u of the true scores is imaginary."
        )
    return sqrt(square)


# --- the full table of corrected correlations ----------------------------------------------------------------------


@dataclass(frozen=True)
class Corrected:
    """A corrected correlation, its interval (None without n), and the n of a plain r with the same standard error."""

    value: float
    lo: float | None
    hi: float | None
    n: float | None
    n_effective: float | None


@dataclass(frozen=True)
class CorrectionTable:
    """Every corrected version of one correlation, by name, and the artefacts used."""

    correlations: Mapping[str, Corrected]
    artefacts: Mapping[str, float]


def correction_table(
    correction: CorrectionName,
    r: float,
    *,
    n: float | None = None,
    r_xx: float = 1.0,
    r_yy: float = 1.0,
    u_x: float = 1.0,
    u_y: float = 1.0,
    level: float = 0.95,
) -> CorrectionTable:
    """All corrected versions of an observed correlation, with the names of R's psychmeta (Dahlke & Wiernik 2019).

    Parameters
    ----------
    correction
        ``meas`` measurement error only; ``uvdrr`` direct selection on X (Case II); ``uvirr`` indirect selection on X
        (Case IV); ``bvdrr``, ``bvirr`` direct and indirect selection on both (Case V).
    r
        Correlation observed among the `n` hires.
    r_xx, r_yy
        Reliabilities among hires.
    u_x, u_y
        SD hires / SD applicants; `u_y` is used by the bivariate corrections only.

    Returns
    -------
    CorrectionTable
        ``rxy, rxp, rty, rtp`` for ``meas``, otherwise ``rxyi … rtpi`` and ``rxya … rtpa``. Intervals are Fisher's,
        corrected limit by limit: they take reliabilities and u as known. ``n_effective`` is
        ``1 + (1−ρ²)²/var(ρ)`` (Schmidt & Hunter 2015, eq. 3.7).

    Raises
    ------
    ValueError
        Impossible reliabilities or u, an imaginary u of true scores.

    Examples
    --------
    >>> table = correction_table("uvirr", 0.30, n=100, r_xx=0.80, r_yy=0.80, u_x=0.80)
    >>> operational = table.correlations["rxpa"]
    >>> f"{operational.value:.3f} [{operational.lo:.3f}, {operational.hi:.3f}], n {operational.n_effective:.0f}"
    '0.436 [0.167, 0.641], n 43'
    """
    _require_r("r", r)
    _require_reliability("r_xx", r_xx)
    _require_reliability("r_yy", r_yy)
    r = r or float(np.finfo(float).eps)  # the variance of a corrected 0 is the limit at 0
    formulas, artefacts = _formulas(correction, r, r_xx, r_yy, u_x, u_y)
    rows = {name: _corrected(formula, r, n, level) for name, formula in formulas.items()}
    if n is None or correction == "meas" or correction == "bvdrr":
        return CorrectionTable(rows, artefacts)
    if correction == "bvirr":
        variances = {name: _case_v_row_variance(name, r, n, artefacts) for name in rows if name.endswith("a")}
    else:
        # Schmidt & Hunter (2015), p. 145: a correction for restriction is not linear in r
        refinement = 1 / (1 + (artefacts.get("ut", u_x) ** -2 - 1) * r * r)
        variances = {
            name: _linear_variance(row.value, r, n) * refinement**2 for name, row in rows.items() if name.endswith("a")
        }
    refined = {
        name: replace(rows[name], n_effective=_n_effective(rows[name].value, v)) for name, v in variances.items()
    }
    return CorrectionTable(rows | refined, artefacts)


def case_v_variance(
    r: float,
    n: float,
    u_x: float,
    u_y: float,
    q_xa: float = 1.0,
    q_ya: float = 1.0,
    var_q_xa: float = 0.0,
    var_q_ya: float = 0.0,
) -> float:
    """Sampling variance of a Case V correction, errors of r, both u and both √reliabilities taken as independent.

    First-order propagation (Dahlke & Wiernik 2020, appendix). ``q`` are square roots of reliabilities among applicants;
    var(u) = u²/(2(n−1)), the applicants' SD taken as known.

    >>> round(case_v_variance(0.30, 100, 0.80, 0.80), 5)
    0.00545
    """
    lam = _lambda(u_x, u_y, 1.0, 1.0)
    rho = (r * u_x * u_y + lam * sqrt(abs(1 - u_x**2) * abs(1 - u_y**2))) / (q_xa * q_ya)
    by_u_x = (r * u_y - lam * _slope(u_x, u_y)) / (q_xa * q_ya)
    by_u_y = (r * u_x - lam * _slope(u_y, u_x)) / (q_xa * q_ya)
    by_r = u_x * u_y / (q_xa * q_ya)
    return (
        by_r**2 * (1 - r * r) ** 2 / (n - 1)
        + by_u_x**2 * u_x**2 / (2 * (n - 1))
        + by_u_y**2 * u_y**2 / (2 * (n - 1))
        + (rho / q_xa) ** 2 * var_q_xa
        + (rho / q_ya) ** 2 * var_q_ya
    )


def reliability_index_variance(r_xxi: float, u_x: float, n: float) -> float:
    """Sampling variance of √reliability among applicants, estimated among `n` hires and carried over by `u_x`.

    var(q_i) = (1−r_xxi)²/(n−1); dq_a/dq_i = q_i u²/q_a (Dahlke & Wiernik 2020).

    >>> round(reliability_index_variance(0.80, 0.80, 100), 6)
    0.000152
    """
    slope_squared = r_xxi * u_x**4 / reliability_unrestricted(r_xxi, u_x)
    return slope_squared * (1 - r_xxi) ** 2 / (n - 1)


def _formulas(
    correction: CorrectionName, r: float, r_xx: float, r_yy: float, u_x: float, u_y: float
) -> tuple[dict[str, Formula], dict[str, float]]:
    """Formulas from r to each corrected version, and the artefacts behind them."""
    among_hires = {"rxy": 1.0, "rxp": sqrt(r_yy), "rty": sqrt(r_xx), "rtp": sqrt(r_xx * r_yy)}
    measured = {name: _divided_by(q) for name, q in among_hires.items()}
    if correction == "meas":
        return measured, {"rxx": r_xx, "ryy": r_yy}
    hires = {f"{name}i": formula for name, formula in measured.items()}
    r_xxa = reliability_unrestricted(r_xx, u_x)
    artefacts = {"rxxi": r_xx, "rxxa": r_xxa, "ryyi": r_yy}
    if correction == "uvdrr":
        return hires | _uvdrr(r, r_xxa, r_yy, u_x), artefacts | {"ux": u_x}
    if correction == "uvirr":
        u_t = true_score_u(u_x, r_xxa)
        return hires | _uvirr(r, r_xx, r_xxa, r_yy, u_t), artefacts | {"ux": u_x, "ut": u_t}
    r_yya = reliability_unrestricted(r_yy, u_y)
    both = case_v if correction == "bvirr" else bivariate_direct
    return hires | _bivariate(both, r_xxa, r_yya, u_x, u_y), artefacts | {"ryya": r_yya, "ux": u_x, "uy": u_y}


def _uvdrr(r: float, r_xxa: float, r_yy: float, u_x: float) -> dict[str, Formula]:
    r_yya = criterion_reliability_unrestricted(r_yy, r, u_x)
    return {
        "rxya": lambda x: _direct(x, u_x),
        "rxpa": lambda x: _direct(x / sqrt(r_yy), u_x),
        "rtya": lambda x: _direct(x / sqrt(r_yy), u_x) * sqrt(r_yya / r_xxa),
        "rtpa": lambda x: _direct(x / sqrt(r_yy), u_x) / sqrt(r_xxa),
    }


def _uvirr(r: float, r_xx: float, r_xxa: float, r_yy: float, u_t: float) -> dict[str, Formula]:
    r_yya = criterion_reliability_unrestricted(r_yy, r / sqrt(r_xx), u_t)
    return {
        "rxya": lambda x: _direct(x, u_t),
        "rxpa": lambda x: _direct(x / sqrt(r_xx * r_yy), u_t) * sqrt(r_xxa),
        "rtya": lambda x: _direct(x / sqrt(r_xx * r_yy), u_t) * sqrt(r_yya),
        "rtpa": lambda x: _direct(x / sqrt(r_xx * r_yy), u_t),
    }


def _bivariate(
    both: Callable[[float, float, float], float], r_xxa: float, r_yya: float, u_x: float, u_y: float
) -> dict[str, Formula]:
    return {
        "rxya": lambda x: both(x, u_x, u_y),
        "rxpa": lambda x: both(x, u_x, u_y) / sqrt(r_yya),
        "rtya": lambda x: both(x, u_x, u_y) / sqrt(r_xxa),
        "rtpa": lambda x: both(x, u_x, u_y) / sqrt(r_xxa * r_yya),
    }


def _corrected(formula: Formula, r: float, n: float | None, level: float) -> Corrected:
    value = formula(r)
    if n is None:
        return Corrected(value, None, None, None, None)
    interval = fisher_interval(r, n, level)  # type: ignore[arg-type]  # any real n of 4 or more
    return Corrected(
        value, formula(interval.lo), formula(interval.hi), n, _n_effective(value, _linear_variance(value, r, n))
    )


def _linear_variance(rho: float, r: float, n: float) -> float:
    """Sampling variance of r, scaled as r was."""
    return (1 - r * r) ** 2 / (n - 1) * (rho / r) ** 2


def _n_effective(rho: float, variance: float) -> float:
    return 1 + (1 - rho * rho) ** 2 / variance


def _case_v_row_variance(name: str, r: float, n: float, artefacts: Mapping[str, float]) -> float:
    """Variance of ``rxya``, ``rxpa``, ``rtya`` or ``rtpa``: reliabilities count only where they are corrected for."""
    u_x, u_y = artefacts["ux"], artefacts["uy"]
    x, y = {}, {}
    if name[1] == "t" and artefacts["rxxi"] < 1:
        x = {"q_xa": sqrt(artefacts["rxxa"]), "var_q_xa": reliability_index_variance(artefacts["rxxi"], u_x, n)}
    if name[2] == "p" and artefacts["ryyi"] < 1:
        y = {"q_ya": sqrt(artefacts["ryya"]), "var_q_ya": reliability_index_variance(artefacts["ryyi"], u_y, n)}
    return case_v_variance(r, n, u_x, u_y, **x, **y)


def _direct(r: float, u: float) -> float:
    """Case II without a check of r: limits of an interval corrected for unreliability may exceed 1."""
    inside = u * u + (1 - u * u) * r * r
    return r / sqrt(inside) if inside > 0 else float("nan")


def _divided_by(q: float) -> Formula:
    return lambda x: x / q


def _lambda(u_x: float, u_y: float, sign_zx: float, sign_zy: float) -> float:
    """Sign and weight of Case V's additive term (Dahlke & Wiernik 2020; the package's help page prints it wrongly)."""
    _require_u("u_x", u_x)
    _require_u("u_y", u_y)
    weight_x, weight_y = min(u_x, 1 / u_x), min(u_y, 1 / u_y)
    direction = float(np.sign((1 - u_x) * (1 - u_y)))
    return direction * (copysign(weight_x, sign_zx) + copysign(weight_y, sign_zy)) / (weight_x + weight_y)


def _slope(u: float, other: float) -> float:
    """−d/du of √(|1−u²| |1−other²|); 0 where both lie at 1."""
    if u == 1:
        return 0.0
    return u * float(np.sign(1 - u)) * sqrt(abs(1 - other**2) / abs(1 - u**2))


def _require_u(name: str, u: float) -> None:
    if not 0 < u < float("inf"):
        raise ValueError(f"`{name}`: {u}, expected a ratio of standard deviations above 0.")


def _require_r(name: str, r: float) -> None:
    if not -1 <= r <= 1:
        raise ValueError(f"`{name}`: {r}, expected a correlation between -1 and 1.")


def _require_reliability(name: str, reliability: float) -> None:
    if not 0 < reliability <= 1:
        raise ValueError(f"`{name}`: {reliability}, expected a reliability above 0 and at most 1.")


# --- what may be corrected, and the estimate -----------------------------------------------------------------------


@dataclass(frozen=True)
class Decision:
    """Which correction for range restriction applies (``none`` is an answer), and why."""

    correction: Literal["maximum_likelihood", "case_ii", "case_iii", "none"]
    why: str


def which_correction(
    *,
    rejected_have_scores: bool,
    local_applicant_sd_known: bool,
    use_in_selection: Literal["only_basis", "with_recorded", "with_unrecorded", "not_used"],
) -> Decision:
    """Which correction applies (Sackett et al. 2022, figure 1, adapted): the answer is often none.

    >>> which_correction(
    ...     rejected_have_scores=False, local_applicant_sd_known=False, use_in_selection="with_recorded"
    ... ).correction
    'none'
    """
    if rejected_have_scores:
        return Decision(
            "maximum_likelihood", "the applicants who were not hired have scores; they are the control group"
        )
    if not local_applicant_sd_known:
        return Decision(
            "none", "the spread of this score among this firm's applicants is unknown; a borrowed u over-corrects"
        )
    if use_in_selection == "not_used":
        return Decision(
            "none", "the score was not used in hiring: any restriction is indirect and small (Case IV for experts)"
        )
    if use_in_selection == "only_basis":
        return Decision("case_ii", "applicants were hired top-down on this score alone")
    if use_in_selection == "with_recorded":
        return Decision("case_iii", "applicants were hired on this score and other recorded ones")
    return Decision("none", "hiring also used information that was not recorded; no formula corrects for it")


def refusal_of_u(u: float) -> str | None:
    """Why a u is not to be corrected with, as a sentence; None when it may be.

    >>> refusal_of_u(0.31)
    'spread among hires is 0.31 of the spread among applicants, 0.40 to 1.25 expected; investigate before correcting'
    """
    if MIN_U <= u <= MAX_U:
        return None
    span = f"{MIN_U:.2f} to {MAX_U:.2f} expected"
    return f"spread among hires is {u:.2f} of the spread among applicants, {span}; investigate before correcting"


def corrected_for_restriction(observed: Estimate, u: float, formula: Formula, name: str) -> Estimate:
    """`observed` corrected limit by limit with a univariate formula, or refused with the reason.

    `formula` maps a correlation to a corrected one, for example ``lambda r: case_ii(r, u)``; `name` is added to the
    method. The limits take u as known.

    >>> observed = Estimate(value=0.30, lo=0.12, hi=0.46, n=110, method="pearson", definition_version="1")
    >>> corrected = corrected_for_restriction(observed, 0.70, lambda r: case_ii(r, 0.70), "case_ii")
    >>> f"{corrected.value:.2f} [{corrected.lo:.2f}, {corrected.hi:.2f}] {corrected.method}"
    '0.41 [0.17, 0.59] pearson+case_ii'
    """
    method = f"{observed.method}+{name}"
    if observed.value is None or observed.lo is None or observed.hi is None:
        return _refusal(observed, method, observed.reason, u)
    reason = "u is not defined" if isnan(u) else refusal_of_u(u)
    if reason is not None:
        return _refusal(observed, method, reason, u)
    try:
        value, lo, hi = formula(observed.value), formula(observed.lo), formula(observed.hi)
    except ValueError as error:
        return _refusal(observed, method, str(error), u)
    if not abs(value) <= 1:
        return _refusal(observed, method, f"corrected correlation {value:.2f} exceeds 1: an artefact is wrong", u)
    lo, hi = sorted((lo, hi))
    return replace(observed, value=value, lo=lo, hi=hi, method=method, extras={**observed.extras, "u": u})


def _refusal(observed: Estimate, method: str, reason: str, u: float) -> Estimate:
    return refused(
        method,
        n=observed.n,
        reason=reason,
        definition_version=observed.definition_version,
        level=observed.level,
        as_of=observed.as_of,
        extras={"u": u},
    )
