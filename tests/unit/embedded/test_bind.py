"""Where other machines reach the server, every request on every port needs the token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from obsctl.clients.http import Http
from obsctl.clients.promql import PromqlClient
from obsctl.errors import BackendError

from .conftest import ROLES, Embedded, ask, embedded_server, eventually, free_ports

TOKEN = "a-token-of-this-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ALERT = b'[{"labels": {"alertname": "Down"}}]'


def settings(folder: Path) -> dict[str, Any]:
    (folder / "token").write_text(f"{TOKEN}\n")
    ports = dict(zip(ROLES, free_ports(len(ROLES)), strict=True))
    hook = {"url": f"http://127.0.0.1:{ports['otlp_http']}/api/v1/notifications"}
    route = {"receiver": "own", "group_wait": "1ms", "group_interval": "1s", "repeat_interval": "1h"}
    return {
        "listen": {role: f"0.0.0.0:{port}" for role, port in ports.items()},
        "access": {"token": f"${{file:{folder / 'token'}}}"},
        "alerting": {"route": route, "receivers": [{"name": "own", "webhook_configs": [hook]}]},
    }


class Open(Embedded):
    """A server that is asked on loopback, though it listens everywhere."""

    def address(self, role: str) -> str:
        return self.config["listen"][role].replace("0.0.0.0", "127.0.0.1")

    def _ready(self) -> bool:
        assert self.process.poll() is None, f"the server ended: {self._gone()}"
        try:
            return ask("GET", self.url("jaeger", "/-/ready"), headers=BEARER).status == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def server(starts_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    folder = tmp_path_factory.mktemp("open")
    with embedded_server(folder, kind=Open, **settings(folder)) as started:
        yield started


@pytest.mark.parametrize("role", [role for role in ROLES if role != "otlp_grpc"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_every_request_needs_the_token(server: Embedded, role: str, method: str) -> None:
    paths = (
        "/-/ready",
        "/metrics",
        "/v1/traces",
        "/api/v1/query?query=1",
        "/loki/api/v1/labels",
        "/api/v2/alerts",
        "/x",
    )
    for path in paths:
        for headers in ({}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": f"Bearer {TOKEN}x"}):
            refused = ask(method, server.url(role, path), headers=headers)
            assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Bearer realm="obsctl"')
        assert ask(method, server.url(role, path), headers=BEARER | {"Host": "lab.example"}).status != 401


def test_grpc_needs_it_too(server: Embedded) -> None:
    with grpc.insecure_channel(server.address("otlp_grpc")) as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        for metadata in ((), (("authorization", "Bearer x"),)):
            with pytest.raises(grpc.RpcError) as refused:
                export(b"", metadata=metadata)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED  # type: ignore[attr-defined]
        assert export(b"", metadata=(("authorization", f"Bearer {TOKEN}"),)) == b""


def test_our_own_clients_and_our_own_webhooks_carry_it(server: Embedded, bearer: Callable[[str], Any]) -> None:
    access = bearer(TOKEN)
    assert PromqlClient(server.url("prometheus", ""), access=access).instant("1")[0].value == 1
    with pytest.raises(BackendError, match="answered 401: Every request to this server needs its bearer token"):
        PromqlClient(server.url("prometheus", "")).instant("1")
    ask("POST", server.url("alerts", "/api/v2/alerts"), ALERT, BEARER | {"Content-Type": "application/json"})
    with Http(server.url("loki", ""), access=access) as http:
        query = {"query": '{service_name=~".+"} |= "Down"'}
        eventually(lambda: http.get_json("/loki/api/v1/query_range", query).json()["data"]["result"])  # type: ignore[call-overload,index]


def test_a_request_without_it_is_counted(server: Embedded) -> None:
    name = 'obsctl_browser_requests_refused_total{reason="token"}'

    def refused() -> float:
        lines = ask("GET", server.url("otlp_http", "/metrics"), headers=BEARER).body.decode().splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    before = refused()
    ask("GET", server.url("loki", "/ready"))
    assert refused() == before + 1
