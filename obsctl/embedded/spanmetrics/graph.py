"""Which service calls which: pairs of spans of both sides (Tempo's ``service-graphs`` processor, its names and labels).

The client's span and the span whose parent it is may arrive in any order, and some seconds apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from obsctl.embedded.records import MetadataRecord, SpanRecord
from obsctl.embedded.spanmetrics.instruments import Counter, Histogram, InstrumentRows, Row, metadata
from obsctl.embedded.store.traces.decode import attributes_of
from obsctl.languages.labels import Labels

_PREFIX = "traces_service_graph"
TOTAL, FAILED = f"{_PREFIX}_request_total", f"{_PREFIX}_request_failed_total"
SERVER, CLIENT = f"{_PREFIX}_request_server_seconds", f"{_PREFIX}_request_client_seconds"
UNPAIRED, DROPPED = f"{_PREFIX}_unpaired_spans_total", f"{_PREFIX}_dropped_spans_total"
BOUNDS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
"""Seconds."""

WAIT_SECONDS = 10.0
MAX_WAITING = 20_000
MAX_EDGES = 500
_PRODUCER = 4
_SERVERS, _CLIENTS = (2, 5), (3, _PRODUCER)
"""Kinds of spans on either side of a request or a message."""

_ERROR = 2
_MESSAGING = "messaging_system"
_PEERS = {
    "peer.service": "virtual_node",
    **dict.fromkeys(("db.namespace", "db.name", "db.system.name", "db.system"), "database"),
}
"""Attributes of a client that name what it calls where that sends no spans, the first of them first."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    span: SpanRecord
    until: float


class Graph:
    """Edges between services, and spans that wait for the other side of theirs."""

    def __init__(self) -> None:
        self.rows = InstrumentRows()
        self._waiting: dict[tuple[bytes, bytes], _Waiting] = {}
        self._edges: dict[Labels, _Edge] = {}
        self._counters: dict[tuple[str, Labels], tuple[Row, Counter]] = {}

    def observe(self, spans: Sequence[SpanRecord], now: float) -> None:
        """Pair spans with those that wait, and let the others wait until ``WAIT_SECONDS`` from ``now``."""
        until = now + WAIT_SECONDS
        for span in spans:
            if span.kind in _CLIENTS:
                self._take((span.trace_id, span.span_id), span, until)
            elif span.kind in _SERVERS and span.parent_id:
                self._take((span.trace_id, span.parent_id), span, until)
        self._expire(now)

    def _take(self, key: tuple[bytes, bytes], span: SpanRecord, until: float) -> None:
        other = self._waiting.get(key)
        if other is not None and _is_client(other.span) != _is_client(span):
            del self._waiting[key]
            client, server = (span, other.span) if _is_client(span) else (other.span, span)
            kind = _MESSAGING if client.kind == _PRODUCER else ""
            self._count((client.service, server.service, kind), client, server)
        elif other is None and len(self._waiting) < MAX_WAITING:
            self._waiting[key] = _Waiting(span, until)
        else:
            self._lost(DROPPED, span)

    def _expire(self, now: float) -> None:
        """What has waited long enough; those that wait are in order of their time."""
        gone = list(takewhile(lambda item: item[1].until <= now, self._waiting.items()))
        for key, waiting in gone:
            del self._waiting[key]
            peer = _peer(waiting.span) if _is_client(waiting.span) else None
            if peer:
                self._count((waiting.span.service, *peer), waiting.span, None)
            else:
                self._lost(UNPAIRED, waiting.span)

    def _count(self, names: tuple[str, str, str], client: SpanRecord, server: SpanRecord | None) -> None:
        labels: Labels = tuple(zip(("client", "server", "connection_type"), names, strict=True))
        edge = self._edges.get(labels)
        if edge is None:
            if len(self._edges) >= MAX_EDGES:
                self._lost(DROPPED, client)
                return
            edge = self._edges[labels] = _Edge(labels)
            self.rows.all.append(edge.row)
        edge.add(client, server)

    def _lost(self, family: str, span: SpanRecord) -> None:
        """Count a span that made no edge."""
        side = "client" if _is_client(span) else "server"
        labels: Labels = ((side, span.service),) if len(self._counters) < MAX_EDGES else ()
        found = self._counters.get((family, labels))
        if found is None:
            counter = Counter(family, labels)
            found = self._counters[family, labels] = (Row((counter,)), counter)
            self.rows.all.append(found[0])
        row, counter = found
        counter.value += 1
        row.changed = True


class _Edge:
    """The instruments of a pair of services."""

    def __init__(self, labels: Labels) -> None:
        self._total, self._failed = Counter(TOTAL, labels), Counter(FAILED, labels)
        self._server, self._client = (Histogram(name, labels, BOUNDS) for name in (SERVER, CLIENT))
        self.row = Row((self._total, self._failed, self._server, self._client))

    def add(self, client: SpanRecord, server: SpanRecord | None) -> None:
        self._total.value += 1
        self._failed.value += any(side.status == _ERROR for side in (client, server) if side)
        _observe(self._client, client)
        _observe(self._server, server or client)
        self.row.changed = True


def described() -> list[MetadataRecord]:
    """Type and help of the families."""
    counters = {
        TOTAL: "Requests between two services.",
        FAILED: "Requests between two services that failed on either side.",
        UNPAIRED: "Spans for which the other side of the request never came.",
        DROPPED: "Spans for which there was no room.",
    }
    seconds = {SERVER: "How long requests took, as the server has it.", CLIENT: "How long they took for the client."}
    return metadata(counters, seconds)


def _is_client(span: SpanRecord) -> bool:
    return span.kind in _CLIENTS


def _observe(histogram: Histogram, span: SpanRecord) -> None:
    seconds = max(0, span.end_ns - span.start_ns) / 1e9
    counts = np.zeros(len(BOUNDS) + 1, dtype=np.int64)
    counts[np.searchsorted(BOUNDS, seconds)] = 1
    histogram.add(counts, seconds)


def _peer(span: SpanRecord) -> tuple[str, str] | None:
    """What a client without an answering side called, and what kind of thing that is."""
    if b"db." not in span.payload and b"peer.service" not in span.payload:  # spares most of them the parsing
        return None
    texts = {key: value for key, value in attributes_of(span.payload) if key in _PEERS and isinstance(value, str)}
    return next(((texts[key], kind) for key, kind in _PEERS.items() if texts.get(key)), None)
