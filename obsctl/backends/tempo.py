"""Tempo: stores traces on disk and answers TraceQL."""

from __future__ import annotations

from obsctl.backends.base import Accepted, Backend, ConfigVariant, Served, WriteProtocol
from obsctl.endpoints import Dialect, Role


def _variant() -> ConfigVariant:
    return ConfigVariant(
        user="10001:10001",
        memory=768,
        command=("-config.file=/etc/tempo/tempo.yaml",),
        mounts={"": "/etc/tempo"},
        volumes={"tempo-data": "/var/tempo"},
        metrics=3200,
    )


TEMPO = Backend(
    name="tempo",
    exposes=("tempo_*", "traces_spanmetrics_*", "traces_service_graph_*"),
    purpose="Stores traces, answers TraceQL, derives span metrics and the service graph.",
    # A search finds a trace once it is cut to a block: five seconds after its last span, at the next look for such.
    serves=(Served(Role.TRACES, Dialect.TRACEQL, "traceql", "/ready", lag=15.0),),
    accepts=(Accepted(Role.TRACES, WriteProtocol.OTLP_HTTP, 4318),),
    ports={"traceql": 3200},
    when={"traces": "tempo"},
    after=(Role.METRICS,),
    variants={"2.4": _variant(), "3.0": _variant()},
)
