"""Tempo: stores traces on disk and answers TraceQL."""

from __future__ import annotations

from obsctl.backends.base import Backend, Edition, Served
from obsctl.endpoints import Dialect, Role

TEMPO = Backend(
    name="tempo",
    exposes=("tempo_*", "traces_spanmetrics_*", "traces_service_graph_*"),
    purpose="Stores traces, answers TraceQL, derives span metrics and the service graph.",
    serves=(Served(Role.TRACES, Dialect.TRACEQL, "traceql", "/ready"),),
    ports={"traceql": 3200},
    when={"traces": "tempo"},
    after=("prometheus",),
    editions={
        "2.4": Edition(
            user="10001:10001",
            memory=768,
            command=("-config.file=/etc/tempo/tempo.yaml",),
            mounts={"": "/etc/tempo"},
            volumes={"tempo-data": "/var/tempo"},
            metrics=3200,
        ),
    },
)
