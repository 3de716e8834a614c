"""Every HTTP port of a real server: offers to upgrade, foreign hosts, pages of other origins."""

from __future__ import annotations

import socket
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse

import pytest

from .conftest import ROLES, Embedded, eventually
from .test_receive_http import PROTOBUF, trace_request

HTTP_ROLES = ROLES[1:]
OFFER = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"}


def send(server: Embedded, role: str, method: str, path: str, body: bytes = b"", **headers: str) -> HTTPResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = HTTPConnection(server.address(role), timeout=10)
    try:
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def test_a_span_that_comes_with_an_offer_to_upgrade_is_stored(shared: Embedded) -> None:
    request = trace_request()
    trace_id = request.resource_spans[0].scope_spans[0].spans[0].trace_id.hex()
    headers = {**PROTOBUF, **OFFER}
    sent = send(shared, "otlp_http", "POST", "/v1/traces", request.SerializeToString(), **headers)
    assert sent.status == 200
    assert eventually(lambda: shared.get("jaeger", f"/api/traces/{trace_id}").status == 200)


@pytest.mark.parametrize("role", HTTP_ROLES)
def test_a_foreign_host_is_refused_on_every_port(shared: Embedded, role: str) -> None:
    before = shared.own('obsctl_browser_requests_refused_total{reason="host"}')
    assert send(shared, role, "GET", "/ready", host="rebound.example").status == 403
    assert send(shared, role, "GET", "/ready", host="localhost").status == 200
    assert shared.own('obsctl_browser_requests_refused_total{reason="host"}') == before + 1


@pytest.mark.parametrize("role", HTTP_ROLES)
def test_pages_of_this_machine_read_and_others_do_not_on_every_port(shared: Embedded, role: str) -> None:
    here, elsewhere = "http://localhost:5173", "https://evil.example"
    assert send(shared, role, "GET", "/ready", origin=here).headers["access-control-allow-origin"] == here
    assert send(shared, role, "GET", "/ready", origin=elsewhere).headers["access-control-allow-origin"] is None
    assert send(shared, role, "POST", "/ready", origin=elsewhere).status == 403
    wanted = {"access_control_request_method": "POST", "access_control_request_headers": "content-type"}
    assert send(shared, role, "OPTIONS", "/v1/traces", origin=here, **wanted).status == 204
    assert send(shared, role, "OPTIONS", "/v1/traces", origin=elsewhere, **wanted).status == 403


def test_hosts_and_origins_of_the_configuration_are_allowed(embedded: Callable[..., Embedded]) -> None:
    server = embedded(access={"hosts": ["lab.example"], "origins": ["https://*.shop.example"]})
    origin = "https://a.shop.example"
    answer = send(server, "otlp_http", "GET", "/ready", host="lab.example:4318", origin=origin)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, origin)


def test_a_socket_that_follows_logs_is_refused_to_a_foreign_page(shared: Embedded) -> None:
    host, _, port = shared.address("loki").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(
            b"GET /loki/api/v1/tail?query=%7Ba%3D%22b%22%7D HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert client.recv(1 << 12).startswith(b"HTTP/1.1 403 ")
