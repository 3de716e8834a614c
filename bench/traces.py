"""How long searching a million spans takes: through the HTTP APIs of a server process, once its index has caught up."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from urllib.parse import quote, urlencode

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.ingest import Server, closing_connection, embedded_server, send_all
from obsctl.wait import Deadline, until

_STORED = 1_000_000
_BATCH = 512
_SERVICES = ("gateway", "orders", "stock", "payments")
_RUNS = 7
_RARE = 100_000
"""One span in so many carries what the rare queries look for."""


def search(stored: int = _STORED) -> dict[str, object]:
    """Milliseconds of searches that few spans answer, and how long the index took to catch up after the last span."""
    with embedded_server() as server, ExitStack() as stack:
        began = time.perf_counter()
        for _ in range(0, stored, _BATCH * 20):
            send_all(server, [_request().SerializeToString() for _ in range(20)])
        loaded = time.perf_counter()
        wait_for_index(server, "spans", "span_blocks")
        indexed = time.perf_counter()
        figures = {f"{name}_ms": milliseconds(server, stack, *asked) for name, asked in _queries().items()}
        return {
            "spans": stored,
            "load_s": round(loaded - began, 1),
            "index_s": round(indexed - loaded, 1),
            **figures,
            "resident_mb": round(server.rss_megabytes),
            "disk_bytes_per_span": round(server.disk_bytes / stored),
        }


def _queries() -> Mapping[str, tuple[str, str]]:
    """By name: whose port, and the path."""

    def traceql(query: str) -> tuple[str, str]:
        return "traceql", f"/api/search?q={quote(query)}&limit=20"

    tags = json.dumps({"app.rare": "yes"})
    window = {"start": 0, "end": int(time.time() + 3600) * 1_000_000}
    return {
        "rare_attribute": traceql('{ span.app.rare = "yes" }'),
        "rare_number": traceql("{ span.app.number = 123456 }"),
        "rare_error": traceql("{ status = error && duration > 5s }"),
        "slow": traceql('{ resource.service.name = "stock" && name = "GET /items/3" && duration > 5s }'),
        "structure": traceql('{ kind = server } >> { span.app.rare = "yes" } | count() > 0'),
        "nowhere": traceql('{ .app.missing = "x" }'),
        "resource": traceql('{ resource.host.name = "host-9999" }'),
        "jaeger_tags": ("jaeger", f"/api/traces?{urlencode({'service': 'orders', 'tags': tags, **window})}"),
        "any_20": traceql("{ }"),
    }


def milliseconds(server: Server, stack: ExitStack, role: str, path: str) -> float:
    connection = closing_connection(stack, server.connect(role))
    delays = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        delays.append((time.perf_counter() - began) * 1000)
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {body[:200]!r}")
    return round(statistics.median(delays), 1)


INDEXED = 600.0
"""Seconds that the index may take to catch up."""


def wait_for_index(server: Server, rows: str, blocks: str) -> None:
    """Until all but the newest rows are in blocks, as the tables tell."""
    with closing(sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)) as connection:

        def caught_up() -> bool:
            newest = connection.execute(f"SELECT max(id) FROM {rows}").fetchone()[0]
            last = connection.execute(f"SELECT coalesce(max(last), 0) FROM {blocks}").fetchone()[0]
            return bool(newest - last < 2048)

        if not until(caught_up, Deadline.after(INDEXED), interval=0.2):
            raise SystemExit(f"{blocks} has not caught up after {INDEXED:g} s")


def _request() -> ExportTraceServiceRequest:
    """Traces of eight spans by four services."""
    request = ExportTraceServiceRequest()
    scopes = {}
    for name in _SERVICES:
        group = request.resource_spans.add()
        group.resource.attributes.add(key="service.name").value.string_value = name
        group.resource.attributes.add(key="host.name").value.string_value = f"host-{name}"
        scopes[name] = group.scope_spans.add()
    for _ in range(0, _BATCH, 8):
        trace_id, parent, now = os.urandom(16), b"", time.time_ns()
        for index, (service, took) in enumerate(_steps()):
            span = scopes[service].spans.add(
                trace_id=trace_id,
                span_id=os.urandom(8),
                parent_span_id=parent,
                name=f"GET /items/{random.randrange(10)}",
                kind=2 + index % 2,
                start_time_unix_nano=now + index * 1000,
                end_time_unix_nano=now + index * 1000 + took,
            )
            parent = parent or span.span_id
            for number in range(6):
                value = f"value-{number}" if number % 2 else os.urandom(8).hex()
                span.attributes.add(key=f"app.attribute.{number}").value.string_value = value
            span.attributes.add(key="app.number").value.int_value = random.randrange(1_000_000)
            if not random.randrange(_RARE):
                span.attributes.add(key="app.rare").value.string_value = "yes"
            if not random.randrange(100):
                span.status.code = 2
    return request


def _steps() -> Iterator[tuple[str, int]]:
    for index in range(8):
        slow = not random.randrange(_RARE)
        yield _SERVICES[index // 2], 6_000_000_000 if slow else random.randrange(100_000_000)
