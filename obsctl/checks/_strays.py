"""What a service began of its own during the run: traces that no probe request belongs to, and lines without any id.

Pure but for ``StraysPoller``, which fetches both. What is here may be lost work of the requests, or a loop that the
service runs anyway; ``suspected`` and ``in_background`` tell the two apart by time and number.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from obsctl.checks._logs import LogsPoller
from obsctl.checks._poller import Poller
from obsctl.checks.base import Context, Evidence
from obsctl.clients.log_fields import ParsedLine
from obsctl.clients.telemetry import Span
from obsctl.errors import BackendError
from obsctl.json_types import Json
from obsctl.probes import ProbeRequest, ProbeRun

BEFORE = 20.0
"""Seconds before the run in which a loop of the service's own may show itself."""

FOLLOWS = 2.0
"""Seconds after its answer in which what a request set off begins."""

QUIET_WATCH = 3.0
"""Seconds that are watched after that, once something is suspected: a loop goes on, work of the requests does not."""

EXPORT = 6.0
"""Seconds that are waited for at most where other checks wait, too: OpenTelemetry sends a batch every 5."""

SEARCHED = 500
"""Traces and lines of each component that are read at most."""

EARLY = 0.1
"""Seconds by which clocks of one request may differ."""

LOOP_SHARE = 0.25
"""Part of its pace during the run that something must keep in quiet times to be a loop of the service's own."""

_IDS = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])|obsctl-[0-9a-f]{12}-\d+")
_VARIABLE = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b(?=\w*\d)(?=\w*[a-z])\w{6,}\b|\d+(?:[.,:]\d+)*", re.IGNORECASE
)
_POLL = re.compile(
    r"\b(?:B[LRZ]?(?:POP|MOVE|POPLPUSH|POPMIN|POPMAX)|XREAD(?:GROUP)?|P?SUBSCRIBE|LISTEN|poll|receive)\b"
)
_OPERATIONS = ("messaging.operation.type", "messaging.operation.name", "messaging.operation", "db.operation.name")
_ACCESS = re.compile(r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S+ HTTP/\d")
_PROBE_PATH = re.compile(
    r"/(?:metrics|healthz?|health[-_]?check|livez?|liveness|readyz?|readiness|ping|status|up|-/\w+|actuator/\S*)/?"
)
_PROBE_AGENT = re.compile(r"prometheus|kube-probe|healthcheck|googlehc|blackbox|uptime|otelcol|grafana", re.IGNORECASE)
_PATHS = ("url.path", "http.target", "http.route", "url.full", "http.url")
_AGENTS = ("user_agent.original", "http.user_agent")


@dataclass(frozen=True)
class StrayKind:
    """What strays have in common. ``what`` is the span's name or the line's text, without numbers and ids."""

    component: str
    what: str
    span_kind: str = ""
    is_line: bool = False

    def __str__(self) -> str:
        if self.is_line:
            return f"{self.component} logs {self.what[:80]!r} without trace_id"
        kind = f"{self.span_kind} span " if self.span_kind not in ("", "internal") else ""
        return f"{self.component} begins a trace of its own with {kind}{self.what!r}"


@dataclass(frozen=True)
class Suspicion:
    """Strays of one kind that came with the requests of one step: as many, each after its own."""

    kind: StrayKind
    request: ProbeRequest
    requests: int
    times: tuple[float, ...]
    example: str = ""

    def __str__(self) -> str:
        times = f"{len(self.times)} times for {self.requests} requests"
        return f"{self.kind}, {times} of {self.request.request}"


@dataclass
class Strays:
    """The times (epoch seconds) of the strays of each kind, one example of each, and when components were asked."""

    times: dict[StrayKind, list[float]] = field(default_factory=dict)
    examples: dict[StrayKind, str] = field(default_factory=dict)
    linked: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    asked: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: StrayKind, at: float, example: str) -> None:
        """One more of a kind."""
        self.times.setdefault(kind, []).append(at)
        self.examples.setdefault(kind, example)


def template(said: str) -> str:
    """A text without what differs from time to time: numbers, UUIDs, hex ids."""
    return _VARIABLE.sub("#", said).strip()


