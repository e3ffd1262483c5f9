from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from reporting import words
from reporting.frames import COLUMNS, TABLES
from reporting.site import PAGES, pictures, write_site
from validity import thresholds
from validity.publication import shown

ONE_AND_A_HALF_MEGABYTES = 1_500_000
NAMES = [file for file, _ in PAGES]


class Page(HTMLParser):
    """What a test asks of a page: resource addresses, figures, ids, visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.ids: list[str] = []
        self.levels: list[int] = []
        self.text = ""
        self._hidden = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self._hidden += tag in ("script", "style")
        self.addresses += [str(found[name]) for name in ("src", "href", "data", "poster", "action") if found.get(name)]
        self.ids += [str(found["id"])] if "id" in found else []
        if found.get("role") == "img":
            self.images.append(found)
        if re.fullmatch(r"h[1-6]", tag):
            self.levels.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += data


@pytest.fixture(scope="module")
def site(frames, generated_at, tmp_path_factory) -> dict[str, str]:
    published = frames | {"validity.technique_estimates": shown(frames["validity.technique_estimates"])}
    paths = write_site(published, tmp_path_factory.mktemp("report"), generated_at, company="Invented Ltd")
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def test_the_first_path_is_the_page_to_open(site: dict[str, str]) -> None:
    assert list(site) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_small_and_asks_the_network_for_nothing(site: dict[str, str], name: str) -> None:
    html = site[name]
    assert len(html.encode()) < ONE_AND_A_HALF_MEGABYTES
    assert set(Page(html).addresses) <= {*NAMES, "#content", "#limits", "data:,"}
    assert "default-src 'none'" in html
    styles = "".join(re.findall(r"<style>(.*?)</style>", html, re.S))
    assert "url(" not in styles
    assert "@import" not in styles


@pytest.mark.parametrize("name", NAMES)
def test_every_chart_has_words_and_a_table(site: dict[str, str], name: str) -> None:
    page = Page(site[name])
    assert page.images
    assert all(len(str(image.get("aria-label") or "")) > 40 for image in page.images)
    assert page.text.count("The numbers as a table") == len(page.images)
    assert len(page.ids) == len(set(page.ids))
    assert {f"data-{i}" for i in page.ids} >= {str(image["data-chart"]) for image in page.images}


@pytest.mark.parametrize("name", NAMES)
def test_headings_do_not_skip_a_level(site: dict[str, str], name: str) -> None:
    levels = Page(site[name]).levels
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", NAMES)
def test_no_row_about_a_person_is_inside_a_page(site: dict[str, str], name: str, frames) -> None:
    interviewers = frames["marts_interviewing.interviewer_load"]["interviewer_id"].unique()
    assert not [who for who in interviewers if f'"{who}"' in site[name] or f">{who}<" in site[name]]
    for name_, chart in re.findall(
        r'<script type="application/json" id="(data-[\w-]+)">(.*?)</script>', site[name], re.S
    ):
        rows = [row for data in json.loads(chart)["datasets"].values() for row in data]
        assert len(rows) <= 200, f"{name_} carries {len(rows)} rows: not an aggregate"
        assert not {"interviewer_id", "application_id", "employee_id"} & {key for row in rows for key in row}


def test_text_from_the_data_is_escaped(site: dict[str, str]) -> None:
    assert "<b>Vibes</b>" not in site["health.html"]
    assert "&lt;b&gt;Vibes&lt;/b&gt; &amp; chat" in site["health.html"]


def test_the_answer_stands_in_words_with_interval_and_n(site: dict[str, str]) -> None:
    text = " ".join(Page(site["index.html"]).text.split())
    assert re.search(r"Of 7 techniques: for \w+, hires who scored higher were later rated higher;", text)
    assert re.search(
        r"Structured behavioural ?predicts ?Hires who scored higher .* r \.\d\d, interval .* reviewed hires", text
    )
    assert "we could only have seen r ≥" in text
    assert "It looks at hired people only." in text


def test_a_correlation_on_fewer_than_30_hires_is_not_in_the_report(frames, site: dict[str, str]) -> None:
    estimates = frames["validity.technique_estimates"]
    few = estimates[(estimates["status"] == "low_n") & (estimates["n"] < 30) & (estimates["variant"] == "all_raters")]
    assert len(few)
    cells = re.findall(r"<td><b>(.*?)</b>.*?<small>.*?n (\d+)</small>", site["index.html"])
    assert all(value == "–" for value, n in cells if int(n) < 30)


def test_failing_checks_come_first_and_say_why(site: dict[str, str]) -> None:
    text = Page(site["health.html"]).text
    assert text.index("no email outside the vault") < text.index("ats hires equal hris starts")
    assert "A check that did not run protects nobody." in text
    assert "scores lie on their scale" not in text


@pytest.mark.parametrize("kind", ["no tables", "no rows"])
def test_an_empty_warehouse_makes_a_sensible_report(kind: str, frames, generated_at, tmp_path: Path) -> None:
    empty = {} if kind == "no tables" else {name: frame.head(0) for name, frame in frames.items()}
    pages = {path.name: Page(path.read_text()) for path in write_site(empty, tmp_path, generated_at)}
    assert all(not page.images for page in pages.values())
    assert "No interview scores have reached the warehouse yet" in pages["index.html"].text
    assert "No stream has run yet" in pages["health.html"].text
    assert not any("nan" in re.findall(r"\b\w+\b", page.text.lower()) for page in pages.values())
    assert pictures(empty) == {}


@pytest.mark.parametrize("missing", TABLES)
def test_any_single_table_may_be_missing(missing: str, frames, generated_at, tmp_path: Path) -> None:
    """A firm without one of the systems: the rest of the report still stands."""
    partial = {name: frame for name, frame in frames.items() if name != missing}
    assert len(write_site(partial, tmp_path, generated_at)) == len(NAMES)


def test_a_firm_with_too_few_hires_gets_words_instead_of_numbers(frames, generated_at, tmp_path: Path) -> None:
    estimates = frames["validity.technique_estimates"].copy()
    estimates[["value", "lo", "hi", "mdv"]] = float("nan")
    estimates["n"], estimates["status"], estimates["verdict"] = 3, "not_estimable", "too few hires"
    steps = frames["marts_validity.validity_coverage"].assign(n=[6, 4, 3, 3, 0])
    small = {"validity.technique_estimates": estimates, "marts_validity.validity_coverage": steps}
    html = write_site(small, tmp_path, generated_at)[0].read_text()
    text = Page(html).text
    assert "there are too few reviewed hires to say anything" in text
    assert "<5 of 6 hires carry the answer, 0 with an independent rater" in text
    assert "<5" in text
    shares = json.loads(re.search(r'id="data-coverage">(.*?)</script>', html, re.S)[1])["datasets"]
    assert not [row for rows in shares.values() for row in rows if row["n"] in (1, 2, 3, 4)], "the bar gives it away"


def test_a_table_with_nulls_everywhere_still_makes_pages(frames, generated_at, tmp_path: Path) -> None:
    holes = {name: frame.head(3).map(lambda _: None) for name, frame in frames.items()}
    assert len(write_site(holes, tmp_path, generated_at)) == len(NAMES)


def test_writing_again_replaces_the_pages_and_leaves_nothing_behind(frames, generated_at, tmp_path: Path) -> None:
    write_site({}, tmp_path, generated_at)
    write_site(frames, tmp_path, generated_at)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)


def test_pictures_are_png_and_drawn_offline(frames) -> None:
    drawn = pictures({"marts_validity.validity_coverage": frames["marts_validity.validity_coverage"]})
    assert list(drawn) == ["coverage"]
    assert drawn["coverage"].startswith(b"\x89PNG")
    assert len(drawn["coverage"]) > 5000


def test_the_report_reads_only_columns_that_the_marts_promise() -> None:
    """The contracts of the marts are YAML in the dbt project; a renamed column must fail here, not in the report."""
    yaml = pytest.importorskip("yaml")
    contracts: dict[str, set[str]] = {}
    project = Path(__file__).parents[2] / "dbt_project"
    for path in [*(project / "models" / "marts").rglob("*.yml"), *(project / "seeds").glob("*.yml")]:
        described = yaml.safe_load(path.read_text())
        for table in [*described.get("models", []), *described.get("seeds", [])]:
            contracts[table["name"]] = {column["name"] for column in table.get("columns", [])}
    for table in TABLES:
        if table.startswith("marts_"):
            missing = set(COLUMNS[table]) - contracts[table.partition(".")[2]]
            assert not missing, f"{table} has no {missing}"


def test_the_estimates_table_has_the_columns_the_report_reads(frames) -> None:
    assert set(COLUMNS["validity.technique_estimates"]) <= set(frames["validity.technique_estimates"].columns)


def test_frames_are_not_changed(frames, generated_at, tmp_path: Path) -> None:
    before = {name: frame.copy() for name, frame in frames.items()}
    write_site(frames, tmp_path, generated_at)
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_the_thresholds_are_the_ones_of_the_one_table() -> None:
    assert thresholds.PEOPLE_COUNT.shown == words.SMALLEST_COUNT_SHOWN
    assert thresholds.GROUP_RATE.shown == words.SMALLEST_GROUP_SHOWN


def test_rates_of_fewer_than_ten_people_are_not_shown(frames, generated_at, tmp_path: Path) -> None:
    stages = frames["marts_recruiting.funnel_by_stage"].copy()
    stages.loc[stages["canonical_stage"] == "offer", "n_entered"] = 9
    stages.loc[stages["canonical_stage"] == "hired", ["n_entered", "n_hired"]] = 3
    html = write_site({"marts_recruiting.funnel_by_stage": stages}, tmp_path, generated_at)[1].read_text()
    rows = dict(re.findall(r"<tr><td>([\w -]+)</td><td class=\"num\">([^<]*)</td>", html))
    assert (rows["Offer"], rows["Hired"]) == ("9", "&lt;5")
    assert 'id="stage-offer"' not in html
