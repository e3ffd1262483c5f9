"""Data Docs load nothing from anywhere, escape what they show, and hold no value of a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from expectations import SUITES, Outcome, all_checks, evaluate_all, write_data_docs

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """What a page links to and loads, its ids, and whether its tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"script", "link", "img", "iframe", "object", "embed"}:
            self.loaded.append(tag)
        self.links += [value or "" for name, value in given.items() if name in {"href", "src", "srcset", "action"}]
        self.ids += [given["id"] or ""] if "id" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def outcomes(sound: Mapping[str, pd.DataFrame], previous: Mapping[str, int], now: datetime) -> list[Outcome]:
    """Of a run with one of each: an error, a warning, a leak, a table that is not there."""
    frames = dict(sound)
    applications = frames["marts_recruiting.fct_applications"].copy()
    applications.loc[0, "status"] = "<b>odd</b>"
    applications.loc[1, "source_name"] = "wanda@quagmire.example"
    applications["is_excluded"] = True
    frames["marts_recruiting.fct_applications"] = applications
    del frames["marts_ops.connections"]
    return evaluate_all(frames, now=now, previous_rows=previous)


@pytest.fixture(scope="module")
def pages(outcomes: list[Outcome], now: datetime, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    directory = tmp_path_factory.mktemp("data_docs")
    write_data_docs(outcomes, directory, generated_at=now)
    return {path.name: path.read_text(encoding="utf-8") for path in directory.iterdir()}


def test_there_is_a_page_per_suite_and_an_index(pages: Mapping[str, str]) -> None:
    assert set(pages) == {"index.html", *(f"{suite.name}.html" for suite in SUITES)}


def test_pages_refer_to_each_other_only(pages: Mapping[str, str]) -> None:
    for name, text in pages.items():
        page = Page(text)
        assert not page.open, name
        assert not page.loaded, name
        assert not re.search(r"https?:|//[a-z]|url\(|@import", text), name
        assert set(page.links) <= set(pages), name


def test_every_check_has_its_place(pages: Mapping[str, str]) -> None:
    for suite in SUITES:
        assert set(Page(pages[f"{suite.name}.html"]).ids) == {check.id for check in suite.checks}


def test_the_index_leads_with_what_blocks(pages: Mapping[str, str], outcomes: list[Outcome]) -> None:
    blocking = [outcome for outcome in outcomes if outcome.is_blocking]
    assert f"{len(blocking)} checks block publishing" in pages["index.html"]
    assert {outcome.check_id for outcome in outcomes if outcome.status in ("failed", "could_not_run")} == set(
        Page(pages["index.html"]).ids
    )


def test_pages_hold_no_value_of_the_data(pages: Mapping[str, str]) -> None:
    assert not [name for name, text in pages.items() if "quagmire" in text or "odd</b>" in text or "odd&lt;" in text]


def test_texts_are_escaped(outcomes: list[Outcome], now: datetime, tmp_path: Path) -> None:
    broken = next(outcome for outcome in outcomes if outcome.status == "could_not_run")
    index = write_data_docs([replace(broken, detail="<script>alert(1)</script>")], tmp_path, generated_at=now)
    assert "<script>" not in index.read_text()


def test_a_second_run_replaces_the_first(outcomes: list[Outcome], now: datetime, tmp_path: Path) -> None:
    write_data_docs(outcomes, tmp_path, generated_at=now)
    good = [replace(outcome, status="passed", ids=()) for outcome in outcomes]
    index = write_data_docs(good, tmp_path, generated_at=now)
    assert "Every check that could be judged holds" in index.read_text()
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".html"]


def test_outcomes_of_checks_that_are_gone_are_left_out(outcomes: list[Outcome], now: datetime, tmp_path: Path) -> None:
    gone = replace(outcomes[0], check_id="of_last_year")
    index = write_data_docs([gone], tmp_path, generated_at=now)
    assert "of_last_year" not in index.read_text()
    assert len(all_checks()) > 1
