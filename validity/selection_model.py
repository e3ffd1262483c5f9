"""Heckman's selection model: performance seen only for those hired, hiring explained by recorded and other things.

As an estimator it needs an instrument (something that moved hiring and cannot move performance); without one it rests
on the shape of the normal distribution alone and is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import atanh, isfinite, sqrt

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.special import log_ndtr
from scipy.stats import norm
from statsmodels.discrete.discrete_model import Probit
from statsmodels.tools.sm_exceptions import PerfectSeparationError

from validity.estimate import Estimate, refused

Array = npt.NDArray[np.float64]

MIN_INSTRUMENT_F = 10.0
"""Strength of the instruments (Wald χ² per instrument in the hiring equation) from which the model is estimated."""

MIN_HIRED = 200
"""Hires with a performance rating from which the model is estimated."""

INTERCEPT = "(Intercept)"
INVERSE_MILLS = "invMillsRatio"
METHOD = "heckman_ml"


@dataclass(frozen=True)
class Coefficient:
    """A coefficient and its standard error (None where the method gives none)."""

    value: float
    standard_error: float | None


@dataclass(frozen=True)
class SelectionFit:
    """Coefficients of the hiring and of the performance equation, SD of the performance residual and its correlation
    with the hiring residual; log-likelihood for maximum likelihood only."""

    selection: dict[str, Coefficient]
    outcome: dict[str, Coefficient]
    sigma: Coefficient
    rho: Coefficient
    n: int
    n_selected: int
    selection_covariance: Array
    log_likelihood: float | None = None


@dataclass(frozen=True)
class _Data:
    """Design matrices, columns divided by their spread so that the numerics do not depend on units."""

    z: Array
    x: Array
    y: Array
    is_selected: npt.NDArray[np.bool_]
    z_scale: Array
    x_scale: Array
    z_names: list[str]
    x_names: list[str]


def heckman_two_step(
    frame: pd.DataFrame,
    selected: str,
    selection_columns: Sequence[str],
    outcome: str,
    outcome_columns: Sequence[str],
) -> SelectionFit:
    """Heckman's two-step estimator with his corrected standard errors (Heckman 1979; Greene 2003, section 22.4.3).

    Parameters
    ----------
    frame
        One row per applicant; `outcome` is read for those selected only. Incomplete rows are left out.
    selected
        Column that is 1 (or true) for those with an outcome.
    selection_columns, outcome_columns
        Predictors of being selected and of the outcome; intercepts are added.

    Returns
    -------
    SelectionFit
        ``outcome`` ends with ``invMillsRatio``; `sigma` and `rho` have no standard error. `rho` may exceed 1.

    Raises
    ------
    ValueError
        Nobody or everybody selected, fewer cases than coefficients, selection that the predictors separate perfectly.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> u, x, z = rng.standard_normal((3, 2000))
    >>> frame = pd.DataFrame({"hired": x + z + u > 0, "x": x, "z": z})
    >>> frame["y"] = 0.5 * x + 0.6 * u + 0.8 * rng.standard_normal(2000)
    >>> fit = heckman_two_step(frame, "hired", ["x", "z"], "y", ["x"])
    >>> round(fit.outcome["x"].value, 1), round(fit.rho.value, 1)
    (0.5, 0.6)
    """
    data = _design(frame, selected, selection_columns, outcome, outcome_columns)
    gamma, gamma_cov = _probit(data)
    index = data.z[data.is_selected] @ gamma
    mills = np.exp(norm.logpdf(index) - log_ndtr(index))
    delta = mills * (mills + index)
    x = np.column_stack([data.x, mills])
    beta, residual = _least_squares(x, data.y)
    sigma = sqrt(float((residual**2).mean() + delta.mean() * beta[-1] ** 2))
    rho = float(beta[-1]) / sigma
    covariance = _two_step_covariance(x, data.z[data.is_selected], delta, gamma_cov, sigma, rho)
    outcome_scale = np.append(data.x_scale, 1.0)
    return SelectionFit(
        selection=_coefficients(data.z_names, gamma, gamma_cov, data.z_scale),
        outcome=_coefficients([*data.x_names, INVERSE_MILLS], beta, covariance, outcome_scale),
        sigma=Coefficient(sigma, None),
        rho=Coefficient(rho, None),
        n=len(data.z),
        n_selected=len(data.y),
        selection_covariance=gamma_cov / np.outer(data.z_scale, data.z_scale),
    )


def heckman_ml(
    frame: pd.DataFrame,
    selected: str,
    selection_columns: Sequence[str],
    outcome: str,
    outcome_columns: Sequence[str],
) -> SelectionFit:
    """The same model by full maximum likelihood, standard errors from the observed information.

    Log-likelihood: Amemiya (1985, eq. 10.7.3). Started at the two-step estimates. Arguments and errors as
    `heckman_two_step`; additionally a ValueError when the likelihood has no maximum inside (rho runs to ±1).

    >>> rng = np.random.default_rng(1)
    >>> u, x, z = rng.standard_normal((3, 2000))
    >>> frame = pd.DataFrame({"hired": x + z + u > 0, "x": x, "z": z})
    >>> frame["y"] = 0.5 * x + 0.6 * u + 0.8 * rng.standard_normal(2000)
    >>> fit = heckman_ml(frame, "hired", ["x", "z"], "y", ["x"])
    >>> round(fit.outcome["x"].value, 1), round(fit.rho.value, 1)
    (0.5, 0.6)
    """
    data = _design(frame, selected, selection_columns, outcome, outcome_columns)
    theta, log_likelihood = _maximum(data)
    covariance = _inverse_information(theta, data)
    k, m = data.z.shape[1], data.x.shape[1]
    return SelectionFit(
        selection=_coefficients(data.z_names, theta[:k], covariance[:k, :k], data.z_scale),
        outcome=_coefficients(data.x_names, theta[k : k + m], covariance[k : k + m, k : k + m], data.x_scale),
        sigma=Coefficient(float(theta[-2]), sqrt(covariance[-2, -2])),
        rho=Coefficient(float(theta[-1]), sqrt(covariance[-1, -1])),
        n=len(data.z),
        n_selected=len(data.y),
        selection_covariance=covariance[:k, :k] / np.outer(data.z_scale, data.z_scale),
        log_likelihood=log_likelihood,
    )


def instrument_strength(fit: SelectionFit, instruments: Sequence[str]) -> float:
    """Wald χ² of the instruments in the hiring equation, divided by their number: the probit's first-stage F.

    >>> rng = np.random.default_rng(1)
    >>> u, x, z = rng.standard_normal((3, 1000))
    >>> frame = pd.DataFrame({"hired": x + 0.3 * z + u > 0, "x": x, "z": z, "y": x})
    >>> round(instrument_strength(heckman_two_step(frame, "hired", ["x", "z"], "y", ["x"]), ["z"]))
    38
    """
    if not instruments:
        return 0.0
    places = [list(fit.selection).index(name) for name in instruments]
    values = np.array([fit.selection[name].value for name in instruments])
    covariance = fit.selection_covariance[np.ix_(places, places)]
    return float(values @ np.linalg.solve(covariance, values)) / len(instruments)


def refusal_of_selection_model(n_hired: int, strength: float) -> str | None:
    """Why the selection model is not estimated, as a sentence; None when it is.

    >>> refusal_of_selection_model(120, 31.0)
    '120 hires with a rating, 200 needed'
    """
    if n_hired < MIN_HIRED:
        return f"{n_hired} hires with a rating, {MIN_HIRED} needed"
    if strength == 0:
        return "no instrument: nothing moved hiring that could not also move performance"
    if not strength > MIN_INSTRUMENT_F:
        return f"instrument strength F = {strength:.1f}, more than {MIN_INSTRUMENT_F:.0f} needed"
    return None


def selection_corrected_slope(
    frame: pd.DataFrame,
    selected: str,
    outcome: str,
    predictor: str,
    *,
    controls: Sequence[str] = (),
    instruments: Sequence[str],
    level: float = 0.95,
    definition_version: str = "1",
) -> Estimate:
    """Slope of `outcome` on `predictor` with selection modelled, or a refusal with the reason (then: fixed-rho curve).

    `instruments` enter the hiring equation only. Units are those of the columns; bring both to SD 1 for a validity.

    >>> frame = pd.DataFrame({"hired": [1, 0] * 50, "score": range(100), "freeze": [0, 1] * 50, "rating": 3.0})
    >>> selection_corrected_slope(frame, "hired", "rating", "score", instruments=["freeze"]).reason
    '50 hires with a rating, 200 needed'
    """
    predictors = [predictor, *controls]
    n_hired = int((frame[selected].fillna(0).astype(bool) & frame[outcome].notna()).sum())

    def refusal(reason: str) -> Estimate:
        return refused(METHOD, n=n_hired, reason=reason, level=level, definition_version=definition_version)

    reason = refusal_of_selection_model(n_hired, float("inf") if instruments else 0.0)
    if reason is not None:
        return refusal(reason)
    try:
        first = heckman_two_step(frame, selected, [*predictors, *instruments], outcome, predictors)
        strength = instrument_strength(first, instruments)
        reason = refusal_of_selection_model(n_hired, strength)
        if reason is not None:
            return refusal(reason)
        fit = heckman_ml(frame, selected, [*predictors, *instruments], outcome, predictors)
    except ValueError as error:
        return refusal(str(error))
    slope = fit.outcome[predictor]
    width = float(norm.ppf((1 + level) / 2)) * (slope.standard_error or 0.0)
    return Estimate(
        value=slope.value,
        lo=slope.value - width,
        hi=slope.value + width,
        level=level,
        n=n_hired,
        method=METHOD,
        definition_version=definition_version,
        extras={"rho": fit.rho.value, "instrument_f": strength, "n_applicants": fit.n},
    )


# --- data -----------------------------------------------------------------------------------------------------------


def _design(
    frame: pd.DataFrame,
    selected: str,
    selection_columns: Sequence[str],
    outcome: str,
    outcome_columns: Sequence[str],
) -> _Data:
    predictors = list(dict.fromkeys([*selection_columns, *outcome_columns]))
    needed = frame[[selected, outcome, *predictors]].apply(pd.to_numeric, errors="raise").astype(np.float64)
    is_hired = needed[selected] == 1
    seen = needed[[selected, *selection_columns]].notna().all(axis=1)
    seen &= ~is_hired | needed[[outcome, *outcome_columns]].notna().all(axis=1)
    complete, hired = needed[seen], is_hired[seen].to_numpy()
    if not set(complete[selected].unique()) == {0.0, 1.0}:
        raise ValueError(f"`{selected}`: {sorted(complete[selected].unique())}, expected both 0 and 1.")
    z, z_scale = _matrix(complete, selection_columns)
    x, x_scale = _matrix(complete[hired], outcome_columns)
    if len(z) <= z.shape[1] or len(x) <= x.shape[1] + 1:
        raise ValueError(
            f"`frame`: {len(z)} applicants and {len(x)} selected, expected more than there are coefficients."
        )
    y = complete.loc[hired, outcome].to_numpy()
    return _Data(z, x, y, hired, z_scale, x_scale, [INTERCEPT, *selection_columns], [INTERCEPT, *outcome_columns])


def _matrix(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[Array, Array]:
    """Intercept and `columns`, each divided by its spread (returned), full rank."""
    values = frame[list(columns)].to_numpy(dtype=np.float64)
    scale = np.append(1.0, np.std(values, axis=0))
    if (scale == 0).any():
        raise ValueError(f"`{columns[int(np.argmin(scale[1:]))]}`: one value only, expected a predictor that varies.")
    matrix = np.column_stack([np.ones(len(values)), values]) / scale
    if np.linalg.matrix_rank(matrix) < matrix.shape[1]:
        raise ValueError(f"`{', '.join(columns)}`: linearly dependent, expected predictors that add to one another.")
    return matrix, scale


def _coefficients(names: Sequence[str], values: Array, covariance: Array, scale: Array) -> dict[str, Coefficient]:
    errors = np.sqrt(np.diag(covariance)) / scale
    return {
        name: Coefficient(float(value), float(error))
        for name, value, error in zip(names, values / scale, errors, strict=True)
    }


# --- two-step -------------------------------------------------------------------------------------------------------


def _probit(data: _Data) -> tuple[Array, Array]:
    try:
        fit = Probit(data.is_selected.astype(np.float64), data.z).fit(
            disp=0, maxiter=200, tol=1e-12, warn_convergence=False
        )
        values, covariance = np.asarray(fit.params), np.asarray(fit.cov_params())
    except (PerfectSeparationError, np.linalg.LinAlgError) as error:
        raise ValueError("`selected`: separated perfectly by the predictors, expected overlap.") from error
    is_usable = np.isfinite(values).all() and np.isfinite(covariance).all() and (np.diag(covariance) > 0).all()
    if not is_usable or np.abs(values).max() > 1e3:
        raise ValueError("`selected`: separated perfectly by the predictors, expected overlap.")
    return values, covariance


def _least_squares(x: Array, y: Array) -> tuple[Array, Array]:
    beta: Array = np.linalg.lstsq(x, y, rcond=None)[0].astype(np.float64)
    return beta, y - x @ beta


def _two_step_covariance(x: Array, z: Array, delta: Array, gamma_cov: Array, sigma: float, rho: float) -> Array:
    """``σ²(X'X)⁻¹[X'(I − ρ²Δ)X + ρ²(X'ΔZ)V(Z'ΔX)](X'X)⁻¹`` (Greene 2003, eq. 22-22)."""
    bread = np.linalg.inv(x.T @ x)
    heteroscedastic = x.T @ (x * (1 - rho**2 * delta)[:, None])
    cross = x.T @ (z * delta[:, None])
    return np.asarray(sigma**2 * bread @ (heteroscedastic + rho**2 * cross @ gamma_cov @ cross.T) @ bread)


# --- maximum likelihood: theta = (gamma, beta, sigma, rho) --------------------------------------------------------


def _log_likelihood(theta: Array, data: _Data) -> tuple[float, Array]:
    """Log-likelihood and its gradient."""
    k = data.z.shape[1]
    gamma, beta, sigma, rho = theta[:k], theta[k:-2], theta[-2], theta[-1]
    index = data.z @ gamma
    z, out = data.z[data.is_selected], ~data.is_selected
    e = (data.y - data.x @ beta) / sigma
    root = sqrt(1 - rho * rho)
    a = (index[data.is_selected] + rho * e) / root
    value = log_ndtr(-index[out]).sum() + (log_ndtr(a) + norm.logpdf(e) - np.log(sigma)).sum()
    mills = np.exp(norm.logpdf(a) - log_ndtr(a))
    mills_out = np.exp(norm.logpdf(index[out]) - log_ndtr(-index[out]))
    by_e = rho / root * mills - e
    gradient = np.concatenate(
        [
            z.T @ (mills / root) - data.z[out].T @ mills_out,
            data.x.T @ (-by_e / sigma),
            [float((-by_e * e - 1).sum()) / sigma],
            [float((mills * (e + rho * index[data.is_selected])).sum()) / root**3],
        ]
    )
    return float(value), gradient


def _maximum(data: _Data) -> tuple[Array, float]:
    """Maximum in unbounded parameters (log σ, atanh ρ), polished by Newton steps in the natural ones."""

    def natural(free: Array) -> Array:
        return np.concatenate([free[:-2], [np.exp(free[-2])], [np.tanh(free[-1])]])

    def loss(free: Array) -> tuple[float, Array]:
        theta = natural(np.append(free[:-1], np.clip(free[-1], -8, 8)))
        value, gradient = _log_likelihood(theta, data)
        chain = np.concatenate([np.ones(len(free) - 2), [theta[-2], 1 - theta[-1] ** 2]])
        return -value, -gradient * chain

    best = min((minimize(loss, start, jac=True, method="BFGS") for start in _starts(data)), key=lambda fit: fit.fun)
    theta = natural(best.x)
    if not isfinite(best.fun) or abs(theta[-1]) > 0.9999:
        raise ValueError("`frame`: the likelihood has no maximum with rho between -1 and 1.")
    for _ in range(5):
        theta = theta + np.linalg.solve(_information(theta, data), _log_likelihood(theta, data)[1])
        if not (abs(theta[-1]) < 1 and theta[-2] > 0):
            raise ValueError("`frame`: the likelihood has no maximum with rho between -1 and 1.")
    return theta, _log_likelihood(theta, data)[0]


def _starts(data: _Data) -> list[Array]:
    """Two-step estimates, and least squares with rho 0: the likelihood may have more than one hill."""
    gamma, _ = _probit(data)
    index = data.z[data.is_selected] @ gamma
    mills = np.exp(norm.logpdf(index) - log_ndtr(index))
    beta, residual = _least_squares(np.column_stack([data.x, mills]), data.y)
    sigma = sqrt(float((residual**2).mean() + (mills * (mills + index)).mean() * beta[-1] ** 2))
    rho = float(np.clip(beta[-1] / sigma, -0.9, 0.9))
    plain, plain_residual = _least_squares(data.x, data.y)
    spread = max(float(np.std(plain_residual)), 1e-8)
    return [
        np.concatenate([gamma, beta[:-1], [np.log(max(sigma, 1e-8)), atanh(rho)]]),
        np.concatenate([gamma, plain, [np.log(spread), 0.0]]),
    ]


def _information(theta: Array, data: _Data) -> Array:
    """Negative second derivatives: central differences of the exact gradient."""
    gradient: Callable[[Array], Array] = lambda at: _log_likelihood(at, data)[1]  # noqa: E731
    rows = []
    for i, value in enumerate(theta):
        step = np.zeros_like(theta)
        step[i] = 1e-5 * max(1.0, abs(value)) * (1 - value**2 if i == len(theta) - 1 else 1.0)
        rows.append((gradient(theta + step) - gradient(theta - step)) / (2 * step[i]))
    hessian = np.array(rows, dtype=np.float64)
    return np.asarray(-(hessian + hessian.T) / 2)


def _inverse_information(theta: Array, data: _Data) -> Array:
    try:
        covariance = np.linalg.inv(_information(theta, data))
    except np.linalg.LinAlgError as error:
        raise ValueError("`frame`: the information matrix is singular; the model is not identified.") from error
    if (np.diag(covariance) <= 0).any():
        raise ValueError("`frame`: no maximum of the likelihood was found; the model is not identified.")
    return np.asarray(covariance)
