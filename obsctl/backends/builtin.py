"""Our own server: one process that fills every role."""

from __future__ import annotations

from obsctl.backends.base import Backend, Served
from obsctl.endpoints import Dialect, Role

BUILTIN = Backend(
    name="backend",
    exposes=(
        "obsctl_*",
        "prometheus_rule_*",
        "prometheus_notifications_*",
        "traces_spanmetrics_*",
        "traces_service_graph_*",
    ),
    module="obsctl.embedded",
    serves=(
        Served(Role.OTLP_GRPC, Dialect.OTLP, "otlp_grpc"),
        Served(Role.OTLP_HTTP, Dialect.OTLP, "otlp_http", "/-/ready"),
        Served(Role.METRICS, Dialect.PROMQL, "prometheus", "/-/ready"),
        Served(Role.LOGS, Dialect.LOGQL, "loki", "/ready"),
        Served(Role.TRACES, Dialect.JAEGER, "jaeger", "/-/ready", when={"traces_dialect": Dialect.JAEGER}),
        Served(Role.TRACES, Dialect.TRACEQL, "traceql", "/ready", when={"traces_dialect": Dialect.TRACEQL}),
        Served(Role.ALERTS, Dialect.ALERTS, "alerts", "/-/ready", when={"alerts": "here"}),
        # to ask the port itself would start what answers there
        Served(Role.UI, Dialect.HTTP, "dashboards", "/-/ready", probe_port="prometheus"),
    ),
)
