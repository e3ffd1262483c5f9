from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from reporting import charts, health, pages, words
from reporting.figures import Figure, coverage, funnel, match_rates, reconciliation
from reporting.frames import COLUMNS, TABLES, complete
from reporting.ladder import RULE, RUNGS
from reporting.prose import LITERATURE_LABEL, UNTESTABLE
from reporting.site import PAGES, pictures, write_site
from reporting.theme import DARK, LIGHT
from tests.reporting.contrast import contrast, mixed, rgb
from tests.reporting.result_tables import EVERYTHING, REASONS, REFUSED
from validity import thresholds, verdict
from validity.tables import columns_of

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


def read(path: Path) -> str:
    """A page, the spaces inside its intervals like any other."""
    return path.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def site(frames, generated_at, tmp_path_factory) -> dict[str, str]:
    paths = write_site(frames, tmp_path_factory.mktemp("report"), generated_at, company="Invented Ltd")
    return {path.name: read(path) for path in paths}


def test_the_first_path_is_the_page_to_open(site: dict[str, str]) -> None:
    assert list(site) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_small_and_asks_the_network_for_nothing(site: dict[str, str], name: str) -> None:
    html = site[name]
    assert len(html.encode()) < ONE_AND_A_HALF_MEGABYTES
    places = {f"#t-{key}" for key in EVERYTHING}
    inside = {*NAMES, "#content", "#limits", "data:,", *places, *(f"techniques.html{place}" for place in places)}
    assert set(Page(html).addresses) <= inside
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


def visible(html: str) -> str:
    return " ".join(Page(html).text.split())


def row_of(name: str, html: str) -> str:
    """The first row that begins with the name, and what stands below it."""
    row = re.search(rf'<tr><td>{name}</td>.*?</tr>(?:\s*<tr class="below">.*?</tr>)?', html, re.S)
    assert row, name
    return row[0]


def section(html: str, technique: str) -> str:
    """A technique's section of its page, with its markup."""
    start = html.index(f'<section class="technique" aria-labelledby="t-{technique}">')
    return html[start : html.index("</section>", start)]


def test_the_answer_stands_in_words_and_names_what_is_supported(site: dict[str, str]) -> None:
    text = visible(site["index.html"])
    assert "Of 7 techniques: for one (Structured behavioural), the scores predict later performance;" in text
    assert "for two (Hiring-manager screen, Pair coding), they probably predict it" in text
    assert "for one (Unstructured chat), there is no useful validity" in text
    assert "It cannot see where nobody was hired." in text


def test_a_verdict_stands_with_both_rungs_n_and_what_would_change_it(site: dict[str, str]) -> None:
    row = re.search(r'<tr><th scope="row"><a href="techniques.html#t-pair_coding">.*?</tr>', site["index.html"], re.S)
    assert row
    for part in ("promising", ".16 [.00, .32]", ".26 [.07, .45]", ">150<", "More hires: ±.10 by August 2032"):
        assert part in row[0]


@pytest.mark.parametrize("name", ["index.html", "techniques.html"])
def test_the_rule_of_the_words_is_printed_with_every_verdict_table(site: dict[str, str], name: str) -> None:
    n_tables = len(re.findall('class="(?:verdicts|families)', site[name]))
    assert site[name].count(RULE.replace(">", "&gt;")) == max(1, n_tables)


def test_the_printed_rule_has_the_limits_that_the_statistics_apply() -> None:
    printed = [float(found) for found in re.findall(r"\.\d\d", RULE)]
    assert printed == [thresholds.FALSE_DISCOVERY_RATE, verdict.USEFUL, verdict.USEFUL, verdict.LIKELY]


@pytest.mark.parametrize("technique", EVERYTHING)
def test_every_technique_says_what_cannot_be_tested(site: dict[str, str], technique: str) -> None:
    assert UNTESTABLE in section(site["techniques.html"], technique)


