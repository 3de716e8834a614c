"""OpenTelemetry Collector: telemetry of the services comes in here, is scrubbed, and goes on to the backends."""

from __future__ import annotations

from obsctl.backends.base import Backend, ConfigVariant, Served
from obsctl.endpoints import Dialect, Role

MEMORY = 512
_COMMAND = ("--config=/etc/otelcol/config.yaml",)
_MOUNTS = {"": "/etc/otelcol"}
_USER = "10001:10001"  # the image is built from scratch: no shell, nothing that could run a health check
_ENVIRONMENT = {
    "GOMEMLIMIT": f"{MEMORY * 8 // 10}MiB",
    "TRACES_ENDPOINT": "@{traces_otlp_http}",
    "METRICS_ENDPOINT": "@{metrics_remote_write}",
}

OTEL_COLLECTOR = Backend(
    name="otel-collector",
    exposes=("otelcol_*",),
    purpose="Takes OTLP from the services, removes what must not be stored, and passes it on.",
    product="collector",
    serves=(
        Served(Role.OTLP_GRPC, Dialect.OTLP, "otlp_grpc", "/", "collector_health"),
        Served(Role.OTLP_HTTP, Dialect.OTLP, "otlp_http", "/", "collector_health"),
    ),
    ports={"otlp_grpc": 4317, "otlp_http": 4318, "collector_health": 13133},
    after=(Role.TRACES, Role.METRICS, Role.LOGS),
    variants={
        # The core distribution: no transform processor, and no way to Loki, which takes OTLP only from 3.0 on.
        "0.98": ConfigVariant(
            user=_USER,
            memory=MEMORY,
            command=_COMMAND,
            environment=_ENVIRONMENT,
            mounts=_MOUNTS,
            metrics=8888,
        ),
        # Here the address of its own metrics moved, and exporters were renamed one after the other.
        "0.123": None,
        # The contrib distribution, with all of the new names.
        "0.154": ConfigVariant(
            user=_USER,
            memory=MEMORY,
            command=_COMMAND,
            environment={**_ENVIRONMENT, "LOGS_ENDPOINT": "@{logs_otlp_http}"},
            mounts=_MOUNTS,
            metrics=8888,
            takes_logs=True,
        ),
    },
)
