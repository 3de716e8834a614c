"""What the user wants running: the values of ``obsctl.yaml``. Read by ``load``, never built from raw YAML elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from obsctl.errors import Place
from obsctl.spec.contract import Contract

RuntimeChoice = Literal["auto", "embedded", "docker"]

CONTAINER_PORTS: Mapping[str, int] = {
    "traceql": 3200,
    "dashboards": 3000,
    "shipper": 12345,
    "collector_health": 13133,
}
"""Ports that only a stack of containers listens on."""

DEFAULT_PORTS: Mapping[str, int] = {
    "otlp_grpc": 4317,
    "otlp_http": 4318,
    "prometheus": 9090,
    "loki": 3100,
    "jaeger": 16686,
    "redis": 6379,
    "api": 8000,
    "worker": 8001,
    "ai": 8002,
    "alerts": 9093,
    **CONTAINER_PORTS,
}
"""Every port a stack listens on, under the key that moves it in ``ports:``."""


@dataclass(frozen=True)
class Retention:
    """What the embedded runtime keeps: at most ``age`` seconds and ``size`` bytes."""

    age: float = 24 * 3600.0
    size: int = 2 * 1024**3


@dataclass(frozen=True)
class Choices:
    """How a stack of containers is made up. Empty or None leaves it to the preset.

    ``images`` maps a product to an image that replaces the preset's. ``registry`` is put before the preset's images,
    ``platform`` is such as ``linux/arm64``. ``log_ids`` says whether trace, span and request ids become structured
    metadata of log lines or labels; ``debug`` has the collector print what passes through it. ``alerting`` says whether
    there is an Alertmanager, ``dashboards`` whether there is a Grafana.
    """

    preset: str = "current"
    metrics: str = ""
    logs: str = ""
    traces: str = ""
    shipper: str = ""
    alerting: bool | None = None
    dashboards: bool = True
    images: Mapping[str, str] = field(default_factory=dict)
    registry: str = ""
    platform: str = ""
    log_ids: Literal["metadata", "labels"] = "metadata"
    debug: bool = False


@dataclass(frozen=True)
class Rise:
    """A metric that one driven request raises by exactly ``by`` (a counter's value, a histogram's count)."""

    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)
    by: int = 1


@dataclass(frozen=True)
class Step:
    """One request that ``verify`` may send.

    ``route`` is the route template, with ``{name}`` for values captured earlier; it is also the path, filled in.
    ``capture`` maps a name to a dotted path into the JSON answer. ``until`` repeats the request until the JSON answer
    has these values (dotted path -> value). ``rises`` holds for the step as a whole, not for each repetition.
    String values of ``body`` and ``headers`` may use ``{canary}`` (the run's PII marker), ``{nonce}`` (unique per run)
    and captured names.
    """

    id: str
    method: str
    route: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    expect: int = 200
    capture: Mapping[str, str] = field(default_factory=dict)
    until: Mapping[str, Any] = field(default_factory=dict)
    rises: tuple[Rise, ...] = ()


@dataclass(frozen=True)
class Component:
    """One process of a service: its ``service.name``, where it answers, and where its logs are.

    ``url`` has no path; ``metrics`` and ``ready`` are paths on it ("" for none). ``logs`` is a file glob, or "" where
    logs come by OTLP.
    """

    name: str
    url: str
    metrics: str = "/metrics"
    ready: str = "/readyz"
    logs: str = ""


@dataclass(frozen=True)
class Service:
    """A service under observation. ``run`` names a bundled service that obsctl starts itself, or is empty.

    ``scrape`` holds what the spec says of how its metrics are taken, in the words of Prometheus' scrape configuration.
    """

    name: str
    contract: Contract
    components: tuple[Component, ...]
    run: Literal["", "sample"] = ""
    drive: tuple[Step, ...] = ()
    scrape: Mapping[str, bool | int] = field(default_factory=dict)

    @property
    def entry(self) -> Component:
        """The component that driven requests go to: the first one."""
        return self.components[0]

    @property
    def logs_by_otlp(self) -> frozenset[str]:
        """The components whose logs are in no file that is known: what they have, they send."""
        in_files = {c.name for c in self.components if c.logs}
        return frozenset() if self.run else frozenset(self.contract.components) - in_files


@dataclass(frozen=True)
class Suppression:
    """A finding that is accepted: globs for its id and for what it is about, and why that is so."""

    id: str
    target: str
    reason: str
    place: Place


@dataclass(frozen=True)
class Inspected:
    """What ``check`` looks at besides the spec, and what it may take for granted.

    ``rules``, ``dashboards`` and ``scrapes`` are globs below the stack's folder. ``external`` are globs for metrics
    that come from elsewhere, ``labels`` are those that scraping adds to every series.
    """

    rules: tuple[str, ...] = ()
    dashboards: tuple[str, ...] = ()
    scrapes: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    suppressions: tuple[Suppression, ...] = ()


@dataclass(frozen=True)
class Stack:
    """The whole spec. ``folder`` is where ``obsctl.yaml`` is (or would be); state lives in ``folder/.obsctl``."""

    name: str
    folder: Path
    services: tuple[Service, ...]
    runtime: RuntimeChoice = "auto"
    bind: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_PORTS))
    port_offset: int = 0
    scrape_interval: float = 2.0
    retention: Retention = Retention()
    alerts_url: str = ""
    span_metrics: bool = True
    choices: Choices = Choices()
    check: Inspected = Inspected()
    source: Path | None = None

    def with_port_offset(self, offset: int) -> Stack:
        """The same stack with every port of it moved by ``offset``, the URLs of services it runs included."""
        ports = {name: port + offset for name, port in self.ports.items()}
        return replace(
            self,
            port_offset=self.port_offset + offset,
            ports=ports,
            services=tuple(_move(s, self.ports, ports) for s in self.services),
        )


def url_host(bind: str) -> str:
    """The host part of a URL that reaches a listener bound to ``bind``: a wildcard answers on loopback."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - compared, never bound
    return f"[{reachable}]" if ":" in reachable else reachable


def _move(service: Service, old: Mapping[str, int], new: Mapping[str, int]) -> Service:
    """A service that obsctl runs listens on the stack's ports; others keep the address their owner gave them."""
    if not service.run:
        return service
    moved = tuple(replace(c, url=c.url.removesuffix(f":{old[c.name]}") + f":{new[c.name]}") for c in service.components)
    return replace(service, components=moved)
