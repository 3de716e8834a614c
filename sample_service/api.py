"""The api process: takes CVs and projects, and puts match jobs on the queue."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode
from pydantic import BaseModel, ConfigDict, StringConstraints

from sample_service import db, jobs, redis_client
from sample_service.cache import Cache
from sample_service.config import Settings
from sample_service.db import DatabaseError, JobMatch, SampleDatabase
from sample_service.faults import API_FAULTS, Faults, add_fault_routes
from sample_service.http import ObservedApp, add_probes, expect_routes
from sample_service.jobs import Job
from sample_service.metrics import ClientMetrics, HttpMetrics, ProducerMetrics, new_registry
from sample_service.queue import Producer
from sample_service.redis_client import RedisError
from sample_service.request_context import bind
from sample_service.telemetry import instrument_fastapi, instrument_redis

log = logging.getLogger(__name__)

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]{1,64}@[^@\s]{1,189}$")]


class Body(BaseModel):
    """A request's body; fields that are not known are refused."""

    model_config = ConfigDict(extra="forbid")


class NewCv(Body):
    """A candidate's CV."""

    name: Line
    email: Email
    text: Text


class NewProject(Body):
    """A project that needs people."""

    title: Line
    text: Text


class NewMatch(Body):
    """The question how well a CV fits a project."""

    cv_id: uuid.UUID
    project_id: uuid.UUID


class Api:
    """The routes' handlers. They run in threads, since the clients they use block."""

    def __init__(self, database: SampleDatabase, producer: Producer, cache: Cache) -> None:
        self._database = database
        self._producer = producer
        self._cache = cache

    def add_cv(self, cv: NewCv) -> dict[str, str]:
        """Store a CV."""
        cv_id = str(uuid.uuid4())
        bind(cv_id=cv_id)
        self._database.add_cv(cv_id, cv.name, cv.email, cv.text)
        return {"cv_id": cv_id}

    def add_project(self, project: NewProject) -> dict[str, str]:
        """Store a project."""
        project_id = str(uuid.uuid4())
        bind(project_id=project_id)
        self._database.add_project(project_id, project.title, project.text)
        return {"project_id": project_id}

    def add_match(self, wanted: NewMatch) -> dict[str, str]:
        """Enqueue a job that matches a CV with a project."""
        cv_id, project_id = str(wanted.cv_id), str(wanted.project_id)
        bind(cv_id=cv_id, project_id=project_id)
        if not self._database.has_cv(cv_id):
            raise HTTPException(404, "There is no such CV.")
        if not self._database.has_project(project_id):
            raise HTTPException(404, "There is no such project.")
        job = Job(jobs.TYPE_MATCH, str(uuid.uuid4()), cv_id, project_id)
        bind(job_id=job.job_id)
        self._database.add_match(JobMatch(job.job_id, cv_id, project_id, "queued"))
        try:
            self._producer.enqueue(job)
        except RedisError:
            self._database.fail_match(job.job_id)
            raise
        return {"job_id": job.job_id, "status": "queued"}

    def get_match(self, job_id: uuid.UUID) -> dict[str, object]:
        """A match job and, once it is done, its result."""
        key = str(job_id)
        bind(job_id=key)
        kept = self._cache.result(key)
        if kept is not None:
            return kept
        match = self._database.match(key)
        if match is None:
            raise HTTPException(404, "There is no such job.")
        return vars(match)


def create_app(settings: Settings) -> ObservedApp:
    """The api with everything it needs, as an ASGI app."""
    instrument_redis()
    registry = new_registry()
    redis_metrics = ClientMetrics(registry, "redis", redis_client.OPERATIONS)
    client = redis_client.connect(settings.redis_url)
    database = SampleDatabase(settings.database_url, ClientMetrics(registry, "db", db.OPERATIONS))
    producer = Producer(client, redis_metrics, ProducerMetrics(registry, jobs.TYPES))
    faults = Faults(API_FAULTS, enabled=settings.faults)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()
        client.close()

    app = FastAPI(title="CV/job matching", docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan)
    _add_routes(app, Api(database, producer, Cache(client, redis_metrics)), faults)
    _add_error_handlers(app)
    redis_check = partial(redis_client.check, client, redis_metrics)
    add_probes(app, registry, {"database": database.check, "redis": redis_check})
    add_fault_routes(app, faults)
    http_metrics = HttpMetrics(registry)
    expect_routes(app.routes, http_metrics)
    instrument_fastapi(app)
    return ObservedApp(app, http_metrics)


def _add_routes(app: FastAPI, api: Api, faults: Faults) -> None:
    drills = [Depends(_injector(faults))]
    app.add_api_route("/cvs", api.add_cv, methods=["POST"], status_code=201, dependencies=drills)
    app.add_api_route("/projects", api.add_project, methods=["POST"], status_code=201, dependencies=drills)
    app.add_api_route("/matches", api.add_match, methods=["POST"], status_code=202, dependencies=drills)
    app.add_api_route("/matches/{job_id}", api.get_match, methods=["GET"], dependencies=drills)


def _injector(faults: Faults) -> Callable[[], Awaitable[None]]:
    """A dependency of routes: adds latency, and fails a share of the requests."""

    async def inject() -> None:
        await asyncio.sleep(faults.seconds())
        if faults.strikes("http_error_rate"):
            raise HTTPException(503, "This failure was asked for.")

    return inject


def _add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(DatabaseError, _unavailable)
    app.add_exception_handler(RedisError, _unavailable)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """422 that says what is wrong where, without quoting what was sent."""
    problems = error.errors() if isinstance(error, RequestValidationError) else ()
    return JSONResponse({"detail": [{key: p[key] for key in ("loc", "msg", "type")} for p in problems]}, 422)


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    """503 when the database or Redis failed."""
    kind = type(error).__name__
    trace.get_current_span().set_status(Status(StatusCode.ERROR, kind))
    log.error("a backing service failed", exc_info=error)
    return JSONResponse({"detail": "Storage is not available, try again later."}, 503, headers={"Retry-After": "1"})
