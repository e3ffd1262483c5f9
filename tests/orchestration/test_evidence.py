"""`qoh evidence-pack`: exit codes, files, sentences, and what it makes of the published file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from ingestion.exit_codes import ExitCode
from orchestration import cli, evidence
from orchestration.defs.publish import published_file
from orchestration.evidence_frames import agreement, evidence_frames, ll144_tables
from tests.reporting.evidence_tables import evidence_tables, fairness, signed

from .conftest import Company

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "evidence.example.yaml"


def qoh(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return int(ended.value.code or 0)


@pytest.fixture
def published(home: Path) -> Path:
    """A home with a published file of invented tables, its facts small."""
    folder = home / "published"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "analyst-1.duckdb"
    with duckdb.connect(str(file)) as connection:
        for name, frame in {**evidence_tables(), **facts()}.items():
            if name.startswith("study."):
                continue
            schema, _ = name.split(".")
            connection.execute(f"create schema if not exists {schema}")
            connection.register("rows", frame)
            connection.execute(f"create table {name} as select * from rows")
    (folder / "analyst.duckdb").symlink_to(file.name)
    return home


def facts() -> dict[str, pd.DataFrame]:
    """Rows of forty hires and forty others, two scorecards each."""
    n = 80
    application = [f"token-{k}" for k in range(n)]
    day = pd.Timestamp("2024-03-01", tz="UTC")
    applications = pd.DataFrame({"connection_id": "greenhouse_main", "application_id": application})
    hires = applications.head(40).assign(
        employee_connection_id="bamboohr_main",
        employee_id=[f"employee-{k}" for k in range(40)],
        spell_number=1,
        job_family="engineering",
        job_level="L2",
        hired_at=day,
        is_excluded=False,
        performance_rating_z=[(k % 9 - 4) / 4 for k in range(40)],
    )
    cards = pd.concat([applications, applications], ignore_index=True).assign(
        technique="pair_coding",
        recommendation_rank=[1 + k % 5 for k in range(n)] + [1 + (k + k % 3) % 5 for k in range(n)],
        is_draft=False,
        is_submitted_after_decision=False,
        is_edited_after_decision=False,
    )
    keys = ["employee_connection_id", "employee_id", "spell_number"]
    return {
        "marts_validity.fct_hire_outcomes": hires,
        "marts_validity.fct_predictor_scores": applications.assign(
            technique="pair_coding", attribute="overall", job_family="engineering", is_contaminated=False,
            score=[k % 5 / 4 for k in range(n)], first_submitted_at=day,
        ),
        "marts_performance.fct_performance_scores": hires[keys].assign(
            first_rated_on=pd.Timestamp("2024-12-31"), last_rated_on=pd.Timestamp("2025-06-30")
        ),
        "marts_performance.fct_performance_ratings": hires[["employee_id"]].assign(
            connection_id="lattice_main", cycle_id="c1", reviewer_id="r1", scale_min=1.0, scale_max=5.0,
            calibrated_rating=3.0, cell_kind="cycle_scale_level", is_in_window=True,
        ),
        "marts_interviewing.fct_scorecards": cards,
        "marts_interviewing.fct_scorecard_ratings": applications.assign(
            technique="pair_coding", attribute_name="Coding", scale_min=1.0, scale_max=5.0
        ),
    }  # fmt: skip


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signed-off file with everything in it, and no browser on PATH."""
    monkeypatch.setattr(evidence, "BROWSERS", ("no-such-browser",))
    path = tmp_path / "evidence.yaml"
    path.write_text(yaml.safe_dump(signed() | {"signed_on": pd.Timestamp.now("UTC").date()}))
    content = yaml.safe_load(path.read_text())
    content["uses"]["review_by"] = (pd.Timestamp.now("UTC") + pd.Timedelta(days=365)).date()
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("frame", evidence.FRAMES)
def test_a_complete_pack_ends_with_0_and_without_a_watermark(
    published: Path, filled: Path, frame: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert qoh("evidence-pack", "--frame", frame, "--signed-off", str(filled)) == ExitCode.OK
    page = published / "evidence" / f"evidence-pack-{frame}.html"
    assert "INCOMPLETE" not in page.read_text()
    shown = " ".join(capsys.readouterr().out.split())
    assert "Complete." in shown
    assert "No PDF: none of no-such-browser is on PATH" in shown
    assert stat.S_IMODE(page.parent.stat().st_mode) == 0o700


def test_an_incomplete_pack_is_written_ends_with_1_and_says_what_to_do(
    published: Path, filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert qoh("evidence-pack", "--out", str(tmp_path / "out")) == ExitCode.INCOMPLETE
    shown = " ".join(capsys.readouterr().out.split())
    assert "missing Item 12, Contact person: name or function. Fill in `contact.name`" in shown
    assert "INCOMPLETE" in shown
    assert "INCOMPLETE" in (tmp_path / "out" / "evidence-pack-siop.html").read_text()


def test_the_example_is_accepted_and_counts_as_not_signed(published: Path, filled: Path) -> None:
    assert qoh("evidence-pack", "--signed-off", str(EXAMPLE)) == ExitCode.INCOMPLETE
    assert (
        "nothing in the file counts before it is signed"
        in (published / "evidence" / "evidence-pack-siop.html").read_text()
    )


def test_the_example_names_every_key_a_file_may_have() -> None:
    from reporting.signoff import SignOff

    def keys(model: dict[str, object], definitions: dict[str, dict[str, object]]) -> dict[str, object]:
        return {name: _target(value, definitions) for name, value in model["properties"].items()}  # type: ignore[attr-defined]

    schema = SignOff.model_json_schema()
    example = yaml.safe_load(EXAMPLE.read_text())
    expected = keys(schema, schema["$defs"])
    assert set(example) == set(expected)
    for name, model in expected.items():
        if model and name != "jobs":
            assert set(example[name]) == set(model["properties"]), name


def _target(value: dict[str, object], definitions: dict[str, dict[str, object]]) -> object:
    found = str(value).split("#/$defs/")
    return definitions[found[1].split("'")[0]] if len(found) > 1 else None


def test_local_law_144_writes_its_tables_beside_the_page(published: Path, filled: Path) -> None:
    assert qoh("evidence-pack", "--frame", "ll144", "--signed-off", str(filled)) == ExitCode.OK
    table = pd.read_csv(published / "evidence" / "evidence-pack-ll144.csv")
    women = table[(table["metric"] == "selection") & (table["category"] == "Female")].iloc[0]
    assert (women["n"], women["selected"], round(women["impact_ratio"], 3)) == (1181, 555, 0.979)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--frame", "gdpr"), "`gdpr` is no frame; there are `siop`, `ugesp`, `ll144`"),
        (("--signed-off", "nowhere.yaml"), "`nowhere.yaml` cannot be read: no such file"),
    ],
)
def test_wrong_usage_ends_with_2_and_the_next_command(
    published: Path, arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert qoh("evidence-pack", *arguments) == ExitCode.USAGE
    shown = " ".join(capsys.readouterr().err.split())
    assert sentence in shown
    assert "Nothing was written." in shown
    assert "qoh evidence-pack" in shown
    assert not (published / "evidence").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("study:\n  users: 'open\n", "line"),
        ("study:\n\tusers: x\n", "line 2"),
        ("sined_by: x\n", "`sined_by` is no known key"),
        ("study: {users: a@b.example}\n", "`study.users` holds an e-mail address"),
        ("- a\n- b\n", "it holds list"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_place(
    published: Path, tmp_path: Path, text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    assert qoh("evidence-pack", "--signed-off", str(path)) == ExitCode.USAGE
    shown = " ".join(capsys.readouterr().err.split())
    assert sentence in shown
    assert "evidence.example.yaml" in shown


def test_before_the_first_run_it_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert qoh("evidence-pack") == ExitCode.USAGE
    assert "Nothing was published yet" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(
    published: Path, filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert qoh("evidence-pack", "--out", str(tmp_path / "file" / "below")) == ExitCode.USAGE
    assert "cannot be written" in capsys.readouterr().err


def test_help_teaches_the_file_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert qoh("evidence-pack", "--help") == ExitCode.OK
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("cp evidence.example.yaml evidence.yaml", "7 written but incomplete", "not an independent audit"):
        assert words in shown


def test_no_row_about_a_person_comes_out_of_the_published_file(published: Path) -> None:
    shown = "\n".join(frame.to_csv() for frame in evidence_frames(published_file()).values())
    assert "token-" not in shown
    assert "employee-" not in shown


def test_the_aggregates_are_those_of_the_facts(published: Path) -> None:
    tables = evidence_frames(published_file())
    scores = tables["study.scores"].set_index("job_family").loc["all"]
    assert (scores["n_applicants"], scores["n_rated"], scores["mean_applicants"]) == (80, 40, 0.5)
    assert tables["study.gaps"].iloc[0]["p50"] == 486
    assert tables["study.criterion"].iloc[0]["n_rated"] == 40


def test_families_are_left_out_where_a_small_one_could_be_worked_out(published: Path) -> None:
    from orchestration.evidence_frames import _shown_scores

    rows = [("a", "all", 60, 30), ("a", "x", 52, 22), ("a", "y", 8, 8), ("b", "all", 60, 30), ("b", "x", 60, 30)]
    scores = pd.DataFrame(rows, columns=["technique", "job_family", "n_applicants", "n_rated"])
    shown = _shown_scores(scores)
    assert [*zip(shown["technique"], shown["job_family"], strict=True)] == [("a", "all"), ("b", "all"), ("b", "x")]


def test_agreement_of_interviewers_is_refused_below_thirty_applications() -> None:
    cards = pd.DataFrame({"technique": "a", "application": [k // 2 for k in range(58)], "recommendation": [1, 2] * 29})
    assert agreement(cards).empty
    cards = pd.DataFrame(
        {
            "technique": "a",
            "application": [k // 2 for k in range(60)],
            "recommendation": [1 + k // 2 % 5 for k in range(60)],
        }
    )
    assert agreement(cards)[["n_groups", "icc", "icc_of_mean"]].iloc[0].tolist() == [30, 1.0, 1.0]


def test_unknown_categories_are_no_reference_even_with_the_highest_rate() -> None:
    rows = fairness()
    of_sex = rows[(rows["metric"] == "selection_rate") & (rows["dimension"] == "sex")].copy()
    of_sex.loc[of_sex["group"] == "not answered", "n_selected"] = 118
    table = ll144_tables(of_sex).set_index("category")
    assert table.loc["Male", "impact_ratio"] == 1
    assert pd.isna(table.loc["not answered", "impact_ratio"])
    assert table.loc["not answered", ["n", "selected"]].tolist() == [118, 118]


def browser(folder: Path, script: str) -> Path:
    """A stand-in for Chromium."""
    path = folder / "stand-in"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("script", "sentence"),
    [("exit 3", "ended with code 3"), ("sleep 5", "did not finish within"), ("exit 0", "code 0")],
)
def test_a_browser_that_fails_costs_the_pdf_and_not_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, sentence: str
) -> None:
    monkeypatch.setattr(evidence, "BROWSERS", (str(browser(tmp_path, script)),))
    monkeypatch.setattr(evidence, "PDF_SECONDS", 1)
    page = tmp_path / "page.html"
    page.write_text("<p>page</p>")
    page.with_suffix(".pdf").write_text("of an earlier page")
    assert sentence in evidence.write_pdf(page)
    assert not page.with_suffix(".pdf").exists()
    assert page.exists()


def test_the_sandbox_of_the_browser_is_off_for_root_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for user, expected in ((0, True), (1000, False)):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        command = evidence.pdf_command("chromium", tmp_path / "a.html", tmp_path / "a.pdf", tmp_path)
        assert ("--no-sandbox" in command) is expected
        assert "--no-pdf-header-footer" in command


@pytest.mark.browser
@pytest.mark.skipif(not any(map(evidence.shutil.which, evidence.BROWSERS)), reason="no Chromium here")
def test_the_page_becomes_a_pdf(published: Path, tmp_path: Path) -> None:
    assert qoh("evidence-pack", "--out", str(tmp_path)) == ExitCode.INCOMPLETE
    assert (tmp_path / "evidence-pack-siop.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_a_real_published_file_fills_what_tables_can_give(company: Company, tmp_path: Path) -> None:
    assert qoh("evidence-pack", "--frame", "ugesp", "--out", str(tmp_path)) == ExitCode.INCOMPLETE
    shown = (tmp_path / "evidence-pack-ugesp.html").read_text()
    for title in ("Dates of the study", "Form of the rating", "From hires to the sample", "Procedures in use"):
        assert f"<h4>{title}</h4>" in shown
