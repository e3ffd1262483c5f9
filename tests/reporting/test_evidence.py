"""The evidence pack: complete when everything is there, INwhole() and listed when not, raw beside corrected always."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from html import unescape
from typing import Any

import pandas as pd
import pytest

from orchestration.evidence_frames import ll144_tables
from reporting.checklist import FRAMES, SIGNED, Item, Part
from reporting.evidence import Found, Pack, evidence_pack, find
from reporting.exhibit import LL144
from reporting.exhibits import exhibits
from reporting.signoff import SignOffInvalid, read_sign_off
from tests.reporting.evidence_tables import AS_OF, PUBLISHED_RATIOS, WORKED, evidence_tables, signed

NOW = datetime(2026, 8, 24, 3, 12, tzinfo=UTC)
WATERMARK = 'class="watermark"'
ESTIMATES = "validity.validity_estimates"

SOURCES = {
    "dates": ("study.dates",),
    "gap": ("study.gaps",),
    "criterion_definition": ("marts_ops.metric_definitions",),
    "criterion_scales": ("study.scales",),
    "contamination": (ESTIMATES,),
    "coverage": ("marts_validity.validity_coverage",),
    "applicants": ("validity.validity_diagnostics",),
    "selection_rates": ("validity.validity_fairness",),
    "procedures": ("marts_interviewing.technique_mapping",),
    "reliability": ("validity.validity_reliability",),
    "predictor_reliability": ("study.predictor_reliability",),
    "results": (ESTIMATES,),
    "scores": ("study.scores",),
    "criterion": ("study.criterion",),
    "lineage": ("validity.validity_lineage",),
    "checks": ("marts_ops.check_outcomes",),
    "reproduction": (ESTIMATES,),
}
"""The tables behind each exhibit that an item demands."""
IN_PLACE_OF_TABLES = ("procedures.reliability", "sample.composition_by_group")


def complete() -> dict[str, pd.DataFrame]:
    tables = evidence_tables()
    return {**tables, LL144: ll144_tables(tables["validity.validity_fairness"])}


@cache
def whole() -> Found:
    return find(complete())


def pack(found: Found | None = None, said: Any = None, frame: str = "siop") -> Pack:
    return evidence_pack(found or whole(), read_sign_off(signed() if said is None else said), frame, NOW)


def lacking(*keys: str) -> Found:
    return replace(whole(), exhibits={key: made for key, made in whole().exhibits.items() if key not in keys})


def without(content: dict[str, Any], path: str, blank: Any = None) -> dict[str, Any]:
    """The content with one key removed, or left blank."""
    made = copy.deepcopy(content)
    *parents, last = path.split(".")
    place = made
    for name in parents:
        place = place[name]
    if blank is None:
        del place[last]
    else:
        place[last] = blank
    return made


def parts(essential: bool) -> list[Any]:
    return [
        pytest.param(frame.key, item, part, id=f"{frame.key}-{item.number}-{part.keys[0]}")
        for frame in FRAMES.values()
        for item in frame.items
        if item.is_essential == essential
        for part in item.parts
    ]


def taken_away(part: Part) -> tuple[Found, dict[str, Any]]:
    """Complete evidence but for this part; what a file that comes with tables need not hold is not in it."""
    said = signed()
    for key in part.keys:
        if key.startswith(SIGNED) and key.removeprefix(SIGNED) not in IN_PLACE_OF_TABLES:
            said = without(said, key.removeprefix(SIGNED))
    return lacking(*part.keys), said


@pytest.mark.parametrize("key", SOURCES)
def test_a_table_that_is_missing_or_empty_leaves_its_exhibit_out(key: str) -> None:
    assert key in whole().exhibits
    assert key not in exhibits({})
    assert key not in exhibits({table: complete()[table].head(0) for table in SOURCES[key]})


@pytest.mark.parametrize("frame", FRAMES)
def test_a_complete_pack_has_no_watermark(frame: str) -> None:
    made = pack(frame=frame)
    assert made.missing == ()
    assert WATERMARK not in made.html
    assert "INwhole()" not in made.html


@pytest.mark.parametrize(("frame", "item", "part"), parts(essential=True))
def test_an_essential_part_that_is_missing_is_listed_and_marks_the_pack(frame: str, item: Item, part: Part) -> None:
    made = pack(*taken_away(part), frame)
    found = {(one.where, one.what) for one in made.missing}
    assert (f"Item {item.number}, {item.title}", part.what) in found
    assert WATERMARK in made.html
    assert unescape(made.html).count(part.remedy.split("`")[0]) >= 1
    assert not made.is_complete


@pytest.mark.parametrize(("frame", "item", "part"), parts(essential=False))
def test_a_part_that_is_not_essential_does_not_make_it_incomplete(frame: str, item: Item, part: Part) -> None:
    made = pack(*taken_away(part), frame)
    assert not [one for one in made.missing if one.where.startswith(f"Item {item.number},")]
    assert "not given, not essential" in made.html


def test_an_empty_file_and_no_tables_are_a_pack_that_lists_every_essential_item() -> None:
    made = evidence_pack(find({}), None, "ugesp", NOW)
    essential = {f"Item {item.number}, {item.title}" for item in FRAMES["ugesp"].items if item.is_essential}
    assert {one.where for one in made.missing} == essential


@pytest.mark.parametrize("blank", ["", "   \n"])
def test_blank_text_counts_as_not_given(blank: str) -> None:
    made = pack(said=without(signed(), "job_analysis.method", blank))
    assert [one.what for one in made.missing if one.where.startswith("Item 3")] == ["method"]


def test_without_demographics_a_reason_may_stand_in_their_place() -> None:
    found, said = lacking("selection_rates"), signed()
    assert {one.what for one in pack(found, said).missing} == {"composition by group"}
    said["sample"]["composition_by_group"] = "Not known: no demographics are collected."
    assert pack(found, said).is_complete


def test_differential_prediction_is_no_table_of_means_by_group_and_one_hire_left_out_no_cross_validation() -> None:
    """Both tables are there, hold neither, and once passed for them."""
    assert {"by_group", "diagnostics"} <= set(whole().exhibits)
    for key, where in (("by_group", "Item 8, Techniques and results"), ("cross_validation", "Principle")):
        made = pack(said=without(signed(), f"results.{key}"))
        assert [one.where for one in made.missing] == [where]
        assert f"results.{key}" in made.missing[0].remedy


def test_groups_that_could_not_be_compared_are_one_row_with_the_reason() -> None:
    """A hundred rows without a number hid the few with one."""
    fairness = complete()["validity.validity_fairness"]
    one = fairness[fairness["metric"] == "differential_prediction"]
    refused = [
        one.assign(dimension="race", group=group, value=float("nan"), reason="fewer than 50 rated hires in a group")
        for group in ("Asian", "White", "Two or More Races")
    ]
    rows = exhibits({"validity.validity_fairness": pd.concat([fairness, *refused])})["by_group"].rows
    assert [(row[1], row[3]) for row in rows] == [("3 groups by race/ethnicity", "–"), ("Female", "120")]
    assert rows[0][-1] == "fewer than 50 rated hires in a group"


def test_brackets_hold_95_percent_intervals_only() -> None:
    made = whole().exhibits
    assert not [row for row in made["diagnostics"].rows if "[" in "".join(row)]
    assert not [row for row in made["reliability"].rows if "[" in row[2] and row[3].startswith("stated")]
    shares = complete()["validity.validity_expectancy"]
    middle = (shares["kind"] == "expected") & (shares["third"] == 2) & (shares["status"] == "ok")
    still = shares.assign(**{name: shares[name].mask(middle, 0.5) for name in ("share_good", "lo", "hi")})
    rows = exhibits({**complete(), "validity.validity_expectancy": still})["expectancy"].rows
    assert {row[3] for row in rows if row[1] == "middle"} <= {"50%", "–"}


def test_a_signed_text_that_only_a_principle_asks_for_is_printed() -> None:
    assert signed()["criterion"]["deficiency"] in pack().html
    assert signed()["results"]["cross_validation"] in pack().html


def test_a_principle_without_evidence_makes_the_siop_frame_incomplete_and_no_other() -> None:
    said = without(signed(), "criterion.deficiency")
    assert [one.where for one in pack(said=said).missing] == ["Principle"]
    assert pack(said=said, frame="ugesp").is_complete


def test_a_technique_that_nobody_described_is_named() -> None:
    made = pack(said=without(signed(), "procedures.descriptions.work_sample"))
    assert "work_sample" in made.missing[0].remedy
    assert "pair_coding" not in made.missing[0].remedy


def test_a_study_without_a_single_result_is_incomplete() -> None:
    tables = complete()
    tables[ESTIMATES] = tables[ESTIMATES].assign(
        value=float("nan"), status="not_estimable", reason="22 pairs, 25 needed"
    )
    assert "a result of at least one technique" in {one.what for one in pack(find(tables)).missing}


@pytest.mark.parametrize("key", ["signed_by", "signed_on"])
def test_without_a_signature_nothing_in_the_file_counts(key: str) -> None:
    made = pack(said=without(signed(), key))
    assert {one.what for one in made.missing} >= {"users", "method", "name or function"}
    assert f"`{key}` is not given" in unescape(made.html)


def test_a_signature_older_than_a_year_before_the_data_counts_no_more() -> None:
    just = signed() | {"signed_on": (AS_OF - pd.DateOffset(months=12)).date()}
    assert pack(said=just).is_complete
    old = signed() | {"signed_on": (AS_OF - pd.DateOffset(months=12) - timedelta(days=1)).date()}
    made = pack(said=old)
    assert not made.is_complete
    assert "more than 12 months before the data" in made.html


def test_a_signature_of_tomorrow_does_not_count() -> None:
    assert not pack(said=signed() | {"signed_on": NOW.date() + timedelta(days=1)}).is_complete


def test_a_study_due_for_review_is_incomplete() -> None:
    said = signed()
    said["uses"]["review_by"] = NOW.date() - timedelta(days=1)
    assert [one.where for one in pack(said=said).missing] == ["Item 10, Uses and applications"]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"sined_by": "x"}, "`sined_by`"),
        ({"criterion": {"bais": "x"}}, "`criterion.bais`"),
        ({"signed_on": "soon"}, "`signed_on`"),
        ({"study": {"users": "write to people@example.com"}}, "`study.users`"),
        ({"jobs": [{"title": "x", "code": "a@b.example"}]}, "`jobs.0.code`"),
        (["a list"], "list"),
    ],
)
def test_what_a_file_may_not_hold_is_refused_by_its_key(content: Any, named: str) -> None:
    with pytest.raises(SignOffInvalid) as refused:
        read_sign_off(content)
    assert named in str(refused.value)


def cells(html: str, title: str) -> list[list[str]]:
    """Rows of the table under a title, without markup."""
    table = html.split(f"<h4>{title}</h4>")[1].split("</tbody>")[0].split("<tbody>")[1]
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    return [[unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)] for row in rows]


RESULTS = (
    "Results: scores and performance",
    "The same without ratings by people who may have interviewed the hire",
    "Results by attribute of the scorecard",
)


@pytest.mark.parametrize("title", RESULTS)
def test_no_corrected_value_stands_without_the_raw_one(title: str) -> None:
    tables = complete()
    rows = tables[ESTIMATES]
    hidden = (rows["technique"] == "structured_behavioural") & (rows["rung"] == 1)
    tables[ESTIMATES] = rows.assign(
        value=rows["value"].mask(hidden), status=rows["status"].mask(hidden, "suppressed"),
        reason=rows["reason"].mask(hidden, "too few"),
    )  # fmt: skip
    shown = cells(pack(find(tables)).html, title)
    assert any(row[4] != "–" and row[6] != "–" for row in shown)
    withheld = [row for row in shown if row[0].startswith("Structured behavioural")]
    assert withheld
    assert all(set(row[4:]) == {"–"} for row in withheld)
    assert all(row[4] != "–" for row in shown if set(row[5:8]) != {"–"})


def test_every_other_table_with_a_corrected_value_has_the_raw_one_too() -> None:
    made = whole().exhibits
    for key in ("sensitivity", "incremental"):
        exhibit = made[key]
        assert exhibit.heads[1] == "Observed r (1)"
        assert all(row[1] for row in exhibit.rows)
    assert "Observed: hires rated above average" in made["expectancy"].heads
    assert not [row for row in made["expectancy"].rows if row[2] == "–"]


def test_what_is_refused_shows_its_reason_and_no_value() -> None:
    made = whole().exhibits
    refused = [row for row in made["results"].rows if row[0] == "Reference call"]
    assert all(set(row[4:]) == {"–"} for row in refused)
    assert any("Reference call (All families" in remark for remark in made["results"].remarks)
    for key in ("sensitivity", "incremental", "expectancy"):
        assert "Reference call" not in {row[0] for row in made[key].rows}
    assert "System design" not in {row[0] for row in made["incremental"].rows}


def test_small_counts_are_blanked_and_small_groups_have_no_mean() -> None:
    tables = complete()
    few = tables["study.scores"].assign(n_rated=7)
    made = exhibits({**tables, "study.scores": few})
    assert all(row[6:] == ("7", "–", "–", "–") for row in made["scores"].rows)
    assert ("Data", "L4", "<5", "<5") in made["jobs_of_hires"].rows


def test_the_report_says_what_every_reader_must_know() -> None:
    shown = " ".join(unescape(pack().html).split())
    for sentence in (
        "this assumption is untestable",
        "not shown to cause anything",
        "says nothing about a person",
        "Benjamini & Hochberg",
        "doi.org/10.1037/apl0000994",
        "doi.org/10.1017/iop.2023.43",
        "supported: rung 3 survives",
    ):
        assert sentence in shown, sentence


@pytest.mark.parametrize("frame", FRAMES)
def test_every_statement_of_law_shows_source_and_day_checked(frame: str) -> None:
    shown = unescape(pack(frame=frame).html)
    assert "Legal text as of" in shown
    for one in FRAMES[frame].statements:
        row = next(row for row in re.findall(r"<tr><td>.*?</tr>", shown) if one.text in row)
        assert one.source in row
        assert one.checked_on in row


def test_local_law_144_says_that_it_is_no_independent_audit() -> None:
    header = pack(frame="ll144").html.split("</header>")[0]
    assert "Not an independent audit" in header


@pytest.mark.parametrize("dimension", WORKED)
def test_local_law_144_reproduces_the_tables_of_the_rule(dimension: str) -> None:
    titles = {"sex": "sex", "race": "race/ethnicity", "sex_race": "sex and race/ethnicity"}
    rows = cells(pack(frame="ll144").html, f"Selection rates by {titles[dimension]}")
    groups, n, selected = WORKED[dimension]
    assert [row[:3] for row in rows[: len(groups)]] == [
        [group, f"{a:,}", f"{b:,}"] for group, a, b in zip(groups, n, selected, strict=True)
    ]
    assert [float(row[4]) for row in rows[: len(groups)]] == pytest.approx(PUBLISHED_RATIOS[dimension], abs=0.0051)
    assert [row[0] for row in rows if "below 2 %" in row[5]] == [
        group for group, a in zip(groups, n, strict=True) if a / sum(n) < 0.02
    ]
    assert rows[-2][:1] + rows[-2][4:] == ["not answered", "–", "counted, not compared"]
    assert rows[-1][1:5] == ["–"] * 4


@pytest.mark.parametrize("frame", FRAMES)
def test_nothing_in_the_pack_is_an_address_of_a_person_or_comes_from_the_network(frame: str) -> None:
    html = pack(frame=frame).html
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w", html)
    assert not re.search(r"(?:src|href)=\"(?!#|data:)", html)
    assert "<script" not in html


def test_text_of_the_file_is_text_in_the_report() -> None:
    said = signed()
    said["study"]["users"] = "<script>alert(1)</script>"
    assert "<script" not in pack(said=said).html