@pytest.mark.parametrize("technique", REFUSED)
def test_a_refused_technique_shows_no_number_anywhere(site: dict[str, str], technique: str) -> None:
    mine = section(site["techniques.html"], technique)
    assert REASONS[technique] in mine
    assert re.findall(r"[−.]\d|\d%", visible(mine)) == []
    assert "data-chart" not in mine
    assert f'id="precision-{technique}"' not in site["decisions.html"]
    rows = re.findall(r"<tr><t[hd][^>]*>(?:<a[^>]*>)?Reference call.*?</tr>", "".join(site.values()), re.S)
    assert rows
    assert not [row for row in rows if re.search(r">[^<]*[−.]\d", row)]


def test_what_was_not_corrected_shows_the_observed_value_and_the_reason_only(site: dict[str, str]) -> None:
    mine = section(site["techniques.html"], "system_design")
    assert "r .11" in visible(mine)
    assert REASONS["system_design"] in mine
    assert "Selection" not in mine.partition("<h3>Corrected</h3>")[0]
    assert "sensitivity-system_design" not in mine
    assert "<td>Applicants, expected</td>" not in mine
    assert not re.search(r"(?<!\d)\.33\b", visible(mine)), "the curve of a refused correction"


def test_a_loss_is_refused_where_the_correction_is(site: dict[str, str]) -> None:
    row = row_of("System design", site["decisions.html"])
    assert "9%" not in row
    assert "vary only 0.31 times" in row


def test_no_corrected_value_without_the_observed_one(few_frames, generated_at, tmp_path: Path) -> None:
    """The engine would not do it; the report must not even if it did."""
    estimates = few_frames["validity.validity_estimates"].copy()
    first = (estimates["rung"] == 1) & (estimates["technique"] == "structured_behavioural")
    estimates.loc[first, ["value", "lo", "hi"]] = float("nan")
    estimates.loc[first, ["status", "reason"]] = ["not_estimable", "the scores do not vary"]
    paths = write_site(few_frames | {"validity.validity_estimates": estimates}, tmp_path, generated_at)
    for text in map(read, paths):
        assert ".39 [.26, .52]" not in text
        assert ".39 (.26 to .52)" not in text
        assert ".41 [.26, .56]" not in text
        assert ".41 (.26 to .56)" not in text
    assert "the scores do not vary" in paths[1].read_text()


@pytest.fixture(scope="module")
def drawn(frames) -> dict[str, Figure]:
    makers = (pages.index, pages.technique_sections, pages.decisions, pages.process)
    return {figure.id: figure for make in makers for figure in pages.every_figure(make(complete(frames)))}


@pytest.mark.parametrize("kind", ["expectancy", "sensitivity", "precision", "dropping", "forest"])
def test_charts_of_corrected_values_carry_the_observed_one(drawn: dict[str, Figure], kind: str) -> None:
    mine = [figure for name, figure in drawn.items() if name.startswith(kind)]
    assert mine
    for figure in mine:
        said = " ".join((figure.note, figure.alt, *figure.table.heads, *(row[0] for row in figure.table.rows)))
        assert "observed" in said.lower(), figure.id


def test_the_literature_is_a_band_and_not_a_rank(site: dict[str, str]) -> None:
    text = visible(section(site["techniques.html"], "structured_behavioural"))
    assert "four in five between .18 and .66" in text
    assert "Your interval overlaps that band; your criterion reliability and selection differ from theirs." in text
    alone = visible(section(site["techniques.html"], "pair_coding"))
    assert (
        "Many firms found .26 on average (a mean without a band: invented); how far they differ is not known." in alone
    )
    assert LITERATURE_LABEL in visible(site["index.html"])
    assert not re.search(r"\b(rank \d|better than the literature|best technique)\b", visible(site["techniques.html"]))


def test_the_literature_band_lies_behind_corrected_values_only(drawn: dict[str, Figure]) -> None:
    """Many firms' operational validity is no reference for an observed correlation."""
    chart = drawn["forest"].chart.to_dict()
    rows = [row for data in chart["datasets"].values() for row in data]
    bands = [row for row in rows if "y_end" in row and row["hi"] > row["lo"]]
    observed = [row["y"] for row in rows if row.get("label") == "Observed"]
    assert len(bands) == 3
    assert not [y for y in observed for band in bands if band["y"] <= y <= band["y_end"]]


