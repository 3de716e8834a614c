"""The pages in a real Chromium, over a stack that runs and has served requests, some of which failed.

A page that is wrong fails the test that opened it: an error on the console, a violation of the content security policy,
a request to another host, an answer with a failing status, text that is cut off or wider than the window.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from tests.e2e.conftest import Folder, free_offset
from tests.required import missing
from tests.ui import chromium

ROOT = Path(__file__).parents[2]
SHOTS = "OBSCTL_UI_SHOTS"
"""A folder that keeps a picture of every page in both themes and at three widths."""

PAGES = ("/", "/dashboards", "/traces", "/logs", "/metrics", "/alerts", "/verify", "/start")
WIDTHS = (360, 768, 1440)


@dataclass(frozen=True)
class ShownStack:
    """A running stack, and where its pages are."""

    folder: Folder
    url: str
    endpoints: dict[str, str]

    def ask(self, role: str, path: str, body: object = None, method: str = "") -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.endpoints[role] + path, data, {"Content-Type": "application/json"}, method=method or None
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@pytest.fixture(scope="session", autouse=True)
def built_pages() -> None:
    """What is tested is what the sources make."""
    if not (ROOT / "obsctl/ui/static/index.html").exists():
        missing("chromium", "The pages are not built: make ui")


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory, built_pages: None) -> Iterator[ShownStack]:
    """The sample, with a request that failed, after a run of verify."""
    folder = Folder(tmp_path_factory.mktemp("stack"), free_offset())
    try:
        up = folder.run("up", "--port-offset", str(folder.offset), "--json")
        assert up.status == 0, up
        folder.run("verify")
        endpoints = {e["name"]: e["url"] for e in up.data["endpoints"]}
        with serve(folder) as url:
            stack = ShownStack(folder, url, endpoints)
            _fail_requests(stack)
            yield stack
    finally:
        folder.run("down", "--volumes")


def _fail_requests(stack: ShownStack) -> None:
    """The api cannot queue a job while Redis does not answer: 503, a failed span and a line of the error."""
    cv = stack.ask("api", "/cvs", {"name": "Ada", "email": "ada@example.org", "text": "engines"})
    project = stack.ask("api", "/projects", {"title": "Engine", "text": "analytical"})
    redis = psutil.Process(stack.folder.pids()["redis"])
    redis.suspend()
    try:
        for _ in range(3):
            with pytest.raises(urllib.error.HTTPError, match="503"):
                stack.ask("api", "/matches", {**cv, **project})
    finally:
        redis.resume()


@contextlib.contextmanager
def serve(folder: Folder) -> Iterator[str]:
    """``obsctl ui`` of a folder; gives the address that it prints."""
    with folder.popen("ui") as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            assert found, line
            yield found.group()
        finally:
            process.terminate()
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


@pytest.fixture(scope="session")
def browser(starts_programs: None) -> Iterator[Browser]:
    if not chromium.program():
        missing("chromium", chromium.NONE)
    with chromium.launched() as made:
        yield made


@dataclass
class Watched:
    """What went wrong in a page; it must be empty in the end."""

    own: str
    faults: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(text in message.text for text in self.expected):
            self.faults.append(f"console: {message.text} {message.location}")

    def page_error(self, error: Exception) -> None:
        self.faults.append(f"uncaught: {error}")

    def request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self.own:
            self.faults.append(f"asks another host: {request.url}")

    def response(self, response: Response) -> None:
        if response.status >= 400 and not any(text in response.url for text in self.expected):
            self.faults.append(f"{response.status}: {response.url}")


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, shown: ShownStack) -> Iterator[Open]:
    """Opens a path of the pages; every page is judged at the end of the test."""
    contexts: list[BrowserContext] = []
    watched = Watched(urlsplit(shown.url).netloc)

    def opened(path: str, *, width: int = 1440, theme: str = "light", expected: tuple[str, ...] = ()) -> Page:
        watched.expected += expected
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme, locale="en-GB")
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("console", watched.console)
        page.on("pageerror", watched.page_error)
        page.on("request", watched.request)
        page.on("response", watched.response)
        page.goto(shown.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not watched.faults, "\n".join(watched.faults)


CUT_TEXT = """() => {
  const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
  const found = wide ? ['the page scrolls sideways'] : [];
  for (const element of document.querySelectorAll('main *, header *, nav *')) {
    const style = getComputedStyle(element);
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    const hides = ['hidden', 'clip'].includes(style.overflowX) && style.textOverflow !== 'ellipsis';
    if (own && hides && element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1)
      found.push('cut: ' + element.textContent.trim().slice(0, 60));
  }
  return found;
}"""


def settled(page: Page) -> Page:
    """A page that waits for nothing."""
    page.wait_for_load_state("networkidle")
    page.locator('main [role="status"][aria-label="loading"]').first.wait_for(state="detached")
    return page


def cut_text(page: Page) -> list[str]:
    found: list[str] = page.evaluate(CUT_TEXT)
    return found


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core: https://github.com/dequelabs/axe-core."""
    source = ROOT / "ui/node_modules/axe-core/axe.min.js"
    if not source.exists():
        missing("chromium", "axe-core is not installed: make ui-check")
    return source.read_text(encoding="utf8")
