"""Jaeger: stores traces in memory and answers its query API."""

from __future__ import annotations

from obsctl.backends.base import Accepted, Backend, ConfigVariant, Served, WriteProtocol
from obsctl.endpoints import Dialect, Role

_USER = "10001:10001"
_MEMORY = 512
_UNTRACED = {"OTEL_TRACES_SAMPLER": "always_off"}
"""Without spans of its own: they are among those of the services, and it waits for them for ten seconds at its end."""

JAEGER = Backend(
    name="jaeger",
    exposes=("jaeger_*",),
    purpose="Stores traces (in memory: they are gone after a restart), answers trace queries.",
    serves=(Served(Role.TRACES, Dialect.JAEGER, "jaeger", "/"),),
    accepts=(Accepted(Role.TRACES, WriteProtocol.OTLP_HTTP, 4318),),
    ports={"jaeger": 16686},
    when={"traces": "jaeger"},
    variants={
        # Jaeger 1 needs no file; it takes OTLP on 4318 by default, and its own metrics are on the admin port.
        "1.35": ConfigVariant(
            user=_USER,
            memory=_MEMORY,
            command=("--memory.max-traces=@{max_traces}",),
            environment=_UNTRACED,
            metrics=14269,
        ),
        "2.0": ConfigVariant(
            user=_USER,
            memory=_MEMORY,
            command=("--config=/etc/jaeger/config.yaml",),
            environment=_UNTRACED,
            mounts={"": "/etc/jaeger"},
            metrics=8888,
        ),
    },
)