def interval_marks(figure: Figure) -> Iterator[tuple[str, float]]:
    """Colour and opacity of every line and band of the figure that runs to `hi`; literature's grey areas aside."""
    chart = figure.chart.to_dict()
    for layer in chart.get("layer", []):
        mark, encoding = layer["mark"], layer["encoding"]
        if mark["type"] == "rect" or "hi" not in [encoding.get(end, {}).get("field") for end in ("x2", "y2")]:
            continue
        rows = chart["datasets"][layer.get("data", chart.get("data"))["name"]]
        colours = {row["colour"] for row in rows} if "stroke" in encoding else {mark.get("stroke", mark["color"])}
        for colour in colours:
            yield colour, mark.get("opacity", 1) * mark.get("strokeOpacity", 1)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_the_lines_of_intervals_stand_out_from_what_is_behind_them(drawn: dict[str, Figure], palette) -> None:
    """WCAG 2.1, 1.4.11: graphics that carry a meaning need a contrast of 3 to 1."""
    surface = rgb(palette["--surface"])
    backgrounds = (surface, mixed(rgb(palette["--faint"]), surface, charts.BAND_OPACITY))
    marks = {mark for figure in drawn.values() for mark in interval_marks(figure)}
    assert {"var(--muted)", "var(--accent-mid)", "var(--accent)"} <= {colour for colour, _ in marks}
    for colour, opacity in marks:
        line = mixed(rgb(palette[colour[4:-1]]), surface, opacity)
        assert min(contrast(line, background) for background in backgrounds) >= 3, (colour, opacity)


def test_neighbouring_rungs_differ_in_colour_or_filling(drawn: dict[str, Figure]) -> None:
    rows = [row for data in drawn["forest"].chart.to_dict()["datasets"].values() for row in data if "colour" in row]
    looks = {label: {(row["colour"], row["fill"]) for row in rows if row["label"] == label} for label in RUNGS.values()}
    assert all(len(look) == 1 for look in looks.values())
    assert len({look for (look,) in looks.values()}) == len(RUNGS)


def test_the_region_where_nobody_was_hired_is_ghosted(drawn: dict[str, Figure]) -> None:
    scatter = drawn["scatter-pair_coding"]
    rows = [row for data in scatter.chart.to_dict()["datasets"].values() for row in data]
    assert [row["is_never_hired"] for row in rows] == [True, True, False, False, False, False]
    assert all(row["mean_rating"] is None for row in rows if row["is_never_hired"])
    assert "nobody was hired in 2 of 6 score ranges" in scatter.alt


def test_no_share_and_no_bar_tells_a_count_that_is_not_shown(frames) -> None:
    cycles = frames["marts_performance.review_coverage"].head(1)
    few = cycles.assign(n_expected=[30], n_reviewed=[3], coverage=[0.1])
    assert health.reviews(few).rows[0][-3:] == ("30", "<5", "–")
    many = cycles.assign(n_expected=[30], n_reviewed=[27], coverage=[0.9])
    assert health.reviews(many).rows[0][-3:] == ("30", "all but <5", "–")
    half = cycles.assign(n_expected=[30], n_reviewed=[18], coverage=[0.6])
    assert health.reviews(half).rows[0][-3:] == ("30", "18", "60% [42, 75]")
    quality = pd.DataFrame(
        {"metric": ["hires_excluded_share", "scorecards_draft_share"], "value": [0.1, 0.1], "n": [30, 30], "note": ""}
    )
    assert [row[1] for row in health.quality(quality).rows] == ["–", "10% [3, 26]"]
    months = pd.DataFrame(
        {
            **{"month": pd.date_range("2026-01-01", periods=2, freq="MS"), "n_ats_hires": [3, 18]},
            **{"n_hires_found": [2, 17], "n_hris_starts": [2, 19], "n_starts_found": [2, 12]},
        }
    )
    made = reconciliation(months)
    assert made.table.rows == (("Jan 2026", "<5", "<5", "<5", "<5"), ("Feb 2026", "18", "all but <5", "19", "12"))
    drawn = made.chart.data.iloc[0]
    assert pd.isna(drawn["first"])
    assert pd.isna(drawn["second"])
    assert "are not drawn" in made.note


