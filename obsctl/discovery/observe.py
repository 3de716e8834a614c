"""What backends have of services nobody has described yet, read back through their standard APIs."""

from __future__ import annotations

import math
import re
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from obsctl.access.options import PLAIN, ComponentAccess
from obsctl.clients.http import Http
from obsctl.clients.log_fields import parse_line
from obsctl.clients.logql import LogqlClient
from obsctl.clients.promql import PromqlClient
from obsctl.clients.telemetry import LogLine, MetricSample, Span
from obsctl.clients.traces import traces_client
from obsctl.discovery.model import ObservedLogs, ObservedRequest, ObservedTraffic, ReceivedMetric
from obsctl.discovery.requests import Trace, always_present, links, requests, server_entries
from obsctl.discovery.scraped import stored_metrics
from obsctl.discovery.stored_forms import stored_forms
from obsctl.endpoints import Endpoints, Feature, Role
from obsctl.errors import BackendError
from obsctl.languages.exposition import parse_scrape
from obsctl.spec.contract import MetricType
from obsctl.spec.scalars import NAME_PATTERN

MOST_SERVICES, MOST_TRACES, MOST_LINES, MOST_EXEMPLARS = 20, 200, 5000, 20
"""How much is read: services, traces of each, the newest lines of all, metrics whose exemplars are asked for."""

UNDER_WAY_NS = 2 * 10**9
"""Traces that began so short a time ago may lack spans that are still on their way."""

_OFTEN, _SOON_NS = 3, 20 * 10**9
"""What goes on by itself happens so often at least, and again within so many nanoseconds."""

_SENT = '{job!="",__name__!~"up|target_info|otel_scope_info|scrape_.*|traces_.*|slo:.*|ALERTS.*"}'
"""Series that somebody made who is known by name."""

REQUEST_ID_HEADERS = ("X-Request-Id", "X-Correlation-Id", "Request-Id", "X-Trace-Id", "X-Amzn-Trace-Id")
"""Headers that carry a request id, the most usual one first."""

_STANDARD = ("timestamp", "level", "message", "trace_id", "span_id")
"""Fields of an OTLP record under the names that contracts have for them."""

_BESIDE = re.compile(
    r"(severity_.*|detected_level|flags|observed_timestamp|scope_.*|event_name|(telemetry|process|host|os|service|"
    r"code|thread|otel|deployment|container|k8s)_.*)"
)
"""Metadata that is no field of the service's own: parts of a record, its scope, what an SDK knows of the process."""

_PERSONAL = re.compile(
    r"(?i)(^|[._-])(e?-?mail|phone|mobile|birth\w*|ssn|iban|password|passwd|secret|token|authorization|cookie|"
    r"credit_?card|card_?number|address|first_?name|last_?name|full_?name|user_?name|enduser\.id|user\.(id|name))$"
)
_HARMLESS = re.compile(r"(client|server|network|net|source|destination|messaging)\..*|.*\.(peer|local)\.address")


@dataclass(frozen=True)
class Counts:
    """How much came of one service."""

    spans: int = 0
    lines: int = 0
    series: int = 0

    def __str__(self) -> str:
        parts = (self.spans, "span"), (self.lines, "log line"), (self.series, "series")
        received = [f"{n} {what}{'s' * (n != 1 and what != 'series')}" for n, what in parts if n]
        return ", ".join(received) or "nothing"


def counts(endpoints: Endpoints, seconds: float) -> Mapping[str, Counts]:
    """How much came of each service in the last ``seconds``, by name, as our own server counts it.

    Raises BackendError.
    """
    metrics, logs = endpoints.first(Role.METRICS), endpoints.first(Role.LOGS)
    assert metrics
    assert logs
    client = PromqlClient(metrics.url, access=metrics.access)
    spans = _by("service", client.instant("sum by (service) (traces_spanmetrics_calls_total)"))
    series = _by("job", client.instant(f"count by (job) ({_SENT})"))
    query = f'sum by (service_name) (count_over_time({{service_name=~".+"}} [{math.ceil(seconds) + 60}s]))'
    lines = _by("service_name", LogqlClient(logs.url, access=logs.access).instant(query, time.time_ns()))
    names = sorted({*spans, *lines, *series})
    return {name: Counts(spans.get(name, 0), lines.get(name, 0), series.get(name, 0)) for name in names}


