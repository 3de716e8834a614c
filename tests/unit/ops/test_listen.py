from __future__ import annotations

import pytest

from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.events import Event
from obsctl.ops import listen as op
from tests.unit.clients.canned import JSON, Answer, Asked, serving


def vector(*series: tuple[dict[str, str], str]) -> Answer:
    result = [{"metric": labels, "value": [1, value]} for labels, value in series]
    return Answer({"status": "success", "data": {"resultType": "vector", "result": result}}, headers=JSON)


def metrics(asked: Asked) -> Answer:
    spans = "traces_spanmetrics" in asked.query["query"][0]
    return vector(({"service": "web"}, "3")) if spans else vector(({"job": "shop/web"}, "1"))


def test_it_tells_what_arrives_and_only_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(op, "SETTLING", 0.0)
    monkeypatch.setattr(op, "TOLD_EVERY", 0.01)
    events: list[Event] = []
    with serving({"/api/v1/query": metrics, "/loki/api/v1/query": vector(({"service_name": "web"}, "1"))}) as server:
        endpoints = Endpoints(
            (
                Endpoint("otlp", Role.OTLP_HTTP, "http://127.0.0.1:4318", Dialect.OTLP),
                Endpoint("prometheus", Role.METRICS, server.url, Dialect.PROMQL),
                Endpoint("loki", Role.LOGS, server.url, Dialect.LOGQL),
            )
        )
        assert op.listen(endpoints, 0.1, events.append) >= 0.1
    head, _, *told = events
    assert head.detail == "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
    assert [(event.subject, event.detail) for event in told] == [("web", "3 spans, 1 log line, 1 series")]
