"""Counters of what was not stored become sentences, the largest first; a server that counts nothing has none."""

from __future__ import annotations

from obsctl.clients.exposition import parse_exposition
from obsctl.clients.losses import losses, reported_losses
from obsctl.embedded.self_metrics import (
    BROWSER_REFUSED,
    LOG_LINES_DROPPED,
    REFUSED,
    REJECTED,
    SAMPLES_DROPPED,
    UNKNOWN_PATHS,
    WRONG_PROTOCOL,
    SelfMetrics,
)
from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role

from .canned import Answer, serving

SAID = {
    "27 requests to `/` of the OTLP port got 404: did you mean `/v1/traces` or `/v1/metrics` or `/v1/logs`?": (
        *(UNKNOWN_PATHS, 27, "/"),
    ),
    "26 requests to `/v1/trace` of the OTLP port got 404: did you mean `/v1/traces`?": (UNKNOWN_PATHS, 26, "/v1/trace"),
    "9 connections to port 4318 spoke HTTP/2, as gRPC does, to a port that speaks HTTP/1: OTLP over gRPC has a port of "
    "its own (4317)": (WRONG_PROTOCOL, 9, "http2", "4318"),
    "8 connections to port 4318 spoke TLS to a port that speaks plain HTTP: write http:// instead of https://": (
        *(WRONG_PROTOCOL, 8, "tls", "4318"),
    ),
    "7 requests refused for the name in their Host header: `access: hosts:` allows names": (BROWSER_REFUSED, 7, "host"),
    "6 requests with traces over http refused with status 400": (REFUSED, 6, "traces", "http", "400"),
    "5 items of logs over grpc not stored; the answers say why": (REJECTED, 5, "logs", "grpc"),
    "4 lines of log files not stored: empty": (LOG_LINES_DROPPED, 4, "empty"),
    "1 sample of api not stored: store full": (SAMPLES_DROPPED, 1, "api", "store full"),
}


def test_every_counter_of_something_lost_is_a_sentence() -> None:
    metrics = SelfMetrics()
    metrics.add(REJECTED, 0, "traces", "http")
    for family, count, *labels in SAID.values():
        metrics.add(family, count, *labels)  # type: ignore[arg-type]
    assert losses(parse_exposition(metrics.expose())) == list(SAID)


def test_a_server_that_does_not_say_lost_nothing_that_is_known() -> None:
    with serving({"/metrics": Answer("up 1\n")}) as server:
        asked = Endpoints((Endpoint("otlp-http", Role.OTLP_HTTP, server.url, Dialect.OTLP),))
        assert reported_losses(asked) == []
    assert reported_losses(asked) == []
    assert reported_losses(Endpoints()) == []