def _by(label: str, samples: Iterable[MetricSample]) -> dict[str, int]:
    """Values by the name of a service; a job is one, after its namespace."""
    return {s.labels.get(label, "").rpartition("/")[2]: round(s.value) for s in samples}


@dataclass(frozen=True)
class Received:
    """Everything that came from ``since_ns`` to ``until_ns`` (epoch nanoseconds), read back from ``endpoints``."""

    endpoints: Endpoints
    since_ns: int
    until_ns: int
    traces: Sequence[Trace]
    metrics: Sequence[ReceivedMetric]
    lines: Sequence[LogLine]

    @classmethod
    def read(cls, endpoints: Endpoints, since_ns: int) -> Received:
        """Asks each backend once. Raises BackendError."""
        until_ns, traces = time.time_ns(), _traces(endpoints, since_ns)
        return cls(endpoints, since_ns, until_ns, traces, _metrics(endpoints), _lines(endpoints, since_ns))

    @cached_property
    def counts(self) -> Mapping[str, Counts]:
        """How much came of each service, by name."""
        spans = Counter(span.service for spans in self.traces for span in spans)
        logged = Counter(line.get("service_name") for line in self.lines)
        series = Counter(metric.component for metric in self.metrics)
        names = [name for name in dict.fromkeys([*spans, *logged, *series]) if name]
        return {name: Counts(spans[name], logged[name], series[name]) for name in names}

    @cached_property
    def services(self) -> tuple[str, ...]:
        """The names that a contract can have, most spans first."""
        fit = (name for name in self.counts if re.fullmatch(NAME_PATTERN, name))
        return tuple(sorted(fit, key=lambda name: (-self.counts[name].spans, name)))

    @cached_property
    def unnamed(self) -> tuple[str, ...]:
        """The names that no contract can have."""
        return tuple(name for name in self.counts if name not in self.services)


def observe_traffic(received: Received, preferred: str, aside: Collection[str] = ()) -> ObservedTraffic:
    """What was received, as the traffic of one service whose components are all that sent something.

    ``preferred`` is the component that requests enter by, if it sent anything. ``aside`` are the paths of metrics and
    probes. Raises BackendError.
    """
    names = received.services
    entered = Counter(span.service for span, _ in server_entries(received.traces) if span.service in names)
    entry = preferred if preferred in names else next((name for name, _ in entered.most_common(1)), "")
    components = tuple(sorted(names, key=lambda name: name != entry))
    found = requests(_whole(received.traces), entry, components, aside)
    traffic = _observed(received, components, found, (*components, *received.unnamed))
    return replace(traffic, links=links(received.traces, components), unnamed=received.unnamed)


def observe_service(received: Received, name: str, aside: Collection[str] = ()) -> ObservedTraffic:
    """What was received of one service among others: the requests to it, whoever sent them, and what is its own.

    The other components are those that its requests reach. Raises BackendError.
    """
    found = requests(_whole(received.traces), name, received.services, aside, called=True)
    reached = dict.fromkeys(component for request in found for component in request.components)
    components = (name, *(component for component in reached if component != name))
    joined = links(received.traces, received.services)
    own = {edge: times for edge, times in joined.items() if name in (edge.source, edge.target)}
    return replace(_observed(received, components, found, (name,)), links=own)


