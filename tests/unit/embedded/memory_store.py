"""A store in memory that keeps the promises of ``store.base``, and a client over the three APIs on top of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import httpx
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette

from obsctl.embedded.jaeger import api as jaeger
from obsctl.embedded.loki import api as loki
from obsctl.embedded.prometheus import api as prometheus
from obsctl.embedded.records import (
    Batch,
    ExemplarRecord,
    LogRecord,
    MetadataRecord,
    SampleRecord,
    SpanRecord,
    TargetStatus,
)
from obsctl.embedded.spans import StoredSpan
from obsctl.embedded.store.base import LogVolume, Samples, SeriesReader, SpanReader, SpanScan, StoredSeries, Written
from obsctl.embedded.store.traces import decode
from obsctl.embedded.tempo import api as tempo
from obsctl.languages.labels import Labels, Matcher, matches_all

from .promql_store import samples_of

FAR = 2**63


@dataclass
class MemoryStore:
    """Everything submitted, in lists."""

    spans: list[SpanRecord] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    sample_records: list[SampleRecord] = field(default_factory=list)
    exemplar_records: list[ExemplarRecord] = field(default_factory=list)
    metadata_records: list[MetadataRecord] = field(default_factory=list)
    hints: list[Mapping[str, str] | None] = field(default_factory=list)
    texts: list[tuple[str, ...]] = field(default_factory=list)
    lines_read: int = 0

    def submit(self, batch: Batch) -> Future[Written]:
        known = {(s.trace_id, s.span_id, s.kind) for s in self.spans}
        fresh = [s for s in batch.spans if (s.trace_id, s.span_id, s.kind) not in known]
        self.spans += fresh
        self.logs += batch.logs
        self.sample_records += batch.samples
        self.exemplar_records += batch.exemplars
        self.metadata_records += batch.metadata
        done: Future[Written] = Future()
        done.set_result(Written(batch.items, len(batch.spans) - len(fresh)))
        return done

    def services(self) -> list[str]:
        return sorted({s.service for s in self.spans})

    def operations(self, service: str) -> list[tuple[str, int]]:
        return sorted({(s.name, s.kind) for s in self.spans if s.service == service})

    def trace(self, trace_id: bytes) -> list[StoredSpan]:
        found = sorted((s for s in self.spans if s.trace_id == trace_id), key=lambda s: s.start_ns)
        return [_stored(s) for s in found]

    def scan(self, scan: SpanScan) -> Iterator[StoredSpan]:
        for s in sorted(self.spans, key=lambda s: -s.start_ns):
            if _scanned(scan, s):
                yield _stored(s)

    def snapshot(self) -> AbstractContextManager[SeriesReader]:
        return nullcontext(self)

    def series(
        self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None
    ) -> list[StoredSeries]:
        open_ended = start is None and end is None
        low, high = -FAR if start is None else start, FAR if end is None else end
        ids = {labels: i for i, labels in enumerate(dict.fromkeys(s.labels for s in self.sample_records))}
        seen = {s.labels for s in self.sample_records if open_ended or low <= s.time_ms <= high}
        return [StoredSeries(i, k) for k, i in sorted(ids.items()) if k in seen and matches_all(matchers, dict(k))]

    def samples(self, series: Sequence[StoredSeries], start: int, end: int) -> Samples:
        return samples_of(
            {s.time_ms: s.value for s in self.sample_records if s.labels == one.labels and start <= s.time_ms <= end}
            for one in series
        )

    def metadata(self) -> list[MetadataRecord]:
        return self.metadata_records

    def exemplars(self, matchers: Sequence[Matcher], start: int, end: int) -> list[ExemplarRecord]:
        found = [
            e for e in self.exemplar_records if start <= e.time_ms <= end and matches_all(matchers, dict(e.series))
        ]
        return sorted(found, key=lambda e: e.time_ms)

    def streams(self, matchers: Sequence[Matcher], start: int | None = None, end: int | None = None) -> list[Labels]:
        low, high = -FAR if start is None else start, FAR if end is None else end
        inside = dict.fromkeys(r.labels for r in self.logs if low <= r.time_ns < high)
        return [labels for labels in inside if matches_all(matchers, dict(labels))]

    def lines(
        self,
        matchers: Sequence[Matcher],
        start: int,
        end: int,
        *,
        direction: str = "backward",
        metadata: Mapping[str, str] | None = None,
        contains: Sequence[str] = (),
    ) -> Iterator[LogRecord]:
        self.hints.append(metadata)
        self.texts.append(tuple(contains))
        for record in sorted(self.logs, key=lambda r: r.time_ns, reverse=direction == "backward"):
            carried = dict(record.metadata)
            hinted = all(carried.get(name) == value for name, value in (metadata or {}).items())
            hinted = hinted and all(text in record.line for text in contains)
            if hinted and start <= record.time_ns < end and matches_all(matchers, dict(record.labels)):
                self.lines_read += 1
                yield record

    def volumes(self, matchers: Sequence[Matcher], start: int, end: int, step: int) -> list[LogVolume]:
        found: dict[tuple[Labels, int], list[str]] = {}
        for one in self.logs:
            if start <= one.time_ns < end and matches_all(matchers, dict(one.labels)):
                found.setdefault((one.labels, (one.time_ns - start) // step), []).append(one.line)
        return [LogVolume(*key, len(lines), sum(len(line.encode()) for line in lines)) for key, lines in found.items()]

    def arrivals(self, matchers: Sequence[Matcher], after: int | None, limit: int) -> tuple[list[LogRecord], int]:
        if after is None:
            return [], len(self.logs)
        seen = self.logs[after : after + limit]
        return [one for one in seen if matches_all(matchers, dict(one.labels))], after + len(seen)

    def close(self) -> None:
        pass


def _scanned(scan: SpanScan, s: SpanRecord) -> bool:
    took = s.end_ns - s.start_ns
    return (
        (scan.service is None or s.service == scan.service)
        and (scan.operation is None or s.name == scan.operation)
        and (scan.start_min is None or s.start_ns >= scan.start_min)
        and (scan.start_max is None or s.start_ns <= scan.start_max)
        and (scan.duration_min is None or took >= scan.duration_min)
        and (scan.duration_max is None or took <= scan.duration_max)
    )


def _stored(s: SpanRecord) -> StoredSpan:
    return decode.span(s.service, s.resource, s.scope, s.payload)


def span_record(span: Span, resource: Resource, scope: InstrumentationScope | None = None) -> SpanRecord:
    service = next((a.value.string_value for a in resource.attributes if a.key == "service.name"), "")
    return SpanRecord(
        trace_id=span.trace_id,
        span_id=span.span_id,
        service=service,
        name=span.name,
        kind=span.kind,
        status=span.status.code,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        resource=resource.SerializeToString(),
        scope=(scope or InstrumentationScope()).SerializeToString(),
        payload=span.SerializeToString(),
    )


@dataclass(frozen=True)
class Api:
    """Asks an ASGI app in this process; every request on an event loop of its own."""

    app: Starlette

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._request(method, path, options))

    async def _request(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", trust_env=False) as session:
            return await session.request(method, path, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)


def tempo_client(store: SpanReader) -> Api:
    """Tempo's API; its paths meet Jaeger's."""
    app = Starlette(routes=tempo.routes(store))
    app.router.redirect_slashes = False
    return Api(app)


def client(store: MemoryStore, targets: Sequence[TargetStatus] = ()) -> Api:
    """The three other APIs in one app: their paths do not meet, but for ``/config``, which is Prometheus' here."""
    routes = [*prometheus.routes(store, lambda: targets), *loki.routes(store), *jaeger.routes(store)]
    return Api(Starlette(routes=routes))


def labels(**pairs: str) -> Labels:
    """A label set; ``name`` stands for ``__name__``."""
    return tuple(sorted(("__name__" if k == "name" else k, v) for k, v in pairs.items()))