def test_a_share_of_hires_found_tells_neither_the_few_found_nor_the_few_missing() -> None:
    bands = pd.DataFrame(
        {
            "tenure_band": ["not_started", "0-6", "6-18", "18-36", "36+"],
            **{"band_order": range(5), "n_hires": [11, 53, 60, 13, 8], "n_linked": [2, 49, 48, 0, 7]},
            **{"match_rate": [0.18, 0.92, 0.8, 0.0, 0.88], "lo": [0.05, 0.82, 0.68, 0.0, 0.53]},
            "hi": [0.48, 0.97, 0.88, 0.23, 0.98],
        }
    )
    made = match_rates(bands)
    assert made is not None
    assert [row[1:] for row in made.table.rows] == [
        ("11", "<5", "–", ""),
        ("53", "all but <5", "–", ""),
        ("60", "48", "80%", "[68, 88]"),
        ("13", "0", "0%", "[0, 23]"),
        ("8", "all but <5", "–", ""),
    ]
    drawn = made.chart.data
    assert drawn["value"].dropna().tolist() == [0.8, 0.0]
    assert drawn["numbers"].tolist()[:2] == ["<5 found · n 11", "all but <5 found · n 53"]
    assert "18%" not in made.alt
    assert "No share is shown that would tell a count of one to four, alone or with the others." in made.note


def test_a_band_that_is_not_shown_is_not_all_hires_minus_the_others() -> None:
    bands = pd.DataFrame(
        {
            **{"tenure_band": ["0-6", "6-18", "36+", "all"], "band_order": range(4)},
            **{"n_hires": [48, 102, 88, 238], "n_linked": [43, 96, 84, 223]},
            **{"match_rate": [0.9, 0.94, 0.95, 0.94], "lo": [0.78, 0.88, 0.89, 0.9], "hi": [0.95, 0.97, 0.98, 0.96]},
        }
    )
    made = match_rates(bands)
    assert made is not None
    assert [row[1:4] for row in made.table.rows] == [
        ("48", "–", "–"),
        ("102", "96", "94%"),
        ("88", "all but <5", "–"),
        ("238", "223", "94%"),
    ]
    assert made.chart.data["numbers"].iloc[0] == "share not shown · n 48"


def test_a_stage_that_few_left_or_passed_has_no_rate(frames) -> None:
    stages = frames["marts_recruiting.funnel_by_stage"]
    row = stages[(stages["job_family"] == "all") & stages["cohort_quarter"].isna()].iloc[[0] * 3]
    row = row.assign(stage_order=[1, 2, 3], n_entered=40, n_advanced=[20, 3, 38], pass_through_rate=[0.5, 0.075, 0.95])
    row = row.assign(pass_through_lo=row["pass_through_rate"] - 0.05, pass_through_hi=row["pass_through_rate"] + 0.05)
    made = funnel(row)
    assert made is not None
    assert [cells[2:4] for cells in made.table.rows] == [("20", "50%"), ("<5", "–"), ("all but <5", "–")]
    assert made.chart.data["numbers"].tolist()[1:] == ["40", "40"]


def test_a_share_of_all_hires_tells_no_few_that_are_missing(frames) -> None:
    steps = frames["marts_validity.validity_coverage"]
    steps = steps[steps["job_family"] == "all"].sort_values("step_order").head(3).assign(n=[40, 38, 20])
    made = coverage(steps)
    assert made is not None
    assert [cells[-1] for cells in made.table.rows] == ["100%", "–", "50%"]


