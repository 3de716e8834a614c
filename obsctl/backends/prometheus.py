"""Prometheus: scrapes and stores metrics, evaluates rules, and answers PromQL."""

from __future__ import annotations

from dataclasses import replace

from obsctl.backends.base import Accepted, Backend, ConfigVariant, Served, WriteProtocol
from obsctl.endpoints import Dialect, Role

_COMMAND = (
    "--config.file=/etc/prometheus/prometheus.yml",
    "--storage.tsdb.path=/prometheus",
    "--storage.tsdb.retention.time=@{retention_age}",
    "--storage.tsdb.retention.size=@{retention_bytes}B",
    "--web.external-url=@{metrics_url}",
    "--web.route-prefix=/",
    "--web.enable-remote-write-receiver",  # the collector and Tempo write here
    "--enable-feature=exemplar-storage",  # from a metric to a trace; still off by default in 3.x
)

_VARIANT = ConfigVariant(
    user="65534:65534",  # nobody, as in the image
    memory=512,
    command=_COMMAND,
    mounts={"": "/etc/prometheus"},
    volumes={"prometheus-data": "/prometheus"},
    metrics=9090,
)

PROMETHEUS = Backend(
    name="prometheus",
    exposes=("prometheus_*",),
    purpose="Scrapes and stores metrics, evaluates rules, answers PromQL.",
    serves=(Served(Role.METRICS, Dialect.PROMQL, "prometheus", "/-/ready"),),
    accepts=(Accepted(Role.METRICS, WriteProtocol.REMOTE_WRITE, 9090, "/api/v1/write"),),
    scrapes=True,
    evaluates_rules=True,
    ports={"prometheus": 9090},
    when={"metrics": "prometheus"},
    variants={"2.40": _VARIANT, "2.55": replace(_VARIANT, scrape_headers="files")},
)