def _observed(
    received: Received, components: tuple[str, ...], found: tuple[ObservedRequest, ...], own: Collection[str]
) -> ObservedTraffic:
    """The traffic that consists of these requests; metrics, log lines and personal data are those of ``own``."""
    described = [request for request in found if request.safe_to_send] or found
    judged = {trace_id for request in described for trace_id in request.traces}
    sent = [one for one in received.metrics if one.component in own]
    held = _with_exemplars(received.endpoints, sent, judged, received.since_ns)
    sent = [replace(one, metric=replace(one.metric, exemplars=one.metric.name in held)) for one in sent]
    lines = [line for line in received.lines if line.get("service_name") in own]
    spans = [span for spans in received.traces for span in spans]
    return ObservedTraffic(
        components,
        {name: str(counts) for name, counts in received.counts.items() if name in {*components, *own}},
        found,
        _logs([line for line in lines if line.get("trace_id") in judged], spans, components),
        dict(sorted(_personal([span for span in spans if span.service in own], lines).items())),
        metrics=tuple(sent),
        stored_forms=stored_forms(spans, received.lines),
    )


def undriven_logs(received: Received, name: str, driven: Iterable[ObservedRequest]) -> ObservedLogs | None:
    """The lines of a service to which nothing is sent, where they can be relied on; None where they cannot.

    It writes them for each of the ``driven`` requests to another service, or all the time.
    """
    own = [line for line in received.lines if line.get("service_name") == name]
    traced = {line.get("trace_id") for line in own} - {""}
    caused = any(request.traces and request.traces <= traced for request in driven if name in request.components)
    entered = {spans[0].trace_id for spans in received.traces if any(span.service != name for span in spans)}
    alone = [line.time_ns for line in own if line.get("trace_id") not in entered]
    if not caused and not _goes_on(alone, received):
        return None
    return _logs(own, [span for spans in received.traces for span in spans], (name,))


def _goes_on(times_ns: Iterable[int], received: Received) -> bool:
    """Whether something happened again and again in the whole time."""
    moments = sorted((received.since_ns, *times_ns, received.until_ns))
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    return len(gaps) > _OFTEN and max(gaps) <= _SOON_NS


def _traces(endpoints: Endpoints, started_ns: int) -> list[Trace]:
    """The newest traces of each service, each once."""
    backend = endpoints.first(Role.TRACES)
    if backend is None:
        return []
    client, now = traces_client(backend), time.time_ns()
    found: dict[str, Trace] = {}
    for service in client.services()[:MOST_SERVICES]:
        matches = client.search(service, start_ns=started_ns, end_ns=now, limit=MOST_TRACES)
        for spans in matches.traces or matches.complete():  # some are enough to learn from
            found.setdefault(spans[0].trace_id, spans)
    return list(found.values())


def _whole(traces: Sequence[Trace]) -> Sequence[Trace]:
    """Without those that may still be under way, unless there are no others."""
    latest = time.time_ns() - UNDER_WAY_NS
    return [spans for spans in traces if spans[-1].start_ns < latest] or traces


def _lines(endpoints: Endpoints, started_ns: int) -> list[LogLine]:
    backend = endpoints.first(Role.LOGS)
    if backend is None:
        return []
    client = LogqlClient(backend.url, access=backend.access)
    return client.lines('{service_name=~".+"}', started_ns, time.time_ns(), MOST_LINES, "backward")


def _logs(lines: Sequence[LogLine], spans: Sequence[Span], components: Collection[str]) -> ObservedLogs | None:
    """What these lines had in common, those of ``components``; None where there are none."""
    beside = {re.sub(r"\W", "_", key) for span in spans for key in span.resource}
    own = [line for line in lines if line.get("service_name") in components]
    if not own:
        return None
    carried = []
    for line in own:
        said = parse_line(line, frozenset([line.get("service_name")]))
        attributes = {key: value for key, value in line.metadata.items() if key not in beside}
        named = {key: value for key, value in attributes.items() if not _BESIDE.fullmatch(key)}
        carried.append({**{name: said.text(name) for name in _STANDARD}, **named})
    always = always_present(carried)
    fields = (*(name for name in _STANDARD if name in always), *(name for name in always if name not in _STANDARD))
    writers = {line.get("service_name") for line in own}
    return ObservedLogs(fields, tuple(name for name in components if name in writers), len(own))


