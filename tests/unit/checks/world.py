"""A healthy world: everything the sample's contract promises, as stored after one run of its drive.

Derived from the contract, so that it stays healthy when the contract changes. Tests break one thing in it.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from obsctl.assets import templates
from obsctl.checks.base import (
    Context,
    DashboardsContext,
    ExpectedRule,
    LogsContext,
    MetricsContext,
    TracesContext,
)
from obsctl.clients.promql import LoadedRule, Target
from obsctl.clients.telemetry import Exemplar, LogLine, MetricSample, Span, TraceSearch
from obsctl.dashboards.model import Dashboard
from obsctl.dashboards.read import read_dashboard
from obsctl.endpoints import Endpoints
from obsctl.errors import BackendError, UnsupportedError
from obsctl.ops.last_run import most_representative_trace
from obsctl.ops.verify import expected_rules
from obsctl.probes import ProbeRequest, ProbeRun
from obsctl.render.dashboards import dashboard_files
from obsctl.render.desired import File
from obsctl.spec.contract import Metric, MetricType, SpanRule, TraceRule
from obsctl.spec.load import load_stack_file
from obsctl.spec.stack import Service
from obsctl.traffic.expectations import expectations
from obsctl.traffic.send import Identities
from obsctl.wait import Deadline

ROUNDS = 2
_PLAIN = re.compile(r"([a-zA-Z_:0-9]*)(?:\{(.*)\})?")
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)("(?:[^"\\]|\\.)*")')
_SELECTOR = re.compile(r'([a-zA-Z_:][\w:]*)(\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})')
BASE = 3
OBSERVED = 0.004
"""What each event adds to the sum of its histogram: requests of the run took 0.01 seconds."""


@dataclass
class World:
    """What is stored. Everything may be changed by a test before it is looked at."""

    service: Service
    run: ProbeRun
    spans: dict[str, list[Span]] = field(default_factory=dict)
    logs: list[LogLine] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    series: list[MetricSample] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    exemplars: list[Exemplar] = field(default_factory=list)
    expected: tuple[ExpectedRule, ...] = ()
    dashboards: tuple[Dashboard, ...] = ()
    page: dict[str, str] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    rules: list[LoadedRule] | None = field(default_factory=list)
    endpoints: Endpoints = Endpoints()
    extracted: tuple[str, ...] = ("trace_id", "span_id", "request_id")
    broken: tuple[str, ...] = ()
    incomplete: str = ""
    unsearched: frozenset[str] = frozenset()
    restarted: tuple[str, ...] = ()
    history: list[MetricSample] = field(default_factory=list)
    """Samples of earlier scrapes."""
    asked: list[str] = field(default_factory=list)
    hidden: int = 0
    """How often each trace is looked for in vain."""

    def context(self, seconds: float, deadline: Deadline | None = None, **changes) -> Context:
        """What checks look at. ``changes``: another client for metrics, logs, traces or page; None for no backend."""
        clients = {"metrics": Metrics, "logs": Logs, "traces": Traces, "page": Page}
        metrics, logs, traces, page = (changes.get(name, make(self)) for name, make in clients.items())
        return Context(
            service=self.service,
            endpoints=self.endpoints,
            run=self.run,
            deadline=deadline or Deadline.after(seconds),
            metrics=metrics and MetricsContext(metrics, scrape_interval=0.05, rules=self.expected),
            logs=logs and LogsContext(logs, quiet=0.02),
            traces=traces and TracesContext(traces, quiet=0.02),
            dashboards=DashboardsContext(
                expected=self.dashboards,
                page=page,
                trace_id=most_representative_trace(self.run, self.service.contract),
                step=0.05,
            ),
        )

    def requests(self, request: str) -> list[ProbeRequest]:
        return [r for r in self.run.requests if r.request == request]

    def change_run(self, **changes) -> None:
        self.run = replace(self.run, **changes)

    def change_spans(self, pick, change) -> None:
        """Replace each span that ``pick`` holds for by ``change`` of it; None drops it."""
        for trace_id, spans in self.spans.items():
            changed = [change(s) if pick(s) else s for s in spans]
            self.spans[trace_id] = [s for s in changed if s is not None]

    def change_series(self, pick, change) -> None:
        changed = [change(s) if pick(s) else s for s in self.series]
        self.series = [s for s in changed if s is not None]

    def by_otlp(self, component: str) -> None:
        """The lines of a component as records that were sent by OTLP: only the message is text."""
        parts = tuple(replace(c, logs="" if c.name == component else "/var/log/*.log") for c in self.service.components)
        self.service = replace(self.service, run="", components=parts)
        for index, line in enumerate(self.logs):
            if line.labels["service_name"] == component:
                fields = json.loads(line.line)
                ids = {name: fields[name] for name in ("trace_id", "span_id", "request_id")}
                metadata, labels = {**ids, "severity_text": "INFO"}, {"service_name": component}
                self.logs[index] = replace(line, line=fields["message"], labels=labels, metadata=metadata)

    def change_records(self, change) -> None:
        """Replace the attributes of each OTLP record by ``change`` of them."""
        self.logs = [replace(line, metadata=change(line.metadata)) if line.metadata else line for line in self.logs]

    def change_lines(self, pick, change) -> None:
        """Replace the JSON of each line that ``pick`` holds for."""
        for index, line in enumerate(self.logs):
            fields = json.loads(line.line)
            if pick(line, fields):
                self.logs[index] = replace(line, line=json.dumps(change(fields)))


# ---- the clients, as the checks use them ----


class Metrics:
    def __init__(self, world: World) -> None:
        self.world = world
        self.scrapes = itertools.count(1)

    def _ask(self, what: str) -> None:
        self.world.asked.append(what)
        if "metrics" in self.world.broken:
            raise BackendError("Prometheus API at http://127.0.0.1:1 refused the connection")

    def targets(self):
        """Each look sees another scrape."""
        self._ask("targets")
        after = self.world.run.ended_at + 0.001 * next(self.scrapes)
        return [replace(t, last_scrape=after) if t.last_scrape == 0.0 else t for t in self.world.targets]

    def metadata(self):
        self._ask("metadata")
        return {name: (kind, "") for name, kind in self.world.types.items()}

    def instant(self, query, at=None):
        """Plain selectors, and the sum of one."""
        self._ask(query)
        if begun := re.fullmatch(r"sum\(resets\((.*)\[5m\]\)\)", query):
            return [MetricSample({}, 0.0, float(begun[1] in self.world.restarted))]
        if ranged := re.fullmatch(r"(\{.*\})\[\d+s\]", query):
            name, labels = _PLAIN.fullmatch(ranged[1]).groups()
            return [s for s in self.world.history if self._fits_all(s, name, labels)]
        summed = re.fullmatch(r"sum\(([^()]*)\)", query)
        plain = _PLAIN.fullmatch(summed[1] if summed else query)
        if not plain:
            return self.range(query, 0, 0, 1)
        name, labels = plain.groups()
        found = list(self._fitting(name, labels or ""))
        return [MetricSample({}, 0.0, sum(s.value for s in found))] if summed and found else [] if summed else found

    def _fitting(self, name, labels):
        return (s for s in self.world.series if self._fits_all(s, name, labels))

    @staticmethod
    def _fits_all(sample_, name, labels):
        wanted = [(k, op, json.loads(v)) for k, op, v in _MATCHER.findall(labels)]
        wanted = [("__name__", "=", name), *wanted] if name else wanted
        return all(_fits(sample_.labels.get(k, ""), op, v) for k, op, v in wanted)

    def range(self, query, start, end, step):
        """Something, if one of the series that it names is there: this is no PromQL engine."""
        self._ask(query)
        if query in self.world.refused:
            raise BackendError("Prometheus API at http://127.0.0.1:1 answered 400: parse error")
        stored = any(self._stored(name, labels) for name, labels in _SELECTOR.findall(query))
        return [MetricSample({}, end, 1.0)] if stored else []

    def _stored(self, name, labels):
        recorded = {rule.name for rule in self.world.rules or () if rule.kind == "recording"}
        scraped = {"up"} if self.world.targets else set()
        return name in recorded | scraped or any(True for _ in self._fitting(name, labels))

    def label_values(self, name, match=()):
        self._ask(f"label_values {name}")
        return sorted({s.labels[name] for s in self.world.series if name in s.labels})

    def rules(self):
        self._ask("rules")
        if self.world.rules is None:
            raise UnsupportedError("Prometheus API at http://127.0.0.1:1 does not show rules")
        return list(self.world.rules)

    def exemplars(self, query, start, end):
        self._ask(query)
        return [e for e in self.world.exemplars if e.series["__name__"] == query and start <= e.time <= end]


class Logs:
    def __init__(self, world: World) -> None:
        self.world = world

    def lines(self, query, start_ns, end_ns, limit=1000, direction="forward"):
        self.world.asked.append(query)
        if "logs" in self.world.broken:
            raise BackendError("Loki API at http://127.0.0.1:1 refused the connection")
        streams, stage = re.fullmatch(r'\{service_name=~("(?:[^"\\]|\\.)*")\}(?: (.*))?', query).groups()
        found = [line for line in self.world.logs if re.fullmatch(json.loads(streams), line.labels["service_name"])]
        return [line for line in found if self._passes(line, stage) and start_ns <= line.time_ns < end_ns][:limit]

    def _passes(self, line, stage):
        if not stage:
            return True
        operator, text = stage.split(" ", 1)
        if operator == "|=":
            return json.loads(text) in line.line
        if operator == "|~":
            return re.search(json.loads(text), line.line) is not None
        name, operator, value = re.fullmatch(r"(\w+)(=~?)(.*)", text).groups()
        own = line.metadata.get(name) or (name in self.world.extracted and str(_json(line).get(name)))
        return bool(own) and (re.fullmatch if operator == "=~" else _same)(json.loads(value), own) is not None

    def found(self, query, start_ns, end_ns):
        self.world.asked.append(query)
        if "logs" in self.world.broken:
            raise BackendError("Loki API at http://127.0.0.1:1 refused the connection")
        choices = re.findall(r'(\w+)=~("(?:[^"\\]|\\.)*")', query.rpartition("} | ")[2])
        if not choices:  # ids, which some line has
            return len(self.world.logs)
        return sum(
            any(re.fullmatch(json.loads(pattern), line.get(name) or "") for name, pattern in choices)
            for line in self.world.logs
        )

    def by_id(self, name, value, start_ns, end_ns, limit=1000):
        return self.lines(f'{{service_name=~".+"}} | {name}={json.dumps(value)}', start_ns, end_ns, limit)


class Traces:
    def __init__(self, world: World) -> None:
        self.world = world

    def _ask(self, what):
        self.world.asked.append(what)
        if "traces" in self.world.broken:
            raise BackendError("Jaeger API at http://127.0.0.1:1 refused the connection")

    def trace(self, trace_id):
        self._ask(trace_id)
        hidden = self.world.asked.count(trace_id) <= self.world.hidden
        return () if hidden else tuple(self.world.spans.get(trace_id, ()))

    def search(self, service, *, start_ns, end_ns, limit=20, **_):
        self._ask(f"search {service}")
        found = (
            tuple(t)
            for trace_id, t in self.world.spans.items()
            if trace_id not in self.world.unsearched
            and any(s.service == service and start_ns <= s.start_ns <= end_ns for s in t)
        )
        return TraceSearch(tuple(found), self.world.incomplete, "Jaeger API at http://127.0.0.1:1")


def _fits(own, operator, value):
    same = re.fullmatch(value, own) is not None if "~" in operator else own == value
    return same != operator.startswith("!")


def _same(value, own):
    return own if value == own else None


def _json(line):
    try:
        return json.loads(line.line)
    except ValueError:
        return {}


class Page:
    """The dashboard page: what it shows, and what its data sources say is wrong."""

    def __init__(self, world: World) -> None:
        self.world = world

    def dashboards(self):
        if "page" in self.world.broken:
            raise BackendError("Grafana at http://127.0.0.1:1 refused the connection")
        return {uid: uid for uid in self.world.page}

    def dashboard(self, uid):
        return self.world.page[uid]

    def source_trouble(self, uid):
        return self.world.troubles.get(uid, "")


# ---- the builder ----


@cache
def sample() -> Service:
    """The sample as it is verified where there is no obsctl.yaml."""
    return load_stack_file(templates() / "stacks" / "default.yaml", Path("/")).services[0]


@cache
def drawn() -> tuple[File, ...]:
    """The dashboards of the sample, as they are rendered."""
    return dashboard_files(load_stack_file(templates() / "stacks" / "default.yaml", Path("/")), "dashboards", "jaeger")


def healthy() -> World:
    service = sample()
    world = World(service, _run(service))
    for request in world.run.requests:
        world.spans[request.trace_id] = list(_spans(service, request))
        world.logs += _lines(service, request, world.spans[request.trace_id])
    world.targets = [
        Target(c.name, f"{c.url}{c.metrics}", "up", "", 0.0, _target_labels(c.name, c.url)) for c in service.components
    ]
    world.types = {m.name.removesuffix("_total"): m.type.value for m in service.contract.metrics}
    baseline: dict[str, list[str]] = {c.name: [] for c in service.components}
    for metric in service.contract.metrics:
        for component in metric.components or ("worker",):
            for sample_, before in _series(world, metric, component):
                world.series.append(sample_)
                baseline[component].append(_text(sample_, before))
    world.change_run(baseline={name: "\n".join(lines) + "\n" for name, lines in baseline.items()})
    world.exemplars = list(_exemplars(world))
    world.expected = expected_rules(service.contract)
    world.rules = [LoadedRule(rule.group, rule.kind, rule.name, "ok") for rule in world.expected]
    world.page = {read_dashboard(file.text, file.path).uid: file.text for file in drawn()}
    world.dashboards = tuple(read_dashboard(file.text, file.path) for file in drawn())
    return world


def _run(service: Service) -> ProbeRun:
    ids, now = Identities(seed=7), time.time() - 1.0
    requests = []
    for step in service.drive * ROUNDS:
        own = ids.next()
        headers = {service.contract.request_id_header: own.request_id}
        requests.append(
            ProbeRequest(
                step=step.id,
                method=step.method,
                route=step.route,
                url=service.entry.url + step.route,
                trace_id=own.trace_id,
                parent_id=own.parent_id,
                request_id=own.request_id,
                trace_state=own.trace_state,
                sent_at=now,
                seconds=0.01,
                status=step.expect,
                answer_headers=headers,
            )
        )
    performed = dict.fromkeys((s.id for s in service.drive), ROUNDS)
    expected = expectations(service.contract, service.drive, requests, performed)
    return ProbeRun(ids.run, ids.canary, now - 0.1, now + 0.1, tuple(requests), expected)


def _target_labels(name: str, url: str) -> Mapping[str, str]:
    return {"job": name, "instance": url.removeprefix("http://"), "service_namespace": "cv-job-matching"}


def _spans(service: Service, request: ProbeRequest) -> Iterator[Span]:
    """The spans of the request's rule: each component entered by its server and consumer spans, the rest below."""
    rule = next((t for t in service.contract.traces if t.request == request.request), None)
    rule = rule or TraceRule(request.request, (service.entry.name,))
    numbers = itertools.count(1)
    callers = {edge.target: edge.source for edge in rule.edges}
    leaving: dict[str, str] = {}

    def span(own: SpanRule, parent: str) -> Span:
        values = dict.fromkeys(own.attributes, "x") | {k: v[0] for k, v in own.match.items()}
        return Span(
            trace_id=request.trace_id,
            span_id=f"{next(numbers):08x}{request.parent_id[8:]}",
            parent_id=parent,
            service=own.component,
            name=own.name.replace("*", own.id),
            start_ns=int(request.sent_at * 1e9),
            end_ns=int(request.sent_at * 1e9) + 10**6,
            kind=own.kind,
            trace_state=request.trace_state,
            attributes=values,
            resource={"service.name": own.component},
        )

    for component in rule.components:
        parent = leaving.get(callers.get(component, ""), request.parent_id)
        rules = [r for r in rule.spans if r.component == component]
        entries = [r for r in rules if r.kind in ("server", "consumer")] or [SpanRule("entry", component, "server")]
        made = [span(r, parent) for r in entries]
        yield from made
        below = [span(r, made[0].span_id) for r in rules if r not in entries]
        yield from below
        leaving[component] = next((s.span_id for s in below if s.kind in ("producer", "client")), made[0].span_id)


