"""Dashboards from the reader's disk, of both versions: every panel is drawn, or says why it is not."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ui.conftest import ROOT, SHOTS, WIDTHS, Open, cut_text, settled
from tests.ui.test_every_page import grave_violations

pytestmark = pytest.mark.e2e

FILES = ROOT / "ui/src/pages/dashboards/files"
DRAWN: Mapping[str, str] = {
    "timeseries": ".chart canvas",
    "graph": ".chart canvas",
    "heatmap": ".chart canvas",
    "stat": ".stat-value",
    "gauge": ".gauge-value",
    "bargauge": ".bar-track i",
    "piechart": ".pie path",
    "table": "tbody td",
    "text": "h3",
    "logs": ".log-row",
    "traces": "text=Put an id into “Trace” above",
    "state-timeline": ".state-track path",
    "status-history": ".state-track path",
}
"""What of a panel is there once it is drawn."""

NOT_DRAWN: Mapping[str, str] = {
    "Graph of nodes": "Not drawn: panels of the type “nodeGraph” are not drawn here.",
    "Of a database": "Not drawn: it asks mysql, which this stack does not have.",
    "From a library": "Not drawn: it is the library panel “Errors of all”, which only its Grafana has.",
}
FRAMES = """async () => {
  for (let frame = 0; frame < 5; frame++) await new Promise(requestAnimationFrame);
}"""
"""A size that changed is measured in one frame, and drawn with in a later one."""

TABS = {"every-panel.v1.json": ("",), "every-panel.v2.json": ("Numbers", "Over time", "Rest")}


def panels(file: Path) -> Iterable[Mapping[str, Any]]:
    """The panels of a file of version 1, those of folded rows included."""
    for panel in json.loads(file.read_text(encoding="utf8"))["panels"]:
        yield from (panel,) if panel.get("type") != "row" else panel["panels"]


def opened(page: Page, file: Path) -> Page:
    page.locator("input[type=file]").first.set_input_files(file)
    page.get_by_text("nothing of it is uploaded").wait_for()
    return settled(page)


def unfold(page: Page) -> None:
    """Every section that is folded."""
    folded = page.locator(".section-head[aria-expanded=false]")
    while folded.count():
        folded.first.click()


def panel_of(page: Page, title: str) -> Locator:
    """The first panel of a title; a repeated one has its value where the title has the variable."""
    words = re.escape(title).replace(r"\$job", ".+").replace(r"\$word", "(yes|no)")
    return page.locator(".panel-place").filter(has=page.get_by_role("heading", name=re.compile(f"^{words}$"))).first


def faults_of(page: Page, axe: str, name: str) -> list[str]:
    """What is wrong at three widths and in both themes; a picture of each is kept where the run keeps them."""
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            settled(page).evaluate(FRAMES)
            faults = cut_text(page) + (grave_violations(page, axe) if width == max(WIDTHS) else [])
            found += [f"{name} {theme} {width}: {fault}" for fault in faults]
            if kept := os.environ.get(SHOTS):
                page.screenshot(path=f"{kept}-files/{name}-{width}-{theme}.png", full_page=True)
    return found


@pytest.mark.parametrize("name", sorted(TABS))
@pytest.mark.timeout(300)
def test_every_panel_of_a_file_is_drawn_or_says_why_not(open_page: Open, axe: str, name: str) -> None:
    page = opened(settled(open_page("/dashboards")), FILES / name)
    expect(page.get_by_role("alert")).to_contain_text("things are not drawn as the file has them")
    seen, faults = set(), []
    for tab in TABS[name]:
        if tab:
            page.get_by_role("tab", name=tab).click()
            page.get_by_role("tabpanel", name=tab).wait_for()
        unfold(page)
        for panel in panels(FILES / "every-panel.v1.json"):
            box = panel_of(page, panel["title"])
            if box.count():
                box.scroll_into_view_if_needed()
                sentence = NOT_DRAWN.get(panel["title"])
                there = box.get_by_text(sentence) if sentence else box.locator(DRAWN[panel["type"]])
                expect(there.first, panel["title"]).to_be_attached()
                seen.add(panel["title"])
        faults += faults_of(page, axe, f"{name}-{tab}")
    assert seen == {panel["title"] for panel in panels(FILES / "every-panel.v1.json")}
    assert not faults, "\n".join(faults)


def test_rows_and_panels_are_repeated_for_what_is_chosen(open_page: Open) -> None:
    page = opened(settled(open_page("/dashboards")), FILES / "every-panel.v1.json")
    page.get_by_role("button", name="Of api", exact=True).wait_for()
    by_word = page.get_by_role("heading", name=re.compile("^By (yes|no)$"))
    before = by_word.count()
    page.locator("main").get_by_label("Word").first.click()
    page.get_by_role("option", name="no").click()
    expect(by_word).to_have_count(before // 2)


def test_dragging_over_a_row_of_states_shows_that_time(open_page: Open) -> None:
    page = opened(settled(open_page("/dashboards")), FILES / "every-panel.v1.json")
    expect(page).to_have_url(re.compile("from=now-15m&to=now"))
    track = page.locator(".state-track").first
    panel_of(page, "States").scroll_into_view_if_needed()
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 5, steps=3)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"from=\d+&to=\d+"))
    at = {name: int(value) for name, value in re.findall(r"(from|to)=(\d+)", page.url)}
    assert abs(at["to"] - at["from"] - 450_000) < 30_000, page.url


def drop(page: Page, name: str, content: str) -> None:
    made = "([name, text]) => { const t = new DataTransfer(); t.items.add(new File([text], name)); return t; }"
    transfer = page.evaluate_handle(made, [name, content])
    for event in ("dragover", "drop"):
        page.dispatch_event("body", event, {"dataTransfer": transfer})


def test_a_file_is_dropped_kept_to_its_page_and_sent_nowhere(open_page: Open) -> None:
    page, sent = settled(open_page("/dashboards")), list[str]()
    page.on("request", lambda request: sent.append(f"{request.url} {request.post_data or ''}"))
    drop(page, "broken.json", "PK\x03\x04")
    expect(page.get_by_role("alert")).to_contain_text("broken.json is not JSON")
    board = {"title": "SECRET", "panels": [{"id": 1, "type": "text", "title": "T", "options": {"content": "SECRET"}}]}
    drop(page, "own.json", json.dumps(board))
    page.get_by_role("heading", name="SECRET").wait_for()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("link", name="Logs").click()
    page.go_back()
    page.get_by_role("heading", name="SECRET").wait_for()
    settled(page)
    assert not [request for request in sent if "SECRET" in request]
    page.reload()
    page.get_by_text("own.json is not open here").wait_for()
    page.get_by_role("link", name="Dashboards").click()
    page.get_by_role("textbox", name="Find a dashboard").wait_for()


def test_a_thousand_hostile_panels_are_a_page_that_answers(open_page: Open) -> None:
    markup = "<img src=x onerror=\"document.title='run'\">"
    types = ["stat", "gauge", "piechart", "state-timeline", "text", "constructor", 7, None]
    many = [
        {"id": index, "type": types[index % len(types)], "title": f"{index} {markup}", "gridPos": {"w": 1e9, "h": 4},
         "targets": [{"expr": "up", "legendFormat": markup}], "options": {"content": markup}, "repeat": "a"}
        for index in range(1000)
    ]  # fmt: skip
    circle = [
        {"name": name, "type": "query", "query": f'label_values(up{{job=~"${other}"}}, job)'}
        for name, other in ("ab", "ba")
    ]
    page = settled(open_page("/dashboards", width=768))
    drop(page, "many.json", json.dumps({"title": markup, "panels": many, "templating": {"list": circle}}))
    expect(page.locator("section.panel")).to_have_count(1000)
    page.get_by_text("its question depends on itself").first.wait_for()
    page.get_by_text("panels of the type “constructor” are not drawn here").first.wait_for()
    page.keyboard.press("End")
    expect(page.locator("section.panel").last).to_be_in_viewport()
    expect(page.locator("section.panel").last).to_contain_text("Not drawn: panels of the type “none”")
    assert page.title() != "run"
    assert not cut_text(page)
