"""What a running stack *is*: roles, and who answers for each. Readers know these values and never a product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from obsctl.access.options import PLAIN, ComponentAccess


class Role(StrEnum):
    """What an endpoint is for."""

    OTLP_GRPC = "otlp-grpc"
    OTLP_HTTP = "otlp-http"
    METRICS = "metrics"  # answers metric queries
    LOGS = "logs"  # answers log queries
    TRACES = "traces"  # answers trace queries
    ALERTS = "alerts"  # takes and shows alerts
    DASHBOARDS = "dashboards"  # shows all of it to people
    UI = "ui"  # our own pages, which show all of it to people
    SHIPPER = "shipper"  # follows log files; answers nothing but its probe
    SERVICE = "service"  # a component of an observed service


class Dialect(StrEnum):
    """The wire API an endpoint speaks."""

    OTLP = "otlp"
    PROMQL = "promql"  # Prometheus HTTP API
    LOGQL = "logql"  # Loki HTTP API
    JAEGER = "jaeger"  # Jaeger query API, v3 and v1
    TRACEQL = "traceql"  # Tempo HTTP API
    ALERTS = "alerts"  # Alertmanager API v2
    DASHBOARDS = "dashboards"  # Grafana HTTP API
    HTTP = "http"


class Feature(StrEnum):
    """A part of a dialect that some servers of it leave out."""

    EXEMPLARS = "exemplars"  # Prometheus HTTP API: query_exemplars answers what was scraped
    NANOSECONDS = "nanoseconds"  # Jaeger query API: v3, whose times are not cut to microseconds
    ATTRIBUTE_TYPES = "attribute_types"  # Jaeger query API: numbers and truth values stay what they are, not texts
    STATUS_OK = "status_ok"  # Jaeger query API: a span whose status is ok is told from one that has none


@dataclass(frozen=True)
class Endpoint:
    """One role of a running stack.

    ``name`` is unique in a stack. ``probe`` is a URL that answers 200 when the endpoint is ready; empty means that an
    open port is all there is to see. ``url`` has no trailing slash, and may have a path; for gRPC it is
    ``http://host:port``. ``without`` names the features of the dialect that the server is known not to have. ``lag`` is
    how many seconds may pass until what is written to it is found. ``access`` is how requests to it are made.
    """

    name: str
    role: Role
    url: str
    dialect: Dialect
    probe: str = ""
    without: tuple[Feature, ...] = ()
    lag: float = 0.0
    access: ComponentAccess = field(default=PLAIN, hash=False)


@dataclass(frozen=True)
class Endpoints:
    """All endpoints of a stack, in the order in which they are shown."""

    all: tuple[Endpoint, ...] = ()

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self.all)

    def first(self, role: Role) -> Endpoint | None:
        """The endpoint that fills a role, or None where the stack has none."""
        return next((e for e in self.all if e.role is role), None)

    def named(self, name: str) -> Endpoint | None:
        """The endpoint of that name."""
        return next((e for e in self.all if e.name == name), None)
