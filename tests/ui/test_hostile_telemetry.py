"""What a service sends is text: markup, control characters and endless names neither run nor break a page."""

from __future__ import annotations

import json
import time
import uuid

import pytest

from tests.ui.conftest import Open, ShownStack, cut_text, settled

pytestmark = pytest.mark.e2e

MARKUP = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>{{1+1}}${1+1}"
CONTROL = "\u202eright to left\u0000\u0007\u001b[31mred\u2028"
LONG = "long" * 500
SERVICE = f"evil {MARKUP}"


@pytest.fixture(scope="module")
def trace_id(shown: ShownStack) -> str:
    """A trace, log lines and series whose every text is hostile."""
    trace, span, now = uuid.uuid4().hex, uuid.uuid4().hex[:16], time.time_ns()
    attributes = [
        {"key": f"a.{MARKUP}", "value": {"stringValue": MARKUP}},
        {"key": "control", "value": {"stringValue": CONTROL}},
        {"key": "long", "value": {"stringValue": LONG}},
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": SERVICE}}, *attributes]}
    one = {
        "traceId": trace, "spanId": span, "name": MARKUP + LONG, "kind": 2, "attributes": attributes,
        "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 5_000_000),
        "status": {"code": 2, "message": MARKUP},
        "events": [{"name": MARKUP, "timeUnixNano": str(now + 1), "attributes": attributes}],
    }  # fmt: skip
    lines = [
        {
            "timeUnixNano": str(now + index), "body": {"stringValue": text}, "traceId": trace, "spanId": span,
            "severityText": MARKUP, "attributes": attributes,
        }
        for index, text in enumerate((MARKUP, CONTROL, LONG, json.dumps({"msg": MARKUP, MARKUP: CONTROL})))
    ]  # fmt: skip
    shown.ask("otlp-http", "/v1/traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [one]}]}]})
    shown.ask("otlp-http", "/v1/logs", {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": lines}]}]})
    annotations = {"summary": MARKUP, "runbook_url": "javascript:document.title='run'"}
    alert = {"labels": {"alertname": MARKUP, "service": LONG}, "annotations": annotations}
    shown.ask("alerts", "/api/v2/alerts", [alert])
    return trace


def test_markup_neither_runs_nor_breaks_a_page(open_page: Open, shown: ShownStack, trace_id: str) -> None:
    paths = (
        "/",
        f"/traces/{trace_id}",
        "/traces",
        "/logs?query=%7Bservice_name%3D~%22.%2B%22%7D",
        "/alerts",
        "/metrics",
    )
    page, cut = open_page("/", width=768), {}
    for path in paths:
        page.goto(shown.url + path)
        settled(page)
        assert page.title() != "run", path
        assert page.locator("img[src=x], [href^='javascript:' i]").count() == 0, path
        if found := cut_text(page):
            cut[path] = found
    assert not cut


def test_the_trace_shows_it_as_text(open_page: Open, trace_id: str) -> None:
    page = settled(open_page(f"/traces/{trace_id}"))
    page.get_by_text("<script>document.title='run'</script>").first.wait_for()
