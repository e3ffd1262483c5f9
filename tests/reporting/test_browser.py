"""The report in a real browser: charts drawn, nothing asked of the network, nothing wider than its medium."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from html import unescape
from pathlib import Path
from re import search
from typing import Any

import pytest

from reporting.site import PAGES, write_site

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NAMES = [file for file, _ in PAGES]
LIGHT, DARK = 1, 0

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium here; the pages themselves are tested without one"),
]

# Runs inside the page before anything else, and reports to itself or to the page around it.
PROBE = """<script>
const seen = {errors: [], blocked: []};
// Print's own rules and open tables, as the browser sets them before it prints.
function asPrinted() {
  for (const rule of [...document.styleSheets].flatMap(sheet => [...sheet.cssRules])) {
    if (rule.media && rule.media.mediaText === "print") rule.media.mediaText = "all";
  }
}
// Tables and pages wider than the room they have: columns behind a scrollbar, or cut off on paper.
function cut() {
  for (const table of document.querySelectorAll("details")) table.open = true;
  return [...document.querySelectorAll(".scroll, html")].filter(e => e.scrollWidth > e.clientWidth)
    .map(e => `${e.getAttribute("aria-label")}: ${e.scrollWidth} in ${e.clientWidth}`);
}
// Names and numbers that are printed over each other, or over the edge of their chart.
function overlaps() {
  const found = [];
  for (const svg of document.querySelectorAll("[data-chart] svg")) {
    const all = [...svg.querySelectorAll("text")]
      .filter(t => t.textContent.trim() && t.getAttribute("opacity") !== "0");
    const edge = svg.getBoundingClientRect();
    const boxes = all.map(t => [t.textContent, t.getBoundingClientRect()]);
    boxes.forEach(([a, p], i) => {
      if (p.left < edge.left - 4 || p.right > edge.right + 4) found.push("cut: " + a);
      boxes.slice(i + 1).forEach(([b, q]) => {
        const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
        const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        if (a !== b && wide > 1 && high > 4) found.push(a + " | " + b);
      });
    });
  }
  return found;
}
window.addEventListener("error", e => seen.errors.push(String(e.message)));
window.addEventListener("unhandledrejection", e => seen.errors.push(String(e.reason)));
document.addEventListener("securitypolicyviolation", e => seen.blocked.push(e.blockedURI));
console.error = (...words) => seen.errors.push(words.join(" "));
window.addEventListener("load", () => setTimeout(() => {
  const charts = [...document.querySelectorAll("[data-chart]")];
  Object.assign(seen, {
    charts: charts.length,
    drawn: charts.filter(c => c.dataset.drawn === "yes" && c.querySelector("svg path")).length,
    resources: performance.getEntriesByType("resource").map(r => r.name),
    background: getComputedStyle(document.body).backgroundColor,
    text: getComputedStyle(document.body).color,
    scrollWidth: document.documentElement.scrollWidth,
    widestChart: Math.max(0, ...charts.map(c => c.querySelector("svg").getBoundingClientRect().width)),
    overlaps: overlaps(),
    colours: [...document.querySelectorAll("svg [fill^='var']")].slice(0, 50).map(e => getComputedStyle(e).fill),
  });
  if (location.hash === "#print") asPrinted();
  seen.cut = cut();
  (parent === window ? window : parent).postMessage(JSON.stringify(seen), "*");
}, 600));
window.addEventListener("message", e => { document.body.dataset.seen = e.data; });
</script>"""
AROUND = """<!doctype html><body style="margin:0"><script>
window.addEventListener("message", e => { document.body.dataset.seen = e.data; });
</script><iframe src="%s" style="width:%dpx;height:844px;border:0"></iframe></body>"""
PHONE, DESK = 390, 1280
A4_BETWEEN_MARGINS = 687
"""210 mm less two margins of 14 mm, in CSS pixels."""


def look(page: Path, profile: Path, *, scheme: int = LIGHT) -> dict[str, Any]:
    """What the probe saw on a page."""
    assert BROWSER is not None
    command = [
        BROWSER,
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND"),
        *("--virtual-time-budget=8000", f"--blink-settings=preferredColorScheme={scheme}"),
        *(f"--user-data-dir={profile}", "--window-size=1300,900", "--dump-dom", page.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ))
    found = search(r'data-seen="([^"]*)"', done.stdout)
    assert found, f"the probe did not report: {done.stderr[-800:]}"
    return dict(json.loads(unescape(found[1])))


@pytest.fixture(scope="module")
def site(frames, generated_at, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    for path in write_site(frames, folder, generated_at):
        path.write_text(path.read_text().replace("<head>", "<head>" + PROBE, 1))
        (folder / f"phone_{path.name}").write_text(AROUND % (path.name, PHONE))
        (folder / f"desk_{path.name}").write_text(AROUND % (path.name, DESK))
        (folder / f"paper_{path.name}").write_text(AROUND % (f"{path.name}#print", A4_BETWEEN_MARGINS))
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_every_chart_is_drawn_without_an_error_or_a_request(site: Path, name: str, tmp_path: Path) -> None:
    seen = look(site / name, tmp_path)
    assert seen["errors"] == []
    assert seen["blocked"] == []
    assert [address for address in seen["resources"] if not address.startswith(("data:", "file:"))] == []
    assert seen["charts"] >= 2
    assert seen["drawn"] == seen["charts"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wider_than_a_phone(site: Path, name: str, tmp_path: Path) -> None:
    seen = look(site / f"phone_{name}", tmp_path)
    assert seen["scrollWidth"] <= 390
    assert 200 < seen["widestChart"] <= 390
    assert seen["drawn"] == seen["charts"]
    assert seen["cut"] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("medium", ["desk", "paper"])
def test_no_column_is_behind_a_scrollbar_or_off_the_paper(site: Path, medium: str, name: str, tmp_path: Path) -> None:
    assert look(site / f"{medium}_{name}", tmp_path)["cut"] == []


def test_no_text_of_a_lane_chart_is_cut_off_or_printed_over_another_on_a_phone(site: Path, tmp_path: Path) -> None:
    for name in ("index.html", "techniques.html", "decisions.html"):
        assert look(site / f"phone_{name}", tmp_path / name)["overlaps"] == []


def test_the_probe_sees_an_overlap_when_there_is_one(few_frames, generated_at, tmp_path: Path) -> None:
    estimates = few_frames["validity.validity_estimates"].replace(
        {"technique": {"structured_behavioural": "a_name_of_a_technique_too_long_for_a_phone"}}
    )
    page = write_site(few_frames | {"validity.validity_estimates": estimates}, tmp_path / "site", generated_at)[0]
    page.write_text(page.read_text().replace("<head>", "<head>" + PROBE, 1))
    (tmp_path / "site" / "phone.html").write_text(AROUND % (page.name, PHONE))
    assert look(tmp_path / "site" / "phone.html", tmp_path / "profile")["overlaps"]


def test_dark_mode_turns_page_and_charts(site: Path, tmp_path: Path) -> None:
    light = look(site / "index.html", tmp_path / "light", scheme=LIGHT)
    dark = look(site / "index.html", tmp_path / "dark", scheme=DARK)
    assert light["background"] != dark["background"]
    assert light["text"] != dark["text"]
    assert light["colours"]
    assert set(light["colours"]).isdisjoint(dark["colours"])


def test_a_report_without_data_draws_nothing_and_raises_nothing(generated_at, tmp_path: Path) -> None:
    page = write_site({}, tmp_path / "site", generated_at)[0]
    page.write_text(page.read_text().replace("<head>", "<head>" + PROBE, 1))
    seen = look(page, tmp_path / "profile")
    assert (seen["charts"], seen["errors"]) == (0, [])


def test_the_probe_sees_a_request_when_there_is_one(generated_at, tmp_path: Path) -> None:
    page = write_site({}, tmp_path / "site", generated_at)[0]
    leak = PROBE + '<script>fetch("http://127.0.0.1:9/leak").catch(() => 0)</script>'
    html = page.read_text()
    page.write_text(html.replace("</head>", leak + "</head>", 1))
    assert look(page, tmp_path / "profile")["blocked"] == ["http://127.0.0.1:9/leak"]
