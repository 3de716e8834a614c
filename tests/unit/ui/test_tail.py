"""The live tail, from a real WebSocket to a real WebSocket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from obsctl.endpoints import Endpoints
from obsctl.ui.tail import MOST_TAILS
from tests.unit.ui.conftest import Pages
from tests.unit.ui.upstream import StackOf

TAIL = "/proxy/logs/loki/api/v1/tail"


@contextmanager
def tailing(answer: Callable[[ServerConnection], None]) -> Iterator[str]:
    with serve(answer, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()


@pytest.fixture
def open_tail(pages: Pages) -> Callable[..., ClientConnection]:
    def opened(query: str = "query=%7Ba%3D%22b%22%7D", **options: object) -> ClientConnection:
        uri = f"ws://localhost:{pages.port}{TAIL}?{query}"
        return connect(uri, proxy=None, open_timeout=20, **options)  # type: ignore[arg-type]

    return opened


def test_what_the_backend_sends_reaches_the_page(pages: Pages, open_tail: Callable[..., ClientConnection]) -> None:
    asked: list[tuple[str, str | None]] = []

    def answer(connection: ServerConnection) -> None:
        request = connection.request
        assert request
        asked.append((request.path, request.headers.get("Origin")))
        connection.send('{"streams":[]}')
        connection.send(b'{"streams":["\xc3\xa9"]}')
        connection.close(1000, "that was all")

    with tailing(answer) as url:
        pages.source.shown = StackOf(url).shown
        with open_tail("query=%7B%7D&limit=5&evil=1", origin=f"http://localhost:{pages.port}") as page:
            page.send("what a page says is nothing to anybody")
            assert [page.recv(20), page.recv(20)] == ['{"streams":[]}', '{"streams":["\u00e9"]}']
            with pytest.raises(ConnectionClosed) as ended:
                page.recv(20)
    assert ended.value.rcvd
    assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1013, "that was all")
    assert asked == [("/loki/api/v1/tail?query=%7B%7D&limit=5", None)]


def test_a_page_that_leaves_ends_the_tail_of_the_backend(
    pages: Pages, open_tail: Callable[..., ClientConnection]
) -> None:
    left = threading.Event()

    def answer(connection: ServerConnection) -> None:
        connection.send("{}")
        with pytest.raises(ConnectionClosed):
            connection.recv(20)
        left.set()

    with tailing(answer) as url:
        pages.source.shown = StackOf(url).shown
        with open_tail() as page:
            assert page.recv(20) == "{}"
        assert left.wait(20)


REFUSED = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://localhost:1"},
    {"additional_headers": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "websocket"}},
    {"additional_headers": {"sec-fetch-site": "same-site"}},
]


@pytest.mark.parametrize("options", REFUSED, ids=str)
def test_a_page_of_another_site_opens_no_tail(
    pages: Pages, open_tail: Callable[..., ClientConnection], options: dict[str, object]
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        open_tail(**options)
    assert refused.value.response.status_code == 403
    assert not pages.upstream.asked


def test_no_other_path_is_a_web_socket(pages: Pages) -> None:
    for path in ("/proxy/logs/loki/api/v1/push", "/proxy/metrics/loki/api/v1/tail", "/api/stack", "/"):
        with pytest.raises(InvalidStatus):
            connect(f"ws://localhost:{pages.port}{path}", proxy=None, open_timeout=20)
    assert not pages.upstream.asked


def end_of(page: ClientConnection) -> str:
    with page, pytest.raises(ConnectionClosed) as ended:
        page.recv(20)
    assert ended.value.rcvd
    return ended.value.rcvd.reason


def test_a_redirect_of_the_backend_is_not_followed(pages: Pages, open_tail: Callable[..., ClientConnection]) -> None:
    pages.upstream.reply = (302, {"location": "/loki/api/v1/admin"}, b"")
    assert "302" in end_of(open_tail())
    assert [path.partition("?")[0] for _, path, _, _ in pages.upstream.asked] == ["/loki/api/v1/tail"]


def test_why_there_is_no_tail_is_the_reason_of_its_end(
    pages: Pages, open_tail: Callable[..., ClientConnection]
) -> None:
    pages.source.shown = StackOf("http://127.0.0.1:1").shown
    assert end_of(open_tail()).startswith("the logs backend does not answer")
    pages.source.shown = replace(pages.source.shown, endpoints=Endpoints())
    assert end_of(open_tail()) == "this stack has nothing that answers for logs"


def test_tails_are_bounded(pages: Pages, open_tail: Callable[..., ClientConnection]) -> None:
    def answer(connection: ServerConnection) -> None:
        connection.send("{}")
        with pytest.raises(ConnectionClosed):
            connection.recv(60)

    with tailing(answer) as url, ExitStack() as stack:
        pages.source.shown = StackOf(url).shown
        opened = [stack.enter_context(open_tail()) for _ in range(MOST_TAILS)]
        assert {page.recv(20) for page in opened} == {"{}"}
        assert end_of(open_tail()) == "too many tails are open"
