"""The cache: embeddings by content, and results of finished matches. Losing it costs time, never correctness."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping

import redis

from sample_service.metrics import ClientMetrics
from sample_service.redis_client import RedisError

log = logging.getLogger(__name__)

EMBEDDING_SECONDS = 3600
RESULT_SECONDS = 3600


class Cache:
    """Values as JSON under bounded lifetimes. A cache that does not answer is a cache that knows nothing."""

    def __init__(self, client: redis.Redis, metrics: ClientMetrics) -> None:
        self._redis = client
        self._metrics = metrics

    def embedding(self, model: str, text: str) -> list[float] | None:
        """The embedding of ``text`` if it was kept."""
        found = self._get(_embedding_key(model, text))
        return found if isinstance(found, list) else None

    def keep_embedding(self, model: str, text: str, vector: list[float]) -> None:
        """Keep an embedding."""
        self._set(_embedding_key(model, text), vector, EMBEDDING_SECONDS)

    def result(self, job_id: str) -> dict[str, object] | None:
        """The result of a finished match if it was kept."""
        found = self._get(f"result:{job_id}")
        return found if isinstance(found, dict) else None

    def keep_result(self, job_id: str, result: Mapping[str, object]) -> None:
        """Keep the result of a finished match."""
        self._set(f"result:{job_id}", result, RESULT_SECONDS)

    def _get(self, key: str) -> object:
        try:
            with self._metrics.time("get"):
                found = self._redis.get(key)
        except RedisError:
            log.warning("cache: read failed", exc_info=True)
            return None
        return None if found is None else json.loads(str(found))

    def _set(self, key: str, value: object, seconds: int) -> None:
        try:
            with self._metrics.time("set"):
                self._redis.set(key, json.dumps(value), ex=seconds)
        except RedisError:
            log.warning("cache: write failed", exc_info=True)


def _embedding_key(model: str, text: str) -> str:
    return f"embedding:{model}:{hashlib.sha256(text.encode()).hexdigest()}"
