"""Descriptions of the products a stack can be made of. No I/O, no behaviour."""

from __future__ import annotations

from obsctl.backends.alertmanager import ALERTMANAGER
from obsctl.backends.alloy import ALLOY
from obsctl.backends.base import ROLE_OPTIONS, Accepted, Backend, ConfigVariant, Served, WriteProtocol
from obsctl.backends.builtin import BUILTIN
from obsctl.backends.grafana import DATA_SOURCES, GRAFANA
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
from obsctl.backends.victoriametrics import VICTORIAMETRICS, VMALERT
from obsctl.backends.victoriatraces import VICTORIATRACES
from obsctl.endpoints import Dialect

CONTAINERS: tuple[Backend, ...] = (
    *(OTEL_COLLECTOR, PROMETHEUS, LOKI, JAEGER, TEMPO, ALERTMANAGER, ALLOY, PROMTAIL, GRAFANA),
    *(VICTORIAMETRICS, VMALERT, VICTORIATRACES),
    *(POSTGRES, REDIS, QDRANT),
)
"""Products that come as containers, in the order in which they are listed."""

BACKENDS: tuple[Backend, ...] = (BUILTIN, *CONTAINERS)


def dialect_of(option: str, choice: str) -> Dialect:
    """The dialect of the role that ``option`` (a key of ROLE_OPTIONS) gives to the backend that is its ``choice``."""
    role = ROLE_OPTIONS[option]
    chosen = (backend for backend in CONTAINERS if backend.when.get(option) == choice)
    return next(served.dialect for backend in chosen for served in backend.serves if served.role is role)


__all__ = [
    "ALERTMANAGER",
    "BACKENDS",
    "BUILTIN",
    "CONTAINERS",
    "DATA_SOURCES",
    "ROLE_OPTIONS",
    "SAMPLE",
    "Accepted",
    "Backend",
    "ConfigVariant",
    "Served",
    "WriteProtocol",
    "dialect_of",
]
