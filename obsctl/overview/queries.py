"""Which metrics say what a service answers and whom it calls, and the queries for it.

Their names differ by who counts the requests. All of it is data, ``templates/overview/requests.json``, which the pages
read, too: the figures of both agree.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from obsctl import assets


@dataclass(frozen=True)
class RequestSource:
    """A counter of answered requests (``calls``), and the histogram of their durations (``buckets``).

    ``scale`` makes seconds of the durations. ``service`` is the label that names the service; ``answered`` and
    ``failed`` are matchers of what was answered, and of what failed among it.
    """

    calls: str
    buckets: str
    scale: float
    service: str
    answered: str
    failed: str


@dataclass(frozen=True)
class RequestQueries:
    """Requests per second, failed ones per second, and the 95th percentile of durations in seconds."""

    rate: str
    failed: str
    p95: str


@dataclass(frozen=True)
class RequestCatalogue:
    """All sources; of what counts the same service the first one counts. ``graph`` counts requests between services."""

    requests: tuple[RequestSource, ...]
    graph_calls: str
    graph_failed: str
    graph_buckets: tuple[str, ...]
    request_queries: RequestQueries
    graph_queries: RequestQueries

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric: what to ask for before anything else."""
        found = (name for source in self.requests for name in (source.calls, source.buckets))
        return tuple(dict.fromkeys((*found, self.graph_calls, self.graph_failed, *self.graph_buckets)))

    def present(self, names: Collection[str]) -> tuple[RequestSource, ...]:
        """The sources that a stack has. Of those that count the same requests, one whose durations are there."""
        chosen: dict[str, RequestSource] = {}
        for source in self.requests:
            if source.calls not in names:
                continue
            have = chosen.get(source.calls)
            if have is None or (have.buckets not in names and source.buckets in names):
                chosen[source.calls] = source
        return tuple(source for source in self.requests if source in chosen.values())

    def of_requests(self, source: RequestSource, window: str) -> RequestQueries:
        """The queries by service; ``window`` is a duration of PromQL."""
        failed = ",".join(filter(None, (source.answered, source.failed)))
        known = {"calls": source.calls, "buckets": source.buckets, "service": source.service, "window": window}
        filled = _filled(self.request_queries, {**known, "answered": source.answered, "failed": failed})
        p95 = filled.p95 if source.scale == 1 else f"{filled.p95} * {source.scale:g}"
        return RequestQueries(filled.rate, filled.failed, p95)

    def of_graph(self, names: Collection[str], window: str) -> RequestQueries:
        """The queries by call: labels ``client``, ``server`` and ``connection_type``."""
        buckets = next((name for name in self.graph_buckets if name in names), self.graph_buckets[0])
        known = {"calls": self.graph_calls, "failed": self.graph_failed, "buckets": buckets, "window": window}
        return _filled(self.graph_queries, known)


def catalogue() -> RequestCatalogue:
    """The shipped one."""
    return _read(assets.templates() / "overview" / "requests.json")


@functools.cache
def _read(path: Path) -> RequestCatalogue:
    known = json.loads(path.read_text(encoding="utf8"))
    graph, queries = known["graph"], known["queries"]
    return RequestCatalogue(
        tuple(RequestSource(**source) for source in known["requests"]),
        graph["calls"],
        graph["failed"],
        tuple(graph["buckets"]),
        RequestQueries(**queries["requests"]),
        RequestQueries(**queries["graph"]),
    )


def _filled(queries: RequestQueries, values: Mapping[str, str]) -> RequestQueries:
    rate, failed, p95 = (Template(text).substitute(values) for text in (queries.rate, queries.failed, queries.p95))
    return RequestQueries(rate, failed, p95)
