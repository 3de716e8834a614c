"""What a service was heard to send: what a draft says of its traces, log lines and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from obsctl.spec.contract import Edge, MetricType


@dataclass(frozen=True)
class Observed:
    """A metric as it was scraped. ``labels`` are those of its series without ``le`` and ``quantile``.

    ``series`` is how many there are, a histogram's bucket series counted; 0 for one that has a type but no series yet.
    """

    name: str
    type: MetricType
    brief: str = ""
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    series: int = 0


@dataclass(frozen=True)
class HeardSpan:
    """A span that every trace of a request had; ``attributes`` are those that it always carried, with a value."""

    component: str
    kind: str
    name: str
    attributes: tuple[str, ...]
    times: int


@dataclass(frozen=True)
class HeardRequest:
    """A request to the first component, as its server spans tell it. ``times`` is how often it was seen.

    ``status`` is the most frequent HTTP status, 0 where no span said one. Components and edges are those that every one
    of its traces had. ``route`` may hold ``{names}``.
    """

    method: str
    route: str
    times: int
    status: int
    components: tuple[str, ...]
    edges: tuple[Edge, ...] = ()
    spans: tuple[HeardSpan, ...] = ()
    traces: frozenset[str] = frozenset()

    @property
    def drivable(self) -> bool:
        """Whether it may be sent as it is: it changes nothing, needs no name filled in, and went well."""
        return self.method == "GET" and not {"{", "*"} & {*self.route} and self.status // 100 == 2

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


@dataclass(frozen=True)
class HeardLogs:
    """Fields that each of ``lines`` had, which belong to traces of requests, and the components that wrote them."""

    fields: tuple[str, ...]
    components: tuple[str, ...]
    lines: int


@dataclass(frozen=True)
class Sent:
    """A metric that a component sent by OTLP, under its Prometheus name."""

    component: str
    metric: Observed


@dataclass(frozen=True)
class Heard:
    """Everything that came. The first of ``components`` is the one that requests enter by.

    ``told`` says how much came of each. ``personal`` counts attributes that may tell who somebody is, ``links`` the
    links between spans of different components. ``request_id_header`` is the one that comes back, "" for none.
    ``unnamed`` are services whose name no contract can have.
    """

    components: tuple[str, ...]
    told: Mapping[str, str] = field(default_factory=dict)
    requests: tuple[HeardRequest, ...] = ()
    logs: HeardLogs | None = None
    personal: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[Edge, int] = field(default_factory=dict)
    metrics: tuple[Sent, ...] = ()
    request_id_header: str = ""
    unnamed: tuple[str, ...] = ()
