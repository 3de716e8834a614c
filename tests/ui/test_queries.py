"""Queries as people write them: completion, what runs them, what is wrong with them; log lines as they come."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.ui.conftest import Open, ShownStack, settled

pytestmark = pytest.mark.e2e


def _write(page: Page, label: str, text: str) -> None:
    """In place of what stands in an editor."""
    page.get_by_role("textbox", name=label).click()
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def test_promql_is_completed_run_and_judged(open_page: Open) -> None:
    page = settled(open_page("/metrics", expected=("400", "/query")))
    _write(page, "Query 1", "sum(rate(http_requ")
    page.get_by_role("option", name="http_requests_total").click()
    page.keyboard.type("[5m])) by (job)")  # over the brackets that were closed by themselves
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("http_requests_total"))
    page.locator("main canvas").first.wait_for()

    _write(page, "Query 1", "sum(")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("unclosed left parenthesis")
    page.locator(".cm-lintRange-error").first.wait_for()


def test_logql_is_completed_run_and_judged(open_page: Open) -> None:
    page = settled(open_page("/logs", expected=("400", "/query")))
    _write(page, "LogQL query", "{service_na")
    page.get_by_role("option", name="service_name", exact=True).click()
    page.keyboard.type("ap")
    page.get_by_role("option", name="api", exact=True).click()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("service_name"))
    page.get_by_role("list", name="Log lines").get_by_role("listitem").first.wait_for()

    _write(page, "LogQL query", "{")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    page.locator(".cm-lintRange-error").first.wait_for()


def test_lines_are_shown_as_they_come_until_they_are_paused(open_page: Open, shown: ShownStack) -> None:
    page = settled(open_page('/logs?query={job="tailed"}'))
    page.get_by_role("switch", name="Live").click()
    lines = page.get_by_role("list", name="Log lines")

    def push(text: str) -> None:
        stream = {"stream": {"job": "tailed"}, "values": [[str(time.time_ns()), text]]}
        shown.ask("logs", "/loki/api/v1/push", {"streams": [stream]})

    push("the first line")
    expect(lines).to_contain_text("the first line", timeout=15_000)
    page.get_by_role("button", name="Pause").click()
    push("a line while it stands still")
    going_on = page.get_by_role("button", name="Go on (1 new)")
    expect(going_on).to_be_visible(timeout=15_000)
    expect(lines).not_to_contain_text("stands still")
    going_on.click()
    expect(lines).to_contain_text("stands still")