def test_months_disagree_when_people_are_unmatched_whatever_the_difference() -> None:
    months = pd.DataFrame(
        {
            **{"month": pd.date_range("2026-01-01", periods=4, freq="MS"), "n_ats_hires": [9, 9, 9, 9]},
            **{"n_hires_found": [9, 7, 9, 9], "n_hris_starts": [9, 9, 9, 11], "n_starts_found": [9, 9, 3, 11]},
        }
    )
    made = reconciliation(months.assign(difference=months["n_ats_hires"] - months["n_hris_starts"]))
    assert made is not None
    # The fourth month's starts all have a hire, two of them planned for another month.
    assert made.title == "The two systems disagree in 2 of 4 months"
    assert "they disagree in 2" in made.alt


def test_a_count_blanked_because_it_is_small_is_no_region_without_hires(frames) -> None:
    bins = frames["validity.validity_scatter"].astype({"n_hired": "Int64"})
    bins.loc[bins["score_lo"] == 0.0, "n_hired"] = pd.NA
    made = pages.every_figure(pages.technique_sections(complete(frames | {"validity.validity_scatter": bins})))
    scatter = next(figure for figure in made if figure.id == "scatter-pair_coding")
    assert "nobody was hired in 1 of 6 score ranges" in scatter.alt


def test_words_say_what_hidden_information_would_change(site: dict[str, str]) -> None:
    supported = visible(section(site["techniques.html"], "structured_behavioural"))
    inconclusive = visible(section(site["techniques.html"], "work_sample"))
    assert "the interval stays clear of 0 for any ρ from 0 up to .50; no other was tried" in supported
    assert "the interval includes 0 for any ρ from 0 up to .50; no other was tried" in inconclusive
    assert "Assuming nothing at all about those who were not hired" in supported


def test_a_verdict_that_leans_on_pooling_or_on_the_correction_says_so(few_frames, generated_at, tmp_path: Path) -> None:
    estimates = few_frames["validity.validity_estimates"].copy()
    mine = (estimates["technique"] == "structured_behavioural") & (estimates["job_family"] == "all")
    estimates.loc[mine & estimates["rung"].isin([1, 3]), "lo"] = -0.02
    first, second, *_ = write_site(few_frames | {"validity.validity_estimates": estimates}, tmp_path, generated_at)
    assert "The pooling: without it the interval includes 0" in first.read_text()
    text = visible(section(second.read_text(), "structured_behavioural"))
    assert "Without the pooling the interval includes 0, so the verdict leans on it." in text
    assert "The observed number alone would not show it; the verdict rests on the correction." in text


def test_a_third_that_a_correlation_cannot_move_has_no_interval_of_no_width(few_frames) -> None:
    shares = few_frames["validity.validity_expectancy"].copy()
    shares.loc[(shares["kind"] == "expected") & (shares["third"] == 2), ["share_good", "lo", "hi"]] = 0.5
    made = pages.every_figure(pages.technique_sections(complete(few_frames | {"validity.validity_expectancy": shares})))
    rows = [row for row in made[0].table.rows if row[0] == "Applicants, expected"]
    assert [row[3] for row in rows][1] == ""


def test_a_stated_reliability_says_where_it_is_from_and_has_no_interval(site: dict[str, str]) -> None:
    row = row_of("Sales", site["decisions.html"])
    assert "literature value 0.60 for one rater (Sackett et al. 2022)" in row
    assert "[" not in row


def test_too_wide_to_say_is_text_without_a_point(site: dict[str, str]) -> None:
    mine = section(site["techniques.html"], "manager_screen")
    assert "too wide to say: somewhere between" in mine
    assert "too wide to say" in Page(site["index.html"]).images[0]["aria-label"]  # type: ignore[operator]


def test_a_family_cell_has_the_observed_value_wherever_it_has_a_corrected_one(site: dict[str, str]) -> None:
    table = re.search(r'<table class="families[^>]*>.*?</table>', site["index.html"], re.S)
    assert table
    cells = re.findall(r"<td[^>]*>(.*?)</td>", table[0])
    corrected = [cell for cell in cells if "<b>" in cell]
    assert corrected
    assert all(re.search(r"observed [−.\d]+ · n \d", cell) for cell in corrected)


