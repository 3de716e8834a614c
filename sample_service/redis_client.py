"""The connection to Redis that queue and cache share."""

from __future__ import annotations

import redis
from opentelemetry.instrumentation.utils import suppress_instrumentation
from redis.backoff import NoBackoff
from redis.retry import Retry

from sample_service.metrics import ClientMetrics

RedisError = redis.RedisError
OPERATIONS = ("get", "set", "xadd", "multi", "ping")
TIMEOUT_SECONDS = 2.0


def connect(url: str) -> redis.Redis:
    """A client that connects when first used. It fails soon, and leaves retrying to whoever knows if that is safe."""
    return redis.Redis.from_url(
        url,
        protocol=2,  # one shape of replies on every server
        decode_responses=True,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=1.0,
        retry=Retry(NoBackoff(), 0),
    )


def check(client: redis.Redis, metrics: ClientMetrics) -> str:
    """Readiness: empty if Redis answers, else what is wrong."""
    try:
        with suppress_instrumentation(), metrics.time("ping"):
            client.ping()
    except RedisError as error:
        return type(error).__name__
    return ""
