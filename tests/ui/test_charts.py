"""Charts in the browser: dragging over one selects a part of its time, and its series are named in text."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.ui.conftest import Open, settled

pytestmark = pytest.mark.e2e


HOUR = 3_600_000


def _drag(page: Page, chart: str, begin: float, end: float) -> None:
    """From one share of the width of a chart to another."""
    box = page.locator(chart).first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + begin * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()


@pytest.mark.parametrize(
    ("path", "chart"), [("/logs", ".log-volume .chart"), ("/dashboards/obsctl-http", ".panel-chart .chart")]
)
def test_dragging_over_a_chart_selects_the_time(open_page: Open, path: str, chart: str) -> None:
    end = int(time.time() * 1000)
    begin = end - HOUR
    page = settled(open_page(f"{path}?from={begin}&to={end}"))
    page.locator(f"{chart} canvas").first.wait_for()
    _drag(page, chart, 0.4, 1.5)  # beyond its end
    expect(page).not_to_have_url(re.compile(f"from={begin}"))
    at = {name: int(value) for name, value in re.findall(r"(from|to)=(\d+)", page.url)}
    assert begin + HOUR / 4 < at["from"] < begin + HOUR / 2, page.url
    assert end - HOUR / 30 < at["to"] < end + HOUR / 30, page.url  # an axis may end at the next step


def test_a_click_on_a_chart_selects_nothing(open_page: Open) -> None:
    page = settled(open_page("/logs?from=1000000000000&to=1000003600000"))
    page.locator(".log-volume canvas").first.wait_for()
    _drag(page, ".log-volume .chart", 0.5, 0.502)
    expect(page.locator(".chart-selection")).to_have_count(0)
    expect(page).to_have_url(re.compile("from=1000000000000&to=1000003600000"))


def test_counted_log_lines_are_named(open_page: Open) -> None:
    page = settled(open_page('/logs?query=sum by (service_name) (count_over_time({service_name=~".%2B"}[5m]))'))
    expect(page.get_by_role("list", name="Series")).to_contain_text("service_name=api")
