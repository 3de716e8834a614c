"""From a failed request to a silence: its trace, its log line, the dashboard at that time, the alert."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import Open, ShownStack, settled

pytestmark = pytest.mark.e2e

ALERT = "HttpErrorRateHigh"


def test_from_a_failed_request_to_a_silence(open_page: Open, shown: ShownStack) -> None:
    _fire(shown)
    page = settled(open_page("/"))

    page.get_by_role("link", name=re.compile("^api: .*matches")).first.click()
    expect(page).to_have_url(re.compile(r"/traces/[0-9a-f]{32}"))
    trace_id = page.url.partition("/traces/")[2][:32]
    page.get_by_label("failed").first.wait_for()

    page.get_by_role("link", name=re.compile("log", re.IGNORECASE)).and_(page.locator("main a")).first.click()
    lines = page.get_by_role("list", name="Log lines")
    expect(lines).to_contain_text("a backing service failed")
    at = dict(re.findall(r"(from|to)=(\d+)", page.url))
    assert at.keys() == {"from", "to"}, page.url
    lines.get_by_role("link", name=f"Open trace {trace_id}").first.wait_for()

    pages = page.get_by_role("navigation", name="Pages")
    pages.get_by_role("link", name="Dashboards").click()
    page.locator("main").get_by_role("link", name="HTTP").first.click()
    expect(page).to_have_url(re.compile("/dashboards/obsctl-http"))
    assert dict(re.findall(r"(from|to)=(\d+)", page.url)) == at
    expect(page.locator("main canvas").first).to_be_visible()

    pages.get_by_role("link", name="Alerts").click()
    page.get_by_role("button", name=re.compile(f"firing.*{ALERT}", re.IGNORECASE)).click()
    page.get_by_role("button", name=re.compile("^Silence")).first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Comment").fill("looked at")
    form.get_by_role("button", name="Silence", exact=True).click()
    form.wait_for(state="detached")
    (silence,) = shown.ask("alerts", "/api/v2/silences")
    assert (silence["comment"], silence["status"]["state"]) == ("looked at", "active")
    page.get_by_role("button", name=re.compile(f"silenced.*{ALERT}", re.IGNORECASE)).wait_for()


def _fire(stack: ShownStack) -> None:
    labels = {"alertname": ALERT, "severity": "page", "service": "api", "job": "api"}
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    alert = {"labels": labels, "annotations": {"summary": "Many requests of api fail."}, "startsAt": now}
    stack.ask("alerts", "/api/v2/alerts", [alert])
