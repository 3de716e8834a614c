"""Grafana: dashboards over all signals, and the links between them."""

from __future__ import annotations

from collections.abc import Mapping

from obsctl.backends.base import Backend, ConfigVariant, Served
from obsctl.endpoints import Dialect, Role

DATA_SOURCES: Mapping[Dialect, str] = {
    Dialect.PROMQL: "prometheus",
    Dialect.LOGQL: "loki",
    Dialect.JAEGER: "jaeger",
    Dialect.TRACEQL: "tempo",
    Dialect.ALERTS: "alertmanager",
}
"""The type of Grafana's data source for each dialect."""

GRAFANA = Backend(
    name="grafana",
    exposes=("grafana_*",),
    purpose="Dashboards, and the way from one signal to the other.",
    serves=(Served(Role.DASHBOARDS, Dialect.DASHBOARDS, "dashboards", "/api/health"),),
    ports={"dashboards": 3000},
    when={"dashboards": "yes"},
    after=(Role.METRICS, Role.LOGS, Role.TRACES, Role.ALERTS),
    variants={
        "11.1": ConfigVariant(
            user="472:0",
            memory=512,
            environment={"GF_SECURITY_ADMIN_PASSWORD__FILE": "/run/secrets/grafana_admin_password"},
            mounts={"": "/etc/grafana"},
            volumes={"grafana-data": "/var/lib/grafana"},
            metrics=3000,
            secrets=("grafana_admin_password",),
            pids=512,
        ),
    },
)