def is_probed(span: Span, paths: Collection[str]) -> bool:
    """Whether a span answers a scrape or a health probe. ``paths``: those of the service's own."""
    if span.kind not in ("server", ""):
        return False
    if any(_PROBE_AGENT.search(str(span.attributes.get(name, ""))) for name in _AGENTS):
        return True
    named = [span.name.rpartition(" ")[2], *(_path(span.attributes.get(name)) for name in _PATHS)]
    return any(path in paths or _PROBE_PATH.fullmatch(path) for path in named if path)


def _path(value: Json) -> str:
    """The path of a URL or a path, without what it asks for."""
    return re.sub(r"^[a-z]+://[^/]*", "", str(value or "")).partition("?")[0]


def is_poll(span: Span) -> bool:
    """Whether a span waits for messages: it begins before there is one, so no trace can be its parent."""
    said = [span.name, *(str(span.attributes.get(name, "")) for name in _OPERATIONS)]
    return span.kind != "server" and any(_POLL.search(text) for text in said)


def stray_root(spans: Sequence[Span], components: Collection[str], paths: Collection[str]) -> Span | None:
    """The span by which a component began a trace; None for a trace of a caller, a scrape or a probe."""
    roots = (s for s in spans if not s.parent_id and s.service in components)
    root = next(roots, None)
    return None if root is None or is_probed(root, paths) or is_poll(root) else root


def suspected(strays: Strays, run: ProbeRun) -> Iterator[Suspicion]:
    """Kinds of which at least as many came as a step was sent, each soon after one of its requests."""
    steps: dict[str, list[ProbeRequest]] = {}
    for request in run.requests:
        if request.status:
            steps.setdefault(request.request, []).append(request)
    for kind, times in strays.times.items():
        during = sorted(t for t in times if run.started_at - EARLY <= t <= run.ended_at + FOLLOWS)
        found = [
            Suspicion(kind, sent[0], len(sent), tuple(during), strays.examples[kind])
            for sent in steps.values()
            if len(sent) > 1 and _each_followed(sent, during)
        ]
        if found:
            yield min(found, key=lambda s: (abs(len(s.times) - s.requests), _delay(s, steps[s.request.request])))


def _each_followed(sent: Sequence[ProbeRequest], times: Sequence[float]) -> bool:
    """Whether each request has a stray for itself that began while it was answered or soon after."""
    left = list(times)
    for request in sent:
        end = request.sent_at + request.seconds + FOLLOWS
        own = next((t for t in left if request.sent_at - EARLY <= t <= end), None)
        if own is None:
            return False
        left.remove(own)
    return True


def _delay(suspicion: Suspicion, sent: Sequence[ProbeRequest]) -> float:
    """How long after the last request of a step each began, all together."""
    return sum(min((t - r.sent_at for r in sent if t >= r.sent_at), default=FOLLOWS) for t in suspicion.times)


def in_background(suspicion: Suspicion, strays: Strays, run: ProbeRun, now: float) -> bool:
    """Whether the same goes on where nobody asks anything: before the run, and once what it set off is over."""
    times = strays.times[suspicion.kind]
    length = run.ended_at + FOLLOWS - run.started_at
    asked = sorted(strays.asked)
    first = min((t for t in (*asked, *times) if t < run.started_at), default=run.started_at)
    windows = [(first, run.started_at - EARLY), (run.ended_at + FOLLOWS, now)]
    seconds = sum(_quiet_seconds(start, end, asked) for start, end in windows if end > start)
    quiet = [t for t in times if any(a <= t <= b for a, b in windows) and not _is_asked(t, asked)]
    return seconds > 0 and bool(quiet) and len(quiet) / seconds >= LOOP_SHARE * len(suspicion.times) / length


def _is_asked(at: float, asked: Iterable[float]) -> bool:
    return any(moment - EARLY <= at <= moment + FOLLOWS for moment in asked)


def _quiet_seconds(start: float, end: float, asked: Sequence[float]) -> float:
    """The part of a window that no request falls into, nor what one sets off."""
    quiet, at = 0.0, start
    for moment in asked:
        if start - FOLLOWS <= moment <= end:
            quiet += max(0.0, moment - EARLY - at)
            at = max(at, moment + FOLLOWS)
    return quiet + max(0.0, end - at)


