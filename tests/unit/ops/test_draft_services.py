"""Drafts of several services: whose page it is, where the others answer, and what is left out with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from obsctl.access.options import PLAIN
from obsctl.clients.telemetry import LogLine, Span
from obsctl.discovery.observe import Received
from obsctl.discovery.requests import Trace
from obsctl.endpoints import Endpoints
from obsctl.ops.draft_origin import origin_of
from obsctl.ops.draft_services import Drafted, draft_services
from tests.unit.clients.canned import Answer, serving

PAGE = {"Content-Type": "text/plain; version=0.0.4"}
BEGAN = 1_700_000_000 * 10**9


def page(text: str = "# TYPE orders_total counter\norders_total 1\n") -> Answer:
    return Answer(text, 200, PAGE)


def request(trace: int, service: str, path: str, url: str, status: int = 200, method: str = "GET") -> Trace:
    attributes = {"http.request.method": method, "http.route": path, "http.response.status_code": status}
    port = {"server.port": urlsplit(url).port}
    span = Span(f"{trace:032x}", "1" * 16, "", service, f"{method} {path}", BEGAN, BEGAN + 1, "server")
    return (Span(**{**vars(span), "attributes": {**attributes, **port}}),)


@pytest.fixture
def urls() -> Iterator[tuple[str, str, str]]:
    """The front and the silent one have a page each; the stock has none, and answers all the same."""
    front = {"/metrics": page(), "/offers": Answer("[]")}
    stock = {"/items": Answer("[]"), "/healthz": Answer("fine")}
    with serving(front) as a, serving(stock) as b, serving({"/metrics": page()}) as c:
        yield a.url, b.url, c.url


def drafted(urls: tuple[str, str, str], folder: Path) -> Drafted:
    front, stock, silent = urls
    traces = [
        request(1, "front", "/offers", front),
        request(2, "stock", "/items", stock),
        request(3, "lost", "/things", "http://127.0.0.1:1"),
    ]
    lines = [LogLine(BEGAN, "hm", {"service_name": name}, {}) for name in ("chatty", "Bad Name")]
    received = Received(Endpoints(()), BEGAN - 10**9, BEGAN + 60 * 10**9, traces, (), lines)
    pages = [origin_of(f"{url}/metrics", "") for url in (front, silent)]
    return draft_services(pages, received, PLAIN, folder)


def test_a_page_is_that_of_the_service_whose_spans_name_its_port(urls: tuple[str, str, str], tmp_path: Path) -> None:
    front, stock, silent = urls
    made = drafted(urls, tmp_path / "shop")
    names = [one.origin.service for one in made.services]
    assert names == ["front", f"shop-{urlsplit(silent).port}", "lost", "stock"]
    found = {one.origin.service: one.origin for one in made.services}
    assert (found["front"].url, found["front"].metrics) == (front, "/metrics")
    assert (found["stock"].url, found["stock"].metrics, found["stock"].ready) == (stock, "", "/healthz")
    assert found["lost"].url == ""
    assert (
        "where lost answers is not known" in next(one for one in made.services if one.origin.service == "lost").contract
    )


def test_what_is_left_out_is_named_with_the_reason(urls: tuple[str, str, str], tmp_path: Path) -> None:
    lines = "\n".join(drafted(urls, tmp_path / "shop").lines())
    silent = urlsplit(urls[2]).port
    assert f"nothing tells which service answers at {urls[2]}: it is called shop-{silent}" in lines
    assert f"shop-{silent} sent nothing by OTLP: its traces and log lines are left out" in lines
    assert "chatty is left out: it sent 1 log line, and nothing that verify could look for" in lines
    assert "'Bad Name' is left out: a service.name here has lower-case letters" in lines


def test_a_page_may_tell_whose_it_is(tmp_path: Path) -> None:
    told = page('# TYPE target_info gauge\ntarget_info{service_name="oven"} 1\n# TYPE a_total counter\na_total 1\n')
    with serving({"/metrics": told}) as one, serving({"/metrics": told}) as other:
        pages = [origin_of(f"{server.url}/metrics", "") for server in (one, other)]
        made = draft_services(pages, None, PLAIN, tmp_path / "shop")
    names = [draft.origin.service for draft in made.services]
    assert names == ["oven", f"shop-{urlsplit(other.url).port}"]  # one page is one service
