"""What a browser sees at the root of every port, on a real server."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from obsctl.embedded.http.pages import PAGES, page_html
from tests.unit.embedded.conftest import ROLES, Embedded, ask

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


@pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
def test_the_address_cannot_write_markup(page: object) -> None:
    text = page_html(page, 'http://x"><script>alert(1)</script>')  # type: ignore[arg-type]
    assert "script" not in Seen(text).tags
    assert re.search(r"<script", text) is None