def _lines(service: Service, request: ProbeRequest, spans: list[Span]) -> Iterator[LogLine]:
    for component in dict.fromkeys(s.service for s in spans):
        own = next(s for s in spans if s.service == component)
        fields = {
            "timestamp": datetime.fromtimestamp(own.end_ns / 1e9, UTC).isoformat(),
            "level": "info",
            "service": component,
            "message": f"did {request.step}",
            "trace_id": request.trace_id,
            "span_id": own.span_id,
            "request_id": request.request_id,
        }
        line = json.dumps(fields)
        yield LogLine(own.end_ns, line, {"service_name": component, "level": "info"}, {})


def _series(world: World, metric: Metric, component: str) -> Iterator[tuple[MetricSample, float]]:
    """Each series now, with what it was before the run."""
    target = _target_labels(component, next(c.url for c in world.service.components if c.name == component))
    yield from _one(metric, {**target, **dict.fromkeys(metric.labels, "quiet")}, 0)
    for expected in world.run.expectations:
        owner = world.service.entry.name if metric.driven else "worker"
        if expected.metric == metric.name and component == owner:
            own = {**dict.fromkeys(metric.labels, "other"), **expected.labels}
            yield from _one(metric, {**target, **own}, expected.by)


def _one(metric: Metric, labels: Mapping[str, str], by: int) -> Iterator[tuple[MetricSample, float]]:
    def sample_(suffix: str, rise: float = by, **more: str) -> tuple[MetricSample, float]:
        return MetricSample({"__name__": metric.name + suffix, **labels, **more}, 0.0, BASE + rise), BASE

    if metric.type is MetricType.HISTOGRAM:
        yield from (sample_("_bucket", le=f"{b:g}") for b in (*metric.buckets, float("inf")))
        yield from (sample_("_count"), sample_("_sum", by * OBSERVED))
    elif metric.type is MetricType.SUMMARY:
        yield from (sample_("_count"), sample_("_sum", by * OBSERVED))
    else:
        yield sample_("")


def _text(sample_: MetricSample, before: float) -> str:
    """The exposition line that a component served before the run: without the target's labels."""
    own = {k: v for k, v in sample_.labels.items() if k not in ("__name__", "job", "instance", "service_namespace")}
    return f"{sample_.labels['__name__']}{{{','.join(f'{k}={json.dumps(v)}' for k, v in own.items())}}} {before}"


def _exemplars(world: World) -> Iterator[Exemplar]:
    for metric in world.service.contract.metrics:
        if metric.exemplars:
            series = {"__name__": f"{metric.name}_bucket", "le": "0.05"}
            for request in world.run.requests:
                yield Exemplar(series, {"trace_id": request.trace_id}, 0.01, world.run.ended_at)
