"""What was observed of a service: its traces, log lines and metrics, as a draft states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from obsctl.spec.contract import Edge, MetricType


@dataclass(frozen=True)
class ObservedMetric:
    """A metric as it was scraped or stored. ``labels`` are those of its series without ``le`` and ``quantile``.

    ``optional`` are those labels that some series lack. ``unfit`` is why no contract can state it, "" if one can.
    ``pairs`` are the labels of its series, each set once. ``exemplars``: whether one led to a request that was seen.
    ``series`` is how many there are, a histogram's bucket series counted; 0 for one that has a type but no series yet.
    """

    name: str
    type: MetricType
    brief: str = ""
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    series: int = 0
    optional: frozenset[str] = frozenset()
    unfit: str = ""
    pairs: frozenset[tuple[tuple[str, str], ...]] = field(default=frozenset(), compare=False, repr=False)
    exemplars: bool = False


@dataclass(frozen=True)
class ObservedSpan:
    """A span that every trace of a request has. ``attributes`` are the keys that it always carries with a value."""

    component: str
    kind: str
    name: str
    attributes: tuple[str, ...]
    times: int


@dataclass(frozen=True)
class ObservedRequest:
    """A request to the first component, as its server spans describe it. ``times`` is how often it was observed.

    ``status`` is the most frequent HTTP status, 0 where no span said one. Components and edges are those that every one
    of its traces had. ``route`` may hold ``{names}``. ``ports`` are those that its spans say it was sent to.
    """

    method: str
    route: str
    times: int
    status: int
    components: tuple[str, ...]
    edges: tuple[Edge, ...] = ()
    spans: tuple[ObservedSpan, ...] = ()
    traces: frozenset[str] = frozenset()
    ports: frozenset[int] = frozenset()

    @property
    def safe_to_send(self) -> bool:
        """Whether ``verify`` may send it as it is: a GET whose route has no placeholder, and which was answered 2xx."""
        return self.method == "GET" and not {"{", "*"} & {*self.route} and self.status // 100 == 2

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


@dataclass(frozen=True)
class ObservedLogs:
    """The fields that each of ``lines`` log lines of traced requests has, and the components that wrote the lines."""

    fields: tuple[str, ...]
    components: tuple[str, ...]
    lines: int


@dataclass(frozen=True)
class ReceivedMetric:
    """A metric that a component sent by OTLP, under its Prometheus name."""

    component: str
    metric: ObservedMetric


@dataclass(frozen=True)
class ObservedTraffic:
    """Everything that services sent while they were observed. Requests enter by the first of ``components``.

    ``received`` says how much each component sent. ``personal`` counts attributes that may identify a person, ``links``
    the links between spans of different components. ``request_id_header`` is the header that the service sends back, ""
    for none. ``unnamed`` are services whose name no contract can have. ``reachable`` says whether it is known where the
    requests can be sent, ``logs_left`` why log lines that came are left out.
    """

    components: tuple[str, ...]
    received: Mapping[str, str] = field(default_factory=dict)
    requests: tuple[ObservedRequest, ...] = ()
    logs: ObservedLogs | None = None
    personal: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[Edge, int] = field(default_factory=dict)
    metrics: tuple[ReceivedMetric, ...] = ()
    stored_forms: Mapping[str, str] = field(default_factory=dict)
    """Form of personal data or of a secret -> where it was stored."""
    request_id_header: str = ""
    unnamed: tuple[str, ...] = ()
    reachable: bool = True
    logs_left: str = ""
