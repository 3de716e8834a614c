"""Where telemetry got lost on its way, decided from evidence. Pure.

The hops, in the order of the way: the service, its exporter's target, the receiver, the Collector's queue and exporter,
the backend, the shipper of log files, the stack's own configuration, the query side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from obsctl.clients.intake import IntakeCounts

RIGHT_PATHS = {"traces": "/v1/traces", "metrics": "/v1/metrics", "logs": "/v1/logs"}
_VARIABLES = {
    "traces": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "metrics": "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "logs": "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
}
_EXPORTERS = {"traces": "OTEL_TRACES_EXPORTER", "metrics": "OTEL_METRICS_EXPORTER", "logs": "OTEL_LOGS_EXPORTER"}
_CODES = {
    "400": "their body is not OTLP as the Content-Type says",
    "413": "they are larger than the receiver takes: export smaller batches",
    "415": "their Content-Type is not that of OTLP: set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    "503": "the queue is full",
}


@dataclass(frozen=True)
class Hop:
    """Where it got lost, in one sentence with what mends it, and the command that shows more."""

    name: str
    sentence: str
    command: str

    def __str__(self) -> str:
        return f"{self.sentence}; `{self.command}` shows more"


@dataclass(frozen=True)
class WatchedLogs:
    """One component's log files as they are: the pattern, and what it matches.

    ``unreadable`` and ``grown`` are among ``files``; ``elsewhere`` grew beside them and does not match.
    """

    component: str
    pattern: str
    files: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    grown: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    folder: str = ""


@dataclass(frozen=True)
class HopEvidence:
    """What is known of a signal that did not arrive from some components in the time since ``counts`` began.

    ``strangers`` are names of services that sent this signal and are in no spec; ``stale`` is what ``up`` would change.
    ``otlp`` is the URL of the receiver, ``grpc`` that of the gRPC one.
    """

    signal: str
    components: tuple[str, ...]
    counts: IntakeCounts
    otlp: str = ""
    grpc: str = ""
    strangers: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    sources: tuple[WatchedLogs, ...] = ()
    indexing: str = ""


def lost_at(evidence: HopEvidence) -> Hop | None:
    """The first hop that the evidence speaks against."""
    return next((hop for decide in _ORDER for hop in decide(evidence)), None)


def _stale(e: HopEvidence) -> Iterator[Hop]:
    if e.stale and (e.sources or e.signal == "metrics"):
        changes = "; ".join(e.stale[:3])
        yield Hop(
            "older spec",
            f"the stack still runs with an older obsctl.yaml ({changes}): run `obsctl up`",
            "obsctl up --plan",
        )


def _files(e: HopEvidence) -> Iterator[Hop]:
    for source in e.sources:
        yield from _file(source)


def _file(s: WatchedLogs) -> Iterator[Hop]:
    who, more = s.component, "obsctl status"
    if not s.files and s.elsewhere:
        said = f"no file matches {s.pattern}, but {s.elsewhere[0]} grew: let `logs` of {who} in obsctl.yaml match it"
        yield Hop("shipper: other file", said, more)
    elif not s.files:
        where = "" if s.folder else ", and its folder does not exist"
        said = f"no file matches {s.pattern}{where}: let {who} write there, or correct `logs` in obsctl.yaml"
        yield Hop("shipper: no file", said, more)
    elif s.unreadable:
        said = f"the shipper may not read {s.unreadable[0]}: give the user that runs the stack read access to it"
        yield Hop("shipper: permissions", said, f"ls -l {s.unreadable[0]}")
    elif not s.grown and s.elsewhere:
        said = f"{s.files[0]} did not grow, but {s.elsewhere[0]} did: let `logs` of {who} in obsctl.yaml match it"
        yield Hop("shipper: other file", said, more)
    elif not s.grown:
        said = f"{s.files[0]} did not grow during the run: {who} writes its lines somewhere else, or not at all"
        yield Hop("service: no lines", said, f"tail {s.files[0]}")


def _paths(e: HopEvidence) -> Iterator[Hop]:
    for (path,), number in e.counts.of("unknown path"):
        right, shown = RIGHT_PATHS[e.signal], "an unknown path" if path == "other" else path
        asked = f"{e.otlp}{path if path != 'other' else ''}"
        said = (
            f"{_times(number)} to {asked} {_were(number)} answered 404, {shown} being no path of OTLP: send {e.signal} "
            f"to {e.otlp}{right}, by {_VARIABLES[e.signal]} or in code, where the endpoint needs that path"
        )
        yield Hop("wrong path", said, "obsctl status")


def _protocol(e: HopEvidence) -> Iterator[Hop]:
    for _, number in e.counts.of("other protocol", "http2"):
        said = (
            f"{_times(number)} came to {e.otlp} as gRPC, which that port does not speak: "
            f"send gRPC to {e.grpc}, or set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
        )
        yield Hop("wrong protocol", said, "obsctl status")


def _refused(e: HopEvidence) -> Iterator[Hop]:
    for rest, number in e.counts.of("refused", e.signal):
        transport, code = rest
        why = _CODES.get(code, f"they were answered {code}")
        yield Hop(
            "receiver refused",
            f"{_times(number)} with {e.signal} over {transport} {_were(number)} refused: {why}",
            "obsctl logs backend",
        )


def _collector(e: HopEvidence) -> Iterator[Hop]:
    told = {
        "collector refused": "the Collector refused {n} {signal} ({by}): a processor or its memory limiter did",
        "queue full": "the Collector's queue to {by} is full, {n} {signal} were dropped: that backend is slow or down",
        "export failed": "the Collector could not export {n} {signal} to {by}: that backend is down or refuses them",
    }
    for kind, text in told.items():
        for (by,), number in e.counts.of(kind, e.signal):
            signal = f"{e.signal} items" if e.signal != "traces" else "spans"
            yield Hop(kind, text.format(n=number, signal=signal, by=by or "otlp"), "obsctl logs otel-collector")


def _rejected(e: HopEvidence) -> Iterator[Hop]:
    for (reason,), number in e.counts.of("rejected", e.signal):
        why = f" ({reason})" if reason not in ("", "http", "grpc") else ""
        said = f"the backend rejected {number} of what was sent{why}: see the exporter's log for its partial success"
        yield Hop("backend rejected", said, "obsctl logs backend")
    for (reason,), number in e.counts.of("dropped") if e.signal == "logs" else ():
        if reason != "empty":
            yield Hop("backend rejected", f"{number} log lines were read and not stored: {reason}", "obsctl status")


def _strangers(e: HopEvidence) -> Iterator[Hop]:
    if e.strangers:
        names, wanted = ", ".join(e.strangers[:3]), ", ".join(e.components)
        said = f"{e.signal} came in under the name {names}, not {wanted}: set OTEL_SERVICE_NAME={e.components[0]}"
        yield Hop("other name", said, "obsctl status")


def _late(e: HopEvidence) -> Iterator[Hop]:
    if e.indexing:
        yield Hop("query side", f"what was sent is stored but not yet found: {e.indexing}", "obsctl status")


def _silent(e: HopEvidence) -> Iterator[Hop]:
    names = ", ".join(e.components)
    if e.sources:
        return
    if e.counts.total("received", e.signal):
        said = f"the stack received {e.signal} in this time, but none of {names}: it does not export them"
    else:
        said = f"no {e.signal} came in by OTLP in this time: {names} does not export them, or sends them elsewhere"
    mend = f"set OTEL_EXPORTER_OTLP_ENDPOINT={e.otlp} and {_EXPORTERS[e.signal]}=otlp, and not OTEL_SDK_DISABLED"
    yield Hop("service does not export", f"{said}; {mend}", "obsctl doctor")


_ORDER: Sequence[Callable[[HopEvidence], Iterator[Hop]]] = (
    *(_stale, _files, _protocol, _paths, _refused, _collector, _rejected, _strangers, _late, _silent),
)


def _times(number: int) -> str:
    return f"{number} request{'s' * (number != 1)}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


SIGNALS: Mapping[str, str] = {
    "traces.complete": "traces",
    "traces.shape": "traces",
    "logs.present": "logs",
    "metrics.targets": "metrics",
    "metrics.present": "metrics",
}
"""The checks that say first that something did not arrive, and which signal it is."""
