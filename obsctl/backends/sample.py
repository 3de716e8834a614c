"""The bundled sample service as containers: one image, one container for each component."""

from __future__ import annotations

from obsctl.backends.base import DATA_NETWORK, DEFAULT_NETWORK, Backend, ConfigVariant
from obsctl.endpoints import Role

SAMPLE = Backend(
    name="sample",
    purpose="The sample service: HTTP API, worker and AI provider.",
    when={"sample": "yes"},
    networks=(DEFAULT_NETWORK, DATA_NETWORK),
    ports={"api": 8000, "worker": 8001, "ai": 8002},
    after=("postgres", "redis", "qdrant", Role.OTLP_GRPC),
    variants={
        "0": ConfigVariant(
            user="10001:10001",
            memory=384,
            command=("@{component}",),
            environment={
                "HOST": "0.0.0.0",  # noqa: S104 - inside its own network; published on the stack's address alone
                "API_PORT": "8000",
                "WORKER_PORT": "8001",
                "AI_PORT": "8002",
                "AI_BASE_URL": "http://ai:8002",
                "DATABASE_URL": "postgresql+psycopg://sample@postgres:5432/sample",
                "REDIS_URL": "redis://redis:6379/0",
                "QDRANT_URL": "http://qdrant:6333",
                "LOG_FILE": "/var/log/sample/@{component}.log",
                "OTEL_SERVICE_NAME": "@{component}",
                "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=@{namespace}",
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://@{otlp_grpc_address}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_BSP_SCHEDULE_DELAY": "200",
            },
            volumes={"logs": "/var/log/sample"},
        ),
    },
)