def _personal(spans: Sequence[Span], lines: Sequence[LogLine]) -> Counter[str]:
    """How often attributes were seen whose key tells that they may hold something personal or secret."""
    keys = (key for span in spans for key in span.attributes)
    logged = (key for line in lines for key in line.metadata)
    return Counter(key for key in (*keys, *logged) if is_personal(key))


def is_personal(key: str) -> bool:
    """Whether the name of an attribute tells that its value may be personal or secret."""
    plain = re.fullmatch(r"[\x21-\x7e]{1,200}", key)
    return bool(plain and _PERSONAL.search(key) and not _HARMLESS.fullmatch(key))


def _metrics(endpoints: Endpoints) -> list[ReceivedMetric]:
    """Metrics whose series no scraper made."""
    backend = endpoints.first(Role.METRICS)
    if backend is None:
        return []
    client = PromqlClient(backend.url, access=backend.access)
    scraped = {(target.job, target.labels.get("instance", "")) for target in client.targets()}
    types, by_job = client.metadata(), defaultdict[str, list[MetricSample]](list)
    for sample in client.instant(_SENT):
        if (sample.labels.get("job", ""), sample.labels.get("instance", "")) not in scraped:
            by_job[sample.labels.get("job", "")].append(sample)
    return [
        ReceivedMetric(job.rpartition("/")[2], metric)
        for job, series in sorted(by_job.items())
        for metric in stored_metrics(series, types)
    ]


def _with_exemplars(
    endpoints: Endpoints, sent: Sequence[ReceivedMetric], judged: Collection[str], started_ns: int
) -> frozenset[str]:
    """The histograms that have an exemplar of one of these traces."""
    backend = endpoints.first(Role.METRICS)
    names = {one.metric.name for one in sent if one.metric.type is MetricType.HISTOGRAM and one.metric.buckets}
    if backend is None or not judged or not names or Feature.EXEMPLARS in backend.without:
        return frozenset()
    client = PromqlClient(backend.url, access=backend.access)

    def led(name: str) -> bool:
        found = client.exemplars(f"{name}_bucket", started_ns / 1e9, time.time())
        return any(exemplar.trace_id in judged for exemplar in found)

    return frozenset(name for name in sorted(names)[:MOST_EXEMPLARS] if led(name))


def answers(url: str, request: ObservedRequest, access: ComponentAccess = PLAIN) -> bool:
    """Whether a request that was seen is answered there as it was. Sends it once.

    Some servers of metrics answer every path with their page: that is no answer.
    """
    try:
        with Http(url, name="The service", access=access) as http:
            reply = http.send(request.method, request.route)
    except BackendError:
        return False
    return reply.status == request.status and not _is_page(reply.text)


def _is_page(text: str) -> bool:
    page = parse_scrape(text)
    return not page.problems and any(family.samples and family.type for family in page.families.values())


def echoed_header(url: str, requests: Iterable[ObservedRequest], access: ComponentAccess = PLAIN) -> str:
    """The request id header that the service sends back, "" for none. Sends the first of the requests once."""
    first = next(iter(requests), None)
    if first is None:
        return ""
    sent = {name: f"obsctl-{secrets.token_hex(8)}" for name in REQUEST_ID_HEADERS}
    try:
        with Http(url, name="The service", access=access) as http:
            answer = http.send(first.method, first.route, headers=sent)
    except BackendError:
        return ""
    got = {name.lower(): value for name, value in answer.headers.items()}
    return next((name for name, value in sent.items() if got.get(name.lower()) == value), "")
