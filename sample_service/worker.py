"""The worker process: the job loop with everything it needs, beside a small HTTP server for its probes."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sample_service import ai_client, db, jobs, redis_client, vectors
from sample_service.ai_client import AiClient
from sample_service.cache import Cache
from sample_service.config import Settings
from sample_service.db import SampleDatabase
from sample_service.faults import WORKER_FAULTS, Faults, InjectedFaultError, add_fault_routes
from sample_service.http import ObservedApp, add_probes, expect_routes
from sample_service.job_loop import JobLoop
from sample_service.jobs import Job, RetryPolicy
from sample_service.matching import JobMatcher
from sample_service.metrics import AiMetrics, ClientMetrics, HttpMetrics, WorkerMetrics, new_registry
from sample_service.queue import Consumer
from sample_service.telemetry import instrument_redis
from sample_service.vectors import VectorStore


def create_app(settings: Settings) -> ObservedApp:
    """The worker as an ASGI app. Its jobs run while the app does."""
    instrument_redis()
    registry = new_registry()
    redis_metrics = ClientMetrics(registry, "redis", redis_client.OPERATIONS)
    client = redis_client.connect(settings.redis_url)
    database = SampleDatabase(settings.database_url, ClientMetrics(registry, "db", db.OPERATIONS))
    matcher = _matcher(settings, registry, database, Cache(client, redis_metrics))
    faults = Faults(WORKER_FAULTS, enabled=settings.faults)
    loop = JobLoop(
        consumer=Consumer(client, redis_metrics, _consumer_name(), settings.job_visibility),
        run_job=_with_faults(matcher.run, faults),
        give_up=lambda job: database.fail_match(job.job_id),
        metrics=WorkerMetrics(registry, jobs.TYPES),
        policy=RetryPolicy(settings.job_attempts, settings.job_backoff),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loop.start()
        matcher.vectors.warm()
        yield
        loop.stop()
        for held in (matcher.ai, database, client):
            held.close()

    app = Starlette(lifespan=lifespan, exception_handlers={HTTPException: _json_error})
    redis_check = partial(redis_client.check, client, redis_metrics)
    add_probes(app, registry, {"database": database.check, "redis": redis_check, "jobs": loop.check})
    add_fault_routes(app, faults)
    http_metrics = HttpMetrics(registry)
    expect_routes(app.routes, http_metrics)
    return ObservedApp(app, http_metrics)


def _matcher(settings: Settings, registry: CollectorRegistry, database: SampleDatabase, cache: Cache) -> JobMatcher:
    """What runs match jobs, with its own clients for vectors and AI."""
    ai_metrics = AiMetrics(registry, settings.ai_provider, ai_client.OPERATIONS)
    return JobMatcher(
        database=database,
        cache=cache,
        vectors=VectorStore(
            settings.qdrant_url, settings.qdrant_path, ClientMetrics(registry, "qdrant", vectors.OPERATIONS)
        ),
        ai=AiClient(settings.ai_base_url, settings.ai_provider, settings.ai_api_key, settings.ai_timeout, ai_metrics),
        chat_model=settings.ai_chat_model,
        embedding_model=settings.ai_embedding_model,
    )


def _with_faults(run_job: Callable[[Job], None], faults: Faults) -> Callable[[Job], None]:
    def run(job: Job) -> None:
        if faults.strikes("job_failure_rate"):
            raise InjectedFaultError("job_failure_rate")
        run_job(job)

    return run


def _consumer_name() -> str:
    """Unique among workers; says nothing about the machine."""
    return f"worker-{os.getpid()}-{uuid.uuid4().hex[:8]}"


async def _json_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)
