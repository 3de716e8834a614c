"""The endpoints of a stack that somebody else runs: each API with a cheap read that shows whether it answers."""

from __future__ import annotations

from collections.abc import Mapping

from obsctl.backends import dialect_of
from obsctl.endpoints import Dialect, Endpoint, Endpoints, Role
from obsctl.render.stack import component_endpoints
from obsctl.spec.remote import RemoteEndpoint, RemoteTraces
from obsctl.spec.stack import Stack

_DIALECTS: Mapping[Role, Dialect] = {
    Role.METRICS: Dialect.PROMQL,
    Role.LOGS: Dialect.LOGQL,
    Role.ALERTS: Dialect.ALERTS,
    Role.DASHBOARDS: Dialect.DASHBOARDS,
}
_PROBES: Mapping[Dialect, str] = {
    Dialect.PROMQL: "/api/v1/query?query=1",
    Dialect.LOGQL: "/loki/api/v1/query?query=vector(1)",
    Dialect.JAEGER: "/api/services",
    Dialect.TRACEQL: "/api/echo",
    Dialect.ALERTS: "/api/v2/status",
    Dialect.DASHBOARDS: "/api/health",
}
"""Behind gateways and Grafana's data source proxy ``/ready`` is seldom there; a query is."""


def remote_endpoints(stack: Stack) -> Endpoints:
    """Who answers for what in a stack with ``remote:``, then each component of each service."""
    asked = stack.remote.asked if stack.remote else ()
    return Endpoints((*(_endpoint(Role(name), remote) for name, remote in asked), *component_endpoints(stack)))


def _endpoint(role: Role, remote: RemoteEndpoint) -> Endpoint:
    dialect = Dialect(dialect_of(role.value, remote.api)) if isinstance(remote, RemoteTraces) else _DIALECTS[role]
    probe = f"{remote.url}{_PROBES[dialect]}"
    return Endpoint(role.value, role, remote.url, dialect, probe, lag=remote.lag, access=remote.access)
