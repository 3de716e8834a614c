"""Descriptions of the products a stack can be made of. No I/O, no behaviour."""

from __future__ import annotations

from obsctl.backends.alertmanager import ALERTMANAGER
from obsctl.backends.alloy import ALLOY
from obsctl.backends.base import Backend, Edition, Served
from obsctl.backends.builtin import BUILTIN
from obsctl.backends.grafana import GRAFANA
from obsctl.backends.jaeger import JAEGER
from obsctl.backends.loki import LOKI
from obsctl.backends.otel_collector import OTEL_COLLECTOR
from obsctl.backends.postgres import POSTGRES
from obsctl.backends.prometheus import PROMETHEUS
from obsctl.backends.promtail import PROMTAIL
from obsctl.backends.qdrant import QDRANT
from obsctl.backends.redis import REDIS
from obsctl.backends.sample import SAMPLE
from obsctl.backends.tempo import TEMPO

CONTAINERS: tuple[Backend, ...] = (
    *(OTEL_COLLECTOR, PROMETHEUS, LOKI, JAEGER, TEMPO, ALERTMANAGER, ALLOY, PROMTAIL, GRAFANA),
    *(POSTGRES, REDIS, QDRANT),
)
"""Products that come as containers, in the order in which they are listed."""

BACKENDS: tuple[Backend, ...] = (BUILTIN, *CONTAINERS)

__all__ = ["ALERTMANAGER", "BACKENDS", "BUILTIN", "CONTAINERS", "SAMPLE", "Backend", "Edition", "Served"]
