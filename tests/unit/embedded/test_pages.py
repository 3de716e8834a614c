"""What a browser sees at the root of every port, on a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from obsctl.embedded.http.pages import PAGES, moved, page_html, pages_url
from tests.unit.embedded.conftest import ROLES, Embedded, ask, embedded_server

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class Seen(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href" and value]


def test_every_port_for_http_has_a_page() -> None:
    assert set(PAGES) == set(ROLES) - {"otlp_grpc"}


@pytest.mark.parametrize("role", PAGES)
def test_a_browser_gets_a_page_whose_links_work(shared: Embedded, role: str) -> None:
    answer = ask("GET", shared.url(role, "/"), headers=BROWSER)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    text = answer.body.decode()
    seen = Seen(text)
    assert not {"script", "style", "img", "iframe", "form"} & set(seen.tags)
    assert shared.address(role) in text
    assert seen.links
    for link in seen.links:
        assert ask("GET", shared.url(role, link)).status == 200, link


@pytest.mark.parametrize("role", PAGES)
def test_another_client_gets_what_it_got(shared: Embedded, role: str) -> None:
    answer = ask("GET", shared.url(role, "/"), headers={"Accept": "*/*"})
    assert answer.status == (200 if role == "prometheus" else 404)
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.fixture(scope="module")
def beside_pages(starts_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with embedded_server(tmp_path_factory.mktemp("pages"), pages=3999) as server:
        yield server


ID = "4bf92f3577b34da6a3ce929d0e0e4736"
OURS = [
    ("jaeger", "/", "/traces"),
    ("jaeger", f"/trace/{ID}", f"/traces/{ID}"),
    ("jaeger", "/search?service=a%20b&limit=20", "/traces?service=a+b&limit=20"),
    ("traceql", "/explore", "/traces"),
    ("prometheus", "/graph?g0.expr=up%7Bjob%3D%22a%22%7D", "/metrics?query=up%7Bjob%3D%22a%22%7D"),
    ("prometheus", "/alerts", "/alerts"),
    ("loki", "/explore", "/logs"),
]


@pytest.mark.parametrize(("role", "path", "ours"), OURS)
def test_a_browser_is_sent_to_the_page_of_ours_that_shows_the_same(
    beside_pages: Embedded, role: str, path: str, ours: str
) -> None:
    answer = ask("GET", beside_pages.url(role, path), headers=BROWSER)
    assert (answer.status, answer.headers["location"]) == (302, f"http://127.0.0.1:3999{ours}")
    named = {**BROWSER, "Host": "localhost:1"}
    assert (
        ask("GET", beside_pages.url(role, path), headers=named).headers["location"].startswith("http://localhost:3999/")
    )
    assert "location" not in ask("GET", beside_pages.url(role, path), headers={"Accept": "*/*"}).headers


@pytest.mark.parametrize("role", ["prometheus", "loki", "otlp_http"])
def test_the_page_of_a_port_leads_to_ours(beside_pages: Embedded, role: str) -> None:
    text = ask("GET", beside_pages.url(role, "/"), headers=BROWSER).body.decode()
    assert "http://127.0.0.1:3999/" in Seen(text).links


def test_nobody_is_sent_to_another_machine_or_out_of_our_pages() -> None:
    assert pages_url("[::1]:9090", 3000) == "http://[::1]:3000"
    assert not [host for host in ("shop.example:9090", "", "127.0.0.1.evil.example") if pages_url(host, 3000)]
    assert pages_url("localhost:9090", 0) == ""
    assert not [
        path for path in ("/trace/x", f"/trace/{ID}/../..", "/trace/", "//evil.example") if moved("jaeger", path)
    ]


@pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
def test_the_address_cannot_write_markup(page: object) -> None:
    text = page_html(page, 'http://x"><script>alert(1)</script>')  # type: ignore[arg-type]
    assert "script" not in Seen(text).tags
    assert re.search(r"<script", text) is None
