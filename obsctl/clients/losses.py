"""What the embedded server did not store since it started, as its own ``/metrics`` say: a sentence for each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from obsctl.clients.exposition import Exposition, own_metrics
from obsctl.endpoints import Endpoints, Role

Labels = Mapping[str, str]

_SIGNALS = {"trace": "/v1/traces", "span": "/v1/traces", "metric": "/v1/metrics", "log": "/v1/logs"}
_REASONS = {
    "host": "for the name in their Host header: `access: hosts:` allows names",
    "origin": "for the page that sent them: `access: origins:` allows pages",
    "token": "since they had no token, or another one",
}
_PROTOCOLS = {
    "http2": "HTTP/2, as gRPC does, to a port that speaks HTTP/1: OTLP over gRPC has a port of its own (4317)",
    "tls": "TLS to a port that speaks plain HTTP: write http:// instead of https://",
}


def reported_losses(endpoints: Endpoints) -> list[str]:
    """What the server of a stack says of itself; nothing where it is none of ours, or does not answer."""
    own = endpoints.first(Role.OTLP_HTTP)
    shown = own_metrics(own) if own else None
    return losses(shown) if shown else []


def losses(shown: Exposition) -> list[str]:
    """A sentence for each counter that tells of something lost, the largest losses first."""
    found = [(count, text) for name, told in _TOLD.items() for count, text in _of(shown, name, told)]
    return [text for _, text in sorted(found, key=lambda one: -one[0])]


def _of(shown: Exposition, name: str, told: Callable[[Labels], tuple[str, str]]) -> Iterator[tuple[float, str]]:
    for labels, count in shown.samples.get(name, ()):
        if count:
            noun, rest = told(labels)
            yield count, f"{int(count):,} {noun}{'' if count == 1 else 's'} {rest}"


def _path(labels: Labels) -> tuple[str, str]:
    path = labels.get("path", "")
    meant = [target for word, target in _SIGNALS.items() if word in path.lower()] or [*dict.fromkeys(_SIGNALS.values())]
    where = "other paths" if path == "other" else f"`{path}`"
    likely = " or ".join(f"`{target}`" for target in meant)
    return "request", f"to {where} of the OTLP port got 404: did you mean {likely}?"


def _refused(labels: Labels) -> tuple[str, str]:
    return "request", f"refused {_REASONS.get(labels.get('reason', ''), '')}".rstrip()


def _protocol(labels: Labels) -> tuple[str, str]:
    spoken = _PROTOCOLS.get(labels.get("protocol", ""), labels.get("protocol", ""))
    return "connection", f"to port {labels.get('port', '?')} spoke {spoken}"


def _code(labels: Labels) -> tuple[str, str]:
    signal, transport = labels.get("signal", ""), labels.get("transport", "")
    return "request", f"with {signal} over {transport} refused with status {labels.get('code', '?')}"


def _rejected(labels: Labels) -> tuple[str, str]:
    signal, transport = labels.get("signal", ""), labels.get("transport", "")
    return "item", f"of {signal} over {transport} not stored; the answers say why"


def _lines(labels: Labels) -> tuple[str, str]:
    return "line", f"of log files not stored: {labels.get('reason', '?')}"


def _samples(labels: Labels) -> tuple[str, str]:
    return "sample", f"of {labels.get('job', '?')} not stored: {labels.get('reason', '?')}"


_TOLD: Mapping[str, Callable[[Labels], tuple[str, str]]] = {
    "obsctl_unknown_path_requests_total": _path,
    "obsctl_browser_requests_refused_total": _refused,
    "obsctl_wrong_protocol_connections_total": _protocol,
    "obsctl_requests_refused_total": _code,
    "obsctl_items_rejected_total": _rejected,
    "obsctl_log_lines_dropped_total": _lines,
    "obsctl_scrape_samples_dropped_total": _samples,
}
"""Counter -> what is counted, and what became of it."""