def test_the_decisions_page_says_when_we_shall_know_and_what_everybody_must_know(site: dict[str, str]) -> None:
    text = visible(site["decisions.html"])
    assert "±.10 by August 2032 with 725 hires." in text
    assert text.count("No test can check that") == 1, "once for everybody, not again for each family"
    assert "9 raters gave all ratings" in text
    assert "A high p of a bend verifies nothing" in text


def test_the_untestable_assumption_stands_even_if_no_warning_came(few_frames, generated_at, tmp_path: Path) -> None:
    without = {name: frame for name, frame in few_frames.items() if name != "validity.validity_warnings"}
    assert UNTESTABLE in visible(write_site(without, tmp_path, generated_at)[2].read_text())


def test_an_attribute_of_a_technique_is_no_technique(site: dict[str, str]) -> None:
    assert not [name for name in NAMES if re.search(r"(?<!\d)\.78\b", visible(site[name]))]


@pytest.mark.parametrize("name", [name for name in TABLES if name.startswith("validity.")])
def test_the_result_tables_have_the_columns_the_report_reads(frames, name: str) -> None:
    assert set(COLUMNS[name]) <= set(columns_of(name.partition(".")[2]))
    assert set(COLUMNS[name]) <= set(frames[name].columns)


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
def test_any_single_table_may_be_missing(missing: str, few_frames, generated_at, tmp_path: Path) -> None:
    """A firm without one of the systems: the rest of the report still stands."""
    partial = {name: frame for name, frame in few_frames.items() if name != missing}
    assert len(write_site(partial, tmp_path, generated_at)) == len(NAMES)


def test_a_firm_with_too_few_hires_gets_words_instead_of_numbers(frames, generated_at, tmp_path: Path) -> None:
    estimates = frames["validity.validity_estimates"].copy()
    estimates[["value", "lo", "hi", "mdv"]] = float("nan")
    estimates["n"], estimates["status"], estimates["verdict"] = 3, "suppressed", "not estimable"
    estimates["reason"] = "fewer than 25 reviewed hires"
    steps = frames["marts_validity.validity_coverage"].assign(n=[6, 4, 3, 3, 0])
    small = frames | {"validity.validity_estimates": estimates, "marts_validity.validity_coverage": steps}
    first, second, third, *_ = (path.read_text() for path in write_site(small, tmp_path, generated_at))
    text = Page(first).text
    assert "the correction was refused or there are too few reviewed hires" in text
    assert "<5 of 6 hires carry the answer, 0 with an independent rater" in text
    shares = json.loads(re.search(r'id="data-coverage">(.*?)</script>', first, re.S)[1])["datasets"]
    assert not [row for rows in shares.values() for row in rows if row["n"] in (1, 2, 3, 4)], "the bar gives it away"
    assert Page(second).images == []
    assert Page(third).images == []


def test_a_table_with_nulls_everywhere_still_makes_pages(frames, generated_at, tmp_path: Path) -> None:
    holes = {name: frame.head(3).map(lambda _: None) for name, frame in frames.items()}
    assert len(write_site(holes, tmp_path, generated_at)) == len(NAMES)


def test_writing_again_replaces_the_pages_and_leaves_nothing_behind(few_frames, generated_at, tmp_path: Path) -> None:
    write_site({}, tmp_path, generated_at)
    write_site(few_frames, tmp_path, generated_at)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)


def test_pictures_are_png_and_drawn_offline(frames) -> None:
    drawn = pictures({"marts_validity.validity_coverage": frames["marts_validity.validity_coverage"]})
    assert list(drawn) == ["coverage"]
    assert drawn["coverage"].startswith(b"\x89PNG")
    assert len(drawn["coverage"]) > 5000


def test_a_picture_is_made_of_every_new_chart(frames) -> None:
    names = ("forest", "dropping", *(f"{kind}-pair_coding" for kind in ("expectancy", "scatter", "sensitivity")))
    drawn = pictures(frames, (*names, "precision-pair_coding"))
    assert list(drawn) == [*names, "precision-pair_coding"]
    assert all(len(png) > 5000 for png in drawn.values())


