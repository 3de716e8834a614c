from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from obsctl.ui.app import application
from obsctl.ui.listen import listening
from obsctl.ui.runs import VerifyRuns
from obsctl.ui.serve import PageServer
from tests.unit.ui.upstream import StackOf, Upstream, upstream

TOKEN = "token-of-this-page"
INDEX = "<!doctype html><html><head><title>obsctl</title></head><body></body></html>"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        value = json.loads(self.body)
        assert set(value) == {"error", "hint"}
        return str(value["error"])


@dataclass(frozen=True)
class Pages:
    """A server of pages, asked byte by byte."""

    port: int
    source: StackOf
    upstream: Upstream

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"host": f"localhost:{self.port}", **(headers or {})}
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        if body is not None and "content-length" not in sent:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        reply = connection.getresponse()
        answer = Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        connection.close()
        return answer

    def get(self, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("GET", target, headers)


@pytest.fixture(scope="module")
def backend() -> Iterator[Upstream]:
    with upstream() as made:
        yield made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "app-1a2b.js").write_text("run()")
    (folder / "secret.py").write_text("no page")
    return folder


@pytest.fixture(scope="module")
def serving(backend: Upstream, built: Path) -> Iterator[Callable[[StackOf], Pages]]:
    """Serves a source until the tests of the file end."""
    servers: list[PageServer] = []

    def start(source: StackOf) -> Pages:
        listener = listening("127.0.0.1", 0)
        server = PageServer(application(source, VerifyRuns(source), static=built, token=TOKEN, patience=1.0))
        answers = threading.Event()
        thread = threading.Thread(target=server.run, args=(listener, answers.set), daemon=True)
        thread.start()
        assert answers.wait(20)
        servers.append(server)
        return Pages(listener.getsockname()[1], source, backend)

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def _pages(serving: Callable[[StackOf], Pages], backend: Upstream) -> Pages:
    return serving(StackOf(backend.url))


@pytest.fixture
def pages(_pages: Pages) -> Pages:
    _pages.source.shown = StackOf(_pages.upstream.url).shown
    _pages.upstream.asked.clear()
    _pages.upstream.exceptions = {}
    _pages.upstream.delay = 0.0
    _pages.upstream.says({"status": "success"})
    return _pages
