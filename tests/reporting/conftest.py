"""An invented firm's published tables, with the columns the marts have."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from tests.reporting.result_tables import AS_OF, result_tables


def coverage() -> pd.DataFrame:
    steps = {"hired": 409, "linked": 391, "tenured": 318, "rated": 286, "independent_rater": 243}
    rows = [
        {"job_family": "all", "step_order": i, "step": step, "n": n, "share": n / 409}
        for i, (step, n) in enumerate(steps.items(), start=1)
    ]
    return pd.DataFrame(rows)


def wilson(successes: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p, z = successes / n, 1.96
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return centre - half, centre + half


def funnel() -> pd.DataFrame:
    stages = ["application_review", "recruiter_screen", "hiring_manager_screen", "onsite", "offer", "hired"]
    shares = [0.21, 0.56, 0.44, 0.38, 0.83]
    rng, rows = np.random.default_rng(5), []
    quarters = pd.date_range("2023-01-01", periods=13, freq="QS")
    for quarter, n in [(None, 11_240), *((q.date(), int(rng.integers(700, 1000))) for q in quarters)]:
        entered = n
        counts = [n]
        for share in shares:
            entered = int(rng.binomial(entered, share))
            counts.append(entered)
        for order, (stage, n_entered) in enumerate(zip(stages, counts, strict=True), start=1):
            advanced = counts[order] if order < len(counts) else None
            rows.append(
                {
                    "job_family": "all",
                    "cohort_quarter": quarter,
                    "canonical_stage": stage,
                    "stage_order": order,
                    "n_entered": n_entered,
                    "n_advanced": advanced,
                    "n_hired": counts[-1],
                    "n_withdrawn": n_entered // 20,
                    "is_matured": True,
                    "status": "ok",
                }
            )
    frame = pd.DataFrame(rows)
    lo, hi = wilson(frame["n_advanced"].to_numpy(float), frame["n_entered"].to_numpy(float))
    return frame.assign(
        pass_through_rate=frame["n_advanced"] / frame["n_entered"], pass_through_lo=lo, pass_through_hi=hi
    )


def load() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    weeks = pd.date_range("2024-01-01", "2026-08-17", freq="W-MON")
    busy = rng.gamma(1.2, 0.9, 74)
    rows = [
        {"connection_id": "greenhouse_main", "interviewer_id": f"i{k}", "week_start": week.date(), "n_interviews": n}
        for week in weeks
        for k, n in enumerate(rng.poisson(busy * 0.7))
        if n > 0
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(interview_hours=frame["n_interviews"] * 0.8)


def scorecards() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    n = 5200
    latency = rng.lognormal(2.4, 1.25, n)
    interviewed = pd.Timestamp("2026-08-20", tz="UTC") - pd.to_timedelta(rng.integers(0, 1300, n), unit="D")
    draft = rng.random(n) < 0.03
    return pd.DataFrame(
        {
            "latency_hours": np.where(draft, np.nan, latency),
            "submitted_at": pd.Series(interviewed + pd.to_timedelta(latency, unit="h")).where(~draft),
            "is_draft": draft,
            "is_edited_after_decision": rng.random(n) < 0.012,
            "is_submitted_after_decision": rng.random(n) < 0.021,
        }
    )


def latency() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    months = pd.date_range("2024-07-01", periods=25, freq="MS")
    n = rng.integers(90, 190, len(months))
    in_time = rng.binomial(n, np.linspace(0.66, 0.79, len(months)))
    lo, hi = wilson(in_time.astype(float), n.astype(float))
    expected = (n * 1.08).astype(int)
    within = n - rng.integers(0, 12, len(months))
    submission_lo, submission_hi = wilson(within.astype(float), expected.astype(float))
    return pd.DataFrame(
        {
            "job_family": "all",
            "technique": "all",
            "month": months.date,
            "n_expected": expected,
            "n_submitted": n,
            "n_submitted_within_7d": within,
            "submission_rate": within / expected,
            "submission_lo": submission_lo,
            "submission_hi": submission_hi,
            "submission_status": "ok",
            "p50_hours": rng.uniform(8, 14, len(months)),
            "p90_hours": rng.uniform(40, 70, len(months)),
            "share_within_24h": in_time / n,
            "share_within_24h_lo": lo,
            "share_within_24h_hi": hi,
            "status": "ok",
        }
    )


def health() -> dict[str, pd.DataFrame]:
    hires = np.array([409.0, 12, 71, 118, 131, 77])
    linked = np.array([391.0, 9, 70, 115, 126, 71])
    lo, hi = wilson(linked, hires)
    months = pd.date_range("2024-07-01", periods=26, freq="MS")
    rng = np.random.default_rng(9)
    ats = rng.poisson(9, len(months))
    return {
        "marts_ops.link_match_rates": pd.DataFrame(
            {
                "tenure_band": ["all", "not_started", "0-6", "6-18", "18-36", "36+"],
                "band_order": range(6),
                "n_hires": hires.astype(int),
                "n_linked": linked.astype(int),
                "match_rate": linked / hires,
                "lo": lo,
                "hi": hi,
                "status": "ok",
            }
        ),
        "marts_ops.hire_reconciliation": pd.DataFrame(
            {"month": months.date, "n_ats_hires": ats, "n_hris_starts": ats + rng.integers(0, 2, len(months))}
        ).assign(
            n_hires_found=np.maximum(ats - rng.integers(0, 2, len(months)), 0),
            n_starts_found=ats,
            difference=lambda frame: frame["n_ats_hires"] - frame["n_hris_starts"],
        ),
        "marts_ops.stream_health": pd.DataFrame(
            [
                ("greenhouse_main", "greenhouse", "applications", AS_OF, "ok", 214, 187, 0, False),
                ("greenhouse_main", "greenhouse", "scorecards", AS_OF, "ok", 391, 402, 3, False),
                ("bamboohr_main", "bamboohr", "employees", AS_OF, "ok", 12, 9, 0, False),
                ("lattice_main", "lattice", "reviews", AS_OF - pd.Timedelta(days=4), "failed", 0, 5210, 1, True),
                ("lattice_main", "lattice", "questions", pd.NaT, "failed", None, None, 0, True),
            ],
            columns=[
                *("connection_id", "vendor", "stream", "last_success_at", "last_status", "last_rows", "previous_rows"),
                *("n_quarantined", "is_stale"),
            ],
        ),
        "marts_ops.data_quality_summary": pd.DataFrame(
            [
                ("link_match_rate", 0.956, 409, "Hires found in the HR system."),
                ("unmapped_interview_share", 0.021, 6120, "Interviews whose name no technique rule matches."),
                ("straight_lined_share", 0.064, 5044, "Scorecards that gave every attribute the same rating."),
                ("n_quarantined", 4.0, 4, "Records set aside and not loaded."),
            ],
            columns=["metric", "value", "n", "note"],
        ),
        "marts_interviewing.technique_mapping": pd.DataFrame(
            [
                ("Pair coding (60m)", "pair_coding", 1204, True),
                ("Coffee w/ founder", "unmapped", 96, False),
                ("<b>Vibes</b> & chat", "unmapped", 31, False),
            ],
            columns=["interview_name", "technique", "n_interviews", "is_mapped"],
        ),
        "marts_performance.review_coverage": pd.DataFrame(
            [
                ("H1 2026", "2026-01-01", "2026-06-30", True, 611, 552, 552 / 611),
                ("H2 2025", "2025-07-01", "2025-12-31", True, 590, 541, 541 / 590),
            ],
            columns=["cycle_name", "starts_on", "ends_on", "is_closed", "n_expected", "n_reviewed", "coverage"],
        ),
        "checks": pd.DataFrame(
            [
                ("link_match_rate_floor", "marts_ops.link_match_rates", "warning", "passed", "", None),
                ("ats_hires_equal_hris_starts", "marts_ops.hire_reconciliation", "warning", "failed",
                 "Hires missing in one system make the sample incomplete.", 4),
                ("scores_lie_on_their_scale", "marts_validity.fct_predictor_scores", "error", "passed", "", None),
                ("no_email_outside_the_vault", "canonical.candidates", "error", "could_not_run",
                 "A check that did not run protects nobody.", None),
            ],
            columns=["check", "table", "severity", "status", "reason", "n_failing"],
        ),
    }  # fmt: skip


def all_frames() -> dict[str, pd.DataFrame]:
    return {
        **result_tables(),
        "marts_validity.validity_coverage": coverage(),
        "marts_recruiting.funnel_by_stage": funnel(),
        "marts_interviewing.interviewer_load": load(),
        "marts_interviewing.fct_scorecards": scorecards(),
        "marts_interviewing.scorecard_latency": latency(),
        "marts_ops.metric_definitions": pd.DataFrame(
            [("r_obs", "Observed validity", "Pearson correlation among hires with a matured criterion.", "1")],
            columns=["metric_id", "name", "definition", "definition_version"],
        ),
        **health(),
    }


@pytest.fixture(scope="session")
def frames() -> dict[str, pd.DataFrame]:
    return all_frames()


@pytest.fixture(scope="session")
def few_frames(frames) -> dict[str, pd.DataFrame]:
    """With two techniques only, for tests that write the whole site often."""
    few = ("structured_behavioural", "reference_call")
    return {
        name: frame[frame["technique"].isin(few)] if name.startswith("validity.") and "technique" in frame else frame
        for name, frame in frames.items()
    }


@pytest.fixture(scope="session")
def generated_at() -> datetime:
    return datetime(2026, 8, 24, 3, 12, tzinfo=UTC)
