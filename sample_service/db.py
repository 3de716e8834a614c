"""The relational database: tables, and the few statements that the service needs. SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from opentelemetry.instrumentation.utils import suppress_instrumentation
from sqlalchemy.schema import CreateTable

from sample_service import telemetry
from sample_service.metrics import ClientMetrics

OPERATIONS = ("select", "insert", "update")
WAIT_SECONDS = 2.0
"""Longest wait for a connection of the pool, and for another process's write lock on SQLite."""

DatabaseError = sa.exc.SQLAlchemyError

_schema = sa.MetaData()
_cvs = sa.Table(
    "cvs",
    _schema,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("email", sa.String(254), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)
_projects = sa.Table(
    "projects",
    _schema,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)
_matches = sa.Table(
    "matches",
    _schema,
    sa.Column("job_id", sa.String(36), primary_key=True),
    sa.Column("cv_id", sa.String(36), nullable=False),
    sa.Column("project_id", sa.String(36), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("score", sa.Integer),
    sa.Column("reason", sa.String(500)),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True)
class JobMatch:
    """A match job as stored. ``status`` is queued, done or failed; score (0 to 100) and reason come with done."""

    job_id: str
    cv_id: str
    project_id: str
    status: str
    score: int | None = None
    reason: str | None = None


class SampleDatabase:
    """Access to the tables. Every method runs one short transaction and raises ``DatabaseError``."""

    def __init__(self, url: str, metrics: ClientMetrics) -> None:
        self._engine = _engine(url)
        _measure(self._engine, metrics)
        telemetry.instrument_engine(self._engine)
        self._prepared = False
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Create the tables that are missing; does nothing once it has succeeded."""
        with self._lock, suppress_instrumentation():
            if self._prepared:
                return
            with self._engine.begin() as connection:
                for table in _schema.sorted_tables:
                    connection.execute(CreateTable(table, if_not_exists=True))
            self._prepared = True

    def check(self) -> str:
        """Readiness: empty if the database answers and has its tables, else what is wrong."""
        try:
            self.prepare()
            with suppress_instrumentation(), self._engine.connect() as connection:
                connection.execute(sa.text("SELECT 1"))
        except DatabaseError as error:
            return type(error).__name__
        return ""

    def add_cv(self, cv_id: str, name: str, email: str, text: str) -> None:
        """Store a CV."""
        self._write(_cvs.insert().values(id=cv_id, name=name, email=email, text=text, created_at=_now()))

    def add_project(self, project_id: str, title: str, text: str) -> None:
        """Store a project."""
        self._write(_projects.insert().values(id=project_id, title=title, text=text, created_at=_now()))

    def cv_text(self, cv_id: str) -> str | None:
        """The text of a CV, or None if there is no such CV."""
        return self._scalar(sa.select(_cvs.c.text).where(_cvs.c.id == cv_id))

    def project_text(self, project_id: str) -> str | None:
        """The text of a project, or None if there is no such project."""
        return self._scalar(sa.select(_projects.c.text).where(_projects.c.id == project_id))

    def has_cv(self, cv_id: str) -> bool:
        """Whether the CV exists."""
        return self._scalar(sa.select(_cvs.c.id).where(_cvs.c.id == cv_id)) is not None

    def has_project(self, project_id: str) -> bool:
        """Whether the project exists."""
        return self._scalar(sa.select(_projects.c.id).where(_projects.c.id == project_id)) is not None

    def add_match(self, match: JobMatch) -> None:
        """Store a new match."""
        now = _now()
        row = {**vars(match), "created_at": now, "updated_at": now}
        self._write(_matches.insert().values(**row))

    def match(self, job_id: str) -> JobMatch | None:
        """The match of that job, or None."""
        columns = (_matches.c[name] for name in JobMatch.__dataclass_fields__)
        with self._connection() as connection:
            row = connection.execute(sa.select(*columns).where(_matches.c.job_id == job_id)).one_or_none()
        return None if row is None else JobMatch(*row)

    def finish_match(self, job_id: str, score: int, reason: str) -> None:
        """Store a match's result."""
        self._update_match(job_id, status="done", score=score, reason=reason)

    def fail_match(self, job_id: str) -> None:
        """Note that a match was given up on."""
        self._update_match(job_id, status="failed")

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    def _update_match(self, job_id: str, **values: str | int) -> None:
        self._write(_matches.update().where(_matches.c.job_id == job_id).values(updated_at=_now(), **values))

    def _connection(self) -> sa.Connection:
        self.prepare()
        return self._engine.connect()

    def _write(self, statement: sa.Executable) -> None:
        with self._connection() as connection, connection.begin():
            connection.execute(statement)

    def _scalar(self, statement: sa.Select[str]) -> str | None:
        with self._connection() as connection:
            return connection.scalars(statement).one_or_none()


def _now() -> datetime:
    return datetime.now(UTC)


def _engine(url: str) -> sa.Engine:
    """An engine that fails soon rather than late, and whose errors never quote parameters."""
    parsed = sa.make_url(url)
    create = partial(sa.create_engine, hide_parameters=True, pool_timeout=WAIT_SECONDS, max_overflow=30)
    if parsed.get_backend_name() != "sqlite":
        return create(parsed, pool_pre_ping=True)
    path = Path(parsed.database or "cv_job_matching.db").absolute()
    # Span names hold the database's name: the file's name will do, the folders of this machine are nobody's business.
    engine = create(parsed.set(database=path.name), connect_args={"timeout": WAIT_SECONDS}, poolclass=sa.QueuePool)
    sa.event.listen(engine, "do_connect", _open_file(str(path)))
    sa.event.listen(engine, "connect", _tune_sqlite)
    return engine


def _open_file(path: str) -> Callable[..., None]:
    def do_connect(_dialect: object, _record: object, arguments: list[str], _options: object) -> None:
        arguments[0] = path

    return do_connect


def _tune_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Readers and one writer side by side, also across processes."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _measure(engine: sa.Engine, metrics: ClientMetrics) -> None:
    """Latency and errors of every statement, by its first word."""

    def before(_connection: object, _cursor: object, _statement: str, _values: object, context: Any, _: bool) -> None:
        context.started = time.perf_counter()

    def after(_connection: object, _cursor: object, statement: str, _values: object, context: Any, _: bool) -> None:
        metrics.observe(_operation(statement), time.perf_counter() - context.started)

    def failed(error: sa.ExceptionContext) -> None:
        operation = _operation(error.statement or "")
        started = getattr(error.execution_context, "started", None)
        if started is not None:
            metrics.observe(operation, time.perf_counter() - started)
        metrics.failed(operation)

    sa.event.listen(engine, "before_cursor_execute", before)
    sa.event.listen(engine, "after_cursor_execute", after)
    sa.event.listen(engine, "handle_error", failed)


def _operation(statement: str) -> str:
    word = statement.lstrip()[:6].lower()
    return word if word in OPERATIONS else "other"
