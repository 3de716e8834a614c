"""Who may ask the embedded server, and what a browser is told."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from obsctl.embedded.http.guard import Access, Guard

LOCAL_HOSTS = (
    *("localhost", "localhost:4318", "LOCALHOST", "shop.localhost:9090", "127.0.0.1", "127.0.0.1:9090", "127.8.8.8"),
    *("[::1]", "[::1]:4318", "host.docker.internal:4318", "localhost.:80"),
)
FOREIGN_HOSTS = (
    *("evil.example", "evil.example:4318", "127.0.0.1.evil.example", "localhost.evil.example", "evillocalhost"),
    *("192.168.1.7", "[fe80::1]:80", "0x7f.1", "[::1", "a b"),
)
LOCAL_ORIGINS = (
    "http://localhost:5173",
    "https://localhost",
    "http://127.0.0.1:3000",
    "http://[::1]:80",
    "http://a.localhost",
)
FOREIGN_ORIGINS = (
    *(
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "file://",
        "http://[",
        "chrome-extension://localhost",
    ),
    *("http://127.0.0.1@evil.example", "https://a.shop.example.evil.example"),
)
ACCESS = Access(hosts=("lab.example",), origins=("https://*.shop.example",))


class Server:
    """A guarded application that counts what reaches it."""

    def __init__(self, access: Access = ACCESS) -> None:
        self.reached = 0
        self.refused: list[str] = []

        async def answer(request: Request) -> PlainTextResponse:
            self.reached += 1
            return PlainTextResponse("telemetry")

        app = Starlette(routes=[Route("/", answer, methods=["GET", "POST", "OPTIONS"])])
        self._transport = httpx.ASGITransport(Guard(app, access, self.refused.append))

    async def ask(self, method: str = "GET", host: str = "localhost:4318", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(transport=self._transport, base_url="http://localhost") as client:
            return await client.request(method, "/", headers={"host": host, **named})


def ask(server: Server, method: str = "GET", host: str = "localhost:4318", **headers: str) -> httpx.Response:
    return asyncio.run(server.ask(method, host, **headers))


@pytest.mark.parametrize("host", [*LOCAL_HOSTS, "lab.example", "LAB.example:9090"])
def test_names_of_this_machine_pass(host: str) -> None:
    assert ask(Server(), host=host).text == "telemetry"


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_foreign_host_is_refused(method: str, host: str) -> None:
    server = Server()
    assert ask(server, method, host).status_code == 403
    assert (server.reached, server.refused) == (0, ["host"])


@pytest.mark.parametrize("origin", [*LOCAL_ORIGINS, "https://a.shop.example"])
def test_a_page_of_an_allowed_origin_reads_and_writes(origin: str) -> None:
    server = Server()
    for method in ("GET", "POST"):
        answer = ask(server, method, origin=origin)
        assert answer.text == "telemetry"
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Origin" in answer.headers["vary"]
    assert not server.refused


@pytest.mark.parametrize("origin", [*LOCAL_ORIGINS, "https://a.shop.example"])
def test_a_preflight_of_an_allowed_origin_gets_what_it_asks_for(origin: str) -> None:
    server = Server()
    wanted = {
        "access_control_request_method": "POST",
        "access_control_request_headers": "content-type, traceparent",
        "access_control_request_private_network": "true",
    }
    answer = ask(server, "OPTIONS", origin=origin, **wanted)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == origin
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "content-type, traceparent"
    assert answer.headers["access-control-allow-private-network"] == "true"
    assert not server.reached


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_page_of_another_origin_neither_reads_nor_writes(origin: str) -> None:
    server = Server()
    assert ask(server, "POST", origin=origin).status_code == 403
    assert ask(server, "OPTIONS", origin=origin, access_control_request_method="POST").status_code == 403
    assert (server.reached, server.refused) == (0, ["origin", "origin"])
    assert "access-control-allow-origin" not in ask(server, origin=origin).headers


def test_the_servers_own_pages_ask_it() -> None:
    assert ask(Server(), "POST", host="lab.example:9090", origin="http://lab.example:9090").text == "telemetry"


def test_a_client_without_origin_gets_no_cors_header() -> None:
    assert not [name for name in ask(Server(), "POST").headers if name.startswith("access-control")]
