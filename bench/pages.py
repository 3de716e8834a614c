"""The pages in Chromium: until something is painted, until a page shows what it is about, and how it scrolls.

A new browser context for each load, so that nothing is in its cache; medians. The dashboard has an hour of traffic in
its panels, the trace 10,000 spans.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from playwright.sync_api import Browser, Page, expect

from bench.verbs import RunningStack, running_stack
from tests.conformance.promql_differential import remote_write
from tests.conformance.promql_differential.dataset import Series
from tests.ui.chromium import launched

_RUNS = 5
_SPANS = 10_000
_BATCH = 512
_HOUR_S = 3600
_STEP_S = 15
_PATIENCE_MS = 60_000
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_SCROLL = """async () => {
  const box = document.querySelector('.waterfall'), took = [];
  let before = performance.now();
  for (let frame = 0; frame < 120; frame++) {
    box.scrollTop += 700;
    const now = await new Promise(requestAnimationFrame);
    took.push(now - before);
    before = now;
  }
  return took;
}"""

Shows = Callable[[Page], None]


@dataclass(frozen=True)
class _Load:
    """Milliseconds of one load."""

    paint: float
    shown: float
    scroll: tuple[float, ...] = ()


def pages() -> dict[str, object]:
    """Milliseconds of the overview, a dashboard with an hour of traffic, and a trace of 10,000 spans."""
    with running_stack() as stack, launched() as browser:
        trace_id = _send_trace(stack)
        _send_hour(stack)
        looked: Mapping[str, tuple[str, Shows, str]] = {
            "overview": ("/", _has_rows, ""),
            "dashboard": ("/dashboards/obsctl-http?from=now-1h&to=now", _has_panels, ""),
            "trace_10k": (f"/traces/{trace_id}", _has_spans, _SCROLL),
        }
        loads = {name: [_load(browser, stack, *what) for _ in range(_RUNS)] for name, what in looked.items()}
    figures: dict[str, object] = {}
    for name, seen in loads.items():
        figures[f"{name}_paint_ms"] = round(statistics.median(load.paint for load in seen))
        figures[f"{name}_shown_ms"] = round(statistics.median(load.shown for load in seen))
    frames = sorted(took for load in loads["trace_10k"] for took in load.scroll)
    return {**figures, "scroll_frame_p95_ms": round(frames[int(len(frames) * 0.95)], 1), "runs": _RUNS}


def _load(browser: Browser, stack: RunningStack, path: str, shows: Shows, scroll: str) -> _Load:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        context.set_default_timeout(_PATIENCE_MS)
        page = context.new_page()
        page.goto(stack.endpoints["ui"] + path)
        shows(page)
        shown = page.evaluate("performance.now()")
        return _Load(page.evaluate(_PAINT), shown, tuple(page.evaluate(scroll)) if scroll else ())
    finally:
        context.close()


def _has_rows(page: Page) -> None:
    page.get_by_role("group", name="Requests by service").get_by_role("row").nth(1).wait_for()


def _has_panels(page: Page) -> None:
    """Every panel in the window is drawn, a graph among them."""
    page.locator(".panel canvas").first.wait_for()
    expect(page.locator('.panel [aria-label="loading"]')).to_have_count(0, timeout=_PATIENCE_MS)


def _has_spans(page: Page) -> None:
    page.get_by_role("treegrid", name="Spans").get_by_role("row").nth(10).wait_for()


def _send_trace(stack: RunningStack) -> str:
    """A trace whose spans have parents among the fifty before them; its id."""
    chance, began = random.Random(1), time.time_ns() - 5 * 10**9
    trace_id, ids = os.urandom(16), [os.urandom(8) for _ in range(_SPANS)]
    for first in range(0, _SPANS, _BATCH):
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        group.resource.attributes.add(key="service.name").value.string_value = f"bench-{first // _BATCH % 4}"
        scoped = group.scope_spans.add()
        for at in range(first, min(first + _BATCH, _SPANS)):
            start = began + at * 200_000
            span = scoped.spans.add(
                trace_id=trace_id,
                span_id=ids[at],
                parent_span_id=ids[chance.randrange(max(0, at - 50), at)] if at else b"",
                name=f"step {at % 37}",
                start_time_unix_nano=start,
                end_time_unix_nano=start + (chance.randrange(5_000_000) if at else 4 * 10**9),
            )
            for number in range(6):
                span.attributes.add(key=f"app.attribute.{number}").value.string_value = f"value {at}"
        _post(f"{stack.endpoints['otlp-http']}/v1/traces", request.SerializeToString(), {})
    return trace_id.hex()


def _send_hour(stack: RunningStack) -> None:
    """An hour of another instance of the sample's own HTTP series, growing evenly."""
    match = quote('{job="api",__name__=~"http_.*"}')
    with urllib.request.urlopen(f"{stack.endpoints['metrics']}/api/v1/series?match[]={match}") as answer:
        known = json.load(answer)["data"]
    end = int(time.time()) // _STEP_S * _STEP_S
    times = range(end - _HOUR_S, end + 1, _STEP_S)
    series: list[Series] = [
        ({**labels, "instance": "bench"}, {t * 1000: float(t - times[0]) for t in times}) for labels in known
    ]
    for body in remote_write.requests(series):
        _post(f"{stack.endpoints['metrics']}/api/v1/write", body, remote_write.HEADERS)


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    packed = {"Content-Type": "application/x-protobuf", **headers}
    urllib.request.urlopen(urllib.request.Request(url, body, packed)).close()