def test_every_chart_is_valid(drawn: dict[str, Figure]) -> None:
    """The pages leave the validation out, because it takes seconds."""
    assert all(figure.chart.to_dict(validate=True) for figure in drawn.values())


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


def test_frames_are_not_changed(few_frames, generated_at, tmp_path: Path) -> None:
    before = {name: frame.copy() for name, frame in few_frames.items()}
    write_site(few_frames, tmp_path, generated_at)
    for name, frame in few_frames.items():
        pd.testing.assert_frame_equal(frame, before[name])


def test_the_thresholds_are_the_ones_of_the_one_table() -> None:
    assert thresholds.PEOPLE_COUNT.shown == words.SMALLEST_COUNT_SHOWN
    assert thresholds.GROUP_RATE.shown == words.SMALLEST_GROUP_SHOWN


def test_rates_of_fewer_than_ten_people_are_not_shown(frames, generated_at, tmp_path: Path) -> None:
    stages = frames["marts_recruiting.funnel_by_stage"].copy()
    stages.loc[stages["canonical_stage"] == "offer", "n_entered"] = 9
    stages.loc[stages["canonical_stage"] == "hired", ["n_entered", "n_hired"]] = 3
    html = write_site({"marts_recruiting.funnel_by_stage": stages}, tmp_path, generated_at)[3].read_text()
    rows = dict(re.findall(r"<tr><td>([\w -]+)</td><td[^>]*>([^<]*)</td>", html))
    assert (rows["Offer"], rows["Hired"]) == ("9", "&lt;5")
    assert 'id="stage-offer"' not in html


def test_a_technique_says_what_it_was_drawn_towards_and_whose_opinion_its_reliability_rests_on(site) -> None:
    text = " ".join(Page(site["techniques.html"]).text.split())
    assert "drawn towards a stated prior (mean .25, SD .20 on Fisher’s z)" in text
    assert "repeat of the manager's rating, assuming that they rate in the same unit" in text.replace("’", "'")


def test_the_lift_of_a_prior_is_that_of_the_technique(site) -> None:
    """One figure for all was wrong for most: the better a value is known, the less the prior lifts."""
    for technique, lift in (("structured_behavioural", ".05"), ("work_sample", ".09")):
        said = visible(section(site["techniques.html"], technique))
        assert f"known as precisely as this one, would be drawn to about {lift} by that prior." in said


def test_a_value_pooled_over_job_families_says_so_and_names_no_prior(few_frames, generated_at, tmp_path: Path) -> None:
    estimates = few_frames["validity.validity_estimates"].copy()
    pooled = estimates["rung"] == 4
    estimates.loc[pooled, "method"] = "maximum_likelihood+g_q_k+pooled_over_4_job_families"
    first, second, *_ = write_site(few_frames | {"validity.validity_estimates": estimates}, tmp_path, generated_at)
    for text in (visible(first.read_text()), visible(second.read_text())):
        assert "drawn towards the values of the same technique in 4 job families" in text
        assert "prior" not in text


def test_a_page_without_pooled_values_names_nothing_they_were_drawn_towards(few_frames) -> None:
    estimates = few_frames["validity.validity_estimates"]
    without = complete(few_frames | {"validity.validity_estimates": estimates[estimates["rung"] < 3]})
    assert "nobody has one here" in pages.index(without)["rungs"]


def test_expected_applicants_are_held_against_the_middle_applicant(site: dict[str, str], drawn) -> None:
    """The base rate is a half of the applicants; the hires' colleagues are another yardstick."""
    said = visible(section(site["techniques.html"], "structured_behavioural"))
    assert "in the top third would do better than the middle applicant among them" in said
    assert "Had everybody been hired who reached the stage" in said
    assert "middle of their colleagues" not in "".join(site.values())
    figure = drawn["expectancy-structured_behavioural"]
    for words_ in (figure.note, figure.alt):
        assert "better than the middle applicant among them" in words_


