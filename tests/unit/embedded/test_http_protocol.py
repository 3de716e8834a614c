"""HTTP/1 as clients speak it that are not Python's: every exchange is bytes on a socket."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from obsctl.embedded.http.protocol import KEEP_ALIVE_SECONDS, MAX_HEAD, HttpProtocol

LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
OFFER = (
    b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nContent-Length: 5\r\n\r\n"
)
PLAIN = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"


async def echo(scope, receive, send) -> None:
    """Answers with the method, the path and the body."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    answer = f"[{scope['method']} {scope['path']} ".encode() + body + b"]"
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


class Impatient(HttpProtocol):
    read_seconds = 0.2


@pytest.fixture(scope="module", params=[HttpProtocol, Impatient], ids=["patient", "impatient"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    yield from served(request.param)


@pytest.fixture(scope="module")
def impatient() -> Iterator[int]:
    yield from served(Impatient)


def served(protocol: type[HttpProtocol]) -> Iterator[int]:
    """A server on a port of its own, stopped at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        options = {"http": protocol, "loop": "uvloop", "ws": "wsproto", "lifespan": "off", "log_config": None}
        server = uvicorn.Server(uvicorn.Config(echo, **options, timeout_keep_alive=KEEP_ALIVE_SECONDS))

        def run() -> None:
            with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
                runner.run(server.serve(sockets=[listener]))

        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


def exchange(port: int, *pieces: bytes, end: bool = False) -> bytes:
    """Everything that the server answers to pieces sent one by one, until it closes; ``end`` closes our side."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                client.sendall(piece)
            if end:
                client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server has said what it wanted to
        answer = b""
        try:
            while piece := client.recv(1 << 16):
                answer += piece
        except ConnectionResetError:
            pass
        return answer


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


OFFERS = {
    "in one piece": [OFFER + b"hello"],
    "head and body": [OFFER, b"hello"],
    "in many pieces": bytewise(OFFER + b"hello"),
    "chunked": [
        OFFER.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ],
    "beside keep-alive": [OFFER.replace(b"Connection: ", b"Connection: keep-alive, ") + b"hello"],
    "of another protocol": [OFFER.replace(b"h2c", b"TLS/1.2") + b"hello"],
}


@pytest.mark.parametrize("pieces", OFFERS.values(), ids=OFFERS)
def test_an_offer_to_upgrade_is_ignored_and_its_request_answered(port: int, pieces: list[bytes]) -> None:
    answer = exchange(port, *pieces, LAST)
    assert b"[POST / hello]" in answer
    assert b"[GET /last ]" in answer
    assert b" 101 " not in answer


def test_offers_in_a_pipeline_are_answered_in_order(port: int) -> None:
    answer = exchange(port, (OFFER + b"first") + (PLAIN + b"other") + (OFFER + b"third") + LAST)
    places = [answer.index(body) for body in (b"first", b"other", b"third", b"/last")]
    assert places == sorted(places)


def test_many_offers_in_one_pipeline_do_not_exhaust_the_stack(port: int) -> None:
    assert exchange(port, (OFFER + b"hello") * 1500 + LAST).count(b"[POST / hello]") == 1500


def test_http_1_0_is_answered_and_closed(port: int) -> None:
    answer = exchange(port, b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello")
    assert b"[POST / hello]" in answer
    assert b"chunked" not in answer


def test_a_client_that_closes_its_sending_side_gets_its_answers(port: int) -> None:
    assert exchange(port, (PLAIN + b"first") + (PLAIN + b"other"), end=True).count(b"[POST") == 2


def test_a_request_that_is_cut_off_gets_no_answer(port: int) -> None:
    assert exchange(port, PLAIN + b"hel", end=True) == b""


TOO_LARGE = {
    "one header": PLAIN.replace(b"Host: a", b"Host: a\r\nX: " + b"a" * MAX_HEAD),
    "many headers": PLAIN.replace(b"Host: a", b"Host: a" + b"\r\nX: a" * (MAX_HEAD // 5)),
    "request line": PLAIN.replace(b"POST /", b"POST /" + b"a" * MAX_HEAD),
    "no end": PLAIN[:20] + b"a" * (4 * MAX_HEAD),
}


@pytest.mark.parametrize("head", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_head_that_is_too_large_is_refused(port: int, head: bytes) -> None:
    answer = exchange(port, head)
    assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""  # a reset may overtake the answer
    answer = exchange(port, *[head[i : i + 4096] for i in range(0, len(head), 4096)])
    assert b"[POST" not in answer


def test_a_large_head_within_the_limit_is_taken(port: int) -> None:
    head = LAST.replace(b"Host: a", b"Host: a\r\nX: " + b"a" * (MAX_HEAD - 200))
    assert b"[GET /last ]" in exchange(port, head)


@pytest.mark.parametrize("text", [b"\x16\x03\x01hello\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_what_is_no_request_for_this_server_is_refused(port: int, text: bytes) -> None:
    assert exchange(port, text).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("begun", [PLAIN[:12], PLAIN + b"hel"], ids=["head", "body"])
def test_a_client_that_does_not_go_on_is_told_so(impatient: int, begun: bytes) -> None:
    assert exchange(impatient, begun).startswith(b"HTTP/1.1 408 ")


def test_the_idle_limit_is_far_above_what_exporters_pause() -> None:
    assert KEEP_ALIVE_SECONDS > 2 * 60