class StraysPoller(Poller):
    """Reads what each component began, until other signals of the run have had their time; longer when it must."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        run = context.run
        interval = context.metrics.scrape_interval if context.metrics else 0.0
        self.watch_until = run.ended_at + min(EXPORT, 2 * interval)
        self.strays = Strays()
        self.looked: list[Evidence] = []
        self.spans: tuple[Span, ...] = ()
        service = context.service
        self._paths = {path for c in service.components for path in (c.metrics, c.ready) if path}
        self._driven = {r.trace_id for r in run.requests}

    @classmethod
    def of(cls, context: Context) -> StraysPoller:
        """The only poller of this run."""
        return context.cache.once(cls, lambda: cls(context))

    def look(self) -> bool:
        """Read everything anew; final once the time to watch is over."""
        now = time.time()
        strays = Strays(asked=[r.sent_at for r in self._context.run.requests])
        self._read_traces(strays, now)
        self._read_lines(strays)
        self.strays = strays
        return now >= self.watch_until

    def watch(self, seconds: float) -> None:
        """Keep looking for some seconds after the run."""
        with self.lock:
            self.watch_until = max(self.watch_until, self._context.run.ended_at + seconds)
            self._settled = False

    def _read_traces(self, strays: Strays, now: float) -> None:
        if self._context.traces is None:
            return
        run, client = self._context.run, self._context.traces.client
        start, end = int((run.started_at - BEFORE) * 1e9), int((now + 60) * 1e9)
        found: dict[str, tuple[Span, ...]] = {}
        self.looked, self.spans = [], ()
        for component in self._context.contract.components:
            traces = client.search(component, start_ns=start, end_ns=end, limit=SEARCHED).complete()
            if len(traces) >= SEARCHED:
                strays.notes.append(f"only the newest {SEARCHED} traces of {component} were looked at")
            asked = f"traces of {component}, from {BEFORE:g} s before the run"
            self.looked.append(Evidence(asked, f"{len(traces)}, with those of the requests"))
            found |= {spans[0].trace_id: spans for spans in traces if spans}
        self.spans = tuple(span for spans in found.values() for span in spans)
        for trace_id, spans in found.items():
            self._take(strays, trace_id, spans)

    def _take(self, strays: Strays, trace_id: str, spans: tuple[Span, ...]) -> None:
        if trace_id in self._driven:
            return
        if any(link.trace_id in self._driven for span in spans for link in span.links):
            strays.linked[trace_id] = spans
            return
        root = stray_root(spans, self._context.contract.components, self._paths)
        if root is not None:
            kind = StrayKind(root.service, template(root.name), root.kind)
            strays.add(kind, root.start_ns / 1e9, f"trace {root.trace_id}")
        outside = all(s.parent_id or s.kind == "server" for s in spans)
        if outside and not all(is_probed(s, self._paths) for s in spans if s.kind == "server"):
            strays.asked.append(min(s.start_ns for s in spans) / 1e9)

    def _read_lines(self, strays: Strays) -> None:
        logs, rule = self._context.logs, self._context.contract.logs
        if logs is None or rule is None or "trace_id" not in rule.fields:
            return
        poller = LogsPoller.of(self._context, logs)
        start = int((self._context.run.started_at - BEFORE) * 1e9)
        try:
            lines = poller.everything(start, limit=10 * SEARCHED)
        except BackendError as error:
            strays.notes.append(f"log lines were not looked at: {error.message}")
            return
        access: dict[str, int] = {}
        for line in lines:
            if is_without_id(line) and _ACCESS.search(line.line.line):
                access[line.component] = access.get(line.component, 0) + 1
            elif is_without_id(line):
                said = next((line.text(n) for n in ("message", "msg", "body", "text") if line.text(n)), line.line.line)
                kind = StrayKind(line.component, template(said), is_line=True)
                strays.add(kind, line.line.time_ns / 1e9, line.line.line[:300])
        strays.notes += [f"{n} access log lines of {name} carry no trace_id" for name, n in sorted(access.items())]


def is_without_id(line: ParsedLine) -> bool:
    """Whether a line names no trace and no request at all."""
    named = line.text("trace_id").strip("0 ") or line.text("request_id")
    return (
        not named and not _IDS.search(line.line.line) and not any(_IDS.search(v) for v in line.line.metadata.values())
    )