def test_scored_and_all_applicants_are_both_named_where_they_differ(site: dict[str, str]) -> None:
    said = visible(section(site["techniques.html"], "structured_behavioural"))
    assert "with the scores of the 1,833 applicants who have one, of 1,890 who reached the stage" in said


def test_the_highest_score_has_a_bin_of_its_own_that_does_not_leave_the_scale(drawn: dict[str, Figure]) -> None:
    scatter = drawn["scatter-pair_coding"]
    assert [row[0] for row in scatter.table.rows][-2:] == ["0.8 to below 1", "1 (top score)"]
    assert "1.2" not in scatter.alt


def test_intervals_that_allow_for_few_raters_stand_in_the_family_table_and_in_its_warnings(site) -> None:
    table = re.search(r'<table class="families[^>]*>.*?</table>', site["index.html"], re.S)
    assert table
    row = re.search(r"<tr><th[^>]*>Structured behavioural.*?</tr>", table[0], re.S)
    assert row
    assert re.search(r"few raters: \.41 \[", row[0])
    after = visible(site["decisions.html"]).partition("9 raters gave all ratings")[0]
    assert "Engineering Few people gave the ratings. Allowing for who they happen to be" in after


def test_dates_under_narrow_charts_keep_their_distance(drawn: dict[str, Figure], frames) -> None:
    fans = pages.every_figure(pages.decisions(complete(frames)))
    stages = pages.every_figure(pages.process(complete(frames)))
    narrow = [one for one in (*fans, *stages) if one.id.startswith(("precision", "stage", "latency-m", "reconcil"))]
    assert narrow
    for figure in narrow:
        (dates,) = re.findall(r'"values": \[(\{"date".*?)\]', json.dumps(figure.chart.to_dict(), sort_keys=True))[:1]
        years = [int(year) for year in re.findall(r'"year": (\d+)', dates)]
        months = [
            12 * year + int(month) for year, month in zip(years, re.findall(r'"month": (\d+)', dates), strict=True)
        ]
        assert 2 <= len(months) <= 6, figure.id
        assert len({after - before for before, after in pairwise(months)}) == 1, figure.id


def test_what_techniques_explain_together_stands_beside_what_they_would_in_new_data(site: dict[str, str]) -> None:
    said = visible(site["decisions.html"])
    assert "explain 27% of it together, to which chance adds; in new data it would be about 20% (a formula)" in said
    assert "an interval above 0 does not show that it adds something" in said


def test_the_submission_rate_has_its_interval_and_is_not_shown_of_few(frames, generated_at, tmp_path: Path) -> None:
    months = frames["marts_interviewing.scorecard_latency"].copy()
    months[["n_expected", "submission_rate", "submission_lo", "submission_hi"]] = [120, 0.61, 0.52, 0.69]
    few = months["month"] == months["month"].max()
    months.loc[few, ["n_expected", "submission_rate"]] = [9, 0.13]
    html = write_site({"marts_interviewing.scorecard_latency": months}, tmp_path, generated_at)[3].read_text()
    text = " ".join(Page(html).text.split())
    assert "61%" in text
    assert "[52, 69]" in text
    assert "13%" not in text


def test_the_first_page_tells_whose_ratings_are_in_doubt_and_what_changes_without_them(frames) -> None:
    tables = complete(frames)
    assert pages.index(tables)["raters"] == ""
    doubts = {"rater_was_interviewer_share": 0.22, "rater_independence_unknown_share": 0.03}
    rows = pd.DataFrame([{"metric": name, "value": share, "n": 286, "note": ""} for name, share in doubts.items()])
    tables["marts_ops.data_quality_summary"] = pd.concat([tables["marts_ops.data_quality_summary"], rows])
    estimates = tables["validity.validity_estimates"]
    estimates["verdict"] = estimates["verdict"].where(
        ~((estimates["technique"] == "pair_coding") & (estimates["variant"] == "independent_raters")), "inconclusive"
    )
    said = pages.index(tables)["raters"]
    assert said.startswith("25% of the rated hires were rated by somebody who had interviewed them, or may have.")
    assert "Pair coding would be inconclusive instead of promising" in said
