"""VictoriaTraces: stores traces on disk and answers the part of Jaeger's query API that its pages use."""

from __future__ import annotations

from obsctl.backends.base import Accepted, Backend, ConfigVariant, Served, WriteProtocol
from obsctl.endpoints import Dialect, Feature, Role

VICTORIATRACES = Backend(
    name="victoriatraces",
    exposes=("vt_*", "vl_*"),
    purpose="Stores traces on disk, answers trace queries.",
    serves=(
        Served(
            *(Role.TRACES, Dialect.JAEGER, "jaeger", "/health"),
            path="/select/jaeger",
            without=(Feature.NANOSECONDS, Feature.ATTRIBUTE_TYPES, Feature.STATUS_OK),
        ),
    ),
    accepts=(Accepted(Role.TRACES, WriteProtocol.OTLP_HTTP, 10428, "/insert/opentelemetry"),),
    ports={"jaeger": 10428},
    when={"traces": "victoriatraces"},
    variants={
        "0.1": ConfigVariant(
            user="65534:65534",
            memory=512,
            command=("-storageDataPath=/var/tmp/victoria-traces", "-retentionPeriod=@{retention_hours}h"),
            # The image has no folder of its own for data; this one of Alpine's is open to every user.
            volumes={"victoriatraces-data": "/var/tmp"},  # noqa: S108 - inside a container
            metrics=10428,
        ),
    },
)
